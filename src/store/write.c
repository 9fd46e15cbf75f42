/* The merge: a journal becomes a results file. Samples stream through in index order, into the file
 * or into parts of it. It is made under temporary names and appears under its own only when it is
 * whole and durable. */
#include "assay/results.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "store/grades.h"
#include "store/machines.h"
#include "store/options.h"
#include "store/parts.h"
#include "store/sealed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct writer {
    const struct assay_run_facts *facts;
    struct assay_journal_reader *journal;
    struct assay_machines machines;
    struct assay_sheet sheet, part; /* the file, and the part that is being written */
    struct assay_sheet *samples;    /* where samples go: one of these */
    struct assay_parts parts;
    size_t parts_begun;
    uint64_t part_end; /* the first sample that is not in this part */
    char plan_digest[ASSAY_DIGEST_HEX];
    struct assay_grades grades;
    uint64_t options;
    uint64_t next_sample, tokens, answer_bytes, text_bytes, sealed_bytes;
    struct assay_arena opened; /* the sample at hand, where it was encrypted */
    struct assay_sha256 records, circumstances;
    struct assay_bytes encoding;
};

static enum assay_status put_tables(struct writer *writer, struct assay_error *err);
static enum assay_status put_zeros(struct writer *writer, struct assay_error *err);
static assay_journal_visit put_sample;
static enum assay_status finish(struct writer *writer, struct assay_error *err);

static enum assay_status missing(const struct writer *writer, struct assay_error *err)
{
    return assay_fail(err, ASSAY_ENOTFOUND,
                      "sample %" PRIu64 " of %" PRIu64
                      " is not in the journal; run again to compute what is left",
                      writer->next_sample, writer->facts->plan->sample_count);
}

/* The rows that are known before the first sample. */
static void known_rows(const struct writer *writer, uint64_t rows[ASSAY_SHAPE_COUNT])
{
    const struct assay_plan *plan = writer->facts->plan;
    memset(rows, 0, ASSAY_SHAPE_COUNT * sizeof *rows);
    rows[ASSAY_SHAPE_ONE] = 1;
    rows[ASSAY_SHAPE_ITEMS] = plan->item_count;
    rows[ASSAY_SHAPE_STRATA] = writer->facts->stratum_count;
    rows[ASSAY_SHAPE_PROFILES] = plan->profile_count;
    rows[ASSAY_SHAPE_PROCESSES] = writer->machines.count;
    rows[ASSAY_SHAPE_TOPOLOGIES] = writer->machines.topology_count;
    rows[ASSAY_SHAPE_SAMPLES] = plan->sample_count;
    rows[ASSAY_SHAPE_OFFSETS] = plan->sample_count + 1;
    for (unsigned i = 0; i < ASSAY_SHAPE_COUNT && writer->parts.count > 0; i++) {
        if (assay_shape_info[i].of_samples) rows[i] = ASSAY_SHEET_ABSENT;
    }
}

/* End the part that is open, if one is, and begin the next, if there is one. */
static enum assay_status turn_part(struct writer *writer, struct assay_error *err)
{
    uint64_t begin = writer->part_end, most = writer->facts->part_samples;
    uint64_t left = writer->facts->plan->sample_count - begin;
    enum assay_status status = ASSAY_OK;
    if (writer->samples) {
        status = assay_parts_close(&writer->parts, writer->parts_begun - 1, writer->plan_digest,
                                   &writer->part, err);
        assay_sheet_close(&writer->part);
        writer->samples = NULL;
    }
    if (status || left == 0) return status;
    size_t index = writer->parts_begun++;
    writer->part_end += left < most ? left : most;
    writer->samples = &writer->part;
    status = assay_parts_open(&writer->parts, index, writer->part_end - begin, &writer->part, err);
    return status || index > 0 ? status : put_zeros(writer, err);
}

