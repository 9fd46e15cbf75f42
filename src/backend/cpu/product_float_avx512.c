/* Float products in AVX-512: 16 tokens × one vector of 16 rows, the activation a broadcast operand
 * of the fma. */
#include "backend/cpu/vector_avx512.h"

#include "backend/cpu/product_float.h"

ASSAY_FLOAT_KERNELS(avx512)
