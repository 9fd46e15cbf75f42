/* Results files that say anything else than what was written are refused. */
#include "store/hdf.h"
#include "store/image.h"

#include "place.h"

#include <sys/stat.h>

enum { SAMPLES = 24, TOKENS = 3 * (1 + 2 + 3 + 4 + 5 + 6 + 7) };

static hid_t open_to_change(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, access);
    H5Pclose(access);
    assert_true(file >= 0);
    return file;
}

/* Overwrite one row, given as the bytes of its element in the file. */
static void poke(const char *path, const char *name, hsize_t row, const void *value)
{
    hid_t file = open_to_change(path), dataset = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(dataset >= 0);
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    hsize_t start[2] = {row, 0}, count[2] = {1, ASSAY_DIGEST_BYTES};
    int dimensions = H5Sget_simple_extent_ndims(space);
    hid_t memory = H5Scopy(space);
    if (dimensions > 0) {
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
        H5Sclose(memory);
        memory = H5Screate_simple(dimensions, count, NULL);
    }
    assert_true(H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, value) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
}

static void check_open(const char *path, enum assay_status expected, const char *quoted)
{
    struct assay_results *results = NULL;
    struct assay_error err;
    check_refused(assay_results_open(&results, path, NULL, &err), expected, &err, quoted);
    assert_null(results);
    assert_non_null(strstr(err.text, path));
}

static const uint32_t seven = 7, huge = UINT32_MAX, micro = 999999;
static const uint64_t one = 1, far = UINT64_MAX, less = 83;
static const uint8_t byte = 9, two = 2, key[32] = {1};
static const float nan_bits = NAN, minus = -2.5f;
static const double half = 0.5;
static const char *const other_id = "math/9", *const bad_name = "", *const json = "{}",
                         *const yaml = "assay: 1\n";
