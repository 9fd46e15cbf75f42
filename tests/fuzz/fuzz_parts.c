/* Fuzz target: a results file in parts, spoilt through libhdf5 itself, so that every file stays one
 * that it can read (fuzz_results_file has those that are not): parts exchanged, lost or cut, other
 * attributes, rows, values, storage and views. Whatever is accepted, in windows of the input's
 * size, has the samples that the unspoilt file has. */
#include "base/bytes.h"
#include "store/hdf.h"
#include "store/image.h"
#include "store/parts.h"

#include "results_base.h"

#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLES = 24, PART = 5, PARTS = 5, FILES = PARTS + 1 /* the last one is the whole */ };

/* The input: u8 samples of a window less one, u8 sixteenths of a KiB of a window, then edits: a
 * byte of kind, and u8 file, u8 column, u16 number, u8 choice. */
enum edit {
    EDIT_COPY,    /* the file is now what another one was at first */
    EDIT_CUT,     /* … or ends after so many 65536ths */
    EDIT_LOSE,    /* … or is not there */
    EDIT_NUMBER,  /* an attribute */
    EDIT_TEXT,    /* an attribute */
    EDIT_DROP,    /* a column is not there */
    EDIT_ROWS,    /* … or has so many rows */
    EDIT_VALUE,   /* … or another element */
    EDIT_STORAGE, /* … or is stored in another way, with no content */
    EDIT_VIEW,    /* the view of a column: one of its pieces */
    EDIT_LATER,   /* what follows happens once the file has been checked */
    EDITS
};

struct numbers {
    unsigned file, column, choice;
    uint16_t number;
};

/* Made once. */
static struct folder folder;
static char paths[FILES][FOLDER_PATH_BYTES], parts[FOLDER_PATH_BYTES];
static struct assay_bytes contents[FILES], samples[SAMPLES];
static bool spoilt[FILES];

static void remove_all(void)
{
    for (unsigned i = 0; i < FILES; i++) unlink(paths[i]);
    rmdir(parts);
    folder_remove(&folder);
}

/* Under another inode: what is open stays as it is. */
static void put_file(unsigned file, const uint8_t *data, size_t size)
{
    char aside[FOLDER_PATH_BYTES];
    FILE *to = fopen(folder_path(&folder, "aside", aside), "wb"); /* assay_file_write syncs */
    ASSAY_ASSERT(to && fwrite(data, 1, size, to) == size && fclose(to) == 0);
    ASSAY_ASSERT(rename(aside, paths[file]) == 0);
}

static enum assay_status open_results(struct assay_results **out, struct assay_window_size window,
                                      struct assay_error *err)
{
    struct assay_image image = {.key = NULL};
    enum assay_status status = assay_image_load(&image, paths[PARTS], NULL, 0, err);
    if (status) {
        assay_image_fini(&image);
        return status;
    }
    image.window = window;
    return assay_results_take(out, &image, paths[PARTS], err);
}

/* Columns whose rows nobody knew beforehand have chunks of half a MiB, which would be inflated for
 * each window: small ones hold the same. */
static void make_small(const char *path)
{
    static uint8_t room[1 << 16];
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) {
        const struct assay_column_info *info = &assay_column_info[c];
        hsize_t chunk[2] = {0}, few = 64;
        hid_t dataset = H5Dopen2(file, info->path, H5P_DEFAULT);
        hid_t layout = dataset < 0 ? -1 : H5Dget_create_plist(dataset);
        if (layout >= 0 && H5Pget_layout(layout) == H5D_CHUNKED &&
            H5Pget_chunk(layout, 1, chunk) == 1 && chunk[0] > few) {
            hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
            ASSAY_ASSERT(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, room) >= 0 &&
                         H5Pset_chunk(layout, 1, &few) >= 0 &&
                         H5Ldelete(file, info->path, H5P_DEFAULT) >= 0);
            hid_t again = H5Dcreate2(file, info->path, type, space, 0, layout, 0);
            ASSAY_ASSERT(H5Dwrite(again, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, room) >= 0);
            assay_hdf_close(again);
            assay_hdf_close(space);
            assay_hdf_close(type);
        }
        assay_hdf_close(layout);
        assay_hdf_close(dataset);
    }
    ASSAY_ASSERT(H5Fclose(file) >= 0);
}

