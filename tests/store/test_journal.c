/* The journal: golden frames, recovery from every cut and flip, and what is refused. */
#include "harness/check.h"
#include "harness/folder.h"

#include "base/file.h"
#include "store/golden.h"
#include "store/journal.h"

#include "fixture.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES = 24 };

static const struct assay_journal_options each = {
    .rank = 0, .sync_records = 1, .process = &fixture_plain};

/* A folder with a journal's path in it, and a plan. */
struct place {
    struct folder folder;
    struct fixture fixture;
    char path[FOLDER_PATH_BYTES]; /* of the journal */
    char file[FOLDER_PATH_BYTES]; /* of rank 0 */
};

static struct place place_make(void)
{
    struct place place = {.folder = folder_make(), .fixture = fixture_make(1)};
    folder_path(&place.folder, "r.journal", place.path);
    folder_path(&place.folder, "r.journal/rank-0000.log", place.file);
    return place;
}

static void place_drop(struct place *place)
{
    struct assay_error err;
    check_ok(assay_journal_remove(place->path, &err), &err);
    fixture_drop(&place->fixture);
    folder_remove(&place->folder);
}

static struct assay_journal *open_rank(const struct place *place, uint32_t rank,
                                       struct assay_journal_recovery *recovery)
{
    struct assay_journal_options options = each;
    struct assay_journal *journal = NULL;
    struct assay_error err;
    struct assay_process process = fixture_process(rank);
    options.rank = rank;
    options.process = &process;
    check_ok(
        assay_journal_open(&journal, place->path, &place->fixture.plan, &options, recovery, &err),
        &err);
    return journal;
}

static void append(const struct place *place, struct assay_journal *journal, uint64_t index)
{
    struct assay_error err;
    check_ok(fixture_append(journal, &place->fixture.plan, index, &err), &err);
}

static void close_journal(struct assay_journal *journal)
{
    struct assay_error err;
    check_ok(assay_journal_close(journal, &err), &err);
}

static enum assay_status try_open(const struct place *place, const struct assay_plan *plan,
                                  struct assay_error *err)
{
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    enum assay_status status =
        assay_journal_open(&journal, place->path, plan, &each, &recovery, err);
    if (!status) close_journal(journal);
    return status;
}

static struct assay_bytes read_file(const char *path)
{
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(path, 1 << 20, &bytes, &err), &err);
    return bytes;
}

static void write_file(const char *path, const void *data, size_t size)
{
    struct assay_error err;
    check_ok(assay_file_write(path, data, size, &err), &err);
}

static void test_reopen(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_journal *journal = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, 0);
    assert_int_equal(recovery.files, 1);
    assert_true(recovery.locked);
    for (uint64_t i = 0; i < SAMPLES; i += 2) append(&place, journal, i);
    for (uint64_t i = 0; i < SAMPLES; i++)
        assert_int_equal(assay_journal_has(journal, i), !(i & 1));
    close_journal(journal);

    journal = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, SAMPLES / 2);
    assert_int_equal(recovery.torn_bytes, 0);
    for (uint64_t i = 0; i < SAMPLES; i++)
        assert_int_equal(assay_journal_has(journal, i), !(i & 1));
    append(&place, journal, 1);
    close_journal(journal);
    journal = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, SAMPLES / 2 + 1);
    close_journal(journal);
    place_drop(&place);
}

/* Another number of ranks may go on: what others wrote is read and left alone. */
static void test_other_ranks(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_journal *ranks[3];
    char other[FOLDER_PATH_BYTES];
    for (uint32_t r = 0; r < 3; r++) {
        ranks[r] = open_rank(&place, r, &recovery);
        assert_int_equal(recovery.files, r + 1);
    }
    for (uint64_t i = 0; i < 9; i++) append(&place, ranks[i % 3], i);
    for (uint32_t r = 0; r < 3; r++) close_journal(ranks[r]);

    folder_path(&place.folder, "r.journal/rank-0002.log", other);
    int fd = open(other, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "torn", 4), 4);
    close(fd);
    struct assay_bytes before = read_file(other);
    struct assay_journal *journal = open_rank(&place, 1, &recovery);
    assert_int_equal(recovery.samples, 9);
    assert_int_equal(recovery.files, 3);
    assert_int_equal(recovery.torn_bytes, 4);
    assert_int_equal(recovery.torn_files, 1);
    for (uint64_t i = 0; i < SAMPLES; i++) assert_int_equal(assay_journal_has(journal, i), i < 9);
    close_journal(journal);
    struct assay_bytes after = read_file(other);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, after.size);
    journal = open_rank(&place, 2, &recovery);
    assert_int_equal(recovery.torn_bytes, 4);
    close_journal(journal);
    assay_bytes_fini(&before);
    assay_bytes_fini(&after);
    place_drop(&place);
}

