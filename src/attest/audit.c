/* Records checked by computing them again. What can be seen without the model comes first; what is
 * left is replayed, group by group, and then graded. */
#include "assay/audit.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "run/choice.h"
#include "run/grader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct assay_audit {
    const struct assay_job *job;
    struct assay_session *session;
    struct assay_audit_options options;
    struct assay_judgement judgement; /* scratch */
    struct assay_grader *grader;      /* NULL unless outputs are programs */
};

/* One call of assay_audit_check. requests[] are the leaves that must be replayed; leaf_of[] maps
 * their samples back, in the order of samples[]. */
struct work {
    struct assay_audit *audit;
    const struct assay_audit_leaf *leaves;
    struct assay_audit_verdict *verdicts;
    struct assay_replay_request *requests;
    size_t request_count;
    struct assay_sample_request *samples;
    struct assay_claim *claims;
    size_t *leaf_of;
    size_t sample_count;
    enum assay_status status; /* of grading */
    struct assay_error *err;
};

const char *assay_fault_name(enum assay_fault fault)
{
    static const char *const names[ASSAY_FAULT_COUNT] = {
#define ASSAY_FAULT_ROW(name, text) text,
        ASSAY_FAULT_LIST(ASSAY_FAULT_ROW)
#undef ASSAY_FAULT_ROW
    };
    return names[fault];
}

__attribute__((format(printf, 3, 4))) static void
fault(struct assay_audit_verdict *verdict, enum assay_fault what, const char *format, ...)
{
    va_list arguments;
    verdict->fault = what;
    va_start(arguments, format);
    if (vsnprintf(verdict->detail, sizeof verdict->detail, format, arguments) < 0) {
        verdict->detail[0] = '\0';
    }
    va_end(arguments);
}

/* --- without the model */

static bool same_text(struct assay_span span, const char *text)
{
    return strlen(text) == span.size && memcmp(text, span.data, span.size) == 0;
}

static bool check_names(struct assay_audit_verdict *out, const struct assay_job *job,
                        const struct assay_cell *cell, const struct assay_record *record)
{
    char quoted[80];
    const char *id = assay_benchmark_item(job->benchmark, cell->item_index)->id;
    const char *profile = job->spec->profiles[cell->profile_index].name;
    if (!same_text(record->item_id, id)) {
        fault(out, ASSAY_FAULT_CELL, "it is of item %s, but its place is of \"%.60s\"",
              assay_text_quote(quoted, sizeof quoted, record->item_id.data, record->item_id.size),
              id);
        return false;
    }
    if (!same_text(record->profile, profile)) {
        fault(out, ASSAY_FAULT_CELL, "it is of profile %s, but its place is of \"%s\"",
              assay_text_quote(quoted, sizeof quoted, record->profile.data, record->profile.size),
              profile);
        return false;
    }
    return true;
}

static bool check_cell(struct assay_audit_verdict *out, const struct assay_job *job,
                       const struct assay_cell *cell, const struct assay_record *record)
{
    const struct assay_profile *profile = &job->spec->profiles[cell->profile_index];
    const struct {
        const char *what;
        uint32_t claimed, planned;
    } rows[] = {{"arithmetic", record->arithmetic, assay_spec_arithmetic(job->spec)},
                {"sampler", record->sampler, ASSAY_SAMPLER_1},
                {"draw", record->draw, (uint32_t)profile->draw},
                {"replicates", record->replicates, job->plan.replicates},
                {"sets", record->sets, job->spec->sets},
                {"replicate", record->replicate, cell->replicate}};
    if (!check_names(out, job, cell, record)) return false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].claimed == rows[i].planned) continue;
        fault(out, ASSAY_FAULT_CELL, "%s is %" PRIu32 ", but its place has %" PRIu32, rows[i].what,
              rows[i].claimed, rows[i].planned);
        return false;
    }
    return true;
}

