/* Results in parts: the same content as in one file, wherever the folder lies; a part that is
 * missing, or another one's, is refused by its name. */
#include "store/parts.h"

#include "place.h"

#include <errno.h>
#include <sys/stat.h>

enum { SAMPLES = 24, PART = 5, PARTS = 5 };

/* Written in parts; `whole` is the same in one file. */
struct parted {
    struct place place;
    char whole[FOLDER_PATH_BYTES], parts[FOLDER_PATH_BYTES];
};

static const char *part_of(const struct parted *parted, unsigned index, char to[FOLDER_PATH_BYTES])
{
    char name[ASSAY_PART_NAME_BYTES];
    assay_part_name(name, index);
    assert_true(snprintf(to, FOLDER_PATH_BYTES, "%s/%s", parted->parts, name) < FOLDER_PATH_BYTES);
    return to;
}

static void parted_make(struct parted *parted)
{
    struct place *place = &parted->place;
    struct assay_error err;
    place_make(place);
    folder_path(&place->folder, "whole.h5", parted->whole);
    folder_path(&place->folder, "r.h5.parts", parted->parts);
    check_ok(assay_results_write(parted->whole, place->journal, &place->facts.facts, &err), &err);
    place->facts.facts.part_samples = PART;
    place_write(place);
}

static void lose_folder(const struct parted *parted)
{
    struct folder folder;
    assert_true(strlen(parted->parts) < sizeof folder.path);
    memcpy(folder.path, parted->parts, strlen(parted->parts) + 1);
    folder_remove(&folder);
}

static void parted_drop(struct parted *parted)
{
    lose_folder(parted);
    place_drop(&parted->place);
}

static void check_same(const char *path, const char *whole)
{
    struct assay_results *a, *b;
    struct assay_error err;
    check_ok(assay_results_open(&a, path, NULL, &err), &err);
    check_ok(assay_results_open(&b, whole, NULL, &err), &err);
    assert_true(assay_digest_equal(&a->records_digest, &b->records_digest));
    assert_true(assay_digest_equal(&a->circumstances_digest, &b->circumstances_digest));
    assert_int_equal(a->token_count, b->token_count);
    assert_memory_equal(a->token_offset, b->token_offset, (SAMPLES + 1) * sizeof *a->token_offset);
    /* Two windows of each are open in turn, and a part may lie behind what is open. */
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct assay_results_sample x, y;
        unsigned index = i * 7 % SAMPLES;
        check_ok(assay_results_sample(a, index, &x, &err), &err);
        check_ok(assay_results_sample(b, index, &y, &err), &err);
        assert_int_equal(x.record.token_count, y.record.token_count);
        assert_memory_equal(x.record.tokens, y.record.tokens, 4 * x.record.token_count);
        assert_int_equal(x.circumstances.text.size, y.circumstances.text.size);
        assert_memory_equal(x.circumstances.text.data, y.circumstances.text.data,
                            x.circumstances.text.size);
    }
    assay_results_close(b);
    assay_results_close(a);
}

static void check_open(const struct parted *parted, enum assay_status expected, const char *quoted)
{
    struct assay_results *results = NULL;
    struct assay_error err;
    check_refused(assay_results_open(&results, parted->place.file, NULL, &err), expected, &err,
                  quoted);
    assert_null(results);
    assert_non_null(strstr(err.text, parted->place.file));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct parted parted;
    struct assay_results_head head;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES], there[FOLDER_PATH_BYTES], elsewhere[FOLDER_PATH_BYTES];
    parted_make(&parted);
    /* journal, whole, file and folder; nothing temporary */
    assert_int_equal(folder_count(&parted.place.folder), 4);
    for (unsigned i = 0; i < PARTS; i++) assert_true(assay_file_exists(part_of(&parted, i, path)));
    assert_false(assay_file_exists(part_of(&parted, PARTS, path)));
    check_same(parted.place.file, parted.whole);
    check_ok(assay_results_peek(&head, parted.place.file, &err), &err);

    /* Moved together, they are found again. */
    folder_path(&parted.place.folder, "moved", there);
    assert_int_equal(mkdir(there, 0777), 0);
    folder_path(&parted.place.folder, "moved/r.h5", path);
    folder_path(&parted.place.folder, "moved/r.h5.parts", elsewhere);
    assert_int_equal(rename(parted.place.file, path), 0);
    assert_int_equal(rename(parted.parts, elsewhere), 0);
    check_same(path, parted.whole);
    assert_int_equal(rename(elsewhere, parted.parts), 0);
    assert_int_equal(rename(path, parted.place.file), 0);
    assert_int_equal(rmdir(there), 0);
    parted_drop(&parted);
}

