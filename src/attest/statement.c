/* A results file's statement, and its JSON text. */
#include "attest/fields.h"

#include "attest/form.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void assay_statement_destroy(struct assay_statement *statement)
{
    struct assay_statement_owner *owner = (struct assay_statement_owner *)statement;
    if (!owner) return;
    assay_arena_fini(&owner->arena);
    free(owner);
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for a statement");
}

/* --- from a results file --- */

static const char *keep(struct assay_statement_owner *owner, const char *text)
{
    return assay_arena_text(&owner->arena, text, strlen(text));
}

static const char *keep_time(struct assay_statement_owner *owner, uint64_t epoch_ns)
{
    char text[21];
    assay_clock_text(epoch_ns, text);
    return keep(owner, text);
}

static enum assay_status fill_texts(struct assay_statement_owner *owner,
                                    const struct assay_results *results,
                                    const struct assay_statement_facts *facts,
                                    struct assay_error *err)
{
    struct assay_statement *to = &owner->public;
    const struct {
        const char **to;
        const char *from;
    } rows[] = {
        {&to->chain, facts->chain},
        {&to->task, facts->task},
        {&to->site, results->site},
        {&to->model_name, results->model_name[0] ? results->model_name : "model"},
        {&to->results_name, facts->results_name},
        {&to->spec_name, results->spec_name},
        {&to->sampler, "sampler-1"},
        {&to->arithmetic, assay_arithmetic_name(results->arithmetic)},
        {&to->engine, results->engine},
        {&to->build, results->build},
        {&to->backend, results->backend},
        {&to->isa, results->isa},
        {&to->hardware, results->cpu},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].from) continue;
        if (strlen(rows[i].from) > ASSAY_STATEMENT_TEXT_BYTES_MAX) {
            return assay_fail(err, ASSAY_EVALUE, "\"%.60s…\" is longer than the %d bytes of a text",
                              rows[i].from, ASSAY_STATEMENT_TEXT_BYTES_MAX);
        }
        *rows[i].to = keep(owner, rows[i].from);
        if (!*rows[i].to) return no_memory(err);
    }
    to->started = keep_time(owner, results->started_ns);
    to->finished = keep_time(owner, results->finished_ns);
    return to->started && to->finished ? ASSAY_OK : no_memory(err);
}

static void count_sample(struct assay_tally *tally, const struct assay_results *results, uint64_t s)
{
    tally->total++;
    tally->correct += results->verdict[s] == ASSAY_VERDICT_CORRECT;
    tally->score_micro += results->score_micro[s];
}

static enum assay_status fill_tallies(struct assay_statement_owner *owner,
                                      const struct assay_results *results, struct assay_error *err)
{
    uint32_t count = results->stratum_count;
    if (count > ASSAY_STATEMENT_STRATA_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%" PRIu32 " strata; a statement holds at most %d",
                          count, ASSAY_STATEMENT_STRATA_MAX);
    }
    struct assay_statement_stratum *strata = assay_arena_take(&owner->arena, count, sizeof *strata);
    if (!strata) return no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        strata[i].name = keep(owner, results->stratum_names[i]);
        if (!strata[i].name) return no_memory(err);
    }
    for (uint64_t s = 0; s < results->sample_count; s++) {
        count_sample(&owner->public.all, results, s);
        count_sample(&strata[results->item_strata[results->item_index[s]]].tally, results, s);
    }
    owner->public.strata = strata;
    owner->public.stratum_count = count;
    return ASSAY_OK;
}

/* What each process ran on, and what the batch system said of it. Processes of one host share the
 * text of its topology. */
static void digest_processes(struct assay_statement *to, const struct assay_results *results)
{
    struct assay_sha256 topologies, batch;
    struct assay_digest digest = {{0}};
    const char *digested = NULL;
    assay_sha256_init(&topologies);
    assay_sha256_init(&batch);
    assay_sha256_text(&topologies, "assay/topologies-1");
    assay_sha256_text(&batch, "assay/batch-1");
    for (uint32_t i = 0; i < results->process_count; i++) {
        const struct assay_process *process = &results->processes[i];
        if (process->topology != digested) {
            digested = process->topology;
            digest = assay_sha256_of(digested, strlen(digested));
        }
        assay_sha256_update(&topologies, digest.bytes, sizeof digest.bytes);
        assay_sha256_text(&batch, process->launcher);
        assay_sha256_text(&batch, process->job);
        assay_sha256_text(&batch, process->component);
        assay_sha256_text(&batch, process->variables);
    }
    to->topologies = assay_sha256_final(&topologies);
    to->batch = assay_sha256_final(&batch);
}

enum assay_status assay_statement_of_results(struct assay_statement **out,
                                             const struct assay_results *results,
                                             const struct assay_statement_facts *facts,
                                             struct assay_error *err)
{
    struct assay_statement_owner *owner = calloc(1, sizeof *owner);
    if (!owner) return no_memory(err);
    struct assay_statement *made = &owner->public;
    made->round = facts->round;
    made->model = results->model_digest;
    made->results_file = facts->results_file;
    made->dataset = results->benchmark_digest;
    made->spec = results->spec_digest;
    made->plan = results->plan_digest;
    made->records = results->records_digest;
    made->merkle_root = facts->merkle_root;
    made->tree_size = results->sample_count;
    digest_processes(made, results);
    enum assay_status status = fill_texts(owner, results, facts, err);
    if (!status) status = fill_tallies(owner, results, err);
    const char *fault = status ? NULL : assay_statement_fault(made);
    if (fault) status = assay_fail(err, ASSAY_EVALUE, "%s", fault);
    if (status) {
        assay_statement_destroy(made);
    } else {
        *out = made;
    }
    return status;
}

