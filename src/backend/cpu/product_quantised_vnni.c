/* Quantised products in AVX-512 with VNNI. A block of 32 for 16 rows and a token is eight
 * vpdpbusd, a conversion and two or three roundings of 1.6. */
#include "backend/cpu/vector_avx512.h"

#include "backend/cpu/product_quantised.h"

ASSAY_QUANTISED_KERNELS(vnni)
