"""What runs in a sandbox's interpreter: python -s -B -X utf8 -c THIS MODULES. See sandbox.h for why
a pass cannot be forged.

The zygote imports what programs use, then forks a child for each program it is sent on CONTROL. It
never runs a line of theirs. In the child, marks are calls of getsid with numbers that are no
process: seccomp stops them until the watcher outside has looked at the caller's stack pointer.
What a model writes often does not compile, and its tests are those of the program before; so one
more child compiles for the zygote, and only what compiles is forked for.
"""
import builtins
import gc
import importlib
import importlib.machinery
import marshal
import os
import resource
import signal
import struct
import sys
import time
import types
import warnings

CONTROL = 4
BEGIN, END, FAILED, COMPILE, AUDIT = 1515000001, 1515000002, 1515000003, 1515000004, 1515000100
# What the compiler takes: larger texts are compiled where they run. Processor time is of one text.
SMALL_BYTES, COMPILER_CPU_S, COMPILER_BYTES, COMPILER_PROGRAMS = 1 << 16, 0.5, 1 << 30, 1000
QUESTION, ANSWER = struct.Struct("<QQQ"), struct.Struct("<?QQQQ")

STANDARD = (
    "abc argparse array ast base64 binascii bisect calendar cmath collections.abc contextlib copy "
    "csv dataclasses datetime decimal difflib enum fractions functools hashlib heapq html inspect "
    "io itertools json keyword logging math numbers operator pickle pprint queue random re "
    "secrets shutil statistics string subprocess tempfile textwrap threading time timeit "
    "tokenize traceback types typing unicodedata unittest uuid weakref zlib zoneinfo"
)
# Never loaded: memory at will, tests of the interpreter, terminals.
REFUSED = ("_ctypes", "_tkinter", "_curses", "readline", "_test", "_xx", "xx", "_interp", "nis")
# Events of PEP 578 that end a program: each could change what the steps below do.
FORBIDDEN = (
    "sys.settrace", "sys.setprofile", "sys.monitoring.register_callback", "gc.get_objects",
    "gc.get_referrers", "gc.get_referents", "sys._current_frames", "sys._current_exceptions",
    "code.__new__", "marshal.loads", "marshal.load", "cpython.PyInterpreterState_New",
)  # fmt: skip

# A string that is called or passed here stands for a constant of the code object (see `constant`):
# no name is looked up, so there is nothing that the program could replace. The bare except looks
# nothing up either.
STEPS = """
def steps():
    try:
        "mark"("begin")
        "exec"("body", "names")
        {tests}
    except:
        "mark"("failed")
        "report"()
    else:
        "mark"("end")
"""
TESTS = """
        "clear names"()
        "update names"("names")
        "update names"("pairs")
        "clear builtins"()
        "update builtins"("all pairs")
        "exec"("tests", "tests names")
"""
HOOK = "def hook(event, unused):\n" + "".join(
    f"    if event == {event!r}: 'mark'('audit {i}')\n" for i, event in enumerate(FORBIDDEN)
)


def preload(modules):
    for name in REFUSED:
        if name.startswith("_") and not name.endswith(("_test", "_xx", "_interp")):
            sys.modules[name] = None
    names = STANDARD.split()
    for folder in sys.path:
        if os.path.basename(folder) == "lib-dynload" and os.path.isdir(folder):
            files = sorted(os.listdir(folder))
            suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
            names += [file.split(".")[0] for file in files if file.endswith(suffixes)]
    for name in names:
        if not name.startswith(REFUSED):
            try:
                importlib.import_module(name)
            except Exception:  # a module that this interpreter was built without
                pass
    for name in filter(None, modules.split(",")):
        importlib.import_module(name)


