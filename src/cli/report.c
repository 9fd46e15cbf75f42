/* The report as JSON, and the choice between its two forms. */
#include "cli/report.h"

#include "base/bytes.h"
#include "base/json.h"
#include "cli/partial.h"
#include "cli/readings.h"
#include "cli/tally.h"
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

static bool set_real(struct assay_json *object, const char *name, double value)
{
    return assay_json_set(object, name, assay_json_new_real(value)); /* NaN: null */
}

/* Why a number is null; null where there is no reason. */
static bool set_reason(struct assay_json *object, const char *name, enum assay_reason reason)
{
    return assay_json_set(object, name,
                          reason == ASSAY_REASON_NONE
                              ? assay_json_new_null()
                              : assay_json_new_text(assay_reason_text(reason)));
}

static bool set_interval(struct assay_json *object, const char *name,
                         const struct assay_interval *interval)
{
    struct assay_json *made = assay_json_new_object();
    const char *basis = assay_interval_basis_name(interval->method);
    bool ok = made && set_real(made, "low", interval->low) &&
              set_real(made, "high", interval->high) &&
              set_text(made, "method", assay_interval_method_name(interval->method)) &&
              (!basis || set_real(made, basis, interval->basis)) &&
              set_reason(made, "reason", interval->reason);
    return assay_json_set(object, name, made) && ok;
}

static bool set_bootstrap(struct assay_json *object, const struct assay_estimate *estimate,
                          const struct assay_estimate_options *options)
{
    struct assay_json *made = assay_json_new_object();
    bool ok = made && set_integer(made, "resamples", options->resamples) &&
              set_integer(made, "seed", options->seed) &&
              set_text(made, "generator", ASSAY_BOOTSTRAP_GENERATOR) &&
              set_interval(made, "percentile", &estimate->percentile) &&
              set_interval(made, "bca", &estimate->bca);
    return assay_json_set(object, "bootstrap", made) && ok;
}

static bool set_cells(struct assay_json *object, const struct assay_estimate *estimate)
{
    struct assay_json *made = assay_json_new_object();
    bool ok = made;
    for (unsigned s = 0; ok && s < ASSAY_SPREAD_COUNT; s++) {
        ok = set_integer(made, assay_spread_name((enum assay_spread)s), estimate->cells[s]);
    }
    return assay_json_set(object, "se_fixed_cells", made) && ok;
}

static enum assay_reason reason_of_super(const struct assay_estimate *estimate)
{
    return estimate->items == 0   ? ASSAY_REASON_NO_ITEM
           : estimate->items == 1 ? ASSAY_REASON_ONE_ITEM
                                  : ASSAY_REASON_NONE;
}

static bool set_errors(struct assay_json *object, const struct assay_estimate *estimate,
                       const struct assay_estimate_options *options)
{
    return set_real(object, "score", estimate->score) &&
           set_real(object, "se_fixed", estimate->se_fixed) &&
           set_reason(object, "se_fixed_reason", estimate->interval_fixed.reason) &&
           set_real(object, "se_super", estimate->se_super) &&
           set_reason(object, "se_super_reason", reason_of_super(estimate)) &&
           set_interval(object, "interval_fixed", &estimate->interval_fixed) &&
           set_interval(object, "interval_super", &estimate->interval_super) &&
           set_bootstrap(object, estimate, options);
}

static bool set_estimate(struct assay_json *object, const struct assay_estimate *estimate,
                         const struct assay_estimate_options *options)
{
    return set_integer(object, "samples", estimate->samples) &&
           set_integer(object, "items", estimate->items) &&
           set_integer(object, "items_left_out", estimate->items_left_out) &&
           set_integer(object, "correct", estimate->correct) &&
           set_errors(object, estimate, options) && set_cells(object, estimate) &&
           set_real(object, "sd_run", estimate->sd_run) &&
           set_real(object, "se_independent", estimate->se_independent) &&
           set_integer(object, "tokens", estimate->tokens) &&
           set_real(object, "run_tokens", estimate->run_tokens) &&
           set_real(object, "mean_tokens", estimate->mean_tokens);
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
             set_estimate(row, &estimates->profiles[p], &estimates->options);
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
             set_estimate(row, &estimates->strata[s], &estimates->options);
        ok = assay_json_add(list, row) && ok;
    }
    if (ok) return list;
    assay_json_destroy(list);
    return NULL;
}

