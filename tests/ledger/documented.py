"""The format's tables of codes, of types and of the state are those of the code.
`documented.py ROOT`"""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
FORMAT = (ROOT / "src/FORMAT.md").read_text()


def source(path):
    return re.sub(r"\s*\\\n\s*", " ", (ROOT / path).read_text())


def compare(what, documented, coded):
    if documented != coded or not coded:
        sys.exit(f"{what}: documented {documented}\n  coded {coded}")
    print(f"{len(coded)} {what}")


def main():
    header, layouts = source("include/assay/ledger.h"), source("src/ledger/layouts.h")
    codes = re.findall(r'X\(\w+, (\d+), "([^"]+)", "([^"]+)"\)', header)
    part = FORMAT[FORMAT.index("### 22.4") : FORMAT.index("### 22.5")]
    compare("codes", re.findall(r"^\| (\d+) \| `([^`]+)` \| (.+) \|$", part, re.M), codes)

    part = FORMAT[FORMAT.index("### 21.3") : FORMAT.index("## 22.")]
    types = re.findall(r"X\((\w+), (\d+), (?:ADMIN|ANY|SITE), \w+\)", layouts)
    types = [(number, name.lower().replace("_", "-")) for name, number in types]
    compare("types", re.findall(r"^\| (\d+) \| `([^`]+)` \|", part, re.M), types)

    part = FORMAT[FORMAT.index("### 22.1") : FORMAT.index("### 22.2")]
    tables = re.findall(r"X\((\w+), 0x(\w\w), \d+, assay_state_\w+\)", layouts)
    tables = [(byte, name.lower()) for name, byte in tables]
    compare("tables", re.findall(r"^\| (\w\w) (\w+) \|", part, re.M), tables)


main()
