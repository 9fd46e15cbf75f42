"""Benchmarks by definition: what each shipped one asks, refusals with file, line and field, a run
with overrides, both verdicts in file and report. `benchmarks.py ASSAY`, with the tests' virtual
environment for h5py. The data are made up here in the form that each set is published in."""

import csv
import gzip
import io
import json
import shutil
import sys

import h5py

from harness import MODEL, ROOT, assay, model_dir, scratch

SHIPPED = ROOT / "jobs" / "benchmarks"


def need(condition, message):
    if not condition:
        sys.exit(message)


def lines(*objects):
    return "".join(json.dumps(value) + "\n" for value in objects)


def look(folder, name, item=0):
    done = assay("inspect", folder / f"{name}.yaml", "--item", item, "--json", check=0)
    return json.loads(done.stdout)


def equal(got, wanted, what):
    need(got == wanted, f"{what}: {got!r}\nnot {wanted!r}")


def gsm(question, answer):
    return {"question": question, "answer": f"Because.\n#### {answer}"}


def check_generated(folder):
    (folder / "gsm8k-test.jsonl").write_text(lines(gsm("How many?", "1,234"), gsm("More?", "-7")))
    (folder / "gsm8k-train.jsonl").write_text(lines(*(gsm(f"Q{i}?", i) for i in range(8))))
    seen = look(folder, "gsm8k")
    shots = "".join(f"Question: Q{i}?\nAnswer: Because.\n#### {i}\n\n" for i in range(5))
    equal(seen["item"]["prompt"], shots + "Question: How many?\nAnswer:", "gsm8k")
    equal(seen["item"]["accept"], ["1234"], "gsm8k's answer")
    equal(seen["item"]["id"], "gsm8k-00001", "gsm8k's id")

    item = {
        "task_id": "HumanEval/0",
        "prompt": "def one():\n",
        "test": "def check(f):\n    assert f() == 1\n",
        "entry_point": "one",
    }
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(lines(item).encode()))
    seen = look(folder, "humaneval", "HumanEval/0")
    equal(seen["item"]["prompt"], "def one():\n", "humaneval")

    tests = ["assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 3"]
    program = {"text": "Write f.", "code": "def f(x): return x", "test_list": tests}
    program |= {"test_setup_code": ""}
    (folder / "mbpp-test.jsonl").write_text(lines(program | {"task_id": 11}))
    examples = (program | {"task_id": i} for i in (2, 3, 4))
    (folder / "mbpp-examples.jsonl").write_text(lines(*examples))
    asked = "You are an expert Python programmer, and here is your task: Write f. Your code should "
    asked += "pass these tests:\n\n" + "\n".join(tests) + "\n[BEGIN]\n"
    solved = asked + "def f(x): return x\n[DONE]\n\n"
    equal(look(folder, "mbpp")["item"]["prompt"], 3 * solved + asked, "mbpp")


