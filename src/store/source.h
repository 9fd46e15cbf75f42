/* A results file being read, between libhdf5 and the image that its columns go into. */
#ifndef ASSAY_STORE_SOURCE_H
#define ASSAY_STORE_SOURCE_H

#include "store/hdf.h"
#include "store/image.h"

struct assay_source {
    hid_t file;
    struct assay_image *image;
    uint64_t bytes;     /* of the file */
    size_t text_budget; /* bytes that strings may still take */
};

/* Read every column of the schema into the image. Errors begin with the column's path. */
ASSAY_MUST_CHECK enum assay_status assay_source_read_columns(struct assay_source *source,
                                                             struct assay_error *err);

#endif
