/* A results file's content in memory, column by column as the schema names them: what the reader
 * takes out of HDF5, and what is then checked without it. */
#ifndef ASSAY_STORE_IMAGE_H
#define ASSAY_STORE_IMAGE_H

#include "assay/cipher.h"
#include "assay/results.h"
#include "base/arena.h"
#include "store/schema.h"

struct assay_image {
    struct assay_arena arena; /* owns everything below */
    const char *texts[ASSAY_ATTRIBUTE_COUNT];
    uint32_t numbers[ASSAY_ATTRIBUTE_COUNT];
    uint64_t rows[ASSAY_SHAPE_COUNT];
    void *columns[ASSAY_COLUMN_COUNT];  /* rows × element; a TEXT is a const char * */
    const struct assay_cipher_key *key; /* opens encrypted cells; NULL: they stay closed */
};
void assay_image_fini(struct assay_image *image);

/* Read a file, or (data not NULL) the bytes of one, into a zeroed image; call assay_image_fini on
 * failure too. Only what libhdf5 and the schema can tell is checked. */
ASSAY_MUST_CHECK enum assay_status assay_image_load(struct assay_image *image, const char *path,
                                                    const uint8_t *data, size_t size,
                                                    struct assay_error *err);

/* Check everything that is said in more than one place, recompute every digest, and fill *out with
 * what the image lends. Trusts nothing but that the columns have the rows they say. */
ASSAY_MUST_CHECK enum assay_status
assay_image_check(struct assay_results *out, struct assay_image *image, struct assay_error *err);

/* As assay_results_open, from the bytes of a file that the caller keeps alive for the call. */
ASSAY_MUST_CHECK enum assay_status assay_results_parse(struct assay_results **out,
                                                       const uint8_t *data, size_t size,
                                                       struct assay_error *err);

#endif
