/* A small chain for tests. */
#include "chain.h"

#include "base/assert.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>

struct assay_secret_key *chain_key(uint8_t seed)
{
    struct assay_secret_key *key = NULL;
    uint8_t bytes[ASSAY_SEED_BYTES];
    memset(bytes, seed, sizeof bytes);
    ASSAY_ASSERT(assay_secret_key_from_seed(&key, bytes, NULL) == ASSAY_OK);
    return key;
}

void chain_keys(struct chain *chain)
{
    *chain = (struct chain){0};
    for (uint8_t i = 0; i < CHAIN_ADMINS; i++) chain->admins[i] = chain_key((uint8_t)(200 + i));
    for (uint8_t i = 0; i < CHAIN_SITES; i++) chain->sites[i] = chain_key((uint8_t)(1 + i));
}

void chain_genesis(const struct chain *chain, uint32_t quorum, uint8_t admins[32 * CHAIN_ADMINS],
                   struct assay_state_genesis *out)
{
    struct assay_public_key first = assay_secret_key_public(chain->admins[0]);
    struct assay_public_key second = assay_secret_key_public(chain->admins[1]);
    bool ordered = memcmp(first.bytes, second.bytes, 32) < 0;
    memcpy(admins, ordered ? first.bytes : second.bytes, 32);
    memcpy(admins + 32, ordered ? second.bytes : first.bytes, 32);
    *out = (struct assay_state_genesis){.chain = "test-1",
                                        .quorum = quorum,
                                        .quota = 4,
                                        .expiry_span = 1000,
                                        .admins = {admins, 32 * CHAIN_ADMINS}};
}

void chain_init(struct chain *chain, uint32_t quorum)
{
    struct assay_state_genesis genesis;
    uint8_t admins[32 * CHAIN_ADMINS];
    chain_keys(chain);
    chain_genesis(chain, quorum, admins, &genesis);
    ASSAY_ASSERT(assay_ledger_create(&chain->ledger, &genesis, NULL) == ASSAY_OK);
}

void chain_fini(struct chain *chain)
{
    for (size_t i = 0; i < CHAIN_ADMINS; i++) assay_secret_key_destroy(chain->admins[i]);
    for (size_t i = 0; i < CHAIN_SITES; i++) assay_secret_key_destroy(chain->sites[i]);
    assay_ledger_destroy(chain->ledger);
}

void chain_tx(const struct assay_ledger *ledger, const struct assay_secret_key *key,
              enum assay_tx_type type, const void *payload, struct assay_bytes *out)
{
    struct assay_state_account account = {0};
    struct assay_public_key sender = assay_secret_key_public(key);
    struct assay_state_key at = assay_state_key_site(ASSAY_TABLE_ACCOUNT, &sender);
    (void)assay_state_get(ledger, &at, &account);
    ASSAY_ASSERT(assay_tx_make(out, key, assay_ledger_chain(ledger), account.sequence,
                               assay_ledger_height(ledger) + 100, type, payload, NULL) == ASSAY_OK);
}

enum assay_code chain_send_bytes(struct chain *chain, const struct assay_bytes *tx)
{
    enum assay_code code = ASSAY_CODE_OK;
    uint64_t height = assay_ledger_height(chain->ledger) + 1;
    struct assay_digest before = assay_ledger_app_hash(chain->ledger);
    assay_ledger_begin(chain->ledger, height);
    ASSAY_ASSERT(assay_ledger_apply(chain->ledger, tx->data, tx->size, &code, NULL) == ASSAY_OK);
    struct assay_digest after = assay_ledger_app_hash(chain->ledger);
    ASSAY_ASSERT(assay_digest_equal(&before, &after) == (code != ASSAY_CODE_OK));
    if (chain->on_tx) chain->on_tx(chain->on_tx_self, height, tx, code);
    if (code) {
        assay_ledger_abandon(chain->ledger);
        return code;
    }
    ASSAY_ASSERT(assay_ledger_end(chain->ledger, NULL) == ASSAY_OK);
    assay_ledger_commit(chain->ledger);
    return code;
}

