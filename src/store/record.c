/* The codec of record-1 (FORMAT.md 3.1) and of the circumstances (5.2). Encoder and decoder hold a
 * record to the same rules, so that whatever decodes encodes back to the same bytes. */
#include "store/record.h"

#include "assay/spec.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/text.h"

#include <string.h>

enum {
    CIRCUMSTANCES_BYTES = 40 + 54 + 8, /* circumstances without their texts */
    PROMPT_SHARED = 1,                 /* bits of the flags */
    SEALED = 2
};

const char *assay_arithmetic_name(unsigned arithmetic)
{
    switch (arithmetic) {
#define ROW(name, id, text)                                                                        \
    case ASSAY_ARITHMETIC_##name:                                                                  \
        return text;
        ASSAY_ARITHMETIC_LIST(ROW)
#undef ROW
    default:
        return NULL;
    }
}

const char *assay_finish_name(enum assay_finish finish)
{
    switch (finish) {
#define ROW(name, id, text)                                                                        \
    case ASSAY_FINISH_##name:                                                                      \
        return text;
        ASSAY_FINISH_LIST(ROW)
#undef ROW
    }
    return NULL;
}

const char *assay_verdict_name(enum assay_verdict verdict)
{
    switch (verdict) {
#define ROW(name, id, text)                                                                        \
    case ASSAY_VERDICT_##name:                                                                     \
        return text;
        ASSAY_VERDICT_LIST(ROW)
#undef ROW
    }
    return NULL;
}

const char *assay_outcome_name(enum assay_outcome outcome)
{
    static const char *const names[] = {
#define ROW(name, id, text) [ASSAY_OUTCOME_##name] = text,
        ASSAY_OUTCOME_LIST(ROW)
#undef ROW
    };
    return (unsigned)outcome < ASSAY_OUTCOME_COUNT ? names[outcome] : NULL;
}

/* Names become C strings in a results file: UTF-8, no NUL. */
static bool is_name(struct assay_span name)
{
    return name.size >= 1 && name.size <= ASSAY_RECORD_NAME_BYTES_MAX &&
           assay_text_utf8_prefix(name.data, name.size) == name.size &&
           memchr(name.data, 0, name.size) == NULL;
}

static const char *outcome_fault(const struct assay_record *record)
{
    bool failed = record->verdict == ASSAY_VERDICT_FAILED;
    bool answered = !failed && record->verdict != ASSAY_VERDICT_NO_ANSWER;
    if (!assay_finish_name(record->finish)) return "no such finish";
    if (!assay_verdict_name(record->verdict)) return "no such verdict";
    if (record->score_micro > ASSAY_SCORE_ONE) return "a score above 1";
    if (failed != (record->finish == ASSAY_FINISH_NONFINITE)) {
        return "verdict failed and finish nonfinite must come together";
    }
    if (!answered && (record->score_micro != 0 || record->answer.size != 0)) {
        return "a score or an answer with a verdict that has none";
    }
    if (record->answer.size > ASSAY_RECORD_ANSWER_BYTES_MAX) return "answer too long";
    if (record->answer.size > 0 &&
        assay_text_utf8_prefix(record->answer.data, record->answer.size) != record->answer.size) {
        return "answer is not UTF-8";
    }
    return NULL;
}

/* A NaN's sign and payload are unspecified (FORMAT.md 1.1), so no digest may depend on one. */
static const char *tokens_fault(const struct assay_record *record)
{
    if (record->token_count > ASSAY_RECORD_TOKENS_MAX) return "too many tokens";
    for (size_t i = 0; i < record->token_count; i++) {
        if (record->log_probs[i] != record->log_probs[i]) return "a log-probability that is NaN";
    }
    return NULL;
}

const char *assay_record_fault(const struct assay_record *record)
{
    if (!assay_arithmetic_name(record->arithmetic)) return "no such arithmetic";
    if (record->sampler != ASSAY_SAMPLER_1) return "no such sampler";
    if (!assay_draw_name(record->draw)) return "no such draw";
    if (record->replicates == 0 || record->sets == 0 || record->replicates % record->sets != 0) {
        return "sets that do not divide the replicates";
    }
    if (record->replicate >= record->replicates) return "replicate out of range";
    if (!is_name(record->item_id)) return "item id is no name";
    if (!is_name(record->profile)) return "profile is no name";
    const char *fault = outcome_fault(record);
    return fault ? fault : tokens_fault(record);
}

