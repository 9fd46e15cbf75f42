/* Replay of claims. A claim lives in a seat as a sample does, but its tokens are known: where a
 * running sample has one row in a pass, a claim has as many as fit, each attending to those before
 * it, and the head gives all their logits. What a sample is and when it ends is said once, in
 * sample.c; here each drawn token is compared with the claimed one before it is accepted. */
#include "engine/session.h"

#include "assay/replay.h"
#include "base/assert.h"
#include "base/exact.h"
#include "base/team.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The claim in one seat. */
struct place {
    struct assay_seat *seat;
    const struct assay_claim *claim;
    size_t request, sample;
    size_t forced, force_max; /* tokens put into passes, and how many will be */
    bool taken, ended;
    struct assay_finding finding;
};

/* A row whose logits are wanted: by a claim, or by the prompt that it completes. */
struct head {
    size_t row;
    struct place *place;
    struct assay_prompt *prompt;
};

/* Successive positions of one claim, to be drawn on one thread. */
struct strip {
    struct place *place;
    const float *logits;
    size_t count;
};

struct pending {
    struct assay_prompt *prompt; /* NULL before it has joined one */
    size_t begun;                /* of its claims */
};

struct replay {
    struct assay_session *session;
    const struct assay_replay_request *requests;
    size_t request_count, first; /* all before `first` have begun all their claims */
    struct pending *pending;     /* [request_count] */
    struct place *places;        /* [batch], one a seat */
    size_t taken_count;
    struct head *heads; /* [rows_max] of the pass, rows ascending */
    size_t head_count;
    struct strip *strips; /* [rows_max], no place twice */
    size_t strip_count;
    atomic_size_t next_strip;
    assay_replay_visit *visit;
    void *context;
};

/* --- one position */

static void end(struct place *place, enum assay_finding_kind kind, size_t position)
{
    place->ended = true;
    place->finding.kind = kind;
    place->finding.position = position;
}

static void end_finish(struct place *place, enum assay_finish found, bool goes_on)
{
    place->finding.claimed = place->claim->finish;
    place->finding.found = found;
    place->finding.goes_on = goes_on;
    end(place, ASSAY_FINDING_FINISH, place->seat->token_count);
}

/* A token is right; is it also right that the claim goes on, or ends, behind it? */
static void check_end(struct place *place)
{
    const struct assay_claim *claim = place->claim;
    const struct assay_seat *seat = place->seat;
    bool last = seat->token_count == claim->token_count;
    if (seat->state == ASSAY_SEAT_FINISHED) {
        if (last && seat->finish == claim->finish) {
            end(place, ASSAY_FINDING_NONE, seat->token_count);
        } else {
            end_finish(place, seat->finish, false);
        }
    } else if (last && claim->finish != ASSAY_FINISH_NONFINITE) {
        end_finish(place, claim->finish, true);
    }
}

static bool same_bits(float a, float b)
{
    return assay_bits(a) == assay_bits(b);
}

static void compare(struct place *place, const struct assay_draw_job *job,
                    const struct assay_tokenizer *tokenizer, uint32_t rows)
{
    const struct assay_claim *claim = place->claim;
    size_t t = place->seat->token_count;
    bool claimed = t < claim->token_count;
    if (!job->finite) {
        if (claimed) {
            end_finish(place, ASSAY_FINISH_NONFINITE, false);
        } else {
            end(place, ASSAY_FINDING_NONE, t);
        }
        return;
    }
    if (!claimed) { /* it says that nothing could be drawn here */
        end_finish(place, ASSAY_FINISH_NONFINITE, true);
        return;
    }
    place->finding.claimed_token = claim->tokens[t];
    place->finding.drawn_token = job->choice.token;
    place->finding.claimed_log_prob = claim->log_probs[t];
    place->finding.drawn_log_prob = job->choice.log_prob;
    if (claim->tokens[t] != job->choice.token) {
        end(place, ASSAY_FINDING_TOKEN, t);
    } else if (!same_bits(claim->log_probs[t], job->choice.log_prob)) {
        end(place, ASSAY_FINDING_LOG_PROB, t);
    } else {
        assay_seat_accept(place->seat, tokenizer, job, rows);
        check_end(place);
    }
}

static void draw_strip(struct replay *replay, const struct strip *strip, unsigned thread)
{
    struct assay_session *session = replay->session;
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(session->model);
    struct assay_seat *seat = strip->place->seat;
    for (size_t i = 0; i < strip->count && !strip->place->ended; i++) {
        struct assay_draw_job job = {.seat = seat,
                                     .logits = strip->logits + i * session->hyper->vocab};
        job.finite = assay_sampler_choose(session->samplers[thread], job.logits, seat->profile,
                                          seat->history, seat->prompt_count + seat->token_count,
                                          &seat->stream, &job.choice);
        compare(strip->place, &job, tokenizer, (uint32_t)session->rows);
    }
}

