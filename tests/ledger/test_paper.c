/* Rule set `paper`: an example by hand to the last integer, degenerate rounds, the partition's
 * promises, and selection. */
#include "harness/check.h"

#include "ledger/paper.h"

#include <stdbool.h>
#include <stdlib.h>

/* Five sites of 100 samples each, k = 1.5, a pool of 1 000 000; E invents a score. ONE = 2^32.
 *
 *   site  sum  s = ⌊sum·ONE/100⌋  d = |s − M|  x = ⌊d²·ONE/2σ²⌋   w = exp(−x)   ⌊pool·w/W⌋
 *   A      62     2662879723        85899346       954437176     3439140959      225722
 *   B      64     2748779069               0               0     4294967296      281893
 *   C      65     2791728742        42949673       238609294     4062864983      266660
 *   D      66     2834678415        85899346       954437176     3439140959      225722
 *   E      30     1288490188      1460288881    275832343743              0           0
 *
 * M   = the third of 30 62 64 65 66: s of B = 2748779069.
 * MAD = the third of 0, 42949673, 85899346, 85899346, 1460288881 = 85899346.
 * σ   = max(⌊85899346·1500/1000⌋, ⌊ONE/100⌋) = max(128849019, 42949672) = 128849019.
 * x of A: 85899346² = 7378697643227716, 2σ² = 33204139394524722: their quotient ·ONE is 954437176;
 * x of E is 64.2·ONE ≥ 23·ONE, its weight is 0.
 * W = 3439140959 + 4294967296 + 4062864983 + 3439140959 + 0 = 15236114197.
 * Σ w·s = 42055210520070343152; consensus = ⌊that/W⌋ = 2760232036 (0.64267; the plain mean is
 * 0.574). paid = 225722 + 281893 + 266660 + 225722 = 999997, so that 3 remain. Hits: d ≤ max(MAD,
 * resolution) = 85899346: A, B, C, D. Reputation from ONE/2: hit ⌊(9·2147483648 + ONE)/10⌋ =
 * 2362232012, miss ⌊9·2147483648/10⌋ = 1932735283. */
static void test_five_sites(void **state)
{
    static const struct {
        uint64_t sum, score, deviation, weight, pay;
        bool hit;
    } rows[] = {
        {62, 2662879723, 85899346, 3439140959, 225722, true},
        {64, 2748779069, 0, 4294967296, 281893, true},
        {65, 2791728742, 42949673, 4062864983, 266660, true},
        {66, 2834678415, 85899346, 3439140959, 225722, true},
        {30, 1288490188, 1460288881, 0, 0, false},
    };
    struct assay_weighed sites[COUNT_OF(rows)];
    struct assay_weights weights;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sites[i] = (struct assay_weighed){.sum = rows[i].sum, .n = 100};
    }
    assay_paper_weigh(sites, COUNT_OF(rows), 1500, &weights);
    assay_paper_pay(sites, COUNT_OF(rows), 1000000, &weights);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(sites[i].score, rows[i].score);
        assert_int_equal(sites[i].deviation, rows[i].deviation);
        assert_int_equal(sites[i].weight, rows[i].weight);
        assert_int_equal(sites[i].pay, rows[i].pay);
        assert_int_equal(sites[i].hit, rows[i].hit);
    }
    assert_int_equal(weights.median, 2748779069);
    assert_int_equal(weights.mad, 85899346);
    assert_int_equal(weights.resolution, 42949672);
    assert_int_equal(weights.sigma, 128849019);
    assert_int_equal(weights.weight_sum, 15236114197);
    assert_int_equal(weights.consensus, 2760232036);
    assert_int_equal(weights.paid, 999997);
    assert_int_equal(weights.remainder, 3);
    assert_int_equal(assay_paper_reputation(2147483648, true), 2362232012);
    assert_int_equal(assay_paper_reputation(2147483648, false), 1932735283);
}

/* MAD = 0: sigma is one sample's worth. A site one sample off keeps exp(−1/2), ten off nothing. */
static void test_agreement(void **state)
{
    struct assay_weighed sites[] = {{.sum = 50, .n = 100},
                                    {.sum = 50, .n = 100},
                                    {.sum = 50, .n = 100},
                                    {.sum = 51, .n = 100},
                                    {.sum = 60, .n = 100}};
    struct assay_weights weights;
    (void)state;
    assay_paper_weigh(sites, COUNT_OF(sites), 1000, &weights);
    assert_int_equal(weights.mad, 0);
    assert_int_equal(weights.sigma, 42949672);
    assert_int_equal(sites[0].weight, ASSAY_FIXED_ONE);
    assert_in_range(sites[3].weight, 2605029340, 2605029347);
    assert_int_equal(sites[4].weight, 0);
    assert_true(sites[3].hit);
    assert_false(sites[4].hit);
}

static void test_degenerate(void **state)
{
    struct assay_weighed alone = {.sum = 1, .n = 1};
    struct assay_weighed two[] = {{.sum = 0, .n = 10}, {.sum = 10, .n = 10}};
    struct assay_weights weights;
    (void)state;
    assay_paper_weigh(&alone, 1, 1000, &weights);
    assay_paper_pay(&alone, 1, 7, &weights);
    assert_int_equal(weights.consensus, ASSAY_FIXED_ONE);
    assert_int_equal(alone.pay, 7);
    assert_int_equal(weights.remainder, 0);

    assay_paper_weigh(two, 2, 1000, &weights);
    assay_paper_pay(two, 2, 101, &weights);
    assert_int_equal(weights.median, ASSAY_FIXED_ONE / 2);
    assert_int_equal(weights.consensus, ASSAY_FIXED_ONE / 2);
    assert_int_equal(two[0].pay, 50);
    assert_int_equal(weights.remainder, 1);

    /* Weights that are all 0 cannot come from weigh; pay gives nothing then. */
    weights.weight_sum = two[0].weight = two[1].weight = 0;
    assay_paper_pay(two, 2, 101, &weights);
    assert_int_equal(two[0].pay + two[1].pay, 0);
    assert_int_equal(weights.remainder, 101);
}