enum assay_code chain_send(struct chain *chain, const struct assay_secret_key *key,
                           enum assay_tx_type type, const void *payload)
{
    struct assay_bytes tx = {0};
    chain_tx(chain->ledger, key, type, payload, &tx);
    enum assay_code code = chain_send_bytes(chain, &tx);
    assay_bytes_fini(&tx);
    return code;
}

void chain_advance_to(struct chain *chain, uint64_t height)
{
    while (assay_ledger_height(chain->ledger) < height) {
        assay_ledger_begin(chain->ledger, assay_ledger_height(chain->ledger) + 1);
        ASSAY_ASSERT(assay_ledger_end(chain->ledger, NULL) == ASSAY_OK);
        assay_ledger_commit(chain->ledger);
    }
}

struct assay_tx_register chain_application(const struct chain *chain, size_t site)
{
    static const char *const organisations[] = {"uni-a", "uni-b", "uni-c", "uni-d", "uni-a"};
    struct assay_tx_register of = {.site = assay_secret_key_public(chain->sites[site])};
    snprintf(of.organisation, sizeof of.organisation, "%s", organisations[site]);
    snprintf(of.country, sizeof of.country, "%s", site % 2 ? "DE" : "FR");
    snprintf(of.arch, sizeof of.arch, "sm_%zu", 80 + 10 * (site % 2));
    snprintf(of.engine, sizeof of.engine, "assay-0.1");
    struct assay_digest digest = assay_tx_register_signed("test-1", &of);
    of.proof = assay_sign(chain->sites[site], digest.bytes, sizeof digest.bytes);
    return of;
}

struct assay_tx_open chain_terms(struct chain *chain)
{
    for (size_t i = 0; i < CHAIN_ITEMS; i++) chain->strata[i] = (uint8_t)(i % 2);
    return (struct assay_tx_open){.name = "capitals",
                                  .model = {{1}},
                                  .benchmark = {{2}},
                                  .spec = {{3}},
                                  .sampler = {{4}},
                                  .rule_set = 1,
                                  .replicas = 2,
                                  .samples_per_item = 2,
                                  .sites_min = 2,
                                  .sites_max = 5,
                                  .rounds_max = 2,
                                  .beacon_commit_blocks = CHAIN_WINDOW,
                                  .beacon_reveal_blocks = CHAIN_WINDOW,
                                  .commit_blocks = CHAIN_WINDOW,
                                  .reveal_blocks = CHAIN_WINDOW,
                                  .pool = 1000,
                                  .sigma_milli = 1500,
                                  .gamma_milli = 10,
                                  .lambda_milli = 700,
                                  .strata = {chain->strata, CHAIN_ITEMS}};
}

struct assay_digest chain_secret(size_t site)
{
    struct assay_digest secret;
    memset(secret.bytes, (int)(100 - site), sizeof secret.bytes);
    return secret;
}

struct assay_tx_beacon_commit chain_beacon(const struct chain *chain, size_t site)
{
    struct assay_public_key key = assay_secret_key_public(chain->sites[site]);
    struct assay_digest secret = chain_secret(site);
    return (struct assay_tx_beacon_commit){
        .task = 1, .commitment = assay_beacon_commitment("test-1", 1, 0, &key, &secret)};
}

