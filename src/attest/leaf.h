/* leaf-1: salted leaves over the records of a results file (FORMAT.md 7). The salt key never leaves
 * its file; an opened leaf carries its own salt, so that no other leaf can be guessed. */
#ifndef ASSAY_ATTEST_LEAF_H
#define ASSAY_ATTEST_LEAF_H

#include "assay/results.h"

enum { ASSAY_SALT_BYTES = 16, ASSAY_SALT_KEY_BYTES = 32 };

struct assay_salt {
    uint8_t bytes[ASSAY_SALT_BYTES];
};
struct assay_salt_key {
    uint8_t bytes[ASSAY_SALT_KEY_BYTES];
};

/* The first 16 bytes of HMAC-SHA-256(salt key, LE64(sample index)). */
struct assay_salt assay_leaf_salt(const struct assay_salt_key *key, uint64_t sample_index);
/* RFC 6962 leaf of salt ‖ canonical part. */
struct assay_digest assay_leaf_hash(const struct assay_salt *salt, const void *canonical,
                                    size_t size);

/* The leaf hashes of all samples, in sample order; release with free(). */
ASSAY_MUST_CHECK enum assay_status assay_leaves_create(struct assay_digest **out,
                                                       struct assay_results *results,
                                                       const struct assay_salt_key *key,
                                                       struct assay_error *err);

/* The salt key beside a results file, bound to its records. ENOTFOUND where there is none; refused
 * as a private file is, and with EMISMATCH when it belongs to other records. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_read(struct assay_salt_key *out, const char *path,
                                                       const struct assay_digest *records,
                                                       struct assay_error *err);
/* The same, made at random where there is none yet. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_obtain(struct assay_salt_key *out,
                                                         const char *path,
                                                         const struct assay_digest *records,
                                                         struct assay_error *err);
/* The content of such a file. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_parse(struct assay_salt_key *out,
                                                        struct assay_digest *records,
                                                        const char *text, size_t size,
                                                        struct assay_error *err);

#endif
