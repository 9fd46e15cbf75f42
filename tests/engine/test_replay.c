/* Replay on a tiny model: honest claims never show a difference, however they are computed, and
 * every kind of tampering is found where it was done. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/replay.h"
#include "base/exact.h"
#include "crypto/digest.h"
#include "model/model_parse.h"

#include <math.h>

enum {
    PROMPTS = 3,
    PROFILES = 4,
    REPLICATES = 6,
    GROUPS = PROMPTS * PROFILES,
    SAMPLES = GROUPS * REPLICATES,
    TOKENS_MAX = 24,
    PROMPT_MAX = 128,
    TEXT_MAX = 256
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ROUNDS = 4, OTHER_ROUNDS = 1, KIND_STEP = 4 }; /* each change in one way only */
#else
enum { ROUNDS = 60, OTHER_ROUNDS = 3, KIND_STEP = 1 };
#endif

static const char *const stops[] = {"ab", "z"};

/* Samples as a session gave them, with room to tamper. */
struct taken {
    enum assay_finish finish;
    uint32_t tokens[TOKENS_MAX + 1];
    float log_probs[TOKENS_MAX + 1];
    size_t count, text_size;
    char text[TEXT_MAX];
};

struct fixture {
    uint32_t context; /* of the sessions; 0: more than is needed */
    struct assay_bytes image;
    struct assay_model *model;
    struct assay_profile profiles[PROFILES];
    uint32_t prompts[PROMPTS][PROMPT_MAX];
    struct assay_sample_request samples[SAMPLES];
    struct assay_replay_request requests[GROUPS];
    struct assay_claim claims[SAMPLES];
    struct taken taken[SAMPLES];
    struct assay_finding findings[SAMPLES];
    unsigned visits[SAMPLES];
};

static const struct assay_test_gguf_options plain = {.dtype = ASSAY_DTYPE_Q4_1, .seed = 7};

static void open_model(struct fixture *f, const struct assay_test_gguf_options *options)
{
    struct assay_error err;
    check_ok(assay_test_gguf(&f->image, options, &err), &err);
    check_ok(assay_model_parse(&f->model, f->image.data, f->image.size, &err), &err);
}

static void close_model(struct fixture *f)
{
    assay_model_close(f->model);
    assay_bytes_fini(&f->image);
    f->image = (struct assay_bytes){0};
}

/* Prompts that begin alike, the longest beyond a page of 64 positions. */
static size_t make_prompt(uint32_t *tokens, unsigned index)
{
    size_t count = 9 + 50 * index;
    for (size_t i = 0; i < count; i++) {
        tokens[i] = ASSAY_TEST_FIRST_BYTE + (uint32_t)(i < 40 ? i % 30 : i * (index + 3) % 90);
    }
    return count;
}

static void ask(struct fixture *f, uint8_t seed)
{
    static const struct assay_profile profiles[PROFILES] = {
        {"cool", 600, 950, 0, 0, 1000, ASSAY_DRAW_STRAT},
        {"warm", 1000, 1000, 20, 0, 1100, ASSAY_DRAW_LHS},
        {"all", 1000, 1000, 0, 0, 1000, ASSAY_DRAW_LATTICE},
        {"greedy", 0, 1000, 0, 50, 1300, ASSAY_DRAW_IID}};
    memcpy(f->profiles, profiles, sizeof profiles);
    for (unsigned group = 0; group < GROUPS; group++) {
        unsigned prompt = group / PROFILES, profile = group % PROFILES;
        struct assay_digest key =
            assay_group_key(&seed, 1, NULL, 0, (struct assay_span){&"abcde"[prompt], 1},
                            (struct assay_span){&"wxyz"[profile], 1});
        for (uint32_t r = 0; r < REPLICATES; r++) {
            f->samples[group * REPLICATES + r] =
                (struct assay_sample_request){.tag = group * REPLICATES + r,
                                              .profile = &f->profiles[profile],
                                              .replicates = REPLICATES,
                                              .sets = 2,
                                              .replicate = r,
                                              .group_key = key};
        }
        f->requests[group] = (struct assay_replay_request){
            .asked = {.prompt = f->prompts[prompt],
                      .prompt_count = make_prompt(f->prompts[prompt], prompt),
                      .max_tokens = TOKENS_MAX - 4,
                      .stops = stops,
                      .stop_count = 2,
                      .sample_count = REPLICATES,
                      .samples = &f->samples[group * REPLICATES]},
            .claims = &f->claims[group * REPLICATES]};
    }
}

