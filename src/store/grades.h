/* The columns of /grades: how outputs came to their verdicts. */
#ifndef ASSAY_STORE_GRADES_H
#define ASSAY_STORE_GRADES_H

#include "store/image.h"
#include "store/sheet.h"

/* Bytes written so far to the flat columns. Zero-initialise. */
struct assay_grades {
    uint64_t flexible_bytes, detail_bytes;
};
ASSAY_MUST_CHECK enum assay_status assay_grades_begin(struct assay_sheet *sheet,
                                                      struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_grades_put(struct assay_grades *grades,
                                                    struct assay_sheet *sheet,
                                                    const struct assay_grade *grade,
                                                    struct assay_error *err);
/* The grade of a sample, pointing into the columns; offsets were checked. */
struct assay_grade assay_grades_get(void *const *columns, uint64_t sample);

#endif
