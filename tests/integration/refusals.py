"""Refusals: each bad input gets one message that quotes the offence, its documented exit code, and
leaves nothing behind."""

import json
import pathlib
import shutil
import sys

from harness import MODEL, assay, model_dir, scratch, write_job

failures = []


def refuse(what, code, parts, *args, folder, **more):
    """assay ARGS must exit with `code`, with one line on stderr holding all `parts`, and change no
    file in `folder`."""
    before = snapshot(folder)
    done = assay(*args, cwd=folder, **more)
    lines = done.stderr.strip().splitlines()
    problems = []
    if done.returncode != code:
        problems.append(f"exit {done.returncode}, not {code}")
    if len(lines) != 1 or not lines[0].startswith("assay: "):
        problems.append(f"{len(lines)} lines of error")
    problems += [f'no "{part}" in the message' for part in parts if part not in done.stderr]
    if done.stdout:
        problems.append(f"output: {done.stdout!r}")
    if snapshot(folder) != before:
        problems.append("files were left behind or changed")
    print(("ok      " if not problems else "FAILED  ") + what + ": " + done.stderr.strip()[:200])
    if problems:
        failures.append((what, problems))


def snapshot(folder):
    return {
        str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in pathlib.Path(folder).rglob("*")
    }


def spec_refusals(folder):
    run = ("run", "changed.yaml", "--model-dir", model_dir(), "--output", "out.h5")
    rows = [
        (
            "unknown key",
            "replicates:",
            "replicats:",
            3,
            ['unknown key "replicats"', 'did you mean "replicates"', ":1"],
        ),
        (
            "unknown profile key",
            "temperature:",
            "temprature:",
            3,
            ['"temprature"', 'did you mean "temperature"'],
        ),
        (
            "wrong type",
            "replicates: 2",
            "replicates: six",
            3,
            ["replicates", '"six"', "whole number"],
        ),
        ("out of range", "top_p: 0.95", "top_p: 1.5", 3, ["top_p", '"1.5"', "0.001 to 1"]),
        ("too many decimals", "top_p: 0.95", "top_p: 0.9512", 3, ["0.9512"]),
        ("not YAML", "profiles:", "profiles: [", 3, ["changed.yaml:"]),
        (  # by its digest it would be found under any name
            "missing model",
            f"{MODEL}\n  sha256: b179",
            "no-such-model.gguf\n  sha256: a179",
            3,
            ["no-such-model.gguf"],
        ),
        ("missing benchmark", "items.jsonl", "no-items.jsonl", 3, ["no-items.jsonl"]),
        ("another model", "sha256: b179", "sha256: a179", 3, [MODEL, "a179", "b179"]),
        (
            "item lacks the field",
            "{question}",
            "{riddle}",
            3,
            ["items.jsonl", ": item", '"riddle"'],
        ),
        ("prompt too long", "{question}", "{question}" + " word" * 9000, 3, ["leaves no room"]),
    ]
    for what, old, new, code, parts in rows:

        def change(text, old=old, new=new):
            if old not in text:
                sys.exit(f"the quickstart has no {old!r}: this row tests nothing")
            return text.replace(old, new, 1)

        write_job(folder, items=4, name="changed", change=change)
        refuse(what, code, parts, *run, folder=folder)


def model_refusals(folder):
    data = (model_dir() / MODEL).read_bytes()
    rows = [
        ("truncated model", data[:-1000], ["bad.gguf"]),
        ("model cut in its head", data[:5000], ["bad.gguf"]),
        ("oversized model", data + b"x" * 100, ["bad.gguf"]),
        ("wrong magic", b"GGUX" + data[4:], ["bad.gguf", "GGU"]),
        ("empty model", b"", ["bad.gguf"]),
        ("unknown tensor type", None, ["bad.gguf", "type", "token_embd.weight"]),
    ]
    name = b"token_embd.weight"
    for what, content, parts in rows:
        if (
            content is None
        ):  # the type follows the name, the number of dimensions and two dimensions
            at = data.index(name) + len(name) + 4 + 16
            content = data[:at] + (77).to_bytes(4, "little") + data[at + 4 :]
            parts = parts + ["77"]
        pathlib.Path(folder, "bad.gguf").write_bytes(content)
        write_job(
            folder,
            items=4,
            name="changed",
            change=lambda text: "\n".join(
                line
                for line in text.replace(MODEL, "bad.gguf").splitlines()
                if not line.startswith("  sha256")
            )
            + "\n",
        )
        refuse(what, 3, parts, "run", "changed.yaml", "--output", "out.h5", folder=folder)
    refuse("bench of a bad model", 3, ["bad.gguf"], "bench", "bad.gguf", folder=folder)
    pathlib.Path(folder, "bad.gguf").unlink()


