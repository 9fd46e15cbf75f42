/* The keys of a spec explained, from the tables that read them. */
#ifndef ASSAY_SPEC_HELP_H
#define ASSAY_SPEC_HELP_H

#include "assay/status.h"

struct assay_bytes;

/* Append the explanation: for each key its values, its default and its help, indented as in a
 * spec. */
ASSAY_MUST_CHECK enum assay_status assay_spec_help(struct assay_bytes *out,
                                                   struct assay_error *err);
/* As that for another file's table (spec/keys.h). */
struct spec_key;
ASSAY_MUST_CHECK enum assay_status
assay_spec_help_keys(struct assay_bytes *out, const struct spec_key *keys, struct assay_error *err);

#endif
