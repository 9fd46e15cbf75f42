"""slurm/run.sbatch outside Slurm, with an scontrol that only notes its call: USR1 ends the program
with 85 and requeues, the next start goes on, and the digest is that of an undisturbed run."""

import os
import pathlib
import signal
import subprocess
import sys
import time

from harness import ASSAY, ROOT, assay, digest_of, model_dir, scratch, write_job


def start(folder, spec, results, restarts):
    env = {
        **os.environ,
        "ASSAY": str(ASSAY),
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_PER_TASK": "2",
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
    }
    env.pop("SLURM_RESTART_COUNT", None)
    if restarts:
        env["SLURM_RESTART_COUNT"] = str(restarts)
    return subprocess.Popen(
        [
            "bash",
            str(ROOT / "slurm" / "run.sbatch"),
            str(spec),
            results,
            "--model-dir",
            str(model_dir()),
        ],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def main():
    with scratch() as folder:
        tools = pathlib.Path(folder, "bin")
        tools.mkdir()
        (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {folder}/scontrol.log\n')
        (tools / "scontrol").chmod(0o755)
        spec = write_job(folder, items=24, replicates=8)
        results = f"{folder}/batch.h5"
        first = start(folder, spec, results, 0)
        time.sleep(3.0)
        first.send_signal(signal.SIGUSR1)
        out, err = first.communicate(timeout=120)
        calls = pathlib.Path(folder, "scontrol.log").read_text()
        print(f"exit {first.returncode}: {out}{err}scontrol {calls}")
        if first.returncode != 85 or calls != "requeue 7\n":
            sys.exit("the warning did not end in exit 85 and a requeue")
        second = start(folder, spec, results, 1)
        out, err = second.communicate(timeout=600)
        if second.returncode != 0:
            sys.exit(f"the restarted job failed: {out}{err}")
        assay("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/whole.h5", check=0)
        if digest_of(results) != digest_of(f"{folder}/whole.h5"):
            sys.exit("the digests differ")


main()
