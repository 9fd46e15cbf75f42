/* One program in one worker: its limits, its end, its result. */
#define _GNU_SOURCE
#include "sandbox/pool.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The first three are for what has gone wrong: a busy machine must not look like that. */
enum { LAST_WORDS_MS = 20000, REAP_MS = 60000, MEET_MS = 300000, TREE_MS = 50, LOOK_MS = 250 };
static const uint64_t millisecond = 1000000;

void assay_worker_close(struct assay_worker *worker, enum assay_sandbox_verdict verdict,
                        const char *format, ...)
{
    va_list list;
    if (worker->closed || !worker->job) return;
    struct assay_sandbox_result *result = &worker->job->result;
    worker->closed = true;
    worker->close_ns = assay_clock_monotonic_ns();
    result->verdict = verdict;
    result->wall_ns = worker->begin_ns ? worker->close_ns - worker->begin_ns : 0;
    va_start(list, format);
    vsnprintf(result->detail, sizeof result->detail, format, list);
    va_end(list);
}

void assay_worker_kill(struct assay_worker *worker)
{
    if (worker->killed) return;
    worker->killed = true;
    if (worker->pidfd >= 0) syscall(SYS_pidfd_send_signal, worker->pidfd, SIGKILL, NULL, 0);
}

void assay_worker_reset(struct assay_worker *worker)
{
    if (worker->pidfd >= 0) close(worker->pidfd);
    *worker = (struct assay_worker){.state = worker->state,
                                    .process = worker->process,
                                    .since_ns = worker->since_ns,
                                    .pidfd = -1};
}

void assay_process_memory(pid_t pid, uint64_t *resident, uint64_t *address_space)
{
    char path[32];
    unsigned long all = 0, here = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%lu %lu", &all, &here) != 2) all = here = 0;
    if (file) fclose(file);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *address_space = all * page;
    *resident = here * page;
}

static uint64_t process_cpu(pid_t pid)
{
    clockid_t id;
    struct timespec time;
    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &time) != 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* How long a process has computed or waited for a processor (0 where the kernel does not tell), and
 * whether it does now: by its first thread. */
static void look_whether_awake(pid_t pid, struct assay_worker_use *use)
{
    char path[40], state = 0;
    unsigned long long ran = 0, waited = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%llu %llu", &ran, &waited) != 2) ran = waited = 0;
    if (file) fclose(file);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
    if (file) fclose(file);
    if (ran + waited > use->awake_ns) use->awake_ns = ran + waited;
    use->awake = use->awake || state == 'R';
}

enum { TREE_MAX = 256 };

static size_t add_children(pid_t pid, pid_t *list, size_t count)
{
    char path[48];
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    while (file && count < TREE_MAX && fscanf(file, "%d", &child) == 1) list[count++] = child;
    if (file) fclose(file);
    return count;
}

pid_t assay_worker_find_compiler(const struct assay_worker *worker)
{
    pid_t list[TREE_MAX];
    size_t count = add_children(worker->process.zygote, list, 0);
    for (size_t i = 0; i < count; i++) {
        if (list[i] != worker->pid) return list[i];
    }
    return 0;
}

/* What a process has inherited from the zygote is there once, however many forks show it. The
 * zygote's own waiting is not the program's. */
struct assay_worker_use assay_worker_tree(const struct assay_worker *worker)
{
    uint64_t inherited, unused;
    pid_t list[TREE_MAX] = {worker->process.zygote};
    size_t count = 1;
    struct assay_worker_use use = {0};
    assay_process_memory(list[0], &inherited, &unused);
    for (size_t i = 0; i < count; i++) {
        uint64_t here, all;
        if (list[i] == worker->compiler) continue;
        if (i > 0) look_whether_awake(list[i], &use);
        assay_process_memory(list[i], &here, &all);
        use.resident += here > inherited ? here - inherited : 0;
        use.cpu_ns += process_cpu(list[i]);
        count = add_children(list[i], list, count);
    }
    return use;
}

static uint64_t look_at_limits(struct assay_worker *worker, uint64_t now)
{
    const struct assay_sandbox_limits *limits = &worker->job->limits;
    struct assay_worker_use use = {0};
    if (worker->spawned) {
        /* What has lost its parent is the zygote's child; so begin there. */
        use = assay_worker_tree(worker);
        uint64_t own = process_cpu(worker->process.zygote);
        use.cpu_ns -= use.cpu_ns < own ? use.cpu_ns : own;
    } else {
        use.cpu_ns = process_cpu(worker->pid);
        look_whether_awake(worker->pid, &use);
    }
    /* The clock is for who sleeps. Who is ready and has no processor spends nothing, or a verdict
     * would depend on what else the machine does. */
    uint64_t asleep = now - worker->begin_ns, cpu = use.cpu_ns;
    asleep -= use.awake_ns < asleep ? use.awake_ns : asleep;
    if (cpu >= limits->cpu_ms * millisecond) {
        assay_worker_close(worker, ASSAY_SANDBOX_CPU_TIME, "%s", "");
    } else if (asleep >= limits->wall_ms * millisecond && !use.awake) {
        assay_worker_close(worker, ASSAY_SANDBOX_WALL_TIME, "%s", "");
    } else if (worker->spawned && use.resident > limits->memory_bytes) {
        assay_worker_close(worker, ASSAY_SANDBOX_MEMORY, "of %u processes together",
                           worker->spawned + 1);
    }
    if (worker->closed) {
        assay_worker_kill(worker);
        return now + REAP_MS * millisecond;
    }
    /* A single thread cannot use its processor time up sooner than so much wall time. */
    uint64_t next = limits->cpu_ms * millisecond - cpu, end = limits->wall_ms * millisecond;
    uint64_t most = (worker->spawned ? TREE_MS : LOOK_MS) * millisecond;
    uint64_t left = end > asleep ? end - asleep : TREE_MS * millisecond;
    if (next > left) next = left;
    return now + (next > most ? most : next + millisecond);
}

