/* Samples out of windows of columns. A closed sample's record has tokens 0 and no answer; opened,
 * it is the record that the digests are of. Nothing of a sample stays in memory but its row of the
 * columns that statistics need; where each window found the digests and left them does, so that one
 * read again is the one that was checked. */
#include "store/samples.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/grades.h"
#include "store/machines.h"
#include "store/record.h"
#include "store/sealed.h"
#include "store/window.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where the digests stand. */
struct mark {
    uint64_t first; /* sample that comes next */
    struct assay_sha256 records, circumstances;
};

/* A column that is kept of all samples. */
struct kept {
    enum assay_column column;
    void *memory;
};
enum { KEPT = 9 };

struct assay_samples {
    struct assay_results *results;
    const struct assay_image *image;
    struct assay_window window;
    bool loaded; /* the window has the samples of marks[at] … marks[at + 1] − 1 */
    size_t at;
    struct mark *marks; /* mark_count: the beginning of each window, and the end */
    size_t mark_count, mark_room;
    const struct assay_results_visitor *visitor; /* the first time */
    struct assay_bytes encoding;
    struct assay_arena arena;            /* what is opened of this window */
    struct assay_results_sample *opened; /* of the window, where there is a key */
};

static enum assay_status out_of_memory(struct assay_error *err)
{
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the samples");
}

enum assay_status assay_samples_digest_differs(const char *what, const struct assay_digest *stored,
                                               const struct assay_digest *found,
                                               struct assay_error *err)
{
    char theirs[ASSAY_DIGEST_HEX], ours[ASSAY_DIGEST_HEX];
    return assay_fail(err, ASSAY_EMISMATCH, "%s is %s, but the file's content gives %s", what,
                      assay_digest_hex(stored, theirs), assay_digest_hex(found, ours));
}

/* --- a sample of the window; `i` counts from its first */

static uint8_t byte_at(const struct assay_samples *samples, enum assay_column column, size_t i)
{
    return ((const uint8_t *)samples->window.columns[column])[i];
}

static uint32_t u32_at(const struct assay_samples *samples, enum assay_column column, size_t i)
{
    return ((const uint32_t *)samples->window.columns[column])[i];
}

static uint64_t u64_at(const struct assay_samples *samples, enum assay_column column, size_t i)
{
    return ((const uint64_t *)samples->window.columns[column])[i];
}

/* The rows that a sample owns of a column with elements of `width` bytes. */
static struct assay_span slice(const struct assay_samples *samples, const void *data, size_t width,
                               enum assay_column offsets, size_t i)
{
    const uint64_t *offset = samples->window.columns[offsets];
    return (struct assay_span){(const char *)data + (size_t)offset[i] * width,
                               (size_t)(offset[i + 1] - offset[i]) * width};
}

static struct assay_span bytes_of(const struct assay_samples *samples, enum assay_column bytes,
                                  enum assay_column offsets, size_t i)
{
    return slice(samples, samples->window.columns[bytes], 1, offsets, i);
}

static struct assay_span text_span(const char *text)
{
    return (struct assay_span){text, strlen(text)};
}

static struct assay_record record_of(const struct assay_samples *samples, size_t i)
{
    const struct assay_results *results = samples->results;
    const struct assay_window *window = &samples->window;
    uint32_t item = u32_at(samples, ASSAY_COLUMN_SAMPLE_ITEM, i);
    const struct assay_profile *profile =
        &results->profiles[u32_at(samples, ASSAY_COLUMN_SAMPLE_PROFILE, i)];
    const struct assay_digest *keys = window->columns[ASSAY_COLUMN_SAMPLE_CELL_KEY];
    const uint64_t *offset = window->columns[ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET];
    const uint32_t *tokens = window->columns[ASSAY_COLUMN_TOKEN_ID];
    const float *log_probs = window->columns[ASSAY_COLUMN_TOKEN_LOG_PROB];
    return (struct assay_record){.arithmetic = results->arithmetic,
                                 .sampler = ASSAY_SAMPLER_1,
                                 .draw = (uint8_t)profile->draw,
                                 .finish = byte_at(samples, ASSAY_COLUMN_SAMPLE_FINISH, i),
                                 .verdict = byte_at(samples, ASSAY_COLUMN_SAMPLE_VERDICT, i),
                                 .replicates = results->replicates,
                                 .sets = results->sets,
                                 .replicate = u32_at(samples, ASSAY_COLUMN_SAMPLE_REPLICATE, i),
                                 .score_micro = u32_at(samples, ASSAY_COLUMN_SAMPLE_SCORE_MICRO, i),
                                 .cell_key = keys[i],
                                 .prompt_digest = results->item_prompt_digests[item],
                                 .item_id = text_span(results->item_ids[item]),
                                 .profile = text_span(profile->name),
                                 .answer = bytes_of(samples, ASSAY_COLUMN_ANSWER_BYTES,
                                                    ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET, i),
                                 .token_count = (size_t)(offset[i + 1] - offset[i]),
                                 .tokens = tokens + offset[i],
                                 .log_probs = log_probs + offset[i]};
}

