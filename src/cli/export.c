/* lm-evaluation-harness writes one JSON line for each document, with hashes over Python's own
 * spellings: json.dumps(doc, indent=2, ensure_ascii=False), str(target), the first context. */
#include "cli/export.h"

#include "assay/choice.h"
#include "base/draft.h"
#include "base/json.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* One line being made. */
struct line {
    const struct assay_export *export;
    uint64_t index;
    struct assay_results_sample sample;
    uint32_t item;
    const struct assay_item *of;
    struct assay_json *object;
    struct assay_bytes context, scratch, text, answer;
};

static bool set_text(struct assay_json *object, const char *name, const char *text)
{
    return assay_json_set(object, name, assay_json_new_text(text));
}

static bool set_hash(struct assay_json *object, const char *name, const void *data, size_t size)
{
    char hex[ASSAY_DIGEST_HEX];
    const struct assay_digest digest = assay_sha256_of(data, size);
    return set_text(object, name, assay_digest_hex(&digest, hex));
}

static struct assay_json *texts_json(const char *const *texts, size_t count)
{
    struct assay_json *list = assay_json_new_array();
    bool ok = list;
    for (size_t i = 0; ok && i < count; i++) {
        ok = assay_json_add(list, assay_json_new_text(texts[i]));
    }
    if (ok) return list;
    assay_json_destroy(list);
    return NULL;
}

/* What we know of the document: its file may have had more fields. Members sorted, as the line has
 * them: the hash is over their order. */
static struct assay_json *doc_json(const struct assay_item *item)
{
    struct assay_json *doc = assay_json_new_object();
    bool ok = doc;
    if (ok && item->choice_count > 0) {
        ok = assay_json_set(doc, "choices", texts_json(item->choices, item->choice_count)) &&
             assay_json_set(doc, "gold", assay_json_new_integer(item->gold));
    } else if (ok) {
        ok = assay_json_set(doc, "accept", texts_json(item->accept, item->accept_count));
    }
    if (ok && set_text(doc, "id", item->id)) return doc;
    assay_json_destroy(doc);
    return NULL;
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

/* ["-12.5", "False"], as the harness writes a pair. */
static struct assay_json *pair_json(double sum, bool greedy)
{
    char number[40];
    snprintf(number, sizeof number, "%.17g", sum);
    const char *const pair[] = {number, greedy ? "True" : "False"};
    return texts_json(pair, 2);
}

/* What the harness says of one choice: acc_norm is by characters there, acc_bytes by bytes. */
struct picks {
    double best[3];
    uint32_t pick[3];
};

static void consider(struct picks *picks, uint32_t option, double sum, const char *choice)
{
    const double scores[3] = {sum, sum / (double)characters(choice), sum / (double)strlen(choice)};
    for (unsigned i = 0; i < 3; i++) {
        if (option > 0 && !(scores[i] > picks->best[i])) continue;
        picks->best[i] = scores[i];
        picks->pick[i] = option;
    }
}

static enum assay_status no_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for a line");
}

/* "gen_args_I": {"arg_0": context, "arg_1": continuation} */
static enum assay_status add_argument(struct line *line, struct assay_json *arguments,
                                      uint32_t option, struct assay_error *err)
{
    char name[24];
    snprintf(name, sizeof name, "gen_args_%" PRIu32, option);
    assay_bytes_clear(&line->scratch);
    enum assay_status status =
        assay_benchmark_option(line->export->benchmark, line->item, option, &line->scratch, err);
    if (status) return status;
    struct assay_json *pair = assay_json_new_object();
    bool ok = pair && set_text(pair, "arg_0", (const char *)line->context.data) &&
              set_text(pair, "arg_1", (const char *)line->scratch.data);
    return assay_json_set(arguments, name, pair) && ok ? ASSAY_OK : no_memory(err);
}

