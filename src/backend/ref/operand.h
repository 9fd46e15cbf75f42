/* The judge's operand, known to its maker and to the product. */
#ifndef ASSAY_BACKEND_REF_OPERAND_H
#define ASSAY_BACKEND_REF_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_REF_BLOCK = 32 };

/* rows × columns values. Quantised: q (32 to a block), and d, xs one a block. Else: x. */
struct assay_operand {
    size_t rows, columns;
    bool quantised;
    float *x, *d, *xs;
    int8_t *q;
};

#endif
