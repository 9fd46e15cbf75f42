/* What a batch script is told at the end (FORMAT.md 25.3). */
#ifndef ASSAY_CLI_END_FILE_H
#define ASSAY_CLI_END_FILE_H

#include "assay/status.h"

/* Write the exit code of `status` to `path`; NULL: nobody wants it. Returns `status`, and a failure
 * of its own only where that is ASSAY_OK. */
enum assay_status assay_end_file_write(const char *path, enum assay_status status,
                                       struct assay_error *err);

#endif