static bool check_digests(struct assay_audit_verdict *out, const struct assay_job *job,
                          const struct assay_cell *cell, const struct assay_digest *group_key,
                          const struct assay_record *record)
{
    char claimed[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    struct assay_digest key = assay_cell_key(group_key, cell->replicate);
    const struct assay_digest *prompt = &job->prompt_digests[cell->item_index];
    if (!assay_digest_equal(&record->cell_key, &key)) {
        fault(out, ASSAY_FAULT_KEY, "its cell key is %s, but seed, site and place give %s",
              assay_digest_hex(&record->cell_key, claimed), assay_digest_hex(&key, found));
        return false;
    }
    if (!assay_digest_equal(&record->prompt_digest, prompt)) {
        fault(out, ASSAY_FAULT_PROMPT, "its prompt's digest is %s, but item and spec give %s",
              assay_digest_hex(&record->prompt_digest, claimed), assay_digest_hex(prompt, found));
        return false;
    }
    return true;
}

/* --- the groups to be replayed */

static void add_request(struct work *work, uint32_t item)
{
    const struct assay_job *job = work->audit->job;
    size_t at = work->sample_count;
    work->requests[work->request_count++] = (struct assay_replay_request){
        .asked = {.prompt = job->prompt_tokens + job->prompt_offset[item],
                  .prompt_count = job->prompt_counts[item],
                  .max_tokens = job->spec->max_tokens,
                  .stops = job->spec->stops,
                  .stop_count = job->spec->stop_count,
                  .samples = &work->samples[at]},
        .claims = &work->claims[at]};
}

static void add_leaf(struct work *work, size_t leaf, const struct assay_cell *cell,
                     const struct assay_digest *group_key)
{
    const struct assay_job *job = work->audit->job;
    const struct assay_record *record = &work->leaves[leaf].record;
    size_t at = work->sample_count++;
    work->samples[at] =
        (struct assay_sample_request){.profile = &job->spec->profiles[cell->profile_index],
                                      .replicates = job->plan.replicates,
                                      .sets = job->spec->sets,
                                      .replicate = cell->replicate,
                                      .group_key = *group_key};
    work->claims[at] = (struct assay_claim){.finish = (enum assay_finish)record->finish,
                                            .tokens = record->tokens,
                                            .log_probs = record->log_probs,
                                            .token_count = record->token_count};
    work->leaf_of[at] = leaf;
    work->requests[work->request_count - 1].asked.sample_count++;
}

/* Verdicts of what is seen at once; requests for the rest, one for each run of leaves of a group.
 */
static void sort_out(struct work *work, size_t count)
{
    const struct assay_job *job = work->audit->job;
    struct assay_digest group_key = {{0}};
    uint64_t open_group = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct assay_audit_leaf *leaf = &work->leaves[i];
        struct assay_audit_verdict *verdict = &work->verdicts[i];
        *verdict = (struct assay_audit_verdict){.fault = ASSAY_FAULT_NONE};
        if (leaf->not_included) {
            fault(verdict, ASSAY_FAULT_INCLUSION, "%s", leaf->not_included);
        } else if (leaf->index >= job->plan.sample_count) {
            fault(verdict, ASSAY_FAULT_INCLUSION, "the plan has only %" PRIu64 " samples",
                  job->plan.sample_count);
        } else {
            struct assay_cell cell = assay_plan_cell(&job->plan, leaf->index);
            uint64_t group = leaf->index / job->plan.replicates;
            group_key =
                assay_job_group_key(job, cell.item_index, &job->spec->profiles[cell.profile_index]);
            if (check_cell(verdict, job, &cell, &leaf->record) &&
                check_digests(verdict, job, &cell, &group_key, &leaf->record)) {
                if (group != open_group) add_request(work, cell.item_index);
                open_group = group;
                add_leaf(work, i, &cell, &group_key);
            }
        }
        if (verdict->fault && work->audit->options.progress) {
            work->audit->options.progress(work->audit->options.context);
        }
    }
}

/* --- what the replay says */

