/* Metadata of a GGUF file: names, values, arrays. */
#include "model/gguf_table.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT_DEFAULT = 32, QUOTE_BYTES = 96 };

size_t assay_gguf_type_bytes(enum assay_gguf_type type)
{
    static const uint8_t bytes[ASSAY_GGUF_TYPE_COUNT] = {
        [ASSAY_GGUF_U8] = 1,  [ASSAY_GGUF_I8] = 1,  [ASSAY_GGUF_U16] = 2, [ASSAY_GGUF_I16] = 2,
        [ASSAY_GGUF_U32] = 4, [ASSAY_GGUF_I32] = 4, [ASSAY_GGUF_F32] = 4, [ASSAY_GGUF_BOOL] = 1,
        [ASSAY_GGUF_U64] = 8, [ASSAY_GGUF_I64] = 8, [ASSAY_GGUF_F64] = 8,
    };
    return bytes[type];
}

enum assay_status assay_gguf_truncated(struct assay_gguf_parser *parser, const char *what)
{
    return assay_fail(parser->err, ASSAY_EFORMAT, "truncated: the file ends after %zu bytes, in %s",
                      parser->reader.size, what);
}

static enum assay_status out_of_memory(struct assay_gguf_parser *parser)
{
    return assay_fail(parser->err, ASSAY_EMEMORY, "no memory for a GGUF header");
}

static size_t bytes_left(const struct assay_gguf_parser *parser)
{
    return parser->reader.size - parser->reader.position;
}

/* A length and that many bytes. */
static enum assay_status read_text(struct assay_gguf_parser *parser, const char *what,
                                   struct assay_gguf_text *out)
{
    uint64_t size = assay_read_le64(&parser->reader);
    if (parser->reader.failed || size > bytes_left(parser))
        return assay_gguf_truncated(parser, what);
    out->size = (size_t)size;
    out->data = (const char *)parser->reader.data + parser->reader.position;
    parser->reader.position += out->size;
    return ASSAY_OK;
}

/* Names are ASCII in the format, and they stand in messages as they are. */
static bool is_printable(const struct assay_gguf_text *text)
{
    for (size_t i = 0; i < text->size; i++) {
        if (text->data[i] <= ' ' || text->data[i] > '~') return false;
    }
    return true;
}

enum assay_status assay_gguf_read_name(struct assay_gguf_parser *parser, const char *what,
                                       size_t bytes_max, const char **out)
{
    struct assay_gguf_text text = {0};
    char quoted[QUOTE_BYTES];
    enum assay_status status = read_text(parser, what, &text);
    if (status) return status;
    if (text.size == 0) return assay_fail(parser->err, ASSAY_EFORMAT, "%s is empty", what);
    if (text.size > bytes_max || !is_printable(&text)) {
        return assay_fail(parser->err, ASSAY_EFORMAT, "%s %s %s", what,
                          assay_text_quote(quoted, sizeof quoted, text.data, text.size),
                          text.size > bytes_max ? "is too long" : "is not printable ASCII");
    }
    *out = assay_arena_text(&parser->gguf->arena, text.data, text.size);
    return *out ? ASSAY_OK : out_of_memory(parser);
}

static enum assay_status read_type(struct assay_gguf_parser *parser, const char *what,
                                   enum assay_gguf_type *out)
{
    uint32_t type = assay_read_le32(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, what);
    if (type >= ASSAY_GGUF_TYPE_COUNT) {
        return assay_fail(parser->err, ASSAY_EUNSUPPORTED, "%s has the unknown value type %u", what,
                          type);
    }
    *out = (enum assay_gguf_type)type;
    return ASSAY_OK;
}

