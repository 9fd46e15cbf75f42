"""Two ranks share the work. `balance.py ASSAY speed|tail [LEAST|MOST]`.

speed  2 ranks × 1 thread against 1 rank × 1 thread, alternating, best of three: the ratio is at
       least LEAST (default 1.6: other work on the machine takes its part; tests/bench/README.md has
       a quiet one's).
tail   one of two ranks has a quarter of a processor, by a quota of its control group where we may
       make one, else by SIGSTOP and SIGCONT: the other waits at the end for at most MOST per cent
       of the wall time (default 5), whichever of the two is slow.
"""

import contextlib
import os
import pathlib
import re
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
    out, err = process.communicate(timeout=800)
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode}\n{out}{err}")
    return err


def rate(err):
    return float(re.search(r"output tokens \((\d+) tok/s\)", err).group(1))


def speed(folder, least):
    spec = write_job(folder, items=40, replicates=8)
    best = {1: 0.0, 2: 0.0}
    for turn in range(3):
        for ranks in (1, 2):
            now = rate(finish(start(ranks, spec, f"{folder}/{turn}-{ranks}.h5")))
            best[ranks] = max(best[ranks], now)
            print(f"{ranks} rank{'s' * (ranks > 1)}: {now:.0f} tok/s", flush=True)
    ratio = best[2] / best[1]
    print(f"2 ranks × 1 thread: {ratio:.2f} times one")
    if ratio < least:
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


def tail(folder, most):
    spec = write_job(folder, items=48, replicates=8)
    digests = set()
    group = make_group()
    print("a quarter of a processor by " + (f"quota, {group}" if group else "SIGSTOP, SIGCONT"))
    try:
        for slow in (0, 1):
            results = f"{folder}/slow-{slow}.h5"
            process = start(2, spec, results)
            while process.poll() is None and len(children(process.pid)) < 2:
                time.sleep(0.02)
            time.sleep(1.0)
            victim = next(pid for pid in children(process.pid) if rank_of(pid) == slow)
            with (quota if group else duty)(victim, group):
                err = finish(process)
            share = float(re.search(r"for the others for ([\d.]+) %", err).group(1))
            print(f"rank {slow} at a quarter: the other waits {share} % ({rate(err):.0f} tok/s)",
                  flush=True)
            digests.add(digest_of(results))
            if share > most:
                sys.exit(f"more than {most} %")
    finally:
        if group:
            throttled = (group / "cpu.stat").read_text()
            print(re.search(r"nr_throttled \d+", throttled).group(0))
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
