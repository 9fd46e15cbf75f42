/* Rotary position embedding (1.4). Adjacent pairs need no gather: with the table's (cos, sin) pairs
 * as they lie, a' = fma(a, cos, −(b·sin)) and b' = fma(a, sin, b·cos) are one fmaddsub, which
 * subtracts in even and adds in odd lanes. Distant pairs split the table into cosines and sines. */
#include "backend/cpu/lanes_avx2.h"

#include "backend/cpu/cpu.h"

#include <math.h>

struct rotate_work {
    float *x;
    size_t rows;
    uint32_t heads, head_dim, rope_dims;
    bool adjacent;
    const float *table;
    const struct assay_row_place *places;
};

static void rotate_pair(float *first, float *second, const float *table)
{
    float a = *first, b = *second;
    *first = fmaf(a, table[0], -(b * table[1]));
    *second = fmaf(a, table[1], b * table[0]);
}

static void rotate_adjacent(float *x, uint32_t pairs, const float *table)
{
    uint32_t i = 0;
    for (; i + 4 <= pairs; i += 4) {
        __m256 v = _mm256_loadu_ps(x + 2 * i), cos_sin = _mm256_loadu_ps(table + 2 * i);
        __m256 a = _mm256_moveldup_ps(v), b = _mm256_movehdup_ps(v);
        __m256 sin_cos = _mm256_permute_ps(cos_sin, 0xb1);
        _mm256_storeu_ps(x + 2 * i, _mm256_fmaddsub_ps(a, cos_sin, _mm256_mul_ps(b, sin_cos)));
    }
    for (; i < pairs; i++) rotate_pair(x + 2 * i, x + 2 * i + 1, table + 2 * i);
}

static void rotate_distant(float *x, uint32_t pairs, const float *table)
{
    uint32_t i = 0;
    for (; i + 8 <= pairs; i += 8) {
        __m256 t0 = _mm256_loadu_ps(table + 2 * i), t1 = _mm256_loadu_ps(table + 2 * i + 8);
        __m256 low = _mm256_permute2f128_ps(t0, t1, 0x20);
        __m256 high = _mm256_permute2f128_ps(t0, t1, 0x31);
        __m256 cos = _mm256_shuffle_ps(low, high, 0x88), sin = _mm256_shuffle_ps(low, high, 0xdd);
        __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + pairs + i);
        _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, cos, _mm256_mul_ps(b, sin)));
        _mm256_storeu_ps(x + pairs + i, _mm256_fmadd_ps(a, sin, _mm256_mul_ps(b, cos)));
    }
    for (; i < pairs; i++) rotate_pair(x + i, x + pairs + i, table + 2 * i);
}

static void rotate_rows(void *context, unsigned thread, unsigned threads)
{
    const struct rotate_work *work = context;
    size_t begin, end;
    assay_team_share(work->rows, 1, thread, threads, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *table = work->table + (size_t)work->places[r].position * work->rope_dims;
        for (uint32_t h = 0; h < work->heads; h++) {
            float *x = work->x + (r * work->heads + h) * work->head_dim;
            if (work->adjacent) {
                rotate_adjacent(x, work->rope_dims / 2, table);
            } else {
                rotate_distant(x, work->rope_dims / 2, table);
            }
        }
    }
}

void assay_avx2_rotate(struct assay_team *team, float *x, size_t rows, uint32_t heads,
                       uint32_t head_dim, uint32_t rope_dims, bool adjacent, const float *table,
                       const struct assay_row_place *places)
{
    struct rotate_work work = {x, rows, heads, head_dim, rope_dims, adjacent, table, places};
    assay_cpu_run(team, rows * heads * head_dim, rotate_rows, &work);
}
