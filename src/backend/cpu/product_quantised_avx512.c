/* Quantised products in AVX-512 without VNNI: the maddubs of AVX2 on twice the rows. */
#include "backend/cpu/vector_avx512.h"

#include "backend/cpu/product_quantised.h"

ASSAY_QUANTISED_KERNELS(avx512)
