/* Files that a command writes where it was told to. */
#ifndef ASSAY_CLI_OUTPUT_H
#define ASSAY_CLI_OUTPUT_H

#include "assay/status.h"

#include <stddef.h>

/* What is written must not take the place of what is read: EUSAGE when `path`, which is `what` of
 * the command line ("--output"), is one of `count` other files. NULLs mean that there is none. */
ASSAY_MUST_CHECK enum assay_status assay_output_apart(const char *what, const char *path,
                                                      const char *const *others, size_t count,
                                                      struct assay_error *err);

#endif
