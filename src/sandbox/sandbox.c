/* The pool as its caller sees it. */
#include "sandbox/pool.h"

#include "base/bytes.h"
#include "sandbox/filter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static const struct {
    enum assay_sandbox_verdict verdict;
    const char *word, *meaning;
} verdicts[] = {
#define ASSAY_SANDBOX_ROW(name, number, word, meaning) {ASSAY_SANDBOX_##name, word, meaning},
    ASSAY_SANDBOX_VERDICT_LIST(ASSAY_SANDBOX_ROW)
#undef ASSAY_SANDBOX_ROW
};

static bool is_verdict(enum assay_sandbox_verdict verdict)
{
    return (unsigned)verdict < ASSAY_SANDBOX_VERDICT_COUNT;
}

const char *assay_sandbox_verdict_word(enum assay_sandbox_verdict verdict)
{
    return is_verdict(verdict) ? verdicts[verdict].word : "unknown";
}

const char *assay_sandbox_verdict_meaning(enum assay_sandbox_verdict verdict)
{
    return is_verdict(verdict) ? verdicts[verdict].meaning : "no verdict of this version";
}

void assay_job_push(struct assay_job_list *list, struct assay_job *job)
{
    job->next = NULL;
    if (list->last) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
    list->count++;
}

struct assay_job *assay_job_pop(struct assay_job_list *list)
{
    struct assay_job *job = list->first;
    if (!job) return NULL;
    list->first = job->next;
    if (!list->first) list->last = NULL;
    list->count--;
    return job;
}

void assay_job_destroy(struct assay_job *job)
{
    if (job) free(job->message);
    free(job);
}

static void drop_all(struct assay_job_list *list)
{
    for (struct assay_job *job; (job = assay_job_pop(list));) assay_job_destroy(job);
}

static void describe_layers(struct assay_sandbox *sandbox)
{
    if (sandbox->form == ASSAY_SANDBOX_NAMESPACES) {
        snprintf(sandbox->layers, sizeof sandbox->layers,
                 "namespaces (user, mount, pid, net, ipc, uts) + seccomp + rlimits");
    } else {
        snprintf(sandbox->layers, sizeof sandbox->layers,
                 "Landlock (version %d) + seccomp + rlimits", assay_landlock_version());
    }
}

/* Every signal goes to the caller's own threads. */
static enum assay_status start_thread(struct assay_sandbox *sandbox, struct assay_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&sandbox->thread, NULL, assay_pool_thread, sandbox);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return assay_fail_errno(err, failed, "a thread for the sandbox");
    sandbox->thread_runs = true;
    return ASSAY_OK;
}

static enum assay_status wait_ready(struct assay_sandbox *sandbox, struct assay_error *err)
{
    pthread_mutex_lock(&sandbox->mutex);
    while (!sandbox->ready && !sandbox->failed) {
        pthread_cond_wait(&sandbox->changed, &sandbox->mutex);
    }
    enum assay_status status = sandbox->failed ? sandbox->error.status : ASSAY_OK;
    if (status && err) *err = sandbox->error;
    pthread_mutex_unlock(&sandbox->mutex);
    return status;
}

/* A sandbox that lets all pass, or nothing, is none. */
static enum assay_status test_itself(struct assay_sandbox *sandbox, struct assay_error *err)
{
    static const struct {
        const char *text;
        enum assay_sandbox_verdict verdict;
    } rows[] = {{"assert 1 + 1 == 2\n", ASSAY_SANDBOX_PASS},
                {"import os; os.getsid(1515000002)\n", ASSAY_SANDBOX_FORBIDDEN},
                {"import socket; socket.socket()\n", ASSAY_SANDBOX_FORBIDDEN},
                {"raise SystemExit(0)\n", ASSAY_SANDBOX_EXIT}};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < ROWS && !status; i++) {
        struct assay_sandbox_program program = {
            .tag = i, .text = rows[i].text, .size = strlen(rows[i].text)};
        status = assay_sandbox_submit(sandbox, &program, err);
    }
    for (size_t i = 0; i < ROWS && !status; i++) {
        struct assay_sandbox_result result;
        bool taken;
        status = assay_sandbox_take(sandbox, -1, &result, &taken, err);
        if (!status && (!taken || result.verdict != rows[result.tag].verdict)) {
            status = assay_fail(
                err, ASSAY_EMACHINE, "the sandbox's test of itself gives \"%s\" (%s) for: %s",
                assay_sandbox_verdict_word(result.verdict), result.detail, rows[result.tag].text);
        }
    }
    return status;
}

