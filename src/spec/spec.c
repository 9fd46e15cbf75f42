/* A spec from its text or its file: tree, values, ownership. */
#include "assay/spec.h"

#include "base/bytes.h"
#include "base/file.h"
#include "spec/owner.h"
#include "spec/read.h"
#include "spec/tree.h"

#include <stdlib.h>
#include <string.h>

static enum assay_status parse(struct assay_spec **out, const char *text, size_t size,
                               const struct spec_report *report);

enum assay_status assay_spec_parse(struct assay_spec **out, const char *text, size_t size,
                                   struct assay_error *err)
{
    const struct spec_report report = {.err = err};
    return parse(out, text, size, &report);
}

enum assay_status assay_spec_open(struct assay_spec **out, const char *path,
                                  struct assay_error *err)
{
    const struct spec_report report = {.path = path, .err = err};
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, ASSAY_SPEC_BYTES_MAX, &bytes, err);
    if (!status) status = parse(out, (const char *)bytes.data, bytes.size, &report);
    assay_bytes_fini(&bytes);
    return status;
}

void assay_spec_destroy(struct assay_spec *spec)
{
    if (!spec) return;
    struct spec_owner *owner = assay_spec_owner(spec);
    assay_arena_fini(&owner->arena);
    free(owner);
}

bool assay_spec_is_definition(const char *path)
{
    const char *end = strrchr(path, '.');
    return end && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

bool assay_spec_has_definition(const struct assay_spec *spec)
{
    return spec->benchmark.path && assay_spec_is_definition(spec->benchmark.path);
}

static enum assay_status parse(struct assay_spec **out, const char *text, size_t size,
                               const struct spec_report *report)
{
    if (size > ASSAY_SPEC_BYTES_MAX)
        return assay_spec_fail(report, ASSAY_EVALUE, (struct spec_mark){0},
                               "the spec has %zu bytes: at most %d", size, ASSAY_SPEC_BYTES_MAX);
    struct assay_arena scratch = {0};
    const struct spec_node *root = NULL;
    enum assay_status status = ASSAY_EMEMORY;
    struct spec_owner *owner = calloc(1, sizeof *owner);
    if (!owner) return assay_spec_fail_memory(report);

    /* An empty text may come as a NULL pointer. */
    text = size > 0 ? text : "";
    owner->spec.source = assay_arena_text(&owner->arena, text, size);
    if (!owner->spec.source) {
        assay_spec_fail_memory(report);
        goto done;
    }
    status = assay_spec_tree(&root, &scratch, text, size, report);
    if (status) goto done;
    const struct spec_reader reader = {.arena = &owner->arena, .report = report};
    status = assay_spec_read(&reader, root, NULL, &owner->spec);
    owner->spec.overrides = "";
    if (status) goto done;
    *out = &owner->spec;
    owner = NULL;
done:
    assay_arena_fini(&scratch);
    if (owner) assay_spec_destroy(&owner->spec);
    return status;
}
