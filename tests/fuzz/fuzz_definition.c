/* Fuzz target: any bytes as a benchmark's definition beneath a short spec. What is accepted has all
 * that a run needs, and seals. */
#include "assay/spec.h"
#include "base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "assay: 1\nname: short\nmodel: {path: m}\nbenchmark: {path: b.yaml}\nmax_tokens: 3\n"
        "replicates: 1\nseed: 0\nprofiles: [{name: p}]\n";
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    ASSAY_ASSERT(assay_spec_parse(&spec, text, sizeof text - 1, &err) == ASSAY_OK);
    if (assay_spec_define(spec, "b.yaml", (const char *)data, size, &err)) {
        ASSAY_ASSERT(err.text[0]);
    } else {
        ASSAY_ASSERT(spec->prompt[0] && spec->rule_count >= 1 && spec->max_tokens == 3);
        ASSAY_ASSERT(spec->data.path[0] && spec->definition.name[0] && spec->option[0]);
        ASSAY_ASSERT(strstr(spec->overrides, "max_tokens"));
        ASSAY_ASSERT(assay_spec_seal(spec, &err) == ASSAY_OK);
    }
    assay_spec_destroy(spec);
    return 0;
}
