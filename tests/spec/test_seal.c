/* The identity of a spec: canonical text and digest, what changes them and what does not. */
#include "assay/spec.h"
#include "crypto/digest.h"
#include "spec_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The specs FULL and SHORT of tests/spec/golden.py, which printed these texts and digests with
 * Python's json and hashlib. */
static const char full_yaml[] =
    "assay: 1\nname: quickstart\n"
    "model: {path: m, sha256: 97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c}\n"
    "benchmark:\n  path: b\n"
    "  sha256: 6D0FA038DDBAC7C2A0709BB6D801E266DAAC3CBFA4DC6F4926FC831C586AA7BB\n"
    "prompt:\n  chat: none\n  system: Be brief.\n"
    "  user: \"Q: {question}\\n{{A}}: é\\U0001F600/\\x1f\\t\\\"\\\\\"\n"
    "answer: {extract: '^(\\S+)', stop: [\"\\n\", \"\\r\\n\\x7f\"]}\n"
    "max_tokens: 16\nreplicates: 8\nsets: 2\nseed: 9223372036854775807\n"
    "profiles:\n  - name: cool\n    temperature: 0.3\n    top_p: 0.95\n    top_k: 40\n"
    "    min_p: 0.05\n    repetition_penalty: 1.1\n    draw: lattice\n  - name: warm\n";
static const char full_canonical[] =
    "{\"answer\":{\"extract\":[{\"name\":\"strict\",\"pattern\":\"^(\\\\S+)\",\""
    "take\":\"first\"}],\"score\":\"acc\",\"scorer\":\"text\",\"stop\":[\"\\n\",\""
    "\\r\\n\x7f"
    "\"],\"thinking\":\"strip\"},\"arithmetic\":\"exact-1\",\"benchmar"
    "k\":{\"sha256\":\"6d0fa038ddbac7c2a0709bb6d801e266daac3cbfa4dc6f"
    "4926fc831c586aa7bb\"},\"format\":\"spec-2\",\"max_tokens\":16,\"mode"
    "l\":{\"sha256\":\"97ff8a35544dcf40ad84047074439dd6aa3a0be469ea57"
    "8a1b1c017d939ec61c\"},\"name\":\"quickstart\",\"profiles\":[{\"draw\""
    ":\"lattice\",\"min_p_milli\":50,\"name\":\"cool\",\"repetition_penalt"
    "y_milli\":1100,\"temperature_milli\":300,\"top_k\":40,\"top_p_mill"
    "i\":950},{\"draw\":\"strat\",\"min_p_milli\":0,\"name\":\"warm\",\"repet"
    "ition_penalty_milli\":1000,\"temperature_milli\":1000,\"top_k\":0"
    ",\"top_p_milli\":1000}],\"prompt\":{\"answer\":\"\",\"chat\":\"none\",\"o"
    "pening\":\"\",\"option\":\" {choice}\",\"order\":\"data\",\"separator\":\""
    "\\n\\n\",\"system\":\"Be brief.\",\"user\":\"Q: {question}\\n{{A}}: é😀/"
    "\\u001f\\t\\\"\\\\\"},\"replicates\":8,\"sampler\":\"sampler-1\",\"seed\":9"
    "223372036854775807,\"sets\":2}";
static const char full_digest[] =
    "091b49a6e891e4f88cf96e3e510502cad1560a9d251661b65b6451ab6012dbfb";
static const char short_yaml[] =
    "assay: 1\nname: short\nmodel: {path: m}\nbenchmark: {path: b}\nprompt: {user: '{q}'}\n"
    "max_tokens: 1\nreplicates: 1\nseed: 0\nprofiles: [{name: p}]\n";
