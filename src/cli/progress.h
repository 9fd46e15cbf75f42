/* The progress line of a run, on a terminal only. */
#ifndef ASSAY_CLI_PROGRESS_H
#define ASSAY_CLI_PROGRESS_H

#include "assay/run.h"

struct assay_progress_line {
    bool shown;       /* a terminal is there and nobody asked for quiet */
    uint64_t last_ns; /* when it was drawn */
    bool drawn;
};

void assay_progress_init(struct assay_progress_line *line, bool quiet);
/* For struct assay_run_options: `context` is the line. Draws at most five times a second. */
void assay_progress_show(void *context, const struct assay_run_progress *progress);
void assay_progress_end(struct assay_progress_line *line); /* clear the line */

#endif
