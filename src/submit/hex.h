/* Bytes as lower-case hex, in JSON files. */
#ifndef ASSAY_SUBMIT_HEX_H
#define ASSAY_SUBMIT_HEX_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;
struct assay_json;

struct assay_json *assay_hex_json(const uint8_t *data, size_t size); /* NULL: out of memory */
/* Append; false where the text is not lower-case hex, or memory is out. */
bool assay_hex_read(struct assay_bytes *out, const char *text);
/* Exactly `size` bytes. */
bool assay_hex_read_exactly(uint8_t *to, size_t size, const char *text);

/* Members of a JSON object from outside. EFORMAT names the member. */
ASSAY_MUST_CHECK enum assay_status assay_member_hex(const struct assay_json *object,
                                                    const char *name, uint8_t *to, size_t size,
                                                    struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_member_number(const struct assay_json *object,
                                                       const char *name, uint64_t max,
                                                       uint64_t *out, struct assay_error *err);
/* Lent by the object. */
ASSAY_MUST_CHECK enum assay_status assay_member_text(const struct assay_json *object,
                                                     const char *name, const char **out,
                                                     struct assay_error *err);
/* An object whose "format" is this one. */
ASSAY_MUST_CHECK enum assay_status assay_member_format(const struct assay_json *object,
                                                       const char *format, struct assay_error *err);

#endif
