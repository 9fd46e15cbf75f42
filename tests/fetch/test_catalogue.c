/* The catalogue: values, and every refusal with its place. */
#include "harness/check.h"

#include "assay/fetch.h"
#include "crypto/digest.h"

#define SHA "97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c"
#define HEAD "catalogue: 1\nentries:\n"

static const char whole[] =
    HEAD "  - name: One-2.gguf\n    bytes: 7\n    sha256: " SHA "\n    licence: MIT\n"
         "    package: [a-b==1.0, c==2.1+x]\n    member: [a/one, c/two]\n"
         "  - {name: two, sha256: " SHA ", url: 'https://example.org/two?x=1'}\n"
         "  - {name: three, sha256: " SHA ", file: [../a b, c]}\n";

static void every_key_arrives(void **state)
{
    (void)state;
    struct assay_catalogue *catalogue;
    struct assay_error err;
    check_ok(assay_catalogue_parse(&catalogue, whole, strlen(whole), "c.yaml", &err), &err);
    assert_int_equal(catalogue->entry_count, 3);
    assert_string_equal(catalogue->path, "c.yaml");
    const struct assay_catalogue_entry *entry = assay_catalogue_find(catalogue, "One-2.gguf");
    char hex[ASSAY_DIGEST_HEX];
    assert_non_null(entry);
    assert_int_equal(entry->bytes, 7);
    assert_string_equal(assay_digest_hex(&entry->sha256, hex), SHA);
    assert_string_equal(entry->licence, "MIT");
    assert_int_equal(entry->source, ASSAY_SOURCE_PACKAGE);
    assert_int_equal(entry->piece_count, 2);
    assert_string_equal(entry->pieces[1], "c==2.1+x");
    assert_string_equal(entry->members[0], "a/one");
    assert_ptr_equal(assay_catalogue_find_digest(catalogue, &entry->sha256), entry);
    entry = assay_catalogue_find(catalogue, "two");
    assert_int_equal(entry->source, ASSAY_SOURCE_URL);
    assert_int_equal(entry->bytes, 0);
    entry = assay_catalogue_find(catalogue, "three");
    assert_int_equal(entry->source, ASSAY_SOURCE_FILE);
    assert_string_equal(entry->pieces[0], "../a b");
    assert_null(assay_catalogue_find(catalogue, "four"));
    check_refused(assay_catalogue_need(&entry, catalogue, "thre", &err), ASSAY_ENOTFOUND, &err,
                  "c.yaml has no entry \"thre\"; did you mean three?");
    assay_catalogue_close(catalogue);
    assay_catalogue_close(NULL);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        enum assay_status status;
    } rows[] = {
        {"", "c.yaml:1:1: the file is empty", ASSAY_EFORMAT},
        {"catalogue: 2\nentries: []\n", "c.yaml:1:1: catalogue is 2: this program reads version 1",
         ASSAY_EUNSUPPORTED},
        {"catalogue: 1\n", "the catalogue needs the key \"entries\"", ASSAY_EFORMAT},
        {"catalogue: 1\nentires: []\n", "c.yaml:2:1: unknown key \"entires\"", ASSAY_EFORMAT},
        {HEAD "  - {name: a, sha256: " SHA "}\n",
         "c.yaml:3:5: entry \"a\" has 0 of package, url, file", ASSAY_EFORMAT},
        {HEAD "  - {name: a, sha256: " SHA ", url: 'http://x', file: y}\n",
         "has 2 of package, url, file", ASSAY_EFORMAT},
        {HEAD "  - {name: a, url: 'http://x'}\n", "an entry needs the key \"sha256\"",
         ASSAY_EFORMAT},
        {HEAD "  - {name: a, sha256: 12, url: 'http://x'}\n", "sha256 is \"12\"", ASSAY_EVALUE},
        {HEAD "  - {name: ../a, sha256: " SHA ", url: 'http://x'}\n", "3:6: name is \"../a\"",
         ASSAY_EVALUE},
        {HEAD "  - {name: sha256, sha256: " SHA ", url: 'http://x'}\n", "neither sha256 nor",
         ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", package: a==1}\n", "package: 1, member: 0",
         ASSAY_EFORMAT},
        {HEAD "  - {name: a, sha256: " SHA ", file: x, member: y}\n", "package: 0, member: 1",
         ASSAY_EFORMAT},
        {HEAD "  - {name: a, sha256: " SHA ", package: a, member: b}\n",
         "package has \"a\": it must be NAME==VERSION", ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", package: '--pre==1', member: b}\n",
         "package has \"--pre==1\"", ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", package: 'a==1 b', member: b}\n",
         "package has \"a==1 b\"", ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", url: 'file:///etc/passwd'}\n",
         "url has \"file:///etc/passwd\": it must be an address", ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", url: '-o'}\n", "url has \"-o\"", ASSAY_EVALUE},
        {HEAD "  - {name: a, sha256: " SHA ", file: x}\n  - {name: a, sha256: " SHA ", file: y}\n",
         "two are named \"a\" (lines 3 and 4)", ASSAY_EVALUE},
        {HEAD "  - {name: a, bytes: 0, sha256: " SHA ", file: x}\n", "bytes is \"0\"",
         ASSAY_EVALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_catalogue *catalogue = NULL;
        struct assay_error err = {0};
        enum assay_status status =
            assay_catalogue_parse(&catalogue, rows[i].text, strlen(rows[i].text), "c.yaml", &err);
        if (status != rows[i].status || !strstr(err.text, rows[i].message)) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_null(catalogue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_arrives),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
