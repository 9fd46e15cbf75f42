/* Weighted selection against sorting everything. */
#include "harness/check.h"

#include "base/philox.h"
#include "engine/select.h"

#include <stdlib.h>

enum { CASES = 4000, ENTRIES_MAX = 300 };

static uint32_t random_word(uint32_t stream, uint32_t index)
{
    uint32_t x[4] = {index, stream, 0, 0};
    assay_philox(x, 1, 2);
    return x[0];
}

static int descending(const void *a, const void *b)
{
    uint64_t x = ((const struct assay_entry *)a)->key, y = ((const struct assay_entry *)b)->key;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The rule itself, on sorted entries. */
static size_t expected_prefix(const struct assay_entry *sorted, size_t count, uint64_t target,
                              uint64_t *before)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        *before = sum;
        sum += sorted[i].weight;
        if (sum >= target) return i + 1;
    }
    return count;
}

static void check_case(const struct assay_entry *given, size_t count, uint64_t target)
{
    struct assay_entry entries[ENTRIES_MAX], sorted[ENTRIES_MAX];
    uint64_t before = 99, expected_before = 77;
    memcpy(entries, given, count * sizeof *given);
    memcpy(sorted, given, count * sizeof *given);
    qsort(sorted, count, sizeof *sorted, descending);
    size_t expected = expected_prefix(sorted, count, target, &expected_before);
    size_t got = assay_select_prefix(entries, count, target, &before);
    assert_int_equal(got, expected);
    assert_int_equal(before, expected_before);
    assert_int_equal(entries[got - 1].key, sorted[got - 1].key);
    /* The prefix is in front, with its weights, and nothing was lost. */
    qsort(entries, got, sizeof *entries, descending);
    qsort(entries + got, count - got, sizeof *entries, descending);
    assert_memory_equal(entries, sorted, count * sizeof *sorted);
}

static void test_random(void **state)
{
    (void)state;
    struct assay_entry entries[ENTRIES_MAX];
    for (uint32_t c = 0; c < CASES; c++) {
        size_t count = 1 + random_word(c, 0) % (c % 4 ? 12 : ENTRIES_MAX);
        uint64_t total = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t kind = random_word(c, 3 * i + 1) % 4;
            uint64_t weight = kind == 0 ? 0 : random_word(c, 3 * i + 2) >> (8 * kind - 8);
            entries[i].key = (uint64_t)random_word(c, 3 * i + 3) << 32 | i;
            entries[i].weight = weight;
            total += weight;
        }
        check_case(entries, count, 1);
        check_case(entries, count, total / 2 + 1);
        check_case(entries, count, total + 1);
        if (total > 0) check_case(entries, count, total);
        if (total > 0) check_case(entries, count, 1 + random_word(c, 1000) % total);
    }
}

/* Orders that make a careless quickselect quadratic, or endless. */
static void test_orders(void **state)
{
    (void)state;
    struct assay_entry up[ENTRIES_MAX], down[ENTRIES_MAX], saw[ENTRIES_MAX];
    for (uint64_t i = 0; i < ENTRIES_MAX; i++) {
        up[i] = (struct assay_entry){i, 1};
        down[i] = (struct assay_entry){ENTRIES_MAX - i, 1};
        saw[i] = (struct assay_entry){i % 2 ? i : 1000 - i, 1};
    }
    for (uint64_t target = 1; target <= ENTRIES_MAX + 1; target++) {
        check_case(up, ENTRIES_MAX, target);
        check_case(down, ENTRIES_MAX, target);
        check_case(saw, ENTRIES_MAX, target);
    }
}

static void test_large_sums(void **state)
{
    (void)state;
    uint64_t half = (uint64_t)1 << 63;
    struct assay_entry entries[] = {{5, half}, {9, half - 1}, {7, 0}};
    check_case(entries, COUNT_OF(entries), 1);
    check_case(entries, COUNT_OF(entries), half);
    check_case(entries, COUNT_OF(entries), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_orders),
                                       cmocka_unit_test(test_large_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
