/* What a job will take on a cluster, before it is submitted: partitions, memory of a rank, hours.
 */
#ifndef ASSAY_CLI_SLURM_PLAN_H
#define ASSAY_CLI_SLURM_PLAN_H

#include "assay/run.h"
#include "assay/site.h"

struct assay_json;

struct assay_slurm_part {
    struct assay_partition_facts facts;
    struct assay_session_memory memory; /* of a rank */
    uint64_t need_bytes, share_bytes;   /* of a rank, its part of the model file included; 0: not
                                           known */
    uint32_t batch_that_fits;
    bool calibrated;
    struct assay_calibration calibration;
    double hours; /* it alone, at most; NAN without a calibration */
};

struct assay_slurm_plan {
    const struct assay_site *site;
    const struct assay_job *job;
    struct assay_slurm_part parts[ASSAY_SITE_PARTITIONS_MAX];
    uint64_t prompt_tokens, output_tokens_max;
    double hours; /* all together; NAN unless every partition is calibrated */
};

/* Ask Slurm about the partitions, plan the memory, read the calibrations. `calibration`: one file
 * for all partitions, or NULL for those of the site file (beside `site_path`). */
ASSAY_MUST_CHECK enum assay_status
assay_slurm_plan_make(struct assay_slurm_plan *plan, const struct assay_job *job,
                      const struct assay_site *site, const char *site_path, const char *calibration,
                      struct assay_error *err);
/* EMEMORY with the sizes when a rank's share of a node is too small. */
ASSAY_MUST_CHECK enum assay_status assay_slurm_plan_check(const struct assay_slurm_plan *plan,
                                                          struct assay_error *err);
void assay_slurm_plan_print(const struct assay_slurm_plan *plan);
/* Members of `object` (keys: README). */
bool assay_slurm_plan_json(struct assay_json *object, const struct assay_slurm_plan *plan);

#endif
