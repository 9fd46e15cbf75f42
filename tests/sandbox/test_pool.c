/* The pool in both forms: verdicts, order, second tries, refusals, and that nobody forges a pass. A
 * form that this kernel refuses is skipped with the kernel's reason. */
#include "harness/check.h"

#include "assay/sandbox.h"

#include <stdio.h>
#include <stdlib.h>

static struct assay_sandbox *open_pool(enum assay_sandbox_form form, unsigned workers)
{
    struct assay_sandbox *sandbox = NULL;
    struct assay_error err = {0};
    struct assay_sandbox_options options = {.workers = workers, .form = form};
    enum assay_status status = assay_sandbox_open(&sandbox, &options, &err);
    if (status == ASSAY_EMACHINE && !strstr(err.text, "interpreter \"")) {
        print_message("SKIP: %s\n", err.text);
        skip();
    }
    if (status) fail_msg("%s", err.text);
    return sandbox;
}

static struct assay_sandbox_result grade(struct assay_sandbox *sandbox,
                                         const struct assay_sandbox_program *program)
{
    struct assay_sandbox_result result;
    struct assay_error err = {0};
    bool taken = false;
    if (assay_sandbox_submit(sandbox, program, &err)) fail_msg("%s", err.text);
    if (assay_sandbox_take(sandbox, -1, &result, &taken, &err)) fail_msg("%s", err.text);
    assert_true(taken);
    assert_int_equal(result.tag, program->tag);
    return result;
}

struct row {
    const char *text;
    enum assay_sandbox_verdict verdict;
    const char *detail; /* part of it */
};

#define FORGE "import os, sys, signal, threading\nEND = 1515000002\n"

static const struct row verdicts[] = {
    {"", ASSAY_SANDBOX_PASS, ""},
    {"assert True", ASSAY_SANDBOX_PASS, ""},
    {"assert 1 == 2, 'no'", ASSAY_SANDBOX_FAIL, "AssertionError: no"},
    {"1 / 0", ASSAY_SANDBOX_ERROR, "ZeroDivisionError"},
    {"raise KeyboardInterrupt", ASSAY_SANDBOX_ERROR, "KeyboardInterrupt"},
    {"def f(:", ASSAY_SANDBOX_SYNTAX, "SyntaxError"},
    {"x = '\0'", ASSAY_SANDBOX_SYNTAX, "null bytes"},
    {"raise SyntaxError", ASSAY_SANDBOX_ERROR, "SyntaxError"},
    {"import sys; sys.exit(0)", ASSAY_SANDBOX_EXIT, "SystemExit: 0"},
    {"import os; os._exit(0)", ASSAY_SANDBOX_EXIT, "exit status 0"},
    {"import os; os.abort()", ASSAY_SANDBOX_ERROR, "signal 6"},
    {"x = bytearray(1 << 40)", ASSAY_SANDBOX_MEMORY, "MemoryError"},
    {"while True: print('x' * 1000)", ASSAY_SANDBOX_OUTPUT, ""},
    {"import collections\nassert collections.namedtuple('P', 'a')(1).a == 1", ASSAY_SANDBOX_PASS,
     ""},
    {"import asyncio\nasync def f(): return 1\nassert asyncio.run(f()) == 1", ASSAY_SANDBOX_PASS,
     ""},
    {"import threading\nt = threading.Thread(target=print); t.start(); t.join()",
     ASSAY_SANDBOX_PASS, ""},
    {"import os\nassert os.listdir('.') == []\nopen('a\\nb', 'w').write('x')", ASSAY_SANDBOX_PASS,
     ""},
    {"import os\nassert os.listdir('.') == []", ASSAY_SANDBOX_PASS, ""}, /* the last one is gone */
    {"import ctypes", ASSAY_SANDBOX_ERROR, "Error"},
};

