/* Results files: what is written comes back, every digest is what the records give, and a file that
 * says anything else is refused. */
#include "store/hdf.h"
#include "store/image.h"

#include "place.h"

#include "store/process.h"

#include <sys/stat.h>

enum { SAMPLES = 24, TOKENS = 3 * (1 + 2 + 3 + 4 + 5 + 6 + 7) };

/* The two digests straight from the samples, without journal or file. */
static void digest_samples(const struct assay_plan *plan, struct assay_digest *records,
                           struct assay_digest *circumstances)
{
    struct assay_bytes first = {0}, second = {0};
    struct fixture_sample sample;
    struct assay_error err;
    for (uint64_t i = 0; i < plan->sample_count; i++) {
        fixture_fill(&sample, plan, i, 1);
        check_ok(assay_record_encode(&first, &sample.record, &err), &err);
        check_ok(assay_circumstances_encode(&second, &sample.circumstances, &err), &err);
        check_ok(assay_bytes_append(&second, "\0\0\0", 4, &err), &err); /* row 0 of /processes */
    }
    struct assay_process process = fixture_process(0);
    check_ok(assay_process_encode(&second, &process, &err), &err);
    *records = assay_sha256_of(first.data, first.size);
    *circumstances = assay_sha256_of(second.data, second.size);
    assay_bytes_fini(&first);
    assay_bytes_fini(&second);
}

static void check_attributes(const struct assay_results *results, const struct place *place)
{
    const struct assay_spec *spec = place->fixture.spec;
    struct assay_digest records, circumstances;
    digest_samples(&place->fixture.plan, &records, &circumstances);
    assert_string_equal(results->path, place->file);
    assert_int_equal(results->schema_version, ASSAY_SCHEMA_VERSION);
    assert_string_equal(results->spec_name, "fixture");
    assert_string_equal(results->spec_source, spec->source);
    assert_string_equal(results->spec_canonical, spec->canonical);
    assert_string_equal(results->model_name, "tiny");
    assert_string_equal(results->engine, "assay 0.1.0");
    assert_string_equal(results->backend, "cpu");
    assert_string_equal(results->isa, "avx2");
    assert_string_equal(results->host, "node-1");
    assert_string_equal(results->created, "2023-11-14T22:13:20Z");
    assert_true(assay_digest_equal(&results->spec_digest, &spec->digest));
    assert_true(assay_digest_equal(&results->plan_digest, &place->fixture.plan.digest));
    assert_true(assay_digest_equal(&results->model_digest, &spec->model.sha256));
    assert_true(assay_digest_equal(&results->benchmark_digest, &spec->benchmark.sha256));
    assert_true(assay_digest_equal(&results->records_digest, &records));
    assert_true(assay_digest_equal(&results->circumstances_digest, &circumstances));
}

static void check_tables(const struct assay_results *results, const struct place *place)
{
    const struct assay_run_facts *facts = &place->facts.facts;
    assert_int_equal(results->item_count, FIXTURE_ITEMS);
    assert_int_equal(results->stratum_count, FIXTURE_STRATA);
    assert_int_equal(results->profile_count, 2);
    assert_int_equal(results->replicates, 4);
    assert_int_equal(results->sets, 2);
    for (uint32_t i = 0; i < FIXTURE_ITEMS; i++) {
        assert_string_equal(results->item_ids[i], facts->item_ids[i]);
        assert_string_equal(results->item_topics[i], facts->item_topics[i]);
        assert_int_equal(results->item_strata[i], facts->item_strata[i]);
        assert_int_equal(results->item_prompt_tokens[i], facts->item_prompt_tokens[i]);
        assert_true(
            assay_digest_equal(&results->item_prompt_digests[i], &facts->item_prompt_digests[i]));
    }
    assert_string_equal(results->stratum_names[0], "easy");
    assert_string_equal(results->stratum_names[1], "hard");
    assert_string_equal(results->profiles[0].name, "cool");
    assert_int_equal(results->profiles[0].temperature_milli, 300);
    assert_int_equal(results->profiles[0].top_k, 40);
    assert_int_equal(results->profiles[0].draw, ASSAY_DRAW_IID);
    assert_int_equal(results->profiles[1].repetition_penalty_milli, 1000);
    assert_int_equal(results->profiles[1].draw, ASSAY_DRAW_LATTICE);
}

