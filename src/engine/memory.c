/* What a session takes, before it is opened: the sizes are those of session.c and of what it opens,
 * each asked of the file that will allocate it. */
#include "engine/session.h"

#include "engine/weights.h"

enum { BATCH_MAX = 1024, THREADS_MAX = 256, PREFILL_ROWS_MAX = 4096 };
/* Prompts kept besides the samples' own pages: being computed, ready, or in memory for the next. */
enum { PROMPTS_MIN = 3, PROMPTS_MAX = 16, SEATS_PER_PROMPT = 4 };

size_t assay_session_prompt_places(uint32_t batch)
{
    uint32_t count = batch / SEATS_PER_PROMPT;
    return count < PROMPTS_MIN ? PROMPTS_MIN : count > PROMPTS_MAX ? PROMPTS_MAX : count;
}

enum assay_status assay_session_check_options(const struct assay_session_options *options,
                                              const struct assay_hyper *hyper,
                                              struct assay_error *err)
{
    const struct {
        const char *name;
        uint32_t value, max;
    } ranges[] = {{"batch", options->batch, BATCH_MAX},
                  {"threads", options->threads, THREADS_MAX},
                  {"prefill rows", options->prefill_rows, PREFILL_ROWS_MAX},
                  {"context", options->context, hyper->context}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (ranges[i].value >= 1 && ranges[i].value <= ranges[i].max) continue;
        return assay_fail(err, ASSAY_EVALUE, "%s %u: must be 1 to %u", ranges[i].name,
                          ranges[i].value, ranges[i].max);
    }
    return ASSAY_OK;
}

size_t assay_session_longest_piece(const struct assay_tokenizer *tokenizer)
{
    size_t longest = 0;
    for (uint32_t token = 0; token < assay_tokenizer_vocab(tokenizer); token++) {
        const char *data;
        size_t size;
        assay_tokenizer_piece(tokenizer, token, false, &data, &size);
        if (size > longest) longest = size;
    }
    return longest;
}

static uint64_t work_bytes(const struct assay_model *model,
                           const struct assay_session_options *options, size_t prompts,
                           size_t piece)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    size_t rows = (size_t)options->batch + options->prefill_rows;
    size_t head_rows = options->batch + prompts;
    uint64_t seat =
        sizeof(struct assay_seat) +
        options->context * (sizeof(uint32_t) + sizeof(float) + sizeof(uint8_t) + (uint64_t)piece);
    return assay_forward_bytes(model, options->backend, rows, head_rows) +
           rows * (sizeof(uint32_t) + sizeof(struct assay_row_place) + sizeof(struct assay_head)) +
           head_rows * (sizeof(size_t) + sizeof(struct assay_draw_job)) +
           options->threads * assay_sampler_bytes(hyper->vocab) +
           assay_prompts_bytes(prompts, options->context, hyper->vocab) + options->batch * seat +
           sizeof(struct assay_session);
}

/* `piece`: assay_session_longest_piece, which walks the vocabulary. */
static struct assay_session_memory plan(const struct assay_model *model,
                                        const struct assay_session_options *options, size_t piece)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    const struct assay_kv_view shape = {.layers = hyper->layers,
                                        .kv_heads = hyper->kv_heads,
                                        .head_dim = hyper->head_dim,
                                        .wide = options->kv_f32};
    size_t prompts = assay_session_prompt_places(options->batch);
    uint64_t shared = options->cache ? assay_weights_packed_bytes(model, options->backend) : 0;
    struct assay_session_memory memory = {
        .file_bytes = shared > 0 ? shared : assay_model_file_bytes(model),
        .weight_bytes = assay_weights_bytes(model, options->backend, options->context) - shared,
        .packed_bytes = assay_weights_packed_bytes(model, options->backend),
        .cache_bytes = assay_kv_pool_bytes(options->backend, &shape, options->batch + prompts,
                                           options->context),
        .work_bytes = work_bytes(model, options, prompts, piece)};
    memory.total_bytes = memory.weight_bytes + memory.cache_bytes + memory.work_bytes;
    return memory;
}

enum assay_status assay_session_plan(struct assay_session_memory *out,
                                     const struct assay_model *model,
                                     const struct assay_session_options *options,
                                     struct assay_error *err)
{
    enum assay_status status = assay_session_check_options(options, assay_model_hyper(model), err);
    if (status) return status;
    *out = plan(model, options, assay_session_longest_piece(assay_model_tokenizer(model)));
    return ASSAY_OK;
}

uint32_t assay_session_batch_that_fits(const struct assay_model *model,
                                       const struct assay_session_options *options,
                                       uint64_t budget_bytes)
{
    struct assay_session_options tried = *options;
    size_t piece = assay_session_longest_piece(assay_model_tokenizer(model));
    uint32_t fits = 0, fails = BATCH_MAX + 1;
    tried.batch = 1;
    if (assay_session_check_options(&tried, assay_model_hyper(model), NULL)) return 0;
    while (fails - fits > 1) {
        tried.batch = fits + (fails - fits) / 2;
        if (plan(model, &tried, piece).total_bytes <= budget_bytes) {
            fits = tried.batch;
        } else {
            fails = tried.batch;
        }
    }
    return fits;
}
