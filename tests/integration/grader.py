"""A run whose outputs are programs, and what may befall its grader: no interpreter, none that is
one, no walls, interpreters that are killed, one that cannot be started again, an interrupt and a
SIGKILL while samples wait for their verdicts. What the machine lacks is exit code 4; what was kept
is kept, and the digest is that of the undisturbed run.
`grader.py ASSAY`, by an interpreter that can copy itself into a virtual environment."""

import contextlib
import ctypes
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import time
import venv

from harness import ASSAY, MODEL, assay, digest_of, frozen, journal_samples, model_dir, scratch

DEFINITION = """benchmark: 1
name: slow
kind: code
data: {path: slow.jsonl}
fields: {question: prompt, test: test, entry_point: entry_point}
prompt: {chat: none, user: "{prompt}"}
answer: {stop: ["\\n"]}
max_tokens: 8
"""
SPEC = """assay: 1
name: slow-run
model: {path: %s}
benchmark: {path: slow.yaml}
replicates: 4
seed: 3
profiles: [{name: warm, temperature: 0.8, draw: iid}]
"""
ITEMS, WORK = 60, 300000  # grading then takes longer than sampling
SAMPLES = 4 * ITEMS


def need(condition, what):
    if not condition:
        sys.exit(what)


def write_job(folder):
    test = "def check(f):\n    assert f() + sum(range(%d)) * 0 == %d\n"
    rows = [
        {"prompt": "def one():\n    return 1  # This", "entry_point": "one"}
        | {"test": test % (WORK, i % 2)}
        for i in range(ITEMS)
    ]
    (folder / "slow.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "slow.yaml").write_text(DEFINITION)
    (folder / "slow-run.yaml").write_text(SPEC % MODEL)
    return folder / "slow-run.yaml"


def command(spec, results):
    more = ["--output", results, "--batch", "64", "--quiet"]
    return ["run", spec, "--model-dir", model_dir(), *more]


def start(spec, results, path):
    return subprocess.Popen(
        [str(ASSAY), *map(str, command(spec, results))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path},
    )


def interpreters(pid):
    """The interpreters of a run's pool: the uppermost below it, for an interpreter has copies of
    itself for what it runs, and without namespaces a process of ours stands above it."""
    parents, ours = {}, set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            status = pathlib.Path("/proc", name, "status").read_text()
            line = pathlib.Path("/proc", name, "cmdline").read_bytes()
            parents[int(name)] = int(status.split("PPid:")[1].split()[0])
            if b"What runs in a sandbox" in line:
                ours.add(int(name))

    def above(one):
        while one in parents:
            one = parents[one]
            yield one

    return [one for one in ours if parents[one] not in ours and pid in above(one)]


def samples_in(results):
    journal = pathlib.Path(f"{results}.journal")
    return journal_samples(journal)[0] if journal.is_dir() else {}


def wait_for_records(results, count, process):
    """Until the journal holds so many samples, or the run is over."""
    while process.poll() is None:
        if len(samples_in(results)) >= count:
            return True
        time.sleep(0.01)
    return False


def refuse_walls():
    """This process and its children get no user namespace and no Landlock: a seccomp filter."""
    clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    landlock, new_user, error, allow = 444, 0x10000000, 0x00050000, 0x7FFF0000
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    rows = [
        (load, 0, 0, 0),  # the call's number
        (equal, 0, 1, landlock),
        (give, 0, 0, error | 38),  # ENOSYS
        (equal, 0, 3, clone),
        (load, 0, 0, 16),  # the low half of its first argument
        (any_bit, 0, 1, new_user),
        (give, 0, 0, error | 1),  # EPERM
        (give, 0, 0, allow),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *row) for row in rows))
    program = struct.pack("HxxxxxxQ", len(rows), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((38, 1, 0, 0, 0), (22, 2, program, 0, 0)):  # no new privileges, the filter
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def check_machine(folder, spec):
    """Without what grading needs: nothing is left behind, the exit code is the environment's."""
    rows = [  # what stands for python3, what is told
        ("missing", None, "it cannot be started: No such file"),
        ("not to be executed", (0o644, "#!/bin/sh\n"), "it cannot be started: "),
        ("no Python", (0o755, "#!/bin/sh\nexit 3\n"),
         "it does not run Python 3: it ends with exit code 3"),
        ("answers with a poem", (0o755, "#!/bin/sh\necho roses\n"), "its answer: 1:5: "),
        ("old", (0o755, "#!/bin/sh\necho '%s'\n" % json.dumps(
            {"executable": "/bin/sh", "name": "CPython", "version": "3.6.9", "recent": 0})),
         "it is CPython 3.6.9; Python 3.8 or later is needed"),
    ]
    audit = ["audit", folder / "undisturbed.h5", "--samples", "1", "--seed", "1",
             "--model-dir", model_dir(), "--benchmark-dir", folder]
    for i, (what, script, told) in enumerate(rows):
        path = folder / f"path-{i}"
        path.mkdir()
        if script:
            (path / "python3").write_text(script[1])
            (path / "python3").chmod(script[0])
        for words in (command(spec, folder / "none.h5"), audit, ["sandbox", "--check"]):
            error = assay(*words, env={"PATH": str(path)}, check=4).stderr
            need(f'interpreter "python3": {told}' in error, f"{what}, {words[0]}: {error}")
        print(f"python3 {what}: exit 4: {error.strip()}")
    for words, told in ((command(spec, folder / "none.h5"), ("Landlock: ", "; namespaces: ")),
                        (["sandbox", "--form", "namespaces"], ("namespaces: ",)),
                        (["sandbox", "--form", "landlock"], ("Landlock: ", "not asked for"))):
        error = assay(*words, preexec_fn=refuse_walls, check=4).stderr
        need(error.startswith("assay: sandbox: " + told[0]) and told[-1] in error, error)
        print(f"no walls: exit 4: {error.strip()}")
    error = assay("sandbox", "--modules", "no_such_module", check=4).stderr
    need("no_such_module" in error, error)
    need(not list(folder.glob("none.h5*")), "a run that cannot grade leaves something")


def kill_interpreter(results, process, count):
    """Once it has graded so much; whether there was one."""
    while wait_for_records(results, count, process):
        for pid in interpreters(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
    return False


def check_killed_interpreters(folder, spec, digest, path):
    """Whatever program it was running is run once more by the next one. One a run: a program that
    loses two of them has the verdict "lost"."""
    kills = 0
    for count in (5, 60, 120):
        results = folder / f"killed-{count}.h5"
        process = start(spec, results, path)
        kills += kill_interpreter(results, process, count)
        error = process.communicate()[1]
        need(process.returncode == 0, f"interpreter killed: exit {process.returncode}: {error}")
        need(digest_of(results) == digest, "interpreter killed: another digest")
    need(kills > 0, "every run was over before its interpreter was killed")
    print(f"{kills} interpreters killed: the same digest")


def check_lost_interpreter(folder, spec, digest, path):
    """It cannot be started again: the run ends, keeps what it has, and is resumed."""
    venv.EnvBuilder(symlinks=False, with_pip=False).create(folder / "own")
    own = folder / "own" / "bin"
    results = folder / "lost.h5"
    process = start(spec, results, f"{own}:{path}")
    need(wait_for_records(results, 20, process), "the run was over before its interpreter")
    with frozen(process):
        seen = len(samples_in(results))
        need(seen < SAMPLES, "the run was over before its interpreter")
        for file in own.glob("python*"):
            file.unlink()
        pids = interpreters(process.pid)
        need(len(pids) == 1, f"the interpreters of the pool are {pids}")
        os.kill(pids[0], signal.SIGKILL)
    error = process.communicate()[1]
    need(process.returncode == 4, f"lost: exit {process.returncode}")
    need(f"{own}/python3: exec" in error, f"lost: {error}")
    kept = len(samples_in(results))
    need(kept >= seen, f"lost: {kept} samples are kept of {seen}")
    assay(*command(spec, results), check=0)
    need(digest_of(results) == digest, "lost: another digest")
    print(f"no interpreter any more: exit {process.returncode}, {kept} kept, the same digest")


def stop(process, results, number):
    """The signal, if the run is at work; its interpreters, and the samples that it had."""
    with frozen(process) as alive:
        pids, before = interpreters(process.pid), samples_in(results)
        if not alive or not before or len(before) == SAMPLES:
            return [], {}
        process.send_signal(number)
    return pids, before


def check_stopped(folder, spec, digest, path, number, rng):
    """SIGINT, or SIGKILL of the whole run with its pool, while samples wait."""
    name = signal.Signals(number).name
    results, stops, kept = folder / f"{name}.h5", 0, 0
    for _ in range(3):
        process = start(spec, results, path)
        # More than was kept: the signal is to meet a run at work, and not one that is starting.
        wait_for_records(results, kept + rng.randrange(1, 60), process)
        pids, before = stop(process, results, number)
        process.communicate()
        if not before:
            need(process.returncode == 0, f"{name}: exit {process.returncode} before it came")
            break
        stops += 1
        expected = 85 if number == signal.SIGINT else -9
        need(process.returncode == expected, f"{name}: exit {process.returncode}")
        after, frames = journal_samples(f"{results}.journal")
        need(before.items() <= after.items(), f"{name}: what was kept is lost")
        need(frames == len(after), f"{name}: a sample is there twice")
        kept = len(after)
        end = time.monotonic() + 120
        while any(pathlib.Path("/proc", str(pid), "exe").exists() for pid in pids):
            need(time.monotonic() < end, f"{name}: the interpreters {pids} live on")
            time.sleep(0.05)
    need(stops > 0, f"{name}: the run was over before it")
    assay(*command(spec, results), check=0)
    need(digest_of(results) == digest, f"{name}: another digest")
    print(f"{stops} times {name}: nothing lost, nothing twice, the same digest")


def main():
    rng = random.Random(7)
    # The real one, and not a launcher that looks for it.
    path = os.path.dirname(os.path.realpath(sys.executable)) + ":" + os.environ["PATH"]
    os.environ["PATH"] = path
    with scratch() as name:
        folder = pathlib.Path(name)
        spec = write_job(folder)
        assay(*command(spec, folder / "undisturbed.h5"), check=0)
        digest = digest_of(folder / "undisturbed.h5")
        check_machine(folder, spec)
        check_killed_interpreters(folder, spec, digest, path)
        check_lost_interpreter(folder, spec, digest, path)
        for number in (signal.SIGINT, signal.SIGKILL):
            check_stopped(folder, spec, digest, path, number, rng)


main()
