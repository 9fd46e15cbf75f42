/* SHA-256 (FIPS 180-4) from libsodium, and hex. The only room that sees <sodium.h>. */
#ifndef ASSAY_CRYPTO_DIGEST_H
#define ASSAY_CRYPTO_DIGEST_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Streaming state in the caller's storage. */
struct assay_sha256 {
    uint64_t opaque[16];
};

void assay_sha256_init(struct assay_sha256 *state);
void assay_sha256_update(struct assay_sha256 *state, const void *data, size_t size);
/* LP(data) of FORMAT.md: LE64(size), then the bytes. */
void assay_sha256_field(struct assay_sha256 *state, const void *data, size_t size);
void assay_sha256_text(struct assay_sha256 *state, const char *text); /* LP of a C string */
struct assay_digest assay_sha256_final(struct assay_sha256 *state);

struct assay_digest assay_sha256_of(const void *data, size_t size);
/* Digest of a file's bytes; of a model in parts (base/shard_name.h) of all of them, in order. */
ASSAY_MUST_CHECK enum assay_status assay_sha256_file(struct assay_digest *out, const char *path,
                                                     struct assay_error *err);
/* The same, given up with EINTERRUPTED soon after *stop. */
ASSAY_MUST_CHECK enum assay_status assay_sha256_file_until(struct assay_digest *out,
                                                           const char *path,
                                                           const atomic_bool *stop,
                                                           struct assay_error *err);

bool assay_digest_equal(const struct assay_digest *a, const struct assay_digest *b);
/* Lower-case hex with a final NUL. Returns `to`. */
const char *assay_digest_hex(const struct assay_digest *digest, char to[ASSAY_DIGEST_HEX]);
/* Exactly 64 hex digits, either case. */
bool assay_digest_parse(const char *hex, struct assay_digest *out);

#endif