/* Each tries to look like a program that came to its end. */
static const struct row forgeries[] = {
    {FORGE "os.getsid(END)", ASSAY_SANDBOX_FORBIDDEN, "forged"},
    {FORGE "os.getsid(1515000001)", ASSAY_SANDBOX_FORBIDDEN, "harness"},
    {FORGE "os.getsid(1515000003); raise SystemExit", ASSAY_SANDBOX_EXIT, "SystemExit"},
    {FORGE "threading.Thread(target=os.getsid, args=(END,)).start()\nassert 0",
     ASSAY_SANDBOX_FORBIDDEN, "forged"},
    {FORGE "if os.fork(): assert 0\nelse: os.getsid(END)", ASSAY_SANDBOX_FAIL, "AssertionError"},
    {FORGE "if os.fork(): os.wait(); assert 0", ASSAY_SANDBOX_FAIL, "AssertionError"},
    {FORGE "class D:\n  def __del__(s): os.getsid(END)\nd = D()\nraise ValueError",
     ASSAY_SANDBOX_ERROR, "ValueError"},
    {FORGE "signal.signal(14, lambda *a: os.getsid(END)); signal.setitimer(0, 0.001)\n"
           "while True: pass",
     ASSAY_SANDBOX_FORBIDDEN, "forged"},
    {FORGE "import atexit; atexit.register(os.getsid, END); sys.exit(0)", ASSAY_SANDBOX_EXIT, ""},
    {FORGE "sys.settrace(lambda *a: None)", ASSAY_SANDBOX_FORBIDDEN, "sys.settrace"},
    {FORGE "import gc; gc.get_objects()", ASSAY_SANDBOX_FORBIDDEN, "gc.get_objects"},
    {FORGE "f = lambda: 1\nf.__code__.replace(co_consts=())", ASSAY_SANDBOX_FORBIDDEN, "code"},
    {FORGE "import __main__\n__main__.report = lambda: os.getsid(END)\nassert 0",
     ASSAY_SANDBOX_FAIL, ""},
    {FORGE "f = sys._getframe()\nwhile f.f_back: f = f.f_back\nf.f_globals.clear()\nassert 0",
     ASSAY_SANDBOX_FAIL, ""},
    {FORGE "c = sys._getframe().f_back.f_code\ntype(lambda: 1)(c, {})()", ASSAY_SANDBOX_FORBIDDEN,
     "harness"},
    {FORGE "os.write(3, b'P'); os.write(1, b'passed'); os._exit(0)", ASSAY_SANDBOX_EXIT, ""},
    {FORGE "open('/proc/self/mem', 'r+b')", ASSAY_SANDBOX_ERROR, "Error"},
    {FORGE "import builtins\nbuiltins.BaseException = builtins.AssertionError = None\nassert 0",
     ASSAY_SANDBOX_FAIL, ""},
};

static void check_rows(enum assay_sandbox_form form, const struct row *rows, size_t count)
{
    struct assay_sandbox *sandbox = open_pool(form, 1);
    for (size_t i = 0; i < count; i++) {
        bool has_nul = strcmp(rows[i].text, "x = '") == 0;
        struct assay_sandbox_program program = {
            .tag = 7 + i, .text = rows[i].text, .size = has_nul ? 7 : strlen(rows[i].text)};
        struct assay_sandbox_result result = grade(sandbox, &program);
        if (result.verdict != rows[i].verdict || !strstr(result.detail, rows[i].detail)) {
            fail_msg("%s (%s) instead of %s (%s) for:\n%s",
                     assay_sandbox_verdict_word(result.verdict), result.detail,
                     assay_sandbox_verdict_word(rows[i].verdict), rows[i].detail, rows[i].text);
        }
        assert_true(result.wall_ns > 0 || result.verdict == ASSAY_SANDBOX_SYNTAX);
        assert_true(result.peak_bytes > 1 << 20);
    }
    assay_sandbox_close(sandbox);
}

static void test_namespaces(void **state)
{
    (void)state;
    check_rows(ASSAY_SANDBOX_NAMESPACES, verdicts, COUNT_OF(verdicts));
    check_rows(ASSAY_SANDBOX_NAMESPACES, forgeries, COUNT_OF(forgeries));
}

static void test_landlock(void **state)
{
    (void)state;
    check_rows(ASSAY_SANDBOX_LANDLOCK, verdicts, COUNT_OF(verdicts));
    check_rows(ASSAY_SANDBOX_LANDLOCK, forgeries, COUNT_OF(forgeries));
}

/* `begin`, then `part` again and again up to `size` bytes. */
static char *repeat(const char *begin, const char *part, size_t size)
{
    size_t used = strlen(begin), length = strlen(part);
    char *text = test_malloc(used + size + length + 1);
    memcpy(text, begin, used);
    for (; used < size; used += length) memcpy(text + used, part, length);
    text[used] = 0;
    return text;
}

