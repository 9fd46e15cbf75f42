/* SHA-256 by nettle, in the caller's storage, and hex. nettle has it by the processor's own
 * instructions where there are any (1.6 GB/s a core; libsodium, which does the rest of the
 * cryptography, 0.35), and every record, journal frame, tree and model passes through it. */
#include "crypto/digest.h"

#include "base/bytes.h"
#include "base/shard_name.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof(struct sha256_ctx) <= sizeof(struct assay_sha256) &&
                  _Alignof(struct sha256_ctx) <= _Alignof(struct assay_sha256),
              "nettle's state fits");
static_assert(SHA256_DIGEST_SIZE == ASSAY_DIGEST_BYTES, "SHA-256 has 32 bytes");

static struct sha256_ctx *state_of(struct assay_sha256 *state)
{
    return (struct sha256_ctx *)(void *)state->opaque;
}

void assay_sha256_init(struct assay_sha256 *state)
{
    sha256_init(state_of(state));
}

void assay_sha256_update(struct assay_sha256 *state, const void *data, size_t size)
{
    if (size > 0) sha256_update(state_of(state), size, data);
}

void assay_sha256_field(struct assay_sha256 *state, const void *data, size_t size)
{
    uint8_t length[8];
    assay_put_le64(length, size);
    assay_sha256_update(state, length, sizeof length);
    assay_sha256_update(state, data, size);
}

void assay_sha256_text(struct assay_sha256 *state, const char *text)
{
    assay_sha256_field(state, text, strlen(text));
}

struct assay_digest assay_sha256_final(struct assay_sha256 *state)
{
    struct assay_digest digest;
    sha256_digest(state_of(state), sizeof digest.bytes, digest.bytes);
    return digest;
}

struct assay_digest assay_sha256_of(const void *data, size_t size)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_update(&state, data, size);
    return assay_sha256_final(&state);
}

static enum assay_status update_from(struct assay_sha256 *state, const char *path,
                                     const atomic_bool *stop, struct assay_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    uint8_t buffer[65536];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) != 0) {
        if (got > 0) {
            assay_sha256_update(state, buffer, (size_t)got);
            if (atomic_load_explicit(stop, memory_order_relaxed)) break;
        } else if (errno != EINTR) {
            break;
        }
    }
    enum assay_status status = ASSAY_OK;
    if (got < 0) status = assay_fail_errno(err, errno, "%s", path);
    if (got > 0) status = assay_fail(err, ASSAY_EINTERRUPTED, "%s", path);
    close(fd);
    return status;
}

enum assay_status assay_sha256_file(struct assay_digest *out, const char *path,
                                    struct assay_error *err)
{
    static const atomic_bool never = false;
    return assay_sha256_file_until(out, path, &never, err);
}

enum assay_status assay_sha256_file_until(struct assay_digest *out, const char *path,
                                          const atomic_bool *stop, struct assay_error *err)
{
    struct assay_shard_name name = assay_shard_name_of(path);
    struct assay_bytes part = {0};
    struct assay_sha256 state;
    enum assay_status status = ASSAY_OK;
    assay_sha256_init(&state);
    for (uint32_t i = 1; !status && i <= name.count; i++) {
        assay_bytes_clear(&part);
        status = assay_shard_path(path, i, &part, err);
        if (!status) status = update_from(&state, (const char *)part.data, stop, err);
    }
    if (!status) *out = assay_sha256_final(&state);
    assay_bytes_fini(&part);
    return status;
}

bool assay_digest_equal(const struct assay_digest *a, const struct assay_digest *b)
{
    return memcmp(a->bytes, b->bytes, ASSAY_DIGEST_BYTES) == 0;
}

const char *assay_digest_hex(const struct assay_digest *digest, char to[ASSAY_DIGEST_HEX])
{
    return sodium_bin2hex(to, ASSAY_DIGEST_HEX, digest->bytes, ASSAY_DIGEST_BYTES);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool assay_digest_parse(const char *hex, struct assay_digest *out)
{
    struct assay_digest digest;
    for (size_t i = 0; i < ASSAY_DIGEST_BYTES; i++) {
        int high = hex_value(hex[2 * i]);
        int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
        if (low < 0) return false;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (hex[2 * ASSAY_DIGEST_BYTES] != '\0') return false;
    *out = digest;
    return true;
}
