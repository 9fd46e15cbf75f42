/* The memo of the tokenizer: what it says is what was kept of just that text, whatever collides. */
#include "harness/check.h"

#include "model/memo.h"

#include <stdbool.h>
#include <stdio.h>

enum { TEXTS = 3000, BYTES = 12, TOKENS = 3 };

static size_t text_of(char to[32], unsigned i)
{
    return (size_t)snprintf(to, 32, "word-%u", i * 7919);
}

/* More texts than places; some too long, some of too many tokens, some of none. */
static void test_collisions(void **state)
{
    (void)state;
    struct assay_memo *memo;
    struct assay_error err;
    unsigned found = 0;
    check_ok(assay_memo_create(&memo, 256, BYTES, TOKENS, &err), &err);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < TEXTS; i++) {
            char text[32];
            size_t size = text_of(text, i), count = 99, kept = i % 5;
            const uint32_t tokens[5] = {i, i + 1, i + 2, i + 3, i + 4};
            assert_null(round == 0 ? assay_memo_find(memo, text, size, &count) : NULL);
            assay_memo_keep(memo, text, size, tokens, kept);
            for (unsigned back = 0; back <= i && back < 200; back++) {
                size_t other = text_of(text, i - back);
                const uint32_t *known = assay_memo_find(memo, text, other, &count);
                bool fits = other <= BYTES && (i - back) % 5 <= TOKENS;
                if (back == 0) assert_int_equal(known != NULL, fits);
                if (!known) continue;
                assert_true(fits);
                assert_int_equal(count, (i - back) % 5);
                for (unsigned t = 0; t < count; t++) assert_int_equal(known[t], i - back + t);
                found++;
            }
        }
    }
    assert_true(found > 2 * TEXTS);
    assert_null(assay_memo_find(memo, "", 0, &(size_t){0}));
    assay_memo_destroy(memo);
    assay_memo_keep(NULL, "a", 1, NULL, 0);
    assert_null(assay_memo_find(NULL, "a", 1, &(size_t){0}));
    assay_memo_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_collisions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
