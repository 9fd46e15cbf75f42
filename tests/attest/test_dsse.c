/* Envelopes: the specification's vector, every changed bit, every other form. */
#include "signed.h"

#include "crypto/base64.h"
#include "crypto/digest.h"

static void test_pae(void **state)
{
    (void)state;
    /* protocol.md of the DSSE specification */
    static const char expected[] = "DSSEv1 29 http://example.com/HelloWorld 11 hello world";
    struct assay_bytes pae = {0};
    struct assay_pae parts;
    struct assay_error err;
    check_ok(assay_dsse_pae(&pae, "http://example.com/HelloWorld", "hello world", 11, &err), &err);
    assert_string_equal((const char *)pae.data, expected);
    check_ok(assay_dsse_pae_parse(&parts, pae.data, pae.size, &err), &err);
    assert_int_equal(parts.type_size, 29);
    assert_int_equal(parts.size, 11);
    assert_memory_equal(parts.body, "hello world", 11);
    assay_bytes_fini(&pae);
    check_ok(assay_dsse_pae(&pae, "", "", 0, &err), &err);
    assert_string_equal((const char *)pae.data, "DSSEv1 0  0 ");
    assay_bytes_fini(&pae);
}

static void test_pae_refusals(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "DSSEv1",
        "DSSEv1 ",
        "DSSEv2 1 t 1 b",
        "DSSEv1 1 t 1 bb",
        "DSSEv1 1 t 2 b",
        "DSSEv1 01 t 1 b",
        "DSSEv1 1 t 01 b",
        "DSSEv1 00  0 ",
        "DSSEv1 -1 t 1 b",
        "DSSEv1 1  t 1 b",
        "DSSEv1 2 t 1 b",
        "DSSEv1 1 t 1",
        "DSSEv1 1 t  b",
        "DSSEv1  1 t 1 b",
        "DSSEv1 99999999999999999999 t 1 b",
        "DSSEv1 1 t 18446744073709551615 b",
    };
    struct assay_pae parts;
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_refused(assay_dsse_pae_parse(&parts, (const uint8_t *)rows[i], strlen(rows[i]), &err),
                      ASSAY_EFORMAT, &err, "DSSE");
    }
}

static struct assay_bytes make_envelope(const struct assay_secret_key *key, const char *type,
                                        const char *payload)
{
    struct assay_bytes pae = {0}, text = {0};
    struct assay_error err;
    struct assay_public_key public = assay_secret_key_public(key);
    check_ok(assay_dsse_pae(&pae, type, payload, strlen(payload), &err), &err);
    struct assay_signature signature = assay_sign(key, pae.data, pae.size);
    check_ok(assay_envelope_write(&text, type, payload, strlen(payload), &public, &signature, &err),
             &err);
    assay_bytes_fini(&pae);
    return text;
}

static enum assay_status verify(const void *text, size_t size, const struct assay_public_key *key,
                                struct assay_error *err)
{
    struct assay_envelope *envelope = NULL;
    enum assay_status status = assay_envelope_parse(&envelope, text, size, err);
    if (!status) status = assay_envelope_verify(envelope, key, err);
    assay_envelope_destroy(envelope);
    return status;
}

/* No single bit of the file can change and leave it verified, but where the change means the same:
 * the white space at its end. */
static void test_every_bit(void **state)
{
    (void)state;
    struct assay_secret_key *key = bundle_key(1), *other = bundle_key(2);
    struct assay_public_key public = assay_secret_key_public(key);
    struct assay_public_key stranger = assay_secret_key_public(other);
    struct assay_bytes text = make_envelope(key, ASSAY_PAYLOAD_TYPE, "{\"a\":[1,2,3]}");
    struct assay_error err;
    check_ok(verify(text.data, text.size, &public, &err), &err);
    check_refused(verify(text.data, text.size, &stranger, &err), ASSAY_EFAILED, &err,
                  "no signature by the key");
    for (size_t bit = 0; bit < 8 * (text.size - 1); bit++) {
        text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(verify(text.data, text.size, &public, &err) != ASSAY_OK);
        text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size + 1 < text.size; size++) {
        assert_true(verify(text.data, size, &public, &err) != ASSAY_OK);
    }
    assay_bytes_fini(&text);
    assay_secret_key_destroy(key);
    assay_secret_key_destroy(other);
}

/* Signed, but as something else. */
static void test_type_confusion(void **state)
{
    (void)state;
    struct assay_secret_key *key = bundle_key(1);
    struct assay_public_key public = assay_secret_key_public(key);
    struct assay_bytes text = make_envelope(key, "application/vnd.cncf.notary", "{}");
    struct assay_error err;
    check_refused(verify(text.data, text.size, &public, &err), ASSAY_EFAILED, &err,
                  "application/vnd.cncf.notary");
    char *renamed =
        bundle_replace((const char *)text.data, "application/vnd.cncf.notary", ASSAY_PAYLOAD_TYPE);
    check_refused(verify(renamed, strlen(renamed), &public, &err), ASSAY_EFAILED, &err,
                  "does not hold");
    free(renamed);
    assay_bytes_fini(&text);
    assay_secret_key_destroy(key);
}

