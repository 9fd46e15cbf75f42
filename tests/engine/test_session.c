/* Sessions on a tiny model: one outcome whatever the batch, the threads, the cut of the prefill,
 * the order of the requests and the backend; and what a session refuses. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/session.h"
#include "crypto/digest.h"
#include "model/model_parse.h"

enum { PROMPTS = 5, REPLICATES = 4, PROFILES = 4, SAMPLES = PROMPTS * PROFILES * REPLICATES };

static const struct assay_profile profiles[PROFILES] = {
    {"cool", 300, 950, 0, 0, 1000, ASSAY_DRAW_STRAT},
    {"warm", 1000, 1000, 20, 0, 1100, ASSAY_DRAW_LHS},
    {"all", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_LATTICE},
    {"greedy", 0, 1000, 0, 50, 1300, ASSAY_DRAW_IID}};
static const char *const stops[] = {"ab", "z"};

struct fixture {
    struct assay_bytes image;
    struct assay_model *model;
};

static void open_model_of(struct fixture *fixture, const char *architecture, enum assay_dtype dtype)
{
    struct assay_test_gguf_options options = {
        .architecture = architecture, .dtype = dtype, .seed = 7};
    if (architecture) { /* heads of another size than width/heads, layers with a window and without
                         */
        options.layers = 6;
        options.head_dim = 32;
        options.window = 40;
    }
    struct assay_error err;
    *fixture = (struct fixture){.model = NULL};
    check_ok(assay_test_gguf(&fixture->image, &options, &err), &err);
    check_ok(assay_model_parse(&fixture->model, fixture->image.data, fixture->image.size, &err),
             &err);
}

static void open_model(struct fixture *fixture, enum assay_dtype dtype)
{
    open_model_of(fixture, NULL, dtype);
}

static void close_model(struct fixture *fixture)
{
    assay_model_close(fixture->model);
    assay_bytes_fini(&fixture->image);
}

/* Prompts that begin alike, some longer than a page of 64 positions. */
static size_t make_prompt(uint32_t *tokens, unsigned index)
{
    size_t count = 20 + 37 * index;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = ASSAY_TEST_FIRST_BYTE + (uint32_t)(i < 70 ? i % 50 : (i * (index + 3)) % 90);
    }
    return count;
}

static void submit(struct assay_session *session, unsigned prompt, unsigned profile)
{
    uint32_t tokens[512];
    struct assay_sample_request samples[REPLICATES];
    struct assay_error err;
    struct assay_digest key =
        assay_group_key((const uint8_t *)"s", 1, NULL, 0, (struct assay_span){&"abcde"[prompt], 1},
                        (struct assay_span){&"wxyz"[profile], 1});
    for (uint32_t r = 0; r < REPLICATES; r++) {
        samples[r] =
            (struct assay_sample_request){.tag = (prompt * PROFILES + profile) * REPLICATES + r,
                                          .profile = &profiles[profile],
                                          .replicates = REPLICATES,
                                          .sets = 2,
                                          .replicate = r,
                                          .group_key = key};
    }
    struct assay_request request = {.prompt = tokens,
                                    .prompt_count = make_prompt(tokens, prompt),
                                    .max_tokens = 30,
                                    .stops = stops,
                                    .stop_count = 2,
                                    .sample_count = REPLICATES,
                                    .samples = samples};
    check_ok(assay_session_submit(session, &request, &err), &err);
}

static struct assay_digest digest_sample(const struct assay_sample *sample)
{
    struct assay_sha256 state;
    uint8_t finish = (uint8_t)sample->finish;
    assay_sha256_init(&state);
    assay_sha256_field(&state, &finish, 1);
    assay_sha256_field(&state, sample->cell_key.bytes, sizeof sample->cell_key.bytes);
    assay_sha256_field(&state, sample->tokens, sample->token_count * sizeof *sample->tokens);
    assay_sha256_field(&state, sample->log_probs, sample->token_count * sizeof *sample->log_probs);
    assay_sha256_field(&state, sample->text.data, sample->text.size);
    return assay_sha256_final(&state);
}

