"""A merge of many synthetic records: seconds, memory and size, one file against parts of it by
h5diff and h5py, a part lost, an export.

Usage: scale.py SCALE ASSAY [RECORDS [TOKENS]]

SCALE is build/tests/scale, ASSAY the program. With 1,000,000 records the limits of time and memory
are those that the project promises; a small run has limits that only a merge out of its mind would
pass.
"""

import ctypes
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy

PROMISE = 1_000_000
SIZE_MAX = 1.2
READ_MB = 64  # of 20,000 records; a reader that holds their tokens and texts takes 92


def scale(program, *args, check=True):
    done = subprocess.run([program, *map(str, args)], text=True, capture_output=True)
    if check and done.returncode:
        sys.exit(f"scale {args}: exit {done.returncode}\n{done.stderr}")
    if done.returncode == 0:
        told = json.loads(done.stdout)
        print(f"{told['verb']}: {told['seconds']} s by the clock, {told['user']} + "
              f"{told['system']} s of a processor, at most {told['peak_mb']} MB", flush=True)
        return told
    return done


class Deflater:
    """libdeflate on a whole column at once: the raw data compressed alike."""

    PIECE = 1 << 26

    def __init__(self):
        self.library = ctypes.CDLL("libdeflate.so.0")
        self.library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
        compress = self.library.libdeflate_zlib_compress
        compress.restype = ctypes.c_size_t
        compress.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                             ctypes.c_char_p, ctypes.c_size_t]
        self.level_1 = self.library.libdeflate_alloc_compressor(1)
        self.room = ctypes.create_string_buffer(self.PIECE + (self.PIECE >> 3))

    def size(self, data):
        return self.library.libdeflate_zlib_compress(self.level_1, data, len(data), self.room,
                                                     len(self.room))

    def column(self, dataset):
        """Bytes of the column, shuffled as libhdf5 does and deflated, in pieces of 64 MiB."""
        if dataset.shape == () or dataset.dtype.kind == "O":
            rows = [dataset[()]] if dataset.shape == () else dataset[:]
            return self.size(b"".join(rows))
        width = dataset.dtype.itemsize if dataset.ndim == 1 else 1
        step = self.PIECE // (dataset.dtype.itemsize * (dataset.shape[1:] or (1,))[0])
        total = 0
        for start in range(0, dataset.shape[0], step):
            raw = numpy.ascontiguousarray(dataset[start : start + step]).view(numpy.uint8)
            total += self.size(raw.reshape(-1, width).T.tobytes())
        return total


def datasets(results):
    found = {}
    results.visititems(
        lambda name, what: found.update({name: what}) if isinstance(what, h5py.Dataset) else None
    )
    return found


def check_size(path):
    deflater = Deflater()
    with h5py.File(path) as results:
        raw = sum(deflater.column(column) for column in datasets(results).values())
    size = path.stat().st_size
    print(f"size: {size / 1e6:.1f} MB, the raw data compressed alike {raw / 1e6:.1f} MB: "
          f"{size / raw:.3f}", flush=True)
    if size > SIZE_MAX * raw:
        sys.exit("the file is larger than it may be")


def check_same(one, other):
    """Every row of every column, as h5py reads them."""
    with h5py.File(one) as a, h5py.File(other) as b:
        left, right = datasets(a), datasets(b)
        if left.keys() != right.keys():
            sys.exit("other datasets")
        views = 0
        for name, column in left.items():
            views += right[name].is_virtual
            step = 1 << 24
            for start in range(0, column.shape[0] if column.shape else 1, step):
                rows = slice(start, start + step) if column.shape else ()
                if not numpy.array_equal(column[rows], right[name][rows]):
                    sys.exit(f"{name} differs")
        print(f"h5py: {len(left)} columns are the same, {views} of them views", flush=True)
        if views < 30:
            sys.exit("the second file is no view")


def check_diff(one, other):
    if not shutil.which("h5diff"):
        sys.exit("h5diff is missing: apt-get install hdf5-tools")
    done = subprocess.run(["h5diff", "-c", one, other], text=True, capture_output=True)
    told = [line for line in done.stdout.splitlines() if not line.startswith("Warning: ")]
    strange = [line for line in told if "is an empty dataset" not in line]
    print(f"h5diff: exit {done.returncode}, {len(strange)} lines of differences", flush=True)
    if done.returncode or strange:
        sys.exit(done.stdout + done.stderr)


