/* A run in progress: its journal, read by anybody at any time, becomes a table of scores. */
#include "cli/partial.h"

#include "assay/site.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/file.h"
#include "cli/report.h"

#include <stdlib.h>

/* Cells as they come: samples are visited in the order of the plan. */
struct assay_partial_columns {
    struct assay_arena arena;
    const struct assay_job *job;
    uint64_t capacity, count;
    enum assay_draw *draws;
    const char **strata;
    uint64_t *cell_offset, *token_offset;
    uint32_t *cell_counts, *cell_sets, *item_strata, *score_micro;
    uint8_t *verdict;
};

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the samples of the journal");
}

static enum assay_status take_columns(struct assay_partial_columns *c, struct assay_error *err)
{
    const struct assay_plan *plan = &c->job->plan;
    size_t cells = (size_t)plan->item_count * plan->profile_count;
    size_t samples = (size_t)plan->sample_count;
    struct assay_arena *arena = &c->arena;
    c->capacity = plan->sample_count;
    c->draws = assay_arena_take(arena, plan->profile_count, sizeof *c->draws);
    c->strata = assay_arena_take(arena, assay_benchmark_stratum_count(c->job->benchmark),
                                 sizeof *c->strata);
    c->cell_offset = assay_arena_take(arena, cells + 1, sizeof *c->cell_offset);
    c->token_offset = assay_arena_take(arena, samples + 1, sizeof *c->token_offset);
    c->cell_counts = assay_arena_take(arena, cells, sizeof *c->cell_counts);
    c->cell_sets = assay_arena_take(arena, cells, sizeof *c->cell_sets);
    c->item_strata = assay_arena_take(arena, plan->item_count, sizeof *c->item_strata);
    c->score_micro = assay_arena_take(arena, samples, sizeof *c->score_micro);
    c->verdict = assay_arena_take(arena, samples, sizeof *c->verdict);
    bool ok = c->draws && c->strata && c->cell_offset && c->token_offset && c->cell_counts &&
              c->cell_sets && c->item_strata && c->score_micro && c->verdict;
    return ok ? ASSAY_OK : out_of_memory(err);
}

static enum assay_status visit(void *context, uint64_t sample_index, uint32_t process,
                               const struct assay_record *record,
                               const struct assay_circumstances *circumstances,
                               struct assay_error *err)
{
    struct assay_partial_columns *c = context;
    (void)process;
    (void)circumstances;
    struct assay_cell cell = assay_plan_cell(&c->job->plan, sample_index);
    if (c->count == c->capacity) return out_of_memory(err);
    c->cell_counts[(size_t)cell.item_index * c->job->plan.profile_count + cell.profile_index]++;
    c->score_micro[c->count] = record->score_micro;
    c->verdict[c->count] = (uint8_t)record->verdict;
    c->token_offset[c->count + 1] = c->token_offset[c->count] + record->token_count;
    c->count++;
    return ASSAY_OK;
}

static void finish_columns(struct assay_partial_columns *c)
{
    const struct assay_job *job = c->job;
    size_t cells = (size_t)job->plan.item_count * job->plan.profile_count;
    for (size_t i = 0; i < cells; i++) {
        c->cell_offset[i + 1] = c->cell_offset[i] + c->cell_counts[i];
        c->cell_sets[i] = c->cell_counts[i] == job->plan.replicates ? job->spec->sets : 1;
    }
    for (uint32_t i = 0; i < job->plan.item_count; i++) {
        c->item_strata[i] = assay_benchmark_item_stratum(job->benchmark, i);
    }
    for (uint32_t p = 0; p < job->plan.profile_count; p++) {
        c->draws[p] = job->spec->profiles[p].draw;
    }
    for (uint32_t s = 0; s < assay_benchmark_stratum_count(job->benchmark); s++) {
        c->strata[s] = assay_benchmark_stratum(job->benchmark, s);
    }
}

