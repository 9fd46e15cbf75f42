/* The pass. Read assay_forward_layers first: it is the model. All of it is rows × something
 * matrices; what belongs to which sample is known only to the places. */
#include "engine/forward.h"

#include "base/arena.h"
#include "base/assert.h"
#include "engine/weights.h"

#include <stdlib.h>
#include <string.h>

struct assay_forward {
    const struct assay_backend *ops;
    struct assay_team *team;
    const struct assay_hyper *hyper;
    struct assay_weights weights;
    size_t rows_max, head_rows_max;
    bool kv_f32;
    size_t rows;                   /* of the last pass */
    struct assay_operand *operand; /* the left side of the product under way */

    /* Activations, rows_max rows each. */
    float *x;         /* [width] the residual stream */
    float *h;         /* [width] normalised; what a block adds */
    float *q, *o;     /* [heads × head_dim] queries; what attention gives */
    float *k, *v;     /* [kv_heads × head_dim] */
    float *gate, *up; /* [ffn_width] */
    float *logits;    /* head_rows_max × vocab */
};

/* One product's left side serves several matrices, which may want it in different forms. */
struct input {
    const float *values;
    size_t columns;
    enum { UNPREPARED, PLAIN, QUANTISED } form;
};

/* A matrix and where its product goes. */
struct factor {
    const struct assay_weight *weight;
    float *out;
};

/* Products of one left side; neighbours that want the same form of it are computed together. */
static void multiply(struct assay_forward *f, struct input *in, const struct factor *factors,
                     size_t count, size_t rows)
{
    ASSAY_ASSERT(count <= ASSAY_PRODUCTS_MAX);
    while (count > 0) {
        struct assay_product products[ASSAY_PRODUCTS_MAX];
        bool quantised = factors->weight->quantised;
        size_t together = 0;
        for (; together < count && factors[together].weight->quantised == quantised; together++) {
            ASSAY_ASSERT(in->columns == factors[together].weight->columns);
            products[together] =
                (struct assay_product){factors[together].weight->matrix, factors[together].out};
        }
        if (in->form != (quantised ? QUANTISED : PLAIN)) {
            f->ops->operand_set(f->team, f->operand, in->values, rows, in->columns, quantised);
            in->form = quantised ? QUANTISED : PLAIN;
        }
        f->ops->products(f->team, products, together, f->operand);
        factors += together;
        count -= together;
    }
}

/* Add a bias to each row, or nothing where there is none. */
static void add_bias(struct assay_forward *f, const float *bias, size_t rows, size_t columns,
                     float *x)
{
    if (!bias) return;
    for (size_t row = 0; row < rows; row++) f->ops->add(f->team, x + row * columns, bias, columns);
}

/* Queries or keys of a pass, head by head: normalised where the model has it, then rotated. */
static void place_heads(struct assay_forward *f, const struct assay_pass *pass, uint32_t heads,
                        const float *norm, const float *rope, float *x)
{
    const struct assay_hyper *m = f->hyper;
    if (norm) f->ops->norm(f->team, x, norm, m->norm_eps, pass->rows * heads, m->head_dim, x);
    f->ops->rotate(f->team, x, pass->rows, heads, m->head_dim, m->rope_dims, m->rope_pairs_adjacent,
                   rope, pass->places);
}

/* x = x + y, or x + RMSNorm(y) where the model has such a norm. y is f->h. */
static void add_to_stream(struct assay_forward *f, const float *norm, size_t rows)
{
    const struct assay_hyper *m = f->hyper;
    if (norm) f->ops->norm(f->team, f->h, norm, m->norm_eps, rows, m->width, f->h);
    f->ops->add(f->team, f->x, f->h, rows * m->width);
}