static void make_all(void)
{
    struct assay_results *results;
    struct assay_error err;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    folder = folder_make();
    atexit(remove_all);
    base_write(&folder, BASE_OWN, PART);
    folder_path(&folder, "r.h5", paths[PARTS]);
    folder_path(&folder, "r.h5.parts", parts);
    for (unsigned i = 0; i < PARTS; i++) {
        char name[ASSAY_PART_NAME_BYTES];
        assay_part_name(name, i);
        ASSAY_ASSERT(snprintf(paths[i], FOLDER_PATH_BYTES, "%s/r.h5.parts/%s", folder.path, name) <
                     FOLDER_PATH_BYTES);
    }
    for (unsigned i = 0; i < FILES; i++) {
        if (i < PARTS) make_small(paths[i]);
        ASSAY_ASSERT(assay_file_read(paths[i], 1 << 24, &contents[i], &err) == ASSAY_OK);
    }
    ASSAY_ASSERT(open_results(&results, (struct assay_window_size){SAMPLES, 1 << 20}, &err) ==
                 ASSAY_OK);
    ASSAY_ASSERT(results->sample_count == SAMPLES);
    for (unsigned i = 0; i < SAMPLES; i++) ASSAY_ASSERT(base_sample(results, i, &samples[i]));
    assay_results_close(results);
}

/* --- edits of an open file */

static void edit_attribute(hid_t file, enum edit kind, struct numbers n)
{
    static const char *const numbers[] = {"schema_version", "part", "parts"};
    static const char *const texts[] = {"schema", "plan_digest"};
    static const char *const values[] = {"", "assay-results-part", "assay-results",
                                         "0123456789012345678901234567890123456789"};
    const char *name = kind == EDIT_NUMBER ? numbers[n.choice % 3] : texts[n.choice % 2];
    H5Adelete(file, name);
    if (kind == EDIT_NUMBER) {
        (void)assay_hdf_put_u32(file, name, n.number);
    } else {
        (void)assay_hdf_put_text(file, name, values[n.number % 4]);
    }
}

static void edit_rows(hid_t file, const char *path, struct numbers n)
{
    hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
    hsize_t rows[2] = {n.number % 256, ASSAY_DIGEST_BYTES};
    if (dataset >= 0) H5Dset_extent(dataset, rows);
    assay_hdf_close(dataset);
}

static void edit_value(hid_t file, const struct assay_column_info *info, struct numbers n)
{
    hid_t dataset = H5Dopen2(file, info->path, H5P_DEFAULT),
          type = assay_hdf_type(info->element, 1);
    hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
    hsize_t row[2] = {n.number, 0}, one[2] = {1, ASSAY_DIGEST_BYTES}, now[2] = {0};
    int dimensions = space < 0 ? 0 : H5Sget_simple_extent_dims(space, now, NULL);
    uint8_t value[ASSAY_DIGEST_BYTES];
    memset(value, (int)n.choice, sizeof value);
    if (info->element == ASSAY_ELEMENT_TEXT || dimensions < 1 || dimensions > 2 || now[0] == 0) {
        dimensions = 0;
    }
    hid_t memory = dimensions == 0 ? -1 : H5Screate_simple(dimensions, one, NULL);
    if (memory >= 0) row[0] %= now[0];
    if (memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, row, NULL, one, NULL) >= 0) {
        H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, value);
    }
    assay_hdf_close(memory);
    assay_hdf_close(space);
    assay_hdf_close(type);
    assay_hdf_close(dataset);
}

