/* Salts, leaves, and the file of a salt key: "assay-salt-1 KEY RECORDS-DIGEST" and a line end. */
#include "attest/leaf.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/merkle.h"
#include "crypto/private_file.h"
#include "crypto/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SALT_HEAD "assay-salt-1 "
enum {
    SALT_HEAD_BYTES = sizeof SALT_HEAD - 1,
    SALT_FILE_BYTES = SALT_HEAD_BYTES + 64 + 1 + 64 + 1
};

struct assay_salt assay_leaf_salt(const struct assay_salt_key *key, uint64_t sample_index)
{
    struct assay_salt salt;
    uint8_t index[8];
    assay_put_le64(index, sample_index);
    struct assay_digest mac = assay_hmac_sha256(key->bytes, sizeof key->bytes, index, sizeof index);
    memcpy(salt.bytes, mac.bytes, sizeof salt.bytes);
    assay_secret_wipe(&mac, sizeof mac); /* its other half is nobody's business */
    return salt;
}

struct assay_digest assay_leaf_hash(const struct assay_salt *salt, const void *canonical,
                                    size_t size)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_update(&state, "\x00", 1);
    assay_sha256_update(&state, salt->bytes, sizeof salt->bytes);
    assay_sha256_update(&state, canonical, size);
    return assay_sha256_final(&state);
}

enum assay_status assay_leaves_add(void *context, uint64_t index, uint64_t sample_count,
                                   const void *canonical, size_t size, struct assay_error *err)
{
    struct assay_leaves *leaves = context;
    if (!leaves->hashes) {
        size_t bytes;
        if (assay_multiply((size_t)sample_count, sizeof *leaves->hashes, &bytes)) {
            leaves->hashes = malloc(bytes);
        }
        if (!leaves->hashes) {
            return assay_fail(err, ASSAY_EMEMORY, "no memory for %" PRIu64 " leaves", sample_count);
        }
    }
    ASSAY_ASSERT(index == leaves->count && index < sample_count);
    struct assay_salt salt = assay_leaf_salt(&leaves->key, index);
    leaves->hashes[leaves->count++] = assay_leaf_hash(&salt, canonical, size);
    return ASSAY_OK;
}

void assay_leaves_fini(struct assay_leaves *leaves)
{
    free(leaves->hashes);
    assay_secret_wipe(leaves, sizeof *leaves);
}

enum assay_status assay_salt_key_parse(struct assay_salt_key *out, struct assay_digest *records,
                                       const char *text, size_t size, struct assay_error *err)
{
    char key_hex[ASSAY_DIGEST_HEX] = "", records_hex[ASSAY_DIGEST_HEX] = "";
    struct assay_digest key = {{0}}, of;
    bool ok = size == SALT_FILE_BYTES && memcmp(text, SALT_HEAD, SALT_HEAD_BYTES) == 0 &&
              text[SALT_HEAD_BYTES + 64] == ' ' && text[SALT_FILE_BYTES - 1] == '\n';
    if (ok) {
        memcpy(key_hex, text + SALT_HEAD_BYTES, 64);
        memcpy(records_hex, text + SALT_HEAD_BYTES + 65, 64);
        ok = assay_digest_parse(key_hex, &key) && assay_digest_parse(records_hex, &of);
    }
    if (ok) {
        memcpy(out->bytes, key.bytes, sizeof out->bytes);
        *records = of;
    }
    assay_secret_wipe(&key, sizeof key);
    assay_secret_wipe(key_hex, sizeof key_hex);
    if (ok) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "not a salt key (\"" SALT_HEAD "KEY RECORDS-DIGEST\")");
}

enum assay_status assay_salt_key_read(struct assay_salt_key *out, const char *path,
                                      const struct assay_digest *records, struct assay_error *err)
{
    uint8_t text[SALT_FILE_BYTES];
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    struct assay_digest of;
    size_t size;
    enum assay_status status = assay_private_read(path, text, sizeof text, &size, err);
    if (status) return status;
    status = assay_salt_key_parse(out, &of, (const char *)text, size, err);
    assay_secret_wipe(text, sizeof text);
    if (status) return assay_while(err, status, "%s", path);
    if (assay_digest_equal(&of, records)) return ASSAY_OK;
    assay_secret_wipe(out, sizeof *out);
    return assay_fail(err, ASSAY_EMISMATCH,
                      "%s: the salt key of records %s, but the results file has %s; a salt key "
                      "belongs to one run",
                      path, assay_digest_hex(&of, theirs), assay_digest_hex(records, ours));
}

enum assay_status assay_salt_key_draw(struct assay_salt_key *out, struct assay_error *err)
{
    return assay_random_bytes(out->bytes, sizeof out->bytes, err);
}

enum assay_status assay_salt_key_create(const struct assay_salt_key *key, const char *path,
                                        const struct assay_digest *records, struct assay_error *err)
{
    struct assay_digest secret;
    char text[SALT_FILE_BYTES + 1], key_hex[ASSAY_DIGEST_HEX], records_hex[ASSAY_DIGEST_HEX];
    memcpy(secret.bytes, key->bytes, sizeof secret.bytes);
    snprintf(text, sizeof text, SALT_HEAD "%s %s\n", assay_digest_hex(&secret, key_hex),
             assay_digest_hex(records, records_hex));
    enum assay_status status = assay_private_create(path, text, SALT_FILE_BYTES, err);
    assay_secret_wipe(&secret, sizeof secret);
    assay_secret_wipe(key_hex, sizeof key_hex);
    assay_secret_wipe(text, sizeof text);
    return status;
}
