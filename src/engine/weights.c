/* Weights are converted once, at open. Vectors are few and are copied, because the file promises no
 * alignment. */
#include "engine/weights.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/exact.h"
#include "base/team.h"
#include "engine/panels.h"
#include "model/finite.h"

#include <stddef.h>
#include <stdlib.h>

/* What making the matrices needs, and how far it is in the packed weights. */
struct maker {
    struct assay_weights *weights;
    const struct assay_model *model;
    const struct assay_panel_cache *cache;
    struct assay_team *team;
    bool fresh;  /* the packed weights are still to be filled */
    uint64_t at; /* where the next matrix lies in them */
};

enum { PACKED_UNIT = 64 };

static uint64_t packed_bytes(const struct assay_backend *backend, const struct assay_tensor *tensor)
{
    return (backend->packed_bytes(tensor) + PACKED_UNIT - 1) / PACKED_UNIT * PACKED_UNIT;
}

/* A cache was checked when it was made. */
static enum assay_status make_matrix(struct maker *maker, struct assay_weight *out,
                                     const struct assay_tensor *tensor, struct assay_error *err)
{
    struct assay_weights *weights = maker->weights;
    const struct assay_backend *backend = weights->backend;
    struct assay_matrix *matrix;
    uint8_t *packed = NULL;
    enum assay_status status = ASSAY_OK;
    if (!weights->panels || maker->fresh) status = assay_tensor_check_finite(tensor, err);
    if (status) return status;
    if (weights->panels) {
        packed = assay_panels_data(weights->panels) + maker->at;
        maker->at += packed_bytes(backend, tensor);
    }
    status = backend->matrix_create(maker->team, &matrix, tensor, packed, err);
    if (status) return status;
    if (maker->fresh) backend->pack(maker->team, tensor, packed);
    if (backend->layout) assay_model_forget(maker->model, tensor);
    *out = (struct assay_weight){.matrix = matrix,
                                 .rows = tensor->rows,
                                 .columns = tensor->columns,
                                 .quantised = assay_dtype_block_elements(tensor->dtype) > 1};
    return ASSAY_OK;
}

/* Nothing where the architecture has no such vector. */
static enum assay_status make_vector(const struct assay_weights *weights, float **out,
                                     const struct assay_tensor *tensor, struct assay_error *err)
{
    if (!tensor->data) return ASSAY_OK;
    if (tensor->dtype != ASSAY_DTYPE_F32) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "tensor %s: a vector must be F32, not %s",
                          tensor->name, assay_dtype_name(tensor->dtype));
    }
    enum assay_status status = assay_tensor_check_finite(tensor, err);
    if (status) return status;
    float *vector = weights->backend->alloc(tensor->columns * sizeof *vector);
    if (!vector) return assay_fail(err, ASSAY_EMEMORY, "tensor %s: no memory", tensor->name);
    for (size_t i = 0; i < tensor->columns; i++) {
        vector[i] = assay_float(assay_get_le32(tensor->data + 4 * i));
    }
    *out = vector;
    return ASSAY_OK;
}

/* What a layer is made of: where a tensor stands in the model's layer and in ours. */
struct part {
    size_t from, to;
};
#define PART(name)                                                                                 \
    {                                                                                              \
        offsetof(struct assay_layer_tensors, name), offsetof(struct assay_layer_weights, name)     \
    }
static const struct part vectors[] = {PART(attn_norm), PART(ffn_norm),       PART(q_bias),
                                      PART(k_bias),    PART(v_bias),         PART(q_norm),
                                      PART(k_norm),    PART(attn_post_norm), PART(ffn_post_norm)};
static const struct part matrices[] = {PART(q),    PART(k),  PART(v),   PART(o),
                                       PART(gate), PART(up), PART(down)};
enum {
    VECTORS = sizeof vectors / sizeof vectors[0],
    MATRICES = sizeof matrices / sizeof matrices[0]
};

static const struct assay_tensor *tensor_of(const struct assay_layer_tensors *layer,
                                            const struct part *part)
{
    return (const struct assay_tensor *)(const void *)((const char *)layer + part->from);
}