/* A value that is changed, and what is said of it. */
static const struct tampered {
    const char *path;
    hsize_t row;
    const void *value;
    enum assay_status expected;
    const char *quoted;
} tampered[] = {
    {"/tokens/id", 40, &seven, ASSAY_EMISMATCH, "records_digest is "},
    {"/tokens/log_prob", 40, &minus, ASSAY_EMISMATCH, "records_digest is "},
    {"/tokens/log_prob", 40, &nan_bits, ASSAY_EFORMAT, "a log-probability that is NaN"},
    {"/samples/cell_key", 3, key, ASSAY_EMISMATCH, "records_digest is "},
    {"/items/prompt_digest", 0, key, ASSAY_EMISMATCH, "records_digest is "},
    {"/items/id", 0, &other_id, ASSAY_EMISMATCH, "records_digest is "},
    {"/items/id", 0, &bad_name, ASSAY_EFORMAT, "sample 0: item id is no name"},
    {"/answers/bytes", 0, &byte, ASSAY_EMISMATCH, "records_digest is "},
    {"/texts/bytes", 0, &byte, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/circumstances/process", 0, &seven, ASSAY_EFORMAT, "/circumstances/process: the value"},
    {"/circumstances/clock_mhz", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/processes/threads", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/processes/start_ns", 0, &one, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/processes/host", 0, &other_id, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/processes/local_ranks", 0, &huge, ASSAY_EFORMAT, "row 0: its rank is not among"},
    {"/processes/topology", 0, &seven, ASSAY_EFORMAT, "row 0 is topology 7, there are 1"},
    {"/topologies/sha256", 0, key, ASSAY_EMISMATCH, "row 0 is not the digest of its XML"},
    {"/topologies/xml", 0, &other_id, ASSAY_EMISMATCH, "row 0 is not the digest of its XML"},
    {"/circumstances/attempts", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/circumstances/batch_rows", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/circumstances/start_ns", 0, &one, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/circumstances/duration_ns", 1, &one, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/outcome", 0, &two, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/rule", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/answer_start", 0, &seven, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/flexible_verdict", 0, &two, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/run", 0, &two, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/run_retried", 0, &two, ASSAY_EFORMAT, "/grades/run_retried"},
    {"/grades/run_cpu_ns", 0, &one, ASSAY_EMISMATCH, "circumstances_digest is "},
    {"/grades/flexible_offset", 0, &one, ASSAY_EFORMAT, "/grades/flexible_offset"},
    {"/circumstances/prompt_shared", 0, &two, ASSAY_EFORMAT, "/circumstances/prompt_shared"},
    {"/samples/item", 5, &seven, ASSAY_EFORMAT, "/samples/item: the value of sample 5"},
    {"/samples/item", 5, &huge, ASSAY_EFORMAT, "/samples/item: the value of sample 5"},
    {"/samples/profile", 5, &huge, ASSAY_EFORMAT, "/samples/profile"},
    {"/samples/replicate", 5, &huge, ASSAY_EFORMAT, "/samples/replicate"},
    {"/samples/score", 0, &half, ASSAY_EFORMAT, "/samples/score: the value of sample 0"},
    {"/samples/score_micro", 0, &micro, ASSAY_EFORMAT, "/samples/score: the value of sample 0"},
    {"/samples/finish", 0, &byte, ASSAY_EFORMAT, "sample 0: no such finish"},
    {"/samples/verdict", 0, &byte, ASSAY_EFORMAT, "sample 0: no such verdict"},
    {"/samples/verdict", 1, &two, ASSAY_EFORMAT, "sample 1: a score or an answer"},
    {"/samples/token_offset", 0, &one, ASSAY_EFORMAT,
     "/samples/token_offset: begins at 1, not at 0"},
    {"/samples/token_offset", 24, &far, ASSAY_EFORMAT,
     "would own 77 to 18446744073709551615 of 84"},
    {"/samples/token_offset", 24, &less, ASSAY_EFORMAT, "ends at 83, not at 84"},
    {"/samples/token_offset", 5, &far, ASSAY_EFORMAT, "sample 4 would own"},
    {"/samples/answer_offset", 5, &one, ASSAY_EFORMAT, "/samples/answer_offset: sample 4"},
    {"/samples/text_offset", 5, &far, ASSAY_EFORMAT, "/samples/text_offset: sample 4"},
    {"/items/position", 1, &seven, ASSAY_EFORMAT, "row 1 is item 7 of the benchmark"},
    {"/items/stratum", 2, &seven, ASSAY_EFORMAT, "row 2 is stratum 7, there are 2"},
    {"/profiles/name", 0, &other_id, ASSAY_EMISMATCH, "row 0 is not profile cool"},
    {"/profiles/temperature_milli", 1, &seven, ASSAY_EMISMATCH, "row 1 is not profile warm"},
    {"/profiles/draw", 1, &byte, ASSAY_EMISMATCH, "row 1 is not profile warm"},
    {"/spec/source", 0, &yaml, ASSAY_EFORMAT, "/spec/source: "},
    {"/spec/canonical", 0, &json, ASSAY_EMISMATCH, "/spec/canonical is not what"},
};

static void test_tampered_columns(void **state)
{
    (void)state;
    struct place place;
    struct assay_bytes whole = {0};
    struct assay_error err;
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &whole, &err), &err);
    for (size_t i = 0; i < COUNT_OF(tampered); i++) {
        check_ok(assay_file_write(place.file, whole.data, whole.size, &err), &err);
        poke(place.file, tampered[i].path, tampered[i].row, tampered[i].value);
        check_open(place.file, tampered[i].expected, tampered[i].quoted);
    }
    assay_bytes_fini(&whole);
    place_drop(&place);
}

