"""Two ranks share the work. `balance.py ASSAY speed|tail [LEAST|MOST]`.

speed  2 ranks × 1 thread against 1 rank × 1 thread, alternating, until the best ratio is at least
       LEAST (default 1.6; tests/bench/README.md has a quiet machine's), six pairs at most. The
       ratio is that of the clock or, where others take a part of the machine, of processor time:
       what two would do on a processor each, less what one of them waited for the other.
tail   one of two ranks has a quarter of a processor, by a quota of its control group where we may
       make one, else by SIGSTOP and SIGCONT: the other waits at the end for at most MOST per cent
       of the wall time (default 5) in the best of three tries, whichever of the two is slow.
"""

import contextlib
import math
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time

from harness import ASSAY, digest_of, model_dir, scratch, write_job
from ranks import children

ENV = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def start(ranks, spec, results):
    return subprocess.Popen(
        ["mpirun", "-n", str(ranks), str(ASSAY), "run", str(spec), "--model-dir", str(model_dir())]
        + ["--output", results, "--threads", "1"],
        env=ENV,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode}\n{out}{err}")
    return err


def rate(err):
    return float(re.search(r"output tokens \((\d+) tok/s\)", err).group(1))


def waited(err):
    return float(re.search(r"for the others for ([\d.]+) %", err).group(1))


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def speed(folder, least):
    spec = write_job(folder, items=40, replicates=8)
    best, spent, idle = {1: 0.0, 2: 0.0}, {1: math.inf, 2: math.inf}, 100.0
    for turn in range(6):
        for ranks in (1, 2):
            before = processor_seconds()
            err = finish(start(ranks, spec, f"{folder}/{turn}-{ranks}.h5"))
            took = processor_seconds() - before
            best[ranks], spent[ranks] = max(best[ranks], rate(err)), min(spent[ranks], took)
            idle = min(idle, waited(err)) if ranks == 2 else idle
            print(f"{ranks} rank{'s' * (ranks > 1)}: {rate(err):.0f} tok/s, {took:.1f} s of "
                  "processors", flush=True)
        by_clock = best[2] / best[1]
        by_processor = 2 * spent[1] / spent[2] * (1 - idle / 100)
        print(f"2 ranks × 1 thread: {by_clock:.2f} times one by the clock, {by_processor:.2f} by "
              f"processor time, of which one waited for {idle} %", flush=True)
        if max(by_clock, by_processor) >= least:
            return
    sys.exit(f"less than {least}")


def make_group():
    """A control group with a quarter of a processor: its folder, or None where we may not."""
    for root, files in (
        ("/sys/fs/cgroup", {"cpu.max": "25000 100000"}),
        ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "25000"}),
    ):
        group = pathlib.Path(root, f"assay-balance-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, text in files.items():
                with open(group / name, "r+") as file:  # never made: it is there, or not
                    file.write(text)
            with subprocess.Popen(["sleep", "600"]) as probe:
                try:
                    (group / "cgroup.procs").write_text(str(probe.pid))
                finally:
                    probe.kill()
            return group
        except OSError:
            group.rmdir()
    return None


@contextlib.contextmanager
def quota(pid, group):
    """The process is moved with all its threads; it takes the group along when it ends."""
    (group / "cgroup.procs").write_text(str(pid))
    yield


@contextlib.contextmanager
def duty(pid, _):
    """A quarter of each tenth of a second."""
    stop = threading.Event()

    def pulse():
        while not stop.is_set():
            try:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.075)
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                return
            time.sleep(0.025)

    thread = threading.Thread(target=pulse)
    thread.start()
    yield
    stop.set()
    thread.join()


def rank_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return int(re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", file.read()).group(1))


def slowed(folder, spec, slow, group, turn):
    """A run one of whose ranks is slow: for how much of its time the other waited, and its
    digest."""
    results = f"{folder}/slow-{slow}-{turn}.h5"
    process = start(2, spec, results)
    while process.poll() is None and len(children(process.pid)) < 2:
        time.sleep(0.02)
    time.sleep(1.0)
    victim = next(pid for pid in children(process.pid) if rank_of(pid) == slow)
    with (quota if group else duty)(victim, group):
        err = finish(process)
    print(f"rank {slow} at a quarter: the other waits {waited(err)} % ({rate(err):.0f} tok/s)",
          flush=True)
    return waited(err), digest_of(results)


def tail(folder, most):
    spec = write_job(folder, items=48, replicates=8)
    digests = set()
    group = make_group()
    print("a quarter of a processor by " + (f"quota, {group}" if group else "SIGSTOP, SIGCONT"))
    try:
        for slow in (0, 1):
            for turn in range(3):
                share, digest = slowed(folder, spec, slow, group, turn)
                digests.add(digest)
                if share <= most:
                    break
            else:
                sys.exit(f"more than {most} % in each try")
    finally:
        if group:
            throttled = (group / "cpu.stat").read_text()
            print(re.search(r"nr_throttled \d+", throttled).group(0))
            with contextlib.suppress(OSError):  # somebody in it is not quite gone
                group.rmdir()
    if len(digests) != 1:
        sys.exit("the digests differ")


def main():
    part, limit = sys.argv[2], sys.argv[3:]
    with scratch() as folder:
        if part == "speed":
            speed(folder, float(limit[0]) if limit else 1.6)
        else:
            tail(folder, float(limit[0]) if limit else 5.0)


if __name__ == "__main__":
    main()
