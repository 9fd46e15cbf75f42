/* The index of a journal directory: which sample lies where, whichever rank wrote it. */
#include "store/journal.h"

#include "store/sealed.h"

#include "base/assert.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 32 };

static enum assay_status list_directory(struct assay_journal_index *index, struct assay_error *err);

enum assay_status assay_journal_file_name(struct assay_bytes *out, const char *directory,
                                          uint32_t rank, struct assay_error *err)
{
    return assay_bytes_format(out, err, "%s/rank-%04" PRIu32 ".log", directory, rank);
}

bool assay_journal_name_parse(const char *name, uint32_t *rank)
{
    char expected[NAME_BYTES];
    uint64_t number = 0;
    if (strncmp(name, "rank-", 5) != 0) return false;
    for (const char *digit = name + 5; *digit >= '0' && *digit <= '9' && number <= UINT32_MAX;
         digit++) {
        number = 10 * number + (uint64_t)(*digit - '0');
    }
    if (number > UINT32_MAX) return false;
    snprintf(expected, sizeof expected, "rank-%04" PRIu64 ".log", number);
    if (strcmp(name, expected) != 0) return false;
    *rank = (uint32_t)number;
    return true;
}

enum assay_status assay_journal_index_init(struct assay_journal_index *index, const char *path,
                                           const struct assay_plan *plan, struct assay_error *err)
{
    *index = (struct assay_journal_index){.plan = plan, .path = strdup(path)};
    if (!index->path) return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", path);
    enum assay_status status = list_directory(index, err);
    if (status) assay_journal_index_fini(index);
    return status;
}

void assay_journal_index_fini(struct assay_journal_index *index)
{
    free(index->writers);
    free(index->entries);
    free(index->ranks);
    free(index->path);
    *index = (struct assay_journal_index){0};
}

/* Room for one more element in a growing array. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return array;
    size_t larger = *capacity < 32 ? 64 : 2 * *capacity, bytes;
    if (!assay_multiply(larger, size, &bytes)) return NULL;
    void *grown = realloc(array, bytes);
    if (grown) *capacity = larger;
    return grown;
}

static int compare_ranks(const void *a, const void *b)
{
    uint32_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

static enum assay_status add_rank(struct assay_journal_index *index, uint32_t rank,
                                  struct assay_error *err)
{
    uint32_t *ranks =
        grow(index->ranks, index->rank_count, &index->rank_capacity, sizeof *index->ranks);
    if (!ranks) return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", index->path);
    ranks[index->rank_count++] = rank;
    index->ranks = ranks;
    return ASSAY_OK;
}

static enum assay_status list_directory(struct assay_journal_index *index, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    uint32_t rank;
    DIR *directory = opendir(index->path);
    if (!directory) return assay_fail_errno(err, errno, "%s", index->path);
    while (!status) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry && errno) status = assay_fail_errno(err, errno, "%s", index->path);
        if (!entry) break;
        if (assay_journal_name_parse(entry->d_name, &rank)) status = add_rank(index, rank, err);
    }
    closedir(directory);
    if (!status && index->rank_count > 1) {
        qsort(index->ranks, index->rank_count, sizeof *index->ranks, compare_ranks);
    }
    return status;
}

struct adding {
    struct assay_journal_index *index;
    uint32_t rank;
    bool process_known; /* the last of the index's writers is of this file */
};

static enum assay_status add_writer(struct adding *adding, const struct assay_frame *frame,
                                    struct assay_error *err)
{
    struct assay_journal_index *index = adding->index;
    struct assay_journal_writer *writers =
        grow(index->writers, index->writer_count, &index->writer_capacity, sizeof *writers);
    if (!writers || index->writer_count >= ASSAY_PROCESSES_MAX) {
        if (writers) index->writers = writers;
        return assay_fail(err, ASSAY_EMEMORY, "%s: no memory for %zu processes", index->path,
                          index->writer_count + 1);
    }
    writers[index->writer_count++] = (struct assay_journal_writer){
        .offset = frame->offset, .sequence = frame->sequence, .rank = adding->rank};
    index->writers = writers;
    adding->process_known = true;
    return ASSAY_OK;
}

static enum assay_status add_frame(void *context, const struct assay_frame *frame,
                                   struct assay_error *err)
{
    struct adding *adding = context;
    struct assay_journal_index *index = adding->index;
    if (frame->kind == ASSAY_FRAME_PROCESS) return add_writer(adding, frame, err);
    if (!adding->process_known) {
        return assay_fail(err, ASSAY_EFORMAT,
                          "%s: rank %" PRIu32 " has a sample before it says which process it is",
                          index->path, adding->rank);
    }
    struct assay_journal_entry *entries =
        grow(index->entries, index->entry_count, &index->entry_capacity, sizeof *entries);
    if (!entries) return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", index->path);
    entries[index->entry_count++] =
        (struct assay_journal_entry){.sample_index = frame->sample_index,
                                     .offset = frame->offset,
                                     .sequence = frame->sequence,
                                     .rank = adding->rank,
                                     .process = (uint32_t)(index->writer_count - 1)};
    index->entries = entries;
    return ASSAY_OK;
}