static void change_attribute(const char *path, const char *name, const char *text, uint32_t number)
{
    hid_t file = open_to_change(path);
    assert_true(H5Adelete(file, name) >= 0);
    if (text) assert_true(assay_hdf_put_text(file, name, text));
    if (!text && number != 0) assert_true(assay_hdf_put_u32(file, name, number));
    H5Fclose(file);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_tampered_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        uint32_t number; /* 0 and no text: the attribute is missing */
        enum assay_status expected;
        const char *quoted;
    } cases[] = {
        {"schema", "other", 0, ASSAY_EFORMAT, "its schema is \"other\""},
        {"schema", NULL, 0, ASSAY_EFORMAT, "no attribute schema"},
        {"schema", NULL, 7, ASSAY_EFORMAT, "attribute schema is not one variable-length UTF-8"},
        {"schema_version", NULL, 2, ASSAY_EUNSUPPORTED,
         "results-2, made by an older assay; this one reads results-4. Read it with that assay"},
        {"schema_version", NULL, 3, ASSAY_EUNSUPPORTED, "results-3, made by an older assay"},
        {"schema_version", NULL, 5, ASSAY_EUNSUPPORTED,
         "results-5, made by a newer assay; this one reads results-4"},
        {"schema_version", "4", 0, ASSAY_EFORMAT, "attribute schema_version is not one u32"},
        {"host", NULL, 0, ASSAY_EFORMAT, "no attribute host"},
        {"records_digest", HEX, 0, ASSAY_EMISMATCH, "records_digest is " HEX ", but"},
        {"circumstances_digest", HEX, 0, ASSAY_EMISMATCH, "circumstances_digest is " HEX},
        {"spec_digest", HEX, 0, ASSAY_EMISMATCH, "spec_digest is " HEX},
        {"plan_digest", HEX, 0, ASSAY_EMISMATCH, "plan_digest is " HEX},
        {"model_sha256", HEX, 0, ASSAY_EMISMATCH, "spec_digest is "},
        {"benchmark_sha256", HEX, 0, ASSAY_EMISMATCH, "data_sha256 or"},
        {"data_sha256", HEX, 0, ASSAY_EMISMATCH, "data_sha256"},
        {"examples_sha256", HEX, 0, ASSAY_EMISMATCH, "examples_sha256"},
        {"records_digest", "abc", 0, ASSAY_EFORMAT, "records_digest: \"abc\" is no digest"},
        {"site", HEX, 0, ASSAY_EMISMATCH, "plan_digest is "},
        {"site", "x", 0, ASSAY_EFORMAT, "site: \"x\" is no public key"},
        {"spec_name", "better", 0, ASSAY_EMISMATCH, "spec_name"},
        {"replicates", NULL, 8, ASSAY_EMISMATCH, "replicates"},
        {"sets", NULL, 4, ASSAY_EMISMATCH, "sets"},
        {"arithmetic", "native", 0, ASSAY_EUNSUPPORTED, "arithmetic \"native\""},
        {"sampler", "sampler-2", 0, ASSAY_EUNSUPPORTED, "sampler \"sampler-2\""},
    };
    struct place place;
    struct assay_bytes whole = {0};
    struct assay_error err;
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &whole, &err), &err);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_ok(assay_file_write(place.file, whole.data, whole.size, &err), &err);
        change_attribute(place.file, cases[i].name, cases[i].text, cases[i].number);
        check_open(place.file, cases[i].expected, cases[i].quoted);
    }
    assay_bytes_fini(&whole);
    place_drop(&place);
}

