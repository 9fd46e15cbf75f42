/* The processes of a results file and their machines: /processes and /topologies. */
#ifndef ASSAY_STORE_MACHINES_H
#define ASSAY_STORE_MACHINES_H

#include "assay/results.h"
#include "crypto/digest.h"
#include "store/image.h"
#include "store/process.h"
#include "store/sheet.h"

/* Processes, and each distinct topology once. */
struct assay_machines {
    const struct assay_process *processes; /* borrowed */
    uint32_t count;
    const char **topologies; /* topology_count, lent by the processes */
    struct assay_digest *digests;
    uint32_t *topology_of; /* of each process: row of topologies */
    uint32_t topology_count;
};

ASSAY_MUST_CHECK enum assay_status assay_machines_init(struct assay_machines *machines,
                                                       const struct assay_process *processes,
                                                       uint32_t count, struct assay_error *err);
void assay_machines_fini(struct assay_machines *machines);

/* Write the columns; the processes live until the sheet is finished. */
ASSAY_MUST_CHECK enum assay_status assay_machines_put(const struct assay_machines *machines,
                                                      struct assay_sheet *sheet,
                                                      struct assay_error *err);
/* Take each process's encoding into the circumstances digest (FORMAT.md 3.3). */
ASSAY_MUST_CHECK enum assay_status assay_machines_digest(const struct assay_machines *machines,
                                                         struct assay_sha256 *state,
                                                         struct assay_error *err);
/* Read: processes of an image, checked, into `results` (also what it joins of them). */
ASSAY_MUST_CHECK enum assay_status assay_machines_take(struct assay_results *results,
                                                       struct assay_image *image,
                                                       struct assay_error *err);

#endif
