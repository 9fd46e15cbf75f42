/* The columns of samples: in the file itself or in parts, they are pieces, of which the rows follow
 * one another. Two pieces at most are open at a time. */
#include "store/source.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void assay_source_close_piece(const struct assay_source *source, struct assay_piece *piece)
{
    if (!piece->open) return;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) assay_hdf_close(piece->datasets[c]);
    if (source->in_parts && piece->file >= 0) H5Fclose(piece->file);
    piece->open = false;
}

enum assay_status assay_source_open_columns(struct assay_piece *piece, uint64_t bytes,
                                            uint64_t rows[ASSAY_SHAPE_COUNT],
                                            struct assay_error *err)
{
    bool known[ASSAY_SHAPE_COUNT] = {false};
    enum assay_status status = ASSAY_OK;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT && !status; c++) {
        const struct assay_column_info *info = &assay_column_info[c];
        uint64_t count = 0;
        if (!assay_shape_info[info->shape].of_samples) continue;
        hid_t dataset = piece->datasets[c] = assay_source_open_dataset(piece->file, info->path);
        if (dataset < 0) {
            status = assay_fail(err, ASSAY_EFORMAT, "there is no such dataset in the file");
        } else {
            status = assay_source_check_dataset(bytes, dataset, info, &count, err);
        }
        if (!status && known[info->shape] && rows[info->shape] != count) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "%" PRIu64 " rows; other columns of %s have %" PRIu64, count,
                                assay_shape_info[info->shape].words, rows[info->shape]);
        }
        known[info->shape] = true;
        rows[info->shape] = count;
        status = assay_while(err, status, "%s", info->path);
    }
    return status;
}

/* `rows` are those of the piece as it is now. */
static enum assay_status open_piece(struct assay_source *source, struct assay_piece *piece,
                                    size_t index, uint64_t rows[ASSAY_SHAPE_COUNT],
                                    struct assay_error *err)
{
    assay_source_close_piece(source, piece);
    *piece = (struct assay_piece){.open = true, .index = index, .file = -1};
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) piece->datasets[c] = -1;
    if (source->in_parts) return assay_source_open_part(source, piece, index, rows, err);
    piece->file = source->file;
    return assay_source_open_columns(piece, source->bytes, rows, err);
}

static struct assay_piece *place_of(struct assay_source *source, size_t index)
{
    return &source->pieces[index % ASSAY_SOURCE_OPEN_PIECES];
}

enum assay_status assay_source_count(struct assay_source *source, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    source->begin = calloc(source->piece_count + 1, sizeof *source->begin);
    if (!source->begin) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu parts", source->piece_count);
    }
    for (size_t i = 0; i < source->piece_count && !status; i++) {
        uint64_t rows[ASSAY_SHAPE_COUNT] = {0};
        status = open_piece(source, place_of(source, i), i, rows, err);
        /* No sum overflows: fewer than 2^14 parts of at most 2^46 rows. */
        for (unsigned s = 0; s < ASSAY_SHAPE_COUNT; s++) {
            source->begin[i + 1][s] = source->begin[i][s] + rows[s];
        }
    }
    for (unsigned s = 0; s < ASSAY_SHAPE_COUNT && !status; s++) {
        uint64_t total = source->begin[source->piece_count][s];
        if (!assay_shape_info[s].of_samples) continue;
        source->image->rows[s] = total;
        if (total > assay_shape_info[s].rows_max) {
            status = assay_fail(err, ASSAY_EFORMAT, "the parts have %" PRIu64 " rows of %s", total,
                                assay_shape_info[s].words);
        }
    }
    return status;
}

/* An open piece, which has the rows that were counted. */
static enum assay_status take_piece(struct assay_piece **out, struct assay_source *source,
                                    size_t index, struct assay_error *err)
{
    uint64_t rows[ASSAY_SHAPE_COUNT] = {0};
    struct assay_piece *piece = place_of(source, index);
    *out = piece;
    if (piece->open && piece->index == index) return ASSAY_OK;
    enum assay_status status = open_piece(source, piece, index, rows, err);
    for (unsigned s = 0; s < ASSAY_SHAPE_COUNT && !status; s++) {
        if (rows[s] != source->begin[index + 1][s] - source->begin[index][s]) {
            status =
                assay_fail(err, ASSAY_EFORMAT, "part %zu has changed while it was read", index);
        }
    }
    if (status) assay_source_close_piece(source, piece);
    return status;
}

static enum assay_status read_piece(const struct assay_piece *piece, enum assay_column column,
                                    uint64_t first, size_t count, void *to, struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[column];
    int dimensions = info->element == ASSAY_ELEMENT_DIGEST ? 2 : 1;
    hsize_t begin[2] = {first, 0}, size[2] = {count, ASSAY_DIGEST_BYTES};
    hid_t dataset = piece->datasets[column];
    hid_t type = assay_hdf_type(info->element, true), file_space = H5Dget_space(dataset);
    hid_t memory_space = H5Screate_simple(dimensions, size, NULL);
    enum assay_status status = ASSAY_OK;
    if (type < 0 || file_space < 0 || memory_space < 0 ||
        H5Sselect_hyperslab(file_space, H5S_SELECT_SET, begin, NULL, size, NULL) < 0 ||
        H5Dread(dataset, type, memory_space, file_space, H5P_DEFAULT, to) < 0) {
        status = assay_hdf_fail(err, ASSAY_EFORMAT, "%s: reading failed", info->path);
    }
    assay_hdf_close(memory_space);
    assay_hdf_close(file_space);
    assay_hdf_close(type);
    return status;
}

/* The piece that has row `first` of a shape. */
static size_t find_piece(const struct assay_source *source, enum assay_shape shape, uint64_t first)
{
    size_t low = 0, high = source->piece_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->begin[middle][shape] <= first) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t assay_source_together(const struct assay_source *source, uint64_t first)
{
    size_t piece = find_piece(source, ASSAY_SHAPE_SAMPLES, first);
    return source->begin[piece + 1][ASSAY_SHAPE_SAMPLES] - first;
}

enum assay_status assay_source_read(struct assay_source *source, enum assay_column column,
                                    uint64_t first, size_t count, void *to, struct assay_error *err)
{
    const struct assay_column_info *info = &assay_column_info[column];
    size_t bytes = assay_element_info[info->element].bytes;
    enum assay_status status = ASSAY_OK;
    for (size_t i = find_piece(source, info->shape, first); count > 0 && !status; i++) {
        struct assay_piece *piece;
        ASSAY_ASSERT(i < source->piece_count);
        uint64_t begin = source->begin[i][info->shape], end = source->begin[i + 1][info->shape];
        size_t most = count < end - first ? count : (size_t)(end - first);
        if (most == 0) continue;
        status = take_piece(&piece, source, i, err);
        if (!status) status = read_piece(piece, column, first - begin, most, to, err);
        first += most;
        count -= most;
        to = (uint8_t *)to + most * bytes;
    }
    return status;
}
