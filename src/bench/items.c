/* Items: the rows of a data file to a checked table. */
#include "bench/benchmark.h"

#include "base/file.h"
#include "base/regex.h"
#include "bench/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the benchmark's items");
}

static enum assay_status grow(struct assay_bench_table *table, struct assay_error *err)
{
    if (table->count < table->capacity) return ASSAY_OK;
    if (table->count >= ASSAY_BENCHMARK_ITEMS_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "there are more than %d items",
                          ASSAY_BENCHMARK_ITEMS_MAX);
    }
    size_t capacity = table->capacity ? 2 * table->capacity : 64;
    size_t bytes;
    if (!assay_multiply(capacity, sizeof *table->items, &bytes)) return out_of_memory(err);
    struct assay_bench_item *items = realloc(table->items, bytes);
    if (!items) return out_of_memory(err);
    table->items = items;
    table->capacity = capacity;
    return ASSAY_OK;
}

struct reading {
    struct assay_benchmark *benchmark;
    struct assay_bench_table *table;
};

static enum assay_status read_row(void *context, const struct assay_json *row, size_t line,
                                  struct assay_error *err)
{
    const struct reading *reading = context;
    struct assay_bench_table *table = reading->table;
    enum assay_status status = grow(table, err);
    if (status) return status;
    struct assay_bench_item *item = &table->items[table->count];
    *item = (struct assay_bench_item){0};
    status = assay_item_read(reading->benchmark, row, line, table->count, item, err);
    if (!status) table->count++;
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    const struct assay_item *x = *(const struct assay_item *const *)a;
    const struct assay_item *y = *(const struct assay_item *const *)b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

/* Ids name samples for ever, so two items may not share one. */
static enum assay_status check_unique(const struct assay_bench_table *table, const char *name,
                                      struct assay_error *err)
{
    const struct assay_item **items = calloc(table->count, sizeof *items);
    if (!items) return out_of_memory(err);
    for (size_t i = 0; i < table->count; i++) items[i] = &table->items[i].public;
    qsort(items, table->count, sizeof *items, compare_ids);
    enum assay_status status = ASSAY_OK;
    for (size_t i = 1; i < table->count && !status; i++) {
        if (strcmp(items[i - 1]->id, items[i]->id) == 0) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "%s:%u: two items have the id \"%s\"; the first is on line %u",
                                name, items[i]->line, items[i]->id, items[i - 1]->line);
        }
    }
    free(items);
    return status;
}

static enum assay_status read_table(struct assay_benchmark *benchmark,
                                    struct assay_bench_table *table, const char *name,
                                    const char *text, size_t size, struct assay_error *err)
{
    const struct assay_definition *definition = &benchmark->spec->definition;
    struct reading reading = {benchmark, table};
    const struct assay_data data = {.name = name,
                                    .text = text,
                                    .size = size,
                                    .format = definition->format,
                                    .columns = definition->columns,
                                    .column_count = definition->column_count};
    enum assay_status status = assay_data_each(&data, read_row, &reading, err);
    if (status) return status;
    if (table->count == 0) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: there is no item in it", name);
    }
    return check_unique(table, name, err);
}

/* --- examples --- */

/* Sorted as a list of (topic, index), so that a topic's examples keep the order of the file. */
struct topic {
    const char *name;
    uint32_t index;
};

