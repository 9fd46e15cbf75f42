/* assay grade: stored outputs graded again, with other rules, without the model. */
#include "cli/command.h"

#include "assay/benchmark.h"
#include "assay/results.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/regex.h"
#include "base/text.h"
#include "cli/export.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 40, VERDICTS = 4 };

/* How one sample is graded now. */
struct regrade {
    uint8_t verdict;
    uint32_t score_micro;
    char *answer;
    char *was; /* the answer in the file; NULL where it is this one */
};

struct grading {
    struct assay_results *results;
    struct assay_spec *spec;
    struct assay_benchmark *benchmark;
    uint32_t *items;                    /* results->item_count: the benchmark's item of that id */
    struct regrade *regrades;           /* sample_count */
    uint64_t table[VERDICTS][VERDICTS]; /* was, is */
    uint64_t changed;
    uint64_t was_micro, is_micro;
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

/* As far as it is a C string. */
static char *text_of(struct assay_span span)
{
    return strndup(span.size ? span.data : "", span.size);
}

static enum assay_status regrade(struct grading *grading, uint64_t s,
                                 struct assay_judgement *judgement, struct assay_error *err)
{
    struct assay_results *results = grading->results;
    struct regrade *to = &grading->regrades[s];
    struct assay_results_sample sample;
    enum assay_status status = assay_results_sample(results, s, &sample, err);
    if (status) return status;
    status = assay_benchmark_judge(grading->benchmark, grading->items[results->item_index[s]],
                                   sample.circumstances.text, (enum assay_finish)results->finish[s],
                                   judgement, err);
    if (status)
        return assay_while(err, status, "item \"%s\"", results->item_ids[results->item_index[s]]);
    to->verdict = (uint8_t)judgement->verdict;
    to->score_micro = judgement->score_micro;
    to->answer = text_of(judgement->answer);
    to->was = text_of(sample.record.answer);
    if (!to->answer || !to->was) return assay_fail(err, ASSAY_EMEMORY, "no memory for answers");
    if (strcmp(to->answer, to->was) == 0) {
        free(to->was);
        to->was = NULL;
    }
    grading->table[results->verdict[s] % VERDICTS][to->verdict % VERDICTS]++;
    grading->was_micro += results->score_micro[s];
    grading->is_micro += to->score_micro;
    grading->changed += to->was || to->verdict != results->verdict[s];
    return ASSAY_OK;
}

static enum assay_status regrade_all(struct grading *grading, struct assay_error *err)
{
    struct assay_judgement judgement = {0};
    uint64_t count = grading->results->sample_count;
    enum assay_kind kind = grading->spec->definition.kind;
    if (kind == ASSAY_KIND_CODE || kind == ASSAY_KIND_CHOICE) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "%s: a benchmark of kind \"%s\" has no text that rules could look at",
                          grading->spec->benchmark.file, assay_kind_name(kind));
    }
    grading->regrades = calloc((size_t)count + 1, sizeof *grading->regrades);
    enum assay_status status =
        grading->regrades ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "no memory for grades");
    for (uint64_t s = 0; s < count && !status; s++) status = regrade(grading, s, &judgement, err);
    assay_judgement_fini(&judgement);
    return status;
}

/* --- telling */

static const char *was_of(const struct regrade *regrade)
{
    return regrade->was ? regrade->was : regrade->answer;
}

static void print_change(const struct grading *grading, uint64_t s)
{
    const struct assay_results *results = grading->results;
    const struct regrade *is = &grading->regrades[s];
    char old[48], new[48];
    printf("%-28.28s %-12.12s %4" PRIu32 "  %-9s %-24s  %-9s %s\n",
           results->item_ids[results->item_index[s]],
           results->profiles[results->profile_index[s]].name, results->replicate[s],
           assay_verdict_name((enum assay_verdict)results->verdict[s]),
           assay_text_quote(old, 24, was_of(is), strlen(was_of(is))),
           assay_verdict_name((enum assay_verdict)is->verdict),
           assay_text_quote(new, 24, is->answer, strlen(is->answer)));
}

static bool is_changed(const struct grading *grading, uint64_t s)
{
    const struct regrade *is = &grading->regrades[s];
    return is->was || is->verdict != grading->results->verdict[s];
}

static void print(const struct grading *grading, bool quiet)
{
    const struct assay_results *results = grading->results;
    double all = (double)results->sample_count * ASSAY_SCORE_ONE;
    unsigned lines = 0;
    for (uint64_t s = 0; s < results->sample_count && !quiet; s++) {
        if (!is_changed(grading, s)) continue;
        if (lines++ == 0) printf("item, profile, replicate: was, is\n");
        if (lines <= LINES_MAX) print_change(grading, s);
    }
    if (lines > LINES_MAX)
        printf("… and %u more (all of them with --json or --output)\n", lines - LINES_MAX);
    printf("%s%-12s", lines ? "\n" : "", "was \\ is");
    for (unsigned i = 0; i < VERDICTS; i++)
        printf(" %10s", assay_verdict_name((enum assay_verdict)i));
    printf("\n");
    for (unsigned was = 0; was < VERDICTS; was++) {
        printf("%-12s", assay_verdict_name((enum assay_verdict)was));
        for (unsigned is = 0; is < VERDICTS; is++) printf(" %10" PRIu64, grading->table[was][is]);
        printf("\n");
    }
    printf("\nchanged  %" PRIu64 " of %" PRIu64 " samples\nscore    was %.2f %%, is %.2f %%\n",
           grading->changed, results->sample_count, 100.0 * (double)grading->was_micro / all,
           100.0 * (double)grading->is_micro / all);
}

