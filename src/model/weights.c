/* Tensors of a model by name and shape. Names: gguf.md of ggml. */
#include "model/weights.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/exact.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Sides of a tensor, as hyperparameters. */
enum side { ONE, WIDTH, FFN, HEADS, KV, HEAD, VOCAB, ROPE_PAIRS };
/* Which architectures have a tensor. */
enum owner { ALL, WITH_BIASES, WITH_HEAD_NORMS, WITH_POST_NORMS };

static const struct layer_row {
    const char *name; /* blk.N.NAME */
    enum owner owner;
    enum side columns, rows;
    bool is_vector;
    size_t at;
} layer_rows[] = {
#define AT(field) offsetof(struct assay_layer_tensors, field)
    {"attn_norm.weight", ALL, WIDTH, ONE, true, AT(attn_norm)},
    {"attn_q.weight", ALL, WIDTH, HEADS, false, AT(q)},
    {"attn_k.weight", ALL, WIDTH, KV, false, AT(k)},
    {"attn_v.weight", ALL, WIDTH, KV, false, AT(v)},
    {"attn_q.bias", WITH_BIASES, HEADS, ONE, true, AT(q_bias)},
    {"attn_k.bias", WITH_BIASES, KV, ONE, true, AT(k_bias)},
    {"attn_v.bias", WITH_BIASES, KV, ONE, true, AT(v_bias)},
    {"attn_q_norm.weight", WITH_HEAD_NORMS, HEAD, ONE, true, AT(q_norm)},
    {"attn_k_norm.weight", WITH_HEAD_NORMS, HEAD, ONE, true, AT(k_norm)},
    {"attn_output.weight", ALL, HEADS, WIDTH, false, AT(o)},
    {"post_attention_norm.weight", WITH_POST_NORMS, WIDTH, ONE, true, AT(attn_post_norm)},
    {"ffn_norm.weight", ALL, WIDTH, ONE, true, AT(ffn_norm)},
    {"ffn_gate.weight", ALL, WIDTH, FFN, false, AT(gate)},
    {"ffn_up.weight", ALL, WIDTH, FFN, false, AT(up)},
    {"ffn_down.weight", ALL, FFN, WIDTH, false, AT(down)},
    {"post_ffw_norm.weight", WITH_POST_NORMS, WIDTH, ONE, true, AT(ffn_post_norm)},
#undef AT
};

struct binder {
    const struct assay_hyper *hyper;
    const struct assay_shards *shards;
    bool *used; /* by index of the tensor */
    struct assay_error *err;
};

static size_t side_of(const struct assay_hyper *hyper, enum side side)
{
    switch (side) {
    case WIDTH:
        return hyper->width;
    case FFN:
        return hyper->ffn_width;
    case HEADS:
        return (size_t)hyper->head_dim * hyper->heads;
    case KV:
        return (size_t)hyper->head_dim * hyper->kv_heads;
    case HEAD:
        return hyper->head_dim;
    case VOCAB:
        return hyper->vocab;
    case ROPE_PAIRS:
        return hyper->rope_dims / 2;
    case ONE:
        break;
    }
    return 1;
}

static bool has(const struct assay_hyper *hyper, enum owner owner)
{
    return owner == ALL || (owner == WITH_BIASES && hyper->qkv_biases) ||
           (owner == WITH_HEAD_NORMS && hyper->head_norms) ||
           (owner == WITH_POST_NORMS && hyper->post_norms);
}

static enum assay_status check_shape(struct binder *binder, const struct assay_gguf_tensor *tensor,
                                     enum side columns, enum side rows, bool is_f32)
{
    size_t c = side_of(binder->hyper, columns), r = side_of(binder->hyper, rows);
    if (tensor->dims[0] != c || tensor->dims[1] != r || tensor->dims[2] != 1 ||
        tensor->dims[3] != 1) {
        return assay_fail(binder->err, ASSAY_EFORMAT,
                          "tensor %s is %zu × %zu × %zu × %zu; the hyperparameters say %zu × %zu",
                          tensor->name, tensor->dims[0], tensor->dims[1], tensor->dims[2],
                          tensor->dims[3], c, r);
    }
    if (is_f32 && tensor->dtype != ASSAY_DTYPE_F32) {
        return assay_fail(binder->err, ASSAY_EUNSUPPORTED, "tensor %s is %s; supported is F32",
                          tensor->name, assay_dtype_name(tensor->dtype));
    }
    return ASSAY_OK;
}

