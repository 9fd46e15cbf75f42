#!/usr/bin/env python3
"""An independent model of exact-1 (src/FORMAT.md 1) and the writer of exact_1.txt.

    python3 exact_model.py > exact_1.txt

Every f32 result is computed as an exact integer or rational first and rounded once, by integers:
an f32 is n * 2**-149, a product of two is n * 2**-298, so that sums, products and fused
multiply-adds are exact before the rounding. No floating-point hardware is involved below f64, and
none of the C sources was consulted for a formula: only FORMAT.md.
Only the standard library is needed.
"""

import math
import struct
from fractions import Fraction

from exact_blocks import BLOCK_BYTES, BLOCK_BYTES_MORE, FLOATS, SUPERS
from exact_blocks import decode, decode_256, from_half, halves, split

NAN, INF = float("nan"), float("inf")


# --- f32 values, held in Python floats (every f32 is an f64) ----------------------------


def bits(x):
    if x != x:
        return 0x7FC00000
    return struct.unpack("<I", struct.pack("<f", x))[0]


def from_bits(u):
    return struct.unpack("<f", struct.pack("<I", u))[0]


def scaled(x):
    """x * 2**149 as an integer."""
    mantissa, exponent = math.frexp(x)
    value = int(mantissa * 2**53)
    shift = exponent - 53 + 149
    return value << shift if shift >= 0 else value >> -shift


def rounded(n, exponent, sticky=False):
    """The f32 nearest to n * 2**exponent (a little more in magnitude if sticky), ties to even."""
    magnitude = abs(n)
    last = max(magnitude.bit_length() + exponent - 24, -149)  # weight of the last bit kept
    drop = last - exponent
    if drop <= 0:
        kept = magnitude << -drop
    else:
        kept, rest, half = magnitude >> drop, magnitude & ((1 << drop) - 1), 1 << (drop - 1)
        if rest > half or (rest == half and (sticky or kept & 1)):
            kept += 1
    value = INF if kept.bit_length() + last > 128 else math.ldexp(kept, last)
    return -value if n < 0 else value


def finite(*values):
    return all(math.isfinite(v) for v in values)


def fma(a, b, c):
    if not finite(a, b, c):
        return a * b + c  # f64 neither overflows nor underflows on products of f32
    n = scaled(a) * scaled(b) + (scaled(c) << 149)
    if n == 0:
        return a * b + c  # exact in f64 too, and gives IEEE's sign of zero
    return rounded(n, -298)


def add(a, b):
    if not finite(a, b) or scaled(a) + scaled(b) == 0:
        return a + b
    return rounded(scaled(a) + scaled(b), -149)


def sub(a, b):
    return add(a, -b)


def mul(a, b):
    if not finite(a, b) or a == 0 or b == 0:
        return a * b
    return rounded(scaled(a) * scaled(b), -298)


def div(a, b):
    if not finite(a, b) or a == 0:
        return a / b if b != 0 else NAN
    if b == 0:
        return math.copysign(INF, a) * math.copysign(1, b)
    top, bottom = abs(scaled(a)) << 400, abs(scaled(b))
    quotient, rest = divmod(top, bottom)
    sign = -1 if (a < 0) != (b < 0) else 1
    return rounded(sign * quotient, -400, rest != 0)


def sqrt(a):
    if not a > 0 or a == INF:
        return a if a == 0 or a == INF else NAN
    n = scaled(a) << 201  # a * 2**350
    root = math.isqrt(n)
    return rounded(root, -175, root * root != n)


def integer(n):
    return rounded(n, 0) if n else 0.0


# --- f16 --------------------------------------------------------------------------------


def to_half(x):
    if x != x:
        return 0x7E00
    try:
        return struct.unpack("<H", struct.pack("<e", x))[0]
    except OverflowError:
        return 0xFC00 if x < 0 else 0x7C00


# --- 1.2 --------------------------------------------------------------------------------


def exp(x):
    if x != x:
        return NAN
    if x < -87:
        return 0.0
    if x > 88:
        return INF
    h = float.fromhex
    z = fma(x, h("0x1.715476p+0"), h("0x1.8p+23"))
    n = bits(z) - 0x4B400000
    zf = sub(z, h("0x1.8p+23"))
    r = fma(zf, h("-0x1.62e43p-1"), x)
    r = fma(zf, h("0x1.05c61p-29"), r)
    q = h("0x1.6a23cep-10")
    for c in ("0x1.123a2p-7", "0x1.5558f2p-5", "0x1.555492p-3", "0x1.fffffcp-2"):
        q = fma(q, r, h(c))
    p = add(fma(q, mul(r, r), r), 1.0)
    return from_bits((bits(p) + (n << 23)) & 0xFFFFFFFF)


