/* The runner. Each rank: queue → session → judge → journal, until nothing is left; then the ranks
 * meet, and rank 0 makes the journal the results file. Between the first sample and the meeting no
 * rank waits for another: what a rank has finished is on its disk, whoever else dies. */
#include "assay/run.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "run/announce.h"
#include "run/choice.h"
#include "run/grader.h"
#include "run/host.h"
#include "run/merge.h"
#include "run/pace.h"
#include "run/queue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SYNC_RECORDS = 256, WAIT_NS = 1000000, WAIT_MS = 50, WAITING_MAX = 4096 };

static const uint64_t second_ns = 1000000000;

/* What a rank works with; all borrowed from assay_run. */
struct runner {
    const struct assay_job *job;
    struct assay_comm *comm;
    const struct assay_run_options *options;
    const char *journal_path;
    struct assay_host host;
    struct assay_journal *journal;
    struct assay_session *session;
    struct assay_grader *grader; /* NULL unless outputs are programs */
    struct assay_queue queue;
    struct assay_run_progress *progress;
    struct assay_pace pace;
    uint64_t held; /* samples in the session */
    uint64_t kept; /* that went to the journal */
    uint64_t start_ns, busy_ns, clock_ns;
    uint32_t clock_mhz;
    struct assay_judgement judgement; /* scratch */
    struct assay_choice_table choices;
    bool confirmed; /* the model is the declared one */
    struct assay_bytes cache_path;
    struct assay_panel_cache cache;
};

static bool is_first(const struct runner *runner)
{
    return assay_comm_facts(runner->comm)->rank == 0;
}

static bool stopped(const struct runner *runner)
{
    return runner->options->stop && *runner->options->stop;
}

/* What a record has from the plan alone. */
static struct assay_record planned(const struct assay_job *job, uint64_t index)
{
    struct assay_cell cell = assay_plan_cell(&job->plan, index);
    const struct assay_profile *profile = &job->spec->profiles[cell.profile_index];
    const char *id = assay_benchmark_item(job->benchmark, cell.item_index)->id;
    return (struct assay_record){.arithmetic = (uint8_t)assay_spec_arithmetic(job->spec),
                                 .sampler = ASSAY_SAMPLER_1,
                                 .draw = (uint8_t)profile->draw,
                                 .replicates = job->plan.replicates,
                                 .sets = job->spec->sets,
                                 .replicate = cell.replicate,
                                 .prompt_digest = job->prompt_digests[cell.item_index],
                                 .item_id = {id, strlen(id)},
                                 .profile = {profile->name, strlen(profile->name)}};
}

/* To the journal. The first record waits for the model's digest: no journal has a sample of another
 * model. */
static enum assay_status keep(struct runner *runner, uint64_t index,
                              const struct assay_record *record,
                              const struct assay_circumstances *circumstances,
                              struct assay_error *err)
{
    enum assay_status status = runner->confirmed ? ASSAY_OK : assay_job_confirm(runner->job, err);
    if (status) return status;
    runner->confirmed = true;
    assay_queue_count(&runner->queue, record->verdict == ASSAY_VERDICT_CORRECT,
                      record->token_count);
    runner->kept++;
    return assay_journal_append(runner->journal, index, record, circumstances, err);
}

