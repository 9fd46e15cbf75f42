/* Stratified redundant partition (FORMAT.md 23.1): every item in exactly ρ sites' subsets, at most
 * one an organisation where that is possible, every stratum shared evenly. */
#include "ledger/paper.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/philox.h"

#include <stdlib.h>
#include <string.h>

/* Loads while items are dealt. */
struct dealing {
    const struct assay_assign *of;
    uint32_t *in_stratum; /* of each site */
    uint32_t *total;
    uint64_t *words; /* of each site, for the item at hand */
};

static uint64_t item_word(const struct assay_assign *of, uint32_t item, uint32_t site)
{
    const uint8_t *d = of->seed.bytes;
    uint32_t counter[4] = {item, site, assay_get_le32(d + 8), assay_get_le32(d + 12)};
    assay_philox(counter, assay_get_le32(d), assay_get_le32(d + 4));
    return (uint64_t)counter[1] << 32 | counter[0];
}

/* What decides between two sites for one item; smaller wins, and the rank decides a tie. */
struct claim {
    uint32_t same_organisation, in_stratum, total;
    uint64_t word;
};

static bool claim_smaller(const struct claim *a, const struct claim *b)
{
    if (a->same_organisation != b->same_organisation) {
        return a->same_organisation < b->same_organisation;
    }
    if (a->in_stratum != b->in_stratum) return a->in_stratum < b->in_stratum;
    if (a->total != b->total) return a->total < b->total;
    return a->word < b->word;
}

static uint32_t count_organisation(const struct assay_assign *of, const uint32_t *taken,
                                   uint32_t count, uint32_t site)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < count; i++) {
        same += of->organisations[taken[i]] == of->organisations[site];
    }
    return same;
}

static bool is_taken(const uint32_t *taken, uint32_t count, uint32_t site)
{
    for (uint32_t i = 0; i < count; i++) {
        if (taken[i] == site) return true;
    }
    return false;
}

static uint32_t best_site(const struct dealing *dealing, const uint32_t *taken, uint32_t count)
{
    const struct assay_assign *of = dealing->of;
    struct claim best = {0};
    uint32_t found = of->sites;
    for (uint32_t site = 0; site < of->sites; site++) {
        if (is_taken(taken, count, site)) continue;
        struct claim claim = {count_organisation(of, taken, count, site), dealing->in_stratum[site],
                              dealing->total[site], dealing->words[site]};
        if (found < of->sites && !claim_smaller(&claim, &best)) continue;
        best = claim;
        found = site;
    }
    ASSAY_ASSERT(found < of->sites);
    return found;
}

static void deal_item(struct dealing *dealing, uint32_t item, uint8_t *bitmaps, size_t stride)
{
    const struct assay_assign *of = dealing->of;
    uint32_t taken[ASSAY_PAPER_REPLICAS_MAX];
    for (uint32_t site = 0; site < of->sites; site++) {
        dealing->words[site] = item_word(of, item, site);
    }
    for (uint32_t i = 0; i < of->replicas; i++) {
        taken[i] = best_site(dealing, taken, i);
        bitmaps[taken[i] * stride + item / 8] |= (uint8_t)(1u << item % 8);
        dealing->in_stratum[taken[i]]++;
        dealing->total[taken[i]]++;
    }
}

bool assay_paper_assign(const struct assay_assign *of, uint8_t *bitmaps, size_t stride,
                        uint32_t *counts)
{
    ASSAY_ASSERT(of->replicas >= 1 && of->replicas <= ASSAY_PAPER_REPLICAS_MAX);
    ASSAY_ASSERT(of->sites >= of->replicas && of->sites <= ASSAY_PAPER_SITES_MAX);
    struct dealing dealing = {of, calloc(of->sites, sizeof(uint32_t)), counts,
                              calloc(of->sites, sizeof(uint64_t))};
    bool ok = dealing.in_stratum && dealing.words;
    memset(counts, 0, of->sites * sizeof *counts);
    for (uint32_t stratum = 0; ok && stratum < of->strata_count; stratum++) {
        memset(dealing.in_stratum, 0, of->sites * sizeof *dealing.in_stratum);
        for (uint32_t item = 0; item < of->items; item++) {
            if (of->strata[item] == stratum) deal_item(&dealing, item, bitmaps, stride);
        }
    }
    free(dealing.in_stratum);
    free(dealing.words);
    return ok;
}
