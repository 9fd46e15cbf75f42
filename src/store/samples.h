/* The samples of a results file: records and circumstances out of its columns, encrypted cells
 * opened, digests computed again. */
#ifndef ASSAY_STORE_SAMPLES_H
#define ASSAY_STORE_SAMPLES_H

#include "store/image.h"

/* Fill what comes of samples alone into results, whose columns, options (encoded) and offsets are
 * checked. Where the image has a key, its columns are then those in clear. */
ASSAY_MUST_CHECK enum assay_status assay_samples_check(struct assay_results *results,
                                                       struct assay_image *image,
                                                       const char *options,
                                                       struct assay_error *err);
/* The one refusal of a digest that the content does not give. */
enum assay_status assay_samples_digest_differs(const char *what, const struct assay_digest *stored,
                                               const struct assay_digest *found,
                                               struct assay_error *err);

#endif
