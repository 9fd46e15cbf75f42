/* The benchmark's definition: a YAML file that says where the data are, what their fields mean, how
 * an item becomes a question and an output an answer. It fills the same struct as the spec, which
 * may say the last two otherwise. */
#include "assay/spec.h"

#include "base/bytes.h"
#include "base/file.h"
#include "spec/owner.h"
#include "spec/read.h"
#include "spec/template.h"
#include "spec/tree.h"

#include <stdlib.h>
#include <string.h>

/* Rules between keys. */
static enum assay_status check(const struct assay_spec *spec, const struct spec_report *report)
{
    const struct spec_mark nowhere = {0};
    const struct assay_definition *d = &spec->definition;
    bool options = d->kind == ASSAY_KIND_CHOICE || d->kind == ASSAY_KIND_LETTER;
    if (options && d->fields.choice_count == 0)
        return assay_spec_fail(report, ASSAY_EVALUE, nowhere,
                               "kind \"%s\" needs the key \"choices\" in fields",
                               assay_kind_name(d->kind));
    if (options && d->fields.choice_count == 1 && !d->fields.gold)
        return assay_spec_fail(report, ASSAY_EVALUE, nowhere,
                               "a list of choices needs the key \"gold\" in fields");
    if (d->kind == ASSAY_KIND_CODE && !d->fields.test)
        return assay_spec_fail(report, ASSAY_EVALUE, nowhere,
                               "kind \"code\" needs the key \"test\" in fields");
    if (d->example_same == ASSAY_SAME_TOPIC && !d->fields.topic)
        return assay_spec_fail(report, ASSAY_EVALUE, nowhere,
                               "examples of the same topic need the key \"topic\" in fields");
    return ASSAY_OK;
}

/* Of what is in force, the spec's own keys included. */
static enum assay_status check_chat(const struct assay_spec *spec, const struct spec_report *report)
{
    if (spec->definition.example_as == ASSAY_AS_TURNS && spec->chat == ASSAY_CHAT_NONE)
        return assay_spec_fail(report, ASSAY_EVALUE, (struct spec_mark){0},
                               "examples as turns need a chat, but prompt.chat is none");
    return ASSAY_OK;
}

/* The definition's tree, which it is whole by itself. */
static enum assay_status read_definition(struct assay_spec *spec, const struct spec_node **root,
                                         const char *text, size_t size,
                                         const struct spec_report *report)
{
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const struct spec_reader reader = {.arena = arena, .report = report};
    if (size > ASSAY_SPEC_BYTES_MAX)
        return assay_spec_fail(report, ASSAY_EVALUE, (struct spec_mark){0},
                               "the definition has %zu bytes: at most %d", size,
                               ASSAY_SPEC_BYTES_MAX);
    spec->definition.text = assay_arena_text(arena, size > 0 ? text : "", size);
    if (!spec->definition.text) return assay_spec_fail_memory(report);
    enum assay_status status = assay_spec_tree(root, arena, spec->definition.text, size, report);
    if (!status) status = assay_definition_read(&reader, *root, spec);
    return status ? status : check(spec, report);
}

enum assay_status assay_spec_define(struct assay_spec *spec, const char *path, const char *text,
                                    size_t size, struct assay_error *err)
{
    const struct spec_report report = {.path = path, .err = err}, own = {.err = err};
    struct assay_arena *arena = &assay_spec_owner(spec)->arena;
    const struct spec_node *root = NULL, *definition = NULL;
    struct assay_bytes overrides = {0};
    enum assay_status status = read_definition(spec, &definition, text, size, &report);
    if (!status) status = assay_spec_tree(&root, arena, spec->source, strlen(spec->source), &own);
    if (!status) {
        const struct spec_reader reader = {.arena = arena, .report = &own, .overrides = &overrides};
        status = assay_spec_read(&reader, root, definition, spec);
    }
    if (!status) status = check_chat(spec, &report);
    if (!status) {
        spec->overrides = assay_arena_text(
            arena, overrides.size ? (const char *)overrides.data : "", overrides.size);
        if (!spec->overrides) status = assay_spec_fail_memory(&own);
    }
    assay_bytes_fini(&overrides);
    return status;
}

enum assay_status assay_spec_open_definition(struct assay_spec **out, const char *path,
                                             const char *store, struct assay_error *err)
{
    const struct spec_report report = {.path = path, .err = err};
    struct assay_bytes bytes = {0};
    const struct spec_node *root = NULL;
    struct spec_owner *owner = calloc(1, sizeof *owner);
    if (!owner) return assay_spec_fail_memory(&report);
    struct assay_spec *spec = &owner->spec;
    enum assay_status status = assay_file_read(path, ASSAY_SPEC_BYTES_MAX, &bytes, err);
    if (!status)
        status = read_definition(spec, &root, (const char *)bytes.data, bytes.size, &report);
    if (!status) status = check_chat(spec, &report);
    if (!status) {
        spec->name = spec->definition.name;
        spec->overrides = "";
        spec->benchmark.path = assay_arena_text(&owner->arena, path, strlen(path));
        spec->benchmark.file = spec->benchmark.path;
        if (!spec->benchmark.path) status = assay_spec_fail_memory(&report);
    }
    if (!status) status = assay_spec_resolve_data(spec, NULL, store, err);
    assay_bytes_fini(&bytes);
    if (status) {
        assay_spec_destroy(spec);
        return status;
    }
    *out = spec;
    return ASSAY_OK;
}
