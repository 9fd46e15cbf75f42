/* assay run: from a spec to a results file and its report. */
#include "cli/command.h"

#include "assay/run.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/assignment.h"
#include "cli/end_file.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "crypto/digest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A part of records of 200 tokens is 3.3 GB: object stores take 5 GB in one piece, a copy that
 * broke off begins again at its part, and whoever has fewer records has one file. */
enum { PART_RECORDS = 2000000 };

/* The one word that a signal handler may touch. */
static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

/* The first signal asks for a clean stop, from the program's first step on: a batch system does not
 * wait for a model to be read. A person's second one ends the program as it always did;
 * USR1 and TERM are what batch systems send before a time limit or a preemption, more than once
 * where launchers pass them on, and KILL is how these end a program that does not heed them. */
static void catch_signals(void)
{
    struct sigaction action = {0};
    action.sa_handler = request_stop;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
}

static uint64_t prompt_total(const struct assay_job *job)
{
    return job->prompt_offset[job->plan.item_count];
}

/* What a rank would take; another thread adds little. */
static enum assay_status plan_memory(struct assay_session_memory *out,
                                     struct assay_machine_choice *machine,
                                     const struct assay_job *job, const struct assay_args *args,
                                     struct assay_error *err)
{
    enum assay_status status = assay_machine_choose(machine, args, err);
    if (status) return status;
    struct assay_session_options session = {.backend = machine->backend,
                                            .batch = machine->batch,
                                            .threads = machine->threads ? machine->threads : 1,
                                            .prefill_rows = machine->prefill_rows,
                                            .context = job->context,
                                            .kv_f32 = job->spec->kv == ASSAY_KV_F32};
    return assay_session_plan(out, job->model, &session, err);
}

static enum assay_status print_plan_json(const struct assay_job *job, const char *output,
                                         const struct assay_session_memory *memory,
                                         struct assay_error *err)
{
    char spec[ASSAY_DIGEST_HEX], plan[ASSAY_DIGEST_HEX];
    struct assay_json *object = assay_json_new_object();
    bool ok =
        object && assay_json_set(object, "spec", assay_json_new_text(job->spec->name)) &&
        assay_json_set(object, "overridden", assay_json_new_text(job->spec->overrides)) &&
        assay_json_set(object, "items", assay_json_new_integer(job->plan.item_count)) &&
        assay_json_set(object, "profile_count", assay_json_new_integer(job->plan.profile_count)) &&
        assay_json_set(object, "replicates", assay_json_new_integer(job->plan.replicates)) &&
        assay_json_set(object, "samples",
                       assay_json_new_integer((int64_t)job->plan.sample_count)) &&
        assay_json_set(object, "prompt_tokens",
                       assay_json_new_integer((int64_t)prompt_total(job))) &&
        assay_json_set(object, "context", assay_json_new_integer(job->context)) &&
        assay_json_set(object, "spec_digest",
                       assay_json_new_text(assay_digest_hex(&job->spec->digest, spec))) &&
        assay_json_set(object, "plan_digest",
                       assay_json_new_text(assay_digest_hex(&job->plan.digest, plan))) &&
        assay_json_set(object, "rank_memory_bytes",
                       assay_json_new_integer((int64_t)memory->total_bytes)) &&
        assay_json_set(object, "model_file_bytes",
                       assay_json_new_integer((int64_t)memory->file_bytes)) &&
        assay_json_set(object, "results", assay_json_new_text(output));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the plan");
}

static enum assay_status print_plan(const struct assay_job *job, const char *output,
                                    const struct assay_args *args, struct assay_error *err)
{
    const double mebibyte = 1048576.0;
    char hex[ASSAY_DIGEST_HEX];
    struct assay_machine_choice machine;
    struct assay_session_memory memory;
    enum assay_status status = plan_memory(&memory, &machine, job, args, err);
    if (status) return status;
    if (args->json) return print_plan_json(job, output, &memory, err);
    const struct assay_plan *plan = &job->plan;
    printf("spec     %s (%s)\n", job->spec->name, assay_digest_hex(&job->spec->digest, hex));
    if (job->spec->overrides[0])
        printf("instead  of the benchmark's own: %s\n", job->spec->overrides);
    printf("model    %s\n", job->spec->model.file);
    printf("plan     %u items × %u profiles × %u replicates = %llu samples\n", plan->item_count,
           plan->profile_count, plan->replicates, (unsigned long long)plan->sample_count);
    printf("prompts  %llu tokens in all; longest prompt + output %u tokens\n",
           (unsigned long long)prompt_total(job), job->context);
    printf(
        "memory   %.0f MiB a rank for %u samples at a time (keys and values %.0f), and the model's "
        "%.0f\n",
        (double)memory.total_bytes / mebibyte, machine.batch, (double)memory.cache_bytes / mebibyte,
        (double)memory.file_bytes / mebibyte);
    printf("results  %s\n", output);
    return ASSAY_OK;
}

