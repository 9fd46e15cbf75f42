"""An encrypted benchmark (FORMAT.md 13): none of the data's words, and no output, stands in clear
in journal, results, statement, opened record, report, logs or refusals; who has the data reads,
grades and audits; a wrong file and a flipped bit are refused. Cells are opened again by a model.
`encrypted.py ASSAY`, with the tests' virtual environment."""

import csv
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time

import forge
import h5py
from cryptography.exceptions import InvalidTag
from harness import (
    ASSAY,
    MODEL,
    ROOT,
    assay,
    digest_of,
    frozen,
    journal_samples,
    model_dir,
    scratch,
)
from xchacha import xchacha20_open

# No language has these, so nothing but the data can have put them anywhere.
PLANTED = ["zubarquil", "mondraxen", "ftelvorum", "quinsharb", "oxpelluna"]
SPEC = """assay: 1
name: run
model: {path: %s}
benchmark: {path: %s}
max_tokens: %d
replicates: 3
seed: 5
profiles: [{name: warm, temperature: 1}]
"""
failures = []
told = []  # everything that a program printed where nothing may be in clear


def need(condition, what):
    print(("ok      " if condition else "FAILED  ") + what, flush=True)
    if not condition:
        failures.append(what)


def quiet(*args, code=0, **more):
    """assay ARGS must exit with `code`; what it says is looked through later."""
    done = assay(*args, **more)
    told.append(f"{args}\n{done.stdout}{done.stderr}")
    if done.returncode != code:
        need(False, f"{args[0]}: exit {done.returncode}, not {code}: {done.stderr.strip()}")
    return done


