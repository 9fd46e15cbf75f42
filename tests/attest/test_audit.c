/* A whole small run on a tiny model, audited: honest records are valid, every field of a record
 * that is changed is found, and a bundle that is not the job's is refused. */
#include "harness/check.h"
#include "harness/folder.h"
#include "harness/gguf_image.h"

#include "attest/bundle.h"
#include "base/file.h"
#include "crypto/digest.h"

static const char spec_text[] =
    "assay: 1\n"
    "name: tiny\n"
    "model: {path: ././tiny.gguf}\n"
    "benchmark: {path: .//items.jsonl}\n"
    "prompt: {user: \"{question}\"}\n"
    "answer: {stop: [\"ab\"], extract: '(\\w+)'}\n"
    "max_tokens: 12\n"
    "replicates: 4\n"
    "sets: 2\n"
    "seed: 9\n"
    "profiles:\n"
    "  - {name: warm, temperature: 0.9, top_p: 0.95}\n"
    "  - {name: hot, temperature: 1.2, repetition_penalty: 1.1, draw: lhs}\n";
static const char items_text[] =
    "{\"id\": \"one\", \"question\": \"who?\", \"accept\": [\"a\"]}\n"
    "{\"id\": \"two\", \"question\": \"what is it, and where?\", \"accept\": [\"b\"]}\n"
    "{\"id\": \"three\", \"question\": \"why\", \"accept\": [\"c\", \"d\"]}\n";

struct fixture {
    struct folder folder;
    char model[FOLDER_PATH_BYTES], results[FOLDER_PATH_BYTES];
    struct assay_bundle *bundle;
    struct assay_audit *audit;
    struct assay_audit_options options;
};

static void put(const struct fixture *f, const char *name, const char *text)
{
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    check_ok(assay_file_write(folder_path(&f->folder, name, path), text, strlen(text), &err), &err);
}

static void put_model(const struct fixture *f, uint64_t seed)
{
    const struct assay_test_gguf_options options = {.dtype = ASSAY_DTYPE_Q8_0, .seed = seed};
    struct assay_bytes image = {0};
    struct assay_error err;
    check_ok(assay_test_gguf(&image, &options, &err), &err);
    check_ok(assay_file_write(f->model, image.data, image.size, &err), &err);
    assay_bytes_fini(&image);
}

static void make_results(struct fixture *f, const char *spec_path)
{
    struct assay_job *job;
    struct assay_comm *comm;
    enum assay_run_outcome outcome;
    struct assay_run_progress progress;
    struct assay_error err;
    struct assay_run_options options = {
        .results = f->results, .batch = 8, .prefill_rows = 32, .threads = 1};
    check_ok(assay_backend_find(&options.backend, "auto", &err), &err);
    check_ok(assay_job_open(&job, spec_path, NULL, NULL, &err), &err);
    check_ok(assay_comm_open(&comm, 0, &err), &err);
    check_ok(assay_run(job, comm, &options, &outcome, &progress, &err), &err);
    assay_comm_close(comm);
    assay_job_close(job);
}

static enum assay_status open_bundle(const struct fixture *f, struct assay_bundle **out,
                                     struct assay_error *err)
{
    const char *const paths[] = {f->results};
    const struct assay_bundle_source source = {.paths = paths, .path_count = 1};
    struct assay_checks checks;
    return assay_bundle_open(out, &checks, &source, err);
}

static int make(void **state)
{
    static struct fixture f;
    char path[FOLDER_PATH_BYTES];
    struct assay_error err;
    f.folder = folder_make();
    folder_path(&f.folder, "tiny.gguf", f.model);
    folder_path(&f.folder, "r.h5", f.results);
    put(&f, "items.jsonl", items_text);
    put_model(&f, 11);
    put(&f, "tiny.yaml", spec_text);
    make_results(&f, folder_path(&f.folder, "tiny.yaml", path));
    check_ok(open_bundle(&f, &f.bundle, &err), &err);
    f.options.session =
        (struct assay_session_options){.batch = 5, .threads = 2, .prefill_rows = 16};
    check_ok(assay_backend_find(&f.options.session.backend, "auto", &err), &err);
    check_ok(assay_audit_open(&f.audit, f.bundle->job, &f.options, &err), &err);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    assay_audit_close(f->audit);
    assay_bundle_close(f->bundle);
    folder_remove(&f->folder);
    return 0;
}

enum { SAMPLES = 3 * 2 * 4 };

static void get_leaves(const struct fixture *f, struct assay_audit_leaf leaves[SAMPLES])
{
    assert_int_equal(f->bundle->results->sample_count, SAMPLES);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        struct assay_results_sample sample;
        struct assay_error err;
        check_ok(assay_results_sample(f->bundle->results, i, &sample, &err), &err);
        leaves[i] = (struct assay_audit_leaf){.index = i, .record = sample.record};
    }
}

static void honest_records_are_valid(void **state)
{
    const struct fixture *f = *state;
    struct assay_audit_leaf leaves[SAMPLES];
    struct assay_audit_verdict verdicts[SAMPLES];
    struct assay_error err;
    get_leaves(f, leaves);
    check_ok(assay_audit_check(f->audit, leaves, SAMPLES, verdicts, &err), &err);
    for (size_t i = 0; i < SAMPLES; i++) {
        if (verdicts[i].fault) fail_msg("sample %zu: %s", i, verdicts[i].detail);
    }
    check_ok(assay_audit_check(f->audit, leaves, 0, verdicts, &err), &err);
}