static enum assay_status write_samples(struct writer *writer, struct assay_error *err)
{
    const struct assay_plan *plan = writer->facts->plan;
    bool in_parts = writer->parts.count > 0;
    writer->part_end = in_parts ? 0 : plan->sample_count;
    writer->samples = in_parts ? NULL : &writer->sheet;
    enum assay_status status = in_parts ? ASSAY_OK : put_zeros(writer, err);
    if (!status) status = assay_journal_each(writer->journal, put_sample, writer, err);
    if (!status && writer->next_sample < plan->sample_count) status = missing(writer, err);
    if (!status && in_parts) status = turn_part(writer, err);
    if (in_parts && writer->samples) assay_sheet_close(&writer->part);
    return status;
}

static enum assay_status write_sheet(struct writer *writer, const char *path,
                                     struct assay_error *err)
{
    uint64_t rows[ASSAY_SHAPE_COUNT];
    if (writer->machines.count == 0) return missing(writer, err); /* no process: no samples */
    known_rows(writer, rows);
    enum assay_status status =
        assay_sheet_open(&writer->sheet, path, rows, writer->parts.count > 0, err);
    if (!status) status = put_tables(writer, err);
    if (!status) status = assay_machines_put(&writer->machines, &writer->sheet, err);
    if (!status) status = write_samples(writer, err);
    if (!status) status = assay_sheet_flush(&writer->sheet, err);
    if (!status && writer->parts.count > 0) {
        status = assay_parts_view(&writer->parts, &writer->sheet, err);
    }
    if (!status) status = finish(writer, err);
    assay_sheet_close(&writer->sheet);
    return status;
}

static enum assay_status write_file(struct writer *writer, const char *path,
                                    const char *journal_path, struct assay_error *err)
{
    enum assay_status status =
        assay_journal_read(&writer->journal, journal_path, writer->facts->plan, err);
    if (status) return status;
    uint32_t count;
    const struct assay_process *processes = assay_journal_processes(writer->journal, &count);
    status = assay_machines_init(&writer->machines, processes, count, err);
    if (!status) status = write_sheet(writer, path, err);
    assay_machines_fini(&writer->machines);
    assay_journal_reader_close(writer->journal);
    return status;
}

/* 0: one file holds all. */
static size_t count_parts(const struct assay_run_facts *facts)
{
    uint64_t total = facts->plan->sample_count, most = facts->part_samples;
    return most == 0 || total <= most ? 0 : (size_t)((total - 1) / most + 1);
}

enum assay_status assay_results_write(const char *path, const char *journal_path,
                                      const struct assay_run_facts *facts, struct assay_error *err)
{
    struct assay_bytes temporary = {0};
    struct writer writer = {.facts = facts};
    enum assay_status status =
        assay_bytes_format(&temporary, err, "%s.tmp-%ld", path, (long)getpid());
    if (status) return status;
    const char *name = (const char *)temporary.data;
    assay_sha256_init(&writer.records);
    assay_sha256_init(&writer.circumstances);
    assay_digest_hex(&facts->plan->digest, writer.plan_digest);

    struct assay_hdf_printing before = assay_hdf_quiet();
    status = assay_parts_begin(&writer.parts, path, count_parts(facts), err);
    if (!status) {
        status = write_file(&writer, name, journal_path, err);
        status = assay_while(err, status, "%s", path);
    }
    assay_hdf_loud(&before);
    if (!status) status = assay_parts_publish(&writer.parts, name, path, err);
    if (status) unlink(name);
    assay_parts_end(&writer.parts);
    assay_bytes_fini(&writer.encoding);
    assay_arena_fini(&writer.opened);
    assay_bytes_fini(&temporary);
    return status;
}

static enum assay_status put(struct writer *writer, enum assay_column name, const void *rows,
                             size_t count, struct assay_error *err)
{
    bool of_samples = assay_shape_info[assay_column_info[name].shape].of_samples;
    return assay_sheet_put(of_samples ? writer->samples : &writer->sheet, name, rows, count, err);
}

static enum assay_status put_u32(struct writer *writer, enum assay_column name, uint32_t value,
                                 struct assay_error *err)
{
    return put(writer, name, &value, 1, err);
}

static enum assay_status put_u64(struct writer *writer, enum assay_column name, uint64_t value,
                                 struct assay_error *err)
{
    return put(writer, name, &value, 1, err);
}

