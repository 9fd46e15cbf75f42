/* Prompts: templates with the item's fields filled in, solved examples in front. */
#include "bench/benchmark.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "spec/template.h"

#include <stdlib.h>
#include <string.h>

char assay_item_letter(const struct assay_item *item, uint32_t choice)
{
    for (uint32_t place = 0; place < item->choice_count; place++) {
        if (item->order[place] == choice) return (char)('A' + place);
    }
    return '?';
}

/* --- templates --- */

static enum assay_status append_options(const struct assay_item *item, struct assay_bytes *out,
                                        struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (uint32_t place = 0; place < item->choice_count && !status; place++) {
        status = assay_bytes_format(out, err, "%s%c. %s", place ? "\n" : "", 'A' + (int)place,
                                    item->choices[item->order[place]]);
    }
    return status;
}

/* A name that the item gives a meaning; *found is false for all others. */
static enum assay_status fill_role(const struct assay_fill *fill, const char *name, bool *found,
                                   struct assay_bytes *out, struct assay_error *err)
{
    const struct assay_item *item = fill->item;
    const char *text = NULL;
    *found = true;
    if (strcmp(name, "question") == 0 && fill->question) text = fill->question;
    if (item && item->choice_count > 0) {
        char letter[2] = {assay_item_letter(item, fill->choice)};
        if (strcmp(name, "options") == 0) return append_options(item, out, err);
        if (strcmp(name, "choice") == 0) text = item->choices[fill->choice];
        if (strcmp(name, "letter") == 0) return assay_bytes_append(out, letter, 1, err);
    }
    const struct {
        const char *name, *field, *value;
    } roles[] = {{"topic", fill->spec->definition.fields.topic, item ? item->topic : NULL},
                 {"stratum", fill->spec->definition.fields.stratum, item ? item->stratum : NULL}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0] && item; i++) {
        if (roles[i].field && strcmp(name, roles[i].name) == 0) text = roles[i].value;
    }
    if (text) return assay_bytes_append(out, text, strlen(text), err);
    *found = false;
    return ASSAY_OK;
}

static enum assay_status fill_name(const struct assay_fill *fill, const char *name,
                                   struct assay_bytes *out, struct assay_error *err)
{
    bool found;
    enum assay_status status = fill_role(fill, name, &found, out, err);
    if (status || found) return status;
    const char *field = fill->spec->definition.fields.answer;
    if (strcmp(name, "answer") == 0 && field) name = field;
    const struct assay_json *value = fill->row ? assay_field_find(fill->row, name) : NULL;
    if (value) return assay_field_append(value, name, out, err);
    if (strcmp(name, "answer") == 0 && fill->item && fill->item->accept_count > 0) {
        return assay_bytes_append(out, fill->item->accept[0], strlen(fill->item->accept[0]), err);
    }
    return assay_field_missing(fill->row, name, fill->key, err);
}

/* ASCII only: the sets that use them are English. */
static enum assay_status apply_filter(const char *filter, struct assay_bytes *out, size_t start,
                                      struct assay_error *err)
{
    if (strcmp(filter, "trim") == 0) {
        const char *text = (const char *)out->data + start;
        size_t size = out->size - start;
        assay_text_trim(&text, &size);
        memmove(out->data + start, text, size);
        out->size = start + size;
        out->data[out->size] = 0;
    } else if (strcmp(filter, "words") == 0) {
        for (size_t i = start; i < out->size; i++) {
            if (out->data[i] == '_') out->data[i] = ' ';
        }
    } else if (strcmp(filter, "capitalise") == 0) {
        for (size_t i = start; i < out->size; i++) {
            uint8_t byte = out->data[i];
            bool upper = byte >= 'A' && byte <= 'Z', lower = byte >= 'a' && byte <= 'z';
            if (i == start ? lower : upper) out->data[i] = byte ^ 0x20;
        }
    } else {
        return assay_fail(err, ASSAY_EFORMAT,
                          "the filter \"%s\" is none of trim, words, capitalise", filter);
    }
    return ASSAY_OK;
}

