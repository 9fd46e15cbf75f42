/* Teacher forcing: the logits of given tokens, by the same pass that samples them. */
#include "engine/session.h"

#include "base/assert.h"

#include <string.h>

static enum assay_status check(const struct assay_session *session, const uint32_t *tokens,
                               size_t count, struct assay_error *err)
{
    uint32_t context = session->options.context, vocab = session->hyper->vocab;
    if (count < 1 || count > context) {
        return assay_fail(err, ASSAY_EVALUE, "%zu tokens: must be 1 to the context of %u", count,
                          context);
    }
    for (size_t i = 0; i < count; i++) {
        if (tokens[i] < vocab) continue;
        return assay_fail(err, ASSAY_EVALUE, "token %zu is %u, but the vocabulary ends at %u", i,
                          tokens[i], vocab);
    }
    return ASSAY_OK;
}

/* The head of all rows of the last pass, as many at a time as it takes. */
static void copy_logits(struct assay_session *session, float *to)
{
    size_t vocab = session->hyper->vocab;
    for (size_t done = 0, count; done < session->rows; done += count) {
        count = session->rows - done;
        if (count > session->head_rows_max) count = session->head_rows_max;
        for (size_t i = 0; i < count; i++) session->head_rows[i] = done + i;
        memcpy(to + done * vocab, assay_forward_head(session->forward, session->head_rows, count),
               count * vocab * sizeof *to);
    }
}

enum assay_status assay_session_logits(struct assay_session *session, const uint32_t *tokens,
                                       size_t count, float *logits, struct assay_error *err)
{
    enum assay_status status = check(session, tokens, count, err);
    if (status) return status;
    if (!assay_session_idle(session)) {
        return assay_fail(err, ASSAY_EVALUE, "the session is busy: logits need it idle");
    }
    struct assay_seat *seat = &session->seats[0];
    assay_seat_release(seat);
    for (size_t done = 0; done < count; done += session->rows) {
        session->rows = 0;
        while (session->rows < session->options.prefill_rows && done + session->rows < count) {
            size_t position = done + session->rows;
            assay_session_add_row(session, &seat->table, position, tokens[position]);
        }
        struct assay_pass pass = {session->tokens, session->places, session->rows};
        assay_forward_layers(session->forward, &pass);
        session->counters.passes++;
        copy_logits(session, logits + done * session->hyper->vocab);
    }
    assay_seat_release(seat);
    return ASSAY_OK;
}
