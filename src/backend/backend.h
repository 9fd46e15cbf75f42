/* The table of operations that a backend is. The forward pass (engine/forward.c) is written once on
 * it.
 *
 * All arithmetic is exact-1 (FORMAT.md 1): for the same input every backend gives the same bits.
 * Buffers passed to an operation come from the backend's own alloc (on the CPU: plain memory), so
 * that a device backend fits the same table. A batch has `rows` token rows; matrices of activations
 * are row-major, one row per token. Rows are independent: what a row gives depends on that row
 * alone. */
#ifndef ASSAY_BACKEND_BACKEND_H
#define ASSAY_BACKEND_BACKEND_H

#include "assay/backend.h"
#include "assay/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_CHUNK = 64 }; /* positions of an attention chunk and of a page of the KV cache */

struct assay_team;
struct assay_matrix; /* a weight matrix in the backend's own layout */

/* Activations quantised for a matrix product (1.5), or plain f32: the backend's own layout. */
struct assay_operand;

/* A product of several that share their operand. */
enum { ASSAY_PRODUCTS_MAX = 4 };
struct assay_product {
    const struct assay_matrix *matrix;
    float *y;
};

/* One layer's attention over paged keys and values. A page holds ASSAY_CHUNK positions of all
 * layers: see kv_page_bytes. */
struct assay_kv_view {
    uint32_t layers, kv_heads, head_dim;
    uint32_t layer;
    uint32_t window; /* positions that a row sees, its own included; 0: all (1.9) */
    bool wide;       /* values are f32 (exact-1-kv32), not f16 */
};

/* Units of 16 bits, in which pages are counted, that a key or value takes. */
static inline size_t assay_kv_units(const struct assay_kv_view *view)
{
    return view->wide ? 2 : 1;
}
/* Bytes of one page: layers × {keys, values} × ASSAY_CHUNK × kv_heads × head_dim f16 or f32. Within
 * a page, in this order: layer, keys before values, kv head, position in the page, dimension. */
static inline size_t assay_kv_page_bytes(const struct assay_kv_view *view)
{
    return (size_t)view->layers * 2 * ASSAY_CHUNK * view->kv_heads * view->head_dim *
           assay_kv_units(view) * sizeof(uint16_t);
}
/* Offset, in units from the page's start, of position p (0 … ASSAY_CHUNK−1) of a head's keys
 * (values: value = 1). */
static inline size_t assay_kv_offset(const struct assay_kv_view *view, unsigned value,
                                     uint32_t head, uint32_t p)
{
    return ((((size_t)view->layer * 2 + value) * view->kv_heads + head) * ASSAY_CHUNK + p) *
           view->head_dim * assay_kv_units(view);
}

/* Where a row's token stands. pages[i] covers positions i·ASSAY_CHUNK …; pages 0 …
 * position/ASSAY_CHUNK are valid, and those that lie wholly before the window are not read. */
struct assay_row_place {
    uint32_t position;
    uint16_t *const *pages;
};

/* The first position that a row at `position` sees. */
static inline uint32_t assay_kv_first(const struct assay_kv_view *view, uint32_t position)
{
    return view->window == 0 || position < view->window ? 0 : position - view->window + 1;
}

struct assay_backend {
    const char *name; /* "cpu" */
    const char *isa;  /* "avx2" */
    /* NULL when the machine can run it, else the reason it cannot ("lacks AVX2, FMA or F16C"). */
    const char *(*missing)(void);

    /* Memory of the backend: 64-byte aligned, zeroed; NULL when there is none left. */
    void *(*alloc)(size_t bytes);
    void (*free)(void *memory);
    uint64_t (*alloc_bytes)(uint64_t bytes); /* what alloc takes for it */

    /* Weights in a form of the backend's own: "panel-16" names it, and files that hold it (engine/
     * panels.h); NULL where products read the tensors as they are. */
    const char *layout;
    /* Bytes of that form, of which the first must lie at a multiple of 64; 0 where layout is NULL.
     */
    uint64_t (*packed_bytes)(const struct assay_tensor *tensor);
    /* Make it in `to`, packed_bytes of zeros. The tensor's columns fit its type. */
    void (*pack)(struct assay_team *team, const struct assay_tensor *tensor, void *to);
    /* The matrix of a tensor. Reads the packed form where it lies, or, if that is NULL, makes one
     * of its own; the model, and `packed`, outlive it. */
    enum assay_status (*matrix_create)(struct assay_team *team, struct assay_matrix **out,
                                       const struct assay_tensor *tensor, const void *packed,
                                       struct assay_error *err);
    void (*matrix_destroy)(struct assay_matrix *matrix);
    /* Memory that matrix_create would take for this tensor without a packed form, to within a few
     * hundred bytes; makes nothing. */
    uint64_t (*matrix_bytes)(const struct assay_tensor *tensor);

