/* The rows of a data file, JSON lines or CSV, plain or gzip, each as a JSON object. */
#ifndef ASSAY_BENCH_DATA_H
#define ASSAY_BENCH_DATA_H

#include "assay/spec.h"

struct assay_json;

struct assay_data {
    const char *name; /* of the file, for errors and for its format */
    const char *text;
    size_t size;
    enum assay_data_format format;
    const char *const *columns; /* of a CSV without a header line; column_count, 0: it has one */
    size_t column_count;
};

/* One call for each row; `line` is where it begins, from 1. A status other than OK ends it, and
 * gets "NAME:LINE: " in front. */
typedef enum assay_status assay_data_visit(void *context, const struct assay_json *row, size_t line,
                                           struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_data_each(const struct assay_data *data,
                                                   assay_data_visit *visit, void *context,
                                                   struct assay_error *err);

#endif