static bool is_text(struct assay_span text, size_t bytes_max)
{
    return text.size <= bytes_max &&
           (text.size == 0 || assay_text_utf8_prefix(text.data, text.size) == text.size);
}

static const char *found_fault(const struct assay_found *found)
{
    if (found->rule == ASSAY_NO_RULE) {
        return found->start || found->size ? "a place that no rule found" : NULL;
    }
    if (found->rule >= ASSAY_SPEC_RULES_MAX) return "no such rule";
    return (uint64_t)found->start + found->size > ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX * 3ull
               ? "a place behind any text"
               : NULL;
}

const char *assay_grade_fault(const struct assay_grade *grade)
{
    if (!assay_outcome_name(grade->outcome)) return "no such outcome";
    if (!assay_verdict_name(grade->flexible_verdict)) return "no such flexible verdict";
    if (grade->run != ASSAY_NO_RUN && grade->run > ASSAY_RUNS_MAX) return "no such end of a run";
    if (!is_text(grade->flexible_answer, ASSAY_RECORD_ANSWER_BYTES_MAX)) {
        return "flexible answer too long or not UTF-8";
    }
    if (!is_text(grade->run_detail, ASSAY_RUN_DETAIL_BYTES_MAX) ||
        (grade->run_detail.size && memchr(grade->run_detail.data, 0, grade->run_detail.size))) {
        return "detail of a run too long or not UTF-8";
    }
    const char *fault = found_fault(&grade->strict);
    return fault ? fault : found_fault(&grade->flexible);
}

void assay_option_put(uint8_t *to, const struct assay_option_part *option)
{
    assay_put_le32(to, option->tokens);
    assay_put_le32(to + 4, option->bytes);
    to[8] = option->greedy;
}

struct assay_option_part assay_option_get(struct assay_span options, size_t index)
{
    const uint8_t *from = (const uint8_t *)options.data + index * ASSAY_OPTION_BYTES;
    ASSAY_ASSERT((index + 1) * ASSAY_OPTION_BYTES <= options.size);
    return (struct assay_option_part){assay_get_le32(from), assay_get_le32(from + 4), from[8] != 0};
}

const char *assay_options_fault(const struct assay_circumstances *c)
{
    size_t count = c->options.size / ASSAY_OPTION_BYTES;
    if (c->options.size % ASSAY_OPTION_BYTES != 0) return "options cut short";
    if (count > ASSAY_OPTIONS_MAX) return "too many options";
    if (count == 0) return c->gold ? "a right option, and no options" : NULL;
    if (c->gold >= count) return "the right option is none of the options";
    for (size_t i = 0; i < count; i++) {
        const struct assay_option_part option = assay_option_get(c->options, i);
        if (option.tokens == 0 || option.bytes == 0) return "an empty option";
        if ((uint8_t)c->options.data[i * ASSAY_OPTION_BYTES + 8] > 1) return "a mark beyond 1";
    }
    return NULL;
}

const char *assay_sealed_fault(const struct assay_circumstances *c)
{
    if (c->sealed.size == 0) return NULL;
    if (c->sealed.size > ASSAY_SEALED_BYTES_MAX) return "an encrypted cell too long";
    return c->text.size || c->grade.flexible_answer.size || c->grade.run_detail.size
               ? "a text in clear beside an encrypted cell"
               : NULL;
}

static uint8_t *put_u32(uint8_t *to, uint32_t value)
{
    assay_put_le32(to, value);
    return to + 4;
}

static uint8_t *put_u64(uint8_t *to, uint64_t value)
{
    assay_put_le64(to, value);
    return to + 8;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t size)
{
    if (size > 0) memcpy(to, from, size);
    return to + size;
}

static uint8_t *put_span(uint8_t *to, struct assay_span span)
{
    return put_bytes(put_u32(to, (uint32_t)span.size), span.data, span.size);
}

