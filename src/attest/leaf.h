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

/* The leaves over a results file, made while it is read and checked: the context of
 * assay_leaves_add, which is a results visitor. Zero but for the key; release with
 * assay_leaves_fini. */
struct assay_leaves {
    struct assay_salt_key key;
    struct assay_digest *hashes; /* count, in sample order; NULL: no sample was seen */
    uint64_t count;
};
ASSAY_MUST_CHECK enum assay_status assay_leaves_add(void *leaves, uint64_t index,
                                                    uint64_t sample_count, const void *canonical,
                                                    size_t size, struct assay_error *err);
void assay_leaves_fini(struct assay_leaves *leaves); /* wipes the key */

/* The salt key beside a results file, bound to its records. ENOTFOUND where there is none; refused
 * as a private file is, and with EMISMATCH when it belongs to other records. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_read(struct assay_salt_key *out, const char *path,
                                                       const struct assay_digest *records,
                                                       struct assay_error *err);
/* A new one: drawn, and kept beside the results once they are known to hold. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_draw(struct assay_salt_key *out,
                                                       struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_salt_key_create(const struct assay_salt_key *key,
                                                         const char *path,
                                                         const struct assay_digest *records,
                                                         struct assay_error *err);
/* The content of such a file. */
ASSAY_MUST_CHECK enum assay_status assay_salt_key_parse(struct assay_salt_key *out,
                                                        struct assay_digest *records,
                                                        const char *text, size_t size,
                                                        struct assay_error *err);

#endif
