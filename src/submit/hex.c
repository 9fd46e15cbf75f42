/* Hex, and the members of JSON objects that the files of this room share. */
#include "submit/hex.h"

#include "base/bytes.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

struct assay_json *assay_hex_json(const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * size + 1);
    if (!text) return NULL;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    text[2 * size] = '\0';
    struct assay_json *json = assay_json_new_text(text);
    free(text);
    return json;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool assay_hex_read_exactly(uint8_t *to, size_t size, const char *text)
{
    if (strlen(text) != 2 * size) return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool assay_hex_read(struct assay_bytes *out, const char *text)
{
    size_t size = strlen(text) / 2;
    if (assay_bytes_reserve(out, size, NULL)) return false;
    if (!assay_hex_read_exactly(out->data + out->size, size, text)) return false;
    out->size += size;
    return true;
}

static const struct assay_json *member(const struct assay_json *object, const char *name)
{
    return assay_json_type(object) == ASSAY_JSON_OBJECT ? assay_json_member(object, name) : NULL;
}

enum assay_status assay_member_hex(const struct assay_json *object, const char *name, uint8_t *to,
                                   size_t size, struct assay_error *err)
{
    const struct assay_json *value = member(object, name);
    const char *text = value ? assay_json_text(value) : NULL;
    if (!text || !assay_hex_read_exactly(to, size, text)) {
        return assay_fail(err, ASSAY_EFORMAT, "\"%s\" must be %zu lower-case hex digits", name,
                          2 * size);
    }
    return ASSAY_OK;
}

enum assay_status assay_member_number(const struct assay_json *object, const char *name,
                                      uint64_t max, uint64_t *out, struct assay_error *err)
{
    const struct assay_json *value = member(object, name);
    int64_t number =
        value && assay_json_type(value) == ASSAY_JSON_INTEGER ? assay_json_integer(value) : -1;
    if (number < 0 || (uint64_t)number > max) {
        return assay_fail(err, ASSAY_EFORMAT, "\"%s\" must be an integer from 0 to %llu", name,
                          (unsigned long long)max);
    }
    *out = (uint64_t)number;
    return ASSAY_OK;
}

enum assay_status assay_member_text(const struct assay_json *object, const char *name,
                                    const char **out, struct assay_error *err)
{
    const struct assay_json *value = member(object, name);
    const char *text = value ? assay_json_text(value) : NULL;
    if (!text) return assay_fail(err, ASSAY_EFORMAT, "\"%s\" must be a text", name);
    *out = text;
    return ASSAY_OK;
}

enum assay_status assay_member_format(const struct assay_json *object, const char *format,
                                      struct assay_error *err)
{
    const char *found;
    enum assay_status status = assay_member_text(object, "format", &found, err);
    if (!status && strcmp(found, format) != 0) {
        status = assay_fail(err, ASSAY_EFORMAT, "format \"%.40s\" in the place of \"%s\"", found,
                            format);
    }
    return status;
}
