/* The writing side of libhdf5. Rows go through a buffer of one chunk for each column, so that every
 * chunk is compressed once and memory does not grow with the run. Chunks are compressed beside this
 * (pack.c) and handed over as they will lie in the file: always in the order in which they became
 * full, so that the file's bytes do not depend on threads.
 *
 * A disk that runs full: libhdf5 1.10 cannot close a file whose metadata it failed to write, and
 * crashes when it tries again at exit (measured with 1.10.8: SIGSEGV in H5_term_library). So its
 * exit handler is not installed (hdf.c), and a broken file is abandoned: its memory is lost, its
 * descriptor is pointed at /dev/null so that the space of the removed file is freed. */
#include "store/sheet.h"

#include "assay/digest.h"
#include "base/assert.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Chosen by measurement (tests/bench/README.md); two fit the cache that a reader has by default. */
enum { CHUNK_BYTES = 1 << 19 };

/* Chunks are written as they lie in memory. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a machine whose integers are the file's");

static bool create_file(struct assay_sheet *sheet, const char *path, bool has_virtual);
static bool create_group(const struct assay_sheet *sheet, const char *path);
static bool create_dataset(const struct assay_sheet *sheet, struct assay_sheet_column *column,
                           const struct assay_column_info *info);
static void put_chunk(struct assay_sheet *sheet, enum assay_column name);
static bool write_rows(struct assay_sheet *sheet, enum assay_column name);
static bool write_oldest(struct assay_sheet *sheet);

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
    if (!create_group(sheet, info->path) || !create_dataset(sheet, column, info)) {
        return fail(sheet, "creating", info->path, err);
    }
    return ASSAY_OK;
}

enum assay_status assay_sheet_open(struct assay_sheet *sheet, const char *path,
                                   const uint64_t rows[ASSAY_SHAPE_COUNT], bool has_virtual,
                                   struct assay_error *err)
{
    *sheet = (struct assay_sheet){.file = -1};
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        sheet->columns[i].dataset = sheet->columns[i].memory = -1;
    }
    enum assay_status status = assay_packer_create(&sheet->packer, CHUNK_BYTES, err);
    if (status) return status;
    if (!create_file(sheet, path, has_virtual)) return fail(sheet, "creating", path, err);
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && !status; i++) {
        uint64_t count = rows[assay_column_info[i].shape];
        if (count != ASSAY_SHEET_ABSENT) {
            status = open_column(sheet, (enum assay_column)i, count, err);
        }
    }
    return status;
}

static enum assay_status drain(struct assay_sheet *sheet, size_t most, struct assay_error *err)
{
    while (sheet->chunk_count > most) {
        enum assay_column name = sheet->chunks[0].column;
        if (!write_oldest(sheet)) return fail(sheet, "writing", assay_column_info[name].path, err);
    }
    return ASSAY_OK;
}

/* Strings and scalars go by libhdf5's own way, and in their turn. */
static bool is_packed(const struct assay_column_info *info)
{
    return info->shape != ASSAY_SHAPE_ONE && info->element != ASSAY_ELEMENT_TEXT;
}

static enum assay_status flush(struct assay_sheet *sheet, enum assay_column name,
                               struct assay_error *err)
{
    struct assay_sheet_column *column = &sheet->columns[name];
    const struct assay_column_info *info = &assay_column_info[name];
    if (column->filled == 0) return ASSAY_OK;
    enum assay_status status = drain(sheet, is_packed(info) ? ASSAY_PACK_CHUNKS - 1 : 0, err);
    if (status) return status;
    if (!is_packed(info)) {
        if (!write_rows(sheet, name)) return fail(sheet, "writing", info->path, err);
    } else {
        put_chunk(sheet, name);
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
    ASSAY_ASSERT(column->buffer);
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

enum assay_status assay_sheet_describe(struct assay_sheet *sheet, const char *const *texts,
                                       const uint32_t *numbers, struct assay_error *err)
{
    if (put_attributes(sheet, texts, numbers)) return ASSAY_OK;
    return fail(sheet, "writing", "the file's attributes", err);
}

enum assay_status assay_sheet_flush(struct assay_sheet *sheet, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && !status; i++) {
        status = flush(sheet, (enum assay_column)i, err);
    }
    if (!status) status = drain(sheet, 0, err);
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        ASSAY_ASSERT(status || sheet->columns[i].written == sheet->columns[i].size);
    }
    return status;
}