/* Ways to put something else in the place of /tokens/id. */
static void replace_dataset(hid_t file, hid_t type, int dimensions, hsize_t rows, hid_t layout)
{
    hsize_t size[2] = {rows, 32};
    hid_t space = H5Screate_simple(dimensions, size, NULL);
    hid_t dataset = H5Dcreate2(file, "/tokens/id", type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
}

static void put_nothing(hid_t file)
{
    (void)file;
}

static void put_soft_link(hid_t file)
{
    H5Lcreate_soft("/samples/item", file, "/tokens/id", H5P_DEFAULT, H5P_DEFAULT);
}

static void put_external_link(hid_t file)
{
    H5Lcreate_external("r.h5", "/samples/item", file, "/tokens/id", H5P_DEFAULT, H5P_DEFAULT);
}

static void put_group(hid_t file)
{
    H5Gclose(H5Gcreate2(file, "/tokens/id", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void put_other_type(hid_t file)
{
    replace_dataset(file, H5T_STD_I32LE, 1, TOKENS, H5P_DEFAULT);
}

static void put_other_shape(hid_t file)
{
    replace_dataset(file, H5T_STD_U32LE, 2, TOKENS, H5P_DEFAULT);
}

static void put_fewer_rows(hid_t file)
{
    replace_dataset(file, H5T_STD_U32LE, 1, TOKENS - 1, H5P_DEFAULT);
}

/* Contiguous, and nothing of it is in the file: reading would allocate it all. */
static void put_empty_terabyte(hid_t file)
{
    replace_dataset(file, H5T_STD_U32LE, 1, (hsize_t)1 << 40, H5P_DEFAULT);
}

static void put_large_chunks(hid_t file)
{
    hsize_t chunk = (hsize_t)1 << 28, rows = 84, most = H5S_UNLIMITED;
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &rows, &most);
    H5Pset_chunk(layout, 1, &chunk);
    H5Dclose(
        H5Dcreate2(file, "/tokens/id", H5T_STD_U32LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
    H5Pclose(layout);
    H5Sclose(space);
}

static void put_external_storage(hid_t file)
{
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(layout, "/etc/passwd", 0, 4 * TOKENS);
    replace_dataset(file, H5T_STD_U32LE, 1, TOKENS, layout);
    H5Pclose(layout);
}

static void put_other_filter(hid_t file)
{
    hsize_t chunk = 84;
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(layout, 1, &chunk);
    H5Pset_nbit(layout);
    replace_dataset(file, H5T_STD_U32LE, 1, TOKENS, layout);
    H5Pclose(layout);
}

static void test_other_objects(void **state)
{
    (void)state;
    static const struct {
        void (*put)(hid_t file);
        enum assay_status expected;
        const char *quoted;
    } cases[] = {{put_nothing, ASSAY_EFORMAT, "/tokens/id: there is no such dataset"},
                 {put_soft_link, ASSAY_EFORMAT, "/tokens/id: there is no such dataset"},
                 {put_external_link, ASSAY_EFORMAT, "/tokens/id: there is no such dataset"},
                 {put_group, ASSAY_EFORMAT, "/tokens/id: there is no such dataset"},
                 {put_other_type, ASSAY_EFORMAT, "its element is not u32"},
                 {put_other_shape, ASSAY_EFORMAT, "its shape is not (output tokens"},
                 {put_fewer_rows, ASSAY_EFORMAT, "other columns of output tokens"},
                 {put_empty_terabyte, ASSAY_EFORMAT, "1099511627776 rows cannot be in a file of"},
                 {put_large_chunks, ASSAY_EUNSUPPORTED, "its storage or a filter"},
                 {put_external_storage, ASSAY_EUNSUPPORTED, "its storage or a filter"},
                 {put_other_filter, ASSAY_EUNSUPPORTED, "its storage or a filter"}};
    struct place place;
    struct assay_bytes whole = {0};
    struct assay_error err;
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &whole, &err), &err);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_ok(assay_file_write(place.file, whole.data, whole.size, &err), &err);
        hid_t file = open_to_change(place.file);
        assert_true(H5Ldelete(file, "/tokens/id", H5P_DEFAULT) >= 0);
        cases[i].put(file);
        H5Fclose(file);
        struct assay_results *results;
        if (cases[i].put == put_fewer_rows) {
            /* The first column of a shape says how many rows; another one disagrees. */
            check_refused(assay_results_open(&results, place.file, NULL, &err), cases[i].expected,
                          &err, cases[i].quoted);
            assert_non_null(strstr(err.text, "/tokens/log_prob"));
        } else {
            check_open(place.file, cases[i].expected, cases[i].quoted);
        }
    }
    assay_bytes_fini(&whole);
    place_drop(&place);
}

static void test_other_files(void **state)
{
    (void)state;
    struct place place;
    struct assay_bytes whole = {0};
    struct assay_error err;
    uint8_t noise[5000];
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &whole, &err), &err);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * i * 31 + i);
    check_ok(assay_file_write(place.file, noise, sizeof noise, &err), &err);
    check_open(place.file, ASSAY_EFORMAT, "not an HDF5 file that can be read");
    check_ok(assay_file_write(place.file, "", 0, &err), &err);
    check_open(place.file, ASSAY_EFORMAT, "not an HDF5 file that can be read");
    check_ok(assay_file_write(place.file, whole.data, whole.size / 2, &err), &err);
    check_open(place.file, ASSAY_EFORMAT, "not an HDF5 file that can be read");
    check_open(place.folder.path, ASSAY_EFORMAT, "not a regular file");
    hid_t other = H5Fcreate(place.file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(other);
    check_open(place.file, ASSAY_EFORMAT, "not a results file of assay: no attribute schema");
    assay_bytes_fini(&whole);
    place_drop(&place);
}

/* A byte that rots inside a large column is found by its checksum before the digest is. */
static void test_rotten_byte(void **state)
{
    (void)state;
    struct place place;
    struct assay_bytes whole = {0};
    struct assay_error err;
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &whole, &err), &err);
    unsigned refused = 0;
    for (size_t at = whole.size / 8; at < whole.size; at += whole.size / 64) {
        struct assay_results *results = NULL;
        whole.data[at] ^= 0x40;
        if (assay_results_parse(&results, whole.data, whole.size, &err)) {
            refused++;
            assert_null(results);
        }
        assay_results_close(results); /* unused bytes of the file may change */
        whole.data[at] ^= 0x40;
    }
    assert_true(refused > 0);
    struct assay_results *results;
    check_ok(assay_results_parse(&results, whole.data, whole.size, &err), &err);
    assay_results_close(results);
    assay_bytes_fini(&whole);
    place_drop(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tampered_columns), cmocka_unit_test(test_tampered_attributes),
        cmocka_unit_test(test_other_objects), cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_rotten_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
