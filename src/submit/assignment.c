/* assignment-1: read and written (FORMAT.md 24.1). */
#include "assay/assignment.h"

#include "base/bytes.h"
#include "base/json.h"
#include "ledger/layout.h"
#include "submit/hex.h"

#include <stdlib.h>
#include <string.h>

static const char format_name[] = "assignment-1";

void assay_assignment_fini(struct assay_assignment *assignment)
{
    free(assignment->items);
    *assignment = (struct assay_assignment){0};
}

static enum assay_status read_items(struct assay_assignment *out, const struct assay_json *object,
                                    struct assay_error *err)
{
    const struct assay_json *items = assay_json_member(object, "items");
    if (!items || assay_json_type(items) != ASSAY_JSON_ARRAY || assay_json_count(items) == 0 ||
        assay_json_count(items) > out->item_count) {
        return assay_fail(err, ASSAY_EFORMAT, "\"items\" must be 1 to item_count positions");
    }
    out->items = calloc(assay_json_count(items), sizeof *out->items);
    if (!out->items) return assay_fail(err, ASSAY_EMEMORY, "no memory for an assignment");
    int64_t last = -1;
    for (size_t i = 0; i < assay_json_count(items); i++) {
        const struct assay_json *item = assay_json_element(items, i);
        int64_t value = assay_json_type(item) == ASSAY_JSON_INTEGER ? assay_json_integer(item) : -1;
        if (value <= last || value >= (int64_t)out->item_count) {
            return assay_fail(err, ASSAY_EFORMAT,
                              "\"items\": element %zu must be greater than the one before and "
                              "less than %u",
                              i, out->item_count);
        }
        out->items[out->count++] = (uint32_t)value;
        last = value;
    }
    return ASSAY_OK;
}

static enum assay_status read_members(struct assay_assignment *out, const struct assay_json *object,
                                      struct assay_error *err)
{
    const struct {
        const char *name;
        uint8_t *to;
    } digests[] = {{"round_seed", out->round_seed.bytes}, {"spec", out->spec.bytes},
                   {"benchmark", out->benchmark.bytes},   {"model", out->model.bytes},
                   {"sampler", out->sampler.bytes},       {"site", out->site}};
    const char *chain = NULL;
    uint64_t round = 0, items = 0, samples = 0;
    enum assay_status status = assay_member_format(object, format_name, err);
    if (!status) status = assay_member_text(object, "chain", &chain, err);
    if (!status && !assay_label_valid(chain, strlen(chain), sizeof out->chain - 1)) {
        status = assay_fail(err, ASSAY_EFORMAT, "\"chain\" is no chain id");
    }
    if (!status) memcpy(out->chain, chain, strlen(chain) + 1);
    if (!status) status = assay_member_number(object, "task", INT64_MAX, &out->task, err);
    if (!status) status = assay_member_number(object, "round", UINT32_MAX, &round, err);
    for (size_t i = 0; i < sizeof digests / sizeof digests[0] && !status; i++) {
        status = assay_member_hex(object, digests[i].name, digests[i].to, 32, err);
    }
    if (!status) {
        status = assay_member_number(object, "item_count", ASSAY_ASSIGNMENT_ITEMS_MAX, &items, err);
    }
    if (!status) {
        status = assay_member_number(object, "samples_per_item", UINT32_MAX, &samples, err);
    }
    out->round = (uint32_t)round;
    out->item_count = (uint32_t)items;
    out->samples_per_item = (uint32_t)samples;
    return status ? status : read_items(out, object, err);
}

enum assay_status assay_assignment_parse(struct assay_assignment *out, const char *text,
                                         size_t size, struct assay_error *err)
{
    struct assay_json *json = NULL;
    struct assay_assignment read = {0};
    if (size > ASSAY_ASSIGNMENT_BYTES_MAX) {
        return assay_fail(err, ASSAY_EFORMAT, "an assignment of more than 1 MiB");
    }
    enum assay_status status = assay_json_parse(&json, text, size, err);
    if (!status) status = read_members(&read, json, err);
    assay_json_destroy(json);
    if (status) {
        assay_assignment_fini(&read);
    } else {
        *out = read;
    }
    return status;
}

enum assay_status assay_assignment_write(const struct assay_assignment *of, struct assay_bytes *out,
                                         struct assay_error *err)
{
    const struct {
        const char *name;
        const uint8_t *from;
    } digests[] = {{"round_seed", of->round_seed.bytes}, {"spec", of->spec.bytes},
                   {"benchmark", of->benchmark.bytes},   {"model", of->model.bytes},
                   {"sampler", of->sampler.bytes},       {"site", of->site}};
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"task", of->task},
                   {"round", of->round},
                   {"item_count", of->item_count},
                   {"samples_per_item", of->samples_per_item}};
    struct assay_json *object = assay_json_new_object(), *items = assay_json_new_array();
    bool ok = object && assay_json_set(object, "format", assay_json_new_text(format_name)) &&
              assay_json_set(object, "chain", assay_json_new_text(of->chain));
    for (size_t i = 0; i < sizeof digests / sizeof digests[0] && ok; i++) {
        ok = assay_json_set(object, digests[i].name, assay_hex_json(digests[i].from, 32));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && ok; i++) {
        ok = assay_json_set(object, numbers[i].name,
                            assay_json_new_integer((int64_t)numbers[i].value));
    }
    for (size_t i = 0; i < of->count && ok && items; i++) {
        ok = assay_json_add(items, assay_json_new_integer(of->items[i]));
    }
    if (ok) {
        ok = assay_json_set(object, "items", items);
    } else {
        assay_json_destroy(items);
    }
    enum assay_status status = ok ? assay_json_write(object, true, out, err)
                                  : assay_fail(err, ASSAY_EMEMORY, "no memory for an assignment");
    if (!status) status = assay_bytes_append(out, "\n", 1, err);
    assay_json_destroy(object);
    return status;
}
