/* Forced samples on a tiny model: the bits that plain teacher forcing gives, in any company. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/session.h"
#include "base/exact.h"
#include "model/model_parse.h"

#include <stdlib.h>

enum { PROMPTS = 4, OPTIONS = 5, FORCED = PROMPTS * OPTIONS, FORCED_MAX = 160, CONTEXT = 320 };

static const struct assay_profile greedy_profile = {"greedy", 0, 1000, 0, 0, 1000, ASSAY_DRAW_IID};
static const struct assay_profile hot = {"hot", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_STRAT};

struct scored {
    size_t count;
    uint32_t tokens[FORCED_MAX];
    float log_probs[FORCED_MAX];
    uint8_t greedy[FORCED_MAX];
    unsigned seen;
};

struct fixture {
    struct assay_bytes image;
    struct assay_model *model;
    struct scored expected[FORCED];
};

/* Lengths from one token to more than two pages of 64 positions. */
static size_t make_option(uint32_t *tokens, unsigned prompt, unsigned option)
{
    static const size_t counts[OPTIONS] = {1, 2, 7, 66, 150};
    for (size_t i = 0; i < counts[option]; i++) {
        tokens[i] = ASSAY_TEST_FIRST_BYTE + (uint32_t)((i * (option + 2) + prompt) % 90);
    }
    return counts[option];
}

static size_t make_prompt(uint32_t *tokens, unsigned index)
{
    size_t count = 5 + 41 * index;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = ASSAY_TEST_FIRST_BYTE + (uint32_t)(i < 30 ? i % 20 : i * (index + 3) % 90);
    }
    return count;
}

static void open_model(struct fixture *f, enum assay_dtype dtype)
{
    const struct assay_test_gguf_options options = {.dtype = dtype, .seed = 7};
    struct assay_error err;
    *f = (struct fixture){.model = NULL};
    check_ok(assay_test_gguf(&f->image, &options, &err), &err);
    check_ok(assay_model_parse(&f->model, f->image.data, f->image.size, &err), &err);
}

static void close_model(struct fixture *f)
{
    assay_model_close(f->model);
    assay_bytes_fini(&f->image);
}

static struct assay_session *open_session(const struct assay_model *model, const char *backend,
                                          uint32_t batch, uint32_t threads, uint32_t prefill_rows)
{
    struct assay_session_options options = {
        .batch = batch, .threads = threads, .prefill_rows = prefill_rows, .context = CONTEXT};
    struct assay_session *session = NULL;
    struct assay_error err;
    check_ok(assay_backend_find(&options.backend, backend, &err), &err);
    check_ok(assay_session_open(&session, model, &options, &err), &err);
    return session;
}

/* FORMAT.md 1.11 and 2.2 said once more, on a row of logits. */
static void score(struct scored *to, const float *logits, size_t vocab, uint32_t token)
{
    size_t best = 0;
    uint64_t sum = 0;
    for (size_t i = 1; i < vocab; i++) {
        if (logits[i] > logits[best]) best = i;
    }
    for (size_t i = 0; i < vocab; i++) sum += assay_weight((logits[i] - logits[best]) * 1.0f);
    to->tokens[to->count] = token;
    to->greedy[to->count] = best == token;
    to->log_probs[to->count++] =
        (float)((double)(logits[token] - logits[best]) - assay_ln((double)sum, -40));
}

static void expect(struct fixture *f)
{
    struct assay_session *session = open_session(f->model, "ref", 1, 1, 64);
    size_t vocab = assay_model_hyper(f->model)->vocab;
    float *logits = calloc(CONTEXT * vocab, sizeof *logits);
    uint32_t tokens[CONTEXT];
    struct assay_error err;
    assert_non_null(logits);
    for (unsigned i = 0; i < FORCED; i++) {
        size_t prompt = make_prompt(tokens, i / OPTIONS);
        size_t count = make_option(tokens + prompt, i / OPTIONS, i % OPTIONS);
        check_ok(assay_session_logits(session, tokens, prompt + count, logits, &err), &err);
        for (size_t t = 0; t < count; t++) {
            score(&f->expected[i], logits + (prompt + t - 1) * vocab, vocab, tokens[prompt + t]);
        }
    }
    free(logits);
    assay_session_close(session);
}

/* All options of one prompt and, if `company`, two drawn samples. */
static void submit(struct assay_session *session, unsigned prompt, bool company)
{
    static uint32_t forced[OPTIONS][FORCED_MAX];
    uint32_t tokens[CONTEXT];
    struct assay_sample_request samples[OPTIONS + 2];
    struct assay_error err;
    size_t count = 0;
    for (unsigned i = 0; i < OPTIONS; i++) {
        samples[count++] =
            (struct assay_sample_request){.tag = prompt * OPTIONS + i,
                                          .forced = forced[i],
                                          .forced_count = make_option(forced[i], prompt, i),
                                          .profile = &greedy_profile,
                                          .replicates = 1,
                                          .sets = 1};
        if (company && i % 2 == 1) {
            samples[count++] = (struct assay_sample_request){
                .tag = FORCED, .profile = &hot, .replicates = 2, .sets = 1, .replicate = i / 2};
        }
    }
    struct assay_request request = {.prompt = tokens,
                                    .prompt_count = make_prompt(tokens, prompt),
                                    .max_tokens = 3, /* of the drawn ones only */
                                    .sample_count = count,
                                    .samples = samples};
    check_ok(assay_session_submit(session, &request, &err), &err);
    memset(forced, 0xee, sizeof forced); /* the session has copied them */
}

