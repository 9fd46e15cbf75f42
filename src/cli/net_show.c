/* assay net show and leaderboard: what is on a chain, for people and for programs. */
#include "cli/net.h"

#include "base/bytes.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/report.h"
#include "cli/table.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "ledger/store.h"
#include "submit/fields.h"
#include "submit/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A fixed (FORMAT.md 20) for a reader. */
static double real_of(uint64_t fixed)
{
    return (double)fixed / 4294967296.0;
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the answer");
}

/* Print an object's members as lines, or the whole as JSON. Takes it. */
static enum assay_status tell_object(const struct assay_args *args, struct assay_json *take,
                                     struct assay_error *err)
{
    struct assay_bytes text = {0};
    if (!take) return no_memory(err);
    if (args->json) return assay_report_emit(take, err);
    enum assay_status status = assay_json_write(take, false, &text, err);
    if (!status) printf("%s\n", (const char *)text.data);
    assay_json_destroy(take);
    assay_bytes_fini(&text);
    return status;
}

/* The value under a key as JSON, with its table's layout; NULL leaves err set. */
static enum assay_status entry_json(const struct assay_network *network,
                                    const struct assay_state_key *key, const char *what,
                                    struct assay_json **out, struct assay_error *err)
{
    const struct assay_layout *layout = assay_table_find(key->bytes[0])->layout;
    struct assay_bytes bytes = {0};
    void *value = calloc(1, layout->struct_bytes);
    enum assay_status status = value ? ASSAY_OK : no_memory(err);
    if (!status) status = assay_network_get(network, key, value, &bytes, what, err);
    if (!status && !(*out = assay_layout_json(layout, value))) status = no_memory(err);
    free(value);
    assay_bytes_fini(&bytes);
    return status;
}

/* --- lists: an array of {"site": KEY, …} of a table's members --- */

struct listing {
    struct assay_json *array;
    const struct assay_layout *layout;
    const char *key_name;
};

static enum assay_status add_entry(void *context, const struct assay_state_key *key,
                                   const struct assay_blob *value, struct assay_error *err)
{
    struct listing *listing = context;
    struct assay_public_key owner = assay_state_key_owner(key);
    void *decoded = calloc(1, listing->layout->struct_bytes);
    struct assay_json *object = NULL;
    if (decoded && assay_layout_decode(listing->layout, decoded, value->data, value->size)) {
        object = assay_layout_json(listing->layout, decoded);
    }
    free(decoded);
    bool ok = object && assay_json_set(object, listing->key_name, assay_hex_json(owner.bytes, 32));
    if (!ok) {
        assay_json_destroy(object);
        return no_memory(err);
    }
    return assay_json_add(listing->array, object) ? ASSAY_OK : no_memory(err);
}

static enum assay_status list_json(const struct assay_network *network,
                                   const struct assay_state_key *prefix, struct assay_json **out,
                                   struct assay_error *err)
{
    struct listing listing = {assay_json_new_array(), assay_table_find(prefix->bytes[0])->layout,
                              "site"};
    if (!listing.array) return no_memory(err);
    enum assay_status status = network->ops->list(network->self, prefix, add_entry, &listing, err);
    if (status) {
        assay_json_destroy(listing.array);
    } else {
        *out = listing.array;
    }
    return status;
}

/* --- show --- */

static enum assay_status show_chain(const struct assay_args *args,
                                    const struct assay_network *network, struct assay_error *err)
{
    struct assay_network_info info;
    struct assay_json *genesis = NULL, *counters = NULL;
    struct assay_state_key at = assay_state_key_plain(ASSAY_TABLE_GENESIS);
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (!status) status = entry_json(network, &at, "genesis", &genesis, err);
    at = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    if (!status) status = entry_json(network, &at, "counters", &counters, err);
    if (status) {
        assay_json_destroy(genesis);
        return status;
    }
    bool ok = assay_json_set(counters, "height", assay_json_new_integer((int64_t)info.height)) &&
              assay_json_set(counters, "app_hash", assay_hex_json(info.app_hash.bytes, 32)) &&
              assay_json_set(counters, "genesis", genesis);
    if (ok) return tell_object(args, counters, err);
    assay_json_destroy(counters);
    return no_memory(err);
}

static enum assay_status show_sites(const struct assay_args *args,
                                    const struct assay_network *network, struct assay_error *err)
{
    struct assay_json *array = NULL;
    struct assay_state_key prefix = assay_state_key_plain(ASSAY_TABLE_SITE);
    enum assay_status status = list_json(network, &prefix, &array, err);
    return status ? status : tell_object(args, array, err);
}

static enum assay_status show_site(const struct assay_args *args,
                                   const struct assay_network *network, struct assay_error *err)
{
    struct assay_public_key site;
    struct assay_json *object = NULL;
    enum assay_status status = assay_public_key_read(&site, args->operands[3], err);
    if (status) return status;
    struct assay_state_key at = assay_state_key_site(ASSAY_TABLE_SITE, &site);
    status = entry_json(network, &at, "the site", &object, err);
    return status ? status : tell_object(args, object, err);
}

