/* What a batch system says of this task, kept with the results: hardware is a factor there. */
#ifndef ASSAY_RUN_BATCH_SYSTEM_H
#define ASSAY_RUN_BATCH_SYSTEM_H

#include "base/bytes.h"

/* Append NAME=VALUE lines, sorted, of the variables of `environment` (ends with NULL) that tell
 * about job, step and task, those of every component of a heterogeneous job among them, how they
 * were bound and placed, and the container's image; not the user's name. At most `bytes_max` in
 * all; a value that is no clean text or longer than a line of 512 bytes is left out. */
ASSAY_MUST_CHECK enum assay_status assay_batch_variables(struct assay_bytes *out,
                                                         const char *const *environment,
                                                         size_t bytes_max, struct assay_error *err);
/* Append "NUMBER PARTITION" of this task's component; nothing where it is not known. The number is
 * $ASSAY_COMPONENT, for in a step over several Slurm gives the last one's partition to all. */
ASSAY_MUST_CHECK enum assay_status assay_batch_component(struct assay_bytes *out,
                                                         struct assay_error *err);

#endif
