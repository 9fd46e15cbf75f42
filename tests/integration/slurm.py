"""A real Slurm, started here (slurm_lab.py). `slurm.py ASSAY PART [FULL]`, PART one of

jobs      one partition, two partitions in one world, and jobs put back into the queue by the time
          limit, by a preemption and by scontrol: each ends with the digest of an undisturbed run.
failures  SIGKILL of a rank inside the job, and where it can be had (root) the crash of a node:
          nothing acknowledged is lost, nothing is there twice, the same digest.
refusals  each a message, an exit code, and nothing submitted.

FULL takes the quickstart's own job.
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

from harness import ASSAY, ROOT, assay, digest_of, journal_samples, model_dir, scratch, write_job
from slurm_lab import Lab, can_have_spaces, skip_unless_possible, wait_until

ONE = "  - {name: cpu-a, nodes: 2, tasks_per_node: 1}\n"
TWO = ONE + "  - {name: cpu-b, nodes: 1, tasks_per_node: 2}\n"
FULL = "full" in sys.argv[3:]
TURNS = 5  # for what must meet a job that is not over


class Job:
    """A job of `assay slurm` in a lab."""

    def __init__(self, lab, folder, spec, name, partitions=ONE, minutes=10, lead=30, extra=""):
        self.lab = lab
        self.results = pathlib.Path(folder) / f"{name}.h5"
        self.log = pathlib.Path(f"{self.results}.log")
        self.journal = pathlib.Path(f"{self.results}.journal")
        self.site = pathlib.Path(folder) / f"{name}.site.yaml"
        self.site.write_text(
            f"site: 1\nname: lab\nminutes: {minutes}\nsignal_lead: {lead}\nbatch: 4\n{extra}"
            f"partitions:\n{partitions}"
        )
        self.command = ["slurm", spec, "--site", self.site, "--model-dir", model_dir()]
        self.command += ["--output", self.results]

    def submit(self):
        done = assay(*self.command, "--json", env=self.lab.env, cwd=self.results.parent, check=0)
        self.number = json.loads(done.stdout)["job"]
        return self

    def status(self):
        done = assay("slurm", "status", self.results, "--json", env=self.lab.env, check=0)
        return json.loads(done.stdout)

    def wait_for_samples(self, least=8):
        wait_until(lambda: f"job {self.number} has no samples:\n{self.told()}",
                   lambda: len(journal_samples(self.journal)[0]) >= least, 400, 0.05)

    def told(self):
        return self.log.read_text() if self.log.exists() else ""

    def finish(self, want, what, restarts=None, seconds=900):
        def over():
            state = self.lab.state(self.number)
            if state in ("FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"):
                sys.exit(f"{what}: job {self.number} is {state}\n{self.told()}")
            return state == "COMPLETED"

        began = time.monotonic()
        wait_until(f"{what}: job {self.number} is not done", over, seconds, 0.5)
        digest = digest_of(self.results)
        count = self.lab.restarts(self.number)
        print(f"{what:34} {digest[:16]}…  {count} restarts, {time.monotonic() - began:.0f} s",
              flush=True)
        if digest != want:
            sys.exit(f"{what}: the digest is {digest}, undisturbed {want}\n{self.told()}")
        if restarts is not None and count < restarts:
            sys.exit(f"{what}: {count} restarts, at least {restarts} were expected\n{self.told()}")
        state = self.status()
        if not state["finished"] or state["state"] != "COMPLETED":
            sys.exit(f"{what}: status says {state}")


def small(folder, items=12, replicates=8):
    if FULL:
        return ROOT / "jobs" / "quickstart.yaml"
    return write_job(folder, items=items, replicates=replicates)


def alone(folder, spec):
    results = f"{folder}/alone.h5"
    assay("run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", check=0)
    return digest_of(results)


def processes_of(results):
    import h5py

    with h5py.File(results) as file:
        group = file["processes"]
        return {name: group[name].asstr()[:].tolist() if group[name].dtype == object
                else group[name][:].tolist() for name in group}


def check_log(text):
    """Plain progress lines, of which the first comes after 5 seconds; no terminal's escapes."""
    lines = [line for line in text.splitlines() if re.match(r"20\d\d-\S+Z \d+/\d+ samples", line)]
    long = float(re.search(r"samples in ([\d.]+) s", text).group(1)) > 7
    if (long and not lines) or "\033" in text or "\r" in text:
        sys.exit(f"the log has no plain lines of progress:\n{text}")


