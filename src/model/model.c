/* A model: the parsed file, what the engine needs of it, and the mapping under them. */
#include "model/model_parse.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/shard_name.h"
#include "model/chat.h"
#include "model/hyper.h"
#include "model/shards.h"
#include "model/tokenizer.h"
#include "model/weights.h"

#include <stdlib.h>

struct assay_model {
    struct assay_mapping *mappings; /* of the parts; NULL for a model in the caller's memory */
    size_t mapping_count;
    uint64_t file_bytes;
    struct assay_arena arena;
    struct assay_shards shards;
    struct assay_hyper hyper;
    struct assay_tokenizer *tokenizer;
    struct assay_model_tensors tensors;
    struct assay_chat_template chat;
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

static enum assay_status build(struct assay_model *model, const struct assay_model_part *parts,
                               size_t count, struct assay_error *err)
{
    enum assay_status status = assay_shards_parse(&model->shards, parts, count, err);
    if (status) return status;
    const struct assay_gguf *gguf = model->shards.ggufs[0];
    status = assay_hyper_read(&model->hyper, gguf, &model->arena, err);
    if (status) return status;
    status = assay_tokenizer_create(&model->tokenizer, gguf, &model->arena, err);
    if (status) return status;
    status = check_vocab(model, err);
    if (status) return status;
    status = assay_weights_bind(&model->tensors, &model->hyper, &model->shards, &model->arena, err);
    if (status) return status;
    return assay_chat_read(&model->chat, gguf, assay_tokenizer_vocabulary(model->tokenizer),
                           &model->arena, err);
}

enum assay_status assay_model_parse_parts(struct assay_model **out,
                                          const struct assay_model_part *parts, size_t count,
                                          struct assay_error *err)
{
    struct assay_model *model = calloc(1, sizeof *model);
    if (!model) return assay_fail(err, ASSAY_EMEMORY, "no memory for a model");
    for (size_t i = 0; i < count; i++) model->file_bytes += parts[i].size;
    enum assay_status status = build(model, parts, count, err);
    if (status) {
        assay_model_close(model);
        return status;
    }
    *out = model;
    return ASSAY_OK;
}

enum assay_status assay_model_parse(struct assay_model **out, const uint8_t *data, size_t size,
                                    struct assay_error *err)
{
    const struct assay_model_part part = {data, size};
    return assay_model_parse_parts(out, &part, 1, err);
}

static void unmap(struct assay_mapping *mappings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (mappings[i].data) assay_file_unmap(&mappings[i]);
    }
    free(mappings);
}

static enum assay_status map_parts(struct assay_mapping *mappings, const char *path, uint32_t count,
                                   struct assay_error *err)
{
    struct assay_bytes name = {0};
    enum assay_status status = ASSAY_OK;
    for (uint32_t i = 0; !status && i < count; i++) {
        assay_bytes_clear(&name);
        status = assay_shard_path(path, i + 1, &name, err);
        if (!status) status = assay_file_map(&mappings[i], (const char *)name.data, err);
        if (status && count > 1) {
            status = assay_while(err, status, "part %u of %u", i + 1, count);
        }
    }
    assay_bytes_fini(&name);
    return status;
}

static enum assay_status parse_mappings(struct assay_model **out, struct assay_mapping *mappings,
                                        size_t count, struct assay_error *err)
{
    struct assay_model_part *parts = calloc(count, sizeof *parts);
    if (!parts) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu parts", count);
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct assay_model_part){mappings[i].data, mappings[i].size};
    }
    enum assay_status status = assay_model_parse_parts(out, parts, count, err);
    free(parts);
    return status;
}

enum assay_status assay_model_open(struct assay_model **out, const char *path,
                                   struct assay_error *err)
{
    struct assay_shard_name name = assay_shard_name_of(path);
    struct assay_model *model = NULL;
    if (name.number != 1) {
        return assay_fail(err, ASSAY_EVALUE,
                          "%s is part %u of %u: open the first, and the others are found beside it",
                          path, name.number, name.count);
    }
    struct assay_mapping *mappings = calloc(name.count, sizeof *mappings);
    if (!mappings) return assay_fail(err, ASSAY_EMEMORY, "no memory for %u parts", name.count);
    enum assay_status status = map_parts(mappings, path, name.count, err); /* names paths itself */
    if (!status) {
        status = parse_mappings(&model, mappings, name.count, err);
        if (status) status = assay_while(err, status, "%s", path);
    }
    if (status) {
        unmap(mappings, name.count);
        return status;
    }
    model->mappings = mappings;
    model->mapping_count = name.count;
    *out = model;
    return ASSAY_OK;
}

void assay_model_close(struct assay_model *model)
{
    if (!model) return;
    assay_tokenizer_destroy(model->tokenizer);
    assay_shards_fini(&model->shards);
    assay_arena_fini(&model->arena);
    unmap(model->mappings, model->mapping_count);
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

void assay_model_forget(const struct assay_model *model, const struct assay_tensor *tensor)
{
    if (model->mapping_count == 0) return;
    assay_file_forget(tensor->data, tensor->rows * tensor->row_bytes);
}

const struct assay_tokenizer *assay_model_tokenizer(const struct assay_model *model)
{
    return model->tokenizer;
}

enum assay_status assay_chat_render(const struct assay_model *model, enum assay_chat choice,
                                    const struct assay_chat_talk *talk, struct assay_bytes *out,
                                    struct assay_error *err)
{
    return assay_chat_append(&model->chat, choice, talk, out, err);
}

const char *assay_chat_name(enum assay_chat choice)
{
#define ROW(name, text) [ASSAY_CHAT_##name] = text,
    static const char *const names[] = {ASSAY_CHAT_LIST(ROW)};
#undef ROW
    return (size_t)choice < ASSAY_CHAT_COUNT ? names[choice] : NULL;
}
