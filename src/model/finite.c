/* The values that scale others, and plain values: which must be finite. */
#include "model/finite.h"

#include "base/bytes.h"

/* Where the f16 scales of a block stand; of float types every element is looked at. */
static const struct {
    size_t offset, count;
} scales[] = {
    [ASSAY_DTYPE_F32] = {0, 0},  [ASSAY_DTYPE_F16] = {0, 1},    [ASSAY_DTYPE_BF16] = {0, 0},
    [ASSAY_DTYPE_Q4_0] = {0, 1}, [ASSAY_DTYPE_Q4_1] = {0, 2},   [ASSAY_DTYPE_Q5_0] = {0, 1},
    [ASSAY_DTYPE_Q5_1] = {0, 2}, [ASSAY_DTYPE_Q8_0] = {0, 1},   [ASSAY_DTYPE_Q4_K] = {0, 2},
    [ASSAY_DTYPE_Q5_K] = {0, 2}, [ASSAY_DTYPE_Q6_K] = {208, 1},
};
_Static_assert(sizeof scales / sizeof scales[0] == ASSAY_DTYPE_COUNT, "one row per dtype");

static bool is_finite(const uint8_t *block, enum assay_dtype dtype)
{
    if (dtype == ASSAY_DTYPE_F32) return (assay_get_le32(block) & 0x7f800000u) != 0x7f800000u;
    if (dtype == ASSAY_DTYPE_BF16) return (assay_get_le16(block) & 0x7f80) != 0x7f80;
    bool finite = true;
    for (size_t i = 0; i < scales[dtype].count; i++) {
        uint16_t bits = assay_get_le16(block + scales[dtype].offset + 2 * i);
        finite = finite && (bits & 0x7c00) != 0x7c00;
    }
    return finite;
}

enum assay_status assay_tensor_check_finite(const struct assay_tensor *tensor,
                                            struct assay_error *err)
{
    size_t bytes = assay_dtype_block_bytes(tensor->dtype);
    for (size_t row = 0; row < tensor->rows; row++) {
        const uint8_t *data = tensor->data + row * tensor->row_bytes;
        for (size_t at = 0; at < tensor->row_bytes; at += bytes) {
            if (is_finite(data + at, tensor->dtype)) continue;
            return assay_fail(
                err, ASSAY_EFORMAT, "tensor %s, row %zu: %s %zu is not finite: the file is damaged",
                tensor->name, row,
                assay_dtype_block_elements(tensor->dtype) > 1 ? "the scale of block" : "value",
                at / bytes);
        }
    }
    return ASSAY_OK;
}
