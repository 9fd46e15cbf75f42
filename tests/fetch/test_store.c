/* Into a store and out of it: what is whole is there, what is not leaves nothing. */
#include "harness/check.h"
#include "harness/folder.h"

#include "assay/fetch.h"
#include "base/bytes.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/object_path.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char text[] = "what a model is made of";
enum { TEXT_BYTES = sizeof text - 1 };

/* A folder with the pieces "a" and "b" of the text, and a store beside them. */
struct place {
    struct folder folder;
    char beside[FOLDER_PATH_BYTES], store[FOLDER_PATH_BYTES], object[FOLDER_PATH_BYTES];
    char name[FOLDER_PATH_BYTES];
    struct assay_catalogue_entry entry;
};

static const char *const pieces[] = {"a", "b"};

static void place_make(struct place *place)
{
    struct assay_error err;
    struct assay_bytes path = {0};
    place->folder = folder_make();
    folder_path(&place->folder, "a", place->beside);
    check_ok(assay_file_write(place->beside, text, 9, &err), &err);
    folder_path(&place->folder, "b", place->beside);
    check_ok(assay_file_write(place->beside, text + 9, TEXT_BYTES - 9, &err), &err);
    folder_path(&place->folder, "catalogue.yaml", place->beside);
    folder_path(&place->folder, "store", place->store);
    place->entry = (struct assay_catalogue_entry){.name = "model",
                                                  .sha256 = assay_sha256_of(text, TEXT_BYTES),
                                                  .bytes = TEXT_BYTES,
                                                  .licence = "",
                                                  .source = ASSAY_SOURCE_FILE,
                                                  .pieces = pieces,
                                                  .piece_count = 2};
    check_ok(assay_object_path(&path, place->store, &place->entry.sha256, &err), &err);
    snprintf(place->object, sizeof place->object, "%s", (const char *)path.data);
    snprintf(place->name, sizeof place->name, "%.300s/model", place->store);
    assay_bytes_fini(&path);
}

static void remove_tree(const char *path)
{
    DIR *open = opendir(path);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        char inside[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0) remove_tree(inside);
    }
    if (open) closedir(open);
    rmdir(path);
}

/* Nothing grows in the store but the lock. */
static void check_nothing_half(const struct place *place)
{
    char path[FOLDER_PATH_BYTES];
    snprintf(path, sizeof path, "%.300s/incoming", place->store);
    DIR *open = opendir(path);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0) continue;
        fail_msg("incoming/%s was left", entry->d_name);
    }
    closedir(open);
}

static void check_whole(const struct place *place)
{
    struct assay_bytes bytes = {0};
    struct assay_error err;
    struct stat facts;
    struct assay_digest digest;
    check_ok(assay_file_read(place->name, 999, &bytes, &err), &err);
    assert_string_equal((const char *)bytes.data, text);
    assert_int_equal(stat(place->object, &facts), 0);
    assert_int_equal(facts.st_mode & 0222, 0);
    assert_true(assay_object_of_link(place->name, &digest));
    assert_true(assay_digest_equal(&digest, &place->entry.sha256));
    assay_bytes_fini(&bytes);
    check_nothing_half(place);
}

static void a_file_arrives_once(void **state)
{
    (void)state;
    struct place place;
    struct assay_error err;
    enum assay_stored stored;
    bool fetched;
    const struct assay_fetch_options options = {0};
    place_make(&place);
    check_ok(assay_store_look(&stored, place.store, &place.entry, true, &err), &err);
    assert_int_equal(stored, ASSAY_STORED_MISSING);
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    assert_true(fetched);
    check_whole(&place);
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    assert_false(fetched);
    /* The same bytes under another name are not had twice. */
    place.entry.name = "alias";
    check_ok(assay_fetch(place.store, NULL, &place.entry, &options, &fetched, &err), &err);
    assert_false(fetched);
    struct assay_store_items items;
    check_ok(assay_store_list(&items, place.store, &err), &err);
    assert_int_equal(items.count, 3);
    assert_string_equal(items.items[0].name, "alias");
    assert_string_equal(items.items[1].name, "model");
    assert_true(items.items[1].is_link && items.items[1].is_there && !items.items[2].is_link);
    assert_int_equal(items.items[2].bytes, TEXT_BYTES);
    assay_store_items_fini(&items);
    remove_tree(place.folder.path);
}

