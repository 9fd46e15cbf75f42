"""The golden log of transactions ends in the golden app hash whoever compiles the state machine:
gcc and clang, -O0 and -O3. And that hash is the root that hashlib computes from the state.
`determinism.py ROOT`"""

import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
LOG = (ROOT / "tests/golden/ledger_log.txt").read_text()
GOLDEN = (ROOT / "tests/golden/ledger_hash.txt").read_text().strip()
SOURCES = [
    *(f"src/base/{name}.c" for name in ("status", "assert", "bytes")),
    *(f"src/crypto/{name}.c" for name in ("digest", "merkle", "sign", "secret")),
    *sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "src/ledger").glob("*.c")
        if not path.name.startswith("store_")
    ),
    "tests/ledger/chain.c",
    "tests/ledger/replay_log.c",
]


def flags(*words):
    out = subprocess.run(["pkg-config", *words], text=True, capture_output=True, check=True)
    return out.stdout.split()


def build(compiler, level, folder):
    program = f"{folder}/replay{level}"
    subprocess.run(
        [compiler, "-std=c11", level, "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE"]
        + ["-Iinclude", "-Isrc", "-Itests", *flags("--cflags", "libsodium", "nettle"), *SOURCES]
        + ["-ffunction-sections", "-Wl,--gc-sections", "-o", program]
        + flags("--libs", "libsodium", "nettle"),
        cwd=ROOT,
        check=True,
    )
    return program


def run(program, verb):
    done = subprocess.run([program, verb], input=LOG, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"{program} {verb}: {done.returncode} {done.stderr}")
    return done.stdout


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root(leaves):
    """RFC 6962, 2.1, of leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", root(leaves[:split]), root(leaves[split:]))


def app_hash(lines):
    entries = [tuple(map(bytes.fromhex, line.split(" "))) for line in lines]
    if [key for key, _ in entries] != sorted({key for key, _ in entries}):
        sys.exit("keys do not ascend")
    inner = root([sha(b"\0", bytes([len(k)]), k, b"\x20", sha(v)) for k, v in entries])
    return sha(b"\0\x05assay\x20", sha(inner)).hex()


def main():
    with tempfile.TemporaryDirectory() as folder:
        for compiler in ("gcc", "clang-14", "clang"):
            if not shutil.which(compiler):
                print(f"SKIP {compiler}: not installed")
                continue
            for level in ("-O0", "-O3"):
                program = build(compiler, level, folder)
                answer = run(program, "check").strip()
                print(f"{compiler} {level}: {answer}")
                if answer != GOLDEN:
                    sys.exit(f"golden: {GOLDEN}")
        head, *lines = run(program, "state").splitlines()
        if app_hash(lines) != head.split(" ")[-1]:
            sys.exit("hashlib computes another app hash")
        print(f"hashlib: the same of {len(lines)} entries")


main()