static float **vector_of(struct assay_layer_weights *layer, const struct part *part)
{
    return (float **)(void *)((char *)layer + part->to);
}

static struct assay_weight *matrix_of(struct assay_layer_weights *layer, const struct part *part)
{
    return (struct assay_weight *)(void *)((char *)layer + part->to);
}

static enum assay_status make_layer(struct maker *maker, struct assay_layer_weights *layer,
                                    const struct assay_layer_tensors *tensors,
                                    struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; !status && i < VECTORS; i++) {
        status = make_vector(maker->weights, vector_of(layer, &vectors[i]),
                             tensor_of(tensors, &vectors[i]), err);
    }
    for (size_t i = 0; !status && i < MATRICES; i++) {
        status = make_matrix(maker, matrix_of(layer, &matrices[i]),
                             tensor_of(tensors, &matrices[i]), err);
    }
    return status;
}

/* A table of positions to be filled. */
struct rope_work {
    float *table;
    float base, scale;
    const float *factors; /* or NULL */
    uint32_t dims, context;
};

static void fill_rope(void *context, unsigned thread, unsigned threads)
{
    const struct rope_work *work = context;
    uint32_t dims = work->dims;
    size_t begin, end;
    assay_team_share(work->context, 1, thread, threads, &begin, &end);
    for (size_t position = begin; position < end; position++) {
        for (uint32_t pair = 0; pair < dims / 2; pair++) {
            float *entry = work->table + position * dims + 2 * (size_t)pair;
            float factor = work->factors ? work->factors[pair] : work->scale;
            assay_rope_entry(work->base, pair, dims, factor, (uint32_t)position, &entry[1],
                             &entry[0]);
        }
    }
}

static enum assay_status make_rope(const struct assay_weights *weights, struct assay_team *team,
                                   struct rope_work work, float **out, struct assay_error *err)
{
    size_t count, bytes;
    if (!assay_multiply(work.context, work.dims, &count) ||
        !assay_multiply(count, sizeof *work.table, &bytes)) {
        return assay_fail(err, ASSAY_EVALUE, "a context of %u tokens is too long", work.context);
    }
    work.table = weights->backend->alloc(bytes);
    if (!work.table) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %u rotated positions", work.context);
    }
    assay_team_run(team, fill_rope, &work);
    *out = work.table;
    return ASSAY_OK;
}

static enum assay_status make_ropes(struct assay_weights *weights, const struct assay_model *model,
                                    struct assay_team *team, uint32_t context,
                                    struct assay_error *err)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    struct rope_work work = {.base = hyper->rope_base,
                             .scale = hyper->rope_scale,
                             .factors = assay_model_tensors(model)->rope_factors,
                             .dims = hyper->rope_dims,
                             .context = context};
    enum assay_status status = make_rope(weights, team, work, &weights->rope, err);
    if (status || hyper->window == 0) return status;
    work.base = hyper->window_rope_base;
    work.scale = 1.0f;
    return make_rope(weights, team, work, &weights->window_rope, err);
}

uint64_t assay_weights_packed_bytes(const struct assay_model *model,
                                    const struct assay_backend *backend)
{
    const struct assay_model_tensors *tensors = assay_model_tensors(model);
    if (!backend->layout) return 0;
    uint64_t bytes = packed_bytes(backend, &tensors->output);
    for (uint32_t i = 0; i < assay_model_hyper(model)->layers; i++) {
        for (size_t m = 0; m < MATRICES; m++) {
            bytes += packed_bytes(backend, tensor_of(&tensors->layers[i], &matrices[m]));
        }
    }
    return bytes;
}

/* Without a cache where there can be none: then each matrix has its own memory. */
static void open_cache(struct maker *maker)
{
    struct assay_error unused;
    struct assay_weights *weights = maker->weights;
    struct assay_panels_key key = {weights->backend->layout,
                                   assay_weights_packed_bytes(maker->model, weights->backend)};
    if (!maker->cache || !key.layout || key.bytes >= SIZE_MAX / 2) return;
    if (assay_panels_open(&weights->panels, maker->cache, &key, maker->team, &maker->fresh,
                          &unused)) {
        weights->panels = NULL;
    }
}