/* An item of kind choice is complete: its options' tokens become one record. */
static enum assay_status record_choice(struct runner *runner, const struct assay_choice_item *item,
                                       struct assay_error *err)
{
    const struct assay_job *job = runner->job;
    const struct assay_choice_result result = assay_choice_result(job, item);
    uint8_t encoded[ASSAY_OPTIONS_MAX * ASSAY_OPTION_BYTES];
    struct assay_record record = planned(job, item->sample);
    record.cell_key = item->cell_key;
    record.finish = (uint8_t)result.finish;
    record.verdict = (uint8_t)result.verdict;
    record.score_micro = result.score_micro;
    record.answer = (struct assay_span){result.answer, strlen(result.answer)};
    record.token_count = result.token_count;
    record.tokens = result.tokens;
    record.log_probs = result.log_probs;
    struct assay_circumstances circumstances = {.prompt_shared = item->prompt_shared,
                                                .attempts = 1,
                                                .batch_rows = item->batch_rows,
                                                .clock_mhz = runner->clock_mhz,
                                                .start_ns = item->start_ns,
                                                .duration_ns = item->duration_ns,
                                                .text = {"", 0},
                                                .options = assay_choice_encode(item, encoded),
                                                .gold = result.gold,
                                                .grade = {.outcome = result.outcome,
                                                          .flexible_verdict = record.verdict,
                                                          .strict.rule = ASSAY_NO_RULE,
                                                          .flexible.rule = ASSAY_NO_RULE,
                                                          .run = ASSAY_NO_RUN}};
    return keep(runner, item->sample, &record, &circumstances, err);
}

/* A finished option; perhaps the last of its item. */
static enum assay_status take_option(struct runner *runner, const struct assay_sample *sample,
                                     struct assay_error *err)
{
    struct assay_choice_item *item;
    enum assay_status status = assay_choice_take(&runner->choices, runner->job, sample, &item, err);
    if (status || !item) return status;
    status = record_choice(runner, item, err);
    assay_choice_drop(&runner->choices, item);
    return status;
}

/* A judged sample becomes a record, made of nothing but the plan, the sample and its judgement. */
static enum assay_status record_sample(struct runner *runner, const struct assay_sample *sample,
                                       struct assay_error *err)
{
    const struct assay_job *job = runner->job;
    const struct assay_judgement *judgement = &runner->judgement;
    struct assay_record record = planned(job, sample->tag);
    record.finish = (uint8_t)sample->finish;
    record.verdict = (uint8_t)judgement->verdict;
    record.score_micro = judgement->score_micro;
    record.cell_key = sample->cell_key;
    record.answer = judgement->answer;
    record.token_count = sample->token_count;
    record.tokens = sample->tokens;
    record.log_probs = sample->log_probs;
    struct assay_circumstances circumstances = {.prompt_shared = sample->prompt_shared,
                                                .attempts = 1,
                                                .batch_rows = sample->batch_rows,
                                                .clock_mhz = runner->clock_mhz,
                                                .start_ns = sample->start_ns,
                                                .duration_ns = sample->duration_ns,
                                                .text = sample->text,
                                                .grade = judgement->grade};
    return keep(runner, sample->tag, &record, &circumstances, err);
}

/* Record what the grader has done; wait for one if there is nothing else to do. */
static enum assay_status take_graded(struct runner *runner, int wait_ms, struct assay_error *err)
{
    struct assay_sample sample;
    bool taken = runner->grader != NULL;
    enum assay_status status = ASSAY_OK;
    while (!status && taken) {
        status =
            assay_grader_take(runner->grader, wait_ms, &sample, &runner->judgement, &taken, err);
        if (!status && taken) status = record_sample(runner, &sample, err);
        wait_ms = 0;
    }
    return status;
}

/* Judge a finished sample now, or hand it to the grader, which gives it back. */
static enum assay_status judge_sample(struct runner *runner, const struct assay_sample *sample,
                                      struct assay_error *err)
{
    const struct assay_job *job = runner->job;
    uint32_t item = assay_plan_cell(&job->plan, sample->tag).item_index;
    if (runner->grader && sample->finish != ASSAY_FINISH_NONFINITE) {
        int wait_ms = assay_grader_waiting(runner->grader) >= WAITING_MAX ? -1 : 0;
        enum assay_status room = wait_ms ? take_graded(runner, wait_ms, err) : ASSAY_OK;
        return room ? room : assay_grader_submit(runner->grader, item, sample, err);
    }
    enum assay_status status = assay_benchmark_judge(job->benchmark, item, sample->text,
                                                     sample->finish, &runner->judgement, err);
    if (!status) return record_sample(runner, sample, err);
    return assay_while(err, status, "item \"%s\"", assay_benchmark_item(job->benchmark, item)->id);
}