def check_announced(text, places):
    """One start: each component's ranks are told once, a line a host."""
    lines = re.findall(r"^\S+Z ranks? ([\d,-]+) on (\S+) \(component (\d \S+)\): .*, .*, "
                       r"\d+ threads? and [\d.]+ GiB a rank$", text, re.M)
    told = {}
    for ranks, host, component in lines:
        if (host, component) in told:
            sys.exit(f"{host} {component} is announced twice:\n{text}")
        told[host, component] = [
            rank for part in ranks.split(",")
            for rank in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)
        ]
    found = {}
    for (_, component), ranks in told.items():
        found.setdefault(component, []).extend(ranks)
    if {component: sorted(ranks) for component, ranks in found.items()} != places:
        sys.exit(f"announced: {told}, not {places}\n{text}")


def jobs(folder):
    spec = small(folder)
    want = alone(folder, spec)
    print(f"{'undisturbed, one rank':34} {want[:16]}…", flush=True)
    with Lab(f"{folder}/lab") as lab:
        job = Job(lab, folder, spec, "one").submit()
        job.finish(want, "one partition, 2 nodes", 0)
        check_log(job.told())
        check_announced(job.told(), {"0 cpu-a": [0, 1]})
        job = Job(lab, folder, spec, "het", TWO).submit()
        job.finish(want, "two partitions, 3 nodes, one world", 0)
        check_announced(job.told(), {"0 cpu-a": [0, 1], "1 cpu-b": [2, 3]})
        told = processes_of(job.results)
        if set(told["ranks"]) != {4} or set(told["launcher"]) != {"srun"}:
            sys.exit(f"the processes of the heterogeneous job: {told}")
        if not set(told["component"]) <= {"0 cpu-a", "1 cpu-b"} or not all(
            "SLURM_JOB_PARTITION_HET_GROUP_1=cpu-b\n" in text for text in told["variables"]
        ):
            sys.exit(f"components {told['component']}, variables {told['variables']}")
        requeued(lab, folder, spec, want)
        preempted(lab, folder, spec, want)
        timed_out(lab, folder, spec, want)
        capped(lab, folder, spec, want)


def requeued(lab, folder, spec, want):
    """By hand; and each partition mix goes on with the journal of another."""
    job = Job(lab, folder, spec, "requeue", TWO).submit()
    job.wait_for_samples()
    lab.run("scontrol", "requeue", job.number)
    job.finish(want, "scontrol requeue, two partitions", 1)
    job = Job(lab, folder, spec, "mix", TWO).submit()
    job.wait_for_samples()
    assay("slurm", "cancel", job.results, env=lab.env, check=0)
    wait_until("it is not cancelled", lambda: lab.state(job.number) == "CANCELLED", 200)
    kept = len(journal_samples(job.journal)[0])
    job = Job(lab, folder, spec, "mix", ONE).submit()
    job.finish(want, "cancelled, then another partition", 0)
    if not re.search(r"resumed; (\d+) samples", job.told()) or kept < 8:
        sys.exit(f"it did not resume from {kept} samples:\n{job.told()}")