def check_lost_part(program, path):
    part = path.parent / f"{path.name}.parts" / "part-0001.h5"
    part.rename(part.with_suffix(".away"))
    done = scale(program, "open", path, check=False)
    part.with_suffix(".away").rename(part)
    if not isinstance(done, subprocess.CompletedProcess) or "part-0001.h5" not in done.stderr:
        sys.exit("a lost part was not refused by its name")
    print(f"a lost part: {done.stderr.strip()}")


DEFINITION = """benchmark: 1
name: synthetic
kind: match
data: {path: items.jsonl}
fields: {id: id, answer: answer}
prompt: {user: "{question}"}
answer: {stop: ["\\n"], extract: [{name: first, pattern: '(\\w+)'}]}
max_tokens: 4096
"""


# Between us and the program: what the kernel counts for it begins with the memory of its parent.
WATCH = """import os, resource, sys
pid, limit = os.fork(), int(sys.argv[1])
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def watch(command, limit_bytes):
    """The exit code, the most memory in MB and the words of a program."""
    done = subprocess.run([sys.executable, "-S", "-c", WATCH, str(limit_bytes), *map(str, command)],
                          capture_output=True, text=True)
    return done.returncode, int(done.stdout) / 1000, done.stderr


def check_written(assay, results, items, most_mb):
    """Lines for every sample, which never are in memory together; a disk that is full."""
    folder = results.parent
    folder.joinpath("items.jsonl").write_text("".join(
        json.dumps({"id": f"synthetic/{i:06d}", "question": str(i), "answer": str(i)}) + "\n"
        for i in range(items)))
    folder.joinpath("set.yaml").write_text(DEFINITION)
    before = {path.name for path in folder.iterdir()}
    for option in ("--export", "--output"):
        command = [assay, "grade", results, "--benchmark", folder / "set.yaml", "--quiet", option,
                   folder / "lines.jsonl"]
        size = 1 << 20  # more than one block
        code, _, told = watch(command, size)
        left = {path.name for path in folder.iterdir()} - before
        if code != 4 or "lines.jsonl: File too large" not in told or left:
            sys.exit(f"{option} beyond a limit of {size}: exit {code}: {told} {left}")
        code, peak, told = watch(command, 1 << 40)
        path = folder / "lines.jsonl"
        if code or path.read_bytes().count(b"\n") != items * 20:
            sys.exit(f"{option}: exit {code}: {told}")
        print(f"grade {option}: {path.stat().st_size / 1e6:.1f} MB, at most {peak:.0f} MB of "
              f"memory", flush=True)
        path.unlink()
        if peak > most_mb:
            sys.exit(f"more memory than {most_mb} MB")


def main():
    program, assay = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    records = int(sys.argv[3]) if len(sys.argv) > 3 else 20_000
    tokens = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    promised = records >= PROMISE
    with tempfile.TemporaryDirectory(prefix="assay-scale-") as folder:
        folder = pathlib.Path(folder)
        journal, whole, parts = folder / "journal", folder / "whole.h5", folder / "parts.h5"
        scale(program, "journal", journal, records, tokens)
        for path, part in ((whole, 0), (parts, records * 3 // 10)):
            told = scale(program, "merge", journal, path, records, tokens, part)
            if told["peak_mb"] > (1000 if promised else 150):
                sys.exit("more memory than a merge may take")
            if told["user"] + told["system"] > (60 if promised else 30):
                sys.exit("more time than a merge may take")
        if len(list((folder / "parts.h5.parts").iterdir())) != 4:
            sys.exit("there should be four parts")
        check_size(whole)
        check_diff(whole, parts)
        moved = folder / "moved"
        moved.mkdir()
        for name in ("parts.h5", "parts.h5.parts"):
            (folder / name).rename(moved / name)
        check_same(whole, moved / "parts.h5")
        for path in (whole, moved / "parts.h5"):
            told = scale(program, "open", path)
            if told["peak_mb"] > (400 if promised else READ_MB):
                sys.exit("more memory than reading may take")
        check_lost_part(program, moved / "parts.h5")
        check_written(assay, whole, records // 20, told["peak_mb"] + records * 150e-6 + 10)


main()
