/* Parts of a model file. Their keys: llama.cpp's gguf-split. */
#include "model/shards.h"

#include <stdlib.h>

static enum assay_status check_number(const struct assay_gguf *gguf, const char *key, size_t found,
                                      size_t number, struct assay_error *err)
{
    uint32_t value = 0;
    if (!assay_gguf_has(gguf, key)) {
        return assay_fail(err, ASSAY_EMISMATCH, "part %zu has no key %s", number, key);
    }
    enum assay_status status = assay_gguf_get_u32(gguf, key, ASSAY_GGUF_REQUIRED, &value, err);
    if (status) return assay_while(err, status, "part %zu", number);
    if (value == found) return ASSAY_OK;
    return assay_fail(err, ASSAY_EMISMATCH, "part %zu: key %s is %u, but here it is %zu", number,
                      key, value, found);
}

/* A file in one piece may say so, or say nothing. */
static enum assay_status check_single(const struct assay_gguf *gguf, struct assay_error *err)
{
    uint32_t count = 1;
    enum assay_status status =
        assay_gguf_get_u32(gguf, "split.count", ASSAY_GGUF_OPTIONAL, &count, err);
    if (status || count <= 1) return status;
    return assay_fail(err, ASSAY_EMISMATCH,
                      "one of %u parts: their names must end in -00001-of-%05u.gguf and so on, and "
                      "the first is the one to open",
                      count, count);
}

static enum assay_status check_parts(const struct assay_shards *shards, struct assay_error *err)
{
    for (size_t i = 0; i < shards->count; i++) {
        const struct assay_gguf *gguf = shards->ggufs[i];
        enum assay_status status = check_number(gguf, "split.count", shards->count, i + 1, err);
        if (!status) status = check_number(gguf, "split.no", i, i + 1, err);
        if (!status) {
            status = check_number(gguf, "split.tensors.count", shards->tensor_count, i + 1, err);
        }
        if (status) return status;
    }
    return ASSAY_OK;
}

static enum assay_status check_distinct(const struct assay_shards *shards, struct assay_error *err)
{
    for (size_t i = 1; i < shards->count; i++) {
        const struct assay_shards before = {i, shards->ggufs, 0};
        for (size_t t = 0; t < assay_gguf_tensor_count(shards->ggufs[i]); t++) {
            const char *name = assay_gguf_tensor_at(shards->ggufs[i], t)->name;
            size_t index;
            if (!assay_shards_find(&before, name, &index)) continue;
            return assay_fail(err, ASSAY_EMISMATCH, "part %zu: tensor %s is in another part too",
                              i + 1, name);
        }
    }
    return ASSAY_OK;
}

enum assay_status assay_shards_parse(struct assay_shards *out, const struct assay_model_part *parts,
                                     size_t count, struct assay_error *err)
{
    struct assay_shards shards = {.count = count};
    shards.ggufs = calloc(count, sizeof(struct assay_gguf *));
    if (!shards.ggufs) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu parts", count);
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; !status && i < count; i++) {
        status = assay_gguf_parse(&shards.ggufs[i], parts[i].data, parts[i].size, err);
        if (status && count > 1) status = assay_while(err, status, "part %zu", i + 1);
        if (!status) shards.tensor_count += assay_gguf_tensor_count(shards.ggufs[i]);
    }
    if (!status)
        status = count == 1 ? check_single(shards.ggufs[0], err) : check_parts(&shards, err);
    if (!status) status = check_distinct(&shards, err);
    if (status) {
        assay_shards_fini(&shards);
        return status;
    }
    *out = shards;
    return ASSAY_OK;
}

void assay_shards_fini(struct assay_shards *shards)
{
    for (size_t i = 0; i < shards->count; i++) assay_gguf_destroy(shards->ggufs[i]);
    free(shards->ggufs);
    *shards = (struct assay_shards){0};
}

const struct assay_gguf_tensor *assay_shards_find(const struct assay_shards *shards,
                                                  const char *name, size_t *index)
{
    size_t before = 0;
    for (size_t i = 0; i < shards->count; i++) {
        const struct assay_gguf_tensor *tensor =
            assay_gguf_tensor_find(shards->ggufs[i], name, index);
        if (tensor) {
            *index += before;
            return tensor;
        }
        before += assay_gguf_tensor_count(shards->ggufs[i]);
    }
    return NULL;
}

const struct assay_gguf_tensor *assay_shards_at(const struct assay_shards *shards, size_t index)
{
    size_t i = 0;
    while (index >= assay_gguf_tensor_count(shards->ggufs[i])) {
        index -= assay_gguf_tensor_count(shards->ggufs[i++]);
    }
    return assay_gguf_tensor_at(shards->ggufs[i], index);
}
