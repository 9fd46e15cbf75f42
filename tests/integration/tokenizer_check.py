#!/usr/bin/env python3
"""Compare assay's tokenizer with the `tokenizers` library: tokenizer_check.py TOKENIZE MODEL.gguf

TOKENIZE is the program made of tokenize.c. The reference is built from the file's own vocabulary
and merges; for SentencePiece the merges are all ways to make a token of two, by its score, as
`transformers` converts such models. The documents are Python's own sources, licences, and a
deterministic mix of Unicode; the last line printed is the count of tokens and of documents that
differ, of which there must be none. A model that is absent is skipped (exit code 77). Needs the
packages gguf, numpy and tokenizers.
"""

import os
import random
import struct
import subprocess
import sys
import sysconfig
import unicodedata

from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

SOURCES = (
    "argparse ast base64 calendar codecs csv datetime difflib enum fractions gettext heapq "
    "html/entities inspect json/decoder locale mimetypes pickletools pydoc string tarfile "
    "textwrap this typing unittest/mock zipfile"
).split()
LICENCES = "/usr/share/common-licenses"
DOCUMENT_CHARACTERS = 20_000
MIXES = 600
TOKENS_LEAST = 100_000
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
SKIPPED = 77

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# (first, last) of ranges of characters that a mix draws from.
RANGES = [
    (0x20, 0x7E),
    (0x20, 0x7E),
    (0x61, 0x7A),
    (0x30, 0x39),
    (0x00, 0x1F),
    (0x7F, 0xA0),
    (0xA0, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x52F),
    (0x590, 0x6FF),
    (0x900, 0xDFF),
    (0xE00, 0x1100),
    (0x1680, 0x180F),
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),
    (0x2070, 0x218B),
    (0x2190, 0x27BF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xE000, 0xE0FF),
    (0xFE00, 0xFE0F),
    (0xFB50, 0xFDFF),
    (0xFF00, 0xFFEF),
    (0x10000, 0x107FF),
    (0x12000, 0x123FF),
    (0x1D400, 0x1D7FF),
    (0x1F1E6, 0x1F1FF),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0xE0000, 0xE01EF),
    (0x100000, 0x1000FF),
]
PHRASES = [
    "don't",
    "DON'T",
    "we'll",
    "WE'LL",
    "I'm",
    "they've",
    "she'd",
    "it's",
    "IT'S",
    "'tis",
    "y'all're",
    "\u2019s",
    "\u017ft",
    "'\u017f",
    " 's",
    "''s",
    "1234567890",
    "3.14159",
    "0x1F",
    "1,000,000",
    "\u00bd",
    "\u0663\u0664",
    "\u2167",
    "\n",
    "\r\n",
    "\n\n\n",
    "\t",
    "  ",
    "    ",
    " \n ",
    "\u00a0",
    "\u3000",
    "\u2003 ",
    "\u180e",
    "\u200b",
    "\u0085",
    "\u2028",
    " a",
    " \u00e9",
    "e\u0301",
    "\u00c5",
    "\U0001f600",
    "\U0001f469\u200d\U0001f4bb",
    "\U0001f1e9\U0001f1ea",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u4f60\u597d\u3002",
    "\u3053\u3093",
    "\ud55c\uad6d\uc5b4",
    "!!!",
    "?!",
    "...",
    "=>",
    "($x)",
    "{{",
    "}}",
    "<|",
    "|>",
    "_",
    "__init__",
    "--",
    "\x00",
    "\x7f",
    "\ufeff",
    "\ufffd",
    "for i in range(10):\n    pass\n",
    "The quick brown fox ",
    "https://example.org/?a=1",
]


def sentence_piece(fields, tokens, types):
    scores = fields["tokenizer.ggml.scores"].contents()
    normal = {text: i for i, (text, kind) in enumerate(zip(tokens, types)) if kind == NORMAL}
    merges = []
    for text, i in normal.items():
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if left in normal and right in normal:
                merges.append((-scores[i], cut, left, right))
    merges = [(left, right) for _, _, left, right in sorted(merges, key=lambda m: m[:2])]
    unknown = tokens[fields["tokenizer.ggml.unknown_token_id"].contents()]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={text: i for i, text in enumerate(tokens)},
            merges=merges,
            byte_fallback=True,
            fuse_unk=True,
            unk_token=unknown,
        )
    )
    if fields["tokenizer.ggml.add_space_prefix"].contents():
        sys.exit("no reference for a space in front")
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    return tokenizer


