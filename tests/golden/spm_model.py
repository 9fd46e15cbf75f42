#!/usr/bin/env python3
"""Write spm.txt: a small SentencePiece vocabulary, and what the library makes of texts with it.

    spm_model.py > spm.txt

The vocabulary is trained by sentencepiece on Python's own argparse.py. Lines: "V type score text"
for each token (type as in GGUF files, score as the bits of an f32, text in hexadecimal), then
"T prefix text ids…", prefix 1 where a space is put in front. Needs sentencepiece and protobuf;
texts with bytes outside of UTF-8 are left to the C test, because the library replaces them.
"""

import io
import os
import random
import struct
import sysconfig

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

TYPES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6}
PHRASES = [
    "", " ", "  ", "   ", "hello", "hello world", " hello  world ", "the the the", "argument_",
    "self.add_argument('--help', help=None)", "\n", "\n\n\n", "a\nb\n\nc", "\t", "<table>x</table>",
    "<tab", "Größe", "naïve café", "日本語", "🙂🙂", "e\u0301", "\u2581", "\u2581\u2581\u2581",
    "a\u2581b", "x\u2581 \u2581y",
    "<s>", "</s>", "<unk>", "<0x41>", "0123456789", "\x00", "\x7f", "....",
    "!!!!!!!!!", "if __name__ == '__main__':\n    main()\n", "\ufeff", "\u00a0", "zzzz" * 9,
]


def train():
    path = os.path.join(sysconfig.get_paths()["stdlib"], "argparse.py")
    model = io.BytesIO()
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_whitespace=True,
        user_defined_symbols=["\n", "\n\n", "\u2581\u2581", "\u2581\u2581\u2581\u2581", "<table>"],
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def texts():
    generator = random.Random(7)
    yield from PHRASES
    for _ in range(400):
        yield "".join(
            generator.choice(PHRASES)[: generator.randint(0, 9)]
            + generator.choice(["", " ", "the", "ar"])
            for _ in range(generator.randint(1, 12))
        )


def main():
    data = train()
    for prefix in (False, True):
        proto = sentencepiece_model_pb2.ModelProto.FromString(data)
        proto.normalizer_spec.add_dummy_prefix = prefix
        processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
        if not prefix:
            print(f"# made by spm_model.py with sentencepiece {sentencepiece.__version__}")
            for piece in proto.pieces:
                bits = struct.unpack("<I", struct.pack("<f", piece.score))[0]
                print("V", TYPES[piece.type], f"{bits:08x}", piece.piece.encode().hex())
        for text in texts():
            # Assay cuts user-defined tokens out before it puts a space in front of what is left.
            marks = ("\n", "  ", "\u2581", "<table>")
            if prefix and (text[:1] == " " or any(mark in text for mark in marks)):
                continue
            print("T", int(prefix), text.encode().hex() or "-", *processor.encode(text))


if __name__ == "__main__":
    main()
