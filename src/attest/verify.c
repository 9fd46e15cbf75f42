/* Checks of a bundle, from the signature inwards. */
#include "attest/verify.h"

#include "attest/dsse.h"
#include "attest/opened.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum assay_status assay_attest_salt_path(struct assay_bytes *out, const char *results_path,
                                         struct assay_error *err)
{
    return assay_bytes_format(out, err, "%s.salt", results_path);
}

enum assay_status assay_attest_envelope_path(struct assay_bytes *out, const char *results_path,
                                             struct assay_error *err)
{
    return assay_bytes_format(out, err, "%s.dsse.json", results_path);
}

enum assay_status assay_envelope_read(struct assay_envelope **out, struct assay_digest *digest,
                                      const char *path, struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, ASSAY_ENVELOPE_BYTES_MAX, &bytes, err);
    if (!status) {
        *digest = assay_sha256_of(bytes.data, bytes.size);
        status =
            assay_while(err, assay_envelope_parse(out, bytes.data, bytes.size, err), "%s", path);
    }
    assay_bytes_fini(&bytes);
    return status;
}

void assay_checks_note(struct assay_checks *checks, const char *name, bool done, const char *format,
                       ...)
{
    ASSAY_ASSERT(checks->count < ASSAY_CHECKS_MAX);
    struct assay_check *row = &checks->rows[checks->count++];
    va_list arguments;
    row->name = name;
    row->done = done;
    va_start(arguments, format);
    if (vsnprintf(row->detail, sizeof row->detail, format, arguments) < 0) row->detail[0] = '\0';
    va_end(arguments);
}

/* --- envelope and statement --- */

static enum assay_status check_site(const struct assay_statement *statement,
                                    const struct assay_public_key *key, struct assay_error *err)
{
    struct assay_digest site;
    if (statement->site[0] == '\0' || (assay_digest_parse(statement->site, &site) &&
                                       memcmp(site.bytes, key->bytes, sizeof key->bytes) == 0)) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EFAILED, "predicate.site is %s, which is not the key that signed",
                      statement->site);
}

static void note_statement(struct assay_checks *out, const struct assay_statement *statement)
{
    if (statement->chain) {
        assay_checks_note(out, "statement", true,
                          "%s: %" PRIu64 " of %" PRIu64
                          " correct; chain %s, task %s, round %" PRIu64,
                          ASSAY_STATEMENT_PREDICATE, statement->all.correct, statement->all.total,
                          statement->chain, statement->task, statement->round);
    } else {
        assay_checks_note(out, "statement", true,
                          "%s: %" PRIu64 " of %" PRIu64 " correct; no network's round",
                          ASSAY_STATEMENT_PREDICATE, statement->all.correct, statement->all.total);
    }
}

enum assay_status assay_verify_envelope(struct assay_checks *out,
                                        struct assay_statement **statement,
                                        struct assay_digest *digest, const char *path,
                                        const struct assay_public_key *key, struct assay_error *err)
{
    struct assay_envelope *envelope = NULL;
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_envelope_read(&envelope, digest, path, err);
    if (status) return status;
    if (key) {
        status = assay_envelope_verify(envelope, key, err);
        struct assay_digest id = assay_public_key_id(key);
        if (!status) {
            assay_checks_note(out, "signature", true,
                              "Ed25519 over %zu bytes, by the key with keyid %s",
                              envelope->payload_size, assay_digest_hex(&id, hex));
        }
    } else {
        assay_checks_note(out, "signature", false,
                          "not checked: give the public key that you trust with --key");
    }
    if (!status) {
        status = assay_statement_parse(statement, envelope->payload, envelope->payload_size, err);
    }
    if (!status && key) status = check_site(*statement, key, err);
    if (!status) note_statement(out, *statement);
    assay_envelope_destroy(envelope);
    return assay_while(err, status, "%s", path);
}

/* --- the results file --- */

/* The leaves of a file whose salt key may not be ours to read. */
struct tree {
    struct assay_leaves leaves;
    struct assay_digest records; /* whose salt key it is */
    bool salted;
    enum assay_status refused; /* there is one, and it cannot be taken … */
    struct assay_error why;    /* … which matters only if all else holds */
};

static enum assay_status read_salt(struct tree *tree, const char *path, const char *salt_path,
                                   struct assay_error *err)
{
    struct assay_results_head head;
    tree->salted = assay_file_exists(salt_path);
    if (!tree->salted) return ASSAY_OK;
    enum assay_status status = assay_results_peek(&head, path, err);
    if (status) return status;
    tree->records = head.records_digest;
    tree->refused = assay_salt_key_read(&tree->leaves.key, salt_path, &tree->records, &tree->why);
    return ASSAY_OK;
}

