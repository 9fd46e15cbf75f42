/* Statements: from a results file to JSON and back, and every member in another form. */
#include "signed.h"

#include "assay/statement.h"
#include "base/json.h"
#include "crypto/digest.h"

/* FORMAT.md 8.1 over the fixture's process, by Python's hashlib. */
#define TOPOLOGIES "2619737c09e568f1a23b88ba77e106af3f9da49151c3b8251f38ee2ace84ba47"
#define BATCH "69630ed53dd0fb2e86089075d89bc2a35f7c5edd4453799093a0cc7ea1a6fb88"

static struct assay_bytes write_statement(const struct assay_statement *statement)
{
    struct assay_bytes text = {0};
    struct assay_error err;
    check_ok(assay_statement_write(statement, &text, &err), &err);
    return text;
}

static struct assay_statement *make_statement(struct place *place,
                                              const struct assay_statement_facts *facts)
{
    struct assay_error err;
    struct assay_results *results = NULL;
    struct assay_statement *statement = NULL;
    check_ok(assay_results_open(&results, place->file, NULL, &err), &err);
    check_ok(assay_statement_of_results(&statement, results, facts, &err), &err);
    assay_results_close(results);
    return statement;
}

static void test_content(void **state)
{
    struct place *place = *state;
    struct assay_statement_facts facts = {.chain = "assay-test-1",
                                          .task = "capitals",
                                          .round = UINT64_MAX,
                                          .results_name = "r.h5",
                                          .results_file = fixture_digest("file", 0),
                                          .merkle_root = fixture_digest("root", 0)};
    struct assay_statement *statement = make_statement(place, &facts);
    /* 24 samples, each fourth correct; strata: items 0 and 2 are easy, item 1 is hard. */
    assert_int_equal(statement->all.total, 24);
    assert_int_equal(statement->all.correct, 6);
    assert_int_equal(statement->all.score_micro, 6000000);
    assert_int_equal(statement->stratum_count, 2);
    assert_string_equal(statement->strata[0].name, "easy");
    assert_int_equal(statement->strata[0].tally.total, 16);
    assert_int_equal(statement->strata[1].tally.correct, 2);
    assert_string_equal(statement->started, "2023-11-14T22:13:20Z");
    assert_string_equal(statement->site, "");
    struct assay_bytes text = write_statement(statement);
    assert_non_null(strstr((const char *)text.data, "\"round\":\"18446744073709551615\""));
    assert_null(strchr((const char *)text.data, '\n'));
    struct assay_statement *again = NULL;
    struct assay_error err;
    check_ok(assay_statement_parse(&again, text.data, text.size, &err), &err);
    check_ok(assay_statement_compare(again, statement, &err), &err);
    struct assay_bytes second = write_statement(again);
    assert_string_equal((const char *)text.data, (const char *)second.data);
    assay_bytes_fini(&second);
    assay_bytes_fini(&text);
    assay_statement_destroy(again);
    assay_statement_destroy(statement);
}

static void test_facts_refused(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *chain, *task;
    } rows[] = {{"", "t"}, {"a b", "t"}, {"c", "t\n"}, {"c", NULL}, {NULL, "t"}, {"c/d", "t"}};
    struct assay_error err;
    struct assay_results *results = NULL;
    check_ok(assay_results_open(&results, place->file, NULL, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_statement *statement = NULL;
        const struct assay_statement_facts facts = {
            .chain = rows[i].chain, .task = rows[i].task, .results_name = "r.h5"};
        check_refused(assay_statement_of_results(&statement, results, &facts, &err), ASSAY_EVALUE,
                      &err, "predicate.chain");
        assert_null(statement);
    }
    assay_results_close(results);
}

