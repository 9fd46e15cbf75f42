/* Tensor types by their ids in GGUF files. */
#ifndef ASSAY_MODEL_DTYPE_H
#define ASSAY_MODEL_DTYPE_H

#include "assay/model.h"

/* False when assay does not read this type. */
bool assay_dtype_from_gguf(uint32_t gguf_id, enum assay_dtype *out);
/* Name of a type that assay does not read, or "unknown". */
const char *assay_dtype_refused_name(uint32_t gguf_id);
/* "F32 F16 …" */
const char *assay_dtype_supported(void);

#endif
