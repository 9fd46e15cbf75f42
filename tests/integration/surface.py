"""The surface: help that teaches, stable JSON keys, progress on a terminal and nowhere else,
completion, the README's h5py example. `surface.py ASSAY`, with the tests' virtual environment
for h5py."""

import json
import math
import os
import pathlib
import pty
import re
import subprocess
import sys

from harness import ASSAY, MODEL, ROOT, assay, model_dir, scratch, write_job

COMMANDS = ["run", "report", "inspect", "bench", "key", "attest", "verify", "audit", "submit"]
COMMANDS += ["net", "perplexity", "grade", "fetch", "slurm", "sandbox", "topo", "completion"]


def need(condition, message):
    if not condition:
        sys.exit(message)


def check_help():
    text = assay("--help", check=0).stdout
    for command in COMMANDS:
        need(command in text, f"--help does not name {command}")
        page = assay(command, "--help", check=0).stdout
        need(
            "usage: assay " + command in page and "  assay " + command in page,
            f"{command} --help teaches nothing",
        )
    need("exit codes" in text and "85" in text, "--help does not tell the exit codes")
    need("exact-1" in assay("--version", check=0).stdout, "--version does not name the arithmetic")


def check_completion():
    script = assay("completion", "bash", check=0).stdout
    probe = script + '\nCOMP_WORDS=(assay run --pre) COMP_CWORD=2; _assay; echo "${COMPREPLY[*]}"'
    done = subprocess.run(["bash", "-c", probe], text=True, capture_output=True, check=True)
    need(
        done.stdout.strip() == "--prefill-rows",
        f"completion of --pre gave {done.stdout!r} {done.stderr!r}",
    )
    need("complete -c assay" in assay("completion", "fish", check=0).stdout, "no fish completion")
    need("bashcompinit" in assay("completion", "zsh", check=0).stdout, "no zsh completion")


def check_json(folder, results):
    inspect = json.loads(assay("inspect", results, "--json", check=0).stdout)
    for key in (
        "records_digest",
        "samples",
        "items",
        "score",
        "se_fixed",
        "se_super",
        "schema_version",
        "profiles",
        "strata",
        "spec_digest",
        "plan_digest",
        "model_sha256",
    ):
        need(key in inspect, f"inspect --json has no {key}")
    need(
        0 <= inspect["score"] <= 1 and inspect["se_super"] > 0, f"odd estimates: {inspect['score']}"
    )
    need(
        inspect == json.loads(assay("report", results, "--json", check=0).stdout),
        "report and inspect differ",
    )
    model = json.loads(assay("inspect", model_dir() / MODEL, "--json", check=0).stdout)
    need(
        model["layers"] == 30 and model["tensors"] == {"F32": 61, "Q4_1": 210, "Q8_0": 1},
        f"odd model: {model}",
    )
    need(model["sha256"].startswith("b179c952"), "wrong digest of the model")
    bench = json.loads(
        assay(
            "bench",
            model_dir() / MODEL,
            "--sequences",
            "1,4",
            "--decode-tokens",
            "8",
            "--prompt-tokens",
            "64",
            "--json",
            check=0,
        ).stdout
    )
    need(
        set(bench["decode_tokens_per_s"]) == {"1", "4"} and bench["prefill_tokens_per_s"] > 0,
        f"odd bench: {bench}",
    )
    need(all(v > 0 for v in bench["decode_tokens_per_s"].values()), f"odd bench: {bench}")
    plan = json.loads(
        assay(
            "run",
            f"{folder}/small.yaml",
            "--model-dir",
            model_dir(),
            "--dry-run",
            "--json",
            check=0,
        ).stdout
    )
    need(
        plan["samples"] == inspect["samples"] and plan["plan_digest"] == inspect["plan_digest"],
        f"odd plan: {plan}",
    )


