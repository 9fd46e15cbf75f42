/* An allowlist: a call that nobody thought of is stopped, and ends a program. */
#define _GNU_SOURCE
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const allowed[] = {"accept4",
                                      "access",
                                      "alarm",
                                      "arch_prctl",
                                      "brk",
                                      "chdir",
                                      "clock_getres",
                                      "clock_gettime",
                                      "clock_nanosleep",
                                      "close",
                                      "close_range",
                                      "copy_file_range",
                                      "dup",
                                      "dup2",
                                      "dup3",
                                      "epoll_create1",
                                      "epoll_ctl",
                                      "epoll_pwait",
                                      "epoll_pwait2",
                                      "epoll_wait",
                                      "eventfd2",
                                      "exit",
                                      "exit_group",
                                      "faccessat",
                                      "faccessat2",
                                      "fadvise64",
                                      "fallocate",
                                      "fchdir",
                                      "fdatasync",
                                      "flock",
                                      "fstat",
                                      "fstatfs",
                                      "fsync",
                                      "ftruncate",
                                      "futex",
                                      "futex_waitv",
                                      "get_robust_list",
                                      "getcpu",
                                      "getcwd",
                                      "getdents",
                                      "getdents64",
                                      "getegid",
                                      "geteuid",
                                      "getgid",
                                      "getgroups",
                                      "getitimer",
                                      "getpgid",
                                      "getpgrp",
                                      "getpid",
                                      "getppid",
                                      "getpriority",
                                      "getpeername",
                                      "getrandom",
                                      "getresgid",
                                      "getresuid",
                                      "getrlimit",
                                      "getrusage",
                                      "getsockname",
                                      "getsockopt",
                                      "gettid",
                                      "gettimeofday",
                                      "getuid",
                                      "lseek",
                                      "lstat",
                                      "madvise",
                                      "membarrier",
                                      "mincore",
                                      "mremap",
                                      "msync",
                                      "munmap",
                                      "nanosleep",
                                      "newfstatat",
                                      "pause",
                                      "pipe",
                                      "pipe2",
                                      "poll",
                                      "ppoll",
                                      "pread64",
                                      "preadv",
                                      "preadv2",
                                      "pselect6",
                                      "pwrite64",
                                      "pwritev",
                                      "pwritev2",
                                      "read",
                                      "readlink",
                                      "readlinkat",
                                      "readv",
                                      "recvfrom",
                                      "recvmmsg",
                                      "recvmsg",
                                      "rename",
                                      "renameat",
                                      "renameat2",
                                      "restart_syscall",
                                      "rmdir",
                                      "rseq",
                                      "rt_sigaction",
                                      "rt_sigpending",
                                      "rt_sigprocmask",
                                      "rt_sigreturn",
                                      "rt_sigsuspend",
                                      "rt_sigtimedwait",
                                      "sched_get_priority_max",
                                      "sched_get_priority_min",
                                      "sched_getparam",
                                      "sched_getscheduler",
                                      "sched_rr_get_interval",
                                      "sched_yield",
                                      "select",
                                      "sendfile",
                                      "sendmmsg",
                                      "sendmsg",
                                      "sendto",
                                      "set_robust_list",
                                      "set_tid_address",
                                      "setitimer",
                                      "shutdown",
                                      "sigaltstack",
                                      "signalfd4",
                                      "splice",
                                      "stat",
                                      "statfs",
                                      "statx",
                                      "sysinfo",
                                      "tee",
                                      "time",
                                      "timerfd_create",
                                      "timerfd_gettime",
                                      "timerfd_settime",
                                      "times",
                                      "umask",
                                      "uname",
                                      "unlink",
                                      "unlinkat",
                                      "wait4",
                                      "waitid",
                                      "write",
                                      "writev"};

/* What is stopped, and neither allowed nor the end of a program. Landlock knows nothing of modes,
 * owners and attributes, so they may not be changed in either form. */
