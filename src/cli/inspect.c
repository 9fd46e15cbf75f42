/* assay inspect BENCHMARK|SPEC: an item's prompt as it is sent, its tokens, the order of its
 * options, its examples, and the rules that find the answer. */
#include "cli/inspect.h"

#include "assay/benchmark.h"
#include "assay/model.h"
#include "assay/run.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/report.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is looked at; the model is NULL unless one was named. */
struct view {
    struct assay_spec *spec;
    struct assay_benchmark *benchmark;
    struct assay_model *model;
    struct assay_bytes prompt, tokens; /* of the item being shown */
};

bool assay_inspect_is_benchmark(const char *path)
{
    const char *end = strrchr(path, '.');
    return end && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

/* A definition's first key is "benchmark". */
static enum assay_status is_definition(const char *path, bool *out, struct assay_error *err)
{
    struct assay_bytes text = {0};
    enum assay_status status = assay_file_read(path, ASSAY_SPEC_BYTES_MAX, &text, err);
    const char *line = text.data ? (const char *)text.data : "";
    while (!status && (*line == '#' || *line == '\n' || *line == '-')) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    *out = strncmp(line, "benchmark", 9) == 0;
    assay_bytes_fini(&text);
    return status;
}

static enum assay_status open_view(struct view *view, const struct assay_args *args,
                                   struct assay_error *err)
{
    const char *path = args->operands[0], *store = getenv("ASSAY_MODEL_DIR");
    bool definition = false;
    enum assay_status status = is_definition(path, &definition, err);
    if (status) return status;
    if (definition) {
        status = assay_spec_open_definition(&view->spec, path, store, err);
    } else {
        status = assay_spec_open(&view->spec, path, err);
        if (!status) status = assay_spec_resolve_benchmark(view->spec, path, store, err);
    }
    if (!status) status = assay_benchmark_open(&view->benchmark, view->spec, err);
    if (!status && args->model) status = assay_model_open(&view->model, args->model, err);
    return status;
}

static void close_view(struct view *view)
{
    assay_bytes_fini(&view->prompt);
    assay_bytes_fini(&view->tokens);
    assay_model_close(view->model);
    assay_benchmark_close(view->benchmark);
    assay_spec_destroy(view->spec);
}

/* By id, or by position from 0. */
static enum assay_status find_item(const struct view *view, const char *which, uint32_t *out,
                                   struct assay_error *err)
{
    uint32_t count = assay_benchmark_count(view->benchmark);
    uint64_t position = 0;
    if (!which) which = "0";
    for (uint32_t i = 0; i < count; i++) {
        *out = i;
        if (strcmp(assay_benchmark_item(view->benchmark, i)->id, which) == 0) return ASSAY_OK;
    }
    if (assay_text_unsigned(which, UINT32_MAX, &position) && position < count) {
        *out = (uint32_t)position;
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_ENOTFOUND,
                      "%s: no item \"%.80s\"; there are %u, and positions count from 0",
                      view->spec->data.file, which, count);
}

/* What the model would be told, message by message. */
static enum assay_status render_plainly(struct view *view, uint32_t item, struct assay_error *err)
{
    struct assay_bytes opening = {0};
    struct assay_chat_turn turns[64];
    size_t count;
    enum assay_status status =
        assay_benchmark_turns(view->benchmark, item, &opening, turns, &count, err);
    for (size_t i = 0; i < count && !status; i++) {
        status =
            assay_bytes_format(&view->prompt, err, "[user]\n%s\n[assistant]\n%s\n%s", turns[i].user,
                               turns[i].assistant, i + 1 == count ? "[user]\n" : "");
    }
    if (!status) status = assay_benchmark_prompt(view->benchmark, item, &view->prompt, err);
    assay_bytes_fini(&opening);
    return status;
}

/* The prompt: with a model as it is sent, without one its messages. */
static enum assay_status render(struct view *view, uint32_t item, struct assay_error *err)
{
    bool chat = view->spec->chat != ASSAY_CHAT_NONE;
    assay_bytes_clear(&view->prompt);
    assay_bytes_clear(&view->tokens);
    if (!view->model) return render_plainly(view, item, err);
    enum assay_status status =
        assay_job_render(view->spec, view->benchmark, view->model, item, &view->prompt, err);
    if (status) return status;
    return assay_tokenizer_encode_prompt(assay_model_tokenizer(view->model),
                                         (const char *)view->prompt.data, view->prompt.size, chat,
                                         &view->tokens, err);
}

static size_t token_count(const struct view *view)
{
    return view->tokens.size / sizeof(uint32_t);
}

/* Shortest, longest and all of the benchmark's prompts, in tokens. */
struct lengths {
    size_t least, most;
    uint64_t all;
};

static enum assay_status measure(struct view *view, struct lengths *out, struct assay_error *err)
{
    uint32_t count = assay_benchmark_count(view->benchmark);
    enum assay_status status = ASSAY_OK;
    *out = (struct lengths){.least = SIZE_MAX};
    for (uint32_t i = 0; i < count && !status; i++) {
        status = render(view, i, err);
        size_t tokens = token_count(view);
        if (tokens < out->least) out->least = tokens;
        if (tokens > out->most) out->most = tokens;
        out->all += tokens;
    }
    return status;
}

/* --- as text --- */

static void print_line(const char *label, const char *text)
{
    if (text && text[0]) printf("%-11s %s\n", label, text);
}

static void print_head(const struct view *view)
{
    const struct assay_spec *spec = view->spec;
    const struct assay_definition *d = &spec->definition;
    char quoted[200];
    print_line("benchmark", d->name ? d->name : spec->benchmark.path);
    print_line("version", d->version);
    print_line("about", d->description);
    print_line("kind", assay_kind_name(d->kind));
    print_line("licence", d->licence);
    print_line("source", d->source);
    print_line("canary", d->canary);
    printf("%-11s %s, %u items in %u strata\n", "data", spec->data.file,
           assay_benchmark_count(view->benchmark), assay_benchmark_stratum_count(view->benchmark));
    print_line("overridden", spec->overrides);
    for (size_t i = 0; i < spec->rule_count && d->kind != ASSAY_KIND_CODE; i++) {
        printf("%-11s %s, %s match: %s\n", i ? "flexible" : "strict", spec->rules[i].name,
               spec->rules[i].take == ASSAY_TAKE_LAST ? "last" : "first", spec->rules[i].pattern);
    }
    print_line("compared as", assay_scorer_name(spec->scorer));
    for (size_t i = 0; i < spec->stop_count; i++) {
        print_line(i ? "" : "stop",
                   assay_text_quote(quoted, sizeof quoted, spec->stops[i], strlen(spec->stops[i])));
    }
    printf("%-11s %u\n", "max_tokens", spec->max_tokens);
}

static void print_item(const struct view *view, uint32_t index)
{
    const struct assay_item *item = assay_benchmark_item(view->benchmark, index);
    const char *ids[64];
    size_t examples = assay_benchmark_examples(view->benchmark, index, ids);
    printf("\n%-11s %s, line %u of the data", "item", item->id, item->line);
    if (view->model) printf(", %zu tokens", token_count(view));
    printf("\n");
    print_line("topic", item->topic);
    print_line("stratum", item->stratum);
    print_line("cluster", item->cluster);
    for (size_t i = 0; i < item->accept_count; i++) {
        print_line(i ? "" : "accepted", item->accept[i]);
    }
    for (uint32_t place = 0; place < item->choice_count; place++) {
        uint32_t choice = item->order[place];
        printf("%-11s %c = choice %u%s: %s\n", place ? "" : "options", 'A' + (int)place, choice,
               choice == item->gold ? " (right)" : "", item->choices[choice]);
    }
    for (size_t i = 0; i < examples; i++) print_line(i ? "" : "examples", ids[i]);
    printf("%-11s ──\n%s\n──\n", "prompt", (const char *)view->prompt.data);
}

/* --- as JSON --- */

static bool set_text(struct assay_json *object, const char *name, const char *text)
{
    return assay_json_set(object, name, text ? assay_json_new_text(text) : assay_json_new_null());
}

static bool set_integer(struct assay_json *object, const char *name, uint64_t value)
{
    return assay_json_set(object, name, assay_json_new_integer((int64_t)value));
}

static struct assay_json *item_json(const struct view *view, uint32_t index)
{
    const struct assay_item *item = assay_benchmark_item(view->benchmark, index);
    struct assay_json *object = assay_json_new_object(), *accept = assay_json_new_array();
    struct assay_json *order = assay_json_new_array(), *examples = assay_json_new_array();
    const char *ids[64];
    size_t count = assay_benchmark_examples(view->benchmark, index, ids);
    for (size_t i = 0; i < count; i++) assay_json_add(examples, assay_json_new_text(ids[i]));
    for (size_t i = 0; i < item->accept_count; i++) {
        assay_json_add(accept, assay_json_new_text(item->accept[i]));
    }
    for (uint32_t i = 0; i < item->choice_count; i++) {
        assay_json_add(order, assay_json_new_integer(item->order[i]));
    }
    set_text(object, "id", item->id);
    set_integer(object, "line", item->line);
    set_text(object, "topic", item->topic);
    set_text(object, "stratum", item->stratum);
    set_text(object, "cluster", item->cluster);
    assay_json_set(object, "accept", accept);
    assay_json_set(object, "option_order", order);
    assay_json_set(object, "gold",
                   item->choice_count ? assay_json_new_integer(item->gold) : assay_json_new_null());
    assay_json_set(object, "examples", examples);
    set_text(object, "prompt", (const char *)view->prompt.data);
    assay_json_set(object, "prompt_tokens",
                   view->model ? assay_json_new_integer((int64_t)token_count(view))
                               : assay_json_new_null());
    return object;
}

static struct assay_json *rules_json(const struct assay_spec *spec)
{
    struct assay_json *list = assay_json_new_array();
    for (size_t i = 0; i < spec->rule_count; i++) {
        struct assay_json *rule = assay_json_new_object();
        set_text(rule, "name", spec->rules[i].name);
        set_text(rule, "pattern", spec->rules[i].pattern);
        set_text(rule, "take", spec->rules[i].take == ASSAY_TAKE_LAST ? "last" : "first");
        assay_json_add(list, rule);
    }
    return list;
}

static enum assay_status emit(const struct view *view, uint32_t index,
                              const struct lengths *lengths, struct assay_error *err)
{
    const struct assay_spec *spec = view->spec;
    char hex[ASSAY_DIGEST_HEX];
    struct assay_json *object = assay_json_new_object();
    set_text(object, "benchmark", spec->definition.name);
    set_text(object, "kind", assay_kind_name(spec->definition.kind));
    set_text(object, "data", spec->data.file);
    set_text(object, "data_sha256", assay_digest_hex(&spec->data.sha256, hex));
    set_integer(object, "items", assay_benchmark_count(view->benchmark));
    set_text(object, "scorer", assay_scorer_name(spec->scorer));
    set_text(object, "overridden", spec->overrides);
    assay_json_set(object, "rules", rules_json(spec));
    set_integer(object, "max_tokens", spec->max_tokens);
    if (view->model) {
        set_integer(object, "prompt_tokens_least", lengths->least);
        set_integer(object, "prompt_tokens_most", lengths->most);
        set_integer(object, "prompt_tokens_all", lengths->all);
    }
    if (assay_json_set(object, "item", item_json(view, index))) {
        return assay_report_emit(object, err);
    }
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the description");
}

enum assay_status assay_inspect_benchmark(const struct assay_args *args, struct assay_error *err)
{
    struct view view = {0};
    struct lengths lengths = {0};
    uint32_t index = 0;
    enum assay_status status = open_view(&view, args, err);
    if (!status) status = find_item(&view, args->item, &index, err);
    if (!status && view.model) status = measure(&view, &lengths, err);
    if (!status) status = render(&view, index, err);
    if (!status && args->json) {
        status = emit(&view, index, &lengths, err);
    } else if (!status) {
        print_head(&view);
        if (view.model) {
            printf("%-11s %zu to %zu tokens, %" PRIu64 " in all\n", "prompts", lengths.least,
                   lengths.most, lengths.all);
        }
        print_item(&view, index);
    }
    close_view(&view);
    return status;
}
