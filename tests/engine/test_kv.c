/* The page pool: tables that share pages behave as if each had all of its own. */
#include "harness/check.h"

#include "base/philox.h"
#include "engine/kv.h"

#include <stdio.h>

enum { LAYERS = 2, KV_HEADS = 3, HEAD_DIM = 4, TABLES = 6, POSITIONS = 300, STEPS = 20000 };

/* wide is set by the test program: every test runs with either width. */
static struct assay_kv_view shape = {LAYERS, KV_HEADS, HEAD_DIM, 0, 0, false};

static struct assay_kv_pool *open_pool(size_t tables)
{
    struct assay_kv_pool *pool;
    struct assay_error err;
    check_ok(assay_kv_pool_open(&pool, &assay_backend_ref, &shape, tables, POSITIONS, &err), &err);
    return pool;
}

/* One number stands for a position's keys and values: it is written to every layer and head. */
static void put(struct assay_kv_table *table, size_t position, uint16_t value)
{
    assay_kv_own(table, position);
    uint16_t *page = table->pages[position / ASSAY_CHUNK];
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        struct assay_kv_view view = shape;
        view.layer = layer;
        for (uint32_t head = 0; head < KV_HEADS; head++) {
            for (unsigned which = 0; which < 2; which++) {
                size_t at = assay_kv_offset(&view, which, head, position % ASSAY_CHUNK);
                for (uint32_t d = 0; d < HEAD_DIM * assay_kv_units(&shape); d++)
                    page[at + d] = value;
            }
        }
    }
}

static void check(const struct assay_kv_table *table, size_t position, uint16_t value)
{
    const uint16_t *page = table->pages[position / ASSAY_CHUNK];
    for (uint32_t layer = 0; layer < LAYERS; layer++) {
        struct assay_kv_view view = shape;
        view.layer = layer;
        for (uint32_t head = 0; head < KV_HEADS; head++) {
            size_t at = assay_kv_offset(&view, head % 2, head, position % ASSAY_CHUNK);
            for (uint32_t d = 0; d < HEAD_DIM * assay_kv_units(&shape); d++)
                assert_int_equal(page[at + d], value);
        }
    }
}

static void test_copy_on_write(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_kv_pool *pool = open_pool(3);
    struct assay_kv_table prompt, a, b;
    size_t all = assay_kv_pool_free(pool);
    check_ok(assay_kv_table_init(&prompt, pool, &err), &err);
    check_ok(assay_kv_table_init(&a, pool, &err), &err);
    check_ok(assay_kv_table_init(&b, pool, &err), &err);
    for (uint16_t p = 0; p < 100; p++) put(&prompt, p, p);
    assert_int_equal(all - assay_kv_pool_free(pool), 2);
    assay_kv_share(&a, &prompt, 100);
    assay_kv_share(&b, &prompt, 100);
    assert_int_equal(all - assay_kv_pool_free(pool), 2);
    put(&a, 100, 1000);
    put(&b, 100, 2000);
    assert_int_equal(all - assay_kv_pool_free(pool), 4);
    assert_ptr_equal(a.pages[0], prompt.pages[0]);
    assay_kv_cut(&prompt, 0);
    assert_int_equal(all - assay_kv_pool_free(pool), 3);
    for (uint16_t p = 0; p < 100; p++) {
        check(&a, p, p);
        check(&b, p, p);
    }
    check(&a, 100, 1000);
    check(&b, 100, 2000);
    assay_kv_table_fini(&a);
    assay_kv_table_fini(&b);
    assay_kv_table_fini(&prompt);
    assert_int_equal(assay_kv_pool_free(pool), all);
    assay_kv_pool_close(pool);
}

/* Tables as they should be. */
struct expected {
    uint16_t value[POSITIONS];
    size_t count;
};

static void step(struct assay_kv_table *tables, struct expected *expected, const uint32_t x[4])
{
    size_t t = x[0] % TABLES, other = x[1] % TABLES;
    struct expected *e = &expected[t];
    if (x[2] % 64 == 0) {
        size_t keep = x[3] % 2 ? x[3] % (e->count + 1) : 0;
        assay_kv_cut(&tables[t], keep);
        e->count = keep;
    } else if (x[2] % 64 == 1 && t != other) {
        size_t count = x[3] % 4 ? expected[other].count : x[3] % (expected[other].count + 1);
        assay_kv_cut(&tables[t], 0);
        assay_kv_share(&tables[t], &tables[other], count);
        memcpy(e->value, expected[other].value, sizeof e->value);
        e->count = count;
    } else {
        for (uint32_t i = 0; i < x[3] % 8 && e->count < POSITIONS; i++) {
            e->value[e->count] = (uint16_t)(x[1] + i);
            put(&tables[t], e->count, e->value[e->count]);
            e->count++;
        }
    }
}

/* As many tables as the pool was opened for, in any mixture of sharing: pages never run out (the
 * pool asserts it), and every table reads what it wrote. */
static void test_any_mixture(void **state)
{
    (void)state;
    struct assay_error err;
    struct assay_kv_pool *pool = open_pool(TABLES);
    struct assay_kv_table tables[TABLES];
    static struct expected expected[TABLES];
    memset(expected, 0, sizeof expected);
    for (size_t t = 0; t < TABLES; t++) check_ok(assay_kv_table_init(&tables[t], pool, &err), &err);
    for (uint32_t s = 0; s < STEPS; s++) {
        uint32_t x[4] = {s, 0, 0, 0};
        assay_philox(x, 3, 4);
        step(tables, expected, x);
        size_t t = x[0] % TABLES;
        for (size_t p = s % 50 ? expected[t].count - expected[t].count % 8 : 0;
             p < expected[t].count; p++) {
            check(&tables[t], p, expected[t].value[p]);
        }
    }
    for (size_t t = 0; t < TABLES; t++) assay_kv_table_fini(&tables[t]);
    assert_int_equal(assay_kv_pool_free(pool), TABLES * (POSITIONS / ASSAY_CHUNK + 1));
    assay_kv_pool_close(pool);
}

static void test_refusals(void **state)
{
    (void)state;
    struct assay_kv_pool *pool = NULL;
    struct assay_error err;
    check_refused(
        assay_kv_pool_open(&pool, &assay_backend_ref, &shape, SIZE_MAX / 4, POSITIONS, &err),
        ASSAY_EVALUE, &err, "too large");
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_copy_on_write),
                                       cmocka_unit_test(test_any_mixture),
                                       cmocka_unit_test(test_refusals)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    shape.wide = true;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
