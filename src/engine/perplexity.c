/* Perplexity. A window is a prompt and one forced sample; sums are taken in the order of the
 * windows, so that they do not depend on which ended first. */
#include "assay/perplexity.h"

#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What one window gives. */
struct window {
    double nats, nats_squared;
    size_t greedy, bytes;
};

struct measure {
    struct assay_session *session;
    const struct assay_tokenizer *tokenizer;
    uint32_t *tokens; /* of the text */
    size_t count, window, window_count, submitted, done;
    bool has_first;
    uint32_t first;         /* the token that the file wants in front of every text */
    uint32_t *prompt;       /* [window] scratch */
    struct window *windows; /* [window_count] */
    const struct assay_perplexity_options *options;
};

/* Like each half of llama.cpp's: what stands at positions 0 … half is given. */
static size_t prompt_count(const struct measure *m)
{
    return m->window / 2 + 1;
}

static enum assay_status submit(struct measure *m, struct assay_error *err)
{
    static const struct assay_profile profile = {"text", 0, 1000, 0, 0, 1000, ASSAY_DRAW_IID};
    const uint32_t *from = m->tokens + m->submitted * m->window;
    size_t given = prompt_count(m);
    memcpy(m->prompt, from, given * sizeof *m->prompt);
    if (m->has_first) m->prompt[0] = m->first;
    struct assay_sample_request sample = {.tag = m->submitted,
                                          .forced = from + given,
                                          .forced_count = m->window - given,
                                          .profile = &profile,
                                          .replicates = 1,
                                          .sets = 1};
    struct assay_request request = {.prompt = m->prompt,
                                    .prompt_count = given,
                                    .max_tokens = 1,
                                    .sample_count = 1,
                                    .samples = &sample};
    m->submitted++;
    return assay_session_submit(m->session, &request, err);
}

static enum assay_status keep(struct measure *m, const struct assay_sample *sample,
                              struct assay_error *err)
{
    struct window *window = &m->windows[sample->tag];
    for (size_t i = 0; i < sample->token_count; i++) {
        double nats = -(double)sample->log_probs[i];
        const char *piece;
        size_t size;
        assay_tokenizer_piece(m->tokenizer, sample->tokens[i], true, &piece, &size);
        window->nats += nats;
        window->nats_squared += nats * nats;
        window->greedy += sample->greedy[i];
        window->bytes += size;
    }
    if (sample->finish == ASSAY_FINISH_END && isfinite(window->nats)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE, "window %llu: a token has no finite log-probability",
                      (unsigned long long)sample->tag);
}

static enum assay_status compute(struct measure *m, struct assay_error *err)
{
    struct assay_sample sample;
    enum assay_status status = ASSAY_OK;
    while (!status && m->done < m->window_count) {
        while (!status && m->submitted < m->window_count && assay_session_wants(m->session)) {
            status = submit(m, err);
        }
        if (!status) status = assay_session_step(m->session, err);
        while (assay_session_take(m->session, &sample)) {
            if (!status) status = keep(m, &sample, err);
            m->done++;
        }
        if (m->options->progress) {
            m->options->progress(m->options->context, m->done, m->window_count);
        }
    }
    return status;
}

static enum assay_status tokenise(struct measure *m, const char *text, size_t size,
                                  struct assay_bytes *tokens, struct assay_error *err)
{
    struct assay_bytes front = {0};
    enum assay_status status =
        assay_tokenizer_encode_prompt(m->tokenizer, "", 0, false, &front, err);
    if (!status && front.size >= sizeof m->first) {
        m->has_first = true;
        memcpy(&m->first, front.data, sizeof m->first);
    }
    assay_bytes_fini(&front);
    if (!status) {
        status = assay_tokenizer_encode_prompt(m->tokenizer, text, size, false, tokens, err);
    }
    if (status) return status;
    m->tokens = (uint32_t *)(void *)tokens->data; /* from malloc: aligned */
    m->count = tokens->size / sizeof *m->tokens;
    m->window_count = m->count / m->window;
    if (m->window_count > 0) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE,
                      "the text has %zu tokens, which is less than one window of %zu", m->count,
                      m->window);
}

static void add_up(struct assay_perplexity *out, const struct measure *m)
{
    *out = (struct assay_perplexity){.tokens = m->count,
                                     .windows = m->window_count,
                                     .scored = m->window_count * (m->window - prompt_count(m))};
    for (size_t i = 0; i < m->window_count; i++) {
        out->nats += m->windows[i].nats;
        out->nats_squared += m->windows[i].nats_squared;
        out->greedy += m->windows[i].greedy;
        out->scored_bytes += m->windows[i].bytes;
    }
}

enum assay_status
assay_perplexity_measure(struct assay_perplexity *out, struct assay_session *session,
                         const struct assay_model *model, const char *text, size_t size,
                         const struct assay_perplexity_options *options, struct assay_error *err)
{
    struct measure m = {.session = session,
                        .tokenizer = assay_model_tokenizer(model),
                        .window = options->window,
                        .options = options};
    struct assay_bytes tokens = {0};
    if (options->window < ASSAY_PERPLEXITY_WINDOW_MIN) {
        return assay_fail(err, ASSAY_EVALUE, "a window of %u tokens: must be at least %d",
                          options->window, ASSAY_PERPLEXITY_WINDOW_MIN);
    }
    enum assay_status status = tokenise(&m, text, size, &tokens, err);
    if (!status) {
        m.prompt = calloc(m.window, sizeof *m.prompt);
        m.windows = calloc(m.window_count, sizeof *m.windows);
        status = m.prompt && m.windows
                     ? compute(&m, err)
                     : assay_fail(err, ASSAY_EMEMORY, "no memory for %zu windows", m.window_count);
    }
    if (!status) add_up(out, &m);
    free(m.windows);
    free(m.prompt);
    assay_bytes_fini(&tokens);
    return status;
}
