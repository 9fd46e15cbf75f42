/* Prompts: the spec's user message with the item's fields filled in. */
#include "bench/benchmark.h"

#include "base/bytes.h"
#include "base/json.h"
#include "spec/template.h"

#include <string.h>

/* Append the field named by `name`. Whole numbers are accepted as their digits: authors write
 * {"year": 1969}. */
static enum assay_status fill_field(const char *name, const struct assay_json *item,
                                    struct assay_bytes *out, struct assay_error *err)
{
    const struct assay_json *value = assay_json_member(item, name);
    if (!value) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "the item has no field \"%s\", which the prompt needs", name);
    }
    enum assay_json_type type = assay_json_type(value);
    if (type == ASSAY_JSON_INTEGER) {
        return assay_bytes_format(out, err, "%lld", (long long)assay_json_integer(value));
    }
    const char *text = assay_json_text(value);
    if (!text) {
        return assay_fail(err, ASSAY_EFORMAT, "field \"%s\" must be a text, not %s", name,
                          assay_json_type_name(type));
    }
    return assay_bytes_append(out, text, strlen(text), err);
}

enum assay_status assay_prompt_fill(const char *template, const struct assay_json *item,
                                    struct assay_bytes *out, struct assay_error *err)
{
    struct assay_template_piece piece;
    size_t position = 0;
    bool found = true;
    enum assay_status status = assay_bytes_append(out, "", 0, err);
    while (!status) {
        status = assay_template_next(template, &position, &found, &piece, err);
        if (status || !found) break;
        if (piece.is_field) {
            char name[ASSAY_TEMPLATE_FIELD_BYTES_MAX + 1];
            memcpy(name, piece.text, piece.size);
            name[piece.size] = 0;
            status = fill_field(name, item, out, err);
        } else {
            status = assay_bytes_append(out, piece.text, piece.size, err);
        }
    }
    return status;
}