/* Rank 0 tells how far all are: what the board said, and what it has itself done since. */
static void report_progress(struct runner *runner)
{
    struct assay_run_progress *progress = runner->progress;
    const struct assay_queue *queue = &runner->queue;
    uint64_t now = assay_clock_monotonic_ns(), words[ASSAY_BOARD_WORDS];
    for (size_t i = 0; i < ASSAY_BOARD_WORDS; i++) {
        words[i] = queue->total.words[i] + (queue->mine.words[i] - queue->told.words[i]);
    }
    progress->samples_done = progress->samples_resumed + words[ASSAY_BOARD_SAMPLES];
    progress->correct = words[ASSAY_BOARD_CORRECT];
    progress->output_tokens = words[ASSAY_BOARD_TOKENS];
    progress->seconds = (double)(now - runner->start_ns) * 1e-9;
    assay_pace_mark(&runner->pace, now, progress->output_tokens, progress->samples_done);
    double rate = assay_pace_samples(&runner->pace);
    uint64_t left = progress->samples_total - progress->samples_done;
    progress->tokens_per_second = assay_pace_tokens(&runner->pace);
    progress->eta_seconds = left == 0 ? 0 : rate > 0 ? (double)left / rate : NAN;
    if (!is_first(runner) || !runner->options->progress) return;
    runner->options->progress(runner->options->context, progress);
}

static void look_at_clock(struct runner *runner)
{
    uint64_t now = assay_clock_monotonic_ns();
    if (now - runner->clock_ns < second_ns) return;
    runner->clock_mhz = assay_clock_processor_mhz();
    runner->clock_ns = now;
}

static enum assay_status submit_groups(struct runner *runner, struct assay_error *err)
{
    struct assay_request request;
    enum assay_status status = assay_queue_poll(&runner->queue, runner->held, err);
    while (!status && assay_queue_wants(&runner->queue, runner->held) &&
           assay_queue_next(&runner->queue, &request)) {
        status = assay_session_submit(runner->session, &request, err);
        runner->held += request.sample_count;
    }
    return status;
}

static enum assay_status step(struct runner *runner, struct assay_error *err)
{
    struct assay_sample sample;
    enum assay_status status = assay_session_step(runner->session, err);
    bool choice = assay_job_is_choice(runner->job);
    while (!status && assay_session_take(runner->session, &sample)) {
        status = choice ? take_option(runner, &sample, err) : judge_sample(runner, &sample, err);
        runner->held--;
    }
    return status ? status : take_graded(runner, 0, err);
}

static void pause_for(long ns)
{
    const struct timespec pause = {0, ns};
    nanosleep(&pause, NULL);
}

static enum assay_status compute(struct runner *runner, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    while (!status) {
        status = submit_groups(runner, err);
        if (status) break;
        if (stopped(runner)) { /* what has been graded is kept */
            status = take_graded(runner, 0, err);
            return status ? status : assay_fail(err, ASSAY_EINTERRUPTED, "stopped");
        }
        if (!assay_session_idle(runner->session)) {
            look_at_clock(runner);
            status = step(runner, err);
        } else if (runner->grader && assay_grader_waiting(runner->grader) > 0) {
            status = take_graded(runner, WAIT_MS, err);
        } else if (assay_queue_empty(&runner->queue)) {
            break;
        } else {
            pause_for(WAIT_NS / 10); /* the board has not answered yet */
        }
        report_progress(runner);
    }
    return status;
}