/* One change of a record and what must be said of it. */
static enum assay_fault change(struct assay_audit_leaf *leaf, unsigned kind, uint32_t *tokens,
                               float *log_probs)
{
    struct assay_record *record = &leaf->record;
    memcpy(tokens, record->tokens, record->token_count * sizeof *tokens);
    memcpy(log_probs, record->log_probs, record->token_count * sizeof *log_probs);
    record->tokens = tokens;
    record->log_probs = log_probs;
    switch (kind) {
    case 0:
        leaf->not_included = "not under the root";
        return ASSAY_FAULT_INCLUSION;
    case 1:
        leaf->index += SAMPLES;
        return ASSAY_FAULT_INCLUSION;
    case 2:
        record->item_id = (struct assay_span){"four", 4};
        return ASSAY_FAULT_CELL;
    case 3:
        record->profile = (struct assay_span){"war", 3};
        return ASSAY_FAULT_CELL;
    case 4:
        record->arithmetic++;
        return ASSAY_FAULT_CELL;
    case 5:
        record->sampler++;
        return ASSAY_FAULT_CELL;
    case 6:
        record->draw ^= 1;
        return ASSAY_FAULT_CELL;
    case 7:
        record->replicates = 8;
        return ASSAY_FAULT_CELL;
    case 8:
        record->sets = 1;
        return ASSAY_FAULT_CELL;
    case 9:
        record->replicate ^= 1;
        return ASSAY_FAULT_CELL;
    case 10:
        record->cell_key.bytes[0] ^= 1;
        return ASSAY_FAULT_KEY;
    case 11:
        record->prompt_digest.bytes[31] ^= 1;
        return ASSAY_FAULT_PROMPT;
    case 12:
        tokens[0] ^= 1;
        return ASSAY_FAULT_TOKEN;
    case 13:
        log_probs[0] -= 1.0f;
        return ASSAY_FAULT_LOG_PROB;
    case 14:
        record->token_count--;
        return ASSAY_FAULT_FINISH;
    case 15:
        record->finish = ASSAY_FINISH_NONFINITE;
        return ASSAY_FAULT_FINISH;
    case 16:
        record->answer = (struct assay_span){"what it was not", 15};
        return ASSAY_FAULT_ANSWER;
    case 17:
        record->verdict ^= 1;
        return ASSAY_FAULT_GRADE;
    default:
        record->score_micro ^= 1;
        return ASSAY_FAULT_GRADE;
    }
}

static void every_change_is_found(void **state)
{
    const struct fixture *f = *state;
    struct assay_audit_verdict verdicts[SAMPLES];
    struct assay_error err;
    for (unsigned kind = 0; kind < 19; kind++) {
        struct assay_audit_leaf leaves[SAMPLES];
        enum assay_fault expected[SAMPLES] = {ASSAY_FAULT_NONE};
        uint32_t tokens[SAMPLES][16];
        float log_probs[SAMPLES][16];
        get_leaves(f, leaves);
        for (size_t i = kind % 5; i < SAMPLES; i += 5) {
            expected[i] = change(&leaves[i], kind, tokens[i], log_probs[i]);
        }
        check_ok(assay_audit_check(f->audit, leaves, SAMPLES, verdicts, &err), &err);
        for (size_t i = 0; i < SAMPLES; i++) {
            if (verdicts[i].fault == expected[i] && !verdicts[i].detail[0] == !expected[i]) {
                continue;
            }
            fail_msg("change %u, sample %zu: %s (%s), not %s", kind, i,
                     assay_fault_name(verdicts[i].fault), verdicts[i].detail,
                     assay_fault_name(expected[i]));
        }
    }
}

static void other_files_are_refused(void **state)
{
    const struct fixture *f = *state;
    struct assay_bundle *bundle;
    struct assay_error err;
    put_model(f, 12);
    check_refused(open_bundle(f, &bundle, &err), ASSAY_EMISMATCH, &err, "model: ");
    put_model(f, 11);
    put(f, "items.jsonl", "{\"id\": \"one\", \"question\": \"who?\", \"accept\": [\"a\"]}\n");
    check_refused(open_bundle(f, &bundle, &err), ASSAY_EMISMATCH, &err, "benchmark: ");
    char path[FOLDER_PATH_BYTES];
    assert_int_equal(unlink(folder_path(&f->folder, "items.jsonl", path)), 0);
    check_refused(open_bundle(f, &bundle, &err), ASSAY_ENOTFOUND, &err, "items.jsonl");
    put(f, "items.jsonl", items_text);
    check_ok(open_bundle(f, &bundle, &err), &err);
    assay_bundle_close(bundle);
}

static void choice_is_of_whole_groups(void **state)
{
    const struct fixture *f = *state;
    const struct assay_plan *plan = &f->bundle->job->plan;
    const struct assay_digest *binding = &f->bundle->records_digest;
    struct assay_error err;
    unsigned drawn[SAMPLES / 4] = {0};
    for (uint64_t seed = 0; seed < 600; seed++) {
        uint64_t *indices = NULL;
        size_t count;
        check_ok(assay_audit_choose(&indices, &count, plan, 5, binding, seed, &err), &err);
        assert_int_equal(count, 8);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(indices[i] % 4, i % 4);
            assert_true(indices[i] < SAMPLES && (i == 0 || indices[i] > indices[i - 1]));
            drawn[indices[i] / 4]++;
        }
        free(indices);
    }
    for (size_t i = 0; i < COUNT_OF(drawn); i++) {
        assert_in_range(drawn[i], 4 * 150, 4 * 250); /* 200 expected, deviation 11.5 */
    }
    uint64_t *indices = NULL;
    size_t count;
    check_ok(assay_audit_choose(&indices, &count, plan, UINT64_MAX, binding, 1, &err), &err);
    assert_int_equal(count, SAMPLES);
    free(indices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_records_are_valid),
        cmocka_unit_test(every_change_is_found),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(choice_is_of_whole_groups),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