/* Each `finally` is compiled twice, so this grows as 2^depth. */
static char *nest(int depth)
{
    size_t size = 64 * ((size_t)depth + 1), used = 0;
    char *text = test_malloc(size);
    for (int i = 0; i < depth; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%*stry: pass\n%*sfinally:\n", i, "", i, "");
    }
    snprintf(text + used, size - used, "%*spass\n", depth, "");
    return text;
}

/* The compiler beside the zygote: what it leaves to the program's own process, what ends it, and
 * what it has spent change no verdict. */
static void check_compiler(enum assay_sandbox_form form)
{
    char *large = repeat("", "x = 1\n", 80000), *wrong = repeat("def f(:\n", "x = 1\n", 80000);
    char *deep = repeat("", "not ", 60000), *costly = nest(18), *dear = nest(14);
    const struct row rows[] = {
        {"def f(:", ASSAY_SANDBOX_SYNTAX, "SyntaxError"},
        {large, ASSAY_SANDBOX_PASS, ""},
        {wrong, ASSAY_SANDBOX_SYNTAX, "SyntaxError"},
        {deep, ASSAY_SANDBOX_MEMORY, "MemoryError"}, /* CPython's word for a parser's full stack */
        {costly, ASSAY_SANDBOX_PASS, ""},            /* more than the compiler may spend */
        {"assert True", ASSAY_SANDBOX_PASS, ""},
        {"def f():\n  x\n y", ASSAY_SANDBOX_SYNTAX, "IndentationError"},
        {"return", ASSAY_SANDBOX_SYNTAX, "outside function"},
        {"import os\nfor fd in range(4, 40):\n  try: os.fstat(fd)\n  except OSError: pass\n"
         "  else: raise SystemExit(fd)",
         ASSAY_SANDBOX_PASS, ""}, /* nothing of the zygote's is open in a program */
        {dear, ASSAY_SANDBOX_PASS, ""},
        {dear, ASSAY_SANDBOX_PASS, ""},
        {dear, ASSAY_SANDBOX_PASS, ""},
    };
    struct assay_sandbox *sandbox = open_pool(form, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_sandbox_program program = {
            .tag = i,
            .text = rows[i].text,
            .size = strlen(rows[i].text),
            .limits = {.cpu_ms = 60000, .memory_bytes = UINT64_C(4) << 30}};
        struct assay_sandbox_result result = grade(sandbox, &program);
        if (result.verdict != rows[i].verdict || !strstr(result.detail, rows[i].detail)) {
            fail_msg("%s (%s) instead of %s (%s) for: %.40s",
                     assay_sandbox_verdict_word(result.verdict), result.detail,
                     assay_sandbox_verdict_word(rows[i].verdict), rows[i].detail, rows[i].text);
        }
        assert_false(result.retried);
    }
    /* What it has spent is not charged to a program that forks. */
    static const char forks[] =
        "import os, time\nif os.fork() == 0:\n  time.sleep(0.5)\n  os._exit(0)\nos.wait()";
    struct assay_sandbox_program program = {
        .text = forks, .size = sizeof forks - 1, .limits = {.cpu_ms = 100, .wall_ms = 60000}};
    assert_int_equal(grade(sandbox, &program).verdict, ASSAY_SANDBOX_PASS);
    for (unsigned i = 0; i < 1100; i++) { /* it is replaced after 1000 */
        program = (struct assay_sandbox_program){.tag = i, .text = "a b", .size = 3};
        assert_int_equal(grade(sandbox, &program).verdict, ASSAY_SANDBOX_SYNTAX);
    }
    assay_sandbox_close(sandbox);
    char *all[] = {large, wrong, deep, costly, dear};
    for (size_t i = 0; i < COUNT_OF(all); i++) test_free(all[i]);
}

static void test_compiler(void **state)
{
    (void)state;
    check_compiler(ASSAY_SANDBOX_NAMESPACES);
}

static void test_compiler_landlock(void **state)
{
    (void)state;
    check_compiler(ASSAY_SANDBOX_LANDLOCK);
}

/* Tests in a namespace of their own: what a program does to their names before they run, and to
 * builtins, changes nothing; its own functions they see. */