static void describe(struct assay_partial *partial, const char *path)
{
    const struct assay_partial_columns *c = partial->columns;
    const struct assay_job *job = c->job;
    partial->samples_done = c->count;
    partial->samples_total = job->plan.sample_count;
    partial->head =
        (struct assay_results){.path = path,
                               .spec_name = job->spec->name,
                               .model_name = assay_model_hyper(job->model)->name,
                               .item_count = job->plan.item_count,
                               .profile_count = job->plan.profile_count,
                               .stratum_count = assay_benchmark_stratum_count(job->benchmark),
                               .replicates = job->plan.replicates,
                               .sets = job->spec->sets,
                               .sample_count = job->plan.sample_count,
                               .stratum_names = c->strata,
                               .profiles = job->spec->profiles};
    partial->scores = (struct assay_scores){.item_count = job->plan.item_count,
                                            .profile_count = job->plan.profile_count,
                                            .stratum_count = partial->head.stratum_count,
                                            .item_strata = c->item_strata,
                                            .profile_draws = c->draws,
                                            .cell_offset = c->cell_offset,
                                            .cell_sets = c->cell_sets,
                                            .score_micro = c->score_micro,
                                            .verdict = c->verdict,
                                            .token_offset = c->token_offset};
}

enum assay_status assay_partial_open(struct assay_partial *partial, const struct assay_job *job,
                                     const char *path, struct assay_error *err)
{
    struct assay_journal_reader *reader = NULL;
    *partial = (struct assay_partial){.columns = calloc(1, sizeof *partial->columns)};
    if (!partial->columns) return out_of_memory(err);
    partial->columns->job = job;
    enum assay_status status = assay_journal_read(&reader, path, &job->plan, err);
    if (!status) status = take_columns(partial->columns, err);
    if (!status) status = assay_journal_each(reader, visit, partial->columns, err);
    if (!status) {
        finish_columns(partial->columns);
        describe(partial, path);
        (void)assay_journal_processes(reader, &partial->processes);
    }
    assay_journal_reader_close(reader);
    if (status) assay_partial_close(partial);
    return status;
}

void assay_partial_close(struct assay_partial *partial)
{
    if (partial->columns) assay_arena_fini(&partial->columns->arena);
    free(partial->columns);
    partial->columns = NULL;
}

/* --- the report */

static enum assay_status report_job(const struct assay_job *job, const char *journal, bool json,
                                    const struct assay_estimate_options *options,
                                    struct assay_error *err)
{
    struct assay_partial partial;
    struct assay_estimates *estimates = NULL;
    enum assay_status status = assay_partial_open(&partial, job, journal, err);
    if (status) return status;
    status = assay_estimate_create(&estimates, &partial.scores, options, err);
    if (!status) status = assay_report_partial(&partial, json, estimates, err);
    assay_estimate_destroy(estimates);
    assay_partial_close(&partial);
    return status;
}

static enum assay_status report_journal(const char *results, const char *journal, const char *spec,
                                        const char *model_dir, bool json,
                                        const struct assay_estimate_options *options,
                                        struct assay_error *err)
{
    struct assay_bytes name = {0};
    struct assay_ticket_file *file = NULL;
    struct assay_job *job = NULL;
    enum assay_status status = assay_bytes_format(&name, err, "%s.job.json", results);
    bool ticket = !spec && !status && assay_file_exists((const char *)name.data);
    if (!status && !spec && !ticket) {
        status = assay_fail(err, ASSAY_EUSAGE,
                            "%s is not finished: name its spec with --spec to report the journal",
                            results);
    }
    if (ticket) status = assay_ticket_open(&file, (const char *)name.data, err);
    if (!status && ticket) {
        spec = assay_ticket_of(file)->spec;
        if (!model_dir && assay_ticket_of(file)->model_dir[0]) {
            model_dir = assay_ticket_of(file)->model_dir;
        }
    }
    if (!status) status = assay_job_open(&job, spec, model_dir, NULL, err);
    if (!status) status = report_job(job, journal, json, options, err);
    assay_job_close(job);
    assay_ticket_close(file);
    assay_bytes_fini(&name);
    return status;
}

enum assay_status assay_partial_report(const char *results, const char *spec, const char *model_dir,
                                       bool json, const struct assay_estimate_options *options,
                                       struct assay_error *err)
{
    struct assay_bytes journal = {0};
    enum assay_status status = assay_bytes_format(&journal, err, "%s.journal", results);
    if (!status && !assay_file_exists((const char *)journal.data)) {
        status =
            assay_fail(err, ASSAY_ENOTFOUND, "%s: no such file, and no journal of it", results);
    }
    if (!status) {
        status = report_journal(results, (const char *)journal.data, spec, model_dir, json, options,
                                err);
    }
    assay_bytes_fini(&journal);
    return status;
}