static enum assay_status fill_piece(const struct assay_fill *fill,
                                    const struct assay_template_piece *piece,
                                    struct assay_bytes *out, struct assay_error *err)
{
    char name[ASSAY_TEMPLATE_FIELD_BYTES_MAX + 1];
    size_t start = out->size;
    if (!piece->is_field) return assay_bytes_append(out, piece->text, piece->size, err);
    memcpy(name, piece->text, piece->size);
    name[piece->size] = 0;
    char *filter = strchr(name, ':');
    if (filter) *filter++ = 0;
    enum assay_status status = fill_name(fill, name, out, err);
    if (!status && filter) status = apply_filter(filter, out, start, err);
    return status;
}

enum assay_status assay_prompt_fill(const char *template, const struct assay_fill *fill,
                                    struct assay_bytes *out, struct assay_error *err)
{
    struct assay_template_piece piece;
    size_t position = 0;
    bool found = true;
    enum assay_status status = assay_bytes_append(out, "", 0, err);
    while (!status) {
        status = assay_template_next(template, &position, &found, &piece, err);
        if (status || !found) break;
        status = fill_piece(fill, &piece, out, err);
    }
    return status;
}

/* --- examples --- */

/* Where the candidates of an item lie: all, or those of its topic. */
struct pool {
    const struct assay_bench_table *table;
    size_t begin, end; /* of by_topic, if it is there */
};