struct visited {
    const struct assay_plan *plan;
    uint64_t next, step;
    enum assay_status answer;
    const struct assay_process *processes;
    uint32_t process_count;
    bool check_process; /* sample (7 · rank) mod SAMPLES was written by this rank */
};

static enum assay_status visit(void *context, uint64_t index, uint32_t process,
                               const struct assay_record *record,
                               const struct assay_circumstances *circumstances,
                               struct assay_error *err)
{
    struct visited *visited = context;
    struct fixture_sample sample;
    struct assay_bytes got = {0}, want = {0};
    assert_true(index == visited->next);
    assert_true(process < visited->process_count);
    if (visited->check_process) {
        const struct assay_process *writer = &visited->processes[process];
        struct assay_process want_process = fixture_process(writer->rank);
        assert_int_equal(7 * writer->rank % SAMPLES, index);
        assert_string_equal(writer->topology, want_process.topology);
        assert_string_equal(writer->isa, want_process.isa);
        assert_int_equal(writer->ranks, want_process.ranks);
    }
    visited->next += visited->step;
    fixture_fill(&sample, visited->plan, index, 1);
    check_ok(assay_record_encode(&got, record, err), err);
    check_ok(assay_circumstances_encode(&got, circumstances, err), err);
    check_ok(assay_record_encode(&want, &sample.record, err), err);
    check_ok(assay_circumstances_encode(&want, &sample.circumstances, err), err);
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, got.size);
    assay_bytes_fini(&got);
    assay_bytes_fini(&want);
    return visited->answer ? assay_fail(err, visited->answer, "enough") : ASSAY_OK;
}

static enum assay_status each_of(const struct place *place, struct visited *visited,
                                 struct assay_error *err)
{
    struct assay_journal_reader *reader;
    enum assay_status status = assay_journal_read(&reader, place->path, &place->fixture.plan, err);
    if (status) return status;
    visited->processes = assay_journal_processes(reader, &visited->process_count);
    status = assay_journal_each(reader, visit, visited, err);
    assay_journal_reader_close(reader);
    return status;
}

/* More files than are kept open at once, written in an order of their own, a sample twice. */
static void test_each(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct visited visited = {.plan = &place.fixture.plan, .step = 1, .check_process = true};
    for (uint32_t r = 0; r < 100; r++) {
        struct assay_journal *journal = open_rank(&place, r, &recovery);
        append(&place, journal, (7 * r) % SAMPLES);
        close_journal(journal);
    }
    check_ok(each_of(&place, &visited, &err), &err);
    assert_int_equal(visited.next, SAMPLES);
    struct assay_journal *journal = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, SAMPLES);
    close_journal(journal);

    visited = (struct visited){.plan = visited.plan, .step = 1, .answer = ASSAY_EINTERRUPTED};
    check_refused(each_of(&place, &visited, &err), ASSAY_EINTERRUPTED, &err, "enough");
    assert_int_equal(visited.next, 1);
    place_drop(&place);
    place = place_make();
    check_refused(each_of(&place, &visited, &err), ASSAY_ENOTFOUND, &err, "r.journal");
    place_drop(&place);
}

static uint64_t frame_end(const struct place *place, uint64_t frames)
{
    struct assay_bytes bytes = read_file(place->file);
    uint64_t at = ASSAY_JOURNAL_HEADER_BYTES;
    for (uint64_t i = 0; i < frames; i++) {
        at += ASSAY_FRAME_HEAD_BYTES + assay_get_le32(bytes.data + at + 4);
    }
    assert_true(at <= bytes.size);
    assay_bytes_fini(&bytes);
    return at;
}

