/* HKDF, synthetic nonces and the AEAD, all of libsodium. */
#include "crypto/cipher.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum {
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
};
static_assert((int)ASSAY_CELL_EXTRA_BYTES == NONCE_BYTES + TAG_BYTES, "nonce and tag");
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES ==
                  sizeof((struct assay_cipher_key *)0)->cell,
              "a key of the cipher");

static const char label[] = "assay/cell-1";

/* HKDF-Extract of RFC 5869: HMAC under the label as salt. The file stands behind the key's block,
 * so that no digest of the file alone leads there. */
static enum assay_status extract(uint8_t out[32], const char *path, struct assay_error *err)
{
    crypto_auth_hmacsha256_state state;
    uint8_t buffer[65536];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)label, sizeof label - 1);
    while ((got = read(fd, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno != EINTR) break;
        if (got > 0) crypto_auth_hmacsha256_update(&state, buffer, (size_t)got);
    }
    enum assay_status status = got < 0 ? assay_fail_errno(err, errno, "%s", path) : ASSAY_OK;
    close(fd);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(buffer, sizeof buffer);
    return status;
}

/* HKDF-Expand: block i is HMAC(key, block i − 1 ‖ info ‖ i). */
static void expand(uint8_t out[32], const uint8_t key[32], const uint8_t *before, uint8_t number)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, 32);
    if (before) crypto_auth_hmacsha256_update(&state, before, 32);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, sizeof label - 1);
    crypto_auth_hmacsha256_update(&state, &number, 1);
    crypto_auth_hmacsha256_final(&state, out);
}

enum assay_status assay_cipher_key_of_file(struct assay_cipher_key *out, const char *path,
                                           struct assay_error *err)
{
    uint8_t secret[32];
    enum assay_status status = extract(secret, path, err);
    if (status) return status;
    expand(out->cell, secret, NULL, 1);
    expand(out->nonce, secret, out->cell, 2);
    sodium_memzero(secret, sizeof secret);
    out->known = true;
    return ASSAY_OK;
}

static void make_nonce(uint8_t out[NONCE_BYTES], const struct assay_cipher_key *key,
                       struct assay_cipher_input bound, struct assay_cipher_input input)
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[32], length[8];
    crypto_auth_hmacsha256_init(&state, key->nonce, sizeof key->nonce);
    assay_put_le64(length, bound.size);
    crypto_auth_hmacsha256_update(&state, length, sizeof length);
    crypto_auth_hmacsha256_update(&state, bound.data, bound.size);
    crypto_auth_hmacsha256_update(&state, input.data, input.size);
    crypto_auth_hmacsha256_final(&state, mac);
    memcpy(out, mac, NONCE_BYTES);
}

enum assay_status assay_cipher_seal(struct assay_bytes *out, const struct assay_cipher_key *key,
                                    struct assay_cipher_input bound,
                                    struct assay_cipher_input input, struct assay_error *err)
{
    ASSAY_ASSERT(key->known);
    enum assay_status status =
        assay_bytes_reserve(out, input.size + ASSAY_CELL_EXTRA_BYTES + 1, err);
    if (status) return status;
    uint8_t *to = out->data + out->size;
    make_nonce(to, key, bound, input);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE_BYTES, NULL, input.data, input.size,
                                               bound.data, bound.size, NULL, to, key->cell);
    out->size += input.size + ASSAY_CELL_EXTRA_BYTES;
    out->data[out->size] = 0;
    return ASSAY_OK;
}

enum assay_status assay_cipher_open(struct assay_bytes *out, const struct assay_cipher_key *key,
                                    struct assay_cipher_input bound,
                                    struct assay_cipher_input sealed, struct assay_error *err)
{
    const uint8_t *from = sealed.data;
    uint8_t nonce[NONCE_BYTES];
    ASSAY_ASSERT(key->known);
    if (sealed.size < ASSAY_CELL_EXTRA_BYTES) {
        return assay_fail(err, ASSAY_EFAILED, "an encrypted cell of %zu bytes", sealed.size);
    }
    size_t size = sealed.size - ASSAY_CELL_EXTRA_BYTES;
    enum assay_status status = assay_bytes_reserve(out, size + 1, err);
    if (status) return status;
    uint8_t *to = out->data + out->size;
    bool opened = crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, from + NONCE_BYTES,
                                                             sealed.size - NONCE_BYTES, bound.data,
                                                             bound.size, from, key->cell) == 0;
    /* One content has one encoding. */
    if (opened) make_nonce(nonce, key, bound, (struct assay_cipher_input){to, size});
    if (!opened || sodium_memcmp(nonce, from, NONCE_BYTES) != 0) {
        *to = 0;
        return assay_fail(err, ASSAY_EFAILED,
                          "its encrypted cell does not open: it was changed, or the data are "
                          "not those of the run");
    }
    out->size += size;
    out->data[out->size] = 0;
    return ASSAY_OK;
}
