/* A model: the parsed file, what the engine needs of it, and the mapping under them. */
#include "model/model_parse.h"

#include "base/arena.h"
#include "base/file.h"
#include "model/chat.h"
#include "model/gguf.h"
#include "model/hyper.h"
#include "model/tokenizer.h"
#include "model/weights.h"

#include <stdlib.h>

struct assay_model {
    struct assay_mapping mapping; /* empty for a model in the caller's memory */
    uint64_t file_bytes;
    struct assay_arena arena;
    struct assay_gguf *gguf;
    struct assay_hyper hyper;
    struct assay_tokenizer *tokenizer;
    struct assay_model_tensors tensors;
    struct assay_chat chat;
};

/* The vocabulary decides how many rows the embedding has. */
static enum assay_status check_vocab(struct assay_model *model, struct assay_error *err)
{
    uint32_t count = assay_tokenizer_vocab(model->tokenizer);
    if (model->hyper.vocab != 0 && model->hyper.vocab != count) {
        return assay_fail(err, ASSAY_EFORMAT, "key %s.vocab_size is %u, but there are %u tokens",
                          model->hyper.architecture, model->hyper.vocab, count);
    }
    model->hyper.vocab = count;
    return ASSAY_OK;
}

static enum assay_status build(struct assay_model *model, const uint8_t *data, size_t size,
                               struct assay_error *err)
{
    enum assay_status status = assay_gguf_parse(&model->gguf, data, size, err);
    if (status) return status;
    status = assay_hyper_read(&model->hyper, model->gguf, &model->arena, err);
    if (status) return status;
    status = assay_tokenizer_create(&model->tokenizer, model->gguf, &model->arena, err);
    if (status) return status;
    status = check_vocab(model, err);
    if (status) return status;
    status = assay_weights_bind(&model->tensors, &model->hyper, model->gguf, &model->arena, err);
    if (status) return status;
    return assay_chat_read(&model->chat, model->gguf, assay_tokenizer_vocabulary(model->tokenizer),
                           &model->arena, err);
}

enum assay_status assay_model_parse(struct assay_model **out, const uint8_t *data, size_t size,
                                    struct assay_error *err)
{
    struct assay_model *model = calloc(1, sizeof *model);
    if (!model) return assay_fail(err, ASSAY_EMEMORY, "no memory for a model");
    model->file_bytes = size;
    enum assay_status status = build(model, data, size, err);
    if (status) {
        assay_model_close(model);
        return status;
    }
    *out = model;
    return ASSAY_OK;
}

enum assay_status assay_model_open(struct assay_model **out, const char *path,
                                   struct assay_error *err)
{
    struct assay_mapping mapping = {0};
    struct assay_model *model = NULL;
    enum assay_status status = assay_file_map(&mapping, path, err); /* names the path itself */
    if (status) return status;
    status = assay_model_parse(&model, mapping.data, mapping.size, err);
    if (status) {
        assay_file_unmap(&mapping);
        return assay_while(err, status, "%s", path);
    }
    model->mapping = mapping;
    *out = model;
    return ASSAY_OK;
}

void assay_model_close(struct assay_model *model)
{
    if (!model) return;
    assay_tokenizer_destroy(model->tokenizer);
    assay_gguf_destroy(model->gguf);
    assay_arena_fini(&model->arena);
    if (model->mapping.data) assay_file_unmap(&model->mapping);
    free(model);
}

uint64_t assay_model_file_bytes(const struct assay_model *model)
{
    return model->file_bytes;
}

const struct assay_hyper *assay_model_hyper(const struct assay_model *model)
{
    return &model->hyper;
}

const struct assay_model_tensors *assay_model_tensors(const struct assay_model *model)
{
    return &model->tensors;
}

const struct assay_tokenizer *assay_model_tokenizer(const struct assay_model *model)
{
    return model->tokenizer;
}

enum assay_status assay_chat_render(const struct assay_model *model, const char *system,
                                    const char *user, struct assay_bytes *out,
                                    struct assay_error *err)
{
    return assay_chat_append(&model->chat, system, user, out, err);
}
