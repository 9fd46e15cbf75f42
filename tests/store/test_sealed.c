/* Samples of an encrypted benchmark: closed they say nothing that was sealed, opened they are what
 * they were; every changed bit, also of what stays in clear, is refused. A journal takes no sample
 * of the other kind. */
#include "harness/check.h"
#include "harness/folder.h"
#include "store/fixture.h"

#include "store/journal.h"
#include "store/record.h"
#include "store/sealed.h"

static const struct assay_cipher_key key = {true, {1, 2, 3}, {4, 5, 6}};

/* What both are, as bytes. */
static struct assay_bytes encode(const struct assay_record *record,
                                 const struct assay_circumstances *circumstances)
{
    struct assay_bytes out = {0};
    struct assay_error err;
    check_ok(assay_record_encode(&out, record, &err), &err);
    check_ok(assay_circumstances_encode(&out, circumstances, &err), &err);
    return out;
}

static bool holds(const struct assay_bytes *bytes, const void *what, size_t size)
{
    for (size_t at = 0; size >= 4 && at + size <= bytes->size; at++) {
        if (memcmp(bytes->data + at, what, size) == 0) return true;
    }
    return false;
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct fixture fixture = fixture_make(1);
    struct assay_sealing sealing = {0};
    struct assay_error err;
    for (uint64_t i = 0; i < fixture.plan.sample_count; i++) {
        struct fixture_sample sample;
        struct assay_arena arena = {0};
        struct assay_record closed, opened;
        struct assay_circumstances rest, back;
        fixture_fill(&sample, &fixture.plan, i, 1);
        check_ok(assay_sealed_make(&sealing, &key, &sample.record, &sample.circumstances, &closed,
                                   &rest, &err),
                 &err);
        struct assay_bytes before = encode(&sample.record, &sample.circumstances);
        struct assay_bytes between = encode(&closed, &rest);
        assert_int_equal(closed.answer.size, 0);
        assert_int_equal(rest.text.size, 0);
        assert_false(holds(&between, sample.record.answer.data, sample.record.answer.size));
        assert_false(
            holds(&between, sample.circumstances.text.data, sample.circumstances.text.size));
        for (size_t t = 0; t < closed.token_count; t++) assert_int_equal(closed.tokens[t], 0);
        check_ok(assay_sealed_open(&arena, &key, &closed, &rest, &opened, &back, &err), &err);
        struct assay_bytes after = encode(&opened, &back);
        assert_int_equal(before.size, after.size);
        assert_memory_equal(before.data, after.data, before.size);
        assay_bytes_fini(&before);
        assay_bytes_fini(&between);
        assay_bytes_fini(&after);
        assay_arena_fini(&arena);
    }
    assay_sealing_fini(&sealing);
    fixture_drop(&fixture);
}

static void check_stays_closed(const struct assay_record *record,
                               const struct assay_circumstances *rest, const char *quoted)
{
    struct assay_arena arena = {0};
    struct assay_record opened;
    struct assay_circumstances back;
    struct assay_error err;
    check_refused(assay_sealed_open(&arena, &key, record, rest, &opened, &back, &err),
                  ASSAY_EFAILED, &err, quoted);
    assay_arena_fini(&arena);
}

static void test_changes(void **state)
{
    (void)state;
    struct fixture fixture = fixture_make(1);
    struct assay_sealing sealing = {0};
    struct fixture_sample sample;
    struct assay_record closed;
    struct assay_circumstances rest;
    struct assay_error err;
    fixture_fill(&sample, &fixture.plan, 5, 1);
    check_ok(assay_sealed_make(&sealing, &key, &sample.record, &sample.circumstances, &closed,
                               &rest, &err),
             &err);
    for (size_t i = 0; i < sealing.cell.size; i++) {
        sealing.cell.data[i] ^= 0x10;
        check_stays_closed(&closed, &rest, "encrypted cell");
        sealing.cell.data[i] ^= 0x10;
    }
    struct assay_circumstances cut = rest;
    for (cut.sealed.size = 1; cut.sealed.size < rest.sealed.size; cut.sealed.size++) {
        check_stays_closed(&closed, &cut, "encrypted cell");
    }
    struct assay_record other = closed;
    other.replicate = (other.replicate + 1) % other.replicates;
    check_stays_closed(&other, &rest, "does not open");
    other = closed;
    other.cell_key.bytes[31] ^= 1;
    check_stays_closed(&other, &rest, "does not open");
    struct assay_circumstances late = rest;
    late.start_ns++;
    check_stays_closed(&closed, &late, "does not open");
    assay_sealing_fini(&sealing);
    fixture_drop(&fixture);
}

/* Its record's cell does not depend on when and where a sample was computed; the rest does. */
static void test_two_runs(void **state)
{
    (void)state;
    struct fixture fixture = fixture_make(1);
    struct assay_sealing sealings[2] = {{{0}, {0}, {0}, NULL, 0}};
    struct assay_span parts[2];
    struct assay_error err;
    for (uint32_t run = 0; run < 2; run++) {
        struct fixture_sample sample;
        struct assay_record closed;
        struct assay_circumstances rest;
        fixture_fill(&sample, &fixture.plan, 5, run + 1);
        check_ok(assay_sealed_make(&sealings[run], &key, &sample.record, &sample.circumstances,
                                   &closed, &rest, &err),
                 &err);
        parts[run] = assay_sealed_record_part(rest.sealed);
    }
    assert_int_equal(parts[0].size, parts[1].size);
    assert_memory_equal(parts[0].data, parts[1].data, parts[0].size);
    assert_memory_not_equal(sealings[0].cell.data, sealings[1].cell.data, sealings[0].cell.size);
    for (int run = 0; run < 2; run++) assay_sealing_fini(&sealings[run]);
    fixture_drop(&fixture);
}

/* A frame in clear in the journal of an encrypted benchmark, and the other way round. */
static void test_wrong_kind(void **state)
{
    (void)state;
    struct fixture fixture = fixture_make(1);
    struct fixture_sample sample;
    struct assay_bytes frame = {0};
    struct assay_frame_reader reader = {{0}, {0}};
    struct assay_frame out;
    struct assay_error err;
    bool whole;
    fixture_fill(&sample, &fixture.plan, 3, 1);
    for (int encrypted = 0; encrypted < 2; encrypted++) {
        struct assay_circumstances circumstances = sample.circumstances;
        if (!encrypted) {
            circumstances.text = circumstances.grade.flexible_answer =
                circumstances.grade.run_detail = (struct assay_span){"", 0};
            circumstances.sealed = (struct assay_span){"cell", 4};
        }
        fixture.spec->definition.encrypted = encrypted ? ASSAY_ENCRYPTED_YES : ASSAY_ENCRYPTED_NO;
        assay_bytes_clear(&frame);
        check_ok(assay_frame_encode(&frame, 0, 3, &sample.record, &circumstances, &err), &err);
        const struct assay_journal_source source = {"here", -1, frame.data, frame.size};
        check_refused(assay_frame_read(&reader, &source, 0, 0, &fixture.plan, &out, &whole, &err),
                      ASSAY_EFORMAT, &err,
                      encrypted ? "sample 3 is in clear" : "sample 3 is encrypted");
    }
    assay_frame_reader_fini(&reader);
    assay_bytes_fini(&frame);
    fixture_drop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_two_runs), cmocka_unit_test(test_wrong_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
