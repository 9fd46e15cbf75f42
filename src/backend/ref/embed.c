/* Rows of an embedding (1.7), from the bytes of the tensor. */
#include "backend/ref/ref.h"

#include "backend/ref/weight.h"
#include "base/assert.h"
#include "base/team.h"

void assay_ref_widen(enum assay_dtype dtype, const struct assay_block *block, float *y)
{
    struct assay_ref_scales scales = assay_ref_block_scales(dtype, block);
    int offset = assay_block_kind(dtype)->offset;
    for (int i = 0; i < ASSAY_BLOCK; i++) {
        float q = (float)(block->halves[i / 16] * (block->q[i] - offset));
        y[i] = scales.has_minimum ? fmaf(scales.d, q, scales.m) : scales.d * q;
    }
}

/* Element e of a row, widened to y: 32 values for the block types, else one. */
static void widen(enum assay_dtype dtype, const uint8_t *row, size_t e, float *y)
{
    if (assay_block_kind(dtype)->bits == 0) {
        y[0] = assay_ref_weight(dtype, row, e);
        return;
    }
    struct assay_block block;
    assay_block_read(dtype, row, e, &block);
    assay_ref_widen(dtype, &block, y);
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
    size_t elements = assay_block_count(embedding->dtype, embedding->columns);
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        ASSAY_ASSERT(work->tokens[r] < embedding->rows);
        const uint8_t *row = embedding->data + work->tokens[r] * embedding->row_bytes;
        float *y = work->y + r * embedding->columns;
        for (size_t e = 0; e < elements; e++) {
            widen(embedding->dtype, row, e, y + e * (embedding->columns / elements));
        }
    }
}

void assay_ref_embed(struct assay_team *team, const struct assay_tensor *embedding,
                     const struct assay_matrix *matrix, const uint32_t *tokens, size_t rows,
                     float *y)
{
    (void)matrix; /* reads the tensor too */
    struct embed_work work = {embedding, tokens, rows, y};
    assay_team_run(team, embed_rows, &work);
}
