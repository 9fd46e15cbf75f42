"""The block layouts of src/FORMAT.md 1.6 for exact_model.py: bytes to scales and integers.

A block's scale times a 6-bit factor has 17 bits and is exact in Python's floats.
"""

import struct


def from_half(h):
    return struct.unpack("<e", struct.pack("<H", h))[0]


def split(tensor, block_bytes):
    return [tensor[i : i + block_bytes] for i in range(0, len(tensor), block_bytes)]


def halves(block, count):
    return [from_half(h) for h in struct.unpack_from("<%dH" % count, block)]


def nibbles(packed):
    return [b & 15 for b in packed] + [b >> 4 for b in packed]


def decode(dtype, block):
    """Scale, minimum and integers of a block."""
    if dtype == "Q8_0":
        return halves(block, 1)[0], None, struct.unpack("<32b", block[2:])
    if dtype == "Q4_0":
        return halves(block, 1)[0], None, [q - 8 for q in nibbles(block[2:])]
    if dtype == "Q5_0":
        return halves(block, 1)[0], None, [q - 16 for q in fifth(block[2:6], nibbles(block[6:]))]
    d, m = halves(block, 2)
    if dtype == "Q5_1":
        return d, m, fifth(block[4:8], nibbles(block[8:]))
    return d, m, nibbles(block[4:])


def fifth(high, low):
    word = int.from_bytes(high, "little")
    return [q + 16 * (word >> i & 1) for i, q in enumerate(low)]


def decode_256(dtype, data):
    """The eight blocks of 32 of a type of 256. Q6_K's integers are those with sc."""
    if dtype == "Q6_K":
        low, high, scales = data[:128], data[128:192], struct.unpack("<16b", data[192:208])
        d = halves(data[208:], 1)[0]
        for b in range(8):
            h, k = b // 4, b % 4
            codes = []
            for i in range(32):
                byte = low[64 * h + 32 * (k % 2) + i]
                four = byte & 15 if k < 2 else byte >> 4
                codes.append(four + 16 * (high[32 * h + i] >> 2 * k & 3) - 32)
            yield d, None, [scales[2 * b + i // 16] * q for i, q in enumerate(codes)]
        return
    d, m = halves(data, 2)
    s = data[4:16]
    high, low = (data[16:48], data[48:]) if dtype == "Q5_K" else (None, data[16:])
    for b in range(8):
        sc, mn = s[b] & 63, s[(b + 4) % 12] & 63
        if b >= 4:
            sc = (s[b + 4] & 15) | (s[b - 4] >> 6) << 4
            mn = (s[b + 4] >> 4) | (s[b] >> 6) << 4
        part = low[32 * (b // 2) : 32 * (b // 2) + 32]
        codes = [v & 15 if b % 2 == 0 else v >> 4 for v in part]
        if high is not None:
            codes = [q + 16 * (v >> b & 1) for q, v in zip(codes, high)]
        yield d * sc, -(m * mn), codes


BLOCK_BYTES = {"F32": 4, "F16": 2, "Q8_0": 34, "Q4_0": 18, "Q4_1": 20}
BLOCK_BYTES_MORE = {"BF16": 2, "Q5_0": 22, "Q5_1": 24, "Q4_K": 144, "Q5_K": 176, "Q6_K": 210}
FLOATS, SUPERS = ("F32", "F16", "BF16"), ("Q4_K", "Q5_K", "Q6_K")
