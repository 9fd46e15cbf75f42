/* A window ends after so many samples, or before one whose tokens and texts would make it too
 * large.
 */
#include "store/window.h"

#include "base/assert.h"
#include "store/options.h"
#include "store/record.h"

#include <inttypes.h>

/* What offsets cut up. */
static const struct cut {
    enum assay_column column;
    enum assay_shape whole;
    uint64_t most;    /* of one sample */
    size_t row_bytes; /* of all columns of that shape */
} cuts[] = {
    {ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET, ASSAY_SHAPE_TOKENS, ASSAY_RECORD_TOKENS_MAX, 8},
    {ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET, ASSAY_SHAPE_ANSWER_BYTES, ASSAY_RECORD_ANSWER_BYTES_MAX, 1},
    {ASSAY_COLUMN_SAMPLE_TEXT_OFFSET, ASSAY_SHAPE_TEXT_BYTES, ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX,
     1},
    {ASSAY_COLUMN_FLEXIBLE_OFFSET, ASSAY_SHAPE_FLEXIBLE_BYTES, ASSAY_RECORD_ANSWER_BYTES_MAX, 1},
    {ASSAY_COLUMN_DETAIL_OFFSET, ASSAY_SHAPE_DETAIL_BYTES, ASSAY_RUN_DETAIL_BYTES_MAX, 1},
    {ASSAY_COLUMN_SEALED_OFFSET, ASSAY_SHAPE_SEALED_BYTES, ASSAY_SEALED_BYTES_MAX, 1},
    {ASSAY_COLUMN_OPTION_OFFSET, ASSAY_SHAPE_OPTIONS, ASSAY_OPTIONS_MAX, 9}};
enum { CUTS = sizeof cuts / sizeof cuts[0] };

void assay_window_fini(struct assay_window *window)
{
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT; c++) assay_bytes_fini(&window->memory[c]);
    assay_bytes_fini(&window->options);
    *window = (struct assay_window){0};
}

static enum assay_status read_column(struct assay_window *window, const struct assay_image *image,
                                     enum assay_column column, uint64_t first, size_t count,
                                     struct assay_error *err)
{
    struct assay_bytes *memory = &window->memory[column];
    size_t bytes = assay_element_info[assay_column_info[column].element].bytes;
    assay_bytes_clear(memory);
    enum assay_status status = assay_bytes_reserve(memory, count * bytes, err);
    if (!status) status = assay_image_read(image, column, first, count, memory->data, err);
    if (status) return status;
    memory->size = count * bytes;
    window->columns[column] = memory->data;
    window->rows[assay_column_info[column].shape] = count;
    return ASSAY_OK;
}

static enum assay_status read_shape(struct assay_window *window, const struct assay_image *image,
                                    enum assay_shape shape, uint64_t first, size_t count,
                                    struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT && !status; c++) {
        if (assay_column_info[c].shape != shape) continue;
        status = read_column(window, image, (enum assay_column)c, first, count, err);
    }
    return status;
}

/* Offsets begin at 0, never fall, and end at the end of what they cut up. */
static enum assay_status check_offsets(const struct assay_window *window,
                                       const struct assay_image *image, const struct cut *cut,
                                       struct assay_error *err)
{
    const uint64_t *offset = window->columns[cut->column];
    const char *path = assay_column_info[cut->column].path;
    uint64_t rows = image->rows[cut->whole], samples = image->rows[ASSAY_SHAPE_SAMPLES];
    bool at_end = window->first + window->count == samples;
    if (window->first == 0 && offset[0] != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: begins at %" PRIu64 ", not at 0", path,
                          offset[0]);
    }
    for (size_t i = 0; i < window->count; i++) {
        if (offset[i + 1] < offset[i] || offset[i + 1] - offset[i] > cut->most ||
            offset[i + 1] > rows) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "%s: sample %" PRIu64 " would own %" PRIu64 " to %" PRIu64
                              " of %" PRIu64,
                              path, window->first + i, offset[i], offset[i + 1], rows);
        }
    }
    if (!at_end || offset[window->count] == rows) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%s: ends at %" PRIu64 ", not at %" PRIu64, path,
                      offset[window->count], rows);
}

/* The samples that fit, one at least. */
static size_t fitting(const struct assay_window *window, uint64_t most)
{
    size_t fits = 1;
    for (; fits < window->count; fits++) {
        uint64_t bytes = 0; /* at most 7 · 2^46 · 9 */
        for (size_t k = 0; k < CUTS; k++) {
            const uint64_t *offset = window->columns[cuts[k].column];
            bytes += (offset[fits + 1] - offset[0]) * cuts[k].row_bytes;
        }
        if (bytes > most) break;
    }
    return fits;
}

static enum assay_status read_slices(struct assay_window *window, const struct assay_image *image,
                                     const struct cut *cut, struct assay_error *err)
{
    uint64_t *offset = window->columns[cut->column], first = offset[0];
    enum assay_status status =
        read_shape(window, image, cut->whole, first, (size_t)(offset[window->count] - first), err);
    for (size_t i = 0; i <= window->count; i++) offset[i] -= first;
    return status;
}

enum assay_status assay_window_read(struct assay_window *window, const struct assay_image *image,
                                    uint64_t first, struct assay_error *err)
{
    uint64_t left = assay_image_together(image, first);
    enum assay_status status = ASSAY_OK;
    ASSAY_ASSERT(left > 0);
    window->first = first;
    window->count = left < image->window.samples ? (size_t)left : image->window.samples;
    status = read_shape(window, image, ASSAY_SHAPE_OFFSETS, first, window->count + 1, err);
    for (size_t k = 0; k < CUTS && !status; k++) {
        status = check_offsets(window, image, &cuts[k], err);
    }
    if (status) return status;
    window->count = fitting(window, image->window.bytes);
    status = read_shape(window, image, ASSAY_SHAPE_SAMPLES, first, window->count, err);
    for (size_t k = 0; k < CUTS && !status; k++) {
        status = read_slices(window, image, &cuts[k], err);
    }
    if (status) return status;
    return assay_options_encode(&window->options, window->columns,
                                window->rows[ASSAY_SHAPE_OPTIONS], err);
}
