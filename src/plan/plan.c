/* The plan: counting and numbering the cells of a spec (FORMAT.md 4.3). Nothing is stored for a
 * cell; its index says it all. */
#include "assay/plan.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const uint64_t samples_limit = UINT64_C(1) << 40;

/* items × profiles × replicates < 2^24 · 2^6 · 2^17: no product below overflows. */
static_assert(ASSAY_PLAN_ITEMS_MAX < 1 << 24 && ASSAY_SPEC_PROFILES_MAX <= 1 << 6 &&
                  ASSAY_SPEC_REPLICATES_MAX < 1 << 17,
              "the number of samples fits in 64 bits");

static enum assay_status check_counts(const struct assay_spec *spec, uint32_t item_count,
                                      size_t site_bytes, struct assay_error *err);
static struct assay_digest digest_of(const struct assay_plan *plan);

enum assay_status assay_plan_init(struct assay_plan *plan, const struct assay_spec *spec,
                                  uint32_t item_count, const uint8_t *site, size_t site_bytes,
                                  struct assay_error *err)
{
    /* A spec without its digest would give a plan that belongs to every such spec. */
    ASSAY_ASSERT(spec->canonical);
    enum assay_status status = check_counts(spec, item_count, site_bytes, err);
    if (status) return status;

    struct assay_plan made = {.spec = spec,
                              .site_bytes = site_bytes,
                              .item_count = item_count,
                              .profile_count = (uint32_t)spec->profile_count,
                              .replicates = spec->replicates};
    if (site_bytes > 0) memcpy(made.site, site, site_bytes);
    made.group_count = (uint64_t)made.item_count * made.profile_count;
    made.sample_count = made.group_count * made.replicates;
    made.digest = digest_of(&made);
    *plan = made;
    return ASSAY_OK;
}

struct assay_cell assay_plan_cell(const struct assay_plan *plan, uint64_t sample_index)
{
    ASSAY_ASSERT(sample_index < plan->sample_count);
    uint64_t group = sample_index / plan->replicates;
    return (struct assay_cell){.sample_index = sample_index,
                               .item_index = (uint32_t)(group / plan->profile_count),
                               .profile_index = (uint32_t)(group % plan->profile_count),
                               .replicate = (uint32_t)(sample_index % plan->replicates)};
}

static enum assay_status check_counts(const struct assay_spec *spec, uint32_t item_count,
                                      size_t site_bytes, struct assay_error *err)
{
    if (item_count == 0) return assay_fail(err, ASSAY_EVALUE, "the benchmark has no items");
    if (item_count > ASSAY_PLAN_ITEMS_MAX)
        return assay_fail(err, ASSAY_EVALUE, "the benchmark has %" PRIu32 " items: at most %d",
                          item_count, ASSAY_PLAN_ITEMS_MAX);
    if (spec->profile_count == 0 || spec->profile_count > ASSAY_SPEC_PROFILES_MAX)
        return assay_fail(err, ASSAY_EVALUE, "the spec has %zu profiles: it must be 1 to %d",
                          spec->profile_count, ASSAY_SPEC_PROFILES_MAX);
    if (spec->replicates == 0 || spec->replicates > ASSAY_SPEC_REPLICATES_MAX)
        return assay_fail(err, ASSAY_EVALUE, "the spec has %" PRIu32 " replicates: 1 to %d",
                          spec->replicates, ASSAY_SPEC_REPLICATES_MAX);
    if (site_bytes != 0 && site_bytes != ASSAY_SITE_BYTES_MAX)
        return assay_fail(err, ASSAY_EVALUE, "a site's key of %zu bytes: it must be %d or none",
                          site_bytes, ASSAY_SITE_BYTES_MAX);
    uint64_t samples = (uint64_t)item_count * spec->profile_count * spec->replicates;
    if (samples >= samples_limit)
        return assay_fail(err, ASSAY_EVALUE,
                          "%" PRIu32 " items in %zu profiles with %" PRIu32
                          " replicates are %" PRIu64 " samples: it must be fewer than %" PRIu64,
                          item_count, spec->profile_count, spec->replicates, samples,
                          samples_limit);
    return ASSAY_OK;
}

static void digest_assignment(struct assay_sha256 *state, const struct assay_assignment *assignment)
{
    uint8_t word[8];
    assay_sha256_text(state, assignment->chain);
    assay_put_le64(word, assignment->task);
    assay_sha256_update(state, word, 8);
    assay_put_le32(word, assignment->round);
    assay_sha256_update(state, word, 4);
    assay_sha256_field(state, assignment->round_seed.bytes, ASSAY_DIGEST_BYTES);
    for (size_t i = 0; i < assignment->count; i++) {
        assay_put_le32(word, assignment->items[i]);
        assay_sha256_update(state, word, 4);
    }
}

static struct assay_digest digest_of(const struct assay_plan *plan)
{
    uint8_t counts[16];
    assay_put_le64(counts, plan->item_count);
    assay_put_le64(counts + 8, plan->sample_count);
    struct assay_sha256 state;
    assay_sha256_init(&state);
    assay_sha256_text(&state, plan->assignment ? "assay/plan-1/assigned" : "assay/plan-1");
    assay_sha256_field(&state, plan->spec->digest.bytes, ASSAY_DIGEST_BYTES);
    assay_sha256_field(&state, plan->site, plan->site_bytes);
    assay_sha256_update(&state, counts, sizeof counts);
    if (plan->assignment) digest_assignment(&state, plan->assignment);
    return assay_sha256_final(&state);
}

static enum assay_status check_assigned(const struct assay_spec *spec,
                                        const struct assay_assignment *assignment,
                                        struct assay_error *err)
{
    static const char sampler_name[] = "sampler-1";
    struct assay_digest sampler = assay_sha256_of(sampler_name, sizeof sampler_name - 1);
    const struct {
        const char *what;
        const struct assay_digest *ours, *theirs;
    } digests[] = {{"spec", &spec->digest, &assignment->spec},
                   {"model", &spec->model.sha256, &assignment->model},
                   {"benchmark", &spec->benchmark.sha256, &assignment->benchmark},
                   {"sampler", &sampler, &assignment->sampler}};
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        char ours[ASSAY_DIGEST_HEX], theirs[ASSAY_DIGEST_HEX];
        if (assay_digest_equal(digests[i].ours, digests[i].theirs)) continue;
        return assay_fail(err, ASSAY_EMISMATCH,
                          "the assignment is for %s %.12s…, this one's digest is %.12s…",
                          digests[i].what, assay_digest_hex(digests[i].theirs, theirs),
                          assay_digest_hex(digests[i].ours, ours));
    }
    uint64_t samples = (uint64_t)spec->profile_count * spec->replicates;
    if (samples == assignment->samples_per_item) return ASSAY_OK;
    return assay_fail(err, ASSAY_EMISMATCH,
                      "the assignment wants %" PRIu32 " samples an item, the spec makes %" PRIu64,
                      assignment->samples_per_item, samples);
}

enum assay_status assay_plan_init_assigned(struct assay_plan *plan, const struct assay_spec *spec,
                                           const struct assay_assignment *assignment,
                                           struct assay_error *err)
{
    struct assay_plan made;
    enum assay_status status = check_assigned(spec, assignment, err);
    if (status) return status;
    status = assay_plan_init(&made, spec, (uint32_t)assignment->count, assignment->site,
                             sizeof assignment->site, err);
    if (status) return status;
    made.assignment = assignment;
    made.digest = digest_of(&made);
    *plan = made;
    return ASSAY_OK;
}
