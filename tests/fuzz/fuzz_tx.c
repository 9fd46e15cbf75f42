/* Fuzz target: transactions. What is taken apart encodes to the same bytes again, and a chain
 * answers everything by a code without changing. */
#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "ledger/state.h"
#include "ledger/tx.h"

#include <string.h>

static struct assay_ledger *chain;

/* One admin: the key of the seeds' sender. */
static void make_chain(void)
{
    struct assay_secret_key *key = NULL;
    uint8_t seed[ASSAY_SEED_BYTES];
    memset(seed, 200, sizeof seed);
    ASSAY_ASSERT(assay_secret_key_from_seed(&key, seed, NULL) == ASSAY_OK);
    struct assay_public_key admin = assay_secret_key_public(key);
    struct assay_state_genesis genesis = {.chain = "test-1",
                                          .quorum = 1,
                                          .quota = 4,
                                          .expiry_span = 1000,
                                          .admins = {admin.bytes, sizeof admin.bytes}};
    ASSAY_ASSERT(assay_ledger_create(&chain, &genesis, NULL) == ASSAY_OK);
    assay_secret_key_destroy(key);
}

static void check_payload(const struct assay_tx *tx)
{
    union assay_tx_payload payload;
    struct assay_bytes again = {0};
    const struct assay_layout *layout = assay_tx_type_layout(tx->type);
    if (layout && assay_layout_decode(layout, &payload, tx->payload.data, tx->payload.size)) {
        ASSAY_ASSERT(assay_layout_encode(layout, &payload, &again));
        ASSAY_ASSERT(again.size == tx->payload.size &&
                     memcmp(again.data, tx->payload.data, again.size) == 0);
    }
    assay_bytes_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_tx tx;
    struct assay_bytes again = {0};
    enum assay_code code;
    if (!chain) make_chain();
    if (assay_tx_decode(&tx, data, size) == ASSAY_CODE_OK) {
        ASSAY_ASSERT(assay_layout_encode(&assay_tx_layout, &tx, &again));
        ASSAY_ASSERT(again.size == size && memcmp(again.data, data, size) == 0);
        check_payload(&tx);
    }
    assay_bytes_fini(&again);

    struct assay_digest before = assay_ledger_app_hash(chain);
    assay_ledger_begin(chain, 1);
    ASSAY_ASSERT(assay_ledger_apply(chain, data, size, &code, NULL) == ASSAY_OK);
    struct assay_digest after = assay_ledger_app_hash(chain);
    ASSAY_ASSERT(assay_digest_equal(&before, &after) == (code != ASSAY_CODE_OK));
    assay_ledger_abandon(chain);
    return 0;
}
