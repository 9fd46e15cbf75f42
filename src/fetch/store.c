/* What is in a store. */
#include "fetch/fetch.h"

#include "base/file.h"
#include "crypto/object_path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *assay_stored_name(enum assay_stored stored)
{
#define ROW(name, text) [ASSAY_STORED_##name] = text,
    static const char *const names[] = {ASSAY_STORED_LIST(ROW)};
#undef ROW
    return names[stored];
}

static enum assay_status look_at_object(enum assay_stored *out, const char *path,
                                        const struct assay_catalogue_entry *entry, bool digest,
                                        struct assay_error *err)
{
    struct stat facts;
    struct assay_digest found;
    *out = ASSAY_STORED_MISSING;
    if (stat(path, &facts) != 0) {
        return errno == ENOENT ? ASSAY_OK : assay_fail_errno(err, errno, "%s", path);
    }
    *out = entry->bytes && (uint64_t)facts.st_size != entry->bytes ? ASSAY_STORED_DAMAGED
                                                                   : ASSAY_STORED_HERE;
    if (*out == ASSAY_STORED_DAMAGED || !digest) return ASSAY_OK;
    enum assay_status status = assay_sha256_file(&found, path, err);
    if (!status && !assay_digest_equal(&found, &entry->sha256)) *out = ASSAY_STORED_DAMAGED;
    return status;
}

enum assay_status assay_store_look(enum assay_stored *out, const char *store,
                                   const struct assay_catalogue_entry *entry, bool digest,
                                   struct assay_error *err)
{
    struct assay_bytes path = {0};
    char hex[ASSAY_DIGEST_HEX];
    enum assay_status status = assay_object_path(&path, store, &entry->sha256, err);
    if (!status) status = look_at_object(out, (const char *)path.data, entry, digest, err);
    if (!status && *out == ASSAY_STORED_MISSING) {
        assay_bytes_clear(&path);
        status = assay_bytes_format(&path, err, "%s/incoming/%s", store,
                                    assay_digest_hex(&entry->sha256, hex));
        if (!status && assay_file_exists((const char *)path.data)) *out = ASSAY_STORED_PARTIAL;
    }
    assay_bytes_fini(&path);
    return status;
}

void fetch_remove_folder(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *found;
    if (!directory) return;
    while ((found = readdir(directory)) != NULL) {
        struct assay_bytes name = {0};
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
        if (!assay_bytes_format(&name, NULL, "%s/%s", path, found->d_name) &&
            unlink((const char *)name.data) != 0) {
            fetch_remove_folder((const char *)name.data);
        }
        assay_bytes_fini(&name);
    }
    closedir(directory);
    rmdir(path);
}

/* --- all of it */

static enum assay_status add(struct assay_store_items *out, const struct assay_store_item *item,
                             struct assay_error *err)
{
    struct assay_store_item *grown = realloc(out->items, (out->count + 1) * sizeof *grown);
    char *name = strdup(item->name);
    if (grown) out->items = grown;
    if (!grown || !name) {
        free(name);
        return assay_fail(err, ASSAY_EMEMORY, "no memory to list a store");
    }
    out->items[out->count] = *item;
    out->items[out->count++].name = name;
    return ASSAY_OK;
}

/* `path` is a file of the store called `name`; what is neither a name nor an object is passed over.
 */
static enum assay_status add_file(struct assay_store_items *out, const char *path, const char *name,
                                  bool is_link, struct assay_error *err)
{
    struct assay_store_item item = {.name = name, .is_link = is_link};
    struct stat facts;
    bool is_ours = is_link ? assay_object_of_link(path, &item.sha256)
                           : assay_object_of_path(path, &item.sha256);
    if (!is_ours) return ASSAY_OK;
    item.is_there = stat(path, &facts) == 0;
    item.bytes = item.is_there ? (uint64_t)facts.st_size : 0;
    return add(out, &item, err);
}

/* The names in the store itself (is_link), or the objects below store/sha256. */
static enum assay_status scan(struct assay_store_items *out, const char *folder, bool is_link,
                              unsigned depth, struct assay_error *err)
{
    DIR *directory = opendir(folder);
    const struct dirent *found;
    enum assay_status status = ASSAY_OK;
    if (!directory) {
        bool strange = errno == ENOENT || errno == ENOTDIR;
        return strange && !is_link ? ASSAY_OK : assay_fail_errno(err, errno, "%s", folder);
    }
    while (!status && (found = readdir(directory)) != NULL) {
        struct assay_bytes path = {0};
        if (found->d_name[0] == '.') continue;
        status = assay_bytes_format(&path, err, "%s/%s", folder, found->d_name);
        if (!status && depth > 0) {
            status = scan(out, (const char *)path.data, is_link, depth - 1, err);
        } else if (!status) {
            status = add_file(out, (const char *)path.data, found->d_name, is_link, err);
        }
        assay_bytes_fini(&path);
    }
    closedir(directory);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct assay_store_item *one = a, *other = b;
    if (one->is_link != other->is_link) return one->is_link ? -1 : 1;
    return strcmp(one->name, other->name);
}

enum assay_status assay_store_list(struct assay_store_items *out, const char *store,
                                   struct assay_error *err)
{
    struct assay_store_items items = {0};
    struct assay_bytes objects = {0};
    enum assay_status status = scan(&items, store, true, 0, err);
    if (!status) status = assay_bytes_format(&objects, err, "%s/sha256", store);
    if (!status) status = scan(&items, (const char *)objects.data, false, 1, err);
    assay_bytes_fini(&objects);
    if (status) {
        assay_store_items_fini(&items);
        return status;
    }
    if (items.count > 0) qsort(items.items, items.count, sizeof *items.items, compare);
    *out = items;
    return ASSAY_OK;
}

void assay_store_items_fini(struct assay_store_items *items)
{
    for (size_t i = 0; i < items->count; i++) free((char *)(uintptr_t)items->items[i].name);
    free(items->items);
    *items = (struct assay_store_items){0};
}