static enum assay_status make_matrices(struct maker *maker, struct assay_error *err)
{
    struct assay_weights *weights = maker->weights;
    const struct assay_model_tensors *tensors = assay_model_tensors(maker->model);
    enum assay_status status = make_matrix(maker, &weights->output, &tensors->output, err);
    for (uint32_t i = 0; !status && i < weights->layer_count; i++) {
        status = make_layer(maker, &weights->layers[i], &tensors->layers[i], err);
    }
    if (status || !maker->fresh) return status;
    if (maker->cache->confirm) status = maker->cache->confirm(maker->cache->context, err);
    return status ? status : assay_panels_publish(weights->panels, maker->team, err);
}

enum assay_status assay_weights_init(struct assay_weights *weights, const struct assay_model *model,
                                     const struct assay_backend *backend,
                                     const struct assay_panel_cache *cache, struct assay_team *team,
                                     uint32_t context, struct assay_error *err)
{
    const struct assay_model_tensors *tensors = assay_model_tensors(model);
    uint32_t layers = assay_model_hyper(model)->layers;
    *weights = (struct assay_weights){.backend = backend,
                                      .embedding = &tensors->embedding,
                                      .tied = tensors->embedding.data == tensors->output.data};
    weights->layers = calloc(layers, sizeof *weights->layers);
    if (!weights->layers) return assay_fail(err, ASSAY_EMEMORY, "no memory for %u layers", layers);
    weights->layer_count = layers;
    enum assay_status status = make_ropes(weights, model, team, context, err);
    if (!status && !weights->tied) {
        status = assay_tensor_check_finite(&tensors->embedding, err);
    }
    if (!status) status = make_vector(weights, &weights->output_norm, &tensors->output_norm, err);
    struct maker maker = {.weights = weights, .model = model, .cache = cache, .team = team};
    if (!status) {
        open_cache(&maker);
        status = make_matrices(&maker, err);
    }
    if (status) assay_weights_fini(weights);
    return status;
}

uint64_t assay_weights_bytes(const struct assay_model *model, const struct assay_backend *backend,
                             uint32_t context)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    const struct assay_model_tensors *tensors = assay_model_tensors(model);
    uint64_t rope = backend->alloc_bytes((uint64_t)context * hyper->rope_dims * sizeof(float));
    uint64_t bytes = (hyper->window > 0 ? 2 : 1) * rope + hyper->width * sizeof(float) +
                     backend->matrix_bytes(&tensors->output);
    for (uint32_t i = 0; i < hyper->layers; i++) {
        for (size_t m = 0; m < MATRICES; m++) {
            bytes += backend->matrix_bytes(tensor_of(&tensors->layers[i], &matrices[m]));
        }
        for (size_t v = 0; v < VECTORS; v++) {
            bytes += backend->alloc_bytes(tensor_of(&tensors->layers[i], &vectors[v])->columns *
                                          sizeof(float));
        }
    }
    return bytes + hyper->layers * sizeof(struct assay_layer_weights);
}

static void drop_matrix(const struct assay_backend *backend, struct assay_weight *weight)
{
    if (weight->matrix) backend->matrix_destroy(weight->matrix);
}

static void drop_floats(const struct assay_backend *backend, float *floats)
{
    if (floats) backend->free(floats);
}

void assay_weights_fini(struct assay_weights *weights)
{
    const struct assay_backend *backend = weights->backend;
    for (uint32_t i = 0; i < weights->layer_count; i++) {
        struct assay_layer_weights *layer = &weights->layers[i];
        for (size_t m = 0; m < MATRICES; m++) drop_matrix(backend, matrix_of(layer, &matrices[m]));
        for (size_t v = 0; v < VECTORS; v++) drop_floats(backend, *vector_of(layer, &vectors[v]));
    }
    drop_matrix(backend, &weights->output);
    drop_floats(backend, weights->output_norm);
    drop_floats(backend, weights->rope);
    drop_floats(backend, weights->window_rope);
    assay_panels_close(weights->panels);
    free(weights->layers);
    *weights = (struct assay_weights){0};
}
