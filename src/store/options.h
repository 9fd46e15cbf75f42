/* The columns of /options: what was scored in a benchmark of kind choice. */
#ifndef ASSAY_STORE_OPTIONS_H
#define ASSAY_STORE_OPTIONS_H

#include "base/bytes.h"
#include "store/image.h"
#include "store/sheet.h"

ASSAY_MUST_CHECK enum assay_status assay_options_begin(struct assay_sheet *sheet,
                                                       struct assay_error *err);
/* *written: options so far; counts on. */
ASSAY_MUST_CHECK enum assay_status assay_options_put(uint64_t *written, struct assay_sheet *sheet,
                                                     const struct assay_circumstances *c,
                                                     struct assay_error *err);
/* The encodings of `count` options, ASSAY_OPTION_BYTES each, in the place of what is in `out`. */
ASSAY_MUST_CHECK enum assay_status assay_options_encode(struct assay_bytes *out,
                                                        void *const *columns, size_t count,
                                                        struct assay_error *err);

#endif