enum assay_status assay_journal_index_add(struct assay_journal_index *index, uint32_t rank, int fd,
                                          struct assay_journal_extent *extent,
                                          struct assay_error *err)
{
    struct assay_bytes name = {0};
    struct assay_journal_source source = {.fd = -1};
    struct adding adding = {.index = index, .rank = rank};
    struct stat info;
    enum assay_status status = assay_journal_file_name(&name, index->path, rank, err);
    if (status) return status;
    if (fd < 0) {
        status = assay_journal_source_open(&source, (const char *)name.data, err);
    } else if (fstat(fd, &info) != 0) {
        status = assay_fail_errno(err, errno, "%s", (const char *)name.data);
    } else if (!S_ISREG(info.st_mode)) {
        status = assay_fail(err, ASSAY_EFORMAT, "%s: not a regular file", (const char *)name.data);
    } else {
        source = (struct assay_journal_source){
            .name = (const char *)name.data, .fd = fd, .size = (uint64_t)info.st_size};
    }
    if (!status) {
        status = assay_journal_scan(&source, index->plan, rank, add_frame, &adding, extent, err);
    }
    if (fd < 0 && source.fd >= 0) close(source.fd);
    assay_bytes_fini(&name);
    return status;
}

/* By sample, then by place, so that the order does not depend on how the directory was listed. */
static int compare_entries(const void *a, const void *b)
{
    const struct assay_journal_entry *left = a, *right = b;
    if (left->sample_index != right->sample_index) {
        return left->sample_index < right->sample_index ? -1 : 1;
    }
    if (left->rank != right->rank) return left->rank < right->rank ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* The canonical part; of an encrypted benchmark its cell, too, which is the same in every run. */
static enum assay_status append_whole(struct assay_bytes *out, const struct assay_frame *frame,
                                      struct assay_error *err)
{
    enum assay_status status =
        assay_bytes_append(out, frame->canonical, frame->canonical_bytes, err);
    if (status || frame->circumstances.sealed.size == 0) return status;
    struct assay_span part = assay_sealed_record_part(frame->circumstances.sealed);
    return assay_bytes_append(out, part.data, part.size, err);
}

static enum assay_status check_same(struct assay_journal_files *files,
                                    const struct assay_journal_entry *kept,
                                    const struct assay_journal_entry *other,
                                    struct assay_error *err)
{
    struct assay_frame frame;
    struct assay_bytes canonical = {0}, again = {0};
    enum assay_status status =
        assay_journal_files_read(files, kept->rank, kept->offset, kept->sequence, &frame, err);
    if (!status) {
        status = append_whole(&canonical, &frame, err);
    }
    if (!status) {
        status = assay_journal_files_read(files, other->rank, other->offset, other->sequence,
                                          &frame, err);
    }
    if (!status) status = append_whole(&again, &frame, err);
    if (!status &&
        (again.size != canonical.size || memcmp(again.data, canonical.data, canonical.size) != 0)) {
        status = assay_fail(err, ASSAY_EFORMAT,
                            "%s: sample %" PRIu64 " is there twice with different records (rank "
                            "%" PRIu32 " byte %" PRIu64 ", rank %" PRIu32 " byte %" PRIu64 ")",
                            files->index->path, kept->sample_index, kept->rank, kept->offset,
                            other->rank, other->offset);
    }
    assay_bytes_fini(&canonical);
    assay_bytes_fini(&again);
    return status;
}

enum assay_status assay_journal_index_settle(struct assay_journal_index *index,
                                             struct assay_error *err)
{
    struct assay_journal_entry *entries = index->entries;
    struct assay_journal_files files = {.index = index};
    enum assay_status status = ASSAY_OK;
    size_t kept = 0;
    if (index->entry_count == 0) return ASSAY_OK;
    qsort(entries, index->entry_count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < index->entry_count && !status; i++) {
        if (kept > 0 && entries[kept - 1].sample_index == entries[i].sample_index) {
            status = check_same(&files, &entries[kept - 1], &entries[i], err);
        } else {
            entries[kept++] = entries[i];
        }
    }
    if (!status) index->entry_count = kept;
    assay_journal_files_fini(&files);
    return status;
}
