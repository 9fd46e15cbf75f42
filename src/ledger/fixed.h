/* Consensus arithmetic, fixed-1 (FORMAT.md 20): Q32.32 in u64, integers only. The same bits from
 * every compiler; no function can overflow inside its stated domain. */
#ifndef ASSAY_LEDGER_FIXED_H
#define ASSAY_LEDGER_FIXED_H

#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 assay_u128;
__extension__ typedef __int128 assay_i128;

#define ASSAY_FIXED_ONE UINT64_C(0x100000000)

/* round(exp(−x/2^32)·2^32), half to even; any x. */
uint64_t assay_fixed_exp_minus(uint64_t x);
/* floor(sqrt(v)); the root of a fixed x is assay_isqrt((assay_u128)x << 32). */
uint64_t assay_isqrt(assay_u128 v);
/* floor(a·b/c), c > 0; the quotient must fit (asserted). */
uint64_t assay_muldiv(uint64_t a, uint64_t b, uint64_t c);

/* a + b, or INT64_MAX where it would be more: sums of credit stop there. */
uint64_t assay_add_capped(uint64_t a, uint64_t b);

/* A value and the rank of its owner's key, so that equal values have one order. */
struct assay_ranked {
    uint64_t value;
    uint32_t rank;
};
/* Sorts by (value, rank); floor((a + b)/2) of the middle ones for even counts. count ≥ 1. */
uint64_t assay_median(struct assay_ranked *values, size_t count);

#endif