static struct assay_session *open_session(const struct fixture *f, const char *backend,
                                          uint32_t batch, uint32_t threads, uint32_t prefill_rows)
{
    struct assay_session_options options = {.batch = batch,
                                            .threads = threads,
                                            .prefill_rows = prefill_rows,
                                            .context = f->context ? f->context : 160};
    struct assay_session *session;
    struct assay_error err;
    check_ok(assay_backend_find(&options.backend, backend, &err), &err);
    check_ok(assay_session_open(&session, f->model, &options, &err), &err);
    return session;
}

static void claim_all(struct fixture *f)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct taken *taken = &f->taken[i];
        f->claims[i] = (struct assay_claim){.finish = taken->finish,
                                            .tokens = taken->tokens,
                                            .log_probs = taken->log_probs,
                                            .token_count = taken->count};
    }
}

static void generate(struct fixture *f, struct assay_session *session)
{
    struct assay_sample sample;
    struct assay_error err;
    unsigned submitted = 0;
    do {
        while (submitted < GROUPS && assay_session_wants(session)) {
            check_ok(assay_session_submit(session, &f->requests[submitted++].asked, &err), &err);
        }
        check_ok(assay_session_step(session, &err), &err);
        while (assay_session_take(session, &sample)) {
            struct taken *taken = &f->taken[sample.tag];
            assert_true(sample.token_count <= TOKENS_MAX && sample.text.size <= TEXT_MAX);
            *taken = (struct taken){.finish = sample.finish,
                                    .count = sample.token_count,
                                    .text_size = sample.text.size};
            memcpy(taken->tokens, sample.tokens, sample.token_count * sizeof *sample.tokens);
            memcpy(taken->log_probs, sample.log_probs, sample.token_count * sizeof(float));
            memcpy(taken->text, sample.text.data, sample.text.size);
        }
    } while (submitted < GROUPS || !assay_session_idle(session));
    claim_all(f);
}

static void visit(void *context, size_t request, size_t sample, const struct assay_finding *finding)
{
    struct fixture *f = context;
    size_t index = request * REPLICATES + sample;
    f->findings[index] = *finding;
    f->findings[index].text.data = NULL; /* lent only */
    f->visits[index]++;
    if (finding->kind != ASSAY_FINDING_NONE) return;
    assert_int_equal(finding->text.size, f->taken[index].text_size);
    assert_memory_equal(finding->text.data, f->taken[index].text, finding->text.size);
}

static void replay(struct fixture *f, struct assay_session *session)
{
    struct assay_error err;
    memset(f->visits, 0, sizeof f->visits);
    check_ok(assay_session_replay(session, f->requests, GROUPS, visit, f, &err), &err);
    assert_true(assay_session_idle(session));
    for (size_t i = 0; i < SAMPLES; i++) assert_int_equal(f->visits[i], 1);
}

static size_t count_findings(const struct fixture *f)
{
    size_t count = 0;
    for (size_t i = 0; i < SAMPLES; i++) count += f->findings[i].kind != ASSAY_FINDING_NONE;
    return count;
}

/* --- */

static void no_false_alarm(void **state)
{
    static const struct {
        const char *backend;
        uint32_t batch, threads, prefill_rows;
    } ways[] = {{"ref", 3, 1, 7}, {"auto", 1, 1, 1}, {"auto", 64, 2, 512}, {"auto", 5, 3, 16}};
    static struct fixture f;
    (void)state;
    open_model(&f, &plain);
    size_t finishes[5] = {0};
    for (unsigned w = 0; w < COUNT_OF(ways); w++) {
        struct assay_session *by = open_session(&f, "auto", 16, 2, 64);
        struct assay_session *session =
            open_session(&f, ways[w].backend, ways[w].batch, ways[w].threads, ways[w].prefill_rows);
        for (uint8_t seed = 0; seed < (w == 2 ? ROUNDS : OTHER_ROUNDS); seed++) {
            ask(&f, seed);
            generate(&f, by);
            replay(&f, session);
            assert_int_equal(count_findings(&f), 0);
            for (size_t i = 0; i < SAMPLES; i++) finishes[f.taken[i].finish]++;
        }
        assay_session_close(session);
        assay_session_close(by);
    }
    assert_true(finishes[ASSAY_FINISH_STOP] > 9 && finishes[ASSAY_FINISH_LENGTH] > 9);
    close_model(&f);
}