static void check_sample(struct assay_results *results, const struct assay_plan *plan, uint64_t i)
{
    struct assay_results_sample read;
    struct assay_error err;
    struct assay_cell cell = assay_plan_cell(plan, i);
    struct fixture_sample sample;
    fixture_fill(&sample, plan, i, 1);
    const struct assay_record *record = &sample.record;
    const struct assay_circumstances *c = &sample.circumstances;
    check_ok(assay_results_sample(results, i, &read, &err), &err);
    assert_int_equal(results->item_index[i], cell.item_index);
    assert_int_equal(results->profile_index[i], cell.profile_index);
    assert_int_equal(results->replicate[i], cell.replicate);
    assert_int_equal(results->score_micro[i], record->score_micro);
    assert_int_equal(results->finish[i], record->finish);
    assert_int_equal(results->verdict[i], record->verdict);
    assert_true(assay_digest_equal(&read.record.cell_key, &record->cell_key));
    assert_int_equal(results->token_offset[i + 1] - results->token_offset[i], record->token_count);
    assert_int_equal(read.record.token_count, record->token_count);
    assert_memory_equal(read.record.tokens, record->tokens, 4 * record->token_count);
    assert_memory_equal(read.record.log_probs, record->log_probs, 4 * record->token_count);
    assert_int_equal(read.record.answer.size, record->answer.size);
    assert_memory_equal(read.record.answer.data, record->answer.data, record->answer.size);
    assert_int_equal(read.circumstances.text.size, c->text.size);
    assert_memory_equal(read.circumstances.text.data, c->text.data, c->text.size);
    const struct assay_grade *grade = &read.circumstances.grade;
    assert_int_equal(results->outcome[i], c->grade.outcome);
    assert_int_equal(results->run[i], c->grade.run);
    assert_int_equal(grade->outcome, c->grade.outcome);
    assert_int_equal(grade->flexible.rule, c->grade.flexible.rule);
    assert_int_equal(grade->flexible.start, c->grade.flexible.start);
    assert_int_equal(grade->strict.size, c->grade.strict.size);
    assert_int_equal(grade->flexible_answer.size, 8);
    assert_memory_equal(grade->flexible_answer.data, "flexible", 8);
    assert_int_equal(grade->run, c->grade.run);
    assert_true(grade->run_peak_bytes == c->grade.run_peak_bytes);
    assert_memory_equal(grade->run_detail.data, "late", 4);
    assert_int_equal(read.process, 0);
    assert_int_equal(read.circumstances.clock_mhz, c->clock_mhz);
    assert_int_equal(read.circumstances.attempts, c->attempts);
    assert_int_equal(read.circumstances.batch_rows, c->batch_rows);
    assert_int_equal(read.circumstances.prompt_shared, c->prompt_shared);
    assert_true(read.circumstances.start_ns == c->start_ns);
    assert_true(read.circumstances.duration_ns == c->duration_ns);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct place place;
    struct assay_results *results;
    struct assay_results_head head;
    struct assay_error err;
    place_make(&place);
    check_refused(assay_results_open(&results, place.file, NULL, &err), ASSAY_ENOTFOUND, &err,
                  place.file);
    check_refused(assay_results_peek(&head, place.file, &err), ASSAY_ENOTFOUND, &err, place.file);
    place_write(&place);
    assert_int_equal(folder_count(&place.folder), 2); /* no temporary file is left */
    check_ok(assay_results_open(&results, place.file, NULL, &err), &err);
    check_attributes(results, &place);
    check_tables(results, &place);
    assert_int_equal(results->sample_count, SAMPLES);
    assert_int_equal(results->token_count, TOKENS);
    assert_int_equal(results->process_count, 1);
    assert_string_equal(results->processes[0].host, "even");
    assert_string_equal(results->processes[0].topology, "<topology>even</topology>");
    for (uint64_t i = 0; i < SAMPLES; i++) check_sample(results, &place.fixture.plan, i);
    check_ok(assay_results_peek(&head, place.file, &err), &err);
    assert_int_equal(head.schema_version, ASSAY_SCHEMA_VERSION);
    assert_true(assay_digest_equal(&head.spec_digest, &results->spec_digest));
    assert_true(assay_digest_equal(&head.plan_digest, &results->plan_digest));
    assert_true(assay_digest_equal(&head.records_digest, &results->records_digest));
    assay_results_close(results);
    assay_results_close(NULL);
    place_drop(&place);
}

