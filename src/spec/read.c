/* Tree → checked values: mappings and lists, by the tables of spec/keys.h. */
#include "spec/read.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/text.h"
#include "spec/keys.h"
#include "spec/tree.h"

#include <stdio.h>
#include <string.h>

static enum assay_status read_version(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *key, const struct spec_node *root);
static enum assay_status read_mapping(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *keys, const struct spec_node *node,
                                      const struct spec_node *beneath, void *record);

/* Whether the benchmark's path is a definition's, before anything is read. */
static bool names_definition(const struct spec_node *root)
{
    const struct spec_node *benchmark = assay_spec_tree_find(root, "benchmark");
    const struct spec_node *path = benchmark && benchmark->kind == SPEC_MAPPING
                                       ? assay_spec_tree_find(benchmark, "path")
                                       : NULL;
    return path && path->kind == SPEC_SCALAR && assay_spec_is_definition(path->text);
}

enum assay_status assay_spec_read(const struct spec_reader *reader, const struct spec_node *root,
                                  const struct spec_node *definition, struct assay_spec *spec)
{
    struct spec_reader own = *reader;
    enum assay_status status = read_version(reader, "the spec", assay_spec_keys(), root);
    if (status) return status;
    own.incomplete = !definition && names_definition(root);
    status = read_mapping(&own, "the spec", assay_spec_keys(), root, definition, spec);
    if (status) return status;

    if (spec->replicates % spec->sets == 0) return ASSAY_OK;
    return assay_spec_fail(reader->report, ASSAY_EVALUE, assay_spec_tree_find(root, "sets")->mark,
                           "sets is %u: it must divide replicates, %u", spec->sets,
                           spec->replicates);
}

enum assay_status assay_definition_read(const struct spec_reader *reader,
                                        const struct spec_node *root, struct assay_spec *spec)
{
    return assay_spec_read_root(reader, "the benchmark", assay_definition_keys(), root, spec);
}

enum assay_status assay_spec_read_root(const struct spec_reader *reader, const char *what,
                                       const struct spec_key *keys, const struct spec_node *root,
                                       void *record)
{
    enum assay_status status = read_version(reader, what, keys, root);
    return status ? status : read_mapping(reader, what, keys, root, NULL, record);
}

/* Before anything else, so that a spec of another version is not blamed for keys that we do not
 * know yet. */
static enum assay_status read_version(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *key, const struct spec_node *root)
{
    if (root->kind != SPEC_MAPPING)
        return assay_spec_fail(reader->report, ASSAY_EFORMAT, root->mark,
                               "%s is a mapping of keys, this is a %s", what,
                               root->kind == SPEC_SCALAR ? "text" : "list");
    char quoted[96];
    const struct spec_node *first = root->first;
    if (!first || strcmp(first->key, key->name) != 0)
        return assay_spec_fail(
            reader->report, ASSAY_EFORMAT, root->mark,
            "the first key must be \"%s: %u\", the version of this format%s%s", key->name,
            (unsigned)key->max, first ? "; it is " : "",
            first ? assay_text_quote(quoted, sizeof quoted, first->key, strlen(first->key)) : "");
    uint64_t version = 0;
    if (first->kind == SPEC_SCALAR && assay_text_unsigned(first->text, UINT32_MAX, &version) &&
        version > key->max)
        return assay_spec_fail(reader->report, ASSAY_EUNSUPPORTED, first->mark,
                               "%s is %s: this program reads version %u", key->name, first->text,
                               (unsigned)key->max);
    return ASSAY_OK;
}

/* --- mappings --- */