def code_of(source, name):
    """The code of the function `name` in `source`; made before the fork, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "a str is not callable"
        made = {}
        exec(compile(source, "<sandbox>", "exec"), made)
    return made[name].__code__


def constant(code, values):
    """A function of `code`, its string constants replaced by values."""
    swap = [values.get(c, c) if isinstance(c, str) else c for c in code.co_consts]
    return types.FunctionType(code.replace(co_consts=tuple(swap)), {})


WHOLE, APART = (code_of(STEPS.format(tests=tests), "steps") for tests in ("", TESTS))
HOOK = code_of(HOOK, "hook")


KINDS = ((b"A", AssertionError), (b"M", MemoryError), (b"X", SystemExit))


def report(exc_info=sys.exc_info, kinds=KINDS, derived=issubclass, text=str, write=os.write,
           flush=sys.stdout.flush):  # fmt: skip
    """What went wrong, for people; without names that a program could have replaced. The verdict
    is closed, and what is said here is not trusted."""
    kind, problem = exc_info()[:2]
    mark = b"E"
    for letter, base in kinds:
        if derived(kind, base):
            mark = letter
    try:
        words = text(problem)
        words = f"{kind.__name__}: {words}" if words else kind.__name__
    except:  # noqa: E722
        words = "an exception that cannot be shown"
    write(3, mark + words[:1000].encode("utf-8", "replace"))
    flush()


def compiled(text):
    return compile(text.decode("utf-8", "replace"), "<program>", "exec", dont_inherit=True)


def program_steps(body, tests, entry):
    pairs = tuple(builtins.__dict__.items())
    names, tests_names, tests_builtins = {}, {}, {}
    values = {
        "mark": os.getsid, "begin": BEGIN, "end": END, "failed": FAILED, "report": report,
        "exec": exec, "names": names, "body": body,
    }  # fmt: skip
    if tests:
        public = [pair for pair in pairs if pair[0] != entry and not pair[0].startswith("__")]
        values.update({
            "tests": tests, "tests names": tests_names,
            "clear names": tests_names.clear, "update names": tests_names.update,
            "pairs": (*public, ("__builtins__", tests_builtins)), "all pairs": pairs,
            "clear builtins": tests_builtins.clear, "update builtins": tests_builtins.update,
        })  # fmt: skip
    return constant(APART if tests else WHOLE, values)


def child(text, test_at, entry, parts, files):
    os.getsid(COMPILE)  # from here on limits hold
    for file in (CONTROL, *files):
        os.close(file)
    os.setpgid(0, 0)
    try:
        if parts:
            body, tests = (marshal.loads(part) if part else None for part in parts)
        else:
            body = compiled(text[:test_at] if test_at else text)
            tests = compiled(text[test_at:]) if test_at else None
        run = program_steps(body, tests, entry)
    except BaseException:
        os.getsid(FAILED)
        report()
        return
    hook = {f"audit {i}": AUDIT + i for i in range(len(FORBIDDEN))}
    sys.addaudithook(constant(HOOK, {"mark": os.getsid, **hook}))
    run()


def take(size, file=CONTROL):
    parts = bytearray()
    while len(parts) < size:
        part = os.read(file, size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def give(file, data):
    while data:
        data = data[os.write(file, data) :]


def serve(asked, answered):
    """The compiler: texts in, code or the report of a syntax error out. Whatever else happens to
    it, its own end included, is no answer."""
    resource.setrlimit(resource.RLIMIT_DATA, (COMPILER_BYTES, COMPILER_BYTES))
    kept = {}  # tests
    for _ in range(COMPILER_PROGRAMS):
        size, test_at, _ = QUESTION.unpack(take(QUESTION.size, asked))
        text, begin, failed = take(size, asked), time.process_time_ns(), False
        tests = text[test_at:] if test_at else b""
        signal.setitimer(signal.ITIMER_PROF, COMPILER_CPU_S)
        try:
            body = marshal.dumps(compiled(text[:test_at] if test_at else text))
            if tests not in kept:
                if len(kept) == 64:
                    kept.clear()
                kept[tests] = marshal.dumps(compiled(tests)) if tests else b""
            signal.setitimer(signal.ITIMER_PROF, 0)
        except (SyntaxError, ValueError):
            signal.setitimer(signal.ITIMER_PROF, 0)
            failed = True
            report()
        parts = (b"", b"") if failed else (body, kept[tests])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        spent = time.process_time_ns() - begin
        give(answered, ANSWER.pack(failed, spent, peak, *map(len, parts)) + b"".join(parts))


class Compiler:
    """The zygote's end of a compiler, which is started when it is needed. A text that it does not
    answer is compiled where it runs, as large ones are: limits and verdicts are the same."""

    def __init__(self):
        self.pid, self.files = 0, ()

    def start(self):
        (asked, ask), (answer, answered) = os.pipe(), os.pipe()
        self.pid, self.files = os.fork(), (ask, answer)
        if self.pid == 0:
            try:
                for file in (CONTROL, *self.files):
                    os.close(file)
                serve(asked, answered)
            finally:
                os._exit(0)
        os.close(asked)
        os.close(answered)

    def end(self):
        for file in self.files:
            os.close(file)
        os.waitpid(self.pid, 0)
        self.pid, self.files = 0, ()

    def ask(self, text, test_at):
        """(is a syntax error, cpu ns, peak bytes, code of the program and of its tests) or None."""
        if len(text) > SMALL_BYTES:
            return None
        if not self.pid:
            self.start()
        try:
            give(self.files[0], QUESTION.pack(len(text), test_at, 0) + text)
            failed, cpu, peak, *sizes = ANSWER.unpack(take(ANSWER.size, self.files[1]))
            return failed, cpu, peak, [take(size, self.files[1]) for size in sizes]
        except (EOFError, BrokenPipeError):
            self.end()
            return None


def say(word, status=0, cpu_ns=0, peak_bytes=0, clean=1):
    os.write(CONTROL, struct.pack("<4sIQQQ16x", word, status, cpu_ns, peak_bytes, clean))


def collect(pid):
    """Wait for the child, kill what it left behind, reap all; (status, cpu ns, peak bytes). What it
    started is of its process group, which no program can leave, and below a child of ours."""
    _, status, usage = os.wait4(pid, 0)
    cpu, peak, options = 0.0, 0, os.WNOHANG
    while True:
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        try:
            ended, _, usage = os.wait4(-pid, options)
            if not ended:
                os.killpg(pid, signal.SIGKILL)
                options = 0
        except ChildProcessError:
            return status, int(cpu * 1e9), peak * 1024


def empty(folder):
    """Remove what a program left; folders may have been made unreadable."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            empty(path)
            os.rmdir(path)
        else:
            os.unlink(path)


def clean():
    try:
        empty(os.curdir)
        return 1
    except (OSError, RecursionError):
        return 0


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = [folder for folder in sys.path if folder]
    preload(sys.argv[1])
    sys.pycache_prefix = "/nowhere"  # late imports compile, so that marshal.loads may be forbidden
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # a child's collections then leave the zygote's pages shared
    compiler = Compiler()
    say(b"REDY")
    while True:
        try:
            size, test_at, entry_size = QUESTION.unpack(take(QUESTION.size))
            entry, text = take(entry_size).decode("utf-8", "replace"), take(size)
        except EOFError:
            os._exit(0)  # the pool is closed
        failed, cpu_ns, peak_bytes, parts = compiler.ask(text, test_at) or (False, 0, 0, ())
        if failed:
            say(b"SYNT", 0, cpu_ns, peak_bytes)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                child(text, test_at, entry, parts, compiler.files)
            finally:
                os._exit(0)
        status, more_ns, peak_bytes = collect(pid)
        say(b"DONE", status, cpu_ns + more_ns, peak_bytes, clean())


main()
