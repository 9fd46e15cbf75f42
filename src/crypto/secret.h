/* Secrets: memory that is locked and wiped, random bytes, HMAC-SHA-256 (RFC 2104). */
#ifndef ASSAY_CRYPTO_SECRET_H
#define ASSAY_CRYPTO_SECRET_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

/* Memory locked against swapping, between guard pages, left out of core dumps. NULL when out of
 * memory. */
void *assay_secret_take(size_t size);
void assay_secret_give(void *memory);              /* wiped, then freed; NULL is fine */
void assay_secret_wipe(void *memory, size_t size); /* the compiler does not leave it out */

/* This process writes no core file and cannot be traced by others of its user. For every command
 * that opens a key, before it does. */
ASSAY_MUST_CHECK enum assay_status assay_secret_forbid_dumps(struct assay_error *err);

/* From the system's generator. */
ASSAY_MUST_CHECK enum assay_status assay_random_bytes(void *out, size_t size,
                                                      struct assay_error *err);

struct assay_digest assay_hmac_sha256(const void *key, size_t key_size, const void *data,
                                      size_t size);

#endif
