/* Judging: take the answer out of an output, by the strict rule and by the flexible ones, and
 * compare it with what the item accepts. */
#include "bench/benchmark.h"

#include "base/regex.h"

#include <stdlib.h>
#include <string.h>

struct assay_judging {
    struct assay_bytes answer, flexible;
};

static struct assay_span span_of(const struct assay_bytes *bytes)
{
    return (struct assay_span){bytes->data ? (const char *)bytes->data : "", bytes->size};
}

/* An output as it is judged: valid UTF-8, and without its thoughts. */
struct heard {
    struct assay_bytes clean;  /* what the model wrote */
    struct assay_bytes spoken; /* what of it is no thought */
    bool unclosed;             /* a thought has no end */
};

static enum assay_status hear(const struct assay_benchmark *benchmark, struct assay_span text,
                              struct heard *heard, struct assay_error *err)
{
    struct assay_spoken spoken = {0};
    enum assay_status status = assay_answer_utf8(text.data, text.size, &heard->clean, err);
    if (!status) status = assay_bytes_append(&heard->clean, "", 0, err);
    if (!status) status = assay_bytes_append(&heard->spoken, "", 0, err);
    if (status) return status;
    const char *data = (const char *)heard->clean.data;
    if (benchmark->spec->thinking == ASSAY_THINKING_KEEP) {
        return assay_bytes_append(&heard->spoken, data, heard->clean.size, err);
    }
    while (!status && assay_thought_next(data, heard->clean.size, &spoken, &heard->unclosed)) {
        status =
            assay_bytes_append(&heard->spoken, data + spoken.start, spoken.end - spoken.start, err);
    }
    return status;
}

/* Where a place of what was spoken lies in what was written. */
static size_t written_at(const struct assay_benchmark *benchmark, const struct heard *heard,
                         size_t at)
{
    struct assay_spoken spoken = {0};
    bool unclosed = false;
    size_t passed = 0;
    if (benchmark->spec->thinking == ASSAY_THINKING_KEEP) return at;
    while (assay_thought_next((const char *)heard->clean.data, heard->clean.size, &spoken,
                              &unclosed)) {
        size_t length = spoken.end - spoken.start;
        if (at < passed + length) return spoken.start + (at - passed);
        passed += length;
    }
    return heard->clean.size;
}

/* Lines that begin with ``` open and close by turns. */
static bool has_open_fence(const struct assay_bytes *text)
{
    bool open = false, at_start = true;
    for (size_t i = 0; i < text->size; i++) {
        if (at_start && text->size - i >= 3 && memcmp(text->data + i, "```", 3) == 0) open = !open;
        at_start = text->data[i] == '\n' || (at_start && text->data[i] == ' ');
    }
    return open;
}

static enum assay_outcome outcome_of(const struct heard *heard, enum assay_finish finish)
{
    if (heard->unclosed) return ASSAY_OUTCOME_UNCLOSED_THOUGHT;
    if (has_open_fence(&heard->spoken)) return ASSAY_OUTCOME_UNCLOSED_FENCE;
    bool cut = finish == ASSAY_FINISH_LENGTH || finish == ASSAY_FINISH_CONTEXT;
    return cut ? ASSAY_OUTCOME_CUT_OFF : ASSAY_OUTCOME_COMPLETE;
}

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

/* The first match, or the last. The text is UTF-8, so only the pattern can fail on it (its match
 * limit): that is this sample's outcome, the same on every machine, and no reason to end a run. */
static enum assay_status find(struct assay_regex *regex, enum assay_take take,
                              const struct assay_bytes *text, bool *found,
                              struct assay_match *match, struct assay_error *err)
{
    const char *data = (const char *)text->data;
    size_t from = 0;
    bool more = true;
    *found = false;
    while (more && from <= text->size) {
        struct assay_match next;
        enum assay_status status =
            assay_regex_find(regex, data, text->size, from, &more, &next, err);
        if (status == ASSAY_EFORMAT) return ASSAY_OK;
        if (status) return status;
        if (!more) break;
        *found = true;
        *match = next;
        if (take == ASSAY_TAKE_FIRST) break;
        from = next.end > from ? next.end : from + 1;
        while (from < text->size && (text->data[from] & 0xc0) == 0x80) from++;
    }
    return ASSAY_OK;
}

/* Judge by one rule. An answer that the scorer cannot read is wrong if something stands there: it
 * is kept as text. */
