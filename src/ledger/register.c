/* register: an admin's vote for a site; with a quorum of votes it is admitted (FORMAT.md 22.5). */
#include "ledger/state.h"

#include "ledger/tx.h"

#include <string.h>

static bool same_labels(const struct assay_state_application *a, const struct assay_tx_register *b)
{
    return strcmp(a->organisation, b->organisation) == 0 && strcmp(a->country, b->country) == 0 &&
           strcmp(a->arch, b->arch) == 0 && strcmp(a->engine, b->engine) == 0;
}

static void admit_site(struct assay_call *call, const struct assay_tx_register *of)
{
    struct assay_state_site site = {.registered = call->height, .reputation = UINT64_C(0x80000000)};
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, &of->site);
    memcpy(site.organisation, of->organisation, sizeof site.organisation);
    memcpy(site.country, of->country, sizeof site.country);
    memcpy(site.arch, of->arch, sizeof site.arch);
    memcpy(site.engine, of->engine, sizeof site.engine);
    assay_state_put(call->ledger, &key, &site);
    key = assay_state_key_site(ASSAY_TABLE_APPLICATION, &of->site);
    assay_state_remove(call->ledger, &key);
}

enum assay_code assay_rule_register(struct assay_call *call, const struct assay_tx_register *of)
{
    struct assay_digest offered = assay_tx_register_signed(call->chain, of);
    if (!assay_signature_verify(&of->site, offered.bytes, sizeof offered.bytes, &of->proof)) {
        return ASSAY_CODE_PROOF_INVALID;
    }
    struct assay_state_key key = assay_state_key_site(ASSAY_TABLE_SITE, &of->site);
    if (assay_state_has(call->ledger, &key)) return ASSAY_CODE_SITE_EXISTS;

    struct assay_state_application application = {0};
    uint8_t voters[32 * ASSAY_ADMINS_MAX];
    size_t at;
    key = assay_state_key_site(ASSAY_TABLE_APPLICATION, &of->site);
    if (!assay_state_get(call->ledger, &key, &application)) {
        memcpy(application.organisation, of->organisation, sizeof application.organisation);
        memcpy(application.country, of->country, sizeof application.country);
        memcpy(application.arch, of->arch, sizeof application.arch);
        memcpy(application.engine, of->engine, sizeof application.engine);
    }
    if (!same_labels(&application, of)) return ASSAY_CODE_LABELS_DIFFER;
    if (assay_keys_find(&application.voters, call->sender->bytes, &at)) {
        return ASSAY_CODE_VOTE_REPEATED;
    }
    size_t old_size = application.voters.size;
    if (at > 0) memcpy(voters, application.voters.data, 32 * at);
    memcpy(voters + 32 * at, call->sender->bytes, 32);
    if (old_size > 32 * at) {
        memcpy(voters + 32 * (at + 1), application.voters.data + 32 * at, old_size - 32 * at);
    }
    application.voters = (struct assay_blob){voters, (uint32_t)(old_size + 32)};
    if (application.voters.size / 32 >= call->ledger->genesis.quorum) {
        admit_site(call, of);
    } else {
        assay_state_put(call->ledger, &key, &application);
    }
    return ASSAY_CODE_OK;
}
