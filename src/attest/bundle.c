/* Bundles as an auditor gets them, and the job that each is about. */
#include "attest/bundle.h"

#include "attest/opened.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hdf5_magic[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};

static bool is_results(const char *path)
{
    char head[sizeof hdf5_magic];
    FILE *file = fopen(path, "rb");
    bool same = file && fread(head, sizeof head, 1, file) == 1 &&
                memcmp(head, hdf5_magic, sizeof head) == 0;
    if (file) fclose(file);
    return same;
}

static enum assay_status reopen(struct assay_bundle *bundle, struct assay_checks *checks,
                                const struct assay_job_origin *origin,
                                const struct assay_digest *plan, struct assay_error *err)
{
    char stated[ASSAY_DIGEST_HEX], found[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_job_reopen(&bundle->job, origin, err);
    if (status) return status;
    const struct assay_digest *made = &bundle->job->plan.digest;
    if (!assay_digest_equal(made, plan)) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "%s: plan_digest is %s, but spec and benchmark give %s", origin->path,
                          assay_digest_hex(plan, stated), assay_digest_hex(made, found));
    }
    assay_checks_note(checks, "model", true, "sha256 %s", assay_digest_hex(&origin->model, stated));
    assay_checks_note(checks, "benchmark", true, "sha256 %s",
                      assay_digest_hex(&origin->benchmark, stated));
    return ASSAY_OK;
}

/* --- a results file --- */

/* The envelope that was named, or the one beside the results file; empty where there is none. */
static enum assay_status find_envelope(struct assay_bytes *out,
                                       const struct assay_bundle_source *source,
                                       struct assay_error *err)
{
    if (source->envelope) return assay_bytes_format(out, err, "%s", source->envelope);
    enum assay_status status = assay_attest_envelope_path(out, source->paths[0], err);
    if (status || assay_file_exists((const char *)out->data)) return status;
    if (source->key) {
        return assay_fail(err, ASSAY_ENOTFOUND,
                          "there is no envelope %s: --key needs one; name it with --envelope",
                          (const char *)out->data);
    }
    assay_bytes_clear(out);
    return ASSAY_OK;
}

static enum assay_status verify_results(struct assay_checks *checks,
                                        const struct assay_bundle_source *source,
                                        struct assay_error *err)
{
    struct assay_bytes envelope = {0};
    enum assay_status status = find_envelope(&envelope, source, err);
    if (!status && envelope.size > 0) {
        const struct assay_verification what = {.envelope_path = (const char *)envelope.data,
                                                .results_path = source->paths[0],
                                                .data_path = source->data,
                                                .key = source->key};
        status = assay_verify(checks, &what, err);
    } else if (!status) {
        assay_checks_note(checks, "signature", false,
                          "not checked: there is no envelope; the file speaks for itself alone");
    }
    assay_bytes_fini(&envelope);
    return status;
}

/* The assignment that the file says it is of; results_open has checked the words. */
static struct assay_assignment assignment_of(const struct assay_results *results)
{
    static const char sampler[] = "sampler-1";
    struct assay_assignment out = {
        .spec = results->spec_digest,
        .model = results->model_digest,
        .benchmark = results->benchmark_digest,
        .sampler = assay_sha256_of(sampler, sizeof sampler - 1),
        .samples_per_item = results->profile_count * results->replicates,
        .items = (uint32_t *)(uintptr_t)results->item_positions, /* only read */
        .count = results->item_count};
    struct assay_digest site = {{0}};
    uint64_t round = 0;
    bool ok = assay_text_unsigned(results->task, UINT64_MAX, &out.task) &&
              assay_text_unsigned(results->round, UINT32_MAX, &round) &&
              assay_digest_parse(results->round_seed, &out.round_seed) &&
              assay_digest_parse(results->site, &site);
    ASSAY_ASSERT(ok);
    snprintf(out.chain, sizeof out.chain, "%s", results->chain);
    memcpy(out.site, site.bytes, sizeof out.site);
    out.round = (uint32_t)round;
    return out;
}

