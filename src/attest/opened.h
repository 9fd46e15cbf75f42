/* An opened record: one leaf with what proves its place under a signed root (FORMAT.md 8.3). */
#ifndef ASSAY_ATTEST_OPENED_H
#define ASSAY_ATTEST_OPENED_H

#include "attest/leaf.h"
#include "crypto/merkle.h"

#define ASSAY_OPENED_TYPE "assay-opened-1"
#define ASSAY_OPENED_TYPE_ENCRYPTED "assay-opened-2"
enum { ASSAY_OPENED_BYTES_MAX = 1 << 24 };

struct assay_opened {
    uint64_t index, tree_size;
    struct assay_salt salt;
    const uint8_t *canonical; /* the record's canonical part */
    size_t canonical_size;
    /* Of an encrypted benchmark: what the canonical part lacks (FORMAT.md 13). Size 0: nothing. */
    const uint8_t *cell;
    size_t cell_size;
    struct assay_digest path[ASSAY_MERKLE_PATH_MAX];
    size_t path_count;
    struct assay_digest merkle_root, envelope; /* SHA-256 of the envelope file's bytes */
};

/* Append as JSON. */
ASSAY_MUST_CHECK enum assay_status assay_opened_write(struct assay_bytes *out,
                                                      const struct assay_opened *opened,
                                                      struct assay_error *err);
/* The form alone; the canonical part comes to lie in `arena`. */
ASSAY_MUST_CHECK enum assay_status assay_opened_parse(struct assay_opened *out,
                                                      struct assay_arena *arena, const void *data,
                                                      size_t size, struct assay_error *err);
/* Whether the record decodes, and salt ‖ record is leaf `index` under the root it names. EFAILED
 * otherwise. EUSAGE when it is encrypted and the key is not known. */
ASSAY_MUST_CHECK enum assay_status assay_opened_verify(const struct assay_opened *opened,
                                                       const struct assay_cipher_key *key,
                                                       struct assay_record *record,
                                                       struct assay_arena *arena,
                                                       struct assay_error *err);

#endif
