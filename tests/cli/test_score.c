/* A signed results file as a score: its root and bits, and the rounds that it is not for. */
#include "../attest/signed.h"

#include "attest/verify.h"
#include "cli/score.h"

static void bundle_make_for(struct bundle *bundle, const struct assay_public_key *site)
{
    struct assay_error err;
    struct place *place = &bundle->place;
    *place = (struct place){.folder = folder_make(), .fixture = fixture_make(1)};
    check_ok(assay_plan_init(&place->fixture.plan, place->fixture.spec, FIXTURE_ITEMS, site->bytes,
                             sizeof site->bytes, &err),
             &err);
    fixture_facts(&place->facts, &place->fixture.plan);
    folder_path(&place->folder, "r.journal", place->journal);
    folder_path(&place->folder, "r.h5", place->file);
    check_ok(fixture_journal(place->journal, &place->fixture.plan, &err), &err);
    place_write(place);
    bundle->key = bundle_key(7);
    bundle->public = assay_secret_key_public(bundle->key);
    folder_path(&place->folder, "r.h5.dsse.json", bundle->envelope);
    folder_path(&place->folder, "key.log", bundle->log);
}

static struct assay_public_key public_of(uint8_t number)
{
    struct assay_secret_key *key = bundle_key(number);
    struct assay_public_key public = assay_secret_key_public(key);
    assay_secret_key_destroy(key);
    return public;
}

static void test_taken(void **state)
{
    static const struct assay_attest_round signed_for = {"my-lab", "12", 3};
    struct assay_public_key site = public_of(7), other = public_of(8);
    struct assay_score_round round = {"my-lab", 12, 3, &site};
    struct bundle bundle;
    struct assay_score score;
    struct assay_results *results = NULL;
    struct assay_error err;
    uint64_t set = 0;
    (void)state;
    bundle_make_for(&bundle, &site);
    check_refused(assay_score_read(&score, bundle.place.file, &round, &err), ASSAY_ENOTFOUND, &err,
                  "dsse.json");
    check_ok(bundle_attest(&bundle, bundle.envelope, &signed_for, &err), &err);
    check_ok(assay_score_read(&score, bundle.place.file, &round, &err), &err);
    check_ok(assay_results_open(&results, bundle.place.file, NULL, &err), &err);
    assert_int_equal(score.n, results->sample_count);
    for (uint64_t i = 0; i < score.n; i++) {
        bool bit = score.bits.data[i / 8] >> i % 8 & 1;
        assert_int_equal(bit, results->score_micro[i] == ASSAY_SCORE_ONE);
        set += bit;
    }
    assert_int_equal(score.sum, set);
    assert_true(set > 0 && set < score.n);
    assay_results_close(results);
    assay_score_fini(&score);

    static const struct {
        const char *chain;
        uint64_t task;
        uint32_t round;
    } rows[] = {{"my-lab", 12, 2}, {"my-lab", 1, 3}, {"your-lab", 12, 3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_score_round wrong = {rows[i].chain, rows[i].task, rows[i].round, &site};
        check_refused(assay_score_read(&score, bundle.place.file, &wrong, &err), ASSAY_EMISMATCH,
                      &err, "signed for chain my-lab, task 12, round 3, not for");
    }
    round.site = &other;
    check_refused(assay_score_read(&score, bundle.place.file, &round, &err), ASSAY_EFAILED, &err,
                  "sign");
    bundle_drop(&bundle);
}

/* A run of one's own: no round, and no site's keys. */
static void test_own_run(void **state)
{
    struct assay_public_key site = public_of(7);
    struct assay_score_round round = {"my-lab", 12, 3, &site};
    static const struct assay_attest_round signed_for = {"my-lab", "12", 3};
    struct bundle bundle;
    struct assay_score score;
    struct assay_error err;
    (void)state;
    bundle_make(&bundle);
    check_refused(assay_score_read(&score, bundle.place.file, &round, &err), ASSAY_EMISMATCH, &err,
                  "no network's round");
    check_ok(bundle_attest(&bundle, bundle.envelope, &signed_for, &err), &err);
    check_refused(assay_score_read(&score, bundle.place.file, &round, &err), ASSAY_EMISMATCH, &err,
                  "site \"\"");
    check_refused(assay_score_read(&score, bundle.envelope, &round, &err), ASSAY_EFORMAT, &err,
                  "root");
    bundle_drop(&bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken),
                                       cmocka_unit_test(test_own_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
