/* Datasets of an open results file, checked against the schema before memory is taken for them.
 * Nothing outside the file is followed: no soft or external link, no external storage, no view of
 * other files, no filter that would load a plug-in. */
#include "store/source.h"

#include "assay/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A chunk fits libhdf5's cache of a column (1 MiB): a larger one would be inflated again for every
 * window that is read of it. */
enum {
    CHUNK_BYTES_MAX = 1 << 20,
    DEFLATE_RATIO_MAX = 1032, /* of the format, RFC 1951 */
    SLACK_BYTES = 1 << 16
};

static enum assay_status open_file(struct assay_source *source, const uint8_t *data, size_t size,
                                   const char *path, struct assay_error *err)
{
    hsize_t bytes = 0;
    source->file = assay_hdf_open(path, data, size);
    if (source->file < 0) {
        return assay_hdf_fail(err, ASSAY_EFORMAT, "not an HDF5 file that can be read");
    }
    if (H5Fget_filesize(source->file, &bytes) < 0) {
        return assay_hdf_fail(err, ASSAY_EFORMAT, "a damaged HDF5 file");
    }
    source->bytes = bytes;
    source->text_budget = (size_t)bytes + SLACK_BYTES;
    return ASSAY_OK;
}

enum assay_status assay_source_open(struct assay_source **out, struct assay_image *image,
                                    const char *path, const uint8_t *data, size_t size,
                                    struct assay_error *err)
{
    struct assay_source *source = calloc(1, sizeof *source);
    if (!source) return assay_fail(err, ASSAY_EMEMORY, "out of memory");
    *out = source;
    source->file = -1;
    source->image = image;
    if (!data) {
        source->path = assay_arena_text(&image->arena, path, strlen(path));
        if (!source->path) return assay_fail(err, ASSAY_EMEMORY, "out of memory");
    }
    return open_file(source, data, size, path, err);
}

void assay_source_close(struct assay_source *source)
{
    if (!source) return;
    struct assay_hdf_printing before = assay_hdf_quiet();
    for (size_t i = 0; i < ASSAY_SOURCE_OPEN_PIECES; i++) {
        assay_source_close_piece(source, &source->pieces[i]);
    }
    if (source->file >= 0) H5Fclose(source->file);
    H5Eclear2(H5E_DEFAULT);
    assay_hdf_loud(&before);
    free(source->begin);
    free(source);
}

