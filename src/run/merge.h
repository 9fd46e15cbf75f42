/* The end of a run: the journal becomes the results file. */
#ifndef ASSAY_RUN_MERGE_H
#define ASSAY_RUN_MERGE_H

#include "assay/run.h"

/* Whether this plan's results are there already; another plan's are never touched: EMISMATCH. */
ASSAY_MUST_CHECK enum assay_status assay_merge_check_existing(const struct assay_job *job,
                                                              const char *path, bool *complete,
                                                              struct assay_error *err);
/* Write `path` from the journal, which stays; in parts of `part_samples` where there are more. */
ASSAY_MUST_CHECK enum assay_status assay_merge(const struct assay_job *job, const char *path,
                                               const char *journal_path, uint64_t part_samples,
                                               struct assay_error *err);

#endif
