/* The table of scores of a results file: every cell complete, all of one size. */
#include "assay/scores.h"

#include "base/arena.h"

#include <stdlib.h>

struct scores {
    struct assay_scores public;
    struct assay_arena arena;
};

enum assay_status assay_scores_create(struct assay_scores **out,
                                      const struct assay_results *results, struct assay_error *err)
{
    struct scores *scores = calloc(1, sizeof *scores);
    if (!scores) return assay_fail(err, ASSAY_EMEMORY, "no memory for the scores");
    uint32_t profiles = results->profile_count;
    size_t cells = (size_t)results->item_count * profiles;
    enum assay_draw *draws = assay_arena_take(&scores->arena, profiles, sizeof *draws);
    uint64_t *offset = assay_arena_take(&scores->arena, cells + 1, sizeof *offset);
    uint32_t *sets = assay_arena_take(&scores->arena, cells, sizeof *sets);
    if (!draws || !offset || !sets) {
        assay_scores_destroy(&scores->public);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for the scores of %zu cells", cells);
    }
    for (uint32_t p = 0; p < profiles; p++) draws[p] = results->profiles[p].draw;
    for (size_t c = 0; c < cells; c++) {
        offset[c + 1] = offset[c] + results->replicates;
        sets[c] = results->sets;
    }
    scores->public = (struct assay_scores){.item_count = results->item_count,
                                           .profile_count = profiles,
                                           .stratum_count = results->stratum_count,
                                           .item_strata = results->item_strata,
                                           .profile_draws = draws,
                                           .cell_offset = offset,
                                           .cell_sets = sets,
                                           .score_micro = results->score_micro,
                                           .verdict = results->verdict,
                                           .token_offset = results->token_offset};
    *out = &scores->public;
    return ASSAY_OK;
}

void assay_scores_destroy(struct assay_scores *scores)
{
    if (!scores) return;
    struct scores *owner = (struct scores *)scores; /* its first member */
    assay_arena_fini(&owner->arena);
    free(owner);
}
