/* The journal's writer (FORMAT.md 5): one file for each rank, appended frame by frame. A frame is
 * acknowledged once fdatasync has returned after it; nothing acknowledged is ever lost or changed.
 */
#include "store/journal.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 60 };

struct assay_journal {
    const struct assay_plan *plan; /* borrowed */
    struct assay_journal_options options;
    char *name;   /* of this rank's file */
    int fd;       /* locked; appends */
    uint64_t end; /* of the last whole frame */
    uint64_t sequence;
    uint64_t unsynced; /* frames behind the last fdatasync … */
    uint64_t unsynced_since_ns;
    bool torn;        /* a failed append left bytes behind `end` that are still to be cut */
    bool failed;      /* an fdatasync failed: what is on the disk is known only to recovery */
    uint8_t *present; /* one bit a sample */
    struct assay_bytes frame;
    struct assay_sealing sealing; /* of an encrypted benchmark */
    struct assay_bytes process;   /* its frame while that is still to be written, else empty */
};

static enum assay_status make_directory(const char *path, struct assay_error *err);
static enum assay_status open_own_file(struct assay_journal *journal, const char *path,
                                       bool *locked, struct assay_error *err);
static enum assay_status recover(struct assay_journal *journal, struct assay_journal_index *index,
                                 struct assay_journal_recovery *recovery, struct assay_error *err);
static void count_torn(struct assay_journal_recovery *recovery,
                       const struct assay_journal_extent *extent);
static enum assay_status fill_present(struct assay_journal *journal,
                                      const struct assay_journal_index *index,
                                      struct assay_error *err);
static void destroy(struct assay_journal *journal);

/* Every other rank's file is read before this rank's is created, so that a directory of another
 * plan stays as it was. */
static enum assay_status read_others(struct assay_journal_index *index, uint32_t rank,
                                     struct assay_journal_recovery *recovery,
                                     struct assay_error *err)
{
    struct assay_journal_extent extent;
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < index->rank_count && !status; i++) {
        if (index->ranks[i] == rank) continue;
        status = assay_journal_index_add(index, index->ranks[i], -1, &extent, err);
        if (!status) count_torn(recovery, &extent);
    }
    return status;
}

enum assay_status assay_journal_open(struct assay_journal **out, const char *path,
                                     const struct assay_plan *plan,
                                     const struct assay_journal_options *options,
                                     struct assay_journal_recovery *recovery,
                                     struct assay_error *err)
{
    struct assay_journal_recovery found = {0};
    struct assay_journal_index index = {0};
    struct assay_journal *journal = calloc(1, sizeof *journal);
    if (!journal) return assay_fail(err, ASSAY_EMEMORY, "%s: out of memory", path);
    *journal = (struct assay_journal){.plan = plan, .options = *options, .fd = -1};

    enum assay_status status = make_directory(path, err);
    if (!status) status = assay_journal_index_init(&index, path, plan, err);
    if (!status && !options->joining) status = read_others(&index, options->rank, &found, err);
    if (!status) status = open_own_file(journal, path, &found.locked, err);
    if (!status) status = recover(journal, &index, &found, err);
    if (!status) status = fill_present(journal, &index, err);
    if (!status) {
        status =
            assay_frame_encode_process(&journal->process, journal->sequence, options->process, err);
    }
    found.samples = index.entry_count;
    assay_journal_index_fini(&index);
    if (status) {
        destroy(journal);
        return status;
    }
    *recovery = found;
    *out = journal;
    return ASSAY_OK;
}

bool assay_journal_has(const struct assay_journal *journal, uint64_t sample_index)
{
    ASSAY_ASSERT(sample_index < journal->plan->sample_count);
    return journal->present[sample_index / 8] >> (sample_index % 8) & 1;
}

struct assay_journal_present assay_journal_present(const struct assay_journal *journal)
{
    return (struct assay_journal_present){journal->present,
                                          (size_t)(journal->plan->sample_count / 8 + 1)};
}

static void set_present(struct assay_journal *journal, uint64_t sample_index)
{
    uint8_t *byte = &journal->present[sample_index / 8];
    *byte = (uint8_t)(*byte | 1u << (sample_index % 8));
}

/* Cut what a failed append left behind the last whole frame. */
static enum assay_status cut_tail(struct assay_journal *journal, struct assay_error *err)
{
    if (!journal->torn) return ASSAY_OK;
    if (ftruncate(journal->fd, (off_t)journal->end) != 0) {
        return assay_fail_errno(err, errno, "%s: cutting a torn frame", journal->name);
    }
    journal->torn = false;
    return ASSAY_OK;
}

/* After a failed fdatasync the kernel may call lost pages clean, so that a second one would lie. */
static enum assay_status check_usable(const struct assay_journal *journal, struct assay_error *err)
{
    if (!journal->failed) return ASSAY_OK;
    return assay_fail(err, ASSAY_EIO, "%s: an earlier sync failed; run again to recover",
                      journal->name);
}