static uint8_t *put_tokens(uint8_t *to, const struct assay_record *record)
{
    to = put_u32(to, (uint32_t)record->token_count);
    for (size_t i = 0; i < record->token_count; i++) to = put_u32(to, record->tokens[i]);
    for (size_t i = 0; i < record->token_count; i++) {
        uint32_t bits;
        memcpy(&bits, &record->log_probs[i], sizeof bits);
        to = put_u32(to, bits);
    }
    return to;
}

/* The caller has reserved `size` bytes and written them from data[out->size] up to `end`. */
static void close_encoding(struct assay_bytes *out, size_t size, const uint8_t *end)
{
    ASSAY_ASSERT(end == out->data + out->size + size);
    out->size += size;
    out->data[out->size] = 0;
}

enum assay_status assay_record_encode(struct assay_bytes *out, const struct assay_record *record,
                                      struct assay_error *err)
{
    ASSAY_ASSERT(assay_record_fault(record) == NULL);
    size_t size = ASSAY_RECORD_FIXED_BYTES + record->item_id.size + record->profile.size +
                  record->answer.size + 8 * record->token_count;
    enum assay_status status = assay_bytes_reserve(out, size, err);
    if (status) return status;
    uint8_t *to = put_u32(out->data + out->size, (uint32_t)size - 4);
    *to++ = ASSAY_RECORD_VERSION;
    *to++ = record->arithmetic;
    *to++ = record->sampler;
    *to++ = record->draw;
    to = put_u32(to, record->replicates);
    to = put_u32(to, record->sets);
    to = put_u32(to, record->replicate);
    to = put_bytes(to, record->cell_key.bytes, ASSAY_DIGEST_BYTES);
    to = put_span(to, record->item_id);
    to = put_span(to, record->profile);
    to = put_bytes(to, record->prompt_digest.bytes, ASSAY_DIGEST_BYTES);
    *to++ = record->finish;
    *to++ = record->verdict;
    to = put_u32(to, record->score_micro);
    to = put_span(to, record->answer);
    close_encoding(out, size, put_tokens(to, record));
    return ASSAY_OK;
}

static uint8_t *put_grade(uint8_t *to, const struct assay_grade *grade)
{
    *to++ = grade->outcome;
    *to++ = grade->flexible_verdict;
    *to++ = grade->strict.rule;
    *to++ = grade->flexible.rule;
    to = put_u32(to, grade->strict.start);
    to = put_u32(to, grade->strict.size);
    to = put_u32(to, grade->flexible.start);
    to = put_u32(to, grade->flexible.size);
    to = put_span(to, grade->flexible_answer);
    *to++ = grade->run;
    *to++ = grade->run_retried;
    to = put_u64(to, grade->run_cpu_ns);
    to = put_u64(to, grade->run_wall_ns);
    to = put_u64(to, grade->run_peak_bytes);
    return put_span(to, grade->run_detail);
}

enum assay_status assay_circumstances_encode(struct assay_bytes *out,
                                             const struct assay_circumstances *c,
                                             struct assay_error *err)
{
    ASSAY_ASSERT(c->text.size <= ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX);
    ASSAY_ASSERT(assay_grade_fault(&c->grade) == NULL);
    ASSAY_ASSERT(assay_options_fault(c) == NULL);
    ASSAY_ASSERT(assay_sealed_fault(c) == NULL);
    bool sealed = c->sealed.size > 0;
    size_t size = CIRCUMSTANCES_BYTES + c->text.size + c->grade.flexible_answer.size +
                  c->grade.run_detail.size + c->options.size + (sealed ? 4 + c->sealed.size : 0);
    enum assay_status status = assay_bytes_reserve(out, size, err);
    if (status) return status;
    uint8_t *to = put_u32(out->data + out->size, (uint32_t)size - 4);
    assay_put_le16(to, ASSAY_CIRCUMSTANCES_VERSION);
    assay_put_le16(to + 2,
                   (uint16_t)((c->prompt_shared ? PROMPT_SHARED : 0) | (sealed ? SEALED : 0)));
    to = put_u32(to + 4, c->attempts);
    to = put_u64(to, c->start_ns);
    to = put_u64(to, c->duration_ns);
    to = put_u32(to, c->batch_rows);
    to = put_u32(to, c->clock_mhz);
    to = put_span(to, c->text);
    to = put_span(put_grade(to, &c->grade), c->options);
    to = put_u32(to, c->gold);
    if (sealed) to = put_span(to, c->sealed);
    close_encoding(out, size, to);
    return ASSAY_OK;
}