static void tell_end(const struct assay_run_progress *progress, enum assay_run_outcome outcome)
{
    if (outcome == ASSAY_RUN_ALREADY_COMPLETE) {
        fprintf(stderr, "assay: these results were complete already; nothing was computed\n");
        return;
    }
    if (progress->torn_bytes) {
        fprintf(stderr,
                "assay: %u file%s of the journal ended in %llu torn bytes, which were cut\n",
                progress->torn_files, progress->torn_files == 1 ? "" : "s",
                (unsigned long long)progress->torn_bytes);
    }
    if (progress->samples_resumed) {
        fprintf(stderr, "assay: resumed; %llu samples came from the journal\n",
                (unsigned long long)progress->samples_resumed);
    }
    if (progress->unlocked) {
        fprintf(stderr,
                "assay: this file system has no locks: nothing would have kept a second run "
                "of the same results out\n");
    }
    const struct assay_session_counters *counters = &progress->counters;
    if (progress->seconds > 0) {
        fprintf(
            stderr,
            "assay: %llu samples in %.1f s; %llu output tokens (%.0f tok/s), %llu of %llu prompt "
            "tokens computed\n",
            (unsigned long long)(progress->samples_done - progress->samples_resumed),
            progress->seconds, (unsigned long long)counters->output_tokens,
            (double)counters->output_tokens / progress->seconds,
            (unsigned long long)counters->prefill_tokens,
            (unsigned long long)counters->prompt_tokens);
    }
    if (progress->ranks > 1 && progress->seconds > 0) {
        fprintf(stderr,
                "assay: %u ranks; at the end one waited for the others for %.1f %% of the "
                "time at most\n",
                progress->ranks, 100 * progress->idle_share);
    }
}

/* A line for each host, in the log of a batch job too: where it went wrong is asked later. */
static void tell_ranks(void *context, const struct assay_ranks *rows, size_t count)
{
    const double gibibyte = 1073741824.0;
    char now[21];
    (void)context;
    assay_clock_text(assay_clock_epoch_ns(), now);
    for (size_t i = 0; i < count; i++) {
        const struct assay_ranks *row = &rows[i];
        fprintf(stderr, "%s ", now);
        if (row->hosts > 1) {
            fprintf(stderr, "%u ranks on %u hosts, %s … %s", row->ranks, row->hosts, row->host,
                    row->last_host);
        } else {
            fprintf(stderr, "%s %s on %s", row->ranks == 1 ? "rank" : "ranks", row->list,
                    row->host);
        }
        if (row->component[0]) fprintf(stderr, " (component %s)", row->component);
        fprintf(stderr, ": %s, %s, %u thread%s and %.1f GiB a rank\n",
                row->device[0] ? row->device : "unknown processor", row->isa, row->threads,
                row->threads == 1 ? "" : "s", (double)row->memory_bytes / gibibyte);
    }
}

/* Everything is said by rank 0, and once all ranks agree. */
static enum assay_status run_job(const struct assay_job *job, struct assay_comm *comm,
                                 const struct assay_args *args, const char *output,
                                 struct assay_error *err)
{
    const struct assay_comm_facts *ranks = assay_comm_facts(comm);
    bool first = ranks->rank == 0, launched = strcmp(ranks->launcher, "none") != 0;
    struct assay_machine_choice machine;
    struct assay_progress_line line;
    struct assay_run_progress progress;
    enum assay_run_outcome outcome;
    enum assay_status status = assay_machine_choose(&machine, args, err);
    if (status) return status;
    assay_progress_init(&line, args->quiet || args->json || !first);
    struct assay_run_options options = {.results = output,
                                        .backend = machine.backend,
                                        .part_records =
                                            args->part_records ? args->part_records : PART_RECORDS,
                                        .batch = machine.batch,
                                        .threads = machine.threads,
                                        .prefill_rows = machine.prefill_rows,
                                        .cache_dir = assay_machine_cache(args),
                                        .stop = &stop_requested,
                                        .progress = assay_progress_show,
                                        .announce = launched && !args->quiet ? tell_ranks : NULL,
                                        .context = &line};
    status = assay_run(job, comm, &options, &outcome, &progress, err);
    assay_progress_end(&line);
    if (status == ASSAY_EINTERRUPTED && first) {
        return assay_while(err, status, "interrupted, run again to resume");
    }
    if (status || !first) return status;
    if (!args->quiet) tell_end(&progress, outcome);
    return assay_report_file(output, args->json, err);
}

/* A task whose temporary files have no place is refused before it computes. */
static enum assay_status check_scratch(const char *directory, struct assay_error *err)
{
    struct assay_bytes name = {0};
    enum assay_status status = assay_bytes_format(&name, err, "%s/assay-XXXXXX", directory);
    if (!status) {
        int fd = mkstemp((char *)name.data);
        if (fd < 0) {
            int code = errno;
            status = assay_fail(err, ASSAY_EIO, "--scratch %.500s cannot be written: %s", directory,
                                strerror(code));
        } else {
            close(fd);
            unlink((const char *)name.data);
        }
    }
    if (!status && setenv("TMPDIR", directory, 1) != 0) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for the environment");
    }
    assay_bytes_fini(&name);
    return status;
}

