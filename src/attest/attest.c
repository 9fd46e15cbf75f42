/* Making envelopes and opening records. */
#include "attest/attest.h"

#include "attest/dsse.h"
#include "attest/opened.h"
#include "attest/verify.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "store/sealed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A results file with the leaves over its records. */
struct tree {
    struct assay_results *results;
    struct assay_leaves leaves;
};

static void close_tree(struct tree *tree)
{
    assay_leaves_fini(&tree->leaves);
    assay_results_close(tree->results);
}

static enum assay_status read_tree(struct tree *tree, const char *path, const char *data_path,
                                   const struct assay_digest *records, struct assay_error *err)
{
    const struct assay_results_visitor visitor = {assay_leaves_add, &tree->leaves};
    enum assay_status status =
        assay_results_open_clear(&tree->results, path, data_path, &visitor, err);
    if (status || assay_digest_equal(records, &tree->results->records_digest)) return status;
    return assay_fail(err, ASSAY_EMISMATCH, "%s has changed while it was read", path);
}

/* The file is read once. The salt key must be known before, and belongs to the digest that the file
 * states; that its records have this digest is known behind the last of them, and only then a new
 * key is kept. `make`: a salt key that is not there yet is made. */
static enum assay_status open_tree(struct tree *tree, const char *path, const char *data_path,
                                   bool make, struct assay_error *err)
{
    struct assay_bytes salt_path = {0};
    struct assay_results_head head;
    *tree = (struct tree){0};
    enum assay_status status = assay_results_peek(&head, path, err);
    if (!status) status = assay_attest_salt_path(&salt_path, path, err);
    if (status) goto done;
    const char *salt = (const char *)salt_path.data;
    struct assay_salt_key *key = &tree->leaves.key;
    status = assay_salt_key_read(key, salt, &head.records_digest, err);
    bool fresh = status == ASSAY_ENOTFOUND && make;
    if (fresh) status = assay_salt_key_draw(key, err);
    if (!status) status = read_tree(tree, path, data_path, &head.records_digest, err);
    if (!status && fresh) status = assay_salt_key_create(key, salt, &head.records_digest, err);
done:
    assay_bytes_fini(&salt_path);
    if (status) close_tree(tree);
    return status;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Results of an assignment say whose round they are; no other may be claimed for them. */
static enum assay_status choose_round(struct assay_statement_facts *facts,
                                      const struct assay_results *results,
                                      const struct assay_attest_round *round,
                                      struct assay_error *err)
{
    uint64_t number;
    facts->chain = round->chain;
    facts->task = round->task;
    facts->round = round->round;
    if (results->chain[0] == '\0') return ASSAY_OK;
    ASSAY_ASSERT(assay_text_unsigned(results->round, UINT64_MAX, &number)); /* checked by store */
    if (round->chain && (strcmp(round->chain, results->chain) != 0 ||
                         strcmp(round->task, results->task) != 0 || round->round != number)) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "computed for chain %s, task %s, round %s, not for %s, %s, %llu",
                          results->chain, results->task, results->round, round->chain, round->task,
                          (unsigned long long)round->round);
    }
    facts->chain = results->chain;
    facts->task = results->task;
    facts->round = number;
    return ASSAY_OK;
}

enum assay_status assay_attest_statement(struct assay_bytes *out, const char *results_path,
                                         const char *data_path,
                                         const struct assay_attest_round *round,
                                         struct assay_error *err)
{
    struct tree tree;
    struct assay_statement *statement = NULL;
    struct assay_statement_facts facts = {.results_name = name_of(results_path)};
    enum assay_status status = open_tree(&tree, results_path, data_path, true, err);
    if (status) return status;
    status = choose_round(&facts, tree.results, round, err);
    if (status) {
        close_tree(&tree);
        return assay_while(err, status, "%s", results_path);
    }
    facts.merkle_root = assay_merkle_root_of(tree.leaves.hashes, (size_t)tree.leaves.count);
    status = assay_sha256_file(&facts.results_file, results_path, err);
    if (!status) status = assay_statement_of_results(&statement, tree.results, &facts, err);
    if (!status) status = assay_statement_write(statement, out, err);
    assay_statement_destroy(statement);
    close_tree(&tree);
    return status;
}