/* Members of a round: present or not, they are shown under a name. */
static enum assay_status add_list(struct assay_json *object, const char *name,
                                  const struct assay_network *network, enum assay_table_id table,
                                  uint64_t task, uint32_t round, struct assay_error *err)
{
    struct assay_json *array = NULL;
    struct assay_state_key prefix = assay_state_key_round(table, task, round);
    enum assay_status status = list_json(network, &prefix, &array, err);
    if (status) return status;
    return assay_json_set(object, name, array) ? ASSAY_OK : no_memory(err);
}

static enum assay_status round_json(const struct assay_network *network, uint64_t task,
                                    uint32_t round, struct assay_json **out,
                                    struct assay_error *err)
{
    static const struct {
        const char *name;
        enum assay_table_id table;
    } lists[] = {{"beacons", ASSAY_TABLE_BEACON},
                 {"seats", ASSAY_TABLE_SEAT},
                 {"commits", ASSAY_TABLE_COMMIT},
                 {"reveals", ASSAY_TABLE_REVEAL},
                 {"awards", ASSAY_TABLE_AWARD}};
    struct assay_json *object = NULL, *settlement = NULL;
    struct assay_state_key at = assay_state_key_round(ASSAY_TABLE_ROUND, task, round);
    enum assay_status status = entry_json(network, &at, "the round", &object, err);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && !status; i++) {
        status = add_list(object, lists[i].name, network, lists[i].table, task, round, err);
    }
    at = assay_state_key_round(ASSAY_TABLE_SETTLEMENT, task, round);
    if (!status && entry_json(network, &at, "the settlement", &settlement, NULL) == ASSAY_OK &&
        !assay_json_set(object, "settlement", settlement)) {
        status = no_memory(err);
    }
    if (status) {
        assay_json_destroy(object);
    } else {
        *out = object;
    }
    return status;
}

static enum assay_status show_task(const struct assay_args *args,
                                   const struct assay_network *network, struct assay_error *err)
{
    struct assay_json *object = NULL, *rounds = assay_json_new_array();
    uint64_t task = 0;
    uint32_t last = 0;
    if (!assay_text_unsigned(args->operands[3], INT64_MAX, &task)) {
        assay_json_destroy(rounds);
        return assay_fail(err, ASSAY_EUSAGE, "\"%.40s\" is no number of a task", args->operands[3]);
    }
    struct assay_state_key at = assay_state_key_task(ASSAY_TABLE_TASK, task);
    enum assay_status status = entry_json(network, &at, "the task", &object, err);
    if (!status) status = assay_submit_round(network, task, &last, err);
    for (uint32_t round = 0; round <= last && !status; round++) {
        struct assay_json *one = NULL;
        status = round_json(network, task, round, &one, err);
        if (!status && !assay_json_add(rounds, one)) status = no_memory(err);
    }
    if (!status) {
        struct assay_json *moved = rounds;
        rounds = NULL;
        if (!assay_json_set(object, "rounds", moved)) status = no_memory(err);
    }
    assay_json_destroy(rounds);
    if (!status) return tell_object(args, object, err);
    assay_json_destroy(object);
    return status;
}

static enum assay_status tx_json(const struct assay_bytes *bytes, uint64_t height,
                                 struct assay_json **out, struct assay_error *err)
{
    struct assay_tx tx;
    union assay_tx_payload payload;
    if (assay_tx_decode(&tx, bytes->data, bytes->size)) {
        return assay_fail(err, ASSAY_EFORMAT, "the transaction is malformed");
    }
    const struct assay_layout *layout = assay_tx_type_layout(tx.type);
    if (!layout || !assay_layout_decode(layout, &payload, tx.payload.data, tx.payload.size)) {
        return assay_fail(err, ASSAY_EFORMAT, "the transaction's payload is malformed");
    }
    struct assay_json *object = assay_layout_json(&assay_tx_layout, &tx);
    bool ok = object && assay_json_set(object, "payload", assay_layout_json(layout, &payload)) &&
              assay_json_set(object, "type", assay_json_new_text(layout->name)) &&
              assay_json_set(object, "height", assay_json_new_integer((int64_t)height));
    if (ok) {
        *out = object;
        return ASSAY_OK;
    }
    assay_json_destroy(object);
    return no_memory(err);
}

static enum assay_status show_tx(const struct assay_args *args, const struct assay_network *network,
                                 struct assay_error *err)
{
    struct assay_digest id;
    struct assay_bytes bytes = {0};
    struct assay_json *object = NULL;
    uint64_t height = 0;
    if (!assay_digest_parse(args->operands[3], &id)) {
        return assay_fail(err, ASSAY_EUSAGE, "\"%.80s\" is no id: 64 hex digits",
                          args->operands[3]);
    }
    enum assay_status status =
        assay_ledger_store_find_tx(assay_network_store(network), &id, &bytes, &height, err);
    if (!status) status = tx_json(&bytes, height, &object, err);
    if (!status) status = tell_object(args, object, err);
    assay_bytes_fini(&bytes);
    return status;
}

