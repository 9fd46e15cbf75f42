/* The writing side of libhdf5. Rows go through a buffer of one chunk for each column, so that every
 * chunk is compressed once and memory does not grow with the run.
 *
 * A disk that runs full: libhdf5 1.10 cannot close a file whose metadata it failed to write, and
 * crashes when it tries again at exit (measured with 1.10.8: SIGSEGV in H5_term_library). So its
 * exit handler is not installed (hdf.c), and a broken file is abandoned: its memory is lost, its
 * descriptor is pointed at /dev/null so that the space of the removed file is freed. */
#include "store/sheet.h"

#include "assay/digest.h"
#include "base/assert.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 17, DEFLATE_LEVEL = 4 };

static bool create_file(struct assay_sheet *sheet, const char *path);
static bool create_groups(const struct assay_sheet *sheet);
static bool create_dataset(const struct assay_sheet *sheet, struct assay_sheet_column *column,
                           const struct assay_column_info *info);
static bool write_rows(struct assay_sheet_column *column, const struct assay_column_info *info);

/* The one way out after a failed call. */
static enum assay_status fail(struct assay_sheet *sheet, const char *what, const char *path,
                              struct assay_error *err)
{
    sheet->broken = true;
    return assay_hdf_fail(err, ASSAY_EIO, "%s %s", what, path);
}

static enum assay_status open_column(struct assay_sheet *sheet, enum assay_column name,
                                     uint64_t rows, struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[name];
    struct assay_sheet_column *column = &sheet->columns[name];
    column->row_bytes = assay_element_info[info->element].bytes;
    column->chunk_rows = CHUNK_BYTES / column->row_bytes;
    if (rows != 0 && rows < column->chunk_rows) column->chunk_rows = (size_t)rows;
    column->size = rows;
    column->buffer = calloc(column->chunk_rows, column->row_bytes);
    if (!column->buffer) return assay_fail(err, ASSAY_EMEMORY, "no memory for %s", info->path);
    if (!create_dataset(sheet, column, info)) return fail(sheet, "creating", info->path, err);
    return ASSAY_OK;
}

enum assay_status assay_sheet_open(struct assay_sheet *sheet, const char *path,
                                   const uint64_t rows[ASSAY_SHAPE_COUNT], struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    *sheet = (struct assay_sheet){.file = -1};
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        sheet->columns[i].dataset = sheet->columns[i].memory = -1;
    }
    if (!create_file(sheet, path)) return fail(sheet, "creating", path, err);
    if (!create_groups(sheet)) return fail(sheet, "creating the groups of", path, err);
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && !status; i++) {
        status = open_column(sheet, (enum assay_column)i, rows[assay_column_info[i].shape], err);
    }
    return status;
}

static enum assay_status flush(struct assay_sheet *sheet, enum assay_column name,
                               struct assay_error *err)
{
    struct assay_sheet_column *column = &sheet->columns[name];
    if (column->filled == 0) return ASSAY_OK;
    if (!write_rows(column, &assay_column_info[name])) {
        return fail(sheet, "writing", assay_column_info[name].path, err);
    }
    column->written += column->filled;
    column->filled = 0;
    return ASSAY_OK;
}

enum assay_status assay_sheet_put(struct assay_sheet *sheet, enum assay_column name,
                                  const void *rows, size_t count, struct assay_error *err)
{
    struct assay_sheet_column *column = &sheet->columns[name];
    const uint8_t *from = rows;
    enum assay_status status = ASSAY_OK;
    while (count > 0 && !status) {
        size_t room = column->chunk_rows - column->filled, now = count < room ? count : room;
        memcpy(column->buffer + column->filled * column->row_bytes, from, now * column->row_bytes);
        column->filled += now;
        from += now * column->row_bytes;
        count -= now;
        if (column->filled == column->chunk_rows) status = flush(sheet, name, err);
    }
    return status;
}

static bool put_attributes(const struct assay_sheet *sheet, const char *const *texts,
                           const uint32_t *numbers)
{
    bool ok = true;
    for (unsigned i = 0; i < ASSAY_ATTRIBUTE_COUNT && ok; i++) {
        const struct assay_attribute_info *info = &assay_attribute_info[i];
        ok = info->element == ASSAY_ELEMENT_TEXT
                 ? assay_hdf_put_text(sheet->file, info->name, texts[i])
                 : assay_hdf_put_u32(sheet->file, info->name, numbers[i]);
    }
    return ok;
}

static bool close_columns(struct assay_sheet *sheet)
{
    bool ok = true;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        struct assay_sheet_column *column = &sheet->columns[i];
        free(column->buffer);
        ok = assay_hdf_close(column->memory) && ok;
        ok = assay_hdf_close(column->dataset) && ok;
        *column = (struct assay_sheet_column){.dataset = -1, .memory = -1};
    }
    return ok;
}

enum assay_status assay_sheet_finish(struct assay_sheet *sheet, const char *const *texts,
                                     const uint32_t *numbers, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && !status; i++) {
        status = flush(sheet, (enum assay_column)i, err);
        ASSAY_ASSERT(status || sheet->columns[i].written == sheet->columns[i].size);
    }
    if (status) return status;
    /* Flushed before anything is closed: an object that failed to close cannot be abandoned. */
    if (!put_attributes(sheet, texts, numbers) || H5Fflush(sheet->file, H5F_SCOPE_LOCAL) < 0) {
        return fail(sheet, "writing", "the file's attributes and tables", err);
    }
    if (!close_columns(sheet)) return fail(sheet, "closing", "the columns", err);
    if (H5Fclose(sheet->file) < 0) return fail(sheet, "closing", "the file", err);
    sheet->file = -1;
    return ASSAY_OK;
}

