/* Quantised products in plain C: on NEON a 4-bit block for eight rows and a token is 32 multiply-
 * accumulates of eight numbers of 16 bits, one widening, and two or four fma. */
#include "backend/cpu/vector_portable.h"

#include "backend/cpu/product_quantised.h"

ASSAY_QUANTISED_KERNELS(portable)
