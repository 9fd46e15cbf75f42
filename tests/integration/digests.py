"""One records digest, however it is computed: batch 1, 3, 64 × threads 1, 2 × prefill in pieces of
1, 7, or whole; and by the judge (backend ref). `digests.py ASSAY [ITEMS]`; the judge computes at
least 20 whole samples."""

import sys
import time

from harness import assay, digest_of, model_dir, scratch, write_job

ITEMS = int(sys.argv[2]) if len(sys.argv) > 2 else 6
WAYS = [  # batch, threads, prefill rows
    (64, 2, 512),
    (1, 1, 512),
    (3, 1, 7),
    (3, 2, 512),
    (64, 1, 7),
    (64, 2, 1),
    (1, 2, 64),
]


def run(folder, spec, label, *options):
    start = time.monotonic()
    results = f"{folder}/{label}.h5"
    assay(
        "run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", *options, check=0
    )
    digest = digest_of(results)
    print(f"{label:32} {digest}  {time.monotonic() - start:6.1f} s", flush=True)
    return digest


def main():
    with scratch() as folder:
        spec = write_job(folder, items=ITEMS, replicates=2)
        digests = {
            run(
                folder,
                spec,
                f"batch-{b}-threads-{t}-prefill-{p}",
                "--batch",
                b,
                "--threads",
                t,
                "--prefill-rows",
                p,
            )
            for b, t, p in WAYS
        }
        digests.add(run(folder, spec, "ref", "--backend", "ref", "--threads", 2))
        if len(digests) != 1:
            sys.exit(f"{len(digests)} different digests")
        other = write_job(
            folder,
            items=ITEMS,
            replicates=2,
            name="seeded",
            change=lambda text: text.replace("\nseed: ", "\nseed: 7"),
        )
        if run(folder, other, "other-seed") in digests:
            sys.exit("another seed gave the same digest: this test could not fail")


main()
