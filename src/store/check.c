/* From columns to results: whatever a file says twice must agree, and every digest is computed
 * again from the columns through the same encoder that made the records. No HDF5 here. */
#include "store/image.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "store/machines.h"
#include "store/record.h"
#include "store/samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the checks pass on to each other. */
struct checker {
    struct assay_results *results;
    struct assay_image *image;
    struct assay_spec *spec; /* parsed again from its source */
    struct assay_assignment assignment;
    struct assay_plan plan;
};

static enum assay_status fill_attributes(struct checker *checker, struct assay_error *err);
static enum assay_status fill_columns(struct checker *checker, struct assay_error *err);
static enum assay_status check_spec(struct checker *checker, struct assay_error *err);
static enum assay_status check_profiles(struct checker *checker, struct assay_error *err);
static enum assay_status check_tables(const struct checker *checker, struct assay_error *err);

enum assay_status assay_image_check(struct assay_results *out, struct assay_samples **samples,
                                    struct assay_image *image, struct assay_error *err)
{
    struct checker checker = {.results = out, .image = image};
    enum assay_status status = fill_attributes(&checker, err);
    if (!status) status = fill_columns(&checker, err);
    if (!status) status = check_spec(&checker, err);
    if (!status) status = check_profiles(&checker, err);
    if (!status) status = check_tables(&checker, err);
    if (!status) status = assay_machines_take(out, image, err);
    if (!status) status = assay_samples_create(samples, out, image, &checker.plan, err);
    assay_spec_destroy(checker.spec);
    return status;
}

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the results");
}

/* Lower-case hex of a digest, nothing else. */
static bool parse_hex(const char *text, struct assay_digest *out)
{
    char again[ASSAY_DIGEST_HEX];
    return assay_digest_parse(text, out) && strcmp(assay_digest_hex(out, again), text) == 0;
}

static enum assay_status fill_digests(struct checker *checker, struct assay_error *err)
{
    struct assay_results *results = checker->results;
    const struct {
        enum assay_attribute name;
        struct assay_digest *to;
    } digests[] = {{ASSAY_ATTRIBUTE_SPEC_DIGEST, &results->spec_digest},
                   {ASSAY_ATTRIBUTE_PLAN_DIGEST, &results->plan_digest},
                   {ASSAY_ATTRIBUTE_RECORDS_DIGEST, &results->records_digest},
                   {ASSAY_ATTRIBUTE_CIRCUMSTANCES_DIGEST, &results->circumstances_digest},
                   {ASSAY_ATTRIBUTE_MODEL_SHA256, &results->model_digest},
                   {ASSAY_ATTRIBUTE_BENCHMARK_SHA256, &results->benchmark_digest},
                   {ASSAY_ATTRIBUTE_DATA_SHA256, &results->data_digest},
                   {ASSAY_ATTRIBUTE_EXAMPLES_SHA256, &results->examples_digest}};
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        const char *text = checker->image->texts[digests[i].name];
        if (digests[i].name == ASSAY_ATTRIBUTE_EXAMPLES_SHA256 && text[0] == '\0') continue;
        if (!parse_hex(text, digests[i].to)) {
            return assay_fail(err, ASSAY_EFORMAT, "attribute %s: \"%.80s\" is no digest",
                              assay_attribute_info[digests[i].name].name, text);
        }
    }
    return ASSAY_OK;
}

