/* A file's SHA-256, compared with a declared one on a thread beside other work: a large model takes
 * seconds. Nothing that rests on the file may be acknowledged before assay_file_check_wait. */
#ifndef ASSAY_CRYPTO_FILE_CHECK_H
#define ASSAY_CRYPTO_FILE_CHECK_H

#include "assay/digest.h"
#include "assay/status.h"

struct assay_file_check;

/* `path` as in assay_sha256_file; both are copied. */
ASSAY_MUST_CHECK enum assay_status assay_file_check_begin(struct assay_file_check **out,
                                                          const char *path,
                                                          const struct assay_digest *declared,
                                                          struct assay_error *err);
/* Until it is known; EMISMATCH quotes both digests. As often as one likes, and from any one thread
 * at a time. */
ASSAY_MUST_CHECK enum assay_status assay_file_check_wait(struct assay_file_check *check,
                                                         struct assay_error *err);
/* Gives up what is not known yet. NULL is fine. */
void assay_file_check_end(struct assay_file_check *check);

#endif
