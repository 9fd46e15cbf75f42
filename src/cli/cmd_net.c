/* assay net: a chain, its sites and its tasks; here the embedded form, a file on this machine. */
#include "cli/net.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "cli/report.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "ledger/store.h"
#include "submit/fields.h"
#include "submit/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20, CHAIN_QUOTA = 64, CHAIN_EXPIRY_SPAN = 1000 };

enum assay_status assay_net_dispatch(const char *command, const struct assay_net_verb *verbs,
                                     const struct assay_args *args, struct assay_error *err)
{
    const char *names[20] = {NULL};
    const char *word = args->operands[0];
    size_t count = 0;
    for (; verbs[count].name && count < 19; count++) {
        const struct assay_net_verb *verb = &verbs[count];
        names[count] = verb->name;
        if (strcmp(verb->name, word) != 0) continue;
        size_t given = args->operand_count - 1;
        if (given < verb->count_min || given > verb->count_max) {
            return assay_fail(err, ASSAY_EUSAGE, "usage: assay %s %s %s; see `assay %s --help`",
                              command, verb->name, verb->operands, command);
        }
        return assay_while(err, verb->run(args, err), "%s %s", command, verb->name);
    }
    const char *nearest = assay_text_nearest(word, names);
    return assay_fail(err, ASSAY_EUSAGE, "%s: \"%.40s\" is no verb%s%s%s; see `assay %s --help`",
                      command, word, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                      nearest ? "\"?" : "", command);
}

enum assay_status assay_net_round(const struct assay_args *args,
                                  const struct assay_network *network, uint64_t *task,
                                  uint32_t *round, struct assay_error *err)
{
    uint64_t number = 0;
    if (!args->task || !assay_text_unsigned(args->task, INT64_MAX, task)) {
        return assay_fail(err, ASSAY_EUSAGE, "--task N: the number of the task");
    }
    if (!args->round) return assay_submit_round(network, *task, round, err);
    if (!assay_text_unsigned(args->round, UINT32_MAX, &number)) {
        return assay_fail(err, ASSAY_EUSAGE, "--round is \"%.40s\": a number", args->round);
    }
    *round = (uint32_t)number;
    return ASSAY_OK;
}

enum assay_status assay_net_key(struct assay_secret_key **out, const struct assay_args *args,
                                struct assay_error *err)
{
    if (!args->key) return assay_fail(err, ASSAY_EUSAGE, "--key FILE: who signs this");
    return assay_key_open(out, args->key, args->passphrase_file, err);
}

enum assay_status assay_net_tell(const struct assay_args *args, const char *what,
                                 const struct assay_sent *sent, struct assay_error *err)
{
    char hex[ASSAY_DIGEST_HEX];
    if (!args->json) {
        if (!args->quiet) {
            printf("%s at height %" PRIu64 ", transaction %s\n", what, sent->height,
                   assay_digest_hex(&sent->id, hex));
        }
        return ASSAY_OK;
    }
    struct assay_json *object = assay_json_new_object();
    bool ok = object && assay_json_set(object, "tx", assay_hex_json(sent->id.bytes, 32)) &&
              assay_json_set(object, "height", assay_json_new_integer((int64_t)sent->height)) &&
              (sent->task == 0 ||
               (assay_json_set(object, "task", assay_json_new_integer((int64_t)sent->task)) &&
                assay_json_set(object, "round", assay_json_new_integer(sent->round))));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the answer");
}

enum assay_status assay_net_write_file(const char *path, const struct assay_bytes *text,
                                       struct assay_error *err)
{
    if (path) return assay_file_write(path, text->data, text->size, err);
    fwrite(text->data, 1, text->size, stdout);
    return ASSAY_OK;
}

/* --- init --- */

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* Comma-separated public keys (hex or files), ascending. */
static enum assay_status read_admins(struct assay_bytes *out, const char *list,
                                     struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    char word[4096];
    for (const char *at = list; *at && !status;) {
        size_t length = strcspn(at, ",");
        struct assay_public_key key;
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        status = assay_public_key_read(&key, word, err);
        if (!status) status = assay_bytes_append(out, key.bytes, sizeof key.bytes, err);
        at += length + (at[length] == ',');
    }
    if (!status && out->size > 0) qsort(out->data, out->size / 32, 32, compare_keys);
    return status;
}

