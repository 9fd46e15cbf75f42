/* Text forms of an Ed25519 public key. */
#include "crypto/public_key.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { SPKI_HEAD_BYTES = 12, SPKI_BYTES = SPKI_HEAD_BYTES + ASSAY_PUBLIC_KEY_BYTES };
enum { PUBLIC_FILE_BYTES_MAX = 4096 };

/* SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING } in front of the key (RFC 8410, section 4).
 */
static const uint8_t spki_head[SPKI_HEAD_BYTES] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const char pem_begin[] = "-----BEGIN PUBLIC KEY-----";
static const char pem_end[] = "-----END PUBLIC KEY-----";

const char *const assay_key_format_names[] = {
#define ASSAY_ROW(name, text) text,
    ASSAY_KEY_FORMAT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        NULL};

static void put_spki(uint8_t to[SPKI_BYTES], const struct assay_public_key *key)
{
    memcpy(to, spki_head, SPKI_HEAD_BYTES);
    memcpy(to + SPKI_HEAD_BYTES, key->bytes, ASSAY_PUBLIC_KEY_BYTES);
}

struct assay_digest assay_public_key_id(const struct assay_public_key *key)
{
    uint8_t spki[SPKI_BYTES];
    put_spki(spki, key);
    return assay_sha256_of(spki, sizeof spki);
}

static enum assay_status write_pem(struct assay_bytes *out, const struct assay_public_key *key,
                                   struct assay_error *err)
{
    uint8_t spki[SPKI_BYTES];
    put_spki(spki, key);
    enum assay_status status = assay_bytes_format(out, err, "%s\n", pem_begin);
    if (!status) status = assay_base64_encode(out, spki, sizeof spki, err);
    if (!status) status = assay_bytes_format(out, err, "\n%s\n", pem_end);
    return status;
}

/* minisign numbers its keys at random; ours is the beginning of the key's id, shown as minisign
 * does, as a little-endian number. */
static enum assay_status write_minisign(struct assay_bytes *out, const struct assay_public_key *key,
                                        struct assay_error *err)
{
    uint8_t packed[2 + 8 + ASSAY_PUBLIC_KEY_BYTES] = {'E', 'd'};
    struct assay_digest id = assay_public_key_id(key);
    memcpy(packed + 2, id.bytes, 8);
    memcpy(packed + 10, key->bytes, ASSAY_PUBLIC_KEY_BYTES);
    enum assay_status status =
        assay_bytes_format(out, err, "untrusted comment: minisign public key %016llX\n",
                           (unsigned long long)assay_get_le64(id.bytes));
    if (!status) status = assay_base64_encode(out, packed, sizeof packed, err);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    return status;
}

static enum assay_status write_hex(struct assay_bytes *out, const uint8_t bytes[32],
                                   struct assay_error *err)
{
    struct assay_digest digest;
    char hex[ASSAY_DIGEST_HEX];
    static_assert(sizeof digest.bytes == ASSAY_PUBLIC_KEY_BYTES, "both have 32 bytes");
    memcpy(digest.bytes, bytes, sizeof digest.bytes);
    return assay_bytes_format(out, err, "%s\n", assay_digest_hex(&digest, hex));
}

enum assay_status assay_public_key_write(struct assay_bytes *out,
                                         const struct assay_public_key *key,
                                         enum assay_key_format format, struct assay_error *err)
{
    struct assay_digest id = assay_public_key_id(key);
    switch (format) {
    case ASSAY_KEY_FORMAT_PEM:
        return write_pem(out, key, err);
    case ASSAY_KEY_FORMAT_MINISIGN:
        return write_minisign(out, key, err);
    case ASSAY_KEY_FORMAT_KEYID:
        return write_hex(out, id.bytes, err);
    case ASSAY_KEY_FORMAT_HEX:
    case ASSAY_KEY_FORMAT_COUNT:
    default:
        return write_hex(out, key->bytes, err);
    }
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool parse_hex(struct assay_public_key *out, const char *text, size_t size)
{
    char hex[ASSAY_DIGEST_HEX];
    struct assay_digest digest;
    if (size != sizeof hex - 1) return false;
    memcpy(hex, text, size);
    hex[size] = '\0';
    if (!assay_digest_parse(hex, &digest)) return false;
    memcpy(out->bytes, digest.bytes, sizeof out->bytes);
    return true;
}

/* The base64 between the two lines, line ends taken out. */
static bool parse_pem(struct assay_public_key *out, const char *text, size_t size)
{
    static const size_t begin = sizeof pem_begin - 1, end = sizeof pem_end - 1;
    char middle[128];
    size_t length = 0;
    if (size < begin + end || memcmp(text, pem_begin, begin) != 0 ||
        memcmp(text + size - end, pem_end, end) != 0) {
        return false;
    }
    for (const char *at = text + begin; at < text + size - end; at++) {
        if (is_space(*at)) continue;
        if (length == sizeof middle) return false;
        middle[length++] = *at;
    }
    struct assay_bytes spki = {0};
    bool ok = assay_base64_decode(&spki, middle, length, NULL) == ASSAY_OK &&
              spki.size == SPKI_BYTES && memcmp(spki.data, spki_head, SPKI_HEAD_BYTES) == 0;
    if (ok) memcpy(out->bytes, spki.data + SPKI_HEAD_BYTES, sizeof out->bytes);
    assay_bytes_fini(&spki);
    return ok;
}

enum assay_status assay_public_key_parse(struct assay_public_key *out, const char *text,
                                         size_t size, struct assay_error *err)
{
    struct assay_public_key key;
    char quoted[64];
    while (size > 0 && is_space(text[0])) text++, size--;
    while (size > 0 && is_space(text[size - 1])) size--;
    if (!parse_hex(&key, text, size) && !parse_pem(&key, text, size)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s is no Ed25519 public key: neither 64 hex digits nor PEM",
                          assay_text_quote(quoted, sizeof quoted, text, size));
    }
    if (!crypto_core_ed25519_is_valid_point(key.bytes)) {
        return assay_fail(err, ASSAY_EVALUE,
                          "%s is no point of the curve's prime-order group: nobody's key",
                          assay_text_quote(quoted, sizeof quoted, text, size));
    }
    *out = key;
    return ASSAY_OK;
}

enum assay_status assay_public_key_read(struct assay_public_key *out, const char *path_or_hex,
                                        struct assay_error *err)
{
    struct assay_public_key ignored;
    if (parse_hex(&ignored, path_or_hex, strlen(path_or_hex))) {
        return assay_public_key_parse(out, path_or_hex, strlen(path_or_hex), err);
    }
    struct assay_bytes text = {0};
    enum assay_status status = assay_file_read(path_or_hex, PUBLIC_FILE_BYTES_MAX, &text, err);
    if (!status) {
        status = assay_public_key_parse(out, (const char *)text.data, text.size, err);
        status = assay_while(err, status, "%s", path_or_hex);
    }
    assay_bytes_fini(&text);
    return status;
}
