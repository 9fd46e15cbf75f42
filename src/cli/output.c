/* The same file by whatever name. */
#include "cli/output.h"

#include "base/file.h"

enum assay_status assay_output_apart(const char *what, const char *path, const char *const *others,
                                     size_t count, struct assay_error *err)
{
    for (size_t i = 0; path && i < count; i++) {
        if (!others[i] || !assay_file_same(others[i], path)) continue;
        return assay_fail(err, ASSAY_EUSAGE, "%s is %.200s itself, which is never changed", what,
                          others[i]);
    }
    return ASSAY_OK;
}