/* Cut anywhere, the frames that are whole stay, the rest is cut and written again. */
static void test_every_cut(void **state)
{
    (void)state;
    enum { FRAMES = 5 };
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    uint64_t ends[FRAMES + 1];
    struct assay_journal *journal = open_rank(&place, 0, &recovery);
    for (uint64_t i = 0; i + 1 < FRAMES; i++) append(&place, journal, i);
    close_journal(journal);
    for (uint64_t i = 0; i <= FRAMES; i++) ends[i] = frame_end(&place, i);
    struct assay_bytes whole = read_file(place.file);
    for (size_t size = 0; size < whole.size; size++) {
        uint64_t kept = 0; /* frames, the first of which is the process */
        while (kept < FRAMES && ends[kept + 1] <= size) kept++;
        uint64_t samples = kept > 0 ? kept - 1 : 0;
        uint64_t end = size < ends[0] ? 0 : ends[kept];
        write_file(place.file, whole.data, size);
        journal = open_rank(&place, 0, &recovery);
        assert_int_equal(recovery.samples, samples);
        assert_int_equal(recovery.torn_bytes, size - end);
        assert_int_equal(recovery.torn_files, size > end);
        for (uint64_t i = samples; i + 1 < FRAMES; i++) append(&place, journal, i);
        close_journal(journal);
        struct visited visited = {.plan = &place.fixture.plan, .step = 1};
        struct assay_error err;
        check_ok(each_of(&place, &visited, &err), &err);
        assert_int_equal(visited.next, FRAMES - 1);
        struct assay_bytes again = read_file(place.file);
        assert_memory_equal(again.data, whole.data, end);
        assay_bytes_fini(&again);
    }
    assay_bytes_fini(&whole);
    place_drop(&place);
}

/* A flipped bit is found wherever it is: in the header the file is refused, in a frame everything
 * from it on is cut. */
static void test_every_flip(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_rank(&place, 0, &recovery);
    for (uint64_t i = 0; i < 2; i++) append(&place, journal, i);
    close_journal(journal);
    uint64_t ends[] = {frame_end(&place, 0), frame_end(&place, 1), frame_end(&place, 2)};
    struct assay_bytes whole = read_file(place.file);
    for (size_t at = 0; at < whole.size; at++) {
        whole.data[at] ^= (uint8_t)(1u << (at % 8));
        write_file(place.file, whole.data, whole.size);
        if (at < ends[0]) {
            check_refused(try_open(&place, &place.fixture.plan, &err), ASSAY_EFORMAT, &err,
                          place.file);
        } else {
            journal = open_rank(&place, 0, &recovery);
            uint64_t end = at < ends[1] ? ends[0] : at < ends[2] ? ends[1] : ends[2];
            assert_int_equal(recovery.samples, at < ends[2] ? 0 : 1);
            assert_int_equal(recovery.torn_bytes, whole.size - end);
            close_journal(journal);
        }
        whole.data[at] ^= (uint8_t)(1u << (at % 8));
    }
    assay_bytes_fini(&whole);
    place_drop(&place);
}

static void put_crc(uint8_t *data)
{
    assay_put_le32(data + 80, assay_crc32(0, data, 80));
}

/* A file that is no journal of ours is refused by name and left as it is. */
static void test_header_refusals(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
        bool seal;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {{0, 'a', true, ASSAY_EFORMAT, "not a journal (it does not begin with ASSAYJNL)"},
                 {8, 1, true, ASSAY_EUNSUPPORTED, "journal version 1"},
                 {12, 5, true, ASSAY_EFORMAT, "its header says rank 5"},
                 {16, 1, true, ASSAY_EMISMATCH, "belongs to plan"},
                 {48, 1, true, ASSAY_EMISMATCH, "belongs to plan"},
                 {16, 1, false, ASSAY_EFORMAT, "the header's CRC is wrong"}};
    struct place place = place_make();
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t header[ASSAY_JOURNAL_HEADER_BYTES];
        check_ok(try_open(&place, &place.fixture.plan, &err), &err);
        assay_journal_header_put(header, &place.fixture.plan, 0);
        header[cases[i].at] = cases[i].byte;
        if (cases[i].seal) put_crc(header);
        write_file(place.file, header, sizeof header);
        check_refused(try_open(&place, &place.fixture.plan, &err), cases[i].expected, &err,
                      cases[i].quoted);
        assert_non_null(strstr(err.text, place.file));
        struct assay_bytes after = read_file(place.file);
        assert_int_equal(after.size, sizeof header);
        assert_memory_equal(after.data, header, sizeof header);
        assay_bytes_fini(&after);
        unlink(place.file);
    }
    write_file(place.file, "hello", 5); /* shorter than a header, and not the beginning of one */
    check_refused(try_open(&place, &place.fixture.plan, &err), ASSAY_EFORMAT, &err,
                  "not a journal");
    unlink(place.file);
    assert_int_equal(mkfifo(place.file, 0600), 0);
    check_refused(try_open(&place, &place.fixture.plan, &err), ASSAY_EFORMAT, &err,
                  "not a regular file");
    place_drop(&place);
}

