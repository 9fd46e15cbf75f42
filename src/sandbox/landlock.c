/* Walls of the form `landlock`: the same folders, by the kernel's own list of what a process may
 * open. Runs between fork and exec: bare system calls only. */
#define _GNU_SOURCE
#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights and fields that are younger than Debian 12's header. */
enum {
    RIGHTS_1 = (1 << 13) - 1,
    RIGHT_REFER = 1 << 13,
    RIGHT_TRUNCATE = 1 << 14,
    RIGHT_IOCTL_DEV = 1 << 15,
    READ = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    READ_FILE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE,
    SCRATCH = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
              LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
              LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
              LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM
};
struct rules {
    uint64_t files, network, scope;
};

int assay_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? -errno : (int)version;
}

static int allow(int ruleset, const char *path, uint64_t rights)
{
    struct stat info;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : errno;
    if (syscall(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH) != 0) return errno;
    if (!S_ISDIR(info.st_mode)) rights &= (uint64_t)(READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = (int)fd};
    long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    int code = failed ? errno : 0;
    syscall(SYS_close, fd);
    return code;
}

/* As root without namespaces: no capability survives the exec. */
static int drop_capabilities(void)
{
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL &&
            errno != EPERM) {
            return errno;
        }
    }
    return 0;
}

int assay_walls_landlock(const struct assay_interpreter *interpreter, const char *scratch,
                         const char **step)
{
    int version = assay_landlock_version();
    *step = "Landlock";
    if (version < 0) return -version;
    struct rules rules = {.files = RIGHTS_1, .network = 0, .scope = 0};
    uint64_t in_scratch = SCRATCH;
    if (version >= 2) rules.files |= RIGHT_REFER;
    if (version >= 2) in_scratch |= RIGHT_REFER;
    if (version >= 3) rules.files |= RIGHT_TRUNCATE;
    if (version >= 3) in_scratch |= RIGHT_TRUNCATE;
    if (version >= 4) rules.network = 3;
    if (version >= 5) rules.files |= RIGHT_IOCTL_DEV;
    if (version >= 6) rules.scope = 3;
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    long ruleset = syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0) return errno;
    *step = "Landlock's folders";
    int failed = 0;
    for (size_t i = 0; i < interpreter->folder_count && !failed; i++) {
        failed = allow((int)ruleset, interpreter->folders[i], READ);
    }
    static const char *const extras[] = {"/lib",           "/lib64",    "/etc/ld.so.cache",
                                         "/etc/localtime", "/dev/zero", "/dev/urandom"};
    for (size_t i = 0; i < sizeof extras / sizeof extras[0] && !failed; i++) {
        failed = allow((int)ruleset, extras[i], READ);
    }
    if (!failed) failed = allow((int)ruleset, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    if (!failed) failed = allow((int)ruleset, scratch, in_scratch);
    if (failed) return failed;
    *step = "scratch folder";
    if (syscall(SYS_chdir, scratch) != 0) return errno;
    *step = "capabilities";
    failed = drop_capabilities();
    if (failed) return failed;
    *step = "Landlock's gate";
    if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : errno;
}
