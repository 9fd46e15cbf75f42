/* One row of the data → one checked item, its templates filled in. */
#include "bench/benchmark.h"

#include "base/json.h"
#include "base/regex.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A row being read, and a scratch for its texts. */
struct row {
    struct assay_benchmark *benchmark;
    const struct assay_definition *definition;
    const struct assay_json *json;
    struct assay_item *item;
    struct assay_bytes scratch;
};

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

/* What the scratch holds, to stay. */
static enum assay_status keep(struct row *row, const char **out, struct assay_error *err)
{
    const char *data = row->scratch.data ? (const char *)row->scratch.data : "";
    *out = assay_arena_text(&row->benchmark->arena, data, row->scratch.size);
    assay_bytes_clear(&row->scratch);
    return *out ? ASSAY_OK : out_of_memory(err);
}

static enum assay_status keep_text(struct row *row, const char *text, const char **out,
                                   struct assay_error *err)
{
    *out = assay_arena_text(&row->benchmark->arena, text, strlen(text));
    return *out ? ASSAY_OK : out_of_memory(err);
}

/* The field that the definition names under `key`; where it names none, the one called `usual`, or
 * `absent` where that is not there either. */
static enum assay_status read_text(struct row *row, const char *path, const char *key,
                                   const char *usual, const char *absent, const char **out,
                                   struct assay_error *err)
{
    const char *name = path ? path : usual;
    const struct assay_json *value = name ? assay_field_find(row->json, name) : NULL;
    if (!value && (path || !absent)) return assay_field_missing(row->json, name, key, err);
    if (!value) return keep_text(row, absent, out, err);
    if (!row->definition->text && !assay_json_text(value)) { /* JSON lines of our own */
        return assay_fail(err, ASSAY_EFORMAT, "field \"%s\" must be a text, not %s", name,
                          assay_json_type_name(assay_json_type(value)));
    }
    enum assay_status status = assay_field_append(value, name, &row->scratch, err);
    return status ? status : keep(row, out, err);
}

/* --- names --- */

static enum assay_status read_id(struct row *row, size_t position, struct assay_error *err)
{
    const struct assay_definition *definition = row->definition;
    char quoted[80];
    if (definition->text && !definition->fields.id) {
        enum assay_status status =
            assay_bytes_format(&row->scratch, err, "%s-%05zu", definition->name, position + 1);
        return status ? status : keep(row, &row->item->id, err);
    }
    enum assay_status status =
        read_text(row, definition->fields.id, "fields.id", "id", NULL, &row->item->id, err);
    if (status || is_id(row->item->id)) return status;
    return assay_fail(err, ASSAY_EVALUE, "id %s: 1 to %d letters, digits and . _ / - are allowed",
                      assay_text_quote(quoted, sizeof quoted, row->item->id, strlen(row->item->id)),
                      ASSAY_RECORD_NAME_BYTES_MAX);
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

static enum assay_status read_names(struct row *row, size_t position, uint32_t *stratum,
                                    struct assay_error *err)
{
    struct assay_item *item = row->item;
    const struct assay_definition *d = row->definition;
    const bool bare = d->text == NULL;
    enum assay_status status = read_id(row, position, err);
    if (status) return status;
    status = read_text(row, d->fields.topic, "fields.topic", bare ? "topic" : NULL, "",
                       &item->topic, err);
    if (!status) {
        status = read_text(row, d->fields.stratum, "fields.stratum", bare ? "stratum" : NULL, "all",
                           &item->stratum, err);
    }
    if (!status) {
        status = read_text(row, d->fields.cluster, "fields.cluster", NULL, "", &item->cluster, err);
    }
    if (!status) status = find_stratum(row->benchmark, item->stratum, stratum, err);
    return assay_while(err, status, "item \"%s\"", item->id);
}

/* --- options --- */

static enum assay_status read_choice(struct row *row, const struct assay_json *value,
                                     const char *path, const char **out, struct assay_error *err)
{
    enum assay_status status = assay_field_append(value, path, &row->scratch, err);
    if (!status && row->definition->clean == ASSAY_CLEAN_WIKIHOW) {
        status = assay_field_clean(&row->scratch, 0, err);
    }
    if (!status && row->scratch.size == 0) {
        status = assay_fail(err, ASSAY_EVALUE, "field \"%.80s\": an option is empty", path);
    }
    return status ? status : keep(row, out, err);
}

static enum assay_status read_choices(struct row *row, struct assay_error *err)
{
    const struct assay_definition *definition = row->definition;
    const char *const *paths = definition->fields.choices;
    const struct assay_json *list = assay_field_find(row->json, paths[0]);
    const bool one = definition->fields.choice_count == 1;
    if (!list) return assay_field_missing(row->json, paths[0], "fields.choices", err);
    if (one && assay_json_type(list) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "field \"%.80s\" must be a list of options, not %s",
                          paths[0], assay_json_type_name(assay_json_type(list)));
    }
    size_t count = one ? assay_json_count(list) : definition->fields.choice_count;
    if (count < 2 || count > ASSAY_ITEM_CHOICES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "field \"%.80s\" has %zu options: 2 to %d are allowed",
                          paths[0], count, ASSAY_ITEM_CHOICES_MAX);
    }
    const char **choices = assay_arena_take(&row->benchmark->arena, count, sizeof *choices);
    if (!choices) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        const char *path = paths[one ? 0 : i];
        const struct assay_json *value =
            one ? assay_json_element(list, i) : assay_field_find(row->json, path);
        if (!value) return assay_field_missing(row->json, path, "fields.choices", err);
        enum assay_status status = read_choice(row, value, path, &choices[i], err);
        if (status) return status;
    }
    row->item->choices = choices;
    row->item->choice_count = (uint32_t)count;
    return ASSAY_OK;
}

