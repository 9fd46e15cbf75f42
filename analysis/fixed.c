/* F: SE_F² = Σ_i Σ_p V_ip / (P²n²), V_ip the variance of the mean of cell (i, p): analysis/cells.c.
 *
 * A cell of one sample has no variance of its own; the pooled one of its profile stands in for it,
 * or, where no cell of that profile has two samples, that of all profiles. Pools are over the whole
 * table, so that n²·SE_F² of all items is the sum of the same over the strata.
 *
 * The stand-ins are no independent estimates: A single cells that share one pooled variance are
 * A·Σ(k−1)v/Σ(k−1), a weighted sum over the cells that were pooled. So a pooled cell's term is
 * T = V + A·(k−1)/Σ(k−1)·v, the terms are independent, ΣT is P²n²·SE_F², and Satterthwaite's
 * degrees of freedom are (ΣT)²/Σ(T²/(g−1)). */
#include "analysis/fixed.h"

static void variance_add(struct assay_variance *variance, double term, double df)
{
    variance->sum += term;
    variance->squares_over_df += term * term / df;
}

/* Cells of one sample that the selection takes in profile p. */
static double singles_in(const struct assay_selection *selection, uint32_t p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->cells->scores->item_count; i++) {
        count += assay_selection_cell(selection, i, p)->count == 1 &&
                 assay_selection_takes(selection, i);
    }
    return count;
}

/* What a cell that is taken adds, its part in F's two sums excepted. */
static void take_cell(struct assay_fixed *fixed, const struct assay_cell_score *cell,
                      const struct assay_pool *pool)
{
    double k = cell->count, pooled = pool->df > 0 ? pool->squares / pool->df : 0;
    /* Unbiased for the variance of one score also where samples depend on one another:
     * E y² − E² ȳ = (k−1)/k·v + V. */
    double one = cell->count < 2 ? pooled : (k - 1) / k * cell->within + cell->of_mean;
    fixed->run += one;
    fixed->independent += one / k;
    fixed->cells[cell->spread]++;
    fixed->cell_count++;
    if (fixed->cell_count == 1 || cell->looks < fixed->looks_min) fixed->looks_min = cell->looks;
    fixed->some_above |= cell->mean > 0;
    fixed->some_below |= cell->mean < 1;
}

static void take_profile(struct assay_fixed *fixed, const struct assay_selection *selection,
                         uint32_t p, double pooled_weight)
{
    const struct assay_cells *cells = selection->cells;
    bool selected = p >= selection->profile_begin && p < selection->profile_end;
    for (uint32_t i = 0; i < cells->scores->item_count; i++) {
        const struct assay_cell_score *cell = assay_selection_cell(selection, i, p);
        bool taken = selected && assay_selection_takes(selection, i);
        if (taken) take_cell(fixed, cell, assay_cells_pool(cells, p));
        if (cell->count < 2) continue;
        double pooled = pooled_weight * (cell->count - 1) * cell->within;
        double own = taken ? cell->of_mean : 0;
        double own_replicates = taken ? cell->within / cell->count : 0;
        variance_add(&fixed->score, own + pooled, cell->groups - 1);
        variance_add(&fixed->replicates, own_replicates + pooled, cell->count - 1);
    }
}

struct assay_fixed assay_fixed_of(const struct assay_selection *selection, uint32_t items)
{
    const struct assay_cells *cells = selection->cells;
    struct assay_fixed fixed = {.identifiable = cells->all.df > 0};
    double orphans = 0; /* single cells of profiles without a pool */
    for (uint32_t p = selection->profile_begin; p < selection->profile_end; p++) {
        if (!(cells->pools[p].df > 0)) orphans += singles_in(selection, p);
    }
    double shared = orphans > 0 && fixed.identifiable ? orphans / cells->all.df : 0;
    for (uint32_t p = 0; p < cells->scores->profile_count; p++) {
        bool selected = p >= selection->profile_begin && p < selection->profile_end;
        double weight = shared;
        if (selected && cells->pools[p].df > 0) {
            weight += singles_in(selection, p) / cells->pools[p].df;
        }
        if (selected || weight > 0) take_profile(&fixed, selection, p, weight);
    }
    double scale = (double)items * (selection->profile_end - selection->profile_begin);
    scale = items ? 1 / (scale * scale) : 0;
    fixed.score.sum *= scale;
    fixed.score.squares_over_df *= scale * scale;
    fixed.replicates.sum *= scale;
    fixed.replicates.squares_over_df *= scale * scale;
    fixed.run *= scale;
    fixed.independent *= scale;
    return fixed;
}
