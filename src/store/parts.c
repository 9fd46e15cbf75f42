/* The folder of parts while a results file is written: made under a temporary name, renamed just
 * before the file itself appears. */
#include "store/parts.h"

#include "assay/plan.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void assay_part_name(char to[ASSAY_PART_NAME_BYTES], size_t index)
{
    ASSAY_ASSERT(index < ASSAY_PARTS_MAX);
    snprintf(to, ASSAY_PART_NAME_BYTES, "part-%04u.h5", (unsigned)index);
}

static const char *text(const struct assay_bytes *bytes)
{
    return (const char *)bytes->data;
}

/* Parts and nothing else: a stranger's files in a folder of that name stay. */
static void remove_folder(const char *path)
{
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (strncmp(entry->d_name, "part-", 5) == 0 && length > 3 &&
            strcmp(entry->d_name + length - 3, ".h5") == 0) {
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
        }
    }
    if (directory) closedir(directory);
    (void)rmdir(path);
}

static enum assay_status name_folders(struct assay_parts *parts, const char *path,
                                      struct assay_error *err)
{
    long process = (long)getpid();
    enum assay_status status = assay_bytes_format(&parts->folder, err, "%s.parts", path);
    if (!status) status = assay_bytes_format(&parts->now, err, "%s.parts.tmp-%ld", path, process);
    if (status) return status;
    return assay_bytes_format(&parts->before, err, "%s.parts.old-%ld", path, process);
}

enum assay_status assay_parts_begin(struct assay_parts *parts, const char *path, size_t count,
                                    struct assay_error *err)
{
    enum assay_status status = name_folders(parts, path, err);
    if (status || count == 0) return status;
    if (count > ASSAY_PARTS_MAX) {
        return assay_fail(
            err, ASSAY_EVALUE,
            "%s: would have %zu parts, at most %d can be: let a part hold more records", path,
            count, ASSAY_PARTS_MAX);
    }
    parts->rows = calloc(count, sizeof *parts->rows);
    if (!parts->rows) return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu parts", count);
    remove_folder(text(&parts->now));
    if (mkdir(text(&parts->now), 0777) != 0) {
        return assay_fail_errno(err, errno, "%s", text(&parts->now));
    }
    parts->count = count;
    return ASSAY_OK;
}

static enum assay_status part_path(const struct assay_parts *parts, size_t index,
                                   struct assay_bytes *path, struct assay_error *err)
{
    char name[ASSAY_PART_NAME_BYTES];
    assay_part_name(name, index);
    return assay_bytes_format(path, err, "%s/%s", text(&parts->now), name);
}

enum assay_status assay_parts_open(const struct assay_parts *parts, size_t index, uint64_t samples,
                                   struct assay_sheet *sheet, struct assay_error *err)
{
    uint64_t rows[ASSAY_SHAPE_COUNT];
    struct assay_bytes path = {0};
    for (unsigned i = 0; i < ASSAY_SHAPE_COUNT; i++) {
        rows[i] = assay_shape_info[i].of_samples ? 0 : ASSAY_SHEET_ABSENT;
    }
    /* The offset that everything begins with is in the first part. */
    rows[ASSAY_SHAPE_SAMPLES] = samples;
    rows[ASSAY_SHAPE_OFFSETS] = samples + (index == 0);
    enum assay_status status = part_path(parts, index, &path, err);
    if (!status) status = assay_sheet_open(sheet, text(&path), rows, false, err);
    assay_bytes_fini(&path);
    return status;
}

static enum assay_status describe(const struct assay_parts *parts, size_t index,
                                  const char *plan_digest, const struct assay_sheet *sheet,
                                  struct assay_error *err)
{
    if (assay_hdf_put_text(sheet->file, "schema", ASSAY_PART_SCHEMA_NAME) &&
        assay_hdf_put_u32(sheet->file, "schema_version", ASSAY_SCHEMA_VERSION) &&
        assay_hdf_put_text(sheet->file, "plan_digest", plan_digest) &&
        assay_hdf_put_u32(sheet->file, "part", (uint32_t)index) &&
        assay_hdf_put_u32(sheet->file, "parts", (uint32_t)parts->count)) {
        return ASSAY_OK;
    }
    return assay_hdf_fail(err, ASSAY_EIO, "writing the attributes of part %zu", index);
}