static const char *piece_of(const struct work *work, uint32_t token, char *to, size_t size)
{
    const struct assay_tokenizer *tokenizer = assay_model_tokenizer(work->audit->job->model);
    const char *data;
    size_t length;
    if (token >= assay_tokenizer_vocab(tokenizer)) return "(no token)";
    if (work->audit->job->spec->definition.encrypted) return "(not shown)";
    assay_tokenizer_piece(tokenizer, token, true, &data, &length);
    return assay_text_quote(to, size, data, length);
}

/* An audit's report is no place for what an encrypted benchmark hides. */
static const char *answer_of(const struct work *work, struct assay_span answer, char *to,
                             size_t size)
{
    if (work->audit->job->spec->definition.encrypted) return "(not shown)";
    return assay_text_quote(to, size, answer.data, answer.size);
}

static void tell_finding(const struct work *work, struct assay_audit_verdict *out,
                         const struct assay_finding *finding)
{
    char claimed[48], drawn[48];
    out->has_position = true;
    out->position = finding->position;
    switch (finding->kind) {
    case ASSAY_FINDING_NONE:
        break;
    case ASSAY_FINDING_TOKEN:
        fault(out, ASSAY_FAULT_TOKEN,
              "at output position %zu it claims token %" PRIu32 " %s, but the draw gives %" PRIu32
              " %s",
              finding->position, finding->claimed_token,
              piece_of(work, finding->claimed_token, claimed, sizeof claimed), finding->drawn_token,
              piece_of(work, finding->drawn_token, drawn, sizeof drawn));
        break;
    case ASSAY_FINDING_LOG_PROB:
        fault(out, ASSAY_FAULT_LOG_PROB,
              "at output position %zu it claims %.9g, the model gives %.9g", finding->position,
              (double)finding->claimed_log_prob, (double)finding->drawn_log_prob);
        break;
    case ASSAY_FINDING_FINISH:
        fault(out, ASSAY_FAULT_FINISH,
              "it claims to end by \"%s\"; after %zu output tokens the sample %s%s",
              assay_finish_name(finding->claimed), finding->position,
              finding->goes_on ? "goes on" : "ends by ",
              finding->goes_on ? "" : assay_finish_name(finding->found));
        break;
    }
}

static enum assay_status grade(struct work *work, struct assay_audit_verdict *out,
                               const struct assay_audit_leaf *leaf, struct assay_span text)
{
    const struct assay_job *job = work->audit->job;
    const struct assay_record *record = &leaf->record;
    struct assay_cell cell = assay_plan_cell(&job->plan, leaf->index);
    struct assay_judgement *judgement = &work->audit->judgement;
    char claimed[80], given[80];
    enum assay_finish finish = (enum assay_finish)record->finish;
    struct assay_grader *grader = work->audit->grader;
    enum assay_status status =
        grader ? assay_grader_judge(grader, cell.item_index, text, finish, judgement, work->err)
               : assay_benchmark_judge(job->benchmark, cell.item_index, text, finish, judgement,
                                       work->err);
    if (status) return status;
    const struct assay_span *answer = &judgement->answer;
    const char *data = answer->data;
    if (answer->size != record->answer.size ||
        memcmp(data, record->answer.data, answer->size) != 0) {
        fault(out, ASSAY_FAULT_ANSWER, "it claims the answer %s, but the text gives %s",
              answer_of(work, record->answer, claimed, sizeof claimed),
              answer_of(work, *answer, given, sizeof given));
    } else if (judgement->verdict != (enum assay_verdict)record->verdict ||
               judgement->score_micro != record->score_micro) {
        fault(out, ASSAY_FAULT_GRADE,
              "it claims \"%s\", score %" PRIu32 " millionths; grading gives \"%s\", %" PRIu32,
              assay_verdict_name((enum assay_verdict)record->verdict), record->score_micro,
              assay_verdict_name(judgement->verdict), judgement->score_micro);
    }
    return ASSAY_OK;
}

static void visit(void *context, size_t request, size_t sample, const struct assay_finding *finding)
{
    struct work *work = context;
    size_t first = (size_t)(work->requests[request].claims - work->claims);
    size_t leaf = work->leaf_of[first + sample];
    struct assay_audit_verdict *out = &work->verdicts[leaf];
    if (finding->kind != ASSAY_FINDING_NONE) {
        tell_finding(work, out, finding);
    } else if (!work->status) {
        work->status = grade(work, out, &work->leaves[leaf], finding->text);
    }
    if (work->audit->options.progress) {
        work->audit->options.progress(work->audit->options.context);
    }
}

