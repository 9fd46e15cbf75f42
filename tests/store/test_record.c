/* The codec of records and circumstances: golden bytes, refusals, and every cut and flip. */
#include "harness/check.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/record.h"
#include "store/golden.h"

#include <math.h>
#include <stdlib.h>

static const uint32_t tokens[] = {1, 70000, 2};
static const float log_probs[] = {-0.5f, -INFINITY, 0.0f};

/* The record of golden.py. */
static struct assay_record golden(void)
{
    struct assay_record record = {.arithmetic = 1,
                                  .sampler = 1,
                                  .draw = 3,
                                  .finish = ASSAY_FINISH_STOP,
                                  .verdict = ASSAY_VERDICT_CORRECT,
                                  .replicates = 4,
                                  .sets = 2,
                                  .replicate = 1,
                                  .score_micro = ASSAY_SCORE_ONE,
                                  .item_id = {"math/7", 6},
                                  .profile = {"warm", 4},
                                  .answer = {"naïve\0x", 8},
                                  .token_count = 3,
                                  .tokens = tokens,
                                  .log_probs = log_probs};
    for (unsigned i = 0; i < ASSAY_DIGEST_BYTES; i++) {
        record.cell_key.bytes[i] = (uint8_t)i;
        record.prompt_digest.bytes[i] = (uint8_t)(200 + i);
    }
    return record;
}

static const uint8_t option_bytes[3 * ASSAY_OPTION_BYTES] = {
    1, 0, 0, 0, 5, 0, 0, 0, 0, 2, 0, 0, 0, 0x2c, 1, 0, 0, 1, 0x70, 0x11, 1, 0, 0, 0, 1, 0, 0};

static struct assay_circumstances golden_circumstances_value(void)
{
    return (struct assay_circumstances){
        .prompt_shared = true,
        .attempts = 2,
        .batch_rows = 16,
        .clock_mhz = 3200,
        .start_ns = UINT64_C(1700000000123456789),
        .duration_ns = 987654321,
        .text = {"so: naïve\0x \xff", 14},
        .grade = {.outcome = ASSAY_OUTCOME_CUT_OFF,
                  .flexible_verdict = ASSAY_VERDICT_CORRECT,
                  .strict = {0, 4, 5},
                  .flexible = {1, 12, 1},
                  .flexible_answer = {"né", 3},
                  .run = 5,
                  .run_retried = true,
                  .run_cpu_ns = UINT64_C(3000000000),
                  .run_wall_ns = UINT64_C(3100000000),
                  .run_peak_bytes = 1 << 24,
                  .run_detail = {"late", 4}},
        .options = {(const char *)option_bytes, sizeof option_bytes},
        .gold = 2};
}