def check_options(folder):
    def mmlu(subject, i):
        item = {"question": f" Q{i}? ", "subject": subject}
        return item | {"choices": list("wxyz"), "answer": i % 4}

    (folder / "mmlu-test.jsonl").write_text(lines(mmlu("world_religions", 2)))
    dev = [mmlu(s, i) for i in range(6) for s in ("anatomy", "world_religions")]
    (folder / "mmlu-dev.jsonl").write_text(lines(*dev))
    head = "The following are multiple choice questions (with answers) about world religions.\n\n"
    body = "Q{}?\nA. w\nB. x\nC. y\nD. z\nAnswer:"
    shots = "".join(body.format(i) + f" {'ABCD'[i % 4]}\n\n" for i in range(5))
    equal(look(folder, "mmlu")["item"]["prompt"], head + shots + body.format(2), "mmlu")

    choices = {"text": ["x", "y", "z"], "label": ["1", "2", "3"]}
    arc = {"id": "Mercury_7", "question": "Q?", "choices": choices, "answerKey": "2"}
    (folder / "arc-challenge-test.jsonl").write_text(lines(arc))
    seen = look(folder, "arc")["item"]
    equal((seen["prompt"], seen["gold"]), ("Question: Q?\nAnswer:", 1), "arc")

    swag = {
        "activity_label": "High jump",
        "ctx_a": "A boy [header] runs.",
        "ctx_b": "the Boy",
        "endings": ["jumps.  He", "[step] sits."],
        "label": "1",
        "split_type": "indomain",
        "source_id": "a~1",
    }
    (folder / "hellaswag_val.jsonl").write_text(lines(swag))
    seen = look(folder, "hellaswag")["item"]
    equal((seen["prompt"], seen["gold"]), ("High jump: A boy runs. The boy", 1), "hellaswag")

    names = ["Record ID", "Question", "Correct Answer"]
    names += [f"Incorrect Answer {i}" for i in (1, 2, 3)] + ["Subdomain", "High-level domain"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for i in range(12):
        row = [f"rec{i}", 'Say "yes",\nor no?', "right", "w1", "w2", "w3", "Optics", "Physics"]
        writer.writerow(row)
    (folder / "gpqa_diamond.csv").write_text(text.getvalue())
    orders = set()
    for i in range(12):
        seen = look(folder, "gpqa-diamond", f"rec{i}")["item"]
        order = seen["option_order"]
        orders.add(tuple(order))
        texts = ["right", "w1", "w2", "w3"]
        shown = "\n".join(f"{'ABCD'[k]}. {texts[c]}" for k, c in enumerate(order))
        need(seen["prompt"].endswith('Say "yes",\nor no?\n\n' + shown), "gpqa: " + seen["prompt"])
        equal(seen["accept"], ["abcd"[order.index(0)]], "gpqa's letter")
    need(len(orders) > 4, f"gpqa: the options' order hardly changes: {orders}")


DEFINITION = """benchmark: 1
name: own
kind: %s
data: {path: %s}
fields: {%s}
prompt: {chat: none, user: "%s"}
max_tokens: 4
"""


def refused(folder, label, words, kind="match", data="d.jsonl", fields="answer: a", user="{q}"):
    path = folder / "own.yaml"
    path.write_text(DEFINITION % (kind, data, fields, user))
    done = assay("inspect", path)
    need(done.returncode == 3, f"{label}: exit {done.returncode}\n{done.stderr}")
    for word in words:
        need(word in done.stderr, f"{label}: {done.stderr!r} does not say {word!r}")
    need(not done.stdout, f"{label}: it printed something")
    print(f"  {label}: {done.stderr.strip()}")


def check_refusals(folder):
    data = folder / "d.jsonl"
    good = {"id": "one", "q": "?", "a": "1", "o": ["x", "y"]}
    data.write_text(lines(good, good | {"id": "two"}))
    where = "d.jsonl:1"
    refused(folder, "wrong field", [where, '"aa"', "fields.answer"], fields="answer: aa")
    refused(
        folder,
        "wrong field, near",
        [where, 'did you mean "q"'],
        fields="answer: a, question: qq",
        user="{question}",
    )
    refused(folder, "unknown placeholder", [where, '"r"', "prompt.user"], user="{r}")
    refused(folder, "unknown filter", [where, '"upper"'], user="{q:upper}")
    refused(folder, "unknown key", ["own.yaml:5:", '"anwser"', '"answer"'], fields="anwser: a")
    refused(folder, "no test", ["own.yaml", '"test"'], kind="code")
    refused(folder, "no options", ["own.yaml", '"choices"'], kind="letter")
    options = "choices: o, gold: a"
    refused(folder, "not a list", [where, '"q"'], kind="letter", fields="choices: q, gold: a")
    data.write_text(lines(good, good | {"id": "two", "a": "z"}))
    words = ["d.jsonl:2", '"two"', '"a"', '"z"', "not among the 2 options"]
    refused(folder, "not an option", words, kind="choice", fields=options + ", id: id")
    data.write_text(lines(good, good))
    words = ["d.jsonl:2", '"one"', "line 1"]
    refused(folder, "an id twice", words, fields="answer: a, id: id")
    data.write_bytes(lines(good).encode() + b'{"q":"\xff"}\n')
    refused(folder, "not UTF-8", ["d.jsonl:2:7", "0xff"])
    (folder / "d.gz").write_bytes(gzip.compress(lines(good).encode())[:-5])
    refused(folder, "gzip cut short", ["d.gz", "cut short"], data="d.gz")
    broken = bytearray(gzip.compress(lines(*[good] * 50).encode()))
    broken[30] ^= 0x55
    (folder / "d.gz").write_bytes(bytes(broken))
    refused(folder, "gzip damaged", ["d.gz", "damaged"], data="d.gz")
    (folder / "d.csv").write_text('q,a\n?,1\n"open,2\n?,3\n')
    refused(folder, "quote left open", ["d.csv:3", "never closed"], data="d.csv")
    (folder / "d.csv").write_text("q,a\n?,1\n?\n")
    refused(folder, "too few columns", ["d.csv:3", "1 columns"], data="d.csv")
    (folder / "d.csv").write_text("q,a,q\n?,1,2\n")
    refused(folder, "a column twice", ["d.csv:1", '"q"'], data="d.csv")
    refused(folder, "no data", ["own.yaml", "none.jsonl"], data="none.jsonl")


SPEC = """assay: 1
name: own-run
model: {path: %s}
benchmark: {path: numbers.yaml}
%sreplicates: 2
sets: 2
seed: 7
profiles: [{name: greedy, temperature: 0}, {name: warm, temperature: 0.8}]
"""
NUMBERS = """benchmark: 1
name: numbers
kind: match
data: {path: numbers.jsonl}
fields: {answer: answer, stratum: level}
examples: {count: 2, choose: hash}
prompt: {chat: none, user: "Q: {q}\\nA:"}
answer:
  extract: [{name: strict, pattern: '^ #### (.*)'}, {name: any, pattern: '([0-9]+)', take: last}]
  scorer: number
  stop: ["\\n"]
max_tokens: 8
"""


def digest_of(spec):
    done = assay("run", spec, "--model-dir", model_dir(), "--dry-run", "--json", check=0)
    return json.loads(done.stdout)


def check_run(folder):
    sums = [{"q": f"{i} + {i}", "answer": 2 * i, "level": "even"} for i in range(2, 8)]
    (folder / "numbers.jsonl").write_text(lines(*sums))
    (folder / "numbers.yaml").write_text(NUMBERS)
    spec = folder / "own.yaml"
    spec.write_text(SPEC % (MODEL, ""))
    plain = digest_of(spec)
    equal(plain["overridden"], "", "nothing is overridden")
    spec.write_text(SPEC % (MODEL, "max_tokens: 6\nanswer: {stop: [';']}\n"))
    other = digest_of(spec)
    equal(other["overridden"], "answer.stop, max_tokens", "overridden")
    need(other["spec_digest"] != plain["spec_digest"], "an override leaves the digest as it is")
    spec.write_text(SPEC % (MODEL, ""))
    (folder / "numbers.jsonl").write_text(lines(*sums, {"q": "1", "answer": 1, "level": "odd"}))
    need(digest_of(spec)["spec_digest"] != plain["spec_digest"], "data do not enter the digest")
    (folder / "numbers.jsonl").write_text(lines(*sums))
    (folder / "numbers.yaml").write_text("# a comment\n" + NUMBERS)
    need(digest_of(spec)["spec_digest"] != plain["spec_digest"], "the definition does not enter")
    (folder / "numbers.yaml").write_text(NUMBERS)

    results = folder / "own.h5"
    assay("run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", check=0)
    report = json.loads(assay("report", results, "--json", check=0).stdout)
    with h5py.File(results) as file:
        right = h5py.check_enum_dtype(file["samples/verdict"].dtype)["correct"]
        flexible = file["grades/flexible_verdict"][:]
        outcomes = h5py.check_enum_dtype(file["grades/outcome"].dtype)
        rules, starts = file["grades/flexible_rule"][:], file["grades/flexible_start"][:]
        sizes, texts = file["grades/flexible_size"][:], file["texts/bytes"][:].tobytes()
        offset, answers = file["samples/text_offset"][:], file["grades/flexible_bytes"][:].tobytes()
        cuts = file["grades/flexible_offset"][:]
        equal(file["spec/definition"][()].decode(), NUMBERS, "the definition in the file")
        for i in range(len(rules)):
            if rules[i] == 255:
                continue
            text = texts[offset[i] : offset[i + 1]]
            found = text[starts[i] : starts[i] + sizes[i]].decode()
            need(found.isdigit(), f"sample {i}: {found!r} in {text!r} is what the rule found")
            equal(answers[cuts[i] : cuts[i + 1]].decode(), str(int(found)), f"sample {i}")
        equal(report["flexible_correct"], int((flexible == right).sum()), "flexible_correct")
        need(report["flexible_correct"] > report["correct"], "the flexible rule found nothing more")
        read = {row["reading"]: row for row in report["readings"]}
        equal(list(read), ["strict", "flexible"], "readings")
        equal(read["strict"]["score"], report["score"], "strict")
        share = float((flexible == right).mean())
        need(abs(read["flexible"]["score"] - share) < 1e-9, f"flexible: {read['flexible']}")
        need(read["flexible"]["interval_super"]["high"] > read["flexible"]["score"], "no interval")
        for name, number in outcomes.items():
            count = int((file["grades/outcome"][:] == number).sum())
            equal(report["outcomes"][name], count, name)
        need(report["outcomes"]["cut-off"] + report["outcomes"]["complete"] == len(rules), "ends")
    need("flexible" in assay("report", results, check=0).stdout, "the report has one verdict")
    done = assay("audit", results, "--all", "--model-dir", model_dir(), "--benchmark-dir", folder)
    need(done.returncode == 0, f"audit: {done.stdout}{done.stderr}")

    done = assay("inspect", spec, "--model", model_dir() / MODEL, "--item", 3, "--json", check=0)
    seen = json.loads(done.stdout)
    need(seen["prompt_tokens_most"] >= seen["item"]["prompt_tokens"] > 10, "token counts")
    need("numbers-00004" not in seen["item"]["examples"], "an item is its own example")
    equal(len(seen["item"]["examples"]), 2, "examples")


TURNS = NUMBERS.replace("chat: none", "chat: model").replace("hash}", "hash, as: turns}")


def check_turns(folder):
    """Examples as messages of the chat, as SmolLM2's own template has them."""
    path, spec = folder / "numbers.yaml", folder / "own.yaml"
    path.write_text(TURNS.replace(", as: turns", ""))
    in_text = digest_of(spec)
    path.write_text(TURNS.replace("chat: model,", 'chat: model, system: S, opening: "O. ",'))
    done = assay("inspect", path, "--model", model_dir() / MODEL, "--item", 0, "--json", check=0)
    item = json.loads(done.stdout)["item"]
    sums = [int(name.split("-")[1]) + 1 for name in item["examples"]]
    mark = "<|im_start|>{}\n{}<|im_end|>\n".format
    talk = mark("system", "S")
    for i, n in enumerate(sums):
        talk += mark("user", "O. " * (i == 0) + f"Q: {n} + {n}\nA:") + mark("assistant", str(2 * n))
    talk += mark("user", "Q: 2 + 2\nA:") + "<|im_start|>assistant\n"
    equal(item["prompt"], talk, "turns")
    done = assay("inspect", path, "--item", 0, "--json", check=0)
    plain = json.loads(done.stdout)["item"]["prompt"]
    need(plain.startswith("[user]\nO. Q: ") and plain.count("[assistant]") == 2, plain)
    path.write_text(TURNS)
    turns = digest_of(spec)
    need(turns["spec_digest"] != in_text["spec_digest"], "turns do not enter the digest")
    results = folder / "turns.h5"
    assay("run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", check=0)
    audit = ("audit", results, "--all", "--model-dir", model_dir(), "--benchmark-dir", folder)
    assay(*audit, check=0)
    for chat, quoted in (("none", "need a chat"), ("mistral", "mistral: ")):
        spec.write_text(SPEC % (MODEL, f"prompt: {{chat: {chat}}}\n"))
        done = assay("run", spec, "--model-dir", model_dir(), "--dry-run")
        need(done.returncode != 0 and quoted in done.stderr, f"{chat}: {done.stderr}")
    path.write_text(TURNS.replace("as: turns", "as: turn"))
    done = assay("inspect", path)
    need(done.returncode == 3 and '"turn"' in done.stderr, done.stderr)


def check_setup(folder):
    """What stands before the test decides here, in the same namespace."""
    items = [
        {"task_id": f"Own/{i}", "prompt": "def one():\n    return 1  # This", "entry_point": "one"}
        | {"test": "def check(f):\n    assert f() == want\n", "setup": ["want = 1", f"want *= {i}"]}
        for i in (1, 2)
    ]
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(lines(*items).encode()))
    definition = folder / "humaneval.yaml"
    text = definition.read_text()
    definition.write_text(text.replace("  test: test\n", "  test: test\n  test_setup: setup\n"))
    results = folder / "setup.h5"
    spec, models = folder / "code.yaml", ("--model-dir", model_dir())
    assay("run", spec, *models, "--output", results, "--quiet", check=0)
    with h5py.File(results) as file:
        equal(file["samples/verdict"][:].tolist(), 4 * [1] + 4 * [0], "verdicts with a setup")
    definition.write_text(text.replace("  test: test\n", "  test: test\n  test_setup: set_up\n"))
    done = assay("inspect", definition)
    need(done.returncode == 3 and "fields.test_setup" in done.stderr, done.stderr)


