/* Bundles: what each check finds, and that every tampered part is refused by its name. */
#include "signed.h"

#include "assay/statement.h"
#include "attest/verify.h"

#include <sys/stat.h>

static enum assay_status verify(struct bundle *bundle, const char *envelope, const char *results,
                                const char *record, struct assay_checks *checks,
                                struct assay_error *err)
{
    const struct assay_verification what = {.envelope_path = envelope,
                                            .results_path = results,
                                            .record_path = record,
                                            .key = envelope ? &bundle->public : NULL};
    return assay_verify(checks, &what, err);
}

/* The checks in order, those not done in brackets. */
static void check_names(const struct assay_checks *checks, const char *expected)
{
    char names[256] = "";
    for (size_t i = 0; i < checks->count; i++) {
        const struct assay_check *row = &checks->rows[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s%s%s", i ? ", " : "", row->done ? "" : "(",
                 row->name, row->done ? "" : ")");
        assert_true(row->detail[0] != '\0');
    }
    assert_string_equal(names, expected);
}

static void test_whole(void **state)
{
    struct bundle *bundle = *state;
    struct assay_checks checks;
    struct assay_error err;
    char salt[FOLDER_PATH_BYTES], away[FOLDER_PATH_BYTES];
    check_ok(verify(bundle, bundle->envelope, NULL, NULL, &checks, &err), &err);
    check_names(&checks, "signature, statement, (results file)");
    check_ok(verify(bundle, bundle->envelope, bundle->place.file, NULL, &checks, &err), &err);
    check_names(&checks, "signature, statement, results file, records, counts, merkle root");
    folder_path(&bundle->place.folder, "r.h5.salt", salt);
    folder_path(&bundle->place.folder, "away.salt", away);
    assert_int_equal(rename(salt, away), 0);
    check_ok(verify(bundle, bundle->envelope, bundle->place.file, NULL, &checks, &err), &err);
    check_names(&checks, "signature, statement, results file, records, counts, (merkle root)");
    assert_int_equal(rename(away, salt), 0);
}

static void test_record(void **state)
{
    struct bundle *bundle = *state;
    struct assay_checks checks;
    struct assay_error err;
    struct assay_bytes text = {0};
    char path[FOLDER_PATH_BYTES], other[FOLDER_PATH_BYTES];
    folder_path(&bundle->place.folder, "record.json", path);
    folder_path(&bundle->place.folder, "round.json", other);
    check_ok(assay_attest_open(&text, bundle->place.file, NULL, bundle->envelope, 23, &err), &err);
    check_ok(assay_file_write(path, text.data, text.size, &err), &err);
    check_ok(verify(bundle, NULL, NULL, path, &checks, &err), &err);
    check_names(&checks, "record, inclusion, (root)");
    check_ok(verify(bundle, bundle->envelope, NULL, path, &checks, &err), &err);
    check_names(&checks, "signature, statement, (results file), record, inclusion");
    /* The same root in another envelope is another statement. */
    const struct assay_attest_round round = {"c", "t", 9};
    check_ok(bundle_attest(bundle, other, &round, &err), &err);
    check_refused(verify(bundle, other, NULL, path, &checks, &err), ASSAY_EFAILED, &err,
                  "opened for the envelope");
    assay_bytes_fini(&text);
}

/* One byte of the results file, wherever it lies. */
static void test_tampered_results(void **state)
{
    struct bundle *bundle = *state;
    struct assay_bytes bytes = bundle_read(bundle->place.file);
    struct assay_checks checks;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    folder_path(&bundle->place.folder, "changed.h5", path);
    for (size_t i = 0; i < 20; i++) {
        size_t at = bytes.size * i / 20 + i;
        bytes.data[at] ^= 1;
        check_ok(assay_file_write(path, bytes.data, bytes.size, &err), &err);
        check_refused(verify(bundle, bundle->envelope, path, NULL, &checks, &err), ASSAY_EFAILED,
                      &err, "the file has sha256");
        check_names(&checks, "signature, statement");
        bytes.data[at] ^= 1;
    }
    check_refused(verify(bundle, bundle->envelope, "none.h5", NULL, &checks, &err), ASSAY_ENOTFOUND,
                  &err, "none.h5");
    assay_bytes_fini(&bytes);
}

/* A signed statement that is not true of its results file: the owner of the key lied. */
static void test_false_statement(void **state)
{
    static const struct {
        const char *old, *new, *quoted;
    } rows[] = {
        {"\"correct\":\"6\",\"scoreMicro\":\"6000000\",\"strata\":[{\"correct\":\"4\",\"name\":"
         "\"easy\",\"scoreMicro\":\"4000000\"",
         "\"correct\":\"7\",\"scoreMicro\":\"7000000\",\"strata\":[{\"correct\":\"5\",\"name\":"
         "\"easy\",\"scoreMicro\":\"5000000\"",
         "predicate.result.correct is \"7\", but the results file gives \"6\""},
        {"\"merkleRoot\":\"", NULL, "predicate.records.merkleRoot is"},
        {"\"recordsDigest\":\"", NULL, "predicate.records.recordsDigest is"},
        {"\"plan\":{\"digest\":\"", NULL, "predicate.plan.digest is"},
    };
    struct bundle *bundle = *state;
    struct assay_envelope *envelope = NULL;
    struct assay_digest digest;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    folder_path(&bundle->place.folder, "lie.json", path);
    check_ok(assay_envelope_read(&envelope, &digest, bundle->envelope, &err), &err);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_bytes text = {0}, pae = {0};
        struct assay_checks checks;
        const char *payload = (const char *)envelope->payload;
        const char *new = rows[i].new ? rows[i].new : rows[i].old;
        char *lie = bundle_replace(payload, rows[i].old, new);
        if (!lie) fail_msg("the statement has no %s", rows[i].old);
        if (!rows[i].new) { /* another first digit */
            char *digit = strstr(lie, rows[i].old) + strlen(rows[i].old);
            *digit = *digit == '0' ? '1' : '0';
        }
        check_ok(assay_dsse_pae(&pae, ASSAY_PAYLOAD_TYPE, lie, strlen(lie), &err), &err);
        struct assay_signature signature = assay_sign(bundle->key, pae.data, pae.size);
        check_ok(assay_envelope_write(&text, ASSAY_PAYLOAD_TYPE, lie, strlen(lie), &bundle->public,
                                      &signature, &err),
                 &err);
        check_ok(assay_file_write(path, text.data, text.size, &err), &err);
        check_ok(verify(bundle, path, NULL, NULL, &checks, &err), &err);
        check_refused(verify(bundle, path, bundle->place.file, NULL, &checks, &err), ASSAY_EFAILED,
                      &err, rows[i].quoted);
        assay_bytes_fini(&text);
        assay_bytes_fini(&pae);
        free(lie);
    }
    assay_envelope_destroy(envelope);
}

