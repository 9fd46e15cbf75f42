/* A spec and the memory it owns. Every spec is made by assay_spec_parse, hence inside one of
 * these. */
#ifndef ASSAY_SPEC_OWNER_H
#define ASSAY_SPEC_OWNER_H

#include "assay/spec.h"
#include "base/arena.h"

struct spec_owner {
    struct assay_spec spec; /* first, so that a pointer to it is one to the owner */
    struct assay_arena arena;
};

static inline struct spec_owner *assay_spec_owner(struct assay_spec *spec)
{
    return (struct spec_owner *)(void *)spec;
}

/* Find and digest the data and examples that a definition names: beside it, beside the spec at
 * `spec_path` (or NULL), in the working directory. Without a definition the data are the benchmark.
 */
ASSAY_MUST_CHECK enum assay_status assay_spec_resolve_data(struct assay_spec *spec,
                                                           const char *spec_path, const char *store,
                                                           struct assay_error *err);

#endif