static enum assay_status run_init(const struct assay_args *args, struct assay_error *err)
{
    struct assay_bytes admins = {0};
    struct assay_state_genesis genesis = {.quorum = args->quorum ? (uint32_t)args->quorum : 1,
                                          .quota = CHAIN_QUOTA,
                                          .expiry_span = CHAIN_EXPIRY_SPAN};
    if (!args->chain || !args->admin) {
        return assay_fail(err, ASSAY_EUSAGE, "--chain ID and --admin KEY[,KEY…] are needed");
    }
    if (!assay_label_valid(args->chain, strlen(args->chain), ASSAY_CHAIN_ID_MAX)) {
        return assay_fail(err, ASSAY_EVALUE, "--chain is \"%.80s\": 1 to 64 of A-Z a-z 0-9 . _ -",
                          args->chain);
    }
    memcpy(genesis.chain, args->chain, strlen(args->chain) + 1);
    enum assay_status status = read_admins(&admins, args->admin, err);
    genesis.admins = (struct assay_blob){admins.data, (uint32_t)admins.size};
    if (!status) status = assay_ledger_store_create(args->operands[1], &genesis, err);
    if (!status && !args->quiet && !args->json) {
        printf("chain %s in %s: %zu admins, quorum %u\n", genesis.chain, args->operands[1],
               admins.size / 32, genesis.quorum);
    }
    if (!status && args->json) {
        struct assay_json *object = assay_layout_json(&assay_state_genesis_layout, &genesis);
        status = assay_report_emit(object, err);
    }
    assay_bytes_fini(&admins);
    return status;
}

/* --- apply, register --- */

static enum assay_status copy_label(char *to, size_t max, const char *option, const char *from,
                                    struct assay_error *err)
{
    if (!from || !assay_label_valid(from, strlen(from), max)) {
        return assay_fail(err, ASSAY_EUSAGE, "--%s: 1 to %zu of A-Z a-z 0-9 . _ -", option, max);
    }
    memcpy(to, from, strlen(from) + 1);
    return ASSAY_OK;
}

