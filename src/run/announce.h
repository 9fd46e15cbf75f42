/* At the start, every rank says where it is and with what it computes. */
#ifndef ASSAY_RUN_ANNOUNCE_H
#define ASSAY_RUN_ANNOUNCE_H

#include "assay/comm.h"
#include "assay/process.h"
#include "assay/run.h"

/* What one rank says; plain bytes, as they travel. */
struct assay_rank_place {
    char host[ASSAY_RANKS_TEXT], component[ASSAY_RANKS_TEXT], device[ASSAY_RANKS_TEXT], isa[16];
    uint32_t threads;
    uint64_t memory_bytes;
};

/* Collective; options->announce is called at rank 0. */
ASSAY_MUST_CHECK enum assay_status assay_announce(struct assay_comm *comm,
                                                  const struct assay_process *process,
                                                  const struct assay_run_options *options,
                                                  struct assay_error *err);
/* Group `count` places in the order of ranks into rows[count]; returns their number. */
size_t assay_announce_group(struct assay_ranks *rows, const struct assay_rank_place *places,
                            uint32_t count);

#endif
