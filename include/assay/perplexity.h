/* Perplexity of a text: how well a model foretells it (FORMAT.md 1.12). The text's tokens are cut
 * into windows; in each the first half is context, and the second half is scored. */
#ifndef ASSAY_PERPLEXITY_H
#define ASSAY_PERPLEXITY_H

#include "assay/session.h"

enum { ASSAY_PERPLEXITY_WINDOW_MIN = 4 };

struct assay_perplexity_options {
    uint32_t window;                                            /* tokens, ≤ session's context */
    void (*progress)(void *context, size_t done, size_t total); /* of windows; or NULL */
    void *context;
};

struct assay_perplexity {
    size_t tokens;       /* of the text, the one in front of every text included */
    size_t windows;      /* whole ones; the tokens behind the last are left out */
    size_t scored;       /* tokens */
    size_t scored_bytes; /* of text that these tokens stand for */
    size_t greedy;       /* scored tokens that were the likeliest */
    double nats;         /* −Σ log-probability of the scored tokens, window after window */
    double nats_squared; /* Σ of the squares: for a standard error */
};

/* The session must be idle and of `model`, and is idle afterwards. EVALUE: the window is out of
 * range, the text is shorter than one, or a token has no finite probability. */
ASSAY_MUST_CHECK enum assay_status
assay_perplexity_measure(struct assay_perplexity *out, struct assay_session *session,
                         const struct assay_model *model, const char *text, size_t size,
                         const struct assay_perplexity_options *options, struct assay_error *err);

#endif
