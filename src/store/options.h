/* The columns of /options: what was scored in a benchmark of kind choice. */
#ifndef ASSAY_STORE_OPTIONS_H
#define ASSAY_STORE_OPTIONS_H

#include "store/image.h"
#include "store/sheet.h"

ASSAY_MUST_CHECK enum assay_status assay_options_begin(struct assay_sheet *sheet,
                                                       struct assay_error *err);
/* *written: options so far; counts on. */
ASSAY_MUST_CHECK enum assay_status assay_options_put(uint64_t *written, struct assay_sheet *sheet,
                                                     const struct assay_circumstances *c,
                                                     struct assay_error *err);
/* The encodings of all options, ASSAY_OPTION_BYTES each, in the image's arena; NULL: no memory. */
const char *assay_options_encode(struct assay_image *image);

#endif