def byte_level(fields, tokens):
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    pre = fields["tokenizer.ggml.pre"].contents()
    tokenizer = Tokenizer(
        models.BPE(vocab={text: i for i, text in enumerate(tokens)}, merges=merges)
    )
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre != "qwen2")
    before = {
        "smollm": lambda: [pre_tokenizers.Digits(individual_digits=True)],
        "gpt-2": lambda: [],
        "qwen2": lambda: [pre_tokenizers.Split(Regex(QWEN2), "isolated")],
    }
    if pre not in before:
        sys.exit(f"no reference for the pre-tokeniser {pre}")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*before[pre](), level])
    return tokenizer


def reference(fields):
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    if fields["tokenizer.ggml.model"].contents() == "llama":
        tokenizer = sentence_piece(fields, tokens, types)
    else:
        tokenizer = byte_level(fields, tokens)
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False) for text, kind in zip(tokens, types) if kind == CONTROL]
    )
    tokenizer.add_tokens(
        [
            AddedToken(text, normalized=False)
            for text, kind in zip(tokens, types)
            if kind == USER_DEFINED
        ]
    )
    specials = [text for text, kind in zip(tokens, types) if kind in (CONTROL, USER_DEFINED)]
    return tokenizer, specials


def cut(text):
    return [text[i : i + DOCUMENT_CHARACTERS] for i in range(0, len(text), DOCUMENT_CHARACTERS)]


def prose():
    """Sources of the standard library, and licences where the system has them."""
    library = sysconfig.get_paths()["stdlib"]
    paths = [os.path.join(library, name + ".py") for name in SOURCES]
    paths += [os.path.join(library, "LICENSE.txt")]
    if os.path.isdir(LICENCES):
        paths += [os.path.join(LICENCES, name) for name in sorted(os.listdir(LICENCES))]
    for path in paths:
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace", newline="") as file:
                yield from cut(file.read())


def character(generator):
    """One that Unicode has assigned as this Python knows it: what is newer may be a letter to one
    library and nothing to the other."""
    while True:
        if generator.random() < 0.05:
            code = generator.randrange(0x110000)
        else:
            code = generator.randint(*generator.choice(RANGES))
        if unicodedata.category(chr(code)) not in ("Cn", "Cs"):
            return chr(code)


def mixes(generator, specials):
    for _ in range(MIXES):
        parts = []
        for _ in range(generator.randint(1, 120)):
            kind = generator.random()
            if kind < 0.45:
                parts.append(generator.choice(PHRASES))
            elif kind < 0.55:
                parts.append(character(generator) * generator.randint(1, 9))
            elif kind < 0.60:
                parts.append(generator.choice(specials)[: generator.choice((4, 99, 99))])
            else:
                parts += [character(generator) for _ in range(generator.randint(1, 6))]
        yield "".join(parts)


def every_character():
    """Each assigned character between two letters, and again between spaces."""
    known = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    sample = [c for c in known if ord(c) < 0x3400 or ord(c) % 37 == 0]
    for i in range(0, len(sample), 500):
        yield "".join("a" + c + "b " + c + " " for c in sample[i : i + 500])


def run(program, model, special, documents):
    data = b"".join(struct.pack("<I", len(d)) + d for d in (t.encode() for t in documents))
    command = [program, model] + (["special"] if special else [])
    output = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    position, results = 0, []
    for _ in documents:
        (count,) = struct.unpack_from("<I", output, position)
        results.append(list(struct.unpack_from(f"<{count}I", output, position + 4)))
        position += 4 + 4 * count
    assert position == len(output)
    return results


def show(document, expected, got):
    at = next(
        (i for i, pair in enumerate(zip(expected, got)) if pair[0] != pair[1]),
        min(len(expected), len(got)),
    )
    print(
        f"differs at token {at}: expected {expected[at:at + 5]}, got {got[at:at + 5]}, in a "
        f"document that begins {document[:60]!r}"
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    if not os.path.exists(sys.argv[2]):
        print(f"SKIP: {sys.argv[2]} is not here; it is an optional entry of jobs/catalogue.yaml")
        return SKIPPED
    tokenizer, specials = reference(GGUFReader(sys.argv[2]).fields)
    documents = [*prose(), *every_character(), *mixes(random.Random(2602), specials)]
    if tokenizer.normalizer is not None:
        # `tokenizers` looks for user-defined tokens before it turns spaces into U+2581, where
        # sentencepiece itself does so afterwards (tests/golden/spm.txt has such texts).
        documents = [document.replace("\u2581", "") for document in documents]
    tokens = mismatches = 0
    for special in (False, True):
        tokenizer.encode_special_tokens = not special
        for document, got in zip(documents, run(*sys.argv[1:], special, documents)):
            expected = tokenizer.encode(document).ids
            tokens += len(expected)
            if got != expected:
                mismatches += 1
                if mismatches <= 20:
                    show(document, expected, got)
    print(f"{len(documents)} documents, {tokens} tokens, {mismatches} mismatches")
    return 1 if mismatches or tokens < TOKENS_LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
