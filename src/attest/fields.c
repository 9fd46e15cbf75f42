/* The table of a predicate's members, and the rules that hold between them. */
#include "attest/fields.h"

#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct assay_statement, member)

const struct assay_field assay_fields[] = {
    {"dataset", "sha256", ASSAY_FIELD_DIGEST, AT(dataset), NULL, true},
    {"spec", "name", ASSAY_FIELD_TEXT, AT(spec_name), NULL, true},
    {"spec", "digest", ASSAY_FIELD_DIGEST, AT(spec), NULL, true},
    {"plan", "digest", ASSAY_FIELD_DIGEST, AT(plan), NULL, true},
    {"sampler", "id", ASSAY_FIELD_TEXT, AT(sampler), NULL, true},
    {"environment", "engine", ASSAY_FIELD_TEXT, AT(engine), NULL, true},
    {"environment", "build", ASSAY_FIELD_TEXT, AT(build), NULL, true},
    {"environment", "arithmetic", ASSAY_FIELD_TEXT, AT(arithmetic), NULL, true},
    {"environment", "backend", ASSAY_FIELD_TEXT, AT(backend), NULL, true},
    {"environment", "isa", ASSAY_FIELD_TEXT, AT(isa), NULL, true},
    {"environment", "hardware", ASSAY_FIELD_TEXT, AT(hardware), NULL, true},
    {"environment", "topologyDigest", ASSAY_FIELD_DIGEST, AT(topologies), NULL, true},
    {"batch", "jobDigest", ASSAY_FIELD_DIGEST, AT(batch), NULL, true},
    {"records", "treeSize", ASSAY_FIELD_NUMBER, AT(tree_size), NULL, true},
    {"records", "merkleRoot", ASSAY_FIELD_DIGEST, AT(merkle_root), NULL, false},
    {"records", "hash", ASSAY_FIELD_CONSTANT, 0, ASSAY_STATEMENT_HASH, false},
    {"records", "leaf", ASSAY_FIELD_CONSTANT, 0, ASSAY_STATEMENT_LEAF, false},
    {"records", "recordsDigest", ASSAY_FIELD_DIGEST, AT(records), NULL, true},
    {"result", "correct", ASSAY_FIELD_NUMBER, AT(all.correct), NULL, true},
    {"result", "total", ASSAY_FIELD_NUMBER, AT(all.total), NULL, true},
    {"result", "scoreMicro", ASSAY_FIELD_NUMBER, AT(all.score_micro), NULL, true},
    {"times", "started", ASSAY_FIELD_TIME, AT(started), NULL, true},
    {"times", "finished", ASSAY_FIELD_TIME, AT(finished), NULL, true},
    {NULL, "site", ASSAY_FIELD_TEXT, AT(site), NULL, true},
};

bool assay_statement_is_name(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= ASSAY_STATEMENT_NAME_BYTES_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               length;
}

static bool is_possible(const struct assay_tally *tally)
{
    return tally->total < UINT64_C(1) << 40 && tally->correct <= tally->total &&
           tally->score_micro <= tally->total * ASSAY_SCORE_ONE;
}

const char *assay_statement_fault(const struct assay_statement *statement)
{
    struct assay_tally sum = {0, 0, 0};
    if (!is_possible(&statement->all)) {
        return "predicate.result: more correct, or a higher score, than the samples allow";
    }
    if (statement->all.total != statement->tree_size) {
        return "predicate.result.total is not predicate.records.treeSize";
    }
    for (size_t i = 0; i < statement->stratum_count; i++) {
        const struct assay_tally *tally = &statement->strata[i].tally;
        if (!is_possible(tally)) {
            return "predicate.result.strata: more correct, or a higher score, than the samples "
                   "allow";
        }
        sum.correct += tally->correct;
        sum.total += tally->total;
        sum.score_micro += tally->score_micro;
    }
    if (sum.correct != statement->all.correct || sum.total != statement->all.total ||
        sum.score_micro != statement->all.score_micro) {
        return "predicate.result.strata do not add up to predicate.result";
    }
    if (!statement->chain != !statement->task) {
        return "predicate.chain and predicate.task must come together";
    }
    if (statement->chain &&
        !(assay_statement_is_name(statement->chain) && assay_statement_is_name(statement->task))) {
        return "predicate.chain or predicate.task is no name (1 to 64 of A-Z a-z 0-9 . _ -)";
    }
    return NULL;
}

