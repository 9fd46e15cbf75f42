/* The option --assignment: what a network gave to a site. */
#ifndef ASSAY_CLI_ASSIGNMENT_H
#define ASSAY_CLI_ASSIGNMENT_H

#include "assay/assignment.h"

/* Read and parse the file; `path` NULL leaves *out alone. Release with assay_assignment_fini. */
ASSAY_MUST_CHECK enum assay_status assay_args_assignment(struct assay_assignment *out,
                                                         const char *path, struct assay_error *err);

#endif