/* Every column is the same through libhdf5's own eyes, view or not. */
static void test_views(void **state)
{
    (void)state;
    struct parted parted;
    unsigned views = 0;
    parted_make(&parted);
    hid_t a = H5Fopen(parted.place.file, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t b = H5Fopen(parted.whole, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) {
        static uint8_t left[1 << 14], right[1 << 14];
        const struct assay_column_info *info = &assay_column_info[c];
        if (info->element == ASSAY_ELEMENT_TEXT) continue;
        hid_t one = H5Dopen2(a, info->path, H5P_DEFAULT), other = H5Dopen2(b, info->path, 0);
        hid_t type = H5Dget_type(other), space = H5Dget_space(other), mine = H5Dget_space(one);
        hid_t layout = H5Dget_create_plist(one);
        assert_int_equal(H5Sget_simple_extent_npoints(mine), H5Sget_simple_extent_npoints(space));
        assert_true((size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type) <= sizeof left);
        memset(left, 0, sizeof left);
        memset(right, 0, sizeof right);
        assert_true(H5Dread(one, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, left) >= 0);
        assert_true(H5Dread(other, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, right) >= 0);
        assert_memory_equal(left, right, sizeof left);
        views += H5Pget_layout(layout) == H5D_VIRTUAL;
        H5Pclose(layout);
        H5Sclose(mine);
        H5Sclose(space);
        H5Tclose(type);
        H5Dclose(other);
        H5Dclose(one);
    }
    H5Fclose(b);
    H5Fclose(a);
    assert_true(views > 30);
    parted_drop(&parted);
}

/* --- parts that are not what they should be */

static void copy_part(const struct parted *parted, unsigned from, unsigned to)
{
    char path[FOLDER_PATH_BYTES];
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(part_of(parted, from, path), 1 << 24, &bytes, &err), &err);
    check_ok(assay_file_write(part_of(parted, to, path), bytes.data, bytes.size, &err), &err);
    assay_bytes_fini(&bytes);
}

static void lose(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    assert_int_equal(unlink(part_of(parted, 3, path)), 0);
}

static void exchange(const struct parted *parted)
{
    copy_part(parted, 1, 3);
}

static void cut(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    assert_int_equal(truncate(part_of(parted, 3, path), 3000), 0);
}

static void link_away(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    lose(parted);
    assert_int_equal(symlink("part-0002.h5", part_of(parted, 3, path)), 0);
}

static void be_a_folder(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    lose(parted);
    assert_int_equal(mkdir(part_of(parted, 3, path), 0777), 0);
}

static void be_whole(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(parted->whole, 1 << 24, &bytes, &err), &err);
    check_ok(assay_file_write(part_of(parted, 3, path), bytes.data, bytes.size, &err), &err);
    assay_bytes_fini(&bytes);
}

