/* assay submit: commit to a score, reveal it, keep the network's receipts. */
#include "cli/net.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/score.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "submit/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Who is asked: an embedded ledger; a node's address will be another option. */
static enum assay_status open_network(struct assay_network *out, const struct assay_args *args,
                                      bool read_only, struct assay_error *err)
{
    if (!args->solo) return assay_fail(err, ASSAY_EUSAGE, "--solo DB: the ledger's file");
    return assay_network_open_solo(out, args->solo, args->chain, read_only, err);
}

/* The score of this key's site in the round that the options name. */
static enum assay_status read_score(struct assay_score *out, const struct assay_args *args,
                                    const struct assay_network *network,
                                    const struct assay_secret_key *key, uint64_t *task,
                                    uint32_t *round, struct assay_error *err)
{
    struct assay_network_info info;
    struct assay_public_key site = assay_secret_key_public(key);
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (!status) status = assay_net_round(args, network, task, round, err);
    if (status) return status;
    struct assay_score_round of = {info.chain, *task, *round, &site};
    return assay_score_read(out, args->operands[1], &of, err);
}

/* Prove entries of the round and write the receipt. */
static enum assay_status write_receipt(const struct assay_network *network,
                                       const struct assay_sent *sent,
                                       const struct assay_public_key *site,
                                       const enum assay_table_id *tables, size_t count,
                                       const char *path, struct assay_error *err)
{
    struct assay_state_key keys[ASSAY_RECEIPT_PROOFS_MAX];
    struct assay_receipt receipt = {0};
    struct assay_bytes text = {0};
    for (size_t i = 0; i < count; i++) {
        bool whole = tables[i] == ASSAY_TABLE_SETTLEMENT;
        keys[i] = whole ? assay_state_key_round(tables[i], sent->task, sent->round)
                        : assay_state_key_member(tables[i], sent->task, sent->round, site->bytes);
    }
    enum assay_status status = assay_receipt_take(&receipt, network, keys, count, err);
    if (!status) {
        receipt.task = sent->task;
        receipt.round = sent->round;
        receipt.site = *site;
        receipt.tx = sent->id;
        receipt.has_tx = sent->height > 0;
        status = assay_receipt_write(&receipt, &text, err);
    }
    if (!status) status = assay_net_write_file(path, &text, err);
    assay_receipt_fini(&receipt);
    assay_bytes_fini(&text);
    return status;
}

static enum assay_status send_score(const struct assay_args *args, bool reveal,
                                    struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_secret_key *key = NULL;
    struct assay_score score = {0};
    struct assay_sent sent;
    uint64_t task = 0;
    uint32_t round = 0;
    const enum assay_table_id table = reveal ? ASSAY_TABLE_REVEAL : ASSAY_TABLE_COMMIT;
    const char *const read[] = {args->operands[1], args->key, args->solo, args->passphrase_file};
    enum assay_status status = assay_output_apart("--receipt", args->receipt, read, 4, err);
    if (!status) status = assay_net_key(&key, args, err);
    if (!status) status = open_network(&network, args, false, err);
    if (!status) status = read_score(&score, args, &network, key, &task, &round, err);
    if (!status) {
        status = assay_submit_score(&network, key, task, round, reveal, &score, &sent, err);
    }
    if (!status && args->receipt) {
        struct assay_public_key site = assay_secret_key_public(key);
        status = write_receipt(&network, &sent, &site, &table, 1, args->receipt, err);
    }
    if (!status) {
        status = assay_net_tell(args, reveal ? "score revealed" : "score committed", &sent, err);
    }
    assay_network_close(&network);
    assay_secret_key_destroy(key);
    assay_score_fini(&score);
    return status;
}

static enum assay_status run_commit(const struct assay_args *args, struct assay_error *err)
{
    return send_score(args, false, err);
}

static enum assay_status run_reveal(const struct assay_args *args, struct assay_error *err)
{
    return send_score(args, true, err);
}

