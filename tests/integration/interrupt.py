"""SIGKILL at random moments and running again gives the digest of an undisturbed run, and never
loses what was in the journal; SIGINT and SIGTERM stop cleanly with exit code 85, at work and while
the run is starting. `interrupt.py ASSAY [KILLS]`."""

import random
import re
import signal
import subprocess
import sys
import time

from harness import (
    ASSAY,
    assay,
    digest_of,
    frozen,
    journal_samples,
    model_dir,
    scratch,
    wait_for_handler,
    write_job,
)

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


def kill_until_done(spec, results, patience_s, rng, most):
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
            process.communicate(timeout=rng.uniform(0.05, patience_s) if kills < most else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        if process.returncode != 0:
            sys.exit(f"after {kills} kills: exit {process.returncode}")
        return kills


def stop_cleanly(spec, results, number, at_work):
    """While it is starting, as soon as it has a handler; or when it has some samples, not all."""
    name, when = signal.Signals(number).name, "at work" if at_work else "while it is starting"
    process = start(spec, results)
    wait_for_handler(process, number)
    while at_work and process.poll() is None and not journal_samples(f"{results}.journal")[0]:
        time.sleep(0.01)
    with frozen(process) as alive:
        seen = len(journal_samples(f"{results}.journal")[0])
        if not alive or seen < at_work:
            sys.exit(f"{name} {when}: the run was over before")
        process.send_signal(number)
    _, err = process.communicate()
    if process.returncode != 85 or "run again to resume" not in err:
        sys.exit(f"{name}: exit {process.returncode}, not 85: {err}")
    kept = int(re.search(r"(\d+) of \d+ samples are kept", err).group(1))
    err = assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0).stderr
    resumed = re.search(r"resumed; (\d+) samples", err)
    if (int(resumed.group(1)) if resumed else 0) != kept or kept < seen:
        sys.exit(f"{seen} samples were seen, {kept} were kept, but the next run says: {err}")
    print(f"{name} {when}: exit 85, {kept} samples kept and resumed")


def main():
    rng = random.Random(20261124)
    with scratch() as folder:
        spec = write_job(folder, items=24, replicates=8)
        begin = time.monotonic()
        assay("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/whole.h5", check=0)
        undisturbed = time.monotonic() - begin
        want = digest_of(f"{folder}/whole.h5")
        kills, runs, patience = 0, 0, undisturbed * 0.3
        while kills < KILLS:
            results = f"{folder}/killed-{runs}.h5"
            done = kill_until_done(spec, results, patience, rng, KILLS - kills)
            kills += done
            runs += 1
            if done < 2:  # the machine has become faster than it was undisturbed
                patience /= 2
            got = digest_of(results)
            if got != want:
                sys.exit(f"after {kills} kills in {runs} runs: {got}, undisturbed {want}")
            if runs > KILLS:
                sys.exit(f"{kills} kills in {runs} runs: hardly anything was tested")
        print(f"{kills} kills in {runs} runs: {want} as undisturbed in {undisturbed:.1f} s")
        for number, at_work in ((signal.SIGTERM, False), (signal.SIGINT, True)):
            results = f"{folder}/stopped-{number}.h5"
            stop_cleanly(spec, results, number, at_work)
            if digest_of(results) != want:
                sys.exit(f"the digest after {signal.Signals(number).name} differs")


main()
