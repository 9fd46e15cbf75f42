/* Fields of an item: values by path, and what is said when there is none. */
#include "bench/benchmark.h"

#include "base/json.h"
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static const struct assay_json *step(const struct assay_json *value, const char *name)
{
    uint64_t index;
    if (assay_json_type(value) == ASSAY_JSON_OBJECT) return assay_json_member(value, name);
    if (assay_json_type(value) != ASSAY_JSON_ARRAY) return NULL;
    if (!assay_text_unsigned(name, UINT32_MAX, &index)) return NULL;
    return index < assay_json_count(value) ? assay_json_element(value, (size_t)index) : NULL;
}

const struct assay_json *assay_field_find(const struct assay_json *row, const char *path)
{
    const struct assay_json *value = assay_json_member(row, path);
    if (value || !strchr(path, '.')) return value;
    value = row;
    while (value && *path) {
        char name[128];
        size_t length = strcspn(path, ".");
        if (length >= sizeof name) return NULL;
        memcpy(name, path, length);
        name[length] = 0;
        value = step(value, name);
        path += length + (path[length] == '.');
    }
    return value;
}

enum assay_status assay_field_missing(const struct assay_json *row, const char *path,
                                      const char *key, struct assay_error *err)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    char quoted[96];
    for (size_t i = 0; row && i < NAMES_MAX; i++) {
        names[i] = assay_json_member_name(row, i);
        if (!names[i]) break;
    }
    const char *nearest = assay_text_nearest(path, names);
    return assay_fail(err, ASSAY_EFORMAT, "the item has no field %s, which %s needs%s%s%s",
                      assay_text_quote(quoted, sizeof quoted, path, strlen(path)), key,
                      nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "");
}

enum assay_status assay_field_append(const struct assay_json *value, const char *path,
                                     struct assay_bytes *out, struct assay_error *err)
{
    if (assay_json_type(value) == ASSAY_JSON_INTEGER) {
        return assay_bytes_format(out, err, "%" PRId64, assay_json_integer(value));
    }
    const char *text = assay_json_text(value);
    if (text) return assay_bytes_append(out, text, strlen(text), err);
    return assay_fail(err, ASSAY_EFORMAT, "field \"%.80s\" must be a text, not %s", path,
                      assay_json_type_name(assay_json_type(value)));
}

/* Replace every `from` at or behind `start` by `to`, which is no longer. */
static void replace(struct assay_bytes *text, size_t start, const char *from, const char *to)
{
    size_t length = strlen(from), put = start, size = strlen(to);
    for (size_t i = start; i < text->size;) {
        if (text->size - i >= length && memcmp(text->data + i, from, length) == 0) {
            memcpy(text->data + put, to, size);
            put += size;
            i += length;
        } else {
            text->data[put++] = text->data[i++];
        }
    }
    text->size = put;
    text->data[put] = 0;
}

/* "[…]" inside one line, the shortest. */
static void drop_brackets(struct assay_bytes *text, size_t start)
{
    size_t put = start;
    for (size_t i = start; i < text->size;) {
        const uint8_t *at = text->data + i, *end = NULL, *line = NULL;
        if (*at == '[') {
            end = memchr(at, ']', text->size - i);
            line = memchr(at, '\n', text->size - i);
        }
        if (end && !(line && line < end)) {
            i += (size_t)(end - at) + 1;
        } else {
            text->data[put++] = text->data[i++];
        }
    }
    text->size = put;
    text->data[put] = 0;
}

enum assay_status assay_field_clean(struct assay_bytes *text, size_t start, struct assay_error *err)
{
    struct assay_bytes copy = {0};
    const char *data = (const char *)text->data + start;
    size_t size = text->size - start;
    assay_text_trim(&data, &size);
    enum assay_status status = assay_bytes_append(&copy, data, size, err);
    if (!status) {
        replace(&copy, 0, " [title]", ". ");
        drop_brackets(&copy, 0);
        replace(&copy, 0, "  ", " ");
        text->size = start;
        status = assay_bytes_append(text, copy.data, copy.size, err);
    }
    assay_bytes_fini(&copy);
    return status;
}