/* All samples of all prompts, in the order of their tags. */
static struct assay_digest run(const struct assay_model *model, const char *backend, uint32_t batch,
                               uint32_t threads, uint32_t prefill_rows, unsigned step, bool kv_f32)
{
    static struct assay_digest digests[SAMPLES];
    struct assay_session_options options = {.batch = batch,
                                            .threads = threads,
                                            .prefill_rows = prefill_rows,
                                            .context = 256,
                                            .kv_f32 = kv_f32};
    struct assay_session *session;
    struct assay_sample sample;
    struct assay_error err;
    unsigned taken = 0, submitted = 0;
    check_ok(assay_backend_find(&options.backend, backend, &err), &err);
    check_ok(assay_session_open(&session, model, &options, &err), &err);
    do {
        while (submitted < PROMPTS * PROFILES && assay_session_wants(session)) {
            unsigned group = submitted++ * step % (PROMPTS * PROFILES);
            submit(session, group / PROFILES, group % PROFILES);
        }
        check_ok(assay_session_step(session, &err), &err);
        while (assay_session_take(session, &sample)) {
            assert_true(sample.tag < SAMPLES && sample.token_count >= 1);
            digests[sample.tag] = digest_sample(&sample);
            taken++;
        }
    } while (submitted < PROMPTS * PROFILES || !assay_session_idle(session));
    assert_int_equal(taken, SAMPLES);
    assay_session_close(session);
    return assay_sha256_of(digests, sizeof digests);
}

static void one_outcome(void **state)
{
    static const struct {
        const char *backend;
        uint32_t batch, threads, prefill_rows;
        unsigned step; /* order of the groups: i·step mod their number */
    } rows[] = {{"ref", 1, 1, 512, 1}, {"auto", 1, 1, 512, 1},  {"auto", 3, 2, 7, 1},
                {"auto", 64, 2, 1, 7}, {"auto", 64, 1, 512, 3}, {"auto", 5, 3, 64, 11},
                {"ref", 64, 2, 33, 9}};
    static const enum assay_dtype dtypes[] = {ASSAY_DTYPE_F16, ASSAY_DTYPE_Q4_1};
    (void)state;
    struct assay_digest before = {{0}};
    for (size_t d = 0; d < 2 * COUNT_OF(dtypes); d++) {
        struct fixture fixture;
        bool kv_f32 = d % 2 == 1;
        open_model(&fixture, dtypes[d / 2]);
        struct assay_digest first = run(fixture.model, "ref", 2, 1, 16, 1, kv_f32);
        assert_false(assay_digest_equal(&first, &before)); /* the other width is another one */
        before = first;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct assay_digest digest =
                run(fixture.model, rows[i].backend, rows[i].batch, rows[i].threads,
                    rows[i].prefill_rows, rows[i].step, kv_f32);
            if (!assay_digest_equal(&digest, &first)) {
                fail_msg("%s, f32 %d, row %zu differs", assay_dtype_name(dtypes[d / 2]), kv_f32, i);
            }
        }
        close_model(&fixture);
    }
}

/* The same for every architecture's pass, on fewer rows. */
static void one_outcome_each(void **state)
{
    static const char *const architectures[] = {"llama", "qwen2", "qwen3", "gemma3"};
    struct assay_digest before = {{0}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(architectures); i++) {
        struct fixture fixture;
        open_model_of(&fixture, architectures[i], ASSAY_DTYPE_Q8_0);
        struct assay_digest first = run(fixture.model, i == 3 ? "ref" : "auto", 4, 1, 16, 1, false);
        struct assay_digest second = run(fixture.model, "auto", 3, 2, 7, 1, false);
        struct assay_digest third = run(fixture.model, "auto", 64, 2, 512, 7, false);
        if (!assay_digest_equal(&first, &second) || !assay_digest_equal(&first, &third)) {
            fail_msg("%s differs", architectures[i]);
        }
        assert_false(assay_digest_equal(&first, &before));
        before = first;
        close_model(&fixture);
    }
}