/* By its label; without labels by its letter or its number from 0; by its text. */
static bool find_gold(const struct row *row, const struct assay_json *labels, const char *gold,
                      uint32_t *out)
{
    const struct assay_item *item = row->item;
    uint64_t number;
    for (uint32_t i = 0; i < item->choice_count; i++) {
        const struct assay_json *label = labels ? assay_json_element(labels, i) : NULL;
        const char *text = label ? assay_json_text(label) : NULL;
        *out = i;
        if (text && strcmp(text, gold) == 0) return true;
        if (!labels && gold[0] == 'A' + (int)i && gold[1] == 0) return true;
    }
    if (!labels && assay_text_unsigned(gold, UINT32_MAX, &number)) {
        *out = (uint32_t)number;
        return number < item->choice_count;
    }
    for (uint32_t i = 0; i < item->choice_count; i++) {
        *out = i;
        if (strcmp(item->choices[i], gold) == 0) return true;
    }
    return false;
}

static enum assay_status read_gold(struct row *row, struct assay_error *err)
{
    const struct assay_definition *d = row->definition;
    const char *gold = NULL;
    char quoted[120];
    if (!d->fields.gold) return ASSAY_OK; /* the first */
    enum assay_status status =
        read_text(row, d->fields.gold, "fields.gold", NULL, NULL, &gold, err);
    if (status) return status;
    const struct assay_json *labels = NULL;
    if (d->fields.labels) {
        labels = assay_field_find(row->json, d->fields.labels);
        if (!labels) return assay_field_missing(row->json, d->fields.labels, "fields.labels", err);
        if (assay_json_type(labels) != ASSAY_JSON_ARRAY ||
            assay_json_count(labels) != row->item->choice_count) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "field \"%.80s\" must be a list of %u labels, one an option",
                              d->fields.labels, row->item->choice_count);
        }
    }
    if (find_gold(row, labels, gold, &row->item->gold)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE,
                      "field \"%.80s\": the answer %s is not among the %u options", d->fields.gold,
                      assay_text_quote(quoted, sizeof quoted, gold, strlen(gold)),
                      row->item->choice_count);
}