/* Append a whole frame; on failure the file ends where it did, at the latest before the next one.
 */
static enum assay_status write_frame(struct assay_journal *journal, const struct assay_bytes *frame,
                                     struct assay_error *err)
{
    enum assay_status status =
        assay_file_write_all(journal->fd, frame->data, frame->size, journal->name, err);
    if (status) {
        journal->torn = true;
        enum assay_status ignored = cut_tail(journal, NULL);
        (void)ignored;
        return status;
    }
    journal->end += frame->size;
    journal->sequence++;
    return ASSAY_OK;
}

/* The process stands before its first sample; one without samples leaves no trace. */
static enum assay_status write_process(struct assay_journal *journal, struct assay_error *err)
{
    if (journal->process.size == 0) return ASSAY_OK;
    enum assay_status status = write_frame(journal, &journal->process, err);
    if (!status) assay_bytes_clear(&journal->process);
    return status;
}

/* Nothing of an encrypted benchmark comes to the disk in clear. */
static enum assay_status encode_sample(struct assay_journal *journal, uint64_t sample_index,
                                       const struct assay_record *record,
                                       const struct assay_circumstances *circumstances,
                                       struct assay_error *err)
{
    const struct assay_spec *spec = journal->plan->spec;
    struct assay_record public = *record;
    struct assay_circumstances rest = *circumstances;
    enum assay_status status = ASSAY_OK;
    if (spec->definition.encrypted) {
        status = assay_sealed_make(&journal->sealing, &spec->cipher, record, circumstances, &public,
                                   &rest, err);
    }
    assay_bytes_clear(&journal->frame);
    if (status) return status;
    return assay_frame_encode(&journal->frame, journal->sequence, sample_index, &public, &rest,
                              err);
}

enum assay_status assay_journal_append(struct assay_journal *journal, uint64_t sample_index,
                                       const struct assay_record *record,
                                       const struct assay_circumstances *circumstances,
                                       struct assay_error *err)
{
    char fault[ASSAY_JOURNAL_CELL_FAULT_BYTES];
    ASSAY_ASSERT(!assay_journal_cell_fault(journal->plan, sample_index, record, fault));
    enum assay_status status = check_usable(journal, err);
    if (!status) status = cut_tail(journal, err);
    if (!status) status = write_process(journal, err);
    if (status) return status;

    status = encode_sample(journal, sample_index, record, circumstances, err);
    if (status) return assay_while(err, status, "%s", journal->name);
    status = write_frame(journal, &journal->frame, err);
    if (status) return status;
    set_present(journal, sample_index);

    uint64_t now = assay_clock_monotonic_ns();
    if (journal->unsynced++ == 0) journal->unsynced_since_ns = now;
    if (journal->unsynced < journal->options.sync_records &&
        now - journal->unsynced_since_ns < journal->options.sync_ns) {
        return ASSAY_OK;
    }
    return assay_journal_sync(journal, err);
}

enum assay_status assay_journal_sync(struct assay_journal *journal, struct assay_error *err)
{
    enum assay_status status = check_usable(journal, err);
    if (status || journal->unsynced == 0) return status;
    if (fdatasync(journal->fd) != 0) {
        journal->failed = true;
        return assay_fail_errno(err, errno, "%s: making %" PRIu64 " samples durable", journal->name,
                                journal->unsynced);
    }
    journal->unsynced = 0;
    return ASSAY_OK;
}

enum assay_status assay_journal_close(struct assay_journal *journal, struct assay_error *err)
{
    if (!journal) return ASSAY_OK;
    enum assay_status status = assay_journal_sync(journal, err);
    if (close(journal->fd) != 0 && !status) {
        status = assay_fail_errno(err, errno, "%s: closing", journal->name);
    }
    journal->fd = -1;
    destroy(journal);
    return status;
}

static void destroy(struct assay_journal *journal)
{
    if (journal->fd >= 0) close(journal->fd);
    assay_bytes_fini(&journal->process);
    assay_bytes_fini(&journal->frame);
    assay_sealing_fini(&journal->sealing);
    free(journal->present);
    free(journal->name);
    free(journal);
}

enum assay_status assay_journal_remove(const char *path, struct assay_error *err)
{
    struct assay_bytes name = {0};
    struct assay_journal_index index;
    if (!assay_file_exists(path)) return ASSAY_OK;
    enum assay_status status = assay_journal_index_init(&index, path, NULL, err);
    if (status) return status;
    for (size_t i = 0; i < index.rank_count && !status; i++) {
        assay_bytes_clear(&name);
        status = assay_journal_file_name(&name, path, index.ranks[i], err);
        if (!status && unlink((const char *)name.data) != 0 && errno != ENOENT) {
            status = assay_fail_errno(err, errno, "%s: removing", (const char *)name.data);
        }
    }
    if (!status && rmdir(path) != 0 && errno != ENOENT) {
        status = assay_fail_errno(err, errno, "%s: removing", path);
    }
    assay_journal_index_fini(&index);
    assay_bytes_fini(&name);
    return status;
}