static void damage_is_found_and_mended(void **state)
{
    (void)state;
    struct place place;
    struct assay_error err;
    enum assay_stored stored;
    bool fetched;
    struct assay_fetch_options options = {0};
    place_make(&place);
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    check_ok(assay_file_write(place.object, "what a model is made oF", TEXT_BYTES, &err), &err);
    check_ok(assay_store_look(&stored, place.store, &place.entry, false, &err), &err);
    assert_int_equal(stored, ASSAY_STORED_HERE);
    check_ok(assay_store_look(&stored, place.store, &place.entry, true, &err), &err);
    assert_int_equal(stored, ASSAY_STORED_DAMAGED);
    options.digest = true;
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    assert_true(fetched);
    check_whole(&place);
    /* Another size needs no digest. */
    check_ok(assay_file_write(place.object, "short", 5, &err), &err);
    options.digest = false;
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    assert_true(fetched);
    check_whole(&place);
    remove_tree(place.folder.path);
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const missing[] = {"nowhere"};
    struct place place;
    struct assay_error err;
    bool fetched;
    const struct assay_fetch_options options = {0};
    char hex[ASSAY_DIGEST_HEX], right[ASSAY_DIGEST_HEX];
    place_make(&place);
    struct assay_catalogue_entry entry = place.entry;
    assay_digest_hex(&entry.sha256, right);
    entry.sha256.bytes[31] ^= 1;
    assay_digest_hex(&entry.sha256, hex);
    enum assay_status status =
        assay_fetch(place.store, place.beside, &entry, &options, &fetched, &err);
    assert_int_equal(status, ASSAY_EMISMATCH);
    assert_non_null(strstr(err.text, "model: it has sha256 "));
    assert_non_null(strstr(err.text, hex));
    assert_non_null(strstr(err.text, right));
    assert_int_not_equal(access(place.name, F_OK), 0);
    check_nothing_half(&place);
    entry = place.entry;
    entry.bytes = TEXT_BYTES - 1;
    check_refused(assay_fetch(place.store, place.beside, &entry, &options, &fetched, &err),
                  ASSAY_EMISMATCH, &err, "more than the 22 bytes");
    check_nothing_half(&place);
    entry.bytes = TEXT_BYTES + 1;
    check_refused(assay_fetch(place.store, place.beside, &entry, &options, &fetched, &err),
                  ASSAY_EMISMATCH, &err, "it has 23 bytes");
    check_nothing_half(&place);
    entry.bytes = UINT64_C(1) << 49;
    check_refused(assay_fetch(place.store, place.beside, &entry, &options, &fetched, &err),
                  ASSAY_ESPACE, &err, "it needs 536870912 MiB");
    check_nothing_half(&place);
    entry.bytes = 0;
    entry.pieces = missing;
    entry.piece_count = 1;
    check_refused(assay_fetch(place.store, place.beside, &entry, &options, &fetched, &err),
                  ASSAY_ENOTFOUND, &err, "/nowhere");
    check_nothing_half(&place);
    check_ok(assay_file_write(place.beside, "", 0, &err), &err); /* a file where the store is */
    check_refused(assay_fetch(place.beside, NULL, &entry, &options, &fetched, &err),
                  ASSAY_ENOTFOUND, &err, "catalogue.yaml");
    remove_tree(place.folder.path);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    struct place place;
    struct assay_error err;
    bool fetched;
    const struct assay_fetch_options options = {0};
    struct rlimit before, small = {16, 16};
    place_make(&place);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum assay_status status =
        assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, ASSAY_ESPACE);
    check_nothing_half(&place);
    assert_int_not_equal(access(place.object, F_OK), 0);
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    check_whole(&place);
    remove_tree(place.folder.path);
}

static void a_file_of_the_user_is_taken_over(void **state)
{
    (void)state;
    static const char *const missing[] = {"nowhere", "nowhere"};
    struct place place;
    struct assay_error err;
    bool fetched;
    const struct assay_fetch_options options = {0};
    place_make(&place);
    place.entry.pieces = missing;
    assert_int_equal(mkdir(place.store, 0700), 0);
    check_ok(assay_file_write(place.name, "another model", 13, &err), &err);
    check_refused(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err),
                  ASSAY_EMISMATCH, &err, "move it away");
    check_ok(assay_file_write(place.name, text, TEXT_BYTES, &err), &err);
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    struct assay_digest digest;
    assert_true(assay_object_of_link(place.name, &digest));
    check_ok(assay_sha256_file(&digest, place.name, &err), &err);
    assert_true(assay_digest_equal(&digest, &place.entry.sha256));
    remove_tree(place.folder.path);
}

static void it_stops_when_told(void **state)
{
    (void)state;
    struct place place;
    struct assay_error err;
    bool fetched;
    volatile sig_atomic_t stop = 1;
    const struct assay_fetch_options options = {.stop = &stop};
    place_make(&place);
    check_refused(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err),
                  ASSAY_EINTERRUPTED, &err, "interrupted while copying");
    assert_int_not_equal(access(place.name, F_OK), 0);
    stop = 0;
    check_ok(assay_fetch(place.store, place.beside, &place.entry, &options, &fetched, &err), &err);
    check_whole(&place);
    remove_tree(place.folder.path);
}

static void names_and_links(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A-1.gguf", "x+y_z"};
    static const char *const bad[] = {"",    ".",   "..",     ".a",      "-a",
                                      "a/b", "a b", "sha256", "incoming"};
    struct assay_digest digest;
    for (size_t i = 0; i < COUNT_OF(good); i++) assert_true(assay_store_may_name(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_false(assay_store_may_name(bad[i]));
#define HEX "97ff8a35544dcf40ad84047074439dd6aa3a0be469ea578a1b1c017d939ec61c"
    assert_true(assay_object_of_path("sha256/97/" HEX, &digest));
    assert_true(assay_object_of_path("/store/sha256/97/" HEX, &digest));
    static const char *const strange[] = {"",
                                          HEX,
                                          "97/" HEX,
                                          "sha256/98/" HEX,
                                          "xsha256/97/" HEX,
                                          "sha256/97/" HEX "0",
                                          "sha256/97-" HEX};
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        assert_false(assay_object_of_path(strange[i], &digest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_arrives_once),
        cmocka_unit_test(damage_is_found_and_mended),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_file_of_the_user_is_taken_over),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(names_and_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
