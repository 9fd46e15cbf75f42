"""Planning a million samples: 100 000 items in one profile with ten replicates, everything that
`assay run` does before the first sample (items read, prompts made, the model's digest) in seconds
of processor time and memory. The limits are those that the project promises, on a machine that
may be three times slower."""

import json
import resource
import subprocess
import sys
import time

from harness import ASSAY, ROOT, model_dir, scratch

ITEMS, REPLICATES, SECONDS_MAX, MEGABYTES_MAX = 100_000, 10, 6, 200


def write_spec(folder):
    lines = (ROOT / "jobs" / "first-words.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    with open(f"{folder}/items.jsonl", "w") as items:
        for i in range(ITEMS):
            row = rows[i % len(rows)]
            items.write(json.dumps({**row, "id": f"{row['id']}-{i}"}) + "\n")
    text = (ROOT / "jobs" / "quickstart.yaml").read_text()
    kept = [line for line in text.splitlines()
            if not any(f"name: {name}," in line for name in ("cool", "hot", "penalised"))]
    text = "\n".join(kept) + "\n"
    for old, new in (("first-words.jsonl", "items.jsonl"), ("sets: 2", "sets: 1"),
                     ("replicates: 8", f"replicates: {REPLICATES}")):
        if old not in text:
            sys.exit(f"the quickstart no longer says {old}")
        text = text.replace(old, new)
    with open(f"{folder}/many.yaml", "w") as spec:
        spec.write(text)
    return f"{folder}/many.yaml"


with scratch() as folder:
    spec = write_spec(folder)
    start = time.monotonic()
    done = subprocess.run(
        [ASSAY, "run", spec, "--model-dir", model_dir(), "--dry-run", "--json"],
        cwd=folder, text=True, capture_output=True)
    wall = time.monotonic() - start
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"{told['samples']} samples planned in {seconds:.2f} s of a processor, {wall:.2f} s by "
          f"the clock, at most {megabytes:.0f} MB")
    if told["samples"] != ITEMS * REPLICATES:
        sys.exit("that is not the plan")
    if seconds > SECONDS_MAX or megabytes > MEGABYTES_MAX:
        sys.exit(f"at most {SECONDS_MAX} s and {MEGABYTES_MAX} MB were expected")