static enum assay_status put_u8(struct writer *writer, enum assay_column name, unsigned value,
                                struct assay_error *err)
{
    uint8_t byte = (uint8_t)value;
    return put(writer, name, &byte, 1, err);
}

static enum assay_status put_profile(struct writer *writer, const struct assay_profile *profile,
                                     struct assay_error *err)
{
    enum assay_status status = put(writer, ASSAY_COLUMN_PROFILE_NAME, &profile->name, 1, err);
    const struct {
        enum assay_column column;
        uint32_t value;
    } fields[] = {{ASSAY_COLUMN_PROFILE_TEMPERATURE, profile->temperature_milli},
                  {ASSAY_COLUMN_PROFILE_TOP_P, profile->top_p_milli},
                  {ASSAY_COLUMN_PROFILE_TOP_K, profile->top_k},
                  {ASSAY_COLUMN_PROFILE_MIN_P, profile->min_p_milli},
                  {ASSAY_COLUMN_PROFILE_PENALTY, profile->repetition_penalty_milli}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !status; i++) {
        status = put_u32(writer, fields[i].column, fields[i].value, err);
    }
    if (!status) status = put_u8(writer, ASSAY_COLUMN_PROFILE_DRAW, profile->draw, err);
    return status;
}

/* Everything that is known before the first sample. */
static enum assay_status put_tables(struct writer *writer, struct assay_error *err)
{
    const struct assay_run_facts *facts = writer->facts;
    const struct assay_spec *spec = facts->plan->spec;
    const char *definition = spec->definition.text ? spec->definition.text : "";
    size_t items = facts->plan->item_count;
    const struct {
        enum assay_column column;
        const void *rows;
        size_t count;
    } tables[] = {{ASSAY_COLUMN_SPEC_SOURCE, &spec->source, 1},
                  {ASSAY_COLUMN_SPEC_CANONICAL, &spec->canonical, 1},
                  {ASSAY_COLUMN_SPEC_DEFINITION, &definition, 1},
                  {ASSAY_COLUMN_ITEM_ID, facts->item_ids, items},
                  {ASSAY_COLUMN_ITEM_CLUSTER, facts->item_clusters, items},
                  {ASSAY_COLUMN_ITEM_TOPIC, facts->item_topics, items},
                  {ASSAY_COLUMN_ITEM_POSITION, facts->item_positions, items},
                  {ASSAY_COLUMN_ITEM_STRATUM, facts->item_strata, items},
                  {ASSAY_COLUMN_ITEM_PROMPT_TOKENS, facts->item_prompt_tokens, items},
                  {ASSAY_COLUMN_ITEM_PROMPT_DIGEST, facts->item_prompt_digests, items},
                  {ASSAY_COLUMN_STRATUM_NAME, facts->stratum_names, facts->stratum_count}};
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !status; i++) {
        status = put(writer, tables[i].column, tables[i].rows, tables[i].count, err);
    }
    for (size_t i = 0; i < spec->profile_count && !status; i++) {
        status = put_profile(writer, &spec->profiles[i], err);
    }
    return status;
}

/* What the offsets begin with. */
static enum assay_status put_zeros(struct writer *writer, struct assay_error *err)
{
    enum assay_status status = put_u64(writer, ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET, 0, err);
    if (!status) status = put_u64(writer, ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET, 0, err);
    if (!status) status = put_u64(writer, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET, 0, err);
    if (!status) status = put_u64(writer, ASSAY_COLUMN_SEALED_OFFSET, 0, err);
    if (!status) status = assay_grades_begin(writer->samples, err);
    return status ? status : assay_options_begin(writer->samples, err);
}

/* A record that another benchmark or another tokenizer made must not pass for this item's. */
static enum assay_status check_item(const struct writer *writer, const struct assay_cell *cell,
                                    const struct assay_record *record, struct assay_error *err)
{
    const struct assay_run_facts *facts = writer->facts;
    const char *id = facts->item_ids[cell->item_index];
    if (record->item_id.size != strlen(id) || memcmp(record->item_id.data, id, strlen(id)) != 0) {
        return assay_fail(err, ASSAY_EMISMATCH,
                          "sample %" PRIu64 " is of item \"%.*s\", the benchmark has \"%s\" there",
                          cell->sample_index, (int)record->item_id.size, record->item_id.data, id);
    }
    if (assay_digest_equal(&record->prompt_digest, &facts->item_prompt_digests[cell->item_index])) {
        return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EMISMATCH,
                      "sample %" PRIu64 " of item \"%s\" was computed from another prompt",
                      cell->sample_index, id);
}

