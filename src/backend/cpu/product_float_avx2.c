/* Float products in AVX2: four tokens × two vectors are eight chains side by side, enough to hide
 * the latency, and a broadcast of an activation serves both vectors. */
#include "backend/cpu/vector_avx2.h"

#include "backend/cpu/product_float.h"

ASSAY_FLOAT_KERNELS(avx2)
