"""`assay slurm status` and `cancel` with stand-ins for Slurm's programs, which print what Slurm
22.05 prints: sacct, where that knows nothing squeue, where nobody knows our own files; and --wait.
`status.py ASSAY`."""

import json
import os
import pathlib
import sys
import time

from harness import assay, scratch

PREEMPTED = ("17|PREEMPTED|None|2026-11-25T01:00:00|n[1-2]\n"
             "17|RUNNING|None|2026-11-25T01:10:00|n1\n"
             "18|PREEMPTED|None|2026-11-25T01:00:00|n3\n18|RUNNING|None|2026-11-25T01:10:00|n3\n")
DONE = PREEMPTED.replace("RUNNING", "COMPLETED")
DISABLED = "echo 'Slurm accounting storage is disabled' >&2; exit 1"
PENDING = "PENDING|Resources|2026-11-25T03:00:00||0|\n"


class Site:
    """A folder with a ticket, stand-ins, and a list of the calls that they got."""

    def __init__(self, folder, **programs):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.results = self.folder / "r.h5"
        self.calls = self.folder / "calls"
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        (self.folder / "r.h5.job.json").write_text(json.dumps({
            "assay_job": 1, "job": "17", "spec": "s.yaml", "site": "site.yaml",
            "results": str(self.results), "model_dir": "", "submitted": "2026-11-25T00:59:00Z"}))
        for name, script in programs.items():
            path = self.bin / name
            path.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.calls}\n{script}\n')
            path.chmod(0o755)
        self.env = {"PATH": f"{self.bin}:/usr/bin:/bin" if programs else "/nowhere"}

    def say(self, *words, check=0):
        return assay("slurm", *words[:1], self.results, *words[1:], env=self.env, check=check)

    def asked(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


def says(text):
    return f"cat <<'END'\n{text}END"


def need(condition, message):
    if not condition:
        sys.exit(message)


def rows(folder):
    running = {"state": "RUNNING", "source": "sacct", "restarts": 1, "nodes": "n1", "reason": ""}
    for number, (programs, want, calls) in enumerate((
        ({"sacct": says(PREEMPTED), "squeue": "exit 9"}, running, ["sacct"]),
        ({"sacct": DISABLED, "squeue": says(PENDING)},
         {"state": "PENDING", "source": "squeue", "reason": "Resources", "restarts": 0},
         ["sacct", "squeue"]),
        ({"sacct": "exit 0", "squeue": says(PENDING)}, {"source": "squeue"}, ["sacct", "squeue"]),
        ({"sacct": says("170|RUNNING|None|Unknown|n1\n"),
          "squeue": "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"},
         {"state": None, "source": ""}, ["sacct", "squeue"]),
        ({}, {"state": None, "source": "", "finished": False}, []),
    )):
        site = Site(folder / f"row-{number}", **programs)
        got = json.loads(site.say("status", "--json").stdout)
        need({**got, **want} == got, f"row {number}: {got} has not {want}")
        asked = [line.split()[0] for line in site.asked()]
        need(asked == calls, f"row {number}: asked {site.asked()}")
        need(all(" 17 " in line + " " for line in site.asked()), site.asked())
    text = site.say("status").stdout
    need("no longer known to Slurm, by our own files: not finished" in text, text)
    site = Site(folder / "bad", sacct=says("17|\033[31mRUNNING|a|b|c\n"))
    told = site.say("status", check=3).stderr
    need("sacct: " in told and "is no state of a job" in told and "\033" not in told, told)
    print("status: sacct, squeue, own files; an answer that is none is refused")


def waiting(folder):
    """Two looks, seconds apart; the exit code says whether there are results."""
    for number, finished in enumerate((True, False)):
        site = Site(folder / f"wait-{number}")
        flag = site.folder / "second"
        make = f"touch {site.results}; " if finished else ""
        script = (f"if [ -e {flag} ]; then {make}{says(DONE)}\n"
                  f"else touch {flag}; {says(PREEMPTED)}\nfi")
        site = Site(folder / f"waits-{number}", sacct=script.replace(f"wait-{number}",
                                                                     f"waits-{number}"))
        began = time.monotonic()
        done = site.say("status", "--wait", "--json", check=0 if finished else 1)
        took = time.monotonic() - began
        need(len(site.asked()) == 2 and took >= 5, f"asked {site.asked()} in {took:.1f} s")
        need(json.loads(done.stdout)["state"] == "COMPLETED", done.stdout)
        need(finished or "job 17 ended without its results" in done.stderr, done.stderr)
    print("--wait: two queries, then the end")


def cancelling(folder):
    site = Site(folder / "cancel", scancel="exit 0")
    need("job      17 is cancelled" in site.say("cancel").stdout, "it is not told")
    need(site.asked() == ["scancel 17"], site.asked())
    error = "scancel: error: Kill job error on job id 17: Access/permission denied"
    site = Site(folder / "refused", scancel=f"echo '{error}' >&2; exit 1")
    need("permission denied" in site.say("cancel", check=1).stderr, "the refusal is not told")
    site = Site(folder / "none")
    told = site.say("cancel", check=4).stderr
    need('no program "scancel"' in told, told)
    print("cancel: done, refused, without Slurm")


def main():
    os.environ.pop("SLURM_CONF", None)
    with scratch() as name:
        folder = pathlib.Path(name)
        rows(folder)
        waiting(folder)
        cancelling(folder)


main()
