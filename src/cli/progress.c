/* Samples, tokens a second, time left, running score: one line that is drawn over. */
#include "cli/progress.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t draw_interval_ns = 200000000;

void assay_progress_init(struct assay_progress_line *line, bool quiet)
{
    *line = (struct assay_progress_line){.shown = !quiet && isatty(STDOUT_FILENO) &&
                                                  isatty(STDERR_FILENO)};
}

void assay_progress_show(void *context, const struct assay_run_progress *progress)
{
    struct assay_progress_line *line = context;
    uint64_t now = assay_clock_monotonic_ns();
    if (!line->shown || (line->drawn && now - line->last_ns < draw_interval_ns)) return;
    line->last_ns = now;
    line->drawn = true;
    fprintf(stderr, "\r\033[K%llu/%llu samples  %3.0f %%",
            (unsigned long long)progress->samples_done, (unsigned long long)progress->samples_total,
            100.0 * (double)progress->samples_done / (double)progress->samples_total);
    if (!isnan(progress->tokens_per_second)) {
        fprintf(stderr, "  %.0f tok/s", progress->tokens_per_second);
    }
    if (!isnan(progress->eta_seconds)) {
        unsigned seconds = (unsigned)progress->eta_seconds;
        fprintf(stderr, "  ETA %u:%02u", seconds / 60, seconds % 60);
    }
    uint64_t fresh = progress->samples_done - progress->samples_resumed;
    if (fresh > 0) {
        fprintf(stderr, "  score %.1f %%", 100.0 * (double)progress->correct / (double)fresh);
    }
    fflush(stderr);
}

void assay_progress_end(struct assay_progress_line *line)
{
    if (line->drawn) fprintf(stderr, "\r\033[K");
    line->drawn = false;
}