def write_data(folder):
    names = ["Record ID", "Question", "Correct Answer"]
    names += [f"Incorrect Answer {i}" for i in (1, 2, 3)] + ["Subdomain", "High-level domain"]
    with open(folder / "gpqa_diamond.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for i in range(8):
            words = [f"{word}{i}" for word in PLANTED]
            asked = f'Say "{words[0]}" and no other word. Repeat: {words[0]} {words[0]} {words[0]}'
            writer.writerow([f"rec{i}", asked, *words[1:], "Optics", "Physics"])


class Place:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        write_data(self.folder)
        self.data = self.folder / "gpqa_diamond.csv"
        text = (ROOT / "jobs" / "benchmarks" / "gpqa-diamond.yaml").read_text()
        need("encrypted: true\n" in text, "the shipped gpqa-diamond is encrypted")
        (self.folder / "gpqa-diamond.yaml").write_text(text)
        (self.folder / "clear.yaml").write_text(text.replace("encrypted: true\n", ""))
        self.spec = self.folder / "run.yaml"
        self.spec.write_text(SPEC % (MODEL, "gpqa-diamond.yaml", 24))
        self.results = self.folder / "run.h5"
        self.env = ("--model-dir", model_dir())


def in_file(path):
    """What an HDF5 file holds, uncompressed, end to end."""
    parts = []

    def visit(name, thing):
        parts.extend(str(value).encode() for value in thing.attrs.values())
        if isinstance(thing, h5py.Dataset):
            value = thing[()]
            parts.append(value if isinstance(value, bytes) else value.tobytes())
            if thing.dtype == object and thing.shape:
                parts.extend(text if isinstance(text, bytes) else text.encode() for text in value)

    with h5py.File(path) as file:
        file.visititems(visit)
        parts.extend(str(value).encode() for value in file.attrs.values())
    return b"\0".join(parts)


def look_through(what, data, secrets):
    small = data.lower()
    found = [secret for secret in secrets if secret.lower() in small]
    need(not found, f"{what} ({len(data)} bytes): none of {len(secrets)} secrets in it {found[:3]}")


# --- a model of the cells


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def keys_of(data):
    label = b"assay/cell-1"
    secret = mac(label, data)
    cell = mac(secret, label + b"\1")
    return cell, mac(secret, cell + label + b"\2")


def unseal(keys, bound, sealed):
    nonce = sealed[:24]
    plain = xchacha20_open(keys[0], nonce, sealed[24:], bound)
    made = mac(keys[1], struct.pack("<Q", len(bound)) + bound + plain)[:24]
    need(made == nonce, "the nonce is of what is sealed") if made != nonce else None
    return plain


def read_cells(path, data):
    """Every sample: canonical part in clear, and text."""
    keys, samples = keys_of(data), []
    with h5py.File(path) as file:
        names, ids = ([t for t in file[p]] for p in ("profiles/name", "items/id"))
        cut, all_cells = file["sealed/offset"][:], file["sealed/bytes"][:].tobytes()
        for s in range(len(file["samples/item"])):
            closed = forge.encode(file, s, names, ids)
            cell = all_cells[cut[s] : cut[s + 1]]
            size = struct.unpack_from("<I", cell)[0]
            plain = unseal(keys, b"assay/cell-1/record" + closed, cell[4 : 4 + size])
            count = int(file["samples/token_offset"][s + 1] - file["samples/token_offset"][s])
            tokens, answer = plain[: 4 * count], plain[4 * count :]
            tail = closed[len(closed) - 8 * count :]
            need(tail[: 4 * count] == bytes(4 * count), "tokens are 0") if tokens == tail else None
            head = closed[4 : len(closed) - 8 * count - 8]  # before the answer's length
            body = head + struct.pack("<I", len(answer)) + answer + struct.pack("<I", count)
            body += tokens + tail[4 * count :]
            samples.append((struct.pack("<I", len(body)) + body, tokens))
    return samples


# --- the checks


def check_journal(place):
    """Stopped in the middle: the journal holds nothing in clear, and is resumed."""
    run = [str(ASSAY), "run", str(place.spec), "--output", str(place.results), "--batch", "4"]
    run += ["--model-dir", str(model_dir())]
    child = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    journal = pathlib.Path(f"{place.results}.journal")
    while child.poll() is None and not journal_samples(journal)[0]:
        time.sleep(0.005)
    with frozen(child) as alive:
        need(alive and journal_samples(journal)[0], "a run at work is stopped")
        child.send_signal(signal.SIGINT)
    told.append(child.communicate()[0])
    need(child.returncode == 85, f"exit {child.returncode}")
    files = list(journal.glob("rank-*.log"))
    need(bool(files), "a journal is left")
    place.journal = b"".join(file.read_bytes() for file in files)
    need(len(journal_samples(journal)[0]) > 0, "and has samples")
    said = quiet("report", place.results, "--spec", place.spec, *place.env).stdout
    need("not finished" in said, "it is reported")


def check_run(place):
    quiet("run", place.spec, *place.env, "--output", place.results)
    digest = digest_of(place.results)
    other = place.folder / "two.h5"
    mpirun = ["mpirun", "--oversubscribe", "-n", "2", str(ASSAY), "run", str(place.spec)]
    mpirun += ["--output", str(other), "--model-dir", str(model_dir()), "--threads", "1"]
    done = subprocess.run(mpirun, capture_output=True, text=True)
    told.append(done.stdout + done.stderr)
    need(done.returncode == 0 and digest_of(other) == digest, "the same digest with two ranks")
    clear = place.folder / "clear-run.yaml"
    clear.write_text(SPEC % (MODEL, "clear.yaml", 24))
    place.clear = place.folder / "clear.h5"
    assay("run", clear, *place.env, "--output", place.clear, "--quiet", check=0)
    need(digest_of(place.clear) == digest, "records digest: as of a run in clear")


def secrets_of(place):
    """The planted words, and of a run in clear the outputs and their tokens."""
    secrets = [word.encode() for word in PLANTED]
    samples = read_cells(place.results, place.data.read_bytes())
    digest = hashlib.sha256(b"".join(canonical for canonical, _ in samples)).hexdigest()
    need(digest == digest_of(place.results), f"{len(samples)} cells opened by a model of its own")
    with h5py.File(place.clear) as file:
        cut, texts = file["samples/text_offset"][:], file["texts/bytes"][:].tobytes()
        outputs = {texts[cut[i] : cut[i + 1]] for i in range(len(cut) - 1)}
    outputs = [text for text in outputs if len(text) > 12]
    need(len(outputs) > 8, f"{len(outputs)} outputs of some length")
    need(any(word in b"".join(outputs).lower() for word in secrets), "outputs quote the data")
    secrets += outputs + [tokens[:16] for _, tokens in samples if len(tokens) >= 16]
    return list(set(secrets))


def check_bundle(place):
    key, passphrase = place.folder / "site.key", place.folder / "pass"
    passphrase.touch(0o600)
    passphrase.write_bytes(b"correct horse battery\n")
    unlock = ("--passphrase-file", passphrase)
    quiet("key", "generate", key, "--cost", "low", *unlock)
    refused(place, "attest", "attest", place.results, "--key", key, *unlock)
    quiet("attest", place.results, "--key", key, *unlock, "--data", place.data)
    envelope = pathlib.Path(f"{place.results}.dsse.json")
    checks = ("--key", f"{key}.pub", "--results", place.results)
    said = quiet("verify", envelope, *checks).stdout
    need("records are encrypted" in said, "verify without the data says what it did not look at")
    said = quiet("verify", envelope, *checks, "--data", place.data).stdout
    need("computed again" in said and "encrypted" not in said, "verify with the data: all of it")
    opened = place.folder / "opened.json"
    at = ("attest", place.results, "--open", 5, "--output", opened)
    refused(place, "open", *at)
    quiet(*at, "--data", place.data)
    refused(place, "record", "verify", "--record", opened)
    quiet("verify", "--record", opened, "--data", place.data)
    quiet("verify", "--record", opened, "--data", place.spec, code=1)
    audit = ("--envelope", envelope, "--spec", place.spec, "--benchmark-dir", place.folder)
    quiet("audit", opened, *audit, *place.env, "--key", f"{key}.pub")
    return {name: path.read_bytes() for name, path in (("envelope", envelope), ("open", opened))}


def refused(place, what, *args):
    done = quiet(*args, code=2)
    need("--data FILE" in done.stderr, f"{what} without the data names them: {done.stderr.strip()}")


def check_readers(place):
    out, line = place.folder / "samples.jsonl", place.folder / "grades.jsonl"
    refused(place, "grade", "grade", place.results)
    refused(place, "export", "grade", place.results, "--export", out)
    need(not out.exists(), "no export is left")
    for command in ("report", "inspect"):
        quiet(command, place.results)
        quiet(command, place.results, "--json")
    wrong = quiet("grade", place.results, "--data", place.spec, code=3)
    need(place.spec.name in wrong.stderr and "sha256" in wrong.stderr, "other data are refused")
    grades = ("grade", place.results, "--data", place.data, "--json")
    done = assay(*grades, "--output", line, check=0)
    need(json.loads(done.stdout)["changed"] == 0, "graded again with the data: nothing changes")
    assay("grade", place.results, "--data", place.data, "--export", out, check=0)
    need(PLANTED[0] in out.read_text(), "exported with the data: in clear")
    out.unlink()
    quiet("audit", place.results, "--all", *place.env)
    hidden = place.folder / "hidden.csv"
    shutil.move(place.data, hidden)
    for args in (("audit", place.results, *place.env), ("inspect", place.spec)):
        done = quiet(*args, code=3)
        need("gpqa_diamond.csv" in done.stderr, f"{args[0]} names the data that it lacks")
    quiet("report", place.results)
    shutil.move(hidden, place.data)


def check_flips(place):
    """One bit of sample 7's cell; and a score, which is bound to it."""
    target = place.folder / "flipped.h5"

    def flip(file, which):
        cell = file["sealed/bytes"][:]
        begin, end = (int(x) for x in file["sealed/offset"][7:9])
        size = struct.unpack_from("<I", cell[begin : begin + 4].tobytes())[0]
        cell[{"record": begin + 40, "text": end - 1, "nonce": begin + 4 + size}[which]] ^= 4
        forge.replace(file, "sealed/bytes", cell)

    for which in ("record", "text", "nonce"):
        shutil.copy(place.results, target)
        with h5py.File(target, "r+") as file:
            flip(file, which)
        done = quiet("grade", target, "--data", place.data, code=1)
        need("sample 7: its encrypted cell" in done.stderr, f"a bit of the {which}: {done.stderr}")
        done = quiet("report", target, code=3)
        need("circumstances_digest" in done.stderr, "and without the data by the digest")
    shutil.copy(place.results, target)
    with h5py.File(target, "r+") as file:
        right = file["samples/verdict"][7] == 1
        file["samples/verdict"][7] = 0 if right else 1
        file["samples/score_micro"][7] = 0 if right else 1000000
        file["samples/score"][7] = 0.0 if right else 1.0
    done = quiet("grade", target, "--data", place.data, code=1)
    need("sample 7: its encrypted cell" in done.stderr, f"another score: {done.stderr}")
    try:
        read_cells(target, place.data.read_bytes())
        need(False, "the model opens a cell beside another score")
    except InvalidTag:
        pass


def check_refusals(place):
    """Faults of the data are told by place, and quote nothing."""
    own, data = place.folder / "own.yaml", place.folder / "d.jsonl"
    good = {"q": f"{PLANTED[0]}?", "a": PLANTED[1], "o": [PLANTED[2], PLANTED[3]]}
    definition = "benchmark: 1\nname: own\nencrypted: %s\nkind: %s\ndata: {path: d.jsonl}\n"
    definition += "fields: {%s}\nprompt: {chat: none, user: '{q}'}\nmax_tokens: 4\n"
    rows = [
        ("not an option", "choice", "choices: o, gold: a", json.dumps(good)),
        ("no number", "match", "answer: a, answer_pattern: '(ZZ)'", json.dumps(good)),
        ("no JSON", "match", "answer: a", '{"q": "' + PLANTED[0] + '", ' + PLANTED[1] + "}"),
        ("a strange id", "match", "answer: a, id: q", json.dumps(good)),
        ("a field's name", "match", "answer: b", json.dumps({PLANTED[0]: 1, "q": "x"})),
        ("quotes", "choice", "choices: o, gold: q", json.dumps(good | {"q": '"a" ' + PLANTED[0]})),
    ]
    for what, kind, fields, line in rows:
        data.write_text(line + "\n")
        own.write_text(definition % ("true", kind, fields))
        done = quiet("inspect", own, code=3)
        need("d.jsonl:1" in done.stderr, f"{what}: {done.stderr.strip()}")
    own.write_text(definition % ("maybe", "match", "answer: a"))
    need("false or true" in quiet("inspect", own, code=3).stderr, "encrypted: maybe")


def check_choice(place):
    """Likelihoods of options: the same digest as in clear, and nothing of the options."""
    text = "benchmark: 1\nname: c\n%skind: choice\ndata: {path: c.jsonl}\n"
    text += "fields: {choices: o, gold: a}\nprompt: {chat: none, user: '{q}'}\nmax_tokens: 4\n"
    asked = {"q": f"Is it {PLANTED[0]}?", "a": 0}
    items = [asked | {"o": [f"{PLANTED[1]} {i}", "no"]} for i in range(6)]
    (place.folder / "c.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    digests = []
    for name, key in (("dark", "encrypted: true\n"), ("light", "")):
        (place.folder / f"{name}.yaml").write_text(text % key)
        spec, results = place.folder / f"{name}-run.yaml", place.folder / f"{name}.h5"
        one = SPEC.replace("replicates: 3", "replicates: 1")
        spec.write_text(one.replace("max_tokens: %d\n", "") % (MODEL, f"{name}.yaml"))
        assay("run", spec, *place.env, "--output", results, "--quiet", check=0)
        digests.append(digest_of(results))
    need(digests[0] == digests[1], "choice: records digest as in clear")
    quiet("report", place.folder / "dark.h5", "--json")
    quiet("audit", place.folder / "dark.h5", "--all", *place.env)
    look_through("choice", in_file(place.folder / "dark.h5"), [w.encode() for w in PLANTED])


def main():
    os.environ["OMPI_ALLOW_RUN_AS_ROOT"] = os.environ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    with scratch() as folder:
        place = Place(folder)
        check_journal(place)
        check_run(place)
        secrets = secrets_of(place)
        bundle = check_bundle(place)
        check_readers(place)
        check_flips(place)
        check_refusals(place)
        check_choice(place)
        clear = in_file(place.clear).lower()
        missing = [secret for secret in secrets if len(secret) > 16 and secret.lower() not in clear]
        need(len(missing) < len(secrets) / 2, "the search finds secrets where they are in clear")
        look_through("results", in_file(place.results), secrets)
        look_through("results as they lie there", place.results.read_bytes(), secrets)
        look_through("journal", place.journal, secrets)
        look_through("what was printed", "".join(told).encode(), secrets)
        for name, data in bundle.items():
            look_through(name, data, secrets)
    if failures:
        sys.exit(f"{len(failures)} failed: {failures}")


if __name__ == "__main__":
    main()
