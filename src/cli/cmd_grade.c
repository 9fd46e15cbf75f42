/* assay grade: stored outputs graded again, with other rules, without the model. */
#include "cli/command.h"

#include "assay/benchmark.h"
#include "assay/results.h"
#include "base/draft.h"
#include "base/json.h"
#include "base/regex.h"
#include "base/text.h"
#include "cli/export.h"
#include "cli/output.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 40, VERDICTS = 4 };

/* What is told of the samples lives no longer than they do, one after the other. */
struct grading {
    struct assay_results *results;
    struct assay_spec *spec;
    struct assay_benchmark *benchmark;
    uint32_t *items; /* results->item_count: the benchmark's item of that id */
    struct assay_judgement judgement;
    struct assay_draft output;  /* with --output */
    struct assay_json *changes; /* with --json: rows of what changed */
    struct assay_bytes lines;   /* else: the first of them, for people */
    struct assay_bytes scratch;
    uint64_t table[VERDICTS][VERDICTS]; /* was, is */
    uint64_t changed;
    uint64_t was_micro, is_micro;
};

/* How one sample is graded now. */
struct regrade {
    uint64_t sample;
    uint8_t was, is;
    uint32_t score_micro;
    char *answer_was, *answer;
};

/* --- what it is graded by */

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The run's own benchmark: looked for beside the results, by the last component of its name. */
static enum assay_status open_own(struct grading *grading, const char *results_path,
                                  struct assay_error *err)
{
    const struct assay_results *results = grading->results;
    enum assay_status status =
        assay_spec_parse(&grading->spec, results->spec_source, strlen(results->spec_source), err);
    if (status) return assay_while(err, status, "%s: its spec", results_path);
    struct assay_spec *spec = grading->spec;
    spec->benchmark.path = last_component(spec->benchmark.path);
    spec->benchmark.sha256 = results->benchmark_digest;
    spec->benchmark.sha256_declared = true;
    return assay_spec_resolve_benchmark(spec, results_path, getenv("ASSAY_MODEL_DIR"), err);
}

static enum assay_status find_scorer(enum assay_scorer *out, const char *name,
                                     struct assay_error *err)
{
    const char *names[ASSAY_SCORER_COUNT + 1] = {NULL};
    for (unsigned i = 0; i < ASSAY_SCORER_COUNT; i++) {
        names[i] = assay_scorer_name((enum assay_scorer)i);
        if (strcmp(names[i], name) != 0) continue;
        *out = (enum assay_scorer)i;
        return ASSAY_OK;
    }
    const char *nearest = assay_text_nearest(name, names);
    return assay_fail(err, ASSAY_EUSAGE, "--scorer is \"%.60s\": there is no such scorer%s%s%s",
                      name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                      nearest ? "?" : "");
}

/* One group must be captured: that is the answer. */
static enum assay_status check_pattern(const char *pattern, struct assay_error *err)
{
    struct assay_regex *regex = NULL;
    enum assay_status status = assay_regex_create(&regex, pattern, err);
    if (!status && assay_regex_groups(regex) != 1) {
        status = assay_fail(err, ASSAY_EUSAGE, "it has %u capture groups: it must have one",
                            assay_regex_groups(regex));
    }
    assay_regex_destroy(regex);
    return assay_while(err, status, "--extract is \"%.80s\"", pattern);
}

static enum assay_status open_rules(struct grading *grading, const struct assay_args *args,
                                    struct assay_rule *rule, struct assay_error *err)
{
    enum assay_status status = args->benchmark
                                   ? assay_spec_open_definition(&grading->spec, args->benchmark,
                                                                getenv("ASSAY_MODEL_DIR"), err)
                                   : open_own(grading, args->operands[0], err);
    if (!status && args->scorer) status = find_scorer(&grading->spec->scorer, args->scorer, err);
    if (!status && args->extract) {
        status = check_pattern(args->extract, err);
        *rule = (struct assay_rule){"extract", args->extract, ASSAY_TAKE_FIRST};
        grading->spec->rules = rule;
        grading->spec->rule_count = 1;
    }
    if (!status) status = assay_benchmark_open(&grading->benchmark, grading->spec, err);
    return status;
}

/* --- items */