static struct assay_json *row_json(const struct grading *grading, uint64_t s)
{
    const struct assay_results *results = grading->results;
    const struct regrade *is = &grading->regrades[s];
    struct assay_json *row = assay_json_new_object();
    bool ok =
        row && assay_json_set(row, "index", assay_json_new_integer((int64_t)s)) &&
        assay_json_set(row, "item",
                       assay_json_new_text(results->item_ids[results->item_index[s]])) &&
        assay_json_set(row, "profile",
                       assay_json_new_text(results->profiles[results->profile_index[s]].name)) &&
        assay_json_set(row, "replicate", assay_json_new_integer(results->replicate[s])) &&
        assay_json_set(
            row, "verdict_was",
            assay_json_new_text(assay_verdict_name((enum assay_verdict)results->verdict[s]))) &&
        assay_json_set(row, "answer_was", assay_json_new_text(was_of(is))) &&
        assay_json_set(row, "verdict",
                       assay_json_new_text(assay_verdict_name((enum assay_verdict)is->verdict))) &&
        assay_json_set(row, "answer", assay_json_new_text(is->answer)) &&
        assay_json_set(row, "score_micro", assay_json_new_integer(is->score_micro));
    if (ok) return row;
    assay_json_destroy(row);
    return NULL;
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the grades");
}

static enum assay_status emit(const struct grading *grading, struct assay_error *err)
{
    const struct assay_results *results = grading->results;
    double all = (double)results->sample_count * ASSAY_SCORE_ONE;
    struct assay_json *object = assay_json_new_object(), *rows = assay_json_new_array();
    bool ok = object && rows;
    for (uint64_t s = 0; ok && s < results->sample_count; s++) {
        if (is_changed(grading, s)) ok = assay_json_add(rows, row_json(grading, s));
    }
    ok =
        ok && assay_json_set(object, "results", assay_json_new_text(results->path)) &&
        assay_json_set(object, "samples", assay_json_new_integer((int64_t)results->sample_count)) &&
        assay_json_set(object, "changed", assay_json_new_integer((int64_t)grading->changed)) &&
        assay_json_set(object, "score_was",
                       assay_json_new_real((double)grading->was_micro / all)) &&
        assay_json_set(object, "score", assay_json_new_real((double)grading->is_micro / all));
    for (unsigned was = 0; ok && was < VERDICTS; was++) {
        struct assay_json *row = assay_json_new_object();
        for (unsigned is = 0; row && is < VERDICTS; is++) {
            ok = assay_json_set(row, assay_verdict_name((enum assay_verdict)is),
                                assay_json_new_integer((int64_t)grading->table[was][is])) &&
                 ok;
        }
        char name[24];
        snprintf(name, sizeof name, "was_%s", assay_verdict_name((enum assay_verdict)was));
        ok = assay_json_set(object, name, row) && ok;
    }
    ok = assay_json_set(object, "changes", rows) && ok;
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return no_memory(err);
}

/* JSON lines, one for each sample. */
static enum assay_status write_all(const struct grading *grading, const char *path,
                                   struct assay_error *err)
{
    struct assay_bytes text = {0};
    enum assay_status status = ASSAY_OK;
    for (uint64_t s = 0; s < grading->results->sample_count && !status; s++) {
        struct assay_json *row = row_json(grading, s);
        status = row ? assay_json_write(row, true, &text, err) : no_memory(err);
        if (!status) status = assay_bytes_append(&text, "\n", 1, err);
        assay_json_destroy(row);
    }
    if (!status) status = assay_file_write(path, text.data, text.size, err);
    assay_bytes_fini(&text);
    return status;
}

/* --- the command */

static void close_grading(struct grading *grading, struct assay_results *results)
{
    for (uint64_t s = 0; grading->regrades && s < results->sample_count; s++) {
        free(grading->regrades[s].answer);
        free(grading->regrades[s].was);
    }
    free(grading->regrades);
    free(grading->items);
    assay_benchmark_close(grading->benchmark);
    assay_spec_destroy(grading->spec);
    assay_results_close(results);
}

static enum assay_status grade(struct grading *grading, const struct assay_args *args,
                               struct assay_error *err)
{
    enum assay_status status = regrade_all(grading, err);
    if (!status && args->output) status = write_all(grading, args->output, err);
    if (status) return status;
    if (args->json) return emit(grading, err);
    print(grading, args->quiet);
    return ASSAY_OK;
}

static enum assay_status cmd_grade(const struct assay_args *args, struct assay_error *err)
{
    struct assay_results *results = NULL;
    struct assay_rule rule;
    struct grading grading = {.spec = NULL};
    if (args->output && strcmp(args->output, args->operands[0]) == 0) {
        return assay_fail(err, ASSAY_EUSAGE, "--output is RESULTS itself, which is never changed");
    }
    enum assay_status status =
        assay_results_open_clear(&results, args->operands[0], args->data, err);
    if (status) return status;
    grading.results = results;
    status = open_rules(&grading, args, &rule, err);
    if (!status) status = match_items(&grading, err);
    if (!status && args->export) {
        const struct assay_export export = {results, grading.spec, grading.benchmark,
                                            grading.items};
        status = assay_export_lm_eval(&export, args->export, err);
    } else if (!status) {
        status = grade(&grading, args, err);
    }
    close_grading(&grading, results);
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
    "from which to which. Of an encrypted benchmark outputs are read with --data alone; what is\n"
    "then printed and exported is in clear.\n\n"
    "  assay grade gsm8k.h5 --extract '(-?[0-9]+)\\D*$' --scorer number\n"
    "  assay grade gsm8k.h5 --benchmark gsm8k-strict.yaml --json | jq .score\n"
    "  assay grade hellaswag.h5 --export samples_hellaswag.jsonl\n",
    options,
    cmd_grade};