static struct assay_circumstances circumstances_of(const struct assay_samples *samples, size_t i)
{
    const char *options = (const char *)samples->window.options.data;
    return (struct assay_circumstances){
        .prompt_shared = byte_at(samples, ASSAY_COLUMN_PROMPT_SHARED, i) != 0,
        .attempts = u32_at(samples, ASSAY_COLUMN_ATTEMPTS, i),
        .batch_rows = u32_at(samples, ASSAY_COLUMN_BATCH_ROWS, i),
        .clock_mhz = u32_at(samples, ASSAY_COLUMN_CLOCK_MHZ, i),
        .start_ns = u64_at(samples, ASSAY_COLUMN_START_NS, i),
        .duration_ns = u64_at(samples, ASSAY_COLUMN_DURATION_NS, i),
        .grade = assay_grades_get(samples->window.columns, i),
        .options = slice(samples, options, ASSAY_OPTION_BYTES, ASSAY_COLUMN_OPTION_OFFSET, i),
        .gold = u32_at(samples, ASSAY_COLUMN_OPTION_GOLD, i),
        .sealed = bytes_of(samples, ASSAY_COLUMN_SEALED_BYTES, ASSAY_COLUMN_SEALED_OFFSET, i),
        .text = bytes_of(samples, ASSAY_COLUMN_TEXT_BYTES, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET, i)};
}

static struct assay_results_sample sample_of(const struct assay_samples *samples, size_t i)
{
    struct assay_results_sample sample = {.record = record_of(samples, i),
                                          .circumstances = circumstances_of(samples, i),
                                          .process = u32_at(samples, ASSAY_COLUMN_PROCESS, i)};
    sample.cell = sample.circumstances.sealed;
    return sample;
}

/* --- what is checked */

/* What the plan says, or other columns. Without a plan a sample is what it was at first. */
static enum assay_status check_row(const struct assay_samples *samples,
                                   const struct assay_plan *plan, size_t i, struct assay_error *err)
{
    uint64_t s = samples->window.first + i;
    const struct assay_results *results = samples->results;
    struct assay_cell cell;
    if (plan) {
        cell = assay_plan_cell(plan, s);
    } else {
        cell = (struct assay_cell){.item_index = results->item_index[s],
                                   .profile_index = results->profile_index[s],
                                   .replicate = results->replicate[s]};
    }
    const double *score = samples->window.columns[ASSAY_COLUMN_SAMPLE_SCORE];
    uint32_t micro = u32_at(samples, ASSAY_COLUMN_SAMPLE_SCORE_MICRO, i);
    uint32_t process = u32_at(samples, ASSAY_COLUMN_PROCESS, i);
    const struct {
        bool holds;
        const char *path;
    } rows[] = {
        {u32_at(samples, ASSAY_COLUMN_SAMPLE_ITEM, i) == cell.item_index, "/samples/item"},
        {u32_at(samples, ASSAY_COLUMN_SAMPLE_PROFILE, i) == cell.profile_index, "/samples/profile"},
        {u32_at(samples, ASSAY_COLUMN_SAMPLE_REPLICATE, i) == cell.replicate, "/samples/replicate"},
        {score[i] == (double)micro / ASSAY_SCORE_ONE, "/samples/score"},
        {byte_at(samples, ASSAY_COLUMN_RUN_RETRIED, i) <= 1, "/grades/run_retried"},
        {byte_at(samples, ASSAY_COLUMN_PROMPT_SHARED, i) <= 1, "/circumstances/prompt_shared"},
        {process < results->process_count, "/circumstances/process"}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].holds) continue;
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s: the value of sample %" PRIu64
                          " does not follow from the other columns",
                          rows[k].path, s);
    }
    return ASSAY_OK;
}