struct place {
    struct assay_digest digest;
    uint32_t choice;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return memcmp(x->digest.bytes, y->digest.bytes, ASSAY_DIGEST_BYTES);
}

/* The order in which options are shown: FORMAT.md 12. */
static enum assay_status make_order(struct row *row, struct assay_error *err)
{
    struct assay_item *item = row->item;
    struct place places[ASSAY_ITEM_CHOICES_MAX];
    uint32_t *order = assay_arena_take(&row->benchmark->arena, item->choice_count, sizeof *order);
    if (!order) return out_of_memory(err);
    for (uint32_t i = 0; i < item->choice_count; i++) {
        struct assay_sha256 state;
        uint8_t number[4];
        assay_put_le32(number, i);
        assay_sha256_init(&state);
        assay_sha256_text(&state, "assay/order-1");
        assay_sha256_field(&state, item->id, strlen(item->id));
        assay_sha256_field(&state, number, sizeof number);
        places[i] = (struct place){assay_sha256_final(&state), i};
    }
    if (row->benchmark->spec->order == ASSAY_ORDER_HASH) {
        qsort(places, item->choice_count, sizeof *places, compare_places);
    }
    for (uint32_t i = 0; i < item->choice_count; i++) order[i] = places[i].choice;
    item->order = order;
    return ASSAY_OK;
}

static enum assay_status read_options(struct row *row, struct assay_error *err)
{
    if (row->definition->fields.choice_count == 0) return ASSAY_OK;
    enum assay_status status = read_choices(row, err);
    if (!status) status = read_gold(row, err);
    return status ? status : make_order(row, err);
}

/* --- accepted answers --- */

static enum assay_status read_answer(struct row *row, const struct assay_json *value,
                                     const char *field, const char **out, struct assay_error *err)
{
    struct assay_bytes text = {0};
    struct assay_match match = {0};
    bool found = true, valid = false;
    char quoted[80];
    enum assay_status status = ASSAY_OK;
    if (!row->definition->text && !assay_json_text(value)) {
        return assay_fail(err, ASSAY_EFORMAT, "an accepted answer must be a text, not %s",
                          assay_json_type_name(assay_json_type(value)));
    }
    status = assay_field_append(value, field, &text, err);
    const char *data = text.data ? (const char *)text.data : "";
    match.group_end = text.size;
    if (!status && row->benchmark->answer_pattern) {
        status = assay_regex_find(row->benchmark->answer_pattern, data, text.size, 0, &found,
                                  &match, err);
        if (!status && !found) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "field \"%.80s\": answer_pattern finds nothing in %s", field,
                                assay_text_quote(quoted, sizeof quoted, data, text.size));
        }
    }
    if (!status) {
        status =
            assay_answer_normalise(row->benchmark->spec->scorer, data + match.group_start,
                                   match.group_end - match.group_start, &row->scratch, &valid, err);
    }
    if (!status && !valid) {
        assay_text_quote(quoted, sizeof quoted, data, text.size);
        status = row->benchmark->spec->scorer == ASSAY_SCORER_NUMBER
                     ? assay_fail(err, ASSAY_EFORMAT, "the accepted answer %s is no number", quoted)
                     : assay_fail(err, ASSAY_EFORMAT,
                                  "the accepted answer %s is empty once normalised", quoted);
    }
    if (!status) status = keep(row, out, err);
    assay_bytes_fini(&text);
    return status;
}

/* The right option's letter is what is accepted. */
static enum assay_status accept_letter(struct row *row, struct assay_error *err)
{
    const char letter[2] = {(char)(assay_item_letter(row->item, row->item->gold) - 'A' + 'a')};
    const char **accept = assay_arena_take(&row->benchmark->arena, 1, sizeof *accept);
    if (!accept) return out_of_memory(err);
    row->item->accept = accept;
    row->item->accept_count = 1;
    return keep_text(row, letter, accept, err);
}