struct assay_tx_reveal chain_opening(struct chain *chain, size_t site)
{
    struct assay_public_key key = assay_secret_key_public(chain->sites[site]);
    struct assay_state_seat seat = {0};
    struct assay_state_key at = assay_state_key_member(ASSAY_TABLE_SEAT, 1, 0, key.bytes);
    (void)assay_state_get(chain->ledger, &at, &seat);
    struct assay_tx_reveal of = {.task = 1, .n = 2 * (uint64_t)seat.items};
    memset(of.root.bytes, (int)(0x10 + site), sizeof of.root.bytes);
    memset(of.nonce.bytes, (int)(0x20 + site), sizeof of.nonce.bytes);
    memset(of.statement.bytes, (int)(0x30 + site), sizeof of.statement.bytes);
    memset(chain->bits[site], 0, sizeof chain->bits[site]);
    for (size_t i = 0; i < of.n; i++) {
        if ((7 * i + site) % 10 >= 6) continue;
        chain->bits[site][i / 8] |= (uint8_t)(1u << i % 8);
        of.sum++;
    }
    of.bits = (struct assay_blob){chain->bits[site], (uint32_t)((of.n + 7) / 8)};
    return of;
}

struct assay_tx_commit chain_commit(struct chain *chain, size_t site)
{
    struct assay_public_key key = assay_secret_key_public(chain->sites[site]);
    struct assay_tx_reveal opening = chain_opening(chain, site);
    return (struct assay_tx_commit){.task = 1,
                                    .commitment = assay_score_commitment("test-1", &opening, &key)};
}

static void must(enum assay_code code)
{
    if (code) fprintf(stderr, "refused: %s\n", assay_code_name(code));
    ASSAY_ASSERT(code == ASSAY_CODE_OK);
}

static void take_step(struct chain *chain, enum chain_stage stage)
{
    uint64_t start = CHAIN_SITES + 1;
    switch (stage) {
    case CHAIN_GENESIS:
        break;
    case CHAIN_REGISTERED:
        for (size_t i = 0; i < CHAIN_SITES; i++) {
            struct assay_tx_register of = chain_application(chain, i);
            must(chain_send(chain, chain->admins[0], ASSAY_TX_REGISTER, &of));
        }
        break;
    case CHAIN_OPENED: {
        struct assay_tx_open of = chain_terms(chain);
        must(chain_send(chain, chain->admins[1], ASSAY_TX_OPEN, &of));
        break;
    }
    case CHAIN_SECRETS:
        for (size_t i = 0; i < 4; i++) {
            struct assay_tx_beacon_commit of = chain_beacon(chain, i);
            must(chain_send(chain, chain->sites[i], ASSAY_TX_BEACON_COMMIT, &of));
        }
        chain_advance_to(chain, start + CHAIN_WINDOW);
        break;
    case CHAIN_ASSIGNED:
        for (size_t i = 0; i < 3; i++) {
            struct assay_tx_beacon_reveal of = {.task = 1, .secret = chain_secret(i)};
            must(chain_send(chain, chain->sites[i], ASSAY_TX_BEACON_REVEAL, &of));
        }
        chain_advance_to(chain, start + 2 * CHAIN_WINDOW);
        break;
    case CHAIN_COMMITTED:
        for (size_t i = 0; i < 3; i++) {
            struct assay_tx_commit of = chain_commit(chain, i);
            must(chain_send(chain, chain->sites[i], ASSAY_TX_COMMIT, &of));
        }
        chain_advance_to(chain, start + 3 * CHAIN_WINDOW);
        break;
    case CHAIN_REVEALED:
        for (size_t i = 0; i < 3; i++) {
            struct assay_tx_reveal of = chain_opening(chain, i);
            must(chain_send(chain, chain->sites[i], ASSAY_TX_REVEAL, &of));
        }
        break;
    case CHAIN_OVER:
        chain_advance_to(chain, start + 4 * CHAIN_WINDOW);
        break;
    case CHAIN_SETTLED: {
        struct assay_tx_settle of = {.task = 1};
        must(chain_send(chain, chain->sites[4], ASSAY_TX_SETTLE, &of));
        break;
    }
    }
}

void chain_to(struct chain *chain, enum chain_stage stage)
{
    for (int i = CHAIN_REGISTERED; i <= (int)stage; i++) take_step(chain, (enum chain_stage)i);
}