/* Layouts, filters and links that a file may have and the schema has not; and some that it has. */
static hid_t strange_layout(struct numbers n, int dimensions)
{
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {1 + n.number % 64u * 1024, ASSAY_DIGEST_BYTES};
    unsigned way = n.choice % 6;
    if (way == 1) H5Pset_layout(layout, H5D_COMPACT);
    if (way == 2) H5Pset_external(layout, "outside", 0, H5F_UNLIMITED);
    if (way >= 3) H5Pset_chunk(layout, dimensions, chunk);
    if (way == 4) H5Pset_deflate(layout, 1);
    if (way == 5) H5Pset_nbit(layout);
    return layout;
}

static void edit_storage(hid_t file, const struct assay_column_info *info, struct numbers n)
{
    int dimensions = info->element == ASSAY_ELEMENT_DIGEST ? 2 : 1;
    hsize_t rows[2] = {n.number / 64u, ASSAY_DIGEST_BYTES};
    const struct assay_column_info *other = &assay_column_info[n.number % ASSAY_COLUMN_COUNT];
    if (H5Ldelete(file, info->path, H5P_DEFAULT) < 0) return;
    if (n.choice % 8 == 6) {
        H5Lcreate_soft(other->path, file, info->path, H5P_DEFAULT, H5P_DEFAULT);
    } else if (n.choice % 8 == 7) {
        H5Lcreate_external("r.h5", other->path, file, info->path, H5P_DEFAULT, H5P_DEFAULT);
    } else {
        hid_t layout = strange_layout(n, dimensions), space = H5Screate_simple(dimensions, rows, 0);
        hid_t type = assay_hdf_type(n.choice < 128 ? info->element : other->element, false);
        hid_t dataset = H5Dcreate2(file, info->path, type, space, 0, layout, 0);
        assay_hdf_close(dataset);
        assay_hdf_close(type);
        assay_hdf_close(space);
        assay_hdf_close(layout);
    }
}

/* A piece of a view as it goes into another one. */
struct piece {
    char file[FOLDER_PATH_BYTES], dataset[64];
    hid_t whole, part;
};

static void spoil_piece(struct piece *piece, struct numbers n)
{
    static const char *const names[] = {"r.h5.parts/part-0000.h5",
                                        "r.h5.parts/part-0001.h5",
                                        "../r.h5.parts/part-0000.h5",
                                        "r.h5",
                                        ".",
                                        "r.h5.parts/part-0005.h5",
                                        "s.h5.parts/part-0000.h5"};
    hsize_t first[2] = {n.number / 8 % 32u, 0}, rows[2] = {n.number / 256u, ASSAY_DIGEST_BYTES};
    hid_t space = n.choice % 4 == 2 ? piece->whole : piece->part;
    if (n.choice % 4 == 0) snprintf(piece->file, sizeof piece->file, "%s", names[n.number % 7]);
    if (n.choice % 4 == 1) {
        snprintf(piece->dataset, sizeof piece->dataset, "%s",
                 assay_column_info[n.number % ASSAY_COLUMN_COUNT].path);
    }
    if (n.choice % 4 >= 2) H5Sselect_hyperslab(space, H5S_SELECT_SET, first, NULL, rows, NULL);
}

/* The same view, but for a piece that is another or is left out. */
static void edit_view(hid_t file, const struct assay_column_info *info, struct numbers n)
{
    hid_t dataset = H5Dopen2(file, info->path, H5P_DEFAULT);
    hid_t before = dataset < 0 ? -1 : H5Dget_create_plist(dataset);
    hid_t space = dataset < 0 ? -1 : H5Dget_space(dataset);
    hid_t type = dataset < 0 ? -1 : H5Dget_type(dataset), after = H5Pcreate(H5P_DATASET_CREATE);
    size_t count = 0;
    if (before < 0 || H5Pget_layout(before) != H5D_VIRTUAL ||
        H5Pget_virtual_count(before, &count) < 0) {
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct piece piece = {.whole = H5Pget_virtual_vspace(before, i),
                              .part = H5Pget_virtual_srcspace(before, i)};
        H5Pget_virtual_filename(before, i, piece.file, sizeof piece.file);
        H5Pget_virtual_dsetname(before, i, piece.dataset, sizeof piece.dataset);
        bool is_left_out = n.choice / 8 % count == i && n.choice % 8 == 7;
        if (n.choice / 8 % count == i) spoil_piece(&piece, n);
        if (!is_left_out) {
            H5Pset_virtual(after, piece.whole, piece.file, piece.dataset, piece.part);
        }
        assay_hdf_close(piece.part);
        assay_hdf_close(piece.whole);
    }
    if (count > 0 && H5Ldelete(file, info->path, H5P_DEFAULT) >= 0) {
        assay_hdf_close(H5Dcreate2(file, info->path, type, space, 0, after, 0));
    }
    assay_hdf_close(after);
    assay_hdf_close(type);
    assay_hdf_close(space);
    assay_hdf_close(before);
    assay_hdf_close(dataset);
}