/* One sample of a prompt of `count` tokens; its texts live until the session is closed. */
static struct assay_sample run_one(struct assay_session *session, size_t count, uint32_t max_tokens,
                                   const char *const *one_stop)
{
    uint32_t prompt[64];
    struct assay_sample out = {.tag = 99};
    struct assay_error err;
    struct assay_sample_request sample = {
        .profile = &profiles[2], .replicates = 1, .sets = 1, .replicate = 0};
    for (size_t i = 0; i < count; i++) prompt[i] = ASSAY_TEST_FIRST_BYTE + (uint32_t)(i % 7);
    struct assay_request request = {.prompt = prompt,
                                    .prompt_count = count,
                                    .max_tokens = max_tokens,
                                    .stops = one_stop,
                                    .stop_count = one_stop ? 1 : 0,
                                    .sample_count = 1,
                                    .samples = &sample};
    check_ok(assay_session_submit(session, &request, &err), &err);
    while (!assay_session_take(session, &out)) check_ok(assay_session_step(session, &err), &err);
    return out;
}

static struct assay_session *open_small(struct fixture *fixture, uint32_t context)
{
    struct assay_session_options options = {
        .batch = 2, .threads = 1, .prefill_rows = 8, .context = context};
    struct assay_session *session = NULL;
    struct assay_error err;
    open_model(fixture, ASSAY_DTYPE_F32);
    check_ok(assay_backend_find(&options.backend, "auto", &err), &err);
    check_ok(assay_session_open(&session, fixture->model, &options, &err), &err);
    return session;
}

/* An output that fills the context says so; a prompt that does is refused. Nothing is cut. */
static void context_is_an_outcome(void **state)
{
    static const struct {
        size_t prompt;
        uint32_t max_tokens;
        size_t tokens;
        enum assay_finish finish;
    } rows[] = {{30, 9, 9, ASSAY_FINISH_LENGTH},    {30, 10, 10, ASSAY_FINISH_LENGTH},
                {30, 11, 10, ASSAY_FINISH_CONTEXT}, {30, UINT32_MAX, 10, ASSAY_FINISH_CONTEXT},
                {39, 5, 1, ASSAY_FINISH_CONTEXT},   {39, 1, 1, ASSAY_FINISH_LENGTH}};
    struct fixture fixture;
    struct assay_session *session = open_small(&fixture, 40);
    struct assay_sample_request sample = {.profile = &profiles[0], .replicates = 1, .sets = 1};
    uint32_t prompt[41] = {0};
    struct assay_error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_sample got = run_one(session, rows[i].prompt, rows[i].max_tokens, NULL);
        assert_int_equal(got.finish, rows[i].finish);
        assert_int_equal(got.token_count, rows[i].tokens);
    }
    for (size_t count = 40; count <= 41; count++) {
        struct assay_request request = {.prompt = prompt,
                                        .prompt_count = count,
                                        .max_tokens = 1,
                                        .sample_count = 1,
                                        .samples = &sample};
        check_refused(assay_session_submit(session, &request, &err), ASSAY_EVALUE, &err,
                      "leave no room for output in the context of 40");
    }
    assert_true(assay_session_idle(session));
    assay_session_close(session);
    close_model(&fixture);
}

/* Every piece of a text, as stop string, ends it where it first stands, across tokens too, with the
 * tokens up to the one that completed it. */
static void stops_across_tokens(void **state)
{
    struct fixture fixture;
    struct assay_session *session = open_small(&fixture, 40);
    char text[256], stop[8];
    const char *const one_stop[] = {stop};
    (void)state;
    struct assay_sample whole = run_one(session, 8, 20, NULL);
    assert_int_equal(whole.token_count, 20);
    assert_true(whole.text.size >= 20 && whole.text.size < sizeof text);
    size_t size = whole.text.size;
    memcpy(text, whole.text.data, size);
    for (size_t at = 0; at + 2 <= size; at++) {
        for (size_t length = 2; length < sizeof stop && at + length <= size; length += 3) {
            memcpy(stop, text + at, length);
            stop[length] = 0;
            if (strlen(stop) != length) continue;
            size_t first = 0;
            while (memcmp(text + first, stop, length) != 0) first++;
            struct assay_sample got = run_one(session, 8, 20, one_stop);
            assert_int_equal(got.finish, ASSAY_FINISH_STOP);
            assert_int_equal(got.text.size, first);
            assert_memory_equal(got.text.data, text, first);
        }
    }
    assay_session_close(session);
    close_model(&fixture);
}

