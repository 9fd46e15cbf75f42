#!/usr/bin/env python3
"""Check the rules of the house: check.py [ROOT].

Prints "path:line: rule: what" for each finding and ends with 1 if there is one. Each rule is a
generator below; RULES at the end lists them. test_check.py breaks each of them once.
"""
import ast
import os
import re
import subprocess
import sys

TOP = {"src", "jobs", "slurm", "analysis", "include", "tests", "CMakeLists.txt", "README.md"}
ROOMS = ("base crypto topo sandbox spec plan model backend engine bench store run attest ledger "
         "submit site fetch sim cli").split()
# analysis is no link of the chain: it sees these rooms, and only cli sees it.
ANALYSIS_SEES = {"base", "store"}

# Header (or folder of headers) of a library: where it may be included.
LIBRARIES = {
    "sodium": "src/crypto/", "nettle": "src/crypto/", "hwloc": "src/topo/",
    "jansson": "src/base/", "pcre2": "src/base/", "zlib": "src/base/",
    "yaml": "src/spec/", "cyaml": "src/spec/", "hdf5": "src/store/",
    "hdf5_hl": "src/store/", "mpi": "src/run/comm_mpi.c", "gsl": "analysis/",
    "sqlite3": "src/ledger/", "protobuf-c": "src/ledger/", "curl": "src/submit/",
    "seccomp": "src/sandbox/filter.c", "libdeflate": "src/store/pack.c",
    "cuda": "src/backend/cuda/", "cuda_runtime": "src/backend/cuda/", "omp": None,
}
C11_HEADERS = set(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal "
    "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath "
    "threads time uchar wchar wctype".split())

# Calls: where they are allowed (prefixes of paths).
UNSAFE = "strcpy strcat sprintf vsprintf gets strtok atoi atol atoll atof rand srand alloca".split()
BANNED = {name: () for name in UNSAFE}
BANNED.update({name: ("tests/",) for name in ("strtod", "strtof", "strtold")})
PRINTING = "printf vprintf fprintf vfprintf puts putchar perror".split()
BANNED.update({name: ("src/cli/", "tests/") for name in PRINTING})
BANNED.update({name: ("src/cli/", "src/base/assert.c", "tests/") for name in ("exit", "abort")})
BANNED_CALL = re.compile(r"(?<![\w.])(" + "|".join(BANNED) + r")\s*\(")

FORBIDDEN_WORD = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"))
                            + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(home|root|Users|work)/[\w-]+/")
VAGUE_NAMES = {"util", "utils", "misc", "common", "helper", "helpers"}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
COLUMNS_MAX = {".c": 100, ".h": 100, ".cu": 100, ".py": 100, ".sh": 100, ".cmake": 120}
SEED_BYTES_MAX = 4096
TEXT_SUFFIXES = {".c", ".h", ".cu", ".py", ".sh", ".cmake", ".md", ".yaml", ".yml"}
CODE_SUFFIXES = {".c", ".h", ".cu", ".py", ".sh", ".cmake"}


