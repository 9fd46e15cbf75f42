/* Errors of a spec with their place in front: "12:5: …", or "jobs/x.yaml:12:5: …" where there is a
 * file, so that an editor can jump there. */
#ifndef ASSAY_SPEC_REPORT_H
#define ASSAY_SPEC_REPORT_H

#include "assay/status.h"

#include <stddef.h>

struct spec_mark {
    size_t line, column; /* from 1, columns in characters; line 0: no place */
};

struct spec_report {
    const char *path; /* NULL for text that comes from no file */
    struct assay_error *err;
};

/* As assay_fail, with the place in front. Returns `status`. */
enum assay_status assay_spec_fail(const struct spec_report *report, enum assay_status status,
                                  struct spec_mark mark, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum assay_status assay_spec_fail_memory(const struct spec_report *report);

#endif
