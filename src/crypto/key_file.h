/* key-1: a secret key sealed by a passphrase (FORMAT.md 9). */
#ifndef ASSAY_CRYPTO_KEY_FILE_H
#define ASSAY_CRYPTO_KEY_FILE_H

#include "crypto/sign.h"

#include <stdint.h>

enum {
    ASSAY_KEY_VERSION = 1,
    ASSAY_KEY_FILE_BYTES = 176,
    ASSAY_PASSPHRASE_BYTES_MIN = 8,
    ASSAY_PASSPHRASE_BYTES_MAX = 1024
};

/* Argon2id: name, passes, memory in KiB, in words. */
#define ASSAY_KEY_COST_LIST(X)                                                                     \
    X(LOW, "low", 1, 8192, "for passphrases made by a machine, and for tests")                     \
    X(MODERATE, "moderate", 3, 262144, "default")                                                  \
    X(HIGH, "high", 4, 1048576, "for keys kept for years")

enum assay_key_cost {
#define ASSAY_ROW(name, text, passes, kib, words) ASSAY_KEY_COST_##name,
    ASSAY_KEY_COST_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_KEY_COST_COUNT
};
extern const char *const assay_key_cost_names[ASSAY_KEY_COST_COUNT + 1]; /* NULL ends */

/* A key file as it is read: all but the public key is opaque until the passphrase is there. */
struct assay_sealed_key {
    uint32_t passes, memory_kib;
    uint8_t salt[16], nonce[24], sealed[ASSAY_SEED_BYTES + 16];
    struct assay_public_key public;
};

struct assay_passphrase {
    size_t size;
    uint8_t bytes[ASSAY_PASSPHRASE_BYTES_MAX]; /* keep it in memory of crypto/secret.h */
};

ASSAY_MUST_CHECK enum assay_status assay_key_seal(struct assay_sealed_key *out,
                                                  const struct assay_secret_key *key,
                                                  const struct assay_passphrase *passphrase,
                                                  enum assay_key_cost cost,
                                                  struct assay_error *err);
/* EFAILED for a wrong passphrase. */
ASSAY_MUST_CHECK enum assay_status assay_key_unseal(struct assay_secret_key **out,
                                                    const struct assay_sealed_key *sealed,
                                                    const struct assay_passphrase *passphrase,
                                                    struct assay_error *err);

void assay_key_encode(uint8_t to[ASSAY_KEY_FILE_BYTES], const struct assay_sealed_key *sealed);
/* EFORMAT: another kind of file, cut short, a changed byte. EUNSUPPORTED: another version. EVALUE:
 * costs beyond the limits. */
ASSAY_MUST_CHECK enum assay_status assay_key_decode(struct assay_sealed_key *out,
                                                    const uint8_t *data, size_t size,
                                                    struct assay_error *err);

/* The file (crypto/private_file.h): read with its checks, made without overwriting. */
ASSAY_MUST_CHECK enum assay_status assay_key_file_read(struct assay_sealed_key *out,
                                                       const char *path, struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_key_file_create(const char *path,
                                                         const struct assay_sealed_key *sealed,
                                                         struct assay_error *err);

#endif
