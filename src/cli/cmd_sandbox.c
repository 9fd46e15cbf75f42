/* assay sandbox: what holds a stranger's program here, and grading programs by hand. */
#include "cli/command.h"

#include "assay/sandbox.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The self-test: what each program must be told, so that a user sees the layers at work. */
static const struct {
    const char *what, *text;
    enum assay_sandbox_verdict verdict;
} checks[] = {
    {"a right answer", "assert 1 + 1 == 2", ASSAY_SANDBOX_PASS},
    {"a wrong answer", "assert 1 + 1 == 3", ASSAY_SANDBOX_FAIL},
    {"sys.exit(0)", "import sys\nsys.exit(0)", ASSAY_SANDBOX_EXIT},
    {"os._exit(0)", "import os\nos._exit(0)", ASSAY_SANDBOX_EXIT},
    {"the harness's own call", "import os\nos.getsid(1515000002)", ASSAY_SANDBOX_FORBIDDEN},
    {"a trace function", "import sys\nsys.settrace(print)", ASSAY_SANDBOX_FORBIDDEN},
    {"an endless loop", "while True: pass", ASSAY_SANDBOX_CPU_TIME},
    {"sleep", "import time\ntime.sleep(60)", ASSAY_SANDBOX_WALL_TIME},
    {"memory", "x = bytearray(1 << 40)", ASSAY_SANDBOX_MEMORY},
    {"output", "while True: print('x' * 4096)", ASSAY_SANDBOX_OUTPUT},
    {"processes", "import os\nwhile True: os.fork()", ASSAY_SANDBOX_FORBIDDEN},
    {"a socket", "import socket\nsocket.socket()", ASSAY_SANDBOX_FORBIDDEN},
    {"another program", "import os\nos.system('true')", ASSAY_SANDBOX_FORBIDDEN},
    {"files of others", "open('/etc/hostname')", ASSAY_SANDBOX_ERROR},
    {"writing outside", "open('/usr/assay', 'w')", ASSAY_SANDBOX_ERROR}};
enum { CHECKS = sizeof checks / sizeof checks[0] };
static_assert((int)CHECKS <= (int)ASSAY_OPERANDS_MAX, "room for one row each");

struct graded {
    const char *name;
    struct assay_sandbox_result result;
    bool expected; /* of a check */
};

static bool set_text(struct assay_json *object, const char *name, const char *text)
{
    return assay_json_set(object, name, assay_json_new_text(text));
}

static bool set_number(struct assay_json *object, const char *name, uint64_t value)
{
    return assay_json_set(object, name, assay_json_new_integer((int64_t)value));
}

static struct assay_json *row_json(const struct graded *graded, bool is_check)
{
    const struct assay_sandbox_result *result = &graded->result;
    struct assay_json *row = assay_json_new_object();
    bool ok = row && set_text(row, "program", graded->name) &&
              set_text(row, "verdict", assay_sandbox_verdict_word(result->verdict)) &&
              set_text(row, "detail", result->detail) && set_text(row, "output", result->output) &&
              set_number(row, "cpu_ns", result->cpu_ns) &&
              set_number(row, "wall_ns", result->wall_ns) &&
              set_number(row, "peak_bytes", result->peak_bytes) &&
              assay_json_set(row, "retried", assay_json_new_boolean(result->retried));
    if (ok && is_check) {
        ok = assay_json_set(row, "as_it_should_be", assay_json_new_boolean(graded->expected));
    }
    if (ok) return row;
    assay_json_destroy(row);
    return NULL;
}

static enum assay_status emit(const struct assay_sandbox_facts *facts, const struct graded *graded,
                              size_t count, bool is_check, struct assay_error *err)
{
    struct assay_json *object = assay_json_new_object(), *rows = assay_json_new_array();
    bool ok = object && rows && set_text(object, "interpreter", facts->interpreter) &&
              set_text(object, "version", facts->version) &&
              set_text(object, "layers", facts->layers) &&
              set_text(object, "degradation", facts->degradation);
    for (size_t i = 0; i < count && ok; i++) {
        ok = assay_json_add(rows, row_json(&graded[i], is_check));
    }
    if (ok) {
        ok = assay_json_set(object, is_check ? "checks" : "programs", rows);
        rows = NULL;
    }
    if (ok) return assay_report_emit(object, err);
    assay_json_destroy(rows);
    assay_json_destroy(object);
    return assay_fail(err, ASSAY_EMEMORY, "no memory for the verdicts");
}

