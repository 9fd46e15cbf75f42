/* Items: what is read, and every refusal with its line and the offence. */
#include "assay/benchmark.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define GOOD                                                                                       \
    "{\"id\":\"a\",\"topic\":\"t\",\"stratum\":\"easy\",\"question\":\"1+1?\",\"accept\":[\"2\","  \
    "\"Two.\"]}"

static const struct assay_rule rule = {"strict", "(.+)", ASSAY_TAKE_FIRST};
static const struct assay_spec spec = {
    .prompt = "Q: {question} {{x}}", .rules = &rule, .rule_count = 1};

static void reads_items(void **state)
{
    (void)state;
    static const char text[] =
        GOOD "\n\n{\"id\":\"b/2\",\"question\":7,\"answer\":\" `Yes`! \",\"other\":[1]}\n"
             "{\"id\":\"c\",\"question\":\"?\",\"accept\":[\"x\"],\"stratum\":\"easy\"}";
    struct assay_benchmark *benchmark;
    struct assay_bytes prompt = {0};
    struct assay_error err;
    assert_int_equal(assay_benchmark_parse(&benchmark, "items", text, sizeof text - 1, &spec, &err),
                     ASSAY_OK);
    assert_int_equal(assay_benchmark_count(benchmark), 3);
    const struct assay_item *first = assay_benchmark_item(benchmark, 0);
    assert_string_equal(first->id, "a");
    assert_string_equal(first->topic, "t");
    assert_int_equal(first->accept_count, 2);
    assert_string_equal(first->accept[1], "two");
    const struct assay_item *second = assay_benchmark_item(benchmark, 1);
    assert_string_equal(second->topic, "");
    assert_string_equal(second->stratum, "all");
    assert_string_equal(second->accept[0], "yes");
    assert_int_equal(assay_benchmark_stratum_count(benchmark), 2);
    assert_string_equal(assay_benchmark_stratum(benchmark, 1), "all");
    assert_int_equal(assay_benchmark_item_stratum(benchmark, 2), 0);
    assert_int_equal(assay_benchmark_prompt(benchmark, 1, &prompt, &err), ASSAY_OK);
    assert_string_equal((const char *)prompt.data, "Q: 7 {x}");
    assay_bytes_fini(&prompt);
    assay_benchmark_close(benchmark);
}

