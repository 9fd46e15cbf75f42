/* A selection: the cells that one estimate is over, all items of a stratum (or all items) in a
 * range of profiles. An item without a sample in one of these profiles is not taken. */
#ifndef ASSAY_ANALYSIS_SELECTION_H
#define ASSAY_ANALYSIS_SELECTION_H

#include "analysis/cells.h"

#define ASSAY_ALL_STRATA UINT32_MAX

struct assay_selection {
    const struct assay_cells *cells;
    uint32_t stratum;                    /* or ASSAY_ALL_STRATA */
    uint32_t profile_begin, profile_end; /* of the spec's profiles */
};

static inline const struct assay_cell_score *
assay_selection_cell(const struct assay_selection *selection, uint32_t item, uint32_t profile)
{
    const struct assay_cells *cells = selection->cells;
    return &cells->cells[(size_t)item * cells->scores->profile_count + profile];
}

static inline bool assay_selection_has_stratum(const struct assay_selection *selection,
                                               uint32_t item)
{
    return selection->stratum == ASSAY_ALL_STRATA ||
           selection->cells->scores->item_strata[item] == selection->stratum;
}

static inline bool assay_selection_takes(const struct assay_selection *selection, uint32_t item)
{
    if (!assay_selection_has_stratum(selection, item)) return false;
    for (uint32_t p = selection->profile_begin; p < selection->profile_end; p++) {
        if (assay_selection_cell(selection, item, p)->count == 0) return false;
    }
    return true;
}

#endif
