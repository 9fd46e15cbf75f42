/* Values of the ledger as JSON. */
#include "submit/fields.h"

#include "base/json.h"
#include "submit/hex.h"

#include <inttypes.h>
#include <stdio.h>

static struct assay_json *number_json(uint64_t value)
{
    char text[24];
    if (value <= INT64_MAX) return assay_json_new_integer((int64_t)value);
    snprintf(text, sizeof text, "%" PRIu64, value);
    return assay_json_new_text(text);
}

static struct assay_json *field_json(const struct assay_layout_field *field, const void *at)
{
    const struct assay_blob *blob = at;
    switch (field->kind) {
    case ASSAY_LAYOUT_U8:
        return number_json(*(const uint8_t *)at);
    case ASSAY_LAYOUT_U32:
        return number_json(*(const uint32_t *)at);
    case ASSAY_LAYOUT_U64:
        return number_json(*(const uint64_t *)at);
    case ASSAY_LAYOUT_D32:
    case ASSAY_LAYOUT_KEY:
        return assay_hex_json(at, 32);
    case ASSAY_LAYOUT_S64:
        return assay_hex_json(at, 64);
    case ASSAY_LAYOUT_TEXT:
        return assay_json_new_text(at);
    case ASSAY_LAYOUT_BLOB:
        return assay_hex_json(blob->data, blob->size);
    }
    return NULL;
}

struct assay_json *assay_layout_json(const struct assay_layout *layout, const void *value)
{
    struct assay_json *object = assay_json_new_object();
    bool ok = object != NULL;
    for (size_t i = 0; i < layout->field_count && ok; i++) {
        const struct assay_layout_field *field = &layout->fields[i];
        ok = assay_json_set(object, field->name,
                            field_json(field, (const char *)value + field->offset));
    }
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}
