/* RFC 6962 trees; proofs are checked by the algorithm of RFC 9162, section 2.1.3.2. */
#include "crypto/merkle.h"

#include "base/assert.h"
#include "crypto/digest.h"

struct assay_digest assay_merkle_leaf(const void *data, size_t size)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_update(&state, "\x00", 1);
    assay_sha256_update(&state, data, size);
    return assay_sha256_final(&state);
}

struct assay_digest assay_merkle_node(const struct assay_digest *left,
                                      const struct assay_digest *right)
{
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_update(&state, "\x01", 1);
    assay_sha256_update(&state, left->bytes, ASSAY_DIGEST_BYTES);
    assay_sha256_update(&state, right->bytes, ASSAY_DIGEST_BYTES);
    return assay_sha256_final(&state);
}

void assay_merkle_init(struct assay_merkle *merkle)
{
    merkle->leaf_count = 0;
    merkle->depth = 0;
}

/* Two subtrees of one size become one, as a carry runs through a binary number. */
void assay_merkle_add(struct assay_merkle *merkle, const struct assay_digest *leaf)
{
    struct assay_digest node = *leaf;
    for (uint64_t carry = merkle->leaf_count; carry & 1; carry >>= 1) {
        node = assay_merkle_node(&merkle->stack[--merkle->depth], &node);
    }
    ASSAY_ASSERT(merkle->depth < ASSAY_MERKLE_PATH_MAX);
    merkle->stack[merkle->depth++] = node;
    merkle->leaf_count++;
}

struct assay_digest assay_merkle_root(const struct assay_merkle *merkle)
{
    if (merkle->depth == 0) return assay_sha256_of(NULL, 0);
    struct assay_digest root = merkle->stack[merkle->depth - 1];
    for (size_t i = merkle->depth - 1; i > 0; i--) {
        root = assay_merkle_node(&merkle->stack[i - 1], &root);
    }
    return root;
}

struct assay_digest assay_merkle_root_of(const struct assay_digest *leaves, size_t count)
{
    struct assay_merkle merkle;
    assay_merkle_init(&merkle);
    for (size_t i = 0; i < count; i++) assay_merkle_add(&merkle, &leaves[i]);
    return assay_merkle_root(&merkle);
}

/* The largest power of two below count, count ≥ 2. */
static size_t split_of(size_t count)
{
    size_t split = 1;
    while (split < count - split) split *= 2;
    return split;
}

size_t assay_merkle_proof(const struct assay_digest *leaves, size_t count, size_t index,
                          struct assay_digest path[ASSAY_MERKLE_PATH_MAX])
{
    ASSAY_ASSERT(index < count);
    size_t length = 0;
    while (count > 1) {
        size_t split = split_of(count);
        ASSAY_ASSERT(length < ASSAY_MERKLE_PATH_MAX);
        if (index < split) {
            path[length++] = assay_merkle_root_of(leaves + split, count - split);
            count = split;
        } else {
            path[length++] = assay_merkle_root_of(leaves, split);
            leaves += split;
            index -= split;
            count -= split;
        }
    }
    for (size_t i = 0; i < length / 2; i++) { /* found from the root down, told from the leaf up */
        struct assay_digest swapped = path[i];
        path[i] = path[length - 1 - i];
        path[length - 1 - i] = swapped;
    }
    return length;
}

bool assay_merkle_verify(const struct assay_digest *root, const struct assay_digest *leaf,
                         uint64_t index, uint64_t size, const struct assay_digest *path,
                         size_t count)
{
    if (index >= size) return false;
    uint64_t node = index, last = size - 1;
    struct assay_digest hash = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (last == 0) return false;
        if ((node & 1) || node == last) {
            hash = assay_merkle_node(&path[i], &hash);
            while (!(node & 1) && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = assay_merkle_node(&hash, &path[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && assay_digest_equal(&hash, root);
}
