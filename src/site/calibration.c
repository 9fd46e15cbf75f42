/* How long a job may take, from what `assay bench --json` measured. */
#include "assay/site.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { CALIBRATION_BYTES_MAX = 1 << 16 };

static enum assay_status rate(const struct assay_json *object, const char *name, double *out,
                              struct assay_error *err)
{
    const struct assay_json *value = assay_json_member(object, name);
    bool number = value && (assay_json_type(value) == ASSAY_JSON_REAL ||
                            assay_json_type(value) == ASSAY_JSON_INTEGER);
    *out = number ? assay_json_real(value) : 0;
    if (*out > 0 && *out < 1e12) return ASSAY_OK;
    return assay_fail(err, ASSAY_EVALUE, "%s must be tokens a second, above 0", name);
}

/* The decode rates are an object keyed by the number of sequences; the largest number counts. */
static enum assay_status read_decode(struct assay_calibration *out, const struct assay_json *rates,
                                     struct assay_error *err)
{
    if (!rates || assay_json_type(rates) != ASSAY_JSON_OBJECT) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "decode_tokens_per_s must be an object by number of sequences");
    }
    for (uint32_t n = 1024; n >= 1; n--) {
        char name[8];
        snprintf(name, sizeof name, "%u", n);
        if (!assay_json_member(rates, name)) continue;
        out->sequences = n;
        return rate(rates, name, &out->decode_per_s, err);
    }
    return assay_fail(err, ASSAY_EFORMAT,
                      "decode_tokens_per_s has no number of sequences from 1 to 1024");
}

enum assay_status assay_calibration_parse(struct assay_calibration *out, const char *text,
                                          size_t size, struct assay_error *err)
{
    struct assay_json *object = NULL;
    struct assay_calibration made = {0};
    enum assay_status status = assay_json_parse(&object, text, size, err);
    if (status) return status;
    const struct assay_json *threads = assay_json_member(object, "threads");
    const struct assay_json *isa = assay_json_member(object, "isa");
    const char *isa_text = isa ? assay_json_text(isa) : NULL;
    int64_t count = threads ? assay_json_integer(threads) : 0;
    if (assay_json_type(object) != ASSAY_JSON_OBJECT || count < 1 || count > 65536) {
        status = assay_fail(err, ASSAY_EFORMAT,
                            "no calibration: an object with threads from 1 to 65536, as `assay "
                            "bench --json` prints it");
    }
    made.threads = (uint32_t)count;
    snprintf(made.isa, sizeof made.isa, "%s", isa_text ? isa_text : "");
    if (!status) status = rate(object, "prefill_tokens_per_s", &made.prefill_per_s, err);
    if (!status) {
        status = read_decode(&made, assay_json_member(object, "decode_tokens_per_s"), err);
    }
    assay_json_destroy(object);
    if (!status) *out = made;
    return status;
}

enum assay_status assay_calibration_open(struct assay_calibration *out, const char *path,
                                         struct assay_error *err)
{
    struct assay_bytes bytes = {0};
    enum assay_status status = assay_file_read(path, CALIBRATION_BYTES_MAX, &bytes, err);
    if (!status) {
        status = assay_calibration_parse(out, bytes.data ? (const char *)bytes.data : "",
                                         bytes.size, err);
        status = assay_while(err, status, "%s", path);
    }
    assay_bytes_fini(&bytes);
    return status;
}

double assay_calibration_hours(const struct assay_calibration *calibration,
                               const struct assay_partition *partition, uint64_t prompt_tokens,
                               uint64_t output_tokens)
{
    double tasks = (double)partition->nodes * partition->tasks_per_node;
    double share = tasks * partition->cores_per_task / calibration->threads;
    double seconds = (double)prompt_tokens / calibration->prefill_per_s +
                     (double)output_tokens / calibration->decode_per_s;
    return seconds / share / 3600;
}
