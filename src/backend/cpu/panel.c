/* Rows of weights into the lanes of panels, once, when a model is loaded. */
#include "backend/cpu/panel.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

bool assay_panel_bytes(enum assay_dtype dtype, size_t rows, size_t elements, size_t *out)
{
    if (assay_block_kind(dtype)->bits == 0) {
        return assay_multiply(elements, rows * assay_dtype_block_bytes(dtype), out);
    }
    if (!assay_multiply(elements, assay_panel_super_bytes(dtype, rows), out)) return false;
    *out = assay_panel_at(dtype, rows, elements);
    /* The head that would come next is not there. */
    *out -= assay_panel_head_bytes(dtype, rows);
    return true;
}

/* The codes of row r, four bytes at a time: word j of q is the row's lane of vector j. Nothing
 * crosses from one byte of a word to the next. */
static void put_codes(unsigned bits, size_t rows, uint8_t *codes, size_t r,
                      const struct assay_block *block)
{
    uint32_t words[8], high[2] = {0, 0};
    uint8_t *at = codes + 4 * r;
    memcpy(words, block->q, sizeof words);
    if (bits == 8) {
        for (size_t j = 0; j < 8; j++) memcpy(at + 4 * rows * j, &words[j], 4);
        return;
    }
    for (size_t j = 0; j < 4; j++) {
        uint32_t both = (words[2 * j] & 0x0f0f0f0fu) | (words[2 * j + 1] & 0x0f0f0f0fu) << 4;
        memcpy(at + 4 * rows * j, &both, 4);
    }
    if (bits == 4) return;
    for (size_t j = 0; j < 8; j++) {
        uint32_t upper = words[j] >> 4;
        if (bits == 5) high[0] |= (upper & 0x01010101u) << j;
        if (bits == 6) high[j / 4] |= (upper & 0x03030303u) << (j % 4 * 2);
    }
    memcpy(at + 16 * rows, &high[0], 4);
    if (bits == 6) memcpy(at + 20 * rows, &high[1], 4);
}

static void put_half(uint8_t *to, size_t r, uint16_t half)
{
    memcpy(to + 2 * r, &half, sizeof half);
}

static void put_block(enum assay_dtype dtype, size_t rows, uint8_t *at, uint8_t *head, size_t r,
                      const struct assay_block *block)
{
    uint8_t *scales = at + assay_panel_code_bytes(dtype, rows);
    put_codes(assay_panel_bits(dtype), rows, at, r, block);
    if (!assay_panel_is_k(dtype)) head = scales;
    put_half(head, r, block->d);
    if (assay_panel_has_minimum(dtype)) put_half(head + 2 * rows, r, block->m);
    if (!assay_panel_is_k(dtype)) return;
    bool signed_scales = dtype == ASSAY_DTYPE_Q6_K;
    scales[r] = signed_scales ? (uint8_t)block->halves[0] : block->scale;
    scales[rows + r] = signed_scales ? (uint8_t)block->halves[1] : block->minimum;
}

/* What put_codes did, backwards. */
static void get_codes(unsigned bits, size_t rows, const uint8_t *codes, size_t r, uint8_t q[])
{
    uint32_t words[8], high[2] = {0, 0};
    const uint8_t *at = codes + 4 * r;
    for (size_t j = 0; bits == 8 && j < 8; j++) memcpy(&words[j], at + 4 * rows * j, 4);
    for (size_t j = 0; bits < 8 && j < 4; j++) {
        uint32_t both;
        memcpy(&both, at + 4 * rows * j, 4);
        words[2 * j] = both & 0x0f0f0f0fu;
        words[2 * j + 1] = both >> 4 & 0x0f0f0f0fu;
    }
    if (bits == 5 || bits == 6) memcpy(&high[0], at + 16 * rows, 4);
    if (bits == 6) memcpy(&high[1], at + 20 * rows, 4);
    for (size_t j = 0; j < 8; j++) {
        if (bits == 5) words[j] |= (high[0] >> j & 0x01010101u) << 4;
        if (bits == 6) words[j] |= (high[j / 4] >> (j % 4 * 2) & 0x03030303u) << 4;
    }
    memcpy(q, words, sizeof words);
}

static uint16_t get_half(const uint8_t *from, size_t r)
{
    uint16_t half;
    memcpy(&half, from + 2 * r, sizeof half);
    return half;
}

void assay_panel_get(enum assay_dtype dtype, size_t rows, const uint8_t *panel, size_t r, size_t b,
                     struct assay_block *out)
{
    const uint8_t *at = panel + assay_panel_at(dtype, rows, b);
    const uint8_t *scales = at + assay_panel_code_bytes(dtype, rows), *head = scales;
    bool k = assay_panel_is_k(dtype);
    if (k)
        head =
            at - b % 8 * assay_panel_block_bytes(dtype, rows) - assay_panel_head_bytes(dtype, rows);
    *out = (struct assay_block){.d = get_half(head, r), .scale = 1, .minimum = 1, .halves = {1, 1}};
    get_codes(assay_panel_bits(dtype), rows, at, r, out->q);
    if (assay_panel_has_minimum(dtype)) out->m = get_half(head + 2 * rows, r);
    if (k && dtype == ASSAY_DTYPE_Q6_K) {
        out->halves[0] = (int8_t)scales[r];
        out->halves[1] = (int8_t)scales[rows + r];
    } else if (k) {
        out->scale = scales[r];
        out->minimum = scales[rows + r];
    }
}

void assay_panel_put(enum assay_dtype dtype, size_t rows, size_t elements, uint8_t *panel, size_t r,
                     const uint8_t *row)
{
    size_t bytes = assay_dtype_block_bytes(dtype);
    if (assay_block_kind(dtype)->bits ==
        0) { /* the kernels' machines are little-endian, as files */
        for (size_t k = 0; k < elements; k++) {
            memcpy(panel + (k * rows + r) * bytes, row + k * bytes, bytes);
        }
        return;
    }
    ASSAY_ASSERT(assay_panel_bits(dtype) == assay_block_kind(dtype)->bits);
    for (size_t b = 0; b < elements; b++) {
        struct assay_block block;
        size_t super = b / 8 * assay_panel_super_bytes(dtype, rows);
        assay_block_read(dtype, row, b, &block);
        put_block(dtype, rows, panel + assay_panel_at(dtype, rows, b), panel + super, r, &block);
    }
}