static struct assay_sandbox *create(void)
{
    struct assay_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (!sandbox) return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&sandbox->mutex, NULL);
    pthread_cond_init(&sandbox->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sandbox->wake = -1;
    for (unsigned i = 0; i < ASSAY_WORKERS_MAX; i++) {
        struct assay_worker *worker = &sandbox->workers[i];
        worker->pidfd = -1;
        worker->process = (struct assay_worker_process){
            .control = -1, .report = -1, .output = -1, .listener = -1, .life = -1};
    }
    return sandbox;
}

static enum assay_status open_form(struct assay_sandbox **out, enum assay_sandbox_form form,
                                   const struct assay_sandbox_options *options,
                                   const struct assay_interpreter *interpreter,
                                   struct assay_error *err)
{
    struct assay_sandbox *sandbox = create();
    const char *modules = options->modules ? options->modules : "";
    if (!sandbox) return assay_fail(err, ASSAY_EMEMORY, "no memory for a sandbox");
    sandbox->form = form;
    sandbox->interpreter = *interpreter;
    sandbox->worker_count = options->workers ? options->workers : 1;
    snprintf(sandbox->modules, sizeof sandbox->modules, "%s", modules);
    sandbox->launch = (struct assay_launch){
        .interpreter = &sandbox->interpreter, .modules = sandbox->modules, .form = form};
    describe_layers(sandbox);
    enum assay_status status =
        assay_filter_make(&sandbox->launch.filter, &sandbox->launch.filter_count, err);
    sandbox->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!status && sandbox->wake < 0) status = assay_fail_errno(err, errno, "eventfd");
    if (!status) status = start_thread(sandbox, err);
    if (!status) status = wait_ready(sandbox, err);
    if (!status) status = test_itself(sandbox, err);
    if (status) {
        assay_sandbox_close(sandbox);
        return status;
    }
    *out = sandbox;
    return ASSAY_OK;
}

/* Namespaces, or Landlock where they are refused; both reasons are told where neither holds. */
static enum assay_status open_any(struct assay_sandbox **out,
                                  const struct assay_sandbox_options *options,
                                  const struct assay_interpreter *interpreter,
                                  struct assay_error *err)
{
    struct assay_error first = {.text = "not asked for"};
    if (options->form != ASSAY_SANDBOX_LANDLOCK) {
        enum assay_status status =
            open_form(out, ASSAY_SANDBOX_NAMESPACES, options, interpreter, &first);
        if (!status) return ASSAY_OK;
        if (options->form == ASSAY_SANDBOX_NAMESPACES) {
            return assay_fail(err, status, "namespaces: %s", first.text);
        }
    }
    struct assay_error second;
    enum assay_status status =
        open_form(out, ASSAY_SANDBOX_LANDLOCK, options, interpreter, &second);
    if (status) {
        return assay_fail(err, status, "Landlock: %.400s; namespaces: %s", second.text, first.text);
    }
    snprintf((*out)->degradation, sizeof(*out)->degradation, "no namespaces: %.200s", first.text);
    return ASSAY_OK;
}

enum assay_status assay_sandbox_open(struct assay_sandbox **out,
                                     const struct assay_sandbox_options *options,
                                     struct assay_error *err)
{
    struct assay_interpreter *interpreter = calloc(1, sizeof *interpreter);
    if (!interpreter) return assay_fail(err, ASSAY_EMEMORY, "no memory for a sandbox");
    enum assay_status status = ASSAY_OK;
    if (options->workers > ASSAY_WORKERS_MAX) {
        status = assay_fail(err, ASSAY_EVALUE, "%u interpreters: at most %d", options->workers,
                            ASSAY_WORKERS_MAX);
    } else if (options->modules && strlen(options->modules) >= 1024) {
        status = assay_fail(err, ASSAY_EVALUE, "the list of modules is longer than 1023 bytes");
    }
    if (!status) status = assay_interpreter_find(interpreter, options->interpreter, err);
    if (!status) status = open_any(out, options, interpreter, err);
    free(interpreter);
    return status;
}

struct assay_sandbox_facts assay_sandbox_facts(const struct assay_sandbox *sandbox)
{
    return (struct assay_sandbox_facts){.interpreter = sandbox->interpreter.path,
                                        .version = sandbox->interpreter.version,
                                        .layers = sandbox->layers,
                                        .degradation = sandbox->degradation,
                                        .form = sandbox->form,
                                        .workers = sandbox->worker_count};
}

