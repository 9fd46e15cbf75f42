/* The parts of a journal file: golden bytes of header, sample and process, file names. */
#include "harness/check.h"

#include "base/bytes.h"
#include "store/journal.h"

#include "fixture.h"
#include "golden.h"

#include <stdlib.h>

static void test_golden_header(void **state)
{
    (void)state;
    struct fixture fixture = fixture_make(1);
    uint8_t header[ASSAY_JOURNAL_HEADER_BYTES];
    memset(fixture.plan.digest.bytes, 0x11, 32);
    memset(fixture.spec->digest.bytes, 0x22, 32);
    assay_journal_header_put(header, &fixture.plan, 7);
    assert_int_equal(sizeof golden_header, sizeof header);
    assert_memory_equal(header, golden_header, sizeof header);
    fixture_drop(&fixture);
}

static void test_golden_frame(void **state)
{
    (void)state;
    struct assay_record record;
    struct assay_circumstances circumstances;
    struct assay_arena arena = {0};
    struct assay_bytes frame = {0};
    struct assay_error err;
    size_t used;
    check_ok(assay_record_decode(&record, &arena, golden_record, sizeof golden_record, &used, &err),
             &err);
    check_ok(assay_circumstances_decode(&circumstances, golden_circumstances,
                                        sizeof golden_circumstances, &used, &err),
             &err);
    check_ok(assay_frame_encode(&frame, 5, 1, &record, &circumstances, &err), &err);
    assert_int_equal(frame.size,
                     sizeof golden_frame_head + sizeof golden_record + sizeof golden_circumstances);
    assert_memory_equal(frame.data, golden_frame_head, sizeof golden_frame_head);
    assay_bytes_fini(&frame);
    assay_arena_fini(&arena);
}

static void test_file_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool ok;
        uint32_t rank;
    } cases[] = {{"rank-0000.log", true, 0},
                 {"rank-0042.log", true, 42},
                 {"rank-12345.log", true, 12345},
                 {"rank-4294967295.log", true, UINT32_MAX},
                 {"rank-4294967296.log", false, 0},
                 {"rank-00001.log", false, 0},
                 {"rank-1.log", false, 0},
                 {"rank-.log", false, 0},
                 {"rank-0001.log~", false, 0},
                 {"rank-+001.log", false, 0},
                 {"rank-99999999999999999999.log", false, 0},
                 {".", false, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t rank = 0;
        assert_int_equal(assay_journal_name_parse(cases[i].name, &rank), cases[i].ok);
        assert_int_equal(rank, cases[i].rank);
    }
}

static void test_golden_process(void **state)
{
    (void)state;
    struct assay_process process;
    struct assay_arena arena = {0};
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_process_decode(&process, &arena, golden_process, sizeof golden_process, &err),
             &err);
    assert_int_equal(process.rank, 3);
    assert_int_equal(process.clock_mhz, 3450);
    assert_string_equal(process.component, "1 gpu");
    assert_string_equal(process.variables, "SLURM_HET_SIZE=2");
    assert_string_equal(process.memory_nodes, "0 größer");
    assert_string_equal(process.topology, "<topology/>");
    check_ok(assay_process_encode(&bytes, &process, &err), &err);
    assert_int_equal(bytes.size, sizeof golden_process);
    assert_memory_equal(bytes.data, golden_process, bytes.size);
    for (size_t size = 0; size < bytes.size; size++) {
        struct assay_process other;
        uint8_t *cut = malloc(size ? size : 1); /* of its own size: a sanitizer sees its end */
        assert_non_null(cut);
        memcpy(cut, bytes.data, size);
        assert_int_equal(assay_process_decode(&other, &arena, cut, size, &err), ASSAY_EFORMAT);
        free(cut);
    }
    static const struct {
        size_t at;
        uint8_t byte;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {{4, 3, ASSAY_EUNSUPPORTED, "process of version 3"},
                 {6, 1, ASSAY_EUNSUPPORTED, "with flags 1"},
                 {8, 8, ASSAY_EFORMAT, "its rank is not among its ranks"},
                 {80, 3, ASSAY_EFORMAT, "process: "},
                 {81, 0xff, ASSAY_EFORMAT, "process: "},
                 {84, 0, ASSAY_EFORMAT, "a NUL in a text"},
                 {84, 0xff, ASSAY_EFORMAT, "not UTF-8"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t kept = bytes.data[cases[i].at];
        bytes.data[cases[i].at] = cases[i].byte;
        check_refused(assay_process_decode(&process, &arena, bytes.data, bytes.size, &err),
                      cases[i].expected, &err, cases[i].quoted);
        bytes.data[cases[i].at] = kept;
    }
    assay_bytes_fini(&bytes);
    assay_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_header), cmocka_unit_test(test_golden_frame),
        cmocka_unit_test(test_file_names), cmocka_unit_test(test_golden_process)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
