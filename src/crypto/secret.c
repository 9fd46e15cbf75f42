/* Locked memory, random bytes and HMAC by libsodium. */
#include "crypto/secret.h"

#include <errno.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void *assay_secret_take(size_t size)
{
    return sodium_init() < 0 ? NULL : sodium_malloc(size);
}

void assay_secret_give(void *memory)
{
    sodium_free(memory);
}

void assay_secret_wipe(void *memory, size_t size)
{
    sodium_memzero(memory, size);
}

enum assay_status assay_secret_forbid_dumps(struct assay_error *err)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return assay_fail_errno(err, errno, "core dumps cannot be turned off");
    }
    return ASSAY_OK;
}

enum assay_status assay_random_bytes(void *out, size_t size, struct assay_error *err)
{
    if (sodium_init() < 0) {
        return assay_fail(err, ASSAY_EIO, "the system's random generator cannot be used");
    }
    randombytes_buf(out, size);
    return ASSAY_OK;
}

struct assay_digest assay_hmac_sha256(const void *key, size_t key_size, const void *data,
                                      size_t size)
{
    crypto_auth_hmacsha256_state state;
    struct assay_digest digest;
    crypto_auth_hmacsha256_init(&state, key, key_size);
    crypto_auth_hmacsha256_update(&state, data, size);
    crypto_auth_hmacsha256_final(&state, digest.bytes);
    sodium_memzero(&state, sizeof state);
    return digest;
}