static enum assay_status write_application(const struct assay_args *args,
                                           const struct assay_tx_register *of,
                                           struct assay_error *err)
{
    struct assay_bytes text = {0};
    struct assay_json *object = assay_layout_json(&assay_tx_register_layout, of);
    bool ok = object && assay_json_set(object, "format", assay_json_new_text("application-1")) &&
              assay_json_set(object, "chain", assay_json_new_text(args->chain));
    enum assay_status status = ok ? assay_json_write(object, true, &text, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory");
    if (!status) status = assay_bytes_append(&text, "\n", 1, err);
    if (!status) status = assay_net_write_file(args->operands[1], &text, err);
    assay_json_destroy(object);
    assay_bytes_fini(&text);
    return status;
}

static enum assay_status run_apply(const struct assay_args *args, struct assay_error *err)
{
    struct assay_secret_key *key = NULL;
    struct assay_tx_register of = {0};
    if (!args->chain) return assay_fail(err, ASSAY_EUSAGE, "--chain ID: the chain to join");
    const char *const read[] = {args->key, args->passphrase_file};
    enum assay_status status = assay_output_apart("FILE", args->operands[1], read, 2, err);
    if (status) return status;
    status = copy_label(of.organisation, sizeof of.organisation - 1, "organisation",
                        args->organisation, err);
    if (!status) {
        status = copy_label(of.country, sizeof of.country - 1, "country", args->country, err);
    }
    if (!status) status = copy_label(of.arch, sizeof of.arch - 1, "arch", args->arch, err);
    if (!status) {
        status = copy_label(of.engine, sizeof of.engine - 1, "engine",
                            args->engine ? args->engine : "assay-" ASSAY_VERSION, err);
    }
    if (!status) status = assay_net_key(&key, args, err);
    if (!status) {
        of.site = assay_secret_key_public(key);
        struct assay_digest digest = assay_tx_register_signed(args->chain, &of);
        of.proof = assay_sign(key, digest.bytes, sizeof digest.bytes);
        status = write_application(args, &of, err);
    }
    assay_secret_key_destroy(key);
    return status;
}

static enum assay_status read_application(struct assay_tx_register *out, const char *path,
                                          struct assay_error *err)
{
    struct assay_bytes text = {0};
    struct assay_json *json = NULL;
    const char *labels[4] = {NULL};
    static const char *const names[4] = {"organisation", "country", "arch", "engine"};
    char *const to[4] = {out->organisation, out->country, out->arch, out->engine};
    const size_t max[4] = {sizeof out->organisation - 1, sizeof out->country - 1,
                           sizeof out->arch - 1, sizeof out->engine - 1};
    enum assay_status status = assay_file_read(path, FILE_BYTES_MAX, &text, err);
    if (!status) status = assay_json_parse(&json, (const char *)text.data, text.size, err);
    if (!status) status = assay_member_format(json, "application-1", err);
    if (!status) status = assay_member_hex(json, "site", out->site.bytes, 32, err);
    if (!status) status = assay_member_hex(json, "proof", out->proof.bytes, 64, err);
    for (size_t i = 0; i < 4 && !status; i++) {
        status = assay_member_text(json, names[i], &labels[i], err);
        if (!status && !assay_label_valid(labels[i], strlen(labels[i]), max[i])) {
            status = assay_fail(err, ASSAY_EFORMAT, "\"%s\" is no label", names[i]);
        }
        if (!status) memcpy(to[i], labels[i], strlen(labels[i]) + 1);
    }
    assay_json_destroy(json);
    assay_bytes_fini(&text);
    return assay_while(err, status, "%s", path);
}

static enum assay_status run_register(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_secret_key *key = NULL;
    struct assay_tx_register of = {0};
    struct assay_sent sent;
    enum assay_status status = read_application(&of, args->operands[2], err);
    if (!status) status = assay_net_key(&key, args, err);
    if (!status) status = assay_network_open_solo(&network, args->operands[1], NULL, false, err);
    if (!status) status = assay_submit_send(&network, key, ASSAY_TX_REGISTER, &of, &sent, err);
    if (!status) status = assay_net_tell(args, "registered", &sent, err);
    assay_network_close(&network);
    assay_secret_key_destroy(key);
    return status;
}

/* --- advance, replay --- */

static enum assay_status tell_height(const struct assay_args *args,
                                     const struct assay_network *network, const char *count_name,
                                     uint64_t count, struct assay_error *err)
{
    struct assay_network_info info;
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (status) return status;
    if (!args->json) {
        if (args->quiet) return ASSAY_OK;
        printf("chain %s at height %" PRIu64 ", app hash %s", info.chain, info.height,
               assay_digest_hex(&info.app_hash, hex));
        if (count_name) printf(", %" PRIu64 " %s", count, count_name);
        printf("\n");
        return ASSAY_OK;
    }
    struct assay_json *object = assay_json_new_object();
    bool ok = object && assay_json_set(object, "chain", assay_json_new_text(info.chain)) &&
              assay_json_set(object, "height", assay_json_new_integer((int64_t)info.height)) &&
              assay_json_set(object, "app_hash", assay_hex_json(info.app_hash.bytes, 32)) &&
              (!count_name ||
               assay_json_set(object, "transactions", assay_json_new_integer((int64_t)count)));
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the answer");
}

static enum assay_status run_advance(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    enum assay_status status =
        assay_network_open_solo(&network, args->operands[1], args->chain, false, err);
    if (!status) {
        status = assay_ledger_store_advance(assay_network_store(&network),
                                            args->blocks ? args->blocks : 1, err);
    }
    if (!status) status = tell_height(args, &network, NULL, 0, err);
    assay_network_close(&network);
    return status;
}

static enum assay_status run_replay(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    uint64_t transactions = 0;
    enum assay_status status =
        assay_network_open_solo(&network, args->operands[1], args->chain, true, err);
    if (!status) {
        status = assay_ledger_store_replay(assay_network_store(&network), &transactions, err);
        if (status == ASSAY_EMISMATCH) status = ASSAY_EFAILED;
    }
    if (!status) {
        status = tell_height(args, &network, "transactions replayed to the same state",
                             transactions, err);
    }
    assay_network_close(&network);
    return status;
}

/* --- the command --- */

static const struct assay_net_verb verbs[] = {
    {"init", "DB --chain ID --admin KEY[,KEY…]", 1, 1, run_init},
    {"apply", "FILE --chain ID --key SITE --organisation O --country CC --arch A", 1, 1, run_apply},
    {"register", "DB APPLICATION --key ADMIN", 2, 2, run_register},
    {"open", "DB SPEC|TERMS --key KEY", 2, 2, assay_net_open},
    {"beacon", "DB commit|reveal --task N --key SITE", 2, 2, assay_net_beacon},
    {"advance", "DB [--blocks N]", 1, 1, run_advance},
    {"assignment", "DB --task N --site KEY --output FILE", 1, 1, assay_net_assignment},
    {"settle", "DB --task N --key KEY", 1, 1, assay_net_settle},
    {"leaderboard", "DB", 1, 1, assay_net_leaderboard},
    {"show", "DB chain | sites | task N | site KEY | tx ID", 2, 3, assay_net_show},
    {"replay", "DB", 1, 1, run_replay},
    {NULL, NULL, 0, 0, NULL}};

static enum assay_status cmd_net(const struct assay_args *args, struct assay_error *err)
{
    return assay_net_dispatch("net", verbs, args, err);
}

#define NUMBER(name, argument, help, field, min, max)                                              \
    {                                                                                              \
        name, argument, help, ASSAY_OPTION_NUMBER, offsetof(struct assay_args, field), min, max    \
    }

static const struct assay_option options[] = {
    ASSAY_OPTION_WORD("chain", "ID", "the chain's id", chain),
    ASSAY_OPTION_WORD("admin", "KEYS", "init: public keys that admit sites, by commas", admin),
    NUMBER("quorum", "N", "init: admins it takes to admit a site (default: 1)", quorum, 1,
           ASSAY_ADMINS_MAX),
    ASSAY_OPTION_WORD("key", "FILE", "secret key of who signs", key),
    ASSAY_OPTION_WORD("passphrase-file", "FILE", "its passphrase (mode 0600)", passphrase_file),
    ASSAY_OPTION_WORD("organisation", "NAME", "apply: who answers for the site", organisation),
    ASSAY_OPTION_WORD("country", "CC", "apply: two letters", country),
    ASSAY_OPTION_WORD("arch", "NAME", "apply: GPU or CPU architecture", arch),
    ASSAY_OPTION_WORD("engine", "NAME", "apply: inference engine (default: this one)", engine),
    ASSAY_OPTION_WORD("task", "N", "number of the task", task),
    ASSAY_OPTION_WORD("round", "N", "round of the task (default: the present one)", round),
    ASSAY_OPTION_WORD("site", "KEY", "assignment: public key, hex or file", site),
    ASSAY_OPTION_WORD("output", "FILE", "assignment: write there", output),
    ASSAY_OPTION_WORD("model-dir", "DIR", "open: where models lie", model_dir),
    NUMBER("blocks", "N", "advance: empty blocks (default: 1)", blocks, 1, 100000),
    NUMBER("window", "N", "open: blocks of each of the four windows", window, 1, 1000000),
    NUMBER("pool", "N", "open: what is shared by weight", pool, 1, UINT64_C(1000000000000000)),
    NUMBER("replicas", "N", "open: sites for each item", replicas, 1, 16),
    NUMBER("sites-min", "N", "open: fewer make the round void", sites_min, 1, 1024),
    NUMBER("sites-max", "N", "open: no more are chosen", sites_max, 1, 1024),
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_net = {
    "net",
    "VERB DB …",
    1,
    4,
    "make a chain, admit sites, open and settle tasks, look at all of it",
    "Here a network is a file: the same state machine as on many machines, in one. Each\n"
    "transaction is a block; windows count blocks, and `advance` lets them pass.\n\n"
    "  assay net init chain.db --chain my-lab --admin admin.key.pub\n"
    "  assay net apply site.json --chain my-lab --key site.key --organisation uni-x --country FR\n"
    "                            --arch sm_90\n"
    "  assay net register chain.db site.json --key admin.key\n"
    "  assay net open chain.db job.yaml --key admin.key --window 5 --replicas 3\n"
    "  assay net beacon chain.db commit --task 1 --key site.key       then reveal, in its window\n"
    "  assay net advance chain.db --blocks 5\n"
    "  assay net assignment chain.db --task 1 --site site.key.pub --output assignment.json\n"
    "  assay submit --solo chain.db …                                 commit and reveal a score\n"
    "  assay net settle chain.db --task 1 --key site.key\n"
    "  assay net leaderboard chain.db\n"
    "  assay net show chain.db chain | sites | task N | site KEY | tx ID\n"
    "  assay net replay chain.db            every transaction again, to the same state\n\n"
    "open takes a job's spec, or JSON with the terms of src/FORMAT.md 21.3. A refusal names its\n"
    "code (FORMAT.md 22.4) and is exit code 1.\n",
    options,
    cmd_net};