/* Until all ranks have ended their part. A signal that comes here still stops the others. */
static enum assay_status meet(struct runner *runner, enum assay_status status,
                              struct assay_error *err)
{
    struct assay_error trouble;
    bool done = false;
    enum assay_status met = assay_comm_meet(runner->comm, &trouble);
    while (!met) {
        met = assay_comm_meet_test(runner->comm, &done, &trouble);
        if (met || done) break;
        if (stopped(runner) && !runner->queue.closed) {
            assay_queue_shut(&runner->queue);
            if (!status) status = assay_fail(err, ASSAY_EINTERRUPTED, "stopped");
        }
        met = assay_queue_poll(&runner->queue, UINT64_MAX, &trouble);
        report_progress(runner);
        pause_for(WAIT_NS);
    }
    /* Every rank has published its counts before it came. */
    if (!met) met = assay_queue_finish(&runner->queue, &trouble);
    report_progress(runner);
    if (status || !met) return status;
    return assay_fail(err, met, "%s", trouble.text);
}

/* Session and queue around the loop; the journal is open before and after. */
static enum assay_status compute_missing(struct runner *runner, struct assay_error *err)
{
    const struct assay_run_options *options = runner->options;
    struct assay_session_options session = {.backend = options->backend,
                                            .batch = options->batch,
                                            .threads = runner->host.threads,
                                            .prefill_rows = options->prefill_rows,
                                            .context = runner->job->context,
                                            .kv_f32 = runner->job->spec->kv == ASSAY_KV_F32,
                                            .place = &runner->host.place};
    bool cached = !options->cache_dir || options->cache_dir[0] != '\0';
    enum assay_status status = ASSAY_OK;
    if (cached) {
        session.cache = &runner->cache;
        status = assay_job_cache(runner->job, options->cache_dir, &runner->cache_path,
                                 &runner->cache, err);
    }
    if (!status) {
        status = assay_host_check_memory(&runner->host, runner->job->model, &session, err);
    }
    if (!status) status = assay_session_open(&runner->session, runner->job->model, &session, err);
    if (!status) {
        status = assay_queue_init(&runner->queue, runner->job, runner->journal, runner->comm,
                                  options->batch, err);
    }
    status = assay_comm_agree(runner->comm, status, err);
    if (!status) {
        runner->start_ns = assay_clock_monotonic_ns();
        status = compute(runner, err);
        if (status) assay_queue_shut(&runner->queue);
        struct assay_error syncing;
        enum assay_status synced = assay_journal_sync(runner->journal, &syncing);
        if (!status && synced) status = assay_fail(err, synced, "%s", syncing.text);
        synced = assay_queue_finish(&runner->queue, &syncing);
        if (!status && synced) status = assay_fail(err, synced, "%s", syncing.text);
        runner->busy_ns = assay_clock_monotonic_ns() - runner->start_ns;
        status = meet(runner, status, err);
    }
    return status;
}

/* What each rank tells rank 0 when all is over. */
struct summary {
    struct assay_session_counters counters;
    uint64_t busy_ns, whole_ns;
};

static enum assay_status gather_summaries(struct runner *runner, struct assay_error *err)
{
    uint32_t ranks = assay_comm_facts(runner->comm)->ranks;
    struct summary mine = {.busy_ns = runner->busy_ns,
                           .whole_ns = assay_clock_monotonic_ns() - runner->start_ns};
    struct summary *all = calloc(ranks, sizeof *all);
    if (runner->session) mine.counters = assay_session_counters(runner->session);
    enum assay_status status =
        all ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for %u summaries", ranks);
    status = assay_comm_agree(runner->comm, status, err);
    if (!status) status = assay_comm_gather(runner->comm, &mine, sizeof mine, all, err);
    struct assay_run_progress *progress = runner->progress;
    for (uint32_t r = 0; r < ranks && !status && is_first(runner); r++) {
        progress->counters.prompt_tokens += all[r].counters.prompt_tokens;
        progress->counters.prefill_tokens += all[r].counters.prefill_tokens;
        progress->counters.output_tokens += all[r].counters.output_tokens;
        progress->counters.passes += all[r].counters.passes;
        double idle = 1.0 - (double)all[r].busy_ns / (double)all[r].whole_ns;
        if (idle > progress->idle_share) progress->idle_share = idle;
    }
    free(all);
    return status;
}

