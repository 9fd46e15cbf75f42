/* What every transaction must pass before its own rules, cheapest first, signature last (FORMAT.md
 * 22.4). */
#include "ledger/state.h"

#include "ledger/tx.h"

#include <string.h>

static enum assay_code check_account(const struct assay_ledger *ledger, uint64_t height,
                                     const struct assay_tx *tx)
{
    struct assay_state_account account = {0};
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_ACCOUNT, &tx->sender);
    (void)assay_state_get(ledger, &key, &account);
    if (tx->sequence < account.sequence) return ASSAY_CODE_SEQUENCE_REPLAYED;
    if (tx->sequence > account.sequence) return ASSAY_CODE_SEQUENCE_GAP;
    if (tx->expiry < height) return ASSAY_CODE_EXPIRED;
    if (tx->expiry - height > ledger->genesis.expiry_span) return ASSAY_CODE_EXPIRY_FAR;
    if (account.height == height && account.count >= ledger->genesis.quota) {
        return ASSAY_CODE_QUOTA;
    }
    return ASSAY_CODE_OK;
}

enum assay_code assay_ledger_admit(const struct assay_ledger *ledger, uint64_t height,
                                   const uint8_t *data, size_t size, struct assay_tx *tx)
{
    enum assay_code code = assay_tx_decode(tx, data, size);
    if (code) return code;
    if (strcmp(tx->chain, ledger->genesis.chain) != 0) return ASSAY_CODE_WRONG_CHAIN;
    if (!assay_tx_type_layout(tx->type)) return ASSAY_CODE_UNKNOWN_TYPE;
    struct assay_state_key site = assay_state_key_site(ASSAY_TABLE_SITE, &tx->sender);
    if (!assay_state_is_admin(ledger, &tx->sender) && !assay_state_has(ledger, &site)) {
        return ASSAY_CODE_UNKNOWN_KEY;
    }
    code = check_account(ledger, height, tx);
    if (code) return code;
    struct assay_digest digest = assay_tx_signed(data, size);
    return assay_signature_verify(&tx->sender, digest.bytes, sizeof digest.bytes, &tx->signature)
               ? ASSAY_CODE_OK
               : ASSAY_CODE_BAD_SIGNATURE;
}

enum assay_code assay_ledger_check(const struct assay_ledger *ledger, const uint8_t *tx,
                                   size_t size)
{
    struct assay_tx decoded;
    uint64_t height = ledger->block ? ledger->block : ledger->height + 1;
    return assay_ledger_admit(ledger, height, tx, size, &decoded);
}
