/* A sample from its first token to its last: FORMAT.md 2.5. */
#include "engine/session.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum assay_status assay_seat_init(struct assay_seat *seat, struct assay_kv_pool *pool,
                                  uint32_t context, size_t piece_bytes_max, struct assay_error *err)
{
    size_t text;
    seat->context = context;
    seat->history = calloc(context, sizeof *seat->history);
    seat->log_probs = calloc(context, sizeof *seat->log_probs);
    seat->greedy = calloc(context, sizeof *seat->greedy);
    if (!seat->history || !seat->log_probs || !seat->greedy ||
        !assay_multiply(context, piece_bytes_max, &text)) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for samples of %u tokens", context);
    }
    enum assay_status status = assay_bytes_reserve(&seat->text, text, err);
    return status ? status : assay_kv_table_init(&seat->table, pool, err);
}

void assay_seat_fini(struct assay_seat *seat)
{
    assay_kv_table_fini(&seat->table);
    assay_bytes_fini(&seat->text);
    free(seat->greedy);
    free(seat->log_probs);
    free(seat->history);
    *seat = (struct assay_seat){0};
}

void assay_seat_begin(struct assay_seat *seat, struct assay_queued *from)
{
    const struct assay_request *request = &from->request;
    const struct assay_sample_request *sample = &from->samples[from->begun];
    ASSAY_ASSERT(seat->state == ASSAY_SEAT_FREE && seat->table.page_count == 0);
    seat->state = ASSAY_SEAT_RUNNING;
    seat->tag = sample->tag;
    seat->profile = sample->profile;
    seat->stops = request->stops;
    seat->stop_count = request->stop_count;
    seat->max_tokens = request->max_tokens;
    seat->past_end = request->past_end;
    seat->forced_count = sample->forced_count;
    seat->forced_rows = 0;
    assay_draw_begin(&seat->stream, sample->profile->draw, sample->replicates, sample->sets,
                     sample->replicate, &sample->group_key);
    assay_kv_share(&seat->table, &from->prompt->table, request->prompt_count);
    memcpy(seat->history, from->tokens, request->prompt_count * sizeof *seat->history);
    seat->prompt_count = request->prompt_count;
    if (sample->forced_count > 0) {
        memcpy(seat->history + seat->prompt_count, sample->forced,
               sample->forced_count * sizeof *seat->history);
    }
    seat->token_count = 0;
    assay_bytes_clear(&seat->text);
    seat->prompt_shared = from->prompt->begun > 0;
    seat->start_ns = assay_clock_epoch_ns();
    seat->start_monotonic_ns = assay_clock_monotonic_ns();
}

void assay_seat_release(struct assay_seat *seat)
{
    assay_kv_cut(&seat->table, 0);
    seat->state = ASSAY_SEAT_FREE;
}

/* A stop string that ends after the first `old` bytes of the text, the one that starts first: where
 * it starts, or the text's length. */
static size_t find_stop(const struct assay_seat *seat, size_t old)
{
    const char *text = (const char *)seat->text.data;
    size_t found = seat->text.size;
    for (size_t i = 0; i < seat->stop_count; i++) {
        size_t length = strlen(seat->stops[i]);
        for (size_t at = old >= length ? old - length + 1 : 0; at < found; at++) {
            if (length > seat->text.size - at) break;
            if (memcmp(text + at, seat->stops[i], length) == 0) found = at;
        }
    }
    return found;
}

/* Append the token's text. True when that completes a stop string, at which the text is then cut.
 */
static bool append_text(struct assay_seat *seat, const struct assay_tokenizer *tokenizer,
                        uint32_t token)
{
    const char *piece;
    size_t size, old = seat->text.size;
    assay_tokenizer_piece(tokenizer, token, false, &piece, &size);
    if (size == 0) return false;
    ASSAY_ASSERT(assay_bytes_append(&seat->text, piece, size, NULL) == ASSAY_OK);
    size_t stop = find_stop(seat, old);
    if (stop == seat->text.size) return false;
    seat->text.size = stop;
    return true;
}

static void finish(struct assay_seat *seat, enum assay_finish how, uint32_t batch_rows)
{
    seat->state = ASSAY_SEAT_FINISHED;
    seat->finish = how;
    seat->batch_rows = batch_rows;
    seat->duration_ns = assay_clock_monotonic_ns() - seat->start_monotonic_ns;
}

void assay_seat_accept(struct assay_seat *seat, const struct assay_tokenizer *tokenizer,
                       const struct assay_draw_job *job, uint32_t batch_rows)
{
    if (!job->finite) {
        finish(seat, ASSAY_FINISH_NONFINITE, batch_rows);
        return;
    }
    uint32_t token = job->choice.token;
    ASSAY_ASSERT(seat->prompt_count + seat->token_count < seat->context);
    seat->history[seat->prompt_count + seat->token_count] = token;
    seat->log_probs[seat->token_count] = job->choice.log_prob;
    seat->token_count++;
    if (!seat->past_end && assay_tokenizer_is_end(tokenizer, token)) {
        finish(seat, ASSAY_FINISH_END, batch_rows);
    } else if (append_text(seat, tokenizer, token)) {
        finish(seat, ASSAY_FINISH_STOP, batch_rows);
    } else if (seat->token_count == seat->max_tokens) {
        finish(seat, ASSAY_FINISH_LENGTH, batch_rows);
    } else if (seat->prompt_count + seat->token_count == seat->context) {
        finish(seat, ASSAY_FINISH_CONTEXT, batch_rows);
    }
}

void assay_seat_accept_forced(struct assay_seat *seat, const struct assay_draw_job *job,
                              uint32_t batch_rows)
{
    if (seat->state != ASSAY_SEAT_RUNNING) return; /* a position before this one ended it */
    ASSAY_ASSERT(job->position == seat->token_count && job->position < seat->forced_count);
    if (!job->finite) {
        finish(seat, ASSAY_FINISH_NONFINITE, batch_rows);
        return;
    }
    seat->log_probs[seat->token_count] = job->choice.log_prob;
    seat->greedy[seat->token_count] = job->greedy;
    seat->token_count++;
    if (seat->token_count == seat->forced_count) finish(seat, ASSAY_FINISH_END, batch_rows);
}
