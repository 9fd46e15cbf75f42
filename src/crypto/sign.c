/* Ed25519 by libsodium. */
#include "crypto/sign.h"

#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(crypto_sign_ed25519_SEEDBYTES == ASSAY_SEED_BYTES &&
                  crypto_sign_ed25519_PUBLICKEYBYTES == ASSAY_PUBLIC_KEY_BYTES &&
                  crypto_sign_ed25519_BYTES == ASSAY_SIGNATURE_BYTES,
              "the sizes of RFC 8032");

struct assay_secret_key {
    uint8_t bytes[crypto_sign_ed25519_SECRETKEYBYTES]; /* seed ‖ public key */
};

enum assay_status assay_secret_key_from_seed(struct assay_secret_key **out,
                                             const uint8_t seed[ASSAY_SEED_BYTES],
                                             struct assay_error *err)
{
    uint8_t public[ASSAY_PUBLIC_KEY_BYTES];
    struct assay_secret_key *key = assay_secret_take(sizeof *key);
    if (!key) return assay_fail(err, ASSAY_EMEMORY, "no locked memory for a key");
    crypto_sign_ed25519_seed_keypair(public, key->bytes, seed);
    *out = key;
    return ASSAY_OK;
}

enum assay_status assay_secret_key_generate(struct assay_secret_key **out, struct assay_error *err)
{
    uint8_t *seed = assay_secret_take(ASSAY_SEED_BYTES);
    if (!seed) return assay_fail(err, ASSAY_EMEMORY, "no locked memory for a key");
    enum assay_status status = assay_random_bytes(seed, ASSAY_SEED_BYTES, err);
    if (!status) status = assay_secret_key_from_seed(out, seed, err);
    assay_secret_give(seed);
    return status;
}

void assay_secret_key_destroy(struct assay_secret_key *key)
{
    assay_secret_give(key);
}

struct assay_public_key assay_secret_key_public(const struct assay_secret_key *key)
{
    struct assay_public_key public;
    memcpy(public.bytes, key->bytes + ASSAY_SEED_BYTES, sizeof public.bytes);
    return public;
}

const uint8_t *assay_secret_key_seed(const struct assay_secret_key *key)
{
    return key->bytes;
}

struct assay_signature assay_sign(const struct assay_secret_key *key, const void *message,
                                  size_t size)
{
    struct assay_signature signature;
    crypto_sign_ed25519_detached(signature.bytes, NULL, size > 0 ? message : (const void *)"", size,
                                 key->bytes);
    return signature;
}

bool assay_signature_verify(const struct assay_public_key *key, const void *message, size_t size,
                            const struct assay_signature *signature)
{
    return crypto_sign_ed25519_verify_detached(
               signature->bytes, size > 0 ? message : (const void *)"", size, key->bytes) == 0;
}

bool assay_public_key_equal(const struct assay_public_key *a, const struct assay_public_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
