/* key-1: Argon2id makes a key of the passphrase, XChaCha20-Poly1305 seals the seed with it; the
 * head is authenticated too. */
#include "crypto/key_file.h"

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/private_file.h"
#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Offsets of the file. */
enum {
    AT_VERSION = 8,
    AT_KDF = 12,
    AT_PASSES = 16,
    AT_MEMORY = 20,
    AT_SALT = 24,
    AT_NONCE = 40,
    AT_PUBLIC = 64,
    AT_SEALED = 96,
    AT_DIGEST = 144
};
enum { KDF_ARGON2ID13 = 1, PASSES_MAX = 16, MEMORY_KIB_MIN = 8192, MEMORY_KIB_MAX = 1 << 20 };

static const char magic[8] = {'A', 'S', 'S', 'A', 'Y', 'K', 'E', 'Y'};
static_assert(AT_DIGEST + ASSAY_DIGEST_BYTES == ASSAY_KEY_FILE_BYTES, "nothing behind the digest");
static_assert(crypto_pwhash_argon2id_SALTBYTES == 16 &&
                  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == 24 &&
                  crypto_aead_xchacha20poly1305_ietf_ABYTES == 16 &&
                  crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32,
              "the sizes of key-1");

const char *const assay_key_cost_names[] = {
#define ASSAY_ROW(name, text, passes, kib, words) text,
    ASSAY_KEY_COST_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        NULL};

static const struct {
    uint32_t passes, memory_kib;
} costs[] = {
#define ASSAY_ROW(name, text, passes, kib, words) {passes, kib},
    ASSAY_KEY_COST_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};
static_assert(sizeof costs / sizeof costs[0] == ASSAY_KEY_COST_COUNT, "one row per cost");

/* Everything in front of the sealed seed: it is authenticated with it. */
static void put_head(uint8_t to[AT_SEALED], const struct assay_sealed_key *sealed)
{
    memcpy(to, magic, sizeof magic);
    assay_put_le32(to + AT_VERSION, ASSAY_KEY_VERSION);
    assay_put_le32(to + AT_KDF, KDF_ARGON2ID13);
    assay_put_le32(to + AT_PASSES, sealed->passes);
    assay_put_le32(to + AT_MEMORY, sealed->memory_kib);
    memcpy(to + AT_SALT, sealed->salt, sizeof sealed->salt);
    memcpy(to + AT_NONCE, sealed->nonce, sizeof sealed->nonce);
    memcpy(to + AT_PUBLIC, sealed->public.bytes, sizeof sealed->public.bytes);
}

/* The key that seals, in locked memory. */
static enum assay_status derive(uint8_t **out, const struct assay_sealed_key *sealed,
                                const struct assay_passphrase *passphrase, struct assay_error *err)
{
    uint8_t *key = assay_secret_take(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
    if (key && crypto_pwhash_argon2id(
                   key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
                   (const char *)passphrase->bytes, passphrase->size, sealed->salt, sealed->passes,
                   (size_t)sealed->memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0) {
        *out = key;
        return ASSAY_OK;
    }
    assay_secret_give(key);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for Argon2id with %u MiB",
                      sealed->memory_kib / 1024);
}

enum assay_status assay_key_seal(struct assay_sealed_key *out, const struct assay_secret_key *key,
                                 const struct assay_passphrase *passphrase,
                                 enum assay_key_cost cost, struct assay_error *err)
{
    struct assay_sealed_key made = {.passes = costs[cost].passes,
                                    .memory_kib = costs[cost].memory_kib,
                                    .public = assay_secret_key_public(key)};
    uint8_t head[AT_SEALED], *wrap = NULL;
    if (passphrase->size < ASSAY_PASSPHRASE_BYTES_MIN) {
        return assay_fail(err, ASSAY_EVALUE, "a passphrase of %zu bytes: it needs at least %d",
                          passphrase->size, ASSAY_PASSPHRASE_BYTES_MIN);
    }
    enum assay_status status = assay_random_bytes(made.salt, sizeof made.salt, err);
    if (!status) status = assay_random_bytes(made.nonce, sizeof made.nonce, err);
    if (!status) status = derive(&wrap, &made, passphrase, err);
    if (status) return status;
    put_head(head, &made);
    crypto_aead_xchacha20poly1305_ietf_encrypt(made.sealed, NULL, assay_secret_key_seed(key),
                                               ASSAY_SEED_BYTES, head, sizeof head, NULL,
                                               made.nonce, wrap);
    assay_secret_give(wrap);
    *out = made;
    return ASSAY_OK;
}

enum assay_status assay_key_unseal(struct assay_secret_key **out,
                                   const struct assay_sealed_key *sealed,
                                   const struct assay_passphrase *passphrase,
                                   struct assay_error *err)
{
    uint8_t head[AT_SEALED], *wrap = NULL, *seed = assay_secret_take(ASSAY_SEED_BYTES);
    struct assay_secret_key *key = NULL;
    enum assay_status status = ASSAY_OK;
    if (!seed) status = assay_fail(err, ASSAY_EMEMORY, "no locked memory for a key");
    if (!status) status = derive(&wrap, sealed, passphrase, err);
    if (status) goto done;
    put_head(head, sealed);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(seed, NULL, NULL, sealed->sealed,
                                                   sizeof sealed->sealed, head, sizeof head,
                                                   sealed->nonce, wrap) != 0) {
        status = assay_fail(err, ASSAY_EFAILED, "wrong passphrase");
        goto done;
    }
    status = assay_secret_key_from_seed(&key, seed, err);
    if (status) goto done;
    struct assay_public_key public = assay_secret_key_public(key);
    if (!assay_public_key_equal(&public, &sealed->public)) {
        status = assay_fail(err, ASSAY_EFORMAT, "its public key is not that of its secret key");
        goto done;
    }
    *out = key;
    key = NULL;
done:
    assay_secret_key_destroy(key);
    assay_secret_give(wrap);
    assay_secret_give(seed);
    return status;
}

