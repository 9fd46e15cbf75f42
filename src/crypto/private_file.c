/* Files that hold secrets. */
#include "crypto/private_file.h"

#include "base/bytes.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

enum assay_status assay_private_check(int fd, const char *path, struct assay_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0) return assay_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(info.st_mode)) {
        return assay_fail(err, ASSAY_EVALUE, "%s: not a regular file; a secret must be in one",
                          path);
    }
    if (info.st_uid != geteuid()) {
        return assay_fail(err, ASSAY_EVALUE, "%s: belongs to user %lu, not to you (user %lu)", path,
                          (unsigned long)info.st_uid, (unsigned long)geteuid());
    }
    unsigned mode = (unsigned)info.st_mode & 07777;
    if (mode & 077) {
        return assay_fail(err, ASSAY_EVALUE,
                          "%s: has mode %04o, others can read or change it; chmod 600 %s", path,
                          mode, path);
    }
    return ASSAY_OK;
}

static enum assay_status read_all(int fd, const char *path, uint8_t *to, size_t room, size_t *size,
                                  struct assay_error *err)
{
    size_t used = 0;
    uint8_t more;
    for (;;) {
        ssize_t got = used < room ? read(fd, to + used, room - used) : read(fd, &more, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return assay_fail_errno(err, errno, "%s", path);
        if (got == 0) break;
        if (used == room) {
            return assay_fail(err, ASSAY_EFORMAT, "%s: larger than %zu bytes", path, room);
        }
        used += (size_t)got;
    }
    *size = used;
    return ASSAY_OK;
}

/* O_NONBLOCK: a named pipe is refused instead of being waited for. */
enum assay_status assay_private_read(const char *path, uint8_t *to, size_t room, size_t *size,
                                     struct assay_error *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) {
        return assay_fail(err, ASSAY_EVALUE, "%s: a symbolic link; name the file itself", path);
    }
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    enum assay_status status = assay_private_check(fd, path, err);
    if (!status) status = read_all(fd, path, to, room, size, err);
    close(fd);
    return status;
}

enum assay_status assay_private_sync_directory(const char *path, struct assay_error *err)
{
    struct assay_bytes directory = {0};
    enum assay_status status = assay_file_beside(path, ".", &directory, err);
    int fd = status ? -1 : open((const char *)directory.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!status && (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))) {
        status = assay_fail_errno(err, errno, "%s", (const char *)directory.data);
    }
    if (fd >= 0) close(fd);
    assay_bytes_fini(&directory);
    return status;
}

enum assay_status assay_private_create(const char *path, const void *data, size_t size,
                                       struct assay_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        return assay_fail(err, ASSAY_EVALUE, "%s: exists already, and is never overwritten", path);
    }
    if (fd < 0) return assay_fail_errno(err, errno, "%s", path);
    enum assay_status status = ASSAY_OK;
    if (fchmod(fd, 0600) != 0) status = assay_fail_errno(err, errno, "%s", path);
    if (!status) status = assay_file_write_all(fd, data, size, path, err);
    if (!status && fsync(fd) != 0) status = assay_fail_errno(err, errno, "%s", path);
    if (close(fd) != 0 && !status) status = assay_fail_errno(err, errno, "%s", path);
    if (!status) status = assay_private_sync_directory(path, err);
    if (status) unlink(path);
    return status;
}