static size_t bound(const struct assay_bench_table *table, const char *topic, bool upper)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->items[table->by_topic[middle]].public.topic, topic);
        if (order < 0 || (upper && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct pool find_pool(const struct assay_benchmark *benchmark, const struct assay_item *item)
{
    const struct assay_bench_table *table =
        benchmark->spec->examples.path ? &benchmark->examples : &benchmark->all;
    struct pool pool = {table, 0, table->count};
    if (!table->by_topic) return pool;
    pool.begin = bound(table, item->topic, false);
    pool.end = bound(table, item->topic, true);
    return pool;
}

/* The candidate that the j-th look for this item falls on: the first 8 bytes of a digest, reduced
 * to the pool (FORMAT.md 12). */
static size_t look(const struct assay_item *item, uint32_t j, size_t count)
{
    struct assay_sha256 state;
    uint8_t number[4];
    assay_put_le32(number, j);
    assay_sha256_init(&state);
    assay_sha256_text(&state, "assay/examples-1");
    assay_sha256_field(&state, item->id, strlen(item->id));
    assay_sha256_field(&state, number, sizeof number);
    struct assay_digest digest = assay_sha256_final(&state);
    return (size_t)(assay_get_le64(digest.bytes) % count);
}

/* The examples of an item, each once and never the item itself; fewer where there are fewer. */
static size_t choose(const struct assay_benchmark *benchmark, const struct assay_item *item,
                     const struct assay_bench_item *chosen[ASSAY_EXAMPLES_MAX])
{
    const struct assay_definition *definition = &benchmark->spec->definition;
    struct pool pool = find_pool(benchmark, item);
    size_t count = 0, size = pool.end - pool.begin;
    bool own = pool.table != &benchmark->examples;
    bool hash = definition->example_choose == ASSAY_CHOOSE_HASH;
    /* In a small pool the looks might not end; then the first ones that are left are taken. */
    for (size_t j = 0; size > 0 && count < definition->example_count && j < size + 4096; j++) {
        bool by_hash = hash && j < 4096;
        if (!hash && j >= size) break;
        size_t place = by_hash ? look(item, (uint32_t)j, size) : hash ? j - 4096 : j;
        size_t index = pool.begin + place;
        if (pool.table->by_topic) index = pool.table->by_topic[index];
        const struct assay_bench_item *candidate = &pool.table->items[index];
        bool taken = own && candidate->public.position == item->position;
        for (size_t i = 0; i < count && !taken; i++) taken = chosen[i] == candidate;
        if (!taken) chosen[count++] = candidate;
    }
    return count;
}

size_t assay_benchmark_examples(const struct assay_benchmark *benchmark, uint32_t item,
                                const char *ids[64])
{
    const struct assay_bench_item *chosen[ASSAY_EXAMPLES_MAX];
    size_t count = choose(benchmark, assay_benchmark_item(benchmark, item), chosen);
    for (size_t i = 0; i < count; i++) ids[i] = chosen[i]->public.id;
    return count;
}

static enum assay_status append_text(struct assay_bytes *out, const char *text,
                                     struct assay_error *err)
{
    return assay_bytes_append(out, text, strlen(text), err);
}

enum assay_status assay_benchmark_turns(const struct assay_benchmark *benchmark, uint32_t item,
                                        struct assay_bytes *opening, struct assay_chat_turn *turns,
                                        size_t *count, struct assay_error *err)
{
    const struct assay_bench_item *asked = &benchmark->items.items[item];
    const struct assay_bench_item *chosen[ASSAY_EXAMPLES_MAX];
    bool apart = benchmark->spec->definition.example_as == ASSAY_AS_TURNS;
    *count = apart ? choose(benchmark, &asked->public, chosen) : 0;
    for (size_t i = 0; i < *count; i++) {
        turns[i] = (struct assay_chat_turn){chosen[i]->question, chosen[i]->answer};
    }
    if (*count == 0) return ASSAY_OK;
    assay_bytes_clear(opening);
    enum assay_status status = append_text(opening, asked->opening, err);
    if (!status) status = append_text(opening, chosen[0]->question, err);
    if (!status) turns[0].user = (const char *)opening->data;
    return status;
}

enum assay_status assay_benchmark_prompt(const struct assay_benchmark *benchmark, uint32_t item,
                                         struct assay_bytes *out, struct assay_error *err)
{
    const struct assay_bench_item *asked = &benchmark->items.items[item];
    const struct assay_bench_item *chosen[ASSAY_EXAMPLES_MAX];
    bool apart = benchmark->spec->definition.example_as == ASSAY_AS_TURNS;
    size_t count = choose(benchmark, &asked->public, chosen);
    if (apart && count > 0) return append_text(out, asked->question, err);
    enum assay_status status = append_text(out, asked->opening, err);
    for (size_t i = 0; i < count && !status; i++) {
        status = append_text(out, chosen[i]->question, err);
        if (!status) status = append_text(out, chosen[i]->answer, err);
        if (!status) status = append_text(out, benchmark->spec->separator, err);
    }
    return status ? status : append_text(out, asked->question, err);
}

enum assay_status assay_benchmark_option(const struct assay_benchmark *benchmark, uint32_t item,
                                         uint32_t choice, struct assay_bytes *out,
                                         struct assay_error *err)
{
    const struct assay_fill fill = {.spec = benchmark->spec,
                                    .item = assay_benchmark_item(benchmark, item),
                                    .choice = choice,
                                    .key = "option"};
    return assay_prompt_fill(benchmark->spec->option, &fill, out, err);
}

enum assay_status assay_benchmark_program(const struct assay_benchmark *benchmark, uint32_t item,
                                          struct assay_span text, struct assay_bytes *out,
                                          size_t *test_at, struct assay_error *err)
{
    const struct assay_bench_item *asked = &benchmark->items.items[item];
    const char *test = asked->public.test, *entry = asked->public.entry_point;
    enum assay_status status = ASSAY_OK;
    /* A raw prompt is the beginning of the program; an instruction is none. */
    if (entry[0]) status = assay_bytes_append(out, asked->question, strlen(asked->question), err);
    if (!status) status = assay_bytes_append(out, text.data, text.size, err);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    if (status) return status;
    *test_at = out->size;
    status = assay_bytes_format(out, err, "%s\n", test);
    if (!status && entry[0]) status = assay_bytes_format(out, err, "check(%s)\n", entry);
    return status;
}
