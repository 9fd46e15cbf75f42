/* The table of commands: one row and one file cmd_*.c each. */
#include "cli/command.h"

const struct assay_command *const assay_commands[] = {
    &assay_cmd_run,     &assay_cmd_slurm,      &assay_cmd_fetch,
    &assay_cmd_report,  &assay_cmd_grade,      &assay_cmd_inspect,
    &assay_cmd_bench,   &assay_cmd_perplexity, &assay_cmd_topo,
    &assay_cmd_key,     &assay_cmd_attest,     &assay_cmd_verify,
    &assay_cmd_audit,   &assay_cmd_submit,     &assay_cmd_net,
    &assay_cmd_sandbox, &assay_cmd_completion, NULL};
