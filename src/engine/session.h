/* The inside of a session, shared by the files of this room. A request waits in the queue until
 * its prompt is computed (prompt.h) and its samples have all begun; a sample lives in one of
 * `batch` seats, and each pass computes one row for every running sample and some rows of prompts
 * (pass.c). */
#ifndef ASSAY_ENGINE_SESSION_H
#define ASSAY_ENGINE_SESSION_H

#include "assay/session.h"
#include "base/bytes.h"
#include "engine/draw.h"
#include "engine/forward.h"
#include "engine/prompt.h"
#include "engine/sampler.h"

/* A request on its way, in one allocation. */
struct assay_queued {
    struct assay_queued *next;
    struct assay_prompt *prompt; /* NULL before it has joined one */
    size_t begun;                /* of its samples */
    struct assay_request request;
    struct assay_sample_request *samples; /* request.sample_count copies */
    uint32_t *tokens;                     /* request.prompt_count copies */
};

struct assay_queue_list {
    struct assay_queued *first, *last;
    size_t samples; /* not yet begun */
};

enum assay_seat_state { ASSAY_SEAT_FREE, ASSAY_SEAT_RUNNING, ASSAY_SEAT_FINISHED, ASSAY_SEAT_LENT };

/* One sample. Its buffers are as large as the context allows and are made at open. */
struct assay_seat {
    enum assay_seat_state state;
    uint64_t tag;
    const struct assay_profile *profile;
    const char *const *stops;
    size_t stop_count, max_tokens, context;
    bool past_end;
    struct assay_draw_stream stream;
    struct assay_kv_table table;
    uint32_t *history; /* [context] the prompt, then the output */
    float *log_probs;  /* [context] of the output */
    uint8_t *greedy;   /* [context] of a forced output */
    size_t prompt_count, token_count;
    size_t forced_count, forced_rows; /* tokens that it must have; how many went into passes */
    struct assay_bytes text;
    enum assay_finish finish;
    bool prompt_shared;
    uint32_t batch_rows;
    uint64_t start_ns, start_monotonic_ns, duration_ns;
};

/* A token to be drawn, or a forced one to be scored. */
struct assay_draw_job {
    struct assay_seat *seat;
    size_t position; /* in the output */
    const float *logits;
    struct assay_choice choice;
    bool finite, greedy;
};

/* A row whose logits are wanted: by a sample, for the output position behind it, or by the prompt
 * that it completes. */
struct assay_head {
    size_t row;
    struct assay_seat *seat; /* NULL: the prompt's */
    size_t position;
    struct assay_prompt *prompt;
};

struct assay_session {
    const struct assay_model *model;
    const struct assay_hyper *hyper;
    struct assay_session_options options;
    struct assay_team *team;
    struct assay_sampler **samplers; /* one a thread */
    struct assay_forward *forward;
    struct assay_kv_pool *pool;
    struct assay_prompts prompts;
    struct assay_queue_list queue;
    struct assay_seat *seats;    /* [batch] */
    struct assay_draw_job *jobs; /* [head_rows_max] */
    size_t job_count;

    /* The pass being made. */
    uint32_t *tokens;               /* [rows_max] */
    struct assay_row_place *places; /* [rows_max] */
    struct assay_head *heads;       /* [rows_max] */
    size_t *head_rows;              /* [head_rows_max] those whose logits are made together */
    size_t rows, rows_max, head_count, head_rows_max;
    struct assay_session_counters counters;
};

/* --- memory.c */
ASSAY_MUST_CHECK enum assay_status
assay_session_check_options(const struct assay_session_options *options,
                            const struct assay_hyper *hyper, struct assay_error *err);
size_t assay_session_prompt_places(uint32_t batch);
/* Bytes of the longest text that one token may add to an output. */
size_t assay_session_longest_piece(const struct assay_tokenizer *tokenizer);

/* --- request.c */
/* Refuse what the session cannot compute. */
ASSAY_MUST_CHECK enum assay_status assay_request_check(const struct assay_session *session,
                                                       const struct assay_request *request,
                                                       struct assay_error *err);
/* Append a checked copy. */
ASSAY_MUST_CHECK enum assay_status assay_queue_push(struct assay_session *session,
                                                    const struct assay_request *request,
                                                    struct assay_error *err);
/* Forget the request after `before` (NULL: the first), all of whose samples have begun. */
void assay_queue_drop(struct assay_queue_list *queue, struct assay_queued *before);
void assay_queue_clear(struct assay_queue_list *queue);

/* --- sample.c */
ASSAY_MUST_CHECK enum assay_status assay_seat_init(struct assay_seat *seat,
                                                   struct assay_kv_pool *pool, uint32_t context,
                                                   size_t piece_bytes_max, struct assay_error *err);
void assay_seat_fini(struct assay_seat *seat);
/* Seat the next sample of a request whose prompt is ready. */
void assay_seat_begin(struct assay_seat *seat, struct assay_queued *from);
/* A token was drawn, or could not be. */
void assay_seat_accept(struct assay_seat *seat, const struct assay_tokenizer *tokenizer,
                       const struct assay_draw_job *job, uint32_t batch_rows);
/* A forced token was scored, or could not be; positions ascend. */
void assay_seat_accept_forced(struct assay_seat *seat, const struct assay_draw_job *job,
                              uint32_t batch_rows);
void assay_seat_release(struct assay_seat *seat);

/* --- pass.c */
/* Seat waiting samples and draw or score their first tokens; one pass; draw the next tokens of all,
 * score as many forced ones as had rows. */
void assay_session_begin_samples(struct assay_session *session);
void assay_session_pass(struct assay_session *session);
/* Put a row into the pass being made. */
void assay_session_add_row(struct assay_session *session, struct assay_kv_table *table,
                           size_t position, uint32_t token);

#endif