def preempted(lab, folder, spec, want):
    script = pathlib.Path(folder, "urgent.sh")
    script.write_text("#!/bin/sh\nsleep 3\n")
    urgent = ["sbatch", "--partition=urgent", "--nodes=4", "--exclusive", "-o", "/dev/null", script]
    for turn in range(TURNS):
        job = Job(lab, folder, spec, f"preempt-{turn}").submit()
        job.wait_for_samples()
        lab.run(*urgent)
        over = lambda: lab.restarts(job.number) >= 1 or lab.state(job.number) == "COMPLETED"
        wait_until("it is not preempted", over, 400)
        if lab.restarts(job.number) >= 1:  # and was not over before
            break
    job.finish(want, "preempted", 1)


def timed_out(lab, folder, spec, want):
    """A job that needs more than its minute: the warning comes up to a minute early, so that every
    run is a short one."""
    job = Job(lab, folder, spec, "time", minutes=1, lead=50).submit()
    job.finish(want, "time limit of a minute")


def capped(lab, folder, spec, want):
    """No restart is left: the job ends with 85; the partial results are reported meanwhile."""
    for turn in range(TURNS):
        job = Job(lab, folder, spec, f"capped-{turn}", extra="restarts: 0\n").submit()
        job.wait_for_samples()
        report = ("report", job.results, "--json", "--bootstrap", "0")
        partial = json.loads(assay(*report, check=0).stdout)
        if not partial.get("partial"):
            continue  # it was over before
        if not 8 <= partial["samples_done"] < partial["samples_total"]:
            sys.exit(f"the report of a run in progress: {partial}")
        lab.run("scancel", "--batch", "--signal=USR1", job.number, check=False)
        over = lambda: lab.state(job.number) in ("FAILED", "COMPLETED")
        wait_until("it does not end", over, 400)
        if lab.state(job.number) == "FAILED":
            break
    if "0 restarts were the last" not in job.told() or "samples are kept" not in job.told():
        sys.exit(f"the cap was not told:\n{job.told()}")
    kept, count = journal_samples(job.journal)
    if len(kept) != count or len(kept) < partial["samples_done"]:
        sys.exit(f"{len(kept)} samples are kept, {count} frames")
    job.submit().finish(want, "no restart left, submitted again", 0)