static const char short_canonical[] =
    "{\"answer\":{\"extract\":[{\"name\":\"strict\",\"pattern\":\"(?m)^[^\\\\S"
    "\\\\n]*(\\\\S.*?)[^\\\\S\\\\n]*$\",\"take\":\"first\"}],\"score\":\"acc\",\"sc"
    "orer\":\"text\",\"stop\":[],\"thinking\":\"strip\"},\"arithmetic\":\"exa"
    "ct-1\",\"benchmark\":{\"sha256\":\"0000000000000000000000000000000"
    "000000000000000000000000000000000\"},\"format\":\"spec-2\",\"max_t"
    "okens\":1,\"model\":{\"sha256\":\"00000000000000000000000000000000"
    "00000000000000000000000000000000\"},\"name\":\"short\",\"profiles\""
    ":[{\"draw\":\"strat\",\"min_p_milli\":0,\"name\":\"p\",\"repetition_pen"
    "alty_milli\":1000,\"temperature_milli\":1000,\"top_k\":0,\"top_p_m"
    "illi\":1000}],\"prompt\":{\"answer\":\"\",\"chat\":\"model\",\"opening\":"
    "\"\",\"option\":\" {choice}\",\"order\":\"data\",\"separator\":\"\\n\\n\",\"s"
    "ystem\":\"\",\"user\":\"{q}\"},\"replicates\":1,\"sampler\":\"sampler-1\""
    ",\"seed\":0,\"sets\":1}";
static const char short_digest[] =
    "e738dbe81463b1c2a73205b27df4e938dcf15e31ac76b45c81113abf17d3537b";

/* Parse, check and seal; the digest in hex. */
static void seal(const char *text, size_t size, char hex[ASSAY_DIGEST_HEX])
{
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    if (assay_spec_parse(&spec, text, size, &err)) fail_msg("%s\n%s", err.text, text);
    assert_int_equal(assay_spec_seal(spec, &err), ASSAY_OK);
    assay_digest_hex(&spec->digest, hex);
    assay_spec_destroy(spec);
}

static void golden(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *canonical, *digest;
    } rows[] = {{full_yaml, full_canonical, full_digest},
                {short_yaml, short_canonical, short_digest}};
    for (size_t i = 0; i < 2; i++) {
        struct assay_error err = {0};
        struct assay_spec *spec = NULL;
        char hex[ASSAY_DIGEST_HEX];
        if (assay_spec_parse(&spec, rows[i].yaml, strlen(rows[i].yaml), &err))
            fail_msg("%s", err.text);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(assay_spec_seal(spec, &err), ASSAY_OK);
            assert_string_equal(spec->canonical, rows[i].canonical);
            assert_string_equal(assay_digest_hex(&spec->digest, hex), rows[i].digest);
        }
        assay_spec_destroy(spec);
    }
}

static void layout_is_not_identity(void **state)
{
    (void)state;
    static const char *const same[] = {
        /* comments, blank lines, quotes, a document start */
        "# a comment\n---\nassay: \"1\"  # one\n\n\nname: 'short'\nmodel: {path: m}\n"
        "benchmark: {path: b}\nprompt: {user: \"{q}\"}\nmax_tokens: 1\nreplicates: 1\nseed: 0\n"
        "profiles: [{name: p}]\n...\n",
        /* another order of keys, blocks instead of braces, line ends of another system */
        "assay: 1\r\nprofiles:\r\n- name: p\r\nseed: 0\r\nprompt:\r\n    user: '{q}'\r\n"
        "replicates: 1\r\nmodel:\r\n  path: m\r\nbenchmark:\r\n  path: b\r\nmax_tokens: 1\r\n"
        "name: short\r\n",
        /* JSON is YAML */
        "{\"assay\": 1, \"name\": \"short\", \"model\": {\"path\": \"m\"}, \"benchmark\": "
        "{\"path\": \"b\"}, \"prompt\": {\"user\": \"{q}\"}, \"max_tokens\": 1, "
        "\"replicates\": 1, \"seed\": 0, \"profiles\": [{\"name\": \"p\"}]}",
        /* description and paths do not enter */
        "assay: 1\nname: short\ndescription: words\nmodel: {path: /x/y}\nbenchmark: {path: z}\n"
        "prompt: {user: '{q}'}\nmax_tokens: 1\nreplicates: 1\nseed: 0\nprofiles: [{name: p}]\n",
        /* every default written out */
        "assay: 1\nname: short\ndescription: ''\nmodel: {path: m}\nbenchmark: {path: b}\n"
        "prompt: {chat: model, system: '', user: '{q}'}\n"
        "answer: {extract: '(?m)^[^\\S\\n]*(\\S.*?)[^\\S\\n]*$', stop: []}\n"
        "max_tokens: 1\nreplicates: 1\nsets: 1\nseed: 0\nkv: f16\n"
        "profiles:\n- name: p\n  temperature: 1.000\n  top_p: 1.0\n  top_k: 0\n  min_p: 0.0\n"
        "  repetition_penalty: 1\n  draw: strat\n",
        "assay: 1\nname: short\nmodel: {path: m}\nbenchmark: {path: b}\nprompt: {user: '{q}'}\n"
        "answer: {}\nmax_tokens: 1\nreplicates: 1\nseed: 0\nprofiles: [{name: p}]\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char hex[ASSAY_DIGEST_HEX];
        seal(same[i], strlen(same[i]), hex);
        assert_string_equal(hex, short_digest);
    }
}

