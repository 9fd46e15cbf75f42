/* HumanEval's program. */
#include "assay/sandbox.h"

#include "base/bytes.h"

#include <string.h>

enum assay_status assay_sandbox_humaneval(const char *prompt, const char *completion,
                                          const char *test, const char *entry,
                                          struct assay_bytes *out, size_t *test_at,
                                          struct assay_error *err)
{
    size_t begin = out->size;
    enum assay_status status = assay_bytes_append(out, prompt, strlen(prompt), err);
    if (!status) status = assay_bytes_append(out, completion, strlen(completion), err);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    if (status) return status;
    size_t at = out->size - begin;
    status = assay_bytes_append(out, test, strlen(test), err);
    if (!status) status = assay_bytes_format(out, err, "\ncheck(%s)", entry);
    if (!status) *test_at = at;
    return status;
}
