/* A model from bytes in memory: the small door by which the file, the fuzzer and the tests come in.
 */
#ifndef ASSAY_MODEL_MODEL_PARSE_H
#define ASSAY_MODEL_MODEL_PARSE_H

#include "assay/model.h"

/* Bytes of a file or of one of its parts. */
struct assay_model_part {
    const uint8_t *data;
    size_t size;
};
/* All `count` ≥ 1 parts of a model, in order; otherwise as assay_model_parse. */
ASSAY_MUST_CHECK enum assay_status assay_model_parse_parts(struct assay_model **out,
                                                           const struct assay_model_part *parts,
                                                           size_t count, struct assay_error *err);

/* As assay_model_open, on bytes that the caller keeps until after assay_model_close. */
ASSAY_MUST_CHECK enum assay_status assay_model_parse(struct assay_model **out, const uint8_t *data,
                                                     size_t size, struct assay_error *err);

#endif
