/* Requests: checked where they come in, copied, kept in order. */
#include "engine/session.h"

#include "base/arena.h"
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static enum assay_status check_forced(const struct assay_session *session, size_t prompt_count,
                                      const struct assay_sample_request *sample,
                                      struct assay_error *err)
{
    uint32_t context = session->options.context, vocab = session->hyper->vocab;
    if (sample->forced_count > context - prompt_count) {
        return assay_fail(err, ASSAY_EVALUE,
                          "%zu prompt tokens and %zu forced ones do not fit the context of %u",
                          prompt_count, sample->forced_count, context);
    }
    for (size_t i = 0; i < sample->forced_count; i++) {
        if (sample->forced[i] < vocab) continue;
        return assay_fail(err, ASSAY_EVALUE,
                          "forced token %zu is %u, but the vocabulary ends at %u", i,
                          sample->forced[i], vocab);
    }
    return ASSAY_OK;
}

static enum assay_status check_sample(const struct assay_sample_request *sample,
                                      struct assay_error *err)
{
    if (sample->replicates < 1 || sample->replicates > ASSAY_SPEC_REPLICATES_MAX ||
        sample->sets < 1 || sample->replicates % sample->sets != 0 ||
        sample->replicate >= sample->replicates) {
        return assay_fail(err, ASSAY_EVALUE, "replicate %u of %u in %u sets: out of range",
                          sample->replicate, sample->replicates, sample->sets);
    }
    const struct assay_profile *profile = sample->profile;
    if (profile->top_p_milli < 1 || profile->top_p_milli > 1000 || profile->min_p_milli > 1000 ||
        profile->repetition_penalty_milli < 1 || !assay_draw_name(profile->draw)) {
        return assay_fail(err, ASSAY_EVALUE, "profile \"%s\": a value is out of range",
                          profile->name);
    }
    return ASSAY_OK;
}

enum assay_status assay_request_check(const struct assay_session *session,
                                      const struct assay_request *request, struct assay_error *err)
{
    uint32_t context = session->options.context, vocab = session->hyper->vocab;
    if (request->prompt_count < 1 || request->max_tokens < 1 || request->sample_count < 1) {
        return assay_fail(err, ASSAY_EVALUE,
                          "a request of %zu prompt tokens, at most %u output tokens, %zu samples: "
                          "none may be 0",
                          request->prompt_count, request->max_tokens, request->sample_count);
    }
    if (request->prompt_count >= context) {
        return assay_fail(err, ASSAY_EVALUE,
                          "%zu prompt tokens leave no room for output in the context of %u",
                          request->prompt_count, context);
    }
    for (size_t i = 0; i < request->prompt_count; i++) {
        if (request->prompt[i] < vocab) continue;
        return assay_fail(err, ASSAY_EVALUE,
                          "prompt token %zu is %u, but the vocabulary ends at %u", i,
                          request->prompt[i], vocab);
    }
    for (size_t i = 0; i < request->stop_count; i++) {
        if (request->stops[i][0] == 0) {
            return assay_fail(err, ASSAY_EVALUE, "stop string %zu is empty", i);
        }
    }
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; !status && i < request->sample_count; i++) {
        status = check_sample(&request->samples[i], err);
        if (!status) {
            status = check_forced(session, request->prompt_count, &request->samples[i], err);
        }
    }
    return status;
}

/* One allocation: the struct, the samples, the prompt's tokens, the forced ones. */
static struct assay_queued *copy(const struct assay_request *request)
{
    size_t samples, tokens, count = request->prompt_count;
    for (size_t i = 0; i < request->sample_count; i++) {
        size_t forced = request->samples[i].forced_count;
        if (forced > SIZE_MAX / 4 - count) return NULL;
        count += forced;
    }
    if (!assay_multiply(request->sample_count, sizeof *request->samples, &samples) ||
        !assay_multiply(count, sizeof *request->prompt, &tokens) || samples > SIZE_MAX / 4 ||
        tokens > SIZE_MAX / 4) {
        return NULL;
    }
    struct assay_queued *queued = malloc(sizeof *queued + samples + tokens);
    if (!queued) return NULL;
    *queued = (struct assay_queued){.request = *request};
    queued->samples = (struct assay_sample_request *)(queued + 1);
    queued->tokens = (uint32_t *)(queued->samples + request->sample_count);
    memcpy(queued->samples, request->samples, samples);
    memcpy(queued->tokens, request->prompt, request->prompt_count * sizeof *request->prompt);
    uint32_t *to = queued->tokens + request->prompt_count;
    for (size_t i = 0; i < request->sample_count; i++) {
        struct assay_sample_request *sample = &queued->samples[i];
        if (sample->forced_count == 0) continue;
        memcpy(to, sample->forced, sample->forced_count * sizeof *to);
        sample->forced = to;
        to += sample->forced_count;
    }
    queued->request.samples = queued->samples;
    queued->request.prompt = queued->tokens;
    return queued;
}

enum assay_status assay_queue_push(struct assay_session *session,
                                   const struct assay_request *request, struct assay_error *err)
{
    struct assay_queue_list *queue = &session->queue;
    enum assay_status status = assay_request_check(session, request, err);
    if (status) return status;
    struct assay_queued *queued = copy(request);
    if (!queued) return assay_fail(err, ASSAY_EMEMORY, "no memory for a request");
    if (queue->last) {
        queue->last->next = queued;
    } else {
        queue->first = queued;
    }
    queue->last = queued;
    queue->samples += request->sample_count;
    return ASSAY_OK;
}

void assay_queue_drop(struct assay_queue_list *queue, struct assay_queued *before)
{
    struct assay_queued *dropped = before ? before->next : queue->first;
    if (before) {
        before->next = dropped->next;
    } else {
        queue->first = dropped->next;
    }
    if (queue->last == dropped) queue->last = before;
    free(dropped);
}

void assay_queue_clear(struct assay_queue_list *queue)
{
    while (queue->first) assay_queue_drop(queue, NULL);
    queue->samples = 0;
}