static enum assay_status fill_attributes(struct checker *checker, struct assay_error *err)
{
    struct assay_results *results = checker->results;
    const char *const *texts = checker->image->texts;
    const uint32_t *numbers = checker->image->numbers;
    for (unsigned id = 1; assay_arithmetic_name(id); id++) {
        if (strcmp(texts[ASSAY_ATTRIBUTE_ARITHMETIC], assay_arithmetic_name(id)) == 0) {
            results->arithmetic = (uint8_t)id;
        }
    }
    if (!results->arithmetic || strcmp(texts[ASSAY_ATTRIBUTE_SAMPLER], "sampler-1") != 0) {
        return assay_fail(err, ASSAY_EUNSUPPORTED,
                          "arithmetic \"%.40s\" and sampler \"%.40s\", this knows exact-1, "
                          "exact-1-kv32 and sampler-1",
                          texts[ASSAY_ATTRIBUTE_ARITHMETIC], texts[ASSAY_ATTRIBUTE_SAMPLER]);
    }
    results->schema_version = numbers[ASSAY_ATTRIBUTE_SCHEMA_VERSION];
    results->replicates = numbers[ASSAY_ATTRIBUTE_REPLICATES];
    results->sets = numbers[ASSAY_ATTRIBUTE_SETS];
    results->spec_name = texts[ASSAY_ATTRIBUTE_SPEC_NAME];
    results->model_name = texts[ASSAY_ATTRIBUTE_MODEL_NAME];
    results->engine = texts[ASSAY_ATTRIBUTE_ENGINE];
    results->host = texts[ASSAY_ATTRIBUTE_HOST];
    results->created = texts[ASSAY_ATTRIBUTE_CREATED];
    results->site = texts[ASSAY_ATTRIBUTE_SITE];
    results->chain = texts[ASSAY_ATTRIBUTE_CHAIN];
    results->task = texts[ASSAY_ATTRIBUTE_TASK];
    results->round = texts[ASSAY_ATTRIBUTE_ROUND];
    results->round_seed = texts[ASSAY_ATTRIBUTE_ROUND_SEED];
    return fill_digests(checker, err);
}

static enum assay_status fill_columns(struct checker *checker, struct assay_error *err)
{
    struct assay_results *results = checker->results;
    void *const *columns = checker->image->columns;
    const uint64_t *rows = checker->image->rows;
    if (rows[ASSAY_SHAPE_OFFSETS] != rows[ASSAY_SHAPE_SAMPLES] + 1) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%" PRIu64 " offsets for %" PRIu64 " samples; one more is needed",
                          rows[ASSAY_SHAPE_OFFSETS], rows[ASSAY_SHAPE_SAMPLES]);
    }
    results->item_count = (uint32_t)rows[ASSAY_SHAPE_ITEMS];
    results->profile_count = (uint32_t)rows[ASSAY_SHAPE_PROFILES];
    results->stratum_count = (uint32_t)rows[ASSAY_SHAPE_STRATA];
    results->sample_count = rows[ASSAY_SHAPE_SAMPLES];
    results->token_count = rows[ASSAY_SHAPE_TOKENS];
    results->spec_source = *(const char *const *)columns[ASSAY_COLUMN_SPEC_SOURCE];
    results->spec_canonical = *(const char *const *)columns[ASSAY_COLUMN_SPEC_CANONICAL];
    results->spec_definition = *(const char *const *)columns[ASSAY_COLUMN_SPEC_DEFINITION];
    results->item_clusters = columns[ASSAY_COLUMN_ITEM_CLUSTER];
    results->item_ids = columns[ASSAY_COLUMN_ITEM_ID];
    results->item_topics = columns[ASSAY_COLUMN_ITEM_TOPIC];
    results->item_positions = columns[ASSAY_COLUMN_ITEM_POSITION];
    results->item_strata = columns[ASSAY_COLUMN_ITEM_STRATUM];
    results->item_prompt_tokens = columns[ASSAY_COLUMN_ITEM_PROMPT_TOKENS];
    results->item_prompt_digests = columns[ASSAY_COLUMN_ITEM_PROMPT_DIGEST];
    results->stratum_names = columns[ASSAY_COLUMN_STRATUM_NAME];
    return ASSAY_OK;
}

