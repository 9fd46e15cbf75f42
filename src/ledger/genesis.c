/* How a ledger comes to be: from a genesis, or loaded entry by entry from where it was kept. */
#include "ledger/state.h"

#include "base/bytes.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

enum assay_status assay_ledger_create_empty(struct assay_ledger **out, struct assay_error *err)
{
    struct assay_ledger *ledger = calloc(1, sizeof *ledger);
    struct assay_bytes *scratch = calloc(1, sizeof *scratch);
    if (!ledger || !scratch) {
        free(ledger);
        free(scratch);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a ledger");
    }
    ledger->scratch = scratch;
    *out = ledger;
    return ASSAY_OK;
}

void assay_ledger_destroy(struct assay_ledger *ledger)
{
    if (!ledger) return;
    assay_map_fini(&ledger->map);
    assay_bytes_fini(ledger->scratch);
    free(ledger->scratch);
    free(ledger);
}

static enum assay_status check_genesis(const struct assay_state_genesis *genesis,
                                       struct assay_error *err)
{
    size_t admins = genesis->admins.size / 32;
    if (!assay_label_valid(genesis->chain, strlen(genesis->chain), ASSAY_CHAIN_ID_MAX)) {
        return assay_fail(err, ASSAY_EVALUE,
                          "\"%.80s\" is no chain id: 1 to 64 letters, digits, points, minuses and "
                          "underscores",
                          genesis->chain);
    }
    if (admins == 0 || admins > ASSAY_ADMINS_MAX || genesis->admins.size % 32 != 0) {
        return assay_fail(err, ASSAY_EVALUE, "%zu admins: a chain has 1 to %d", admins,
                          ASSAY_ADMINS_MAX);
    }
    for (size_t i = 1; i < admins; i++) {
        const uint8_t *at = genesis->admins.data + 32 * i;
        if (memcmp(at - 32, at, 32) >= 0) {
            return assay_fail(err, ASSAY_EVALUE, "admin keys must ascend and differ");
        }
    }
    if (genesis->quorum == 0 || genesis->quorum > admins) {
        return assay_fail(err, ASSAY_EVALUE, "a quorum of %u: it is 1 to the %zu admins",
                          genesis->quorum, admins);
    }
    if (genesis->quota == 0 || genesis->expiry_span == 0) {
        return assay_fail(err, ASSAY_EVALUE, "quota and expiry span must not be 0");
    }
    return ASSAY_OK;
}

/* 22.3: the first beacon is a digest of the genesis. */
static struct assay_digest first_beacon(const struct assay_map_entry *genesis)
{
    struct assay_sha256 sha;
    assay_sha256_init(&sha);
    assay_sha256_text(&sha, "assay/ledger-1/genesis");
    assay_sha256_field(&sha, genesis->value.data, genesis->value.size);
    return assay_sha256_final(&sha);
}

enum assay_status assay_ledger_create(struct assay_ledger **out,
                                      const struct assay_state_genesis *genesis,
                                      struct assay_error *err)
{
    struct assay_ledger *ledger = NULL;
    enum assay_status status = check_genesis(genesis, err);
    if (!status) status = assay_ledger_create_empty(&ledger, err);
    if (status) return status;
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_GENESIS);
    assay_state_put(ledger, &key, genesis);
    const struct assay_map_entry *entry = assay_map_find(&ledger->map, &key);
    if (entry) {
        struct assay_state_counters counters = {.next_task = 1, .beacon = first_beacon(entry)};
        key = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
        assay_state_put(ledger, &key, &counters);
    }
    if (ledger->map.failed) {
        status = assay_fail(err, ASSAY_EMEMORY, "no memory for a ledger");
    } else {
        assay_map_forget(&ledger->map);
        status = assay_ledger_loaded(ledger, 0, err);
    }
    if (status) {
        assay_ledger_destroy(ledger);
    } else {
        *out = ledger;
    }
    return status;
}

enum assay_status assay_ledger_load(struct assay_ledger *ledger, const uint8_t *key,
                                    size_t key_size, const uint8_t *value, size_t value_size,
                                    struct assay_error *err)
{
    struct assay_state_key loaded = {.size = key_size};
    if (key_size > ASSAY_KEY_BYTES_MAX ||
        !assay_state_entry_valid(key, key_size, value, value_size)) {
        return assay_fail(err, ASSAY_EFORMAT, "an entry of the state is not in its one form");
    }
    memcpy(loaded.bytes, key, key_size);
    assay_map_put(&ledger->map, &loaded, value, value_size);
    if (ledger->map.failed) return assay_fail(err, ASSAY_EMEMORY, "no memory for the state");
    return ASSAY_OK;
}

enum assay_status assay_ledger_loaded(struct assay_ledger *ledger, uint64_t height,
                                      struct assay_error *err)
{
    struct assay_state_key genesis = assay_state_key_plain(ASSAY_TABLE_GENESIS);
    struct assay_state_key counters = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    if (!assay_state_get(ledger, &genesis, &ledger->genesis) ||
        !assay_state_has(ledger, &counters)) {
        return assay_fail(err, ASSAY_EFORMAT, "the state has no genesis");
    }
    assay_map_forget(&ledger->map);
    ledger->height = height;
    return ASSAY_OK;
}
