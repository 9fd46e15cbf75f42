/* The pool's thread: starts interpreters, hands them programs, answers them, takes their results.
 */
#define _GNU_SOURCE
#include "sandbox/pool.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { START_FAILURES_MAX = 4, START_MS = 120000, PARTS = 4 /* files of a worker */ };
static const uint64_t millisecond = 1000000;

static void give_up(struct assay_sandbox *sandbox, const struct assay_error *err)
{
    pthread_mutex_lock(&sandbox->mutex);
    if (!sandbox->failed) sandbox->error = *err;
    sandbox->failed = true;
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->mutex);
}

static void finish_job(struct assay_sandbox *sandbox, struct assay_job *job)
{
    enum assay_sandbox_verdict verdict = job->result.verdict;
    bool doubtful = verdict == ASSAY_SANDBOX_CPU_TIME || verdict == ASSAY_SANDBOX_WALL_TIME ||
                    verdict == ASSAY_SANDBOX_LOST;
    if (doubtful && !job->again) {
        job->again = true;
        job->result = (struct assay_sandbox_result){.tag = job->result.tag, .retried = true};
        assay_job_push(&sandbox->again, job);
        return;
    }
    pthread_mutex_lock(&sandbox->mutex);
    assay_job_push(&sandbox->done, job);
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->mutex);
}

static void set_state(struct assay_worker *worker, enum assay_worker_state state)
{
    worker->state = state;
    worker->since_ns = assay_clock_monotonic_ns();
}

/* The interpreter is gone or of no use; a program that it ran is lost unless its verdict was known.
 */
static void end_worker(struct assay_sandbox *sandbox, struct assay_worker *worker)
{
    struct assay_job *job = worker->job;
    if (job) assay_worker_close(worker, ASSAY_SANDBOX_LOST, "its interpreter died");
    assay_launch_end(&worker->process);
    worker->job = NULL;
    assay_worker_reset(worker);
    set_state(worker, ASSAY_WORKER_NONE);
    if (job) finish_job(sandbox, job);
}

static void start_failed(struct assay_sandbox *sandbox, struct assay_worker *worker,
                         const struct assay_error *why)
{
    struct assay_error err = *why;
    end_worker(sandbox, worker);
    if (++sandbox->start_failures >= (sandbox->ready ? START_FAILURES_MAX : 1)) {
        give_up(sandbox, &err);
    }
}

static void start_worker(struct assay_sandbox *sandbox, struct assay_worker *worker)
{
    struct assay_error err = {0};
    enum assay_status status = assay_launch_start(&worker->process, &sandbox->launch, &err);
    assay_worker_reset(worker);
    set_state(worker, status ? ASSAY_WORKER_NONE : ASSAY_WORKER_STARTING);
    if (status) start_failed(sandbox, worker, &err);
}

/* A whole message, and the listener that may come with it. False: the worker has ended. */
static bool receive(struct assay_worker *worker, uint8_t *message)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } rights;
    size_t have = 0;
    while (have < ASSAY_MESSAGE_BYTES) {
        struct iovec part = {message + have, ASSAY_MESSAGE_BYTES - have};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = rights.bytes,
                                .msg_controllen = sizeof rights.bytes};
        ssize_t size = recvmsg(worker->process.control, &header, MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return false;
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        if (item && item->cmsg_type == SCM_RIGHTS && item->cmsg_len == CMSG_LEN(sizeof(int))) {
            memcpy(&worker->process.listener, CMSG_DATA(item), sizeof(int));
        }
        have += (size_t)size;
    }
    return true;
}

static void take_done(struct assay_sandbox *sandbox, struct assay_worker *worker,
                      const uint8_t *message)
{
    struct assay_job *job = worker->job;
    if (!job) return;
    assay_worker_conclude(worker, message);
    worker->job = NULL;
    bool clean = assay_get_le64(message + 24) == 1;
    assay_worker_reset(worker);
    set_state(worker, ASSAY_WORKER_IDLE);
    if (!clean) end_worker(sandbox, worker); /* a fresh one has a fresh scratch */
    finish_job(sandbox, job);
}

/* Its end of `control` is closed: it has died, or never began. */
static void end_of_worker(struct assay_sandbox *sandbox, struct assay_worker *worker)
{
    struct assay_error err = {0};
    char said[ASSAY_SANDBOX_OUTPUT_BYTES];
    if (worker->state != ASSAY_WORKER_STARTING) {
        end_worker(sandbox, worker);
        return;
    }
    assay_worker_read_output(worker);
    size_t end = worker->output_size, begin;
    while (end > 0 && worker->output[end - 1] == '\n') end--;
    for (begin = end; begin > 0 && worker->output[begin - 1] != '\n'; begin--) {
    }
    assay_report_clean(worker->output + begin, end - begin, said, sizeof said);
    assay_fail(&err, ASSAY_EMACHINE, "the interpreter ends at its start: %s", said);
    start_failed(sandbox, worker, &err);
}

