/* The sign-once log: which root was signed for which round. A key never vouches for two different
 * roots of one (chain, task, round), however often it is asked. */
#ifndef ASSAY_ATTEST_ONCE_H
#define ASSAY_ATTEST_ONCE_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stddef.h>

/* One line of the log: "CHAIN TASK ROUND ROOT". */
struct assay_once_entry {
    const char *chain, *task; /* names as a statement has them */
    uint64_t round;
    struct assay_digest root;
};

/* Enter the root in the log at `path` (made with mode 0600, private as a key file is), and return
 * when it is durable: only then may a signature leave. The same root again is fine. EFAILED with
 * both roots when another one was signed for this round. A last line without its end was never
 * followed by a signature, and is cut. */
ASSAY_MUST_CHECK enum assay_status
assay_once_enter(const char *path, const struct assay_once_entry *entry, struct assay_error *err);

/* What the log's text says of the round: OK with *known, EFAILED for another root, EFORMAT with
 * the number of a line that is none. `size` ends behind a line end. */
ASSAY_MUST_CHECK enum assay_status assay_once_search(const char *text, size_t size,
                                                     const struct assay_once_entry *entry,
                                                     bool *known, struct assay_error *err);

#endif
