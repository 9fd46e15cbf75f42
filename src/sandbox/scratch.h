/* The writable folder of the form `landlock`, on the host's /tmp. */
#ifndef ASSAY_SANDBOX_SCRATCH_H
#define ASSAY_SANDBOX_SCRATCH_H

#include "assay/status.h"

struct assay_scratch {
    char path[64]; /* "": there is none */
    int lock;      /* open while it is used: who holds no lock has died */
};

/* Make one, and remove those of ours whose pools were killed. */
ASSAY_MUST_CHECK enum assay_status assay_scratch_make(struct assay_scratch *out,
                                                      struct assay_error *err);
void assay_scratch_remove(struct assay_scratch *scratch); /* with all that is in it */

#endif