uint64_t assay_worker_look(struct assay_worker *worker, uint64_t now)
{
    if (worker->state != ASSAY_WORKER_RUNNING) return UINT64_MAX;
    if (!worker->pid) return worker->since_ns + MEET_MS * millisecond;
    if (!worker->closed) return look_at_limits(worker, now);
    uint64_t end = worker->close_ns + LAST_WORDS_MS * millisecond;
    if (now >= end) assay_worker_kill(worker);
    return worker->killed ? worker->close_ns + REAP_MS * millisecond : end;
}

static size_t keep(uint8_t *to, size_t used, size_t room, const char *data, size_t size)
{
    size_t fits = size < room - used ? size : room - used;
    memcpy(to + used, data, fits);
    return used + fits;
}

void assay_worker_read_output(struct assay_worker *worker)
{
    char block[65536];
    ssize_t size;
    while ((size = read(worker->process.output, block, sizeof block)) > 0) {
        if (worker->state == ASSAY_WORKER_STARTING) { /* its last words say why it ended */
            size_t room = sizeof worker->output;
            size_t last = (size_t)size < room ? (size_t)size : room;
            memcpy(worker->output, block + (size_t)size - last, last);
            worker->output_size = last;
            continue;
        }
        worker->output_size =
            keep(worker->output, worker->output_size, sizeof worker->output, block, (size_t)size);
        worker->output_bytes += (uint64_t)size;
        if (worker->job && worker->output_bytes > worker->job->limits.output_bytes) {
            assay_worker_close(worker, ASSAY_SANDBOX_OUTPUT, "%s", "");
            assay_worker_kill(worker);
            break;
        }
    }
    while ((size = read(worker->process.report, block, sizeof block)) > 0) {
        worker->report_size =
            keep(worker->report, worker->report_size, sizeof worker->report, block, (size_t)size);
        if (worker->report_size == sizeof worker->report) break;
    }
}

/* Nobody closed the verdict: the process ended by itself, or the kernel ended it. */
static void close_by_status(struct assay_worker *worker, int status)
{
    if (WIFEXITED(status)) {
        assay_worker_close(worker, ASSAY_SANDBOX_EXIT, "exit status %d", WEXITSTATUS(status));
        return;
    }
    int number = WTERMSIG(status);
    switch (number) {
    case SIGXCPU:
        assay_worker_close(worker, ASSAY_SANDBOX_CPU_TIME, "%s", "");
        return;
    case SIGSYS:
        assay_worker_close(worker, ASSAY_SANDBOX_FORBIDDEN, "a foreign call");
        return;
    case SIGKILL:
        assay_worker_close(worker, ASSAY_SANDBOX_MEMORY, "killed by the kernel");
        return;
    default:
        assay_worker_close(worker, ASSAY_SANDBOX_ERROR, "signal %d: %s", number, strsignal(number));
    }
}

void assay_worker_conclude(struct assay_worker *worker, const uint8_t *message)
{
    struct assay_sandbox_result *result = &worker->job->result;
    bool syntax = worker->failed && !worker->begun;
    close_by_status(worker, (int)assay_get_le32(message + 4));
    assay_worker_read_output(worker);
    /* What exceeds our room must not meet the next program. All writers are gone. */
    char rest[4096];
    while (read(worker->process.output, rest, sizeof rest) > 0) {
    }
    while (read(worker->process.report, rest, sizeof rest) > 0) {
    }
    result->cpu_ns = assay_get_le64(message + 8);
    result->peak_bytes = assay_get_le64(message + 16);
    if (worker->failed &&
        (result->verdict == ASSAY_SANDBOX_ERROR || result->verdict == ASSAY_SANDBOX_SYNTAX)) {
        enum assay_sandbox_verdict said = assay_report_parse(worker->report, worker->report_size,
                                                             result->detail, sizeof result->detail);
        result->verdict = syntax && said != ASSAY_SANDBOX_MEMORY ? ASSAY_SANDBOX_SYNTAX : said;
    }
    assay_report_clean(worker->output, worker->output_size, result->output, sizeof result->output);
}
