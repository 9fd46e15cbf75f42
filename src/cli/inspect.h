/* Looking into a benchmark: prompts as a model gets them, and all that is made of an item. */
#ifndef ASSAY_CLI_INSPECT_H
#define ASSAY_CLI_INSPECT_H

#include "cli/command.h"

/* Whether it is to be read as a spec or a benchmark's definition, by its name. */
bool assay_inspect_is_benchmark(const char *path);
ASSAY_MUST_CHECK enum assay_status assay_inspect_benchmark(const struct assay_args *args,
                                                           struct assay_error *err);

#endif