/* A sample's tokens are those of its options, end to end, unless it broke off. */
static enum assay_status check_options(const struct assay_samples *samples, size_t i,
                                       struct assay_error *err)
{
    const uint64_t *offset = samples->window.columns[ASSAY_COLUMN_OPTION_OFFSET];
    const uint64_t *token = samples->window.columns[ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET];
    uint64_t count = token[i + 1] - token[i], sum = 0;
    for (uint64_t o = offset[i]; o < offset[i + 1]; o++) {
        sum += u32_at(samples, ASSAY_COLUMN_OPTION_TOKENS, (size_t)o);
    }
    bool whole = byte_at(samples, ASSAY_COLUMN_SAMPLE_FINISH, i) != ASSAY_FINISH_NONFINITE;
    if (offset[i] == offset[i + 1] || sum == count || (!whole && count < sum)) return ASSAY_OK;
    return assay_fail(err, ASSAY_EFORMAT,
                      "/options/tokens: the options of sample %" PRIu64 " have %" PRIu64
                      " tokens, the sample has %" PRIu64,
                      samples->window.first + i, sum, count);
}

/* What a sample says must be possible before it is encoded. */
static enum assay_status check_sample(const struct assay_results_sample *sample, bool encrypted,
                                      struct assay_error *err)
{
    const struct assay_record *record = &sample->record;
    const char *fault = assay_record_fault(record);
    if (!fault) fault = assay_grade_fault(&sample->circumstances.grade);
    if (!fault) fault = assay_options_fault(&sample->circumstances);
    if (!fault) fault = assay_sealed_fault(&sample->circumstances);
    if (!fault && (sample->cell.size > 0) != encrypted) {
        fault = encrypted ? "an encrypted benchmark, and no encrypted cell"
                          : "an encrypted cell, and no encrypted benchmark";
    }
    for (size_t i = 0; encrypted && !fault && i < record->token_count; i++) {
        if (record->tokens[i] != 0) fault = "a token in clear beside an encrypted cell";
    }
    if (!fault && encrypted && record->answer.size > 0) {
        fault = "an answer in clear beside an encrypted cell";
    }
    return fault ? assay_fail(err, ASSAY_EFORMAT, "%s", fault) : ASSAY_OK;
}

/* --- digests */

/* Of a closed sample the circumstances vouch for all of it, as it lies there. */
static enum assay_status digest_sample(struct assay_samples *samples, struct mark *to,
                                       const struct assay_results_sample *sample, size_t i,
                                       struct assay_error *err)
{
    struct assay_bytes *encoding = &samples->encoding;
    uint8_t row[4];
    assay_bytes_clear(encoding);
    enum assay_status status = assay_record_encode(encoding, &sample->record, err);
    if (status) return status;
    if (samples->results->encrypted) {
        assay_sha256_update(&to->circumstances, encoding->data, encoding->size);
        assay_bytes_clear(encoding);
        if (samples->opened) {
            struct assay_results_sample *opened = &samples->opened[i];
            *opened = *sample;
            status = assay_sealed_open(&samples->arena, samples->image->key, &sample->record,
                                       &sample->circumstances, &opened->record,
                                       &opened->circumstances, err);
            if (!status) status = assay_record_encode(encoding, &opened->record, err);
        }
    }
    if (status) return status;
    assay_sha256_update(&to->records, encoding->data, encoding->size);
    if (samples->visitor && !samples->results->sealed) {
        status = samples->visitor->visit(samples->visitor->context, samples->window.first + i,
                                         samples->results->sample_count, encoding->data,
                                         encoding->size, err);
        if (status) return status;
    }
    assay_bytes_clear(encoding);
    status = assay_circumstances_encode(encoding, &sample->circumstances, err);
    if (status) return status;
    assay_put_le32(row, sample->process);
    assay_sha256_update(&to->circumstances, encoding->data, encoding->size);
    assay_sha256_update(&to->circumstances, row, sizeof row);
    return ASSAY_OK;
}

