/* receipt-1: taken, written, read, checked (FORMAT.md 24.3). */
#include "submit/receipt.h"

#include "base/json.h"
#include "submit/hex.h"

#include <string.h>

static const char format_name[] = "receipt-1";

void assay_receipt_fini(struct assay_receipt *receipt)
{
    for (size_t i = 0; i < ASSAY_RECEIPT_PROOFS_MAX; i++) assay_bytes_fini(&receipt->values[i]);
    *receipt = (struct assay_receipt){0};
}

enum assay_status assay_receipt_take(struct assay_receipt *out, const struct assay_network *network,
                                     const struct assay_state_key *keys, size_t count,
                                     struct assay_error *err)
{
    struct assay_network_info info;
    enum assay_status status = network->ops->info(network->self, &info, err);
    if (status) return status;
    *out = (struct assay_receipt){.height = info.height, .app_hash = info.app_hash};
    memcpy(out->chain, info.chain, sizeof out->chain);
    for (size_t i = 0; i < count && i < ASSAY_RECEIPT_PROOFS_MAX && !status; i++) {
        status =
            network->ops->prove(network->self, &keys[i], &out->proofs[i], &out->values[i], err);
        if (!status) out->proof_count++;
    }
    if (status) assay_receipt_fini(out);
    return status;
}

/* --- writing */

static struct assay_json *proof_json(const struct assay_state_proof *proof)
{
    struct assay_json *object = assay_json_new_object(), *path = assay_json_new_array();
    bool ok =
        object && path &&
        assay_json_set(object, "key", assay_hex_json(proof->key.bytes, proof->key.size)) &&
        assay_json_set(object, "value", assay_hex_json(proof->value.data, proof->value.size)) &&
        assay_json_set(object, "index", assay_json_new_integer((int64_t)proof->index));
    for (size_t i = 0; i < proof->path_length && ok; i++) {
        ok = assay_json_add(path, assay_hex_json(proof->path[i].bytes, ASSAY_DIGEST_BYTES));
    }
    if (ok) {
        ok = assay_json_set(object, "path", path);
    } else {
        assay_json_destroy(path);
    }
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

static bool set_head(struct assay_json *object, const struct assay_receipt *of)
{
    const struct assay_state_proof *first = &of->proofs[0]; /* zeroed if there is none */
    return assay_json_set(object, "format", assay_json_new_text(format_name)) &&
           assay_json_set(object, "chain", assay_json_new_text(of->chain)) &&
           assay_json_set(object, "task", assay_json_new_integer((int64_t)of->task)) &&
           assay_json_set(object, "round", assay_json_new_integer(of->round)) &&
           assay_json_set(object, "site", assay_hex_json(of->site.bytes, 32)) &&
           assay_json_set(object, "tx", assay_hex_json(of->tx.bytes, of->has_tx ? 32 : 0)) &&
           assay_json_set(object, "height", assay_json_new_integer((int64_t)of->height)) &&
           assay_json_set(object, "app_hash", assay_hex_json(of->app_hash.bytes, 32)) &&
           assay_json_set(object, "inner", assay_hex_json(first->inner.bytes, 32)) &&
           assay_json_set(object, "size", assay_json_new_integer((int64_t)first->size));
}

enum assay_status assay_receipt_write(const struct assay_receipt *of, struct assay_bytes *out,
                                      struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object(), *proofs = assay_json_new_array();
    bool ok = object && proofs && set_head(object, of);
    for (size_t i = 0; i < of->proof_count && ok; i++) {
        ok = assay_json_add(proofs, proof_json(&of->proofs[i]));
    }
    if (ok) {
        ok = assay_json_set(object, "proofs", proofs);
    } else {
        assay_json_destroy(proofs);
    }
    enum assay_status status = ok ? assay_json_write(object, true, out, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory for a receipt");
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    assay_json_destroy(object);
    return status;
}

/* --- reading */

static enum assay_status read_path(struct assay_state_proof *proof, const struct assay_json *object,
                                   struct assay_error *err)
{
    const struct assay_json *path = assay_json_member(object, "path");
    if (!path || assay_json_type(path) != ASSAY_JSON_ARRAY ||
        assay_json_count(path) > ASSAY_MERKLE_PATH_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "\"path\" must be at most %d digests",
                          ASSAY_MERKLE_PATH_MAX);
    }
    for (size_t i = 0; i < assay_json_count(path); i++) {
        const char *text = assay_json_text(assay_json_element(path, i));
        if (!text || !assay_hex_read_exactly(proof->path[i].bytes, ASSAY_DIGEST_BYTES, text)) {
            return assay_fail(err, ASSAY_EFORMAT, "\"path\": element %zu is no digest", i);
        }
        proof->path_length++;
    }
    return ASSAY_OK;
}

static enum assay_status read_proof(struct assay_state_proof *proof, struct assay_bytes *value,
                                    const struct assay_json *object, struct assay_error *err)
{
    const char *key = NULL, *text = NULL;
    enum assay_status status = assay_member_text(object, "key", &key, err);
    if (!status) status = assay_member_text(object, "value", &text, err);
    if (!status) status = assay_member_number(object, "index", INT64_MAX, &proof->index, err);
    if (status) return status;
    proof->key.size = strlen(key) / 2;
    if (proof->key.size > ASSAY_KEY_BYTES_MAX ||
        !assay_hex_read_exactly(proof->key.bytes, proof->key.size, key) ||
        !assay_hex_read(value, text) || value->size > UINT32_MAX ||
        !assay_state_entry_valid(proof->key.bytes, proof->key.size, value->data, value->size)) {
        return assay_fail(err, ASSAY_EFORMAT, "\"key\" and \"value\" are no entry of a state");
    }
    proof->value = (struct assay_blob){value->data, (uint32_t)value->size};
    return read_path(proof, object, err);
}

static enum assay_status read_head(struct assay_receipt *out, const struct assay_json *json,
                                   struct assay_state_proof *of, struct assay_error *err)
{
    const char *chain = NULL, *tx = NULL;
    uint64_t round = 0;
    enum assay_status status = assay_member_format(json, format_name, err);
    if (!status) status = assay_member_text(json, "chain", &chain, err);
    if (!status && !assay_label_valid(chain, strlen(chain), ASSAY_CHAIN_ID_MAX)) {
        status = assay_fail(err, ASSAY_EFORMAT, "\"chain\" is no chain id");
    }
    if (!status) memcpy(out->chain, chain, strlen(chain) + 1);
    if (!status) status = assay_member_number(json, "task", INT64_MAX, &out->task, err);
    if (!status) status = assay_member_number(json, "round", UINT32_MAX, &round, err);
    if (!status) status = assay_member_hex(json, "site", out->site.bytes, 32, err);
    if (!status) status = assay_member_text(json, "tx", &tx, err);
    if (!status && tx[0]) {
        out->has_tx = true;
        status = assay_member_hex(json, "tx", out->tx.bytes, 32, err);
    }
    if (!status) status = assay_member_number(json, "height", INT64_MAX, &out->height, err);
    if (!status) status = assay_member_hex(json, "app_hash", out->app_hash.bytes, 32, err);
    if (!status) status = assay_member_hex(json, "inner", of->inner.bytes, 32, err);
    if (!status) status = assay_member_number(json, "size", INT64_MAX, &of->size, err);
    out->round = (uint32_t)round;
    return status;
}

static enum assay_status read_proofs(struct assay_receipt *out, const struct assay_json *json,
                                     const struct assay_state_proof *of, struct assay_error *err)
{
    const struct assay_json *proofs = assay_json_member(json, "proofs");
    if (!proofs || assay_json_type(proofs) != ASSAY_JSON_ARRAY || assay_json_count(proofs) == 0 ||
        assay_json_count(proofs) > ASSAY_RECEIPT_PROOFS_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "\"proofs\" must be 1 to %d objects",
                          ASSAY_RECEIPT_PROOFS_MAX);
    }
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < assay_json_count(proofs) && !status; i++) {
        out->proofs[i] = *of;
        status = read_proof(&out->proofs[i], &out->values[i], assay_json_element(proofs, i), err);
        out->proof_count++;
    }
    return status;
}