/* The definition's field; or "accept", a list of texts, or "answer", one text. */
static enum assay_status read_accept(struct row *row, struct assay_error *err)
{
    const char *field = row->definition->fields.answer;
    const struct assay_json *list = assay_field_find(row->json, field ? field : "accept");
    if (!list && field) return assay_field_missing(row->json, field, "fields.answer", err);
    if (!list) {
        list = assay_field_find(row->json, "answer");
        field = "answer";
    } else if (!field) {
        field = "accept";
        if (assay_json_type(list) != ASSAY_JSON_ARRAY) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "field \"accept\" must be a list of texts, not %s",
                              assay_json_type_name(assay_json_type(list)));
        }
    }
    if (!list) {
        return assay_fail(err, ASSAY_EFORMAT, "the item has no field \"accept\" (or \"answer\")");
    }
    bool many = assay_json_type(list) == ASSAY_JSON_ARRAY;
    size_t count = many ? assay_json_count(list) : 1;
    if (count == 0 || count > ASSAY_ITEM_ACCEPT_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "field \"%s\" has %zu answers: 1 to %d are allowed",
                          field, count, ASSAY_ITEM_ACCEPT_MAX);
    }
    const char **accept = assay_arena_take(&row->benchmark->arena, count, sizeof *accept);
    if (!accept) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        const struct assay_json *value = many ? assay_json_element(list, i) : list;
        enum assay_status status = read_answer(row, value, field, &accept[i], err);
        if (status) return status;
    }
    row->item->accept = accept;
    row->item->accept_count = count;
    return ASSAY_OK;
}

/* Append a text, or a list of lines. */
static enum assay_status append_lines(struct row *row, const char *path, const char *key,
                                      struct assay_error *err)
{
    const struct assay_json *text = assay_field_find(row->json, path);
    if (!text) return assay_field_missing(row->json, path, key, err);
    bool many = assay_json_type(text) == ASSAY_JSON_ARRAY;
    size_t count = many ? assay_json_count(text) : 1;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < count && !status; i++) {
        status =
            assay_field_append(many ? assay_json_element(text, i) : text, path, &row->scratch, err);
        if (!status && many) status = assay_bytes_append(&row->scratch, "\n", 1, err);
    }
    return status;
}

/* What a program is run with: the setup, where there is one, and the test. */
static enum assay_status read_test(struct row *row, struct assay_error *err)
{
    const struct assay_definition *d = row->definition;
    const char *setup = d->fields.test_setup;
    enum assay_status status = ASSAY_OK;
    if (setup) status = append_lines(row, setup, "fields.test_setup", err);
    if (!status && row->scratch.size > 0) {
        status = assay_bytes_append(&row->scratch, "\n", 1, err);
    }
    size_t before = row->scratch.size;
    if (!status) status = append_lines(row, d->fields.test, "fields.test", err);
    if (!status && row->scratch.size == before) {
        status =
            assay_fail(err, ASSAY_EVALUE, "field \"%.80s\": the test is empty", d->fields.test);
    }
    if (!status) status = keep(row, &row->item->test, err);
    if (status) return status;
    return read_text(row, d->fields.entry_point, "fields.entry_point", NULL, "",
                     &row->item->entry_point, err);
}

static enum assay_status read_truth(struct row *row, struct assay_error *err)
{
    row->item->test = row->item->entry_point = "";
    switch (row->definition->kind) {
    case ASSAY_KIND_CODE:
        return read_test(row, err);
    case ASSAY_KIND_CHOICE:
    case ASSAY_KIND_LETTER:
        return accept_letter(row, err);
    case ASSAY_KIND_MATCH:
    case ASSAY_KIND_COUNT:
        break;
    }
    return read_accept(row, err);
}

/* --- texts --- */

static bool is_template(const char *text)
{
    return strchr(text, '{') != NULL;
}

