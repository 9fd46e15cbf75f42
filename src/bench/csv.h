/* CSV as RFC 4180 has it: fields between commas, quoted by ", a quote inside doubled, line ends CR
 * LF or LF. */
#ifndef ASSAY_BENCH_CSV_H
#define ASSAY_BENCH_CSV_H

#include "base/bytes.h"

enum { ASSAY_CSV_FIELDS_MAX = 256 };

/* One line of fields, end to end in `bytes`, a NUL behind each. Zero-initialise; release bytes. */
struct assay_csv_row {
    struct assay_bytes bytes;
    size_t starts[ASSAY_CSV_FIELDS_MAX];
    size_t count;
};

/* A text being read. `line` is the one that the next row begins at, from 1. */
struct assay_csv {
    const char *text;
    size_t size, position, line;
};

/* The next row; *found is false at the end. EFORMAT: a quote that is never closed (it names the
 * line where it opened), text behind a closing quote, a quote inside a bare field, a NUL. */
ASSAY_MUST_CHECK enum assay_status assay_csv_next(struct assay_csv *csv, struct assay_csv_row *row,
                                                  bool *found, struct assay_error *err);
static inline const char *assay_csv_field(const struct assay_csv_row *row, size_t index)
{
    return (const char *)row->bytes.data + row->starts[index];
}

#endif