static enum assay_status check_root(struct assay_checks *out,
                                    const struct assay_statement *statement,
                                    const struct assay_results *results, const struct tree *tree,
                                    const char *salt_path, struct assay_error *err)
{
    const struct assay_leaves *leaves = &tree->leaves;
    char stated[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    assay_digest_hex(&statement->merkle_root, stated);
    if (results->sealed) {
        assay_checks_note(out, "merkle root", false,
                          "%s: not checked, the records are encrypted; give the benchmark's data "
                          "with --data",
                          stated);
        return ASSAY_OK;
    }
    if (!tree->salted) {
        assay_checks_note(out, "merkle root", false,
                          "%s: not checked, it needs the owner's salt key (%s)", stated, salt_path);
        return ASSAY_OK;
    }
    if (tree->refused) return assay_fail(err, tree->refused, "%s", tree->why.text);
    if (!assay_digest_equal(&tree->records, &results->records_digest)) {
        return assay_fail(err, ASSAY_EMISMATCH, "%s has changed while it was read", results->path);
    }
    struct assay_digest root = assay_merkle_root_of(leaves->hashes, (size_t)leaves->count);
    if (!assay_digest_equal(&root, &statement->merkle_root)) {
        return assay_fail(err, ASSAY_EFAILED,
                          "predicate.records.merkleRoot is %s, but records and salt key give %s",
                          stated, assay_digest_hex(&root, found));
    }
    assay_checks_note(out, "merkle root", true, "%s: %" PRIu64 " leaves under the owner's salt key",
                      stated, results->sample_count);
    return ASSAY_OK;
}

static enum assay_status check_content(struct assay_checks *out,
                                       const struct assay_statement *statement,
                                       const struct assay_results *results, struct assay_error *err)
{
    struct assay_statement *found = NULL;
    char hex[ASSAY_DIGEST_HEX];
    const struct assay_statement_facts facts = {.results_name = statement->results_name,
                                                .results_file = statement->results_file,
                                                .merkle_root = statement->merkle_root};
    enum assay_status status = assay_statement_of_results(&found, results, &facts, err);
    if (!status) status = assay_statement_compare(statement, found, err);
    assay_statement_destroy(found);
    if (status) return status;
    assay_digest_hex(&results->records_digest, hex);
    if (results->sealed) {
        assay_checks_note(out, "records", false,
                          "digest %s: not computed again, the records are encrypted; give the "
                          "benchmark's data with --data",
                          hex);
    } else {
        assay_checks_note(out, "records", true,
                          "digest %s, computed again from %" PRIu64 " records", hex,
                          results->sample_count);
    }
    assay_checks_note(out, "counts", true,
                      "%" PRIu64 " of %" PRIu64
                      " correct, %zu strata, digests and environment: as the records "
                      "say",
                      statement->all.correct, statement->all.total, statement->stratum_count);
    return ASSAY_OK;
}

/* The records are read once; leaves are made where there is a salt key. */
static enum assay_status check_inside(struct assay_checks *out,
                                      const struct assay_statement *statement,
                                      const struct assay_verification *what,
                                      struct assay_error *err)
{
    const char *path = what->results_path;
    struct assay_results *results = NULL;
    struct assay_bytes salt_path = {0};
    struct tree tree = {.salted = false};
    const struct assay_results_visitor visitor = {assay_leaves_add, &tree.leaves};
    enum assay_status status = assay_attest_salt_path(&salt_path, path, err);
    const char *salt = (const char *)salt_path.data;
    if (!status) status = read_salt(&tree, path, salt, err);
    bool leaves = tree.salted && !tree.refused;
    if (!status) {
        status = assay_results_open_visited(&results, path, what->data_path,
                                            leaves ? &visitor : NULL, err);
    }
    if (!status) status = check_content(out, statement, results, err);
    if (!status) status = check_root(out, statement, results, &tree, salt, err);
    assay_bytes_fini(&salt_path);
    assay_leaves_fini(&tree.leaves);
    assay_results_close(results);
    return status;
}

static enum assay_status check_results(struct assay_checks *out,
                                       const struct assay_statement *statement,
                                       const struct assay_verification *what,
                                       struct assay_error *err)
{
    const char *path = what->results_path;
    struct assay_digest digest;
    char stated[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_sha256_file(&digest, path, err);
    if (status) return status;
    assay_digest_hex(&statement->results_file, stated);
    if (!assay_digest_equal(&digest, &statement->results_file)) {
        return assay_fail(err, ASSAY_EFAILED,
                          "%s: the file has sha256 %s, but the statement is about %s (%.60s)", path,
                          assay_digest_hex(&digest, found), stated, statement->results_name);
    }
    assay_checks_note(out, "results file", true, "sha256 %s", stated);
    return check_inside(out, statement, what, err);
}

/* --- an opened record --- */

enum assay_status assay_verify_bound(const struct assay_opened *opened,
                                     const struct assay_statement *statement,
                                     const struct assay_digest *envelope, struct assay_error *err)
{
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    if (!assay_digest_equal(&opened->merkle_root, &statement->merkle_root) ||
        opened->tree_size != statement->tree_size) {
        return assay_fail(err, ASSAY_EFAILED,
                          "opened under root %s of %" PRIu64
                          " leaves, but the statement has root %s of %" PRIu64,
                          assay_digest_hex(&opened->merkle_root, theirs), opened->tree_size,
                          assay_digest_hex(&statement->merkle_root, ours), statement->tree_size);
    }
    if (assay_digest_equal(&opened->envelope, envelope)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFAILED, "opened for the envelope %s, but this one is %s",
                      assay_digest_hex(&opened->envelope, theirs),
                      assay_digest_hex(envelope, ours));
}

static void note_record(struct assay_checks *out, const struct assay_opened *opened,
                        const struct assay_record *record, bool bound)
{
    char hex[ASSAY_DIGEST_HEX], item[80], profile[64];
    assay_checks_note(
        out, "record", true,
        "item %s, profile %s, replicate %" PRIu32 ": %s, score %" PRIu32 " millionths, %zu tokens",
        assay_text_quote(item, sizeof item, record->item_id.data, record->item_id.size),
        assay_text_quote(profile, sizeof profile, record->profile.data, record->profile.size),
        record->replicate, assay_verdict_name((enum assay_verdict)record->verdict),
        record->score_micro, record->token_count);
    assay_checks_note(out, "inclusion", true, "leaf %" PRIu64 " of %" PRIu64 " under root %s%s",
                      opened->index, opened->tree_size, assay_digest_hex(&opened->merkle_root, hex),
                      bound ? ", which the statement states" : "");
    if (!bound) {
        assay_checks_note(
            out, "root", false,
            "not checked: only the opened record itself names this root; give the envelope and "
            "--key");
    }
}

static enum assay_status check_record(struct assay_checks *out,
                                      const struct assay_verification *what,
                                      const struct assay_statement *statement,
                                      const struct assay_digest *envelope, struct assay_error *err)
{
    const char *path = what->record_path;
    struct assay_cipher_key key = {.known = false};
    struct assay_bytes bytes = {0};
    struct assay_arena arena = {0};
    struct assay_opened opened;
    struct assay_record record;
    enum assay_status status = assay_file_read(path, ASSAY_OPENED_BYTES_MAX, &bytes, err);
    if (!status && what->data_path) status = assay_cipher_key_of_file(&key, what->data_path, err);
    if (status) goto done;
    status = assay_opened_parse(&opened, &arena, bytes.data, bytes.size, err);
    if (!status) status = assay_opened_verify(&opened, &key, &record, &arena, err);
    if (!status && statement) status = assay_verify_bound(&opened, statement, envelope, err);
    status = assay_while(err, status, "%s", path);
    if (!status) note_record(out, &opened, &record, statement != NULL);
done:
    assay_bytes_fini(&bytes);
    assay_arena_fini(&arena);
    return status;
}

enum assay_status assay_verify(struct assay_checks *out, const struct assay_verification *what,
                               struct assay_error *err)
{
    struct assay_statement *statement = NULL;
    struct assay_digest envelope = {{0}};
    enum assay_status status = ASSAY_OK;
    out->count = 0;
    if (what->envelope_path)
        status =
            assay_verify_envelope(out, &statement, &envelope, what->envelope_path, what->key, err);
    if (!status && statement && what->results_path) {
        status = check_results(out, statement, what, err);
    } else if (!status && statement) {
        assay_checks_note(out, "results file", false, "not checked: give it with --results");
    }
    if (!status && what->record_path) {
        status = check_record(out, what, statement, &envelope, err);
    }
    assay_statement_destroy(statement);
    return status;
}