enum assay_status assay_receipt_parse(struct assay_receipt *out, const char *text, size_t length,
                                      struct assay_error *err)
{
    struct assay_json *json = NULL;
    struct assay_receipt read = {0};
    struct assay_state_proof shared = {0}; /* what all proofs have in common */
    if (length > ASSAY_RECEIPT_BYTES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "a receipt of more than 1 MiB");
    }
    enum assay_status status = assay_json_parse(&json, text, length, err);
    if (!status) status = read_head(&read, json, &shared, err);
    if (!status) status = read_proofs(&read, json, &shared, err);
    assay_json_destroy(json);
    if (status) {
        assay_receipt_fini(&read);
    } else {
        *out = read;
    }
    return status;
}

/* --- checking */

/* An entry of this round: of this site where the table has one entry for each site. */
static bool is_about(const struct assay_receipt *of, const struct assay_state_key *key)
{
    struct assay_state_key round =
        assay_state_key_round((enum assay_table_id)key->bytes[0], of->task, of->round);
    if (!assay_state_key_begins(key, &round)) return false;
    return key->size == round.size || (key->size == round.size + 32 &&
                                       memcmp(key->bytes + round.size, of->site.bytes, 32) == 0);
}

enum assay_status assay_receipt_check(const struct assay_receipt *of, struct assay_error *err)
{
    for (size_t i = 0; i < of->proof_count; i++) {
        if (!is_about(of, &of->proofs[i].key)) {
            return assay_fail(err, ASSAY_EFAILED,
                              "proof %zu is not about this task, round and site", i);
        }
        if (!assay_state_proof_verify(&of->proofs[i], &of->app_hash)) {
            return assay_fail(err, ASSAY_EFAILED, "proof %zu does not lead to the app hash", i);
        }
    }
    return ASSAY_OK;
}