enum assay_status assay_net_show(const struct assay_args *args, struct assay_error *err)
{
    static const struct {
        const char *name;
        size_t operands;
        enum assay_status (*show)(const struct assay_args *, const struct assay_network *,
                                  struct assay_error *);
    } rows[] = {{"chain", 3, show_chain},
                {"sites", 3, show_sites},
                {"task", 4, show_task},
                {"site", 4, show_site},
                {"tx", 4, show_tx}};
    struct assay_network network = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, args->operands[2]) != 0) continue;
        if (args->operand_count != rows[i].operands) break;
        enum assay_status status =
            assay_network_open_solo(&network, args->operands[1], args->chain, true, err);
        if (!status) status = rows[i].show(args, &network, err);
        assay_network_close(&network);
        return status;
    }
    return assay_fail(err, ASSAY_EUSAGE,
                      "show DB chain | sites | task N | site KEY | tx ID, not \"%.40s\"",
                      args->operands[2]);
}

/* --- leaderboard --- */

struct board {
    const struct assay_network *network;
    struct assay_table *table;
    struct assay_json *rows; /* NULL for text */
};

static uint64_t number_of(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | bytes[i];
    return value;
}

static struct assay_json *board_json(uint64_t task, const struct assay_state_task *terms,
                                     const struct assay_state_settlement *settled)
{
    struct assay_json *object = assay_layout_json(&assay_state_settlement_layout, settled);
    bool ok = object && assay_json_set(object, "task", assay_json_new_integer((int64_t)task)) &&
              assay_json_set(object, "name", assay_json_new_text(terms->name)) &&
              assay_json_set(object, "model", assay_hex_json(terms->model.bytes, 32)) &&
              assay_json_set(object, "benchmark", assay_hex_json(terms->benchmark.bytes, 32)) &&
              assay_json_set(object, "spec", assay_hex_json(terms->spec.bytes, 32)) &&
              assay_json_set(object, "score", assay_json_new_real(real_of(settled->consensus)));
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

static void board_row(struct assay_table *table, uint64_t task,
                      const struct assay_state_task *terms,
                      const struct assay_state_settlement *settled)
{
    char model[ASSAY_DIGEST_HEX];
    assay_digest_hex(&terms->model, model);
    assay_table_row(table);
    assay_table_cell(table, 0, "%s", terms->name);
    assay_table_cell(table, 1, "%" PRIu64, task);
    assay_table_cell(table, 2, "%.12s", model);
    assay_table_cell(table, 3, "%u/%u", settled->revealed, settled->sites);
    assay_table_cell(table, 4, "%" PRIu64, settled->samples);
    assay_table_cell(table, 5, "%.3f", 100 * real_of(settled->consensus));
    assay_table_cell(table, 6, "%.3f", 100 * real_of(settled->mad));
    assay_table_cell(table, 7, "%" PRIu64, settled->height);
}

static enum assay_status add_settlement(void *context, const struct assay_state_key *key,
                                        const struct assay_blob *value, struct assay_error *err)
{
    struct board *board = context;
    struct assay_state_settlement settled;
    struct assay_state_task terms;
    struct assay_bytes bytes = {0};
    uint64_t task = number_of(key->bytes + 1, 8);
    if (!assay_layout_decode(&assay_state_settlement_layout, &settled, value->data, value->size) ||
        !settled.conclusive) {
        return ASSAY_OK;
    }
    struct assay_state_key at = assay_state_key_task(ASSAY_TABLE_TASK, task);
    enum assay_status status =
        assay_network_get(board->network, &at, &terms, &bytes, "the task", err);
    if (!status && board->rows) {
        if (!assay_json_add(board->rows, board_json(task, &terms, &settled))) {
            status = no_memory(err);
        }
    } else if (!status) {
        board_row(board->table, task, &terms, &settled);
    }
    assay_bytes_fini(&bytes);
    return status;
}

enum assay_status assay_net_leaderboard(const struct assay_args *args, struct assay_error *err)
{
    static const char *const head[] = {"benchmark", "task",    "model", "sites",
                                       "samples",   "score %", "MAD",   "height"};
    static struct assay_table table;
    struct assay_network network = {0};
    struct board board = {&network, &table, args->json ? assay_json_new_array() : NULL};
    struct assay_state_key prefix = assay_state_key_plain(ASSAY_TABLE_SETTLEMENT);
    if (args->json && !board.rows) return no_memory(err);
    assay_table_row(&table);
    for (unsigned i = 0; i < sizeof head / sizeof head[0]; i++) {
        assay_table_cell(&table, i, "%s", head[i]);
    }
    enum assay_status status =
        assay_network_open_solo(&network, args->operands[1], args->chain, true, err);
    if (!status) status = network.ops->list(network.self, &prefix, add_settlement, &board, err);
    assay_network_close(&network);
    if (!status && args->json) return assay_report_emit(board.rows, err);
    assay_json_destroy(board.rows);
    if (!status) assay_table_print(&table, stdout, 0);
    return status;
}