static void draw_some(void *context, unsigned thread, unsigned threads)
{
    struct replay *replay = context;
    (void)threads;
    for (;;) {
        size_t i = atomic_fetch_add(&replay->next_strip, 1);
        if (i >= replay->strip_count) return;
        draw_strip(replay, &replay->strips[i], thread);
    }
}

static void draw_strips(struct replay *replay)
{
    if (replay->strip_count == 0) return;
    atomic_store(&replay->next_strip, 0);
    assay_team_run(replay->session->team, draw_some, replay);
    for (size_t i = 0; i < replay->strip_count; i++) {
        replay->session->counters.output_tokens += replay->strips[i].count;
    }
    replay->strip_count = 0;
}

/* --- beginning and ending */

/* Tokens that must be forced so that every claimed position is drawn: the last one only if nothing
 * is said to have been drawable behind it, none from the first that is no token, and never the
 * one that reaches max_tokens or fills the context. */
static size_t count_forced(const struct assay_claim *claim, const struct assay_request *asked,
                           const struct assay_session *session)
{
    size_t count = claim->token_count, vocab = session->hyper->vocab;
    size_t room = session->options.context - asked->prompt_count;
    if (count > 0 && claim->finish != ASSAY_FINISH_NONFINITE) count--;
    if (count > asked->max_tokens - 1) count = asked->max_tokens - 1;
    if (count > room - 1) count = room - 1;
    for (size_t i = 0; i < count; i++) {
        if (claim->tokens[i] >= vocab) return i;
    }
    return count;
}

static void begin_claim(struct replay *replay, struct place *place, size_t index)
{
    const struct assay_replay_request *request = &replay->requests[index];
    struct pending *pending = &replay->pending[index];
    const struct assay_queued from = {
        .prompt = pending->prompt,
        .begun = pending->begun,
        .request = request->asked,
        /* Only read: the queue's own copies are what is not const. */
        .samples = (struct assay_sample_request *)(uintptr_t)request->asked.samples,
        .tokens = (uint32_t *)(uintptr_t)request->asked.prompt};
    const struct assay_claim *claim = &request->claims[pending->begun];
    *place = (struct place){.seat = place->seat,
                            .claim = claim,
                            .request = index,
                            .sample = pending->begun,
                            .force_max = count_forced(claim, &request->asked, replay->session),
                            .taken = true};
    struct assay_queued seated = from;
    assay_seat_begin(place->seat, &seated);
    replay->taken_count++;
    pending->begun++;
    pending->prompt->begun++;
    if (claim->token_count == 0 && claim->finish != ASSAY_FINISH_NONFINITE) {
        end_finish(place, claim->finish, true);
    } else {
        replay->strips[replay->strip_count++] =
            (struct strip){.place = place, .logits = pending->prompt->logits, .count = 1};
    }
}

/* Free seats are filled in the order of the requests, from prompts that are ready. */
static void begin_claims(struct replay *replay)
{
    size_t batch = replay->session->options.batch, at = 0;
    for (size_t i = replay->first; i < replay->request_count; i++) {
        struct pending *pending = &replay->pending[i];
        size_t count = replay->requests[i].asked.sample_count;
        if (!pending->prompt) break;
        if (!assay_prompt_ready(pending->prompt)) continue;
        while (pending->begun < count) {
            while (at < batch && replay->places[at].taken) at++;
            if (at == batch) break;
            begin_claim(replay, &replay->places[at], i);
        }
    }
    draw_strips(replay);
    while (replay->first < replay->request_count) {
        struct pending *pending = &replay->pending[replay->first];
        if (pending->begun < replay->requests[replay->first].asked.sample_count) break;
        assay_prompts_leave(pending->prompt);
        replay->first++;
    }
}

/* How many claims have ended. */
static size_t retire(struct replay *replay)
{
    size_t count = 0;
    for (size_t i = 0; i < replay->session->options.batch; i++) {
        struct place *place = &replay->places[i];
        if (!place->taken || !place->ended) continue;
        const struct assay_bytes *text = &place->seat->text;
        place->finding.text =
            (struct assay_span){text->data ? (const char *)text->data : "", text->size};
        replay->visit(replay->context, place->request, place->sample, &place->finding);
        assay_seat_release(place->seat);
        place->taken = false;
        replay->taken_count--;
        count++;
    }
    return count;
}

/* --- the pass */

static void want(struct replay *replay, struct place *place, struct assay_prompt *prompt)
{
    replay->heads[replay->head_count++] = (struct head){replay->session->rows - 1, place, prompt};
}

/* Prompts come first, up to prefill_rows: they are few, and claims wait for them. */
static void add_prompts(struct replay *replay)
{
    struct assay_session *session = replay->session;
    size_t left = session->options.prefill_rows;
    for (size_t i = replay->first; i < replay->request_count && left > 0; i++) {
        const struct assay_request *asked = &replay->requests[i].asked;
        struct pending *pending = &replay->pending[i];
        if (!pending->prompt) {
            pending->prompt =
                assay_prompts_join(&session->prompts, asked->prompt, asked->prompt_count);
        }
        struct assay_prompt *prompt = pending->prompt;
        if (!prompt) break;
        for (; prompt->planned < prompt->count && left > 0; prompt->planned++, left--) {
            assay_session_add_row(session, &prompt->table, prompt->planned,
                                  prompt->tokens[prompt->planned]);
            if (prompt->planned == prompt->count - 1) want(replay, NULL, prompt);
        }
    }
    session->counters.prefill_tokens += session->options.prefill_rows - left;
}

