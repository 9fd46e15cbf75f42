/* gzip (RFC 1952) in memory. */
#ifndef ASSAY_BASE_GZIP_H
#define ASSAY_BASE_GZIP_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

/* Whether these are the first bytes of a gzip file. */
bool assay_gzip_is(const uint8_t *data, size_t size);
/* Append what the members at `data` hold. EFORMAT: cut short, damaged, or bytes behind the last
 * member; EVALUE: more than `max_bytes` in all. */
ASSAY_MUST_CHECK enum assay_status assay_gzip_inflate(const uint8_t *data, size_t size,
                                                      size_t max_bytes, struct assay_bytes *out,
                                                      struct assay_error *err);

#endif
