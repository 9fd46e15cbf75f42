/* Frames by their place: sample order jumps between the files of many ranks. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

void assay_journal_files_fini(struct assay_journal_files *files)
{
    for (size_t i = 0; i < ASSAY_JOURNAL_OPEN_FILES; i++) {
        if (files->open[i].used) close(files->open[i].source.fd);
    }
    assay_frame_reader_fini(&files->reader);
    assay_bytes_fini(&files->name);
    *files = (struct assay_journal_files){.index = files->index};
}

enum assay_status assay_journal_source_open(struct assay_journal_source *out, const char *name,
                                            struct assay_error *err)
{
    struct stat info;
    enum assay_status status = ASSAY_OK;
    /* O_NONBLOCK: a named pipe in the place of a file is refused instead of being waited for. */
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", name);
    if (fstat(fd, &info) != 0) {
        status = assay_fail_errno(err, errno, "%s", name);
    } else if (!S_ISREG(info.st_mode)) {
        status = assay_fail(err, ASSAY_EFORMAT, "%s: not a regular file", name);
    }
    if (status) {
        close(fd);
        return status;
    }
    *out = (struct assay_journal_source){.name = name, .fd = fd, .size = (uint64_t)info.st_size};
    return ASSAY_OK;
}

enum assay_status assay_journal_files_read(struct assay_journal_files *files, uint32_t rank,
                                           uint64_t offset, uint64_t sequence,
                                           struct assay_frame *out, struct assay_error *err)
{
    size_t slot = rank % ASSAY_JOURNAL_OPEN_FILES;
    bool whole;
    assay_bytes_clear(&files->name);
    enum assay_status status = assay_journal_file_name(&files->name, files->index->path, rank, err);
    if (status) return status;
    const char *name = (const char *)files->name.data;
    if (files->open[slot].used && files->open[slot].rank != rank) {
        close(files->open[slot].source.fd);
        files->open[slot].used = false;
    }
    if (!files->open[slot].used) {
        status = assay_journal_source_open(&files->open[slot].source, name, err);
        if (status) return status;
        files->open[slot].used = true;
        files->open[slot].rank = rank;
    }
    files->open[slot].source.name = name;
    status = assay_frame_read(&files->reader, &files->open[slot].source, offset, sequence,
                              files->index->plan, out, &whole, err);
    if (status || whole) return status;
    return assay_fail(err, ASSAY_EFORMAT,
                      "%s: the frame at byte %" PRIu64 " changed while the journal was read", name,
                      offset);
}
