/* From the pool's thread to an interpreter inside its walls. The pool's process has threads, so
 * that between fork and exec everything is a bare system call on memory made before. */
#define _GNU_SOURCE
#include "sandbox/launch.h"

#include "base/bytes.h"
#include "sandbox/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_REPORT = 3, FD_CONTROL = 4, FD_LIFE = 5, FD_FIRST_OTHER = 6, FILES_OPEN_MAX = 128 };

/* What the child needs, all of it lent. */
struct plan {
    const struct assay_launch *launch;
    const char *const *argv, *const *envp, *children;
    const char *scratch;
    int control, report, output, null, life; /* its ends */
    unsigned user, group;
};

static const struct assay_worker_process nothing = {
    .control = -1, .report = -1, .output = -1, .listener = -1, .life = -1};

static void tell(int control, const char *word, int status, const char *text, int fd)
{
    uint8_t message[ASSAY_MESSAGE_BYTES] = {0};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights = {{0}};
    memcpy(message, word, 4);
    assay_put_le32(message + 4, (uint32_t)status);
    for (size_t i = 0; text && text[i] && i < ASSAY_MESSAGE_BYTES - 9; i++) {
        message[8 + i] = (uint8_t)text[i];
    }
    struct iovec part = {message, sizeof message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        header.msg_control = rights.bytes;
        header.msg_controllen = sizeof rights.bytes;
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(item), &fd, sizeof fd);
    }
    syscall(SYS_sendmsg, control, &header, MSG_NOSIGNAL);
}

/* 0 null, 1 and 2 output, 3 report, 4 control, 5 life, nothing else. */
static int arrange_files(const struct plan *plan)
{
    const struct {
        int from, to;
    } moves[] = {{plan->null, 0},           {plan->output, 1},           {plan->output, 2},
                 {plan->report, FD_REPORT}, {plan->control, FD_CONTROL}, {plan->life, FD_LIFE}};
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (syscall(SYS_dup3, moves[i].from, moves[i].to, 0) < 0) return errno;
    }
    if (syscall(SYS_close_range, FD_FIRST_OTHER, ~0U, 0) != 0) {
        for (int fd = FD_FIRST_OTHER; fd < 65536; fd++) syscall(SYS_close, fd);
    }
    return 0;
}

static int limit(int what, uint64_t most)
{
    struct rlimit both = {most, most};
    return syscall(SYS_prlimit64, 0, what, &both, NULL) == 0 ? 0 : errno;
}

static int settle(const char **step)
{
    uint64_t no_signals = 0;
    *step = "session";
    if (syscall(SYS_setsid) < 0) return errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    *step = "limits";
    /* Grading waits for the engine's threads, not they for it: one that is interrupted keeps all
     * others waiting. Failures do not matter. */
    struct sched_param none = {0};
    syscall(SYS_setpriority, PRIO_PROCESS, 0, ASSAY_SANDBOX_NICE);
    syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &none);
    int failed = limit(RLIMIT_CORE, 0);
    if (!failed) failed = limit(RLIMIT_NOFILE, FILES_OPEN_MAX);
    return failed;
}

/* Without a pid namespace nothing dies with the interpreter by itself. So a process of ours stands
 * between, outside the walls: when the pool is gone (or closes its end), it kills the interpreter,
 * inherits what that leaves, and kills it too. Nobody forks any more by then: the listener that
 * every fork needs is closed. Returns in the child only. */
static int keep_reaper(const struct plan *plan, const char **step)
{
    *step = "reaper";
    if (syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno;
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child < 0) return errno;
    if (child == 0) return 0;
    for (int fd = 0; fd < FD_LIFE; fd++) syscall(SYS_close, fd);
    char list[4096];
    while (syscall(SYS_read, FD_LIFE, list, 1) < 0 && errno == EINTR) {
    }
    for (;;) {
        long fd = syscall(SYS_openat, AT_FDCWD, plan->children, O_RDONLY | O_CLOEXEC);
        long size = fd < 0 ? 0 : syscall(SYS_read, fd, list, sizeof list);
        if (fd >= 0) syscall(SYS_close, fd);
        if (size <= 0) syscall(SYS_kill, child, SIGKILL);
        int pid = 0;
        for (long i = 0; i < size; i++) {
            if (list[i] != ' ') pid = pid * 10 + (list[i] - '0');
            if (list[i] == ' ') syscall(SYS_kill, pid, SIGKILL);
            if (list[i] == ' ') pid = 0;
        }
        if (syscall(SYS_wait4, -1, NULL, 0, NULL) < 0 && errno == ECHILD) break;
    }
    syscall(SYS_exit_group, 0);
    return 0;
}

static int gate(const struct assay_launch *launch, const char **step)
{
    struct sock_fprog program = {launch->filter_count, launch->filter};
    *step = "reaper of what a program leaves";
    if (syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno;
    syscall(SYS_close, FD_LIFE);
    *step = "no new privileges";
    if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    *step = "death with the pool";
    if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return errno;
    *step = "seccomp";
    long listener =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0) return errno;
    tell(FD_CONTROL, "LSTN", (int)syscall(SYS_getpid), NULL, (int)listener);
    return 0;
}