static enum assay_status open_and_run(struct assay_comm *comm, const struct assay_args *args,
                                      struct assay_error *err)
{
    struct assay_job *job = NULL;
    struct assay_assignment assignment = {0};
    struct assay_bytes name = {0};
    const char *model_dir = args->model_dir ? args->model_dir : getenv("ASSAY_MODEL_DIR");
    const char *output = args->output;
    enum assay_status status = args->scratch ? check_scratch(args->scratch, err) : ASSAY_OK;
    if (!status) status = assay_args_assignment(&assignment, args->assignment, err);
    if (!status) {
        status = assay_job_open(&job, args->operands[0], model_dir,
                                args->assignment ? &assignment : NULL, err);
    }
    assay_assignment_fini(&assignment);
    if (!status && !output) {
        status = assay_bytes_format(&name, err, "%s.h5", job->spec->name);
        output = (const char *)name.data;
    }
    status = assay_comm_agree(comm, status, err);
    if (!status && !args->dry_run) status = run_job(job, comm, args, output, err);
    if (!status && args->dry_run) status = assay_job_confirm(job, err);
    if (!status && args->dry_run && assay_comm_facts(comm)->rank == 0) {
        status = print_plan(job, output, args, err);
    }
    assay_bytes_fini(&name);
    assay_job_close(job);
    return status;
}

static enum assay_status cmd_run(const struct assay_args *args, struct assay_error *err)
{
    struct assay_comm *comm;
    if (!args->dry_run) catch_signals();
    enum assay_status status = assay_comm_open(&comm, (uint32_t)args->ranks, err);
    if (status) { /* nobody knows of others: srun kills those that are slower to leave */
        return assay_end_file_write(args->end_file, status, err);
    }
    status = open_and_run(comm, args, err);
    /* As the last act but leaving the other ranks. */
    if (assay_comm_facts(comm)->rank == 0) {
        status = assay_end_file_write(args->end_file, status, err);
    }
    /* Said before the ranks part: a launcher ends those that are slower to leave. */
    if (status && err->text[0]) fprintf(stderr, "assay: %s\n", err->text);
    err->text[0] = 0;
    assay_comm_close(comm);
    return status;
}

static const struct assay_option options[] = {
    {"output", "FILE", "results file (default: NAME.h5, by the spec's name)", ASSAY_OPTION_TEXT,
     offsetof(struct assay_args, output), 0, 0},
    {"model-dir", "DIR", "where models lie (default: $ASSAY_MODEL_DIR)", ASSAY_OPTION_TEXT,
     offsetof(struct assay_args, model_dir), 0, 0},
    {"assignment", "FILE", "compute only what a network gave to this site (assay net assignment)",
     ASSAY_OPTION_TEXT, offsetof(struct assay_args, assignment), 0, 0},
    {"dry-run", NULL, "show the plan and compute nothing", ASSAY_OPTION_FLAG,
     offsetof(struct assay_args, dry_run), 0, 0},
    {"batch", "N", "samples computed together (default: 64)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, batch), 1, ASSAY_BATCH_MAX},
    {"part-records", "N",
     "results of more records go into part files of N in FILE.parts (default: 2000000)",
     ASSAY_OPTION_NUMBER, offsetof(struct assay_args, part_records), 1, UINT64_C(1) << 40},
    {"ranks", "N", "refuse to run with another number of ranks than this", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, ranks), 1, 1000000},
    ASSAY_OPTION_WORD("scratch", "DIR", "where temporary files go; refused if it cannot be written",
                      scratch),
    ASSAY_OPTION_WORD("end-file", "FILE", "write the exit code there at the end, for batch scripts",
                      end_file),
    ASSAY_OPTION_MACHINE,
    ASSAY_OPTION_CACHE,
    ASSAY_OPTION_COMMON,
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_run = {
    "run",
    "SPEC",
    1,
    1,
    "plan a job, compute its samples, write the results file, report",
    "SPEC is a YAML file: a model, a benchmark, profiles, replicates (jobs/quickstart.yaml is "
    "one).\n"
    "Finished samples are kept in FILE.journal; an interrupted run is resumed by running it "
    "again,\n"
    "and gives the same records, bit for bit, as one that was never interrupted. --batch, "
    "--threads,\n"
    "--backend and --prefill-rows change how fast it goes and nothing else.\n\n"
    "  assay run jobs/quickstart.yaml --dry-run\n"
    "  assay run jobs/quickstart.yaml --model-dir ~/models --output quickstart.h5\n"
    "  mpirun -n 4 assay run jobs/quickstart.yaml --output quickstart.h5\n\n"
    "Under mpirun or srun the ranks share the work, and each keeps a journal of its own; the ranks "
    "of "
    "a\n"
    "host divide its cores unless the launcher has bound them. A resumed run may have another "
    "number "
    "of\n"
    "ranks, and other machines.\n\n"
    "Results of more than --part-records are one file with views over\n"
    "FILE.parts/part-NNNN.h5: move both together. HDF5 1.10 and later, and h5py, read FILE as if "
    "it were whole.\n",
    options,
    cmd_run};