static bool same_span(struct assay_span a, struct assay_span b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static void test_golden_record(void **state)
{
    (void)state;
    struct assay_record record = golden(), back;
    struct assay_bytes bytes = {0};
    struct assay_arena arena = {0};
    struct assay_error err;
    size_t used = 0;
    char hex[ASSAY_DIGEST_HEX];
    check_ok(assay_record_encode(&bytes, &record, &err), &err);
    assert_int_equal(bytes.size, sizeof golden_record);
    assert_memory_equal(bytes.data, golden_record, bytes.size);
    struct assay_digest digest = assay_sha256_of(bytes.data, bytes.size);
    assert_string_equal(assay_digest_hex(&digest, hex), golden_digest);

    check_ok(assay_record_decode(&back, &arena, bytes.data, bytes.size, &used, &err), &err);
    assert_int_equal(used, bytes.size);
    assert_true(same_span(back.item_id, record.item_id));
    assert_true(same_span(back.profile, record.profile));
    assert_true(same_span(back.answer, record.answer));
    assert_int_equal(back.token_count, 3);
    assert_memory_equal(back.tokens, tokens, sizeof tokens);
    assert_memory_equal(back.log_probs, log_probs, sizeof log_probs);
    assert_memory_equal(&back.cell_key, &record.cell_key, sizeof record.cell_key);
    assert_memory_equal(&back.prompt_digest, &record.prompt_digest, sizeof record.prompt_digest);
    assert_int_equal(back.draw, record.draw);
    assert_int_equal(back.finish, record.finish);
    assert_int_equal(back.verdict, record.verdict);
    assert_int_equal(back.replicates, 4);
    assert_int_equal(back.sets, 2);
    assert_int_equal(back.replicate, 1);
    assert_int_equal(back.score_micro, ASSAY_SCORE_ONE);
    assay_arena_fini(&arena);
    assay_bytes_fini(&bytes);
}

static void test_golden_circumstances(void **state)
{
    (void)state;
    struct assay_circumstances c = golden_circumstances_value(), back;
    struct assay_bytes bytes = {0};
    struct assay_error err;
    size_t used = 0;
    check_ok(assay_circumstances_encode(&bytes, &c, &err), &err);
    assert_int_equal(bytes.size, sizeof golden_circumstances);
    assert_memory_equal(bytes.data, golden_circumstances, bytes.size);
    check_ok(assay_circumstances_decode(&back, bytes.data, bytes.size, &used, &err), &err);
    assert_int_equal(used, bytes.size);
    assert_true(back.prompt_shared);
    assert_int_equal(back.clock_mhz, 3200);
    assert_int_equal(back.attempts, 2);
    assert_int_equal(back.batch_rows, 16);
    assert_true(back.start_ns == c.start_ns && back.duration_ns == c.duration_ns);
    assert_true(same_span(back.text, c.text));
    assert_int_equal(back.grade.outcome, ASSAY_OUTCOME_CUT_OFF);
    assert_int_equal(back.grade.flexible.start, 12);
    assert_true(same_span(back.grade.flexible_answer, c.grade.flexible_answer));
    assert_true(back.grade.run_retried && back.grade.run == 5);
    assert_true(back.grade.run_wall_ns == c.grade.run_wall_ns);
    assert_true(same_span(back.grade.run_detail, c.grade.run_detail));
    assert_true(same_span(back.options, c.options) && back.gold == 2);
    struct assay_option_part second = assay_option_get(back.options, 1);
    assert_true(second.tokens == 2 && second.bytes == 300 && second.greedy);
    assay_bytes_fini(&bytes);
}

/* Offsets of fields in the golden record. */
enum {
    AT_VERSION = 4,
    AT_ARITHMETIC = 5,
    AT_SAMPLER = 6,
    AT_DRAW = 7,
    AT_REPLICATES = 8,
    AT_SETS = 12,
    AT_REPLICATE = 16,
    AT_ITEM = 52,
    AT_PROFILE = 62,
    AT_FINISH = 102,
    AT_VERDICT = 103,
    AT_SCORE = 104,
    AT_ANSWER = 108,
    AT_TOKENS = 120,
    AT_LOG_PROBS = 136
};

static void test_record_refusals(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t bytes[4];
        size_t size;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {AT_VERSION, {2}, 1, ASSAY_EUNSUPPORTED, "record of version 2"},
        {AT_ARITHMETIC, {3}, 1, ASSAY_EFORMAT, "arithmetic"},
        {AT_SAMPLER, {0}, 1, ASSAY_EFORMAT, "sampler"},
        {AT_DRAW, {4}, 1, ASSAY_EFORMAT, "draw"},
        {AT_REPLICATES, {0, 0, 0, 0}, 4, ASSAY_EFORMAT, "sets"},
        {AT_SETS, {0, 0, 0, 0}, 4, ASSAY_EFORMAT, "sets"},
        {AT_SETS, {3, 0, 0, 0}, 4, ASSAY_EFORMAT, "sets"},
        {AT_REPLICATE, {4, 0, 0, 0}, 4, ASSAY_EFORMAT, "replicate out of range"},
        {AT_ITEM, {0, 0, 0, 0}, 4, ASSAY_EFORMAT, "record"},
        {AT_ITEM, {0xff, 0xff, 0xff, 0xff}, 4, ASSAY_EFORMAT, "need more than"},
        {AT_ITEM + 4, {0}, 1, ASSAY_EFORMAT, "item id is no name"},
        {AT_PROFILE + 4, {0xff}, 1, ASSAY_EFORMAT, "profile is no name"},
        {AT_FINISH, {5}, 1, ASSAY_EFORMAT, "no such finish"},
        {AT_FINISH, {4}, 1, ASSAY_EFORMAT, "nonfinite"},
        {AT_VERDICT, {4}, 1, ASSAY_EFORMAT, "no such verdict"},
        {AT_VERDICT, {3}, 1, ASSAY_EFORMAT, "nonfinite"},
        {AT_VERDICT, {2}, 1, ASSAY_EFORMAT, "a verdict that has none"},
        {AT_SCORE, {0x41, 0x42, 0x0f, 0}, 4, ASSAY_EFORMAT, "a score above 1"},
        {AT_ANSWER + 4, {0xc3}, 1, ASSAY_EFORMAT, "answer is not UTF-8"},
        {AT_TOKENS, {4, 0, 0, 0}, 4, ASSAY_EFORMAT, "need more than"},
        {AT_TOKENS, {2, 0, 0, 0}, 4, ASSAY_EFORMAT, "8 bytes behind its last field"},
        {AT_TOKENS, {0xff, 0xff, 0xff, 0xff}, 4, ASSAY_EFORMAT, "need more than"},
        {AT_LOG_PROBS, {0, 0, 0xc0, 0x7f}, 4, ASSAY_EFORMAT, "NaN"},
        {0, {0x91, 0, 0, 0}, 4, ASSAY_EFORMAT, "record of 145 bytes cut after 144"},
        {0, {0xff, 0xff, 0xff, 0xff}, 4, ASSAY_EFORMAT, "the most is"},
        {0, {0x8f, 0, 0, 0}, 4, ASSAY_EFORMAT, "need more than"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct assay_record out;
        struct assay_arena arena = {0};
        struct assay_error err;
        size_t used;
        uint8_t bytes[sizeof golden_record];
        memcpy(bytes, golden_record, sizeof bytes);
        memcpy(bytes + cases[i].at, cases[i].bytes, cases[i].size);
        check_refused(assay_record_decode(&out, &arena, bytes, sizeof bytes, &used, &err),
                      cases[i].expected, &err, cases[i].quoted);
        assay_arena_fini(&arena);
    }
}

static void test_circumstances_refusals(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {{4, 1, ASSAY_EUNSUPPORTED, "circumstances of version 1"},
                 {6, 5, ASSAY_EFORMAT, "unknown flags 0x0005"},
                 {6, 3, ASSAY_EFORMAT, "need more than"}, /* encrypted, and no cell */
                 {7, 1, ASSAY_EFORMAT, "unknown flags 0x0101"},
                 {36, 255, ASSAY_EFORMAT, "need more than"},
                 {0, 0x95, ASSAY_EFORMAT, "cut after"},
                 {115, 26, ASSAY_EFORMAT, "1 bytes behind its last field"},
                 {119, 0, ASSAY_EFORMAT, "an empty option"},
                 {127, 2, ASSAY_EFORMAT, "a mark beyond 1"},
                 {146, 3, ASSAY_EFORMAT, "the right option is none of the options"},
                 {54, 5, ASSAY_EFORMAT, "no such outcome"},
                 {55, 4, ASSAY_EFORMAT, "no such flexible verdict"},
                 {56, 8, ASSAY_EFORMAT, "no such rule"},
                 {57, 255, ASSAY_EFORMAT, "a place that no rule found"},
                 {61, 0x20, ASSAY_EFORMAT, "a place behind any text"},
                 {78, 0xff, ASSAY_EFORMAT, "flexible answer too long or not UTF-8"},
                 {81, 11, ASSAY_EFORMAT, "no such end of a run"},
                 {82, 2, ASSAY_EFORMAT, "no such end of a run"},
                 {111, 0, ASSAY_EFORMAT, "detail of a run"},
                 {0, 3, ASSAY_EFORMAT, "need more than"},
                 {3, 0xff, ASSAY_EFORMAT, "the most is"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct assay_circumstances out;
        struct assay_error err;
        size_t used;
        uint8_t bytes[sizeof golden_circumstances];
        memcpy(bytes, golden_circumstances, sizeof bytes);
        bytes[cases[i].at] = cases[i].byte;
        check_refused(assay_circumstances_decode(&out, bytes, sizeof bytes, &used, &err),
                      cases[i].expected, &err, cases[i].quoted);
    }
}

/* In memory of its own size, so that a sanitizer sees the first byte read behind it. */
static void test_every_cut(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof golden_record; size++) {
        struct assay_record out;
        struct assay_arena arena = {0};
        struct assay_error err;
        size_t used;
        uint8_t *bytes = malloc(size ? size : 1);
        memcpy(bytes, golden_record, size);
        check_refused(assay_record_decode(&out, &arena, bytes, size, &used, &err), ASSAY_EFORMAT,
                      &err, "cut");
        assay_arena_fini(&arena);
        free(bytes);
    }
    for (size_t size = 0; size < sizeof golden_circumstances; size++) {
        struct assay_circumstances out;
        struct assay_error err;
        size_t used;
        uint8_t *bytes = malloc(size ? size : 1);
        memcpy(bytes, golden_circumstances, size);
        check_refused(assay_circumstances_decode(&out, bytes, size, &used, &err), ASSAY_EFORMAT,
                      &err, "cut");
        free(bytes);
    }
}

/* Whatever decodes encodes back to the same bytes. */
static void test_every_flip(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof golden_record; bit++) {
        struct assay_record out;
        struct assay_arena arena = {0};
        struct assay_bytes again = {0};
        struct assay_error err;
        size_t used;
        uint8_t bytes[sizeof golden_record];
        memcpy(bytes, golden_record, sizeof bytes);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << (bit % 8));
        if (!assay_record_decode(&out, &arena, bytes, sizeof bytes, &used, &err)) {
            check_ok(assay_record_encode(&again, &out, &err), &err);
            assert_int_equal(again.size, used);
            assert_memory_equal(again.data, bytes, used);
        }
        assay_bytes_fini(&again);
        assay_arena_fini(&arena);
    }
}