/* Check all of the window, and take the digests on. */
static enum assay_status digest_window(struct assay_samples *samples, struct mark *to,
                                       const struct assay_plan *plan, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    assay_arena_fini(&samples->arena);
    for (size_t i = 0; i < samples->window.count && !status; i++) {
        status = check_row(samples, plan, i, err);
        if (!status) status = check_options(samples, i, err);
        if (status) return status;
        const struct assay_results_sample sample = sample_of(samples, i);
        status = check_sample(&sample, samples->results->encrypted, err);
        if (!status) status = digest_sample(samples, to, &sample, i, err);
        if (status) status = assay_while(err, status, "sample %" PRIu64, samples->window.first + i);
    }
    to->first = samples->window.first + samples->window.count;
    return status;
}

static enum assay_status compare_digests(const struct assay_results *results, struct mark end,
                                         struct assay_error *err)
{
    const struct assay_machines machines = {.processes = results->processes,
                                            .count = results->process_count};
    enum assay_status status = assay_machines_digest(&machines, &end.circumstances, err);
    if (status) return status;
    struct assay_digest found = assay_sha256_final(&end.records);
    if (!results->sealed && !assay_digest_equal(&found, &results->records_digest)) {
        return assay_samples_digest_differs("records_digest", &results->records_digest, &found,
                                            err);
    }
    found = assay_sha256_final(&end.circumstances);
    if (assay_digest_equal(&found, &results->circumstances_digest)) return ASSAY_OK;
    return assay_samples_digest_differs("circumstances_digest", &results->circumstances_digest,
                                        &found, err);
}

/* --- the first time */

static enum assay_status add_mark(struct assay_samples *samples, const struct mark *mark,
                                  struct assay_error *err)
{
    if (samples->mark_count == samples->mark_room) {
        size_t room = 2 * samples->mark_room + 8;
        struct mark *more = realloc(samples->marks, room * sizeof *more);
        if (!more) return out_of_memory(err);
        samples->marks = more;
        samples->mark_room = room;
    }
    samples->marks[samples->mark_count++] = *mark;
    return ASSAY_OK;
}

static enum assay_status take_kept(struct kept kept[KEPT], struct assay_results *results,
                                   struct assay_arena *arena, struct assay_error *err)
{
    static const enum assay_column columns[KEPT] = {ASSAY_COLUMN_SAMPLE_ITEM,
                                                    ASSAY_COLUMN_SAMPLE_PROFILE,
                                                    ASSAY_COLUMN_SAMPLE_REPLICATE,
                                                    ASSAY_COLUMN_SAMPLE_SCORE_MICRO,
                                                    ASSAY_COLUMN_SAMPLE_FINISH,
                                                    ASSAY_COLUMN_SAMPLE_VERDICT,
                                                    ASSAY_COLUMN_GRADE_OUTCOME,
                                                    ASSAY_COLUMN_FLEXIBLE_VERDICT,
                                                    ASSAY_COLUMN_RUN};
    for (unsigned k = 0; k < KEPT; k++) {
        const struct assay_column_info *info = &assay_column_info[columns[k]];
        kept[k].column = columns[k];
        kept[k].memory = assay_arena_take(arena, (size_t)results->sample_count,
                                          assay_element_info[info->element].bytes);
        if (!kept[k].memory) return out_of_memory(err);
    }
    results->item_index = kept[0].memory;
    results->profile_index = kept[1].memory;
    results->replicate = kept[2].memory;
    results->score_micro = kept[3].memory;
    results->finish = kept[4].memory;
    results->verdict = kept[5].memory;
    results->outcome = kept[6].memory;
    results->flexible_verdict = kept[7].memory;
    results->run = kept[8].memory;
    return ASSAY_OK;
}

static void keep(const struct assay_samples *samples, const struct kept kept[KEPT],
                 uint64_t *token_offset)
{
    const struct assay_window *window = &samples->window;
    struct assay_results *results = samples->results;
    const uint64_t *offset = window->columns[ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET];
    for (unsigned k = 0; k < KEPT; k++) {
        size_t bytes = assay_element_info[assay_column_info[kept[k].column].element].bytes;
        memcpy((uint8_t *)kept[k].memory + (size_t)window->first * bytes,
               window->columns[kept[k].column], window->count * bytes);
    }
    for (size_t i = 0; i < window->count; i++) {
        uint64_t start = u64_at(samples, ASSAY_COLUMN_START_NS, i);
        uint64_t end = start + u64_at(samples, ASSAY_COLUMN_DURATION_NS, i);
        token_offset[window->first + i + 1] = token_offset[window->first] + offset[i + 1];
        if (start < results->started_ns) results->started_ns = start;
        if (end > results->finished_ns) results->finished_ns = end;
    }
}

