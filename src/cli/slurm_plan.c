/* The plan of a job on a cluster. */
#include "cli/slurm_plan.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/machine.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>

static const double mebibyte = 1048576.0;

static uint64_t tasks_of(const struct assay_partition *partition)
{
    return (uint64_t)partition->nodes * partition->tasks_per_node;
}

/* The compute nodes' own instruction sets are not known here; layouts differ by little. */
static enum assay_status plan_memory(struct assay_slurm_part *part, const struct assay_job *job,
                                     const struct assay_site *site,
                                     const struct assay_partition *partition,
                                     struct assay_error *err)
{
    struct assay_session_options session = {.batch = site->batch,
                                            .threads = partition->cores_per_task,
                                            .prefill_rows = ASSAY_PREFILL_DEFAULT,
                                            .context = job->context};
    enum assay_status status = assay_backend_find(&session.backend, "auto", err);
    if (!status) status = assay_session_plan(&part->memory, job->model, &session, err);
    if (status) return status;
    uint64_t node = partition->memory_mib ? partition->memory_mib : part->facts.memory_mib;
    uint64_t file = part->memory.file_bytes / partition->tasks_per_node;
    part->need_bytes = part->memory.total_bytes + file;
    part->share_bytes = node * 1048576 / partition->tasks_per_node;
    if (part->share_bytes > file && part->share_bytes < part->need_bytes) {
        part->batch_that_fits =
            assay_session_batch_that_fits(job->model, &session, part->share_bytes - file);
    }
    return ASSAY_OK;
}

static enum assay_status plan_hours(struct assay_slurm_plan *plan, size_t index,
                                    const char *site_path, const char *calibration,
                                    struct assay_error *err)
{
    struct assay_slurm_part *part = &plan->parts[index];
    const struct assay_partition *partition = &plan->site->partitions[index];
    struct assay_bytes beside = {0};
    enum assay_status status = ASSAY_OK;
    part->hours = NAN;
    if (!calibration && partition->calibration[0]) {
        status = assay_file_beside(site_path, partition->calibration, &beside, err);
        calibration = (const char *)beside.data;
    }
    if (!status && calibration) {
        status = assay_calibration_open(&part->calibration, calibration, err);
        part->calibrated = !status;
    }
    assay_bytes_fini(&beside);
    if (!part->calibrated) return status;
    part->hours = assay_calibration_hours(&part->calibration, partition, plan->prompt_tokens,
                                          plan->output_tokens_max);
    return ASSAY_OK;
}

enum assay_status assay_slurm_plan_make(struct assay_slurm_plan *plan, const struct assay_job *job,
                                        const struct assay_site *site, const char *site_path,
                                        const char *calibration, struct assay_error *err)
{
    *plan = (struct assay_slurm_plan){.site = site,
                                      .job = job,
                                      .prompt_tokens = job->prompt_offset[job->plan.item_count],
                                      .output_tokens_max =
                                          job->plan.sample_count * job->spec->max_tokens};
    double rate = 0;
    for (size_t i = 0; i < site->partition_count; i++) {
        const struct assay_partition *partition = &site->partitions[i];
        enum assay_status status =
            assay_slurm_check_partition(&plan->parts[i].facts, partition, err);
        if (!status) status = plan_memory(&plan->parts[i], job, site, partition, err);
        if (!status) status = plan_hours(plan, i, site_path, calibration, err);
        if (status) return status;
        rate += 1 / plan->parts[i].hours;
    }
    plan->hours = 1 / rate; /* NaN stays NaN */
    return ASSAY_OK;
}

enum assay_status assay_slurm_plan_check(const struct assay_slurm_plan *plan,
                                         struct assay_error *err)
{
    for (size_t i = 0; i < plan->site->partition_count; i++) {
        const struct assay_slurm_part *part = &plan->parts[i];
        const struct assay_partition *partition = &plan->site->partitions[i];
        if (part->share_bytes == 0 || part->need_bytes <= part->share_bytes) continue;
        char advice[96] = "no batch fits: fewer tasks_per_node, or a smaller model";
        if (part->batch_that_fits) {
            snprintf(advice, sizeof advice, "batch: %u would fit", part->batch_that_fits);
        }
        return assay_fail(err, ASSAY_EMEMORY,
                          "partition \"%s\": a rank needs %.0f MiB (weights %.0f, cache %.0f, work "
                          "%.0f, its part "
                          "of the model file %.0f), its share of a node's memory is %.0f MiB: %s",
                          partition->name, (double)part->need_bytes / mebibyte,
                          (double)part->memory.weight_bytes / mebibyte,
                          (double)part->memory.cache_bytes / mebibyte,
                          (double)part->memory.work_bytes / mebibyte,
                          (double)(part->memory.file_bytes / partition->tasks_per_node) / mebibyte,
                          (double)part->share_bytes / mebibyte, advice);
    }
    return ASSAY_OK;
}

