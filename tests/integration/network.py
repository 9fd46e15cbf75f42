"""A network of one file: three sites take a task from opening to settlement by the program's own
commands; refusals name their codes; receipts hold, history replays. `network.py ASSAY`"""

import hashlib
import json
import os
import random
import sqlite3

from harness import assay, scratch

SITES = ["a", "b", "c"]
TERMS = {
    "name": "capitals",
    "samples_per_item": 4,
    "replicas": 2,
    "sites_min": 2,
    "strata": [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1],
}


def need(condition, message):
    if not condition:
        raise SystemExit(message)


class Network:
    """The commands, in the folder of the chain."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"ASSAY_PASSPHRASE_FILE": f"{folder}/pass"}

    def run(self, *words, check=0):
        return assay(*words, cwd=self.folder, env=self.env, check=check)

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)

    def refused(self, code, *words):
        told = self.run(*words, check=1).stderr
        need(f"refused: {code} (" in told, f"{words}: {told!r} does not name {code}")

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(f"{self.folder}/{name}", encoding="utf-8") as file:
            return json.load(file)


def set_up(net):
    net.write("pass", "correct horse battery\n")
    os.chmod(f"{net.folder}/pass", 0o600)
    for who in ["admin", *SITES]:
        net.run("key", "generate", f"{who}.key", "--cost", "low")
    net.run("net", "init", "chain.db", "--chain", "my-lab", "--admin", "admin.key.pub")
    for who in SITES:
        labels = ["--organisation", f"uni-{who}", "--country", "FR", "--arch", "sm_90"]
        net.run("net", "apply", f"{who}.json", "--chain", "my-lab", "--key", f"{who}.key", *labels)
    register = ["net", "register", "chain.db"]
    net.refused("unknown-key", *register, "a.json", "--key", "a.key")
    for who in SITES:
        net.run(*register, f"{who}.json", "--key", "admin.key")
    net.refused("site-exists", *register, "a.json", "--key", "admin.key")
    net.refused("not-admin", *register, "a.json", "--key", "b.key")
    net.write("terms.json", json.dumps(TERMS))
    opened = ["net", "open", "chain.db", "terms.json", "--key", "admin.key", "--window", "4"]
    need(net.json(*opened, "--pool", "1000")["task"] == 1, "the first task is not 1")


def score_of(net, who):
    """What a run and its attestation will give: a root, and one bit for each sample."""
    assignment = net.read(f"{who}.assignment.json")
    need(assignment["format"] == "assignment-1" and assignment["item_count"] == 12, assignment)
    rng = random.Random(who)
    bits = [rng.random() < 0.6 for _ in range(len(assignment["items"]) * 4)]
    packed = bytearray((len(bits) + 7) // 8)
    for i, bit in enumerate(bits):
        packed[i // 8] |= bit << i % 8
    digest = {name: hashlib.sha256(f"{name} {who}".encode()).hexdigest()
              for name in ("root", "statement")}  # fmt: skip
    score = {**digest, "n": len(bits), "sum": sum(bits), "bits": packed.hex()}
    net.write(f"{who}.score.json", json.dumps(score))
    return score


def play(net):
    task = ["--task", "1", "--key"]
    beacon = ["net", "beacon", "chain.db"]
    submit = ["submit", "--solo", "chain.db"]
    net.refused("beacon-early", *beacon, "reveal", *task, "a.key")
    for who in SITES:
        net.run(*beacon, "commit", *task, f"{who}.key")
    net.refused("beacon-repeated", *beacon, "commit", *task, "a.key")
    net.run("net", "advance", "chain.db", "--blocks", "1")
    for who in SITES:
        net.run(*beacon, "reveal", *task, f"{who}.key")
    net.run("net", "advance", "chain.db", "--blocks", "1")
    items = []
    for who in SITES:
        out = ["--site", f"{who}.key.pub", "--output", f"{who}.assignment.json"]
        net.run("net", "assignment", "chain.db", "--task", "1", *out)
        items += net.read(f"{who}.assignment.json")["items"]
        score_of(net, who)
    need(sorted(items) == sorted(2 * list(range(12))), "not every item has two sites")
    for who in SITES:
        receipt = ["--receipt", f"{who}.committed.json"]
        net.run(*submit, "commit", f"{who}.score.json", *task, f"{who}.key", *receipt)
    net.refused("commit-repeated", *submit, "commit", "a.score.json", *task, "a.key")
    net.refused("second-root", *submit, "commit", "b.score.json", *task, "a.key")
    net.refused("reveal-early", *submit, "reveal", "a.score.json", *task, "a.key")
    net.run("net", "advance", "chain.db")
    other = {**net.read("a.score.json"), "root": "00" * 32}
    net.write("other.json", json.dumps(other))
    net.refused("commit-mismatch", *submit, "reveal", "other.json", *task, "a.key")
    for who in SITES:
        net.run(*submit, "reveal", f"{who}.score.json", *task, f"{who}.key")
    net.refused("settle-early", "net", "settle", "chain.db", *task, "a.key")
    net.run("net", "advance", "chain.db")
    net.run("net", "settle", "chain.db", *task, "a.key")
    net.refused("settle-repeated", "net", "settle", "chain.db", *task, "a.key")


def check_settled(net):
    (row,) = net.json("net", "leaderboard", "chain.db")
    scores = [net.read(f"{who}.score.json") for who in SITES]
    shares = sorted(score["sum"] / score["n"] for score in scores)
    need(shares[0] <= row["score"] <= shares[2], f"odd consensus: {row}")
    need(row["paid"] + row["remainder"] == 1000 and row["revealed"] == 3, f"odd pay: {row}")
    need("capitals" in net.run("net", "leaderboard", "chain.db").stdout, "no leaderboard")
    sites = net.json("net", "show", "chain.db", "sites")
    need(sum(site["earned"] for site in sites) == row["paid"], f"odd sites: {sites}")
    task = net.json("net", "show", "chain.db", "task", "1")
    need(task["closed"] == 1 and len(task["rounds"][0]["awards"]) == 3, f"odd task: {task}")
    committed = net.read("a.committed.json")
    tx = net.json("net", "show", "chain.db", "tx", committed["tx"])
    need(tx["type"] == "commit" and tx["height"] == committed["height"], f"odd tx: {tx}")


def check_receipts(net):
    receipt = ["--task", "1", "--site", "a.key.pub"]
    net.run("submit", "--solo", "chain.db", "receipt", "a.settled.json", *receipt)
    for name in ("a.settled.json", "a.committed.json"):
        net.run("submit", "check", name)
    changed = net.read("a.settled.json")
    changed["app_hash"] = "00" * 32
    net.write("changed.json", json.dumps(changed))
    told = net.run("submit", "check", "changed.json", check=1).stderr
    need("does not lead to the app hash" in told, told)


def check_file(net):
    replayed = net.json("net", "replay", "chain.db")
    chain = net.json("net", "show", "chain.db", "chain")
    need(replayed["app_hash"] == chain["app_hash"], "replayed to another hash")
    need(net.run("net", "advance", "chain.db", "--chain", "other", check=3), "another chain")
    need(net.run("net", "show", "nowhere.db", "chain", check=3), "no file")
    need(net.run("net", "settel", "chain.db", check=2).stderr.count("settle"), "no suggestion")
    file = sqlite3.connect(f"{net.folder}/chain.db")
    file.execute("UPDATE block SET app_hash=zeroblob(32) WHERE height=3")
    file.commit()
    file.close()
    told = net.run("net", "replay", "chain.db", check=1).stderr
    need("block 3: another app hash" in told, told)


def main():
    with scratch() as folder:
        net = Network(folder)
        set_up(net)
        play(net)
        check_settled(net)
        check_receipts(net)
        check_file(net)


if __name__ == "__main__":
    main()
