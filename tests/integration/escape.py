"""Programs that try to get out, or to pass without a right answer, in both forms of the sandbox:
escape.py ASSAY [FORM …]. Each row must end in one of its verdicts, and afterwards the host must be
as before: canary files, processes, a listener on the loopback interface. A form that this kernel
refuses is skipped with the kernel's reason; exit 77 when that leaves none.
"""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import ASSAY

# %(canary)s: a file of ours; %(folder)s: a folder of ours; %(port)d: our listener; %(pid)d: us.
KILLED, ERROR, EXIT, FAIL = "killed-by-sandbox", "error", "exit", "fail"
ROWS = [
    ("fork bomb", "import os\nwhile True: os.fork()", {KILLED}),
    ("thread bomb", "import threading, time\nwhile True:\n"
     "    threading.Thread(target=time.sleep, args=(9,)).start()", {KILLED, ERROR}),
    ("memory bomb", "x = []\nwhile True: x.append(bytearray(1 << 24))", {"memory"}),
    ("memory bomb of many", "import os, time\nfor i in range(8):\n    if os.fork() == 0:\n"
     "        x = b'x' * (150 << 20)\n        time.sleep(60)\ntime.sleep(60)", {"memory"}),
    ("endless loop", "while True: pass", {"cpu-time"}),
    ("endless loop in C", "sum(iter(int, 1))", {"cpu-time"}),
    ("endless loop, all caught", "while True:\n    try:\n        while True: pass\n"
     "    except BaseException: pass", {"cpu-time"}),
    ("endless loop of a child", "import os\nif os.fork() == 0:\n    while True: pass\nos.wait()",
     {"cpu-time"}),
    ("signals ignored", "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal."
     "SIG_IGN)\n    except Exception: pass\nwhile True: pass", {"cpu-time"}),
    ("sleep", "import time\ntime.sleep(1000)", {"wall-time"}),
    ("1 GB of output", "import os\nfor i in range(1024): os.write(1, b'x' * (1 << 20))",
     {"output"}),
    ("1 GB of report", "import os\nfor i in range(1024): os.write(3, b'A' * (1 << 20))",
     {"wall-time"}),
    ("1 GB of files", "for i in range(1024): open(f'f{i}', 'wb').write(b'x' * (15 << 20))",
     {ERROR, "cpu-time", "wall-time"}),
    ("reading a canary", "print(open(%(canary)r).read())\nassert 0", {ERROR}),
    ("reading home", "import os\np = os.path.expanduser('~root')\n"
     "print(open(p + '/.bashrc').read())", {ERROR}),
    ("/etc/passwd", "open('/etc/passwd')", {ERROR}),
    ("/proc of the parent", "import os\nopen(f'/proc/{os.getppid()}/environ', 'rb').read()",
     {ERROR}),
    ("/proc of the tester", "open('/proc/%(pid)d/environ', 'rb').read()", {ERROR}),
    ("/proc/self/mem", "open('/proc/self/mem', 'r+b')", {ERROR}),
    ("/proc/self/fd", "import os\nos.listdir('/proc/self/fd')", {ERROR}),
    ("writing outside", "open(%(canary)r, 'w').write('gone')", {ERROR}),
    ("new file outside", "open(%(folder)r + '/new', 'w')", {ERROR}),
    ("removing outside", "import os\nos.unlink(%(canary)r)", {ERROR}),
    ("renaming outside", "import os\nopen('x', 'w')\nos.rename('x', %(canary)r)", {ERROR}),
    ("chmod outside", "import os\nos.chmod(%(canary)r, 0o777)", {ERROR}),
    ("truncate outside", "import os\nos.truncate(%(canary)r, 0)", {ERROR}),
    ("writing to /usr", "open('/usr/assay-was-here', 'w')", {ERROR}),
    ("symlink outside", "import os\nos.symlink(%(canary)r, 'l')\nopen('l').read()", {ERROR}),
    ("hard link outside", "import os\nos.link(%(canary)r, 'l')\nopen('l').read()", {ERROR}),
    ("dot dot", "open('../' * 20 + %(canary)r[1:]).read()", {ERROR}),
    ("descriptors", "import os\nfor fd in range(4, 1024):\n    try: os.fstat(fd)\n"
     "    except OSError: continue\n    raise SystemExit(fd)\nassert 0", {FAIL}),
    ("folders by descriptor", "import os\nd = os.open('.', os.O_RDONLY)\n"
     "os.open('../../../..' + %(canary)r, os.O_RDONLY, dir_fd=d)", {ERROR}),
    ("socket to loopback", "import socket\nsocket.create_connection(('127.0.0.1', %(port)d), 2)",
     {KILLED}),
    ("socket outside", "import socket\nsocket.create_connection(('192.0.2.1', 80), 2)", {KILLED}),
    ("datagram", "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', "
     "('127.0.0.1', %(port)d))", {KILLED}),
    ("unix datagram", "import socket\na, b = socket.socketpair(type=socket.SOCK_DGRAM)\n"
     "a.sendto(b'x', '/dev/log')", {KILLED}),
    ("urllib", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:%(port)d/')",
     {KILLED}),
    ("kill of the parent", "import os\nos.kill(os.getppid(), 9)", {KILLED}),
    ("kill of the tester", "import os\nos.kill(%(pid)d, 9)", {KILLED}),
    ("kill of everything", "import os\nos.kill(-1, 9)", {KILLED}),
    ("killpg of the parent", "import os\nos.killpg(os.getpgid(os.getppid()), 9)",
     {KILLED, ERROR}),
    ("ptrace", "import ctypes\nctypes.CDLL(None).ptrace(16, %(pid)d, 0, 0)", {ERROR}),
    ("ctypes by its file", "import importlib.util, sys\ndel sys.modules['_ctypes']\n"
     "import ctypes\nctypes.string_at(0)", {ERROR}),
    ("own machine code", "import mmap\nmmap.mmap(-1, 4096, prot=7)", {ERROR}),
    ("subclass walk", "for c in ().__class__.__base__.__subclasses__():\n"
     "    if c.__name__ == '_wrap_close':\n        c.__init__.__globals__['system']('id')\n"
     "assert 0", {KILLED}),
    ("subprocess", "import subprocess\nsubprocess.run(['id'])", {KILLED}),
    ("posix_spawn", "import os\nos.posix_spawn('/usr/bin/id', ['id'], {})", {KILLED}),
    ("exec", "import os\nos.execv('/usr/bin/id', ['id'])", {KILLED}),
    ("setuid", "import os\nos.setuid(0)", {KILLED}),
    ("setgroups", "import os\nos.setgroups([])", {KILLED}),
    ("chroot", "import os\nos.chroot('.')", {KILLED}),
    ("mounting", "import os\nos.mknod('disk', 0o60660, os.makedev(8, 0))", {KILLED}),
    ("a session of its own", "import os\nif os.fork() == 0: os.setsid()\nos.wait()\nassert 0",
     {KILLED, FAIL}),
    ("a child that outlives", "import os, time\nif os.fork() == 0:\n    if os.fork() == 0:\n"
     "        time.sleep(1000)\n    os._exit(0)\nraise ValueError", {ERROR}),
    ("limits raised", "import resource\nr = resource.RLIMIT_CPU\n"
     "resource.setrlimit(r, (-1, -1))\nwhile True: pass", {ERROR}),
    ("limits of others", "import resource\n"
     "resource.prlimit(%(pid)d, resource.RLIMIT_NOFILE, (0, 0))", {ERROR}),
    ("a file name with newlines", "import os\nopen('a\\nb\\x1b[2J', 'w').write('x')\n"
     "os.mkdir('locked')\nos.mkdir('locked/in', 0)\nraise ValueError('\\n\\x1b[2J')", {ERROR}),
    ("what the last one left", "import os\nassert os.listdir('.') == []\nraise KeyError", {ERROR}),
    ("sys.exit(0)", "import sys\nsys.exit(0)", {EXIT}),
    ("os._exit(0)", "import os\nos._exit(0)", {EXIT}),
    ("quit()", "quit()", {EXIT}),
    ("monkey-patched assert", "import builtins\nclass A(Exception):\n"
     "    def __new__(c, *a): raise SystemExit(0)\nbuiltins.AssertionError = A\nassert 0", {FAIL}),
    ("monkey-patched excepthook", "import sys\nsys.excepthook = print\nassert 0", {FAIL}),
    ("the harness's call", "import os\nos.getsid(1515000002)", {KILLED}),
    ("the harness's names", "import __main__, os\nfor n in list(vars(__main__)):\n"
     "    vars(__main__)[n] = lambda *a: os.getsid(1515000002)\nassert 0", {FAIL}),
    ("the harness's frame", "import sys\nsys.settrace(lambda *a: None)", {KILLED}),
    ("the harness's objects", "import gc\ngc.get_objects()", {KILLED}),
]  # fmt: skip


