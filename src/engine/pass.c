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

static void draw_one(struct assay_session *session, struct assay_draw_job *job, unsigned thread)
{
    struct assay_seat *seat = job->seat;
    struct assay_sampler *sampler = session->samplers[thread];
    if (seat->forced_count > 0) {
        job->finite = assay_sampler_score(sampler, job->logits,
                                          seat->history[seat->prompt_count + job->position],
                                          &job->choice.log_prob, &job->greedy);
    } else {
        job->finite = assay_sampler_choose(sampler, job->logits, seat->profile, seat->history,
                                           seat->prompt_count + seat->token_count, &seat->stream,
                                           &job->choice);
    }
}

static void draw_some(void *context, unsigned thread, unsigned threads)
{
    struct draw_work *work = context;
    (void)threads;
    for (;;) {
        size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->session->job_count) return;
        draw_one(work->session, &work->session->jobs[i], thread);
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
        if (job->seat->forced_count > 0) {
            assay_seat_accept_forced(job->seat, job, (uint32_t)session->rows);
        } else {
            assay_seat_accept(job->seat, tokenizer, job, (uint32_t)session->rows);
        }
        session->counters.output_tokens += job->finite;
    }
    session->job_count = 0;
}

static void add_job(struct assay_session *session, struct assay_seat *seat, size_t position,
                    const float *logits)
{
    ASSAY_ASSERT(session->job_count < session->head_rows_max);
    session->jobs[session->job_count++] =
        (struct assay_draw_job){.seat = seat, .position = position, .logits = logits};
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
        add_job(session, seat, 0, queued->prompt->logits);
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

static void want_logits(struct assay_session *session, struct assay_seat *seat, size_t position,
                        struct assay_prompt *prompt)
{
    ASSAY_ASSERT(session->head_count < session->rows_max);
    session->heads[session->head_count++] =
        (struct assay_head){session->rows - 1, seat, position, prompt};
}

/* A sample's output token `index` becomes a row, which says what may follow it. */
static void add_token(struct assay_session *session, struct assay_seat *seat, size_t index)
{
    size_t position = seat->prompt_count + index;
    assay_session_add_row(session, &seat->table, position, seat->history[position]);
    want_logits(session, seat, index + 1, NULL);
}

/* Each running sample's newest token is a row; so is a token of each forced one, which is known and
 * therefore need not wait: `extra` more rows are shared out in the order of the seats. The last
 * token of a forced sample is scored and never a row. Gives the extra rows that are left. */
static size_t add_samples(struct assay_session *session, size_t extra)
{
    for (size_t i = 0; i < session->options.batch; i++) {
        struct assay_seat *seat = &session->seats[i];
        if (seat->state != ASSAY_SEAT_RUNNING) continue;
        if (seat->forced_count == 0) {
            add_token(session, seat, seat->token_count - 1);
            continue;
        }
        size_t count = seat->forced_count - 1 - seat->forced_rows;
        ASSAY_ASSERT(count > 0); /* all scored: it would have ended */
        if (count > extra + 1) count = extra + 1;
        extra -= count - 1;
        for (; count > 0; count--) add_token(session, seat, seat->forced_rows++);
    }
    return extra;
}

/* Rows of the prompts that the queue waits for, in its order, up to `left`. */
static size_t add_prompts(struct assay_session *session, size_t left)
{
    size_t before = left;
    for (struct assay_queued *q = session->queue.first; q && left > 0; q = q->next) {
        if (!q->prompt) {
            q->prompt = assay_prompts_join(&session->prompts, q->tokens, q->request.prompt_count);
        }
        struct assay_prompt *prompt = q->prompt;
        if (!prompt) break;
        for (; prompt->planned < prompt->count && left > 0; prompt->planned++, left--) {
            assay_session_add_row(session, &prompt->table, prompt->planned,
                                  prompt->tokens[prompt->planned]);
            if (prompt->planned == prompt->count - 1) want_logits(session, NULL, 0, prompt);
        }
    }
    return before - left;
}

/* heads[from … from + count) have their logits: prompts keep them, samples are drawn. */
static void give_logits(struct assay_session *session, size_t from, size_t count,
                        const float *logits)
{
    size_t vocab = session->hyper->vocab;
    for (size_t i = 0; i < count; i++) {
        const struct assay_head *head = &session->heads[from + i];
        const float *row = logits + i * vocab;
        if (head->prompt) {
            memcpy(head->prompt->logits, row, vocab * sizeof *row);
        } else {
            add_job(session, head->seat, head->position, row);
        }
    }
    draw_jobs(session);
}

static void mark_computed(struct assay_session *session)
{
    for (const struct assay_queued *q = session->queue.first; q && q->prompt; q = q->next) {
        q->prompt->computed = q->prompt->planned;
    }
}

void assay_session_pass(struct assay_session *session)
{
    session->rows = session->head_count = 0;
    size_t left = add_samples(session, session->options.prefill_rows);
    session->counters.prefill_tokens += add_prompts(session, left);
    if (session->rows == 0) return;
    struct assay_pass pass = {session->tokens, session->places, session->rows};
    assay_forward_layers(session->forward, &pass);
    session->counters.passes++;
    for (size_t done = 0, count; done < session->head_count; done += count) {
        count = session->head_count - done;
        if (count > session->head_rows_max) count = session->head_rows_max;
        for (size_t i = 0; i < count; i++) {
            session->head_rows[i] = session->heads[done + i].row;
        }
        give_logits(session, done, count,
                    assay_forward_head(session->forward, session->head_rows, count));
    }
    mark_computed(session);
}