/* The records digest is over the record in clear (FORMAT.md 3.3), so that it does not depend on
 * whether a benchmark was encrypted. */
static enum assay_status digest_record(struct writer *writer, const struct assay_record *record,
                                       const struct assay_circumstances *circumstances,
                                       struct assay_error *err)
{
    const struct assay_spec *spec = writer->facts->plan->spec;
    struct assay_bytes *encoding = &writer->encoding;
    struct assay_record clear = *record;
    struct assay_circumstances unused;
    enum assay_status status = ASSAY_OK;
    if (spec->definition.encrypted) {
        assay_arena_fini(&writer->opened);
        status = assay_sealed_open(&writer->opened, &spec->cipher, record, circumstances, &clear,
                                   &unused, err);
    }
    assay_bytes_clear(encoding);
    if (!status) status = assay_record_encode(encoding, &clear, err);
    if (!status) assay_sha256_update(&writer->records, encoding->data, encoding->size);
    return status;
}

static enum assay_status digest_sample(struct writer *writer, uint32_t process,
                                       const struct assay_record *record,
                                       const struct assay_circumstances *circumstances,
                                       struct assay_error *err)
{
    struct assay_bytes *encoding = &writer->encoding;
    uint8_t row[4];
    enum assay_status status = digest_record(writer, record, circumstances, err);
    assay_bytes_clear(encoding);
    /* What nobody can recompute without the key is vouched for as it lies there. */
    if (!status && circumstances->sealed.size > 0) {
        status = assay_record_encode(encoding, record, err);
    }
    if (!status) status = assay_circumstances_encode(encoding, circumstances, err);
    if (status) return status;
    assay_put_le32(row, process);
    assay_sha256_update(&writer->circumstances, encoding->data, encoding->size);
    assay_sha256_update(&writer->circumstances, row, sizeof row);
    return ASSAY_OK;
}

static enum assay_status put_record(struct writer *writer, const struct assay_cell *cell,
                                    const struct assay_record *record, struct assay_error *err)
{
    const double score = (double)record->score_micro / ASSAY_SCORE_ONE;
    const struct {
        enum assay_column column;
        const void *rows;
        size_t count;
    } fields[] = {
        {ASSAY_COLUMN_SAMPLE_ITEM, &cell->item_index, 1},
        {ASSAY_COLUMN_SAMPLE_PROFILE, &cell->profile_index, 1},
        {ASSAY_COLUMN_SAMPLE_REPLICATE, &cell->replicate, 1},
        {ASSAY_COLUMN_SAMPLE_FINISH, &record->finish, 1},
        {ASSAY_COLUMN_SAMPLE_VERDICT, &record->verdict, 1},
        {ASSAY_COLUMN_SAMPLE_SCORE, &score, 1},
        {ASSAY_COLUMN_SAMPLE_SCORE_MICRO, &record->score_micro, 1},
        {ASSAY_COLUMN_SAMPLE_CELL_KEY, &record->cell_key, 1},
        {ASSAY_COLUMN_TOKEN_ID, record->tokens, record->token_count},
        {ASSAY_COLUMN_TOKEN_LOG_PROB, record->log_probs, record->token_count},
        {ASSAY_COLUMN_ANSWER_BYTES, record->answer.data, record->answer.size},
    };
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !status; i++) {
        status = put(writer, fields[i].column, fields[i].rows, fields[i].count, err);
    }
    writer->tokens += record->token_count;
    writer->answer_bytes += record->answer.size;
    if (!status) status = put_u64(writer, ASSAY_COLUMN_SAMPLE_TOKEN_OFFSET, writer->tokens, err);
    if (!status) {
        status = put_u64(writer, ASSAY_COLUMN_SAMPLE_ANSWER_OFFSET, writer->answer_bytes, err);
    }
    return status;
}

