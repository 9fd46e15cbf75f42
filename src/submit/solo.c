/* The embedded ledger as a network of one. */
#include "submit/network.h"

#include "base/bytes.h"
#include "ledger/store.h"

#include <string.h>

static const struct assay_ledger *ledger_of(void *self)
{
    return assay_ledger_store_ledger(self);
}

static enum assay_status solo_info(void *self, struct assay_network_info *out,
                                   struct assay_error *err)
{
    (void)err;
    const struct assay_ledger *ledger = ledger_of(self);
    const char *chain = assay_ledger_chain(ledger);
    memcpy(out->chain, chain, strlen(chain) + 1);
    out->height = assay_ledger_height(ledger);
    out->app_hash = assay_ledger_app_hash(ledger);
    return ASSAY_OK;
}

static enum assay_status solo_read(void *self, const struct assay_state_key *key, bool *found,
                                   struct assay_bytes *value, struct assay_error *err)
{
    const struct assay_map_entry *entry = assay_map_find(&ledger_of(self)->map, key);
    *found = entry != NULL;
    return entry ? assay_bytes_append(value, entry->value.data, entry->value.size, err) : ASSAY_OK;
}

static enum assay_status solo_list(void *self, const struct assay_state_key *prefix,
                                   assay_network_visit *visit, void *context,
                                   struct assay_error *err)
{
    const struct assay_map *map = &ledger_of(self)->map;
    enum assay_status status = ASSAY_OK;
    for (size_t i = assay_map_lower(map, prefix); i < map->count && !status; i++) {
        if (!assay_state_key_begins(&map->entries[i]->key, prefix)) break;
        status = visit(context, &map->entries[i]->key, &map->entries[i]->value, err);
    }
    return status;
}

static enum assay_status solo_prove(void *self, const struct assay_state_key *key,
                                    struct assay_state_proof *out, struct assay_bytes *value,
                                    struct assay_error *err)
{
    enum assay_status status = assay_ledger_prove(ledger_of(self), key, out, err);
    if (!status) status = assay_bytes_append(value, out->value.data, out->value.size, err);
    if (!status) out->value.data = value->data + value->size - out->value.size;
    return status;
}

static enum assay_status solo_submit(void *self, const uint8_t *tx, size_t size,
                                     enum assay_code *code, uint64_t *height,
                                     struct assay_error *err)
{
    enum assay_status status = assay_ledger_store_submit(self, tx, size, code, err);
    *height = assay_ledger_height(ledger_of(self));
    return status;
}

static void solo_close(void *self)
{
    assay_ledger_store_close(self);
}

static const struct assay_network_ops solo_ops = {
    .name = "solo",
    .info = solo_info,
    .read = solo_read,
    .list = solo_list,
    .prove = solo_prove,
    .submit = solo_submit,
    .close = solo_close,
};

enum assay_status assay_network_open_solo(struct assay_network *out, const char *path,
                                          const char *chain, bool read_only,
                                          struct assay_error *err)
{
    struct assay_ledger_store *store = NULL;
    enum assay_status status = assay_ledger_store_open(&store, path, chain, read_only, err);
    if (!status) *out = (struct assay_network){&solo_ops, store};
    return status;
}

struct assay_ledger_store *assay_network_store(const struct assay_network *network)
{
    return network->ops == &solo_ops ? network->self : NULL;
}
