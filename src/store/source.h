/* A results file being read, between libhdf5 and the image that its columns go into. */
#ifndef ASSAY_STORE_SOURCE_H
#define ASSAY_STORE_SOURCE_H

#include "store/hdf.h"
#include "store/image.h"

struct assay_source {
    const char *path; /* NULL for bytes in memory */
    hid_t file;
    struct assay_image *image;
    uint64_t bytes;     /* of the file */
    size_t text_budget; /* bytes that strings may still take */
};

/* Read every column of the schema into the image. Errors begin with the column's path, or name the
 * part. */
ASSAY_MUST_CHECK enum assay_status assay_source_read_columns(struct assay_source *source,
                                                             struct assay_error *err);

/* --- columns of samples in parts (source_parts.c) */
/* Whether the file has a view in the place of its columns of samples. */
bool assay_source_has_parts(const struct assay_source *source);
/* Read them all. Nothing is read through the views: they are compared with what the schema says,
 * and the parts are then read as files of their own. */
ASSAY_MUST_CHECK enum assay_status assay_source_read_parts(struct assay_source *source,
                                                           struct assay_error *err);

/* --- one dataset of the schema */
/* Reached through hard links alone; negative otherwise. The caller closes it. */
hid_t assay_source_open_dataset(hid_t file, const char *path);
/* Everything about it but its content. */
ASSAY_MUST_CHECK enum assay_status assay_source_check_dataset(const struct assay_source *source,
                                                              hid_t dataset,
                                                              const struct assay_column_info *info,
                                                              uint64_t *rows,
                                                              struct assay_error *err);
/* The rows of a dataset of the schema's dimensions; false where it has others. */
bool assay_source_get_rows(hid_t dataset, const struct assay_column_info *info, uint64_t *rows);
/* All its rows into `data`. */
ASSAY_MUST_CHECK enum assay_status assay_source_read_rows(struct assay_source *source,
                                                          hid_t dataset,
                                                          const struct assay_column_info *info,
                                                          void *data, struct assay_error *err);

#endif