static enum assay_status apply(const struct assay_benchmark *benchmark, uint32_t item, size_t rule,
                               const struct heard *heard, struct assay_bytes *answer,
                               struct assay_found *where, enum assay_verdict *verdict,
                               struct assay_error *err)
{
    const struct assay_spec *spec = benchmark->spec;
    struct assay_match match = {0};
    bool found, valid = false;
    *where = (struct assay_found){.rule = ASSAY_NO_RULE};
    *verdict = ASSAY_VERDICT_NO_ANSWER;
    assay_bytes_clear(answer);
    enum assay_status status =
        find(benchmark->rules[rule], spec->rules[rule].take, &heard->spoken, &found, &match, err);
    if (status || !found) return status;
    const char *data = (const char *)heard->spoken.data + match.group_start;
    size_t size = match.group_end - match.group_start;
    *where = (struct assay_found){
        (uint8_t)rule, (uint32_t)written_at(benchmark, heard, match.group_start), (uint32_t)size};
    status = assay_answer_normalise(spec->scorer, data, size, answer, &valid, err);
    if (!status && !valid) {
        status = assay_answer_normalise(ASSAY_SCORER_TEXT, data, size, answer, &valid, err);
        if (answer->size > ASSAY_RECORD_ANSWER_BYTES_MAX) assay_bytes_clear(answer);
        *verdict = answer->size > 0 ? ASSAY_VERDICT_INCORRECT : ASSAY_VERDICT_NO_ANSWER;
        return status;
    }
    *verdict = compare(assay_benchmark_item(benchmark, item),
                       answer->data ? (const char *)answer->data : "", answer->size);
    return status;
}

/* The rules behind the first, in order, until one matches; if there are none, the first is both. */
static enum assay_status apply_flexible(const struct assay_benchmark *benchmark, uint32_t item,
                                        const struct heard *heard, struct assay_judgement *out,
                                        struct assay_error *err)
{
    size_t count = benchmark->spec->rule_count, rule = count > 1 ? 1 : 0;
    enum assay_verdict verdict = ASSAY_VERDICT_NO_ANSWER;
    enum assay_status status = ASSAY_OK;
    out->grade.flexible.rule = ASSAY_NO_RULE;
    for (; rule < count && out->grade.flexible.rule == ASSAY_NO_RULE && !status; rule++) {
        status = apply(benchmark, item, rule, heard, &out->judging->flexible, &out->grade.flexible,
                       &verdict, err);
    }
    out->grade.flexible_verdict = (uint8_t)verdict;
    out->grade.flexible_answer = span_of(&out->judging->flexible);
    return status;
}

void assay_judgement_fini(struct assay_judgement *judgement)
{
    if (!judgement->judging) return;
    assay_bytes_fini(&judgement->judging->answer);
    assay_bytes_fini(&judgement->judging->flexible);
    free(judgement->judging);
    judgement->judging = NULL;
}

/* As if nothing had been found. */
static enum assay_status begin(struct assay_judgement *out, struct assay_error *err)
{
    const struct assay_found nowhere = {.rule = ASSAY_NO_RULE};
    if (!out->judging) out->judging = calloc(1, sizeof *out->judging);
    if (!out->judging) return assay_fail(err, ASSAY_EMEMORY, "no memory to judge an output");
    assay_bytes_clear(&out->judging->answer);
    assay_bytes_clear(&out->judging->flexible);
    out->verdict = ASSAY_VERDICT_NO_ANSWER;
    out->score_micro = 0;
    out->answer = (struct assay_span){"", 0};
    out->grade = (struct assay_grade){.strict = nowhere,
                                      .flexible = nowhere,
                                      .flexible_verdict = ASSAY_VERDICT_NO_ANSWER,
                                      .flexible_answer = {"", 0},
                                      .run = ASSAY_NO_RUN,
                                      .run_detail = {"", 0}};
    return ASSAY_OK;
}

enum assay_status assay_benchmark_judge(const struct assay_benchmark *benchmark, uint32_t item,
                                        struct assay_span text, enum assay_finish finish,
                                        struct assay_judgement *out, struct assay_error *err)
{
    struct heard heard = {0};
    enum assay_status status = begin(out, err);
    if (status) return status;
    if (finish == ASSAY_FINISH_NONFINITE) {
        out->verdict = ASSAY_VERDICT_FAILED;
        out->grade.flexible_verdict = ASSAY_VERDICT_FAILED;
        out->grade.outcome = ASSAY_OUTCOME_NONFINITE;
        return ASSAY_OK;
    }
    status = hear(benchmark, text, &heard, err);
    if (!status) out->grade.outcome = (uint8_t)outcome_of(&heard, finish);
    if (!status && benchmark->spec->definition.kind != ASSAY_KIND_CODE) {
        status = apply(benchmark, item, 0, &heard, &out->judging->answer, &out->grade.strict,
                       &out->verdict, err);
        if (!status) status = apply_flexible(benchmark, item, &heard, out, err);
        if (out->verdict == ASSAY_VERDICT_CORRECT) out->score_micro = ASSAY_SCORE_ONE;
        out->answer = span_of(&out->judging->answer);
    }
    assay_bytes_fini(&heard.clean);
    assay_bytes_fini(&heard.spoken);
    return status;
}
