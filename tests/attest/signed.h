/* A results file made from numbers, a key, and the envelope that it signed. */
#ifndef ASSAY_TESTS_ATTEST_SIGNED_H
#define ASSAY_TESTS_ATTEST_SIGNED_H

#include "store/place.h"

#include "attest/attest.h"
#include "attest/dsse.h"
#include "attest/signing.h"
#include "crypto/public_key.h"

struct bundle {
    struct place place;
    struct assay_secret_key *key;
    struct assay_public_key public;
    char envelope[FOLDER_PATH_BYTES], log[FOLDER_PATH_BYTES];
};

/* The key of a number: the same in every run. */
static inline struct assay_secret_key *bundle_key(uint8_t number)
{
    struct assay_error err;
    struct assay_secret_key *key = NULL;
    uint8_t seed[ASSAY_SEED_BYTES];
    memset(seed, number, sizeof seed);
    check_ok(assay_secret_key_from_seed(&key, seed, &err), &err);
    return key;
}

static inline enum assay_status bundle_sign(void *context, const uint8_t *pae, size_t size,
                                            struct assay_public_key *key,
                                            struct assay_signature *signature,
                                            struct assay_error *err)
{
    const struct assay_signing *signing = context;
    *key = assay_secret_key_public(signing->key);
    return assay_signing_sign(signature, signing, pae, size, err);
}

/* Attest the results file for a round (NULL: none) into `path`. */
static inline enum assay_status bundle_attest(struct bundle *bundle, const char *path,
                                              const struct assay_attest_round *round,
                                              struct assay_error *err)
{
    static const struct assay_attest_round none = {NULL, NULL, 0};
    struct assay_bytes statement = {0}, envelope = {0};
    struct assay_signing signing = {bundle->key, bundle->log};
    const struct assay_attest_signer signer = {bundle_sign, &signing};
    struct assay_public_key public;
    enum assay_status status =
        assay_attest_statement(&statement, bundle->place.file, NULL, round ? round : &none, err);
    if (!status) status = assay_attest_seal(&envelope, &statement, &signer, &public, err);
    if (!status) status = assay_file_write(path, envelope.data, envelope.size, err);
    assay_bytes_fini(&envelope);
    assay_bytes_fini(&statement);
    return status;
}

static inline void bundle_make(struct bundle *bundle)
{
    struct assay_error err;
    place_make(&bundle->place);
    place_write(&bundle->place);
    bundle->key = bundle_key(7);
    bundle->public = assay_secret_key_public(bundle->key);
    folder_path(&bundle->place.folder, "r.h5.dsse.json", bundle->envelope);
    folder_path(&bundle->place.folder, "key.log", bundle->log);
    check_ok(bundle_attest(bundle, bundle->envelope, NULL, &err), &err);
}

static inline void bundle_drop(struct bundle *bundle)
{
    assay_secret_key_destroy(bundle->key);
    place_drop(&bundle->place);
}

/* A file's content with a C string's end. */
static inline struct assay_bytes bundle_read(const char *path)
{
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(path, 1 << 24, &bytes, &err), &err);
    return bytes;
}

/* `text` with the first `old` replaced; NULL where there is none. The caller frees it. */
static inline char *bundle_replace(const char *text, const char *old, const char *new)
{
    const char *at = strstr(text, old);
    if (!at) return NULL;
    size_t size = strlen(text) + strlen(new) + 1;
    char *out = malloc(size);
    assert_non_null(out);
    snprintf(out, size, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return out;
}

#endif