/* Ranks join with what rank 0 has found, and read nothing but their own file. */
static void test_joining(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *zero = open_rank(&place, 0, &recovery), *one = NULL;
    append(&place, zero, 3);
    close_journal(zero);
    zero = open_rank(&place, 0, &recovery);
    struct assay_journal_present present = assay_journal_present(zero);
    struct assay_process process = fixture_process(1);
    struct assay_journal_options options = {
        .rank = 1, .sync_records = 1, .process = &process, .joining = &present};
    check_ok(assay_journal_open(&one, place.path, &place.fixture.plan, &options, &recovery, &err),
             &err);
    assert_int_equal(recovery.samples, 0);
    for (uint64_t i = 0; i < SAMPLES; i++) assert_int_equal(assay_journal_has(one, i), i == 3);
    append(&place, one, 4);
    close_journal(one);
    close_journal(zero);
    zero = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, 2);
    close_journal(zero);
    place_drop(&place);
}

/* Another plan's directory: both digests are quoted and nothing in it changes, not even a new file.
 */
static void test_other_plan(void **state)
{
    (void)state;
    struct place place = place_make();
    struct fixture other = fixture_make(2);
    struct assay_journal_recovery recovery;
    struct assay_error err;
    char hex[ASSAY_DIGEST_HEX];
    struct assay_journal *journal = open_rank(&place, 3, &recovery);
    append(&place, journal, 0);
    close_journal(journal);
    check_refused(try_open(&place, &other.plan, &err), ASSAY_EMISMATCH, &err,
                  assay_digest_hex(&place.fixture.plan.digest, hex));
    assert_non_null(strstr(err.text, assay_digest_hex(&other.plan.digest, hex)));
    assert_false(assay_file_exists(place.file));
    journal = open_rank(&place, 0, &recovery);
    assert_int_equal(recovery.samples, 1);
    close_journal(journal);
    fixture_drop(&other);
    place_drop(&place);
}

static void test_second_run(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct assay_journal *journal = open_rank(&place, 0, &recovery);
    append(&place, journal, 0);
    check_refused(try_open(&place, &place.fixture.plan, &err), ASSAY_EIO, &err,
                  "another run is writing it");
    append(&place, journal, 1);
    close_journal(journal);
    check_ok(try_open(&place, &place.fixture.plan, &err), &err);
    place_drop(&place);
}

/* What was killed may still be dying, and lets go of its file late. */
static void test_dying_run(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal_recovery recovery;
    struct assay_error err;
    int ends[2];
    char word = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        open_rank(&place, 0, &recovery);
        if (write(ends[1], &word, 1) != 1) _exit(1);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &word, 1), 1);
    check_ok(try_open(&place, &place.fixture.plan, &err), &err);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    place_drop(&place);
}

/* The same sample twice: circumstances may differ, the record may not. */
static void test_duplicates(void **state)
{
    (void)state;
    struct place place = place_make();
    const struct assay_plan *plan = &place.fixture.plan;
    struct assay_journal_recovery recovery;
    struct assay_error err;
    struct fixture_sample sample;
    struct visited visited = {.plan = plan, .next = 5, .step = 1};
    struct assay_journal *zero = open_rank(&place, 0, &recovery);
    struct assay_journal *one = open_rank(&place, 1, &recovery);
    append(&place, zero, 5);
    append(&place, zero, 5);
    fixture_fill(&sample, plan, 5, 2);
    check_ok(assay_journal_append(one, 5, &sample.record, &sample.circumstances, &err), &err);
    check_ok(each_of(&place, &visited, &err), &err);
    assert_int_equal(visited.next, 6);

    sample.tokens[0] ^= 1;
    check_ok(assay_journal_append(one, 5, &sample.record, &sample.circumstances, &err), &err);
    close_journal(zero);
    close_journal(one);
    check_refused(each_of(&place, &visited, &err), ASSAY_EFORMAT, &err,
                  "sample 5 is there twice with different records");
    check_refused(try_open(&place, plan, &err), ASSAY_EFORMAT, &err, "sample 5");
    place_drop(&place);
}

