/* A session's outside: opening everything at its final size, and the calls of assay/session.h. */
#include "engine/session.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/team.h"

#include <stdlib.h>

static enum assay_status open_samplers(struct assay_session *session, struct assay_error *err)
{
    uint32_t threads = session->options.threads;
    enum assay_status status = ASSAY_OK;
    session->samplers = calloc(threads, sizeof(struct assay_sampler *));
    if (!session->samplers) return assay_fail(err, ASSAY_EMEMORY, "no memory for samplers");
    for (uint32_t i = 0; !status && i < threads; i++) {
        status = assay_sampler_create(&session->samplers[i], session->options.backend,
                                      session->hyper->vocab, err);
    }
    return status;
}

static enum assay_status open_seats(struct assay_session *session, struct assay_error *err)
{
    uint32_t batch = session->options.batch;
    size_t piece = assay_session_longest_piece(assay_model_tokenizer(session->model));
    enum assay_status status = ASSAY_OK;
    session->seats = calloc(batch, sizeof *session->seats);
    if (!session->seats) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %u samples", batch);
    }
    for (uint32_t i = 0; !status && i < batch; i++) {
        status = assay_seat_init(&session->seats[i], session->pool, session->options.context, piece,
                                 err);
    }
    return status;
}

/* Pages for every seat and every prompt at full length: none of them can ever lack one. */
static enum assay_status open_caches(struct assay_session *session, struct assay_error *err)
{
    const struct assay_session_options *options = &session->options;
    const struct assay_hyper *hyper = session->hyper;
    struct assay_kv_view shape = {.layers = hyper->layers,
                                  .kv_heads = hyper->kv_heads,
                                  .head_dim = hyper->head_dim,
                                  .wide = options->kv_f32};
    size_t prompts = assay_session_prompt_places(options->batch);
    enum assay_status status = assay_kv_pool_open(&session->pool, options->backend, &shape,
                                                  options->batch + prompts, options->context, err);
    if (!status) {
        status = assay_prompts_init(&session->prompts, prompts, session->pool, options->context,
                                    hyper->vocab, err);
    }
    return status ? status : open_seats(session, err);
}

static enum assay_status open_passes(struct assay_session *session, struct assay_error *err)
{
    const struct assay_session_options *options = &session->options;
    session->rows_max = (size_t)options->batch + options->prefill_rows;
    session->head_rows_max = options->batch + session->prompts.place_count;
    session->tokens = calloc(session->rows_max, sizeof *session->tokens);
    session->places = calloc(session->rows_max, sizeof *session->places);
    session->heads = calloc(session->rows_max, sizeof *session->heads);
    session->head_rows = calloc(session->head_rows_max, sizeof *session->head_rows);
    session->jobs = calloc(session->head_rows_max, sizeof *session->jobs);
    if (!session->tokens || !session->places || !session->heads || !session->head_rows ||
        !session->jobs) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu rows in a pass",
                          session->rows_max);
    }
    return assay_forward_open(&session->forward, session->model, options, session->team,
                              session->rows_max, session->head_rows_max, err);
}

enum assay_status assay_session_open(struct assay_session **out, const struct assay_model *model,
                                     const struct assay_session_options *options,
                                     struct assay_error *err)
{
    enum assay_status status = assay_session_check_options(options, assay_model_hyper(model), err);
    if (status) return status;
    struct assay_session *session = calloc(1, sizeof *session);
    if (!session) return assay_fail(err, ASSAY_EMEMORY, "no memory for a session");
    session->model = model;
    session->hyper = assay_model_hyper(model);
    session->options = *options;
    /* Every run of the team checks each thread's float mode (1.1), from the RoPE table on. */
    status = assay_team_open(&session->team, options->threads, options->place, err);
    if (!status) status = open_samplers(session, err);
    if (!status) status = open_caches(session, err);
    if (!status) status = open_passes(session, err);
    if (status) {
        assay_session_close(session);
        return status;
    }
    *out = session;
    return ASSAY_OK;
}

void assay_session_close(struct assay_session *session)
{
    if (!session) return;
    assay_queue_clear(&session->queue);
    assay_forward_close(session->forward);
    free(session->jobs);
    free(session->head_rows);
    free(session->heads);
    free(session->places);
    free(session->tokens);
    for (uint32_t i = 0; session->seats && i < session->options.batch; i++) {
        assay_seat_fini(&session->seats[i]);
    }
    free(session->seats);
    assay_prompts_fini(&session->prompts);
    assay_kv_pool_close(session->pool);
    for (uint32_t i = 0; session->samplers && i < session->options.threads; i++) {
        assay_sampler_destroy(session->samplers[i]);
    }
    free(session->samplers);
    assay_team_close(session->team);
    free(session);
}

bool assay_session_wants(const struct assay_session *session)
{
    return session->queue.samples < session->options.batch;
}

enum assay_status assay_session_submit(struct assay_session *session,
                                       const struct assay_request *request, struct assay_error *err)
{
    enum assay_status status = assay_queue_push(session, request, err);
    if (!status) session->counters.prompt_tokens += request->prompt_count;
    return status;
}

bool assay_session_idle(const struct assay_session *session)
{
    if (session->queue.first) return false;
    for (uint32_t i = 0; i < session->options.batch; i++) {
        enum assay_seat_state state = session->seats[i].state;
        if (state == ASSAY_SEAT_RUNNING || state == ASSAY_SEAT_FINISHED) return false;
    }
    return true;
}

static void release_lent(struct assay_session *session)
{
    for (uint32_t i = 0; i < session->options.batch; i++) {
        if (session->seats[i].state == ASSAY_SEAT_LENT) assay_seat_release(&session->seats[i]);
    }
}

enum assay_status assay_session_step(struct assay_session *session, struct assay_error *err)
{
    (void)err; /* all memory is there since open, and a backend's operations cannot fail */
    release_lent(session);
    assay_session_begin_samples(session);
    assay_session_pass(session);
    return ASSAY_OK;
}

bool assay_session_take(struct assay_session *session, struct assay_sample *out)
{
    release_lent(session);
    for (uint32_t i = 0; i < session->options.batch; i++) {
        struct assay_seat *seat = &session->seats[i];
        if (seat->state != ASSAY_SEAT_FINISHED) continue;
        seat->state = ASSAY_SEAT_LENT;
        const char *text = seat->text.data ? (const char *)seat->text.data : "";
        *out = (struct assay_sample){.tag = seat->tag,
                                     .finish = seat->finish,
                                     .cell_key = seat->stream.cell_key,
                                     .tokens = seat->history + seat->prompt_count,
                                     .log_probs = seat->log_probs,
                                     .greedy = seat->forced_count > 0 ? seat->greedy : NULL,
                                     .token_count = seat->token_count,
                                     .text = {text, seat->text.size},
                                     .prompt_shared = seat->prompt_shared,
                                     .batch_rows = seat->batch_rows,
                                     .start_ns = seat->start_ns,
                                     .duration_ns = seat->duration_ns};
        return true;
    }
    return false;
}

struct assay_session_counters assay_session_counters(const struct assay_session *session)
{
    return session->counters;
}
