/* Rows of an embedding (1.7), from the bytes of the tensor. */
#include "backend/ref/ref.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/exact.h"
#include "base/team.h"

/* Block b of a row, widened to y: 32 values for the block types, else one. */
static void widen(enum assay_dtype dtype, const uint8_t *row, size_t b, float *y)
{
    const uint8_t *block = row + b * assay_dtype_block_bytes(dtype);
    float d = assay_from_f16(assay_get_le16(block));
    switch (dtype) {
    case ASSAY_DTYPE_F32:
        y[0] = assay_float(assay_get_le32(block));
        break;
    case ASSAY_DTYPE_F16:
        y[0] = d;
        break;
    case ASSAY_DTYPE_Q8_0:
        for (int i = 0; i < 32; i++) y[i] = d * (float)(int8_t)block[2 + i];
        break;
    case ASSAY_DTYPE_Q4_0:
        for (int i = 0; i < 16; i++) {
            y[i] = d * (float)((block[2 + i] & 15) - 8);
            y[16 + i] = d * (float)((block[2 + i] >> 4) - 8);
        }
        break;
    case ASSAY_DTYPE_Q4_1: {
        float m = assay_from_f16(assay_get_le16(block + 2));
        for (int i = 0; i < 16; i++) {
            y[i] = fmaf(d, (float)(block[4 + i] & 15), m);
            y[16 + i] = fmaf(d, (float)(block[4 + i] >> 4), m);
        }
        break;
    }
    case ASSAY_DTYPE_COUNT:
        break;
    }
}

struct embed_work {
    const struct assay_tensor *embedding;
    const uint32_t *tokens;
    size_t rows;
    float *y;
};

static void embed_rows(void *context, unsigned thread, unsigned threads)
{
    const struct embed_work *work = context;
    const struct assay_tensor *embedding = work->embedding;
    size_t elements = assay_dtype_block_elements(embedding->dtype);
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        ASSAY_ASSERT(work->tokens[r] < embedding->rows);
        const uint8_t *row = embedding->data + work->tokens[r] * embedding->row_bytes;
        float *y = work->y + r * embedding->columns;
        for (size_t b = 0; b < embedding->columns / elements; b++) {
            widen(embedding->dtype, row, b, y + b * elements);
        }
    }
}

void assay_ref_embed(struct assay_team *team, const struct assay_tensor *embedding,
                     const uint32_t *tokens, size_t rows, float *y)
{
    struct embed_work work = {embedding, tokens, rows, y};
    assay_team_run(team, embed_rows, &work);
}
