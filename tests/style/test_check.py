#!/usr/bin/env python3
"""The style checker on small trees: a clean one, and for each rule some that break it."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check

CLEAN = {
    "README.md": "# A tree\n",
    "CMakeLists.txt": "project(tree)\n",
    "include/assay/thing.h": '/* A thing. */\n#include "assay/status.h"\n#include <stdint.h>\n',
    "src/base/text.c": '/* Text. */\n#include "base/text.h"\n#include <pcre2.h>\n'
                       'int f(void)\n{\n    return snprintf(0, 0, "printf(1)"); /* atoi( */\n}\n',
    "src/base/assert.c": "/* The end. */\nvoid f(void)\n{\n    abort();\n}\n",
    "src/run/comm_mpi.c": '/* Ranks. */\n#include <mpi.h>\n#include "base/text.h"\n'
                          '#include "run/queue.h"\n#include "assay/thing.h"\n',
    "src/cli/main.c": '/* The program. */\n#include "analysis/report.h"\n#include "run/queue.h"\n'
                      'int main(void)\n{\n    printf("x");\n    exit(1);\n}\n',
    "analysis/score.c": '/* Scores. */\n#include <gsl/gsl_cdf.h>\n#include "store/reader.h"\n',
    "tests/base/test_text.c": 'int main(void)\n{\n    printf("%f", strtod("1", 0));\n}\n',
    "tests/run/test_run.c": "int main(void)\n{\n    return 0;\n}\n",
    "tests/cli/CMakeLists.txt": "# nothing\n",
    "tests/analysis/CMakeLists.txt": "# nothing\n",
    "tests/fuzz/fuzz_text.c": "int x;\n",
    "tests/fuzz/corpus/text/seed.c": "\t anything goes in a seed, atoi( \n\n",
    "tests/golden/vectors.md": "no line end\t",
}
LONG_BODY = "    x++;\n"


def function(lines):
    return "/* Long. */\nvoid f(void)\n{\n" + LONG_BODY * (lines - 2) + "}\n"


# rule, path, content: each makes the clean tree break just that rule.
BROKEN = [
    ("top-level", "NOTES.md", "# Notes\n"),
    ("top-level", "scripts/run.sh", "true\n"),
    ("room-order", "src/base/text.c", '/* Text. */\n#include "run/queue.h"\n'),
    ("room-order", "src/base/text.c", '/* Text. */\n#  include "cli/command.h"\n'),
    ("room-order", "src/run/queue.c", '/* Queue. */\n#include "analysis/score.h"\n'),
    ("room-order", "src/run/queue.c", '/* Queue. */\n#include "queue.h"\n'),
    ("room-order", "analysis/score.c", '/* Scores. */\n#include "run/queue.h"\n'),
    ("rooms", "src/topo/topo.c", "/* A room without tests. */\n"),
    ("public-header", "include/assay/thing.h", "/* A thing. */\n#include <sys/types.h>\n"),
    ("public-header", "include/assay/thing.h", '/* A thing. */\n#include "base/text.h"\n'),
    ("library", "src/base/text.c", "/* Text. */\n#include <sodium.h>\n"),
    ("library", "src/base/text.c", "/* Text. */\n#include <sodium/utils.h>\n"),
    ("library", "src/run/queue.c", "/* Queue. */\n#include <mpi.h>\n"),
    ("library", "src/run/queue.c", "/* Queue. */\n#include <omp.h>\n"),
    ("library", "src/cli/main.c", "/* The program. */\n#include <gsl/gsl_math.h>\n"),
    ("library", "analysis/score.c", "/* Scores. */\n#include <hdf5.h>\n"),
    ("library", "src/base/text.c", "/* Text. */\n#include <yaml.h>\n"),
    ("library", "src/cli/main.c", "/* The program. */\n#include <jansson.h>\n"),
    ("banned-call", "src/base/text.c", "/* Text. */\nint x = atoi(y);\n"),
    ("banned-call", "src/cli/main.c", "/* The program. */\nint x = strcpy (a, b);\n"),
    ("banned-call", "tests/base/test_text.c", "int x = sprintf(a, b);\n"),
    ("banned-call", "src/base/text.c", "/* Text. */\ndouble x = strtod(y, 0);\n"),
    ("banned-call", "src/base/text.c", '/* Text. */\nint x = printf("x");\n'),
    ("banned-call", "src/run/queue.c", "/* Queue. */\nint x = (abort(), 1);\n"),
    ("banned-call", "analysis/score.c", "/* Scores. */\nint x = (exit(1), 1);\n"),
    ("function-length", "src/base/text.c", function(71)),
    ("function-length", "tests/base/test_text.c", function(100)),
    ("function-length", "tests/base/golden.py", "def f():\n" + "    x = 1\n" * 70),
    ("file-length", "src/base/text.c", "/* Long. */\n" + "int x;\n" * 600),
    ("layout", "src/base/text.c", "/* " + "é" * 95 + " */\n"),
    ("layout", "src/base/text.c", "/* Text. */\nint\tx;\n"),
    ("layout", "src/base/text.c", "/* Text. */\nint x; \n"),
    ("layout", "src/base/text.c", "/* Text. */\r\nint x;\r\n"),
    ("layout", "src/base/text.c", "/* Text. */"),
    ("layout", "README.md", "# A tree\n\n"),
    ("words", "src/base/text.c", "/* TO" "DO: all of it. */\n"),
    ("words", "README.md", "This is a HA" "CK.\n"),
    ("words", "README.md", "See /ho" "me/somebody/notes.\n"),
    ("file-name", "src/base/util.c", "/* Anything. */\n"),
    ("file-name", "tests/base/helpers.h", "/* Anything. */\n"),
    ("purpose", "src/base/text.c", "int x;\n"),
    ("purpose", "src/base/text.h", "#ifndef X\n#define X\n#endif\n"),
    ("fuzz-corpus", "tests/fuzz/fuzz_spec.c", "int x;\n"),
    ("fuzz-corpus", "tests/fuzz/corpus/text/large", "x" * 4097),
]

# Near each border, on the right side of it.
ALLOWED = [
    ("src/base/text.c", function(70)),
    ("src/base/text.c", "/* Long. */\n" + "int x;\n" * 599),
    ("src/base/text.c", "/* " + "é" * 94 + " */\n"),
    ("src/base/text.c", '/* A name for mkstemp. */\nconst char *x = "a-XX' 'XXXX";\n'),
    ("src/base/text.c", "/* Names that only end so. */\nint x = assay_exit(y), z = s.puts(y);\n"),
    ("src/base/text.c", "/* Text\n * atoi(x) and printf(x) over lines */\n// exit(1)\n"),
    ("tests/fuzz/corpus/text/large", "x" * 4096),
    ("src/README.md", "wide " * 50 + "line\n"),
    (".hidden/file.c", "\t"),
]


def write_tree(root, tree):
    for path, content in tree.items():
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(content)


def findings(tree):
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, tree)
        return check.check(root)[0]


class Checker(unittest.TestCase):
    def test_clean(self):
        self.assertEqual(findings(CLEAN), [])

    def test_broken(self):
        for rule, path, content in BROKEN:
            with self.subTest(rule=rule, path=path, content=content[:60]):
                found = findings({**CLEAN, path: content})
                self.assertEqual({finding[2] for finding in found}, {rule})
                self.assertEqual({finding[0] for finding in found}, {path.split("/")[0]}
                                 if rule == "top-level" else {path})

    def test_allowed(self):
        for path, content in ALLOWED:
            with self.subTest(path=path, content=content[:60]):
                self.assertEqual(findings({**CLEAN, path: content}), [])

    def test_every_rule_is_broken_once(self):
        self.assertEqual({rule for rule, _, _ in BROKEN}, set(check.RULES))

    def test_unknown_room(self):
        found = findings({**CLEAN, "src/kitchen/sink.c": "/* A sink. */\n",
                          "tests/kitchen/test.c": "int x;\n"})
        self.assertEqual([finding[2] for finding in found], ["rooms"])

    def test_git(self):
        """In a repository, what git ignores is not looked at, and what is not added yet is."""
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {**CLEAN, ".gitignore": "/out/\n", "out/x.c": "\t", "extra/x.c": "\t"})
            init = subprocess.run(["git", "init", "-q", root], capture_output=True, check=False)
            if init.returncode:
                self.skipTest("no git")
            self.assertEqual([finding[0] for finding in check.check(root)[0]
                              if finding[2] == "top-level"], ["extra"])

    def test_exit_code(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check.py")
        for tree, code in ((CLEAN, 0), ({**CLEAN, "x": ""}, 1)):
            with tempfile.TemporaryDirectory() as root:
                write_tree(root, tree)
                run = subprocess.run([sys.executable, program, root], capture_output=True,
                                     text=True, check=False)
                self.assertEqual(run.returncode, code, run.stdout)
        run = subprocess.run([sys.executable, program, "a", "b"], capture_output=True, check=False)
        self.assertEqual(run.returncode, 2)


if __name__ == "__main__":
    unittest.main()