void assay_key_encode(uint8_t to[ASSAY_KEY_FILE_BYTES], const struct assay_sealed_key *sealed)
{
    put_head(to, sealed);
    memcpy(to + AT_SEALED, sealed->sealed, sizeof sealed->sealed);
    struct assay_digest digest = assay_sha256_of(to, AT_DIGEST);
    memcpy(to + AT_DIGEST, digest.bytes, sizeof digest.bytes);
}

/* From the outside in: kind, version, length, digest, then what the numbers mean. */
static enum assay_status check_file(const uint8_t *data, size_t size, struct assay_error *err)
{
    if (size < sizeof magic || memcmp(data, magic, sizeof magic) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "not a key file: it does not begin with ASSAYKEY");
    }
    if (size >= AT_VERSION + 4 && assay_get_le32(data + AT_VERSION) != ASSAY_KEY_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "key file of version %u; this knows version %d",
                          assay_get_le32(data + AT_VERSION), ASSAY_KEY_VERSION);
    }
    if (size != ASSAY_KEY_FILE_BYTES) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu bytes; a key file has %d: it was cut or grew",
                          size, ASSAY_KEY_FILE_BYTES);
    }
    struct assay_digest digest = assay_sha256_of(data, AT_DIGEST);
    if (memcmp(digest.bytes, data + AT_DIGEST, sizeof digest.bytes) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "a byte was changed: its digest does not hold");
    }
    return ASSAY_OK;
}

enum assay_status assay_key_decode(struct assay_sealed_key *out, const uint8_t *data, size_t size,
                                   struct assay_error *err)
{
    enum assay_status status = check_file(data, size, err);
    if (status) return status;
    uint32_t kdf = assay_get_le32(data + AT_KDF);
    struct assay_sealed_key sealed = {.passes = assay_get_le32(data + AT_PASSES),
                                      .memory_kib = assay_get_le32(data + AT_MEMORY)};
    if (kdf != KDF_ARGON2ID13) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "key derivation %u; this knows 1 (Argon2id)",
                          kdf);
    }
    if (sealed.passes < 1 || sealed.passes > PASSES_MAX || sealed.memory_kib < MEMORY_KIB_MIN ||
        sealed.memory_kib > MEMORY_KIB_MAX) {
        return assay_fail(
            err, ASSAY_EVALUE,
            "Argon2id with %u passes over %u KiB: the limits are 1 to %d and %d to %d",
            sealed.passes, sealed.memory_kib, PASSES_MAX, MEMORY_KIB_MIN, MEMORY_KIB_MAX);
    }
    memcpy(sealed.salt, data + AT_SALT, sizeof sealed.salt);
    memcpy(sealed.nonce, data + AT_NONCE, sizeof sealed.nonce);
    memcpy(sealed.public.bytes, data + AT_PUBLIC, sizeof sealed.public.bytes);
    memcpy(sealed.sealed, data + AT_SEALED, sizeof sealed.sealed);
    *out = sealed;
    return ASSAY_OK;
}

enum assay_status assay_key_file_read(struct assay_sealed_key *out, const char *path,
                                      struct assay_error *err)
{
    uint8_t data[ASSAY_KEY_FILE_BYTES];
    size_t size;
    enum assay_status status = assay_private_read(path, data, sizeof data, &size, err);
    if (status) return status;
    return assay_while(err, assay_key_decode(out, data, size, err), "%s", path);
}

enum assay_status assay_key_file_create(const char *path, const struct assay_sealed_key *sealed,
                                        struct assay_error *err)
{
    uint8_t data[ASSAY_KEY_FILE_BYTES];
    assay_key_encode(data, sealed);
    return assay_private_create(path, data, sizeof data, err);
}