struct named {
    const char *id;
    uint32_t index;
};

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static enum assay_status match_items(struct grading *grading, struct assay_error *err)
{
    const struct assay_results *results = grading->results;
    uint32_t count = assay_benchmark_count(grading->benchmark);
    struct named *names = calloc(count, sizeof *names);
    grading->items = calloc(results->item_count, sizeof *grading->items);
    enum assay_status status =
        names && grading->items ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for items");
    for (uint32_t i = 0; i < count && !status; i++) {
        names[i] = (struct named){assay_benchmark_item(grading->benchmark, i)->id, i};
    }
    if (!status) qsort(names, count, sizeof *names, compare_named);
    for (uint32_t i = 0; i < results->item_count && !status; i++) {
        const struct named key = {results->item_ids[i], 0};
        const struct named *found = bsearch(&key, names, count, sizeof *names, compare_named);
        if (found) {
            grading->items[i] = found->index;
        } else {
            status = assay_fail(err, ASSAY_EMISMATCH, "the benchmark %s has no item \"%s\"",
                                grading->spec->benchmark.file, results->item_ids[i]);
        }
    }
    free(names);
    return status;
}

/* --- grading */

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the grades");
}

/* As far as it is a C string. */
static char *text_of(struct assay_span span)
{
    return strndup(span.size ? span.data : "", span.size);
}

static bool is_changed(const struct regrade *row)
{
    return row->is != row->was || strcmp(row->answer, row->answer_was) != 0;
}

/* Whatever becomes of it, the caller frees both answers. */
static enum assay_status judge(struct grading *grading, struct regrade *row,
                               struct assay_error *err)
{
    struct assay_results *results = grading->results;
    uint32_t item = results->item_index[row->sample];
    struct assay_judgement *judgement = &grading->judgement;
    struct assay_results_sample sample;
    enum assay_status status = assay_results_sample(results, row->sample, &sample, err);
    if (status) return status;
    status =
        assay_benchmark_judge(grading->benchmark, grading->items[item], sample.circumstances.text,
                              (enum assay_finish)sample.record.finish, judgement, err);
    if (status) return assay_while(err, status, "item \"%s\"", results->item_ids[item]);
    row->was = sample.record.verdict;
    row->is = (uint8_t)judgement->verdict;
    row->score_micro = judgement->score_micro;
    row->answer_was = text_of(sample.record.answer);
    row->answer = text_of(judgement->answer);
    if (!row->answer_was || !row->answer) return no_memory(err);
    grading->table[row->was % VERDICTS][row->is % VERDICTS]++;
    grading->was_micro += sample.record.score_micro;
    grading->is_micro += row->score_micro;
    grading->changed += is_changed(row);
    return ASSAY_OK;
}

/* --- telling */

static const char *verdict_name(uint8_t verdict)
{
    return assay_verdict_name((enum assay_verdict)verdict);
}

static const char *profile_of(const struct grading *grading, uint64_t sample)
{
    const struct assay_results *results = grading->results;
    return results->profiles[results->profile_index[sample]].name;
}

static enum assay_status add_line(struct grading *grading, const struct regrade *row,
                                  struct assay_error *err)
{
    const struct assay_results *results = grading->results;
    char old[48], new[48];
    return assay_bytes_format(
        &grading->lines, err, "%-28.28s %-12.12s %4" PRIu32 "  %-9s %-24s  %-9s %s\n",
        results->item_ids[results->item_index[row->sample]], profile_of(grading, row->sample),
        results->replicate[row->sample], verdict_name(row->was),
        assay_text_quote(old, 24, row->answer_was, strlen(row->answer_was)), verdict_name(row->is),
        assay_text_quote(new, 24, row->answer, strlen(row->answer)));
}

static struct assay_json *row_json(const struct grading *grading, const struct regrade *row)
{
    const struct assay_results *results = grading->results;
    const char *item = results->item_ids[results->item_index[row->sample]];
    const struct {
        const char *name;
        struct assay_json *value;
    } members[] = {{"index", assay_json_new_integer((int64_t)row->sample)},
                   {"item", assay_json_new_text(item)},
                   {"profile", assay_json_new_text(profile_of(grading, row->sample))},
                   {"replicate", assay_json_new_integer(results->replicate[row->sample])},
                   {"verdict_was", assay_json_new_text(verdict_name(row->was))},
                   {"answer_was", assay_json_new_text(row->answer_was)},
                   {"verdict", assay_json_new_text(verdict_name(row->is))},
                   {"answer", assay_json_new_text(row->answer)},
                   {"score_micro", assay_json_new_integer(row->score_micro)}};
    struct assay_json *object = assay_json_new_object();
    bool ok = object;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        ok = assay_json_set(object, members[i].name, members[i].value) && ok;
    }
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

