"""Kind choice from the spec to the audit, perplexity, and grading again. `choice.py ASSAY`, with
the tests' virtual environment for h5py."""

import hashlib
import json
import math
import pathlib
import subprocess
import sys

import forge
import h5py
from harness import MODEL, ROOT, assay, digest_of, model_dir, scratch, write_job

CHECK = ROOT / "tests" / "bench" / "hellaswag_check.py"
ITEMS = [
    ("The capital of France is", ["Paris.", "a banana.", "Rome, of course.", "blue"], 0),
    ("Two plus two makes ", ["five hundred", "four", "a fish"], 1),
    ("In the morning the sun", ["rises.", "reads the été newspaper.", "is an integer."], 0),
    ("Water freezes at zero degrees", ["Celsius", "of happiness", "on Tuesdays only"], 0),
    ("Dogs like to chase", ["cats", "logarithms", "the parliament of Norway"], 0),
    ("She opened the door and", ["walked in.", "divided by zero, twice."], 0),
]
DEFINITION = """benchmark: 1
name: tiny
version: "1"
kind: choice
data: {path: tiny.jsonl}
fields: {question: question, choices: choices, gold: gold}
prompt: {chat: none, user: "{question}"}
answer: {score: acc_norm}
max_tokens: 1
"""
SPEC = """assay: 1
name: tiny
model: {path: MODEL}
benchmark: {path: tiny-def.yaml}
replicates: 1
seed: 1
profiles:
  - {name: likelihood, temperature: 0}
"""


def need(condition, what):
    if not condition:
        sys.exit(what)


def write_choice(folder, change=lambda text: text):
    rows = [
        {"id": f"t{i}", "question": question, "choices": choices, "gold": gold}
        for i, (question, choices, gold) in enumerate(ITEMS)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "tiny.jsonl").write_text(text)
    (folder / "tiny-def.yaml").write_text(DEFINITION)
    (folder / "tiny.yaml").write_text(change(SPEC.replace("MODEL", MODEL)))
    return folder / "tiny.yaml"


def check_run(folder):
    """One digest in any batch; verdicts as lm-eval's rule has them."""
    spec = write_choice(folder)
    digests = set()
    for batch, rows, threads, backend in ((64, 128, 1, "auto"), (3, 5, 2, "auto")):
        results = folder / f"choice-{batch}.h5"
        assay("run", spec, "--model-dir", model_dir(), "--output", results, "--batch", batch,
              "--prefill-rows", rows, "--threads", threads, "--backend", backend, check=0)
        digests.add(digest_of(results))
    need(len(digests) == 1, f"choice: digests differ: {digests}")
    done = subprocess.run(
        [sys.executable, CHECK, results, folder / "tiny.jsonl"],
        text=True, capture_output=True, check=False)
    need(done.returncode == 0, f"hellaswag_check: {done.stdout}{done.stderr}")
    return results


def check_readings(results):
    """acc, acc_norm and P(correct) side by side, from the option columns by hand."""
    with h5py.File(results) as file:
        first, gold = file["options/offset"][:], file["options/gold"][:]
        tokens, sizes = file["options/tokens"][:], file["options/bytes"][:]
        at, log_probs = file["samples/token_offset"][:], file["tokens/log_prob"][:]
    means = {"acc": [], "acc_norm": [], "p_correct": []}
    for s, right in enumerate(gold):
        ends = at[s] + tokens[first[s] : first[s + 1]].cumsum()
        starts = ends - tokens[first[s] : first[s + 1]]
        sums = [float(sum(map(float, log_probs[a:b]))) for a, b in zip(starts, ends)]
        norms = [value / size for value, size in zip(sums, sizes[first[s] : first[s + 1]])]
        shares = [math.exp(value - max(sums)) for value in sums]
        means["acc"].append(sums.index(max(sums)) == right)
        means["acc_norm"].append(norms.index(max(norms)) == right)
        means["p_correct"].append(shares[right] / sum(shares))
    told = json.loads(assay("report", results, "--json", check=0).stdout)
    rows = {row["reading"]: row for row in told["readings"]}
    need(list(rows) == list(means), f"readings: {list(rows)}")
    for name, values in means.items():
        row, mean = rows[name], sum(values) / len(values)
        error = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
        need(abs(row["score"] - mean) < 1e-6, f"{name}: {row['score']} instead of {mean}")
        need(abs(row["se_super"] - error) < 1e-6, f"{name}: ± {row['se_super']}, not {error}")
        need(row["interval_super"]["low"] <= mean <= row["interval_super"]["high"], f"{row}")
    need(rows["acc_norm"]["is_score"] and not rows["p_correct"]["is_score"], "whose is the score")
    need(told["score"] == rows["acc_norm"]["score"], "the score is not acc_norm")
    table = assay("report", results, check=0).stdout
    lines = [line for line in table.splitlines() if line.startswith(tuple(means))]
    need(len(lines) == 3 and "the score" in lines[1], f"readings in the table: {lines}")


