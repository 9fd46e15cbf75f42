/* The plan: numbering, limits, digest. */
#include "assay/plan.h"
#include "crypto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define REST                                                                                       \
    "model: {path: m}\nbenchmark: {path: b}\nprompt: {user: '{q}'}\nmax_tokens: 1\nseed: 0\n"

static struct assay_spec *sealed(const char *text)
{
    struct assay_error err = {0};
    struct assay_spec *spec = NULL;
    if (assay_spec_parse(&spec, text, strlen(text), &err) || assay_spec_seal(spec, &err))
        fail_msg("%s", err.text);
    return spec;
}

static void samples_are_numbered_item_major(void **state)
{
    (void)state;
    struct assay_spec *spec = sealed("assay: 1\nname: n\n" REST "replicates: 4\n"
                                     "profiles: [{name: a}, {name: b}, {name: c}]\n");
    struct assay_error err = {0};
    struct assay_plan plan;
    assert_int_equal(assay_plan_init(&plan, spec, 5, NULL, 0, &err), ASSAY_OK);
    assert_ptr_equal(plan.spec, spec);
    assert_int_equal(plan.item_count, 5);
    assert_int_equal(plan.profile_count, 3);
    assert_int_equal(plan.replicates, 4);
    assert_int_equal(plan.group_count, 15);
    assert_int_equal(plan.sample_count, 60);
    assert_int_equal(plan.site_bytes, 0);
    uint64_t index = 0;
    for (uint32_t item = 0; item < 5; item++)
        for (uint32_t profile = 0; profile < 3; profile++)
            for (uint32_t replicate = 0; replicate < 4; replicate++, index++) {
                struct assay_cell cell = assay_plan_cell(&plan, index);
                assert_int_equal(cell.sample_index, index);
                assert_int_equal(cell.item_index, item);
                assert_int_equal(cell.profile_index, profile);
                assert_int_equal(cell.replicate, replicate);
            }
    assay_spec_destroy(spec);
}

