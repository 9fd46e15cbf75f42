/* Items: JSON lines to a checked table. */
#include "bench/benchmark.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/regex.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static bool is_id(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length <= ASSAY_RECORD_NAME_BYTES_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-") ==
               length;
}

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the benchmark's items");
}

/* An optional text field, `absent` where it is not there. */
static enum assay_status read_text(struct assay_benchmark *benchmark, const struct assay_json *item,
                                   const char *name, const char *absent, const char **out,
                                   struct assay_error *err)
{
    const struct assay_json *value = assay_json_member(item, name);
    const char *text = value ? assay_json_text(value) : absent;
    if (!text && value) {
        return assay_fail(err, ASSAY_EFORMAT, "field \"%s\" must be a text, not %s", name,
                          assay_json_type_name(assay_json_type(value)));
    }
    if (!text) return assay_fail(err, ASSAY_EFORMAT, "the item has no field \"%s\"", name);
    *out = assay_arena_text(&benchmark->arena, text, strlen(text));
    return *out ? ASSAY_OK : out_of_memory(err);
}

static enum assay_status read_answer(struct assay_benchmark *benchmark,
                                     const struct assay_json *value, const char **out,
                                     struct assay_error *err)
{
    struct assay_bytes normal = {0};
    const char *text = assay_json_text(value);
    if (!text) {
        return assay_fail(err, ASSAY_EFORMAT, "an accepted answer must be a text, not %s",
                          assay_json_type_name(assay_json_type(value)));
    }
    enum assay_status status = assay_answer_normalise(text, strlen(text), &normal, err);
    if (!status && normal.size == 0) {
        char quoted[80];
        status = assay_fail(err, ASSAY_EFORMAT, "the accepted answer %s is empty once normalised",
                            assay_text_quote(quoted, sizeof quoted, text, strlen(text)));
    }
    if (!status) {
        *out = assay_arena_text(&benchmark->arena, (const char *)normal.data, normal.size);
        if (!*out) status = out_of_memory(err);
    }
    assay_bytes_fini(&normal);
    return status;
}

/* "accept": a list of texts; or "answer": one text. */
static enum assay_status read_accept(struct assay_benchmark *benchmark,
                                     const struct assay_json *item, struct assay_item *out,
                                     struct assay_error *err)
{
    const struct assay_json *list = assay_json_member(item, "accept");
    const struct assay_json *one = list ? NULL : assay_json_member(item, "answer");
    if (!list && !one) {
        return assay_fail(err, ASSAY_EFORMAT, "the item has no field \"accept\" (or \"answer\")");
    }
    if (list && assay_json_type(list) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "field \"accept\" must be a list of texts, not %s",
                          assay_json_type_name(assay_json_type(list)));
    }
    size_t count = list ? assay_json_count(list) : 1;
    if (count == 0 || count > ASSAY_ITEM_ACCEPT_MAX) {
        return assay_fail(err, ASSAY_EVALUE,
                          "field \"accept\" has %zu answers: 1 to %d are allowed", count,
                          ASSAY_ITEM_ACCEPT_MAX);
    }
    const char **accept = assay_arena_take(&benchmark->arena, count, sizeof *accept);
    if (!accept) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct assay_json *value = list ? assay_json_element(list, i) : one;
        enum assay_status status = read_answer(benchmark, value, &accept[i], err);
        if (status) return status;
    }
    out->accept = accept;
    out->accept_count = count;
    return ASSAY_OK;
}

/* The stratum's index, made on first appearance. */
static enum assay_status find_stratum(struct assay_benchmark *benchmark, const char *name,
                                      uint32_t *out, struct assay_error *err)
{
    for (uint32_t i = 0; i < benchmark->stratum_count; i++) {
        if (strcmp(benchmark->strata[i], name) == 0) {
            *out = i;
            return ASSAY_OK;
        }
    }
    if (benchmark->stratum_count == ASSAY_STRATA_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "stratum \"%.40s\" is one more than %d", name,
                          ASSAY_STRATA_MAX);
    }
    benchmark->strata[benchmark->stratum_count] = name;
    *out = benchmark->stratum_count++;
    return ASSAY_OK;
}

static enum assay_status check_id(const char *id, struct assay_error *err)
{
    char quoted[80];
    if (!is_id(id)) {
        return assay_fail(
            err, ASSAY_EVALUE, "id %s: 1 to %d letters, digits and . _ / - are allowed",
            assay_text_quote(quoted, sizeof quoted, id, strlen(id)), ASSAY_RECORD_NAME_BYTES_MAX);
    }
    return ASSAY_OK;
}

