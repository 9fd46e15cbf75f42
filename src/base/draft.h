/* A file in the making: written piece by piece under a temporary name beside its own, so that
 * nobody sees it before it is whole and an older one stays until then. */
#ifndef ASSAY_BASE_DRAFT_H
#define ASSAY_BASE_DRAFT_H

#include "base/bytes.h"

/* Zero-initialise; ends with assay_draft_finish or assay_draft_drop. */
struct assay_draft {
    const char *path; /* as it was given, for messages; lent */
    struct assay_bytes target, temporary, waiting;
    bool open, through;
    int fd;
};

/* Where `path` is a link, what it leads to is replaced. A pipe or a device in its place is written
 * to as it is. EVALUE: a folder. */
ASSAY_MUST_CHECK enum assay_status assay_draft_begin(struct assay_draft *draft, const char *path,
                                                     struct assay_error *err);
ASSAY_MUST_CHECK enum assay_status assay_draft_append(struct assay_draft *draft, const void *data,
                                                      size_t size, struct assay_error *err);
/* Make it durable under its name. It is over then, however that ends: on failure nothing is left.
 */
ASSAY_MUST_CHECK enum assay_status assay_draft_finish(struct assay_draft *draft,
                                                      struct assay_error *err);
void assay_draft_drop(struct assay_draft *draft); /* leaves nothing; does nothing after finish */

#endif
