/* A results file being read, between libhdf5 and the image that its columns go into. */
#ifndef ASSAY_STORE_SOURCE_H
#define ASSAY_STORE_SOURCE_H

#include "store/hdf.h"
#include "store/image.h"

enum { ASSAY_SOURCE_NAME_BYTES = 512, ASSAY_SOURCE_OPEN_PIECES = 2 };

/* A file with columns of samples, all of them open: the results file itself, or a part of it. */
struct assay_piece {
    bool open;
    size_t index;
    hid_t file;                         /* of a part its own, else the source's */
    hid_t datasets[ASSAY_COLUMN_COUNT]; /* negative where the column is not of samples */
};

struct assay_source {
    const char *path; /* NULL for bytes in memory */
    hid_t file;
    struct assay_image *image;
    uint64_t bytes;     /* of the file */
    size_t text_budget; /* bytes that strings may still take */
    bool in_parts;
    char folder[ASSAY_SOURCE_NAME_BYTES]; /* of the parts, beside the file */
    size_t piece_count;                   /* 1 where there are no parts */
    uint64_t (*begin)[ASSAY_SHAPE_COUNT]; /* piece_count + 1: rows of all pieces before this one */
    /* Piece i in place i mod 2: what lies on both sides of a border stays open. */
    struct assay_piece pieces[ASSAY_SOURCE_OPEN_PIECES];
};

/* Open a file, or (data not NULL) the bytes of one, for an image whose arena is used. *out is to be
 * closed on failure too. */
ASSAY_MUST_CHECK enum assay_status assay_source_open(struct assay_source **out,
                                                     struct assay_image *image, const char *path,
                                                     const uint8_t *data, size_t size,
                                                     struct assay_error *err);
void assay_source_close(struct assay_source *source); /* NULL is fine */
/* Read every column of the schema into the image, but for those of samples, of which the rows are
 * counted. Errors begin with the column's path, or name the part. */
ASSAY_MUST_CHECK enum assay_status assay_source_read_columns(struct assay_source *source,
                                                             struct assay_error *err);

/* --- columns of samples (source_pieces.c) */
/* Open the columns of a piece, whose file is open; *rows are what they have. */
ASSAY_MUST_CHECK enum assay_status assay_source_open_columns(struct assay_piece *piece,
                                                             uint64_t bytes,
                                                             uint64_t rows[ASSAY_SHAPE_COUNT],
                                                             struct assay_error *err);
void assay_source_close_piece(const struct assay_source *source, struct assay_piece *piece);
/* Count the rows of all pieces: source->begin and image->rows. */
ASSAY_MUST_CHECK enum assay_status assay_source_count(struct assay_source *source,
                                                      struct assay_error *err);
/* As assay_image_together and assay_image_read. */
uint64_t assay_source_together(const struct assay_source *source, uint64_t first);
ASSAY_MUST_CHECK enum assay_status assay_source_read(struct assay_source *source,
                                                     enum assay_column column, uint64_t first,
                                                     size_t count, void *to,
                                                     struct assay_error *err);

/* --- pieces that are parts (source_parts.c) */
/* Whether the file has a view in the place of its columns of samples. */
bool assay_source_has_parts(const struct assay_source *source);
/* How many they are, and where. */
ASSAY_MUST_CHECK enum assay_status assay_source_find_parts(struct assay_source *source,
                                                           struct assay_error *err);
/* Nothing is read through the views: they are compared with what the parts have, once these are
 * counted. */
ASSAY_MUST_CHECK enum assay_status assay_source_check_views(const struct assay_source *source,
                                                            struct assay_error *err);
/* Open a part and its columns. Errors name it. */
ASSAY_MUST_CHECK enum assay_status assay_source_open_part(const struct assay_source *source,
                                                          struct assay_piece *piece, size_t index,
                                                          uint64_t rows[ASSAY_SHAPE_COUNT],
                                                          struct assay_error *err);

/* --- one dataset of the schema */
/* Reached through hard links alone; negative otherwise. The caller closes it. */
hid_t assay_source_open_dataset(hid_t file, const char *path);
/* Everything about it but its content. `bytes`: of its file. */
ASSAY_MUST_CHECK enum assay_status assay_source_check_dataset(uint64_t bytes, hid_t dataset,
                                                              const struct assay_column_info *info,
                                                              uint64_t *rows,
                                                              struct assay_error *err);
/* The rows of a dataset of the schema's dimensions; false where it has others. */
bool assay_source_get_rows(hid_t dataset, const struct assay_column_info *info, uint64_t *rows);

#endif
