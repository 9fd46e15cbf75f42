/* The samples of a results file: records and circumstances out of its columns, encrypted cells
 * opened, digests computed again. */
#ifndef ASSAY_STORE_SAMPLES_H
#define ASSAY_STORE_SAMPLES_H

#include "store/image.h"

struct assay_samples;

/* Go through all samples once: check them against the plan and each other, compute their digests,
 * show them to the image's visitor, and keep in the image's arena what results has of every sample.
 * The plan is used in this call only; results and image outlive what is made. */
ASSAY_MUST_CHECK enum assay_status assay_samples_create(struct assay_samples **out,
                                                        struct assay_results *results,
                                                        struct assay_image *image,
                                                        const struct assay_plan *plan,
                                                        struct assay_error *err);
void assay_samples_destroy(struct assay_samples *samples); /* NULL is fine */
/* One of them, lent until the next call. What is read again must take the digests where it took
 * them at first, else EMISMATCH: the file has changed. */
ASSAY_MUST_CHECK enum assay_status assay_samples_get(struct assay_samples *samples, uint64_t index,
                                                     struct assay_results_sample *out,
                                                     struct assay_error *err);
/* The one refusal of a digest that the content does not give. */
enum assay_status assay_samples_digest_differs(const char *what, const struct assay_digest *stored,
                                               const struct assay_digest *found,
                                               struct assay_error *err);

#endif
