/* The exit code to be, for a script that may never see it: a launcher can hide it behind the signal
 * by which it ended another rank. */
#include "cli/end_file.h"

#include "base/file.h"

#include <stdio.h>

enum assay_status assay_end_file_write(const char *path, enum assay_status status,
                                       struct assay_error *err)
{
    struct assay_error trouble;
    char text[16];
    if (!path) return status;
    int size = snprintf(text, sizeof text, "%d\n", assay_exit_code(status));
    enum assay_status written = assay_file_write(path, text, (size_t)size, &trouble);
    if (status || !written) return status;
    return assay_fail(err, written, "%s", trouble.text);
}
