/* assay slurm: a job on a cluster, from one command. */
#include "cli/command.h"

#include "assay/run.h"
#include "assay/site.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/report.h"
#include "cli/slurm_files.h"
#include "cli/slurm_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_SECONDS_FIRST = 5, WAIT_SECONDS_MOST = 60 };

static const char self[] = "/proc/self/exe";

/* What a submission is made of. */
struct submission {
    struct assay_site *site;
    struct assay_job *job;
    struct assay_slurm_files files;
    struct assay_bytes program, spec, model_dir, script, answer;
    struct assay_slurm_plan plan;
    char number[32];
};

static void submission_fini(struct submission *s)
{
    assay_bytes_fini(&s->program);
    assay_bytes_fini(&s->spec);
    assay_bytes_fini(&s->model_dir);
    assay_bytes_fini(&s->script);
    assay_bytes_fini(&s->answer);
    assay_slurm_files_fini(&s->files);
    assay_job_close(s->job);
    assay_site_close(s->site);
}

static enum assay_status open_inputs(struct submission *s, const struct assay_args *args,
                                     struct assay_error *err)
{
    struct assay_bytes name = {0};
    const char *model_dir = args->model_dir ? args->model_dir : getenv("ASSAY_MODEL_DIR");
    enum assay_status status = assay_site_open(&s->site, args->site, err);
    if (status) return status;
    if (!args->model_dir && s->site->model_dir[0]) model_dir = s->site->model_dir;
    status = assay_job_open(&s->job, args->operands[0], model_dir, NULL, err);
    if (status) return status;
    status = args->output ? assay_bytes_format(&name, err, "%s", args->output)
                          : assay_bytes_format(&name, err, "%s.h5", s->job->spec->name);
    if (!status) status = assay_slurm_files_init(&s->files, (const char *)name.data, err);
    assay_bytes_fini(&name);
    if (!status) status = assay_slurm_absolute(&s->spec, args->operands[0], err);
    if (!status && model_dir) status = assay_slurm_absolute(&s->model_dir, model_dir, err);
    if (status) return status;
    const char *program = s->site->program;
    return program[0] ? assay_bytes_format(&s->program, err, "%s", program)
                      : assay_slurm_absolute(&s->program, self, err);
}

static enum assay_status make_script(struct submission *s, struct assay_error *err)
{
    struct assay_batch_job job = {.site = s->site,
                                  .name = s->job->spec->name,
                                  .program = assay_slurm_path(&s->program),
                                  .model_dir =
                                      s->model_dir.data ? assay_slurm_path(&s->model_dir) : "",
                                  .spec = assay_slurm_path(&s->spec),
                                  .results = assay_slurm_path(&s->files.results)};
    return assay_batch_script(&s->script, &job, err);
}

/* Two jobs for one results file would wait for each other's lock. */
static enum assay_status refuse_second(const struct submission *s, struct assay_error *err)
{
    const char *path = assay_slurm_path(&s->files.ticket);
    struct assay_ticket_file *ticket;
    struct assay_slurm_state state;
    if (!assay_file_exists(path)) return ASSAY_OK;
    enum assay_status status = assay_ticket_open(&ticket, path, err);
    if (status) return status;
    const char *job = assay_ticket_of(ticket)->job;
    status = assay_slurm_query(&state, job, err);
    if (!status && state.state[0] && !state.ended) {
        status = assay_fail(err, ASSAY_EMISMATCH,
                            "job %s for these results is %s: see `assay slurm status %s`", job,
                            state.state, assay_slurm_path(&s->files.results));
    }
    assay_ticket_close(ticket);
    return status;
}

static enum assay_status submit(struct submission *s, const struct assay_args *args,
                                struct assay_error *err)
{
    char now[21];
    const char *script = assay_slurm_path(&s->files.script);
    enum assay_status status = refuse_second(s, err);
    if (!status) status = assay_file_write(script, s->script.data, s->script.size, err);
    if (!status) status = assay_slurm_submit(s->number, script, err);
    if (status) return status;
    assay_clock_text(assay_clock_epoch_ns(), now);
    struct assay_ticket ticket = {.spec = assay_slurm_path(&s->spec),
                                  .site = args->site,
                                  .results = assay_slurm_path(&s->files.results),
                                  .model_dir =
                                      s->model_dir.data ? assay_slurm_path(&s->model_dir) : "",
                                  .submitted = now};
    snprintf(ticket.job, sizeof ticket.job, "%s", s->number);
    return assay_ticket_write(assay_slurm_path(&s->files.ticket), &ticket, err);
}