class File:
    """A file of the tree; its text is read once, when a rule asks for it."""

    def __init__(self, root, path):
        self.root, self.path = root, path
        self.stem, self.suffix = os.path.splitext(os.path.basename(path))
        if os.path.basename(path) == "CMakeLists.txt":
            self.suffix = ".cmake"
        # Golden vectors and fuzz seeds are data, whatever they are called.
        data = path.startswith("tests/fuzz/corpus/") or (
            path.startswith("tests/golden/") and self.suffix not in CODE_SUFFIXES)
        self.is_text = self.suffix in TEXT_SUFFIXES and not data
        self.is_code = self.suffix in CODE_SUFFIXES and not data
        self.is_c = self.suffix in {".c", ".h", ".cu"} and not data
        self._bytes = self._code = None

    @property
    def bytes(self):
        if self._bytes is None:
            with open(os.path.join(self.root, self.path), "rb") as file:
                self._bytes = file.read()
        return self._bytes

    @property
    def lines(self):
        return self.bytes.decode("utf-8", "replace").split("\n")

    @property
    def code_lines(self):
        """The lines of a C file with comments and literals blanked out."""
        if self._code is None:
            self._code = blank("\n".join(self.lines)).split("\n")
        return self._code

    @property
    def includes(self):
        """(line number, written with quotes, name) of each include."""
        for number, line in enumerate(self.lines, 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if found:
                yield number, found.group(1) == '"', found.group(2)


COMMENT_OR_LITERAL = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def blank(text):
    return COMMENT_OR_LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def list_files(root):
    """What git knows or would add; without a repository, all but build outputs and hidden files."""
    git = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others",
                          "--exclude-standard"], capture_output=True, check=False) \
        if os.path.exists(os.path.join(root, ".git")) else None
    if git and git.returncode == 0:
        paths = [os.fsdecode(path) for path in git.stdout.split(b"\0") if path]
        return sorted({path for path in paths if os.path.isfile(os.path.join(root, path))})
    paths = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders
                      if name not in ("build", "__pycache__") and not name.startswith(".")]
        paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(paths)


def room_of(path):
    parts = path.split("/")
    if parts[0] == "analysis":
        return "analysis"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


# --- rules: each takes all files and yields (path, line, what)


def rule_top_level(files):
    for top in sorted({file.path.split("/")[0] for file in files}):
        if top not in TOP and not top.startswith("."):
            yield top, 0, "does not belong to the visible top level: " + " ".join(sorted(TOP))


def rule_room_order(files):
    """A room includes itself and rooms to its left."""
    for file in files:
        room = room_of(file.path)
        if not file.is_c or room is None:
            continue
        if room == "analysis":
            seen = ANALYSIS_SEES | {"analysis"}
        elif room in ROOMS:
            seen = set(ROOMS[:ROOMS.index(room) + 1]) | ({"analysis"} if room == "cli" else set())
        else:
            continue  # rule_rooms says so
        for number, quoted, name in file.includes:
            other = name.split("/")[0]
            if quoted and "/" not in name:
                yield file.path, number, f'"{name}" is written without its room'
            elif quoted and other != "assay" and other not in seen:
                yield file.path, number, f'{room} may not include "{name}"'


def rule_rooms(files):
    """Every room is known, and has its tests."""
    rooms = {room_of(file.path): file.path for file in files if file.is_c and room_of(file.path)}
    tested = {file.path.split("/")[1] for file in files if file.path.startswith("tests/")}
    for room, path in sorted(rooms.items()):
        if room not in ROOMS and room != "analysis":
            yield path, 0, f"{room} is no room: {' '.join(ROOMS)}"
        if room not in tested:
            yield path, 0, f"the room has no tests/{room}"


def rule_public_header(files):
    for file in files:
        if not file.path.startswith("include/") or not file.is_c:
            continue
        for number, quoted, name in file.includes:
            if quoted and not name.startswith("assay/"):
                yield file.path, number, f'a public header includes "{name}"'
            elif not quoted and name.removesuffix(".h") not in C11_HEADERS:
                yield file.path, number, f"a public header includes <{name}>"


def rule_library(files):
    """One room for each library's headers."""
    for file in files:
        if not file.is_c or not file.path.startswith(("src/", "analysis/", "include/")):
            continue
        for number, _, name in file.includes:
            library = name.split("/")[0].removesuffix(".h")
            if library not in LIBRARIES:
                continue
            place = LIBRARIES[library]
            if place is None or not file.path.startswith(place):
                yield file.path, number, f"<{name}> belongs to {place or 'no file'}"


def rule_banned_call(files):
    for file in files:
        if not file.is_c:
            continue
        for number, line in enumerate(file.code_lines, 1):
            for found in BANNED_CALL.finditer(line):
                if not file.path.startswith(BANNED[found.group(1)] or ("\0",)):
                    yield file.path, number, f"{found.group(1)}() is not called here"