/* A validator's run carries its key, and its plan digest follows from it. */
static void test_site(void **state)
{
    (void)state;
    struct place place;
    struct assay_results *results;
    struct assay_error err;
    uint8_t key[32];
    place_make(&place);
    check_ok(assay_journal_remove(place.journal, &err), &err);
    memset(key, 0x5a, sizeof key);
    check_ok(assay_plan_init(&place.fixture.plan, place.fixture.spec, FIXTURE_ITEMS, key,
                             sizeof key, &err),
             &err);
    check_ok(fixture_journal(place.journal, &place.fixture.plan, &err), &err);
    place_write(&place);
    check_ok(assay_results_open(&results, place.file, NULL, &err), &err);
    assert_true(assay_digest_equal(&results->plan_digest, &place.fixture.plan.digest));
    assay_results_close(results);
    place_drop(&place);
}

/* A site's part of a network's task: its items, its seed, its round; all of them enter the plan. */
static void test_assignment(void **state)
{
    (void)state;
    struct place place;
    struct assay_results *results;
    struct assay_error err;
    uint32_t items[FIXTURE_ITEMS] = {2, 5, 11};
    place_make(&place);
    check_ok(assay_journal_remove(place.journal, &err), &err);
    const struct assay_spec *spec = place.fixture.spec;
    struct assay_assignment assignment = {.chain = "alps",
                                          .task = 7,
                                          .round = 2,
                                          .site = {0x5a},
                                          .round_seed = {{1, 2, 3}},
                                          .spec = spec->digest,
                                          .benchmark = spec->benchmark.sha256,
                                          .model = spec->model.sha256,
                                          .sampler = assay_sha256_of("sampler-1", 9),
                                          .item_count = 12,
                                          .samples_per_item = 8,
                                          .items = items,
                                          .count = FIXTURE_ITEMS};
    check_ok(assay_plan_init_assigned(&place.fixture.plan, spec, &assignment, &err), &err);
    fixture_facts(&place.facts, &place.fixture.plan);
    check_ok(fixture_journal(place.journal, &place.fixture.plan, &err), &err);
    place_write(&place);
    check_ok(assay_results_open(&results, place.file, NULL, &err), &err);
    assert_true(assay_digest_equal(&results->plan_digest, &place.fixture.plan.digest));
    assert_string_equal(results->chain, "alps");
    assert_string_equal(results->task, "7");
    assert_string_equal(results->round, "2");
    assert_int_equal(strlen(results->round_seed), 64);
    assert_memory_equal(results->item_positions, items, sizeof items);
    assay_results_close(results);
    place_drop(&place);
}