/* The job that the file says it is of. */
static enum assay_status reopen_results(struct assay_bundle *bundle, struct assay_checks *checks,
                                        const struct assay_bundle_source *source,
                                        struct assay_error *err)
{
    const struct assay_results *results = bundle->results;
    struct assay_assignment assignment;
    bool assigned = results->chain[0] != '\0';
    if (assigned) assignment = assignment_of(results);
    bundle->records_digest = results->records_digest;
    const struct assay_job_origin origin = {.spec_text = results->spec_source,
                                            .spec_bytes = strlen(results->spec_source),
                                            .path = source->paths[0],
                                            .model_dir = source->model_dir,
                                            .benchmark_dir = source->benchmark_dir,
                                            .site = results->site,
                                            .spec = results->spec_digest,
                                            .model = results->model_digest,
                                            .benchmark = results->benchmark_digest,
                                            .assignment = assigned ? &assignment : NULL};
    return reopen(bundle, checks, &origin, &results->plan_digest, err);
}

/* The job has found the benchmark's data, and with them the key. */
static enum assay_status decrypt(struct assay_bundle *bundle,
                                 const struct assay_bundle_source *source, struct assay_error *err)
{
    assay_results_close(bundle->results);
    bundle->results = NULL;
    return assay_results_open(&bundle->results, source->paths[0], &bundle->job->spec->cipher, err);
}

static enum assay_status open_results(struct assay_bundle *bundle, struct assay_checks *checks,
                                      const struct assay_bundle_source *source,
                                      struct assay_error *err)
{
    enum assay_status status = verify_results(checks, source, err);
    if (!status) status = assay_results_open(&bundle->results, source->paths[0], NULL, err);
    if (!status) status = reopen_results(bundle, checks, source, err);
    return status || !bundle->results->sealed ? status : decrypt(bundle, source, err);
}

/* --- opened records --- */

static enum assay_status keep_reason(struct assay_audit_leaf *leaf, struct assay_arena *arena,
                                     const struct assay_error *why, struct assay_error *err)
{
    leaf->not_included = assay_arena_text(arena, why->text, strlen(why->text));
    return leaf->not_included ? ASSAY_OK : assay_fail(err, ASSAY_EMEMORY, "out of memory");
}

/* The form must be right; what does not hold of its content is the leaf's fault. */
static enum assay_status read_opened(struct assay_audit_leaf *leaf, struct assay_arena *arena,
                                     const char *path, const struct assay_statement *statement,
                                     const struct assay_digest *envelope,
                                     const struct assay_cipher_key *key, struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    struct assay_opened opened;
    struct assay_error why;
    enum assay_status status = assay_file_read(path, ASSAY_OPENED_BYTES_MAX, &bytes, err);
    if (!status) {
        status = assay_opened_parse(&opened, arena, bytes.data, bytes.size, err);
        status = assay_while(err, status, "%s", path);
    }
    assay_bytes_fini(&bytes);
    if (status) return status;
    leaf->index = opened.index;
    enum assay_status held = assay_verify_bound(&opened, statement, envelope, &why);
    if (!held) held = assay_opened_verify(&opened, key, &leaf->record, arena, &why);
    if (held == ASSAY_EMEMORY) return assay_fail(err, held, "%s", why.text);
    return held ? keep_reason(leaf, arena, &why, err) : ASSAY_OK;
}

static int by_index(const void *a, const void *b)
{
    uint64_t x = ((const struct assay_audit_leaf *)a)->index;
    uint64_t y = ((const struct assay_audit_leaf *)b)->index;
    return x < y ? -1 : x > y;
}

static enum assay_status read_all(struct assay_bundle *bundle,
                                  const struct assay_bundle_source *source,
                                  const struct assay_statement *statement,
                                  const struct assay_digest *envelope, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    bundle->opened = calloc(source->path_count, sizeof *bundle->opened);
    if (!bundle->opened) return assay_fail(err, ASSAY_EMEMORY, "no memory for the records");
    for (size_t i = 0; i < source->path_count && !status; i++) {
        status = read_opened(&bundle->opened[i], bundle->arena, source->paths[i], statement,
                             envelope, &bundle->job->spec->cipher, err);
    }
    bundle->opened_count = source->path_count;
    qsort(bundle->opened, bundle->opened_count, sizeof *bundle->opened, by_index);
    return status;
}

