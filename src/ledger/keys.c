/* Keys of the state (FORMAT.md 22.1): one byte for the table, then big-endian fields. */
#include "ledger/state.h"

#include "base/assert.h"

#include <string.h>

static void put_big_endian(struct assay_state_key *key, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--) key->bytes[key->size++] = (uint8_t)(value >> 8 * (i - 1));
}

static void put_bytes(struct assay_state_key *key, const uint8_t *bytes, size_t size)
{
    ASSAY_ASSERT(key->size + size <= ASSAY_KEY_BYTES_MAX);
    memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
}

struct assay_state_key assay_state_key_plain(enum assay_table_id table)
{
    struct assay_state_key key = {{(uint8_t)table}, 1};
    return key;
}

struct assay_state_key assay_state_key_site(enum assay_table_id table,
                                            const struct assay_public_key *site)
{
    struct assay_state_key key = assay_state_key_plain(table);
    put_bytes(&key, site->bytes, sizeof site->bytes);
    return key;
}

struct assay_state_key assay_state_key_task(enum assay_table_id table, uint64_t task)
{
    struct assay_state_key key = assay_state_key_plain(table);
    put_big_endian(&key, task, 8);
    return key;
}

struct assay_state_key assay_state_key_round(enum assay_table_id table, uint64_t task,
                                             uint32_t round)
{
    struct assay_state_key key = assay_state_key_task(table, task);
    put_big_endian(&key, round, 4);
    return key;
}

struct assay_state_key assay_state_key_member(enum assay_table_id table, uint64_t task,
                                              uint32_t round, const uint8_t of[32])
{
    struct assay_state_key key = assay_state_key_round(table, task, round);
    put_bytes(&key, of, 32);
    return key;
}

struct assay_state_key assay_state_key_agenda(uint64_t height, uint64_t task)
{
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_AGENDA);
    put_big_endian(&key, height, 8);
    put_big_endian(&key, task, 8);
    return key;
}

struct assay_public_key assay_state_key_owner(const struct assay_state_key *key)
{
    struct assay_public_key owner;
    ASSAY_ASSERT(key->size > sizeof owner.bytes);
    memcpy(owner.bytes, key->bytes + key->size - sizeof owner.bytes, sizeof owner.bytes);
    return owner;
}