enum assay_status assay_sheet_finish(struct assay_sheet *sheet, struct assay_error *err)
{
    /* Flushed before anything is closed: an object that failed to close cannot be abandoned. */
    if (H5Fflush(sheet->file, H5F_SCOPE_LOCAL) < 0) {
        return fail(sheet, "writing", "the file's tables", err);
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
    assay_packer_destroy(sheet->packer);
    H5Eclear2(H5E_DEFAULT);
    *sheet = (struct assay_sheet){.file = -1};
}

/* No object carries its time of change: two files of the same content should differ in nothing but
 * their circumstances. */
static bool create_file(struct assay_sheet *sheet, const char *path, bool has_virtual)
{
    H5F_libver_t newest = has_virtual ? H5F_LIBVER_V110 : H5F_LIBVER_V18;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, newest) >= 0 &&
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
             H5Pset_deflate(layout, ASSAY_PACK_LEVEL) >= 0;
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

/* The group of a column, where it is not there yet. */
static bool create_group(const struct assay_sheet *sheet, const char *path)
{
    char name[64] = "";
    const char *end = strrchr(path, '/');
    ASSAY_ASSERT(end && (size_t)(end - path) < sizeof name);
    memcpy(name, path, (size_t)(end - path));
    htri_t there = H5Lexists(sheet->file, name, H5P_DEFAULT);
    if (there != 0) return there > 0;
    hid_t plain = H5Pcreate(H5P_GROUP_CREATE), group = -1;
    if (plain >= 0 && H5Pset_obj_track_times(plain, false) >= 0) {
        group = H5Gcreate2(sheet->file, name, H5P_DEFAULT, plain, H5P_DEFAULT);
    }
    bool ok = group >= 0;
    ok = assay_hdf_close(group) && ok;
    return assay_hdf_close(plain) && ok;
}

static bool reach(struct assay_sheet_column *column, uint64_t rows)
{
    hsize_t size[2] = {rows, ASSAY_DIGEST_BYTES};
    if (rows <= column->size) return true;
    column->size = rows;
    return H5Dset_extent(column->dataset, size) >= 0;
}

/* Write the rows waiting in the buffer behind those written before. */
static bool write_rows(struct assay_sheet *sheet, enum assay_column name)
{
    struct assay_sheet_column *column = &sheet->columns[name];
    hsize_t start = column->written, count = column->filled;
    if (assay_column_info[name].shape == ASSAY_SHAPE_ONE) {
        return H5Dwrite(column->dataset, column->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                        column->buffer) >= 0;
    }
    if (!reach(column, start + count)) return false;
    hid_t in_file = H5Dget_space(column->dataset), in_memory = H5Screate_simple(1, &count, NULL);
    bool ok = in_file >= 0 && in_memory >= 0 &&
              H5Sselect_hyperslab(in_file, H5S_SELECT_SET, &start, NULL, &count, NULL) >= 0 &&
              H5Dwrite(column->dataset, column->memory, in_memory, in_file, H5P_DEFAULT,
                       column->buffer) >= 0;
    ok = assay_hdf_close(in_memory) && ok;
    return assay_hdf_close(in_file) && ok;
}

/* A chunk at the end of a column is as long as the others; nobody reads what is behind the rows. */
static void put_chunk(struct assay_sheet *sheet, enum assay_column name)
{
    struct assay_sheet_column *column = &sheet->columns[name];
    size_t bytes = column->chunk_rows * column->row_bytes,
           used = column->filled * column->row_bytes;
    bool is_digest = assay_column_info[name].element == ASSAY_ELEMENT_DIGEST;
    memset(column->buffer + used, 0, bytes - used);
    assay_packer_put(sheet->packer, column->buffer, bytes, is_digest ? 1 : column->row_bytes);
    sheet->chunks[sheet->chunk_count++] =
        (struct assay_sheet_chunk){name, column->written, column->written + column->filled};
}

static bool write_oldest(struct assay_sheet *sheet)
{
    const struct assay_sheet_chunk chunk = sheet->chunks[0];
    struct assay_sheet_column *column = &sheet->columns[chunk.column];
    const hsize_t start[2] = {chunk.start, 0};
    struct assay_packed packed = assay_packer_take(sheet->packer);
    memmove(sheet->chunks, sheet->chunks + 1, --sheet->chunk_count * sizeof sheet->chunks[0]);
    return reach(column, chunk.end) && H5Dwrite_chunk(column->dataset, H5P_DEFAULT, packed.skipped,
                                                      start, packed.bytes, packed.data) >= 0;
}

/* The pieces of a column behind each other: row 0 of the next follows the last row of one. */
static bool map_pieces(hid_t layout, hid_t whole, const struct assay_column_info *info,
                       const struct assay_sheet_piece *pieces, size_t count)
{
    const hsize_t first[2] = {0, 0};
    hsize_t start[2] = {0, 0}, size[2] = {0, ASSAY_DIGEST_BYTES};
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        if (pieces[i].rows == 0) continue;
        size[0] = pieces[i].rows;
        hid_t piece = H5Screate_simple(dimensions(info), size, NULL);
        /* A selection of all would not say in the file how many rows that is. */
        ok = piece >= 0 &&
             H5Sselect_hyperslab(piece, H5S_SELECT_SET, first, NULL, size, NULL) >= 0 &&
             H5Sselect_hyperslab(whole, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
             H5Pset_virtual(layout, whole, pieces[i].file, info->path, piece) >= 0;
        ok = assay_hdf_close(piece) && ok;
        start[0] += size[0];
    }
    return ok;
}

static bool create_view(struct assay_sheet *sheet, struct assay_sheet_column *column,
                        const struct assay_column_info *info,
                        const struct assay_sheet_piece *pieces, size_t count)
{
    hsize_t size[2] = {column->size, ASSAY_DIGEST_BYTES};
    hid_t type = assay_hdf_type(info->element, false), layout = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(dimensions(info), size, NULL);
    if (type >= 0 && layout >= 0 && space >= 0 && H5Pset_obj_track_times(layout, false) >= 0 &&
        map_pieces(layout, space, info, pieces, count) && H5Sselect_all(space) >= 0) {
        column->dataset =
            H5Dcreate2(sheet->file, info->path, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    }
    assay_hdf_close(space);
    assay_hdf_close(layout);
    assay_hdf_close(type);
    return column->dataset >= 0 && assay_hdf_put_text(column->dataset, "unit", info->unit) &&
           assay_hdf_put_text(column->dataset, "description", info->description);
}

enum assay_status assay_sheet_view(struct assay_sheet *sheet, enum assay_column name,
                                   const struct assay_sheet_piece *pieces, size_t count,
                                   struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[name];
    struct assay_sheet_column *column = &sheet->columns[name];
    ASSAY_ASSERT(column->dataset < 0);
    for (size_t i = 0; i < count; i++) column->size += pieces[i].rows;
    if (!create_group(sheet, info->path)) return fail(sheet, "creating", info->path, err);
    /* A view of nothing would be a column of its own kind. */
    if (column->size == 0) return open_column(sheet, name, 0, err);
    if (create_view(sheet, column, info, pieces, count)) return ASSAY_OK;
    return fail(sheet, "creating", info->path, err);
}
