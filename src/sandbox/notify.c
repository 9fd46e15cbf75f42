/* What a program asks of the kernel beyond the allowed calls, answered from outside. The caller
 * stands still meanwhile, so that its stack pointer can be read. */
#define _GNU_SOURCE
#include "sandbox/pool.h"

#include "base/clock.h"
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of harness.py. */
enum { MARK_BEGIN = 1515000001, MARK_END, MARK_FAILED, MARK_COMPILE, MARK_AUDIT = 1515000100 };
static const char *const audits[] = {
    "sys.settrace",      "sys.setprofile",   "sys.monitoring",      "gc.get_objects",
    "gc.get_referrers",  "gc.get_referents", "sys._current_frames", "sys._current_exceptions",
    "a new code object", "marshal.loads",    "marshal.load",        "a new interpreter"};
enum { AUDITS = sizeof audits / sizeof audits[0] };

enum {
    REST_YIELDS = 100,
    REST_TRIES = 300000,
    FILE_BYTES_MAX = 16 << 20,
    NEW_NAMESPACES = 0x7e020080 /* CLONE_NEW*, of all ages */
};

struct answer {
    bool proceed;
    int error; /* errno; 0: the call gives 0 */
};

static long read_kernel_file(pid_t pid, const char *name, char *to, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t got = read(fd, to, size - 1);
    close(fd);
    to[got < 0 ? 0 : got] = 0;
    return (long)got;
}

/* "NUMBER ARGUMENTS… 0xSTACK 0xINSTRUCTION"; "running" until the thread has come to rest, for which
 * it must get a processor once more: at once, or after seconds where others want them all. */
static bool read_place(pid_t thread, uint64_t *stack, uint64_t *instruction)
{
    const struct timespec pause = {0, 100000};
    char text[256];
    for (unsigned tries = 0; tries < REST_TRIES; tries++) {
        if (read_kernel_file(thread, "syscall", text, sizeof text) <= 0) return false;
        char *last = strrchr(text, ' ');
        if (last) {
            *last = 0;
            char *before = strrchr(text, ' ');
            if (!before) return false;
            *stack = strtoull(before + 1, NULL, 16);
            *instruction = strtoull(last + 1, NULL, 16);
            return *stack != 0;
        }
        if (tries < REST_YIELDS) {
            sched_yield();
        } else {
            nanosleep(&pause, NULL);
        }
    }
    return false;
}

/* A number of /proc/PID/status; the last where there is one for each namespace. */
static uint64_t status_number(pid_t thread, const char *field)
{
    char text[4096];
    if (read_kernel_file(thread, "status", text, sizeof text) <= 0) return 0;
    char *line = strstr(text, field);
    if (!line) return 0;
    line[strcspn(line + 1, "\n") + 1] = 0;
    char *last = strrchr(line, '\t');
    return last ? strtoull(last + 1, NULL, 10) : 0;
}

/* The process of a thread, as it sees itself in its own namespace, and as we see it. */
static uint64_t own_number(pid_t thread, int call)
{
    return status_number(thread, call == SYS_tkill ? "\nNSpid:" : "\nNStgid:");
}
static uint64_t host_process(pid_t thread)
{
    return status_number(thread, "\nTgid:");
}