static bool is_hard_link(hid_t file, const char *path)
{
    H5L_info_t info;
    return H5Lexists(file, path, H5P_DEFAULT) > 0 &&
           H5Lget_info(file, path, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

hid_t assay_source_open_dataset(hid_t file, const char *path)
{
    char group[64] = "";
    size_t length = (size_t)(strrchr(path, '/') - path);
    if (length >= sizeof group) return -1;
    memcpy(group, path, length);
    if (!is_hard_link(file, group) || !is_hard_link(file, path)) return -1;
    return H5Dopen2(file, path, H5P_DEFAULT);
}

static bool has_known_filters(hid_t layout)
{
    int count = H5Pget_nfilters(layout);
    for (int i = 0; i < count; i++) {
        unsigned flags, values[8], config;
        size_t value_count = 8;
        char name[2] = "";
        H5Z_filter_t filter = H5Pget_filter2(layout, (unsigned)i, &flags, &value_count, values,
                                             sizeof name, name, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32) {
            return false;
        }
    }
    return count >= 0;
}

/* A digest is a row of 32 elements of a byte. */
static bool has_modest_chunks(hid_t layout, int dimensions, size_t element_bytes)
{
    hsize_t chunk[2] = {1, 1};
    if (dimensions == 2) element_bytes = 1;
    return H5Pget_chunk(layout, dimensions, chunk) == dimensions && chunk[0] <= CHUNK_BYTES_MAX &&
           chunk[1] <= CHUNK_BYTES_MAX && chunk[0] * chunk[1] * element_bytes <= CHUNK_BYTES_MAX;
}

/* In the file itself, by filters that libhdf5 has built in, in chunks that fit memory. */
static bool has_plain_layout(hid_t dataset, int dimensions, size_t element_bytes)
{
    hid_t layout = H5Dget_create_plist(dataset);
    H5D_layout_t kind = layout >= 0 ? H5Pget_layout(layout) : H5D_LAYOUT_ERROR;
    bool plain = kind == H5D_CHUNKED || kind == H5D_CONTIGUOUS || kind == H5D_COMPACT;
    plain = plain && H5Pget_external_count(layout) == 0 && has_known_filters(layout);
    if (plain && kind == H5D_CHUNKED) {
        plain = dimensions > 0 && has_modest_chunks(layout, dimensions, element_bytes);
    }
    assay_hdf_close(layout);
    return plain;
}

bool assay_source_get_rows(hid_t dataset, const struct assay_column_info *info, uint64_t *rows)
{
    hsize_t size[2] = {1, ASSAY_DIGEST_BYTES};
    hid_t space = H5Dget_space(dataset);
    int dimensions = info->element == ASSAY_ELEMENT_DIGEST ? 2 : 1;
    bool ok;
    if (info->shape == ASSAY_SHAPE_ONE) {
        ok = assay_hdf_is_scalar(space);
    } else {
        ok = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE &&
             H5Sget_simple_extent_ndims(space) == dimensions &&
             H5Sget_simple_extent_dims(space, size, NULL) == dimensions &&
             size[1] == ASSAY_DIGEST_BYTES;
    }
    assay_hdf_close(space);
    *rows = size[0];
    return ok;
}

/* Whether the bytes in the file can be that many rows: a small file must not make us allocate much.
 */
static bool is_plausible(uint64_t file_bytes, hid_t dataset, const struct assay_column_info *info,
                         uint64_t rows)
{
    uint64_t stored = H5Dget_storage_size(dataset);
    uint64_t bytes = rows * assay_element_info[info->element].bytes; /* < 2^46 · 2^5 */
    if (stored > file_bytes) return false;
    if (info->element == ASSAY_ELEMENT_TEXT) return stored >= bytes;
    return bytes / DEFLATE_RATIO_MAX <= stored + SLACK_BYTES / DEFLATE_RATIO_MAX;
}

enum assay_status assay_source_check_dataset(uint64_t bytes, hid_t dataset,
                                             const struct assay_column_info *info, uint64_t *rows,
                                             struct assay_error *err)
{
    const struct assay_shape_info *shape = &assay_shape_info[info->shape];
    const struct assay_element_info *element = &assay_element_info[info->element];
    int dimensions = info->shape == ASSAY_SHAPE_ONE          ? 0
                     : info->element == ASSAY_ELEMENT_DIGEST ? 2
                                                             : 1;
    hid_t type = H5Dget_type(dataset);
    bool typed = assay_hdf_has_type(type, info->element);
    assay_hdf_close(type);
    if (!typed) return assay_fail(err, ASSAY_EFORMAT, "its element is not %s", element->words);
    /* Before its size is asked for: a view without an end would open other files to know it. */
    if (!has_plain_layout(dataset, dimensions, element->bytes)) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "its storage or a filter is not of the schema");
    }
    if (!assay_source_get_rows(dataset, info, rows)) {
        return assay_fail(err, ASSAY_EFORMAT, "its shape is not (%s)", shape->words);
    }
    if (*rows > shape->rows_max) {
        return assay_fail(err, ASSAY_EFORMAT, "%" PRIu64 " rows, at most %" PRIu64 " can be", *rows,
                          shape->rows_max);
    }
    if (!is_plausible(bytes, dataset, info, *rows)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%" PRIu64 " rows cannot be in a file of %" PRIu64 " bytes", *rows,
                          bytes);
    }
    return ASSAY_OK;
}