static void refuses(void **state)
{
    static const struct {
        const char *text;
        enum assay_status status;
        const char *message;
    } rows[] = {
        {"", ASSAY_EFORMAT, "items: there is no item"},
        {"\n \t\n", ASSAY_EFORMAT, "items: there is no item"},
        {GOOD "\n{\"id\":", ASSAY_EFORMAT, "items:2: "},
        {GOOD "\n[1]", ASSAY_EFORMAT, "items:2: an item must be an object, not an array"},
        {GOOD "\n" GOOD, ASSAY_EFORMAT,
         "items:2: two items have the id \"a\"; the first is on line 1"},
        {"{\"question\":\"?\",\"accept\":[\"x\"]}", ASSAY_EFORMAT,
         "items:1: the item has no field \"id\""},
        {"{\"id\":3,\"question\":\"?\",\"accept\":[\"x\"]}", ASSAY_EFORMAT,
         "\"id\" must be a text"},
        {"{\"id\":\"a b\",\"question\":\"?\",\"accept\":[\"x\"]}", ASSAY_EVALUE, "\"a b\""},
        {"{\"id\":\"\",\"question\":\"?\",\"accept\":[\"x\"]}", ASSAY_EVALUE, "id \"\""},
        {"{\"id\":\"a\",\"accept\":[\"x\"]}", ASSAY_EFORMAT,
         "items:1: item \"a\": the item has no field \"question\", which prompt.user needs"},
        {"{\"id\":\"a\",\"question\":[1],\"accept\":[\"x\"]}", ASSAY_EFORMAT,
         "field \"question\" must be a text, not an array"},
        {"{\"id\":\"a\",\"question\":\"?\"}", ASSAY_EFORMAT, "no field \"accept\""},
        {"{\"id\":\"a\",\"question\":\"?\",\"accept\":[]}", ASSAY_EVALUE, "has 0 answers"},
        {"{\"id\":\"a\",\"question\":\"?\",\"accept\":\"x\"}", ASSAY_EFORMAT, "must be a list"},
        {"{\"id\":\"a\",\"question\":\"?\",\"accept\":[4]}", ASSAY_EFORMAT, "not an integer"},
        {"{\"id\":\"a\",\"question\":\"?\",\"accept\":[\" .\"]}", ASSAY_EFORMAT,
         "\" .\" is empty once normalised"},
        {"{\"id\":\"a\",\"question\":\"?\",\"answer\":\"x\",\"topic\":1}", ASSAY_EFORMAT,
         "\"topic\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct assay_benchmark *benchmark = NULL;
        struct assay_error err = {0};
        enum assay_status status = assay_benchmark_parse(&benchmark, "items", rows[i].text,
                                                         strlen(rows[i].text), &spec, &err);
        if (status != rows[i].status || !strstr(err.text, rows[i].message)) {
            fail_msg("row %zu: status %d, message \"%s\"", i, status, err.text);
        }
        assert_null(benchmark);
    }
}

static void refuses_file_that_is_not_there(void **state)
{
    (void)state;
    struct assay_spec absent = spec;
    struct assay_benchmark *benchmark;
    struct assay_error err;
    absent.data.file = "no/such/items.jsonl";
    assert_int_equal(assay_benchmark_open(&benchmark, &absent, &err), ASSAY_ENOTFOUND);
    assert_non_null(strstr(err.text, "no/such/items.jsonl"));
}

/* A site's part: indices, strata and positions are those of what was kept. */
static void selects(void **state)
{
    static const char text[] =
        "{\"id\":\"a\",\"question\":\"?\",\"accept\":[\"x\"],\"stratum\":\"easy\"}\n"
        "{\"id\":\"b\",\"question\":\"?\",\"accept\":[\"x\"],\"stratum\":\"hard\"}\n"
        "{\"id\":\"c\",\"question\":\"?\",\"accept\":[\"x\"],\"stratum\":\"easy\"}\n"
        "{\"id\":\"d\",\"question\":\"?\",\"accept\":[\"x\"],\"stratum\":\"odd\"}\n";
    static const uint32_t kept[] = {1, 2}, beyond[] = {0, 4};
    struct assay_benchmark *benchmark;
    struct assay_error err;
    (void)state;
    assert_int_equal(assay_benchmark_parse(&benchmark, "items", text, strlen(text), &spec, &err),
                     ASSAY_OK);
    assert_int_equal(assay_benchmark_item(benchmark, 3)->position, 3);
    assert_int_equal(assay_benchmark_select(benchmark, beyond, 2, &err), ASSAY_EVALUE);
    assert_non_null(strstr(err.text, "item 4 is wanted, the benchmark has 4"));
    assert_int_equal(assay_benchmark_select(benchmark, kept, 2, &err), ASSAY_OK);
    assert_int_equal(assay_benchmark_count(benchmark), 2);
    assert_string_equal(assay_benchmark_item(benchmark, 0)->id, "b");
    assert_int_equal(assay_benchmark_item(benchmark, 1)->position, 2);
    assert_int_equal(assay_benchmark_stratum_count(benchmark), 2);
    assert_string_equal(assay_benchmark_stratum(benchmark, 0), "hard");
    assert_int_equal(assay_benchmark_item_stratum(benchmark, 1), 1);
    assay_benchmark_close(benchmark);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_items),
        cmocka_unit_test(refuses),
        cmocka_unit_test(selects),
        cmocka_unit_test(refuses_file_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