static enum assay_status reopen_by_statement(struct assay_bundle *bundle,
                                             struct assay_checks *checks,
                                             const struct assay_bundle_source *source,
                                             const struct assay_statement *statement,
                                             struct assay_error *err)
{
    struct assay_bytes spec = {0};
    enum assay_status status = assay_file_read(source->spec, ASSAY_SPEC_BYTES_MAX, &spec, err);
    if (!status) {
        const struct assay_job_origin origin = {.spec_text =
                                                    spec.data ? (const char *)spec.data : "",
                                                .spec_bytes = spec.size,
                                                .path = source->spec,
                                                .model_dir = source->model_dir,
                                                .benchmark_dir = source->benchmark_dir,
                                                .site = statement->site,
                                                .spec = statement->spec,
                                                .model = statement->model,
                                                .benchmark = statement->dataset,
                                                .assignment = source->assignment};
        bundle->records_digest = statement->records;
        status = reopen(bundle, checks, &origin, &statement->plan, err);
    }
    assay_bytes_fini(&spec);
    if (status || bundle->job->plan.sample_count == statement->tree_size) return status;
    return assay_fail(err, ASSAY_EFAILED,
                      "the signed tree has %" PRIu64 " leaves, but the plan has %" PRIu64
                      " samples",
                      statement->tree_size, bundle->job->plan.sample_count);
}

static enum assay_status open_records(struct assay_bundle *bundle, struct assay_checks *checks,
                                      const struct assay_bundle_source *source,
                                      struct assay_error *err)
{
    struct assay_statement *statement = NULL;
    struct assay_digest envelope;
    if (!source->envelope || !source->spec) {
        return assay_fail(err, ASSAY_EUSAGE,
                          "%s is no results file; opened records need --envelope FILE, whose root "
                          "they are under, and --spec FILE, the run's spec",
                          source->paths[0]);
    }
    enum assay_status status =
        assay_verify_envelope(checks, &statement, &envelope, source->envelope, source->key, err);
    if (!status) status = reopen_by_statement(bundle, checks, source, statement, err);
    if (!status) status = read_all(bundle, source, statement, &envelope, err);
    assay_statement_destroy(statement);
    return status;
}

enum assay_status assay_bundle_open(struct assay_bundle **out, struct assay_checks *checks,
                                    const struct assay_bundle_source *source,
                                    struct assay_error *err)
{
    checks->count = 0;
    struct assay_bundle *bundle = calloc(1, sizeof *bundle);
    if (bundle) bundle->arena = calloc(1, sizeof *bundle->arena);
    if (!bundle || !bundle->arena) {
        free(bundle);
        return assay_fail(err, ASSAY_EMEMORY, "no memory for a bundle");
    }
    bool results = is_results(source->paths[0]);
    enum assay_status status = ASSAY_OK;
    if (results && source->path_count > 1) {
        status = assay_fail(err, ASSAY_EUSAGE, "one results file at a time, not %zu files",
                            source->path_count);
    } else if (!assay_file_exists(source->paths[0])) {
        status = assay_fail(err, ASSAY_ENOTFOUND, "%s: there is no such file", source->paths[0]);
    } else {
        status = results ? open_results(bundle, checks, source, err)
                         : open_records(bundle, checks, source, err);
    }
    if (status) {
        assay_bundle_close(bundle);
        return status;
    }
    *out = bundle;
    return ASSAY_OK;
}

void assay_bundle_close(struct assay_bundle *bundle)
{
    if (!bundle) return;
    assay_job_close(bundle->job);
    assay_results_close(bundle->results);
    assay_arena_fini(bundle->arena);
    free(bundle->arena);
    free(bundle->opened);
    free(bundle);
}