static enum assay_status tell_row(struct grading *grading, const struct regrade *row,
                                  const struct assay_args *args, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    if (args->output) {
        struct assay_json *object = row_json(grading, row);
        assay_bytes_clear(&grading->scratch);
        status = object ? assay_json_write(object, true, &grading->scratch, err) : no_memory(err);
        assay_json_destroy(object);
        if (!status) status = assay_bytes_append(&grading->scratch, "\n", 1, err);
        if (!status) {
            status = assay_draft_append(&grading->output, grading->scratch.data,
                                        grading->scratch.size, err);
        }
    }
    if (status || !is_changed(row)) return status;
    if (args->json) {
        return assay_json_add(grading->changes, row_json(grading, row)) ? ASSAY_OK : no_memory(err);
    }
    return grading->changed <= LINES_MAX ? add_line(grading, row, err) : ASSAY_OK;
}

static enum assay_status grade_all(struct grading *grading, const struct assay_args *args,
                                   struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (uint64_t s = 0; s < grading->results->sample_count && !status; s++) {
        struct regrade row = {.sample = s};
        status = judge(grading, &row, err);
        if (!status) status = tell_row(grading, &row, args, err);
        free(row.answer_was);
        free(row.answer);
    }
    return status;
}

static void print(const struct grading *grading, bool quiet)
{
    uint64_t samples = grading->results->sample_count;
    double all = (double)samples * ASSAY_SCORE_ONE;
    bool lines = grading->changed > 0 && !quiet;
    if (lines) printf("item, profile, replicate: was, is\n%s", (const char *)grading->lines.data);
    if (lines && grading->changed > LINES_MAX) {
        printf("… and %" PRIu64 " more (all of them with --json or --output)\n",
               grading->changed - LINES_MAX);
    }
    printf("%s%-12s", lines ? "\n" : "", "was \\ is");
    for (uint8_t i = 0; i < VERDICTS; i++) printf(" %10s", verdict_name(i));
    printf("\n");
    for (uint8_t was = 0; was < VERDICTS; was++) {
        printf("%-12s", verdict_name(was));
        for (unsigned is = 0; is < VERDICTS; is++) printf(" %10" PRIu64, grading->table[was][is]);
        printf("\n");
    }
    printf("\nchanged  %" PRIu64 " of %" PRIu64 " samples\nscore    was %.2f %%, is %.2f %%\n",
           grading->changed, samples, 100.0 * (double)grading->was_micro / all,
           100.0 * (double)grading->is_micro / all);
}

static enum assay_status emit(struct grading *grading, struct assay_error *err)
{
    const struct assay_results *results = grading->results;
    double all = (double)results->sample_count * ASSAY_SCORE_ONE;
    struct assay_json *object = assay_json_new_object(), *changes = grading->changes;
    grading->changes = NULL;
    bool ok =
        object && assay_json_set(object, "results", assay_json_new_text(results->path)) &&
        assay_json_set(object, "samples", assay_json_new_integer((int64_t)results->sample_count)) &&
        assay_json_set(object, "changed", assay_json_new_integer((int64_t)grading->changed)) &&
        assay_json_set(object, "score_was",
                       assay_json_new_real((double)grading->was_micro / all)) &&
        assay_json_set(object, "score", assay_json_new_real((double)grading->is_micro / all));
    for (uint8_t was = 0; ok && was < VERDICTS; was++) {
        struct assay_json *row = assay_json_new_object();
        for (uint8_t is = 0; row && is < VERDICTS; is++) {
            ok = assay_json_set(row, verdict_name(is),
                                assay_json_new_integer((int64_t)grading->table[was][is])) &&
                 ok;
        }
        char name[24];
        snprintf(name, sizeof name, "was_%s", verdict_name(was));
        ok = assay_json_set(object, name, row) && ok;
    }
    ok = assay_json_set(object, "changes", changes) && ok;
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return no_memory(err);
}

/* --- the command */