/* Rank 0 reads the directory, cuts and reports; the others join with what it has found. */
static enum assay_status open_journal(struct runner *runner, struct assay_error *err)
{
    struct assay_journal_recovery recovery = {0}, unused;
    size_t bytes = (size_t)(runner->job->plan.sample_count / 8 + 1);
    struct assay_journal_options options = {.rank = assay_comm_facts(runner->comm)->rank,
                                            .sync_records = SYNC_RECORDS,
                                            .sync_ns = second_ns,
                                            .process = &runner->host.process};
    uint8_t *bits = calloc(bytes, 1);
    enum assay_status status =
        bits ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for the journal's flags");
    if (!status && is_first(runner)) {
        status = assay_journal_open(&runner->journal, runner->journal_path, &runner->job->plan,
                                    &options, &recovery, err);
        if (!status) memcpy(bits, assay_journal_present(runner->journal).bits, bytes);
    }
    status = assay_comm_agree(runner->comm, status, err);
    if (!status) status = assay_comm_broadcast(runner->comm, bits, bytes, err);
    if (!status) status = assay_comm_broadcast(runner->comm, &recovery, sizeof recovery, err);
    struct assay_journal_present present = {bits, bytes};
    options.joining = &present;
    if (!status && !is_first(runner)) {
        status = assay_journal_open(&runner->journal, runner->journal_path, &runner->job->plan,
                                    &options, &unused, err);
    }
    free(bits);
    struct assay_run_progress *progress = runner->progress;
    progress->samples_resumed = progress->samples_done = recovery.samples;
    progress->torn_bytes = recovery.torn_bytes;
    progress->torn_files = recovery.torn_files;
    progress->unlocked = !recovery.locked;
    return assay_comm_agree(runner->comm, status, err);
}

/* A run that failed before it had anything leaves nothing that would stand in the way of the next,
 * with a corrected spec perhaps. Called by all ranks when all journals are closed. */
static void drop_empty_journal(struct runner *runner)
{
    struct assay_error unused;
    uint32_t ranks = assay_comm_facts(runner->comm)->ranks;
    uint64_t *kept = calloc(ranks, sizeof *kept), all = runner->progress->samples_resumed;
    unused.text[0] = '\0';
    enum assay_status status =
        assay_comm_agree(runner->comm, kept ? ASSAY_OK : ASSAY_EMEMORY, &unused);
    if (!status) {
        status = assay_comm_gather(runner->comm, &runner->kept, sizeof runner->kept, kept, &unused);
    }
    for (uint32_t r = 0; r < ranks && !status && is_first(runner); r++) all += kept[r];
    if (!status && is_first(runner) && all == 0) {
        status = assay_journal_remove(runner->journal_path, &unused);
    }
    (void)status; /* an empty journal that stays harms nobody but the next run of another plan */
    free(kept);
}

static enum assay_status run_journal(struct runner *runner, struct assay_error *err)
{
    struct assay_error closing;
    struct assay_run_progress *progress = runner->progress;
    enum assay_status status = open_journal(runner, err);
    bool opened = status == ASSAY_OK; /* on all ranks */
    if (!status && is_first(runner) && runner->options->progress) {
        runner->options->progress(runner->options->context, progress);
    }
    if (!status && progress->samples_done < progress->samples_total) {
        status = assay_announce(runner->comm, &runner->host.process, runner->options, err);
        if (!status) status = compute_missing(runner, err);
    }
    enum assay_status closed = assay_journal_close(runner->journal, &closing);
    if (!status && closed) status = assay_fail(err, closed, "%s", closing.text);
    status = assay_comm_agree(runner->comm, status, err);
    if (status && opened) drop_empty_journal(runner);
    if (!status && runner->session) status = gather_summaries(runner, err);
    assay_queue_fini(&runner->queue);
    assay_session_close(runner->session);
    assay_bytes_fini(&runner->cache_path);
    assay_choice_table_fini(&runner->choices);
    assay_judgement_fini(&runner->judgement);
    return status;
}