/* --- kind choice: options are scored again, there is nothing that could have been drawn */

/* The first token that is not the option's, or whose log-probability is another. */
static void compare_choice(const struct work *work, struct assay_audit_verdict *out,
                           const struct assay_record *claimed,
                           const struct assay_choice_result *found)
{
    char is[48], should[48];
    size_t shorter =
        claimed->token_count < found->token_count ? claimed->token_count : found->token_count;
    out->has_position = true;
    for (out->position = 0; out->position < shorter; out->position++) {
        size_t i = out->position;
        if (claimed->tokens[i] != found->tokens[i]) {
            fault(out, ASSAY_FAULT_TOKEN,
                  "at position %zu it claims token %" PRIu32 " %s, but the options have %" PRIu32
                  " %s there",
                  i, claimed->tokens[i], piece_of(work, claimed->tokens[i], is, sizeof is),
                  found->tokens[i], piece_of(work, found->tokens[i], should, sizeof should));
            return;
        }
        if (memcmp(&claimed->log_probs[i], &found->log_probs[i], sizeof(float)) != 0) {
            fault(out, ASSAY_FAULT_LOG_PROB, "at position %zu it claims %.9g, the model gives %.9g",
                  i, (double)claimed->log_probs[i], (double)found->log_probs[i]);
            return;
        }
    }
    if (claimed->token_count != found->token_count || claimed->finish != (uint8_t)found->finish) {
        fault(out, ASSAY_FAULT_FINISH,
              "it claims %zu tokens and to end by \"%s\"; scoring gives %zu and \"%s\"",
              claimed->token_count, assay_finish_name((enum assay_finish)claimed->finish),
              found->token_count, assay_finish_name(found->finish));
    } else if (claimed->answer.size != strlen(found->answer) ||
               memcmp(claimed->answer.data, found->answer, claimed->answer.size) != 0) {
        fault(out, ASSAY_FAULT_ANSWER, "it claims the answer %s, but the options give \"%s\"",
              answer_of(work, claimed->answer, is, sizeof is), found->answer);
    } else if (claimed->verdict != (uint8_t)found->verdict ||
               claimed->score_micro != found->score_micro) {
        fault(out, ASSAY_FAULT_GRADE,
              "it claims \"%s\", score %" PRIu32 " millionths; grading gives \"%s\", %" PRIu32,
              assay_verdict_name((enum assay_verdict)claimed->verdict), claimed->score_micro,
              assay_verdict_name(found->verdict), found->score_micro);
    }
}

/* An item was scored: so much for every leaf that is of it (somebody may have opened one twice). */
static void compare_leaves(struct work *work, uint64_t index,
                           const struct assay_choice_result *found)
{
    for (size_t i = 0; i < work->sample_count; i++) {
        size_t leaf = work->leaf_of[i];
        if (work->leaves[leaf].index != index) continue;
        compare_choice(work, &work->verdicts[leaf], &work->leaves[leaf].record, found);
        if (work->audit->options.progress) {
            work->audit->options.progress(work->audit->options.context);
        }
    }
}

static enum assay_status take_choices(struct work *work, struct assay_choice_table *table)
{
    const struct assay_job *job = work->audit->job;
    struct assay_session *session = work->audit->session;
    struct assay_sample sample;
    enum assay_status status = assay_session_step(session, work->err);
    while (!status && assay_session_take(session, &sample)) {
        struct assay_choice_item *item;
        status = assay_choice_take(table, job, &sample, &item, work->err);
        if (status || !item) continue;
        const struct assay_choice_result found = assay_choice_result(job, item);
        compare_leaves(work, item->sample, &found);
        assay_choice_drop(table, item);
    }
    return status;
}

