/* JSON by jansson. A struct assay_json is a json_t: jansson's own checks of types hold, and nothing
 * is copied. */
#include "base/json.h"

#include "base/bytes.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* A container that refused a child gets this bit in its type. jansson then takes it for no
 * container at all: every later set or add on it, on whatever it is put into, and writing it fail.
 */
enum { SPOILT = 64 };

static json_t *of(const struct assay_json *json)
{
    return (json_t *)(uintptr_t)json;
}

static bool is_spoilt(const json_t *json)
{
    return ((unsigned)json->type & SPOILT) != 0;
}

static struct assay_json *as(const json_t *json)
{
    return (struct assay_json *)(uintptr_t)json;
}

/* jansson lets one NUL byte behind a number pass for the end of the text. */
static enum assay_status refuse_nul(const char *text, size_t size, struct assay_error *err)
{
    const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
    if (!nul) return ASSAY_OK;
    size_t line = 1;
    const char *start = text;
    for (const char *at = text; at < nul; at++) {
        if (*at != '\n') continue;
        line++;
        start = at + 1;
    }
    return assay_fail(err, ASSAY_EFORMAT, "%zu:%zu: a NUL byte", line, (size_t)(nul - start) + 1);
}

enum assay_status assay_json_parse(struct assay_json **out, const char *text, size_t size,
                                   struct assay_error *err)
{
    enum assay_status status = refuse_nul(text, size, err);
    if (status) return status;
    json_error_t error;
    json_t *json =
        json_loadb(text ? text : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json) {
        *out = as(json);
        return ASSAY_OK;
    }
    if (json_error_code(&error) == json_error_out_of_memory) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a JSON text of %zu bytes", size);
    }
    return assay_fail(err, ASSAY_EFORMAT, "%d:%d: %s", error.line, error.column, error.text);
}

/* Give spoilt containers their type back, so that jansson frees what they hold. */
static void mend(json_t *json)
{
    if (is_spoilt(json)) json->type = (json_type)((unsigned)json->type & ~(unsigned)SPOILT);
    const char *name;
    json_t *child;
    size_t i;
    json_object_foreach(json, name, child) mend(child);
    json_array_foreach(json, i, child) mend(child);
}

void assay_json_destroy(struct assay_json *json)
{
    if (!json) return;
    mend(of(json));
    json_decref(of(json));
}

enum assay_json_type assay_json_type(const struct assay_json *json)
{
    switch (json_typeof(of(json))) {
    case JSON_OBJECT:
        return ASSAY_JSON_OBJECT;
    case JSON_ARRAY:
        return ASSAY_JSON_ARRAY;
    case JSON_STRING:
        return ASSAY_JSON_TEXT;
    case JSON_INTEGER:
        return ASSAY_JSON_INTEGER;
    case JSON_REAL:
        return ASSAY_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return ASSAY_JSON_BOOLEAN;
    case JSON_NULL:
    default:
        return ASSAY_JSON_NULL;
    }
}

const char *assay_json_type_name(enum assay_json_type type)
{
    static const char *const names[] = {
        [ASSAY_JSON_NULL] = "null",          [ASSAY_JSON_BOOLEAN] = "a boolean",
        [ASSAY_JSON_INTEGER] = "an integer", [ASSAY_JSON_REAL] = "a real number",
        [ASSAY_JSON_TEXT] = "a text",        [ASSAY_JSON_ARRAY] = "an array",
        [ASSAY_JSON_OBJECT] = "an object",
    };
    return names[type];
}

const struct assay_json *assay_json_member(const struct assay_json *object, const char *name)
{
    return as(json_object_get(of(object), name));
}

const char *assay_json_member_name(const struct assay_json *object, size_t index)
{
    void *at = json_object_iter((json_t *)(uintptr_t)of(object));
    while (at && index-- > 0) at = json_object_iter_next((json_t *)(uintptr_t)of(object), at);
    return at ? json_object_iter_key(at) : NULL;
}

size_t assay_json_count(const struct assay_json *array_or_object)
{
    const json_t *json = of(array_or_object);
    return json_is_array(json) ? json_array_size(json) : json_object_size(json);
}