static void wake(const struct assay_sandbox *sandbox)
{
    uint64_t one = 1;
    if (write(sandbox->wake, &one, sizeof one) < 0) return; /* full: it is awake */
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static struct assay_sandbox_limits complete(const struct assay_sandbox_limits *given)
{
    struct assay_sandbox_limits all = {.cpu_ms = or_default(given->cpu_ms, 3000),
                                       .memory_bytes =
                                           or_default(given->memory_bytes, UINT64_C(1) << 30),
                                       .output_bytes = or_default(given->output_bytes, 1 << 20),
                                       .processes = given->processes ? given->processes : 16,
                                       .files = given->files ? given->files : 64};
    all.wall_ms = or_default(given->wall_ms, 10 * all.cpu_ms);
    return all;
}

/* As harness.py reads it: three lengths, the entry, the text. */
static enum assay_status make_message(struct assay_job *job,
                                      const struct assay_sandbox_program *program,
                                      struct assay_error *err)
{
    const char *entry = program->entry ? program->entry : "";
    size_t entry_size = strlen(entry);
    job->message_size = 24 + entry_size + program->size;
    job->message = malloc(job->message_size);
    if (!job->message) return assay_fail(err, ASSAY_EMEMORY, "no memory for a program");
    assay_put_le64(job->message, program->size);
    assay_put_le64(job->message + 8, program->test_at);
    assay_put_le64(job->message + 16, entry_size);
    memcpy(job->message + 24, entry, entry_size);
    if (program->size) memcpy(job->message + 24 + entry_size, program->text, program->size);
    return ASSAY_OK;
}

enum assay_status assay_sandbox_submit(struct assay_sandbox *sandbox,
                                       const struct assay_sandbox_program *program,
                                       struct assay_error *err)
{
    if (program->size > ASSAY_SANDBOX_PROGRAM_BYTES_MAX) {
        return assay_fail(err, ASSAY_EVALUE, "a program of %zu bytes: at most %d", program->size,
                          ASSAY_SANDBOX_PROGRAM_BYTES_MAX);
    }
    if (program->test_at > program->size) {
        return assay_fail(err, ASSAY_EVALUE, "tests begin at byte %zu of a program of %zu",
                          program->test_at, program->size);
    }
    struct assay_job *job = calloc(1, sizeof *job);
    if (!job) return assay_fail(err, ASSAY_EMEMORY, "no memory for a program");
    job->result.tag = program->tag;
    job->limits = complete(&program->limits);
    enum assay_status status = make_message(job, program, err);
    if (status) {
        assay_job_destroy(job);
        return status;
    }
    pthread_mutex_lock(&sandbox->mutex);
    assay_job_push(&sandbox->waiting, job);
    pthread_mutex_unlock(&sandbox->mutex);
    sandbox->pending++;
    wake(sandbox);
    return ASSAY_OK;
}

static void wait_for_result(struct assay_sandbox *sandbox, int wait_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += wait_ms / 1000;
    end.tv_nsec += (wait_ms % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    int failed = 0;
    while (!sandbox->done.first && !sandbox->failed && !failed) {
        failed = wait_ms < 0 ? pthread_cond_wait(&sandbox->changed, &sandbox->mutex)
                             : pthread_cond_timedwait(&sandbox->changed, &sandbox->mutex, &end);
    }
}

enum assay_status assay_sandbox_take(struct assay_sandbox *sandbox, int wait_ms,
                                     struct assay_sandbox_result *out, bool *taken,
                                     struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    pthread_mutex_lock(&sandbox->mutex);
    if (wait_ms && sandbox->pending) wait_for_result(sandbox, wait_ms);
    struct assay_job *job = assay_job_pop(&sandbox->done);
    if (!job && sandbox->failed) {
        status = sandbox->error.status;
        if (err) *err = sandbox->error;
    }
    pthread_mutex_unlock(&sandbox->mutex);
    if (status) return assay_while(err, status, "sandbox");
    *taken = job != NULL;
    if (job) {
        *out = job->result;
        sandbox->pending--;
        assay_job_destroy(job);
    }
    return ASSAY_OK;
}

size_t assay_sandbox_pending(const struct assay_sandbox *sandbox)
{
    return sandbox->pending;
}

void assay_sandbox_close(struct assay_sandbox *sandbox)
{
    if (!sandbox) return;
    if (sandbox->thread_runs) {
        pthread_mutex_lock(&sandbox->mutex);
        sandbox->closing = true;
        pthread_mutex_unlock(&sandbox->mutex);
        wake(sandbox);
        pthread_join(sandbox->thread, NULL);
    }
    drop_all(&sandbox->waiting);
    drop_all(&sandbox->again);
    drop_all(&sandbox->done);
    if (sandbox->wake >= 0) close(sandbox->wake);
    pthread_cond_destroy(&sandbox->changed);
    pthread_mutex_destroy(&sandbox->mutex);
    free(sandbox->launch.filter);
    free(sandbox);
}