static enum assay_status add_choice(struct line *line, struct assay_error *err)
{
    static const char *const metrics[] = {"acc", "acc_norm", "acc_bytes"};
    const struct assay_span options = line->sample.circumstances.options;
    size_t count = options.size / ASSAY_OPTION_BYTES;
    const float *log_probs = line->sample.record.log_probs;
    struct assay_json *arguments = assay_json_new_object(), *resps = assay_json_new_array(),
                      *filtered = assay_json_new_array();
    struct picks picks = {.pick = {0}};
    enum assay_status status = ASSAY_OK;
    bool ok = arguments && resps && filtered;
    for (uint32_t i = 0; ok && !status && i < count; i++) {
        const struct assay_option_part option = assay_option_get(options, i);
        double sum = assay_choice_sum(log_probs, option.tokens);
        struct assay_json *outer = assay_json_new_array();
        log_probs += option.tokens;
        consider(&picks, i, sum, line->of->choices[i]);
        ok = outer && assay_json_add(outer, pair_json(sum, option.greedy));
        ok = assay_json_add(resps, outer) &&
             assay_json_add(filtered, pair_json(sum, option.greedy)) && ok;
        status = add_argument(line, arguments, i, err);
    }
    ok = assay_json_set(line->object, "arguments", arguments) && ok;
    ok = assay_json_set(line->object, "resps", resps) && ok;
    ok = assay_json_set(line->object, "filtered_resps", filtered) && ok;
    ok = ok && set_text(line->object, "filter", "none") &&
         assay_json_set(line->object, "metrics", texts_json(metrics, 3));
    for (unsigned i = 0; ok && i < 3; i++) {
        bool right = picks.pick[i] == line->of->gold;
        ok = assay_json_set(line->object, metrics[i], assay_json_new_real(right ? 1.0 : 0.0));
    }
    return status ? status : ok ? ASSAY_OK : no_memory(err);
}

static struct assay_json *settings_json(const struct line *line)
{
    const struct assay_results *results = line->export->results;
    const struct assay_spec *spec = line->export->spec;
    const struct assay_profile *profile = &results->profiles[results->profile_index[line->index]];
    struct assay_json *settings = assay_json_new_object();
    bool ok = settings &&
              assay_json_set(settings, "until", texts_json(spec->stops, spec->stop_count)) &&
              assay_json_set(settings, "max_gen_toks", assay_json_new_integer(spec->max_tokens)) &&
              assay_json_set(settings, "do_sample",
                             assay_json_new_boolean(profile->temperature_milli > 0)) &&
              assay_json_set(settings, "temperature",
                             assay_json_new_real((double)profile->temperature_milli / 1000));
    if (ok) return settings;
    assay_json_destroy(settings);
    return NULL;
}

static struct assay_json *nested(const char *text)
{
    struct assay_json *outer = assay_json_new_array(), *inner = texts_json(&text, 1);
    if (outer && assay_json_add(outer, inner)) return outer;
    assay_json_destroy(outer);
    return NULL;
}

static enum assay_status add_generated(struct line *line, struct assay_error *err)
{
    static const char *const metrics[] = {"exact_match"};
    const struct assay_record *record = &line->sample.record;
    const struct assay_span text = line->sample.circumstances.text;
    enum assay_status status =
        assay_bytes_format(&line->text, err, "%.*s", (int)text.size, text.data);
    if (!status) {
        status = assay_bytes_format(&line->answer, err, "%.*s", (int)record->answer.size,
                                    record->answer.data);
    }
    if (status) return status;
    struct assay_json *arguments = assay_json_new_object(), *pair = assay_json_new_object();
    const char *answer = (const char *)line->answer.data;
    bool ok = arguments && pair && set_text(pair, "arg_0", (const char *)line->context.data) &&
              assay_json_set(pair, "arg_1", settings_json(line));
    ok = assay_json_set(arguments, "gen_args_0", pair) && ok;
    ok = assay_json_set(line->object, "arguments", arguments) && ok;
    ok =
        ok && assay_json_set(line->object, "resps", nested((const char *)line->text.data)) &&
        assay_json_set(line->object, "filtered_resps", texts_json(&answer, 1)) &&
        set_text(line->object, "filter",
                 line->export->spec->rule_count > 0 ? line->export->spec->rules[0].name : "none") &&
        assay_json_set(line->object, "metrics", texts_json(metrics, 1)) &&
        assay_json_set(line->object, "exact_match",
                       assay_json_new_real((double)record->score_micro / ASSAY_SCORE_ONE));
    return ok ? ASSAY_OK : no_memory(err);
}