def check_refusals(folder):
    rows = [
        ("replicates: 1", "replicates: 4", "must have one of each"),
        ("profiles:", "profiles:\n  - {name: other}", "must have one of each"),
    ]
    for old, new, quoted in rows:
        spec = write_choice(folder, lambda text, old=old, new=new: text.replace(old, new))
        told = assay("run", spec, "--model-dir", model_dir(), "--output", folder / "no.h5", check=3)
        need(quoted in told.stderr, f"{new!r}: {told.stderr}")
    write_choice(folder)


def check_audit(folder, results):
    def audit(path):
        done = assay("audit", path, "--all", "--model-dir", model_dir(), "--benchmark-dir", folder,
                     "--json")
        return done.returncode, json.loads(done.stdout)

    code, told = audit(results)
    need(code == 0 and told["valid"] == len(ITEMS), f"honest choices: {told}")

    def log_prob(file):
        file["tokens/log_prob"][3] = file["tokens/log_prob"][3] * 1.0000002

    def token(file):
        file["tokens/id"][2] = file["tokens/id"][2] + 1

    def verdict(file):
        old = int(file["samples/verdict"][0])
        file["samples/verdict"][0] = 1 - old
        file["samples/score_micro"][0] = 1000000 * (1 - old)
        file["samples/score"][0] = 1.0 - old

    for change, fault in ((log_prob, "log-probability"), (token, "token"), (verdict, "grade")):
        lie = forge.tamper(results, folder / "lie.h5", change)
        code, told = audit(lie)
        faults = [row["fault"] for row in told["samples"] if row.get("fault")]
        need(code == 1 and faults == [fault], f"{fault}: exit {code}, {faults}")


def python_hash(value):
    return hashlib.sha256(value.encode()).hexdigest()


