/* Base64 (RFC 4648), strict: padding where it belongs, no other character, no stray bits. */
#ifndef ASSAY_CRYPTO_BASE64_H
#define ASSAY_CRYPTO_BASE64_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>

struct assay_bytes;

/* Append the padded standard form. */
ASSAY_MUST_CHECK enum assay_status assay_base64_encode(struct assay_bytes *out, const void *data,
                                                       size_t size, struct assay_error *err);
/* Append what `length` characters of either alphabet, standard or URL-safe but not both, stand
 * for. EFORMAT otherwise. */
ASSAY_MUST_CHECK enum assay_status assay_base64_decode(struct assay_bytes *out, const char *text,
                                                       size_t length, struct assay_error *err);

#endif