/* All ranks must have opened the same job: a spec or a benchmark on a node's own disk may differ.
 */
static enum assay_status compare_plans(const struct assay_job *job, struct assay_comm *comm,
                                       struct assay_error *err)
{
    struct assay_digest first = job->plan.digest;
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_comm_broadcast(comm, &first, sizeof first, err);
    if (!status && !assay_digest_equal(&first, &job->plan.digest)) {
        status =
            assay_fail(err, ASSAY_EMISMATCH, "its plan is %.12s…, rank 0 has %.12s…",
                       assay_digest_hex(&job->plan.digest, ours), assay_digest_hex(&first, theirs));
    }
    return assay_comm_agree(comm, status, err);
}

static enum assay_status look_for_results(const struct runner *runner, bool *complete,
                                          struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    *complete = false;
    if (is_first(runner)) {
        status = assay_merge_check_existing(runner->job, runner->options->results, complete, err);
    }
    status = assay_comm_agree(runner->comm, status, err);
    if (status) return status;
    return assay_comm_broadcast(runner->comm, complete, sizeof *complete, err);
}

static enum assay_status merge(const struct runner *runner, struct assay_error *err)
{
    const char *path = runner->journal_path;
    enum assay_status status = ASSAY_OK;
    if (is_first(runner)) {
        status = assay_merge(runner->job, runner->options->results, path,
                             runner->options->part_records, err);
        if (!status) status = assay_journal_remove(path, err);
    }
    return assay_comm_agree(runner->comm, status, err);
}

enum assay_status assay_run(const struct assay_job *job, struct assay_comm *comm,
                            const struct assay_run_options *options,
                            enum assay_run_outcome *outcome, struct assay_run_progress *progress,
                            struct assay_error *err)
{
    struct assay_bytes journal_path = {0};
    struct runner runner = {.job = job, .comm = comm, .options = options, .progress = progress};
    bool complete = false;
    *progress = (struct assay_run_progress){.ranks = assay_comm_facts(comm)->ranks,
                                            .samples_total = job->plan.sample_count,
                                            .eta_seconds = NAN,
                                            .tokens_per_second = NAN};
    enum assay_status status = compare_plans(job, comm, err);
    if (!status) status = look_for_results(&runner, &complete, err);
    if (status) return status;
    if (complete) {
        progress->samples_done = progress->samples_resumed = progress->samples_total;
        *outcome = ASSAY_RUN_ALREADY_COMPLETE;
        return ASSAY_OK;
    }
    status = assay_bytes_format(&journal_path, err, "%s.journal", options->results);
    runner.journal_path = (const char *)journal_path.data;
    /* The grader forks: before any thread is made. */
    if (!status && job->spec->definition.kind == ASSAY_KIND_CODE) {
        status = assay_grader_open(&runner.grader, job->benchmark, err);
    }
    if (!status) status = assay_host_open(&runner.host, comm, options, err);
    if (!status && runner.grader) runner.host.process.grader = assay_grader_facts(runner.grader);
    status = assay_comm_agree(comm, status, err);
    if (!status) status = run_journal(&runner, err);
    if (!status) status = merge(&runner, err);
    if (!status) *outcome = ASSAY_RUN_FINISHED;
    if (status == ASSAY_EINTERRUPTED && is_first(&runner)) {
        status = assay_fail(err, status, "stopped; %llu of %llu samples are kept",
                            (unsigned long long)progress->samples_done,
                            (unsigned long long)progress->samples_total);
    }
    assay_grader_close(runner.grader);
    assay_host_close(&runner.host);
    assay_bytes_fini(&journal_path);
    return status;
}