enum assay_status assay_attest_seal(struct assay_bytes *out, const struct assay_bytes *statement,
                                    const struct assay_attest_signer *signer,
                                    struct assay_public_key *key, struct assay_error *err)
{
    struct assay_bytes pae = {0};
    struct assay_signature signature;
    enum assay_status status =
        assay_dsse_pae(&pae, ASSAY_PAYLOAD_TYPE, statement->data, statement->size, err);
    if (!status) status = signer->sign(signer->context, pae.data, pae.size, key, &signature, err);
    if (!status) {
        status = assay_envelope_write(out, ASSAY_PAYLOAD_TYPE, statement->data, statement->size,
                                      key, &signature, err);
    }
    assay_bytes_fini(&pae);
    return status;
}

/* The canonical part; of an encrypted benchmark without what is in its cell. */
static enum assay_status encode_public(struct assay_bytes *out, struct assay_record record,
                                       bool encrypted, struct assay_error *err)
{
    uint32_t *zeros = NULL;
    if (encrypted) {
        zeros = calloc(record.token_count + 1, sizeof *zeros);
        if (!zeros) return assay_fail(err, ASSAY_EMEMORY, "no memory for a record");
        record.tokens = zeros;
        record.answer = (struct assay_span){"", 0};
    }
    enum assay_status status = assay_record_encode(out, &record, err);
    free(zeros);
    return status;
}

static enum assay_status open_leaf(struct assay_bytes *out, const struct tree *tree,
                                   const struct assay_digest *envelope, uint64_t index,
                                   struct assay_error *err)
{
    struct assay_results *results = tree->results;
    size_t count = (size_t)results->sample_count;
    struct assay_bytes canonical = {0};
    struct assay_results_sample sample;
    enum assay_status status = assay_results_sample(results, index, &sample, err);
    if (status) return status;
    struct assay_span cell = assay_sealed_record_part(sample.cell);
    status = encode_public(&canonical, sample.record, results->encrypted, err);
    if (!status) {
        struct assay_opened opened = {.index = index,
                                      .tree_size = count,
                                      .salt = assay_leaf_salt(&tree->leaves.key, index),
                                      .canonical = canonical.data,
                                      .canonical_size = canonical.size,
                                      .cell = (const uint8_t *)cell.data,
                                      .cell_size = cell.size,
                                      .merkle_root =
                                          assay_merkle_root_of(tree->leaves.hashes, count),
                                      .envelope = *envelope};
        opened.path_count =
            assay_merkle_proof(tree->leaves.hashes, count, (size_t)index, opened.path);
        status = assay_opened_write(out, &opened, err);
    }
    assay_bytes_fini(&canonical);
    return status;
}

/* The signature is the verifier's business; here the envelope must only be about this tree. */
static enum assay_status check_envelope(const char *path, const struct tree *tree,
                                        struct assay_digest *digest, struct assay_error *err)
{
    struct assay_envelope *envelope = NULL;
    struct assay_statement *statement = NULL;
    char stated[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_envelope_read(&envelope, digest, path, err);
    if (status) return status;
    status = assay_statement_parse(&statement, envelope->payload, envelope->payload_size, err);
    if (!status) {
        struct assay_digest root =
            assay_merkle_root_of(tree->leaves.hashes, (size_t)tree->leaves.count);
        if (!assay_digest_equal(&root, &statement->merkle_root)) {
            status = assay_fail(err, ASSAY_EMISMATCH,
                                "its root is %s, but the results file and its salt key give %s",
                                assay_digest_hex(&statement->merkle_root, stated),
                                assay_digest_hex(&root, found));
        }
    }
    assay_statement_destroy(statement);
    assay_envelope_destroy(envelope);
    return assay_while(err, status, "%s", path);
}

enum assay_status assay_attest_open(struct assay_bytes *out, const char *results_path,
                                    const char *data_path, const char *envelope_path,
                                    uint64_t index, struct assay_error *err)
{
    struct tree tree;
    struct assay_digest envelope;
    enum assay_status status = open_tree(&tree, results_path, data_path, false, err);
    if (status) return status;
    if (index >= tree.results->sample_count) {
        status = assay_fail(err, ASSAY_EVALUE,
                            "%s: there is no sample %" PRIu64 "; it has 0 to %" PRIu64,
                            results_path, index, tree.results->sample_count - 1);
    }
    if (!status) status = check_envelope(envelope_path, &tree, &envelope, err);
    if (!status) status = open_leaf(out, &tree, &envelope, index, err);
    close_tree(&tree);
    return status;
}
