/* Any bytes as a catalogue: what is accepted keeps the promises of assay/fetch.h, so that nothing
 * in it can be an option of pip or curl, or a name outside the store. */
#include "assay/fetch.h"
#include "base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_error err = {0};
    struct assay_catalogue *catalogue = NULL;
    if (assay_catalogue_parse(&catalogue, (const char *)data, size, NULL, &err)) {
        ASSAY_ASSERT(!catalogue && err.text[0]);
        return 0;
    }
    ASSAY_ASSERT(catalogue->entry_count >= 1);
    for (size_t i = 0; i < catalogue->entry_count; i++) {
        const struct assay_catalogue_entry *entry = &catalogue->entries[i];
        ASSAY_ASSERT(assay_store_may_name(entry->name) && !strchr(entry->name, '/'));
        ASSAY_ASSERT(entry->name[0] != '.' && entry->name[0] != '-');
        ASSAY_ASSERT(assay_catalogue_find(catalogue, entry->name) == entry);
        ASSAY_ASSERT(assay_catalogue_find_digest(catalogue, &entry->sha256) && entry->licence);
        ASSAY_ASSERT(entry->piece_count >= 1);
        ASSAY_ASSERT(!entry->members == (entry->source != ASSAY_SOURCE_PACKAGE));
        for (size_t k = 0; k < entry->piece_count; k++) {
            const char *piece = entry->pieces[k];
            ASSAY_ASSERT(piece[0]);
            ASSAY_ASSERT(entry->source == ASSAY_SOURCE_FILE || piece[0] != '-');
            ASSAY_ASSERT(entry->source != ASSAY_SOURCE_PACKAGE ||
                         (strstr(piece, "==") && entry->members[k][0]));
            ASSAY_ASSERT(entry->source != ASSAY_SOURCE_URL || strncmp(piece, "http", 4) == 0);
        }
    }
    assay_catalogue_close(catalogue);
    return 0;
}
