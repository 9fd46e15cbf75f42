/* Beacon secret and nonce of a round: a digest of a signature that is never shown (FORMAT.md 24.4).
 * Ed25519 is deterministic, so that they are the same when they are asked for again. */
#include "submit/verbs.h"

#include "base/bytes.h"
#include "crypto/digest.h"

struct assay_digest assay_secret_of_round(const struct assay_secret_key *key, const char *chain,
                                          uint64_t task, uint32_t round, const char *purpose)
{
    struct assay_sha256 sha;
    uint8_t bytes[8];
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/submit-1/secret");
    assay_sha256_text(&sha, chain);
    assay_put_le64(bytes, task);
    assay_sha256_field(&sha, bytes, 8);
    assay_put_le32(bytes, round);
    assay_sha256_field(&sha, bytes, 4);
    assay_sha256_text(&sha, purpose);
    struct assay_digest asked = assay_sha256_final(&sha);
    struct assay_signature hidden = assay_sign(key, asked.bytes, sizeof asked.bytes);
    return assay_sha256_of(hidden.bytes, sizeof hidden.bytes);
}
