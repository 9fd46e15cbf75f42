/* Files: read whole, map read-only, write atomically. */
#include "base/file.h"

#include "base/bytes.h"
#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK: a named pipe in the place of a file is refused below instead of being waited for. */
static enum assay_status open_regular(const char *path, int *fd, size_t *size,
                                      struct assay_error *err)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0) return assay_fail_errno(err, errno, "%s", path);
    struct stat info;
    enum assay_status status = ASSAY_OK;
    if (fstat(opened, &info) != 0) {
        status = assay_fail_errno(err, errno, "%s", path);
    } else if (!S_ISREG(info.st_mode)) {
        status = assay_fail(err, ASSAY_EFORMAT, "%s: not a regular file", path);
    }
    if (status) {
        close(opened);
        return status;
    }
    *fd = opened;
    *size = (size_t)info.st_size;
    return ASSAY_OK;
}

/* Read to the end of the file, wherever that is by now, and at most one byte past `max_bytes`. */
static enum assay_status read_rest(int fd, const char *path, size_t max_bytes,
                                   struct assay_bytes *out, struct assay_error *err)
{
    size_t start = out->size;
    for (;;) {
        size_t so_far = out->size - start;
        if (so_far > max_bytes) {
            return assay_fail(err, ASSAY_EVALUE, "%s: larger than %zu bytes", path, max_bytes);
        }
        enum assay_status status = assay_bytes_reserve(out, 4096, err);
        if (status) return assay_while(err, status, "%s", path);
        size_t room = out->capacity - out->size - 1;
        if (room > max_bytes - so_far) room = max_bytes - so_far + 1;
        ssize_t got = read(fd, out->data + out->size, room);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return assay_fail_errno(err, errno, "%s", path);
        out->size += (size_t)got;
        out->data[out->size] = 0;
        if (got == 0) return ASSAY_OK;
    }
}

enum assay_status assay_file_read(const char *path, size_t max_bytes, struct assay_bytes *out,
                                  struct assay_error *err)
{
    int fd;
    size_t size, start = out->size;
    enum assay_status status = open_regular(path, &fd, &size, err);
    if (status) return status;
    if (size > max_bytes) {
        status =
            assay_fail(err, ASSAY_EVALUE, "%s: %zu bytes, more than %zu", path, size, max_bytes);
        goto done;
    }
    status = assay_while(err, assay_bytes_reserve(out, size + 1, err), "%s", path);
    if (!status) status = read_rest(fd, path, max_bytes, out, err);
done:
    if (status) {
        out->size = start;
        if (out->data) out->data[start] = 0;
    }
    close(fd);
    return status;
}

enum assay_status assay_file_map(struct assay_mapping *out, const char *path,
                                 struct assay_error *err)
{
    int fd;
    size_t size;
    enum assay_status status = open_regular(path, &fd, &size, err);
    if (status) return status;
    void *data = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (data == MAP_FAILED) {
        status = assay_fail_errno(err, errno, "%s", path);
    } else {
        *out = (struct assay_mapping){data, size};
    }
    close(fd);
    return status;
}

void assay_file_unmap(struct assay_mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (struct assay_mapping){0};
}

void assay_file_forget(const uint8_t *data, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)data;
    uintptr_t first = (begin + page - 1) / page * page, last = (begin + size) / page * page;
    if (first < last) (void)madvise((void *)first, last - first, MADV_DONTNEED); /* a wish only */
}

enum assay_status assay_file_write_all(int fd, const void *data, size_t size, const char *path,
                                       struct assay_error *err)
{
    const uint8_t *from = data;
    while (size > 0) {
        ssize_t written = write(fd, from, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return assay_fail_errno(err, written < 0 ? errno : EIO, "%s", path);
        from += written;
        size -= (size_t)written;
    }
    return ASSAY_OK;
}

enum assay_status assay_file_beside(const char *path, const char *name, struct assay_bytes *out,
                                    struct assay_error *err)
{
    const char *slash = name[0] == '/' ? NULL : strrchr(path, '/');
    size_t start = out->size, directory = slash ? (size_t)(slash - path) + 1 : 0;
    enum assay_status status = assay_bytes_append(out, path, directory, err);
    if (!status) status = assay_bytes_append(out, name, strlen(name), err);
    if (status && out->data) {
        out->size = start;
        out->data[start] = 0;
    }
    return status;
}

static enum assay_status sync_path(const char *path, int flags, struct assay_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    enum assay_status status = ASSAY_OK;
    /* Some file systems answer EINVAL for a directory: they have nothing to make durable there. */
    if (fsync(fd) != 0 && !(errno == EINVAL && flags == O_DIRECTORY)) {
        status = assay_fail_errno(err, errno, "%s", path);
    }
    close(fd);
    return status;
}

enum assay_status assay_file_publish(const char *from, const char *to, struct assay_error *err)
{
    struct assay_bytes directory = {0};
    enum assay_status status = assay_file_beside(to, ".", &directory, err);
    if (!status) status = sync_path(from, 0, err);
    if (!status && rename(from, to) != 0) {
        status = assay_fail_errno(err, errno, "%s: renaming to %s", from, to);
    }
    if (!status) status = sync_path((const char *)directory.data, O_DIRECTORY, err);
    assay_bytes_fini(&directory);
    return status;
}

enum assay_status assay_file_write(const char *path, const void *data, size_t size,
                                   struct assay_error *err)
{
    struct assay_draft draft = {0};
    enum assay_status status = assay_draft_begin(&draft, path, err);
    if (!status) status = assay_draft_append(&draft, data, size, err);
    if (!status) status = assay_draft_finish(&draft, err);
    assay_draft_drop(&draft);
    return status;
}

bool assay_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool assay_file_same(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}