static int compare_topics(const void *a, const void *b)
{
    const struct topic *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static enum assay_status sort_topics(struct assay_benchmark *benchmark,
                                     struct assay_bench_table *table, struct assay_error *err)
{
    struct topic *topics = calloc(table->count, sizeof *topics);
    uint32_t *by_topic = assay_arena_take(&benchmark->arena, table->count, sizeof *by_topic);
    if (topics && by_topic) {
        for (uint32_t i = 0; i < table->count; i++) {
            topics[i] = (struct topic){table->items[i].public.topic, i};
        }
        qsort(topics, table->count, sizeof *topics, compare_topics);
        for (uint32_t i = 0; i < table->count; i++) by_topic[i] = topics[i].index;
        table->by_topic = by_topic;
    }
    free(topics);
    return table->by_topic ? ASSAY_OK : out_of_memory(err);
}

/* The examples' strata are none of the benchmark's. */
static enum assay_status read_examples(struct assay_benchmark *benchmark, struct assay_error *err)
{
    const struct assay_spec *spec = benchmark->spec;
    struct assay_bench_table *table = &benchmark->all;
    uint32_t strata = benchmark->stratum_count;
    enum assay_status status = ASSAY_OK;
    if (spec->definition.example_count == 0) return ASSAY_OK;
    if (spec->examples.path) {
        struct assay_bytes text = {0};
        table = &benchmark->examples;
        status = assay_file_read(spec->examples.file, ASSAY_BENCHMARK_BYTES_MAX, &text, err);
        if (!status) {
            status = read_table(benchmark, table, spec->examples.file,
                                text.data ? (const char *)text.data : "", text.size, err);
        }
        assay_bytes_fini(&text);
        benchmark->stratum_count = strata;
    }
    if (!status && spec->definition.example_same == ASSAY_SAME_TOPIC) {
        status = sort_topics(benchmark, table, err);
    }
    return status;
}

/* --- what a refusal may quote of an encrypted benchmark --- */

/* Whether the definition, which is public, has these words; or they are an item's id. */
static bool is_public(const struct assay_spec *spec, const char *text, const char *from,
                      size_t size)
{
    static const char item[] = "item \"";
    const size_t before = sizeof item - 1;
    if (size == 0) return false;
    if ((size_t)(from - text) >= before && memcmp(from - before, item, before) == 0) return true;
    for (const char *at = spec->definition.text; (at = strchr(at, *from)); at++) {
        if (strncmp(at, from, size) == 0) return true;
    }
    return false;
}

/* From the first quotation that is not of the definition up to the last: a quotation may itself
 * hold quotation marks. And what the JSON reader found. */
static void hide_quotations(const struct assay_spec *spec, struct assay_error *err)
{
    char *text = err->text, *near = strstr(text, " near '");
    if (near) *near = '\0';
    for (char *open = strchr(text, '"'); open; open = strchr(open, '"')) {
        char *close = strchr(open + 1, '"'), *last = strrchr(text, '"');
        if (!close) last = open + strlen(open); /* cut short */
        if (close && is_public(spec, text, open + 1, (size_t)(close - open - 1))) {
            open = close + 1;
            continue;
        }
        static const char hidden[] = "(not shown: encrypted)";
        char rest[sizeof err->text];
        snprintf(rest, sizeof rest, "%s", *last ? last + 1 : "");
        snprintf(open, sizeof err->text - (size_t)(open - text), "%s%s", hidden, rest);
        break;
    }
}

/* --- a benchmark --- */

static enum assay_status compile(struct assay_benchmark *benchmark, struct assay_error *err)
{
    const struct assay_spec *spec = benchmark->spec;
    const char *pattern = spec->definition.fields.answer_pattern;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < spec->rule_count && !status; i++) {
        status = assay_regex_create(&benchmark->rules[i], spec->rules[i].pattern, err);
    }
    if (!status && pattern) status = assay_regex_create(&benchmark->answer_pattern, pattern, err);
    return status;
}

enum assay_status assay_benchmark_parse(struct assay_benchmark **out, const char *name,
                                        const char *text, size_t size,
                                        const struct assay_spec *spec, struct assay_error *err)
{
    struct assay_benchmark *benchmark = calloc(1, sizeof *benchmark);
    if (!benchmark) return out_of_memory(err);
    benchmark->spec = spec;
    benchmark->strata =
        assay_arena_take(&benchmark->arena, ASSAY_STRATA_MAX, sizeof *benchmark->strata);
    enum assay_status status = benchmark->strata ? ASSAY_OK : out_of_memory(err);
    if (!status) status = compile(benchmark, err);
    if (!status) status = read_table(benchmark, &benchmark->all, name, text, size, err);
    if (!status) status = read_examples(benchmark, err);
    benchmark->items = benchmark->all;
    if (status && err && spec->definition.encrypted) hide_quotations(spec, err);
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
    const char *path = spec->data.file;
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
    struct assay_bench_item *kept = assay_arena_take(&benchmark->arena, count, sizeof *kept);
    uint32_t strata = 0;
    if (!names || !renamed || !kept) return out_of_memory(err);
    if (count > 0 && positions[count - 1] >= benchmark->items.count) {
        return assay_fail(err, ASSAY_EVALUE, "item %u is wanted, the benchmark has %zu",
                          positions[count - 1], benchmark->items.count);
    }
    for (size_t i = 0; i < count; i++) {
        struct assay_bench_item *item = &kept[i];
        *item = benchmark->items.items[positions[i]];
        if (renamed[item->stratum] == 0) {
            names[strata] = benchmark->strata[item->stratum];
            renamed[item->stratum] = ++strata;
        }
        item->stratum = renamed[item->stratum] - 1;
    }
    benchmark->items = (struct assay_bench_table){.items = kept, .count = count};
    benchmark->strata = names;
    benchmark->stratum_count = strata;
    return ASSAY_OK;
}

void assay_benchmark_close(struct assay_benchmark *benchmark)
{
    if (!benchmark) return;
    for (size_t i = 0; i < ASSAY_SPEC_RULES_MAX; i++) assay_regex_destroy(benchmark->rules[i]);
    assay_regex_destroy(benchmark->answer_pattern);
    free(benchmark->all.items);
    free(benchmark->examples.items);
    assay_arena_fini(&benchmark->arena);
    free(benchmark);
}

uint32_t assay_benchmark_count(const struct assay_benchmark *benchmark)
{
    return (uint32_t)benchmark->items.count;
}

const struct assay_item *assay_benchmark_item(const struct assay_benchmark *benchmark,
                                              uint32_t index)
{
    return &benchmark->items.items[index].public;
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
    return benchmark->items.items[item].stratum;
}