/* A scale that is no number is found when the session is opened, and named. */
static void refuses_damaged_weights(void **state)
{
    static const struct {
        enum assay_dtype dtype;
        const char *tensor; /* whose 5th row is damaged */
        size_t offset;      /* in the row's second block */
        uint16_t bits;
        const char *quoted;
    } rows[] = {
        {ASSAY_DTYPE_F32, "blk.0.attn_q.weight", 2, 0x7f80, "blk.0.attn_q.weight, row 4: value 1"},
        {ASSAY_DTYPE_F16, "blk.1.ffn_up.weight", 0, 0x7e01, "blk.1.ffn_up.weight, row 4: value 1"},
        {ASSAY_DTYPE_BF16, "blk.1.ffn_up.weight", 0, 0xff80, "row 4: value 1 is not finite"},
        {ASSAY_DTYPE_Q4_0, "blk.1.attn_v.weight", 0, 0x7c00, "row 4: the scale of block 1"},
        {ASSAY_DTYPE_Q4_1, "blk.1.ffn_down.weight", 2, 0xfc00, "row 4: the scale of block 1"},
        {ASSAY_DTYPE_Q5_1, "blk.0.ffn_gate.weight", 2, 0x7fff, "row 4: the scale of block 1"},
        {ASSAY_DTYPE_Q8_0, "blk.0.attn_output.weight", 0, 0xfe00, "row 4: the scale of block 1"},
        {ASSAY_DTYPE_Q4_K, "blk.0.ffn_down.weight", 2, 0x7c00, "row 4: the scale of block 1"},
        {ASSAY_DTYPE_Q6_K, "blk.0.ffn_down.weight", 208, 0x7e00, "row 4: the scale of block 1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct assay_test_gguf_options made = {
            .dtype = rows[i].dtype, .width = 512, .ffn_width = 512};
        struct assay_session_options options = {
            .batch = 1, .threads = 1, .prefill_rows = 1, .context = 10};
        struct assay_bytes image = {0};
        struct assay_model *model;
        struct assay_session *session = NULL;
        struct assay_error err;
        check_ok(assay_test_gguf(&image, &made, &err), &err);
        check_ok(assay_model_parse(&model, image.data, image.size, &err), &err);
        const struct assay_layer_tensors *layer =
            &assay_model_tensors(model)->layers[rows[i].tensor[4] - '0'];
        const struct assay_tensor *const tensors[] = {
            &layer->q, &layer->k, &layer->v, &layer->o, &layer->gate, &layer->up, &layer->down};
        for (size_t t = 0; t < COUNT_OF(tensors); t++) {
            if (strcmp(tensors[t]->name, rows[i].tensor) != 0) continue;
            size_t at = (size_t)(tensors[t]->data - image.data) + 4 * tensors[t]->row_bytes +
                        assay_dtype_block_bytes(rows[i].dtype) + rows[i].offset;
            assay_put_le16(image.data + at, rows[i].bits);
        }
        check_ok(assay_backend_find(&options.backend, "ref", &err), &err);
        check_refused(assay_session_open(&session, model, &options, &err), ASSAY_EFORMAT, &err,
                      rows[i].quoted);
        assay_model_close(model);
        assay_bytes_fini(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_outcome),
        cmocka_unit_test(one_outcome_each),
        cmocka_unit_test(context_is_an_outcome),
        cmocka_unit_test(stops_across_tokens),
        cmocka_unit_test(refuses_damaged_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
