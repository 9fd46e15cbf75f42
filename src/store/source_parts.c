/* The columns of samples of a results file in parts. libhdf5 would read them through the views, but
 * it takes a missing part for zeros and follows any name: so the views are only compared with what
 * they must be (else another reader would see other rows than were checked here), and the parts are
 * pieces of their own, files of the schema. */
#include "store/source.h"

#include "base/file.h"
#include "store/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_BYTES = ASSAY_SOURCE_NAME_BYTES };

static const char folder_end[] = ".parts";

static bool is_view(hid_t layout)
{
    return layout >= 0 && H5Pget_layout(layout) == H5D_VIRTUAL;
}

/* Creation properties of a dataset of the file; the caller closes them. */
static hid_t layout_of(const struct assay_source *source, const char *path)
{
    hid_t dataset = assay_source_open_dataset(source->file, path);
    hid_t layout = dataset < 0 ? -1 : H5Dget_create_plist(dataset);
    assay_hdf_close(dataset);
    return layout;
}

bool assay_source_has_parts(const struct assay_source *source)
{
    hid_t layout = layout_of(source, assay_column_info[ASSAY_COLUMN_SAMPLE_ITEM].path);
    bool has = is_view(layout);
    assay_hdf_close(layout);
    return has;
}

/* The name of the file that a view's piece is in. */
static bool name_of(hid_t layout, size_t index, char to[NAME_BYTES])
{
    ssize_t length = H5Pget_virtual_filename(layout, index, NULL, 0);
    return length > 0 && length < NAME_BYTES &&
           H5Pget_virtual_filename(layout, index, to, NAME_BYTES) == length;
}

/* A folder's name and not a path: the first piece says it, and all the others must agree. */
static enum assay_status find_folder(struct assay_source *source, hid_t layout,
                                     struct assay_error *err)
{
    char name[NAME_BYTES];
    size_t count = 0;
    if (H5Pget_virtual_count(layout, &count) < 0 || count == 0 || count > ASSAY_PARTS_MAX ||
        !name_of(layout, 0, name)) {
        return assay_fail(err, ASSAY_EFORMAT, "%zu parts", count);
    }
    size_t length = strcspn(name, "/"), end = sizeof folder_end - 1;
    memcpy(source->folder, name, length);
    source->folder[length] = '\0';
    if (length <= end || strcmp(source->folder + length - end, folder_end) != 0) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "a part would be \"%.200s\", which is not in a folder NAME.parts beside "
                          "the file",
                          name);
    }
    source->piece_count = count;
    return ASSAY_OK;
}

enum assay_status assay_source_find_parts(struct assay_source *source, struct assay_error *err)
{
    const char *first = assay_column_info[ASSAY_COLUMN_SAMPLE_ITEM].path;
    if (!source->path) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "a file in parts cannot be read from memory");
    }
    hid_t layout = layout_of(source, first);
    enum assay_status status = assay_while(err, find_folder(source, layout, err), "%s", first);
    assay_hdf_close(layout);
    return status;
}

/* Whether a selection is all of rows first … first + rows − 1. */
static bool is_block(hid_t space, uint64_t first, uint64_t rows, bool is_digest)
{
    hsize_t begin[2] = {0, 0}, end[2] = {0, ASSAY_DIGEST_BYTES - 1};
    int dimensions = is_digest ? 2 : 1;
    hsize_t points = is_digest ? rows * ASSAY_DIGEST_BYTES : rows;
    if (space < 0 || H5Sget_simple_extent_ndims(space) != dimensions) return false;
    /* Compared before the bounds are asked for: a selection without an end has none. */
    return (hsize_t)H5Sget_select_npoints(space) == points &&
           H5Sget_select_bounds(space, begin, end) >= 0 && begin[0] == first &&
           end[0] == first + rows - 1 && begin[1] == 0 && end[1] == ASSAY_DIGEST_BYTES - 1;
}

static bool is_piece(hid_t layout, size_t index, const char *name,
                     const struct assay_column_info *info, uint64_t first, uint64_t rows)
{
    char found[NAME_BYTES], path[NAME_BYTES];
    bool is_digest = info->element == ASSAY_ELEMENT_DIGEST;
    if (!name_of(layout, index, found) || strcmp(found, name) != 0 ||
        H5Pget_virtual_dsetname(layout, index, path, sizeof path) != (ssize_t)strlen(info->path) ||
        strcmp(path, info->path) != 0) {
        return false;
    }
    hid_t whole = H5Pget_virtual_vspace(layout, index);
    hid_t piece = H5Pget_virtual_srcspace(layout, index);
    bool same = is_block(whole, first, rows, is_digest) && is_block(piece, 0, rows, is_digest);
    assay_hdf_close(piece);
    assay_hdf_close(whole);
    return same;
}

/* The pieces of a view are all parts that have rows, in their order. */
static enum assay_status check_pieces(const struct assay_source *source, hid_t layout,
                                      const struct assay_column_info *info, struct assay_error *err)
{
    size_t count = 0, next = 0;
    if (H5Pget_virtual_count(layout, &count) < 0) count = 0;
    for (size_t i = 0; i < source->piece_count; i++) {
        uint64_t first = source->begin[i][info->shape];
        uint64_t rows = source->begin[i + 1][info->shape] - first;
        char name[NAME_BYTES + ASSAY_PART_NAME_BYTES + 1], part[ASSAY_PART_NAME_BYTES];
        if (rows == 0) continue;
        assay_part_name(part, i);
        snprintf(name, sizeof name, "%s/%s", source->folder, part);
        if (next >= count || !is_piece(layout, next, name, info, first, rows)) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "its rows %" PRIu64 " to %" PRIu64 " are not those of %s", first,
                              first + rows - 1, name);
        }
        next++;
    }
    if (next == count) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "a view of %zu pieces, not %zu", count, next);
}

