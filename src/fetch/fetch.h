/* The inside of a fetch: a file that grows in STORE/incoming, and what fills it. */
#ifndef ASSAY_FETCH_FETCH_H
#define ASSAY_FETCH_FETCH_H

#include "assay/fetch.h"
#include "base/bytes.h"
#include "crypto/digest.h"

#include <stdbool.h>

struct fetch_work {
    const struct assay_catalogue_entry *entry;
    const struct assay_fetch_options *options;
    const char *beside, *store;
    struct assay_bytes object;  /* STORE/sha256/ab/abcdef… */
    struct assay_bytes growing; /* STORE/incoming/abcdef… */
    struct assay_bytes folder;  /* growing + ".d", for what other programs write */
    struct assay_sha256 digest; /* of what is written */
    int fd;                     /* of growing; −1 */
    uint64_t written;
    const char *what; /* is done now */
};

/* Whoever waits has asked for an end; what is said then. */
bool fetch_is_to_stop(const struct fetch_work *work);
ASSAY_MUST_CHECK enum assay_status fetch_interrupted(const struct fetch_work *work,
                                                     struct assay_error *err);
/* Append to the growing file; size 0 only shows where it stands. EINTERRUPTED once it is to stop,
 * EMISMATCH when it grows past entry->bytes. */
ASSAY_MUST_CHECK enum assay_status fetch_take(void *work, const void *data, size_t size,
                                              struct assay_error *err);
/* All pieces, from what is written already on (only a single URL goes on in the middle). */
ASSAY_MUST_CHECK enum assay_status fetch_pieces(struct fetch_work *work, struct assay_error *err);
/* Forget what was written. */
ASSAY_MUST_CHECK enum assay_status fetch_restart(struct fetch_work *work, struct assay_error *err);
/* A folder, which may be there. */
ASSAY_MUST_CHECK enum assay_status fetch_make_folder(const char *path, struct assay_error *err);
/* A folder of plain files and such folders; what cannot be removed stays. */
void fetch_remove_folder(const char *path);

#endif