/* The settlement and the site's award. */
static enum assay_status run_receipt(const struct assay_args *args, struct assay_error *err)
{
    static const enum assay_table_id tables[] = {ASSAY_TABLE_SETTLEMENT, ASSAY_TABLE_AWARD};
    struct assay_network network = {0};
    struct assay_public_key site;
    struct assay_sent sent = {0};
    if (!args->site) return assay_fail(err, ASSAY_EUSAGE, "--site KEY: whose award");
    const char *const read[] = {args->solo, args->site};
    enum assay_status status = assay_output_apart("FILE", args->operands[1], read, 2, err);
    if (!status) status = assay_public_key_read(&site, args->site, err);
    if (!status) status = open_network(&network, args, true, err);
    if (!status) status = assay_net_round(args, &network, &sent.task, &sent.round, err);
    if (!status) {
        status = write_receipt(&network, &sent, &site, tables, 2, args->operands[1], err);
    }
    if (!status && !args->quiet && !args->json) {
        printf("settlement of task %" PRIu64 " and the site's award: %s\n", sent.task,
               args->operands[1]);
    }
    assay_network_close(&network);
    return status;
}

/* Offline: the proofs lead to the app hash that the receipt names. */
static enum assay_status run_check(const struct assay_args *args, struct assay_error *err)
{
    struct assay_receipt receipt = {0};
    struct assay_bytes text = {0};
    char hex[ASSAY_DIGEST_HEX];
    const char *path = args->operands[1];
    enum assay_status status = assay_file_read(path, ASSAY_RECEIPT_BYTES_MAX, &text, err);
    if (!status) {
        status = assay_receipt_parse(&receipt, (const char *)text.data, text.size, err);
    }
    if (!status) status = assay_receipt_check(&receipt, err);
    status = assay_while(err, status, "%s", path);
    if (!status && args->json) {
        struct assay_json *object = assay_json_new_object();
        bool ok =
            object && assay_json_set(object, "chain", assay_json_new_text(receipt.chain)) &&
            assay_json_set(object, "height", assay_json_new_integer((int64_t)receipt.height)) &&
            assay_json_set(object, "app_hash",
                           assay_json_new_text(assay_digest_hex(&receipt.app_hash, hex)));
        if (!ok) {
            assay_json_destroy(object);
            object = NULL;
        }
        status = assay_report_emit(object, err);
    } else if (!status) {
        printf("holds: %zu entries of chain %s at height %" PRIu64 " under app hash %s\n",
               receipt.proof_count, receipt.chain, receipt.height,
               assay_digest_hex(&receipt.app_hash, hex));
    }
    assay_receipt_fini(&receipt);
    assay_bytes_fini(&text);
    return status;
}

static const struct assay_net_verb verbs[] = {
    {"commit", "SCORE --solo DB --task N --key SITE", 1, 1, run_commit},
    {"reveal", "SCORE --solo DB --task N --key SITE", 1, 1, run_reveal},
    {"receipt", "FILE --solo DB --task N --site KEY", 1, 1, run_receipt},
    {"check", "RECEIPT", 1, 1, run_check},
    {NULL, NULL, 0, 0, NULL}};

static enum assay_status cmd_submit(const struct assay_args *args, struct assay_error *err)
{
    return assay_net_dispatch("submit", verbs, args, err);
}

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("solo", "DB", "the embedded ledger's file (assay net init)", solo),
    ASSAY_OPTION_WORD("chain", "ID", "refuse another chain than this", chain),
    ASSAY_OPTION_WORD("task", "N", "number of the task", task),
    ASSAY_OPTION_WORD("round", "N", "round of the task (default: the present one)", round),
    ASSAY_OPTION_WORD("key", "FILE", "the site's secret key", key),
    ASSAY_OPTION_WORD("passphrase-file", "FILE", "its passphrase (mode 0600)", passphrase_file),
    ASSAY_OPTION_WORD("site", "KEY", "receipt: public key, hex or file", site),
    ASSAY_OPTION_WORD("receipt", "FILE", "commit, reveal: keep the proof of it there", receipt),
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_submit = {
    "submit",
    "VERB FILE",
    2,
    2,
    "commit to a score, reveal it, keep receipts",
    "  assay submit --solo chain.db commit results.h5 --task 1 --key site.key\n"
    "  assay submit --solo chain.db reveal results.h5 --task 1 --key site.key\n"
    "  assay submit --solo chain.db receipt won.json --task 1 --site site.key.pub\n"
    "  assay submit check won.json\n\n"
    "A commitment fixes the Merkle root of the records and every sample's score before anything\n"
    "is revealed; it binds its author, so that a copy cannot be opened. The results file must be\n"
    "signed for this round (assay attest --chain --task --round); or it is JSON: root,\n"
    "statement, n, sum, bits (src/FORMAT.md 24.2). Nothing need be kept between the two: what\n"
    "hides the score comes out of the key. A receipt proves, without the network, that the entry\n"
    "is under an app hash.\n",
    options,
    cmd_submit};
