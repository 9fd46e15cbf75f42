/* Reading: eight streams of words a thread, more bytes than any cache has. Multiply-adds: the
 * backend's own inner step. The best of a few rounds counts, for a limit is what is never passed.
 */
#include "cli/limits.h"

#include "backend/backend.h"
#include "base/clock.h"

#include <string.h>

enum { BUFFER_BYTES = 384 << 20, ROUNDS = 5, LINE_WORDS = 8 };
enum { PEAK_ROUNDS = 1 << 20 };

struct limits_work {
    const struct assay_backend *backend;
    uint64_t *words;
    size_t count;
    uint64_t macs[ASSAY_THREADS_MAX], sums[ASSAY_THREADS_MAX];
};

static void read_part(void *context, unsigned thread, unsigned threads)
{
    struct limits_work *work = context;
    size_t begin, end;
    uint64_t sums[LINE_WORDS] = {0}, all = 0;
    assay_team_share(work->count, LINE_WORDS, thread, threads, &begin, &end);
    for (size_t i = begin; i + LINE_WORDS <= end; i += LINE_WORDS) {
        for (size_t k = 0; k < LINE_WORDS; k++) sums[k] += work->words[i + k];
    }
    for (size_t k = 0; k < LINE_WORDS; k++) all += sums[k];
    work->sums[thread] = all;
}

/* Memory that was never written is one page of zeros, which a cache has. */
static void write_part(void *context, unsigned thread, unsigned threads)
{
    struct limits_work *work = context;
    size_t begin, end;
    assay_team_share(work->count, LINE_WORDS, thread, threads, &begin, &end);
    memset(work->words + begin, 1, (end - begin) * sizeof *work->words);
}

static void peak_part(void *context, unsigned thread, unsigned threads)
{
    struct limits_work *work = context;
    (void)threads;
    work->macs[thread] = work->backend->peak(PEAK_ROUNDS);
}

static double best_seconds(struct assay_team *team, assay_team_work *part, struct limits_work *work)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = assay_clock_monotonic_ns();
        assay_team_run(team, part, work);
        double seconds = (double)(assay_clock_monotonic_ns() - start) * 1e-9;
        if (round == 0 || seconds < best) best = seconds;
    }
    return best;
}

enum assay_status assay_limits_measure(struct assay_limits *out,
                                       const struct assay_machine_choice *machine,
                                       const struct assay_team_place *place,
                                       struct assay_error *err)
{
    struct assay_team *team = NULL;
    struct limits_work work = {.backend = machine->backend};
    enum assay_status status = assay_team_open(&team, machine->threads, place, err);
    if (status) return status;
    void *buffer = machine->backend->alloc(BUFFER_BYTES);
    if (!buffer) {
        assay_team_close(team);
        return assay_fail(err, ASSAY_EMEMORY, "no memory to measure its speed");
    }
    work.words = buffer;
    work.count = BUFFER_BYTES / sizeof(uint64_t);
    *out = (struct assay_limits){0};
    assay_team_run(team, write_part, &work);
    out->read_bytes_per_s = BUFFER_BYTES / best_seconds(team, read_part, &work);
    if (machine->backend->peak) {
        double seconds = best_seconds(team, peak_part, &work);
        uint64_t macs = 0;
        for (uint32_t i = 0; i < machine->threads; i++) macs += work.macs[i];
        out->macs_per_s = (double)macs / seconds;
    }
    machine->backend->free(buffer);
    assay_team_close(team);
    return ASSAY_OK;
}
