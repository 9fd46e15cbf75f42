"""A model of 7 billion parameters in Q4_K, of which only the header is there (the rest of the file
is a hole): `assay slurm --dry-run` shows its memory without reading its weights, and nodes too
small for it are refused with the sizes. Slurm's programs are stand-ins. `large.py ASSAY`."""

import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import time

from harness import ASSAY, MODEL, assay, model_dir, scratch, write_job

WIDTH, LAYERS, HIDDEN, HEADS, VOCABULARY = 4096, 32, 11008, 32, 49152
F32, Q4_K = 0, 12
CHANGED = {
    "llama.embedding_length": WIDTH, "llama.block_count": LAYERS,
    "llama.feed_forward_length": HIDDEN, "llama.attention.head_count": HEADS,
    "llama.attention.head_count_kv": HEADS, "llama.rope.dimension_count": WIDTH // HEADS,
}
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def value_end(data, at, kind):
    if kind == 8:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    if kind != 9:
        return at + SIZES[kind]
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner != 8:
        return at + SIZES[inner] * count
    for _ in range(count):
        at = value_end(data, at, 8)
    return at


def changed_fields(data):
    """The fields of a model, tokenizer and all, with another shape."""
    at, out = 24, []
    count = struct.unpack_from("<Q", data, 16)[0]
    for _ in range(count):
        length = struct.unpack_from("<Q", data, at)[0]
        name = data[at + 8 : at + 8 + length].decode()
        begin = at + 8 + length
        kind = struct.unpack_from("<I", data, begin)[0]
        end = value_end(data, begin + 4, kind)
        if name in CHANGED:
            out.append(data[at:begin] + struct.pack("<II", 4, CHANGED[name]))
        else:
            out.append(data[at:end])
        at = end
    return out


def tensors():
    yield "token_embd.weight", (WIDTH, VOCABULARY), Q4_K
    yield "output.weight", (WIDTH, VOCABULARY), Q4_K
    yield "output_norm.weight", (WIDTH,), F32
    for i in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{i}.{name}.weight", (WIDTH,), F32
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{i}.{name}.weight", (WIDTH, WIDTH), Q4_K
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{i}.{name}.weight", (WIDTH, HIDDEN), Q4_K
        yield f"blk.{i}.ffn_down.weight", (HIDDEN, WIDTH), Q4_K


def write_model(path):
    """Returns parameters and bytes of all tensors."""
    fields = changed_fields((model_dir() / MODEL).read_bytes())
    table, offset, parameters = [], 0, 0
    for name, shape, kind in tensors():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        table.append(struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
                     + b"".join(struct.pack("<Q", n) for n in shape)
                     + struct.pack("<IQ", kind, offset))
        offset += count * 4 if kind == F32 else count // 256 * 144
        parameters += count
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(table), len(fields)))
        file.write(b"".join(fields + table))
        file.truncate((file.tell() + 31) // 32 * 32 + offset)
    return parameters, offset


def stand_ins(folder, memory):
    folder.mkdir(exist_ok=True)
    for name, says in (
        ("scontrol", "PartitionName=big State=UP TotalNodes=4"), ("sinfo", str(memory)),
        ("sbatch", "sbatch: Job 1 to start at 2026-11-25T03:00:00"),
    ):
        (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def measured(env, *words):
    """The plan, the seconds, and the most memory that it took (MiB)."""
    began = time.monotonic()
    with open(os.devnull, "rb") as nothing:
        process = subprocess.Popen([ASSAY, *map(str, words)], env={**os.environ, **env},
                                   stdin=nothing, stdout=subprocess.PIPE)
        out = process.stdout.read()
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = code
    if code != 0:
        sys.exit(f"{words}: {code}")
    return json.loads(out), time.monotonic() - began, usage.ru_maxrss / 1024


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        parameters, weights = write_model(folder / "seven.gguf")
        spec = write_job(folder, items=10, change=lambda text: re.sub(
            r"sha256: \w{64}", "sha256: " + "0" * 64, text.replace(MODEL, "seven.gguf")))
        site = folder / "site.yaml"
        site.write_text("site: 1\nminutes: 60\nbatch: 16\npartitions:\n"
                        "  - {name: big, nodes: 2, tasks_per_node: 2, cores_per_task: 8}\n")
        words = ["slurm", spec, "--site", site, "--model-dir", folder, "--output", folder / "r.h5"]
        plan, seconds, peak = measured(stand_ins(folder / "bin", 64000), *words, "--dry-run",
                                       "--json")
        part = plan["partitions"][0]
        print(f"{parameters / 1e9:.2f} billion parameters, {weights / 2**30:.2f} GiB of tensors: a "
              f"plan in {seconds:.2f} s and {peak:.0f} MiB")
        if peak > 400:
            sys.exit("the weights were read for the plan")
        if not 0.9 * weights < part["weight_bytes"] < 1.3 * weights:
            sys.exit(f"weights of {part['memory']['weight_bytes']} bytes are planned")
        text = assay(*words, "--dry-run", env=stand_ins(folder / "bin", 64000), check=0).stdout
        print(text[text.index("plan     "):])
        ranks = ["mpirun", "--oversubscribe", "-n", "12", ASSAY, "run", spec, "--model-dir", folder]
        env = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 40 * 2**30:
            done = subprocess.run([str(word) for word in ranks + ["--output", folder / "r.h5"]],
                                  env=env, text=True, capture_output=True, check=False)
            told = [line for line in done.stderr.splitlines() if "share of the memory is" in line]
            print("\n".join(told))
            if len(told) != 1 or (folder / "r.h5.journal").exists():
                sys.exit(f"twelve ranks of it were not refused: {done.stderr}")
        for memory in (4000, 9000):
            told = assay(*words, env=stand_ins(folder / "bin", memory), check=4).stderr
            print(told.strip())
            if f"memory is {memory // 2} MiB" not in told or (folder / "r.h5.job.json").exists():
                sys.exit("the sizes are not told, or the job was submitted")


main()