const struct assay_json *assay_json_element(const struct assay_json *array, size_t index)
{
    return as(json_array_get(of(array), index));
}

const char *assay_json_text(const struct assay_json *json)
{
    return json_string_value(of(json));
}

int64_t assay_json_integer(const struct assay_json *json)
{
    return json_integer_value(of(json));
}

double assay_json_real(const struct assay_json *json)
{
    return json_number_value(of(json));
}

struct assay_json *assay_json_new_object(void)
{
    return as(json_object());
}

struct assay_json *assay_json_new_array(void)
{
    return as(json_array());
}

/* A text with each byte outside valid UTF-8 replaced. */
static json_t *new_repaired_text(const char *text, size_t length)
{
    struct assay_bytes repaired = {0};
    json_t *json = NULL;
    for (size_t i = 0; i < length; i++) {
        size_t valid = assay_text_utf8_prefix(text + i, length - i);
        if (assay_bytes_append(&repaired, text + i, valid, NULL)) goto done;
        i += valid;
        if (i < length && assay_bytes_append(&repaired, "\xef\xbf\xbd", 3, NULL)) goto done;
    }
    json = json_stringn((const char *)repaired.data, repaired.size);
done:
    assay_bytes_fini(&repaired);
    return json;
}

struct assay_json *assay_json_new_text(const char *text)
{
    size_t length = strlen(text);
    if (assay_text_utf8_prefix(text, length) == length) return as(json_stringn(text, length));
    return as(new_repaired_text(text, length));
}

struct assay_json *assay_json_new_integer(int64_t value)
{
    return as(json_integer(value));
}

struct assay_json *assay_json_new_real(double value)
{
    return as(isfinite(value) ? json_real(value) : json_null());
}

struct assay_json *assay_json_new_boolean(bool value)
{
    return as(json_boolean(value));
}

struct assay_json *assay_json_new_null(void)
{
    return as(json_null());
}

/* Whether `put` says that the parent took its child; a container that did not is spoilt. */
static bool taken(json_t *parent, int put)
{
    if (put == 0) return true;
    bool container = json_is_object(parent) || json_is_array(parent);
    if (container) parent->type = (json_type)((unsigned)parent->type | SPOILT);
    return false;
}

/* NULL in the place of a spoilt child, which only assay_json_destroy can free. */
static json_t *sound(struct assay_json *child)
{
    if (!child || !is_spoilt(of(child))) return of(child);
    assay_json_destroy(child);
    return NULL;
}

bool assay_json_set(struct assay_json *object, const char *name, struct assay_json *take)
{
    return taken(of(object), json_object_set_new(of(object), name, sound(take)));
}

bool assay_json_add(struct assay_json *array, struct assay_json *take)
{
    return taken(of(array), json_array_append_new(of(array), sound(take)));
}

static int append_text(const char *text, size_t size, void *out)
{
    return assay_bytes_append(out, text, size, NULL) == ASSAY_OK ? 0 : -1;
}

/* RFC 8785 writes control characters as \u001f, jansson as \u001F. */
static void escapes_to_lower(uint8_t *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] != '\\') continue;
        i++;
        if (text[i] != 'u') continue;
        for (size_t k = 1; k <= 4 && i + k < size; k++) {
            if (text[i + k] >= 'A' && text[i + k] <= 'F') text[i + k] = (uint8_t)(text[i + k] + 32);
        }
    }
}

enum assay_status assay_json_write(const struct assay_json *json, bool canonical,
                                   struct assay_bytes *out, struct assay_error *err)
{
    size_t before = out->size;
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
    flags |= canonical ? JSON_COMPACT | JSON_SORT_KEYS : JSON_INDENT(2);
    if (!json || json_dump_callback(of(json), append_text, out, flags) != 0) {
        out->size = before;
        if (out->data) out->data[before] = 0;
        return assay_fail(err, ASSAY_EMEMORY, "no memory to write a JSON text");
    }
    if (canonical) escapes_to_lower(out->data + before, out->size - before);
    return ASSAY_OK;
}
