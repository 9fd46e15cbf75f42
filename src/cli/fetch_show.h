/* What `assay fetch` has found or brought, for people and for programs. */
#ifndef ASSAY_CLI_FETCH_SHOW_H
#define ASSAY_CLI_FETCH_SHOW_H

#include "assay/fetch.h"

/* One file. Without an entry it is a name or an object of the store that no catalogue explains. */
struct assay_fetch_row {
    const struct assay_catalogue_entry *entry; /* or NULL */
    struct assay_store_item item;              /* where there is no entry */
    enum assay_stored stored;
    bool fetched;
};

ASSAY_MUST_CHECK enum assay_status assay_fetch_show(const char *store, const char *catalogue,
                                                    const struct assay_fetch_row *rows,
                                                    size_t count, bool json,
                                                    struct assay_error *err);

#endif