#define SIGNATURE "{\"keyid\":\"k\",\"sig\":\"AAAA\"}"
#define HEAD "{\"payload\":\"e30=\",\"payloadType\":\"t\",\"signatures\":"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_status status;
        const char *quoted;
    } rows[] = {
        {HEAD "[" SIGNATURE "]}", ASSAY_OK, ""},
        {HEAD "[" SIGNATURE "],\"more\":[1.5,null]}", ASSAY_OK, ""},
        {HEAD "[{\"sig\":\"AAAA\"}]}", ASSAY_OK, ""},
        {HEAD "[{\"keyid\":null,\"sig\":\"-_==\",\"x\":1}]}", ASSAY_EFORMAT, "base64"},
        {HEAD "[{\"keyid\":null,\"sig\":\"-_-_\",\"x\":1}]}", ASSAY_OK, ""},
        {HEAD "[" SIGNATURE ",{\"sig\":\"AAAA\"}]}", ASSAY_OK, ""},
        {HEAD "[" SIGNATURE "," SIGNATURE "]}", ASSAY_EFORMAT, "two signatures"},
        {HEAD "[{\"sig\":\"AAAA\"},{\"keyid\":\"\",\"sig\":\"AAAB\"}]}", ASSAY_EFORMAT,
         "two signatures"},
        {HEAD "[]}", ASSAY_EVALUE, "0 signatures"},
        {HEAD "{}}", ASSAY_EFORMAT, "signatures"},
        {HEAD "[1]}", ASSAY_EFORMAT, "signatures[0]: an integer"},
        {HEAD "[{\"keyid\":\"k\"}]}", ASSAY_EFORMAT, "sig is missing"},
        {HEAD "[{\"keyid\":\"\\n\",\"sig\":\"AAAA\"}]}", ASSAY_EVALUE, "keyid holds a control"},
        {HEAD "[{\"keyid\":7,\"sig\":\"AAAA\"}]}", ASSAY_EFORMAT, "keyid is an integer"},
        {"{\"payload\":\"e30\",\"payloadType\":\"t\",\"signatures\":[" SIGNATURE "]}",
         ASSAY_EFORMAT, "payload: not base64"},
        {"{\"payload\":{},\"payloadType\":\"t\",\"signatures\":[" SIGNATURE "]}", ASSAY_EFORMAT,
         "payload is an object"},
        {"{\"payload\":\"e30=\",\"signatures\":[" SIGNATURE "]}", ASSAY_EFORMAT,
         "payloadType is missing"},
        {"{\"payload\":\"e30=\",\"payload\":\"e31=\",\"payloadType\":\"t\",\"signatures\":"
         "[" SIGNATURE "]}",
         ASSAY_EFORMAT, "duplicate"},
        {HEAD "[" SIGNATURE "]} x", ASSAY_EFORMAT, "1:"},
        {"[]", ASSAY_EFORMAT, "an array in the place of an envelope"},
        {"", ASSAY_EFORMAT, "1:"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_envelope *envelope = NULL;
        struct assay_error err = {ASSAY_OK, ""};
        enum assay_status status =
            assay_envelope_parse(&envelope, rows[i].text, strlen(rows[i].text), &err);
        if (rows[i].status) {
            check_refused(status, rows[i].status, &err, rows[i].quoted);
        } else {
            check_ok(status, &err);
            assert_int_equal(envelope->payload_size, 2);
        }
        assay_envelope_destroy(envelope);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct assay_envelope *envelope = NULL;
    struct assay_error err;
    struct assay_bytes text = {0};
    static char big[ASSAY_ENVELOPE_BYTES_MAX + 1];
    memset(big, ' ', sizeof big);
    check_refused(assay_envelope_parse(&envelope, big, sizeof big, &err), ASSAY_EVALUE, &err,
                  "65536 bytes");
    check_ok(assay_bytes_format(&text, &err, HEAD "[{\"keyid\":\"0\",\"sig\":\"AAAA\"}"), &err);
    for (int i = 1; i <= ASSAY_ENVELOPE_SIGNATURES_MAX; i++) {
        check_ok(assay_bytes_format(&text, &err, ",{\"keyid\":\"%d\",\"sig\":\"AAAA\"}", i), &err);
    }
    check_ok(assay_bytes_format(&text, &err, "]}"), &err);
    check_refused(assay_envelope_parse(&envelope, text.data, text.size, &err), ASSAY_EVALUE, &err,
                  "17 signatures");
    assay_bytes_fini(&text);
    struct assay_public_key key = {{0}};
    struct assay_signature signature = {{0}};
    check_refused(assay_envelope_write(&text, "t", big, 50000, &key, &signature, &err),
                  ASSAY_EVALUE, &err, "the most is 65535");
    assert_int_equal(text.size, 0);
    assay_bytes_fini(&text);
}

/* URL-safe base64 holds the same bytes; another's signature beside ours is not in the way. */
static void test_other_makers(void **state)
{
    (void)state;
    struct assay_secret_key *key = bundle_key(3);
    struct assay_public_key public = assay_secret_key_public(key);
    struct assay_bytes text = make_envelope(key, ASSAY_PAYLOAD_TYPE, "{\"~\":\"\xc3\xbf?>\"}");
    struct assay_error err;
    size_t changed = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool in_type = i > 0 && text.data[i] == '/' && text.data[i - 1] == 'n';
        if (text.data[i] == '+' && text.data[i + 1] != 'j') text.data[i] = '-', changed++;
        if (text.data[i] == '/' && !in_type) text.data[i] = '_', changed++;
    }
    assert_true(changed > 0);
    check_ok(verify(text.data, text.size, &public, &err), &err);
    char *both = bundle_replace((const char *)text.data, "\"signatures\":[",
                                "\"signatures\":[{\"keyid\":\"rsa\",\"sig\":\"AAAA\"},");
    check_ok(verify(both, strlen(both), &public, &err), &err);
    free(both);
    assay_bytes_fini(&text);
    assay_secret_key_destroy(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pae),          cmocka_unit_test(test_pae_refusals),
        cmocka_unit_test(test_every_bit),    cmocka_unit_test(test_type_confusion),
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_other_makers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