static enum assay_status sync_directory(const char *path, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    /* Some file systems answer EINVAL for a directory: they have nothing to make durable there. */
    if (fsync(fd) != 0 && errno != EINVAL) status = assay_fail_errno(err, errno, "%s", path);
    close(fd);
    return status;
}

static enum assay_status make_directory(const char *path, struct assay_error *err)
{
    struct assay_bytes parent = {0};
    if (mkdir(path, 0755) != 0) {
        return errno == EEXIST ? ASSAY_OK : assay_fail_errno(err, errno, "%s: creating", path);
    }
    enum assay_status status = assay_file_beside(path, ".", &parent, err);
    if (!status) status = sync_directory((const char *)parent.data, err);
    assay_bytes_fini(&parent);
    return status;
}

/* Only one process may append to a file. One that was killed may still be dying, in the disk's
 * hands: it is waited for a little. Where the file system has no locks (a Lustre mounted without
 * them), *locked says so. */
static enum assay_status lock_own_file(struct assay_journal *journal, bool *locked,
                                       struct assay_error *err)
{
    const struct timespec pause = {0, 50000000};
    *locked = flock(journal->fd, LOCK_EX | LOCK_NB) == 0;
    for (unsigned i = 0; i < LOCK_TRIES && !*locked && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
        *locked = flock(journal->fd, LOCK_EX | LOCK_NB) == 0;
    }
    if (*locked || errno == ENOSYS || errno == ENOLCK || errno == EOPNOTSUPP) return ASSAY_OK;
    if (errno == EWOULDBLOCK) {
        return assay_fail(err, ASSAY_EIO, "%s: another run is writing it; wait for it or stop it",
                          journal->name);
    }
    return assay_fail_errno(err, errno, "%s: locking", journal->name);
}

static enum assay_status open_own_file(struct assay_journal *journal, const char *path,
                                       bool *locked, struct assay_error *err)
{
    struct assay_bytes name = {0};
    enum assay_status status = assay_journal_file_name(&name, path, journal->options.rank, err);
    if (status) return status;
    journal->name = (char *)name.data; /* moves: freed by destroy */
    journal->fd = open(journal->name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
    if (journal->fd < 0) return assay_fail_errno(err, errno, "%s", journal->name);
    return lock_own_file(journal, locked, err);
}

static enum assay_status write_header(struct assay_journal *journal, const char *path,
                                      struct assay_error *err)
{
    uint8_t header[ASSAY_JOURNAL_HEADER_BYTES];
    assay_journal_header_put(header, journal->plan, journal->options.rank);
    enum assay_status status =
        assay_file_write_all(journal->fd, header, sizeof header, journal->name, err);
    if (status) return status;
    if (fsync(journal->fd) != 0) return assay_fail_errno(err, errno, "%s", journal->name);
    journal->end = sizeof header;
    return sync_directory(path, err);
}

static void count_torn(struct assay_journal_recovery *recovery,
                       const struct assay_journal_extent *extent)
{
    recovery->torn_bytes += extent->torn_bytes;
    recovery->torn_files += extent->torn_bytes > 0;
}

/* Read this rank's own file, cut its torn tail, and settle the index of all. What is found now is
 * made durable, as the run will not compute it again. */
static enum assay_status recover(struct assay_journal *journal, struct assay_journal_index *index,
                                 struct assay_journal_recovery *recovery, struct assay_error *err)
{
    struct assay_journal_extent extent;
    uint32_t rank = journal->options.rank;
    bool listed = false;
    for (size_t i = 0; i < index->rank_count; i++) listed |= index->ranks[i] == rank;
    recovery->files = (uint32_t)index->rank_count + !listed;

    enum assay_status status = assay_journal_index_add(index, rank, journal->fd, &extent, err);
    if (!status) status = assay_journal_index_settle(index, err);
    if (status) return status;
    count_torn(recovery, &extent);
    journal->end = extent.end;
    journal->sequence = extent.frames;
    journal->torn = extent.torn_bytes > 0;
    status = cut_tail(journal, err);
    if (!status && extent.end == 0) status = write_header(journal, index->path, err);
    if (!status && fdatasync(journal->fd) != 0) {
        status = assay_fail_errno(err, errno, "%s", journal->name);
    }
    return status;
}

static enum assay_status fill_present(struct assay_journal *journal,
                                      const struct assay_journal_index *index,
                                      struct assay_error *err)
{
    size_t bytes = (size_t)(journal->plan->sample_count / 8 + 1);
    journal->present = calloc(bytes, 1);
    if (!journal->present) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory for %zu bytes of sample flags", bytes);
    }
    const struct assay_journal_present *joining = journal->options.joining;
    if (joining) {
        ASSAY_ASSERT(joining->bytes == bytes);
        memcpy(journal->present, joining->bits, bytes);
    }
    for (size_t i = 0; i < index->entry_count; i++) {
        set_present(journal, index->entries[i].sample_index);
    }
    return ASSAY_OK;
}
