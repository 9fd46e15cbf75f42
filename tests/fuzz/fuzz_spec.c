/* Any bytes as a spec: what is accepted keeps every promise of assay/spec.h, is sealed, and comes
 * out of its own source again with the same identity. */
#include "assay/spec.h"
#include "base/assert.h"
#include "base/json.h"
#include "crypto/digest.h"

#include <string.h>

static void check_profile(const struct assay_spec *spec, size_t index)
{
    const struct assay_profile *profile = &spec->profiles[index];
    size_t length = strlen(profile->name);
    ASSAY_ASSERT(length >= 1 && length <= 48);
    ASSAY_ASSERT(profile->temperature_milli <= 10000);
    ASSAY_ASSERT(profile->top_p_milli >= 1 && profile->top_p_milli <= 1000);
    ASSAY_ASSERT(profile->top_k <= 1000000);
    ASSAY_ASSERT(profile->min_p_milli <= 1000);
    ASSAY_ASSERT(profile->repetition_penalty_milli >= 100);
    ASSAY_ASSERT(profile->repetition_penalty_milli <= 10000);
    ASSAY_ASSERT(assay_draw_name(profile->draw));
    for (size_t i = 0; i < index; i++)
        ASSAY_ASSERT(strcmp(spec->profiles[i].name, profile->name) != 0);
}

static void check_spec(const struct assay_spec *spec)
{
    ASSAY_ASSERT(strlen(spec->name) >= 1 && strlen(spec->name) <= 64);
    ASSAY_ASSERT(spec->description && spec->system && spec->rule_count >= 1);
    ASSAY_ASSERT(spec->model.path[0] && spec->benchmark.path[0]);
    if (assay_spec_has_definition(spec)) return; /* the rest may be the definition's */
    ASSAY_ASSERT(spec->prompt[0]);
    ASSAY_ASSERT(spec->chat < ASSAY_CHAT_COUNT);
    ASSAY_ASSERT(spec->stop_count <= ASSAY_SPEC_STOPS_MAX);
    for (size_t i = 0; i < spec->stop_count; i++) ASSAY_ASSERT(spec->stops[i][0]);
    ASSAY_ASSERT(spec->max_tokens >= 1 && spec->max_tokens <= ASSAY_SPEC_TOKENS_MAX);
    ASSAY_ASSERT(spec->replicates >= 1 && spec->replicates <= ASSAY_SPEC_REPLICATES_MAX);
    ASSAY_ASSERT(spec->sets >= 1 && spec->replicates % spec->sets == 0);
    ASSAY_ASSERT(spec->seed <= INT64_MAX);
    ASSAY_ASSERT(spec->profile_count >= 1 && spec->profile_count <= ASSAY_SPEC_PROFILES_MAX);
    for (size_t i = 0; i < spec->profile_count; i++) check_profile(spec, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct assay_error err = {0};
    struct assay_spec *spec = NULL, *again = NULL;
    struct assay_json *canonical = NULL;
    if (assay_spec_parse(&spec, (const char *)data, size, &err)) {
        ASSAY_ASSERT(!spec && err.text[0]);
        ASSAY_ASSERT(err.status == ASSAY_EFORMAT || err.status == ASSAY_EVALUE ||
                     err.status == ASSAY_EUNSUPPORTED);
        return 0;
    }
    check_spec(spec);
    if (assay_spec_has_definition(spec)) { /* nothing to seal yet */
        assay_spec_destroy(spec);
        return 0;
    }
    ASSAY_ASSERT(strlen(spec->source) == size);
    ASSAY_ASSERT(assay_spec_seal(spec, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_json_parse(&canonical, spec->canonical, strlen(spec->canonical), &err) ==
                 ASSAY_OK);
    ASSAY_ASSERT(assay_spec_parse(&again, spec->source, size, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_spec_seal(again, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_digest_equal(&spec->digest, &again->digest));
    assay_json_destroy(canonical);
    assay_spec_destroy(again);
    assay_spec_destroy(spec);
    return 0;
}
