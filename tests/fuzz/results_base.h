/* Valid results files to spoil: a run of one's own, a site's part of a network's task, and a run of
 * an encrypted benchmark. */
#ifndef ASSAY_TESTS_FUZZ_RESULTS_BASE_H
#define ASSAY_TESTS_FUZZ_RESULTS_BASE_H

#include "harness/folder.h"

#include "base/bytes.h"
#include "base/file.h"
#include "store/fixture.h"

enum base { BASE_OWN, BASE_ASSIGNED, BASE_ENCRYPTED, BASES };

/* Of BASE_ENCRYPTED. */
static const struct assay_cipher_key base_key = {true, {7}, {9}};

static inline struct fixture base_encrypted(void)
{
    static const char text[] =
        "assay: 1\nname: secret\nmodel: {path: m.gguf}\nbenchmark: {path: b.yaml}\nreplicates: 4\n"
        "seed: 9\nprofiles:\n  - {name: cool, temperature: 0.3}\n  - {name: warm}\n";
    static const char definition[] =
        "benchmark: 1\nname: hidden\nversion: '1'\nencrypted: true\nkind: match\n"
        "data: {path: d.jsonl}\nprompt: {user: '{question}'}\n"
        "answer: {extract: [{name: all, pattern: '(.*)'}]}\nmax_tokens: 16\n";
    struct fixture fixture = {NULL, {0}};
    struct assay_error err;
    ASSAY_ASSERT(assay_spec_parse(&fixture.spec, text, sizeof text - 1, &err) == ASSAY_OK);
    if (assay_spec_define(fixture.spec, "b.yaml", definition, sizeof definition - 1, &err)) {
        puts(err.text);
        abort();
    }
    fixture.spec->model.sha256 = fixture_digest("model", 1);
    fixture.spec->benchmark.sha256 = fixture_digest("benchmark", 1);
    fixture.spec->data.sha256 = fixture_digest("data", 1);
    fixture.spec->cipher = base_key;
    ASSAY_ASSERT(assay_spec_seal(fixture.spec, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_plan_init(&fixture.plan, fixture.spec, FIXTURE_ITEMS, NULL, 0, &err) ==
                 ASSAY_OK);
    return fixture;
}

static inline struct fixture base_assigned(struct assay_assignment *assignment)
{
    static uint32_t items[FIXTURE_ITEMS] = {2, 5, 11};
    struct fixture fixture = fixture_make(2);
    struct assay_error err;
    *assignment = (struct assay_assignment){.chain = "alps",
                                            .task = 7,
                                            .round = 2,
                                            .site = {0x5a},
                                            .round_seed = {{1, 2, 3}},
                                            .spec = fixture.spec->digest,
                                            .benchmark = fixture.spec->benchmark.sha256,
                                            .model = fixture.spec->model.sha256,
                                            .sampler = assay_sha256_of("sampler-1", 9),
                                            .item_count = 12,
                                            .samples_per_item = 8,
                                            .items = items,
                                            .count = FIXTURE_ITEMS};
    ASSAY_ASSERT(assay_plan_init_assigned(&fixture.plan, fixture.spec, assignment, &err) ==
                 ASSAY_OK);
    return fixture;
}

/* Write base file `which` to r.h5 in a folder, in parts of so many samples (0: whole). */
static inline void base_write(const struct folder *folder, enum base which, uint64_t part_samples)
{
    struct assay_assignment assignment;
    struct fixture fixture = which == BASE_ENCRYPTED  ? base_encrypted()
                             : which == BASE_ASSIGNED ? base_assigned(&assignment)
                                                      : fixture_make(1);
    struct fixture_facts facts;
    struct assay_error err;
    char journal[FOLDER_PATH_BYTES], file[FOLDER_PATH_BYTES];
    folder_path(folder, "r.journal", journal);
    folder_path(folder, "r.h5", file);
    fixture_facts(&facts, &fixture.plan);
    facts.facts.part_samples = part_samples;
    ASSAY_ASSERT(fixture_journal(journal, &fixture.plan, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_results_write(file, journal, &facts.facts, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_journal_remove(journal, &err) == ASSAY_OK);
    fixture_drop(&fixture);
}

/* The bytes of base file `which`. */
static inline struct assay_bytes base_make(enum base which)
{
    struct assay_error err;
    struct assay_bytes bytes = {0};
    struct folder folder = folder_make();
    char file[FOLDER_PATH_BYTES];
    base_write(&folder, which, 0);
    folder_path(&folder, "r.h5", file);
    ASSAY_ASSERT(assay_file_read(file, 1 << 24, &bytes, &err) == ASSAY_OK);
    folder_remove(&folder);
    return bytes;
}

/* What a caller may do with results: record, circumstances, process and cell of a sample as bytes,
 * or false where it is refused. */
static inline bool base_sample(struct assay_results *results, uint64_t index,
                               struct assay_bytes *out)
{
    struct assay_results_sample sample;
    struct assay_error err = {.text = ""};
    uint8_t process[4];
    assay_bytes_clear(out);
    if (assay_results_sample(results, index, &sample, &err)) {
        ASSAY_ASSERT(err.text[0] != '\0');
        return false;
    }
    assay_put_le32(process, sample.process);
    ASSAY_ASSERT(assay_bytes_append(out, process, sizeof process, &err) == ASSAY_OK &&
                 assay_bytes_append(out, sample.cell.data, sample.cell.size, &err) == ASSAY_OK &&
                 assay_record_encode(out, &sample.record, &err) == ASSAY_OK &&
                 assay_circumstances_encode(out, &sample.circumstances, &err) == ASSAY_OK);
    return true;
}

#endif
