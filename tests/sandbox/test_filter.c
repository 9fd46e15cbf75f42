/* The seccomp filter by itself: in a child that wears it and has nobody listening, a stopped call
 * fails with ENOSYS, an allowed one does its work. */
#define _GNU_SOURCE
#include "harness/check.h"

#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct row {
    const char *name;
    bool allowed;
    long number, a, b, c, d;
};

static const struct row rows[] = {
    {"ptrace", false, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0},
    {"process_vm_readv", false, SYS_process_vm_readv, 1, 0, 0, 0},
    {"process_vm_writev", false, SYS_process_vm_writev, 1, 0, 0, 0},
    {"pidfd_getfd", false, SYS_pidfd_getfd, 3, 0, 0, 0},
    {"pidfd_send_signal", false, SYS_pidfd_send_signal, 3, 9, 0, 0},
    {"mount", false, SYS_mount, 0, 0, 0, 0},
    {"umount2", false, SYS_umount2, 0, 0, 0, 0},
    {"pivot_root", false, SYS_pivot_root, 0, 0, 0, 0},
    {"open_tree", false, SYS_open_tree, -100, 0, 0, 0},
    {"chroot", false, SYS_chroot, 0, 0, 0, 0},
    {"setns", false, SYS_setns, 3, 0, 0, 0},
    {"unshare", false, SYS_unshare, 0x10000000, 0, 0, 0},
    {"setuid", false, SYS_setuid, 0, 0, 0, 0},
    {"setresuid", false, SYS_setresuid, 0, 0, 0, 0},
    {"setgid", false, SYS_setgid, 0, 0, 0, 0},
    {"setfsuid", false, SYS_setfsuid, 0, 0, 0, 0},
    {"capset", false, SYS_capset, 0, 0, 0, 0},
    {"socket", false, SYS_socket, AF_INET, SOCK_STREAM, 0, 0},
    {"connect", false, SYS_connect, 3, 0, 0, 0},
    {"bind", false, SYS_bind, 3, 0, 0, 0},
    {"socketpair of datagrams", false, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, 0},
    {"execve", false, SYS_execve, 0, 0, 0, 0},
    {"execveat", false, SYS_execveat, 0, 0, 0, 0},
    {"clone3", false, SYS_clone3, 0, 0, 0, 0},
    {"kill", false, SYS_kill, 1, 0, 0, 0},
    {"tkill", false, SYS_tkill, 1, 0, 0, 0},
    {"rt_sigqueueinfo", false, SYS_rt_sigqueueinfo, 1, 0, 0, 0},
    {"setsid", false, SYS_setsid, 0, 0, 0, 0},
    {"setpgid", false, SYS_setpgid, 0, 0, 0, 0},
    {"bpf", false, SYS_bpf, 0, 0, 0, 0},
    {"seccomp", false, SYS_seccomp, 0, 0, 0, 0},
    {"perf_event_open", false, SYS_perf_event_open, 0, 0, 0, 0},
    {"userfaultfd", false, SYS_userfaultfd, 0, 0, 0, 0},
    {"io_uring_setup", false, SYS_io_uring_setup, 1, 0, 0, 0},
    {"keyctl", false, SYS_keyctl, 0, 0, 0, 0},
    {"add_key", false, SYS_add_key, 0, 0, 0, 0},
    {"open_by_handle_at", false, SYS_open_by_handle_at, 0, 0, 0, 0},
    {"fanotify_init", false, SYS_fanotify_init, 0, 0, 0, 0},
    {"init_module", false, SYS_init_module, 0, 0, 0, 0},
    {"kexec_load", false, SYS_kexec_load, 0, 0, 0, 0},
    {"reboot", false, SYS_reboot, 0, 0, 0, 0},
    {"sync", false, SYS_sync, 0, 0, 0, 0},
    {"shmget", false, SYS_shmget, 0, 4096, 0600, 0},
    {"mq_open", false, SYS_mq_open, 0, 0, 0, 0},
    {"personality", false, SYS_personality, 0, 0, 0, 0},
    {"memory to execute", false, SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, 0x22},
    {"mprotect to execute", false, SYS_mprotect, 0, 4096, PROT_EXEC, 0},
    {"pkey_mprotect", false, SYS_pkey_mprotect, 0, 4096, PROT_EXEC, -1},
    {"fcntl F_SETOWN", false, SYS_fcntl, 1, F_SETOWN, 1, 0},
    {"fcntl F_SETSIG", false, SYS_fcntl, 1, F_SETSIG, 9, 0},
    {"ioctl TIOCSTI", false, SYS_ioctl, 0, 0x5412, 0, 0},
    {"prctl PR_SET_DUMPABLE", false, SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0},
    {"prctl PR_SET_PDEATHSIG", false, SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0},
    {"prlimit of another", false, SYS_prlimit64, 1, 0, 0, 0},
    {"fchmod", false, SYS_fchmod, 1, 0777, 0, 0},
    {"fchown", false, SYS_fchown, 1, 0, 0, 0},
    {"the mark", false, SYS_getsid, 0, 0, 0, 0},
    {"getpid", true, SYS_getpid, 0, 0, 0, 0},
    {"mmap", true, SYS_mmap, 0, 4096, PROT_READ, 0x22},
    {"fcntl F_GETFD", true, SYS_fcntl, 1, F_GETFD, 0, 0},
    {"dup", true, SYS_dup, 1, 0, 0, 0},
    {"sched_yield", true, SYS_sched_yield, 0, 0, 0, 0},
    {"prlimit of itself", true, SYS_prlimit64, 0, 0, 0, 0},
    {"getrandom", true, SYS_getrandom, 0, 0, 0, 0},
};

