/* assay net open, beacon, assignment, settle. */
#include "cli/net.h"

#include "assay/assignment.h"
#include "assay/benchmark.h"
#include "assay/spec.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/output.h"
#include "crypto/digest.h"
#include "crypto/public_key.h"
#include "submit/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_BYTES_MAX = 1 << 20 };

static struct assay_tx_open default_terms(void)
{
    return (struct assay_tx_open){.rule_set = 1,
                                  .replicas = 3,
                                  .samples_per_item = 1,
                                  .sites_min = 3,
                                  .sites_max = 16,
                                  .rounds_max = 3,
                                  .beacon_commit_blocks = 20,
                                  .beacon_reveal_blocks = 20,
                                  .commit_blocks = 20,
                                  .reveal_blocks = 20,
                                  .pool = 1000000,
                                  .sigma_milli = 1500,
                                  .gamma_milli = 10,
                                  .lambda_milli = 700};
}

/* --- terms out of JSON, by the layout --- */

static enum assay_status read_strata(struct assay_bytes *out, const struct assay_json *value,
                                     struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    if (assay_json_type(value) != ASSAY_JSON_ARRAY) {
        return assay_fail(err, ASSAY_EFORMAT, "\"strata\" must be an array: one for each item");
    }
    for (size_t i = 0; i < assay_json_count(value) && !status; i++) {
        const struct assay_json *element = assay_json_element(value, i);
        int64_t number =
            assay_json_type(element) == ASSAY_JSON_INTEGER ? assay_json_integer(element) : -1;
        uint8_t stratum = (uint8_t)number;
        if (number < 0 || number > 255) {
            return assay_fail(err, ASSAY_EFORMAT, "\"strata\": element %zu must be 0 to 63", i);
        }
        status = assay_bytes_append(out, &stratum, 1, err);
    }
    return status;
}

static enum assay_status read_term(const struct assay_layout_field *field, void *to,
                                   const struct assay_json *json, struct assay_bytes *strata,
                                   struct assay_error *err)
{
    uint64_t number = 0;
    const char *text = NULL;
    uint64_t max = field->max < INT64_MAX ? field->max : INT64_MAX;
    enum assay_status status = ASSAY_OK;
    switch (field->kind) {
    case ASSAY_LAYOUT_U8:
        status = assay_member_number(json, field->name, max, &number, err);
        *(uint8_t *)to = (uint8_t)number;
        return status;
    case ASSAY_LAYOUT_U32:
        status = assay_member_number(json, field->name, max, &number, err);
        *(uint32_t *)to = (uint32_t)number;
        return status;
    case ASSAY_LAYOUT_U64:
        return assay_member_number(json, field->name, max, to, err);
    case ASSAY_LAYOUT_D32:
        return assay_member_hex(json, field->name, to, 32, err);
    case ASSAY_LAYOUT_BLOB:
        return read_strata(strata, assay_json_member(json, field->name), err);
    case ASSAY_LAYOUT_TEXT:
        status = assay_member_text(json, field->name, &text, err);
        if (!status && !assay_label_valid(text, strlen(text), field->max)) {
            status = assay_fail(err, ASSAY_EFORMAT,
                                "\"%s\" must be 1 to %" PRIu64 " of A-Z a-z 0-9 . _ -", field->name,
                                field->max);
        }
        if (!status) memcpy(to, text, strlen(text) + 1);
        return status;
    case ASSAY_LAYOUT_KEY:
    case ASSAY_LAYOUT_S64:
        break;
    }
    return assay_fail(err, ASSAY_EUNSUPPORTED, "\"%s\" is no term", field->name);
}

/* Name and strata must be there; the rest has defaults. A member that is no term is refused. */
static enum assay_status terms_of_json(struct assay_tx_open *out, struct assay_bytes *strata,
                                       const char *text, size_t size, struct assay_error *err)
{
    const struct assay_layout *layout = &assay_tx_open_layout;
    struct assay_json *json = NULL;
    size_t known = 0;
    enum assay_status status = assay_json_parse(&json, text, size, err);
    if (!status && assay_json_type(json) != ASSAY_JSON_OBJECT) {
        status = assay_fail(err, ASSAY_EFORMAT, "the terms must be an object");
    }
    for (size_t i = 0; i < layout->field_count && !status; i++) {
        const struct assay_layout_field *field = &layout->fields[i];
        bool needed = field->kind == ASSAY_LAYOUT_TEXT || field->kind == ASSAY_LAYOUT_BLOB;
        if (assay_json_member(json, field->name)) {
            known++;
            status = read_term(field, (char *)out + field->offset, json, strata, err);
        } else if (needed) {
            status = assay_fail(err, ASSAY_EFORMAT, "\"%s\" is missing", field->name);
        }
    }
    if (!status && known != assay_json_count(json)) {
        status = assay_fail(err, ASSAY_EFORMAT, "%zu members are no terms (src/FORMAT.md 21.3)",
                            assay_json_count(json) - known);
    }
    assay_json_destroy(json);
    return status;
}

