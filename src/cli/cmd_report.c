/* assay report: estimates of a results file. */
#include "cli/command.h"

#include "base/file.h"
#include "cli/partial.h"
#include "cli/report.h"

#include <stdlib.h>

static enum assay_status cmd_report(const struct assay_args *args, struct assay_error *err)
{
    struct assay_estimate_options options = {
        .resamples = args->bootstrap.given ? (uint32_t)args->bootstrap.value
                                           : (uint32_t)ASSAY_BOOTSTRAP_DEFAULT,
        .seed =
            args->seed.given ? (uint32_t)args->seed.value : (uint32_t)ASSAY_BOOTSTRAP_SEED_DEFAULT};
    if (options.resamples == 0 && args->seed.given) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "--seed is of the bootstrap, and --bootstrap 0 switches it off");
    }
    if (options.resamples > 0 && options.resamples < ASSAY_BOOTSTRAP_MIN) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "--bootstrap is \"%u\": fewer than %d resamples say nothing; 0 switches "
                          "the bootstrap off",
                          options.resamples, ASSAY_BOOTSTRAP_MIN);
    }
    const char *results = args->operands[0];
    if (!assay_file_exists(results)) {
        const char *model_dir = args->model_dir ? args->model_dir : getenv("ASSAY_MODEL_DIR");
        return assay_partial_report(results, args->spec, model_dir, args->json, &options, err);
    }
    return assay_report_file_with(results, args->json, &options, err);
}

static const struct assay_option options[] = {
    {"bootstrap", "N", "resamples of the bootstrap (default: 10000; 0: none)",
     ASSAY_OPTION_GIVEN_NUMBER, offsetof(struct assay_args, bootstrap), 0, ASSAY_BOOTSTRAP_MAX},
    {"seed", "N", "seed of the bootstrap (default: 1)", ASSAY_OPTION_GIVEN_NUMBER,
     offsetof(struct assay_args, seed), 1, UINT32_MAX},
    ASSAY_OPTION_WORD("spec", "FILE", "of a run that is not finished: its spec", spec),
    {"model-dir", "DIR", "where models lie (default: $ASSAY_MODEL_DIR)", ASSAY_OPTION_TEXT,
     offsetof(struct assay_args, model_dir), 0, 0},
    ASSAY_OPTION_COMMON,
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_report = {
    "report",
    "RESULTS",
    1,
    1,
    "show the scores of a results file with their errors",
    "Two errors stand beside each score. F is for this fixed benchmark: how far another run with\n"
    "other seeds would fall. S is for another benchmark of this kind, drawn like this one's "
    "items.\n"
    "Each has a standard error and a 95 % interval, made by the method named beside it:\n\n"
    "  S  wilson-n-eff     Wilson, with n the sample size at which a binomial has this error\n"
    "     wilson           one sample an item: Wilson, n items\n"
    "     clopper-pearson  all right, all wrong, all items alike, or one item: exact binomial\n"
    "     bca, percentile  bootstrap over the items, seeded; reproducible to the bit\n"
    "  F  t-satterthwaite  t with Satterthwaite's degrees of freedom, from the spread within "
    "items\n"
    "     t-replicates     all sets agree by chance: from single replicates, wider\n"
    "     rule-of-three    no spread at all: what that many equal samples (looks) still allow\n"
    "     not-identifiable one sample an item and profile; n/a here, null and the reason in "
    "JSON\n\n"
    "  assay report quickstart.h5\n"
    "  assay report quickstart.h5 --json | jq '.profiles[] | {profile, score, interval_super}'\n"
    "  assay report quickstart.h5 --bootstrap 100000 --seed 7\n\n"
    "A run that is not finished is reported as far as its journal has it; its spec must be named, "
    "unless\n"
    "`assay slurm` has left a ticket beside it:\n\n"
    "  assay report quickstart.h5 --spec jobs/quickstart.yaml\n",
    options,
    cmd_report};