/* How outputs ended, and what the flexible rules would have said. */
static bool set_outcomes(struct assay_json *object, const struct assay_results *results)
{
    struct assay_tally tally = assay_tally_of(results);
    struct assay_json *made = assay_json_new_object();
    bool ok = made;
    for (unsigned o = 0; ok && o < ASSAY_OUTCOME_COUNT; o++) {
        ok = set_integer(made, assay_outcome_name((enum assay_outcome)o), tally.outcomes[o]);
    }
    return assay_json_set(object, "outcomes", made) && ok &&
           set_integer(object, "no_answer", tally.no_answer) &&
           set_integer(object, "flexible_correct", tally.flexible_correct);
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
                                    const struct assay_estimates *estimates,
                                    struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object();
    bool ok = object && set_head(object, results) &&
              set_integer(object, "confidence_percent", ASSAY_CONFIDENCE_PERCENT) &&
              set_estimate(object, &estimates->all, &estimates->options) &&
              set_outcomes(object, results) &&
              assay_json_set(object, "profiles", profiles_json(results, estimates)) &&
              assay_json_set(object, "strata", strata_json(results, estimates));
    if (ok) {
        *out = object;
        return ASSAY_OK;
    }
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

static bool set_partial(struct assay_json *object, const struct assay_partial *partial)
{
    return assay_json_set(object, "partial", assay_json_new_boolean(true)) &&
           set_integer(object, "samples_done", partial->samples_done) &&
           set_integer(object, "samples_total", partial->samples_total) &&
           set_integer(object, "processes", partial->processes) &&
           set_text(object, "journal", partial->head.path) &&
           set_text(object, "spec", partial->head.spec_name) &&
           set_text(object, "model", partial->head.model_name) &&
           set_integer(object, "profile_count", partial->head.profile_count) &&
           set_integer(object, "replicates", partial->head.replicates) &&
           set_integer(object, "sets", partial->head.sets);
}

enum assay_status assay_report_partial(const struct assay_partial *partial, bool json,
                                       const struct assay_estimates *estimates,
                                       struct assay_error *err)
{
    if (!json) return assay_report_print_partial(partial, estimates, err);
    struct assay_json *object = assay_json_new_object();
    bool ok = object && set_partial(object, partial) &&
              set_integer(object, "confidence_percent", ASSAY_CONFIDENCE_PERCENT) &&
              set_estimate(object, &estimates->all, &estimates->options) &&
              assay_json_set(object, "profiles", profiles_json(&partial->head, estimates)) &&
              assay_json_set(object, "strata", strata_json(&partial->head, estimates));
    if (ok) return assay_report_emit(object, err);
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

/* null unless the benchmark's outputs are programs; a value is null where it cannot be known. */
static struct assay_json *pass_json(const struct assay_results *results,
                                    const struct assay_scores *scores)
{
    if (!assay_tally_has_programs(results)) return assay_json_new_null();
    struct assay_json *object = assay_json_new_object();
    for (const uint32_t *k = assay_tally_ks; *k && *k <= results->replicates; k++) {
        char name[16];
        snprintf(name, sizeof name, "%u", *k);
        set_real(object, name, assay_pass_at(scores, *k).value);
    }
    return object;
}

/* null where there is but one way to score. */
static struct assay_json *readings_json(const struct assay_readings *readings,
                                        const struct assay_estimate_options *options)
{
    if (readings->count == 0) return assay_json_new_null();
    struct assay_json *list = assay_json_new_array();
    bool ok = list;
    for (size_t i = 0; ok && i < readings->count; i++) {
        const struct assay_reading *reading = &readings->rows[i];
        struct assay_json *row = assay_json_new_object();
        ok = row && set_text(row, "reading", reading->name) &&
             assay_json_set(row, "is_score", assay_json_new_boolean(reading->is_score)) &&
             set_errors(row, &reading->all, options);
        ok = assay_json_add(list, row) && ok;
    }
    if (ok) return list;
    assay_json_destroy(list);
    return NULL;
}

/* What the estimates are made of, and what they are. */
struct told {
    const struct assay_results *results;
    const struct assay_scores *scores;
    const struct assay_estimates *estimates;
    const struct assay_readings *readings;
};

static enum assay_status report(const struct told *told, bool json, struct assay_error *err)
{
    struct assay_json *object;
    if (!json) {
        enum assay_status status = assay_report_print(told->results, told->estimates, err);
        if (!status) assay_readings_print(told->readings);
        if (!status) assay_tally_print_pass(told->results, told->scores);
        return status;
    }
    enum assay_status status = assay_report_json(&object, told->results, told->estimates, err);
    if (status) return status;
    if (assay_json_set(object, "readings",
                       readings_json(told->readings, &told->estimates->options)) &&
        assay_json_set(object, "pass_at_k", pass_json(told->results, told->scores))) {
        return assay_report_emit(object, err);
    }
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

enum assay_status assay_report_file_with(const char *path, bool json,
                                         const struct assay_estimate_options *options,
                                         struct assay_error *err)
{
    struct assay_results *results;
    struct assay_scores *scores = NULL;
    struct assay_estimates *estimates = NULL;
    struct assay_readings readings;
    enum assay_status status = assay_results_open(&results, path, NULL, err);
    if (status) return status;
    status = assay_scores_create(&scores, results, err);
    if (!status) status = assay_estimate_create(&estimates, scores, options, err);
    if (!status) status = assay_readings_make(&readings, results, scores, options, err);
    if (!status) {
        const struct told told = {results, scores, estimates, &readings};
        status = report(&told, json, err);
    }
    assay_estimate_destroy(estimates);
    assay_scores_destroy(scores);
    assay_results_close(results);
    return status;
}

enum assay_status assay_report_file(const char *path, bool json, struct assay_error *err)
{
    static const struct assay_estimate_options usual = {.resamples = ASSAY_BOOTSTRAP_DEFAULT,
                                                        .seed = ASSAY_BOOTSTRAP_SEED_DEFAULT};
    return assay_report_file_with(path, json, &usual, err);
}
