"""Many ranks. `ranks.py ASSAY PART [KILLS]`, PART one of

digests   -n 1, 2, 4, without mpirun, shared memory and TCP: one records digest; every sample says
          which process and machine computed it.
kills     SIGKILL of random ranks at random moments, resumed with another number of ranks: nothing
          acknowledged is lost, nothing is there twice, the digest is that of an undisturbed run.
refusals  a world that is not the promised one, ranks with different specs, a journal of another
          plan, a torn tail, a rank whose disk is full: one message, an exit code, nothing lost.
"""

import contextlib
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import time

from harness import ASSAY, assay, digest_of, journal_samples, model_dir, scratch, write_job

SHARED = ("--mca", "btl", "self,vader")
SLOWLY = ("--batch", "1")  # for some seconds: time enough to do something to it
TCP = ("--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", "lo", "--mca", "osc", "pt2pt")


def mpirun(ranks, spec, results, *options, transport=SHARED, **more):
    """Start mpirun in a session of its own. As root Open MPI wants to be asked twice."""
    return subprocess.Popen(
        ["mpirun", "-n", str(ranks), "--oversubscribe", *transport, str(ASSAY), "run", str(spec)]
        + ["--model-dir", str(model_dir()), "--output", str(results), "--threads", "1"]
        + [str(option) for option in options],
        env={**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def finish(process, what, check=0):
    out, err = process.communicate()
    if process.returncode != check:
        sys.exit(f"{what}: exit {process.returncode}, not {check}\n{out}{err}")
    return err


def one_rank(spec, results):
    done = assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0)
    return digest_of(results), done


def digests(folder):
    import h5py

    spec = write_job(folder, items=8, replicates=4)
    want, _ = one_rank(spec, f"{folder}/alone.h5")
    print(f"{'no mpirun':24} {want}", flush=True)
    for name, transport in (("shared memory", SHARED), ("TCP", TCP)):
        for ranks in (1, 2, 4):
            results = f"{folder}/{name[:3]}-{ranks}.h5"
            finish(mpirun(ranks, spec, results, transport=transport), f"{name}, {ranks} ranks")
            digest = digest_of(results)
            print(f"{name:15} -n {ranks}     {digest}", flush=True)
            if digest != want:
                sys.exit("the digests differ")
            with h5py.File(results) as file:
                processes = file["processes"]
                used = set(file["circumstances/process"][:].tolist())
                if used != set(range(len(processes["rank"]))):
                    sys.exit(f"processes {used}")
                if set(processes["ranks"][:].tolist()) != {ranks}:
                    sys.exit("the number of ranks is not recorded")
                if len(file["topologies/xml"]) != 1 or "<topology" not in str(
                    file["topologies/xml"].asstr()[0]
                ):
                    sys.exit("one host must have one topology")
                for column in ("host", "isa", "engine", "build", "processors", "launcher"):
                    if not processes[column].asstr()[0]:
                        sys.exit(f"/processes/{column} is empty")
                if not all(processes["clock_mhz"][:] > 100):
                    sys.exit("no clock was measured")


def children(pid):
    """Processes of the program below mpirun."""
    found = []
    for task in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = task.read_text()
        except OSError:
            continue
        name, parent = re.search(r"\((.*)\) \S (\d+)", text).groups()
        if name == "assay" and int(parent) == pid:
            found.append(int(text.split()[0]))
    return found


def kills(folder, wanted):
    rng = random.Random(20261124)
    spec = write_job(folder, items=24, replicates=8)
    begin = time.monotonic()
    want, _ = one_rank(spec, f"{folder}/alone.h5")
    patience = 0.4 * (time.monotonic() - begin)
    done, runs, torn = 0, 0, 0
    while done < wanted:
        before = done
        runs += 1
        results = f"{folder}/killed-{runs}.h5"
        journal = f"{results}.journal"
        while True:
            ranks = rng.choice([1, 2, 3, 4])
            transport = rng.choice([SHARED, TCP])
            process = mpirun(ranks, spec, results, transport=transport)
            kept = set(journal_samples(journal)[0])
            try:
                process.wait(timeout=rng.uniform(0.3, max(1.0, patience)))
            except subprocess.TimeoutExpired:
                victims = children(process.pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(victims or [process.pid]), signal.SIGKILL)
                    done += bool(victims)
                process.communicate()
                now, count = journal_samples(journal)
                # Killed once the results were there, the journal was no longer needed.
                if kept - set(now) and not pathlib.Path(results).exists():
                    sys.exit(f"{len(kept - set(now))} samples that were on the disk are lost")
                if count != len(now):
                    sys.exit(f"{count - len(now)} samples were computed twice")
                continue
            err = finish(process, f"after {done} kills")
            torn += "torn" in err
            break
        got = digest_of(results)
        print(f"{done} kills so far: {got}", flush=True)
        if got != want:
            sys.exit(f"the digests differ: undisturbed {want}")
        if done - before < 2:  # the machine has become faster than it was undisturbed
            patience /= 2
        if runs > wanted:
            sys.exit(f"{done} kills in {runs} runs: hardly anything was tested")
    print(f"{done} kills of random ranks, {runs} runs: 0 samples lost, 0 twice; {torn} torn tails")


def must_say(err, text, what):
    lines = [line for line in err.splitlines() if line.startswith("assay: ")]
    if len(lines) != 1 or text not in lines[0]:
        sys.exit(f"{what}: one message with \"{text}\" was expected\n{err}")
    print(f"{what}: {lines[0]}", flush=True)


def refuse_worlds(folder, spec):
    env = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_ALLOW_RUN_AS_ROOT": "1"}
    env["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    common = ("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/none.h5")
    done = assay(*common, env=env, check=3)
    must_say(done.stderr, "mpirun promised 4 ranks, but MPI connects 1", "singletons")
    done = assay(*common, "--ranks", "2", check=3)
    must_say(done.stderr, "--ranks 2, but 1 rank was started", "--ranks")
    done = assay(*common, env={"SLURM_JOB_ID": "7", "SLURM_NTASKS": "8"}, check=3)
    must_say(done.stderr, "job 7 was granted 8 tasks", "a batch script without srun")
    if list(pathlib.Path(folder).glob("none.h5*")):
        sys.exit("a refused run left something")


def refuse_different_specs(folder, spec):
    """Rank 1 finds another seed in its spec."""
    other = spec.with_name("other.yaml")
    other.write_text(spec.read_text().replace("\nseed: ", "\nseed: 1"))
    script = pathlib.Path(folder, "which.sh")
    script.write_text(
        f'spec={spec}\n[ "$OMPI_COMM_WORLD_RANK" = 1 ] && spec={other}\n'
        f'exec {ASSAY} run "$spec" --model-dir {model_dir()} --output {folder}/differ.h5\n'
    )
    process = subprocess.run(
        ["mpirun", "-n", "2", "--oversubscribe", "sh", str(script)],
        env={**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if process.returncode != 3:
        sys.exit(f"different specs: exit {process.returncode}\n{process.stderr}")
    must_say(process.stderr, "rank 1 on ", "ranks with different specs")


def refuse_other_plan(folder, spec):
    results = pathlib.Path(folder, "plan.h5")
    process = mpirun(2, spec, results, *SLOWLY)
    while process.poll() is None and not journal_samples(f"{results}.journal")[0]:
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR1)
    finish(process, "USR1 to mpirun", check=85)
    before, _ = journal_samples(f"{results}.journal")
    other = write_job(folder, items=8, replicates=4, name="changed",
                      change=lambda text: text.replace("\nseed: ", "\nseed: 2"))
    err = finish(mpirun(3, other, results), "a journal of another plan", check=3)
    must_say(err, "belongs to plan", "a journal of another plan")
    if set(journal_samples(f"{results}.journal")[0]) != set(before):
        sys.exit("the refused run changed the journal")
    with open(f"{results}.journal/rank-0001.log", "ab") as file:
        file.write(b"AJNLtorn")
    err = finish(mpirun(1, spec, results), "a torn tail")
    if (
        "1 file of the journal ended in 8 torn bytes" not in err
        or f"resumed; {len(before)} samples" not in err
    ):
        sys.exit(f"the torn tail was not told:\n{err}")
    print(f"a torn tail: told, {len(before)} samples resumed", flush=True)
    return digest_of(results)


def full_disk(folder, spec, want):
    """Each rank has room for some samples more: all stop, what was acknowledged stays. The limit
    comes once MPI has made its own files."""
    results = f"{folder}/full.h5"
    process = mpirun(2, spec, results, *SLOWLY)
    while process.poll() is None and not journal_samples(f"{results}.journal")[0]:
        time.sleep(0.02)
    files = pathlib.Path(f"{results}.journal").glob("*")
    limit = max(file.stat().st_size for file in files) + 2000  # the machine's description is in it
    for pid in children(process.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    err = finish(process, "a full disk", check=4)
    must_say(err, "rank-000", "a full disk")
    kept = len(journal_samples(f"{results}.journal")[0])
    err = finish(mpirun(3, spec, results), "after the full disk")
    if f"resumed; {kept} samples" not in err or digest_of(results) != want:
        sys.exit(f"{kept} samples were kept, but:\n{err}")
    print(f"a full disk: {kept} samples kept and resumed by 3 ranks", flush=True)


def refusals(folder):
    spec = write_job(folder, items=8, replicates=4)
    want, _ = one_rank(spec, f"{folder}/alone.h5")
    refuse_worlds(folder, spec)
    refuse_different_specs(folder, spec)
    if refuse_other_plan(folder, spec) != want:
        sys.exit("the digest after the refusals differs")
    full_disk(folder, spec, want)
    err = finish(mpirun(2, spec, "/proc/none/x.h5"), "an unwritable output", check=3)
    must_say(err, "/proc/none/x.h5", "an unwritable output")


def main():
    part = sys.argv[2]
    with scratch() as folder:
        if part == "digests":
            digests(folder)
        elif part == "kills":
            kills(folder, int(sys.argv[3]) if len(sys.argv) > 3 else 30)
        else:
            refusals(folder)


if __name__ == "__main__":
    main()
