/* What bounds the engine on this machine, measured on the spot. */
#ifndef ASSAY_CLI_LIMITS_H
#define ASSAY_CLI_LIMITS_H

#include "cli/machine.h"

struct assay_limits {
    double read_bytes_per_s; /* from memory, by all threads together */
    double macs_per_s;       /* of the quantised products' inner step; 0: not known */
};

/* A second or two. */
ASSAY_MUST_CHECK enum assay_status assay_limits_measure(struct assay_limits *out,
                                                        const struct assay_machine_choice *machine,
                                                        const struct assay_team_place *place,
                                                        struct assay_error *err);

#endif
