/* From a signed results file to what a site commits to: the statement's root, and one bit for each
 * sample. */
#include "cli/score.h"

#include "attest/dsse.h"
#include "attest/verify.h"
#include "base/file.h"
#include "ledger/layouts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SCORE_FILE_BYTES_MAX = 1 << 20 };

static enum assay_status check_round(const struct assay_statement *statement,
                                     const struct assay_score_round *round, struct assay_error *err)
{
    char task[24], site[2 * ASSAY_PUBLIC_KEY_BYTES + 1];
    snprintf(task, sizeof task, "%" PRIu64, round->task);
    for (size_t i = 0; i < ASSAY_PUBLIC_KEY_BYTES; i++) {
        snprintf(site + 2 * i, 3, "%02x", round->site->bytes[i]);
    }
    if (!statement->chain) {
        return assay_fail(err, ASSAY_EMISMATCH, "signed for no network's round");
    }
    if (strcmp(statement->chain, round->chain) != 0 || strcmp(statement->task, task) != 0 ||
        statement->round != round->round) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "signed for chain %s, task %s, round %" PRIu64 ", not for %s, %s, %u",
                          statement->chain, statement->task, statement->round, round->chain, task,
                          round->round);
    }
    if (strcmp(statement->site, site) != 0) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "its samples were drawn by the keys of site \"%s\", not %s",
                          statement->site, site);
    }
    return ASSAY_OK;
}

/* The envelope beside the file: everything about it holds, and it is for this round. */
static enum assay_status read_statement(struct assay_score *out, const char *path,
                                        const struct assay_score_round *round,
                                        struct assay_error *err)
{
    struct assay_bytes name = {0};
    struct assay_envelope *envelope = NULL;
    struct assay_statement *statement = NULL;
    static struct assay_checks checks;
    enum assay_status status = assay_attest_envelope_path(&name, path, err);
    const char *envelope_path = (const char *)name.data;
    if (!status) {
        const struct assay_verification what = {
            .envelope_path = envelope_path, .results_path = path, .key = round->site};
        status = assay_verify(&checks, &what, err);
    }
    if (!status) status = assay_envelope_read(&envelope, &out->statement, envelope_path, err);
    if (!status) {
        status = assay_statement_parse(&statement, envelope->payload, envelope->payload_size, err);
    }
    if (!status) status = assay_while(err, check_round(statement, round, err), "%s", envelope_path);
    if (!status) {
        out->root = statement->merkle_root;
        out->n = statement->tree_size;
    }
    assay_statement_destroy(statement);
    assay_envelope_destroy(envelope);
    assay_bytes_fini(&name);
    return status;
}

static enum assay_status pack_bits(struct assay_score *out, const struct assay_results *results,
                                   struct assay_error *err)
{
    if (results->sample_count != out->n || out->n > ASSAY_TASK_SAMPLES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "%" PRIu64 " samples; a round takes %d at most",
                          results->sample_count, ASSAY_TASK_SAMPLES_MAX);
    }
    size_t size = (size_t)(out->n + 7) / 8;
    enum assay_status status = assay_bytes_reserve(&out->bits, size, err);
    if (status) return status;
    memset(out->bits.data, 0, size);
    out->bits.size = size;
    for (uint64_t i = 0; i < out->n; i++) {
        if (results->score_micro[i] == 0) continue;
        if (results->score_micro[i] != ASSAY_SCORE_ONE) {
            return assay_fail(err, ASSAY_EUNSUPPORTED,
                              "sample %" PRIu64 " scores %u millionths: a round takes 0 and 1", i,
                              results->score_micro[i]);
        }
        out->bits.data[i / 8] |= (uint8_t)(1u << i % 8);
        out->sum++;
    }
    return ASSAY_OK;
}

static enum assay_status read_results(struct assay_score *out, const char *path,
                                      const struct assay_score_round *round,
                                      struct assay_error *err)
{
    struct assay_results *results = NULL;
    enum assay_status status = read_statement(out, path, round, err);
    if (!status) status = assay_results_open(&results, path, NULL, err);
    if (!status) status = pack_bits(out, results, err);
    assay_results_close(results);
    return status;
}

enum assay_status assay_score_read(struct assay_score *out, const char *path,
                                   const struct assay_score_round *round, struct assay_error *err)
{
    static const uint8_t hdf5[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    struct assay_mapping mapping = {0};
    struct assay_score read = {0};
    enum assay_status status = assay_file_map(&mapping, path, err);
    if (status) return status;
    bool is_results = mapping.size >= sizeof hdf5 && memcmp(mapping.data, hdf5, sizeof hdf5) == 0;
    if (!is_results && mapping.size <= SCORE_FILE_BYTES_MAX) {
        status = assay_score_parse(&read, (const char *)mapping.data, mapping.size, err);
        status = assay_while(err, status, "%s", path);
    } else if (!is_results) {
        status = assay_fail(err, ASSAY_EFORMAT, "%s: neither a results file nor a score", path);
    }
    assay_file_unmap(&mapping);
    if (is_results) status = read_results(&read, path, round, err);
    if (status) {
        assay_score_fini(&read);
    } else {
        *out = read;
    }
    return status;
}
