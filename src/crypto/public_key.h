/* Public keys as text: hex, PEM (SubjectPublicKeyInfo, RFC 8410), minisign, and the key's id. */
#ifndef ASSAY_CRYPTO_PUBLIC_KEY_H
#define ASSAY_CRYPTO_PUBLIC_KEY_H

#include "crypto/sign.h"

#include "assay/digest.h"

struct assay_bytes;

#define ASSAY_KEY_FORMAT_LIST(X)                                                                   \
    X(HEX, "hex") X(PEM, "pem") X(MINISIGN, "minisign") X(KEYID, "keyid")

enum assay_key_format {
#define ASSAY_ROW(name, text) ASSAY_KEY_FORMAT_##name,
    ASSAY_KEY_FORMAT_LIST(ASSAY_ROW)
#undef ASSAY_ROW
        ASSAY_KEY_FORMAT_COUNT
};
extern const char *const assay_key_format_names[ASSAY_KEY_FORMAT_COUNT + 1]; /* NULL ends */

/* SHA-256 of the 44 bytes of the key's SubjectPublicKeyInfo; its hex is the DSSE keyid. */
struct assay_digest assay_public_key_id(const struct assay_public_key *key);

/* Append the text form, with its last line end. */
ASSAY_MUST_CHECK enum assay_status assay_public_key_write(struct assay_bytes *out,
                                                          const struct assay_public_key *key,
                                                          enum assay_key_format format,
                                                          struct assay_error *err);
/* From 64 hex digits or PEM, white space around them allowed. A point that can be no one's key
 * (not canonical, of small order) is refused. */
ASSAY_MUST_CHECK enum assay_status assay_public_key_parse(struct assay_public_key *out,
                                                          const char *text, size_t size,
                                                          struct assay_error *err);
/* From a file of either form, or from the word itself where it is 64 hex digits. */
ASSAY_MUST_CHECK enum assay_status assay_public_key_read(struct assay_public_key *out,
                                                         const char *path_or_hex,
                                                         struct assay_error *err);

#endif
