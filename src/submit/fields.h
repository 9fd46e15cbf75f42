/* Values of the ledger as JSON, with the names of their layouts. */
#ifndef ASSAY_SUBMIT_FIELDS_H
#define ASSAY_SUBMIT_FIELDS_H

#include "ledger/layout.h"

struct assay_json;

/* A new object; NULL when out of memory. Digests, keys and blobs are hex; integers above 2^63 are
 * texts. */
struct assay_json *assay_layout_json(const struct assay_layout *layout, const void *value);

#endif