static void be_child(const struct plan *plan)
{
    const char *step = "files";
    int failed = arrange_files(plan);
    if (!failed) failed = settle(&step);
    if (!failed && plan->launch->form == ASSAY_SANDBOX_NAMESPACES) {
        failed = assay_walls_namespaces(plan->launch->interpreter, plan->user, plan->group, &step);
    } else if (!failed) {
        failed = keep_reaper(plan, &step);
        if (!failed) failed = assay_walls_landlock(plan->launch->interpreter, plan->scratch, &step);
    }
    if (!failed) failed = gate(plan->launch, &step);
    if (!failed) {
        step = "exec";
        syscall(SYS_execve, plan->launch->interpreter->path, plan->argv, plan->envp);
        failed = errno;
    }
    tell(FD_CONTROL, "FAIL", failed, step, -1);
    syscall(SYS_exit_group, 1);
}

/* Ends of ours in out, of the child in plan; high numbers, so that moving them to 0…4 covers none.
 */
static enum assay_status open_ends(struct assay_worker_process *out, struct plan *plan,
                                   struct assay_error *err)
{
    int ends[2];
    int *const ours[] = {&out->report, &out->output}, *const theirs[] = {&plan->report,
                                                                         &plan->output};
    for (size_t i = 0; i < 2; i++) {
        if (pipe2(ends, O_CLOEXEC) != 0) return assay_fail_errno(err, errno, "pipe");
        *ours[i] = ends[0];
        *theirs[i] = fcntl(ends[1], F_DUPFD_CLOEXEC, 16);
        close(ends[1]);
        if (*theirs[i] < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
            return assay_fail_errno(err, errno, "pipe of a sandbox");
        }
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return assay_fail_errno(err, errno, "socket of a sandbox");
    }
    out->control = ends[0];
    plan->control = fcntl(ends[1], F_DUPFD_CLOEXEC, 16);
    close(ends[1]);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    plan->null = null < 0 ? -1 : fcntl(null, F_DUPFD_CLOEXEC, 16);
    if (null >= 0) close(null);
    if (plan->control < 0 || plan->null < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return assay_fail_errno(err, errno, "files of a sandbox");
    }
    out->life = ends[1];
    plan->life = fcntl(ends[0], F_DUPFD_CLOEXEC, 16);
    close(ends[0]);
    if (plan->life < 0) return assay_fail_errno(err, errno, "files of a sandbox");
    return ASSAY_OK;
}

static void close_ends(const struct plan *plan)
{
    const int ends[] = {plan->control, plan->report, plan->output, plan->null, plan->life};
    for (size_t i = 0; i < 5; i++) {
        if (ends[i] >= 0) close(ends[i]);
    }
}

static enum assay_status start(struct assay_worker_process *out, struct plan *plan,
                               struct assay_error *err)
{
    enum assay_status status = open_ends(out, plan, err);
    if (!status && plan->launch->form == ASSAY_SANDBOX_LANDLOCK) {
        status = assay_scratch_make(&out->scratch, err);
    }
    if (status) return status;
    plan->scratch = out->scratch.path;
    unsigned long flags = SIGCHLD;
    if (plan->launch->form == ASSAY_SANDBOX_NAMESPACES) {
        flags |=
            CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    }
    long pid = syscall(SYS_clone, flags, 0, 0, 0, 0);
    if (pid == 0) be_child(plan); /* does not return */
    if (pid < 0) return assay_fail_errno(err, errno, "namespaces of a sandbox");
    out->pid = (pid_t)pid;
    return ASSAY_OK;
}

enum assay_status assay_launch_start(struct assay_worker_process *out,
                                     const struct assay_launch *launch, struct assay_error *err)
{
    static const char *const environment[] = {
        "PATH=/usr/bin",    "LANG=C.UTF-8",      "HOME=/nowhere",          "TMPDIR=.",
        "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"};
    enum { FIXED = sizeof environment / sizeof environment[0] };
    const char *envp[FIXED + 2] = {0}, *libraries = getenv("LD_LIBRARY_PATH");
    char library_line[4096];
    memcpy(envp, environment, sizeof environment);
    if (libraries && *libraries) {
        snprintf(library_line, sizeof library_line, "LD_LIBRARY_PATH=%s", libraries);
        envp[FIXED] = library_line;
    }
    const char *argv[] = {launch->interpreter->path, "-s", "-B", "-X", "utf8", "-c", assay_harness,
                          launch->modules,           NULL};
    struct plan plan = {.launch = launch,
                        .argv = argv,
                        .envp = envp,
                        .control = -1,
                        .report = -1,
                        .output = -1,
                        .null = -1,
                        .life = -1,
                        .children = "/proc/thread-self/children",
                        .user = (unsigned)geteuid(),
                        .group = (unsigned)getegid()};
    *out = nothing;
    enum assay_status status = start(out, &plan, err);
    close_ends(&plan);
    if (status) assay_launch_end(out);
    return status;
}

void assay_launch_end(struct assay_worker_process *process)
{
    if (process->life >= 0) close(process->life);
    if (process->pid > 0) {
        if (!process->scratch.path[0]) kill(process->pid, SIGKILL); /* the reaper ends by itself */
        if (process->listener >= 0) close(process->listener);
        process->listener = -1;
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    const int files[] = {process->control, process->report, process->output, process->listener};
    for (size_t i = 0; i < 4; i++) {
        if (files[i] >= 0) close(files[i]);
    }
    assay_scratch_remove(&process->scratch);
    *process = nothing;
}
