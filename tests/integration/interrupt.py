"""SIGKILL at random moments and running again gives the digest of an undisturbed run, and never
loses what was in the journal; SIGINT stops cleanly with exit code 85. `interrupt.py ASSAY
[KILLS]`."""

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


def stop_cleanly(spec, results):
    process = start(spec, results)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    if process.returncode != 85 or "run again to resume" not in err:
        sys.exit(f"SIGINT: exit {process.returncode}, not 85: {err}")
    kept = int(re.search(r"(\d+) of \d+ samples are kept", err).group(1))
    err = assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0).stderr
    resumed = re.search(r"resumed; (\d+) samples", err)
    if (int(resumed.group(1)) if resumed else 0) != kept:
        sys.exit(f"{kept} samples were kept, but the next run says: {err}")
    print(f"SIGINT: exit 85, {kept} samples kept and resumed")


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
        stop_cleanly(spec, f"{folder}/stopped.h5")
        if digest_of(f"{folder}/stopped.h5") != want:
            sys.exit("the digest after SIGINT differs")


main()
