/* Weights as the products read them: panels of rows, the rows in the lanes of a vector. A panel is
 * a sequence of elements (1.6); rows that the last panel lacks are zeros. Nothing is larger than in
 * the file.
 *
 * Float types: the values of 16 rows for one k side by side, as the file has them.
 *
 * Quantised types, for R = 8 or 16 rows: a block is
 *     codes    4-bit types: 16·R bytes; 5-bit: 20·R; 6-bit: 24·R; 8-bit: 32·R
 *     scales   f16 d[R], f16 m[R] (types with a minimum); Q4_K, Q5_K: u8 sc[R], u8 mn[R];
 *              Q6_K: i8 sc_0[R], i8 sc_1[R]
 * and the types of 256 have before each eight blocks a head: f16 d[R], and Q4_K, Q5_K f16 m[R].
 * Codes: four neighbouring elements of one row are the four bytes of a 32-bit lane, so vector j is
 * elements 4j … 4j+3 of all rows. 8-bit: vector after vector, values plus 128. Others: two vectors
 * share bytes, j even in the low nibble and j + 1 in the high one; then the fifth bits, bit j of a
 * byte being that of vector j; or the two high bits, 2(j mod 4) of plane j/4. */
#ifndef ASSAY_BACKEND_PANEL_H
#define ASSAY_BACKEND_PANEL_H

#include "backend/block.h"

#include <stdbool.h>

enum { ASSAY_PANEL_FLOAT_ROWS = 16 };

/* Inlined into the kernels, where all of it is known to the compiler. */
static inline bool assay_panel_is_k(enum assay_dtype dtype)
{
    return dtype == ASSAY_DTYPE_Q4_K || dtype == ASSAY_DTYPE_Q5_K || dtype == ASSAY_DTYPE_Q6_K;
}
static inline bool assay_panel_has_minimum(enum assay_dtype dtype)
{
    return dtype == ASSAY_DTYPE_Q4_1 || dtype == ASSAY_DTYPE_Q5_1 || dtype == ASSAY_DTYPE_Q4_K ||
           dtype == ASSAY_DTYPE_Q5_K;
}
static inline unsigned assay_panel_bits(enum assay_dtype dtype)
{
    return dtype == ASSAY_DTYPE_Q8_0   ? 8
           : dtype == ASSAY_DTYPE_Q6_K ? 6
           : dtype == ASSAY_DTYPE_Q5_0 || dtype == ASSAY_DTYPE_Q5_1 || dtype == ASSAY_DTYPE_Q5_K
               ? 5
               : 4;
}
static inline size_t assay_panel_code_bytes(enum assay_dtype dtype, size_t rows)
{
    return assay_panel_bits(dtype) * 4 * rows;
}
static inline size_t assay_panel_block_bytes(enum assay_dtype dtype, size_t rows)
{
    size_t scales =
        assay_panel_has_minimum(dtype) && !assay_panel_is_k(dtype) ? 4 * rows : 2 * rows;
    return assay_panel_code_bytes(dtype, rows) + scales;
}
static inline size_t assay_panel_head_bytes(enum assay_dtype dtype, size_t rows)
{
    if (!assay_panel_is_k(dtype)) return 0;
    return assay_panel_has_minimum(dtype) ? 4 * rows : 2 * rows;
}
/* Bytes from one head to the next (types of 256). */
static inline size_t assay_panel_super_bytes(enum assay_dtype dtype, size_t rows)
{
    return assay_panel_head_bytes(dtype, rows) + 8 * assay_panel_block_bytes(dtype, rows);
}
/* Where block b of a panel begins. */
static inline size_t assay_panel_at(enum assay_dtype dtype, size_t rows, size_t b)
{
    if (!assay_panel_is_k(dtype)) return b * assay_panel_block_bytes(dtype, rows);
    return b / 8 * assay_panel_super_bytes(dtype, rows) + assay_panel_head_bytes(dtype, rows) +
           b % 8 * assay_panel_block_bytes(dtype, rows);
}

/* Bytes of a panel of `elements` (the n of 1.6); false when that is more than a size_t holds. */
bool assay_panel_bytes(enum assay_dtype dtype, size_t rows, size_t elements, size_t *out);
/* Put a row as it stands in the file into lane r of a zeroed panel. */
void assay_panel_put(enum assay_dtype dtype, size_t rows, size_t elements, uint8_t *panel, size_t r,
                     const uint8_t *row);
/* Block b of what was put into lane r (block types). */
void assay_panel_get(enum assay_dtype dtype, size_t rows, const uint8_t *panel, size_t r, size_t b,
                     struct assay_block *out);

#endif
