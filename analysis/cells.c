/* Mean and spread of a cell. Scores are whole millionths, so every deviation here is a whole number
 * before it is a double: samples that are equal have a variance of exactly 0, on every machine, and
 * the fallbacks that hang on "exactly 0" never hang on rounding.
 *
 * V, the variance of a cell's mean from g groups of m samples, k = g·m, with group sums S_j and
 * S = ΣS_j: V = Σ_j ((g·S_j − S)/k)² / (g(g − 1)). Groups are the sets of a draw whose replicates
 * depend on one another, else the single samples (m = 1), and then V = v/k. */
#include "analysis/cells.h"

#include "base/arena.h"
#include "base/assert.h"

enum { CELL_SAMPLES_MAX = 1 << 21 }; /* its square in millionths fits 63 bits */

static uint64_t sum_of(const uint32_t *scores, uint32_t count)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += scores[i];
    return sum;
}

/* V above, of scores in 0 … 1. */
static double variance_of_mean(const uint32_t *scores, uint32_t count, uint32_t groups)
{
    uint32_t each = count / groups;
    int64_t sum = (int64_t)sum_of(scores, count);
    double squares = 0, unit = (double)count * ASSAY_SCORE_ONE;
    for (uint32_t g = 0; g < groups; g++) {
        int64_t group = (int64_t)sum_of(scores + (size_t)g * each, each);
        double deviation = (double)(groups * group - sum) / unit;
        squares += deviation * deviation;
    }
    return squares / ((double)groups * (groups - 1));
}

static struct assay_cell_score cell_of(const uint32_t *scores, uint32_t count, uint32_t sets,
                                       enum assay_draw draw)
{
    struct assay_cell_score cell = {.count = count, .groups = count, .looks = count};
    cell.mean = (double)sum_of(scores, count) / ((double)count * ASSAY_SCORE_ONE);
    /* One shift for all samples of a lattice set: they are one look. */
    if (draw == ASSAY_DRAW_LATTICE) cell.looks = sets;
    if (count < 2) {
        cell.spread = ASSAY_SPREAD_POOLED;
        return cell;
    }
    cell.of_mean = variance_of_mean(scores, count, count);
    cell.within = cell.of_mean * count;
    if (draw == ASSAY_DRAW_IID) {
        cell.spread = ASSAY_SPREAD_REPLICATES;
    } else if (sets < 2) {
        cell.spread = ASSAY_SPREAD_CONSERVATIVE;
    } else {
        cell.spread = ASSAY_SPREAD_SETS;
        cell.groups = sets;
        cell.of_mean = variance_of_mean(scores, count, sets);
    }
    return cell;
}

static void pool_add(struct assay_pool *pool, const struct assay_cell_score *cell)
{
    pool->df += cell->count - 1;
    pool->squares += (cell->count - 1) * cell->within;
}

enum assay_status assay_cells_make(struct assay_cells *out, struct assay_arena *arena,
                                   const struct assay_scores *scores, struct assay_error *err)
{
    uint32_t profiles = scores->profile_count;
    size_t count = (size_t)scores->item_count * profiles;
    struct assay_cells made = {.scores = scores};
    made.cells = assay_arena_take(arena, count, sizeof *made.cells);
    made.pools = assay_arena_take(arena, profiles, sizeof *made.pools);
    if (!made.cells || !made.pools) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu cells", count);
    }
    for (size_t c = 0; c < count; c++) {
        uint64_t first = scores->cell_offset[c], samples = scores->cell_offset[c + 1] - first;
        uint32_t sets = scores->cell_sets[c], profile = (uint32_t)(c % profiles);
        if (samples == 0) continue;
        ASSAY_ASSERT(samples <= CELL_SAMPLES_MAX && sets >= 1 && samples % sets == 0);
        made.cells[c] = cell_of(scores->score_micro + first, (uint32_t)samples, sets,
                                scores->profile_draws[profile]);
        pool_add(&made.pools[profile], &made.cells[c]);
        pool_add(&made.all, &made.cells[c]);
    }
    *out = made;
    return ASSAY_OK;
}

const struct assay_pool *assay_cells_pool(const struct assay_cells *cells, uint32_t profile)
{
    return cells->pools[profile].df > 0 ? &cells->pools[profile] : &cells->all;
}
