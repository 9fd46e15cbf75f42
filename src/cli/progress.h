/* How far a run is: a line drawn over on a terminal, plain lines now and then in a log. */
#ifndef ASSAY_CLI_PROGRESS_H
#define ASSAY_CLI_PROGRESS_H

#include "assay/run.h"

enum { ASSAY_PROGRESS_BYTES = 160 };
enum assay_progress_form { ASSAY_PROGRESS_NONE, ASSAY_PROGRESS_DRAWN, ASSAY_PROGRESS_LINES };

struct assay_progress_line {
    enum assay_progress_form form;
    uint64_t start_ns, last_ns; /* of the first call, and when it was last shown */
    bool shown;
};

/* Nothing when quiet; drawn when both standard streams are a terminal. */
void assay_progress_init(struct assay_progress_line *line, bool quiet);
/* Whether it is time to show it: drawn, five times a second; as lines, after 5 seconds and then
 * every 30. A yes counts as shown. */
bool assay_progress_due(struct assay_progress_line *line, uint64_t now_ns);
/* Draw a text, or print it as a line with its time. */
void assay_progress_print(const struct assay_progress_line *line, const char *text);
void assay_progress_text(char to[ASSAY_PROGRESS_BYTES], const struct assay_run_progress *progress);
/* For struct assay_run_options: `context` is the line. */
void assay_progress_show(void *context, const struct assay_run_progress *progress);
void assay_progress_end(struct assay_progress_line *line); /* clear what was drawn */

#endif
