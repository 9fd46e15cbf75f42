"""No space left: the run ends with exit code 4 and one message; what was acknowledged stays, and
with space again the run resumes to the digest of an undisturbed one. The limit is RLIMIT_FSIZE,
and a full tmpfs where this user may mount one."""

import os
import pathlib
import resource
import subprocess
import sys

from harness import assay, digest_of, model_dir, scratch, write_job


def run_limited(spec, results, limit_bytes):
    return assay(
        "run",
        spec,
        "--model-dir",
        model_dir(),
        "--output",
        results,
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY)
        ),
    )


def check(what, done, results):
    message = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    print(f"{what}: exit {done.returncode}: {message}")
    if done.returncode != 4 or not message.startswith("assay: "):
        sys.exit(f"{what}: exit code 4 and a message were expected")
    if pathlib.Path(results).exists() or list(pathlib.Path(results).parent.glob("*.tmp*")):
        sys.exit(f"{what}: something half-written was left")


def file_limits(folder, spec, want):
    results = f"{folder}/limited.h5"
    check("journal beyond the limit", run_limited(spec, results, 6000), results)
    kept = sum(p.stat().st_size for p in pathlib.Path(results + ".journal").iterdir())
    if not 0 < kept <= 6000:
        sys.exit(f"the journal holds {kept} bytes")
    # A limit at which the journal fits and the results file does not: it lies between.
    for limit in range(20000, 2000000, 10000):
        done = run_limited(spec, results, limit)
        if ".journal/" not in done.stderr:
            break
    check(f"results file beyond the limit of {limit}", done, results)
    if "limited.h5: " not in done.stderr or not pathlib.Path(results + ".journal").is_dir():
        sys.exit(f"the merge is not what failed: {done.stderr}")
    done = assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0)
    if "resumed" not in done.stderr or digest_of(results) != want:
        sys.exit(f"after the limits were lifted: {done.stderr}")


def full_tmpfs(folder, spec, want):
    mount = pathlib.Path(folder, "small")
    mount.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(mount)], capture_output=True
    ).returncode:
        print("SKIP full tmpfs: this user may not mount one (RLIMIT_FSIZE was tested)")
        return
    try:
        results = f"{mount}/full.h5"
        check(
            "journal on a full disk",
            assay("run", spec, "--model-dir", model_dir(), "--output", results),
            results,
        )
        subprocess.run(["mount", "-o", "remount,size=8m", str(mount)], check=True)
        assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0)
        if digest_of(results) != want:
            sys.exit("the digest after the full disk differs")
    finally:
        subprocess.run(["umount", str(mount)], check=False)


def main():
    # A description of the machine that is short everywhere: it is in the journal.
    os.environ["HWLOC_SYNTHETIC"] = "core:2 pu:1"
    with scratch() as folder:
        spec = write_job(folder, items=10, replicates=2)
        assay("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/whole.h5", check=0)
        want = digest_of(f"{folder}/whole.h5")
        file_limits(folder, spec, want)
        full_tmpfs(folder, spec, want)


main()
