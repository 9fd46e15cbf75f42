/* Perplexity on a tiny model: what its definition says, in any batch, and its refusals. */
#include "harness/check.h"
#include "harness/gguf_image.h"

#include "assay/backend.h"
#include "assay/perplexity.h"
#include "base/exact.h"
#include "model/model_parse.h"

#include <stdlib.h>

enum { WINDOW = 24, TEXT = 200 };

struct fixture {
    struct assay_bytes image;
    struct assay_model *model;
    char text[TEXT];
};

static void open_model(struct fixture *f)
{
    const struct assay_test_gguf_options options = {.dtype = ASSAY_DTYPE_Q4_1, .seed = 7};
    struct assay_error err;
    *f = (struct fixture){.model = NULL};
    check_ok(assay_test_gguf(&f->image, &options, &err), &err);
    check_ok(assay_model_parse(&f->model, f->image.data, f->image.size, &err), &err);
    for (size_t i = 0; i < TEXT; i++) f->text[i] = (char)('!' + i * i % 83);
}

static void close_model(struct fixture *f)
{
    assay_model_close(f->model);
    assay_bytes_fini(&f->image);
}

static struct assay_session *open_session(const struct assay_model *model, const char *backend,
                                          uint32_t batch, uint32_t prefill_rows)
{
    struct assay_session_options options = {
        .batch = batch, .threads = 2, .prefill_rows = prefill_rows, .context = WINDOW};
    struct assay_session *session = NULL;
    struct assay_error err;
    check_ok(assay_backend_find(&options.backend, backend, &err), &err);
    check_ok(assay_session_open(&session, model, &options, &err), &err);
    return session;
}

/* −log-probability of the token behind a row of logits (FORMAT.md 1.11). */
static double nats(const float *logits, size_t vocab, uint32_t token)
{
    float max = logits[0];
    uint64_t sum = 0;
    for (size_t i = 1; i < vocab; i++) max = logits[i] > max ? logits[i] : max;
    for (size_t i = 0; i < vocab; i++) sum += assay_weight(logits[i] - max);
    return -(double)(float)((double)(logits[token] - max) - assay_ln((double)sum, -40));
}

/* The definition, window by window. */
static double by_hand(struct fixture *f, size_t *windows)
{
    struct assay_session *session = open_session(f->model, "ref", 1, 64);
    size_t vocab = assay_model_hyper(f->model)->vocab;
    float *logits = calloc(WINDOW * vocab, sizeof *logits);
    struct assay_bytes bytes = {0}, front = {0};
    struct assay_error err;
    double total = 0;
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(f->model);
    check_ok(assay_tokenizer_encode_prompt(tokenizer, f->text, TEXT, false, &bytes, &err), &err);
    check_ok(assay_tokenizer_encode_prompt(tokenizer, "", 0, false, &front, &err), &err);
    uint32_t *tokens = (uint32_t *)(void *)bytes.data;
    *windows = bytes.size / sizeof *tokens / WINDOW;
    for (size_t w = 0; w < *windows; w++, tokens += WINDOW) {
        double sum = 0;
        if (front.size > 0) memcpy(tokens, front.data, sizeof *tokens);
        check_ok(assay_session_logits(session, tokens, WINDOW, logits, &err), &err);
        for (size_t t = WINDOW / 2 + 1; t < WINDOW; t++) {
            sum += nats(logits + (t - 1) * vocab, vocab, tokens[t]);
        }
        total += sum;
    }
    assay_bytes_fini(&front);
    assay_bytes_fini(&bytes);
    free(logits);
    assay_session_close(session);
    return total;
}

static void as_defined(void **state)
{
    static const struct {
        const char *backend;
        uint32_t batch, prefill_rows;
    } rows[] = {{"ref", 1, 512}, {"auto", 1, 3}, {"auto", 3, 40}, {"auto", 64, 512}};
    static const struct assay_perplexity_options options = {.window = WINDOW};
    struct fixture f;
    size_t windows;
    (void)state;
    open_model(&f);
    double expected = by_hand(&f, &windows);
    assert_true(windows >= 3);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_session *session =
            open_session(f.model, rows[i].backend, rows[i].batch, rows[i].prefill_rows);
        struct assay_perplexity got;
        struct assay_error err;
        check_ok(assay_perplexity_measure(&got, session, f.model, f.text, TEXT, &options, &err),
                 &err);
        assert_int_equal(got.windows, windows);
        assert_int_equal(got.scored, windows * (WINDOW / 2 - 1));
        assert_memory_equal(&got.nats, &expected, sizeof expected);
        assert_true(got.scored_bytes >= got.scored && got.nats_squared > got.nats);
        assay_session_close(session);
    }
    close_model(&f);
}

static void refusals(void **state)
{
    const struct {
        uint32_t window;
        size_t size;
        const char *quoted;
    } rows[] = {{3, TEXT, "a window of 3 tokens: must be at least 4"},
                {WINDOW, 5, "which is less than one window of 24"},
                {WINDOW + 4, TEXT, "do not fit the context of 24"}};
    struct fixture f;
    (void)state;
    open_model(&f);
    struct assay_session *session = open_session(f.model, "auto", 2, 8);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct assay_perplexity_options options = {.window = rows[i].window};
        struct assay_perplexity got;
        struct assay_error err;
        check_refused(
            assay_perplexity_measure(&got, session, f.model, f.text, rows[i].size, &options, &err),
            ASSAY_EVALUE, &err, rows[i].quoted);
    }
    assay_session_close(session);
    close_model(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_defined), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