static void test_tests_apart(void **state)
{
    (void)state;
    static const char tests[] = "def check(f):\n    assert abs(f() - 1) < 0.5\ncheck(f)";
    static const struct {
        const char *body;
        enum assay_sandbox_verdict verdict;
    } rows[] = {
        {"def f(): return 1\n", ASSAY_SANDBOX_PASS},
        {"def g(): return 1\ndef f(): return g()\n", ASSAY_SANDBOX_PASS},
        {"def f(): return 2\n", ASSAY_SANDBOX_FAIL},
        {"def f(): return 2\ndef abs(x): return 0\n", ASSAY_SANDBOX_FAIL},
        {"def f(): return 2\nimport builtins\nbuiltins.abs = lambda x: 0\n", ASSAY_SANDBOX_FAIL},
        {"def f(): return 2\n__builtins__['abs'] = lambda x: 0\n", ASSAY_SANDBOX_FAIL},
        {"def f(): return 2\nclass D:\n  def __del__(s): globals()['check'] = print\ncheck = D()\n",
         ASSAY_SANDBOX_FAIL},
        {"def f():\n  import builtins; builtins.abs = lambda x: 0; return 2\n", ASSAY_SANDBOX_FAIL},
        {"def f(): return 2\nx = '''\n", ASSAY_SANDBOX_SYNTAX},
        {"def f(): raise SystemExit(0)\n", ASSAY_SANDBOX_EXIT},
    };
    struct assay_sandbox *sandbox = open_pool(ASSAY_SANDBOX_AUTO, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        snprintf(text, sizeof text, "%s%s", rows[i].body, tests);
        struct assay_sandbox_program program = {
            .text = text, .size = strlen(text), .test_at = strlen(rows[i].body), .entry = "f"};
        struct assay_sandbox_result result = grade(sandbox, &program);
        if (result.verdict != rows[i].verdict) {
            fail_msg("%s (%s) for:\n%s", assay_sandbox_verdict_word(result.verdict), result.detail,
                     rows[i].body);
        }
    }
    /* A function that is tested may have the name of a builtin. */
    static const char own[] = "def sum(a): return 7\nassert sum([1]) == 7";
    struct assay_sandbox_program program = {
        .text = own, .size = strlen(own), .test_at = 21, .entry = "sum"};
    assert_int_equal(grade(sandbox, &program).verdict, ASSAY_SANDBOX_PASS);
    program.entry = NULL;
    assert_int_equal(grade(sandbox, &program).verdict, ASSAY_SANDBOX_FAIL);
    assay_sandbox_close(sandbox);
}

/* Many at once on two interpreters: each result comes once, under its own tag. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    bool seen[COUNT] = {false};
    struct assay_sandbox *sandbox = open_pool(ASSAY_SANDBOX_AUTO, 2);
    struct assay_error err = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        char text[64];
        snprintf(text, sizeof text, "assert %u %% 3 == 0", (unsigned)i);
        struct assay_sandbox_program program = {.tag = i, .text = text, .size = strlen(text)};
        assert_int_equal(assay_sandbox_submit(sandbox, &program, &err), ASSAY_OK);
    }
    assert_int_equal(assay_sandbox_pending(sandbox), COUNT);
    while (assay_sandbox_pending(sandbox)) {
        struct assay_sandbox_result result;
        bool taken = false;
        assert_int_equal(assay_sandbox_take(sandbox, 50, &result, &taken, &err), ASSAY_OK);
        if (!taken) continue;
        assert_false(seen[result.tag]);
        seen[result.tag] = true;
        assert_int_equal(result.verdict,
                         result.tag % 3 == 0 ? ASSAY_SANDBOX_PASS : ASSAY_SANDBOX_FAIL);
    }
    assay_sandbox_close(sandbox);
}

/* A second try for what ran out of time, and none for what did not. */
static void test_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_sandbox_verdict verdict;
    } rows[] = {
        {"while True: pass", ASSAY_SANDBOX_CPU_TIME},
        {"import time; time.sleep(100)", ASSAY_SANDBOX_WALL_TIME},
        {"import threading, time\nfor i in range(4): threading.Thread(target=time.sleep, "
         "args=(100,)).start()\ntime.sleep(100)",
         ASSAY_SANDBOX_WALL_TIME},
        {"import os\nif os.fork() == 0:\n    while True: pass\nos.wait()", ASSAY_SANDBOX_CPU_TIME},
        {"sum(range(1000000))", ASSAY_SANDBOX_PASS}};
    struct assay_sandbox *sandbox = open_pool(ASSAY_SANDBOX_AUTO, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_sandbox_program program = {.text = rows[i].text,
                                                .size = strlen(rows[i].text),
                                                .limits = {.cpu_ms = 300, .wall_ms = 60000}};
        if (rows[i].verdict == ASSAY_SANDBOX_WALL_TIME) program.limits.wall_ms = 2000;
        struct assay_sandbox_result result = grade(sandbox, &program);
        assert_int_equal(result.verdict, rows[i].verdict);
        assert_int_equal(result.retried, rows[i].verdict != ASSAY_SANDBOX_PASS);
    }
    assay_sandbox_close(sandbox);
}

