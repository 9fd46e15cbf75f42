/* Fuzz target: a model file, from its magic number to its tokenizer. */
#include "model/model_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_model *model;
    struct assay_error err;
    if (assay_model_parse(&model, data, size, &err) == ASSAY_OK) assay_model_close(model);
    return 0;
}
