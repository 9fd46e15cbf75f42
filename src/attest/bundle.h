/* What an audit is given: a results file, or single records opened under a signed envelope; and
 * from either the job that it is about. */
#ifndef ASSAY_ATTEST_BUNDLE_H
#define ASSAY_ATTEST_BUNDLE_H

#include "assay/audit.h"
#include "attest/verify.h"

/* Paths; NULL for what is not at hand. */
struct assay_bundle_source {
    const char *const *paths; /* one results file, or path_count opened records */
    size_t path_count;
    const char *envelope; /* of a results file: looked for beside it */
    const char *spec;     /* YAML; opened records need it, a results file has its own */
    const struct assay_assignment *assignment; /* likewise, where a network gave the work */
    const struct assay_public_key *key;
    const char *model_dir, *benchmark_dir;
    const char *data; /* of an encrypted benchmark; else what the benchmark's definition names */
};

struct assay_bundle {
    struct assay_job *job;
    struct assay_results *results;   /* NULL: opened records */
    struct assay_audit_leaf *opened; /* opened_count, ascending by index; NULL: results */
    size_t opened_count;
    struct assay_digest records_digest;
    struct assay_arena *arena; /* of what `opened` points to */
};

/* Read and check everything but the records themselves; `checks` says what was checked, also of a
 * failure. EFAILED when a signature or a signed digest does not hold, EMISMATCH when model,
 * benchmark or spec are others. A record that is not under the root is an unincluded leaf. */
ASSAY_MUST_CHECK enum assay_status assay_bundle_open(struct assay_bundle **out,
                                                     struct assay_checks *checks,
                                                     const struct assay_bundle_source *source,
                                                     struct assay_error *err);
void assay_bundle_close(struct assay_bundle *bundle); /* NULL is fine */

#endif