def ranks_in(lab, node=None):
    """Processes of the program below this lab's slurmd."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().strip() != ASSAY.name[:15]:
                continue
            env = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"SLURM_CONF={lab.env['SLURM_CONF']}".encode() in env.split(b"\0"):
            if node is None or f"SLURMD_NODENAME={node}".encode() in env.split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_ranks(lab, folder, spec, want, rounds):
    """Half of them in a world of four ranks, half in one of two that has its journals."""
    rng, killed = random.Random(20261125), 0
    worlds = [(TWO, 4)] * (rounds - rounds // 2) + [(ONE, 2)] * (rounds // 2)
    job, last, restarts = None, None, 1
    for round_number, (partitions, ranks) in enumerate(worlds):
        if partitions != last:
            if job:
                assay("slurm", "cancel", job.results, env=lab.env, check=0)
                wait_until("it is not cancelled", lambda: lab.state(job.number) == "CANCELLED", 200)
            job = Job(lab, folder, spec, "kill", partitions, extra=f"restarts: {rounds + 10}\n")
            job.submit()
            last = partitions
        before = len(journal_samples(job.journal)[0])
        job_runs = lambda: len(ranks_in(lab)) == ranks or job.results.exists()
        wait_until(lambda: f"no rank runs:\n{job.told()}", job_runs, 400)
        job_moves = lambda: len(journal_samples(job.journal)[0]) > before or job.results.exists()
        wait_until(lambda: f"nothing is computed:\n{job.told()}", job_moves, 400, 0.05)
        time.sleep(rng.uniform(0, 0.5))
        kept = journal_samples(job.journal)[0]
        restarts = 0
        if job.results.exists():
            break
        try:
            os.kill(rng.choice(ranks_in(lab)), signal.SIGKILL)
        except (IndexError, ProcessLookupError):
            break  # it has just ended
        wait_until("the others go on", lambda: not ranks_in(lab), 300)
        now, count = journal_samples(job.journal)
        if job.results.exists():  # the journal was no longer needed
            break
        killed, restarts = killed + 1, 1
        print(f"kill {killed} of {rounds}, {ranks} ranks: {len(now)} samples on the disk, "
              f"{len(set(kept) - set(now))} lost, {count - len(now)} twice", flush=True)
        if set(kept) - set(now) or count != len(now):
            sys.exit(f"round {round_number}: {len(set(kept) - set(now))} samples are lost, "
                     f"{count - len(now)} are there twice")
    job.finish(want, f"SIGKILL of {killed} ranks", restarts)
    if killed < (rounds if FULL else 1):
        sys.exit(f"the job ended after {killed} of {rounds} kills")


def crash_node(folder, spec, want):
    with Lab(f"{folder}/spaces", spaces=True) as lab:
        job = Job(lab, folder, spec, "crash", "  - {name: urgent, nodes: 3, tasks_per_node: 1}\n")
        job.submit().wait_for_samples()
        kept = journal_samples(job.journal)[0]
        # Not the first: its crash takes the batch shell along, which is another row.
        node = lab.run("squeue", "-h", "-j", job.number, "-o", "%N")
        print(f"crash of a node of {node}", flush=True)
        lab.crash("n2" if len(kept) % 2 else "n1")
        job.finish(want, "crash of a whole node", 1)


def failures(folder):
    spec = small(folder)
    want = alone(folder, spec)
    with Lab(f"{folder}/lab") as lab:
        kill_ranks(lab, folder, spec, want, 30 if FULL else 3)
    if can_have_spaces():
        crash_node(folder, spec, want)
    else:
        print("the crash of a node needs root and network namespaces: left out")


def must_refuse(lab, what, job, text, code, *more):
    done = assay(*job.command, *more, env=lab.env, check=code)
    if text not in done.stderr or done.stderr.count("assay: ") != 1:
        sys.exit(f"{what}: \"{text}\" was expected\n{done.stderr}")
    if lab.run("squeue", "-h", "-t", "all", "-o", "%i") != "":
        sys.exit(f"{what}: a job was submitted")
    print(f"{what}: {done.stderr.strip()}", flush=True)


def refusals(folder):
    spec = write_job(folder, items=4, replicates=2)
    with Lab(f"{folder}/lab", memory=400) as lab:
        rows = (
            ("no such partition", "  - {name: cpu-x}\n", "partition \"cpu-x\" does not exist here; "
             "did you mean \"cpu-", 3, ""),
            ("too many nodes", "  - {name: cpu-a, nodes: 3}\n", "has 2 nodes, nodes is 3", 3, ""),
            ("no memory", "  - {name: cpu-a, tasks_per_node: 4}\n", "its share of a node's memory "
             "is 100 MiB", 4, ""),
            ("too many cores", "  - {name: cpu-a, cores_per_task: 64}\n", "", 1, ""),
            ("a wrong key", ONE, "unknown key \"acount\" in the site file; did you mean \"acc", 3,
             "acount: x\n"),
        )
        for number, (what, partitions, text, code, extra) in enumerate(rows):
            job = Job(lab, folder, spec, f"no{number}", partitions, extra=extra)
            must_refuse(lab, what, job, text, code)
        job = Job(lab, folder, spec, "no")
        must_refuse(lab, "no calibration", job, "No such file", 3, "--calibration", "/none.json")
        must_refuse(lab, "no results folder", job, "/none", 3, "--output", "/none/x.h5")
        done = assay("slurm", "status", f"{folder}/never.h5", env=lab.env, check=3)
        print(f"no ticket: {done.stderr.strip()}")
        dry_run(lab, folder, spec)
        refused_inside(lab, folder, spec)
        wrong_use(lab, folder, spec)


def dry_run(lab, folder, spec):
    calibration = pathlib.Path(folder, "bench.json")
    calibration.write_text(json.dumps({
        "threads": 1, "isa": "avx2", "prefill_tokens_per_s": 100,
        "decode_tokens_per_s": {"1": 1, "64": 10}}))
    job = Job(lab, folder, spec, "dry", TWO.replace("tasks_per_node: 2", "tasks_per_node: 1"))
    done = assay(*job.command, "--dry-run", "--json", "--calibration", calibration, env=lab.env,
                 check=0)
    plan = json.loads(done.stdout)
    hours = (plan["prompt_tokens"] / 100 + plan["output_tokens_max"] / 10) / 3600
    if abs(plan["hours"] - hours / 3) > 1e-9 or plan["job"] is not None:
        sys.exit(f"the hours of the dry run: {plan['hours']}, not {hours / 3}")
    if "to start at" not in plan["answer"] or "#SBATCH hetjob" not in plan["script"]:
        sys.exit(f"the dry run: {plan}")
    if [part["ranks"] for part in plan["partitions"]] != [2, 1]:
        sys.exit(f"the partitions of the dry run: {plan['partitions']}")
    text = assay(*job.command, "--dry-run", env=lab.env, check=0).stdout
    if "hours    not known" not in text or "cpu-b" not in text:
        sys.exit(text)
    if job.results.with_name("dry.h5.sbatch").exists():
        sys.exit("the dry run left a script")


def refused_inside(lab, folder, spec):
    """What only the compute nodes can know ends the job with a message and no restart, also where
    srun kills one task because another has refused, and tells of that signal (143)."""
    file = pathlib.Path(folder, "file")
    file.write_text("")
    rows = [
        ("scratch", f"scratch: {file}\n", ONE, f"--scratch {file} cannot be written"),
        ("singletons", "mpi: none\n", ONE, "srun started 2 tasks that cannot find each other"),
        ("singletons-of-three-nodes", "mpi: none\n", TWO, "srun started 4 tasks that cannot find"),
    ]
    for what, extra, partitions, text in rows + (12 * rows[1:] if FULL else []):
        job = Job(lab, folder, spec, what, partitions, extra=extra).submit()
        wait_until(f"{what}: it does not end", lambda: lab.state(job.number) == "FAILED", 200)
        left = sorted(path.name for path in job.results.parent.glob(f"{job.results.name}.end*"))
        if text not in job.told() or lab.restarts(job.number) or job.results.exists() or left:
            sys.exit(f"{what}: \"{text}\" was expected\n{job.told()}")
        print(f"{what}: {job.told().splitlines()[0]}", flush=True)
        job.log.unlink()


def wrong_use(lab, folder, spec):
    """A script edited by hand: what no command takes ends the job at once, and is no crash."""
    for what, partitions in (("plain", ONE), ("heterogeneous", TWO)):
        job = Job(lab, folder, spec, f"edited-{what}", partitions)
        done = assay(*job.command, "--dry-run", "--json", env=lab.env, check=0)
        script = job.results.with_suffix(".sbatch")
        text = json.loads(done.stdout)["script"]
        script.write_text(text.replace("options=(", "options=(--bach 3 "))
        number = lab.run("sbatch", "--parsable", script, cwd=folder)
        wait_until(f"{what}: it does not end", lambda: lab.state(number) == "FAILED", 200)
        told = job.told()
        if 'unknown option "--bach"; did you mean --batch?' not in told or lab.restarts(number):
            sys.exit(f"a script edited by hand, {what}: {told}")
        if "without its end marker" in told or list(job.results.parent.glob("*.vain")):
            sys.exit(f"wrong use is taken for a crash, {what}: {told}")
        if "ExitCode=2:0" not in lab.run("scontrol", "show", "job", number):
            sys.exit(f"{what}: {lab.run('scontrol', 'show', 'job', number)}")
        print(f"a script edited by hand, {what}: {told.splitlines()[0]}", flush=True)


def main():
    skip_unless_possible()
    parts = {"jobs": jobs, "failures": failures, "refusals": refusals}
    with scratch() as folder:
        parts[sys.argv[2]](folder)


if __name__ == "__main__":
    main()