static enum assay_status fail_unknown(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *keys, const struct spec_node *node)
{
    const char *names[SPEC_KEYS_MAX + 1] = {NULL};
    for (size_t i = 0; keys[i].name; i++) names[i] = keys[i].name;
    const char *nearest = assay_text_nearest(node->key, names);
    char quoted[96];
    assay_text_quote(quoted, sizeof quoted, node->key, strlen(node->key));
    if (nearest)
        return assay_spec_fail(reader->report, ASSAY_EFORMAT, node->mark,
                               "unknown key %s in %s; did you mean \"%s\"?", quoted, what, nearest);
    char known[256];
    size_t used = 0;
    for (size_t i = 0; names[i] && used < sizeof known; i++)
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
    return assay_spec_fail(reader->report, ASSAY_EFORMAT, node->mark,
                           "unknown key %s in %s; it has %s", quoted, what, known);
}

static enum assay_status read_texts(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record);
static enum assay_status read_records(const struct spec_reader *reader, const struct spec_key *key,
                                      const struct spec_node *node, void *record);

static enum assay_status read_rules(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record);

static enum assay_status read_present(const struct spec_reader *reader, const struct spec_key *key,
                                      const struct spec_node *node, void *record)
{
    if (key->type == SPEC_TEXTS || key->type == SPEC_SOME)
        return read_texts(reader, key, node, record);
    if (key->type == SPEC_RULES) return read_rules(reader, key, node, record);
    if (key->type == SPEC_RECORDS) return read_records(reader, key, node, record);
    return assay_spec_read_value(reader, key, node, record);
}

static enum assay_status read_absent(const struct spec_reader *reader, const struct spec_key *key,
                                     void *record)
{
    if (!key->fallback) return ASSAY_OK;
    const struct spec_node written = {
        .kind = SPEC_SCALAR, .text = key->fallback, .size = strlen(key->fallback)};
    return read_present(reader, key, &written, record);
}

static bool has_required(const struct spec_key *keys)
{
    for (; keys->name; keys++)
        if (keys->required) return true;
    return false;
}

static enum assay_status read_key(const struct spec_reader *reader, const char *what,
                                  const struct spec_key *key, const struct spec_node *node,
                                  const struct spec_node *beneath, void *record)
{
    const struct spec_node *child = node ? assay_spec_tree_find(node, key->name) : NULL;
    const struct spec_node *under =
        beneath && !key->own ? assay_spec_tree_find(beneath, key->name) : NULL;
    if (!child && !under && key->required && !reader->incomplete)
        return assay_spec_fail(reader->report, ASSAY_EFORMAT,
                               node ? node->mark : (struct spec_mark){0}, "%s needs the key \"%s\"",
                               what, key->name);
    if (key->type == SPEC_BLOCK) /* A block that may be absent has then no keys that it needs. */
        return child || under || !has_required(key->keys)
                   ? read_mapping(reader, key->name, key->keys, child, under, record)
                   : ASSAY_OK;
    if (!child && !under) return read_absent(reader, key, record);
    if (child && under && reader->overrides) {
        enum assay_status status =
            assay_bytes_format(reader->overrides, reader->report->err, "%s%s%s%s",
                               reader->overrides->size > 0 ? ", " : "", node->key ? node->key : "",
                               node->key ? "." : "", key->name);
        if (status) return status;
    }
    return read_present(reader, key, child ? child : under, record);
}

/* A NULL node is a mapping that is absent: what `beneath` has, and else all defaults. */
static enum assay_status read_mapping(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *keys, const struct spec_node *node,
                                      const struct spec_node *beneath, void *record)
{
    if (node && node->kind != SPEC_MAPPING)
        return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark,
                               "%s must be a mapping of keys", what);
    for (const struct spec_node *child = node ? node->first : NULL; child; child = child->next)
        if (!assay_spec_key_find(keys, child->key)) return fail_unknown(reader, what, keys, child);

    for (const struct spec_key *key = keys; key->name; key++) {
        enum assay_status status = read_key(reader, what, key, node, beneath, record);
        if (status) return status;
    }
    return ASSAY_OK;
}

/* --- lists --- */

static void store_list(const struct spec_key *key, void *record, const void *list, size_t count)
{
    memcpy((char *)record + key->at, &list, sizeof list);
    memcpy((char *)record + key->also_at, &count, sizeof count);
}