/* Frames whose CRC is right and whose content is not were never torn: they are refused. */
static void test_payload_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t index;
        size_t at; /* in the payload */
        uint8_t byte;
        size_t cut;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {"a sample beyond the plan", 24, 1, 24, 0, ASSAY_EFORMAT, "the plan has only 24 samples"},
        {"the wrong replicate", 1, 1, 2, 0, ASSAY_EFORMAT,
         "replicate 1 of 4 in 2 sets; the plan has 2"},
        {"the wrong profile", 4, 1, 0, 0, ASSAY_EFORMAT, "its profile or draw is not the plan's"},
        {"no record", 0, 13, 9, 0, ASSAY_EUNSUPPORTED, "record of version 9"},
        {"bytes behind it", 0, 1, 0, 1, ASSAY_EFORMAT, "cut after"},
        {"no kind", 0, 0, 2, 0, ASSAY_EFORMAT, "a frame of unknown kind 2"},
        {"no process", 0, 0, 0, 0, ASSAY_EFORMAT, "process: "},
        {"nothing", 0, 0, 0, 1 << 20, ASSAY_EFORMAT, "an empty payload"}};
    struct place place = place_make();
    struct assay_error err;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture_sample sample;
        struct assay_bytes file = {0};
        uint8_t header[ASSAY_JOURNAL_HEADER_BYTES];
        fixture_fill(&sample, &place.fixture.plan, cases[i].index % 24, 1);
        assay_journal_header_put(header, &place.fixture.plan, 0);
        check_ok(assay_bytes_append(&file, header, sizeof header, &err), &err);
        check_ok(assay_frame_encode(&file, 0, cases[i].index, &sample.record, &sample.circumstances,
                                    &err),
                 &err);
        uint8_t *frame = file.data + sizeof header, *payload = frame + ASSAY_FRAME_HEAD_BYTES;
        size_t size = file.size - sizeof header - ASSAY_FRAME_HEAD_BYTES;
        payload[cases[i].at] = cases[i].byte;
        size -= cases[i].cut < size ? cases[i].cut : size;
        assay_put_le32(frame + 4, (uint32_t)size);
        assay_put_le32(frame + 16, assay_crc32(assay_crc32(0, frame + 8, 8), payload, size));
        check_ok(try_open(&place, &place.fixture.plan, &err), &err);
        write_file(place.file, file.data, sizeof header + ASSAY_FRAME_HEAD_BYTES + size);
        check_refused(try_open(&place, &place.fixture.plan, &err), cases[i].expected, &err,
                      cases[i].quoted);
        assert_non_null(strstr(err.text, "frame at byte 84"));
        unlink(place.file);
        assay_bytes_fini(&file);
    }
    place_drop(&place);
}

static void test_places(void **state)
{
    (void)state;
    struct place place = place_make();
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    const struct assay_plan *plan = &place.fixture.plan;
    check_refused(assay_journal_open(&journal, "no/such/r.journal", plan, &each, &recovery, &err),
                  ASSAY_ENOTFOUND, &err, "no/such/r.journal");
    folder_path(&place.folder, "file", path);
    write_file(path, "x", 1);
    check_refused(assay_journal_open(&journal, path, plan, &each, &recovery, &err), ASSAY_ENOTFOUND,
                  &err, path);
    check_ok(assay_journal_remove(place.path, &err), &err); /* not there: nothing to do */
    check_ok(try_open(&place, plan, &err), &err);
    folder_path(&place.folder, "r.journal/notes.txt", path);
    write_file(path, "mine", 4);
    check_refused(assay_journal_remove(place.path, &err), ASSAY_EIO, &err, place.path);
    assert_true(assay_file_exists(path)); /* what is not ours stays */
    unlink(path);
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reopen),
                                       cmocka_unit_test(test_other_ranks),
                                       cmocka_unit_test(test_each),
                                       cmocka_unit_test(test_every_cut),
                                       cmocka_unit_test(test_every_flip),
                                       cmocka_unit_test(test_header_refusals),
                                       cmocka_unit_test(test_other_plan),
                                       cmocka_unit_test(test_second_run),
                                       cmocka_unit_test(test_dying_run),
                                       cmocka_unit_test(test_duplicates),
                                       cmocka_unit_test(test_payload_refusals),
                                       cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_joining)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