static enum assay_status grade(struct grading *grading, const struct assay_args *args,
                               struct assay_error *err)
{
    enum assay_kind kind = grading->spec->definition.kind;
    if (kind == ASSAY_KIND_CODE || kind == ASSAY_KIND_CHOICE) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "%s: a benchmark of kind \"%s\" has no text that rules could look at",
                          grading->spec->benchmark.file, assay_kind_name(kind));
    }
    if (args->json) grading->changes = assay_json_new_array();
    if (args->json && !grading->changes) return no_memory(err);
    enum assay_status status =
        args->output ? assay_draft_begin(&grading->output, args->output, err) : ASSAY_OK;
    if (!status) status = grade_all(grading, args, err);
    if (!status && args->output) status = assay_draft_finish(&grading->output, err);
    if (status) return status;
    if (args->json) return emit(grading, err);
    print(grading, args->quiet);
    return ASSAY_OK;
}

static void close_grading(struct grading *grading)
{
    assay_draft_drop(&grading->output);
    assay_json_destroy(grading->changes);
    assay_bytes_fini(&grading->lines);
    assay_bytes_fini(&grading->scratch);
    assay_judgement_fini(&grading->judgement);
    free(grading->items);
    assay_benchmark_close(grading->benchmark);
    assay_spec_destroy(grading->spec);
    assay_results_close(grading->results);
}

static enum assay_status check_written(const struct grading *grading, const char *option,
                                       const char *path, struct assay_error *err)
{
    const struct assay_spec *spec = grading->spec;
    const char *const read[] = {grading->results->path, spec->benchmark.file, spec->data.file,
                                spec->examples.file};
    return assay_output_apart(option, path, read, sizeof read / sizeof read[0], err);
}

/* An export tells the grades that are stored. */
static enum assay_status check_export(const struct assay_args *args, struct assay_error *err)
{
    const struct {
        const char *name;
        bool given;
    } others[] = {{"extract", args->extract},
                  {"scorer", args->scorer},
                  {"output", args->output},
                  {"json", args->json}};
    for (size_t i = 0; args->export && i < sizeof others / sizeof others[0]; i++) {
        if (!others[i].given) continue;
        return assay_fail(err, ASSAY_EUSAGE,
                          "--export writes the grades as they are stored: --%s does not go with it",
                          others[i].name);
    }
    return ASSAY_OK;
}

static enum assay_status cmd_grade(const struct assay_args *args, struct assay_error *err)
{
    struct assay_rule rule;
    struct grading grading = {.spec = NULL};
    enum assay_status status = check_export(args, err);
    if (!status) {
        status =
            assay_results_open_clear(&grading.results, args->operands[0], args->data, NULL, err);
    }
    if (status) return status;
    status = open_rules(&grading, args, &rule, err);
    if (!status) status = check_written(&grading, "--output", args->output, err);
    if (!status) status = check_written(&grading, "--export", args->export, err);
    if (!status) status = match_items(&grading, err);
    if (!status && args->export) {
        const struct assay_export export = {grading.results, grading.spec, grading.benchmark,
                                            grading.items};
        status = assay_export_lm_eval(&export, args->export, err);
    } else if (!status) {
        status = grade(&grading, args, err);
    }
    close_grading(&grading);
    return status;
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("benchmark", "FILE", "grade by this definition (default: the run's own)",
                      benchmark),
    ASSAY_OPTION_WORD("extract", "PATTERN", "find the answer by this pattern, with one group",
                      extract),
    ASSAY_OPTION_WORD("scorer", "NAME", "compare answers as text, exact or number", scorer),
    ASSAY_OPTION_DATA,
    ASSAY_OPTION_WORD("output", "FILE", "write every grade there as JSON lines", output),
    ASSAY_OPTION_WORD("export", "FILE",
                      "instead, write lm-evaluation-harness's per-sample JSON lines there", export),
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_grade = {
    "grade",
    "RESULTS",
    1,
    1,
    "grade stored outputs again, by other rules, in seconds",
    "No model is needed: the outputs are in RESULTS, which is never changed. The benchmark is "
    "looked\n"
    "for beside it, and must be the one that the run had; or --benchmark names another definition\n"
    "with the same items. Old and new verdict stand side by side, with a table of how many went\n"
    "from which to which. --export writes the grades as they are stored, whatever the rules are\n"
    "now. Files written are whole or not there; a pipe takes them, too. Of an encrypted benchmark\n"
    "outputs are read with --data alone; what is then printed and exported is in clear.\n\n"
    "  assay grade gsm8k.h5 --extract '(-?[0-9]+)\\D*$' --scorer number\n"
    "  assay grade gsm8k.h5 --benchmark gsm8k-strict.yaml --json | jq .score\n"
    "  assay grade hellaswag.h5 --export samples_hellaswag.jsonl\n",
    options,
    cmd_grade};
