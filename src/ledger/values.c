/* Values of the state: read and written by their tables' layouts. */
#include "ledger/state.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

bool assay_state_get(const struct assay_ledger *ledger, const struct assay_state_key *key,
                     void *out)
{
    const struct assay_table_row *table = assay_table_find(key->bytes[0]);
    const struct assay_map_entry *entry = assay_map_find(&ledger->map, key);
    ASSAY_ASSERT(table && key->size == table->key_bytes + 1);
    if (!entry) return false;
    ASSAY_ASSERT(assay_layout_decode(table->layout, out, entry->value.data, entry->value.size));
    return true;
}

bool assay_state_has(const struct assay_ledger *ledger, const struct assay_state_key *key)
{
    return assay_map_find(&ledger->map, key) != NULL;
}

void assay_state_put(struct assay_ledger *ledger, const struct assay_state_key *key,
                     const void *value)
{
    const struct assay_table_row *table = assay_table_find(key->bytes[0]);
    ASSAY_ASSERT(table && key->size == table->key_bytes + 1);
    assay_bytes_clear(ledger->scratch);
    if (!assay_layout_encode(table->layout, value, ledger->scratch)) {
        ledger->map.failed = true;
        return;
    }
    assay_map_put(&ledger->map, key, ledger->scratch->data, ledger->scratch->size);
}

void assay_state_remove(struct assay_ledger *ledger, const struct assay_state_key *key)
{
    assay_map_remove(&ledger->map, key);
}

/* Room for any value: structures of all tables. */
union any_value {
#define ASSAY_ROW(name, byte, key_bytes, layout) struct layout layout;
    ASSAY_TABLE_LIST(ASSAY_ROW)
#undef ASSAY_ROW
};

bool assay_state_entry_valid(const uint8_t *key, size_t key_size, const uint8_t *value,
                             size_t value_size)
{
    union any_value decoded;
    const struct assay_table_row *table = key_size > 0 ? assay_table_find(key[0]) : NULL;
    return table && key_size == table->key_bytes + 1 &&
           assay_layout_decode(table->layout, &decoded, value, value_size);
}

bool assay_keys_find(const struct assay_blob *keys, const uint8_t key[32], size_t *at)
{
    size_t count = keys->size / 32, index = 0;
    while (index < count && memcmp(keys->data + 32 * index, key, 32) < 0) index++;
    if (at) *at = index;
    return index < count && memcmp(keys->data + 32 * index, key, 32) == 0;
}

bool assay_state_is_admin(const struct assay_ledger *ledger, const struct assay_public_key *key)
{
    return assay_keys_find(&ledger->genesis.admins, key->bytes, NULL);
}
