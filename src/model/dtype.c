/* The table of tensor types: names, ids in files, blocks. */
#include "model/dtype.h"

#include "base/assert.h"

static const struct {
    const char *name;
    uint32_t gguf_id;
    size_t elements, bytes;
} dtype_info[] = {
#define ROW(name, gguf_id, elements, bytes) {#name, gguf_id, elements, bytes},
    ASSAY_DTYPE_LIST(ROW)
#undef ROW
};
_Static_assert(sizeof dtype_info / sizeof dtype_info[0] == ASSAY_DTYPE_COUNT, "one row per dtype");

/* Types that people's files have and assay does not read: only to name them in a refusal. Source:
 * enum ggml_type in ggml.h. */
static const struct {
    uint32_t gguf_id;
    const char *name;
} refused[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
    {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"},
};

const char *assay_dtype_name(enum assay_dtype dtype)
{
    ASSAY_ASSERT((unsigned)dtype < ASSAY_DTYPE_COUNT);
    return dtype_info[dtype].name;
}

size_t assay_dtype_block_elements(enum assay_dtype dtype)
{
    ASSAY_ASSERT((unsigned)dtype < ASSAY_DTYPE_COUNT);
    return dtype_info[dtype].elements;
}

size_t assay_dtype_block_bytes(enum assay_dtype dtype)
{
    ASSAY_ASSERT((unsigned)dtype < ASSAY_DTYPE_COUNT);
    return dtype_info[dtype].bytes;
}

bool assay_dtype_from_gguf(uint32_t gguf_id, enum assay_dtype *out)
{
    for (unsigned i = 0; i < ASSAY_DTYPE_COUNT; i++) {
        if (dtype_info[i].gguf_id != gguf_id) continue;
        *out = (enum assay_dtype)i;
        return true;
    }
    return false;
}

const char *assay_dtype_refused_name(uint32_t gguf_id)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (refused[i].gguf_id == gguf_id) return refused[i].name;
    }
    return "unknown";
}

const char *assay_dtype_supported(void)
{
#define ROW(name, gguf_id, elements, bytes) " " #name
    static const char names[] = ASSAY_DTYPE_LIST(ROW);
    return names + 1;
#undef ROW
}
