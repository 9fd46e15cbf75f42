"""Many samples replayed without a false alarm: audit_campaign.py ASSAY [ITEMS [REPLICATES [REF]]].
All of a run of the quickstart's benchmark (by default 246 items × 4 profiles × 24 replicates =
23616 samples) and REF of them (200) by the judge. Prints what it costs."""

import json
import sys

from harness import assay, model_dir, scratch, write_job

ITEMS = int(sys.argv[2]) if len(sys.argv) > 2 else 246
REPLICATES = int(sys.argv[3]) if len(sys.argv) > 3 else 24
REF = int(sys.argv[4]) if len(sys.argv) > 4 else 200


def main():
    with scratch() as folder:
        spec = write_job(folder, items=ITEMS, replicates=REPLICATES, sets=2, name="campaign")
        results = f"{folder}/campaign.h5"
        assay("run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", check=0)
        audit = ("audit", results, "--model-dir", model_dir(), "--json")
        for way in (("--all",), ("--samples", REF, "--backend", "ref")):
            done = assay(*audit, *way)
            told = json.loads(done.stdout) if done.stdout else {}
            bad = [row for row in told.get("samples", []) if not row["valid"]]
            if done.returncode or bad or not told.get("audited"):
                sys.exit(f"{way}: {len(bad)} invalid: {bad[:3]} {done.stderr}")
            rate = told["audited"] / told["seconds"]
            print(f"{told['valid']} of {told['audited']} valid, {rate:.1f} samples/s: {way}")


main()