/* The plan of a network's assignment, from what the file says of it. */
static enum assay_status plan_assigned(struct checker *checker, const struct assay_digest *site,
                                       struct assay_error *err)
{
    static const char sampler[] = "sampler-1";
    const struct assay_results *results = checker->results;
    const struct assay_spec *spec = checker->spec;
    struct assay_assignment *assignment = &checker->assignment;
    uint64_t task, round;
    if (!site || strlen(results->chain) >= sizeof assignment->chain ||
        !assay_text_unsigned(results->task, UINT64_MAX, &task) ||
        !assay_text_unsigned(results->round, UINT32_MAX, &round) ||
        !parse_hex(results->round_seed, &assignment->round_seed)) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "chain \"%.80s\", but site, task, round and round_seed are no round's",
                          results->chain);
    }
    snprintf(assignment->chain, sizeof assignment->chain, "%s", results->chain);
    memcpy(assignment->site, site->bytes, sizeof assignment->site);
    assignment->task = task;
    assignment->round = (uint32_t)round;
    assignment->spec = spec->digest;
    assignment->model = spec->model.sha256;
    assignment->benchmark = spec->benchmark.sha256;
    assignment->sampler = assay_sha256_of(sampler, sizeof sampler - 1);
    assignment->samples_per_item = (uint32_t)(spec->profile_count * spec->replicates);
    /* Read only; the file's column stays the owner. */
    assignment->items = (uint32_t *)(uintptr_t)results->item_positions;
    assignment->count = results->item_count;
    return assay_plan_init_assigned(&checker->plan, spec, assignment, err);
}

/* Positions ascend; in a run of one's own none is missing. */
static enum assay_status check_positions(const struct assay_results *results,
                                         struct assay_error *err)
{
    bool whole = results->chain[0] == '\0';
    for (uint32_t i = 0; i < results->item_count; i++) {
        uint32_t position = results->item_positions[i];
        if (whole ? position == i : i == 0 || position > results->item_positions[i - 1]) continue;
        return assay_fail(err, ASSAY_EFORMAT,
                          "/items/position: row %" PRIu32 " is item %" PRIu32
                          " of the benchmark, out of order",
                          i, position);
    }
    return ASSAY_OK;
}

/* Parse the source again and seal it with the file digests: canonical text, spec digest and plan
 * digest must come out as they are stored. */
static enum assay_status check_spec(struct checker *checker, struct assay_error *err)
{
    const struct assay_results *results = checker->results;
    const char *site = checker->image->texts[ASSAY_ATTRIBUTE_SITE];
    struct assay_digest key;
    enum assay_status status =
        assay_spec_parse(&checker->spec, results->spec_source, strlen(results->spec_source), err);
    if (status) return assay_while(err, status, "/spec/source");
    struct assay_spec *spec = checker->spec;
    if (assay_spec_has_definition(spec)) {
        const char *text = results->spec_definition;
        status = assay_spec_define(spec, "/spec/definition", text, strlen(text), err);
        if (status) return status;
    }
    checker->results->encrypted = spec->definition.encrypted != 0;
    checker->results->sealed = checker->results->encrypted && !checker->image->key;
    if ((spec->model.sha256_declared &&
         !assay_digest_equal(&spec->model.sha256, &results->model_digest)) ||
        (spec->benchmark.sha256_declared &&
         !assay_digest_equal(&spec->benchmark.sha256, &results->benchmark_digest))) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "model_sha256 or benchmark_sha256 is not what /spec/source declares");
    }
    if ((!spec->definition.text &&
         !assay_digest_equal(&results->data_digest, &results->benchmark_digest)) ||
        (!spec->examples.path && checker->image->texts[ASSAY_ATTRIBUTE_EXAMPLES_SHA256][0])) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "data_sha256 or examples_sha256 is not what the benchmark can have");
    }
    spec->model.sha256 = results->model_digest;
    spec->benchmark.sha256 = results->benchmark_digest;
    spec->data.sha256 = results->data_digest;
    spec->examples.sha256 = results->examples_digest;
    status = assay_spec_seal(spec, err);
    if (status) return status;
    if (!assay_digest_equal(&spec->digest, &results->spec_digest)) {
        return assay_samples_digest_differs("spec_digest", &results->spec_digest, &spec->digest,
                                            err);
    }
    if (strcmp(spec->canonical, results->spec_canonical) != 0 ||
        strcmp(spec->name, results->spec_name) != 0 || spec->replicates != results->replicates ||
        spec->sets != results->sets || spec->profile_count != results->profile_count) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "spec_name, replicates, sets, /profiles or /spec/canonical is not what "
                          "/spec/source says");
    }
    if (site[0] != '\0' && !parse_hex(site, &key)) {
        return assay_fail(err, ASSAY_EFORMAT, "attribute site: \"%.80s\" is no public key", site);
    }
    if (results->chain[0] != '\0') {
        status = plan_assigned(checker, site[0] != '\0' ? &key : NULL, err);
    } else {
        status = assay_plan_init(&checker->plan, spec, results->item_count, key.bytes,
                                 site[0] != '\0' ? sizeof key.bytes : 0, err);
    }
    if (!status) status = check_positions(results, err);
    if (status) return status;
    if (!assay_digest_equal(&checker->plan.digest, &results->plan_digest)) {
        return assay_samples_digest_differs("plan_digest", &results->plan_digest,
                                            &checker->plan.digest, err);
    }
    if (checker->plan.sample_count == results->sample_count) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%" PRIu64 " samples, the plan has %" PRIu64,
                      results->sample_count, checker->plan.sample_count);
}

