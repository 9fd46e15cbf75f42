/* What a network asks a site to compute in a round: the file `assignment-1` (FORMAT.md 24.1). */
#ifndef ASSAY_ASSIGNMENT_H
#define ASSAY_ASSIGNMENT_H

#include "assay/digest.h"
#include "assay/status.h"

#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

enum { ASSAY_ASSIGNMENT_ITEMS_MAX = 32768, ASSAY_ASSIGNMENT_BYTES_MAX = 1 << 20 };

struct assay_assignment {
    char chain[65];
    uint64_t task;
    uint32_t round;
    uint8_t site[32];               /* public key: the run's site (FORMAT.md 2.1) */
    struct assay_digest round_seed; /* the run's seed: 32 bytes in the place of LE64 */
    struct assay_digest spec, benchmark, model, sampler;
    uint32_t item_count;       /* of the benchmark */
    uint32_t samples_per_item; /* profiles × replicates */
    uint32_t *items;           /* `count` ascending positions in the benchmark; owned */
    size_t count;
};

/* Parse the file's bytes. EFORMAT names the member that is missing or wrong. */
ASSAY_MUST_CHECK enum assay_status assay_assignment_parse(struct assay_assignment *out,
                                                          const char *text, size_t size,
                                                          struct assay_error *err);
/* Append the file's one form: what parse takes, and writes back as it was. */
ASSAY_MUST_CHECK enum assay_status assay_assignment_write(const struct assay_assignment *of,
                                                          struct assay_bytes *out,
                                                          struct assay_error *err);
void assay_assignment_fini(struct assay_assignment *assignment); /* a zeroed one is fine */

#endif
