/* The runner: queue → session → judge → journal, until nothing is missing; then the journal becomes
 * the results file. */
#include "assay/run.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "run/pace.h"
#include "run/queue.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct assay_journal_options journal_options = {
    .rank = 0, .sync_records = 256, .sync_ns = 1000000000};

/* What the loop works with; all borrowed from assay_run. */
struct runner {
    const struct assay_job *job;
    const struct assay_run_options *options;
    struct assay_journal *journal;
    struct assay_session *session;
    struct assay_run_progress *progress;
    struct assay_pace pace;
    uint64_t start_ns;
    struct assay_bytes answer; /* scratch */
};

static bool stopped(const struct runner *runner)
{
    return runner->options->stop && *runner->options->stop;
}

/* A finished sample becomes a record: judged, and made of nothing but the plan and the sample. */
static enum assay_status record_sample(struct runner *runner, const struct assay_sample *sample,
                                       struct assay_error *err)
{
    const struct assay_job *job = runner->job;
    struct assay_cell cell = assay_plan_cell(&job->plan, sample->tag);
    const struct assay_profile *profile = &job->spec->profiles[cell.profile_index];
    const char *id = assay_benchmark_item(job->benchmark, cell.item_index)->id;
    struct assay_judgement judgement;

    assay_bytes_clear(&runner->answer);
    enum assay_status status =
        assay_benchmark_judge(job->benchmark, cell.item_index, sample->text, sample->finish,
                              &runner->answer, &judgement, err);
    if (status) return assay_while(err, status, "item \"%s\"", id);
    struct assay_record record = {
        .arithmetic = ASSAY_ARITHMETIC_EXACT_1,
        .sampler = ASSAY_SAMPLER_1,
        .draw = (uint8_t)profile->draw,
        .finish = (uint8_t)sample->finish,
        .verdict = (uint8_t)judgement.verdict,
        .replicates = job->plan.replicates,
        .sets = job->spec->sets,
        .replicate = cell.replicate,
        .score_micro = judgement.score_micro,
        .cell_key = sample->cell_key,
        .prompt_digest = job->prompt_digests[cell.item_index],
        .item_id = {id, strlen(id)},
        .profile = {profile->name, strlen(profile->name)},
        .answer = {runner->answer.data ? (const char *)runner->answer.data : "",
                   runner->answer.size},
        .token_count = sample->token_count,
        .tokens = sample->tokens,
        .log_probs = sample->log_probs};
    struct assay_circumstances circumstances = {.prompt_shared = sample->prompt_shared,
                                                .rank = journal_options.rank,
                                                .attempts = 1,
                                                .batch_rows = sample->batch_rows,
                                                .start_ns = sample->start_ns,
                                                .duration_ns = sample->duration_ns,
                                                .text = sample->text};
    status = assay_journal_append(runner->journal, sample->tag, &record, &circumstances, err);
    if (status) return status;
    runner->progress->samples_done++;
    runner->progress->correct += judgement.verdict == ASSAY_VERDICT_CORRECT;
    return ASSAY_OK;
}

static void report_progress(struct runner *runner)
{
    struct assay_run_progress *progress = runner->progress;
    uint64_t now = assay_clock_monotonic_ns();
    progress->counters = assay_session_counters(runner->session);
    progress->seconds = (double)(now - runner->start_ns) * 1e-9;
    assay_pace_mark(&runner->pace, now, progress->counters.output_tokens, progress->samples_done);
    double rate = assay_pace_samples(&runner->pace);
    uint64_t left = progress->samples_total - progress->samples_done;
    progress->tokens_per_second = assay_pace_tokens(&runner->pace);
    progress->eta_seconds = left == 0 ? 0 : rate > 0 ? (double)left / rate : NAN;
    if (runner->options->progress) runner->options->progress(runner->options->context, progress);
}

static enum assay_status compute(struct runner *runner, struct assay_queue *queue,
                                 struct assay_error *err)
{
    struct assay_request request;
    struct assay_sample sample;
    enum assay_status status = ASSAY_OK;
    runner->start_ns = assay_clock_monotonic_ns();
    for (bool more = true; !status;) {
        while (more && !status && assay_session_wants(runner->session)) {
            more = assay_queue_next(queue, &request);
            if (more) status = assay_session_submit(runner->session, &request, err);
        }
        if (status || assay_session_idle(runner->session)) break;
        if (stopped(runner)) {
            return assay_fail(err, ASSAY_EINTERRUPTED, "stopped; %llu of %llu samples are kept",
                              (unsigned long long)runner->progress->samples_done,
                              (unsigned long long)runner->progress->samples_total);
        }
        status = assay_session_step(runner->session, err);
        while (!status && assay_session_take(runner->session, &sample)) {
            status = record_sample(runner, &sample, err);
        }
        report_progress(runner);
    }
    return status;
}

