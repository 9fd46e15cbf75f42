"""What the integration tests share: the program, the model, small specs made of the quickstart's
benchmark.

Usage of every test here: python3 TEST.py ASSAY; the model lies in $ASSAY_MODEL_DIR (sh
tests/run.sh sets it).
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASSAY = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
MODEL = "smollm2-135m-instruct-q4_1.gguf"


def model_dir():
    """Absolute directory of the model; a missing one fails the test, it does not skip it."""
    path = pathlib.Path(os.environ.get("ASSAY_MODEL_DIR", ROOT / "build" / "models")).resolve()
    if not (path / MODEL).is_file():
        sys.exit(f"{path / MODEL} is missing: sh tests/run.sh fetches it")
    return path


def assay(*args, cwd=None, check=None, env=None, **more):
    """Run the program; returns the finished process. check: the exit code it must have."""
    done = subprocess.run(
        [str(ASSAY), *map(str, args)],
        cwd=cwd,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        **more,
    )
    if check is not None and done.returncode != check:
        command = " ".join(map(str, args))
        told = f"{done.stdout}{done.stderr}"
        sys.exit(f"assay {command}: exit {done.returncode}, not {check}\n{told}")
    return done


def digest_of(results):
    return json.loads(assay("inspect", results, "--json", check=0).stdout)["records_digest"]


def write_job(folder, items=10, replicates=2, sets=1, name="small", change=lambda text: text):
    """A spec like the quickstart's over evenly spaced items of its benchmark; returns its path."""
    folder = pathlib.Path(folder)
    lines = (ROOT / "jobs" / "first-words.jsonl").read_text().splitlines()
    (folder / "items.jsonl").write_text(
        "\n".join(lines[:: max(1, len(lines) // items)][:items]) + "\n"
    )
    text = (ROOT / "jobs" / "quickstart.yaml").read_text()
    out = []
    for line in text.splitlines():
        key = line.split(":")[0]
        if key == "replicates":
            line = f"replicates: {replicates}"
        elif key == "sets":
            line = f"sets: {sets}"
        elif key == "name":
            line = f"name: {name}"
        elif key.strip() == "path" and "first-words" in line:
            line = "  path: items.jsonl"
        out.append(line)
    spec = folder / f"{name}.yaml"
    spec.write_text(change("\n".join(out) + "\n"))
    return spec


def scratch():
    return tempfile.TemporaryDirectory(prefix="assay-test-")


def wait_for_handler(process, number):
    """Until the program's own handler takes this signal, or it is over."""
    while process.poll() is None:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        if int(re.search(r"SigCgt:\s*(\w+)", status).group(1), 16) >> (number - 1) & 1:
            return
        time.sleep(0.0005)


@contextlib.contextmanager
def frozen(process):
    """The process stands still meanwhile, so that what is seen of it holds when it is signalled,
    however late this test gets a processor. The value says whether it was not over before."""
    process.send_signal(signal.SIGSTOP)
    while process.poll() is None:
        stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
        if stat.rpartition(") ")[2][0] in "Tt":
            break
        time.sleep(0.0005)
    try:
        yield process.poll() is None
    finally:
        process.send_signal(signal.SIGCONT)


def journal_samples(path):
    """Sample → canonical bytes, from every file of a journal, by FORMAT.md 5 alone; and how many
    sample frames there are."""
    found, count = {}, 0
    for file in pathlib.Path(path).glob("rank-*.log"):
        data, at = file.read_bytes(), 84
        while at + 20 <= len(data):
            magic, size, sequence, crc = struct.unpack_from("<IIQI", data, at)
            payload = data[at + 20 : at + 20 + size]
            if magic != 0x4C4E4A41 or len(payload) < size:
                break
            if zlib.crc32(struct.pack("<Q", sequence) + payload) != crc:
                break
            at += 20 + size
            if payload[0] != 1:
                continue
            index, length = struct.unpack_from("<QI", payload, 1)
            canonical = payload[9 : 13 + length]
            if found.setdefault(index, canonical) != canonical:
                sys.exit(f"sample {index} is there twice and differs")
            count += 1
    return found, count