static void edit_inside(enum edit kind, struct numbers n)
{
    const struct assay_column_info *info = &assay_column_info[n.column % ASSAY_COLUMN_COUNT];
    hid_t file = H5Fopen(paths[n.file], H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0) return; /* a part that is open now, or not one any more */
    /* The whole's attributes are for fuzz_results. */
    if ((kind == EDIT_NUMBER || kind == EDIT_TEXT) && n.file < PARTS) edit_attribute(file, kind, n);
    if (kind == EDIT_DROP) H5Ldelete(file, info->path, H5P_DEFAULT);
    if (kind == EDIT_ROWS) edit_rows(file, info->path, n);
    if (kind == EDIT_VALUE) edit_value(file, info, n);
    if (kind == EDIT_STORAGE) edit_storage(file, info, n);
    if (kind == EDIT_VIEW) edit_view(file, info, n);
    H5Fclose(file);
}

/* Until the input ends, or the later edits begin. */
static void edit_all(struct assay_reader *reader)
{
    while (!reader->failed && reader->position < reader->size) {
        enum edit kind = (enum edit)(assay_read_u8(reader) % EDITS);
        if (kind == EDIT_LATER) return;
        struct numbers n = {.file = assay_read_u8(reader) % FILES,
                            .column = assay_read_u8(reader),
                            .number = assay_read_le16(reader),
                            .choice = assay_read_u8(reader)};
        const struct assay_bytes *other = &contents[n.choice % FILES];
        spoilt[n.file] = true;
        if (kind == EDIT_COPY) {
            put_file(n.file, other->data, other->size);
        } else if (kind == EDIT_CUT) {
            put_file(n.file, contents[n.file].data, contents[n.file].size * n.number >> 16);
        } else if (kind == EDIT_LOSE) {
            unlink(paths[n.file]);
        } else {
            edit_inside(kind, n);
        }
    }
}

/* `changed`: a sample may be refused. */
static void check_samples(struct assay_results *results, bool changed)
{
    static struct assay_bytes found; /* only grows */
    ASSAY_ASSERT(results->sample_count == SAMPLES);
    for (unsigned index = SAMPLES; index-- > 0;) {
        if (!base_sample(results, index, &found)) {
            ASSAY_ASSERT(changed);
        } else {
            ASSAY_ASSERT(found.size == samples[index].size);
            ASSAY_ASSERT(memcmp(found.data, samples[index].data, found.size) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_reader reader = {.data = data, .size = size};
    struct assay_results *results = NULL;
    struct assay_error err = {.text = ""};
    if (!samples[0].data) make_all();
    struct assay_window_size window = {.samples = 1 + (uint32_t)assay_read_u8(&reader)};
    window.bytes = 64 * (uint32_t)assay_read_u8(&reader);
    edit_all(&reader);
    if (open_results(&results, window, &err)) {
        ASSAY_ASSERT(err.text[0] != '\0' && !results);
    } else {
        check_samples(results, false);
        bool changed = !reader.failed && reader.position < reader.size;
        edit_all(&reader);
        if (changed) check_samples(results, true);
    }
    assay_results_close(results);
    for (unsigned i = 0; i < FILES; i++) {
        if (spoilt[i]) put_file(i, contents[i].data, contents[i].size);
        spoilt[i] = false;
    }
    return 0;
}
