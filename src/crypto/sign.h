/* Ed25519 (RFC 8032, pure) by libsodium; secret keys live in locked memory of their own. */
#ifndef ASSAY_CRYPTO_SIGN_H
#define ASSAY_CRYPTO_SIGN_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_PUBLIC_KEY_BYTES = 32, ASSAY_SIGNATURE_BYTES = 64, ASSAY_SEED_BYTES = 32 };

struct assay_public_key {
    uint8_t bytes[ASSAY_PUBLIC_KEY_BYTES];
};
struct assay_signature {
    uint8_t bytes[ASSAY_SIGNATURE_BYTES];
};

/* Locked against swapping, between guard pages, left out of core dumps, zeroed when destroyed. */
struct assay_secret_key;

ASSAY_MUST_CHECK enum assay_status assay_secret_key_generate(struct assay_secret_key **out,
                                                             struct assay_error *err);
/* The caller still owns its copy of the seed, and wipes it (crypto/secret.h). */
ASSAY_MUST_CHECK enum assay_status assay_secret_key_from_seed(struct assay_secret_key **out,
                                                              const uint8_t seed[ASSAY_SEED_BYTES],
                                                              struct assay_error *err);
void assay_secret_key_destroy(struct assay_secret_key *key); /* NULL is fine */
struct assay_public_key assay_secret_key_public(const struct assay_secret_key *key);
/* Lent, in the key's own memory: for crypto/key_file.c alone. */
const uint8_t *assay_secret_key_seed(const struct assay_secret_key *key);

struct assay_signature assay_sign(const struct assay_secret_key *key, const void *message,
                                  size_t size);
/* False also for a key or R of small order, a key that is not canonical, and S ≥ the group order.
 */
bool assay_signature_verify(const struct assay_public_key *key, const void *message, size_t size,
                            const struct assay_signature *signature);

bool assay_public_key_equal(const struct assay_public_key *a, const struct assay_public_key *b);

#endif