static void limits(void **state)
{
    (void)state;
    struct assay_spec *spec =
        sealed("assay: 1\nname: n\n" REST "replicates: 65536\nprofiles: [{name: a}, {name: b}]\n");
    static const uint8_t site[33];
    static const struct {
        uint32_t items;
        size_t site_bytes;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {1, 0, ASSAY_OK, ""},
        {1, 32, ASSAY_OK, ""},
        {8388607, 0, ASSAY_OK, ""},
        {0, 0, ASSAY_EVALUE, "the benchmark has no items"},
        {10000001, 0, ASSAY_EVALUE, "the benchmark has 10000001 items: at most 10000000"},
        {UINT32_MAX, 0, ASSAY_EVALUE, "the benchmark has 4294967295 items: at most 10000000"},
        {8388608, 0, ASSAY_EVALUE,
         "8388608 items in 2 profiles with 65536 replicates are 1099511627776 samples: it must be "
         "fewer than 1099511627776"},
        {1, 31, ASSAY_EVALUE, "a site's key of 31 bytes: it must be 32 or none"},
        {1, 33, ASSAY_EVALUE, "a site's key of 33 bytes: it must be 32 or none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_error err = {0};
        struct assay_plan plan = {.item_count = 77};
        assert_int_equal(
            assay_plan_init(&plan, spec, rows[i].items, site, rows[i].site_bytes, &err),
            rows[i].status);
        assert_string_equal(err.text, rows[i].message);
        assert_int_equal(plan.item_count, rows[i].status ? 77 : rows[i].items);
    }
    struct assay_plan plan;
    assert_int_equal(assay_plan_init(&plan, spec, 8388607, NULL, 0, NULL), ASSAY_OK);
    struct assay_cell last = assay_plan_cell(&plan, plan.sample_count - 1);
    assert_int_equal(last.item_index, 8388606);
    assert_int_equal(last.profile_index, 1);
    assert_int_equal(last.replicate, 65535);
    assay_spec_destroy(spec);
}

static void check_digest(const struct assay_spec *spec, uint32_t items, const uint8_t *site,
                         size_t site_bytes, const char *expected)
{
    struct assay_plan plan;
    char hex[ASSAY_DIGEST_HEX];
    assert_int_equal(assay_plan_init(&plan, spec, items, site, site_bytes, NULL), ASSAY_OK);
    assert_string_equal(assay_digest_hex(&plan.digest, hex), expected);
}

/* Printed by tests/spec/golden.py for its spec SHORT. */
static void golden_digests(void **state)
{
    (void)state;
    uint8_t site[32];
    for (uint8_t i = 0; i < 32; i++) site[i] = i;
    struct assay_spec *spec =
        sealed("assay: 1\nname: short\n" REST "replicates: 1\nprofiles: [{name: p}]\n");
    check_digest(spec, 1, NULL, 0,
                 "bbe18c1bc631b63b78f808b77de42d2724b3caf2aabe179b31906818fc97d912");
    check_digest(spec, 1000, site, 32,
                 "87e56caa1f9ede8c82f693a14ed6879d575ece5074f74595db756369aa05a5b0");
    assay_spec_destroy(spec);
}

/* What an assignment must have in common with the spec, and that all of it enters the digest. */
static void assignments(void **state)
{
    (void)state;
    struct assay_spec *spec =
        sealed("assay: 1\nname: short\n" REST "replicates: 3\nprofiles: [{name: p}, {name: q}]\n");
    uint32_t items[] = {1, 4};
    const struct assay_assignment good = {.chain = "alps",
                                          .task = 7,
                                          .site = {9},
                                          .spec = spec->digest,
                                          .benchmark = spec->benchmark.sha256,
                                          .model = spec->model.sha256,
                                          .sampler = assay_sha256_of("sampler-1", 9),
                                          .item_count = 5,
                                          .samples_per_item = 6,
                                          .items = items,
                                          .count = 2};
    struct assay_assignment other = good;
    struct assay_plan plan, changed;
    struct assay_error err;
    assert_int_equal(assay_plan_init_assigned(&plan, spec, &good, &err), ASSAY_OK);
    assert_int_equal(plan.sample_count, 12);
    assert_int_equal(plan.site_bytes, 32);
    uint8_t *const wrong[] = {other.spec.bytes, other.benchmark.bytes, other.model.bytes,
                              other.sampler.bytes};
    static const char *const said[] = {"for spec", "for benchmark", "for model", "for sampler"};
    for (size_t i = 0; i < 4; i++) {
        wrong[i][31] ^= 1;
        assert_int_equal(assay_plan_init_assigned(&changed, spec, &other, &err), ASSAY_EMISMATCH);
        assert_non_null(strstr(err.text, said[i]));
        wrong[i][31] ^= 1;
    }
    other.samples_per_item = 5;
    assert_int_equal(assay_plan_init_assigned(&changed, spec, &other, &err), ASSAY_EMISMATCH);
    assert_non_null(strstr(err.text, "wants 5 samples an item, the spec makes 6"));
    for (unsigned i = 0; i < 6; i++) {
        uint32_t others[] = {1, 3};
        other = good;
        if (i == 0) other.chain[0] = 'b';
        if (i == 1) other.task++;
        if (i == 2) other.round++;
        if (i == 3) other.site[31]++;
        if (i == 4) other.round_seed.bytes[0]++;
        if (i == 5) other.items = others;
        assert_int_equal(assay_plan_init_assigned(&changed, spec, &other, &err), ASSAY_OK);
        assert_false(assay_digest_equal(&plan.digest, &changed.digest));
    }
    assay_spec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_numbered_item_major),
        cmocka_unit_test(limits),
        cmocka_unit_test(golden_digests),
        cmocka_unit_test(assignments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