static enum assay_status tell_json(const struct submission *s, struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object();
    bool submitted = s->number[0] != '\0';
    bool ok = object &&
              assay_json_set(object, "job",
                             submitted ? assay_json_new_text(s->number) : assay_json_new_null()) &&
              assay_json_set(object, "results",
                             assay_json_new_text(assay_slurm_path(&s->files.results))) &&
              assay_json_set(object, "log", assay_json_new_text(assay_slurm_path(&s->files.log))) &&
              assay_json_set(object, "script", assay_json_new_text((const char *)s->script.data)) &&
              assay_json_set(object, "answer", assay_json_new_text((const char *)s->answer.data)) &&
              assay_slurm_plan_json(object, &s->plan);
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the plan");
}

static enum assay_status tell(const struct submission *s, const struct assay_args *args,
                              struct assay_error *err)
{
    if (args->json) return tell_json(s, err);
    if (args->dry_run) {
        printf("%s\n", (const char *)s->script.data);
        assay_slurm_plan_print(&s->plan);
        printf("results  %s\nslurm    %s\n", assay_slurm_path(&s->files.results),
               (const char *)s->answer.data);
        return ASSAY_OK;
    }
    if (!args->quiet) assay_slurm_plan_print(&s->plan);
    printf("job      %s\nresults  %s\nlog      %s\n", s->number,
           assay_slurm_path(&s->files.results), assay_slurm_path(&s->files.log));
    return ASSAY_OK;
}

static enum assay_status run_spec(const struct assay_args *args, struct assay_error *err)
{
    struct submission s = {.site = NULL};
    if (!args->site) return assay_fail(err, ASSAY_EUSAGE, "a job needs --site SITE.yaml");
    enum assay_status status = open_inputs(&s, args, err);
    if (!status) status = make_script(&s, err);
    if (!status) {
        status = assay_slurm_plan_make(&s.plan, s.job, s.site, args->site, args->calibration, err);
    }
    if (!status) status = assay_slurm_plan_check(&s.plan, err);
    if (!status) status = assay_slurm_test(&s.answer, (const char *)s.script.data, err);
    if (!status && !args->dry_run) status = submit(&s, args, err);
    if (!status) status = tell(&s, args, err);
    submission_fini(&s);
    return status;
}

/* --- a job that was submitted */

static enum assay_status show_json(const struct assay_ticket *ticket,
                                   const struct assay_slurm_state *state, bool finished,
                                   const char *last, struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object();
    bool ok = object && assay_json_set(object, "job", assay_json_new_text(ticket->job)) &&
              assay_json_set(object, "state",
                             state->state[0] ? assay_json_new_text(state->state)
                                             : assay_json_new_null()) &&
              assay_json_set(object, "source", assay_json_new_text(state->source)) &&
              assay_json_set(object, "reason", assay_json_new_text(state->reason)) &&
              assay_json_set(object, "start", assay_json_new_text(state->start)) &&
              assay_json_set(object, "nodes", assay_json_new_text(state->nodes)) &&
              assay_json_set(object, "restarts", assay_json_new_integer(state->restarts)) &&
              assay_json_set(object, "finished", assay_json_new_boolean(finished)) &&
              assay_json_set(object, "results", assay_json_new_text(ticket->results)) &&
              assay_json_set(object, "last_line", assay_json_new_text(last));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the state");
}

static enum assay_status show(const struct assay_slurm_files *files,
                              const struct assay_ticket *ticket,
                              const struct assay_slurm_state *state, bool json,
                              struct assay_error *err)
{
    struct assay_bytes last = {0};
    bool finished = assay_file_exists(assay_slurm_path(&files->results));
    enum assay_status status = assay_slurm_last_line(&last, assay_slurm_path(&files->log), err);
    const char *line = last.data ? (const char *)last.data : "";
    if (!status && json) {
        status = show_json(ticket, state, finished, line, err);
    } else if (!status) {
        printf("job      %s, submitted %s\n", ticket->job, ticket->submitted);
        printf("state    %s%s%s\n",
               state->state[0] ? state->state : "no longer known to Slurm, by our own files: ",
               state->state[0] ? ", says "
               : finished      ? "finished"
                               : "not finished",
               state->source);
        if (state->reason[0]) printf("reason   %s\n", state->reason);
        if (state->start[0]) printf("start    %s\n", state->start);
        if (state->nodes[0]) printf("nodes    %s\n", state->nodes);
        printf("restarts %u\n", state->restarts);
        printf("results  %s (%s)\n", ticket->results, finished ? "complete" : "not there yet");
        if (line[0]) printf("log      %s\n", line);
    }
    assay_bytes_fini(&last);
    return status;
}