def mark():
    """A list of modules that no other pool has: it stands in the command line of each process."""
    return ",".join(["math"] * random.randint(40, 200))


def living(modules):
    """Processes that have `modules` in their command line, but for the program itself."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            words = pathlib.Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if modules.encode() in words and b"sandbox" not in words:
            found.append(int(entry))
    return found


def wait_until_gone(modules):
    end = time.monotonic() + 300
    while living(modules):
        if time.monotonic() > end:
            sys.exit(f"processes are left: {living(modules)}")
        time.sleep(0.05)


def run(form, modules, files, wall_ms=2000):
    command = [str(ASSAY), "sandbox", "--json", "--form", form, "--modules", modules,
               "--cpu-ms", "1000", "--wall-ms", str(wall_ms), "--memory-mb", "256",
               *map(str, files)]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_form(form, folder, listener):
    canary = folder / "canary"
    values = {"canary": str(canary), "folder": str(folder), "port": listener.getsockname()[1],
              "pid": os.getpid()}  # fmt: skip
    canary.write_text("alive")
    canary.chmod(0o600)
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    files = []
    for i, (_, text, _) in enumerate(ROWS):
        files.append(programs / f"{i}.py")
        files[-1].write_text(text % values if "%(" in text else text)
    before = canary.stat(), sorted(os.listdir(folder))
    modules, bad, rows = mark(), [], [None] * len(files)
    # What must run into the clock gets little of it, all else plenty: the machine may be busy.
    sleepy = [i for i, row in enumerate(ROWS) if "wall-time" in row[2]]
    others = [i for i in range(len(files)) if i not in sleepy]
    for part, wall_ms in ((sleepy, 2000), (others[:40], 120000), (others[40:], 120000)):
        done = run(form, modules, [files[i] for i in part], wall_ms)
        if done.returncode != 1:
            return f"exit {done.returncode}: {done.stderr}", []
        for i, row in zip(part, json.loads(done.stdout)["programs"]):
            rows[i] = row
    for (name, text, verdicts), row in zip(ROWS, rows):
        print(f"{form:10} {name:26} {row['verdict']:18} {row['detail'][:60]}")
        if row["verdict"] not in verdicts:
            bad.append(f"{name}: {row['verdict']} ({row['detail']}), not {sorted(verdicts)}")
        if any(ord(c) < 32 for c in row["detail"] + row["output"]):
            bad.append(f"{name}: control characters in what is reported")
        if "alive" in row["output"]:
            bad.append(f"{name}: it has read the canary")
    after = canary.stat(), sorted(os.listdir(folder))
    for name in ("st_mode", "st_size", "st_mtime_ns", "st_uid", "st_ino", "st_nlink"):
        if getattr(before[0], name) != getattr(after[0], name):
            bad.append(f"the canary's {name} has changed")
    if before[1] != after[1] or canary.read_text() != "alive":
        bad.append(f"the folder has changed: {after[1]}")
    if os.path.exists("/usr/assay-was-here"):
        bad.append("/usr was written to")
    wait_until_gone(modules)
    return None, bad


def check_death(form, folder):
    """SIGKILL of the program: nothing that it held lives on."""
    file = folder / "stay.py"
    modules = mark()
    up = f"up-{os.getpid()}"
    file.write_text(f"import os, time\nfor i in range(3): os.fork()\nopen('{up}', 'w')\n"
                    "time.sleep(1000)\n")  # fmt: skip
    process = subprocess.Popen([str(ASSAY), "sandbox", "--form", form, "--modules", modules,
                                "--wall-ms", "600000", str(file)],
                               stdout=subprocess.DEVNULL)  # fmt: skip
    end = time.monotonic() + 300
    while len(living(modules)) < 9 and time.monotonic() < end:
        time.sleep(0.05)
    count = len(living(modules))
    process.send_signal(signal.SIGKILL)
    process.wait()
    if count < 9:
        sys.exit(f"{form}: only {count} processes came up")
    wait_until_gone(modules)
    print(f"{form:10} killed: its {count} processes are gone")
    left = [path.parent for path in pathlib.Path("/tmp").glob("assay-sandbox-*/" + up)]
    if len(left) > (form == "landlock"):  # or another pool has swept it away already
        sys.exit(f"{form}: the scratch folders {left} are left")
    file.write_text("pass\n")
    subprocess.run([str(ASSAY), "sandbox", "--form", form, str(file)], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    if any(path.exists() for path in left):
        sys.exit(f"{form}: the next pool leaves {left}")


def main():
    forms = sys.argv[2:] or ["namespaces", "landlock"]
    skipped = []
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        for form in forms:
            probe = run(form, "", [])
            if probe.returncode not in (0, 4):
                sys.exit(f"{form}: exit {probe.returncode}: {probe.stderr}")
            if probe.returncode == 4:  # this kernel has not what it needs
                print(f"SKIP {form}: {probe.stderr.strip()}")
                skipped.append(form)
                continue
            refusal, bad = check_form(form, pathlib.Path(folder), listener)
            if refusal or bad:
                sys.exit("\n".join([refusal or "", *bad]).strip())
            check_death(form, pathlib.Path(folder))
        try:
            listener.accept()
            sys.exit("somebody has reached the listener")
        except BlockingIOError:
            pass
    sys.exit(77 if len(skipped) == len(forms) else 0)


main()
