/* An audit as a command runs it: which records, in pieces, with a progress line; and its report. */
#ifndef ASSAY_CLI_AUDIT_H
#define ASSAY_CLI_AUDIT_H

#include "attest/bundle.h"
#include "cli/machine.h"
#include "cli/progress.h"

struct assay_json;

/* What is audited: all opened records, or these samples of a results file. */
struct assay_audit_choice {
    uint64_t *indices; /* NULL: every one */
    uint64_t count;
    bool drawn; /* at random, with this seed */
    uint64_t seed;
};

/* How it went. */
struct assay_audit_tally {
    uint64_t valid, invalid, output_tokens;
    double seconds;
    struct assay_session_counters counters;
};

struct assay_audit_view {
    const struct assay_bundle *bundle;
    const struct assay_audit_choice *choice;
    bool print_valid, print_invalid; /* a line for each */
    struct assay_json *rows;         /* an array that gets an object for each, or NULL */
    struct assay_progress_line *line;
    uint64_t done, start_ns;
    bool lacks_memory;
};

/* Audit all that was chosen. Invalid records are counted and are no error. */
ASSAY_MUST_CHECK enum assay_status assay_audit_all(struct assay_audit_tally *out,
                                                   struct assay_audit_view *view,
                                                   const struct assay_audit_options *options,
                                                   struct assay_error *err);

#endif
