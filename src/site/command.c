/* Another program by posix_spawn: its three streams are pipes, polled together, so that no side can
 * wait for the other for ever. */
#include "site/command.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { IN, OUT, ERRORS, STREAMS };
enum { BLOCK_BYTES = 65536, TICK_MS = 250 };

struct child {
    int ours[STREAMS], theirs[STREAMS]; /* −1: closed */
    pid_t pid;
    const char *input;
    size_t input_left;
    uint64_t deadline_ns;                  /* 0: it may take as long as it likes */
    const struct assay_command_sink *sink; /* of its output; NULL: it is kept */
};

void assay_command_fini(struct assay_command_result *result)
{
    assay_bytes_fini(&result->output);
    assay_bytes_fini(&result->errors);
}

static void close_end(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static enum assay_status open_pipes(struct child *child, struct assay_error *err)
{
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (pipe(ends) != 0) return assay_fail_errno(err, errno, "pipe");
        bool reads = i == IN; /* what the program does with its end */
        child->theirs[i] = ends[reads ? 0 : 1];
        child->ours[i] = ends[reads ? 1 : 0];
        fcntl(child->ours[i], F_SETFD, FD_CLOEXEC);
        fcntl(child->theirs[i], F_SETFD, FD_CLOEXEC);
        fcntl(child->ours[i], F_SETFL, O_NONBLOCK);
    }
    return ASSAY_OK;
}

static enum assay_status spawn(struct child *child, const char *const *argv,
                               struct assay_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults, none;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return assay_fail(err, ASSAY_EMEMORY, "no memory to start %s", argv[0]);
    }
    int failed = posix_spawnattr_init(&attributes);
    for (int i = 0; i < STREAMS && !failed; i++) {
        failed = posix_spawn_file_actions_adddup2(&actions, child->theirs[i], i);
    }
    if (!failed) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setsigmask(&attributes, &none);
        /* POSIX wants char *const *; the strings are not written to. */
        failed =
            posix_spawnp(&child->pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (failed == ENOENT) {
        return assay_fail(err, ASSAY_EMACHINE, "there is no program \"%s\" in PATH", argv[0]);
    }
    return failed ? assay_fail_errno(err, failed, "%s", argv[0]) : ASSAY_OK;
}

static void feed(struct child *child)
{
    if (child->input_left > 0) {
        ssize_t written = write(child->ours[IN], child->input, child->input_left);
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (written < 0) child->input_left = 0; /* it does not want more */
        if (written > 0) {
            child->input += written;
            child->input_left -= (size_t)written;
        }
    }
    if (child->input_left == 0) close_end(&child->ours[IN]);
}

static enum assay_status drain(struct child *child, int stream, struct assay_bytes *to,
                               const char *name, struct assay_error *err)
{
    char block[BLOCK_BYTES];
    ssize_t count = read(child->ours[stream], block, sizeof block);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return ASSAY_OK;
    if (count <= 0) {
        close_end(&child->ours[stream]);
        return ASSAY_OK;
    }
    if (stream == OUT && child->sink) {
        return child->sink->take(child->sink->context, block, (size_t)count, err);
    }
    if (to->size + (size_t)count > ASSAY_COMMAND_OUTPUT_MAX) {
        return assay_fail(err, ASSAY_EIO, "%s says more than %d bytes", name,
                          ASSAY_COMMAND_OUTPUT_MAX);
    }
    return assay_bytes_append(to, block, (size_t)count, err);
}

/* How long to wait for it now; ASSAY_EIO when its time is up. */
static enum assay_status find_wait(const struct child *child, const char *name, int *wait_ms,
                                   struct assay_error *err)
{
    *wait_ms = TICK_MS;
    if (child->deadline_ns == 0) return ASSAY_OK;
    uint64_t now = assay_clock_monotonic_ns();
    if (now >= child->deadline_ns) {
        return assay_fail(err, ASSAY_EIO, "%s has not answered for %d seconds", name,
                          ASSAY_COMMAND_SECONDS);
    }
    *wait_ms = (int)((child->deadline_ns - now) / 1000000) + 1;
    return ASSAY_OK;
}

/* Until both of its outputs are closed. */
static enum assay_status talk(struct child *child, struct assay_command_result *out,
                              const char *name, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    int wait_ms;
    while (!status && (child->ours[OUT] >= 0 || child->ours[ERRORS] >= 0)) {
        struct pollfd ends[STREAMS] = {{child->ours[IN], POLLOUT, 0},
                                       {child->ours[OUT], POLLIN, 0},
                                       {child->ours[ERRORS], POLLIN, 0}};
        status = find_wait(child, name, &wait_ms, err);
        if (status) break;
        int ready = poll(ends, STREAMS, wait_ms);
        if (ready < 0 && errno != EINTR) return assay_fail_errno(err, errno, "poll");
        if (ready <= 0) {
            if (child->sink) status = child->sink->take(child->sink->context, "", 0, err);
            continue;
        }
        if (ends[IN].revents) feed(child);
        if (ends[OUT].revents) status = drain(child, OUT, &out->output, name, err);
        if (!status && ends[ERRORS].revents) {
            status = drain(child, ERRORS, &out->errors, name, err);
        }
    }
    return status;
}

static enum assay_status end_text(struct assay_bytes *text, struct assay_error *err)
{
    while (text->size > 0 && text->data[text->size - 1] == '\n') text->data[--text->size] = 0;
    for (size_t i = 0; i < text->size; i++) {
        if (!text->data[i]) text->data[i] = '?';
    }
    return assay_bytes_append(text, "", 0, err);
}

static enum assay_status run(struct assay_command_result *out, const char *const *argv,
                             const char *input, const struct assay_command_sink *sink,
                             struct assay_error *err)
{
    struct child child = {.ours = {-1, -1, -1},
                          .theirs = {-1, -1, -1},
                          .pid = -1,
                          .input = input,
                          .input_left = input ? strlen(input) : 0,
                          .sink = sink};
    struct sigaction ignore = {0}, before;
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &before); /* a program that reads no input is no failure of ours */
    if (!sink) {
        child.deadline_ns =
            assay_clock_monotonic_ns() + (uint64_t)ASSAY_COMMAND_SECONDS * UINT64_C(1000000000);
    }
    enum assay_status status = open_pipes(&child, err);
    if (!status) status = spawn(&child, argv, err);
    for (int i = 0; i < STREAMS; i++) close_end(&child.theirs[i]);
    if (!status) {
        feed(&child);
        status = talk(&child, out, argv[0], err);
    }
    for (int i = 0; i < STREAMS; i++) close_end(&child.ours[i]);
    if (child.pid > 0) {
        int code = 0;
        if (status) kill(child.pid, SIGKILL);
        while (waitpid(child.pid, &code, 0) < 0 && errno == EINTR) continue;
        out->exit_code = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
    }
    sigaction(SIGPIPE, &before, NULL);
    if (!status) status = end_text(&out->output, err);
    if (!status) status = end_text(&out->errors, err);
    return status;
}

enum assay_status assay_command_run(struct assay_command_result *out, const char *const *argv,
                                    const char *input, struct assay_error *err)
{
    return run(out, argv, input, NULL, err);
}

enum assay_status assay_command_stream(struct assay_command_result *out, const char *const *argv,
                                       const struct assay_command_sink *sink,
                                       struct assay_error *err)
{
    return run(out, argv, NULL, sink, err);
}
