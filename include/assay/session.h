/* A session: the model running on a backend. Prompts go in, finished samples come out; many are
 * computed together (continuous batching), and nothing that comes out depends on which. */
#ifndef ASSAY_SESSION_H
#define ASSAY_SESSION_H

#include "assay/digest.h"
#include "assay/model.h"
#include "assay/record.h"
#include "assay/spec.h"

struct assay_backend;
struct assay_team_place; /* base/team.h */

/* Where weights in a backend's own form are kept for the next run and for the other ranks of this
 * host: in the file "path.LAYOUT", which is made where it lacks. */
struct assay_panel_cache {
    const char *path;
    struct assay_digest model; /* SHA-256 of the model file(s) */
    /* Called before a file is published: whether the model is that one; NULL: it is. */
    enum assay_status (*confirm)(const void *context, struct assay_error *err);
    const void *context;
};

struct assay_session_options {
    const struct assay_backend *backend; /* from assay_backend_find */
    uint32_t batch;                      /* samples computed together, 1 … 1024 */
    uint32_t threads;                    /* 1 … 256 */
    uint32_t prefill_rows;               /* prompt tokens in one pass at most, 1 … 4096 */
    uint32_t context; /* tokens of prompt and output of one sample; at most hyper.context */
    bool kv_f32;      /* keys and values are kept in f32 (exact-1-kv32), not in f16 */
    const struct assay_team_place *place;  /* where the threads run; NULL: anywhere */
    const struct assay_panel_cache *cache; /* NULL: a session has its own weights in memory */
};

/* One prompt and the samples wanted of it. The session copies what it keeps. */
struct assay_request {
    uint64_t tag;           /* comes back with every sample */
    const uint32_t *prompt; /* prompt_count ≥ 1 token ids */
    size_t prompt_count;
    uint32_t max_tokens;      /* 1 … */
    bool past_end;            /* an ending token is like any other: for measurements */
    const char *const *stops; /* stop_count strings, alive as long as the session */
    size_t stop_count;
    size_t sample_count; /* 1 … */
    const struct assay_sample_request *samples;
};
struct assay_sample_request {
    uint64_t tag;
    /* A forced sample: it has these forced_count tokens, nothing is drawn, and what comes out is
     * how probable each was. Profile, max_tokens and stops do not matter to it. 0: a sample is
     * drawn. */
    const uint32_t *forced;
    size_t forced_count;
    const struct assay_profile *profile; /* alive as long as the session */
    uint32_t replicates, sets, replicate;
    struct assay_digest group_key;
};

/* Lent until the next call on the session. */
struct assay_sample {
    uint64_t tag; /* of the assay_sample_request */
    enum assay_finish finish;
    struct assay_digest cell_key;
    const uint32_t *tokens;
    const float *log_probs;
    const uint8_t
        *greedy; /* of a forced sample: 1 where temperature 0 would have taken the token */
    size_t token_count;
    struct assay_span text; /* before the ending token or stop string; empty if forced */
    bool prompt_shared;
    uint32_t batch_rows;
    uint64_t start_ns, duration_ns;
};

struct assay_session_counters {
    uint64_t prompt_tokens;  /* of all requests taken in */
    uint64_t prefill_tokens; /* really computed: prompt tokens that no other sample had computed */
    uint64_t output_tokens;
    uint64_t passes;
};

struct assay_session;

/* What a session would take. A rank's own is total_bytes. */
struct assay_session_memory {
    uint64_t file_bytes;   /* mapped, and shared by the ranks of a host: of the model's file, or of
                              its weights' cache */
    uint64_t weight_bytes; /* those without a cache, vectors, and the tables of positions */
    uint64_t packed_bytes; /* of them, or of file_bytes: the matrices as products read them, once a
                              pass; 0 where they are read as the file has them */
    uint64_t cache_bytes;  /* keys and values */
    uint64_t work_bytes;   /* activations, logits, samplers, texts */
    uint64_t total_bytes;  /* all but the file */
};
/* Computed; allocates nothing. Refuses the options that assay_session_open refuses. */
ASSAY_MUST_CHECK enum assay_status assay_session_plan(struct assay_session_memory *out,
                                                      const struct assay_model *model,
                                                      const struct assay_session_options *options,
                                                      struct assay_error *err);
/* The largest batch whose total_bytes are within the budget (options->batch is not looked at); 0
 * when not even one sample's are. */
uint32_t assay_session_batch_that_fits(const struct assay_model *model,
                                       const struct assay_session_options *options,
                                       uint64_t budget_bytes);

ASSAY_MUST_CHECK enum assay_status assay_session_open(struct assay_session **out,
                                                      const struct assay_model *model,
                                                      const struct assay_session_options *options,
                                                      struct assay_error *err);
void assay_session_close(struct assay_session *session); /* NULL is fine */

/* Whether another request would be taken now. The session wants enough waiting samples to refill
 * every row that frees. */
bool assay_session_wants(const struct assay_session *session);
/* EVALUE when the prompt, or prompt and forced tokens, do not fit the context. An output that fills
 * the rest before its max_tokens ends as ASSAY_FINISH_CONTEXT. A forced sample ends as
 * ASSAY_FINISH_END behind its last token, or as ASSAY_FINISH_NONFINITE before the first token that
 * has no probability. */
ASSAY_MUST_CHECK enum assay_status assay_session_submit(struct assay_session *session,
                                                        const struct assay_request *request,
                                                        struct assay_error *err);
bool assay_session_idle(
    const struct assay_session *session); /* nothing waiting, nothing running, nothing to take */
/* One pass over up to `batch` samples and `prefill_rows` prompt tokens. */
ASSAY_MUST_CHECK enum assay_status assay_session_step(struct assay_session *session,
                                                      struct assay_error *err);
/* The next finished sample, or false. */
bool assay_session_take(struct assay_session *session, struct assay_sample *out);
struct assay_session_counters assay_session_counters(const struct assay_session *session);

/* Teacher forcing: logits (vocab floats a row) of every position of `tokens`, computed in passes of
 * prefill_rows. */
ASSAY_MUST_CHECK enum assay_status assay_session_logits(struct assay_session *session,
                                                        const uint32_t *tokens, size_t count,
                                                        float *logits, struct assay_error *err);

/* --- keys (FORMAT.md 2.1) --- */
struct assay_digest assay_group_key(const uint8_t *seed, size_t seed_bytes, const uint8_t *site,
                                    size_t site_bytes, struct assay_span item_id,
                                    struct assay_span profile);
struct assay_digest assay_cell_key(const struct assay_digest *group, uint32_t replicate);
struct assay_digest assay_set_key(const struct assay_digest *group, uint32_t set);
struct assay_digest assay_prompt_digest(const uint32_t *tokens, size_t count);

#endif