# --- 1.3, f64: Python's floats round every operation once and never fuse ----------------


def ln(x, lower=0):
    m, e = math.frexp(x)
    m, e = m * 2, e - 1
    if m > float.fromhex("0x1.6a09e667f3bcdp+0"):
        m, e = m / 2, e + 1
    e -= lower
    f = (m - 1) / (m + 1)
    s = f * f
    p = 1 / 21
    for k in range(19, 0, -2):
        p = p * s + 1 / k
    return e * float.fromhex("0x1.62e42feep-1") + (
        e * float.fromhex("0x1.a39ef35793c76p-33") + (f + f) * p
    )


def exp64(y):
    n = round(y * float.fromhex("0x1.71547652b82fep+0"))
    r = (y - n * float.fromhex("0x1.62e42feep-1")) - n * float.fromhex("0x1.a39ef35793c76p-33")
    p = 1 / math.factorial(13)
    for k in range(12, -1, -1):
        p = p * r + 1 / math.factorial(k)
    return math.ldexp(p, n)


def sincos(a):
    n = round(a * float.fromhex("0x1.45f306dc9c883p-1"))
    r = (
        (a - n * float.fromhex("0x1.921fb544p+0")) - n * float.fromhex("0x1.0b4611a6p-34")
    ) - n * float.fromhex("0x1.3198a2ep-69")
    z = r * r
    s = 1 / math.factorial(17)
    for k in range(15, 0, -2):
        s = (-s) * z + 1 / math.factorial(k)
    sn = s * r
    c = 1 / math.factorial(18)
    for k in range(16, -1, -2):
        c = (-c) * z + 1 / math.factorial(k)
    return ((sn, c), (c, -sn), (-sn, -c), (-c, sn))[n % 4]


def narrow(x):
    return rounded(int(Fraction(x) * 2**1074), -1074) if x else x


# --- 1.4 --------------------------------------------------------------------------------


def rope_entry(base, pair, dims, factor, position):
    frequency = exp64(-((2 * pair) / dims) * ln(base)) / factor
    s, c = sincos(position * frequency)
    return narrow(s), narrow(c)


def rotate(a, b, c, s):
    return fma(a, c, -mul(b, s)), fma(a, s, mul(b, c))


# --- 1.5 --------------------------------------------------------------------------------


def quantise(x):
    """d, q[32], xs"""
    if not finite(*x):
        return NAN, [0] * 32, NAN
    largest = max(abs(v) for v in x)
    if largest < 2.0**-100:
        return 0.0, [0] * 32, 0.0
    inv = div(127.0, largest)
    q = [max(-127, min(127, round(mul(v, inv)))) for v in x]  # round is to nearest even
    d = div(largest, 127.0)
    return d, q, mul(d, integer(sum(q)))


# --- 1.6, 1.7 ---------------------------------------------------------------------------


def elements(dtype, row):
    """The row's elements as the steps of 1.6 take them."""
    blocks = split(row, (BLOCK_BYTES | BLOCK_BYTES_MORE)[dtype])
    if dtype == "F32":
        return [struct.unpack("<f", b)[0] for b in blocks]
    if dtype == "BF16":
        return [from_bits(int.from_bytes(b, "little") << 16) for b in blocks]
    if dtype == "F16":
        return [halves(b, 1)[0] for b in blocks]
    if dtype in SUPERS:
        return [block for b in blocks for block in decode_256(dtype, b)]
    return [decode(dtype, b) for b in blocks]


def tree(v):
    while len(v) > 1:
        v = [add(v[i], v[i + 1]) for i in range(0, len(v), 2)]
    return v[0]