/* More rows than one chunk holds, and columns of no row at all. */
static void test_sizes(void **state)
{
    (void)state;
    enum { LONG = 90000 }; /* 17 MB of tokens: two windows of the reader */
    struct place place;
    struct assay_results *results;
    struct assay_error err;
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    const struct assay_process process = fixture_process(1);
    const struct assay_journal_options options = {
        .rank = 1, .sync_records = 1000, .process = &process};
    static uint32_t tokens[LONG];
    static float log_probs[LONG];
    for (unsigned long_ones = 0; long_ones < 2; long_ones++) {
        place_make(&place);
        const struct assay_plan *plan = &place.fixture.plan;
        check_ok(assay_journal_remove(place.journal, &err), &err);
        check_ok(assay_journal_open(&journal, place.journal, plan, &options, &recovery, &err),
                 &err);
        for (uint64_t i = 0; i < SAMPLES; i++) {
            struct fixture_sample sample;
            fixture_fill(&sample, plan, i, 1);
            sample.record.verdict = ASSAY_VERDICT_NO_ANSWER;
            sample.record.finish = ASSAY_FINISH_LENGTH;
            sample.record.score_micro = 0;
            sample.record.answer.size = 0;
            sample.circumstances.text = fixture_span("");
            sample.record.tokens = tokens;
            sample.record.log_probs = log_probs;
            sample.record.token_count = long_ones ? LONG - i : 0;
            for (size_t t = 0; t < LONG; t++) tokens[t] = (uint32_t)(t * 7 + i);
            check_ok(assay_journal_append(journal, i, &sample.record, &sample.circumstances, &err),
                     &err);
        }
        check_ok(assay_journal_close(journal, &err), &err);
        place_write(&place);
        check_ok(assay_results_open(&results, place.file, NULL, &err), &err);
        assert_int_equal(results->token_count, long_ones ? SAMPLES * LONG - 23 * 12 : 0);
        struct assay_results_sample read;
        check_ok(assay_results_sample(results, 20, &read, &err), &err);
        if (long_ones) assert_int_equal(read.record.tokens[5], 35 + 20);
        check_ok(assay_results_sample(results, 3, &read, &err), &err);
        assert_int_equal(read.record.answer.size, 0);
        assay_results_close(results);
        place_drop(&place);
    }
}

/* The same journal gives the same bytes. */
static void test_deterministic(void **state)
{
    (void)state;
    struct place place;
    struct assay_bytes first = {0}, second = {0};
    struct assay_error err;
    place_make(&place);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &first, &err), &err);
    place_write(&place);
    check_ok(assay_file_read(place.file, 1 << 24, &second, &err), &err);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assay_bytes_fini(&first);
    assay_bytes_fini(&second);
    place_drop(&place);
}

/* --- the schema's table against a file */

struct counts {
    unsigned groups, datasets;
};

static herr_t count_object(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    struct counts *counts = context;
    (void)file;
    (void)name;
    if (info->type == H5O_TYPE_GROUP) counts->groups++;
    if (info->type == H5O_TYPE_DATASET) counts->datasets++;
    return info->mtime == 0 && info->ctime == 0 ? 0 : -1; /* no object carries a time */
}

static void check_text(hid_t object, const char *name, const char *expected)
{
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attribute);
    char *text = NULL;
    assert_true(attribute >= 0 && H5Aread(attribute, type, &text) >= 0);
    assert_string_equal(text, expected);
    H5free_memory(text);
    H5Tclose(type);
    H5Aclose(attribute);
}

static void test_schema_table(void **state)
{
    (void)state;
    struct place place;
    struct counts counts = {0, 0};
    place_make(&place);
    place_write(&place);
    hid_t file = H5Fopen(place.file, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        const struct assay_column_info *info = &assay_column_info[i];
        hid_t dataset = H5Dopen2(file, info->path, H5P_DEFAULT), type = H5Dget_type(dataset);
        assert_true(dataset >= 0);
        assert_true(assay_hdf_has_type(type, info->element));
        check_text(dataset, "unit", info->unit);
        check_text(dataset, "description", info->description);
        H5Tclose(type);
        H5Dclose(dataset);
    }
    assert_true(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, count_object, &counts) >= 0);
    assert_int_equal(counts.datasets, ASSAY_COLUMN_COUNT);
    assert_int_equal(counts.groups, 1 + 14);
    H5O_info_t root;
    assert_true(H5Oget_info(file, &root) >= 0);
    assert_int_equal(root.num_attrs, ASSAY_ATTRIBUTE_COUNT);
    H5Fclose(file);
    struct assay_bytes bytes = {0};
    struct assay_error err;
    check_ok(assay_file_read(place.file, 1 << 24, &bytes, &err), &err);
    assert_int_equal(bytes.data[8], 0); /* superblock version 0: HDF5 1.0 and later read it */
    assay_bytes_fini(&bytes);
    place_drop(&place);
}

/* --- writing */

