/* Reputation: the share of hits, of which a tenth is forgotten each time (FORMAT.md 23.5). */
#include "ledger/paper.h"

uint64_t assay_paper_reputation(uint64_t before, bool hit)
{
    return (9 * before + (hit ? ASSAY_FIXED_ONE : 0)) / 10;
}
