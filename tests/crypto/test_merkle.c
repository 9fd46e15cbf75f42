/* RFC 6962 trees against known answers, and every proof of every small tree. */
#include "harness/check.h"

#include "crypto/digest.h"
#include "crypto/merkle.h"

enum { LEAVES_MAX = 64 };

/* The eight leaves of certificate-transparency's merkle_tree_test.cc, and its roots of the first
 * n of them. */
static const struct {
    const char *data;
    size_t size;
} known_leaves[8] = {
    {"", 0},
    {"\x00", 1},
    {"\x10", 1},
    {"\x20\x21", 2},
    {"\x30\x31", 2},
    {"\x40\x41\x42\x43", 4},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};
static const char *const known_roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static struct assay_digest parse(const char *hex)
{
    struct assay_digest digest;
    assert_true(assay_digest_parse(hex, &digest));
    return digest;
}

static void check_digest(struct assay_digest digest, const char *expected)
{
    char hex[ASSAY_DIGEST_HEX];
    assert_string_equal(assay_digest_hex(&digest, hex), expected);
}

static void test_known_roots(void **state)
{
    (void)state;
    struct assay_digest leaves[8];
    for (size_t i = 0; i < 8; i++) {
        leaves[i] = assay_merkle_leaf(known_leaves[i].data, known_leaves[i].size);
    }
    for (size_t n = 0; n <= 8; n++) check_digest(assay_merkle_root_of(leaves, n), known_roots[n]);
}

/* The proofs of the same test: leaf, tree, siblings from the leaf up. */
static void test_known_proofs(void **state)
{
    (void)state;
    static const struct {
        size_t index, size, count;
        const char *path[3];
    } rows[] = {
        {0, 1, 0, {NULL}},
        {0,
         8,
         3,
         {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {5,
         8,
         3,
         {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
          "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
        {1,
         5,
         3,
         {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
          "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
          "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
    };
    struct assay_digest leaves[8], path[ASSAY_MERKLE_PATH_MAX];
    for (size_t i = 0; i < 8; i++) {
        leaves[i] = assay_merkle_leaf(known_leaves[i].data, known_leaves[i].size);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_digest root = parse(known_roots[rows[i].size]);
        size_t count = assay_merkle_proof(leaves, rows[i].size, rows[i].index, path);
        assert_int_equal(count, rows[i].count);
        for (size_t k = 0; k < count; k++) check_digest(path[k], rows[i].path[k]);
        assert_true(assay_merkle_verify(&root, &leaves[rows[i].index], rows[i].index, rows[i].size,
                                        path, count));
    }
}

/* MTH of RFC 6962 as it is written there, for comparison. */
static struct assay_digest by_definition(const struct assay_digest *leaves, size_t count)
{
    if (count == 0) return assay_sha256_of("", 0);
    if (count == 1) return leaves[0];
    size_t split = 1;
    while (2 * split < count) split *= 2;
    struct assay_digest left = by_definition(leaves, split);
    struct assay_digest right = by_definition(leaves + split, count - split);
    return assay_merkle_node(&left, &right);
}

/* What a proof must not survive: another place, another size that asks for another path, a path
 * too short or too long, one changed bit. */
static void check_broken(const struct assay_digest *root, const struct assay_digest *leaf,
                         size_t index, size_t size, struct assay_digest *path, size_t count)
{
    for (size_t other = 0; other <= size; other++) {
        if (other != index) assert_false(assay_merkle_verify(root, leaf, other, size, path, count));
    }
    assert_false(assay_merkle_verify(root, leaf, index, 0, path, count));
    if (count > 0) assert_false(assay_merkle_verify(root, leaf, index, size, path, count - 1));
    path[count] = *leaf;
    assert_false(assay_merkle_verify(root, leaf, index, size, path, count + 1));
    for (size_t k = 0; k < count; k++) {
        path[k].bytes[k % 32] ^= 1;
        assert_false(assay_merkle_verify(root, leaf, index, size, path, count));
        path[k].bytes[k % 32] ^= 1;
    }
    struct assay_digest changed = *leaf;
    changed.bytes[31] ^= 0x80;
    assert_false(assay_merkle_verify(root, &changed, index, size, path, count));
    changed = *root;
    changed.bytes[0] ^= 1;
    assert_false(assay_merkle_verify(&changed, leaf, index, size, path, count));
}

static void test_all_small_trees(void **state)
{
    (void)state;
    struct assay_digest leaves[LEAVES_MAX], path[ASSAY_MERKLE_PATH_MAX + 1];
    struct assay_merkle merkle;
    for (size_t i = 0; i < LEAVES_MAX; i++) leaves[i] = assay_merkle_leaf(&i, sizeof i);
    assay_merkle_init(&merkle);
    for (size_t size = 0; size <= LEAVES_MAX; size++) {
        struct assay_digest root = by_definition(leaves, size);
        struct assay_digest array = assay_merkle_root_of(leaves, size);
        struct assay_digest stream = assay_merkle_root(&merkle);
        assert_true(assay_digest_equal(&root, &array));
        assert_true(assay_digest_equal(&root, &stream));
        for (size_t index = 0; index < size; index++) {
            size_t count = assay_merkle_proof(leaves, size, index, path);
            assert_true(assay_merkle_verify(&root, &leaves[index], index, size, path, count));
            check_broken(&root, &leaves[index], index, size, path, count);
        }
        if (size < LEAVES_MAX) assay_merkle_add(&merkle, &leaves[size]);
    }
}

/* A leaf can never be taken for a node, nor a proof be bent by sizes near 2^64. */
static void test_edges(void **state)
{
    (void)state;
    struct assay_digest pair[2] = {assay_merkle_leaf("a", 1), assay_merkle_leaf("b", 1)};
    struct assay_digest node = assay_merkle_node(&pair[0], &pair[1]);
    struct assay_digest leaf = assay_merkle_leaf(pair, sizeof pair);
    assert_false(assay_digest_equal(&node, &leaf));
    struct assay_digest path[ASSAY_MERKLE_PATH_MAX] = {{{0}}};
    assert_false(assay_merkle_verify(&node, &leaf, UINT64_MAX, UINT64_MAX, path, 64));
    assert_false(assay_merkle_verify(&node, &leaf, UINT64_MAX - 1, UINT64_MAX, path, 64));
    assert_false(assay_merkle_verify(&node, &leaf, 0, UINT64_MAX, path, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_roots),
        cmocka_unit_test(test_known_proofs),
        cmocka_unit_test(test_all_small_trees),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
