"""SIGKILL at random moments and running again gives the digest of an undisturbed run, and never
loses what was in the journal; SIGINT and SIGTERM stop cleanly with exit code 85, at work and while
the run is starting. `interrupt.py ASSAY [KILLS]`."""

import pathlib
import random
import re
import signal
import subprocess
import sys
import time

from harness import ASSAY, assay, digest_of, model_dir, scratch, write_job

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 6


def start(spec, results, *options):
    return subprocess.Popen(
        [
            str(ASSAY),
            "run",
            str(spec),
            "--model-dir",
            str(model_dir()),
            "--output",
            results,
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_until_done(spec, results, undisturbed_s, rng, most):
    """Start and kill, `most` times at most, until a run is over first; returns the kills."""
    kills = 0
    while True:
        process = start(
            spec,
            results,
            "--batch",
            str(rng.choice([1, 8, 64])),
            "--threads",
            str(rng.choice([1, 2])),
        )
        try:
            process.communicate(
                timeout=rng.uniform(0.05, undisturbed_s * 0.3) if kills < most else None
            )
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        if process.returncode != 0:
            sys.exit(f"after {kills} kills: exit {process.returncode}")
        return kills


def wait_for_handler(process, number):
    """Until the program's own handler takes this signal."""
    while process.poll() is None:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        if int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16) >> (number - 1) & 1:
            return
        time.sleep(0.0005)


def stop_cleanly(spec, results, number, delay_s):
    name = signal.Signals(number).name
    process = start(spec, results)
    wait_for_handler(process, number)
    time.sleep(delay_s)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    if process.returncode != 85 or "run again to resume" not in err:
        sys.exit(f"{name}: exit {process.returncode}, not 85: {err}")
    kept = int(re.search(r"(\d+) of \d+ samples are kept", err).group(1))
    err = assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0).stderr
    resumed = re.search(r"resumed; (\d+) samples", err)
    if (int(resumed.group(1)) if resumed else 0) != kept:
        sys.exit(f"{kept} samples were kept, but the next run says: {err}")
    print(f"{name} after {delay_s} s: exit 85, {kept} samples kept and resumed")


def main():
    rng = random.Random(20261124)
    with scratch() as folder:
        spec = write_job(folder, items=24, replicates=8)
        begin = time.monotonic()
        assay("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/whole.h5", check=0)
        undisturbed = time.monotonic() - begin
        want = digest_of(f"{folder}/whole.h5")
        kills = runs = 0
        while kills < KILLS:
            results = f"{folder}/killed-{runs}.h5"
            kills += kill_until_done(spec, results, undisturbed, rng, KILLS - kills)
            runs += 1
            got = digest_of(results)
            if got != want:
                sys.exit(f"after {kills} kills in {runs} runs: {got}, undisturbed {want}")
            if runs > KILLS:
                sys.exit(f"{kills} kills in {runs} runs: hardly anything was tested")
        print(f"{kills} kills in {runs} runs: {want} as undisturbed in {undisturbed:.1f} s")
        for number, delay_s in ((signal.SIGTERM, 0), (signal.SIGINT, 1)):
            results = f"{folder}/stopped-{delay_s}.h5"
            stop_cleanly(spec, results, number, delay_s)
            if digest_of(results) != want:
                sys.exit(f"the digest after {signal.Signals(number).name} differs")


main()