def check_export(folder, results):
    path = folder / "samples.jsonl"
    assay("grade", results, "--export", path, check=0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    need(len(lines) == len(ITEMS), "export: a line for each item")
    for line, (question, choices, gold) in zip(lines, ITEMS):
        arguments = line["arguments"]
        need(len(arguments) == len(line["resps"]) == len(choices), "export: an entry an option")
        second = {"arg_0": question, "arg_1": " " + choices[1]}
        need(arguments["gen_args_1"] == second, f"export: {arguments}")
        dumped = json.dumps(line["doc"], indent=2, ensure_ascii=False)
        need(line["doc_hash"] == python_hash(dumped), "export: doc_hash")
        need(line["prompt_hash"] == python_hash(question), "export: prompt_hash")
        need(line["target"] == str(gold), "export: target")
        need(line["target_hash"] == python_hash(str(gold)), "export: target_hash")
        sums = [float(outer[0][0]) for outer in line["resps"]]
        need(line["acc"] == float(sums.index(max(sums)) == gold), "export: acc")
        need(line["metrics"] == ["acc", "acc_norm", "acc_bytes"], "export: metrics")


def check_grade(folder):
    """The quickstart's outputs by its own rule again, by another, and refusals."""
    spec = write_job(folder, items=6)
    results = folder / "small.h5"
    assay("run", spec, "--model-dir", model_dir(), "--output", results, check=0)
    before = hashlib.sha256(results.read_bytes()).hexdigest()
    same = json.loads(assay("grade", results, "--json", check=0).stdout)
    need(same["changed"] == 0 and same["score"] == same["score_was"], f"same rule: {same}")
    other = json.loads(assay("grade", results, "--extract", "^(.)", "--json", check=0).stdout)
    change = other["changes"][0]
    need(change["answer"] != change["answer_was"], "another rule changed nothing")
    verdicts = ("correct", "incorrect", "no-answer", "failed")
    total = sum(sum(other[f"was_{verdict}"].values()) for verdict in verdicts)
    need(total == other["samples"], "the table does not hold every sample")
    path = folder / "grades.jsonl"
    table = assay("grade", results, "--extract", "^(.)", "--output", path, check=0).stdout
    need("was \\ is" in table and f"changed  {other['changed']} of" in table, table)
    need(len(path.read_text().splitlines()) == other["samples"], "--output: a line a sample")
    refusals = [
        (("--extract", "(("), 3, "--extract is"),
        (("--extract", "abc"), 2, "it must have one"),
        (("--scorer", "numbr"), 2, "did you mean number?"),
        (("--output", results), 2, "never changed"),
        (("--export", folder / "." / results.name), 2, "never changed"),
        (("--output", folder / "items.jsonl"), 2, "--output is"),
        (("--export", path, "--json"), 2, "--json does not go with it"),
        (("--export", path, "--output", path), 2, "--output does not go with it"),
        (("--export", path, "--extract", "(.)"), 2, "--extract does not go with it"),
        (("--export", path, "--scorer", "text"), 2, "--scorer does not go with it"),
        (("--output", folder), 3, "Is a directory"),
        (("--output", folder / "none" / "x"), 3, "No such file"),
        (("--output", "/dev/full"), 4, "/dev/full: No space left"),
        (("--export", "/dev/full"), 4, "/dev/full: No space left"),
        (("--benchmark", folder / "tiny-def.yaml"), 3, "has no item"),
    ]
    for words, code, quoted in refusals:
        told = assay("grade", results, *words)
        need(told.returncode == code and quoted in told.stderr, f"{words}: {told.stderr}")
    need(hashlib.sha256(results.read_bytes()).hexdigest() == before, "grade changed its input")
    lines = path.read_text()
    words = ("--extract", "^(.)", "--output", "/dev/stdout", "--json")
    told = assay("grade", results, *words, check=0)
    need(told.stdout.startswith(lines), "rows into a pipe")
    need(json.loads(told.stdout[len(lines):]) == other, "rows into a pipe, and the table")
    need(not list(folder.glob("*.tmp")), "temporary files are left")


def check_perplexity(folder):
    text = folder / "text.txt"
    text.write_text((ROOT / "README.md").read_text()[:4000])
    model = model_dir() / MODEL
    told = [
        json.loads(assay("perplexity", model, text, "--window", 128, "--batch", batch, "--json",
                         check=0).stdout)
        for batch in (1, 5)
    ]
    need(told[0]["nats"] == told[1]["nats"], "perplexity depends on the batch")
    need(1 < told[0]["perplexity"] < 200 and 0 < told[0]["bits_per_byte"] < 8, f"{told[0]}")
    text.write_text("short")
    need("less than one window" in assay("perplexity", model, text, check=3).stderr, "short text")
    text.write_text("")
    need("the text is empty" in assay("perplexity", model, text, check=3).stderr, "empty text")


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        results = check_run(folder)
        check_readings(results)
        check_refusals(folder)
        check_audit(folder, results)
        check_export(folder, results)
        check_grade(folder)
        check_perplexity(folder)
    print("choice, audit, export, grade, perplexity: ok")


main()
