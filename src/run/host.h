/* Where a rank runs: its machine, its place on it, its share of the memory; and all of that as the
 * process of its records. */
#ifndef ASSAY_RUN_HOST_H
#define ASSAY_RUN_HOST_H

#include "assay/comm.h"
#include "assay/process.h"
#include "assay/run.h"
#include "assay/topology.h"
#include "base/bytes.h"
#include "base/team.h"

struct assay_host {
    struct assay_topology *topology;
    struct assay_placement *placement;
    struct assay_team_place place;           /* for the session's threads */
    struct assay_process process;            /* lends from all of this */
    struct assay_bytes component, variables; /* of the batch system */
    uint32_t threads;
};

/* Collective over the ranks of a host. Memory is bound from here on. On failure too, close it. */
ASSAY_MUST_CHECK enum assay_status assay_host_open(struct assay_host *host, struct assay_comm *comm,
                                                   const struct assay_run_options *options,
                                                   struct assay_error *err);
void assay_host_close(struct assay_host *host);

/* EMEMORY with the sizes, and the batch that would fit, when the session needs more than the rank's
 * share. */
ASSAY_MUST_CHECK enum assay_status
assay_host_check_memory(const struct assay_host *host, const struct assay_model *model,
                        const struct assay_session_options *session, struct assay_error *err);

#endif