/* --- terms out of a job's spec --- */

static enum assay_status strata_of_benchmark(struct assay_bytes *out,
                                             const struct assay_benchmark *benchmark,
                                             struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (uint32_t i = 0; i < assay_benchmark_count(benchmark) && !status; i++) {
        uint32_t index = assay_benchmark_item_stratum(benchmark, i);
        uint8_t stratum = (uint8_t)index;
        if (index >= ASSAY_TASK_STRATA_MAX) {
            status = assay_fail(err, ASSAY_EVALUE, "more than %d strata", ASSAY_TASK_STRATA_MAX);
        } else {
            status = assay_bytes_append(out, &stratum, 1, err);
        }
    }
    return status;
}

static enum assay_status terms_of_spec(struct assay_tx_open *out, struct assay_bytes *strata,
                                       const char *path, const char *model_dir,
                                       struct assay_error *err)
{
    struct assay_spec *spec = NULL;
    struct assay_benchmark *benchmark = NULL;
    enum assay_status status = assay_spec_open(&spec, path, err);
    if (!status) status = assay_spec_resolve(spec, path, model_dir, NULL, err);
    if (!status) status = assay_benchmark_open(&benchmark, spec, err);
    if (!status) status = strata_of_benchmark(strata, benchmark, err);
    if (!status) {
        uint64_t samples = (uint64_t)spec->profile_count * spec->replicates;
        memcpy(out->name, spec->name, strlen(spec->name) + 1);
        out->model = spec->model.sha256;
        out->benchmark = spec->benchmark.sha256;
        out->spec = spec->digest;
        out->sampler = assay_sha256_of("sampler-1", 9);
        out->samples_per_item = samples > UINT32_MAX ? UINT32_MAX : (uint32_t)samples;
    }
    assay_benchmark_close(benchmark);
    assay_spec_destroy(spec);
    return status;
}

/* --- open --- */

static void apply_options(struct assay_tx_open *terms, const struct assay_args *args)
{
    if (args->window) {
        terms->beacon_commit_blocks = terms->beacon_reveal_blocks = (uint32_t)args->window;
        terms->commit_blocks = terms->reveal_blocks = (uint32_t)args->window;
    }
    if (args->pool) terms->pool = args->pool;
    if (args->replicas) terms->replicas = (uint8_t)args->replicas;
    if (args->replicas && !args->sites_min) terms->sites_min = (uint32_t)args->replicas;
    if (args->sites_min) terms->sites_min = (uint32_t)args->sites_min;
    if (args->sites_max) terms->sites_max = (uint32_t)args->sites_max;
}

static enum assay_status read_terms(struct assay_tx_open *out, struct assay_bytes *strata,
                                    const struct assay_args *args, struct assay_error *err)
{
    const char *path = args->operands[2];
    const char *model_dir = args->model_dir ? args->model_dir : getenv("ASSAY_MODEL_DIR");
    struct assay_bytes text = {0};
    *out = default_terms();
    enum assay_status status = assay_file_read(path, TERMS_BYTES_MAX, &text, err);
    if (!status && text.size > 0 && text.data[0] == '{') {
        status = assay_while(
            err, terms_of_json(out, strata, (const char *)text.data, text.size, err), "%s", path);
    } else if (!status) {
        status = terms_of_spec(out, strata, path, model_dir, err);
    }
    assay_bytes_fini(&text);
    apply_options(out, args);
    out->strata = (struct assay_blob){strata->data, (uint32_t)strata->size};
    if (!status && strata->size > ASSAY_TASK_ITEMS_MAX) {
        status = assay_fail(err, ASSAY_EVALUE, "%zu items: a task has %d at most", strata->size,
                            ASSAY_TASK_ITEMS_MAX);
    }
    return status;
}

