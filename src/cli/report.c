/* The report as JSON, and the choice between its two forms. */
#include "cli/report.h"

#include "assay/estimate.h"
#include "base/bytes.h"
#include "base/json.h"
#include "crypto/digest.h"

#include <stdio.h>

static bool set_digest(struct assay_json *object, const char *name,
                       const struct assay_digest *digest)
{
    char hex[ASSAY_DIGEST_HEX];
    return assay_json_set(object, name, assay_json_new_text(assay_digest_hex(digest, hex)));
}

static bool set_integer(struct assay_json *object, const char *name, uint64_t value)
{
    return assay_json_set(object, name, assay_json_new_integer((int64_t)value));
}

static bool set_text(struct assay_json *object, const char *name, const char *value)
{
    return assay_json_set(object, name, assay_json_new_text(value));
}

static bool set_estimate(struct assay_json *object, const struct assay_estimate *estimate)
{
    return set_integer(object, "samples", estimate->samples) &&
           set_integer(object, "items", estimate->items) &&
           set_integer(object, "correct", estimate->correct) &&
           assay_json_set(object, "score", assay_json_new_real(estimate->score)) &&
           assay_json_set(object, "se_fixed", assay_json_new_real(estimate->se_fixed)) &&
           assay_json_set(object, "se_super", assay_json_new_real(estimate->se_super)) &&
           assay_json_set(object, "mean_tokens", assay_json_new_real(estimate->mean_tokens));
}

static bool set_profile(struct assay_json *object, const struct assay_profile *profile)
{
    return set_text(object, "profile", profile->name) &&
           set_integer(object, "temperature_milli", profile->temperature_milli) &&
           set_integer(object, "top_p_milli", profile->top_p_milli) &&
           set_integer(object, "top_k", profile->top_k) &&
           set_integer(object, "min_p_milli", profile->min_p_milli) &&
           set_integer(object, "repetition_penalty_milli", profile->repetition_penalty_milli) &&
           set_text(object, "draw", assay_draw_name(profile->draw));
}

static struct assay_json *profiles_json(const struct assay_results *results,
                                        const struct assay_estimates *estimates)
{
    struct assay_json *list = assay_json_new_array();
    bool ok = list;
    for (uint32_t p = 0; ok && p < results->profile_count; p++) {
        struct assay_json *row = assay_json_new_object();
        ok = row && set_profile(row, &results->profiles[p]) &&
             set_estimate(row, &estimates->profiles[p]);
        ok = assay_json_add(list, row) && ok;
    }
    if (ok) return list;
    assay_json_destroy(list);
    return NULL;
}

static struct assay_json *strata_json(const struct assay_results *results,
                                      const struct assay_estimates *estimates)
{
    struct assay_json *list = assay_json_new_array();
    bool ok = list;
    for (uint32_t s = 0; ok && s < results->stratum_count; s++) {
        struct assay_json *row = assay_json_new_object();
        ok = row && set_text(row, "stratum", results->stratum_names[s]) &&
             set_estimate(row, &estimates->strata[s]);
        ok = assay_json_add(list, row) && ok;
    }
    if (ok) return list;
    assay_json_destroy(list);
    return NULL;
}

static bool set_head(struct assay_json *object, const struct assay_results *results)
{
    return set_text(object, "results", results->path) &&
           set_integer(object, "schema_version", results->schema_version) &&
           set_text(object, "spec", results->spec_name) &&
           set_text(object, "model", results->model_name) &&
           set_integer(object, "profile_count", results->profile_count) &&
           set_integer(object, "replicates", results->replicates) &&
           set_integer(object, "sets", results->sets) &&
           set_integer(object, "output_tokens", results->token_count) &&
           set_text(object, "engine", results->engine) &&
           set_text(object, "backend", results->backend) && set_text(object, "isa", results->isa) &&
           set_text(object, "created", results->created) &&
           set_digest(object, "records_digest", &results->records_digest) &&
           set_digest(object, "circumstances_digest", &results->circumstances_digest) &&
           set_digest(object, "spec_digest", &results->spec_digest) &&
           set_digest(object, "plan_digest", &results->plan_digest) &&
           set_digest(object, "model_sha256", &results->model_digest) &&
           set_digest(object, "benchmark_sha256", &results->benchmark_digest);
}

enum assay_status assay_report_json(struct assay_json **out, const struct assay_results *results,
                                    struct assay_error *err)
{
    struct assay_estimates *estimates;
    enum assay_status status = assay_estimate_create(&estimates, results, err);
    if (status) return status;
    struct assay_json *object = assay_json_new_object();
    bool ok = object && set_head(object, results) && set_estimate(object, &estimates->all) &&
              assay_json_set(object, "profiles", profiles_json(results, estimates)) &&
              assay_json_set(object, "strata", strata_json(results, estimates));
    assay_estimate_destroy(estimates);
    if (ok) {
        *out = object;
        return ASSAY_OK;
    }
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

enum assay_status assay_report_emit(struct assay_json *take, struct assay_error *err)
{
    struct assay_bytes text = {0};
    if (!take) return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
    enum assay_status status = assay_json_write(take, false, &text, err);
    if (!status) printf("%s\n", (const char *)text.data);
    assay_bytes_fini(&text);
    assay_json_destroy(take);
    return status;
}

enum assay_status assay_report_file(const char *path, bool json, struct assay_error *err)
{
    struct assay_results *results;
    struct assay_json *object = NULL;
    enum assay_status status = assay_results_open(&results, path, err);
    if (status) return status;
    if (json) {
        status = assay_report_json(&object, results, err);
        if (!status) status = assay_report_emit(object, err);
    } else {
        status = assay_report_print(results, err);
    }
    assay_results_close(results);
    return status;
}