/* The body behind a length field; *used counts both. */
static enum assay_status open_body(struct assay_reader *body, const uint8_t *data, size_t size,
                                   size_t bytes_max, size_t *used, const char *what,
                                   struct assay_error *err)
{
    struct assay_reader whole = {.data = data, .size = size};
    size_t length = assay_read_le32(&whole);
    if (whole.failed) return assay_fail(err, ASSAY_EFORMAT, "%s cut before its length", what);
    if (length > bytes_max - 4) {
        return assay_fail(err, ASSAY_EFORMAT, "%s of %zu bytes, the most is %zu", what, length,
                          bytes_max - 4);
    }
    const uint8_t *start = assay_read_span(&whole, length);
    if (whole.failed) {
        return assay_fail(err, ASSAY_EFORMAT, "%s of %zu bytes cut after %zu", what, length,
                          size - 4);
    }
    *body = (struct assay_reader){.data = start, .size = length};
    *used = 4 + length;
    return ASSAY_OK;
}

static enum assay_status close_body(const struct assay_reader *body, const char *what,
                                    struct assay_error *err)
{
    if (body->failed) {
        return assay_fail(err, ASSAY_EFORMAT, "%s: its fields need more than its %zu bytes", what,
                          body->size);
    }
    if (body->position == body->size) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT, "%s: %zu bytes behind its last field", what,
                      body->size - body->position);
}

static struct assay_span read_span(struct assay_reader *reader)
{
    size_t size = assay_read_le32(reader);
    const uint8_t *data = assay_read_span(reader, size);
    return data ? (struct assay_span){(const char *)data, size} : (struct assay_span){"", 0};
}

static struct assay_digest read_digest(struct assay_reader *reader)
{
    struct assay_digest digest = {{0}};
    const uint8_t *data = assay_read_span(reader, ASSAY_DIGEST_BYTES);
    if (data) memcpy(digest.bytes, data, ASSAY_DIGEST_BYTES);
    return digest;
}

/* Nothing is allocated for tokens that are not there. */
static enum assay_status read_tokens(struct assay_record *out, struct assay_arena *arena,
                                     struct assay_reader *reader, struct assay_error *err)
{
    size_t count = assay_read_le32(reader);
    if (reader->failed || count > (reader->size - reader->position) / 8) {
        reader->failed = true;
        return ASSAY_OK;
    }
    const uint8_t *ids = assay_read_span(reader, 4 * count);
    const uint8_t *bits = assay_read_span(reader, 4 * count);
    uint32_t *tokens = assay_arena_take(arena, count, sizeof *tokens);
    float *log_probs = assay_arena_take(arena, count, sizeof *log_probs);
    if (!tokens || !log_probs) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu tokens", count);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t word = assay_get_le32(bits + 4 * i);
        tokens[i] = assay_get_le32(ids + 4 * i);
        memcpy(&log_probs[i], &word, sizeof word);
    }
    out->tokens = tokens;
    out->log_probs = log_probs;
    out->token_count = count;
    return ASSAY_OK;
}

static enum assay_status read_fields(struct assay_record *record, struct assay_arena *arena,
                                     struct assay_reader *body, struct assay_error *err)
{
    unsigned version = assay_read_u8(body);
    if (!body->failed && version != ASSAY_RECORD_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "record of version %u, this reads version %d",
                          version, ASSAY_RECORD_VERSION);
    }
    record->arithmetic = assay_read_u8(body);
    record->sampler = assay_read_u8(body);
    record->draw = assay_read_u8(body);
    record->replicates = assay_read_le32(body);
    record->sets = assay_read_le32(body);
    record->replicate = assay_read_le32(body);
    record->cell_key = read_digest(body);
    record->item_id = read_span(body);
    record->profile = read_span(body);
    record->prompt_digest = read_digest(body);
    record->finish = assay_read_u8(body);
    record->verdict = assay_read_u8(body);
    record->score_micro = assay_read_le32(body);
    record->answer = read_span(body);
    return read_tokens(record, arena, body, err);
}