static enum assay_status differ(struct assay_error *err, const struct assay_field *field,
                                const char *stated, const char *found)
{
    return assay_fail(
        err, ASSAY_EFAILED, "predicate.%s%s%s is \"%.80s\", but the results file gives \"%.80s\"",
        field->group ? field->group : "", field->group ? "." : "", field->name, stated, found);
}

static enum assay_status compare_field(const struct assay_field *field,
                                       const struct assay_statement *stated,
                                       const struct assay_statement *found, struct assay_error *err)
{
    const char *a = (const char *)stated + field->offset, *b = (const char *)found + field->offset;
    char left[ASSAY_DIGEST_HEX], right[ASSAY_DIGEST_HEX];
    switch (field->kind) {
    case ASSAY_FIELD_DIGEST:
        if (memcmp(a, b, ASSAY_DIGEST_BYTES) == 0) return ASSAY_OK;
        return differ(err, field, assay_digest_hex((const struct assay_digest *)a, left),
                      assay_digest_hex((const struct assay_digest *)b, right));
    case ASSAY_FIELD_NUMBER: {
        uint64_t numbers[2];
        memcpy(&numbers[0], a, sizeof numbers[0]);
        memcpy(&numbers[1], b, sizeof numbers[1]);
        if (numbers[0] == numbers[1]) return ASSAY_OK;
        snprintf(left, sizeof left, "%" PRIu64, numbers[0]);
        snprintf(right, sizeof right, "%" PRIu64, numbers[1]);
        return differ(err, field, left, right);
    }
    case ASSAY_FIELD_TEXT:
    case ASSAY_FIELD_TIME: {
        const char *texts[2];
        memcpy(&texts[0], a, sizeof texts[0]);
        memcpy(&texts[1], b, sizeof texts[1]);
        return strcmp(texts[0], texts[1]) == 0 ? ASSAY_OK : differ(err, field, texts[0], texts[1]);
    }
    case ASSAY_FIELD_CONSTANT:
    default:
        return ASSAY_OK;
    }
}

static enum assay_status compare_strata(const struct assay_statement *stated,
                                        const struct assay_statement *found,
                                        struct assay_error *err)
{
    if (stated->stratum_count != found->stratum_count) {
        return assay_fail(err, ASSAY_EFAILED,
                          "predicate.result.strata has %zu rows, but the results file gives %zu",
                          stated->stratum_count, found->stratum_count);
    }
    for (size_t i = 0; i < stated->stratum_count; i++) {
        const struct assay_statement_stratum *a = &stated->strata[i], *b = &found->strata[i];
        if (strcmp(a->name, b->name) != 0 || a->tally.correct != b->tally.correct ||
            a->tally.total != b->tally.total || a->tally.score_micro != b->tally.score_micro) {
            return assay_fail(err, ASSAY_EFAILED,
                              "predicate.result.strata[%zu] is \"%.60s\" %" PRIu64 "/%" PRIu64
                              ", but the results file gives \"%.60s\" %" PRIu64 "/%" PRIu64,
                              i, a->name, a->tally.correct, a->tally.total, b->name,
                              b->tally.correct, b->tally.total);
        }
    }
    return ASSAY_OK;
}

enum assay_status assay_statement_compare(const struct assay_statement *stated,
                                          const struct assay_statement *found,
                                          struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    char left[ASSAY_DIGEST_HEX], right[ASSAY_DIGEST_HEX];
    if (!assay_digest_equal(&stated->model, &found->model)) {
        return assay_fail(
            err, ASSAY_EFAILED, "the model subject is %s, but the results file was made with %s",
            assay_digest_hex(&stated->model, left), assay_digest_hex(&found->model, right));
    }
    for (size_t i = 0; i < ASSAY_FIELD_COUNT && !status; i++) {
        if (assay_fields[i].compared) status = compare_field(&assay_fields[i], stated, found, err);
    }
    return status ? status : compare_strata(stated, found, err);
}