/* Exit status: 0 as it should be, else the number of the row from 1. */
static int try_all(const struct sock_filter *filter, unsigned short count)
{
    struct sock_fprog program = {count, (struct sock_filter *)filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 200;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 201;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        long flags = row->number == SYS_mmap ? -1 : 0; /* no file */
        errno = 0;
        long result = syscall(row->number, row->a, row->b, row->c, row->d, flags, 0);
        bool stopped = result == -1 && errno == ENOSYS;
        if (stopped == row->allowed) return (int)i + 1;
    }
    return 0;
}

static void test_calls(void **state)
{
    (void)state;
    struct sock_filter *filter = NULL;
    struct assay_error err = {0};
    unsigned short count = 0;
    int status = 0;
    assert_int_equal(assay_filter_make(&filter, &count, &err), ASSAY_OK);
    assert_in_range(count, 50, 4096);
    pid_t pid = fork();
    if (pid == 0) syscall(SYS_exit_group, try_all(filter, count));
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    int row = WEXITSTATUS(status);
    if (row > 0 && row <= (int)COUNT_OF(rows)) fail_msg("%s", rows[row - 1].name);
    assert_int_equal(row, 0);
    free(filter);
}

/* What the listener does with a stopped call, and its name for people. */
static void test_answers(void **state)
{
    (void)state;
    static const struct {
        long number;
        enum assay_filter_kind kind;
        const char *name;
    } answers[] = {{SYS_getsid, ASSAY_FILTER_MARK, "getsid"},
                   {SYS_clone, ASSAY_FILTER_SPAWN, "clone"},
                   {SYS_kill, ASSAY_FILTER_SIGNAL, "kill"},
                   {SYS_openat, ASSAY_FILTER_CREATE, "openat"},
                   {SYS_mmap, ASSAY_FILTER_CODE, "mmap"},
                   {SYS_socket, ASSAY_FILTER_SOCKET, "socket"},
                   {SYS_fchmodat, ASSAY_FILTER_REFUSE, "fchmodat"},
                   {SYS_mount, ASSAY_FILTER_KILL, "mount"},
                   {99999, ASSAY_FILTER_KILL, "call 99999"}};
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        char name[40];
        assert_int_equal(assay_filter_answer((int)answers[i].number).kind, answers[i].kind);
        assert_string_equal(assay_filter_name((int)answers[i].number, name, sizeof name),
                            answers[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls),
                                       cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
