/* assay report: estimates of a results file. */
#include "cli/command.h"

#include "cli/report.h"

static enum assay_status cmd_report(const struct assay_args *args, struct assay_error *err)
{
    return assay_report_file(args->operands[0], args->json, err);
}

static const struct assay_option options[] = {ASSAY_OPTION_COMMON,
                                              {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_report = {
    "report",
    "RESULTS",
    1,
    1,
    "show the scores of a results file with their errors",
    "Two standard errors stand beside each score. F is for this fixed benchmark: how far another "
    "run\n"
    "with other seeds would fall. S is for another benchmark of this kind, drawn like this one's "
    "items.\n"
    "F needs at least two replicates; where it cannot be known the table says n/a (null in "
    "JSON).\n\n"
    "  assay report quickstart.h5\n"
    "  assay report quickstart.h5 --json | jq '.profiles[] | {profile, score, se_fixed}'\n",
    options,
    cmd_report};