enum { ITEMS = 247, STRATA = 3, SITES_MAX = 12, STRIDE = (ITEMS + 7) / 8 };

struct partition {
    uint8_t strata[ITEMS], bitmaps[SITES_MAX * STRIDE];
    uint32_t counts[SITES_MAX];
};

static bool has_item(const struct partition *partition, size_t site, size_t item)
{
    return partition->bitmaps[site * STRIDE + item / 8] >> item % 8 & 1;
}

static void deal(struct partition *partition, const uint32_t *organisations, uint32_t sites,
                 uint32_t replicas, uint8_t seed)
{
    memset(partition, 0, sizeof *partition);
    for (size_t i = 0; i < ITEMS; i++) partition->strata[i] = (uint8_t)(i * i % 7 % STRATA);
    struct assay_assign of = {.seed = {{seed}},
                              .strata = partition->strata,
                              .items = ITEMS,
                              .strata_count = STRATA,
                              .replicas = replicas,
                              .organisations = organisations,
                              .sites = sites};
    assert_true(assay_paper_assign(&of, partition->bitmaps, STRIDE, partition->counts));
}

static unsigned items_of(const struct partition *partition, size_t site, uint8_t stratum)
{
    unsigned count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        count += partition->strata[i] == stratum && has_item(partition, site, i);
    }
    return count;
}

/* ρ replicas each, at most one an organisation while there are ρ, every stratum even to one item
 * where organisations do not force otherwise. */
static void test_partition(void **state)
{
    static const struct {
        uint32_t organisations[SITES_MAX], sites, replicas;
        bool one_each, even;
    } rows[] = {
        {{0, 1, 2, 3, 4}, 5, 3, true, true},
        {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 12, 5, true, true},
        {{0, 0, 2, 2, 4}, 5, 3, true, false}, /* the fifth is in every item */
        {{0, 0, 0, 3}, 4, 3, false, false},   /* two organisations, three replicas */
        {{0}, 1, 1, true, true},
    };
    static struct partition partition, other;
    (void)state;
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        uint32_t sites = rows[row].sites;
        deal(&partition, rows[row].organisations, sites, rows[row].replicas, 1);
        for (size_t item = 0; item < ITEMS; item++) {
            unsigned copies = 0, of[SITES_MAX] = {0};
            for (size_t site = 0; site < sites; site++) {
                if (!has_item(&partition, site, item)) continue;
                copies++;
                of[rows[row].organisations[site]]++;
            }
            assert_int_equal(copies, rows[row].replicas);
            for (size_t i = 0; rows[row].one_each && i < SITES_MAX; i++) assert_true(of[i] <= 1);
        }
        for (uint8_t stratum = 0; rows[row].even && stratum < STRATA; stratum++) {
            unsigned least = ITEMS, most = 0;
            for (size_t site = 0; site < sites; site++) {
                unsigned count = items_of(&partition, site, stratum);
                least = count < least ? count : least;
                most = count > most ? count : most;
            }
            assert_true(most - least <= 1);
        }
        deal(&other, rows[row].organisations, sites, rows[row].replicas, 1);
        assert_memory_equal(&partition, &other, sizeof other);
    }
    deal(&partition, rows[0].organisations, 5, 3, 1);
    deal(&other, rows[0].organisations, 5, 3, 2);
    assert_memory_not_equal(&partition.bitmaps, &other.bitmaps, sizeof other.bitmaps);
}

/* Three of one organisation with a better name against one alone: diversity decides at λ = 0.5, the
 * name at λ = 1. */
static void test_selection(void **state)
{
    struct assay_candidate of[] = {
        {.reputation = 4000000000, .organisation = 0, .country = 0, .arch = 0, .engine = 0},
        {.reputation = 3900000000, .organisation = 0, .country = 0, .arch = 0, .engine = 0},
        {.reputation = 3800000000, .organisation = 0, .country = 0, .arch = 2, .engine = 0},
        {.reputation = 2000000000, .organisation = 3, .country = 3, .arch = 3, .engine = 0},
    };
    (void)state;
    assert_int_equal(assay_paper_select(of, 4, 2, 0, 1000), 2);
    assert_true(of[0].chosen && of[1].chosen && !of[2].chosen && !of[3].chosen);
    assert_int_equal(assay_paper_select(of, 4, 2, 0, 500), 2);
    assert_true(of[0].chosen && !of[1].chosen && !of[2].chosen && of[3].chosen);
    assert_int_equal(of[1].nearest_milli, 1000);
    assert_int_equal(of[2].nearest_milli, 800);
    assert_int_equal(of[3].nearest_milli, 1000); /* itself */
    assert_int_equal(assay_paper_select(of, 4, 9, 0, 500), 4);
    of[0].delay = 10; /* q = r/(1 + γt) = r/2 with γ = 0.1 */
    assert_int_equal(assay_paper_select(of, 4, 1, 100, 1000), 1);
    assert_int_equal(of[0].quality, 2000000000);
    assert_true(of[1].chosen);
    of[2] = of[1];
    assert_int_equal(assay_paper_select(of, 4, 1, 100, 1000), 1);
    assert_true(of[1].chosen); /* the smaller key on a tie */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_five_sites), cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_degenerate), cmocka_unit_test(test_partition),
        cmocka_unit_test(test_selection)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
