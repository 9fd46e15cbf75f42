/* Ranks by host and component, and by kind where hosts are many. */
#include "harness/check.h"

#include "run/announce.h"

#include <stdio.h>
#include <stdlib.h>

static struct assay_rank_place place(const char *host, const char *component, uint32_t threads,
                                     uint64_t memory)
{
    struct assay_rank_place out = {.threads = threads, .memory_bytes = memory};
    snprintf(out.host, sizeof out.host, "%s", host);
    snprintf(out.component, sizeof out.component, "%s", component);
    snprintf(out.device, sizeof out.device, "cpu");
    snprintf(out.isa, sizeof out.isa, "avx2");
    return out;
}

static void a_row_each_host_and_component(void **state)
{
    (void)state;
    const struct assay_rank_place places[] = {place("n1", "0 a", 2, 9), place("n1", "0 a", 2, 7),
                                              place("n2", "0 a", 2, 8), place("n1", "0 a", 2, 9),
                                              place("n2", "1 b", 2, 8), place("n2", "0 a", 4, 8)};
    struct assay_ranks rows[COUNT_OF(places)];
    assert_int_equal(assay_announce_group(rows, places, COUNT_OF(places)), 4);
    assert_string_equal(rows[0].list, "0-1,3");
    assert_string_equal(rows[0].host, "n1");
    assert_int_equal(rows[0].ranks, 3);
    assert_int_equal(rows[0].memory_bytes, 7);
    assert_string_equal(rows[1].list, "2");
    assert_string_equal(rows[2].component, "1 b");
    assert_int_equal(rows[3].threads, 4);
    assert_int_equal(rows[3].hosts, 1);
}

static void many_hosts_are_one_row(void **state)
{
    enum { HOSTS = 300, EACH = 4 };
    struct assay_rank_place *places = calloc(HOSTS * EACH, sizeof *places);
    struct assay_ranks *rows = calloc(HOSTS * EACH, sizeof *rows);
    (void)state;
    assert_true(places && rows);
    for (unsigned i = 0; i < HOSTS * EACH; i++) {
        char host[16];
        snprintf(host, sizeof host, "n%u", i / EACH);
        places[i] = place(host, i < 40 * EACH ? "0 a" : "1 b", 8, 1000 - i % 7);
    }
    assert_int_equal(assay_announce_group(rows, places, HOSTS * EACH), 2);
    assert_int_equal(rows[0].hosts, 40);
    assert_int_equal(rows[0].ranks, 40 * EACH);
    assert_string_equal(rows[0].last_host, "n39");
    assert_string_equal(rows[1].host, "n40");
    assert_string_equal(rows[1].last_host, "n299");
    assert_int_equal(rows[1].memory_bytes, 994);
    free(places);
    free(rows);
}

static void long_lists_are_cut(void **state)
{
    enum { RANKS = 200 };
    struct assay_rank_place *places = calloc(RANKS, sizeof *places);
    struct assay_ranks *rows = calloc(RANKS, sizeof *rows);
    (void)state;
    assert_true(places && rows);
    for (unsigned i = 0; i < RANKS; i++) places[i] = place(i % 2 ? "odd" : "even", "", 1, 1);
    assert_int_equal(assay_announce_group(rows, places, RANKS), 2);
    assert_int_equal(rows[0].ranks, RANKS / 2);
    assert_non_null(strstr(rows[0].list, "0,2,4,6"));
    assert_string_equal(rows[0].list + strlen(rows[0].list) - 4, ",…");
    free(places);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_each_host_and_component),
                                       cmocka_unit_test(many_hosts_are_one_row),
                                       cmocka_unit_test(long_lists_are_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
