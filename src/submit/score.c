/* score-1, read (FORMAT.md 24.2). */
#include "submit/score.h"

#include "base/json.h"
#include "ledger/layouts.h"
#include "submit/hex.h"

#include <string.h>

void assay_score_fini(struct assay_score *score)
{
    assay_bytes_fini(&score->bits);
    *score = (struct assay_score){0};
}

static enum assay_status read_bits(struct assay_score *out, const struct assay_json *object,
                                   struct assay_error *err)
{
    const char *text = NULL;
    enum assay_status status = assay_member_text(object, "bits", &text, err);
    if (status) return status;
    if (strlen(text) != 2 * ((out->n + 7) / 8) || !assay_hex_read(&out->bits, text)) {
        return assay_fail(err, ASSAY_EFORMAT, "\"bits\" must be %llu bits as lower-case hex",
                          (unsigned long long)out->n);
    }
    return ASSAY_OK;
}

enum assay_status assay_score_parse(struct assay_score *out, const char *text, size_t size,
                                    struct assay_error *err)
{
    struct assay_json *json = NULL;
    struct assay_score read = {0};
    enum assay_status status = assay_json_parse(&json, text, size, err);
    if (!status) status = assay_member_hex(json, "root", read.root.bytes, 32, err);
    if (!status) status = assay_member_hex(json, "statement", read.statement.bytes, 32, err);
    if (!status) status = assay_member_number(json, "n", ASSAY_TASK_SAMPLES_MAX, &read.n, err);
    if (!status) status = assay_member_number(json, "sum", read.n, &read.sum, err);
    if (!status) status = read_bits(&read, json, err);
    assay_json_destroy(json);
    if (status) {
        assay_score_fini(&read);
    } else {
        *out = read;
    }
    return status;
}
