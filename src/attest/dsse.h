/* DSSE v1: a payload, its type, and signatures over both (github.com/secure-systems-lab/dsse).
 * What is signed is PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, and never the JSON
 * around it. */
#ifndef ASSAY_ATTEST_DSSE_H
#define ASSAY_ATTEST_DSSE_H

#include "assay/digest.h"
#include "crypto/sign.h"

struct assay_bytes;

#define ASSAY_PAYLOAD_TYPE "application/vnd.in-toto+json"
enum {
    ASSAY_ENVELOPE_BYTES_MAX = 65535,
    ASSAY_ENVELOPE_SIGNATURES_MAX = 16,
    ASSAY_KEYID_BYTES_MAX = 256,
    ASSAY_PAYLOAD_TYPE_BYTES_MAX = 128
};

struct assay_envelope_signature {
    const char *keyid; /* "" where there is none */
    const uint8_t *bytes;
    size_t size; /* 64 for Ed25519; others' may differ */
};

/* Everything an envelope says, decoded once; owned by the handle. */
struct assay_envelope {
    const char *payload_type;
    const uint8_t *payload;
    size_t payload_size, signature_count;
    const struct assay_envelope_signature *signatures;
};

/* Append the pre-authentication encoding. */
ASSAY_MUST_CHECK enum assay_status assay_dsse_pae(struct assay_bytes *out, const char *type,
                                                  const void *body, size_t size,
                                                  struct assay_error *err);
/* The type and body of a PAE, lent from `data`. EFORMAT for anything that assay_dsse_pae would not
 * have written. */
struct assay_pae {
    const char *type; /* type_size bytes, no NUL behind them */
    size_t type_size;
    const uint8_t *body;
    size_t size;
};
ASSAY_MUST_CHECK enum assay_status assay_dsse_pae_parse(struct assay_pae *out, const uint8_t *data,
                                                        size_t size, struct assay_error *err);

/* Append an envelope with one signature, as JSON: members sorted, no white space, one line end. */
ASSAY_MUST_CHECK enum assay_status assay_envelope_write(struct assay_bytes *out, const char *type,
                                                        const void *payload, size_t size,
                                                        const struct assay_public_key *key,
                                                        const struct assay_signature *signature,
                                                        struct assay_error *err);
/* Base64 in either alphabet; duplicate members are refused, unknown ones passed over. */
ASSAY_MUST_CHECK enum assay_status assay_envelope_parse(struct assay_envelope **out,
                                                        const void *data, size_t size,
                                                        struct assay_error *err);
void assay_envelope_destroy(struct assay_envelope *envelope); /* NULL is fine */

/* Whether the envelope holds an in-toto payload signed by this key, under this key's id. EFAILED
 * says what does not hold. */
ASSAY_MUST_CHECK enum assay_status assay_envelope_verify(const struct assay_envelope *envelope,
                                                         const struct assay_public_key *key,
                                                         struct assay_error *err);

#endif