static void compare(struct fixture *f, const struct assay_sample *sample)
{
    struct scored *expected = &f->expected[sample->tag];
    assert_int_equal(sample->finish, ASSAY_FINISH_END);
    assert_int_equal(sample->token_count, expected->count);
    assert_int_equal(sample->text.size, 0);
    assert_memory_equal(sample->tokens, expected->tokens, expected->count * sizeof(uint32_t));
    assert_memory_equal(sample->log_probs, expected->log_probs, expected->count * sizeof(float));
    assert_memory_equal(sample->greedy, expected->greedy, expected->count);
    expected->seen++;
}

static void any_company(void **state)
{
    static const struct {
        const char *backend;
        uint32_t batch, threads, prefill_rows;
        bool company, backwards;
    } rows[] = {{"ref", 1, 1, 1, false, false},  {"ref", 7, 2, 33, true, true},
                {"auto", 1, 1, 1, false, false}, {"auto", 1, 1, 512, true, false},
                {"auto", 2, 2, 7, true, true},   {"auto", 64, 1, 512, false, false},
                {"auto", 64, 2, 3, true, false}, {"auto", 5, 3, 64, true, true}};
    static const enum assay_dtype dtypes[] = {ASSAY_DTYPE_F16, ASSAY_DTYPE_Q4_1};
    (void)state;
    for (size_t d = 0; d < COUNT_OF(dtypes); d++) {
        struct fixture *f = calloc(1, sizeof *f);
        struct assay_sample sample;
        struct assay_error err;
        open_model(f, dtypes[d]);
        expect(f);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            struct assay_session *session = open_session(f->model, rows[i].backend, rows[i].batch,
                                                         rows[i].threads, rows[i].prefill_rows);
            for (unsigned p = 0; p < PROMPTS; p++) {
                submit(session, rows[i].backwards ? PROMPTS - 1 - p : p, rows[i].company);
            }
            while (!assay_session_idle(session)) {
                check_ok(assay_session_step(session, &err), &err);
                while (assay_session_take(session, &sample)) {
                    if (sample.tag < FORCED) compare(f, &sample);
                    if (sample.tag == FORCED) assert_null(sample.greedy);
                }
            }
            assay_session_close(session);
            for (unsigned t = 0; t < FORCED; t++) assert_int_equal(f->expected[t].seen, i + 1);
        }
        close_model(f);
        free(f);
    }
}

/* A continuation of n tokens takes n − 1 rows of one pass, not n − 1 passes. */
static void one_pass(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct assay_sample sample;
    struct assay_error err;
    (void)state;
    open_model(f, ASSAY_DTYPE_F16);
    struct assay_session *session = open_session(f->model, "auto", 8, 1, 512);
    submit(session, 1, false);
    while (!assay_session_idle(session)) {
        check_ok(assay_session_step(session, &err), &err);
        while (assay_session_take(session, &sample)) assert_true(sample.tag < FORCED);
    }
    assert_int_equal(assay_session_counters(session).passes, 2); /* the prompt, then all */
    assay_session_close(session);
    close_model(f);
    free(f);
}

static void refusals(void **state)
{
    const uint32_t bad[2] = {ASSAY_TEST_FIRST_BYTE, UINT32_MAX};
    uint32_t prompt[CONTEXT] = {0}, forced[CONTEXT] = {0};
    const struct {
        size_t prompt;
        const uint32_t *forced;
        size_t count;
        const char *quoted; /* NULL: taken */
    } rows[] = {{CONTEXT - 3, forced, 3, NULL},
                {CONTEXT - 3, forced, 4,
                 "317 prompt tokens and 4 forced ones do not fit the context of 320"},
                {1, forced, SIZE_MAX, "do not fit the context of 320"},
                {4, bad, 2, "forced token 1 is 4294967295, but the vocabulary ends at"}};
    struct fixture *f = calloc(1, sizeof *f);
    struct assay_error err;
    (void)state;
    open_model(f, ASSAY_DTYPE_F16);
    struct assay_session *session = open_session(f->model, "auto", 2, 1, 512);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_sample_request sample = {.forced = rows[i].forced,
                                              .forced_count = rows[i].count,
                                              .profile = &greedy_profile,
                                              .replicates = 1,
                                              .sets = 1};
        struct assay_request request = {.prompt = prompt,
                                        .prompt_count = rows[i].prompt,
                                        .max_tokens = 1,
                                        .sample_count = 1,
                                        .samples = &sample};
        enum assay_status status = assay_session_submit(session, &request, &err);
        if (rows[i].quoted) {
            check_refused(status, ASSAY_EVALUE, &err, rows[i].quoted);
        } else {
            check_ok(status, &err);
        }
    }
    assay_session_close(session);
    close_model(f);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_company), cmocka_unit_test(one_pass),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