static void print_facts(const struct assay_sandbox_facts *facts)
{
    printf("interpreter  %s, %s\nlayers       %s\n", facts->interpreter, facts->version,
           facts->layers);
    if (facts->degradation[0]) printf("degradation  %s\n", facts->degradation);
}

static void print_row(const struct graded *graded, bool is_check)
{
    const struct assay_sandbox_result *result = &graded->result;
    const char *sign = !is_check ? "" : graded->expected ? "ok  " : "BAD ";
    printf("%s%-24s %-18s %8.1f ms cpu %8.1f ms wall %7.1f MB  %s\n", sign, graded->name,
           assay_sandbox_verdict_word(result->verdict), (double)result->cpu_ns / 1e6,
           (double)result->wall_ns / 1e6, (double)result->peak_bytes / 1e6, result->detail);
}

static struct assay_sandbox_limits limits_of(const struct assay_args *args)
{
    return (struct assay_sandbox_limits){
        .cpu_ms = args->cpu_ms, .wall_ms = args->wall_ms, .memory_bytes = args->memory_mb << 20};
}

/* Little time for what must run out of it, plenty of the other kind: the machine may be busy. */
static struct assay_sandbox_limits limits_of_check(const struct assay_args *args, size_t check)
{
    struct assay_sandbox_limits limits = limits_of(args);
    bool sleeps = checks[check].verdict == ASSAY_SANDBOX_WALL_TIME;
    if (!limits.cpu_ms) limits.cpu_ms = 300;
    if (!limits.wall_ms) limits.wall_ms = sleeps ? 1000 : 60000;
    return limits;
}

static enum assay_status take_all(struct assay_sandbox *sandbox, struct graded *graded,
                                  struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    while (!status && assay_sandbox_pending(sandbox) > 0) {
        struct assay_sandbox_result result;
        bool taken = false;
        status = assay_sandbox_take(sandbox, -1, &result, &taken, err);
        if (!status && taken) graded[result.tag].result = result;
    }
    return status;
}

static enum assay_status run_checks(struct assay_sandbox *sandbox, const struct assay_args *args,
                                    struct graded *graded, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < CHECKS && !status; i++) {
        struct assay_sandbox_program program = {.tag = i,
                                                .text = checks[i].text,
                                                .size = strlen(checks[i].text),
                                                .limits = limits_of_check(args, i)};
        graded[i].name = checks[i].what;
        status = assay_sandbox_submit(sandbox, &program, err);
    }
    if (!status) status = take_all(sandbox, graded, err);
    for (size_t i = 0; i < CHECKS; i++) {
        graded[i].expected = graded[i].result.verdict == checks[i].verdict;
    }
    return status;
}

/* "#: tests NAME" on a line of its own; `entry` has room for it. */
static size_t find_tests(const struct assay_bytes *text, char *entry, size_t size)
{
    static const char marker[] = "\n#: tests ";
    const char *line = text->data ? strstr((const char *)text->data, marker) : NULL;
    entry[0] = 0;
    if (!line) return 0;
    const char *name = line + sizeof marker - 1;
    snprintf(entry, size, "%.*s", (int)strcspn(name, " \r\n"), name);
    return (size_t)(line + 1 - (const char *)text->data);
}

static enum assay_status run_files(struct assay_sandbox *sandbox, const struct assay_args *args,
                                   struct graded *graded, struct assay_error *err)
{
    enum assay_status status = ASSAY_OK;
    for (size_t i = 0; i < args->operand_count && !status; i++) {
        struct assay_bytes text = {0};
        char entry[128];
        graded[i].name = args->operands[i];
        status = assay_file_read(args->operands[i], ASSAY_SANDBOX_PROGRAM_BYTES_MAX, &text, err);
        struct assay_sandbox_program program = {.tag = i,
                                                .text = (const char *)text.data,
                                                .size = text.size,
                                                .test_at = find_tests(&text, entry, sizeof entry),
                                                .entry = entry,
                                                .limits = limits_of(args)};
        if (!status) status = assay_sandbox_submit(sandbox, &program, err);
        status = assay_while(err, status, "%s", args->operands[i]);
        assay_bytes_fini(&text);
    }
    return status ? status : take_all(sandbox, graded, err);
}

static enum assay_status choose_form(const struct assay_args *args, enum assay_sandbox_form *form,
                                     struct assay_error *err)
{
    static const char *const names[] = {"auto", "namespaces", "landlock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *form = (enum assay_sandbox_form)i;
        if (strcmp(args->form ? args->form : "auto", names[i]) == 0) return ASSAY_OK;
    }
    return assay_fail(err, ASSAY_EUSAGE,
                      "--form is \"%.60s\": it must be auto, namespaces or landlock", args->form);
}