static enum assay_status read_all(struct assay_samples *samples, struct assay_arena *arena,
                                  const struct assay_plan *plan, struct assay_error *err)
{
    struct assay_results *results = samples->results;
    struct kept kept[KEPT];
    struct mark mark = {.first = 0};
    assay_sha256_init(&mark.records);
    assay_sha256_init(&mark.circumstances);
    results->started_ns = UINT64_MAX;
    uint64_t *token_offset =
        assay_arena_take(arena, (size_t)results->sample_count + 1, sizeof *token_offset);
    results->token_offset = token_offset;
    enum assay_status status = token_offset ? ASSAY_OK : out_of_memory(err);
    if (!status) status = take_kept(kept, results, arena, err);
    if (!status) status = add_mark(samples, &mark, err);
    while (mark.first < results->sample_count && !status) {
        status = assay_window_read(&samples->window, samples->image, mark.first, err);
        if (!status) status = digest_window(samples, &mark, plan, err);
        if (!status) keep(samples, kept, token_offset);
        if (!status) status = add_mark(samples, &mark, err);
    }
    return status ? status : compare_digests(results, mark, err);
}

enum assay_status assay_samples_create(struct assay_samples **out, struct assay_results *results,
                                       struct assay_image *image, const struct assay_plan *plan,
                                       struct assay_error *err)
{
    struct assay_samples *samples = calloc(1, sizeof *samples);
    if (!samples) return out_of_memory(err);
    samples->results = results;
    samples->image = image;
    samples->visitor = image->visitor;
    enum assay_status status = ASSAY_OK;
    if (results->encrypted && image->key) {
        samples->opened = calloc(image->window.samples, sizeof *samples->opened);
        if (!samples->opened) status = out_of_memory(err);
    }
    if (!status) status = read_all(samples, &image->arena, plan, err);
    if (status) {
        assay_samples_destroy(samples);
        return status;
    }
    samples->visitor = NULL;
    samples->loaded = samples->mark_count > 1;
    samples->at = samples->loaded ? samples->mark_count - 2 : 0;
    *out = samples;
    return ASSAY_OK;
}

void assay_samples_destroy(struct assay_samples *samples)
{
    if (!samples) return;
    assay_window_fini(&samples->window);
    assay_bytes_fini(&samples->encoding);
    assay_arena_fini(&samples->arena);
    free(samples->opened);
    free(samples->marks);
    free(samples);
}

/* --- again */

static bool same_state(struct assay_sha256 a, struct assay_sha256 b)
{
    const struct assay_digest first = assay_sha256_final(&a), second = assay_sha256_final(&b);
    return assay_digest_equal(&first, &second);
}

static enum assay_status load(struct assay_samples *samples, size_t at, struct assay_error *err)
{
    const struct mark *end = &samples->marks[at + 1];
    struct mark mark = samples->marks[at];
    samples->loaded = false;
    enum assay_status status = assay_window_read(&samples->window, samples->image, mark.first, err);
    if (!status) status = digest_window(samples, &mark, NULL, err);
    if (!status && (mark.first != end->first || !same_state(mark.records, end->records) ||
                    !same_state(mark.circumstances, end->circumstances))) {
        status = assay_fail(err, ASSAY_EMISMATCH,
                            "samples %" PRIu64 " to %" PRIu64
                            " are not those that were checked: the file has changed while it was "
                            "read",
                            samples->marks[at].first, end->first - 1);
    }
    if (status) return status;
    samples->loaded = true;
    samples->at = at;
    return ASSAY_OK;
}

/* The window that has a sample. */
static size_t find(const struct assay_samples *samples, uint64_t index)
{
    size_t low = 0, high = samples->mark_count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (samples->marks[middle].first <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

enum assay_status assay_samples_get(struct assay_samples *samples, uint64_t index,
                                    struct assay_results_sample *out, struct assay_error *err)
{
    size_t at = find(samples, index);
    ASSAY_ASSERT(index < samples->results->sample_count);
    if (!samples->loaded || samples->at != at) {
        enum assay_status status = load(samples, at, err);
        if (status) return status;
    }
    size_t i = (size_t)(index - samples->window.first);
    *out = samples->opened ? samples->opened[i] : sample_of(samples, i);
    return ASSAY_OK;
}
