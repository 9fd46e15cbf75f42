/* Whether a tensor's numbers are numbers. */
#ifndef ASSAY_MODEL_FINITE_H
#define ASSAY_MODEL_FINITE_H

#include "assay/model.h"

/* EFORMAT names the tensor, the row and the block whose scale (or, of float types, the value that)
 * is infinite or NaN. Reads all of the tensor. */
ASSAY_MUST_CHECK enum assay_status assay_tensor_check_finite(const struct assay_tensor *tensor,
                                                             struct assay_error *err);

#endif