enum assay_status assay_parts_close(struct assay_parts *parts, size_t index,
                                    const char *plan_digest, struct assay_sheet *sheet,
                                    struct assay_error *err)
{
    struct assay_bytes path = {0};
    enum assay_status status = assay_sheet_flush(sheet, err);
    if (status) return status;
    for (unsigned i = 0; i < ASSAY_COLUMN_COUNT; i++) {
        parts->rows[index][assay_column_info[i].shape] = sheet->columns[i].written;
    }
    status = describe(parts, index, plan_digest, sheet, err);
    if (status) {
        sheet->broken = true;
        return status;
    }
    status = assay_sheet_finish(sheet, err);
    if (!status) status = part_path(parts, index, &path, err);
    /* To its own name: only the sync is wanted. */
    if (!status) status = assay_file_publish(text(&path), text(&path), err);
    assay_bytes_fini(&path);
    return status;
}

enum assay_status assay_parts_view(const struct assay_parts *parts, struct assay_sheet *sheet,
                                   struct assay_error *err)
{
    enum { NAME_BYTES = 300 };
    const char *slash = strrchr(text(&parts->folder), '/');
    const char *folder = slash ? slash + 1 : text(&parts->folder);
    struct assay_sheet_piece *pieces = calloc(parts->count, sizeof *pieces);
    char(*names)[NAME_BYTES] = calloc(parts->count, sizeof *names);
    enum assay_status status = ASSAY_OK;
    if (!pieces || !names) status = assay_fail(err, ASSAY_EMEMORY, "no memory for the parts");
    if (!status && strlen(folder) > NAME_BYTES - ASSAY_PART_NAME_BYTES - 2) {
        status = assay_fail(err, ASSAY_EVALUE, "%s: the name is too long", folder);
    }
    for (size_t i = 0; i < parts->count && !status; i++) {
        char name[ASSAY_PART_NAME_BYTES];
        assay_part_name(name, i);
        snprintf(names[i], NAME_BYTES, "%s/%s", folder, name);
        pieces[i].file = names[i];
    }
    for (unsigned c = 0; c < ASSAY_COLUMN_COUNT && !status; c++) {
        enum assay_shape shape = assay_column_info[c].shape;
        if (!assay_shape_info[shape].of_samples) continue;
        for (size_t i = 0; i < parts->count; i++) pieces[i].rows = parts->rows[i][shape];
        status = assay_sheet_view(sheet, (enum assay_column)c, pieces, parts->count, err);
    }
    free(names);
    free(pieces);
    return status;
}

/* An earlier folder waits aside until the new one has taken its place for good. */
enum assay_status assay_parts_publish(struct assay_parts *parts, const char *from, const char *path,
                                      struct assay_error *err)
{
    const char *folder = text(&parts->folder), *before = text(&parts->before);
    bool was_there = rename(folder, before) == 0;
    if (!was_there && errno != ENOENT) return assay_fail_errno(err, errno, "%s", folder);
    enum assay_status status = ASSAY_OK;
    if (parts->count > 0 && rename(text(&parts->now), folder) != 0) {
        status = assay_fail_errno(err, errno, "%s: renaming to %s", text(&parts->now), folder);
    }
    if (!status) {
        status = assay_file_publish(from, path, err);
        if (status && parts->count > 0) (void)rename(folder, text(&parts->now));
    }
    if (was_there && status) (void)rename(before, folder);
    if (was_there && !status) remove_folder(before);
    return status;
}

void assay_parts_end(struct assay_parts *parts)
{
    if (parts->count > 0) remove_folder(text(&parts->now));
    assay_bytes_fini(&parts->before);
    assay_bytes_fini(&parts->folder);
    assay_bytes_fini(&parts->now);
    free(parts->rows);
    *parts = (struct assay_parts){0};
}