    /* Room for `rows` rows of at most `columns` values as operand of a product with any matrix
     * type. */
    struct assay_operand *(*operand_create)(size_t rows, size_t columns);
    void (*operand_destroy)(struct assay_operand *operand);
    uint64_t (*operand_bytes)(size_t rows, size_t columns); /* as matrix_bytes */

    /* x: rows × columns. Prepare for products with matrices of this kind: quantise by 1.5 (block
     * types) or keep f32. */
    void (*operand_set)(struct assay_team *team, struct assay_operand *operand, const float *x,
                        size_t rows, size_t columns, bool quantised);
    /* Each y (rows × matrix rows) = operand × matrixᵀ, order of 1.6; up to ASSAY_PRODUCTS_MAX of
     * them. The operand's quantised must fit each matrix's type. */
    void (*products)(struct assay_team *team, const struct assay_product *products, size_t count,
                     const struct assay_operand *operand);
    /* y (rows × width) = the embedding's rows `tokens` (1.7). The embedding is given as it stands
     * in the file and, where products use it too (a tied output), as their matrix, so that it need
     * not be in memory twice; else NULL. */
    void (*embed)(struct assay_team *team, const struct assay_tensor *embedding,
                  const struct assay_matrix *matrix, const uint32_t *tokens, size_t rows, float *y);
    /* y = RMSNorm(x, weight) (1.8), rows × width; y may be x. */
    void (*norm)(struct assay_team *team, const float *x, const float *weight, float eps,
                 size_t rows, size_t width, float *y);
    /* Rotate x (rows × heads × head_dim) in place (1.4). table: position-major, rope_dims/2 pairs
     * (cos, sin) a position. */
    void (*rotate)(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                   uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                   const struct assay_row_place *places);
    /* Store keys and values (rows × kv_heads × head_dim) as f16 or f32 at the rows' places. */
    void (*kv_store)(struct assay_team *team, const struct assay_kv_view *view, const float *keys,
                     const float *values, size_t rows, const struct assay_row_place *places);
    /* y (rows × heads × head_dim): attention (1.9) of queries q of the same shape; query head h
     * reads kv head h/(heads/kv_heads). */
    void (*attend)(struct assay_team *team, const struct assay_kv_view *view, const float *q,
                   uint32_t heads, size_t rows, const struct assay_row_place *places, float *y);
    /* y_i = (gate_i/(1 + exp(−gate_i)))·up_i; y may be gate. */
    void (*swiglu)(struct assay_team *team, const float *gate, const float *up, size_t count,
                   float *y);
    /* y_i = GELU(gate_i)·up_i, the tanh form (1.10); y may be gate. */
    void (*geglu)(struct assay_team *team, const float *gate, const float *up, size_t count,
                  float *y);
    /* x_i = x_i + y_i. */
    void (*add)(struct assay_team *team, float *x, const float *y, size_t count);
    /* x_i = x_i·factor. */
    void (*scale)(struct assay_team *team, float *x, float factor, size_t count);

    /* Multiply-adds of `rounds` rounds of what a quantised product does most, on operands in the
     * registers and the first cache: timed, they are its bound. NULL where nobody asks. */
    uint64_t (*peak)(uint64_t rounds);

    /* Sampler's two sweeps over a row of logits (2.2, 1.11). */
    /* Largest logit; *finite is false when one is NaN or +inf, or all are −inf. */
    float (*logit_max)(const float *logits, size_t vocab, bool *finite);
    /* sums[b] = Σ weight((l − max)·inv_t) over block b of ASSAY_WEIGHT_BLOCK logits; returns Σ
     * sums. */
    uint64_t (*weight_sums)(const float *logits, size_t vocab, float max, float inv_t,
                            uint64_t *sums);
};

enum { ASSAY_WEIGHT_BLOCK = 256 };

/* Every backend, in the order of preference for "auto": one line of the list in registry.c each.
 * Those named "cpu" differ in their instruction set; the first one that the machine has is taken,
 * or the one that the environment variable ASSAY_ISA names. */
extern const struct assay_backend assay_backend_vnni;
extern const struct assay_backend assay_backend_avx512;
extern const struct assay_backend assay_backend_avx2;
extern const struct assay_backend assay_backend_portable;
extern const struct assay_backend assay_backend_ref;
/* The i-th of them, whether it runs here or not; NULL after the last. */
const struct assay_backend *assay_backend_at(unsigned i);

#endif