static void add_claims(struct replay *replay)
{
    struct assay_session *session = replay->session;
    for (size_t i = 0; i < session->options.batch; i++) {
        struct place *place = &replay->places[i];
        if (!place->taken) continue;
        for (; place->forced < place->force_max && session->rows < session->rows_max;
             place->forced++) {
            assay_session_add_row(session, &place->seat->table,
                                  place->seat->prompt_count + place->forced,
                                  place->claim->tokens[place->forced]);
            want(replay, place, NULL);
        }
    }
}

/* heads[from … from + count) have their logits: prompts keep them, claims are drawn. */
static void give_logits(struct replay *replay, size_t from, size_t count, const float *logits)
{
    size_t vocab = replay->session->hyper->vocab;
    for (size_t i = 0; i < count; i++) {
        const struct head *head = &replay->heads[from + i];
        const float *row = logits + i * vocab;
        struct strip *last = replay->strip_count ? &replay->strips[replay->strip_count - 1] : NULL;
        if (head->prompt) {
            memcpy(head->prompt->logits, row, vocab * sizeof *row);
        } else if (last && last->place == head->place) {
            last->count++;
        } else {
            replay->strips[replay->strip_count++] = (struct strip){head->place, row, 1};
        }
    }
    draw_strips(replay);
}

static void mark_computed(struct replay *replay)
{
    for (size_t i = replay->first; i < replay->request_count; i++) {
        struct assay_prompt *prompt = replay->pending[i].prompt;
        if (!prompt) break;
        prompt->computed = prompt->planned;
    }
}

static void pass(struct replay *replay)
{
    struct assay_session *session = replay->session;
    session->rows = replay->head_count = 0;
    add_prompts(replay);
    add_claims(replay);
    if (session->rows == 0) { /* only where a kept prompt was joined: its claims begin next */
        ASSAY_ASSERT(replay->first < replay->request_count &&
                     replay->pending[replay->first].prompt &&
                     assay_prompt_ready(replay->pending[replay->first].prompt));
        return;
    }
    struct assay_pass rows = {session->tokens, session->places, session->rows};
    assay_forward_layers(session->forward, &rows);
    session->counters.passes++;
    for (size_t done = 0, count; done < replay->head_count; done += count) {
        count = replay->head_count - done;
        if (count > session->head_rows_max) count = session->head_rows_max;
        for (size_t i = 0; i < count; i++) session->head_rows[i] = replay->heads[done + i].row;
        give_logits(replay, done, count,
                    assay_forward_head(session->forward, session->head_rows, count));
    }
    mark_computed(replay);
}

/* --- open, run, close */

static enum assay_status open_replay(struct replay *replay, struct assay_error *err)
{
    struct assay_session *session = replay->session;
    for (size_t i = 0; i < replay->request_count; i++) {
        enum assay_status status = assay_request_check(session, &replay->requests[i].asked, err);
        if (status) return status;
        session->counters.prompt_tokens += replay->requests[i].asked.prompt_count;
    }
    replay->pending = calloc(replay->request_count + 1, sizeof *replay->pending);
    replay->places = calloc(session->options.batch, sizeof *replay->places);
    replay->heads = calloc(session->rows_max, sizeof *replay->heads);
    replay->strips = calloc(session->rows_max, sizeof *replay->strips);
    if (!replay->pending || !replay->places || !replay->heads || !replay->strips) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory to replay %zu requests",
                          replay->request_count);
    }
    for (size_t i = 0; i < session->options.batch; i++) {
        assay_seat_release(&session->seats[i]); /* what was lent */
        replay->places[i].seat = &session->seats[i];
    }
    return ASSAY_OK;
}

enum assay_status assay_session_replay(struct assay_session *session,
                                       const struct assay_replay_request *requests,
                                       size_t request_count, assay_replay_visit *visit,
                                       void *context, struct assay_error *err)
{
    struct replay replay = {.session = session,
                            .requests = requests,
                            .request_count = request_count,
                            .visit = visit,
                            .context = context};
    if (!assay_session_idle(session)) {
        return assay_fail(err, ASSAY_EVALUE, "the session is busy: a replay needs it idle");
    }
    atomic_init(&replay.next_strip, 0);
    enum assay_status status = open_replay(&replay, err);
    while (!status) {
        do begin_claims(&replay);
        while (retire(&replay) > 0);
        if (replay.first == request_count && replay.taken_count == 0) break;
        pass(&replay);
    }
    free(replay.strips);
    free(replay.heads);
    free(replay.places);
    free(replay.pending);
    return status;
}