static void check_write(struct place *place, const char *path, enum assay_status expected,
                        const char *quoted)
{
    struct assay_error err;
    unsigned before = folder_count(&place->folder);
    check_refused(assay_results_write(path, place->journal, &place->facts.facts, &err), expected,
                  &err, quoted);
    assert_int_equal(folder_count(&place->folder), before);
}

static void test_write_refusals(void **state)
{
    (void)state;
    struct place place;
    struct assay_results *results;
    struct assay_error err;
    char path[FOLDER_PATH_BYTES];
    place_make(&place);
    place_write(&place);
    check_write(&place, "no/such/folder/r.h5", ASSAY_ENOTFOUND, "no/such/folder/r.h5");
    folder_path(&place.folder, "r.h5/x.h5", path);
    check_write(&place, path, ASSAY_ENOTFOUND, path);
    check_write(&place, place.folder.path, ASSAY_EVALUE, place.folder.path);
    place.facts.item_ids[1] = "math/x";
    check_write(&place, place.file, ASSAY_EMISMATCH,
                "sample 8 is of item \"math/1\", the benchmark has \"math/x\" there");
    place.facts.item_ids[1] = "math/1";
    place.facts.prompt_digests[2].bytes[0] ^= 1;
    check_write(&place, place.file, ASSAY_EMISMATCH, "was computed from another prompt");
    place.facts.prompt_digests[2].bytes[0] ^= 1;

    check_ok(assay_journal_remove(place.journal, &err), &err);
    check_write(&place, place.file, ASSAY_ENOTFOUND, "r.journal");
    struct assay_journal *journal;
    struct assay_journal_recovery recovery;
    const struct assay_journal_options options = {.sync_records = 1000, .process = &fixture_plain};
    const struct assay_plan *plan = &place.fixture.plan;
    check_ok(assay_journal_open(&journal, place.journal, plan, &options, &recovery, &err), &err);
    check_write(&place, place.file, ASSAY_ENOTFOUND, "sample 0 of 24 is not in the journal");
    for (uint64_t i = 0; i < SAMPLES; i++) {
        if (i != 7) check_ok(fixture_append(journal, plan, i, &err), &err);
    }
    check_write(&place, place.file, ASSAY_ENOTFOUND, "sample 7 of 24 is not in the journal");
    check_ok(fixture_append(journal, plan, 7, &err), &err);
    check_ok(assay_results_open(&results, place.file, NULL, &err), &err); /* untouched so far */
    assay_results_close(results);
    place_write(&place);
    check_ok(assay_journal_close(journal, &err), &err);
    place_drop(&place);
}

/* A folder that may be read and not written to. The superuser may all the same, so it steps down.
 */
static void test_unwritable(void **state)
{
    (void)state;
    struct place place;
    place_make(&place);
    assert_int_equal(chmod(place.folder.path, 0555), 0);
    bool root = geteuid() == 0;
    if (root) assert_int_equal(seteuid(65534), 0);
    check_write(&place, place.file, ASSAY_EIO, place.file);
    if (root) assert_int_equal(seteuid(0), 0);
    chmod(place.folder.path, 0755);
    place_drop(&place);
}

/* libhdf5 prints its errors; it must not while we speak for it, and must again for others. */
static void test_silence(void **state)
{
    (void)state;
    H5E_auto2_t before, after;
    void *context;
    struct assay_results_head head;
    struct assay_error err;
    struct folder folder = folder_make();
    char path[FOLDER_PATH_BYTES];
    folder_path(&folder, "x", path);
    check_ok(assay_file_write(path, "x", 1, &err), &err);
    H5Eget_auto2(H5E_DEFAULT, &before, &context);
    check_refused(assay_results_peek(&head, path, &err), ASSAY_EFORMAT, &err, "HDF5: ");
    H5Eget_auto2(H5E_DEFAULT, &after, &context);
    assert_true(before && before == after);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_site),
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_schema_table), cmocka_unit_test(test_write_refusals),
        cmocka_unit_test(test_unwritable),   cmocka_unit_test(test_silence),
        cmocka_unit_test(test_assignment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