static enum assay_status check_view(const struct assay_source *source,
                                    const struct assay_column_info *info, struct assay_error *err)
{
    uint64_t rows = 0, total = source->image->rows[info->shape];
    hid_t dataset = assay_source_open_dataset(source->file, info->path);
    if (dataset < 0) return assay_fail(err, ASSAY_EFORMAT, "there is no such dataset in the file");
    hid_t layout = H5Dget_create_plist(dataset), type = H5Dget_type(dataset);
    enum assay_status status = ASSAY_OK;
    if (total == 0 && !is_view(layout)) {
        status = assay_source_check_dataset(source->bytes, dataset, info, &rows, err);
    } else if (!assay_hdf_has_type(type, info->element) || !is_view(layout)) {
        status = assay_fail(err, ASSAY_EFORMAT, "it is no view of %s in the parts",
                            assay_element_info[info->element].words);
    } else {
        status = check_pieces(source, layout, info, err);
        if (!status && !assay_source_get_rows(dataset, info, &rows)) {
            status = assay_fail(err, ASSAY_EFORMAT, "its shape is not (%s)",
                                assay_shape_info[info->shape].words);
        }
    }
    if (!status && rows != total) {
        status = assay_fail(err, ASSAY_EFORMAT, "%" PRIu64 " rows; the parts have %" PRIu64, rows,
                            total);
    }
    assay_hdf_close(type);
    assay_hdf_close(layout);
    assay_hdf_close(dataset);
    return status;
}

enum assay_status assay_source_check_views(const struct assay_source *source,
                                           struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT && !status; c++) {
        const struct assay_column_info *info = &assay_column_info[c];
        if (!assay_shape_info[info->shape].of_samples) continue;
        status = assay_while(err, check_view(source, info, err), "%s", info->path);
    }
    return status;
}

/* --- parts */

/* Where a part lies; `folder` is what must be a folder. */
static enum assay_status part_path(const struct assay_source *source, size_t index,
                                   struct assay_bytes *folder, struct assay_bytes *path,
                                   struct assay_error *err)
{
    char name[ASSAY_PART_NAME_BYTES];
    assay_part_name(name, index);
    enum assay_status status = assay_file_beside(source->path, source->folder, folder, err);
    if (status) return status;
    return assay_bytes_format(path, err, "%s/%s", (const char *)folder->data, name);
}

/* No link leads out of the folder. */
static enum assay_status check_place(const char *folder, const char *path, struct assay_error *err)
{
    struct stat info;
    if (lstat(folder, &info) != 0) return assay_fail_errno(err, errno, "%s", folder);
    if (!S_ISDIR(info.st_mode)) return assay_fail(err, ASSAY_EFORMAT, "%s: not a folder", folder);
    if (lstat(path, &info) != 0) return assay_fail_errno(err, errno, "%s", path);
    if (S_ISREG(info.st_mode)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%s: not a regular file", path);
}

static enum assay_status check_head(hid_t file, size_t index, size_t count, const char *plan_digest,
                                    struct assay_error *err)
{
    char schema[32], plan[80];
    uint32_t version, number, parts;
    if (!assay_hdf_get_text(file, "schema", schema, sizeof schema) ||
        strcmp(schema, ASSAY_PART_SCHEMA_NAME) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "not a part of a results file of assay");
    }
    if (!assay_hdf_get_u32(file, "schema_version", &version) || version != ASSAY_SCHEMA_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "not of schema version %d",
                          ASSAY_SCHEMA_VERSION);
    }
    if (!assay_hdf_get_text(file, "plan_digest", plan, sizeof plan) ||
        !assay_hdf_get_u32(file, "part", &number) || !assay_hdf_get_u32(file, "parts", &parts)) {
        return assay_fail(err, ASSAY_EFORMAT, "it does not say which part it is");
    }
    if (strcmp(plan, plan_digest) != 0) {
        return assay_fail(err, ASSAY_EMISMATCH, "a part of another plan's results (%.12s…)", plan);
    }
    if (number == index && parts == count) return ASSAY_OK;
    return assay_fail(err, ASSAY_EMISMATCH, "it is part %" PRIu32 " of %" PRIu32 ", not %zu of %zu",
                      number, parts, index, count);
}

enum assay_status assay_source_open_part(const struct assay_source *source,
                                         struct assay_piece *piece, size_t index,
                                         uint64_t rows[ASSAY_SHAPE_COUNT], struct assay_error *err)
{
    struct assay_bytes folder = {0}, path = {0};
    hsize_t bytes = 0;
    enum assay_status status = part_path(source, index, &folder, &path, err);
    const char *name = (const char *)path.data;
    if (!status) status = check_place((const char *)folder.data, name, err);
    if (status) goto done;
    piece->file = assay_hdf_open(name, NULL, 0);
    if (piece->file < 0 || H5Fget_filesize(piece->file, &bytes) < 0) {
        status = assay_hdf_fail(err, ASSAY_EFORMAT, "%s: not an HDF5 file that can be read", name);
        goto done;
    }
    status = check_head(piece->file, index, source->piece_count,
                        source->image->texts[ASSAY_ATTRIBUTE_PLAN_DIGEST], err);
    if (!status) status = assay_source_open_columns(piece, bytes, rows, err);
    status = assay_while(err, status, "%s", name);
done:
    assay_bytes_fini(&path);
    assay_bytes_fini(&folder);
    return status;
}
