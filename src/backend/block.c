/* The layouts of 1.6's table. Source of the layouts: ggml-common.h and ggml-quants.c of ggml. */
#include "backend/block.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

static const struct assay_block_kind kinds[] = {
    [ASSAY_DTYPE_F32] = {0, 0, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_F16] = {0, 0, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_BF16] = {0, 0, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_Q4_0] = {4, 8, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_Q4_1] = {4, 0, ASSAY_MINIMUM_ADDED},
    [ASSAY_DTYPE_Q5_0] = {5, 16, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_Q5_1] = {5, 0, ASSAY_MINIMUM_ADDED},
    [ASSAY_DTYPE_Q8_0] = {8, 128, ASSAY_MINIMUM_NONE},
    [ASSAY_DTYPE_Q4_K] = {4, 0, ASSAY_MINIMUM_SUBTRACTED},
    [ASSAY_DTYPE_Q5_K] = {5, 0, ASSAY_MINIMUM_SUBTRACTED},
    [ASSAY_DTYPE_Q6_K] = {6, 32, ASSAY_MINIMUM_NONE},
};
_Static_assert(sizeof kinds / sizeof kinds[0] == ASSAY_DTYPE_COUNT, "one kind per dtype");

const struct assay_block_kind *assay_block_kind(enum assay_dtype dtype)
{
    ASSAY_ASSERT((unsigned)dtype < ASSAY_DTYPE_COUNT);
    return &kinds[dtype];
}

static void nibbles(const uint8_t *from, uint8_t q[ASSAY_BLOCK])
{
    for (size_t i = 0; i < 16; i++) {
        q[i] = from[i] & 15;
        q[16 + i] = from[i] >> 4;
    }
}

static void fifth_bits(uint32_t high, uint8_t q[ASSAY_BLOCK])
{
    for (size_t i = 0; i < ASSAY_BLOCK; i++) q[i] = (uint8_t)(q[i] | (high >> i & 1) << 4);
}

/* Block b of the eight that a Q4_K or Q5_K super-block holds; `high` is NULL or the fifth bits. */
static void read_k(const uint8_t *super, size_t b, const uint8_t *high, const uint8_t *low,
                   struct assay_block *out)
{
    const uint8_t *s = super + 4;
    out->d = assay_get_le16(super);
    out->m = assay_get_le16(super + 2);
    out->scale = (uint8_t)(b < 4 ? s[b] & 63 : (s[b + 4] & 15) | (s[b - 4] >> 6) << 4);
    out->minimum = (uint8_t)(b < 4 ? s[b + 4] & 63 : (s[b + 4] >> 4) | (s[b] >> 6) << 4);
    for (size_t i = 0; i < ASSAY_BLOCK; i++) {
        out->q[i] = low[32 * (b / 2) + i] >> (b % 2 * 4) & 15;
        if (high != NULL) out->q[i] = (uint8_t)(out->q[i] | (high[i] >> b & 1) << 4);
    }
}

static void read_q6_k(const uint8_t *super, size_t b, struct assay_block *out)
{
    const uint8_t *low = super + 64 * (b / 4) + 32 * (b % 2), *high = super + 128 + 32 * (b / 4);
    const int8_t *scales = (const int8_t *)super + 192;
    out->d = assay_get_le16(super + 208);
    out->halves[0] = scales[2 * b];
    out->halves[1] = scales[2 * b + 1];
    for (size_t i = 0; i < ASSAY_BLOCK; i++) {
        unsigned four = low[i] >> (b % 4 / 2 * 4) & 15, two = high[i] >> (b % 4 * 2) & 3;
        out->q[i] = (uint8_t)(four | two << 4);
    }
}

void assay_block_read(enum assay_dtype dtype, const uint8_t *row, size_t b, struct assay_block *out)
{
    size_t in_file = assay_dtype_block_elements(dtype) / ASSAY_BLOCK;
    const uint8_t *from = row + b / in_file * assay_dtype_block_bytes(dtype);
    *out =
        (struct assay_block){.d = assay_get_le16(from), .scale = 1, .minimum = 1, .halves = {1, 1}};
    switch (dtype) {
    case ASSAY_DTYPE_Q4_0:
        nibbles(from + 2, out->q);
        break;
    case ASSAY_DTYPE_Q4_1:
        out->m = assay_get_le16(from + 2);
        nibbles(from + 4, out->q);
        break;
    case ASSAY_DTYPE_Q5_0:
        nibbles(from + 6, out->q);
        fifth_bits(assay_get_le32(from + 2), out->q);
        break;
    case ASSAY_DTYPE_Q5_1:
        out->m = assay_get_le16(from + 2);
        nibbles(from + 8, out->q);
        fifth_bits(assay_get_le32(from + 4), out->q);
        break;
    case ASSAY_DTYPE_Q8_0: /* x + 128 as unsigned is x with its sign bit flipped */
        for (size_t i = 0; i < ASSAY_BLOCK; i++) out->q[i] = from[2 + i] ^ 0x80;
        break;
    case ASSAY_DTYPE_Q4_K:
        read_k(from, b % in_file, NULL, from + 16, out);
        break;
    case ASSAY_DTYPE_Q5_K:
        read_k(from, b % in_file, from + 16, from + 48, out);
        break;
    case ASSAY_DTYPE_Q6_K:
        read_q6_k(from, b % in_file, out);
        break;
    case ASSAY_DTYPE_F32:
    case ASSAY_DTYPE_F16:
    case ASSAY_DTYPE_BF16:
    case ASSAY_DTYPE_COUNT:
        ASSAY_ASSERT(false);
    }
}