static enum assay_status read_item(struct assay_benchmark *benchmark, const struct assay_json *json,
                                   const struct assay_spec *spec, struct assay_bench_item *out,
                                   struct assay_error *err)
{
    struct assay_bytes prompt = {0};
    struct assay_item *item = &out->public;
    if (assay_json_type(json) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "an item must be an object, not %s",
                          assay_json_type_name(assay_json_type(json)));
    }
    enum assay_status status = read_text(benchmark, json, "id", NULL, &item->id, err);
    if (!status) status = check_id(item->id, err);
    if (status) return status;
    status = read_text(benchmark, json, "topic", "", &item->topic, err);
    if (!status) status = read_text(benchmark, json, "stratum", "all", &item->stratum, err);
    if (!status) status = find_stratum(benchmark, item->stratum, &out->stratum, err);
    if (!status) status = read_accept(benchmark, json, item, err);
    if (!status) status = assay_prompt_fill(spec->prompt, json, &prompt, err);
    if (!status) {
        out->prompt = assay_arena_text(&benchmark->arena, (const char *)prompt.data, prompt.size);
        if (!out->prompt) status = out_of_memory(err);
    }
    assay_bytes_fini(&prompt);
    return assay_while(err, status, "item \"%s\"", item->id);
}

static enum assay_status grow(struct assay_benchmark *benchmark, struct assay_error *err)
{
    if (benchmark->item_count < benchmark->item_capacity) return ASSAY_OK;
    if (benchmark->item_count >= ASSAY_BENCHMARK_ITEMS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "there are more than %d items",
                          ASSAY_BENCHMARK_ITEMS_MAX);
    }
    size_t capacity = benchmark->item_capacity ? 2 * benchmark->item_capacity : 64;
    size_t bytes;
    if (!assay_multiply(capacity, sizeof *benchmark->items, &bytes)) return out_of_memory(err);
    struct assay_bench_item *items = realloc(benchmark->items, bytes);
    if (!items) return out_of_memory(err);
    benchmark->items = items;
    benchmark->item_capacity = capacity;
    return ASSAY_OK;
}

static enum assay_status parse_line(struct assay_benchmark *benchmark, const char *line,
                                    size_t size, const struct assay_spec *spec,
                                    struct assay_error *err)
{
    struct assay_json *json = NULL;
    if (size > ASSAY_ITEM_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "the line has %zu bytes: at most %d are allowed", size,
                          ASSAY_ITEM_BYTES_MAX);
    }
    enum assay_status status = grow(benchmark, err);
    if (!status) status = assay_json_parse(&json, line, size, err);
    if (status) return status;
    struct assay_bench_item *item = &benchmark->items[benchmark->item_count];
    *item = (struct assay_bench_item){0};
    status = read_item(benchmark, json, spec, item, err);
    if (!status) {
        item->public.position = (uint32_t)benchmark->item_count++;
    }
    assay_json_destroy(json);
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ids name samples for ever, so two items may not share one. */
static enum assay_status check_unique(const struct assay_benchmark *benchmark,
                                      struct assay_error *err)
{
    const char **ids = calloc(benchmark->item_count, sizeof *ids);
    if (!ids) return out_of_memory(err);
    for (size_t i = 0; i < benchmark->item_count; i++) ids[i] = benchmark->items[i].public.id;
    qsort(ids, benchmark->item_count, sizeof *ids, compare_ids);
    enum assay_status status = ASSAY_OK;
    for (size_t i = 1; i < benchmark->item_count && !status; i++) {
        if (strcmp(ids[i - 1], ids[i]) == 0) {
            status = assay_fail(err, ASSAY_EFORMAT, "two items have the id \"%s\"", ids[i]);
        }
    }
    free(ids);
    return status;
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && (*line == ' ' || *line == '\t' || *line == '\r')) {
        line++;
        size--;
    }
    return size == 0;
}

static enum assay_status parse_lines(struct assay_benchmark *benchmark, const char *name,
                                     const char *text, size_t size, const struct assay_spec *spec,
                                     struct assay_error *err)
{
    size_t line_number = 1;
    for (size_t at = 0; at < size; line_number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (!is_blank(text + at, length)) {
            enum assay_status status = parse_line(benchmark, text + at, length, spec, err);
            if (status) return assay_while(err, status, "%s:%zu", name, line_number);
        }
        at += length + 1;
    }
    if (benchmark->item_count == 0) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: there is no item in it", name);
    }
    enum assay_status status = check_unique(benchmark, err);
    return assay_while(err, status, "%s", name);
}

