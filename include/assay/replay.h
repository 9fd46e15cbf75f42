/* Replay: whether samples that somebody claims follow from the model, the prompt and the draw. The
 * claimed tokens are forced through the pass that samples them, many positions at once, and at each
 * position the sampler draws with the number recomputed from the keys (FORMAT.md 2.4). Arithmetic
 * is exact, so the first difference is a proof, and an honest claim never shows one. */
#ifndef ASSAY_REPLAY_H
#define ASSAY_REPLAY_H

#include "assay/session.h"

/* What a record says of one sample. Any values: nothing of it is trusted. */
struct assay_claim {
    enum assay_finish finish;
    const uint32_t *tokens; /* token_count ids, the ending one included */
    const float *log_probs; /* token_count */
    size_t token_count;
};

/* What was asked for, and what it is claimed to have given: claims[i] is of samples[i]. */
struct assay_replay_request {
    struct assay_request asked; /* tags are not looked at */
    const struct assay_claim *claims;
};

#define ASSAY_FINDING_LIST(X)                                                                      \
    X(NONE, "none")                                                                                \
    X(TOKEN, "token") X(LOG_PROB, "log-probability") X(FINISH, "finish")

enum assay_finding_kind {
#define ASSAY_FINDING_ROW(name, text) ASSAY_FINDING_##name,
    ASSAY_FINDING_LIST(ASSAY_FINDING_ROW)
#undef ASSAY_FINDING_ROW
};

struct assay_finding {
    enum assay_finding_kind kind;
    size_t position; /* of the first difference: so many output tokens before it are right */
    uint32_t claimed_token, drawn_token;    /* TOKEN */
    float claimed_log_prob, drawn_log_prob; /* LOG_PROB; TOKEN: of either token's own claim */
    enum assay_finish claimed, found;       /* FINISH: what 2.5 says after `position` tokens … */
    bool goes_on;                           /* … or that the sample does not end there */
    struct assay_span text; /* of the tokens that are right, before the ending one or stop string */
};

/* Called once for each claim, in no particular order; `finding` is lent for the call. */
typedef void assay_replay_visit(void *context, size_t request, size_t sample,
                                const struct assay_finding *finding);

/* Replay all claims of all requests; requests with a common beginning belong side by side. The
 * session must be idle, and is so afterwards. EVALUE for a request that assay_session_submit would
 * refuse; no claim is visited then. */
ASSAY_MUST_CHECK enum assay_status assay_session_replay(struct assay_session *session,
                                                        const struct assay_replay_request *requests,
                                                        size_t request_count,
                                                        assay_replay_visit *visit, void *context,
                                                        struct assay_error *err);

#endif
