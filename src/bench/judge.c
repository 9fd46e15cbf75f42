/* Judging: take the answer out of an output and compare it with what the item accepts. */
#include "bench/benchmark.h"

#include "base/bytes.h"
#include "base/regex.h"

#include <string.h>

static enum assay_verdict compare(const struct assay_item *item, const char *answer, size_t size)
{
    if (size == 0) return ASSAY_VERDICT_NO_ANSWER;
    for (size_t i = 0; i < item->accept_count; i++) {
        if (strlen(item->accept[i]) == size && memcmp(item->accept[i], answer, size) == 0) {
            return ASSAY_VERDICT_CORRECT;
        }
    }
    return ASSAY_VERDICT_INCORRECT;
}

enum assay_status assay_benchmark_judge(const struct assay_benchmark *benchmark, uint32_t item,
                                        struct assay_span text, enum assay_finish finish,
                                        struct assay_bytes *answer, struct assay_judgement *out,
                                        struct assay_error *err)
{
    struct assay_bytes clean = {0};
    struct assay_match match;
    bool found = false;
    size_t start = answer->size;

    if (finish == ASSAY_FINISH_NONFINITE) {
        *out = (struct assay_judgement){ASSAY_VERDICT_FAILED, 0};
        return ASSAY_OK;
    }
    enum assay_status status = assay_answer_utf8(text.data, text.size, &clean, err);
    if (status) goto done;
    const char *data = clean.data ? (const char *)clean.data : "";
    status = assay_regex_find(benchmark->extract, data, clean.size, 0, &found, &match, err);
    /* The text is UTF-8 by now, so only the pattern can have failed on it (the match limit): that
     * is this sample's outcome, the same on every machine, and no reason to end a run. */
    if (status == ASSAY_EFORMAT) status = ASSAY_OK;
    if (status) goto done;
    if (found) {
        status = assay_answer_normalise(data + match.group_start,
                                        match.group_end - match.group_start, answer, err);
        if (status) goto done;
    }
    enum assay_verdict verdict =
        compare(assay_benchmark_item(benchmark, item),
                answer->data ? (const char *)answer->data + start : "", answer->size - start);
    *out =
        (struct assay_judgement){verdict, verdict == ASSAY_VERDICT_CORRECT ? ASSAY_SCORE_ONE : 0};
done:
    assay_bytes_fini(&clean);
    return status;
}
