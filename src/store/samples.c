/* Samples out of columns. A closed sample's record has tokens 0 and no answer; opened, it is the
 * record that the digests are of. */
#include "store/samples.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "crypto/digest.h"
#include "store/grades.h"
#include "store/machines.h"
#include "store/record.h"
#include "store/sealed.h"

#include <inttypes.h>
#include <string.h>

struct opened {
    struct assay_record record;
    struct assay_circumstances circumstances;
};

struct samples {
    struct assay_results *results;
    struct assay_image *image;
    const char *options;
    struct opened *opened; /* sample_count where there is a key */
    struct assay_sha256 records, circumstances;
    struct assay_bytes encoding;
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

static struct assay_span slice(const struct samples *samples, enum assay_column bytes,
                               enum assay_column offsets, uint64_t sample)
{
    const char *data = samples->image->columns[bytes];
    const uint64_t *offset = samples->image->columns[offsets];
    return (struct assay_span){data + offset[sample],
                               (size_t)(offset[sample + 1] - offset[sample])};
}

static struct assay_span text_span(const char *text)
{
    return (struct assay_span){text, strlen(text)};
}

struct assay_record assay_results_record(const struct assay_results *results, uint64_t s)
{
    ASSAY_ASSERT(s < results->sample_count);
    uint32_t item = results->item_index[s];
    const struct assay_profile *profile = &results->profiles[results->profile_index[s]];
    uint64_t first = results->token_offset[s], answer = results->answer_offset[s];
    return (struct assay_record){.arithmetic = results->arithmetic,
                                 .sampler = ASSAY_SAMPLER_1,
                                 .draw = (uint8_t)profile->draw,
                                 .finish = results->finish[s],
                                 .verdict = results->verdict[s],
                                 .replicates = results->replicates,
                                 .sets = results->sets,
                                 .replicate = results->replicate[s],
                                 .score_micro = results->score_micro[s],
                                 .cell_key = results->cell_keys[s],
                                 .prompt_digest = results->item_prompt_digests[item],
                                 .item_id = text_span(results->item_ids[item]),
                                 .profile = text_span(profile->name),
                                 .answer = {results->answer_bytes + answer,
                                            (size_t)(results->answer_offset[s + 1] - answer)},
                                 .token_count = (size_t)(results->token_offset[s + 1] - first),
                                 .tokens = results->tokens + first,
                                 .log_probs = results->log_probs + first};
}

struct assay_span assay_results_record_cell(const struct assay_results *results, uint64_t s)
{
    ASSAY_ASSERT(s < results->sample_count);
    uint64_t first = results->sealed_offset[s];
    return (struct assay_span){results->sealed_bytes + first,
                               (size_t)(results->sealed_offset[s + 1] - first)};
}

static struct assay_span options_of(const struct samples *samples, uint64_t s)
{
    const uint64_t *offset = samples->results->option_offset;
    return (struct assay_span){samples->options + offset[s] * ASSAY_OPTION_BYTES,
                               (size_t)(offset[s + 1] - offset[s]) * ASSAY_OPTION_BYTES};
}

static struct assay_circumstances circumstances_of(const struct samples *samples, uint64_t s)
{
    const struct assay_results *results = samples->results;
    return (struct assay_circumstances){
        .prompt_shared = results->prompt_shared[s] != 0,
        .attempts = results->attempts[s],
        .batch_rows = results->batch_rows[s],
        .clock_mhz = results->clock_mhz[s],
        .start_ns = results->start_ns[s],
        .duration_ns = results->duration_ns[s],
        .grade = assay_grades_get(samples->image->columns, s),
        .options = options_of(samples, s),
        .gold = results->gold[s],
        .sealed = assay_results_record_cell(results, s),
        .text = slice(samples, ASSAY_COLUMN_TEXT_BYTES, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET, s)};
}

/* What a sample says must be possible before it is encoded. */
static enum assay_status check_sample(const struct assay_record *record,
                                      const struct assay_circumstances *circumstances,
                                      bool encrypted, struct assay_error *err)
{
    const char *fault = assay_record_fault(record);
    if (!fault) fault = assay_grade_fault(&circumstances->grade);
    if (!fault) fault = assay_options_fault(circumstances);
    if (!fault) fault = assay_sealed_fault(circumstances);
    if (!fault && (circumstances->sealed.size > 0) != encrypted) {
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

/* Of a closed sample the circumstances vouch for all of it, as it lies there. */
static enum assay_status digest_sample(struct samples *samples, uint64_t s,
                                       const struct assay_record *record,
                                       const struct assay_circumstances *circumstances,
                                       struct assay_error *err)
{
    struct assay_bytes *encoding = &samples->encoding;
    const struct assay_image *image = samples->image;
    struct opened *opened = &samples->opened[samples->results->encrypted && image->key ? s : 0];
    uint8_t row[4];
    assay_bytes_clear(encoding);
    enum assay_status status = assay_record_encode(encoding, record, err);
    if (status) return status;
    if (samples->results->encrypted) {
        assay_sha256_update(&samples->circumstances, encoding->data, encoding->size);
        assay_bytes_clear(encoding);
        if (image->key) {
            status = assay_sealed_open(&samples->image->arena, image->key, record, circumstances,
                                       &opened->record, &opened->circumstances, err);
            if (!status) status = assay_record_encode(encoding, &opened->record, err);
        }
    }
    if (status) return status;
    assay_sha256_update(&samples->records, encoding->data, encoding->size);
    assay_bytes_clear(encoding);
    status = assay_circumstances_encode(encoding, circumstances, err);
    if (status) return status;
    assay_put_le32(row, samples->results->process[s]);
    assay_sha256_update(&samples->circumstances, encoding->data, encoding->size);
    assay_sha256_update(&samples->circumstances, row, sizeof row);
    return ASSAY_OK;
}

static enum assay_status compare_digests(struct samples *samples, struct assay_error *err)
{
    const struct assay_results *results = samples->results;
    const struct assay_machines machines = {.processes = results->processes,
                                            .count = results->process_count};
    enum assay_status status = assay_machines_digest(&machines, &samples->circumstances, err);
    if (status) return status;
    struct assay_digest found = assay_sha256_final(&samples->records);
    if (!results->sealed && !assay_digest_equal(&found, &results->records_digest)) {
        return assay_samples_digest_differs("records_digest", &results->records_digest, &found,
                                            err);
    }
    found = assay_sha256_final(&samples->circumstances);
    if (assay_digest_equal(&found, &results->circumstances_digest)) return ASSAY_OK;
    return assay_samples_digest_differs("circumstances_digest", &results->circumstances_digest,
                                        &found, err);
}

static enum assay_status check_digests(struct samples *samples, struct assay_error *err)
{
    const struct assay_results *results = samples->results;
    enum assay_status status = ASSAY_OK;
    assay_sha256_init(&samples->records);
    assay_sha256_init(&samples->circumstances);
    for (uint64_t s = 0; s < results->sample_count && !status; s++) {
        const struct assay_record record = assay_results_record(results, s);
        const struct assay_circumstances circumstances = circumstances_of(samples, s);
        status = check_sample(&record, &circumstances, results->encrypted, err);
        if (!status) status = digest_sample(samples, s, &record, &circumstances, err);
        if (status) status = assay_while(err, status, "sample %" PRIu64, s);
    }
    return status ? status : compare_digests(samples, err);
}

/* --- opened cells become the columns that they stand for --- */

static struct assay_span opened_span(const struct opened *opened, enum assay_column bytes)
{
    switch (bytes) {
    case ASSAY_COLUMN_ANSWER_BYTES:
        return opened->record.answer;
    case ASSAY_COLUMN_TEXT_BYTES:
        return opened->circumstances.text;
    case ASSAY_COLUMN_FLEXIBLE_BYTES:
        return opened->circumstances.grade.flexible_answer;
    default:
        return opened->circumstances.grade.run_detail;
    }
}

static enum assay_status join(struct samples *samples, enum assay_column bytes,
                              enum assay_column offsets, struct assay_error *err)
{
    struct assay_image *image = samples->image;
    size_t count = (size_t)samples->results->sample_count, size = 0;
    uint64_t *offset = assay_arena_take(&image->arena, count + 1, sizeof *offset);
    if (!offset) return out_of_memory(err);
    for (size_t s = 0; s < count; s++) {
        size += opened_span(&samples->opened[s], bytes).size;
        offset[s + 1] = size;
    }
    char *data = assay_arena_take(&image->arena, size, 1);
    if (!data) return out_of_memory(err);
    for (size_t s = 0; s < count; s++) {
        struct assay_span span = opened_span(&samples->opened[s], bytes);
        memcpy(data + offset[s], span.data, span.size);
    }
    image->columns[bytes] = data;
    image->columns[offsets] = offset;
    image->rows[assay_column_info[bytes].shape] = size;
    return ASSAY_OK;
}

static enum assay_status put_opened(struct samples *samples, struct assay_error *err)
{
    static const enum assay_column texts[][2] = {
        {ASSAY_COLUMN_ANSWER_BYTES, ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET},
        {ASSAY_COLUMN_TEXT_BYTES, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET},
        {ASSAY_COLUMN_FLEXIBLE_BYTES, ASSAY_COLUMN_FLEXIBLE_OFFSET},
        {ASSAY_COLUMN_DETAIL_BYTES, ASSAY_COLUMN_DETAIL_OFFSET}};
    struct assay_image *image = samples->image;
    struct assay_results *results = samples->results;
    uint32_t *tokens = image->columns[ASSAY_COLUMN_TOKEN_ID];
    enum assay_status status = ASSAY_OK;
    for (uint64_t s = 0; s < results->sample_count; s++) {
        const struct assay_record *record = &samples->opened[s].record;
        if (record->token_count == 0) continue;
        memcpy(tokens + results->token_offset[s], record->tokens,
               record->token_count * sizeof *tokens);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !status; i++) {
        status = join(samples, texts[i][0], texts[i][1], err);
    }
    results->answer_offset = image->columns[ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET];
    results->answer_bytes = image->columns[ASSAY_COLUMN_ANSWER_BYTES];
    results->text_offset = image->columns[ASSAY_COLUMN_SAMPLE_TEXT_OFFSET];
    return status;
}

/* The slices of a flat column as C strings, one behind the other in one piece of memory. */
static const char *const *cut_up(struct samples *samples, enum assay_column bytes,
                                 enum assay_column offsets)
{
    uint64_t count = samples->results->sample_count;
    uint64_t size = samples->image->rows[assay_column_info[bytes].shape];
    const char **texts = assay_arena_take(&samples->image->arena, (size_t)count, sizeof *texts);
    char *to = assay_arena_take(&samples->image->arena, (size_t)(size + count), 1);
    if (!texts || !to) return NULL;
    for (uint64_t s = 0; s < count; s++) {
        struct assay_span span = slice(samples, bytes, offsets, s);
        texts[s] = to;
        memcpy(to, span.data, span.size);
        to += span.size;
        *to++ = '\0';
    }
    return texts;
}

static enum assay_status fill_texts(struct samples *samples, struct assay_error *err)
{
    struct assay_results *results = samples->results;
    results->answers =
        cut_up(samples, ASSAY_COLUMN_ANSWER_BYTES, ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET);
    results->texts = cut_up(samples, ASSAY_COLUMN_TEXT_BYTES, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET);
    struct assay_grade *grades =
        assay_arena_take(&samples->image->arena, (size_t)results->sample_count, sizeof *grades);
    for (uint64_t s = 0; grades && s < results->sample_count; s++) {
        grades[s] = assay_grades_get(samples->image->columns, s);
    }
    results->grades = grades;
    return results->answers && results->texts && grades ? ASSAY_OK : out_of_memory(err);
}

enum assay_status assay_samples_check(struct assay_results *results, struct assay_image *image,
                                      const char *options, struct assay_error *err)
{
    struct samples samples = {.results = results, .image = image, .options = options};
    enum assay_status status = ASSAY_OK;
    bool opening = results->encrypted && image->key;
    size_t count = opening ? (size_t)results->sample_count : 1;
    samples.opened = assay_arena_take(&image->arena, count, sizeof *samples.opened);
    if (!samples.opened) return out_of_memory(err);
    status = check_digests(&samples, err);
    if (!status && opening) status = put_opened(&samples, err);
    if (!status) status = fill_texts(&samples, err);
    assay_bytes_fini(&samples.encoding);
    return status;
}
