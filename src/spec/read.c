/* Tree → checked values: mappings and lists, by the tables of spec/keys.h. */
#include "spec/read.h"

#include "base/arena.h"
#include "base/text.h"
#include "spec/keys.h"
#include "spec/tree.h"

#include <stdio.h>
#include <string.h>

static enum assay_status read_version(const struct spec_reader *reader,
                                      const struct spec_node *root);
static enum assay_status read_mapping(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *keys, const struct spec_node *node,
                                      void *record);

enum assay_status assay_spec_read(const struct spec_reader *reader, const struct spec_node *root,
                                  struct assay_spec *spec)
{
    enum assay_status status = read_version(reader, root);
    if (!status) status = read_mapping(reader, "the spec", assay_spec_keys(), root, spec);
    if (status) return status;

    if (spec->replicates % spec->sets == 0) return ASSAY_OK;
    return assay_spec_fail(reader->report, ASSAY_EVALUE, assay_spec_tree_find(root, "sets")->mark,
                           "sets is %u: it must divide replicates, %u", spec->sets,
                           spec->replicates);
}

/* Before anything else, so that a spec of another version is not blamed for keys that we do not
 * know yet. */
static enum assay_status read_version(const struct spec_reader *reader,
                                      const struct spec_node *root)
{
    const struct spec_key *key = assay_spec_keys();
    if (root->kind != SPEC_MAPPING)
        return assay_spec_fail(reader->report, ASSAY_EFORMAT, root->mark,
                               "a spec is a mapping of keys, this is a %s",
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

static enum assay_status read_stops(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record);
static enum assay_status read_profiles(const struct spec_reader *reader, const struct spec_key *key,
                                       const struct spec_node *node, void *record);

static enum assay_status read_present(const struct spec_reader *reader, const struct spec_key *key,
                                      const struct spec_node *node, void *record)
{
    if (key->type == SPEC_BLOCK) return read_mapping(reader, key->name, key->keys, node, record);
    if (key->type == SPEC_STOPS) return read_stops(reader, key, node, record);
    if (key->type == SPEC_PROFILES) return read_profiles(reader, key, node, record);
    return assay_spec_read_value(reader, key, node, record);
}

static enum assay_status read_absent(const struct spec_reader *reader, const struct spec_key *key,
                                     void *record)
{
    if (key->type == SPEC_BLOCK) return read_mapping(reader, key->name, key->keys, NULL, record);
    if (!key->fallback) return ASSAY_OK;
    const struct spec_node written = {
        .kind = SPEC_SCALAR, .text = key->fallback, .size = strlen(key->fallback)};
    return assay_spec_read_value(reader, key, &written, record);
}

/* A NULL node is a mapping that is absent: all defaults. */
static enum assay_status read_mapping(const struct spec_reader *reader, const char *what,
                                      const struct spec_key *keys, const struct spec_node *node,
                                      void *record)
{
    if (node && node->kind != SPEC_MAPPING)
        return assay_spec_fail(reader->report, ASSAY_EVALUE, node->mark,
                               "%s must be a mapping of keys", what);
    for (const struct spec_node *child = node ? node->first : NULL; child; child = child->next)
        if (!assay_spec_key_find(keys, child->key)) return fail_unknown(reader, what, keys, child);

    for (const struct spec_key *key = keys; key->name; key++) {
        const struct spec_node *child = node ? assay_spec_tree_find(node, key->name) : NULL;
        if (!child && key->required)
            return assay_spec_fail(reader->report, ASSAY_EFORMAT, node->mark,
                                   "%s needs the key \"%s\"", what, key->name);
        enum assay_status status =
            child ? read_present(reader, key, child, record) : read_absent(reader, key, record);
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

static enum assay_status read_stops(const struct spec_reader *reader, const struct spec_key *key,
                                    const struct spec_node *node, void *record)
{
    static const struct spec_key stop = {"a stop text", SPEC_TEXT, .min = 1,
                                         .max = SPEC_STOP_BYTES_MAX};
    enum assay_status status = check_list(reader, key, node, 0);
    if (status) return status;
    const char **stops = assay_arena_take(reader->arena, node->count, sizeof *stops);
    if (!stops) return assay_spec_fail_memory(reader->report);
    size_t count = 0;
    for (const struct spec_node *entry = node->first; entry; entry = entry->next) {
        status = assay_spec_read_value(reader, &stop, entry, &stops[count++]);
        if (status) return status;
    }
    store_list(key, record, stops, count);
    return ASSAY_OK;
}

/* `node` is the profile at `count`; the ones before it were read. */
static enum assay_status check_profile_name(const struct spec_reader *reader,
                                            const struct assay_profile *profiles, size_t count,
                                            const struct spec_node *list,
                                            const struct spec_node *node)
{
    const struct spec_node *earlier = list->first;
    for (size_t i = 0; i < count; i++, earlier = earlier->next) {
        if (strcmp(profiles[i].name, profiles[count].name) != 0) continue;
        struct spec_mark mark = assay_spec_tree_find(node, "name")->mark;
        return assay_spec_fail(reader->report, ASSAY_EVALUE, mark,
                               "profiles: two are named \"%s\" (lines %zu and %zu)",
                               profiles[count].name,
                               assay_spec_tree_find(earlier, "name")->mark.line, mark.line);
    }
    return ASSAY_OK;
}

static enum assay_status read_profiles(const struct spec_reader *reader, const struct spec_key *key,
                                       const struct spec_node *node, void *record)
{
    enum assay_status status = check_list(reader, key, node, 1);
    if (status) return status;
    struct assay_profile *profiles = assay_arena_take(reader->arena, node->count, sizeof *profiles);
    if (!profiles) return assay_spec_fail_memory(reader->report);
    size_t count = 0;
    for (const struct spec_node *entry = node->first; entry; entry = entry->next, count++) {
        status = read_mapping(reader, "a profile", key->keys, entry, &profiles[count]);
        if (!status) status = check_profile_name(reader, profiles, count, node, entry);
        if (status) return status;
    }
    store_list(key, record, profiles, count);
    return ASSAY_OK;
}