static struct assay_profile profile_of(void *const *columns, size_t i)
{
    const uint32_t *temperature = columns[ASSAY_COLUMN_PROFILE_TEMPERATURE];
    const uint32_t *top_p = columns[ASSAY_COLUMN_PROFILE_TOP_P];
    const uint32_t *top_k = columns[ASSAY_COLUMN_PROFILE_TOP_K];
    const uint32_t *min_p = columns[ASSAY_COLUMN_PROFILE_MIN_P];
    const uint32_t *penalty = columns[ASSAY_COLUMN_PROFILE_PENALTY];
    const uint8_t *draw = columns[ASSAY_COLUMN_PROFILE_DRAW];
    const char *const *names = columns[ASSAY_COLUMN_PROFILE_NAME];
    return (struct assay_profile){.name = names[i],
                                  .temperature_milli = temperature[i],
                                  .top_p_milli = top_p[i],
                                  .top_k = top_k[i],
                                  .min_p_milli = min_p[i],
                                  .repetition_penalty_milli = penalty[i],
                                  .draw = (enum assay_draw)draw[i]};
}

static bool same_profile(const struct assay_profile *a, const struct assay_profile *b)
{
    return strcmp(a->name, b->name) == 0 && a->temperature_milli == b->temperature_milli &&
           a->top_p_milli == b->top_p_milli && a->top_k == b->top_k &&
           a->min_p_milli == b->min_p_milli &&
           a->repetition_penalty_milli == b->repetition_penalty_milli && a->draw == b->draw;
}

static enum assay_status check_profiles(struct checker *checker, struct assay_error *err)
{
    size_t count = checker->results->profile_count;
    struct assay_profile *profiles =
        assay_arena_take(&checker->image->arena, count, sizeof *profiles);
    if (!profiles) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        profiles[i] = profile_of(checker->image->columns, i);
        if (!same_profile(&profiles[i], &checker->spec->profiles[i])) {
            return assay_fail(err, ASSAY_EMISMATCH,
                              "/profiles: row %zu is not profile %s of /spec/source", i,
                              checker->spec->profiles[i].name);
        }
    }
    checker->results->profiles = profiles;
    return ASSAY_OK;
}

static enum assay_status check_tables(const struct checker *checker, struct assay_error *err)
{
    const struct assay_results *results = checker->results;
    for (uint32_t i = 0; i < results->item_count; i++) {
        if (results->item_strata[i] >= results->stratum_count) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "/items/stratum: row %" PRIu32 " is stratum %" PRIu32
                              ", there are %" PRIu32,
                              i, results->item_strata[i], results->stratum_count);
        }
    }
    return ASSAY_OK;
}