/* An optional tensor that is absent leaves *out zero. */
static enum assay_status bind(struct binder *binder, const char *name, enum assay_gguf_need need,
                              enum side columns, enum side rows, bool is_f32,
                              struct assay_tensor *out)
{
    size_t index = 0;
    const struct assay_gguf_tensor *tensor = assay_shards_find(binder->shards, name, &index);
    if (!tensor && need == ASSAY_GGUF_OPTIONAL) return ASSAY_OK;
    if (!tensor) return assay_fail(binder->err, ASSAY_EFORMAT, "tensor %s is missing", name);
    enum assay_status status = check_shape(binder, tensor, columns, rows, is_f32);
    if (status) return status;
    binder->used[index] = true;
    *out = (struct assay_tensor){.name = tensor->name,
                                 .dtype = tensor->dtype,
                                 .rows = tensor->dims[1],
                                 .columns = tensor->dims[0],
                                 .row_bytes = tensor->size / tensor->dims[1],
                                 .data = tensor->data};
    return ASSAY_OK;
}

static enum assay_status bind_layers(struct binder *binder, struct assay_layer_tensors *layers)
{
    for (uint32_t i = 0; i < binder->hyper->layers; i++) {
        for (size_t k = 0; k < sizeof layer_rows / sizeof layer_rows[0]; k++) {
            const struct layer_row *row = &layer_rows[k];
            char name[ASSAY_GGUF_NAME_BYTES_MAX];
            if (!has(binder->hyper, row->owner)) continue;
            snprintf(name, sizeof name, "blk.%u.%s", i, row->name);
            enum assay_status status =
                bind(binder, name, ASSAY_GGUF_REQUIRED, row->columns, row->rows, row->is_vector,
                     (struct assay_tensor *)(void *)((char *)&layers[i] + row->at));
            if (status) return status;
        }
    }
    return ASSAY_OK;
}

/* Copied, because data in the file may have any alignment. */
static enum assay_status bind_rope_factors(struct binder *binder, struct assay_arena *arena,
                                           const float **out)
{
    struct assay_tensor tensor = {0};
    enum assay_status status =
        bind(binder, "rope_freqs.weight", ASSAY_GGUF_OPTIONAL, ROPE_PAIRS, ONE, true, &tensor);
    if (status || !tensor.data) return status;
    if (binder->hyper->rope_scale > 1.0f) {
        return assay_fail(binder->err, ASSAY_EUNSUPPORTED,
                          "tensor %s and linear scaling of positions in one file", tensor.name);
    }
    float *factors = assay_arena_take(arena, tensor.columns, sizeof *factors);
    if (!factors) return assay_fail(binder->err, ASSAY_EMEMORY, "no memory for rope factors");
    for (size_t i = 0; i < tensor.columns; i++) {
        factors[i] = assay_float(assay_get_le32(tensor.data + 4 * i));
        if (!(factors[i] >= 1e-6f && factors[i] <= 1e6f)) {
            return assay_fail(binder->err, ASSAY_EFORMAT,
                              "tensor %s: factor %zu is %g, outside of 1e-6 to 1e6", tensor.name, i,
                              (double)factors[i]);
        }
    }
    *out = factors;
    return ASSAY_OK;
}

static enum assay_status check_all_used(const struct binder *binder)
{
    for (size_t i = 0; i < binder->shards->tensor_count; i++) {
        if (!binder->used[i]) {
            return assay_fail(binder->err, ASSAY_EUNSUPPORTED,
                              "tensor %s has no place in the forward pass of architecture %s",
                              assay_shards_at(binder->shards, i)->name,
                              binder->hyper->architecture);
        }
    }
    return ASSAY_OK;
}

enum assay_status assay_weights_bind(struct assay_model_tensors *out,
                                     const struct assay_hyper *hyper,
                                     const struct assay_shards *shards, struct assay_arena *arena,
                                     struct assay_error *err)
{
    struct assay_model_tensors t = {0};
    struct assay_layer_tensors *layers = assay_arena_take(arena, hyper->layers, sizeof *layers);
    struct binder binder = {hyper, shards, NULL, err};
    binder.used = assay_arena_take(arena, shards->tensor_count, sizeof *binder.used);
    if (!layers || !binder.used) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %u layers", hyper->layers);
    }
    t.layers = layers;
    enum assay_status status =
        bind(&binder, "token_embd.weight", ASSAY_GGUF_REQUIRED, WIDTH, VOCAB, false, &t.embedding);
    if (status) return status;
    t.output = t.embedding;
    status = bind(&binder, "output.weight", ASSAY_GGUF_OPTIONAL, WIDTH, VOCAB, false, &t.output);
    if (status) return status;
    status =
        bind(&binder, "output_norm.weight", ASSAY_GGUF_REQUIRED, WIDTH, ONE, true, &t.output_norm);
    if (status) return status;
    status = bind_layers(&binder, layers);
    if (status) return status;
    status = bind_rope_factors(&binder, arena, &t.rope_factors);
    if (status) return status;
    status = check_all_used(&binder);
    if (status) return status;
    *out = t;
    return ASSAY_OK;
}