enum assay_status assay_benchmark_parse(struct assay_benchmark **out, const char *name,
                                        const char *text, size_t size,
                                        const struct assay_spec *spec, struct assay_error *err)
{
    struct assay_benchmark *benchmark = calloc(1, sizeof *benchmark);
    if (!benchmark) return out_of_memory(err);
    benchmark->strata =
        assay_arena_take(&benchmark->arena, ASSAY_STRATA_MAX, sizeof *benchmark->strata);
    enum assay_status status = benchmark->strata ? ASSAY_OK : out_of_memory(err);
    if (!status) status = assay_regex_create(&benchmark->extract, spec->extract, err);
    if (!status) status = parse_lines(benchmark, name, text, size, spec, err);
    if (status) {
        assay_benchmark_close(benchmark);
        return status;
    }
    *out = benchmark;
    return ASSAY_OK;
}

enum assay_status assay_benchmark_open(struct assay_benchmark **out, const struct assay_spec *spec,
                                       struct assay_error *err)
{
    struct assay_bytes text = {0};
    const char *path = spec->benchmark.file;
    enum assay_status status = assay_file_read(path, ASSAY_BENCHMARK_BYTES_MAX, &text, err);
    if (!status) {
        const char *data = text.data ? (const char *)text.data : "";
        status = assay_benchmark_parse(out, path, data, text.size, spec, err);
    }
    assay_bytes_fini(&text);
    return status;
}

/* Strata are numbered anew, in the order of their first appearance among what was kept. */
enum assay_status assay_benchmark_select(struct assay_benchmark *benchmark,
                                         const uint32_t *positions, size_t count,
                                         struct assay_error *err)
{
    const char **names = assay_arena_take(&benchmark->arena, ASSAY_STRATA_MAX, sizeof *names);
    uint32_t *renamed = assay_arena_take(&benchmark->arena, ASSAY_STRATA_MAX, sizeof *renamed);
    uint32_t strata = 0;
    if (!names || !renamed) return out_of_memory(err);
    if (count > 0 && positions[count - 1] >= benchmark->item_count) {
        return assay_fail(err, ASSAY_EVALUE, "item %u is wanted, the benchmark has %zu",
                          positions[count - 1], benchmark->item_count);
    }
    for (size_t i = 0; i < count; i++) {
        struct assay_bench_item *item = &benchmark->items[i];
        *item = benchmark->items[positions[i]]; /* ascending: never one that was overwritten */
        if (renamed[item->stratum] == 0) {
            names[strata] = benchmark->strata[item->stratum];
            renamed[item->stratum] = ++strata;
        }
        item->stratum = renamed[item->stratum] - 1;
    }
    benchmark->item_count = count;
    benchmark->strata = names;
    benchmark->stratum_count = strata;
    return ASSAY_OK;
}

void assay_benchmark_close(struct assay_benchmark *benchmark)
{
    if (!benchmark) return;
    assay_regex_destroy(benchmark->extract);
    free(benchmark->items);
    assay_arena_fini(&benchmark->arena);
    free(benchmark);
}

uint32_t assay_benchmark_count(const struct assay_benchmark *benchmark)
{
    return (uint32_t)benchmark->item_count;
}

const struct assay_item *assay_benchmark_item(const struct assay_benchmark *benchmark,
                                              uint32_t index)
{
    return &benchmark->items[index].public;
}

uint32_t assay_benchmark_stratum_count(const struct assay_benchmark *benchmark)
{
    return benchmark->stratum_count;
}

const char *assay_benchmark_stratum(const struct assay_benchmark *benchmark, uint32_t stratum)
{
    return benchmark->strata[stratum];
}

uint32_t assay_benchmark_item_stratum(const struct assay_benchmark *benchmark, uint32_t item)
{
    return benchmark->items[item].stratum;
}

enum assay_status assay_benchmark_prompt(const struct assay_benchmark *benchmark, uint32_t item,
                                         struct assay_bytes *out, struct assay_error *err)
{
    const char *prompt = benchmark->items[item].prompt;
    return assay_bytes_append(out, prompt, strlen(prompt), err);
}