def c_functions(file):
    """(first line, last line) of each body: by their braces in the first column."""
    start = None
    for number, line in enumerate(file.code_lines, 1):
        opens = line.rstrip() == "{" or re.match(r"[A-Za-z_].*\)\s*\{\s*$", line)
        if start is None and opens and line[:1] not in (" ", "\t"):
            start = number
        elif start is not None and line.startswith("}"):
            yield start, number
            start = None


def python_functions(file):
    for node in ast.walk(ast.parse(file.bytes)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def rule_function_length(files):
    for file in files:
        functions = ()
        if file.is_c:
            functions = c_functions(file)
        elif file.is_code and file.suffix == ".py":
            functions = python_functions(file)
        for first, last in functions:
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield file.path, first, f"{last - first + 1} lines in one function"


def rule_file_length(files):
    for file in files:
        count = file.bytes.count(b"\n") if file.is_code else 0
        if count > FILE_LINES_MAX:
            yield file.path, count, f"{count} lines in one file"


def rule_layout(files):
    """Columns in characters, tabs, space at the end of a line, one line end at the end."""
    for file in files:
        if not file.is_text:
            continue
        widest = COLUMNS_MAX.get(file.suffix, sys.maxsize)
        for number, line in enumerate(file.lines, 1):
            if len(line) > widest:
                yield file.path, number, f"{len(line)} columns, more than {widest}"
            if "\t" in line:
                yield file.path, number, "a tab"
            if line != line.rstrip():
                yield file.path, number, "space at the end of the line"
        if not file.bytes.endswith(b"\n") or file.bytes.endswith(b"\n\n"):
            yield file.path, len(file.lines), "must end with one line end"


def rule_words(files):
    for file in files:
        if not file.is_text:
            continue
        for number, line in enumerate(file.lines, 1):
            for pattern, what in ((FORBIDDEN_WORD, "not a word for a finished line"),
                                  (MACHINE_PATH, "a path of one machine")):
                found = pattern.search(line)
                if found:
                    yield file.path, number, f"{found.group()}: {what}"


def rule_file_name(files):
    for file in files:
        if file.stem.lower() in VAGUE_NAMES:
            yield file.path, 0, "a name that says nothing"


def rule_purpose(files):
    """A source file begins with what it is for."""
    for file in files:
        if file.is_c and file.path.startswith(("src/", "analysis/", "include/")) and \
                not file.bytes.startswith(b"/*"):
            yield file.path, 1, "does not begin with a comment that says what it is for"


def rule_fuzz_corpus(files):
    seeded = set()
    for file in files:
        parts = file.path.split("/")
        if parts[:3] == ["tests", "fuzz", "corpus"] and len(parts) == 5:
            seeded.add(parts[3])
            if len(file.bytes) > SEED_BYTES_MAX:
                yield file.path, 0, f"a seed of {len(file.bytes)} bytes, more than {SEED_BYTES_MAX}"
    for file in files:
        found = re.fullmatch(r"tests/fuzz/fuzz_(\w+)\.c", file.path)
        if found and found.group(1) not in seeded:
            yield file.path, 0, f"has no seed in tests/fuzz/corpus/{found.group(1)}"


RULES = {name.removeprefix("rule_").replace("_", "-"): rule
         for name, rule in sorted(globals().items()) if name.startswith("rule_")}


def check(root):
    """All findings as (path, line, rule, what), and how many files were looked at."""
    files = [File(root, path) for path in list_files(root)]
    findings = [(path, line, name, what)
                for name, rule in RULES.items() for path, line, what in rule(files)]
    return sorted(findings), len(files)


def main():
    if len(sys.argv) > 2:
        print("usage: check.py [ROOT]", file=sys.stderr)
        return 2
    here = os.path.dirname(os.path.abspath(__file__))
    findings, count = check(sys.argv[1] if len(sys.argv) == 2 else os.path.join(here, "..", ".."))
    for path, line, rule, what in findings:
        print(f"{path}:{line}: {rule}: {what}")
    print(f"{count} files, {len(RULES)} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
