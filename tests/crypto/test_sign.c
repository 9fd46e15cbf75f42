/* Ed25519, HMAC and locked memory against RFC 8032, RFC 4231 and their refusals. */
#include "harness/check.h"

#include "crypto/digest.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

static size_t parse(const char *hex, uint8_t *to)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        for (size_t k = 0; k < 2; k++) {
            char c = hex[2 * i + k];
            value = value * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        to[i] = (uint8_t)value;
    }
    return size;
}

/* RFC 8032, section 7.1: tests 1, 2, 3. */
static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *public, *message, *signature;
    } rows[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "c"
         "f9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
         "0"
         "f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
         "8"
         "4dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t seed[32], public[32], message[2], signature[64];
        struct assay_error err;
        struct assay_secret_key *key = NULL;
        parse(rows[i].seed, seed);
        parse(rows[i].public, public);
        parse(rows[i].signature, signature);
        size_t size = parse(rows[i].message, message);
        check_ok(assay_secret_key_from_seed(&key, seed, &err), &err);
        struct assay_public_key known = assay_secret_key_public(key);
        assert_memory_equal(known.bytes, public, 32);
        struct assay_signature made = assay_sign(key, message, size);
        assert_memory_equal(made.bytes, signature, 64);
        assert_true(assay_signature_verify(&known, message, size, &made));
        for (size_t bit = 0; bit < 512; bit++) {
            made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(assay_signature_verify(&known, message, size, &made));
            made.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_false(assay_signature_verify(&known, "other", 5, &made));
        assay_secret_key_destroy(key);
    }
    assay_secret_key_destroy(NULL);
}

/* The neutral element as key signs everything where small orders are not refused; S + L is the
 * same signature again. */
static void test_malleable(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    struct assay_public_key neutral = {{1}};
    struct assay_signature zero = {{1}};
    assert_false(assay_signature_verify(&neutral, "x", 1, &zero));

    struct assay_error err;
    struct assay_secret_key *key = NULL;
    check_ok(assay_secret_key_generate(&key, &err), &err);
    struct assay_public_key public = assay_secret_key_public(key);
    struct assay_signature signature = assay_sign(key, "x", 1);
    assert_true(assay_signature_verify(&public, "x", 1, &signature));
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)signature.bytes[32 + i] + order[i];
        signature.bytes[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_false(assay_signature_verify(&public, "x", 1, &signature));
    struct assay_secret_key *other = NULL;
    check_ok(assay_secret_key_generate(&other, &err), &err);
    struct assay_public_key stranger = assay_secret_key_public(other);
    assert_false(assay_public_key_equal(&stranger, &public));
    assay_secret_key_destroy(other);
    assay_secret_key_destroy(key);
}

/* RFC 4231: cases 1, 2, and 6, whose key is longer than a block. */
static void test_hmac(void **state)
{
    (void)state;
    uint8_t key[131];
    char hex[ASSAY_DIGEST_HEX];
    memset(key, 0x0b, 20);
    struct assay_digest digest = assay_hmac_sha256(key, 20, "Hi There", 8);
    assert_string_equal(assay_digest_hex(&digest, hex),
                        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    digest = assay_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28);
    assert_string_equal(assay_digest_hex(&digest, hex),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    digest = assay_hmac_sha256(key, sizeof key, text, strlen(text));
    assert_string_equal(assay_digest_hex(&digest, hex),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_secrets(void **state)
{
    (void)state;
    struct assay_error err;
    uint8_t a[32] = {0}, b[32] = {0}, zeros[32] = {0};
    check_ok(assay_random_bytes(a, sizeof a, &err), &err);
    check_ok(assay_random_bytes(b, sizeof b, &err), &err);
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a, zeros, 32);
    assay_secret_wipe(a, sizeof a);
    assert_memory_equal(a, zeros, 32);
    uint8_t *memory = assay_secret_take(100);
    assert_non_null(memory);
    memset(memory, 1, 100);
    assay_secret_give(memory);
    assay_secret_give(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_malleable),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