/* x = x + Wo·attention(RMSNorm(x)) */
static void attention_block(struct assay_forward *f, const struct assay_pass *pass, uint32_t layer)
{
    const struct assay_backend *ops = f->ops;
    const struct assay_hyper *m = f->hyper;
    const struct assay_layer_weights *w = &f->weights.layers[layer];
    const struct assay_kv_view view = {
        m->layers, m->kv_heads, m->head_dim, layer, assay_hyper_window(m, layer), f->kv_f32};
    const float *rope = view.window ? f->weights.window_rope : f->weights.rope;
    size_t q_columns = (size_t)m->heads * m->head_dim,
           k_columns = (size_t)m->kv_heads * m->head_dim;

    ops->norm(f->team, f->x, w->attn_norm, m->norm_eps, pass->rows, m->width, f->h);
    struct input h = {f->h, m->width, UNPREPARED};
    multiply(f, &h, (struct factor[]){{&w->q, f->q}, {&w->k, f->k}, {&w->v, f->v}}, 3, pass->rows);
    add_bias(f, w->q_bias, pass->rows, q_columns, f->q);
    add_bias(f, w->k_bias, pass->rows, k_columns, f->k);
    add_bias(f, w->v_bias, pass->rows, k_columns, f->v);
    place_heads(f, pass, m->heads, w->q_norm, rope, f->q);
    place_heads(f, pass, m->kv_heads, w->k_norm, rope, f->k);
    ops->kv_store(f->team, &view, f->k, f->v, pass->rows, pass->places);
    ops->attend(f->team, &view, f->q, m->heads, pass->rows, pass->places, f->o);
    struct input o = {f->o, q_columns, UNPREPARED};
    multiply(f, &o, &(struct factor){&w->o, f->h}, 1, pass->rows);
    add_to_stream(f, w->attn_post_norm, pass->rows);
}

/* x = x + Wdown·(gate(Wgate·RMSNorm(x)) ⊙ Wup·RMSNorm(x)) */
static void feed_forward_block(struct assay_forward *f, const struct assay_pass *pass,
                               uint32_t layer)
{
    const struct assay_backend *ops = f->ops;
    const struct assay_hyper *m = f->hyper;
    const struct assay_layer_weights *w = &f->weights.layers[layer];

    ops->norm(f->team, f->x, w->ffn_norm, m->norm_eps, pass->rows, m->width, f->h);
    struct input h = {f->h, m->width, UNPREPARED};
    multiply(f, &h, (struct factor[]){{&w->gate, f->gate}, {&w->up, f->up}}, 2, pass->rows);
    (m->gelu ? ops->geglu : ops->swiglu)(f->team, f->gate, f->up, pass->rows * m->ffn_width,
                                         f->gate);
    struct input s = {f->gate, m->ffn_width, UNPREPARED};
    multiply(f, &s, &(struct factor){&w->down, f->h}, 1, pass->rows);
    add_to_stream(f, w->ffn_post_norm, pass->rows);
}

void assay_forward_layers(struct assay_forward *forward, const struct assay_pass *pass)
{
    ASSAY_ASSERT(pass->rows > 0 && pass->rows <= forward->rows_max);
    forward->ops->embed(forward->team, forward->weights.embedding,
                        forward->weights.tied ? forward->weights.output.matrix : NULL, pass->tokens,
                        pass->rows, forward->x);
    if (forward->hyper->embedding_scale > 1.0f) {
        forward->ops->scale(forward->team, forward->x, forward->hyper->embedding_scale,
                            pass->rows * forward->hyper->width);
    }
    for (uint32_t layer = 0; layer < forward->hyper->layers; layer++) {
        attention_block(forward, pass, layer);
        feed_forward_block(forward, pass, layer);
    }
    forward->rows = pass->rows;
}

const float *assay_forward_head(struct assay_forward *forward, const size_t *rows, size_t count)
{
    struct assay_forward *f = forward;
    const struct assay_hyper *m = f->hyper;
    ASSAY_ASSERT(count > 0 && count <= f->head_rows_max);
    for (size_t i = 0; i < count; i++) {
        ASSAY_ASSERT(rows[i] < f->rows);
        memcpy(f->h + i * m->width, f->x + rows[i] * m->width, m->width * sizeof *f->x);
    }
    f->ops->norm(f->team, f->h, f->weights.output_norm, m->norm_eps, count, m->width, f->h);
    struct input h = {f->h, m->width, UNPREPARED};
    multiply(f, &h, &(struct factor){&f->weights.output, f->logits}, 1, count);
    return f->logits;
}

/* --- open and close */