static enum assay_status show(const struct assay_args *args, struct assay_sandbox *sandbox,
                              const struct graded *graded, size_t count, struct assay_error *err)
{
    struct assay_sandbox_facts facts = assay_sandbox_facts(sandbox);
    enum assay_status status = ASSAY_OK;
    if (args->json) status = emit(&facts, graded, count, args->check, err);
    if (!args->json && !args->quiet) print_facts(&facts);
    size_t bad = 0, failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!args->json) print_row(&graded[i], args->check);
        bad += args->check && !graded[i].expected;
        failed += !args->check && graded[i].result.verdict != ASSAY_SANDBOX_PASS;
    }
    if (!status && bad) return assay_fail(err, ASSAY_EFAILED, "%zu checks do not hold here", bad);
    return !status && failed
               ? assay_fail(err, ASSAY_EFAILED, "%zu of %zu programs did not pass", failed, count)
               : status;
}

static enum assay_status cmd_sandbox(const struct assay_args *args, struct assay_error *err)
{
    struct assay_sandbox *sandbox = NULL;
    struct graded graded[ASSAY_OPERANDS_MAX] = {{0}};
    struct assay_sandbox_options options = {.interpreter = args->interpreter,
                                            .modules = args->modules,
                                            .workers = (unsigned)args->workers};
    if (args->check && args->operand_count) {
        return assay_fail(err, ASSAY_EUSAGE, "--check takes no FILE, but \"%.60s\" is given",
                          args->operands[0]);
    }
    enum assay_status status = choose_form(args, &options.form, err);
    if (!status) status = assay_while(err, assay_sandbox_open(&sandbox, &options, err), "sandbox");
    if (status) return status;
    size_t count = args->check ? (size_t)CHECKS : args->operand_count;
    status = args->check ? run_checks(sandbox, args, graded, err)
                         : run_files(sandbox, args, graded, err);
    if (!status) status = show(args, sandbox, graded, count, err);
    assay_sandbox_close(sandbox);
    return status;
}

static const struct assay_option options[] = {
    {"check", NULL, "run the self-test: each way out must be shut", ASSAY_OPTION_FLAG,
     offsetof(struct assay_args, check), 0, 0},
    ASSAY_OPTION_WORD("interpreter", "PYTHON", "a path or a name in PATH (default: python3)",
                      interpreter),
    ASSAY_OPTION_WORD("modules", "NAME,…", "also imported before programs run (numpy)", modules),
    ASSAY_OPTION_WORD("form", "FORM", "auto, namespaces or landlock (default: auto)", form),
    {"cpu-ms", "N", "processor time of a program (default: 3000)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, cpu_ms), 1, 3600000},
    {"wall-ms", "N", "time that a program may sleep, by the clock (default: 10 times --cpu-ms)",
     ASSAY_OPTION_NUMBER, offsetof(struct assay_args, wall_ms), 1, 36000000},
    {"memory-mb", "N", "memory of a program, in MiB (default: 1024)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, memory_mb), 1, 1 << 20},
    {"workers", "N", "programs that run at once (default: 1)", ASSAY_OPTION_NUMBER,
     offsetof(struct assay_args, workers), 1, 64},
    ASSAY_OPTION_COMMON,
    {NULL, NULL, NULL, ASSAY_OPTION_FLAG, 0, 0, 0}};

const struct assay_command assay_cmd_sandbox = {
    "sandbox",
    "[FILE.py …]",
    0,
    ASSAY_OPERANDS_MAX,
    "show what holds a program here, and grade programs",
    "Code that a model wrote runs in a sandbox without docker or root. Without FILE this says "
    "which\n"
    "interpreter and which layers this machine has; with FILE it grades each: pass, fail (an\n"
    "assertion), error, syntax, exit, cpu-time, wall-time, memory, output, killed-by-sandbox, "
    "lost.\n"
    "A line \"#: tests NAME\" says that what follows tests the function NAME: it runs in a\n"
    "namespace of its own, which what the program did to builtins and names does not reach.\n"
    "A time-out is tried again, alone, before it counts. The exit code is 1 when one did not "
    "pass.\n\n"
    "  assay sandbox --check\n"
    "  assay sandbox answer.py --cpu-ms 500 --json\n",
    options,
    cmd_sandbox};
