/* The columns of samples, some consecutive samples at a time: what the reader holds of a file whose
 * samples may be many. */
#ifndef ASSAY_STORE_WINDOW_H
#define ASSAY_STORE_WINDOW_H

#include "base/bytes.h"
#include "store/image.h"

/* Zero-initialise. */
struct assay_window {
    uint64_t first; /* its samples are first … first + count − 1 */
    size_t count;
    /* Rows of these samples alone; offsets begin at 0. NULL where a column is not of samples. */
    void *columns[ASSAY_COLUMN_COUNT];
    size_t rows[ASSAY_SHAPE_COUNT];
    struct assay_bytes options; /* encoded, FORMAT.md 5.2 */
    struct assay_bytes memory[ASSAY_COLUMN_COUNT];
};
void assay_window_fini(struct assay_window *window);

/* Read the samples from `first` on, as many as image->window lets it have: the same ones each time,
 * unless the file has changed. Offsets are checked, so that every slice lies inside its column. */
ASSAY_MUST_CHECK enum assay_status assay_window_read(struct assay_window *window,
                                                     const struct assay_image *image,
                                                     uint64_t first, struct assay_error *err);

#endif
