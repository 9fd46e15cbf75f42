/* Fuzz target: key files (as they are, and with their digest made to hold), public keys, salt keys.
 */
#include "attest/leaf.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/key_file.h"
#include "crypto/public_key.h"

#include <string.h>

static void try_file(const uint8_t *data, size_t size)
{
    struct assay_sealed_key sealed;
    struct assay_error err;
    uint8_t again[ASSAY_KEY_FILE_BYTES];
    if (assay_key_decode(&sealed, data, size, &err)) return;
    assay_key_encode(again, &sealed);
    ASSAY_ASSERT(size == sizeof again && memcmp(again, data, size) == 0);
}

static void try_public(const uint8_t *data, size_t size)
{
    struct assay_public_key key, again;
    struct assay_error err;
    if (assay_public_key_parse(&key, (const char *)data, size, &err)) return;
    struct assay_bytes text = {0};
    ASSAY_ASSERT(assay_public_key_write(&text, &key, ASSAY_KEY_FORMAT_PEM, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_public_key_parse(&again, (const char *)text.data, text.size, &err) ==
                 ASSAY_OK);
    ASSAY_ASSERT(assay_public_key_equal(&key, &again));
    assay_bytes_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_salt_key salt;
    struct assay_digest records;
    struct assay_error err;
    try_file(data, size);
    try_public(data, size);
    if (assay_salt_key_parse(&salt, &records, (const char *)data, size, &err)) {
        ASSAY_ASSERT(err.status == ASSAY_EFORMAT);
    }
    if (size == ASSAY_KEY_FILE_BYTES) {
        uint8_t mended[ASSAY_KEY_FILE_BYTES];
        memcpy(mended, data, size);
        struct assay_digest digest = assay_sha256_of(mended, size - ASSAY_DIGEST_BYTES);
        memcpy(mended + size - ASSAY_DIGEST_BYTES, digest.bytes, ASSAY_DIGEST_BYTES);
        try_file(mended, size);
    }
    return 0;
}