static void abandon(struct assay_sheet *sheet)
{
    void *handle = NULL;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) free(sheet->columns[i].buffer);
    if (sheet->file >= 0 && H5Fget_vfd_handle(sheet->file, H5P_DEFAULT, &handle) >= 0 && handle) {
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nowhere >= 0) {
            dup2(nowhere, *(int *)handle);
            close(nowhere);
        }
    }
}

void assay_sheet_close(struct assay_sheet *sheet)
{
    if (!sheet->broken && (!close_columns(sheet) || (sheet->file >= 0 && H5Fclose(sheet->file)))) {
        sheet->broken = true;
    }
    if (sheet->broken) abandon(sheet);
    H5Eclear2(H5E_DEFAULT);
    *sheet = (struct assay_sheet){.file = -1};
}

/* HDF5 1.8 must be able to read it. No object carries its time of change: two files of the same
 * content should differ in nothing but their circumstances. */
static bool create_file(struct assay_sheet *sheet, const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_file_locking(access, false, true) >= 0) {
        sheet->file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    }
    assay_hdf_close(creation);
    assay_hdf_close(access);
    return sheet->file >= 0;
}

static int dimensions(const struct assay_column_info *info)
{
    if (info->shape == ASSAY_SHAPE_ONE) return 0;
    return info->element == ASSAY_ELEMENT_DIGEST ? 2 : 1;
}

static hid_t create_space(const struct assay_column_info *info, uint64_t rows)
{
    hsize_t size[2] = {rows, ASSAY_DIGEST_BYTES}, most[2] = {rows, ASSAY_DIGEST_BYTES};
    if (rows == 0) most[0] = H5S_UNLIMITED;
    return dimensions(info) == 0 ? H5Screate(H5S_SCALAR)
                                 : H5Screate_simple(dimensions(info), size, most);
}

static hid_t create_layout(const struct assay_column_info *info, size_t chunk_rows)
{
    hsize_t chunk[2] = {chunk_rows, ASSAY_DIGEST_BYTES};
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    bool ok = layout >= 0 && H5Pset_obj_track_times(layout, false) >= 0;
    /* Strings lie in HDF5's global heap, which no filter reaches. */
    if (ok && info->element != ASSAY_ELEMENT_TEXT) {
        ok = H5Pset_chunk(layout, dimensions(info), chunk) >= 0 && H5Pset_shuffle(layout) >= 0 &&
             H5Pset_deflate(layout, DEFLATE_LEVEL) >= 0 && H5Pset_fletcher32(layout) >= 0;
    }
    if (ok) return layout;
    assay_hdf_close(layout);
    return -1;
}

static bool create_dataset(const struct assay_sheet *sheet, struct assay_sheet_column *column,
                           const struct assay_column_info *info)
{
    hid_t type = assay_hdf_type(info->element, false), space = create_space(info, column->size);
    hid_t layout = create_layout(info, column->chunk_rows);
    column->memory = assay_hdf_type(info->element, true);
    if (type >= 0 && space >= 0 && layout >= 0 && column->memory >= 0) {
        column->dataset =
            H5Dcreate2(sheet->file, info->path, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    }
    assay_hdf_close(layout);
    assay_hdf_close(space);
    assay_hdf_close(type);
    return column->dataset >= 0 && assay_hdf_put_text(column->dataset, "unit", info->unit) &&
           assay_hdf_put_text(column->dataset, "description", info->description);
}

static bool create_groups(const struct assay_sheet *sheet)
{
    hid_t plain = H5Pcreate(H5P_GROUP_CREATE);
    bool ok = plain >= 0 && H5Pset_obj_track_times(plain, false) >= 0;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && ok; i++) {
        char name[64] = "";
        const char *path = assay_column_info[i].path, *end = strrchr(path, '/');
        ASSAY_ASSERT(end && (size_t)(end - path) < sizeof name);
        memcpy(name, path, (size_t)(end - path));
        htri_t there = H5Lexists(sheet->file, name, H5P_DEFAULT);
        ok = there >= 0;
        if (there != 0) continue;
        hid_t group = H5Gcreate2(sheet->file, name, H5P_DEFAULT, plain, H5P_DEFAULT);
        ok = group >= 0 && assay_hdf_close(group);
    }
    return assay_hdf_close(plain) && ok;
}

/* Write the rows waiting in the buffer behind those written before. */
static bool write_rows(struct assay_sheet_column *column, const struct assay_column_info *info)
{
    hsize_t start[2] = {column->written, 0}, count[2] = {column->filled, ASSAY_DIGEST_BYTES};
    hsize_t size[2] = {column->written + column->filled, ASSAY_DIGEST_BYTES};
    if (dimensions(info) == 0) {
        return H5Dwrite(column->dataset, column->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                        column->buffer) >= 0;
    }
    if (size[0] > column->size) {
        if (H5Dset_extent(column->dataset, size) < 0) return false;
        column->size = size[0];
    }
    hid_t in_file = H5Dget_space(column->dataset);
    hid_t in_memory = H5Screate_simple(dimensions(info), count, NULL);
    bool ok = in_file >= 0 && in_memory >= 0 &&
              H5Sselect_hyperslab(in_file, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
              H5Dwrite(column->dataset, column->memory, in_memory, in_file, H5P_DEFAULT,
                       column->buffer) >= 0;
    ok = assay_hdf_close(in_memory) && ok;
    return assay_hdf_close(in_file) && ok;
}