enum assay_status assay_net_open(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_secret_key *key = NULL;
    struct assay_bytes strata = {0}, bytes = {0};
    struct assay_tx_open terms;
    struct assay_sent sent;
    struct assay_state_counters counters;
    struct assay_state_key at = assay_state_key_plain(ASSAY_TABLE_COUNTERS);
    char what[64];
    enum assay_status status = read_terms(&terms, &strata, args, err);
    if (!status) status = assay_net_key(&key, args, err);
    if (!status) {
        status = assay_network_open_solo(&network, args->operands[1], args->chain, false, err);
    }
    if (!status) status = assay_submit_send(&network, key, ASSAY_TX_OPEN, &terms, &sent, err);
    if (!status) status = assay_network_get(&network, &at, &counters, &bytes, "counters", err);
    if (!status) {
        sent.task = counters.next_task - 1;
        snprintf(what, sizeof what, "task %" PRIu64 " opened", sent.task);
        status = assay_net_tell(args, what, &sent, err);
    }
    assay_network_close(&network);
    assay_secret_key_destroy(key);
    assay_bytes_fini(&strata);
    assay_bytes_fini(&bytes);
    return status;
}

/* --- beacon, settle, assignment --- */

enum assay_status assay_net_beacon(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_secret_key *key = NULL;
    struct assay_sent sent;
    uint64_t task = 0;
    uint32_t round = 0;
    bool reveal = strcmp(args->operands[2], "reveal") == 0;
    if (!reveal && strcmp(args->operands[2], "commit") != 0) {
        return assay_fail(err, ASSAY_EUSAGE, "\"%.40s\" is neither commit nor reveal",
                          args->operands[2]);
    }
    enum assay_status status = assay_net_key(&key, args, err);
    if (!status) {
        status = assay_network_open_solo(&network, args->operands[1], args->chain, false, err);
    }
    if (!status) status = assay_net_round(args, &network, &task, &round, err);
    if (!status) status = assay_submit_beacon(&network, key, task, round, reveal, &sent, err);
    if (!status) {
        status = assay_net_tell(args, reveal ? "secret revealed" : "secret committed", &sent, err);
    }
    assay_network_close(&network);
    assay_secret_key_destroy(key);
    return status;
}

enum assay_status assay_net_settle(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_secret_key *key = NULL;
    struct assay_sent sent;
    struct assay_tx_settle of = {0};
    enum assay_status status = assay_net_key(&key, args, err);
    if (!status) {
        status = assay_network_open_solo(&network, args->operands[1], args->chain, false, err);
    }
    if (!status) status = assay_net_round(args, &network, &of.task, &of.round, err);
    if (!status) status = assay_submit_send(&network, key, ASSAY_TX_SETTLE, &of, &sent, err);
    if (!status) {
        sent.task = of.task;
        sent.round = of.round;
        status = assay_net_tell(args, "settled", &sent, err);
    }
    assay_network_close(&network);
    assay_secret_key_destroy(key);
    return status;
}

enum assay_status assay_net_assignment(const struct assay_args *args, struct assay_error *err)
{
    struct assay_network network = {0};
    struct assay_public_key site;
    struct assay_assignment assignment = {0};
    struct assay_bytes text = {0};
    uint64_t task = 0;
    uint32_t round = 0;
    if (!args->site) return assay_fail(err, ASSAY_EUSAGE, "--site KEY: whose assignment");
    const char *const read[] = {args->operands[1], args->site};
    enum assay_status status = assay_output_apart("--output", args->output, read, 2, err);
    if (!status) status = assay_public_key_read(&site, args->site, err);
    if (!status) {
        status = assay_network_open_solo(&network, args->operands[1], args->chain, true, err);
    }
    if (!status) status = assay_net_round(args, &network, &task, &round, err);
    if (!status) status = assay_submit_assignment(&network, task, round, &site, &assignment, err);
    if (!status) status = assay_assignment_write(&assignment, &text, err);
    if (!status) status = assay_net_write_file(args->output, &text, err);
    if (!status && args->output && !args->quiet && !args->json) {
        printf("%zu of %u items, %" PRIu64 " samples: %s\n", assignment.count,
               assignment.item_count, (uint64_t)assignment.count * assignment.samples_per_item,
               args->output);
    }
    assay_assignment_fini(&assignment);
    assay_network_close(&network);
    assay_bytes_fini(&text);
    return status;
}
