/* Where a store keeps files (FORMAT.md 26): the bytes with a digest in STORE/sha256/ab/abcdef…, the
 * names of files as links to them in STORE. Only paths: nothing is opened. */
#ifndef ASSAY_CRYPTO_OBJECT_PATH_H
#define ASSAY_CRYPTO_OBJECT_PATH_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stdbool.h>

struct assay_bytes;

/* Append "STORE/sha256/ab/abcdef…" as a C string; without a store what a link in it says. */
ASSAY_MUST_CHECK enum assay_status assay_object_path(struct assay_bytes *out, const char *store,
                                                     const struct assay_digest *digest,
                                                     struct assay_error *err);
/* The digest that a name in a store stands for; false for whatever is no such link. */
bool assay_object_of_link(const char *path, struct assay_digest *out);
/* The same of a path to an object. */
bool assay_object_of_path(const char *path, struct assay_digest *out);

#endif
