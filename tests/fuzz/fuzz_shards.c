/* Fuzz target: a model file in two parts. LE32 size of the first, then both. */
#include "base/bytes.h"
#include "model/model_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_model *model;
    if (size < 4) return 0;
    size_t first = assay_get_le32(data);
    data += 4;
    size -= 4;
    if (first > size) first = size;
    const struct assay_model_part parts[] = {{data, first}, {data + first, size - first}};
    if (assay_model_parse_parts(&model, parts, 2, NULL) == ASSAY_OK) assay_model_close(model);
    return 0;
}
