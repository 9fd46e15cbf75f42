/* assay audit: compute records again, and say of each whether it holds. */
#include "cli/command.h"

#include "base/bytes.h"
#include "base/json.h"
#include "cli/assignment.h"
#include "cli/audit.h"
#include "cli/checks.h"
#include "cli/leaves.h"
#include "cli/report.h"
#include "crypto/public_key.h"
#include "crypto/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES_DEFAULT = 64, LINES_MAX = 64 };

/* --- what is audited */

static enum assay_status draw_samples(struct assay_audit_choice *out,
                                      const struct assay_bundle *bundle,
                                      const struct assay_args *args, struct assay_error *err)
{
    uint64_t samples = args->samples ? args->samples : SAMPLES_DEFAULT;
    size_t count = 0;
    enum assay_status status = ASSAY_OK;
    out->drawn = true;
    out->seed = args->seed.value;
    if (!args->seed.given) {
        status = assay_random_bytes(&out->seed, sizeof out->seed, err);
        out->seed >>= 1; /* a number that --seed and JSON can hold */
    }
    if (!status) {
        status = assay_audit_choose(&out->indices, &count, &bundle->job->plan, samples,
                                    &bundle->records_digest, out->seed, err);
    }
    out->count = count;
    return status;
}

static enum assay_status choose(struct assay_audit_choice *out, const struct assay_bundle *bundle,
                                const struct assay_args *args, struct assay_error *err)
{
    int ways = (args->samples > 0) + (args->leaf != NULL) + args->all;
    size_t count = 0;
    *out = (struct assay_audit_choice){.count = bundle->job->plan.sample_count};
    if (bundle->opened) {
        out->count = bundle->opened_count;
        if (ways == 0) return ASSAY_OK;
        return assay_fail(err, ASSAY_EUSAGE,
                          "--samples, --leaf and --all choose from a results file; opened records "
                          "are all audited");
    }
    if (ways > 1) {
        return assay_fail(err, ASSAY_EUSAGE, "one of --samples, --leaf and --all, not several");
    }
    if (args->all) return ASSAY_OK;
    if (!args->leaf) return draw_samples(out, bundle, args, err);
    enum assay_status status =
        assay_leaves_parse(&out->indices, &count, args->leaf, out->count, err);
    out->count = count;
    return status;
}

/* --- what is told */

static void print_summary(const struct assay_audit_view *view,
                          const struct assay_audit_tally *tally,
                          const struct assay_machine_choice *machine)
{
    const struct assay_audit_choice *choice = view->choice;
    double seconds = tally->seconds > 0 ? tally->seconds : 1e-9;
    printf("\naudited  %" PRIu64 " of %" PRIu64 " samples", choice->count,
           view->bundle->job->plan.sample_count);
    if (choice->drawn) printf(", whole groups drawn with seed %" PRIu64, choice->seed);
    printf("\nvalid    %" PRIu64 "\ninvalid  %" PRIu64 "\n", tally->valid, tally->invalid);
    printf("cost     %.2f s for %" PRIu64 " output tokens and %" PRIu64 " prompt tokens: %.1f "
           "samples/s, %.0f tok/s (%s, %s, %u threads)\n",
           tally->seconds, tally->output_tokens, tally->counters.prefill_tokens,
           (double)choice->count / seconds, (double)tally->output_tokens / seconds,
           assay_backend_name(machine->backend), assay_backend_isa(machine->backend),
           machine->threads);
}

