/* A growing byte buffer and a reader that never leaves its bytes. */
#include "base/bytes.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void assay_bytes_fini(struct assay_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct assay_bytes){0};
}

void assay_bytes_clear(struct assay_bytes *bytes)
{
    bytes->size = 0;
    if (bytes->data) bytes->data[0] = 0;
}

/* Room for `more` bytes and the 0 behind them; at least doubling keeps appending linear. */
enum assay_status assay_bytes_reserve(struct assay_bytes *bytes, size_t more,
                                      struct assay_error *err)
{
    if (more >= SIZE_MAX / 2 - bytes->size) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu more bytes", more);
    }
    size_t needed = bytes->size + more + 1;
    if (needed <= bytes->capacity) return ASSAY_OK;
    size_t capacity = bytes->capacity < 32 ? 64 : 2 * bytes->capacity;
    if (capacity < needed) capacity = needed;
    uint8_t *data = realloc(bytes->data, capacity);
    if (!data) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu bytes", capacity);
    data[bytes->size] = 0;
    bytes->data = data;
    bytes->capacity = capacity;
    return ASSAY_OK;
}

enum assay_status assay_bytes_append(struct assay_bytes *bytes, const void *data, size_t size,
                                     struct assay_error *err)
{
    enum assay_status status = assay_bytes_reserve(bytes, size, err);
    if (status) return status;
    if (size > 0) memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    bytes->data[bytes->size] = 0;
    return ASSAY_OK;
}

enum assay_status assay_bytes_format(struct assay_bytes *bytes, struct assay_error *err,
                                     const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    enum assay_status status = ASSAY_OK;
    if (length < 0) {
        status = assay_fail(err, ASSAY_EVALUE, "a text of more than 2 GiB");
    } else {
        status = assay_bytes_reserve(bytes, (size_t)length, err);
    }
    if (!status) {
        int written =
            vsnprintf((char *)bytes->data + bytes->size, (size_t)length + 1, format, again);
        ASSAY_ASSERT(written == length);
        bytes->size += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
    return status;
}

const uint8_t *assay_read_span(struct assay_reader *reader, size_t size)
{
    if (reader->failed || size > reader->size - reader->position) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *span = reader->data + reader->position;
    reader->position += size;
    return span;
}

uint8_t assay_read_u8(struct assay_reader *reader)
{
    const uint8_t *span = assay_read_span(reader, 1);
    return span ? span[0] : 0;
}

uint16_t assay_read_le16(struct assay_reader *reader)
{
    const uint8_t *span = assay_read_span(reader, 2);
    return span ? assay_get_le16(span) : 0;
}

uint32_t assay_read_le32(struct assay_reader *reader)
{
    const uint8_t *span = assay_read_span(reader, 4);
    return span ? assay_get_le32(span) : 0;
}

uint64_t assay_read_le64(struct assay_reader *reader)
{
    const uint8_t *span = assay_read_span(reader, 8);
    return span ? assay_get_le64(span) : 0;
}