static void print_part(struct assay_table *table, const struct assay_slurm_plan *plan, size_t index)
{
    const struct assay_partition *partition = &plan->site->partitions[index];
    const struct assay_slurm_part *part = &plan->parts[index];
    assay_table_row(table);
    assay_table_cell(table, 0, "%s", partition->name);
    assay_table_cell(table, 1, "%u of %u", partition->nodes, part->facts.nodes);
    assay_table_cell(table, 2, "%llu", (unsigned long long)tasks_of(partition));
    assay_table_cell(table, 3, "%u", partition->cores_per_task);
    assay_table_cell(table, 4, "%.0f", (double)part->memory.weight_bytes / mebibyte);
    assay_table_cell(table, 5, "%.0f", (double)part->memory.cache_bytes / mebibyte);
    assay_table_cell(table, 6, "%.0f", (double)part->need_bytes / mebibyte);
    if (part->share_bytes) {
        assay_table_cell(table, 7, "%.0f", (double)part->share_bytes / mebibyte);
    } else {
        assay_table_cell(table, 7, "?");
    }
    if (part->calibrated) {
        assay_table_cell(table, 8, "%.2f", part->hours);
    } else {
        assay_table_cell(table, 8, "?");
    }
}

void assay_slurm_plan_print(const struct assay_slurm_plan *plan)
{
    static const char *const head[] = {"partition", "nodes",       "ranks",
                                       "cores",     "weights MiB", "cache MiB",
                                       "needs MiB", "has MiB",     "hours alone"};
    static struct assay_table table; /* large */
    const struct assay_plan *cells = &plan->job->plan;
    printf("plan     %u items × %u profiles × %u replicates = %llu samples\n", cells->item_count,
           cells->profile_count, cells->replicates, (unsigned long long)cells->sample_count);
    printf("tokens   %llu of prompts, at most %llu of outputs; longest prompt + output %u\n",
           (unsigned long long)plan->prompt_tokens, (unsigned long long)plan->output_tokens_max,
           plan->job->context);
    table = (struct assay_table){0};
    assay_table_row(&table);
    for (unsigned i = 0; i < sizeof head / sizeof head[0]; i++) {
        assay_table_cell(&table, i, "%s", head[i]);
    }
    for (size_t i = 0; i < plan->site->partition_count; i++) print_part(&table, plan, i);
    assay_table_print(&table, stdout, 0);
    if (isnan(plan->hours)) {
        printf(
            "hours    not known: give each partition a calibration (assay bench MODEL --json)\n");
    } else {
        printf("hours    at most %.2f on all together, in runs of %u minutes\n", plan->hours,
               plan->site->minutes);
    }
}

static struct assay_json *part_json(const struct assay_partition *partition,
                                    const struct assay_slurm_part *part)
{
    struct assay_json *object = assay_json_new_object();
    bool ok =
        object && assay_json_set(object, "name", assay_json_new_text(partition->name)) &&
        assay_json_set(object, "nodes", assay_json_new_integer(partition->nodes)) &&
        assay_json_set(object, "nodes_there", assay_json_new_integer(part->facts.nodes)) &&
        assay_json_set(object, "ranks", assay_json_new_integer((int64_t)tasks_of(partition))) &&
        assay_json_set(object, "cores_per_task",
                       assay_json_new_integer(partition->cores_per_task)) &&
        assay_json_set(object, "weight_bytes",
                       assay_json_new_integer((int64_t)part->memory.weight_bytes)) &&
        assay_json_set(object, "cache_bytes",
                       assay_json_new_integer((int64_t)part->memory.cache_bytes)) &&
        assay_json_set(object, "need_bytes", assay_json_new_integer((int64_t)part->need_bytes)) &&
        assay_json_set(object, "share_bytes",
                       part->share_bytes ? assay_json_new_integer((int64_t)part->share_bytes)
                                         : assay_json_new_null()) &&
        assay_json_set(object, "hours", assay_json_new_real(part->hours));
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

bool assay_slurm_plan_json(struct assay_json *object, const struct assay_slurm_plan *plan)
{
    struct assay_json *list = assay_json_new_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < plan->site->partition_count; i++) {
        ok = assay_json_add(list, part_json(&plan->site->partitions[i], &plan->parts[i]));
    }
    return assay_json_set(object, "samples",
                          assay_json_new_integer((int64_t)plan->job->plan.sample_count)) &&
           assay_json_set(object, "prompt_tokens",
                          assay_json_new_integer((int64_t)plan->prompt_tokens)) &&
           assay_json_set(object, "output_tokens_max",
                          assay_json_new_integer((int64_t)plan->output_tokens_max)) &&
           assay_json_set(object, "hours", assay_json_new_real(plan->hours)) &&
           assay_json_set(object, "partitions", list) && ok;
}