/* Strings come straight into the arena; a heap object that many rows share is counted each time. */
static void *take_text(size_t size, void *context)
{
    struct assay_source *source = context;
    if (size > source->text_budget) return NULL;
    source->text_budget -= size;
    return assay_arena_take(&source->image->arena, size, 1);
}

static void leave_text(void *memory, void *context)
{
    (void)memory;
    (void)context;
}

static enum assay_status read_data(struct assay_source *source, hid_t dataset,
                                   const struct assay_column_info *info, void *data,
                                   struct assay_error *err)
{
    hid_t memory = assay_hdf_type(info->element, true), transfer = H5Pcreate(H5P_DATASET_XFER);
    enum assay_status status = ASSAY_OK;
    if (memory < 0 || transfer < 0 ||
        H5Pset_vlen_mem_manager(transfer, take_text, source, leave_text, source) < 0 ||
        H5Dread(dataset, memory, H5S_ALL, H5S_ALL, transfer, data) < 0) {
        status = assay_hdf_fail(err, ASSAY_EFORMAT, "reading failed");
    }
    assay_hdf_close(transfer);
    assay_hdf_close(memory);
    return status;
}

static enum assay_status read_rows(struct assay_source *source, hid_t dataset,
                                   enum assay_column name, uint64_t rows, struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[name];
    size_t bytes = assay_element_info[info->element].bytes;
    void *data =
        rows > SIZE_MAX ? NULL : assay_arena_take(&source->image->arena, (size_t)rows, bytes);
    if (!data) return assay_fail(err, ASSAY_EMEMORY, "no memory for %" PRIu64 " rows", rows);
    source->image->columns[name] = data;
    if (rows == 0) return ASSAY_OK;
    enum assay_status status = read_data(source, dataset, info, data, err);
    if (status || info->element != ASSAY_ELEMENT_TEXT) return status;
    const char **texts = data;
    for (uint64_t i = 0; i < rows; i++) {
        if (!texts[i]) texts[i] = "";
    }
    return ASSAY_OK;
}

/* `known` tells which shapes an earlier column has already fixed. */
static enum assay_status read_column(struct assay_source *source, enum assay_column name,
                                     bool known[ASSAY_SHAPE_COUNT], struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[name];
    uint64_t rows = 0, *expected = &source->image->rows[info->shape];
    hid_t dataset = assay_source_open_dataset(source->file, info->path);
    if (dataset < 0) return assay_fail(err, ASSAY_EFORMAT, "there is no such dataset in the file");
    enum assay_status status = assay_source_check_dataset(source->bytes, dataset, info, &rows, err);
    if (!status && known[info->shape] && rows != *expected) {
        status =
            assay_fail(err, ASSAY_EFORMAT, "%" PRIu64 " rows; other columns of %s have %" PRIu64,
                       rows, assay_shape_info[info->shape].words, *expected);
    }
    if (!status) status = read_rows(source, dataset, name, rows, err);
    assay_hdf_close(dataset);
    if (status) return status;
    known[info->shape] = true;
    *expected = rows;
    return ASSAY_OK;
}

enum assay_status assay_source_read_columns(struct assay_source *source, struct assay_error *err)
{
    bool known[ASSAY_SHAPE_COUNT] = {false};
    enum assay_status status = ASSAY_OK;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT && !status; i++) {
        const struct assay_column_info *info = &assay_column_info[i];
        if (assay_shape_info[info->shape].of_samples) continue;
        status = read_column(source, (enum assay_column)i, known, err);
        status = assay_while(err, status, "%s", info->path);
    }
    source->in_parts = assay_source_has_parts(source);
    source->piece_count = 1;
    if (!status && source->in_parts) status = assay_source_find_parts(source, err);
    if (!status) status = assay_source_count(source, err);
    return status || !source->in_parts ? status : assay_source_check_views(source, err);
}