def check_code(folder):
    """The output is the rest of a comment, so that the tests alone decide."""
    items = [
        {"task_id": f"Own/{i}", "prompt": "def one():\n    return 1  # This", "entry_point": "one"}
        | {"test": f"def check(f):\n    assert f() == {i}\n"}
        for i in (1, 2)
    ]
    (folder / "HumanEval.jsonl.gz").write_bytes(gzip.compress(lines(*items).encode()))
    spec = folder / "code.yaml"
    text = SPEC % (MODEL, 'max_tokens: 8\nanswer: {stop: ["\\n"]}\n')
    text = text.replace("numbers.yaml", "humaneval.yaml")
    spec.write_text(text.replace("}]", ", draw: iid}]").replace("0},", "0, draw: iid},"))
    results = folder / "code.h5"
    assay("run", spec, "--model-dir", model_dir(), "--output", results, "--quiet", check=0)
    with h5py.File(results) as file:
        equal(file["samples/verdict"][:].tolist(), 4 * [1] + 4 * [0], "verdicts")
        equal(file["grades/run"][:].tolist(), 4 * [0] + 4 * [1], "ends of the programs")
        offset = file["grades/detail_offset"][:]
        detail = file["grades/detail_bytes"][:].tobytes()[offset[4] : offset[5]]
        need(detail.startswith(b"AssertionError"), f"detail {detail!r}")
        need(b"Python" in file["processes/grader"][0], "no interpreter is recorded")
        need(bool((file["grades/run_wall_ns"][:] > 0).all()), "no wall times")
    report = json.loads(assay("report", results, "--json", check=0).stdout)
    equal(report["pass_at_k"], {"1": 0.5, "2": 0.5}, "pass@k")
    audit = ("audit", results, "--all", "--model-dir", model_dir(), "--benchmark-dir", folder)
    assay(*audit, check=0)


def main():
    with scratch() as name:
        folder = type(ROOT)(name)
        for path in SHIPPED.glob("*.yaml"):
            shutil.copy(path, folder)
        check_generated(folder)
        check_options(folder)
        for own in ("first-words", "template"):
            assay("inspect", SHIPPED / f"{own}.yaml", check=0)
        check_refusals(folder)
        check_run(folder)
        check_code(folder)
        check_setup(folder)
        check_turns(folder)


main()