/* Session and queue around the loop; the journal is open before and after. */
static enum assay_status compute_missing(struct runner *runner, struct assay_error *err)
{
    const struct assay_run_options *options = runner->options;
    struct assay_queue queue = {0};
    struct assay_session_options session = {.backend = options->backend,
                                            .batch = options->batch,
                                            .threads = options->threads,
                                            .prefill_rows = options->prefill_rows,
                                            .context = runner->job->context};
    if (runner->progress->samples_done == runner->progress->samples_total) return ASSAY_OK;
    enum assay_status status =
        assay_session_open(&runner->session, runner->job->model, &session, err);
    if (!status) status = assay_queue_init(&queue, runner->job, runner->journal, err);
    if (!status) status = compute(runner, &queue, err);
    assay_queue_fini(&queue);
    assay_session_close(runner->session);
    runner->session = NULL;
    assay_bytes_fini(&runner->answer);
    return status;
}

static enum assay_status write_results(const struct assay_job *job,
                                       const struct assay_run_options *options,
                                       const char *journal_path, struct assay_error *err)
{
    uint32_t items = job->plan.item_count;
    uint32_t strata = assay_benchmark_stratum_count(job->benchmark);
    const char **texts = calloc((size_t)items * 2 + strata, sizeof *texts);
    uint32_t *item_strata = calloc(items, sizeof *item_strata);
    char host[256] = "";
    enum assay_status status = ASSAY_OK;
    if (!texts || !item_strata) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for the results file");
        goto done;
    }
    gethostname(host, sizeof host - 1);
    for (uint32_t i = 0; i < items; i++) {
        const struct assay_item *item = assay_benchmark_item(job->benchmark, i);
        texts[i] = item->id;
        texts[items + i] = item->topic;
        item_strata[i] = assay_benchmark_item_stratum(job->benchmark, i);
    }
    for (uint32_t i = 0; i < strata; i++) {
        texts[2 * items + i] = assay_benchmark_stratum(job->benchmark, i);
    }
    struct assay_run_facts facts = {.plan = &job->plan,
                                    .model_name = assay_model_hyper(job->model)->name,
                                    .engine = "assay " ASSAY_VERSION,
                                    .backend = assay_backend_name(options->backend),
                                    .isa = assay_backend_isa(options->backend),
                                    .host = host,
                                    .threads = options->threads,
                                    .batch = options->batch,
                                    .item_ids = texts,
                                    .item_topics = texts + items,
                                    .item_strata = item_strata,
                                    .item_prompt_tokens = job->prompt_counts,
                                    .item_prompt_digests = job->prompt_digests,
                                    .stratum_names = texts + 2 * (size_t)items,
                                    .stratum_count = strata};
    status = assay_results_write(options->results, journal_path, &facts, err);
done:
    free(item_strata);
    free(texts);
    return status;
}

/* Whether this plan's results are there already; another plan's are never touched. */
static enum assay_status check_existing(const struct assay_job *job, const char *path,
                                        bool *complete, struct assay_error *err)
{
    struct assay_results_head head;
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    *complete = false;
    if (!assay_file_exists(path)) return ASSAY_OK;
    enum assay_status status = assay_results_peek(&head, path, err);
    if (status) return status;
    *complete = assay_digest_equal(&head.plan_digest, &job->plan.digest);
    if (*complete) return ASSAY_OK;
    return assay_fail(err, ASSAY_EMISMATCH,
                      "%s: holds results of another spec (digest %.12s…, this one's is %.12s…); "
                      "name another file with --output, or remove it",
                      path, assay_digest_hex(&head.spec_digest, theirs),
                      assay_digest_hex(&job->spec->digest, ours));
}

static enum assay_status run_journal(struct runner *runner, const char *journal_path,
                                     struct assay_error *err)
{
    struct assay_journal_recovery recovery = {0};
    struct assay_error closing;
    struct assay_run_progress *progress = runner->progress;
    enum assay_status status = assay_journal_open(
        &runner->journal, journal_path, &runner->job->plan, &journal_options, &recovery, err);
    if (status) return status;
    progress->samples_resumed = progress->samples_done = recovery.samples;
    progress->torn_bytes = recovery.torn_bytes;
    if (runner->options->progress) runner->options->progress(runner->options->context, progress);
    status = compute_missing(runner, err);
    enum assay_status closed = assay_journal_close(runner->journal, &closing);
    if (status || !closed) return status;
    return assay_fail(err, closed, "%s", closing.text);
}

enum assay_status assay_run(const struct assay_job *job, const struct assay_run_options *options,
                            enum assay_run_outcome *outcome, struct assay_run_progress *progress,
                            struct assay_error *err)
{
    struct assay_bytes journal_path = {0};
    struct runner runner = {.job = job, .options = options, .progress = progress};
    bool complete;
    *progress = (struct assay_run_progress){
        .samples_total = job->plan.sample_count, .eta_seconds = NAN, .tokens_per_second = NAN};
    enum assay_status status = check_existing(job, options->results, &complete, err);
    if (status) return status;
    if (complete) {
        progress->samples_done = progress->samples_resumed = progress->samples_total;
        *outcome = ASSAY_RUN_ALREADY_COMPLETE;
        return ASSAY_OK;
    }
    status = assay_bytes_format(&journal_path, err, "%s.journal", options->results);
    if (status) return status;
    const char *path = (const char *)journal_path.data;
    status = run_journal(&runner, path, err);
    if (!status) status = write_results(job, options, path, err);
    if (!status) status = assay_journal_remove(path, err);
    if (!status) *outcome = ASSAY_RUN_FINISHED;
    assay_bytes_fini(&journal_path);
    return status;
}
