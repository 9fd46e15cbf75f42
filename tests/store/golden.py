#!/usr/bin/env python3
"""The vectors of test_record.c and test_journal.c, made from FORMAT.md 3 and 5 with struct,
hashlib and zlib alone: golden.py > golden.h."""

import hashlib
import struct
import zlib


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def part(data):
    return u32(len(data)) + data


CELL_KEY, PROMPT = bytes(range(32)), bytes(range(200, 232))
TOKENS, LOG_PROBS = [1, 70000, 2], [-0.5, float("-inf"), 0.0]
ANSWER, TEXT = "naïve\0x".encode(), b"so: na\xc3\xafve\0x \xff"


def canonical():
    body = bytes([1, 1, 1, 3]) + u32(4) + u32(2) + u32(1) + CELL_KEY
    body += part(b"math/7") + part(b"warm") + PROMPT + bytes([1, 1]) + u32(1000000) + part(ANSWER)
    body += u32(len(TOKENS)) + b"".join(map(u32, TOKENS))
    body += b"".join(struct.pack("<f", value) for value in LOG_PROBS)
    return part(body)


def circumstances():
    body = struct.pack("<HH", 4, 1) + u32(2) + u64(1_700_000_000_123_456_789)
    return part(body + u64(987_654_321) + u32(16) + u32(3200) + part(TEXT) + grade() + options())


def grade():
    """Cut off; rule 0 found bytes 4 to 9, rule 1 bytes 12 to 13; a program that ran out of time."""
    body = bytes([3, 1, 0, 1]) + u32(4) + u32(5) + u32(12) + u32(1) + part("né".encode())
    body += bytes([5, 1]) + u64(3_000_000_000) + u64(3_100_000_000) + u64(1 << 24)
    return body + part(b"late")


def options():
    """Three options of 1, 2 and 70000 tokens, the second one greedy; the last one is right."""
    rows = [(1, 5, 0), (2, 300, 1), (70000, 65536, 0)]
    return part(b"".join(struct.pack("<IIB", *row) for row in rows)) + u32(2)


def process():
    """Rank 3 of 8, the second of 2 on its host; the fields in FORMAT.md's order."""
    body = struct.pack("<HH", 3, 0)
    body += b"".join(map(u32, [3, 8, 1, 2, 4, 64, 128, 1, 2, 16, 32, 3450]))
    body += b"".join(map(u64, [1_700_000_000_123_456_789, 1 << 36, 1 << 34]))
    texts = "n7|Pretender 9000|srun|4711|1 gpu|SLURM_HET_SIZE=2|assay 0.1.0|gcc 12|cpu|avx2|0-3"
    texts += "|0 größer|python3|<topology/>"
    return part(body + b"".join(part(text.encode()) for text in texts.split("|")))


def header(rank, plan, spec):
    body = b"ASSAYJNL" + u32(4) + u32(rank) + plan + spec
    return body + u32(zlib.crc32(body))


def frame(sequence, index):
    payload = b"\1" + u64(index) + canonical() + circumstances()
    return (
        u32(0x4C4E4A41)
        + u32(len(payload))
        + u64(sequence)
        + u32(zlib.crc32(u64(sequence) + payload))
        + payload
    )


def show(name, data):
    lines = [
        ", ".join(f"0x{byte:02x}" for byte in data[at : at + 14]) for at in range(0, len(data), 14)
    ]
    print(f"static const uint8_t {name}[] = {{\n    " + ",\n    ".join(lines) + "};")


print("/* Printed by golden.py: the bytes come from Python's struct, hashlib and zlib. */")
print("#ifndef TESTS_STORE_GOLDEN_H\n#define TESTS_STORE_GOLDEN_H\n\n#include <stdint.h>\n")
show("golden_record", canonical())
show("golden_circumstances", circumstances())
print(f'static const char golden_digest[] =\n    "{hashlib.sha256(canonical()).hexdigest()}";')
show("golden_header", header(7, bytes([0x11]) * 32, bytes([0x22]) * 32))
show("golden_frame_head", frame(5, 1)[:29])
show("golden_process", process())
print("\n#endif")
