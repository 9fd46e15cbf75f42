/* Inside the pool: its thread, its workers, and the programs that wait. */
#ifndef ASSAY_SANDBOX_POOL_H
#define ASSAY_SANDBOX_POOL_H

#include "assay/sandbox.h"
#include "sandbox/interpreter.h"
#include "sandbox/launch.h"
#include "sandbox/report.h"

#include <pthread.h>
#include <sys/types.h>

struct assay_job {
    struct assay_job *next;
    struct assay_sandbox_limits limits;
    struct assay_sandbox_result result;
    uint8_t *message; /* what the zygote is sent */
    size_t message_size;
    bool again; /* its second try */
};

struct assay_job_list {
    struct assay_job *first, *last;
    size_t count;
};
void assay_job_push(struct assay_job_list *list, struct assay_job *job);
struct assay_job *assay_job_pop(struct assay_job_list *list); /* NULL: empty */
void assay_job_destroy(struct assay_job *job);

enum assay_worker_state {
    ASSAY_WORKER_NONE,
    ASSAY_WORKER_STARTING,
    ASSAY_WORKER_IDLE,
    ASSAY_WORKER_RUNNING
};

/* One interpreter and the program that it runs. All but the sandbox's own fields is touched by the
 * pool's thread only. */
struct assay_worker {
    enum assay_worker_state state;
    struct assay_worker_process process;
    struct assay_job *job;
    uint64_t since_ns; /* when the state began */
    /* of the program that runs */
    pid_t pid;      /* as this process sees it; 0 before its first mark */
    pid_t compiler; /* the zygote's other child, known when the program forks; 0: there is none */
    int pidfd;
    bool begun, closed; /* its first line has begun; the verdict is known */
    bool failed;        /* by its own words: what it was stands in the report */
    bool killed;
    uint64_t begin_ns, close_ns;
    uint64_t stack, instruction; /* of the mark at the beginning */
    uint64_t base_bytes;         /* address space of the interpreter */
    unsigned spawned, created;
    uint64_t output_bytes;
    uint8_t output[ASSAY_SANDBOX_OUTPUT_BYTES], report[ASSAY_REPORT_BYTES];
    size_t output_size, report_size;
};

enum { ASSAY_WORKERS_MAX = 64 };

struct assay_sandbox {
    /* set at the opening */
    struct assay_interpreter interpreter;
    struct assay_launch launch;
    enum assay_sandbox_form form;
    char degradation[256], layers[128];
    char modules[1024];
    unsigned worker_count;
    pthread_t thread;
    bool thread_runs;
    size_t pending; /* of the caller's thread */

    /* the pool's thread only */
    struct assay_worker workers[ASSAY_WORKERS_MAX];
    struct assay_job_list again; /* second tries: alone */
    unsigned start_failures;

    int wake; /* eventfd: something was submitted, or the pool closes */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* under the mutex */
    struct assay_job_list waiting, done;
    bool closing;
    bool ready, failed; /* a worker was ready once; the thread has given up */
    struct assay_error error;
};

/* The pool's thread. */
void *assay_pool_thread(void *sandbox);

/* Close the verdict: nothing can change it any more. Later calls do nothing. */
void assay_worker_close(struct assay_worker *worker, enum assay_sandbox_verdict verdict,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));
/* End the program; its interpreter kills and reaps what it left. */
void assay_worker_kill(struct assay_worker *worker);

/* Answer what waits at the worker's listener. */
void assay_notify_answer(struct assay_worker *worker);

/* One turn of what time does to a worker: limits, deadlines. Gives when to look again. */
uint64_t assay_worker_look(struct assay_worker *worker, uint64_t now_ns);
/* Read what a program wrote, as far as it is there. */
void assay_worker_read_output(struct assay_worker *worker);
/* The zygote has reaped the program: complete the job's result from its last message. */
void assay_worker_conclude(struct assay_worker *worker, const uint8_t *message);
/* Make ready for the next program. */
void assay_worker_reset(struct assay_worker *worker);

/* Resident and address space bytes, 0 when the process is gone. */
void assay_process_memory(pid_t pid, uint64_t *resident, uint64_t *address_space);
/* Of the worker's zygote and all that descend from it, but for the compiler. */
struct assay_worker_use {
    uint64_t cpu_ns, resident; /* bytes: what they have beyond the zygote each */
    uint64_t awake_ns; /* computing, or ready for it: the one below it that was it longest */
    bool awake;        /* one of those below it is now */
};
struct assay_worker_use assay_worker_tree(const struct assay_worker *worker);
/* The zygote's child that is not the program, 0 if there is none. */
pid_t assay_worker_find_compiler(const struct assay_worker *worker);

#endif