static void test_longest_names(void **state)
{
    (void)state;
    char name[ASSAY_RECORD_NAME_BYTES_MAX + 1];
    struct assay_record record = golden();
    memset(name, 'a', sizeof name);
    record.item_id = (struct assay_span){name, ASSAY_RECORD_NAME_BYTES_MAX};
    assert_null(assay_record_fault(&record));
    record.item_id.size++;
    assert_string_equal(assay_record_fault(&record), "item id is no name");
    record = golden();
    char *answer = calloc(1, ASSAY_RECORD_ANSWER_BYTES_MAX + 1);
    record.answer = (struct assay_span){answer, ASSAY_RECORD_ANSWER_BYTES_MAX};
    assert_null(assay_record_fault(&record));
    record.answer.size++;
    assert_string_equal(assay_record_fault(&record), "answer too long");
    free(answer);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(assay_finish_name(ASSAY_FINISH_NONFINITE), "nonfinite");
    assert_null(assay_finish_name((enum assay_finish)5));
    assert_string_equal(assay_verdict_name(ASSAY_VERDICT_NO_ANSWER), "no-answer");
    assert_null(assay_verdict_name((enum assay_verdict)4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_record),   cmocka_unit_test(test_golden_circumstances),
        cmocka_unit_test(test_record_refusals), cmocka_unit_test(test_circumstances_refusals),
        cmocka_unit_test(test_every_cut),       cmocka_unit_test(test_every_flip),
        cmocka_unit_test(test_longest_names),   cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
