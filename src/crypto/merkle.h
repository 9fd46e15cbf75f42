/* Merkle trees of RFC 6962, section 2.1, with SHA-256: a leaf is SHA-256(0x00 ‖ data), a node
 * SHA-256(0x01 ‖ left ‖ right), a tree of n splits at the largest power of two below n, and the
 * empty tree is SHA-256(""). */
#ifndef ASSAY_CRYPTO_MERKLE_H
#define ASSAY_CRYPTO_MERKLE_H

#include "assay/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSAY_MERKLE_PATH_MAX = 64 };

/* The root of leaves that come one by one: one digest for each whole subtree, largest first. */
struct assay_merkle {
    uint64_t leaf_count;
    size_t depth;
    struct assay_digest stack[ASSAY_MERKLE_PATH_MAX];
};

struct assay_digest assay_merkle_leaf(const void *data, size_t size);
struct assay_digest assay_merkle_node(const struct assay_digest *left,
                                      const struct assay_digest *right);

void assay_merkle_init(struct assay_merkle *merkle);
void assay_merkle_add(struct assay_merkle *merkle, const struct assay_digest *leaf); /* a hash */
struct assay_digest assay_merkle_root(const struct assay_merkle *merkle); /* may go on afterwards */

/* The same of an array of leaf hashes. */
struct assay_digest assay_merkle_root_of(const struct assay_digest *leaves, size_t count);

/* The siblings from leaf `index` (< count) up to the root. Returns how many. */
size_t assay_merkle_proof(const struct assay_digest *leaves, size_t count, size_t index,
                          struct assay_digest path[ASSAY_MERKLE_PATH_MAX]);
/* Whether `leaf` (a hash) is leaf `index` of the tree of `size` leaves with this root. The path
 * must have exactly the length that index and size call for. */
bool assay_merkle_verify(const struct assay_digest *root, const struct assay_digest *leaf,
                         uint64_t index, uint64_t size, const struct assay_digest *path,
                         size_t count);

#endif