static enum assay_status read_array(struct assay_gguf_parser *parser, const char *what,
                                    struct assay_gguf_array *out)
{
    enum assay_status status = read_type(parser, what, &out->type);
    if (status) return status;
    uint64_t count = assay_read_le64(&parser->reader);
    if (parser->reader.failed) return assay_gguf_truncated(parser, what);
    if (out->type == ASSAY_GGUF_ARRAY) {
        return assay_fail(parser->err, ASSAY_EUNSUPPORTED, "%s is an array of arrays", what);
    }
    size_t start = parser->reader.position;
    size_t element = assay_gguf_type_bytes(out->type);
    size_t least = element ? element : sizeof(uint64_t);
    if (count > bytes_left(parser) / least) return assay_gguf_truncated(parser, what);
    if (element) {
        parser->reader.position += (size_t)count * element;
    } else {
        struct assay_gguf_text text;
        for (uint64_t i = 0; i < count; i++) {
            status = read_text(parser, what, &text);
            if (status) return status;
        }
    }
    out->count = (size_t)count;
    out->data = parser->reader.data + start;
    out->size = parser->reader.position - start;
    return ASSAY_OK;
}

static enum assay_status read_value(struct assay_gguf_parser *parser,
                                    struct assay_gguf_value *value)
{
    char what[ASSAY_GGUF_KEY_BYTES_MAX + 16] = "a metadata key";
    enum assay_status status =
        assay_gguf_read_name(parser, what, ASSAY_GGUF_KEY_BYTES_MAX, &value->key);
    if (status) return status;
    memcpy(what, "key ", 5);
    strncat(what, value->key, ASSAY_GGUF_KEY_BYTES_MAX);
    status = read_type(parser, what, &value->type);
    if (status) return status;
    if (value->type == ASSAY_GGUF_ARRAY) return read_array(parser, what, &value->array);
    struct assay_gguf_text bytes = {NULL, assay_gguf_type_bytes(value->type)};
    if (value->type == ASSAY_GGUF_TEXT) {
        status = read_text(parser, what, &bytes);
        if (status) return status;
    } else {
        bytes.data = (const char *)assay_read_span(&parser->reader, bytes.size);
        if (!bytes.data) return assay_gguf_truncated(parser, what);
    }
    value->array =
        (struct assay_gguf_array){value->type, 1, (const uint8_t *)bytes.data, bytes.size};
    return ASSAY_OK;
}

/* It stands among the values and says where the tensor data lie. */
static enum assay_status read_alignment(struct assay_gguf_parser *parser)
{
    uint32_t a = ALIGNMENT_DEFAULT;
    enum assay_status status =
        assay_gguf_get_u32(parser->gguf, "general.alignment", ASSAY_GGUF_OPTIONAL, &a, parser->err);
    if (status) return status;
    if (a < ASSAY_GGUF_ALIGNMENT_MIN || a > ASSAY_GGUF_ALIGNMENT_MAX || (a & (a - 1)) != 0) {
        return assay_fail(parser->err, ASSAY_EFORMAT,
                          "general.alignment %u is not a power of two from %d to %d", a,
                          ASSAY_GGUF_ALIGNMENT_MIN, ASSAY_GGUF_ALIGNMENT_MAX);
    }
    parser->gguf->alignment = a;
    return ASSAY_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct assay_gguf_value *)a)->key,
                  ((const struct assay_gguf_value *)b)->key);
}

enum assay_status assay_gguf_read_values(struct assay_gguf_parser *parser)
{
    struct assay_gguf *gguf = parser->gguf;
    for (size_t i = 0; i < gguf->key_count; i++) {
        enum assay_status status = read_value(parser, &gguf->values[i]);
        if (status) return status;
    }
    if (gguf->key_count) qsort(gguf->values, gguf->key_count, sizeof *gguf->values, by_key);
    for (size_t i = 1; i < gguf->key_count; i++) {
        if (strcmp(gguf->values[i - 1].key, gguf->values[i].key) == 0) {
            return assay_fail(parser->err, ASSAY_EFORMAT, "key %s is there twice",
                              gguf->values[i].key);
        }
    }
    return read_alignment(parser);
}
