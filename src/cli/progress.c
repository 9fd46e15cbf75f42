/* Samples, tokens a second, time left, running score. */
#include "cli/progress.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t second_ns = 1000000000;

void assay_progress_init(struct assay_progress_line *line, bool quiet)
{
    bool terminal = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
    *line = (struct assay_progress_line){.form = quiet      ? ASSAY_PROGRESS_NONE
                                                 : terminal ? ASSAY_PROGRESS_DRAWN
                                                            : ASSAY_PROGRESS_LINES};
}

bool assay_progress_due(struct assay_progress_line *line, uint64_t now_ns)
{
    if (line->form == ASSAY_PROGRESS_NONE) return false;
    if (line->start_ns == 0) line->start_ns = now_ns;
    uint64_t since = line->shown ? line->last_ns : line->start_ns;
    uint64_t pause = line->form == ASSAY_PROGRESS_DRAWN ? (line->shown ? second_ns / 5 : 0)
                     : line->shown                      ? 30 * second_ns
                                                        : 5 * second_ns;
    if (now_ns - since < pause) return false;
    line->last_ns = now_ns;
    line->shown = true;
    return true;
}

void assay_progress_text(char to[ASSAY_PROGRESS_BYTES], const struct assay_run_progress *progress)
{
    const size_t size = ASSAY_PROGRESS_BYTES;
    uint64_t fresh = progress->samples_done - progress->samples_resumed;
    int used = snprintf(to, size, "%llu/%llu samples  %3.0f %%",
                        (unsigned long long)progress->samples_done,
                        (unsigned long long)progress->samples_total,
                        100.0 * (double)progress->samples_done / (double)progress->samples_total);
    if (!isnan(progress->tokens_per_second)) {
        used +=
            snprintf(to + used, size - (size_t)used, "  %.0f tok/s", progress->tokens_per_second);
    }
    if (!isnan(progress->eta_seconds)) {
        unsigned long seconds = (unsigned long)progress->eta_seconds;
        used +=
            snprintf(to + used, size - (size_t)used, "  ETA %lu:%02lu", seconds / 60, seconds % 60);
    }
    if (fresh > 0) {
        snprintf(to + used, size - (size_t)used, "  score %.1f %%",
                 100.0 * (double)progress->correct / (double)fresh);
    }
}

void assay_progress_show(void *context, const struct assay_run_progress *progress)
{
    struct assay_progress_line *line = context;
    char text[ASSAY_PROGRESS_BYTES];
    if (!assay_progress_due(line, assay_clock_monotonic_ns())) return;
    assay_progress_text(text, progress);
    assay_progress_print(line, text);
}

void assay_progress_print(const struct assay_progress_line *line, const char *text)
{
    char now[21];
    if (line->form == ASSAY_PROGRESS_DRAWN) {
        fprintf(stderr, "\r\033[K%s", text);
    } else {
        assay_clock_text(assay_clock_epoch_ns(), now);
        fprintf(stderr, "%s %s\n", now, text);
    }
    fflush(stderr);
}

void assay_progress_end(struct assay_progress_line *line)
{
    if (line->form != ASSAY_PROGRESS_DRAWN || !line->shown) return;
    fprintf(stderr, "\r\033[K");
    line->shown = false;
}
