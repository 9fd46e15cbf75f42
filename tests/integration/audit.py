"""The audit with the real model: no false alarm, however it is computed; and a site that lies
consistently (forge.py makes every digest again) is found out: token, log-probability, end, seed,
temperature, quantisation, prompt, answer, grade. `audit.py ASSAY [ITEMS [REF]]`, with the tests'
virtual environment; REF samples are audited by the judge."""

import json
import os
import pathlib
import shutil
import sys

import h5py
import numpy as np

import forge
from harness import MODEL, assay, model_dir, scratch, write_job
from requantise import requantise

ITEMS = int(sys.argv[2]) if len(sys.argv) > 2 else 6
REF = int(sys.argv[3]) if len(sys.argv) > 3 else 16
failures = []


def need(condition, what):
    print(("ok      " if condition else "FAILED  ") + what, flush=True)
    if not condition:
        failures.append(what)


def refused(what, code, parts, *args):
    done = assay(*args)
    lines = done.stderr.strip().splitlines()
    good = done.returncode == code and len(lines) == 1 and all(p in lines[0] for p in parts)
    told = done.stderr.strip()[:200]
    need(good, f"{what}: {told}" if good else f"{what}: exit {done.returncode}: {done.stderr!r}")


class Place:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.spec = write_job(self.folder, items=ITEMS, replicates=2, name="r")
        self.results = self.folder / "r.h5"
        run(self.spec, self.results)
        self.key, self.pub = self.folder / "site.key", self.folder / "site.key.pub"
        passphrase = self.folder / "pass"
        passphrase.touch(0o600)
        passphrase.write_bytes(b"correct horse battery\n")
        self.unlock = ("--passphrase-file", passphrase)
        assay("key", "generate", self.key, "--cost", "low", *self.unlock, check=0)

    def other(self, name, change=lambda text: text, models=None):
        """Another run: the spec's text changed, or another model."""
        spec = write_job(self.folder, items=ITEMS, replicates=2, name=name, change=change)
        results = self.folder / f"{name}.h5"
        run(spec, results, models)
        return results

    def attest(self, results):
        assay("attest", results, "--key", self.key, *self.unlock, check=0)
        return pathlib.Path(f"{results}.dsse.json")


def run(spec, results, models=None):
    options = ("--model-dir", models or model_dir(), "--output", results, "--quiet")
    assay("run", spec, *options, check=0)


def audit(results, *options, models=None):
    """The exit code, and what --json says."""
    done = assay("audit", results, "--model-dir", models or model_dir(), "--json", *options)
    if not done.stdout:
        return done.returncode, {"samples": [], "told": done.stderr}
    return done.returncode, json.loads(done.stdout)


def faults(told):
    return {row["sample"]: (row["fault"], row["position"]) for row in told["samples"]}


# --- honest


def check_honest(place):
    """Every sample of an honest run is valid, in any batch, by any backend."""
    code, told = audit(place.results, "--all")
    count = told.get("samples_total")
    need(code == 0 and told["valid"] == count and told["invalid"] == 0, f"all {count} are valid")
    need(len(told["samples"]) == count and told["passes"] < told["output_tokens"], "in few passes")
    ways = [
        ("--leaf", "0-7", "--batch", 1, "--threads", 1, "--prefill-rows", 1),
        ("--all", "--batch", 3, "--threads", 2, "--prefill-rows", 7),
        ("--all", "--batch", 256, "--prefill-rows", 1024),
        ("--samples", REF, "--backend", "ref", "--seed", 1),
    ]
    for way in ways:
        code, told = audit(place.results, *way)
        words = " ".join(map(str, way))
        need(code == 0 and told["valid"] == told["audited"] > 0, f"{told.get('valid')}: {words}")


def check_choice(place):
    code, first = audit(place.results, "--samples", 5, "--seed", 3)
    again = audit(place.results, "--samples", 5, "--seed", 3)[1]
    other = audit(place.results, "--samples", 5, "--seed", 4)[1]
    chosen = [row["sample"] for row in first["samples"]]
    need(code == 0 and chosen == [row["sample"] for row in again["samples"]], f"seed 3: {chosen}")
    need(chosen != [row["sample"] for row in other["samples"]], "another seed, other samples")
    need(len(chosen) == 6 and all(i ^ 1 in chosen for i in chosen), "whole groups")
    code, told = audit(place.results, "--leaf", "5,1-3,2")
    need([row["sample"] for row in told["samples"]] == [1, 2, 3, 5], "--leaf 5,1-3,2")
    fresh = [audit(place.results, "--samples", 1)[1]["seed"] for _ in range(2)]
    need(fresh[0] != fresh[1], "without --seed the draw is a fresh one")
    text = assay("audit", place.results, "--model-dir", model_dir(), "--leaf", "3").stdout
    need("ok  sample 3  item" in text and "invalid  0" in text, "told to people, too")


