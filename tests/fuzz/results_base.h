/* Valid results files to spoil: a run of one's own, and a site's part of a network's task. */
#ifndef ASSAY_TESTS_FUZZ_RESULTS_BASE_H
#define ASSAY_TESTS_FUZZ_RESULTS_BASE_H

#include "harness/folder.h"

#include "base/file.h"
#include "store/fixture.h"

enum { BASES = 2 };

/* The bytes of base file `which`. */
static inline struct assay_bytes base_make(unsigned which)
{
    struct fixture fixture = fixture_make(1 + which);
    static uint32_t items[FIXTURE_ITEMS] = {2, 5, 11};
    const struct assay_assignment assignment = {.chain = "alps",
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
    struct fixture_facts facts;
    struct assay_error err;
    struct assay_bytes bytes = {0};
    struct folder folder = folder_make();
    char journal[FOLDER_PATH_BYTES], file[FOLDER_PATH_BYTES];
    folder_path(&folder, "r.journal", journal);
    folder_path(&folder, "r.h5", file);
    if (which == 1) {
        ASSAY_ASSERT(assay_plan_init_assigned(&fixture.plan, fixture.spec, &assignment, &err) ==
                     ASSAY_OK);
    }
    fixture_facts(&facts, &fixture.plan);
    ASSAY_ASSERT(fixture_journal(journal, &fixture.plan, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_results_write(file, journal, &facts.facts, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_file_read(file, 1 << 24, &bytes, &err) == ASSAY_OK);
    ASSAY_ASSERT(assay_journal_remove(journal, &err) == ASSAY_OK);
    folder_remove(&folder);
    fixture_drop(&fixture);
    return bytes;
}

#endif