enum assay_status assay_record_decode(struct assay_record *out, struct assay_arena *arena,
                                      const uint8_t *data, size_t size, size_t *used,
                                      struct assay_error *err)
{
    struct assay_record record = {0};
    struct assay_reader body;
    size_t length;
    enum assay_status status =
        open_body(&body, data, size, ASSAY_RECORD_BYTES_MAX, &length, "record", err);
    if (!status) status = read_fields(&record, arena, &body, err);
    if (!status) status = close_body(&body, "record", err);
    if (status) return status;
    const char *fault = assay_record_fault(&record);
    if (fault) return assay_fail(err, ASSAY_EFORMAT, "record: %s", fault);
    *out = record;
    *used = length;
    return ASSAY_OK;
}

static void read_grade(struct assay_grade *grade, struct assay_reader *body)
{
    grade->outcome = assay_read_u8(body);
    grade->flexible_verdict = assay_read_u8(body);
    grade->strict.rule = assay_read_u8(body);
    grade->flexible.rule = assay_read_u8(body);
    grade->strict.start = assay_read_le32(body);
    grade->strict.size = assay_read_le32(body);
    grade->flexible.start = assay_read_le32(body);
    grade->flexible.size = assay_read_le32(body);
    grade->flexible_answer = read_span(body);
    grade->run = assay_read_u8(body);
    uint8_t retried = assay_read_u8(body);
    if (retried > 1) grade->run = ASSAY_RUNS_MAX + 1; /* refused with it */
    grade->run_retried = retried == 1;
    grade->run_cpu_ns = assay_read_le64(body);
    grade->run_wall_ns = assay_read_le64(body);
    grade->run_peak_bytes = assay_read_le64(body);
    grade->run_detail = read_span(body);
}

enum assay_status assay_circumstances_decode(struct assay_circumstances *out, const uint8_t *data,
                                             size_t size, size_t *used, struct assay_error *err)
{
    struct assay_reader body;
    size_t length;
    enum assay_status status = open_body(&body, data, size,
                                         CIRCUMSTANCES_BYTES + ASSAY_SEALED_BYTES_MAX +
                                             ASSAY_OPTIONS_MAX * ASSAY_OPTION_BYTES,
                                         &length, "circumstances", err);
    if (status) return status;
    unsigned version = assay_read_le16(&body), flags = assay_read_le16(&body);
    struct assay_circumstances c = {.prompt_shared = flags & PROMPT_SHARED};
    c.attempts = assay_read_le32(&body);
    c.start_ns = assay_read_le64(&body);
    c.duration_ns = assay_read_le64(&body);
    c.batch_rows = assay_read_le32(&body);
    c.clock_mhz = assay_read_le32(&body);
    c.text = read_span(&body);
    read_grade(&c.grade, &body);
    c.options = read_span(&body);
    c.gold = assay_read_le32(&body);
    if (flags & SEALED) c.sealed = read_span(&body);
    if (length >= 8 && version != ASSAY_CIRCUMSTANCES_VERSION) {
        return assay_fail(err, ASSAY_EUNSUPPORTED, "circumstances of version %u, this reads %d",
                          version, ASSAY_CIRCUMSTANCES_VERSION);
    }
    if (length >= 8 && (flags & ~(unsigned)(PROMPT_SHARED | SEALED)) != 0) {
        return assay_fail(err, ASSAY_EFORMAT, "circumstances with unknown flags 0x%04x", flags);
    }
    status = close_body(&body, "circumstances", err);
    if (status) return status;
    const char *fault = assay_grade_fault(&c.grade);
    if (!fault) fault = assay_options_fault(&c);
    if (!fault) fault = assay_sealed_fault(&c);
    if (!fault && (flags & SEALED) && c.sealed.size == 0) fault = "an encrypted cell without bytes";
    if (!fault && c.text.size > ASSAY_CIRCUMSTANCES_TEXT_BYTES_MAX) fault = "a text too long";
    if (fault) return assay_fail(err, ASSAY_EFORMAT, "circumstances: %s", fault);
    *out = c;
    *used = length;
    return ASSAY_OK;
}