static hid_t change_part(const struct parted *parted)
{
    char path[FOLDER_PATH_BYTES];
    hid_t file = H5Fopen(part_of(parted, 3, path), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void be_of_another_plan(const struct parted *parted)
{
    hid_t file = change_part(parted);
    H5Adelete(file, "plan_digest");
    assert_true(assay_hdf_put_text(file, "plan_digest", "5555555555555555"));
    H5Fclose(file);
}

static void be_older(const struct parted *parted)
{
    hid_t file = change_part(parted);
    H5Adelete(file, "schema_version");
    assert_true(assay_hdf_put_u32(file, "schema_version", 3));
    H5Fclose(file);
}

static void lack_a_column(const struct parted *parted)
{
    hid_t file = change_part(parted);
    assert_true(H5Ldelete(file, "/tokens/log_prob", H5P_DEFAULT) >= 0);
    H5Fclose(file);
}

static void lack_a_row(const struct parted *parted)
{
    hid_t file = change_part(parted), dataset = H5Dopen2(file, "/tokens/id", H5P_DEFAULT);
    hsize_t rows = 1;
    assert_true(H5Dset_extent(dataset, &rows) >= 0);
    H5Dclose(dataset);
    H5Fclose(file);
}

static void have_another_token(const struct parted *parted)
{
    uint32_t token = 9;
    hid_t file = change_part(parted), dataset = H5Dopen2(file, "/tokens/id", H5P_DEFAULT);
    hsize_t start = 0, count = 1;
    hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(1, &count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL);
    assert_true(H5Dwrite(dataset, H5T_NATIVE_UINT32, memory, space, H5P_DEFAULT, &token) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
}

static void be_a_view(const struct parted *parted)
{
    hid_t file = change_part(parted), layout = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t rows = PART;
    hid_t space = H5Screate_simple(1, &rows, NULL);
    H5Ldelete(file, "/samples/item", H5P_DEFAULT);
    H5Pset_virtual(layout, space, "part-0002.h5", "/samples/item", space);
    H5Dclose(H5Dcreate2(file, "/samples/item", H5T_STD_U32LE, space, 0, layout, 0));
    H5Sclose(space);
    H5Pclose(layout);
    H5Fclose(file);
}

static void test_bad_parts(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(const struct parted *parted);
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {lose, ASSAY_ENOTFOUND, "r.h5.parts/part-0003.h5: No such file"},
        {exchange, ASSAY_EMISMATCH, "part-0003.h5: it is part 1 of 5, not 3 of 5"},
        {cut, ASSAY_EFORMAT, "part-0003.h5: not an HDF5 file that can be read"},
        {link_away, ASSAY_EFORMAT, "part-0003.h5: not a regular file"},
        {be_a_folder, ASSAY_EFORMAT, "part-0003.h5: not a regular file"},
        {be_whole, ASSAY_EFORMAT, "part-0003.h5: not a part of a results file"},
        {be_of_another_plan, ASSAY_EMISMATCH, "part-0003.h5: a part of another plan's"},
        {be_older, ASSAY_EUNSUPPORTED, "part-0003.h5: not of schema version 4"},
        {lack_a_column, ASSAY_EFORMAT, "part-0003.h5: /tokens/log_prob: there is no such dataset"},
        {lack_a_row, ASSAY_EFORMAT, "other columns of output tokens of all samples have 1"},
        {have_another_token, ASSAY_EMISMATCH, "records_digest is"},
        {be_a_view, ASSAY_EUNSUPPORTED, "part-0003.h5: /samples/item: its storage"},
        {lose_folder, ASSAY_ENOTFOUND, "r.h5.parts: No such file"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parted parted;
        char path[FOLDER_PATH_BYTES];
        parted_make(&parted);
        cases[i].spoil(&parted);
        check_open(&parted, cases[i].expected, cases[i].quoted);
        (void)rmdir(part_of(&parted, 3, path));
        parted_drop(&parted);
    }
}

/* What is read again must be what was checked when the file was opened. */
static void test_changed_meanwhile(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(const struct parted *parted);
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {have_another_token, ASSAY_EMISMATCH, "samples 15 to 19 are not those that were checked"},
        {lack_a_row, ASSAY_EFORMAT, "other columns of output tokens of all samples have 1"},
        {lose, ASSAY_ENOTFOUND, "part-0003.h5: No such file"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parted parted;
        struct assay_results *results;
        struct assay_results_sample sample;
        struct assay_error err;
        parted_make(&parted);
        check_ok(assay_results_open(&results, parted.place.file, NULL, &err), &err);
        check_ok(assay_results_sample(results, PART, &sample, &err), &err); /* lets go of part 3 */
        cases[i].spoil(&parted);
        check_refused(assay_results_sample(results, 3 * PART, &sample, &err), cases[i].expected,
                      &err, cases[i].quoted);
        check_ok(assay_results_sample(results, PART, &sample, &err), &err);
        assay_results_close(results);
        parted_drop(&parted);
    }
}

/* --- views that are not what they should be */

/* In the place of /samples/verdict: `count` pieces of 5 rows, the first at row `start`. */
static void put_view(const struct parted *parted, const char *column, hid_t type,
                     const char *const *names, unsigned count, hsize_t start, const char *source)
{
    hid_t file = H5Fopen(parted->place.file, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t total = SAMPLES, zero = 0;
    hid_t whole = H5Screate_simple(1, &total, NULL);
    for (unsigned i = 0; i < count; i++) {
        hsize_t rows = i < PARTS - 1 ? PART : SAMPLES - (PARTS - 1) * PART;
        hid_t piece = H5Screate_simple(1, &rows, NULL);
        hsize_t at = (i * PART + start) % (PARTS * PART);
        H5Sselect_hyperslab(piece, H5S_SELECT_SET, &zero, NULL, &rows, NULL);
        H5Sselect_hyperslab(whole, H5S_SELECT_SET, &at, NULL, &rows, NULL);
        assert_true(H5Pset_virtual(layout, whole, names[i], source, piece) >= 0);
        H5Sclose(piece);
    }
    H5Sselect_all(whole);
    assert_true(H5Ldelete(file, column, H5P_DEFAULT) >= 0);
    hid_t dataset = H5Dcreate2(file, column, type, whole, H5P_DEFAULT, layout, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(whole);
    H5Pclose(layout);
    H5Fclose(file);
}

static void test_bad_views(void **state)
{
    (void)state;
#define NAME(n) "r.h5.parts/part-000" #n ".h5"
    static const char *const right[] = {NAME(0), NAME(1), NAME(2), NAME(3), NAME(4)};
    static const char *const wrong[] = {NAME(0), NAME(2), NAME(1), NAME(3), NAME(4)};
    static const char *const outside[] = {"../x.parts/part-0000.h5", NAME(1), NAME(2), NAME(3),
                                          NAME(4)};
    static const char *const absolute[] = {"/etc/passwd", NAME(1), NAME(2), NAME(3), NAME(4)};
    static const char *const other[] = {"s.h5.parts/part-0000.h5", NAME(1), NAME(2), NAME(3),
                                        NAME(4)};
    static const struct {
        const char *column, *const *names;
        unsigned count;
        hsize_t start;
        const char *source;
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {"/samples/item", right, 5, 0, "/samples/item", ASSAY_OK, ""},
        {"/samples/item", wrong, 5, 0, "/samples/item", ASSAY_EFORMAT,
         "/samples/item: its rows 5 to 9 are not those of r.h5.parts/part-0001.h5"},
        {"/samples/item", right, 4, 0, "/samples/item", ASSAY_EMISMATCH, "part 0 of 5, not 0 of 4"},
        {"/samples/item", outside, 5, 0, "/samples/item", ASSAY_EFORMAT,
         "would be \"../x.parts/part-0000.h5\""},
        {"/samples/item", absolute, 5, 0, "/samples/item", ASSAY_EFORMAT, "/etc/passwd"},
        {"/samples/item", other, 5, 0, "/samples/item", ASSAY_ENOTFOUND, "s.h5.parts: No such"},
        {"/samples/item", right, 5, 0, "/samples/replicate", ASSAY_EFORMAT, "its rows 0 to 4"},
        {"/samples/replicate", right, 4, 0, "/samples/replicate", ASSAY_EFORMAT,
         "its rows 20 to 23 are not"},
        {"/samples/replicate", other, 5, 0, "/samples/replicate", ASSAY_EFORMAT, "its rows 0 to 4"},
    };
#undef NAME
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct parted parted;
        parted_make(&parted);
        put_view(&parted, cases[i].column, H5T_STD_U32LE, cases[i].names, cases[i].count,
                 cases[i].start, cases[i].source);
        if (cases[i].expected == ASSAY_OK) {
            check_same(parted.place.file, parted.whole);
        } else {
            check_open(&parted, cases[i].expected, cases[i].quoted);
        }
        parted_drop(&parted);
    }
}

/* A view that grows with the files it finds would make libhdf5 open whatever it names. */
static void test_endless_view(void **state)
{
    (void)state;
    static const char *const columns[] = {"/samples/item", "/samples/replicate", "/items/position"};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        struct parted parted;
        parted_make(&parted);
        hid_t file = H5Fopen(parted.place.file, H5F_ACC_RDWR, H5P_DEFAULT);
        hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
        hsize_t rows = SAMPLES, most = H5S_UNLIMITED, start = 0, stride = PART, block = PART;
        hid_t whole = H5Screate_simple(1, &rows, &most), piece = H5Screate_simple(1, &block, NULL);
        H5Sselect_hyperslab(whole, H5S_SELECT_SET, &start, &stride, &most, &block);
        assert_true(H5Pset_virtual(layout, whole, "r.h5.parts/part-000%b.h5", columns[i], piece) >=
                    0);
        H5Ldelete(file, columns[i], H5P_DEFAULT);
        H5Dclose(H5Dcreate2(file, columns[i], H5T_STD_U32LE, whole, H5P_DEFAULT, layout, 0));
        H5Sclose(piece);
        H5Sclose(whole);
        H5Pclose(layout);
        H5Fclose(file);
        check_open(&parted,
                   i == 2   ? ASSAY_EUNSUPPORTED
                   : i == 1 ? ASSAY_EFORMAT
                            : ASSAY_EMISMATCH,
                   "r.h5");
        parted_drop(&parted);
    }
}

/* --- writing */

/* A merge that fails leaves what was there; one that succeeds leaves nothing of it. */
static void test_rewriting(void **state)
{
    (void)state;
    struct parted parted;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    parted_make(&parted);
    struct place *place = &parted.place;
    struct assay_run_facts *facts = &place->facts.facts;
    facts->part_samples = 7;
    place->facts.prompt_digests[2].bytes[0] ^= 1; /* fails in its last part but one */
    check_refused(assay_results_write(place->file, place->journal, facts, &err), ASSAY_EMISMATCH,
                  &err, "was computed from another prompt");
    place->facts.prompt_digests[2].bytes[0] ^= 1;
    assert_int_equal(folder_count(&place->folder), 4);
    check_same(place->file, parted.whole);

    facts->part_samples = 8;
    place_write(place);
    check_same(place->file, parted.whole);
    assert_true(assay_file_exists(part_of(&parted, 2, path)));
    assert_false(assay_file_exists(part_of(&parted, 3, path)));

    facts->part_samples = SAMPLES;
    place_write(place);
    check_same(place->file, parted.whole);
    assert_false(assay_file_exists(parted.parts));
    assert_int_equal(folder_count(&place->folder), 3);
    parted_drop(&parted);
}

/* What lies in the way is not removed. */
static void test_in_the_way(void **state)
{
    (void)state;
    struct parted parted;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    parted_make(&parted);
    struct place *place = &parted.place;
    place->facts.facts.part_samples = 1;
    check_ok(assay_file_write(part_of(&parted, 0, path), "x", 1, &err), &err);
    place_write(place); /* part files are its own */
    check_same(place->file, parted.whole);
    assert_true(assay_file_exists(part_of(&parted, SAMPLES - 1, path)));
    place->facts.facts.part_samples = PART;
    unlink(place->file);
    assert_int_equal(mkdir(place->file, 0777), 0);
    check_refused(assay_results_write(place->file, place->journal, &place->facts.facts, &err),
                  ASSAY_EVALUE, &err, "r.h5");
    assert_true(assay_file_exists(part_of(&parted, SAMPLES - 1, path))); /* as it was */
    assert_int_equal(folder_count(&place->folder), 4);
    assert_int_equal(rmdir(place->file), 0);
    parted_drop(&parted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_views),
        cmocka_unit_test(test_bad_parts),  cmocka_unit_test(test_changed_meanwhile),
        cmocka_unit_test(test_bad_views),  cmocka_unit_test(test_endless_view),
        cmocka_unit_test(test_rewriting),  cmocka_unit_test(test_in_the_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
