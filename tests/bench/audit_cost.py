"""What replaying costs against generating: audit_cost.py ASSAY [ITEMS [ROUNDS [THREADS]]].

Each round makes the same groups (items of the quickstart, 4 profiles, 8 replicates) in batches of
64 and one sequence at a time, and audits all of them, in turn, so that a noisy machine spoils all
three alike. Seconds are those of the computing alone, as the programs tell them; processor
seconds are of the whole processes, less those of one that only opens the model. Medians of the
rounds' ratios are what to read."""

import json
import pathlib
import re
import resource
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import assay, model_dir, scratch, write_job  # noqa: E402

ITEMS = int(sys.argv[2]) if len(sys.argv) > 2 else 12
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
THREADS = sys.argv[4] if len(sys.argv) > 4 else "2"
MACHINE = ("--threads", THREADS)


def cpu_seconds(*command):
    """Processor seconds of a program, and the finished process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = assay(*command, check=0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done


def generate(folder, spec, name, *options):
    results = folder / f"{name}.h5"
    run = ("run", spec, "--model-dir", model_dir(), "--output", results, *MACHINE, *options)
    cpu, done = cpu_seconds(*run)
    told = re.search(r"(\d+) samples in ([\d.]+) s; (\d+) output tokens", done.stderr)
    return results, float(told[2]), cpu, int(told[3])


def main():
    ratios = {"batched": [], "single": [], "cpu batched": [], "cpu single": []}
    with scratch() as name:
        folder = pathlib.Path(name)
        spec = write_job(folder, items=ITEMS, replicates=8, sets=2, name="cost")
        for turn in range(ROUNDS):
            results, batched, cpu_batched, tokens = generate(folder, spec, f"batched{turn}")
            audit = ("audit", results, "--model-dir", model_dir(), "--json", *MACHINE)
            cpu_open, _ = cpu_seconds(*audit, "--leaf", "0")
            cpu_replay, done = cpu_seconds(*audit, "--all")
            told = json.loads(done.stdout)
            _, single, cpu_single, _ = generate(folder, spec, f"single{turn}", "--batch", "1")
            replay = told["seconds"]
            cpu = [x - cpu_open for x in (cpu_replay, cpu_batched, cpu_single)]
            print(
                f"{told['valid']} of {told['audited']} valid, {tokens} tokens;"
                f" batched {batched:.2f} s, one at a time {single:.2f} s, replay {replay:.2f} s;"
                f" processor {cpu[1]:.2f} s, {cpu[2]:.2f} s, {cpu[0]:.2f} s",
                flush=True,
            )
            ratios["batched"].append(replay / batched)
            ratios["single"].append(replay / single)
            ratios["cpu batched"].append(cpu[0] / cpu[1])
            ratios["cpu single"].append(cpu[0] / cpu[2])
    for name, values in ratios.items():
        print(f"replay / {name:12} median {statistics.median(values):.3f} of {len(values)}")


main()
