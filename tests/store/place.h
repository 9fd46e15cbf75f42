/* A folder with a whole journal and the facts of its run, for the tests of results files. */
#ifndef ASSAY_TESTS_STORE_PLACE_H
#define ASSAY_TESTS_STORE_PLACE_H

#include "harness/check.h"
#include "harness/folder.h"

#include "base/bytes.h"
#include "base/file.h"
#include "store/hdf.h"
#include "store/image.h"

#include "fixture.h"

struct place {
    struct folder folder;
    struct fixture fixture;
    struct fixture_facts facts;
    char journal[FOLDER_PATH_BYTES], file[FOLDER_PATH_BYTES];
};

static inline void place_make(struct place *place)
{
    struct assay_error err;
    *place = (struct place){.folder = folder_make(), .fixture = fixture_make(1)};
    fixture_facts(&place->facts, &place->fixture.plan);
    folder_path(&place->folder, "r.journal", place->journal);
    folder_path(&place->folder, "r.h5", place->file);
    check_ok(fixture_journal(place->journal, &place->fixture.plan, &err), &err);
}

static inline void place_write(struct place *place)
{
    struct assay_error err;
    check_ok(assay_results_write(place->file, place->journal, &place->facts.facts, &err), &err);
}

static inline void place_drop(struct place *place)
{
    struct assay_error err;
    check_ok(assay_journal_remove(place->journal, &err), &err);
    fixture_drop(&place->fixture);
    folder_remove(&place->folder);
}
#endif