static enum assay_status show_job(const struct assay_slurm_files *files,
                                  const struct assay_ticket *ticket, const struct assay_args *args,
                                  struct assay_error *err)
{
    struct assay_slurm_state state;
    struct timespec pause = {WAIT_SECONDS_FIRST, 0};
    enum assay_status status = assay_slurm_query(&state, ticket->job, err);
    /* Ever more rarely: many who wait must not be a load on the cluster's one controller. */
    while (!status && args->wait && state.state[0] && !state.ended) {
        nanosleep(&pause, NULL);
        pause.tv_sec = pause.tv_sec * 2 < WAIT_SECONDS_MOST ? pause.tv_sec * 2 : WAIT_SECONDS_MOST;
        status = assay_slurm_query(&state, ticket->job, err);
    }
    if (!status) status = show(files, ticket, &state, args->json, err);
    if (status || !args->wait || assay_file_exists(assay_slurm_path(&files->results))) {
        return status;
    }
    return assay_fail(err, ASSAY_EFAILED, "job %s ended without its results", ticket->job);
}

static enum assay_status look_after(const struct assay_args *args, bool cancel,
                                    struct assay_error *err)
{
    struct assay_slurm_files files;
    struct assay_ticket_file *file = NULL;
    enum assay_status status = assay_slurm_files_init(&files, args->operands[1], err);
    if (!status) status = assay_ticket_open(&file, assay_slurm_path(&files.ticket), err);
    if (!status && cancel) {
        const char *job = assay_ticket_of(file)->job;
        status = assay_slurm_cancel(job, err);
        if (!status && !args->quiet) {
            printf("job      %s is cancelled; what was finished stays in %s.journal\n", job,
                   assay_slurm_path(&files.results));
        }
    } else if (!status) {
        status = show_job(&files, assay_ticket_of(file), args, err);
    }
    assay_ticket_close(file);
    assay_slurm_files_fini(&files);
    return status;
}

static enum assay_status cmd_slurm(const struct assay_args *args, struct assay_error *err)
{
    bool status = strcmp(args->operands[0], "status") == 0;
    bool cancel = strcmp(args->operands[0], "cancel") == 0;
    if (args->operand_count == 2 && (status || cancel)) return look_after(args, cancel, err);
    if (args->operand_count == 2) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "slurm: \"%.60s\" is one operand too many; usage: assay slurm SPEC, or "
                          "status RESULTS, or cancel RESULTS",
                          args->operands[1]);
    }
    return run_spec(args, err);
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("site", "FILE", "the cluster: partitions, account, limits (a YAML file)",
                      site),
    {"output", "FILE", "results file (default: NAME.h5, by the spec's name)", ASSAY_OPTION_TEXT,
     offsetof(struct assay_args, output), 0, 0},
    {"model-dir", "DIR", "where models lie (default: the site file's, then $ASSAY_MODEL_DIR)",
     ASSAY_OPTION_TEXT, offsetof(struct assay_args, model_dir), 0, 0},
    ASSAY_OPTION_WORD("calibration", "FILE",
                      "what `assay bench --json` printed, for all partitions", calibration),
    {"dry-run", NULL, "show script, plan and Slurm's own forecast; submit nothing",
     ASSAY_OPTION_FLAG, offsetof(struct assay_args, dry_run), 0, 0},
    {"wait", NULL,
     "with status: look until the job has ended, after 5 seconds and then ever more rarely, up "
     "to once a minute",
     ASSAY_OPTION_FLAG, offsetof(struct assay_args, wait), 0, 0},
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_slurm = {
    "slurm",
    "SPEC | status RESULTS | cancel RESULTS",
    1,
    2,
    "run a job on a cluster: write the batch script, submit it, look after it",
    "The site file says what the cluster is like, apart from the job (slurm/site.yaml is one, and\n"
    "slurm/run.sbatch the script that comes of it). Several partitions become one heterogeneous "
    "job,\n"
    "whose ranks share the work. The job puts itself back into the queue when its time is up, when "
    "it\n"
    "is preempted and when a node dies, and goes on from its journal: the records are the same, "
    "bit\n"
    "for bit, as those of an undisturbed run.\n\n"
    "  assay slurm jobs/quickstart.yaml --site slurm/site.yaml --dry-run\n"
    "  assay slurm jobs/quickstart.yaml --site slurm/site.yaml --output quickstart.h5\n"
    "  assay slurm status quickstart.h5\n"
    "  assay slurm cancel quickstart.h5\n\n"
    "Hours are estimated where a partition names a calibration: what `assay bench MODEL --json\n"
    "--threads N` printed there, with the threads of one task.\n",
    options,
    cmd_slurm};