def dot(dtype, weights, x):
    """One output: row of weights (elements) times activations."""
    blocks = dtype not in FLOATS
    inputs = [quantise(x[i : i + 32]) for i in range(0, len(x), 32)] if blocks else x
    n = len(inputs)
    segments = []
    for g in range(8):
        acc = 0.0
        for w, v in list(zip(weights, inputs))[g * n // 8 : (g + 1) * n // 8]:
            if not blocks:
                acc = fma(w, v, acc)
                continue
            (dw, mw, q), (d, xq, xs) = w, v
            acc = fma(mul(dw, d), integer(sum(a * b for a, b in zip(q, xq))), acc)
            if mw is not None:
                acc = fma(mw, xs, acc)
        segments.append(acc)
    return tree(segments)


def embedding(dtype, row):
    values = []
    for e in elements(dtype, row):
        if dtype in FLOATS:
            values.append(e)
        else:
            d, m, q = e
            values += [mul(d, float(v)) if m is None else fma(d, float(v), m) for v in q]
    return values


# --- 1.8 --------------------------------------------------------------------------------


def total(a, b=None):
    s = [0.0] * 16
    for i, v in enumerate(a):
        s[i % 16] = fma(v, b[i], s[i % 16]) if b is not None else add(s[i % 16], v)
    for h in (8, 4, 2, 1):
        s = [add(s[k], s[k + h]) for k in range(h)]
    return add(s[0], 0.0)


def norm(x, w, eps):
    r = div(1.0, sqrt(add(div(total(x, x), float(len(x))), eps)))
    return [mul(mul(v, r), u) for v, u in zip(x, w)]


# --- 1.9, 1.10 --------------------------------------------------------------------------


def attend(q, keys, values, window=0):
    """q[dim]; keys, values: f32 rows of all positions, stored as f16."""
    dim = len(q)
    scale = div(1.0, sqrt(float(dim)))
    stored = lambda row: [from_half(to_half(v)) for v in row]
    merged = None
    first = max(0, len(keys) - window) if window else 0
    for begin in range(first // 64 * 64, len(keys), 64):
        at = slice(max(begin, first), begin + 64)
        k = [stored(row) for row in keys[at]]
        v = [stored(row) for row in values[at]]
        e = [mul(total(q, row), scale) for row in k]
        m = max(e)
        p = [exp(sub(x, m)) for x in e]
        o = [0.0] * dim
        for weight, row in zip(p, v):
            o = [fma(weight, x, y) for x, y in zip(row, o)]
        length = total([0.0] * (at.start - begin) + p)  # index j − 64c; a +0 changes no sum
        if merged is None:
            merged = m, length, o
            continue
        old_m, old_l, old_o = merged
        new = max(old_m, m)
        a, b = exp(sub(old_m, new)), exp(sub(m, new))
        merged = new, fma(old_l, a, mul(length, b)), [
            fma(x, a, mul(y, b)) for x, y in zip(old_o, o)
        ]
    return [div(x, merged[1]) for x in merged[2]]


def geglu(g, u):
    h = float.fromhex
    inner = fma(mul(h("0x1.6e4e26p-5"), mul(g, g)), g, g)
    return mul(div(g, add(1.0, exp(mul(h("-0x1.988454p+0"), inner)))), u)


def swiglu(g, u):
    return mul(div(g, add(1.0, exp(-g))), u)


# --- 2.2, 1.11 --------------------------------------------------------------------------


def weight(logit, m, thousandths):
    x = mul(sub(logit, m), div(1000.0, float(thousandths)))
    return round(Fraction(exp(x)) * 2**40) if x >= -28.5 else 0


def log_probability(logits, token):
    m = max(logits)
    s = sum(weight(v, m, 1000) for v in logits)
    distance = sub(logits[token], m)
    return -INF if distance == -INF else narrow(distance - ln(float(s), 40))


# --- the file ---------------------------------------------------------------------------


class Random:
    """splitmix64."""

    def __init__(self, state):
        self.state = state

    def word(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        x = self.state
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return x ^ (x >> 31)

    def value(self, spread=1.0):
        return narrow(sum((self.word() >> 40) * 2.0**-24 - 0.5 for _ in range(4)) * spread)

    def values(self, count, spread=1.0):
        return [self.value(spread) for _ in range(count)]


def record(name, **fields):
    print(name)
    for key, words in fields.items():
        text = " ".join("%x" % w for w in words)
        print(" ", key, len(words), text)
    print("end")


def f32s(values):
    return [bits(v) for v in values]


def padded(data):
    data += b"\0" * (-len(data) % 4)
    return struct.unpack("<%dI" % (len(data) // 4), data)


def random_row(random, dtype, columns, extreme):
    row = b""
    for _ in range(columns // (1 if dtype in ("F32", "F16") else 32)):
        if dtype == "F32":
            row += struct.pack("<f", random.value())
            continue
        row += struct.pack("<H", to_half(random.value(0.02)))
        if dtype == "F16":
            continue
        if dtype == "Q4_1":
            row += struct.pack("<H", to_half(random.value(0.1)))
        count = BLOCK_BYTES[dtype] - (4 if dtype == "Q4_1" else 2)
        row += bytes([0x80 if extreme else random.word() >> 56 for _ in range(count)])
    return row


def random_row_more(random, dtype, columns, extreme):
    row = b""
    for _ in range(columns // (1 if dtype == "BF16" else 256 if dtype in SUPERS else 32)):
        if dtype == "BF16":
            row += struct.pack("<H", bits(random.value()) >> 16)
            continue
        d, m = (struct.pack("<H", to_half(random.value(s))) for s in (0.01, 0.02))
        head = d + m if dtype in ("Q5_1", "Q4_K", "Q5_K") else d
        count = BLOCK_BYTES_MORE[dtype] - len(head)
        rest = bytes([0x80 if extreme else random.word() >> 56 for _ in range(count)])
        row += rest + head if dtype == "Q6_K" else head + rest
    return row


def write_functions(random):
    xs = [0.0, -0.0, 1.0, -1.0, 0.5, -10.0, -28.5, 88.0, -87.0, INF, -INF, NAN]
    xs += [from_bits(bits(88.0) + 1), from_bits(bits(-87.0) + 1), 1e-40, -1e-40, 0.34657]
    xs = [narrow(x) if finite(x) else x for x in xs] + random.values(100, 40.0)
    record("exp", x=f32s(xs), y=f32s(exp(x) for x in xs))
    gates = xs[:1] + xs[2:] + [100.0, -100.0]
    ups = random.values(len(gates), 3.0)
    record("swiglu", g=f32s(gates), u=f32s(ups), y=f32s(map(swiglu, gates, ups)))
    halves_of = [0.0, -0.0, 65504.0, 65519.0, 65520.0, -65520.0, 1e9, INF, -INF, NAN, 2.0**-24]
    halves_of += [2.0**-25, from_bits(bits(2.0**-25) + 1), 3 * 2.0**-25, 2.0**-14, 6.1e-5, 1e-42]
    halves_of = [narrow(x) if finite(x) else x for x in halves_of]
    halves_of += random.values(40, 5.0) + random.values(40, 1e-5)
    record("half", x=f32s(halves_of), y=[to_half(v) for v in halves_of])
    for base, dims, factor in ((10000.0, 64, 1.0), (100000.0, 64, 1.0), (500000.0, 128, 8.0)):
        pairs, positions = (0, 1, dims // 4, dims // 2 - 1), (0, 1, 777, 8191, 1048575)
        places = [(p, t) for p in pairs for t in positions]
        entries = [rope_entry(base, p, dims, factor, t) for p, t in places]
        record(
            "rope",
            base=f32s([base, factor]),
            dims=[dims],
            pair=[p for p, _ in places],
            position=[t for _, t in places],
            sin=f32s(s for s, _ in entries),
            cos=f32s(c for _, c in entries),
        )


def write_gelu(random):
    gates = [0.0, 1.0, -1.0, 5.0, -5.0, 1e30, -1e30, INF, 1e-40, NAN] + random.values(100, 4.0)
    gates = [narrow(x) if finite(x) else x for x in gates]
    ups = random.values(len(gates), 3.0)
    record("geglu", g=f32s(gates), u=f32s(ups), y=f32s(map(geglu, gates, ups)))


def write_blocks(random):
    edge = 2.0**-100
    rows = [random.values(32), [0.0] * 32, [-0.0] * 32, [edge] + [0.0] * 31]
    rows.append([from_bits(bits(edge) - 1)] * 32)
    rows.append(random.values(31) + [INF])
    rows.append([NAN] + random.values(31))
    rows.append([from_bits(0x7F7FFFFF)] + random.values(31, 1e38))
    rows.append([127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5] + random.values(25, 30.0))
    rows += [random.values(32, 10.0**k) for k in (-20, -5, 3, 12)]
    for x in rows:
        d, q, xs = quantise(x)
        record("quantise", x=f32s(x), d=f32s([d]), xs=f32s([xs]), q=[v & 0xFF for v in q])


def write_product(random, dtype, columns, make_row):
    rows = [make_row(random, dtype, columns, r == 1) for r in range(3)]
    x = [random.values(columns, 2.0) for _ in range(2)]
    x[1][0] = 300.0
    y = [dot(dtype, elements(dtype, w), v) for v in x for w in rows]
    record(
        "product_" + dtype,
        shape=[3, columns, 2],
        w=padded(b"".join(rows)),
        x=f32s(x[0] + x[1]),
        y=f32s(y),
    )


def write_embedding(random, dtype, columns, make_row):
    rows = [make_row(random, dtype, columns, r == 1) for r in range(3)]
    y = embedding(dtype, rows[2]) + embedding(dtype, rows[1])
    record(
        "embed_" + dtype, shape=[3, columns], w=padded(b"".join(rows)), token=[2, 1], y=f32s(y)
    )


def write_products(random):
    shapes = {"F32": (1, 5, 50), "F16": (3, 50, 64), "Q8_0": (32, 96, 288), "Q4_0": (32, 96, 288)}
    shapes["Q4_1"] = (32, 64, 96, 576)
    for dtype, all_columns in shapes.items():
        for columns in all_columns:
            write_product(random, dtype, columns, random_row)
    for dtype in BLOCK_BYTES:
        write_embedding(random, dtype, 64, random_row)


def write_products_more(random):
    shapes = {"BF16": (3, 50), "Q5_0": (32, 288), "Q5_1": (64, 96)}
    shapes |= dict.fromkeys(SUPERS, (256, 1280))
    for dtype, all_columns in shapes.items():
        for columns in all_columns:
            write_product(random, dtype, columns, random_row_more)
        write_embedding(random, dtype, 256 if dtype in SUPERS else 64, random_row_more)


def write_rows(random):
    for width, spread in ((1, 1.0), (15, 1.0), (16, 1e-18), (17, 1e18), (100, 1.0), (576, 3.0)):
        x, w, eps = random.values(width, spread), random.values(width), narrow(1e-5)
        record("norm", eps=f32s([eps]), x=f32s(x), w=f32s(w), y=f32s(norm(x, w, eps)))
    for adjacent in (1, 0):
        dims, dim, heads, position = 12, 16, 2, 5
        x = random.values(heads * dim)
        y = list(x)
        entries = [
            [rope_entry(10000.0, i, dims, 1.0, t) for i in range(dims // 2)]
            for t in range(position + 1)
        ]
        for h in range(heads):
            for i in range(dims // 2):
                first = h * dim + (2 * i if adjacent else i)
                second = first + (1 if adjacent else dims // 2)
                s, c = entries[position][i]
                y[first], y[second] = rotate(x[first], x[second], c, s)
        record(
            "rotate",
            shape=[heads, dim, dims, adjacent, position],
            x=f32s(x),
            table=f32s(v for row in entries for s, c in row for v in (c, s)),
            y=f32s(y),
        )


def write_attention(random, shapes):
    for shape in shapes:
        heads, kv_heads, dim, position = shape[:4]
        keys = [random.values(kv_heads * dim, 2.0) for _ in range(position + 1)]
        values = [random.values(kv_heads * dim) for _ in range(position + 1)]
        q = random.values(heads * dim, 2.0)
        y = []
        for h in range(heads):
            at = h // (heads // kv_heads) * dim
            cut = lambda rows: [row[at : at + dim] for row in rows]
            y += attend(q[h * dim : (h + 1) * dim], cut(keys), cut(values), *shape[4:])
        record(
            "attend",
            shape=shape,
            keys=f32s(v for row in keys for v in row),
            values=f32s(v for row in values for v in row),
            q=f32s(q),
            y=f32s(y),
        )


def write_sampler(random):
    cases = (300, 1000, 8.0), (257, 700, 4.0), (8, 1, 0.01), (40, 2000, 90.0)
    for count, thousandths, spread in cases:
        logits = random.values(count, spread)
        logits[3] = -INF
        m = max(logits)
        weights = [weight(v, m, thousandths) for v in logits]
        sums = [sum(weights[b : b + 256]) for b in range(0, count, 256)]
        tokens = sorted({0, 3, count // 2, count - 1, logits.index(m)})
        record(
            "weights",
            logits=f32s(logits),
            thousandths=[thousandths],
            max=f32s([m]),
            sums=[v for s in sums for v in (s & 0xFFFFFFFF, s >> 32)],
            token=tokens,
            log_probability=f32s(log_probability(logits, t) for t in tokens),
        )


def main():
    random = Random(20260)
    print("# exact-1, written by exact_model.py. NAME, then fields KEY COUNT HEX..., then end.")
    write_functions(random)
    write_blocks(random)
    write_products(random)
    write_rows(random)
    write_attention(random, ((2, 1, 16, 130), (2, 2, 20, 63), (3, 1, 7, 64), (1, 1, 4, 0)))
    write_sampler(random)
    more = Random(20261)  # what came later, so that the records above stay as they were
    write_gelu(more)
    write_products_more(more)
    write_attention(more, ((2, 1, 16, 130, 67), (1, 1, 7, 140, 10), (2, 2, 20, 63, 64)))


if __name__ == "__main__":
    main()