static enum assay_status make_floats(const struct assay_forward *f, float **out, size_t rows,
                                     size_t columns, struct assay_error *err)
{
    size_t count, bytes;
    if (!assay_multiply(rows, columns, &count) || !assay_multiply(count, sizeof **out, &bytes)) {
        return assay_fail(err, ASSAY_EVALUE, "%zu rows of %zu values: too large", rows, columns);
    }
    *out = f->ops->alloc(bytes);
    if (!*out) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu rows in a pass", rows);
    return ASSAY_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The buffers of a pass: where each hangs, its rows and columns. */
enum { BUFFERS = 9 };
struct buffer {
    size_t at, rows, columns;
};

static void list_buffers(struct buffer to[BUFFERS], const struct assay_hyper *m, size_t rows,
                         size_t head_rows)
{
    size_t heads = (size_t)m->heads * m->head_dim, kv_heads = (size_t)m->kv_heads * m->head_dim;
    const struct buffer buffers[] = {{offsetof(struct assay_forward, x), rows, m->width},
                                     {offsetof(struct assay_forward, h), rows, m->width},
                                     {offsetof(struct assay_forward, q), rows, heads},
                                     {offsetof(struct assay_forward, o), rows, heads},
                                     {offsetof(struct assay_forward, k), rows, kv_heads},
                                     {offsetof(struct assay_forward, v), rows, kv_heads},
                                     {offsetof(struct assay_forward, gate), rows, m->ffn_width},
                                     {offsetof(struct assay_forward, up), rows, m->ffn_width},
                                     {offsetof(struct assay_forward, logits), head_rows, m->vocab}};
    _Static_assert(sizeof buffers / sizeof buffers[0] == BUFFERS, "one row per buffer");
    memcpy(to, buffers, sizeof buffers);
}

static float **buffer_of(struct assay_forward *f, const struct buffer *buffer)
{
    return (float **)(void *)((char *)f + buffer->at);
}

static size_t operand_columns(const struct assay_hyper *m)
{
    return larger(larger(m->width, (size_t)m->heads * m->head_dim), m->ffn_width);
}

static enum assay_status make_activations(struct assay_forward *f, struct assay_error *err)
{
    struct buffer buffers[BUFFERS];
    size_t rows = larger(f->rows_max, f->head_rows_max);
    list_buffers(buffers, f->hyper, rows, f->head_rows_max);
    for (size_t i = 0; i < BUFFERS; i++) {
        enum assay_status status =
            make_floats(f, buffer_of(f, &buffers[i]), buffers[i].rows, buffers[i].columns, err);
        if (status) return status;
    }
    f->operand = f->ops->operand_create(rows, operand_columns(f->hyper));
    if (!f->operand) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu rows", rows);
    return ASSAY_OK;
}

uint64_t assay_forward_bytes(const struct assay_model *model, const struct assay_backend *backend,
                             size_t rows, size_t head_rows)
{
    const struct assay_hyper *hyper = assay_model_hyper(model);
    struct buffer buffers[BUFFERS];
    rows = larger(rows, head_rows);
    list_buffers(buffers, hyper, rows, head_rows);
    uint64_t bytes = sizeof(struct assay_forward);
    for (size_t i = 0; i < BUFFERS; i++) {
        bytes +=
            backend->alloc_bytes((uint64_t)buffers[i].rows * buffers[i].columns * sizeof(float));
    }
    return bytes + backend->operand_bytes(rows, operand_columns(hyper));
}

enum assay_status assay_forward_open(struct assay_forward **out, const struct assay_model *model,
                                     const struct assay_session_options *options,
                                     struct assay_team *team, size_t rows, size_t head_rows,
                                     struct assay_error *err)
{
    struct assay_forward *forward = calloc(1, sizeof *forward);
    if (!forward) return assay_fail(err, ASSAY_EMEMORY, "no memory for the forward pass");
    forward->ops = options->backend;
    forward->team = team;
    forward->kv_f32 = options->kv_f32;
    forward->hyper = assay_model_hyper(model);
    forward->rows_max = rows;
    forward->head_rows_max = head_rows;
    enum assay_status status = assay_weights_init(&forward->weights, model, options->backend,
                                                  options->cache, team, options->context, err);
    if (!status) status = make_activations(forward, err);
    if (status) {
        assay_forward_close(forward);
        return status;
    }
    *out = forward;
    return ASSAY_OK;
}

void assay_forward_close(struct assay_forward *forward)
{
    if (!forward) return;
    struct buffer buffers[BUFFERS];
    list_buffers(buffers, forward->hyper, 0, 0);
    for (size_t i = 0; i < BUFFERS; i++) {
        float *buffer = *buffer_of(forward, &buffers[i]);
        if (buffer) forward->ops->free(buffer);
    }
    if (forward->operand) forward->ops->operand_destroy(forward->operand);
    assay_weights_fini(&forward->weights);
    free(forward);
}