/* The salt key is looked at as hard as any secret. */
static void test_salt_key(void **state)
{
    struct bundle *bundle = *state;
    struct assay_checks checks;
    struct assay_error err;
    char salt[FOLDER_PATH_BYTES];
    folder_path(&bundle->place.folder, "r.h5.salt", salt);
    assert_int_equal(chmod(salt, 0640), 0);
    check_refused(verify(bundle, bundle->envelope, bundle->place.file, NULL, &checks, &err),
                  ASSAY_EVALUE, &err, "r.h5.salt: has mode 0640");
    assert_int_equal(chmod(salt, 0600), 0);
    struct assay_bytes bytes = bundle_read(salt);
    bytes.data[20] = bytes.data[20] == 'a' ? 'b' : 'a';
    check_ok(assay_file_write(salt, bytes.data, bytes.size, &err), &err);
    assert_int_equal(chmod(salt, 0600), 0);
    check_refused(verify(bundle, bundle->envelope, bundle->place.file, NULL, &checks, &err),
                  ASSAY_EFAILED, &err, "but records and salt key give");
    struct assay_bytes text = {0};
    check_refused(assay_attest_open(&text, bundle->place.file, NULL, bundle->envelope, 0, &err),
                  ASSAY_EMISMATCH, &err, "its root is");
    assay_bytes_fini(&bytes);
}

static int set_up(void **state)
{
    static struct bundle bundle;
    bundle_make(&bundle);
    *state = &bundle;
    return 0;
}

static int tear_down(void **state)
{
    bundle_drop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_tampered_results),
        cmocka_unit_test(test_false_statement),
        cmocka_unit_test(test_salt_key), /* last: it spoils the salt key */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