def numbers_of(value):
    """Every number in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in numbers_of(one)]
    return [value] if isinstance(value, (int, float)) else []


def check_interval(interval, score):
    """An interval of some width around the score, or a reason."""
    if interval["reason"] is not None:
        need(interval["low"] is None and interval["high"] is None, f"odd interval: {interval}")
    else:
        need(0 <= interval["low"] < interval["high"] <= 1, f"odd interval: {interval}")
        need(interval["low"] <= score <= interval["high"], f"{score} is outside {interval}")


def check_report(results):
    """The README's keys; the bootstrap by seed; the same for people."""
    text = assay("report", results, "--json", check=0).stdout
    report = json.loads(text)
    need(all(math.isfinite(number) for number in numbers_of(report)), "a NaN in the JSON")
    need(text == assay("report", results, "--json", check=0).stdout, "two reports differ")
    told = (ROOT / "README.md").read_text()
    told = told[told.index("## The report") :].split("\n## ")[0]
    for row in [report, *report["profiles"], *report["strata"]]:
        for key in row:
            need(f"`{key}`" in told, f"the README does not tell of the key {key}")
        check_interval(row["interval_super"], row["score"])
        check_interval(row["interval_fixed"], row["score"])
        need(row["bootstrap"]["resamples"] == 10000, f"odd bootstrap: {row['bootstrap']}")
        need(row["items_left_out"] == 0, "an item was left out")
    options = ["--json", "--bootstrap", "500", "--seed"]
    one, same, other = (
        json.loads(assay("report", results, *options, seed, check=0).stdout)
        for seed in ("7", "7", "8")
    )
    need(one == same, "the same seed gave two bootstraps")
    need(one["bootstrap"] != other["bootstrap"], "two seeds gave the same bootstrap")
    need(one["bootstrap"]["seed"] == 7, "the seed is not told")
    off = json.loads(assay("report", results, "--bootstrap", "0", "--json", check=0).stdout)
    need(off["bootstrap"]["bca"]["reason"] and off["score"] == one["score"], "no bootstrap, odd")
    lines = assay("report", results, check=0).stdout.splitlines()
    need(max(map(len, lines)) <= 100, "a line of the report is wider than 100 columns")
    for word in ("bca, 10000 resamples, seed 1", "t-satterthwaite", "wilson-n-eff", "one run"):
        need(any(word in line for line in lines), f"the report does not say {word}")
    refused = assay("report", results, "--bootstrap", "few", check=2)
    need('--bootstrap is "few"' in refused.stderr, f"odd refusal: {refused.stderr}")


def run_on_terminal(folder, spec):
    """The run's output on a pseudo-terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(
            ASSAY,
            [
                str(ASSAY),
                "run",
                str(spec),
                "--model-dir",
                str(model_dir()),
                "--output",
                f"{folder}/terminal.h5",
            ],
        )
    seen = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    need(
        os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, f"run on a terminal failed: {seen!r}"
    )
    return seen.decode()


def check_progress(folder, spec):
    seen = run_on_terminal(folder, spec)
    need(
        re.search(r"\r\x1b\[K\d+/\d+ samples .* tok/s .*ETA \d+:\d\d  score \d+\.\d %", seen),
        f"no progress line: {seen[:500]!r}",
    )
    done = assay("run", spec, "--model-dir", model_dir(), "--output", f"{folder}/piped.h5", check=0)
    need("\r" not in done.stderr and "\x1b" not in done.stderr, "a drawn line without a terminal")
    for line in done.stderr.splitlines():
        plain = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+/\d+ samples .*", line)
        need(plain or "ETA" not in line, f"progress without its time: {line!r}")
    return f"{folder}/piped.h5"


def check_readme_example(results):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    need(len(blocks) == 1, "README.md must have one python example")
    code = blocks[0].replace("build/quickstart.h5", str(results))
    python = ROOT / "build" / "venv" / "bin" / "python3"
    done = subprocess.run([python, "-c", code], text=True, capture_output=True)
    need(done.returncode == 0, f"the README's example failed: {done.stderr}")
    report = json.loads(assay("report", results, "--json", check=0).stdout)
    need(
        f"{100 * report['score']:.2f}" in done.stdout,
        f"the example does not show the score: {done.stdout}",
    )
    print(done.stdout)


def main():
    check_help()
    check_completion()
    with scratch() as folder:
        spec = write_job(folder, items=16, replicates=4)
        results = check_progress(folder, spec)
        check_json(folder, results)
        check_report(results)
        check_readme_example(results)


main()
