/* A log of transactions, made once and replayed by every compiler. `replay_log make` walks the
 * scenario of chain.c and some refusals and prints the log; `replay_log check` reads it from
 * standard input, must meet every code, and prints height and app hash; `replay_log state` prints
 * the entries of the state after that. Lines: genesis HEX · tx HEIGHT CODE HEX. */
#include "chain.h"

#include "base/assert.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_hex(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) printf("%02x", data[i]);
}

static void print_tx(void *self, uint64_t height, const struct assay_bytes *tx,
                     enum assay_code code)
{
    (void)self;
    printf("tx %" PRIu64 " %d ", height, (int)code);
    print_hex(tx->data, tx->size);
    printf("\n");
}

/* A second task that too few take up: void, void again, closed; and the first by the rules. */
static void make(void)
{
    struct chain chain;
    chain_init(&chain, 1);
    struct assay_state_key key = assay_state_key_plain(ASSAY_TABLE_GENESIS);
    const struct assay_map_entry *genesis = assay_map_find(&chain.ledger->map, &key);
    printf("genesis ");
    print_hex(genesis->value.data, genesis->value.size);
    printf("\n");
    chain.on_tx = print_tx;
    chain_to(&chain, CHAIN_SETTLED);
    struct assay_tx_reveal late = chain_opening(&chain, 0);
    (void)chain_send(&chain, chain.sites[0], ASSAY_TX_REVEAL, &late);
    struct assay_tx_open terms = chain_terms(&chain);
    (void)chain_send(&chain, chain.sites[3], ASSAY_TX_OPEN, &terms);
    struct assay_tx_settle early = {.task = 2};
    (void)chain_send(&chain, chain.sites[1], ASSAY_TX_SETTLE, &early);
    chain_advance_to(&chain, assay_ledger_height(chain.ledger) + 5 * CHAIN_WINDOW);
    (void)chain_send(&chain, chain.sites[4], ASSAY_TX_OPEN, &terms);
    chain_fini(&chain);
}

static void read_hex(const char *text, struct assay_bytes *out)
{
    assay_bytes_clear(out);
    for (; text[0] && text[0] != '\n'; text += 2) {
        char digits[3] = {text[0], text[1], 0};
        uint8_t byte = (uint8_t)strtoul(digits, NULL, 16);
        ASSAY_ASSERT(assay_bytes_append(out, &byte, 1, NULL) == ASSAY_OK);
    }
}

static void check_tx(struct chain *chain, const char *line, struct assay_bytes *bytes)
{
    char *at;
    uint64_t height = strtoull(line + 3, &at, 10);
    int code = (int)strtol(at, &at, 10);
    read_hex(at + 1, bytes);
    chain_advance_to(chain, height - 1);
    int got = (int)chain_send_bytes(chain, bytes);
    if (got != code) {
        fprintf(stderr, "height %" PRIu64 ": code %d in the place of %d\n", height, got, code);
        exit(1);
    }
}

static struct assay_ledger *create(const struct assay_bytes *value)
{
    struct assay_state_genesis genesis;
    struct assay_ledger *ledger = NULL;
    ASSAY_ASSERT(
        assay_layout_decode(&assay_state_genesis_layout, &genesis, value->data, value->size));
    ASSAY_ASSERT(assay_ledger_create(&ledger, &genesis, NULL) == ASSAY_OK);
    return ledger;
}

static void print_state(const struct assay_ledger *ledger)
{
    for (size_t i = 0; i < ledger->map.count; i++) {
        const struct assay_map_entry *entry = ledger->map.entries[i];
        print_hex(entry->key.bytes, entry->key.size);
        printf(" ");
        print_hex(entry->value.data, entry->value.size);
        printf("\n");
    }
}

static void check(bool with_state)
{
    static char line[200000];
    struct chain chain = {0};
    struct assay_bytes bytes = {0};
    unsigned count = 0;
    char hex[ASSAY_DIGEST_HEX];
    while (fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "genesis ", 8) == 0) {
            read_hex(line + 8, &bytes);
            chain.ledger = create(&bytes);
        } else {
            check_tx(&chain, line, &bytes);
            count++;
        }
    }
    struct assay_digest app_hash = assay_ledger_app_hash(chain.ledger);
    printf("%u transactions, height %" PRIu64 ", %s\n", count, assay_ledger_height(chain.ledger),
           assay_digest_hex(&app_hash, hex));
    if (with_state) print_state(chain.ledger);
    assay_bytes_fini(&bytes);
    assay_ledger_destroy(chain.ledger);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "make") == 0) {
        make();
    } else if (argc == 2 && strcmp(argv[1], "check") == 0) {
        check(false);
    } else if (argc == 2 && strcmp(argv[1], "state") == 0) {
        check(true);
    } else {
        return 2;
    }
    return fflush(stdout) ? 1 : 0;
}