static void take_message(struct assay_sandbox *sandbox, struct assay_worker *worker)
{
    uint8_t message[ASSAY_MESSAGE_BYTES];
    struct assay_error err = {0};
    if (!receive(worker, message)) {
        end_of_worker(sandbox, worker);
    } else if (memcmp(message, "LSTN", 4) == 0) {
        bool own = sandbox->form == ASSAY_SANDBOX_NAMESPACES; /* there it is number 1 */
        worker->process.zygote = own ? worker->process.pid : (pid_t)assay_get_le32(message + 4);
    } else if (memcmp(message, "FAIL", 4) == 0) {
        message[ASSAY_MESSAGE_BYTES - 1] = 0;
        assay_fail_errno(&err, (int)assay_get_le32(message + 4), "%s: %s",
                         sandbox->interpreter.path, (const char *)message + 8);
        err.status = ASSAY_EMACHINE;
        start_failed(sandbox, worker, &err);
    } else if (memcmp(message, "REDY", 4) == 0) {
        assay_worker_read_output(worker);
        assay_worker_reset(worker);
        set_state(worker, ASSAY_WORKER_IDLE);
        sandbox->start_failures = 0;
        pthread_mutex_lock(&sandbox->mutex);
        sandbox->ready = true;
        pthread_cond_broadcast(&sandbox->changed);
        pthread_mutex_unlock(&sandbox->mutex);
    } else if (memcmp(message, "SYNT", 4) == 0) { /* no process was made for it */
        worker->failed = true;
        assay_worker_close(worker, ASSAY_SANDBOX_SYNTAX, "%s", "");
        take_done(sandbox, worker, message);
    } else if (memcmp(message, "DONE", 4) == 0) {
        take_done(sandbox, worker, message);
    } else {
        end_worker(sandbox, worker);
    }
}

static void hand_over(struct assay_sandbox *sandbox, struct assay_worker *worker,
                      struct assay_job *job)
{
    worker->job = job;
    set_state(worker, ASSAY_WORKER_RUNNING);
    for (size_t sent = 0; sent < job->message_size;) {
        ssize_t size = send(worker->process.control, job->message + sent, job->message_size - sent,
                            MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            end_worker(sandbox, worker);
            return;
        }
        sent += (size_t)size;
    }
}

static size_t count_running(const struct assay_sandbox *sandbox, bool second_try)
{
    size_t count = 0;
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        const struct assay_job *job = sandbox->workers[i].job;
        if (job && (!second_try || job->again)) count++;
    }
    return count;
}

/* A second try runs when nothing else does, and nothing else starts beside it. */
static void assign(struct assay_sandbox *sandbox)
{
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        struct assay_worker *worker = &sandbox->workers[i];
        if (worker->state == ASSAY_WORKER_NONE) start_worker(sandbox, worker);
        if (worker->state != ASSAY_WORKER_IDLE || count_running(sandbox, true)) continue;
        pthread_mutex_lock(&sandbox->mutex);
        struct assay_job *job = assay_job_pop(&sandbox->waiting);
        pthread_mutex_unlock(&sandbox->mutex);
        if (!job && !count_running(sandbox, false)) job = assay_job_pop(&sandbox->again);
        if (job) hand_over(sandbox, worker, job);
    }
}

/* What time brings; gives how long nothing more will come of it, in ms. */
static int look(struct assay_sandbox *sandbox)
{
    uint64_t now = assay_clock_monotonic_ns(), next = UINT64_MAX;
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        struct assay_worker *worker = &sandbox->workers[i];
        uint64_t again = worker->state == ASSAY_WORKER_STARTING
                             ? worker->since_ns + START_MS * millisecond
                             : assay_worker_look(worker, now);
        if (again <= now) end_worker(sandbox, worker);
        if (again < next) next = again;
    }
    if (next == UINT64_MAX) return -1;
    return next <= now ? 0 : (int)((next - now) / millisecond) + 1;
}

static void serve(struct assay_sandbox *sandbox, struct assay_worker *worker,
                  const struct pollfd *files)
{
    if (files[1].revents & POLLIN) assay_notify_answer(worker);
    if ((files[2].revents | files[3].revents) & POLLIN) assay_worker_read_output(worker);
    if (files[0].revents) take_message(sandbox, worker);
}

static void turn(struct assay_sandbox *sandbox)
{
    struct pollfd files[1 + PARTS * ASSAY_WORKERS_MAX];
    assign(sandbox);
    int wait_ms = look(sandbox);
    files[0] = (struct pollfd){.fd = sandbox->wake, .events = POLLIN};
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        const struct assay_worker *worker = &sandbox->workers[i];
        const struct assay_worker_process *process = &worker->process;
        /* A full report is left where it is: a program that goes on writing waits for its end. */
        int report = worker->report_size < ASSAY_REPORT_BYTES ? process->report : -1;
        const int fds[PARTS] = {process->control, process->listener, process->output, report};
        for (size_t j = 0; j < PARTS; j++) {
            bool used = worker->state != ASSAY_WORKER_NONE && fds[j] >= 0;
            files[1 + i * PARTS + j] = (struct pollfd){.fd = used ? fds[j] : -1, .events = POLLIN};
        }
    }
    if (poll(files, 1 + PARTS * sandbox->worker_count, wait_ms) <= 0) return;
    uint64_t unused;
    if (files[0].revents && read(sandbox->wake, &unused, sizeof unused) < 0) return;
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        serve(sandbox, &sandbox->workers[i], files + 1 + i * PARTS);
    }
}

static bool goes_on(struct assay_sandbox *sandbox)
{
    pthread_mutex_lock(&sandbox->mutex);
    bool on = !sandbox->closing && !sandbox->failed;
    pthread_mutex_unlock(&sandbox->mutex);
    return on;
}

void *assay_pool_thread(void *argument)
{
    struct assay_sandbox *sandbox = argument;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), ASSAY_SANDBOX_NICE);
    while (goes_on(sandbox)) turn(sandbox);
    for (unsigned i = 0; i < sandbox->worker_count; i++) {
        struct assay_worker *worker = &sandbox->workers[i];
        if (worker->job) assay_job_destroy(worker->job);
        worker->job = NULL;
        if (worker->state != ASSAY_WORKER_NONE) end_worker(sandbox, worker);
    }
    return NULL;
}