static void set_limits(const struct assay_worker *worker)
{
    const struct assay_sandbox_limits *limits = &worker->job->limits;
    const struct {
        __rlimit_resource_t what;
        uint64_t most;
    } rows[] = {{RLIMIT_AS, worker->base_bytes + limits->memory_bytes},
                {RLIMIT_CPU, limits->cpu_ms / 1000 + 2}, /* in case nobody watches */
                {RLIMIT_FSIZE, FILE_BYTES_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rlimit both = {rows[i].most, rows[i].most};
        prlimit(worker->pid, rows[i].what, &both, NULL);
    }
}

static struct answer forbid(struct assay_worker *worker, const char *what)
{
    assay_worker_close(worker, ASSAY_SANDBOX_FORBIDDEN, "%s", what);
    assay_worker_kill(worker);
    return (struct answer){.error = EPERM};
}

static struct answer mark_begin(struct assay_worker *worker, pid_t thread)
{
    if (worker->begun) return forbid(worker, "the harness's call");
    if (!read_place(thread, &worker->stack, &worker->instruction)) {
        assay_worker_close(worker, ASSAY_SANDBOX_LOST, "/proc/PID/syscall cannot be read");
        assay_worker_kill(worker);
        return (struct answer){.error = EPERM};
    }
    worker->begun = true;
    worker->begin_ns = assay_clock_monotonic_ns();
    return (struct answer){0};
}

/* The heart of the matter: the same thread at the same place as at the beginning. */
static struct answer mark_end(struct assay_worker *worker, pid_t thread)
{
    uint64_t stack = 0, instruction = 0;
    if (!worker->begun || thread != worker->pid || !read_place(thread, &stack, &instruction) ||
        stack != worker->stack || instruction != worker->instruction) {
        return forbid(worker, "forged the end");
    }
    assay_worker_close(worker, ASSAY_SANDBOX_PASS, "%s", "");
    assay_worker_kill(worker);
    return (struct answer){0};
}

static struct answer answer_mark(struct assay_worker *worker, pid_t thread, uint64_t mark)
{
    mark &= UINT32_MAX;
    bool is_end = mark == MARK_END || mark == MARK_FAILED;
    if (is_end && worker->begun && host_process(thread) != (uint64_t)worker->pid) {
        /* A copy that the program forked has come to its own end, which decides nothing. */
        int copy = (int)syscall(SYS_pidfd_open, (pid_t)host_process(thread), 0);
        if (copy >= 0) syscall(SYS_pidfd_send_signal, copy, SIGKILL, NULL, 0);
        if (copy >= 0) close(copy);
        return (struct answer){.error = EPERM};
    }
    if (mark >= MARK_AUDIT && mark < MARK_AUDIT + AUDITS) {
        return forbid(worker, audits[mark - MARK_AUDIT]);
    }
    switch (mark) {
    case MARK_COMPILE:
        if (!worker->begun) set_limits(worker);
        return (struct answer){0};
    case MARK_BEGIN:
        return mark_begin(worker, thread);
    case MARK_END:
        return mark_end(worker, thread);
    case MARK_FAILED: /* what it was is read from the report, at the end */
        worker->failed = true;
        assay_worker_close(worker, worker->begun ? ASSAY_SANDBOX_ERROR : ASSAY_SANDBOX_SYNTAX, "%s",
                           "");
        return (struct answer){0};
    default:
        return (struct answer){.error = EPERM};
    }
}

static struct answer answer_program(struct assay_worker *worker, const struct seccomp_notif *asked)
{
    int number = asked->data.nr;
    pid_t thread = (pid_t)asked->pid;
    const struct assay_sandbox_limits *limits = &worker->job->limits;
    struct assay_filter_answer rule = assay_filter_answer(number);
    char name[40];
    assay_filter_name(number, name, sizeof name);
    switch (rule.kind) {
    case ASSAY_FILTER_MARK:
        return answer_mark(worker, thread, asked->data.args[0]);
    case ASSAY_FILTER_SPAWN:
        if (number == SYS_clone && (asked->data.args[0] & NEW_NAMESPACES)) {
            return forbid(worker, "clone into a namespace");
        }
        if (!worker->spawned) worker->compiler = assay_worker_find_compiler(worker);
        if (++worker->spawned <= limits->processes) return (struct answer){.proceed = true};
        snprintf(name, sizeof name, "more than %u processes", limits->processes);
        return forbid(worker, name);
    case ASSAY_FILTER_SIGNAL:
        if ((uint32_t)asked->data.args[0] == own_number(thread, number)) {
            return (struct answer){.proceed = true};
        }
        return forbid(worker, name);
    case ASSAY_FILTER_CREATE:
        if (++worker->created <= limits->files) return (struct answer){.proceed = true};
        return (struct answer){.error = EDQUOT};
    case ASSAY_FILTER_SOCKET:
        if ((uint32_t)asked->data.args[0] == AF_UNIX) return (struct answer){.error = rule.error};
        break;
    case ASSAY_FILTER_CODE:
    case ASSAY_FILTER_REFUSE:
        return (struct answer){.error = rule.error};
    case ASSAY_FILTER_KILL:
        break;
    }
    return forbid(worker, name);
}

/* The harness's first call in the program's process. It stands still, so its number cannot have
 * passed to another. */
static void meet(struct assay_worker *worker, pid_t pid)
{
    uint64_t resident;
    worker->pid = pid;
    worker->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    worker->begin_ns = assay_clock_monotonic_ns();
    assay_process_memory(pid, &resident, &worker->base_bytes);
}

static struct answer decide(struct assay_worker *worker, const struct seccomp_notif *asked)
{
    pid_t thread = (pid_t)asked->pid;
    if (thread == worker->process.zygote) return (struct answer){.proceed = true};
    if (worker->state != ASSAY_WORKER_RUNNING) return (struct answer){.error = EPERM};
    bool is_mark = assay_filter_answer(asked->data.nr).kind == ASSAY_FILTER_MARK;
    bool meets = is_mark && (uint32_t)asked->data.args[0] == MARK_COMPILE;
    if (!worker->pid && !meets) return (struct answer){.error = EPERM}; /* of the compiler */
    if (!worker->pid) meet(worker, thread);
    /* Until its first line, and after its end, only the harness's own calls are made in a process
     * that nothing of the program has touched; then the list holds. */
    if (!worker->begun && !is_mark) return (struct answer){.proceed = true};
    return answer_program(worker, asked);
}

void assay_notify_answer(struct assay_worker *worker)
{
    /* The kernel's structures may be larger than those of our headers. */
    union {
        struct seccomp_notif value;
        char room[512];
    } asked;
    union {
        struct seccomp_notif_resp value;
        char room[512];
    } told;
    memset(&asked, 0, sizeof asked);
    memset(&told, 0, sizeof told);
    if (ioctl(worker->process.listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
    struct answer answer = decide(worker, &asked.value);
    told.value.id = asked.value.id;
    told.value.error = -answer.error;
    told.value.flags = answer.proceed ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    ioctl(worker->process.listener, SECCOMP_IOCTL_NOTIF_SEND, &told); /* it may have died */
}