static enum assay_status put_circumstances(struct writer *writer, uint32_t process,
                                           const struct assay_circumstances *c,
                                           struct assay_error *err)
{
    enum assay_status status = put_u32(writer, ASSAY_COLUMN_PROCESS, process, err);
    if (!status) status = put_u32(writer, ASSAY_COLUMN_ATTEMPTS, c->attempts, err);
    if (!status) status = put_u32(writer, ASSAY_COLUMN_BATCH_ROWS, c->batch_rows, err);
    if (!status) status = put_u8(writer, ASSAY_COLUMN_PROMPT_SHARED, c->prompt_shared, err);
    if (!status) status = put_u64(writer, ASSAY_COLUMN_START_NS, c->start_ns, err);
    if (!status) status = put_u64(writer, ASSAY_COLUMN_DURATION_NS, c->duration_ns, err);
    if (!status) status = put_u32(writer, ASSAY_COLUMN_CLOCK_MHZ, c->clock_mhz, err);
    if (!status) status = put(writer, ASSAY_COLUMN_TEXT_BYTES, c->text.data, c->text.size, err);
    writer->text_bytes += c->text.size;
    writer->sealed_bytes += c->sealed.size;
    if (!status) {
        status = put(writer, ASSAY_COLUMN_SEALED_BYTES, c->sealed.data, c->sealed.size, err);
    }
    if (!status) status = put_u64(writer, ASSAY_COLUMN_SEALED_OFFSET, writer->sealed_bytes, err);
    if (status) return status;
    return put_u64(writer, ASSAY_COLUMN_SAMPLE_TEXT_OFFSET, writer->text_bytes, err);
}

static enum assay_status put_sample(void *context, uint64_t sample_index, uint32_t process,
                                    const struct assay_record *record,
                                    const struct assay_circumstances *circumstances,
                                    struct assay_error *err)
{
    struct writer *writer = context;
    struct assay_cell cell = assay_plan_cell(writer->facts->plan, sample_index);
    if (sample_index != writer->next_sample) return missing(writer, err);
    writer->next_sample++;
    enum assay_status status = check_item(writer, &cell, record, err);
    if (!status && sample_index == writer->part_end) status = turn_part(writer, err);
    if (!status) {
        status = digest_sample(writer, process, record, circumstances, err);
        status = assay_while(err, status, "sample %" PRIu64, sample_index);
    }
    if (!status) status = put_record(writer, &cell, record, err);
    if (!status) status = put_circumstances(writer, process, circumstances, err);
    if (status) return status;
    status = assay_grades_put(&writer->grades, writer->samples, &circumstances->grade, err);
    return status ? status
                  : assay_options_put(&writer->options, writer->samples, circumstances, err);
}

/* The digest attributes in hex, in one place because their texts must live until they are written.
 */
struct hex {
    char spec[ASSAY_DIGEST_HEX], plan[ASSAY_DIGEST_HEX], records[ASSAY_DIGEST_HEX],
        circumstances[ASSAY_DIGEST_HEX], model[ASSAY_DIGEST_HEX], benchmark[ASSAY_DIGEST_HEX],
        site[ASSAY_DIGEST_HEX], data[ASSAY_DIGEST_HEX], examples[ASSAY_DIGEST_HEX], created[21];
    char round_seed[ASSAY_DIGEST_HEX], task[24], round[12];
};