static bool is_repeated(const struct work *work, size_t sample)
{
    for (size_t i = 0; i < sample; i++) {
        if (work->leaves[work->leaf_of[i]].index == work->leaves[work->leaf_of[sample]].index) {
            return true;
        }
    }
    return false;
}

static enum assay_status submit_choice(struct work *work, size_t sample)
{
    const struct assay_job *job = work->audit->job;
    struct assay_sample_request options[ASSAY_OPTIONS_MAX];
    uint64_t index = work->leaves[work->leaf_of[sample]].index;
    uint32_t item = assay_plan_cell(&job->plan, index).item_index;
    if (is_repeated(work, sample)) return ASSAY_OK;
    const struct assay_request request = {.prompt = job->prompt_tokens + job->prompt_offset[item],
                                          .prompt_count = job->prompt_counts[item],
                                          .max_tokens = 1,
                                          .sample_count =
                                              assay_choice_requests(job, index, item, options),
                                          .samples = options};
    return assay_session_submit(work->audit->session, &request, work->err);
}

static enum assay_status score_choices(struct work *work)
{
    struct assay_session *session = work->audit->session;
    struct assay_choice_table table = {0};
    enum assay_status status = ASSAY_OK;
    size_t begun = 0;
    while (!status && (begun < work->sample_count || !assay_session_idle(session))) {
        while (!status && begun < work->sample_count && assay_session_wants(session)) {
            status = submit_choice(work, begun++);
        }
        if (!status) status = take_choices(work, &table);
    }
    assay_choice_table_fini(&table);
    return status;
}

/* --- open, check, close */

static bool take(void **out, size_t count, size_t size)
{
    *out = calloc(count + 1, size);
    return *out != NULL;
}

enum assay_status assay_audit_check(struct assay_audit *audit,
                                    const struct assay_audit_leaf *leaves, size_t count,
                                    struct assay_audit_verdict *verdicts, struct assay_error *err)
{
    struct work work = {.audit = audit, .leaves = leaves, .verdicts = verdicts, .err = err};
    void *requests = NULL, *samples = NULL, *claims = NULL, *leaf_of = NULL;
    enum assay_status status = ASSAY_OK;
    if (take(&requests, count, sizeof *work.requests) &&
        take(&samples, count, sizeof *work.samples) && take(&claims, count, sizeof *work.claims) &&
        take(&leaf_of, count, sizeof *work.leaf_of)) {
        work.requests = requests;
        work.samples = samples;
        work.claims = claims;
        work.leaf_of = leaf_of;
        sort_out(&work, count);
        status = assay_job_is_choice(audit->job)
                     ? score_choices(&work)
                     : assay_session_replay(audit->session, work.requests, work.request_count,
                                            visit, &work, err);
        if (!status) status = work.status;
    } else {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory to audit %zu records", count);
    }
    free(leaf_of);
    free(claims);
    free(samples);
    free(requests);
    return status;
}

enum assay_status assay_audit_open(struct assay_audit **out, const struct assay_job *job,
                                   const struct assay_audit_options *options,
                                   struct assay_error *err)
{
    struct assay_audit *audit = calloc(1, sizeof *audit);
    if (!audit) return assay_fail(err, ASSAY_EMEMORY, "no memory for an audit");
    audit->job = job;
    audit->options = *options;
    audit->options.session.context = job->context;
    enum assay_status status = ASSAY_OK;
    if (job->spec->definition.kind ==
        ASSAY_KIND_CODE) { /* it forks: before the session's threads */
        status = assay_grader_open(&audit->grader, job->benchmark, err);
    }
    if (!status) {
        status = assay_session_open(&audit->session, job->model, &audit->options.session, err);
    }
    if (status) {
        assay_audit_close(audit);
        return status;
    }
    *out = audit;
    return ASSAY_OK;
}

void assay_audit_close(struct assay_audit *audit)
{
    if (!audit) return;
    assay_session_close(audit->session);
    assay_judgement_fini(&audit->judgement);
    assay_grader_close(audit->grader);
    free(audit);
}

struct assay_session_counters assay_audit_counters(const struct assay_audit *audit)
{
    return assay_session_counters(audit->session);
}