/* What can be changed in a claim, and what must be found. */
static enum assay_finding_kind change(struct fixture *f, unsigned kind, size_t index,
                                      size_t *position)
{
    struct taken *taken = &f->taken[index];
    struct assay_claim *claim = &f->claims[index];
    size_t at = index * 7 % taken->count;
    *position = at;
    switch (kind) {
    case 0: /* a token */
        taken->tokens[at] = taken->tokens[at] == 9 ? 10 : 9;
        return ASSAY_FINDING_TOKEN;
    case 1: /* one that does not exist */
        taken->tokens[at] = UINT32_MAX;
        return ASSAY_FINDING_TOKEN;
    case 2: /* the last bit of a log-probability */
        taken->log_probs[at] = assay_float(assay_bits(taken->log_probs[at]) ^ 1);
        return ASSAY_FINDING_LOG_PROB;
    case 3: /* cut short */
        *position = claim->token_count = at;
        return ASSAY_FINDING_FINISH;
    case 4: /* one token more */
        taken->tokens[claim->token_count++] = 20;
        *position = taken->count;
        return ASSAY_FINDING_FINISH;
    case 5: /* another reason */
        claim->finish = claim->finish == ASSAY_FINISH_END ? ASSAY_FINISH_STOP : ASSAY_FINISH_END;
        *position = taken->count;
        return ASSAY_FINDING_FINISH;
    case 6: /* "nothing could be drawn" behind some token */
        claim->finish = ASSAY_FINISH_NONFINITE;
        *position = claim->token_count = at;
        return ASSAY_FINDING_FINISH;
    default: /* the context was full */
        claim->finish = ASSAY_FINISH_CONTEXT;
        *position = taken->count;
        return ASSAY_FINDING_FINISH;
    }
}

static void tampering_is_found(void **state)
{
    static const struct {
        const char *backend;
        uint32_t batch, threads, prefill_rows;
    } ways[] = {{"ref", 4, 1, 16}, {"auto", 1, 1, 3}, {"auto", 64, 2, 512}, {"auto", 7, 3, 40}};
    static struct fixture f;
    (void)state;
    open_model(&f, &plain);
    struct assay_session *by = open_session(&f, "auto", 16, 2, 64);
    for (unsigned w = 0; w < COUNT_OF(ways); w++) {
        struct assay_session *session =
            open_session(&f, ways[w].backend, ways[w].batch, ways[w].threads, ways[w].prefill_rows);
        for (unsigned kind = w % KIND_STEP; kind < 8; kind += KIND_STEP) {
            enum assay_finding_kind expected[SAMPLES] = {ASSAY_FINDING_NONE};
            size_t position[SAMPLES];
            ask(&f, (uint8_t)(100 + kind));
            generate(&f, by);
            for (size_t i = kind % 3; i < SAMPLES; i += 3) {
                expected[i] = change(&f, kind, i, &position[i]);
            }
            replay(&f, session);
            for (size_t i = 0; i < SAMPLES; i++) {
                const struct assay_finding *found = &f.findings[i];
                if (found->kind == expected[i] &&
                    (!expected[i] || found->position == position[i])) {
                    continue;
                }
                fail_msg("way %u, change %u, sample %zu: kind %d at %zu, not %d at %zu", w, kind, i,
                         found->kind, found->position, expected[i], position[i]);
            }
        }
        assay_session_close(session);
    }
    assay_session_close(by);
    close_model(&f);
}

/* What everybody agreed on beforehand was not what was computed: found in most samples. */
static void other_settings_are_found(void **state)
{
    static struct fixture f;
    static const char *const names[] = {"temperature", "top-p",  "penalty",  "draw",
                                        "seed",        "prompt", "replicate"};
    (void)state;
    open_model(&f, &plain);
    struct assay_session *session = open_session(&f, "auto", 16, 2, 64);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        ask(&f, 1);
        generate(&f, session);
        if (i == 0) f.profiles[0].temperature_milli = 650;
        if (i == 1) f.profiles[0].top_p_milli = 500;
        if (i == 2) f.profiles[1].repetition_penalty_milli = 1500;
        if (i == 3) f.profiles[0].draw = ASSAY_DRAW_IID;
        if (i == 4) f.samples[0].group_key.bytes[31] ^= 1;
        if (i == 5) f.prompts[2][20]++;
        if (i == 6) f.samples[0].replicate = 1;
        replay(&f, session);
        if (count_findings(&f) == 0) fail_msg("another %s was not found", names[i]);
    }
    assay_session_close(session);
    close_model(&f);
}