static enum assay_status check_list(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, size_t least)
{
    if (node->kind != SPEC_SEQUENCE) return assay_spec_fail_value(reader, key, node, "");
    if (node->count >= least && node->count <= key->max) return ASSAY_OK;
    char expects[SPEC_EXPECTS_BYTES];
    return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark,
                           "%s has %zu entries: it must be %s", key->name, node->count,
                           assay_spec_expects(key, expects));
}

static enum assay_status read_texts(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record)
{
    const struct spec_key text = {key->each, SPEC_TEXT, .min = 1, .max = SPEC_STOP_BYTES_MAX};
    struct spec_node single = *node;
    const struct spec_node one = {
        .kind = SPEC_SEQUENCE, .mark = node->mark, .count = 1, .first = &single};
    single.next = NULL;
    if (key->type == SPEC_SOME && node->kind == SPEC_SCALAR) node = &one;
    enum assay_status status = check_list(reader, key, node, key->type == SPEC_SOME);
    if (status) return status;
    const char **texts = assay_arena_take(reader->arena, node->count, sizeof *texts);
    if (!texts) return assay_spec_fail_memory(reader->report);
    size_t count = 0;
    for (const struct spec_node *entry = node->first; entry; entry = entry->next) {
        status = assay_spec_read_value(reader, &text, entry, &texts[count++]);
        if (status) return status;
    }
    store_list(key, record, texts, count);
    return ASSAY_OK;
}

/* One pattern alone is the only rule. */
static enum assay_status read_rules(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record)
{
    const bool alone = node->kind == SPEC_SCALAR;
    enum assay_status status = alone ? ASSAY_OK : check_list(reader, key, node, 1);
    size_t count = alone ? 1 : node->count;
    if (status) return status;
    struct assay_rule *rules = assay_arena_take(reader->arena, count, sizeof *rules);
    if (!rules) return assay_spec_fail_memory(reader->report);
    if (alone) {
        struct spec_key pattern = *assay_spec_key_find(key->keys, "pattern");
        pattern.name = key->name;
        rules->name = "strict";
        status = assay_spec_read_value(reader, &pattern, node, rules);
    }
    size_t i = 0;
    for (const struct spec_node *entry = alone ? NULL : node->first; entry && !status;
         entry = entry->next)
        status = read_mapping(reader, "a rule", key->keys, entry, NULL, &rules[i++]);
    if (!status) store_list(key, record, rules, count);
    return status;
}

/* Of the entry `node`; no entry before it may have its name. */
static enum assay_status check_name(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *list, const struct spec_node *node)
{
    const struct spec_node *name = assay_spec_tree_find(node, "name");
    for (const struct spec_node *entry = list->first; entry != node; entry = entry->next) {
        const struct spec_node *earlier = assay_spec_tree_find(entry, "name");
        if (strcmp(earlier->text, name->text) != 0) continue;
        return assay_spec_fail(reader->report, ASSAY_EVALUE, name->mark,
                               "%s: two are named \"%s\" (lines %zu and %zu)", key->name,
                               name->text, earlier->mark.line, name->mark.line);
    }
    return ASSAY_OK;
}

static enum assay_status read_records(const struct spec_reader *reader, const struct spec_key *key,
                                      const struct spec_node *node, void *record)
{
    enum assay_status status = check_list(reader, key, node, 1);
    if (status) return status;
    char *records = assay_arena_take(reader->arena, node->count, key->record_bytes);
    if (!records) return assay_spec_fail_memory(reader->report);
    char *to = records;
    for (const struct spec_node *entry = node->first; entry; entry = entry->next) {
        status = read_mapping(reader, key->each, key->keys, entry, NULL, to);
        if (!status) status = check_name(reader, key, node, entry);
        if (status) return status;
        to += key->record_bytes;
    }
    store_list(key, record, records, node->count);
    return ASSAY_OK;
}