/* What {question} stands for: NULL leaves it to the row's own field of that name. */
static enum assay_status read_question(struct row *row, const char **out, struct assay_error *err)
{
    const char *question = row->definition->fields.question;
    const struct assay_fill fill = {.spec = row->benchmark->spec,
                                    .row = row->json,
                                    .item = row->item,
                                    .choice = row->item->gold,
                                    .key = "fields.question"};
    *out = NULL;
    if (!question) return ASSAY_OK;
    const struct assay_json *value = NULL;
    enum assay_status status;
    if (is_template(question)) {
        status = assay_prompt_fill(question, &fill, &row->scratch, err);
    } else {
        value = assay_field_find(row->json, question);
        if (!value) return assay_field_missing(row->json, question, "fields.question", err);
        status = assay_field_append(value, question, &row->scratch, err);
    }
    if (!status && row->definition->clean == ASSAY_CLEAN_WIKIHOW) {
        status = assay_field_clean(&row->scratch, 0, err);
    }
    return status ? status : keep(row, out, err);
}

/* What stands behind the question of a solved example. */
static const char *answer_template(const struct assay_spec *spec)
{
    if (spec->example_answer[0]) return spec->example_answer;
    if (spec->definition.kind == ASSAY_KIND_LETTER) return " {letter}";
    return spec->definition.kind == ASSAY_KIND_CHOICE ? spec->option : " {answer}";
}

static enum assay_status fill_texts(struct row *row, struct assay_bench_item *out,
                                    struct assay_error *err)
{
    const struct assay_spec *spec = row->benchmark->spec;
    struct assay_fill fill = {.spec = spec,
                              .row = row->json,
                              .item = row->item,
                              .choice = row->item->gold,
                              .key = "prompt.user"};
    enum assay_status status = read_question(row, &fill.question, err);
    if (!status) status = assay_prompt_fill(spec->prompt, &fill, &row->scratch, err);
    if (!status) status = keep(row, &out->question, err);
    fill.key = "prompt.opening";
    if (!status && spec->opening) {
        status = assay_prompt_fill(spec->opening, &fill, &row->scratch, err);
    }
    if (!status) status = keep(row, &out->opening, err);
    if (!status && spec->definition.kind == ASSAY_KIND_CHOICE) { /* it must do without the row */
        fill.key = "prompt.option";
        fill.row = NULL;
        status = assay_prompt_fill(spec->option, &fill, &row->scratch, err);
        fill.row = row->json;
        assay_bytes_clear(&row->scratch);
    }
    if (status || spec->definition.example_count == 0) return status;
    fill.key = "prompt.answer";
    status = assay_prompt_fill(answer_template(spec), &fill, &row->scratch, err);
    if (status) return status;
    if (spec->definition.example_as == ASSAY_AS_TURNS) {
        const char *text = (const char *)row->scratch.data;
        size_t size = row->scratch.size;
        assay_text_trim(&text, &size);
        out->answer = assay_arena_text(&row->benchmark->arena, text, size);
        assay_bytes_clear(&row->scratch);
        return out->answer ? ASSAY_OK : out_of_memory(err);
    }
    return keep(row, &out->answer, err);
}

enum assay_status assay_item_read(struct assay_benchmark *benchmark, const struct assay_json *json,
                                  size_t line, size_t position, struct assay_bench_item *out,
                                  struct assay_error *err)
{
    struct row row = {benchmark, &benchmark->spec->definition, json, &out->public, {0}};
    if (assay_json_type(json) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT, "an item must be an object, not %s",
                          assay_json_type_name(assay_json_type(json)));
    }
    out->public.line = (uint32_t)line;
    out->public.position = (uint32_t)position;
    enum assay_status status = read_names(&row, position, &out->stratum, err);
    if (!status) {
        status = read_options(&row, err);
        if (!status) status = read_truth(&row, err);
        if (!status) status = fill_texts(&row, out, err);
        status = assay_while(err, status, "item \"%s\"", out->public.id);
    }
    assay_bytes_fini(&row.scratch);
    return status;
}
