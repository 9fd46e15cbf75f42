/* A results file in parts: the columns of samples lie in files of their own,
 * PATH.parts/part-NNNN.h5, and PATH has a view of each column over them (FORMAT.md 6.2). Here:
 * their names, their folder. */
#ifndef ASSAY_STORE_PARTS_H
#define ASSAY_STORE_PARTS_H

#include "base/bytes.h"
#include "store/sheet.h"

#define ASSAY_PART_SCHEMA_NAME "assay-results-part"
enum { ASSAY_PARTS_MAX = 10000, ASSAY_PART_NAME_BYTES = 16 };

/* "part-0003.h5" */
void assay_part_name(char to[ASSAY_PART_NAME_BYTES], size_t index);

/* The parts of a file that is being written. Zero-initialise; release with assay_parts_end. */
struct assay_parts {
    size_t count;                      /* 0: the file is written whole */
    struct assay_bytes now;            /* the folder they are made in, a C string … */
    struct assay_bytes folder, before; /* … what it will be, and where one that is there waits */
    uint64_t (*rows)[ASSAY_SHAPE_COUNT]; /* of each part, once it is written */
};

/* Make the folder for `count` parts of the file `path`. */
ASSAY_MUST_CHECK enum assay_status assay_parts_begin(struct assay_parts *parts, const char *path,
                                                     size_t count, struct assay_error *err);
/* Open the sheet of a part that begins with `first` and has `samples` samples. */
ASSAY_MUST_CHECK enum assay_status assay_parts_open(const struct assay_parts *parts, size_t index,
                                                    uint64_t samples, struct assay_sheet *sheet,
                                                    struct assay_error *err);
/* Finish that sheet and make the part durable. */
ASSAY_MUST_CHECK enum assay_status assay_parts_close(struct assay_parts *parts, size_t index,
                                                     const char *plan_digest,
                                                     struct assay_sheet *sheet,
                                                     struct assay_error *err);
/* Into the sheet of the whole: a view of each column of samples. */
ASSAY_MUST_CHECK enum assay_status assay_parts_view(const struct assay_parts *parts,
                                                    struct assay_sheet *sheet,
                                                    struct assay_error *err);
/* Let the parts and the whole (now at `from`) appear under their names; on failure what was there
 * is there again. Also without parts: those of an earlier file at `path` then go. */
ASSAY_MUST_CHECK enum assay_status assay_parts_publish(struct assay_parts *parts, const char *from,
                                                       const char *path, struct assay_error *err);
/* Remove what was not published. */
void assay_parts_end(struct assay_parts *parts);

#endif
