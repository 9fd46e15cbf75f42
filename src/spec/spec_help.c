/* The keys of a spec explained: a walk over the tables. */
#include "spec/spec_help.h"

#include "base/bytes.h"
#include "spec/keys.h"

#include <string.h>

enum { HELP_COLUMNS = 96 };

static enum assay_status help_keys(struct assay_bytes *out, const struct spec_key *keys, int indent,
                                   struct assay_error *err);

enum assay_status assay_spec_help(struct assay_bytes *out, struct assay_error *err)
{
    return help_keys(out, assay_spec_keys(), 0, err);
}

enum assay_status assay_spec_help_keys(struct assay_bytes *out, const struct spec_key *keys,
                                       struct assay_error *err)
{
    return help_keys(out, keys, 0, err);
}

/* Words of `text`, lines broken before HELP_COLUMNS. */
static enum assay_status help_text(struct assay_bytes *out, const char *text, int indent,
                                   struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    size_t room = HELP_COLUMNS - (size_t)indent;
    while (*text && !status) {
        size_t length = strlen(text);
        if (length > room)
            for (length = room; length > 0 && text[length] != ' ';) length--;
        if (length == 0) length = strcspn(text, " ");
        status = assay_bytes_format(out, err, "%*s%.*s\n", indent, "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    return status;
}

static enum assay_status help_key(struct assay_bytes *out, const struct spec_key *key, int indent,
                                  struct assay_error *err)
{
    char expects[SPEC_EXPECTS_BYTES];
    bool block = key->type == SPEC_BLOCK;
    enum assay_status status =
        assay_bytes_format(out, err, "%*s%s:%s%s", indent, "", key->name, block ? "" : " ",
                           block ? "" : assay_spec_expects(key, expects));
    if (!status && !block)
        status = key->required           ? assay_bytes_format(out, err, " (required)")
                 : key->fallback == NULL ? assay_bytes_format(out, err, " (optional)")
                 : key->fallback[0] == 0
                     ? assay_bytes_format(out, err, " (default: empty)")
                     : assay_bytes_format(out, err, " (default: %s)", key->fallback);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    return status ? status : help_text(out, key->help, indent + 6, err);
}

static enum assay_status help_keys(struct assay_bytes *out, const struct spec_key *keys, int indent,
                                   struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (const struct spec_key *key = keys; key->name && !status; key++) {
        status = help_key(out, key, indent, err);
        if (!status && key->keys) status = help_keys(out, key->keys, indent + 2, err);
    }
    return status;
}