def item_refusals(folder):
    write_job(folder, items=4, name="changed")
    items = pathlib.Path(folder, "items.jsonl")
    good = items.read_text().splitlines()
    first = json.loads(good[0])
    for field in ("id", "accept", "question"):
        bad = {key: value for key, value in first.items() if key != field}
        items.write_text("\n".join([*good[1:], json.dumps(bad)]) + "\n")
        refuse(
            f"item without {field}",
            3,
            ["items.jsonl:4: ", f'"{field}"'],
            "run",
            "changed.yaml",
            "--model-dir",
            model_dir(),
            "--output",
            "out.h5",
            folder=folder,
        )
    items.write_text(good[0] + "\n{\n")
    refuse(
        "item that is not JSON",
        3,
        ["items.jsonl:2: "],
        "run",
        "changed.yaml",
        "--model-dir",
        model_dir(),
        "--output",
        "out.h5",
        folder=folder,
    )


def existing_refusals(folder):
    options = ("--model-dir", model_dir(), "--output", "out.h5", "--quiet")
    write_job(folder, items=2, replicates=1, name="one")
    assay("run", "one.yaml", *options, cwd=folder, check=0)
    write_job(folder, items=2, replicates=2, name="two")
    refuse(
        "results of another spec",
        3,
        ["out.h5", "another spec"],
        "run",
        "two.yaml",
        *options,
        folder=folder,
    )
    shutil.copy(pathlib.Path(folder, "out.h5"), pathlib.Path(folder, "torn.h5"))
    with open(pathlib.Path(folder, "torn.h5"), "r+b") as file:
        file.truncate(4000)
    refuse("torn results", 3, ["torn.h5"], "report", "torn.h5", folder=folder)
    pathlib.Path(folder, "note.txt").write_text("hello")
    refuse("neither model nor results", 3, ["note.txt"], "inspect", "note.txt", folder=folder)
    refuse("report of a note", 3, ["note.txt"], "report", "note.txt", folder=folder)
    refuse("report of nothing", 3, ["nothing.h5"], "report", "nothing.h5", folder=folder)
    done = assay(
        "run", "one.yaml", "--model-dir", model_dir(), "--output", "out.h5", cwd=folder, check=0
    )
    if "complete already" not in done.stderr:
        failures.append(("complete results", [done.stderr]))


def usage_refusals(folder):
    rows = [
        (["rum"], ['"rum"', 'did you mean "run"']),
        (["run"], ["SPEC"]),
        (["run", "a", "b"], ['"b"']),
        (["run", "--bach", "3", "x"], ['"--bach"', "--batch"]),
        (["run", "--batch", "0", "x"], ['"0"', "1 to 1024"]),
        (["run", "--batch"], ["needs a value"]),
        (["run", "--json=1", "x"], ["takes no value"]),
        (["bench", "--sequences", "1,,2", "x"], ['"1,,2"']),
        (["completion", "tcsh"], ['"tcsh"']),
        (["report", "-x", "y"], ['"-x"']),
    ]
    for args, parts in rows:
        refuse("usage: " + " ".join(args), 2, parts, *args, folder=folder)
    refuse(
        "backend that is not known",
        3,
        ['"cuda9"', "ref"],
        "bench",
        "x.gguf",
        "--backend",
        "cuda9",
        folder=folder,
    )
    refuse("spec that is not there", 3, ["none.yaml"], "run", "none.yaml", folder=folder)
    refuse(
        "folder that is not there",
        3,
        ["none/out.h5.journal"],
        "run",
        "one.yaml",
        "--model-dir",
        model_dir(),
        "--output",
        "none/out.h5",
        folder=folder,
    )


def end_file(folder):
    """Whatever ends the program, the batch script is told, also where nothing was run."""
    marker = pathlib.Path(folder, "end")
    missing = ["run", "none.yaml"]
    rows = [
        (2, ["run", "--bach", "3", "one.yaml", "--end-file", "end"]),
        (2, ["run", "--end-file", "end", "--batch=0", "one.yaml"]),
        (2, ["run", "--end-file=end"]),
        (2, ["run", "one.yaml", "two.yaml", "--end-file=end"]),
        (3, [*missing, "--end-file", "end"]),
        (4, ["run", "one.yaml", "--scratch", "one.yaml", "--end-file", "end"]),
        (0, ["run", "--help", "--end-file", "end"]),
        # No file of another command, and none that is not named.
        (2, ["report", "--end-file", "end"]),
        (2, ["run", "--bach", "--end-file"]),
    ]
    for code, words in rows:
        marker.unlink(missing_ok=True)
        done = assay(*words, cwd=folder)
        told = marker.read_text() if marker.exists() else None
        want = None if words[0] == "report" or words[-1] == "--end-file" else f"{code}\n"
        print(f"{' '.join(words)}: exit {done.returncode}, marker {told!r}")
        if done.returncode != code or told != want:
            failures.append((f"end file of {words}", [f"exit {done.returncode}", repr(told)]))
    marker.unlink(missing_ok=True)
    done = assay("run", "--bach", "one.yaml", "--end-file", "none/end", cwd=folder)
    if done.returncode != 2 or '"--bach"' not in done.stderr:
        failures.append(("end file that cannot be written", [done.stderr]))


def main():
    with scratch() as folder:
        spec_refusals(folder)
        model_refusals(folder)
        item_refusals(folder)
        existing_refusals(folder)
        usage_refusals(folder)
        end_file(folder)
    for what, problems in failures:
        print(f"{what}: {'; '.join(problems)}", file=sys.stderr)
    sys.exit(1 if failures else 0)


main()
