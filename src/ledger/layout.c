/* The one codec of transactions and of the state's values. */
#include "ledger/layout.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

bool assay_label_valid(const char *text, size_t length, size_t max)
{
    if (length == 0 || length > max) return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-') return false;
    }
    return true;
}

static bool take_bytes(struct assay_reader *reader, void *to, size_t size)
{
    const uint8_t *span = assay_read_span(reader, size);
    if (span && size > 0) memcpy(to, span, size);
    return span != NULL;
}

static bool take_number(struct assay_reader *reader, const struct assay_layout_field *field,
                        void *to)
{
    uint64_t value;
    if (field->kind == ASSAY_LAYOUT_U8) {
        value = *(uint8_t *)to = assay_read_u8(reader);
    } else if (field->kind == ASSAY_LAYOUT_U32) {
        value = *(uint32_t *)to = assay_read_le32(reader);
    } else {
        value = *(uint64_t *)to = assay_read_le64(reader);
    }
    return !reader->failed && value <= field->max;
}

static bool take_text(struct assay_reader *reader, const struct assay_layout_field *field, char *to)
{
    size_t length = assay_read_le16(reader);
    const uint8_t *span = length <= field->max ? assay_read_span(reader, length) : NULL;
    if (!span || !assay_label_valid((const char *)span, length, field->max)) return false;
    memcpy(to, span, length);
    return true;
}

static bool take_blob(struct assay_reader *reader, const struct assay_layout_field *field,
                      struct assay_blob *to)
{
    to->size = assay_read_le32(reader);
    if (reader->failed || to->size > field->max) return false;
    to->data = assay_read_span(reader, to->size);
    return !reader->failed;
}

static bool take_field(struct assay_reader *reader, const struct assay_layout_field *field,
                       void *to)
{
    switch (field->kind) {
    case ASSAY_LAYOUT_U8:
    case ASSAY_LAYOUT_U32:
    case ASSAY_LAYOUT_U64:
        return take_number(reader, field, to);
    case ASSAY_LAYOUT_D32:
    case ASSAY_LAYOUT_KEY:
        return take_bytes(reader, to, 32);
    case ASSAY_LAYOUT_S64:
        return take_bytes(reader, to, 64);
    case ASSAY_LAYOUT_TEXT:
        return take_text(reader, field, to);
    case ASSAY_LAYOUT_BLOB:
        return take_blob(reader, field, to);
    }
    return false;
}

bool assay_layout_decode(const struct assay_layout *layout, void *out, const uint8_t *data,
                         size_t size)
{
    struct assay_reader reader = {.data = data, .size = size};
    memset(out, 0, layout->struct_bytes);
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct assay_layout_field *field = &layout->fields[i];
        if (!take_field(&reader, field, (char *)out + field->offset)) return false;
    }
    return reader.position == reader.size;
}

static bool put_number(const struct assay_layout_field *field, const void *from,
                       struct assay_bytes *out)
{
    uint8_t bytes[8];
    size_t size = 8;
    uint64_t value;
    if (field->kind == ASSAY_LAYOUT_U8) {
        value = *(const uint8_t *)from;
        size = 1;
    } else if (field->kind == ASSAY_LAYOUT_U32) {
        value = *(const uint32_t *)from;
        size = 4;
    } else {
        value = *(const uint64_t *)from;
    }
    ASSAY_ASSERT(value <= field->max);
    assay_put_le64(bytes, value);
    return !assay_bytes_append(out, bytes, size, NULL);
}

static bool put_text(const struct assay_layout_field *field, const char *from,
                     struct assay_bytes *out)
{
    uint8_t bytes[2];
    size_t length = strlen(from);
    ASSAY_ASSERT(assay_label_valid(from, length, field->max));
    assay_put_le16(bytes, (uint16_t)length);
    return !assay_bytes_append(out, bytes, sizeof bytes, NULL) &&
           !assay_bytes_append(out, from, length, NULL);
}

static bool put_blob(const struct assay_layout_field *field, const struct assay_blob *from,
                     struct assay_bytes *out)
{
    uint8_t bytes[4];
    ASSAY_ASSERT(from->size <= field->max);
    assay_put_le32(bytes, from->size);
    return !assay_bytes_append(out, bytes, sizeof bytes, NULL) &&
           !assay_bytes_append(out, from->data, from->size, NULL);
}

static bool put_field(const struct assay_layout_field *field, const void *from,
                      struct assay_bytes *out)
{
    switch (field->kind) {
    case ASSAY_LAYOUT_U8:
    case ASSAY_LAYOUT_U32:
    case ASSAY_LAYOUT_U64:
        return put_number(field, from, out);
    case ASSAY_LAYOUT_D32:
    case ASSAY_LAYOUT_KEY:
        return !assay_bytes_append(out, from, 32, NULL);
    case ASSAY_LAYOUT_S64:
        return !assay_bytes_append(out, from, 64, NULL);
    case ASSAY_LAYOUT_TEXT:
        return put_text(field, from, out);
    case ASSAY_LAYOUT_BLOB:
        return put_blob(field, from, out);
    }
    return false;
}

bool assay_layout_encode(const struct assay_layout *layout, const void *value,
                         struct assay_bytes *out)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct assay_layout_field *field = &layout->fields[i];
        if (!put_field(field, (const char *)value + field->offset, out)) return false;
    }
    return true;
}