static const struct {
    const char *name;
    struct assay_filter_answer answer;
} stopped[] = {{"getsid", {ASSAY_FILTER_MARK, 0}},
               {"clone", {ASSAY_FILTER_SPAWN, 0}},
               {"fork", {ASSAY_FILTER_SPAWN, 0}},
               {"vfork", {ASSAY_FILTER_SPAWN, 0}},
               {"clone3", {ASSAY_FILTER_REFUSE, ENOSYS}}, /* its flags lie in memory; libc: clone */
               {"kill", {ASSAY_FILTER_SIGNAL, 0}},
               {"tkill", {ASSAY_FILTER_SIGNAL, 0}},
               {"tgkill", {ASSAY_FILTER_SIGNAL, 0}},
               {"socket", {ASSAY_FILTER_SOCKET, EACCES}},
               {"open", {ASSAY_FILTER_CREATE, 0}},
               {"openat", {ASSAY_FILTER_CREATE, 0}},
               {"creat", {ASSAY_FILTER_CREATE, 0}},
               {"mkdir", {ASSAY_FILTER_CREATE, 0}},
               {"mkdirat", {ASSAY_FILTER_CREATE, 0}},
               {"symlink", {ASSAY_FILTER_CREATE, 0}},
               {"symlinkat", {ASSAY_FILTER_CREATE, 0}},
               {"link", {ASSAY_FILTER_CREATE, 0}},
               {"linkat", {ASSAY_FILTER_CREATE, 0}},
               {"mmap", {ASSAY_FILTER_CODE, EPERM}},
               {"mprotect", {ASSAY_FILTER_CODE, EPERM}},
               {"openat2", {ASSAY_FILTER_REFUSE, ENOSYS}},
               {"memfd_create", {ASSAY_FILTER_REFUSE, ENOSYS}},
               {"pidfd_open", {ASSAY_FILTER_REFUSE, ENOSYS}},
               {"inotify_init1", {ASSAY_FILTER_REFUSE, ENOSYS}},
               {"fcntl", {ASSAY_FILTER_REFUSE, EPERM}},
               {"ioctl", {ASSAY_FILTER_REFUSE, ENOTTY}},
               {"prctl", {ASSAY_FILTER_REFUSE, EPERM}},
               {"prlimit64", {ASSAY_FILTER_REFUSE, EPERM}},
               {"setrlimit", {ASSAY_FILTER_REFUSE, EPERM}},
               {"chmod", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fchmod", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fchmodat", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fchmodat2", {ASSAY_FILTER_REFUSE, EPERM}},
               {"chown", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fchown", {ASSAY_FILTER_REFUSE, EPERM}},
               {"lchown", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fchownat", {ASSAY_FILTER_REFUSE, EPERM}},
               {"truncate", {ASSAY_FILTER_REFUSE, EPERM}},
               {"utime", {ASSAY_FILTER_REFUSE, EPERM}},
               {"utimes", {ASSAY_FILTER_REFUSE, EPERM}},
               {"futimesat", {ASSAY_FILTER_REFUSE, EPERM}},
               {"utimensat", {ASSAY_FILTER_REFUSE, EPERM}},
               {"getxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"lgetxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"fgetxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"listxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"llistxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"flistxattr", {ASSAY_FILTER_REFUSE, ENOTSUP}},
               {"setxattr", {ASSAY_FILTER_REFUSE, EPERM}},
               {"lsetxattr", {ASSAY_FILTER_REFUSE, EPERM}},
               {"fsetxattr", {ASSAY_FILTER_REFUSE, EPERM}},
               {"mlock", {ASSAY_FILTER_REFUSE, EPERM}},
               {"sched_getaffinity", {ASSAY_FILTER_REFUSE, EPERM}},
               {"sched_setaffinity", {ASSAY_FILTER_REFUSE, EPERM}},
               {"sched_setscheduler", {ASSAY_FILTER_REFUSE, EPERM}},
               {"setpriority", {ASSAY_FILTER_REFUSE, EPERM}}};

struct assay_filter_answer assay_filter_answer(int number)
{
    for (size_t i = 0; i < sizeof stopped / sizeof stopped[0]; i++) {
        if (seccomp_syscall_resolve_name(stopped[i].name) == number) return stopped[i].answer;
    }
    return (struct assay_filter_answer){ASSAY_FILTER_KILL, 0};
}

const char *assay_filter_name(int number, char *to, size_t size)
{
    char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
    if (name) {
        snprintf(to, size, "%s", name);
    } else {
        snprintf(to, size, "call %d", number);
    }
    free(name);
    return to;
}

/* 0 where this machine has no such call (libseccomp's numbers are negative then). */
static int add(scmp_filter_ctx context, const char *name, unsigned count,
               const struct scmp_arg_cmp *compare)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number < 0) return 0;
    return seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, count, compare);
}

/* Calls that depend on a number in a register. What is not allowed here is stopped. */
static int add_conditions(scmp_filter_ctx context)
{
    static const uint64_t controls[] = {F_DUPFD,
                                        F_GETFD,
                                        F_SETFD,
                                        F_GETFL,
                                        F_SETFL,
                                        F_GETLK,
                                        F_SETLK,
                                        F_SETLKW,
                                        1030 /* cloexec */,
                                        36,
                                        37,
                                        38, /* F_OFD_* */
                                        1031 /* size of a pipe */,
                                        1032};
    static const uint64_t devices[] = {0x5401 /* TCGETS */, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX,
                                       TIOCGWINSZ};
    static const uint64_t own[] = {15 /* PR_SET_NAME */, 16, 3 /* PR_GET_DUMPABLE */};
    int failed = 0;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        failed |=
            add(context, "fcntl", 1, (struct scmp_arg_cmp[]){SCMP_A1(SCMP_CMP_EQ, controls[i], 0)});
    }
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        failed |=
            add(context, "ioctl", 1, (struct scmp_arg_cmp[]){SCMP_A1(SCMP_CMP_EQ, devices[i], 0)});
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        failed |=
            add(context, "prctl", 1, (struct scmp_arg_cmp[]){SCMP_A0(SCMP_CMP_EQ, own[i], 0)});
    }
    static const char *const of_self[] = {"prlimit64", "sched_getaffinity", "sched_setaffinity"};
    for (size_t i = 0; i < sizeof of_self / sizeof of_self[0]; i++) {
        failed |= add(context, of_self[i], 1, (struct scmp_arg_cmp[]){SCMP_A0(SCMP_CMP_EQ, 0, 0)});
    }
    /* Streams only: a datagram socket may be told another address, of a file that we do not see. */
    failed |= add(context, "socketpair", 2,
                  (struct scmp_arg_cmp[]){SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
                                          SCMP_A1(SCMP_CMP_MASKED_EQ, 15, SOCK_STREAM)});
    struct scmp_arg_cmp no_code[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)};
    failed |= add(context, "mmap", 1, no_code);
    failed |= add(context, "mprotect", 1, no_code);
    failed |=
        add(context, "open", 1, (struct scmp_arg_cmp[]){SCMP_A1(SCMP_CMP_MASKED_EQ, O_CREAT, 0)});
    failed |=
        add(context, "openat", 1, (struct scmp_arg_cmp[]){SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT, 0)});
    return failed;
}