def check_wide(place):
    """With keys and values in f32: another arithmetic, other numbers, valid by any backend."""
    results = place.other("wide", change=lambda text: text + "kv: f32\n")
    with h5py.File(results) as file, h5py.File(place.results) as narrow:
        name = file.attrs["arithmetic"]
        name = name.decode() if isinstance(name, bytes) else str(name)
        same = np.array_equal(file["tokens/log_prob"][:], narrow["tokens/log_prob"][:])
    need(name == "exact-1-kv32" and not same, f"kv: f32 is {name}, with other numbers")
    ways = [("--all",), ("--all", "--batch", 3, "--threads", 2, "--prefill-rows", 7)]
    for way in [*ways, ("--samples", REF, "--backend", "ref", "--seed", 2)]:
        code, told = audit(results, *way)
        good = code == 0 and told["valid"] == told["audited"] > 0
        need(good, f"f32: {told.get('valid')}: {' '.join(map(str, way))}")


# --- lies


def longest(file):
    """A sample with at least three tokens, and its tokens' place."""
    offset = file["samples/token_offset"][:]
    index = int(np.argmax(offset[1:] - offset[:-1]))
    return index, int(offset[index]), int(offset[index + 1])


def change_token(file):
    index, begin, _ = longest(file)
    file["tokens/id"][begin + 2] ^= 1
    return index, ("token", 2)


def change_to_no_token(file):
    index, begin, _ = longest(file)
    file["tokens/id"][begin + 1] = 4000000000
    return index, ("token", 1)


def change_log_prob(file):
    index, begin, _ = longest(file)
    value = file["tokens/log_prob"][begin + 2]
    file["tokens/log_prob"][begin + 2] = np.nextafter(value, np.float32(-100))
    return index, ("log-probability", 2)


def change_finish(file):
    index, begin, end = longest(file)
    kinds = h5py.check_enum_dtype(file["samples/finish"].dtype)
    now = file["samples/finish"][index]
    file["samples/finish"][index] = kinds["end"] if now != kinds["end"] else kinds["length"]
    return index, ("finish", end - begin)


def cut_short(file):
    index, begin, end = longest(file)
    kinds = h5py.check_enum_dtype(file["samples/finish"].dtype)
    file["samples/finish"][index] = kinds["length"]
    for path in forge.OF_TOKENS:
        forge.replace(file, path, np.delete(file[path][:], end - 1))
    offset = file["samples/token_offset"][:]
    offset[index + 1 :] -= 1
    file["samples/token_offset"][...] = offset
    return index, ("finish", end - begin - 1)


def change_grade(file):
    kinds = h5py.check_enum_dtype(file["samples/verdict"].dtype)
    index = int(np.argmax(file["samples/verdict"][:] == kinds["incorrect"]))
    file["samples/verdict"][index] = kinds["correct"]
    file["samples/score_micro"][index] = 1000000
    file["samples/score"][index] = 1.0
    return index, ("grade", None)


def change_answer(file):
    """The right answer in the place of the one given."""
    kinds = h5py.check_enum_dtype(file["samples/verdict"].dtype)
    index = int(np.argmax(file["samples/verdict"][:] == kinds["correct"]))
    begin = int(file["samples/answer_offset"][index])
    file["answers/bytes"][begin] = ord("q")
    return index, ("answer", None)


def change_key(file):
    key = file["samples/cell_key"][4]
    key[31] ^= 1
    file["samples/cell_key"][4] = key
    return 4, ("key", None)


def check_single_lies(place):
    for change in (
        change_token,
        change_to_no_token,
        change_log_prob,
        change_finish,
        cut_short,
        change_grade,
        change_answer,
        change_key,
    ):
        expected = {}

        def note(file, change=change, expected=expected):
            index, fault = change(file)
            expected[index] = fault

        lie = forge.tamper(place.results, place.folder / "lie.h5", note)
        code, told = audit(lie, "--all")
        bad = {i: fault for i, fault in faults(told).items() if fault[0]}
        need(code == 1 and bad == expected, f"{change.__name__}: {bad or told.get('told')}")


def share(told):
    rows = faults(told).values()
    return sum(fault is not None for fault, _ in rows), len(rows)


