/* Float products in plain C: as in AVX2, with two vectors of 16 bytes for each of its 32. */
#include "backend/cpu/vector_portable.h"

#include "backend/cpu/product_float.h"

ASSAY_FLOAT_KERNELS(portable)
