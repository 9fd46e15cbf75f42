"""A round with the real model: three sites compute what a beacon deals them, sign, commit, reveal;
the ledger settles. What is of another spec, round or site is refused by name. `round.py ASSAY`
with the tests' virtual environment."""

import json
import os

import h5py

from harness import model_dir, scratch, write_job
from network import SITES, Network, need

ITEMS = 9


class Round(Network):
    def refused_with(self, text, *words, check):
        told = self.run(*words, check=check).stderr
        need(text in told, f"{words}: {told!r} does not say {text!r}")


def set_up(net, spec):
    net.write("pass", "correct horse battery\n")
    os.chmod(f"{net.folder}/pass", 0o600)
    for who in ["admin", *SITES]:
        net.run("key", "generate", f"{who}.key", "--cost", "low")
    net.run("net", "init", "chain.db", "--chain", "my-lab", "--admin", "admin.key.pub")
    for who in SITES:
        labels = ["--organisation", f"uni-{who}", "--country", "FR", "--arch", "cpu"]
        net.run("net", "apply", f"{who}.json", "--chain", "my-lab", "--key", f"{who}.key", *labels)
        net.run("net", "register", "chain.db", f"{who}.json", "--key", "admin.key")
    opened = ["net", "open", "chain.db", spec, "--model-dir", model_dir(), "--key", "admin.key"]
    net.run(*opened, "--window", "4", "--replicas", "2", "--sites-min", "3")
    for step in ("commit", "reveal"):
        for who in SITES:
            net.run("net", "beacon", "chain.db", step, "--task", "1", "--key", f"{who}.key")
        net.run("net", "advance", "chain.db")


def compute(net, spec, who):
    out = ["--site", f"{who}.key.pub", "--output", f"{who}.assignment.json"]
    net.run("net", "assignment", "chain.db", "--task", "1", *out)
    given = ["--assignment", f"{who}.assignment.json", "--output", f"{who}.h5"]
    net.run("run", spec, "--model-dir", model_dir(), *given)
    with h5py.File(f"{net.folder}/{who}.h5") as file:
        assigned = net.read(f"{who}.assignment.json")
        need(file["items/position"][:].tolist() == assigned["items"], f"{who}: other items")
        need(file.attrs["round_seed"] == assigned["round_seed"], f"{who}: another seed")
        need(file.attrs["site"] == assigned["site"], f"{who}: another site")
        return dict(
            zip(
                file["items/id"].asstr()[:],
                file["samples/cell_key"][:].reshape(len(assigned["items"]), -1),
            )
        )


def refusals(net, spec, folder):
    run = ["run", spec, "--model-dir", model_dir(), "--output", "x.h5", "--assignment"]
    other = write_job(folder, items=ITEMS, replicates=1, name="other",
                      change=lambda text: text.replace("\nseed: ", "\nseed: 1"))  # fmt: skip
    told = "the assignment is for spec"
    net.refused_with(told, "run", other, *run[2:], "a.assignment.json", check=3)
    changed = {**net.read("a.assignment.json"), "item_count": ITEMS + 1}
    net.write("changed.json", json.dumps(changed))
    net.refused_with(f"a benchmark of {ITEMS + 1} items", *run, "changed.json", check=3)
    net.write("cut.json", json.dumps(changed)[:-9])
    net.refused_with("cut.json", *run, "cut.json", check=3)
    attest = ["attest", "a.h5", "--key", "a.key", "--chain", "my-lab", "--task", "1", "--round"]
    net.refused_with("computed for chain my-lab, task 1, round 0", *attest, "3", check=3)
    net.refused_with("site", "attest", "a.h5", "--key", "b.key", check=3)


def audit(net, spec, who):
    """A site's signed work before an auditor: all of it, and a record that the site opened."""
    look = ["--model-dir", model_dir(), "--key", f"{who}.key.pub"]
    told = net.json("audit", f"{who}.h5", "--all", *look)
    need(told["valid"] == told["samples_total"] > 0, f"{who}: {told['invalid']} are invalid")
    net.run("attest", f"{who}.h5", "--open", "3", "--output", "record.json")
    given = ["--envelope", f"{who}.h5.dsse.json", "--spec", spec]
    told = net.json("audit", "record.json", *given, "--assignment", f"{who}.assignment.json", *look)
    need(told["valid"] == 1, f"{who}: {told['samples']}")
    net.refused_with("plan_digest is", "audit", "record.json", *given, *look, check=3)


def main():
    with scratch() as folder:
        spec = write_job(folder, items=ITEMS, replicates=1)
        net = Round(folder)
        set_up(net, spec)
        keys = {who: compute(net, spec, who) for who in SITES}
        for item in set(keys["a"]) & set(keys["b"]):
            need((keys["a"][item] != keys["b"][item]).any(), "two sites share random numbers")
        refusals(net, spec, folder)
        task = ["--task", "1", "--key"]
        for who in SITES:
            net.run("attest", f"{who}.h5", "--key", f"{who}.key")
            net.run("submit", "--solo", "chain.db", "commit", f"{who}.h5", *task, f"{who}.key")
        audit(net, spec, "b")
        told = net.run("submit", "--solo", "chain.db", "commit", "b.h5", *task, "a.key", check=1)
        need("no signature by the key" in told.stderr, told.stderr)
        net.run("net", "advance", "chain.db")
        for who in SITES:
            net.run("submit", "--solo", "chain.db", "reveal", f"{who}.h5", *task, f"{who}.key")
        net.run("net", "advance", "chain.db")
        net.run("net", "settle", "chain.db", *task, "a.key")
        (row,) = net.json("net", "leaderboard", "chain.db")
        need(row["revealed"] == 3, f"odd consensus: {row}")
        net.run("net", "replay", "chain.db")
        print(net.run("net", "leaderboard", "chain.db").stdout)


main()
