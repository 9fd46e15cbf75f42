/* Start an interpreter inside its walls. */
#ifndef ASSAY_SANDBOX_LAUNCH_H
#define ASSAY_SANDBOX_LAUNCH_H

#include "assay/sandbox.h"
#include "sandbox/interpreter.h"
#include "sandbox/scratch.h"

#include <sys/types.h>

struct sock_filter;

/* What all starts have in common, made before the first fork. */
struct assay_launch {
    const struct assay_interpreter *interpreter;
    const char *modules;
    enum assay_sandbox_form form; /* not AUTO */
    struct sock_filter *filter;
    unsigned short filter_count;
};

struct assay_worker_process {
    pid_t pid;    /* our child: the interpreter, or (landlock) the reaper above it */
    pid_t zygote; /* the interpreter; 0 until the listener was received */
    int life;     /* its closing ends the worker */
    int control;  /* stream to and from the harness */
    int report;   /* what a program's process says of its end */
    int output;   /* its stdout and stderr */
    int listener; /* of seccomp; -1 until it was received */
    struct assay_scratch scratch; /* landlock; in namespaces there is none */
};

enum { ASSAY_SANDBOX_NICE = 10 /* of interpreters, programs and the pool's thread */ };

/* Every message on `control` has this size. */
enum { ASSAY_MESSAGE_BYTES = 48 };

/* Fork, wall in, execute the interpreter: the walls are built in the child, which tells of a
 * failure on `control` as message 'F'; message 'L' brings the listener. */
ASSAY_MUST_CHECK enum assay_status assay_launch_start(struct assay_worker_process *out,
                                                      const struct assay_launch *launch,
                                                      struct assay_error *err);
/* Kill the interpreter, and with it all that it holds; close everything. */
void assay_launch_end(struct assay_worker_process *process);

/* In the child, after the fork: only system calls. 0, or an errno and the name of the step. */
int assay_walls_namespaces(const struct assay_interpreter *interpreter, unsigned user,
                           unsigned group, const char **step);
int assay_walls_landlock(const struct assay_interpreter *interpreter, const char *scratch,
                         const char **step);
/* The version of Landlock's interface; negative: -errno. */
int assay_landlock_version(void);

#endif
