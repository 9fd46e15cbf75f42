/* Walls of the form `namespaces`: a root folder of its own. Runs between fork and exec of a process
 * with threads, so everything is a bare system call. */
#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/mount.h> cannot be included beside <sys/mount.h>. */
enum { TREE_CLONE = 1, TREE_RECURSIVE = 0x8000, TREE_EMPTY_PATH = 0x1000, MOVE_FROM_EMPTY = 4 };
struct mount_attributes {
    uint64_t set, clear, propagation, userns;
};
enum { ATTRIBUTE_RDONLY = 1, ATTRIBUTE_NOSUID = 2, ATTRIBUTE_NODEV = 4 };

static const char *const extras[] = {"/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero",
                                     "/dev/urandom"};
enum { EXTRAS = sizeof extras / sizeof extras[0], TREES = ASSAY_FOLDERS_MAX + EXTRAS };

struct tree {
    const char *path;
    int fd;
    bool is_folder;
};

static const char *path_of(const struct assay_interpreter *interpreter, size_t i)
{
    return i < interpreter->folder_count ? interpreter->folders[i]
                                         : extras[i - interpreter->folder_count];
}

/* Taken before the new root covers anything that they may lie in. */
static int take_trees(const struct assay_interpreter *interpreter, struct tree *trees)
{
    size_t count = interpreter->folder_count + EXTRAS;
    for (size_t i = 0; i < count; i++) {
        struct stat info;
        const char *path = path_of(interpreter, i);
        bool is_device = strncmp(path, "/dev/", 5) == 0;
        trees[i] = (struct tree){.path = path, .fd = -1};
        if (syscall(SYS_newfstatat, AT_FDCWD, path, &info, 0) != 0) continue;
        trees[i].is_folder = S_ISDIR(info.st_mode);
        int fd =
            (int)syscall(SYS_open_tree, AT_FDCWD, path, TREE_CLONE | TREE_RECURSIVE | O_CLOEXEC);
        if (fd < 0) return errno;
        struct mount_attributes quiet = {.set = ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID |
                                                (is_device ? 0 : ATTRIBUTE_NODEV)};
        if (syscall(SYS_mount_setattr, fd, "", TREE_EMPTY_PATH | TREE_RECURSIVE, &quiet,
                    sizeof quiet) != 0) {
            return errno;
        }
        trees[i].fd = fd;
    }
    return 0;
}

/* In the working folder, which is the new root: the folders above `path`, and what it is mounted
 * on. */
static int make_target(const char *path, bool is_folder)
{
    char part[ASSAY_PATH_BYTES];
    size_t length = strlen(path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] && path[i] != '/') continue;
        memcpy(part, path + 1, i - 1);
        part[i - 1] = 0;
        if (!path[i] && !is_folder) {
            long fd = syscall(SYS_openat, AT_FDCWD, part, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
            if (fd < 0) return errno;
            syscall(SYS_close, fd); /* a file open for writing would keep the root writable */
            return 0;
        }
        if (syscall(SYS_mkdirat, AT_FDCWD, part, 0755) != 0 && errno != EEXIST) return errno;
    }
    return 0;
}

static int place_trees(const struct tree *trees, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (trees[i].fd < 0) continue;
        int failed = make_target(trees[i].path, trees[i].is_folder);
        if (failed) return failed;
        if (syscall(SYS_move_mount, trees[i].fd, "", AT_FDCWD, trees[i].path + 1,
                    MOVE_FROM_EMPTY) != 0) {
            return errno;
        }
    }
    static const char *const links[] = {"/lib", "/lib64"}; /* of a merged /usr */
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char target[ASSAY_PATH_BYTES];
        long size = syscall(SYS_readlinkat, AT_FDCWD, links[i], target, sizeof target - 1);
        if (size <= 0) continue;
        target[size] = 0;
        if (syscall(SYS_symlinkat, target, AT_FDCWD, links[i] + 1) != 0) return errno;
    }
    return 0;
}

static int write_file(const char *path, const char *text)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    long size = (long)strlen(text);
    int failed = syscall(SYS_write, fd, text, size) == size ? 0 : errno;
    syscall(SYS_close, fd);
    return failed;
}

/* "65534 ID 1": nobody inside is the caller outside, so that exec leaves no capability. */
static int map_ids(unsigned user, unsigned group)
{
    const struct {
        const char *path;
        unsigned id;
    } maps[] = {{"/proc/self/uid_map", user}, {"/proc/self/gid_map", group}};
    int failed = write_file("/proc/self/setgroups", "deny");
    for (size_t i = 0; i < 2 && !failed; i++) {
        char text[32] = "65534 ", digits[12];
        size_t at = 6, count = 0;
        unsigned id = maps[i].id;
        do digits[count++] = (char)('0' + id % 10);
        while (id /= 10);
        while (count) text[at++] = digits[--count];
        text[at++] = ' ';
        text[at++] = '1';
        text[at] = 0;
        failed = write_file(maps[i].path, text);
    }
    return failed;
}

static int mount_at(const char *from, const char *to, const char *type, unsigned long flags,
                    const char *data)
{
    return syscall(SYS_mount, from, to, type, flags, data) == 0 ? 0 : errno;
}

static int enter_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") != 0) return errno;
    if (syscall(SYS_umount2, ".", MNT_DETACH) != 0) return errno;
    if (syscall(SYS_chdir, "/") != 0) return errno;
    int failed =
        mount_at(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
    if (failed) return failed;
    return syscall(SYS_chdir, "/scratch") == 0 ? 0 : errno;
}

int assay_walls_namespaces(const struct assay_interpreter *interpreter, unsigned user,
                           unsigned group, const char **step)
{
    struct tree trees[TREES];
    size_t count = interpreter->folder_count + EXTRAS;
    *step = "user namespace";
    int failed = map_ids(user, group);
    if (failed) return failed;
    *step = "private mounts";
    failed = mount_at(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (failed) return failed;
    *step = "interpreter's folders";
    failed = take_trees(interpreter, trees);
    if (failed) return failed;
    *step = "tmpfs as root";
    failed = mount_at("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755");
    if (!failed && syscall(SYS_chdir, "/tmp") != 0) failed = errno;
    if (failed) return failed;
    *step = "place the folders";
    failed = place_trees(trees, count);
    if (failed) return failed;
    *step = "tmpfs at /scratch"; /* not /tmp: an interpreter may lie there */
    failed = make_target("/scratch", true);
    if (!failed) {
        failed = mount_at("tmpfs", "scratch", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                          "size=64m,nr_inodes=4k,mode=700");
    }
    if (failed) return failed;
    *step = "enter the new root";
    syscall(SYS_sethostname, "sandbox", 7);
    return enter_root();
}