static const struct {
    const char *old, *new;
    enum assay_status status;
    const char *quoted;
} refusals[] = {
    {"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1", ASSAY_EUNSUPPORTED,
     "_type is \"https://in-toto.io/Statement/v0.1\""},
    {"attestation/results/v2", "attestation/results/v1", ASSAY_EUNSUPPORTED, "results/v1"},
    {"attestation/results/v2", "attestation/results/v3", ASSAY_EUNSUPPORTED, "results/v3"},
    {"\"topologyDigest\":\"", "\"topologyDigest\":\"x", ASSAY_EFORMAT, "topologyDigest is"},
    {"\"topologyDigest\"", "\"topology\"", ASSAY_EFORMAT, "topologyDigest is missing"},
    {"\"batch\"", "\"job\"", ASSAY_EFORMAT, "batch is missing"},
    {"\"hardware\":\"", "\"hardware\":\"\\n", ASSAY_EVALUE, "environment.hardware holds a control"},
    {"https://assay.dev/attestation/results/v2", "https://slsa.dev/provenance/v1",
     ASSAY_EUNSUPPORTED, "slsa.dev"},
    {"\"predicate\":", "\"predicat\":", ASSAY_EFORMAT, "predicate is missing"},
    {"\"treeSize\":\"24\"", "\"treeSize\":24", ASSAY_EFORMAT, "records.treeSize is an integer"},
    {"\"treeSize\":\"24\"", "\"treeSize\":24.5", ASSAY_EFORMAT, "treeSize is a real number"},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"024\"", ASSAY_EFORMAT, "treeSize is \"024\""},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"24 \"", ASSAY_EFORMAT, "whole number"},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"-24\"", ASSAY_EFORMAT, "whole number"},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"18446744073709551616\"", ASSAY_EFORMAT, "whole"},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"25\"", ASSAY_EVALUE, "treeSize"},
    {"\"treeSize\":\"24\"", "\"treeSize\":\"24\",\"treeSize\":\"24\"", ASSAY_EFORMAT, "duplicate"},
    {"\"hash\":\"rfc6962-sha256\"", "\"hash\":\"sha256\"", ASSAY_EUNSUPPORTED, "rfc6962-sha256"},
    {"\"leaf\":\"leaf-1\"", "\"leaf\":\"leaf-2\"", ASSAY_EUNSUPPORTED, "leaf-2"},
    {"\"merkleRoot\":\"", "\"merkleRoot\":\"0", ASSAY_EFORMAT, "merkleRoot is"},
    {"\"correct\":\"6\"", "\"correct\":\"25\"", ASSAY_EVALUE, "more correct"},
    {"\"correct\":\"6\"", "\"correct\":\"7\"", ASSAY_EVALUE, "do not add up"},
    {"\"scoreMicro\":\"6000000\"", "\"scoreMicro\":\"24000001\"", ASSAY_EVALUE, "more correct"},
    {"\"strata\":[", "\"strata\":[[],", ASSAY_EFORMAT, "strata: name is missing"},
    {"\"strata\":[", "\"stratum\":[", ASSAY_EFORMAT, "strata is missing"},
    {"\"subject\":[", "\"subject\":[{},", ASSAY_EFORMAT, "3 elements"},
    {"\"subject\":[{\"digest\":{\"sha256\"", "\"subject\":[{\"digest\":{\"sha512\"", ASSAY_EFORMAT,
     "subject.digest.sha256 is missing"},
    {"\"started\":\"2023-11-14T22:13:20Z\"", "\"started\":\"2023-11-14T22:13:20+01:00\"",
     ASSAY_EFORMAT, "started is \"2023-11-14T22:13:20+01:00\""},
    {"\"started\":\"2023-11-14T22:13:20Z\"", "\"started\":\"now\"", ASSAY_EFORMAT, "now"},
    {"\"isa\":\"avx2\"", "\"isa\":\"\\u001b[2J\"", ASSAY_EVALUE, "environment.isa holds a control"},
    {"\"site\":\"\"", "\"site\":\"me\"", ASSAY_EFORMAT, "predicate.site is \"me\""},
    {"\"site\":\"\"", "\"chain\":\"c\",\"site\":\"\"", ASSAY_EFORMAT, "task is missing"},
    {"\"site\":\"\"", "\"round\":\"1\",\"site\":\"\"", ASSAY_EFORMAT, "chain is missing"},
    {"\"site\":\"\"", "\"chain\":\"a b\",\"round\":\"1\",\"task\":\"t\",\"site\":\"\"",
     ASSAY_EVALUE, "no name"},
};

