/* A growing byte buffer, little-endian fields, and a reader that never leaves its bytes. */
#ifndef ASSAY_BASE_BYTES_H
#define ASSAY_BASE_BYTES_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; release with assay_bytes_fini. data[size] is always 0 once something was
 * appended, so that text may be read as a C string. */
struct assay_bytes {
    uint8_t *data;
    size_t size, capacity;
};

void assay_bytes_fini(struct assay_bytes *bytes);
void assay_bytes_clear(struct assay_bytes *bytes); /* size 0, memory kept */
ASSAY_MUST_CHECK enum assay_status assay_bytes_reserve(struct assay_bytes *bytes, size_t more,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_bytes_append(struct assay_bytes *bytes, const void *data,
                                                      size_t size, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_bytes_format(struct assay_bytes *bytes,
                                                      struct assay_error *err, const char *format,
                                                      ...) __attribute__((format(printf, 3, 4)));

static inline void assay_put_le16(uint8_t *to, uint16_t v)
{
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}
static inline void assay_put_le32(uint8_t *to, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) to[i] = (uint8_t)(v >> (8 * i));
}
static inline void assay_put_le64(uint8_t *to, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++) to[i] = (uint8_t)(v >> (8 * i));
}
static inline uint16_t assay_get_le16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}
static inline uint32_t assay_get_le32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}
static inline uint64_t assay_get_le64(const uint8_t *from)
{
    return assay_get_le32(from) | (uint64_t)assay_get_le32(from + 4) << 32;
}

/* Reads fields in turn. After the first read past the end every read gives zero and `failed` stays
 * true: check once, after a group of reads. */
struct assay_reader {
    const uint8_t *data;
    size_t size, position;
    bool failed;
};

uint8_t assay_read_u8(struct assay_reader *reader);
uint16_t assay_read_le16(struct assay_reader *reader);
uint32_t assay_read_le32(struct assay_reader *reader);
uint64_t assay_read_le64(struct assay_reader *reader);
/* `size` bytes lent from the data, or NULL (also for size 0 past a failure). */
const uint8_t *assay_read_span(struct assay_reader *reader, size_t size);

#endif