static struct assay_json *json_counts(const struct assay_audit_view *view,
                                      const struct assay_audit_tally *tally,
                                      const struct assay_machine_choice *machine)
{
    const struct assay_audit_choice *choice = view->choice;
    struct assay_json *object = assay_json_new_object();
    bool ok =
        object &&
        assay_json_set(object, "samples_total",
                       assay_json_new_integer((int64_t)view->bundle->job->plan.sample_count)) &&
        assay_json_set(object, "audited", assay_json_new_integer((int64_t)choice->count)) &&
        assay_json_set(object, "valid", assay_json_new_integer((int64_t)tally->valid)) &&
        assay_json_set(object, "invalid", assay_json_new_integer((int64_t)tally->invalid)) &&
        assay_json_set(object, "seed",
                       choice->drawn ? assay_json_new_integer((int64_t)choice->seed)
                                     : assay_json_new_null()) &&
        assay_json_set(object, "seconds", assay_json_new_real(tally->seconds)) &&
        assay_json_set(object, "output_tokens",
                       assay_json_new_integer((int64_t)tally->output_tokens)) &&
        assay_json_set(object, "prompt_tokens_computed",
                       assay_json_new_integer((int64_t)tally->counters.prefill_tokens)) &&
        assay_json_set(object, "passes", assay_json_new_integer((int64_t)tally->counters.passes)) &&
        assay_json_set(object, "backend",
                       assay_json_new_text(assay_backend_name(machine->backend))) &&
        assay_json_set(object, "isa", assay_json_new_text(assay_backend_isa(machine->backend))) &&
        assay_json_set(object, "threads", assay_json_new_integer(machine->threads));
    if (ok) return object;
    assay_json_destroy(object);
    return NULL;
}

/* Takes the rows. */
static enum assay_status emit(const struct assay_audit_view *view,
                              const struct assay_checks *checks,
                              const struct assay_audit_tally *tally,
                              const struct assay_machine_choice *machine, struct assay_error *err)
{
    struct assay_json *object = json_counts(view, tally, machine);
    bool ok = object && assay_json_set(object, "checks", assay_checks_json(checks));
    if (!object) assay_json_destroy(view->rows);
    ok = object && assay_json_set(object, "samples", view->rows) && ok;
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the report");
}

static enum assay_status verdict_of(const struct assay_audit_tally *tally, struct assay_error *err)
{
    if (tally->invalid == 0) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFAILED, "%" PRIu64 " of %" PRIu64 " samples audited are invalid",
                      tally->invalid, tally->invalid + tally->valid);
}

/* --- the command */

static enum assay_status audit(const struct assay_bundle *bundle, const struct assay_checks *checks,
                               const struct assay_audit_choice *choice,
                               const struct assay_args *args, struct assay_error *err)
{
    struct assay_machine_choice machine;
    struct assay_machine_part part = {0};
    struct assay_audit_tally tally;
    struct assay_progress_line line;
    struct assay_audit_view view = {.bundle = bundle,
                                    .choice = choice,
                                    .print_invalid = !args->json,
                                    .print_valid =
                                        !args->json && !args->quiet && choice->count <= LINES_MAX,
                                    .rows = args->json ? assay_json_new_array() : NULL,
                                    .line = &line};
    struct assay_bytes cache_path = {0};
    struct assay_panel_cache cache;
    const char *cache_dir = assay_machine_cache(args);
    bool cached = !cache_dir || cache_dir[0] != '\0';
    assay_progress_init(&line, args->quiet || args->json);
    enum assay_status status = assay_machine_choose(&machine, args, err);
    if (!status && cached) {
        status = assay_job_cache(bundle->job, cache_dir, &cache_path, &cache, err);
    }
    if (!status) status = assay_machine_take(&part, &machine, err);
    if (!status) {
        const struct assay_audit_options options = {
            .session = {.backend = machine.backend,
                        .batch = machine.batch,
                        .threads = machine.threads,
                        .prefill_rows = machine.prefill_rows,
                        .place = &part.place,
                        .cache = cached ? &cache : NULL}};
        status = assay_audit_all(&tally, &view, &options, err);
    }
    assay_bytes_fini(&cache_path);
    assay_machine_leave(&part);
    if (status) {
        assay_json_destroy(view.rows);
        return status;
    }
    if (args->json) {
        status = emit(&view, checks, &tally, &machine, err);
    } else {
        print_summary(&view, &tally, &machine);
    }
    return status ? status : verdict_of(&tally, err);
}