/* The kernel takes BPF, libseccomp writes it into a file. */
static enum assay_status export_program(scmp_filter_ctx context, struct sock_filter **out,
                                        unsigned short *count, struct assay_error *err)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0) return assay_fail_errno(err, errno, "memory for the seccomp filter");
    int failed = seccomp_export_bpf(context, fd);
    off_t size = failed ? 0 : lseek(fd, 0, SEEK_END);
    struct sock_filter *program = size > 0 ? malloc((size_t)size) : NULL;
    bool whole = program && pread(fd, program, (size_t)size, 0) == size;
    close(fd);
    if (!whole) {
        free(program);
        return assay_fail(err, ASSAY_EMEMORY, "libseccomp could not write its filter");
    }
    *out = program;
    *count = (unsigned short)((size_t)size / sizeof *program);
    return ASSAY_OK;
}

enum assay_status assay_filter_make(struct sock_filter **out, unsigned short *count,
                                    struct assay_error *err)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_NOTIFY);
    if (!context) return assay_fail(err, ASSAY_EMEMORY, "no memory for the seccomp filter");
    int failed = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    failed |= seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        failed |= add(context, allowed[i], 0, NULL);
    }
    failed |= add_conditions(context);
    enum assay_status status =
        failed ? assay_fail(err, ASSAY_EMACHINE, "libseccomp refused a rule of the sandbox")
               : export_program(context, out, count, err);
    seccomp_release(context);
    return status;
}
