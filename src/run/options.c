/* The options of an item as tokens. Prompt and option are encoded together and the option is what
 * stands behind the prompt's own tokens; white space at the end of the prompt belongs to the
 * option, where tokenizers want it. This is what lm-evaluation-harness does, so that the same
 * numbers come out. */
#include "run/choice.h"

#include "base/bytes.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void assay_options_fini(struct assay_job_options *options)
{
    free(options->first);
    free(options->offset);
    free(options->tokens);
    free(options->lengths);
    *options = (struct assay_job_options){0};
}

void assay_options_finish(struct assay_options_builder *builder, struct assay_job_options *out)
{
    out->first = (uint32_t *)(void *)builder->first.data; /* from malloc: aligned */
    out->offset = (uint64_t *)(void *)builder->offset.data;
    out->tokens = (uint32_t *)(void *)builder->tokens.data;
    out->lengths = (uint32_t *)(void *)builder->lengths.data;
    *builder = (struct assay_options_builder){0};
}

size_t assay_options_prompt_size(const struct assay_bytes *context)
{
    const char *text = (const char *)context->data, *trimmed = text;
    size_t size = context->size;
    if (size == 0) return 0;
    assay_text_trim(&trimmed, &size);
    return size == 0 ? 0 : (size_t)(trimmed - text) + size;
}

/* Bytes of an option's text without the white space in front. */
static uint32_t text_length(const char *text, size_t size)
{
    const char *trimmed = text;
    size_t left = size;
    assay_text_trim(&trimmed, &left);
    return left == 0 ? 0 : (uint32_t)(size - (size_t)(trimmed - text));
}

/* `whole`: prompt and option. Its tokens behind the first prompt_count are the option's. */
static enum assay_status add_tokens(struct assay_options_builder *builder, struct assay_job *job,
                                    const struct assay_bytes *whole, size_t prompt_count,
                                    struct assay_error *err)
{
    struct assay_bytes tokens = {0};
    struct assay_bytes *to = &builder->tokens;
    uint32_t limit = assay_model_hyper(job->model)->context;
    size_t skip = prompt_count * sizeof(uint32_t);
    enum assay_status status = assay_tokenizer_encode_prompt(
        assay_model_tokenizer(job->model), (const char *)whole->data, whole->size,
        job->spec->chat != ASSAY_CHAT_NONE, &tokens, err);
    size_t count = tokens.size / sizeof(uint32_t);
    if (!status && tokens.size <= skip) {
        status =
            assay_fail(err, ASSAY_EVALUE,
                       "it has no token of its own behind the prompt of %zu tokens", prompt_count);
    }
    if (!status && count > limit) {
        status = assay_fail(err, ASSAY_EVALUE,
                            "prompt and option have %zu tokens, more than the model's context of "
                            "%u",
                            count, limit);
    }
    if (!status) status = assay_bytes_append(to, tokens.data + skip, tokens.size - skip, err);
    if (!status && count > job->context) job->context = (uint32_t)count;
    assay_bytes_fini(&tokens);
    if (status) return status;
    uint64_t end = to->size / sizeof(uint32_t);
    return assay_bytes_append(&builder->offset, &end, sizeof end, err);
}

static enum assay_status add_option(struct assay_options_builder *builder, struct assay_job *job,
                                    uint32_t item, uint32_t choice, struct assay_bytes *whole,
                                    size_t prompt_count, struct assay_error *err)
{
    size_t before = whole->size;
    enum assay_status status = assay_benchmark_option(job->benchmark, item, choice, whole, err);
    if (!status) {
        uint32_t length = text_length((const char *)whole->data + before, whole->size - before);
        status = length > 0 ? assay_bytes_append(&builder->lengths, &length, sizeof length, err)
                            : assay_fail(err, ASSAY_EVALUE, "it is empty");
    }
    if (!status) status = add_tokens(builder, job, whole, prompt_count, err);
    whole->size = before;
    return assay_while(err, status, "option %u", choice);
}

enum assay_status assay_options_add(struct assay_options_builder *builder, struct assay_job *job,
                                    uint32_t item, struct assay_bytes *context, size_t prompt_count,
                                    struct assay_error *err)
{
    const struct assay_item *of = assay_benchmark_item(job->benchmark, item);
    enum assay_status status = ASSAY_OK;
    if (item == 0) {
        const uint64_t none = 0;
        const uint32_t first = 0;
        status = assay_bytes_append(&builder->offset, &none, sizeof none, err);
        if (!status) status = assay_bytes_append(&builder->first, &first, sizeof first, err);
    }
    if (!status && of->choice_count > ASSAY_OPTIONS_MAX) {
        status = assay_fail(err, ASSAY_EVALUE, "it has %u options: at most %d are allowed",
                            of->choice_count, ASSAY_OPTIONS_MAX);
    }
    for (uint32_t i = 0; i < of->choice_count && !status; i++) {
        status = add_option(builder, job, item, i, context, prompt_count, err);
    }
    if (!status) {
        uint32_t next = (uint32_t)(builder->lengths.size / sizeof(uint32_t));
        status = assay_bytes_append(&builder->first, &next, sizeof next, err);
    }
    return assay_while(err, status, "item \"%s\"", of->id);
}
