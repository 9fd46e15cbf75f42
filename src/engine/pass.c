/* One step of continuous batching. Rows that belong to nobody's sample yet (prompts) and rows of
 * running samples go through the layers together; which ones meet in a pass decides only how fast
 * they are, because every row's arithmetic is its own. */
#include "engine/session.h"

#include "base/assert.h"
#include "base/team.h"

#include <stdatomic.h>
#include <string.h>

/* --- drawing: the rows are spread over the team, one sampler a thread */

struct draw_work {
    struct assay_session *session;
    atomic_size_t next;
};

static void draw_some(void *context, unsigned thread, unsigned threads)
{
    struct draw_work *work = context;
    struct assay_session *session = work->session;
    (void)threads;
    for (;;) {
        size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= session->job_count) return;
        struct assay_draw_job *job = &session->jobs[i];
        struct assay_seat *seat = job->seat;
        job->finite = assay_sampler_choose(session->samplers[thread], job->logits, seat->profile,
                                           seat->history, seat->prompt_count + seat->token_count,
                                           &seat->stream, &job->choice);
    }
}

static void draw_jobs(struct assay_session *session)
{
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(session->model);
    if (session->job_count == 0) return;
    struct draw_work work = {.session = session};
    atomic_init(&work.next, 0);
    assay_team_run(session->team, draw_some, &work);
    for (size_t i = 0; i < session->job_count; i++) {
        struct assay_draw_job *job = &session->jobs[i];
        assay_seat_accept(job->seat, tokenizer, job, (uint32_t)session->rows);
        session->counters.output_tokens += job->finite;
    }
    session->job_count = 0;
}

static void add_job(struct assay_session *session, struct assay_seat *seat, const float *logits)
{
    ASSAY_ASSERT(session->job_count < session->options.batch);
    session->jobs[session->job_count++] = (struct assay_draw_job){.seat = seat, .logits = logits};
}

/* --- beginning: free seats are filled in the order of the queue, first from prompts that are ready
 */

static struct assay_seat *free_seat(struct assay_session *session, size_t *from)
{
    while (*from < session->options.batch) {
        struct assay_seat *seat = &session->seats[(*from)++];
        if (seat->state == ASSAY_SEAT_FREE) return seat;
    }
    return NULL;
}

/* Begin samples of one request while there are seats; false when there are none left. */
static bool begin_request(struct assay_session *session, struct assay_queued *queued, size_t *from)
{
    while (queued->begun < queued->request.sample_count) {
        struct assay_seat *seat = free_seat(session, from);
        if (!seat) return false;
        assay_seat_begin(seat, queued);
        add_job(session, seat, queued->prompt->logits);
        queued->begun++;
        queued->prompt->begun++;
        session->queue.samples--;
    }
    return true;
}

void assay_session_begin_samples(struct assay_session *session)
{
    struct assay_queued *before = NULL, *queued = session->queue.first;
    bool seats_left = true;
    for (size_t from = 0; queued && seats_left;) {
        if (queued->prompt && assay_prompt_ready(queued->prompt)) {
            seats_left = begin_request(session, queued, &from);
        }
        if (queued->begun == queued->request.sample_count) {
            assay_prompts_leave(queued->prompt);
            assay_queue_drop(&session->queue, before);
        } else {
            before = queued;
        }
        queued = before ? before->next : session->queue.first;
    }
    draw_jobs(session);
}

/* --- the pass */

void assay_session_add_row(struct assay_session *session, struct assay_kv_table *table,
                           size_t position, uint32_t token)
{
    ASSAY_ASSERT(session->rows < session->rows_max);
    assay_kv_own(table, position);
    session->tokens[session->rows] = token;
    session->places[session->rows] =
        (struct assay_row_place){.position = (uint32_t)position, .pages = table->pages};
    session->rows++;
}

static void want_logits(struct assay_session *session)
{
    ASSAY_ASSERT(session->head_row_count < session->head_rows_max);
    session->head_rows[session->head_row_count++] = session->rows - 1;
}

/* Each running sample's newest token is a row. */
static void add_samples(struct assay_session *session)
{
    for (size_t i = 0; i < session->options.batch; i++) {
        struct assay_seat *seat = &session->seats[i];
        if (seat->state != ASSAY_SEAT_RUNNING) continue;
        size_t position = seat->prompt_count + seat->token_count - 1;
        assay_session_add_row(session, &seat->table, position, seat->history[position]);
        want_logits(session);
        add_job(session, seat, NULL);
    }
}

/* Rows of the prompts that the queue waits for, in its order, up to prefill_rows. */
static size_t add_prompts(struct assay_session *session)
{
    size_t left = session->options.prefill_rows;
    for (struct assay_queued *q = session->queue.first; q && left > 0; q = q->next) {
        if (!q->prompt) {
            q->prompt = assay_prompts_join(&session->prompts, q->tokens, q->request.prompt_count);
        }
        struct assay_prompt *prompt = q->prompt;
        if (!prompt) break;
        for (; prompt->planned < prompt->count && left > 0; prompt->planned++, left--) {
            assay_session_add_row(session, &prompt->table, prompt->planned,
                                  prompt->tokens[prompt->planned]);
            if (prompt->planned == prompt->count - 1) want_logits(session);
        }
    }
    return session->options.prefill_rows - left;
}

/* The head's rows are the samples, then the prompts that this pass completes, in the order of
 * add_prompts. */
static void give_logits(struct assay_session *session, const float *logits)
{
    size_t vocab = session->hyper->vocab, row = 0;
    for (; row < session->job_count; row++) session->jobs[row].logits = logits + row * vocab;
    for (const struct assay_queued *q = session->queue.first; q && q->prompt; q = q->next) {
        struct assay_prompt *prompt = q->prompt;
        if (prompt->computed < prompt->planned && prompt->planned == prompt->count) {
            memcpy(prompt->logits, logits + row++ * vocab, vocab * sizeof *logits);
        }
        prompt->computed = prompt->planned;
    }
    ASSAY_ASSERT(row == session->head_row_count);
}

void assay_session_pass(struct assay_session *session)
{
    session->rows = session->head_row_count = 0;
    add_samples(session);
    session->counters.prefill_tokens += add_prompts(session);
    if (session->rows == 0) return;
    struct assay_pass pass = {session->tokens, session->places, session->rows};
    assay_forward_layers(session->forward, &pass);
    session->counters.passes++;
    const float *logits = NULL;
    if (session->head_row_count > 0) {
        logits = assay_forward_head(session->forward, session->head_rows, session->head_row_count);
    }
    give_logits(session, logits);
    draw_jobs(session);
}
