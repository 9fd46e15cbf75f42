/* What is appended waits in memory until a block is full. */
#include "base/draft.h"

#include "base/assert.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 18, ATTEMPTS = 100 };

/* A new file beside the target. Several processes may write the same one: O_EXCL tells them apart,
 * also across the nodes of a shared file system. */
static enum assay_status open_temporary(struct assay_draft *draft, struct assay_error *err)
{
    const char *target = (const char *)draft->target.data;
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        assay_bytes_clear(&draft->temporary);
        enum assay_status status = assay_bytes_format(&draft->temporary, err, "%s.%ld-%u.tmp",
                                                      target, (long)getpid(), attempt);
        if (status) return status;
        draft->fd = open((const char *)draft->temporary.data,
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        draft->open = draft->fd >= 0;
        if (draft->open) return ASSAY_OK;
        if (errno != EEXIST) return assay_fail_errno(err, errno, "%s", draft->path);
    }
    return assay_fail(err, ASSAY_EIO, "%s: too many temporary files beside it", draft->path);
}

static enum assay_status open_through(struct assay_draft *draft, mode_t mode,
                                      struct assay_error *err)
{
    if (S_ISDIR(mode)) return assay_fail_errno(err, EISDIR, "%s", draft->path);
    /* A named pipe that nobody reads is refused instead of being waited for. */
    draft->fd = open(draft->path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (draft->fd < 0) return assay_fail_errno(err, errno, "%s", draft->path);
    (void)fcntl(draft->fd, F_SETFL, 0);
    draft->open = draft->through = true;
    return ASSAY_OK;
}

enum assay_status assay_draft_begin(struct assay_draft *draft, const char *path,
                                    struct assay_error *err)
{
    char *real = realpath(path, NULL); /* NULL where there is nothing yet */
    const char *target = real ? real : path;
    struct stat info;
    draft->path = path;
    enum assay_status status = assay_bytes_append(&draft->target, target, strlen(target), err);
    free(real);
    if (!status && stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        status = open_through(draft, info.st_mode, err);
    } else if (!status) {
        status = open_temporary(draft, err);
    }
    if (status) assay_draft_drop(draft);
    return status;
}

static enum assay_status flush(struct assay_draft *draft, struct assay_error *err)
{
    enum assay_status status =
        assay_file_write_all(draft->fd, draft->waiting.data, draft->waiting.size, draft->path, err);
    assay_bytes_clear(&draft->waiting);
    return status;
}

enum assay_status assay_draft_append(struct assay_draft *draft, const void *data, size_t size,
                                     struct assay_error *err)
{
    ASSAY_ASSERT(draft->open);
    enum assay_status status = ASSAY_OK;
    if (draft->waiting.size + size >= BLOCK_BYTES) status = flush(draft, err);
    if (status) return status;
    return size < BLOCK_BYTES
               ? assay_while(err, assay_bytes_append(&draft->waiting, data, size, err), "%s",
                             draft->path)
               : assay_file_write_all(draft->fd, data, size, draft->path, err);
}

enum assay_status assay_draft_finish(struct assay_draft *draft, struct assay_error *err)
{
    ASSAY_ASSERT(draft->open);
    enum assay_status status = flush(draft, err);
    draft->open = false;
    if (close(draft->fd) != 0 && !status) status = assay_fail_errno(err, errno, "%s", draft->path);
    const char *temporary = (const char *)draft->temporary.data;
    if (!status && !draft->through) {
        status = assay_file_publish(temporary, (const char *)draft->target.data, err);
    }
    if (status && temporary) unlink(temporary);
    assay_bytes_clear(&draft->temporary);
    assay_draft_drop(draft);
    return status;
}

void assay_draft_drop(struct assay_draft *draft)
{
    if (draft->open) {
        close(draft->fd);
        if (!draft->through) unlink((const char *)draft->temporary.data);
    }
    assay_bytes_fini(&draft->target);
    assay_bytes_fini(&draft->temporary);
    assay_bytes_fini(&draft->waiting);
    *draft = (struct assay_draft){0};
}
