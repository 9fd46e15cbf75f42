/* Packed weights (backend.h) in a file, panels-1 (FORMAT.md 11): made once, then mapped by every
 * rank of a host, which so share the memory. A file is used only after all of its bytes have been
 * digested; it is made under another name and published whole. */
#ifndef ASSAY_ENGINE_PANELS_H
#define ASSAY_ENGINE_PANELS_H

#include "assay/session.h"

struct assay_team;
struct assay_panels;

struct assay_panels_key {
    const char *layout; /* of the backend */
    uint64_t bytes;     /* of all packed tensors */
};

/* Map the file of this cache. Where there is none that fits (none at all; another model's; damaged)
 * it is to be made: *fresh is true, and assay_panels_data is zeros to be filled. Waits while
 * another process makes the same file. Errors: the directory cannot be written, the disk is full,
 * the file system has no locks: then go without. */
ASSAY_MUST_CHECK enum assay_status assay_panels_open(struct assay_panels **out,
                                                     const struct assay_panel_cache *cache,
                                                     const struct assay_panels_key *key,
                                                     struct assay_team *team, bool *fresh,
                                                     struct assay_error *err);
uint8_t *assay_panels_data(const struct assay_panels *panels); /* at a multiple of 4096 */
/* All of it is filled: digest and publish it. From here on it is only read. */
ASSAY_MUST_CHECK enum assay_status
assay_panels_publish(struct assay_panels *panels, struct assay_team *team, struct assay_error *err);
/* What was not published is removed. NULL is fine. */
void assay_panels_close(struct assay_panels *panels);

#endif