/* The clock is for who sleeps: a program that computes, or would if it had a processor, has not
 * spent its time by it, however little that is. */
static void test_clock(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum assay_sandbox_verdict verdict;
    } rows[] = {{"sum(range(60000000))", ASSAY_SANDBOX_PASS},
                {"import os\nif os.fork() == 0:\n    sum(range(60000000))\nelse:\n    os.wait()",
                 ASSAY_SANDBOX_PASS},
                {"import time\nsum(range(60000000))\ntime.sleep(100)", ASSAY_SANDBOX_WALL_TIME}};
    struct assay_sandbox *sandbox = open_pool(ASSAY_SANDBOX_AUTO, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct assay_sandbox_program program = {.text = rows[i].text,
                                                .size = strlen(rows[i].text),
                                                .limits = {.cpu_ms = 60000, .wall_ms = 500}};
        struct assay_sandbox_result result = grade(sandbox, &program);
        assert_int_equal(result.verdict, rows[i].verdict);
        assert_true(result.cpu_ns > 600000000);
    }
    assay_sandbox_close(sandbox);
}

static void test_refusals(void **state)
{
    (void)state;
    struct assay_error err = {0};
    struct assay_sandbox *sandbox = NULL;
    struct assay_sandbox_options options = {.interpreter = "/no/such/python"};
    assert_int_equal(assay_sandbox_open(&sandbox, &options, &err), ASSAY_EMACHINE);
    assert_non_null(strstr(err.text, "/no/such/python"));
    options.interpreter = "true";
    assert_int_equal(assay_sandbox_open(&sandbox, &options, &err), ASSAY_EMACHINE);
    options = (struct assay_sandbox_options){.workers = 65};
    assert_int_equal(assay_sandbox_open(&sandbox, &options, &err), ASSAY_EVALUE);
    options = (struct assay_sandbox_options){.modules = "no_such_module_at_all"};
    assert_int_equal(assay_sandbox_open(&sandbox, &options, &err), ASSAY_EMACHINE);
    assert_non_null(strstr(err.text, "no_such_module_at_all"));

    sandbox = open_pool(ASSAY_SANDBOX_AUTO, 1);
    struct assay_sandbox_facts facts = assay_sandbox_facts(sandbox);
    assert_int_equal(facts.interpreter[0], '/');
    assert_non_null(strstr(facts.version, "Python 3."));
    assert_non_null(strstr(facts.layers, "seccomp"));
    struct assay_sandbox_program program = {.text = "x", .size = 1, .test_at = 2};
    assert_int_equal(assay_sandbox_submit(sandbox, &program, &err), ASSAY_EVALUE);
    program =
        (struct assay_sandbox_program){.text = "", .size = ASSAY_SANDBOX_PROGRAM_BYTES_MAX + 1};
    assert_int_equal(assay_sandbox_submit(sandbox, &program, &err), ASSAY_EVALUE);
    /* Nothing is pending: a take that would wait for ever comes back. */
    struct assay_sandbox_result result;
    bool taken = true;
    assert_int_equal(assay_sandbox_take(sandbox, -1, &result, &taken, &err), ASSAY_OK);
    assert_false(taken);
    /* Closed while programs run and wait. */
    for (int i = 0; i < 3; i++) {
        program = (struct assay_sandbox_program){.text = "while True: pass", .size = 16};
        assert_int_equal(assay_sandbox_submit(sandbox, &program, &err), ASSAY_OK);
    }
    assay_sandbox_close(sandbox);
    assay_sandbox_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_namespaces),  cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_compiler),    cmocka_unit_test(test_compiler_landlock),
        cmocka_unit_test(test_tests_apart), cmocka_unit_test(test_many),
        cmocka_unit_test(test_time),        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