static void test_refusals(void **state)
{
    struct place *place = *state;
    const struct assay_statement_facts facts = {.results_name = "r.h5"};
    struct assay_statement *statement = make_statement(place, &facts), *read = NULL;
    struct assay_bytes text = write_statement(statement);
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        char *changed = bundle_replace((const char *)text.data, refusals[i].old, refusals[i].new);
        if (!changed) fail_msg("the statement has no %s", refusals[i].old);
        check_refused(assay_statement_parse(&read, changed, strlen(changed), &err),
                      refusals[i].status, &err, refusals[i].quoted);
        free(changed);
    }
    char *more = bundle_replace((const char *)text.data, "\"site\":\"\"",
                                "\"site\":\"\",\"later\":{\"x\":[1.5]}");
    check_ok(assay_statement_parse(&read, more, strlen(more), &err), &err);
    free(more);
    static char big[ASSAY_STATEMENT_BYTES_MAX + 1];
    struct assay_statement *unread = NULL;
    check_refused(assay_statement_parse(&unread, big, sizeof big, &err), ASSAY_EVALUE, &err,
                  "48001 bytes");
    check_refused(assay_statement_parse(&unread, "[]", 2, &err), ASSAY_EFORMAT, &err, "an array");
    assay_statement_destroy(read);
    assay_statement_destroy(statement);
    assay_bytes_fini(&text);
}

/* A statement that says something else than the results file is found out, member by member. */
static void test_compare(void **state)
{
    struct place *place = *state;
    static const struct {
        const char *old, *new, *quoted;
    } rows[] = {
        {"\"engine\":\"assay 0.1.0\"", "\"engine\":\"assay 9.9.9\"",
         "environment.engine is \"assay 9.9.9\""},
        {"\"isa\":\"avx2\"", "\"isa\":\"sse2\"", "environment.isa"},
        {"\"build\":\"", "\"build\":\"x", "environment.build is \"x"},
        {"\"hardware\":\"", "\"hardware\":\"x", "environment.hardware is \"x"},
        {"\"topologyDigest\":\"" TOPOLOGIES, "\"topologyDigest\":\"" BATCH,
         "environment.topologyDigest is \"" BATCH "\", but the results file gives \"" TOPOLOGIES},
        {"\"jobDigest\":\"" BATCH, "\"jobDigest\":\"" TOPOLOGIES,
         "batch.jobDigest is \"" TOPOLOGIES},
        {"\"name\":\"fixture\"", "\"name\":\"other\"", "spec.name is \"other\""},
        {"\"name\":\"easy\"", "\"name\":\"soft\"", "strata[0] is \"soft\""},
        {"\"started\":\"2023", "\"started\":\"2022", "times.started"},
        {"\"dataset\":{\"sha256\":\"bb", "\"dataset\":{\"sha256\":\"cc", "dataset.sha256 is \"cc"},
        {"\"digest\":{\"sha256\":\"aa", "\"digest\":{\"sha256\":\"ab", "model subject is ab"},
    };
    const struct assay_statement_facts facts = {.results_name = "r.h5"};
    struct assay_statement *statement = make_statement(place, &facts);
    struct assay_bytes text = write_statement(statement);
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_statement *read = NULL;
        char *changed = bundle_replace((const char *)text.data, rows[i].old, rows[i].new);
        if (!changed) fail_msg("the statement has no %s", rows[i].old);
        check_ok(assay_statement_parse(&read, changed, strlen(changed), &err), &err);
        check_refused(assay_statement_compare(read, statement, &err), ASSAY_EFAILED, &err,
                      rows[i].quoted);
        assay_statement_destroy(read);
        free(changed);
    }
    assay_statement_destroy(statement);
    assay_bytes_fini(&text);
}

static int set_up(void **state)
{
    static struct place place;
    place_make(&place);
    place_write(&place);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    place_drop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_facts_refused),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_compare),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