static void another_model_is_found(void **state)
{
    static struct fixture f;
    static const struct assay_test_gguf_options others[] = {
        {.dtype = ASSAY_DTYPE_Q4_0, .seed = 7},
        {.dtype = ASSAY_DTYPE_Q4_1, .seed = 8},
        {.dtype = ASSAY_DTYPE_Q4_1, .seed = 7, .norm_eps = 1.001e-5f}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        open_model(&f, &plain);
        ask(&f, 3);
        struct assay_session *session = open_session(&f, "auto", 16, 2, 64);
        generate(&f, session);
        assay_session_close(session);
        close_model(&f);
        open_model(&f, &others[i]);
        session = open_session(&f, "auto", 16, 2, 64);
        replay(&f, session);
        assert_int_equal(count_findings(&f), SAMPLES);
        assay_session_close(session);
        close_model(&f);
    }
}

static void put_weight(struct fixture *f, const struct assay_tensor *tensor, size_t row,
                       float value)
{
    size_t at = (size_t)(tensor->data - f->image.data) + row * tensor->row_bytes;
    assay_put_le32(f->image.data + at, assay_bits(value));
}

/* A token all of whose embedding is one large number: its value in the cache overflows f16, nothing
 * can be drawn behind it, and that is an honest outcome. */
static void nonfinite_is_replayed(void **state)
{
    static struct fixture f;
    const struct assay_test_gguf_options options = {.seed = 7, .output = true};
    (void)state;
    open_model(&f, &options);
    ask(&f, 5);
    struct assay_session *session = open_session(&f, "auto", 16, 2, 64);
    generate(&f, session);
    assay_session_close(session);
    const struct assay_model_tensors *tensors = assay_model_tensors(f.model);
    put_weight(&f, &tensors->embedding, f.taken[SAMPLES - 1].tokens[1], 1e6f);
    put_weight(&f, &tensors->layers[0].v, 0, 16000.0f);
    session = open_session(&f, "auto", 16, 2, 64);
    generate(&f, session);
    size_t nonfinite = 0;
    for (size_t i = 0; i < SAMPLES; i++) nonfinite += f.taken[i].finish == ASSAY_FINISH_NONFINITE;
    assert_true(nonfinite > 0);
    replay(&f, session);
    assert_int_equal(count_findings(&f), 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        if (f.taken[i].finish != ASSAY_FINISH_NONFINITE) continue;
        f.claims[i].token_count++; /* a token where there was none */
    }
    replay(&f, session);
    assert_int_equal(count_findings(&f), nonfinite);
    assay_session_close(session);
    close_model(&f);
}

/* Outputs that the context cuts off: honest ones, and ones that claim to go on. */
static void full_context_is_replayed(void **state)
{
    static struct fixture f;
    size_t cut = 0;
    (void)state;
    f.context = 109 + 7; /* the longest prompt, and less than max_tokens */
    open_model(&f, &plain);
    ask(&f, 6);
    struct assay_session *session = open_session(&f, "auto", 16, 2, 64);
    generate(&f, session);
    for (size_t i = 0; i < SAMPLES; i++) cut += f.taken[i].finish == ASSAY_FINISH_CONTEXT;
    assert_true(cut > 9);
    replay(&f, session);
    assert_int_equal(count_findings(&f), 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        if (f.taken[i].finish != ASSAY_FINISH_CONTEXT) continue;
        f.claims[i].token_count += 10;
    }
    replay(&f, session);
    assert_int_equal(count_findings(&f), cut);
    assay_session_close(session);
    close_model(&f);
}

static void refusals(void **state)
{
    static struct fixture f;
    struct assay_error err;
    (void)state;
    open_model(&f, &plain);
    ask(&f, 1);
    struct assay_session *session = open_session(&f, "auto", 2, 1, 64);
    claim_all(&f);
    f.requests[3].asked.prompt_count = 160;
    check_refused(assay_session_replay(session, f.requests, GROUPS, visit, &f, &err), ASSAY_EVALUE,
                  &err, "no room for output");
    ask(&f, 1);
    check_ok(assay_session_submit(session, &f.requests[0].asked, &err), &err);
    check_refused(assay_session_replay(session, f.requests, GROUPS, visit, &f, &err), ASSAY_EVALUE,
                  &err, "busy");
    check_ok(assay_session_step(session, &err), &err);
    assay_session_close(session);
    session = open_session(&f, "auto", 2, 1, 64);
    check_ok(assay_session_replay(session, f.requests, 0, visit, &f, &err), &err);
    assay_session_close(session);
    close_model(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_false_alarm),
        cmocka_unit_test(tampering_is_found),
        cmocka_unit_test(other_settings_are_found),
        cmocka_unit_test(another_model_is_found),
        cmocka_unit_test(nonfinite_is_replayed),
        cmocka_unit_test(full_context_is_replayed),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