static enum assay_status add_hashes(struct line *line, const char *target, struct assay_error *err)
{
    struct assay_json *doc = doc_json(line->of);
    assay_bytes_clear(&line->scratch);
    enum assay_status status =
        doc ? assay_json_write(doc, false, &line->scratch, err) : no_memory(err);
    assay_json_destroy(doc);
    if (status) return status;
    bool ok = set_hash(line->object, "doc_hash", line->scratch.data, line->scratch.size) &&
              set_hash(line->object, "prompt_hash", line->context.data, line->context.size) &&
              set_hash(line->object, "target_hash", target, strlen(target));
    return ok ? ASSAY_OK : no_memory(err);
}

/* The user message; behind turns, which the harness would show inside a chat template, a line each.
 */
static enum assay_status add_context(struct line *line, struct assay_error *err)
{
    const struct assay_benchmark *benchmark = line->export->benchmark;
    struct assay_chat_turn turns[64];
    size_t count;
    enum assay_status status =
        assay_benchmark_turns(benchmark, line->item, &line->scratch, turns, &count, err);
    for (size_t i = 0; i < count && !status; i++) {
        status =
            assay_bytes_format(&line->context, err, "%s\n%s\n", turns[i].user, turns[i].assistant);
    }
    return status ? status : assay_benchmark_prompt(benchmark, line->item, &line->context, err);
}

static enum assay_status fill(struct line *line, struct assay_error *err)
{
    const struct assay_results *results = line->export->results;
    const struct assay_item *of = line->of;
    bool choice = line->sample.circumstances.options.size > 0;
    char gold[16];
    snprintf(gold, sizeof gold, "%" PRIu32, of->gold);
    const char *target = choice || of->accept_count == 0 ? gold : of->accept[0];
    if (line->sample.record.finish == ASSAY_FINISH_NONFINITE) choice = false;
    enum assay_status status = add_context(line, err);
    if (status) return status;
    bool ok = assay_json_set(line->object, "doc_id", assay_json_new_integer(of->position)) &&
              assay_json_set(line->object, "doc", doc_json(of)) &&
              set_text(line->object, "target", target) &&
              set_text(line->object, "profile",
                       results->profiles[results->profile_index[line->index]].name) &&
              assay_json_set(line->object, "replicate",
                             assay_json_new_integer(line->sample.record.replicate));
    if (!ok) return no_memory(err);
    status = choice ? add_choice(line, err) : add_generated(line, err);
    return status ? status : add_hashes(line, target, err);
}

static enum assay_status add_line(const struct assay_export *export, uint64_t sample,
                                  struct assay_bytes *out, struct assay_error *err)
{
    uint32_t item = export->items[export->results->item_index[sample]];
    struct line line = {.export = export,
                        .index = sample,
                        .item = item,
                        .of = assay_benchmark_item(export->benchmark, item),
                        .object = assay_json_new_object()};
    enum assay_status status = line.object ? ASSAY_OK : no_memory(err);
    if (!status) status = assay_results_sample(export->results, sample, &line.sample, err);
    if (!status) status = fill(&line, err);
    if (!status) status = assay_json_write(line.object, true, out, err);
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    assay_json_destroy(line.object);
    assay_bytes_fini(&line.context);
    assay_bytes_fini(&line.scratch);
    assay_bytes_fini(&line.text);
    assay_bytes_fini(&line.answer);
    return status;
}

enum assay_status assay_export_lm_eval(const struct assay_export *export, const char *path,
                                       struct assay_error *err)
{
    struct assay_draft draft = {0};
    struct assay_bytes text = {0};
    enum assay_status status = assay_draft_begin(&draft, path, err);
    for (uint64_t s = 0; s < export->results->sample_count && !status; s++) {
        assay_bytes_clear(&text);
        status = add_line(export, s, &text, err);
        if (!status) status = assay_draft_append(&draft, text.data, text.size, err);
    }
    if (!status) status = assay_draft_finish(&draft, err);
    assay_draft_drop(&draft);
    assay_bytes_fini(&text);
    return status;
}