static void fill_hex(struct hex *hex, struct writer *writer)
{
    const struct assay_plan *plan = writer->facts->plan;
    struct assay_digest records = assay_sha256_final(&writer->records);
    struct assay_digest circumstances = assay_sha256_final(&writer->circumstances), site;
    assay_digest_hex(&plan->spec->digest, hex->spec);
    assay_digest_hex(&plan->digest, hex->plan);
    assay_digest_hex(&records, hex->records);
    assay_digest_hex(&circumstances, hex->circumstances);
    assay_digest_hex(&plan->spec->model.sha256, hex->model);
    assay_digest_hex(&plan->spec->benchmark.sha256, hex->benchmark);
    assay_digest_hex(&plan->spec->data.sha256, hex->data);
    assay_digest_hex(&plan->spec->examples.sha256, hex->examples);
    if (!plan->spec->examples.path) hex->examples[0] = '\0';
    memcpy(site.bytes, plan->site, sizeof site.bytes);
    assay_digest_hex(&site, hex->site);
    if (plan->site_bytes == 0) hex->site[0] = '\0';
    hex->task[0] = hex->round[0] = hex->round_seed[0] = '\0';
    if (plan->assignment) {
        snprintf(hex->task, sizeof hex->task, "%" PRIu64, plan->assignment->task);
        snprintf(hex->round, sizeof hex->round, "%" PRIu32, plan->assignment->round);
        assay_digest_hex(&plan->assignment->round_seed, hex->round_seed);
    }
    assay_clock_text(writer->facts->created_ns, hex->created);
}

static enum assay_status finish(struct writer *writer, struct assay_error *err)
{
    const struct assay_run_facts *facts = writer->facts;
    const struct assay_assignment *assignment = facts->plan->assignment;
    struct hex hex;
    enum assay_status status =
        assay_machines_digest(&writer->machines, &writer->circumstances, err);
    if (status) return status;
    fill_hex(&hex, writer);
    const char *texts[ASSAY_ATTRIBUTE_COUNT] = {
        [ASSAY_ATTRIBUTE_SCHEMA] = ASSAY_SCHEMA_NAME,
        [ASSAY_ATTRIBUTE_DESCRIPTION] =
            "Every sample of one evaluation run by assay. Row i of each dataset in /samples and "
            "/circumstances is sample i; row i of /processes a process that computed samples; each "
            "dataset says its unit and meaning in attributes.",
        [ASSAY_ATTRIBUTE_SPEC_NAME] = facts->plan->spec->name,
        [ASSAY_ATTRIBUTE_SPEC_DIGEST] = hex.spec,
        [ASSAY_ATTRIBUTE_PLAN_DIGEST] = hex.plan,
        [ASSAY_ATTRIBUTE_SITE] = hex.site,
        [ASSAY_ATTRIBUTE_CHAIN] = assignment ? assignment->chain : "",
        [ASSAY_ATTRIBUTE_TASK] = hex.task,
        [ASSAY_ATTRIBUTE_ROUND] = hex.round,
        [ASSAY_ATTRIBUTE_ROUND_SEED] = hex.round_seed,
        [ASSAY_ATTRIBUTE_RECORDS_DIGEST] = hex.records,
        [ASSAY_ATTRIBUTE_CIRCUMSTANCES_DIGEST] = hex.circumstances,
        [ASSAY_ATTRIBUTE_MODEL_SHA256] = hex.model,
        [ASSAY_ATTRIBUTE_MODEL_NAME] = facts->model_name,
        [ASSAY_ATTRIBUTE_BENCHMARK_SHA256] = hex.benchmark,
        [ASSAY_ATTRIBUTE_DATA_SHA256] = hex.data,
        [ASSAY_ATTRIBUTE_EXAMPLES_SHA256] = hex.examples,
        [ASSAY_ATTRIBUTE_ARITHMETIC] =
            assay_arithmetic_name(assay_spec_arithmetic(facts->plan->spec)),
        [ASSAY_ATTRIBUTE_SAMPLER] = "sampler-1",
        [ASSAY_ATTRIBUTE_ENGINE] = facts->engine,
        [ASSAY_ATTRIBUTE_HOST] = facts->host,
        [ASSAY_ATTRIBUTE_CREATED] = hex.created};
    const uint32_t numbers[ASSAY_ATTRIBUTE_COUNT] = {
        [ASSAY_ATTRIBUTE_SCHEMA_VERSION] = ASSAY_SCHEMA_VERSION,
        [ASSAY_ATTRIBUTE_REPLICATES] = facts->plan->replicates,
        [ASSAY_ATTRIBUTE_SETS] = facts->plan->spec->sets};
    status = assay_sheet_describe(&writer->sheet, texts, numbers, err);
    return status ? status : assay_sheet_finish(&writer->sheet, err);
}