static enum assay_status cmd_audit(const struct assay_args *args, struct assay_error *err)
{
    struct assay_bundle *bundle = NULL;
    struct assay_checks checks = {.count = 0};
    struct assay_audit_choice choice = {.indices = NULL};
    struct assay_public_key key;
    struct assay_assignment assignment = {.count = 0};
    struct assay_bundle_source source = {.paths = args->operands,
                                         .path_count = args->operand_count,
                                         .envelope = args->envelope,
                                         .spec = args->spec,
                                         .assignment = args->assignment ? &assignment : NULL,
                                         .model_dir = args->model_dir ? args->model_dir
                                                                      : getenv("ASSAY_MODEL_DIR"),
                                         .benchmark_dir = args->benchmark_dir,
                                         .data = args->data};
    enum assay_status status = assay_secret_forbid_dumps(err); /* it may read the salt key */
    if (!status && args->key) {
        status = assay_public_key_read(&key, args->key, err);
        source.key = &key;
    }
    if (!status) status = assay_args_assignment(&assignment, args->assignment, err);
    if (!status) status = assay_bundle_open(&bundle, &checks, &source, err);
    if (!args->json && !args->quiet) assay_checks_print(&checks);
    if (!status) status = choose(&choice, bundle, args, err);
    if (!status) status = audit(bundle, &checks, &choice, args, err);
    free(choice.indices);
    assay_bundle_close(bundle);
    assay_assignment_fini(&assignment);
    return status;
}

static const struct assay_option options[] = {
    {"samples", "K", "audit at least K samples in whole groups, drawn at random (default: 64)",
     ASSAY_OPTION_NUMBER, offsetof(struct assay_args, samples), 1, 1000000000},
    {"seed", "N", "of that draw (default: a fresh one, which is told)", ASSAY_OPTION_GIVEN_NUMBER,
     offsetof(struct assay_args, seed), 0, INT64_MAX},
    ASSAY_OPTION_WORD("leaf", "LIST", "audit these samples: 17, or 3,40-47", leaf),
    {"all", NULL, "audit every sample", ASSAY_OPTION_FLAG, offsetof(struct assay_args, all), 0, 0},
    ASSAY_OPTION_WORD("key", "PUB", "whose signature the envelope must have", key),
    ASSAY_OPTION_WORD("envelope", "FILE", "the signed envelope (RESULTS.dsse.json, if there)",
                      envelope),
    ASSAY_OPTION_WORD("spec", "FILE", "the run's spec, for opened records", spec),
    ASSAY_OPTION_WORD("assignment", "FILE", "what the network gave to the site, for opened records",
                      assignment),
    ASSAY_OPTION_WORD("model-dir", "DIR", "where models lie (default: $ASSAY_MODEL_DIR)",
                      model_dir),
    ASSAY_OPTION_WORD("benchmark-dir", "DIR", "where the benchmark lies (default: beside BUNDLE)",
                      benchmark_dir),
    ASSAY_OPTION_DATA,
    {"batch", "N", "samples replayed together (default: 64)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, batch), 1, ASSAY_BATCH_MAX},
    ASSAY_OPTION_MACHINE,
    ASSAY_OPTION_CACHE,
    ASSAY_OPTION_COMMON,
    ASSAY_OPTION_END};

const struct assay_command assay_cmd_audit = {
    "audit",
    "BUNDLE…",
    1,
    ASSAY_OPERANDS_MAX,
    "compute records of a run again, offline, and say of each whether it holds",
    "  assay audit quickstart.h5 --samples 64 --model-dir models --benchmark-dir jobs\n"
    "  assay audit quickstart.h5 --key site.key.pub --leaf 17,40-47\n"
    "  assay audit record-17.json record-18.json --envelope quickstart.h5.dsse.json \\\n"
    "      --spec quickstart.yaml --key site.key.pub\n\n"
    "BUNDLE is a results file, or records that its owner opened (assay attest --open). Model and\n"
    "benchmark must be the ones that the run had, by their digests. For each sample the prompt is\n"
    "rendered again, the claimed tokens are forced through the model, every draw is recomputed\n"
    "from the seed, and the text is graded again. Arithmetic is exact: an honest sample is never\n"
    "called invalid, and the first token that was not drawn is a proof. Faults are: inclusion,\n"
    "cell, key, prompt, token, log-probability, finish, answer, grade. Exit code 1 when there is "
    "one.\n",
    options,
    cmd_audit};
