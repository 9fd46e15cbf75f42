#!/usr/bin/env python3
"""Compare the passes of all architectures with tests/golden/pass_model.py: pass_check.py FORCED

FORCED is the program made of forced.c. It makes a tiny model of each architecture, whose weights
are F32, so that nothing is quantised and the logits of both must agree but for the last digits.
300 positions are several windows and attention chunks long.
"""

import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import pass_model  # noqa: E402

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3")
POSITIONS = 300
TOLERANCE = 4e-3  # of their spread: now and then both round a key or value to f16 to other sides


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    failed = 0
    for name in ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tiny.gguf")
            subprocess.run([sys.argv[1], "--make", name, path], check=True)
            model = pass_model.Model(path, np.float64)
            vocab = model.tensors["token_embd.weight"].shape[0]
            tokens = [int(x) for x in np.random.default_rng(5).integers(0, vocab, POSITIONS)]
            expected = model.logits(tokens)
            data = struct.pack(f"<{POSITIONS}I", *tokens)
            for backend in ("ref", "auto"):
                command = [sys.argv[1], path, backend]
                output = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True)
                got = np.frombuffer(output.stdout, np.float32).reshape(POSITIONS, vocab)
                worst = np.abs(got - expected).max()
                spread = expected.std()
                failed += not worst < TOLERANCE * spread
                print(f"{name} {backend}: largest difference {worst:.2e} of logits that spread "
                      f"{spread:.2f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