/* --- to JSON --- */

static struct assay_json *json_field(const struct assay_field *field,
                                     const struct assay_statement *statement)
{
    const char *from = (const char *)statement + field->offset, *text;
    uint64_t number;
    switch (field->kind) {
    case ASSAY_FIELD_DIGEST:
        return assay_form_new_digest((const struct assay_digest *)from);
    case ASSAY_FIELD_NUMBER:
        memcpy(&number, from, sizeof number);
        return assay_form_new_number(number);
    case ASSAY_FIELD_CONSTANT:
        return assay_json_new_text(field->constant);
    case ASSAY_FIELD_TEXT:
    case ASSAY_FIELD_TIME:
    default:
        memcpy(&text, from, sizeof text);
        return assay_json_new_text(text);
    }
}

static struct assay_json *json_strata(const struct assay_statement *statement)
{
    struct assay_json *array = assay_json_new_array();
    bool ok = array;
    for (size_t i = 0; i < statement->stratum_count && ok; i++) {
        const struct assay_statement_stratum *stratum = &statement->strata[i];
        struct assay_json *row = assay_json_new_object();
        bool filled =
            row && assay_json_set(row, "name", assay_json_new_text(stratum->name)) &&
            assay_json_set(row, "correct", assay_form_new_number(stratum->tally.correct)) &&
            assay_json_set(row, "total", assay_form_new_number(stratum->tally.total)) &&
            assay_json_set(row, "scoreMicro", assay_form_new_number(stratum->tally.score_micro));
        ok = assay_json_add(array, row) && filled;
    }
    if (ok) return array;
    assay_json_destroy(array);
    return NULL;
}

/* Rows of one group stand together in the table. */
static bool set_fields(struct assay_json *predicate, const struct assay_statement *statement)
{
    struct assay_json *group = NULL;
    const char *name = NULL;
    for (size_t i = 0; i < ASSAY_FIELD_COUNT; i++) {
        const struct assay_field *field = &assay_fields[i];
        if (!field->group) {
            group = predicate;
        } else if (!name || strcmp(name, field->group) != 0) {
            group = assay_json_new_object();
            if (!assay_json_set(predicate, field->group, group)) return false;
            name = field->group;
            if (strcmp(name, "result") == 0 &&
                !assay_json_set(group, "strata", json_strata(statement))) {
                return false;
            }
        }
        if (!assay_json_set(group, field->name, json_field(field, statement))) return false;
    }
    return true;
}

static bool set_round(struct assay_json *predicate, const struct assay_statement *statement)
{
    if (!statement->chain) return true;
    return assay_json_set(predicate, "chain", assay_json_new_text(statement->chain)) &&
           assay_json_set(predicate, "task", assay_json_new_text(statement->task)) &&
           assay_json_set(predicate, "round", assay_form_new_number(statement->round));
}

static bool add_subject(struct assay_json *array, const char *name,
                        const struct assay_digest *sha256)
{
    struct assay_json *subject = assay_json_new_object(), *digest = assay_json_new_object();
    bool ok = digest && assay_json_set(digest, "sha256", assay_form_new_digest(sha256));
    ok = subject && assay_json_set(subject, "digest", digest) && ok;
    ok = ok && assay_json_set(subject, "name", assay_json_new_text(name));
    return assay_json_add(array, subject) && ok;
}

enum assay_status assay_statement_write(const struct assay_statement *statement,
                                        struct assay_bytes *out, struct assay_error *err)
{
    struct assay_json *root = assay_json_new_object(), *predicate = assay_json_new_object(),
                      *subjects = assay_json_new_array();
    bool ok = root && predicate && subjects && set_fields(predicate, statement) &&
              set_round(predicate, statement) &&
              add_subject(subjects, statement->model_name, &statement->model) &&
              add_subject(subjects, statement->results_name, &statement->results_file);
    size_t before = out->size;
    enum assay_status status = ASSAY_OK;
    if (root) { /* takes both, whatever became of them */
        ok = assay_json_set(root, "predicate", predicate) && ok;
        ok = assay_json_set(root, "subject", subjects) && ok;
        ok = ok && assay_json_set(root, "_type", assay_json_new_text(ASSAY_STATEMENT_TYPE)) &&
             assay_json_set(root, "predicateType", assay_json_new_text(ASSAY_STATEMENT_PREDICATE));
    } else {
        assay_json_destroy(predicate);
        assay_json_destroy(subjects);
    }
    status = ok ? assay_json_write(root, true, out, err) : no_memory(err);
    assay_json_destroy(root);
    if (!status && out->size - before > ASSAY_STATEMENT_BYTES_MAX) {
        status = assay_fail(err, ASSAY_EVALUE, "a statement of %zu bytes; the most is %d",
                            out->size - before, ASSAY_STATEMENT_BYTES_MAX);
        out->size = before;
    }
    return status;
}