def check_other_runs(place):
    """What another seed, temperature, model or prompt gave, said to be this run."""
    seeded = place.other("seeded", lambda text: text.replace("\nseed: ", "\nseed: 7"))
    warmer = lambda text: text.replace("temperature: 0.7", "temperature: 1.7")
    hotter = place.other("hotter", warmer)
    prompted = place.other("prompted", lambda text: text.replace("single word", "short word"))
    smaller = place.folder / "smaller"
    smaller.mkdir()
    need(requantise(model_dir() / MODEL, smaller / MODEL) == 210, "the model in Q4_0")
    unsaid = lambda text: "\n".join(x for x in text.splitlines() if "sha256" not in x) + "\n"
    quantised = place.other("quantised", unsaid, models=smaller)
    code, told = audit(quantised, "--all", models=smaller)
    need(code == 0, f"the Q4_0 model's own run: {told.get('valid')} valid")
    rows = [  # whose samples, how they are dressed up, faults expected, least share
        ("another seed, its own keys", seeded, {"keys": False}, {"key"}, 1),
        ("another seed, our keys", seeded, {}, {"token"}, 0.5),
        ("another temperature", hotter, {}, {"token"}, 0.2),
        ("Q4_0 for Q4_1", quantised, {}, {"token", "log-probability"}, 1),
        ("another prompt, its digest", prompted, {"prompts": False}, {"prompt"}, 1),
        ("another prompt, our digest", prompted, {}, {"token", "log-probability"}, 1),
    ]
    for what, made, how, kinds, least in rows:
        lie = forge.claim(made, place.results, place.folder / "lie.h5", **how)
        code, told = audit(lie, "--all")
        bad, count = share(told)
        found = {fault for fault, _ in faults(told).values() if fault}
        good = code == 1 and found and found <= kinds and bad >= least * count
        need(good, f"{what}: {bad} of {count} invalid: {sorted(found)} {told.get('told', '')}")


# --- bundles


def check_bundle(place):
    """Signed; and single records that were opened."""
    envelope = place.attest(place.results)
    code, told = audit(place.results, "--leaf", "0-3", "--key", place.pub)
    done = {row["check"] for row in told["checks"] if row["result"] == "ok"}
    need(code == 0 and {"signature", "merkle root", "model"} <= done, f"signed: {sorted(done)}")
    records = []
    for index in (9, 2, 3):
        records.append(place.folder / f"record-{index}.json")
        options = ("--open", index, "--output", records[-1], "--quiet")
        assay("attest", place.results, *options, check=0)
    how = ("--envelope", envelope, "--spec", place.spec, "--key", place.pub)
    code, told = audit(records[0], *records[1:], *how)
    need(code == 0 and sorted(faults(told)) == [2, 3, 9], f"opened records: {faults(told)}")
    text = records[0].read_text()
    flip = text.replace('"salt":"', '"salt":"0' if '"salt":"0' not in text else '"salt":"1')
    at = flip.index('"salt":"') + 8
    records[0].write_text(flip[: at + 32] + flip[at + 33 :])
    code, told = audit(records[0], *records[1:], *how)
    need(code == 1 and faults(told)[9][0] == "inclusion", "a changed salt: not included")

    lie = forge.tamper(place.results, place.folder / "signed-lie.h5", lambda f: change_token(f))
    with h5py.File(lie) as file:
        index = longest(file)[0]
    theirs = place.attest(lie)
    opened = place.folder / "record-lie.json"
    assay("attest", lie, "--open", index, "--output", opened, "--quiet", check=0)
    how = ("--envelope", theirs, "--spec", place.spec, "--key", place.pub)
    code, told = audit(opened, *how)
    need(code == 1 and faults(told)[index] == ("token", 2), f"a signed lie: {faults(told)}")
    how = ("--envelope", envelope, "--spec", place.spec, "--key", place.pub)
    code, told = audit(opened, *how)
    need(code == 1 and faults(told)[index][0] == "inclusion", "under another's root: not included")
    refused(
        "the statement of another file",
        1,
        ["has sha256"],
        *("audit", lie, "--envelope", envelope, "--model-dir", model_dir()),
    )


def check_refusals(place):
    models = ("--model-dir", model_dir())
    command = ("audit", place.results)
    refused("no model", 3, ["no file", MODEL], *command, "--model-dir", place.folder)
    smaller = place.folder / "smaller"
    refused("another model", 3, ["model: ", "has sha256"], *command, "--model-dir", smaller)
    empty = place.folder / "empty"
    empty.mkdir()
    refused("no benchmark", 3, ["benchmark"], *command, *models, "--benchmark-dir", empty)
    items = (place.folder / "items.jsonl").read_text()
    (empty / "items.jsonl").write_text(items.replace("Ghana", "Gabon") + "\n")
    words = ["benchmark: ", "has sha256"]
    refused("another benchmark", 3, words, *command, *models, "--benchmark-dir", empty)
    refused("no such leaf", 2, ["--leaf"], *command, *models, "--leaf", 100000)
    refused("no list", 2, ["--leaf"], *command, *models, "--leaf", "3,,4")
    refused("two ways", 2, ["--samples, --leaf"], *command, *models, "--leaf", 1, "--all")
    refused("no such file", 3, ["none.h5"], "audit", place.folder / "none.h5", *models)
    refused("neither", 2, ["--envelope"], "audit", place.spec, *models)
    shutil.copy(place.results, place.folder / "alone.h5")
    alone = ("audit", place.folder / "alone.h5", *models, "--key", place.pub)
    refused("a key, no envelope", 3, ["no envelope"], *alone)


def main():
    with scratch() as folder:
        place = Place(folder)
        check_honest(place)
        check_choice(place)
        check_wide(place)
        check_single_lies(place)
        check_other_runs(place)
        check_bundle(place)
        check_refusals(place)
    if failures:
        sys.exit(f"{len(failures)} failed: " + "; ".join(failures))


os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
main()
