/* A results file's content, column by column as the schema names them: what is small in memory, and
 * the columns of samples where they are, to be read a window at a time. What is checked is checked
 * without HDF5. */
#ifndef ASSAY_STORE_IMAGE_H
#define ASSAY_STORE_IMAGE_H

#include "assay/cipher.h"
#include "assay/results.h"
#include "base/arena.h"
#include "store/schema.h"

struct assay_source;
struct assay_samples;

/* What a window (window.h) may hold at most: samples, and bytes of what has no fixed length, of
 * which one sample may have more. */
struct assay_window_size {
    uint32_t samples, bytes;
};

struct assay_image {
    struct assay_arena arena; /* owns the texts, and the columns but for those of samples */
    const char *texts[ASSAY_ATTRIBUTE_COUNT];
    uint32_t numbers[ASSAY_ATTRIBUTE_COUNT];
    uint64_t rows[ASSAY_SHAPE_COUNT];
    void *columns[ASSAY_COLUMN_COUNT]; /* rows × element; a TEXT is a const char * */
    struct assay_source *source;       /* of the columns of samples; NULL: they are in memory too */
    struct assay_window_size window;   /* the usual one, once it is loaded */
    const struct assay_cipher_key *key;          /* opens encrypted cells; NULL: they stay closed */
    const struct assay_results_visitor *visitor; /* while it is checked; NULL: none */
};
void assay_image_fini(struct assay_image *image);

/* Read a file, or (data not NULL) the bytes of one, into a zeroed image; call assay_image_fini on
 * failure too. Only what libhdf5 and the schema can tell is checked. The file stays open. */
ASSAY_MUST_CHECK enum assay_status assay_image_load(struct assay_image *image, const char *path,
                                                    const uint8_t *data, size_t size,
                                                    struct assay_error *err);
/* Rows first … first + count − 1, which there must be, of a column of samples. */
ASSAY_MUST_CHECK enum assay_status assay_image_read(const struct assay_image *image,
                                                    enum assay_column column, uint64_t first,
                                                    size_t count, void *to,
                                                    struct assay_error *err);

/* How many samples from `first` on lie in one file: they are read together. */
uint64_t assay_image_together(const struct assay_image *image, uint64_t first);

/* Check everything that is said in more than one place, recompute every digest, and fill *out,
 * which is zero, with what the image lends. Trusts nothing but that the columns have the rows they
 * say. *samples is for reading them again; all three live and end together. */
ASSAY_MUST_CHECK enum assay_status assay_image_check(struct assay_results *out,
                                                     struct assay_samples **samples,
                                                     struct assay_image *image,
                                                     struct assay_error *err);

/* Results of an image, which is taken whatever becomes of it. `path` is for messages. */
ASSAY_MUST_CHECK enum assay_status assay_results_take(struct assay_results **out,
                                                      struct assay_image *image, const char *path,
                                                      struct assay_error *err);
/* As assay_results_open, from the bytes of a file, which are copied. */
ASSAY_MUST_CHECK enum assay_status assay_results_parse(struct assay_results **out,
                                                       const uint8_t *data, size_t size,
                                                       struct assay_error *err);

#endif