/* Another arithmetic, and no key of its own. */
static void kv_is_an_arithmetic(void **state)
{
    (void)state;
    struct assay_spec *spec = NULL;
    struct assay_error err;
    char text[SPEC_TEXT_BYTES], wanted[SPEC_TEXT_BYTES];
    int size = snprintf(text, sizeof text, "%skv: f32\n", short_yaml);
    const char *at = strstr(short_canonical, "exact-1") + strlen("exact-1");
    snprintf(wanted, sizeof wanted, "%.*s-kv32%s", (int)(at - short_canonical), short_canonical,
             at);
    assert_int_equal(assay_spec_parse(&spec, text, (size_t)size, &err), ASSAY_OK);
    assert_int_equal(assay_spec_seal(spec, &err), ASSAY_OK);
    assert_string_equal(spec->canonical, wanted);
    assert_int_equal(assay_spec_arithmetic(spec), ASSAY_ARITHMETIC_EXACT_1_KV32);
    assay_spec_destroy(spec);
}

static void every_value_is_identity(void **state)
{
    (void)state;
    static const struct {
        size_t line;
        const char *text;
    } changes[] = {
        {0, NULL},
        {2, "name: other"},
        {6, "  sha256: " SHA_B},
        {6, NULL},
        {9, "  sha256: " SHA_A},
        {11, "  chat: none"},
        {12, "  system: Be brief!"},
        {12, NULL},
        {13, "  user: 'Q: {question} '"},
        {15, "  extract: '^(.+)$'"},
        {15, NULL},
        {16, "  stop: [\"\\n\"]"},
        {16, "  stop: [END, \"\\n\"]"},
        {16, NULL},
        {17, "max_tokens: 17"},
        {18, "replicates: 10"},
        {19, "sets: 4"},
        {19, "sets: 2\nkv: f32"},
        {19, NULL},
        {20, "seed: 2"},
        {22, "  - name: cold"},
        {23, "    temperature: 0.301"},
        {24, "    top_p: 0.951"},
        {25, "    top_k: 41"},
        {26, "    min_p: 0.051"},
        {27, "    repetition_penalty: 1.101"},
        {28, "    draw: strat"},
        {28, "    draw: iid"},
        {29, "  - {name: warm, draw: lhs}"},
        {29, "  - {name: warm}\n  - {name: warmer}"},
        {29, NULL},
    };
    enum { COUNT = sizeof changes / sizeof changes[0] };
    char digests[COUNT][ASSAY_DIGEST_HEX];
    for (size_t i = 0; i < COUNT; i++) {
        char text[SPEC_TEXT_BYTES];
        size_t size = spec_text(text, changes[i].line, changes[i].text);
        seal(text, size, digests[i]);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(digests[i], digests[j]);
    }
}

/* The same profiles in another order number the samples differently. */
static void order_of_profiles_is_identity(void **state)
{
    (void)state;
    char forth[ASSAY_DIGEST_HEX], back[ASSAY_DIGEST_HEX], text[SPEC_TEXT_BYTES];
    for (unsigned i = 0; i < 2; i++) {
        spec_text(text, 0, NULL);
        char *end = strstr(text, "profiles:");
        snprintf(end, SPEC_TEXT_BYTES - (size_t)(end - text),
                 "profiles: [{name: %c}, {name: %c}]\n", "ab"[i], "ba"[i]);
        seal(text, strlen(text), i == 0 ? forth : back);
    }
    assert_string_not_equal(forth, back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden),
        cmocka_unit_test(layout_is_not_identity),
        cmocka_unit_test(kv_is_an_arithmetic),
        cmocka_unit_test(every_value_is_identity),
        cmocka_unit_test(order_of_profiles_is_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
