/* The parsed parts of one model file: the first has the metadata, each has some of the tensors. */
#ifndef ASSAY_MODEL_SHARDS_H
#define ASSAY_MODEL_SHARDS_H

#include "model/gguf.h"
#include "model/model_parse.h"

struct assay_shards {
    size_t count;
    struct assay_gguf **ggufs; /* [count] */
    size_t tensor_count;       /* of all */
};

/* Parse the parts and check by split.no, split.count and split.tensors.count that they are all of
 * one file, in order. EMISMATCH where they are not, each refusal naming the part. */
ASSAY_MUST_CHECK enum assay_status assay_shards_parse(struct assay_shards *out,
                                                      const struct assay_model_part *parts,
                                                      size_t count, struct assay_error *err);
void assay_shards_fini(struct assay_shards *shards); /* zeroed is fine */

/* *index is the tensor's place among those of all parts. NULL when there is none of that name. */
const struct assay_gguf_tensor *assay_shards_find(const struct assay_shards *shards,
                                                  const char *name, size_t *index);
const struct assay_gguf_tensor *assay_shards_at(const struct assay_shards *shards, size_t index);

#endif
