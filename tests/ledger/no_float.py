"""There is no float in src/ledger. Every file is compiled with no float register to be had
(-mgeneral-regs-only): a float operation is then an error, or a call into the compiler's soft-float
library, which `nm` shows. And no file names a float type or <math.h>. `no_float.py ROOT`"""

import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
WORDS = re.compile(r"\b(float|double|_Float\w*|_Complex|long\s+double|strto[df]|math\.h|fenv\.h)\b")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
# libgcc's routines: __addsf3, __muldf3, __floatunditf, __fixdfti, __eqtf2 …
SOFT = re.compile(r"\bU __(?:\w*(?:sf|df|xf|tf|hf)\w*)$", re.M)
FLAGS = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE", "-Iinclude", "-Isrc"]
PROBE = "unsigned f(unsigned a, unsigned b) { return (unsigned)(a * (1.5 / b)); }\n"


def compile_file(source, target, level, text=None):
    return subprocess.run(
        ["gcc", *FLAGS, level, "-mgeneral-regs-only", "-x", "c", "-c", source, "-o", target],
        cwd=ROOT, input=text, text=True, capture_output=True,
    )  # fmt: skip


def finding(source, target, level, text=None):
    done = compile_file(source, target, level, text)
    if done.returncode:
        return done.stderr
    symbols = subprocess.run(["nm", "-u", target], text=True, capture_output=True, check=True)
    return "\n".join(SOFT.findall(symbols.stdout))


def main():
    files = sorted((ROOT / "src/ledger").glob("*.[ch]"))
    for path in files:
        named = WORDS.search(COMMENT_OR_TEXT.sub(" ", path.read_text()))
        if named:
            sys.exit(f"{path.name}: {named.group()}")
    print(f"{len(files)} files name no float")
    if platform.machine() not in ("x86_64", "aarch64") or not shutil.which("gcc"):
        print("SKIP compiling without float registers: needs gcc on x86-64 or aarch64")
        return
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/object.o"
        if not finding("-", target, "-O0", PROBE):
            sys.exit("the check does not see a float where there is one")
        sources = [str(path.relative_to(ROOT)) for path in files if path.suffix == ".c"]
        for source in sources:
            for level in ("-O0", "-O2"):
                found = finding(source, target, level)
                if found:
                    sys.exit(f"{source} {level}: {found}")
        print(f"{len(sources)} files compile without float registers and call no float routine")


main()
