"""An independent model of sampler-1 in Python's standard library, written from FORMAT.md 1.2, 1.3,
1.11 and 2: check_draws.py DUMP_DRAWS. Recomputes every token that the real sampler drew from stored
logits, with u, lo, weight, total and the bits of the log-probability.
"""

import hashlib
import math
import struct
import subprocess
import sys
from fractions import Fraction

NEEDED = 1000
MASK = 2**32 - 1


def f32(value):
    """Round a Fraction, int or float to the nearest binary32, ties to even."""
    if isinstance(value, float):
        return struct.unpack("f", struct.pack("f", value))[0]
    if value == 0:
        return 0.0
    sign = -1 if value < 0 else 1
    value = abs(Fraction(value))
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if Fraction(2) ** exponent > value:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    return sign * float(round(value / unit) * unit)  # round() of a Fraction: half to even


def bits(value):
    return struct.unpack("I", struct.pack("f", value))[0]


def unbits(u):
    return struct.unpack("f", struct.pack("I", u))[0]


def fma(a, b, c):
    return f32(Fraction(a) * Fraction(b) + Fraction(c))


def exp(x):
    h = float.fromhex
    z = fma(x, h("0x1.715476p+0"), h("0x1.8p+23"))
    n = bits(z) - 0x4B400000
    zf = f32(Fraction(z) - Fraction(h("0x1.8p+23")))
    r = fma(zf, -h("0x1.62e43p-1"), x)
    r = fma(zf, h("0x1.05c61p-29"), r)
    q = h("0x1.6a23cep-10")
    for c in ("0x1.123a2p-7", "0x1.5558f2p-5", "0x1.555492p-3", "0x1.fffffcp-2"):
        q = fma(q, r, h(c))
    p = f32(Fraction(fma(q, f32(Fraction(r) * Fraction(r)), r)) + 1)
    return unbits((bits(p) + (n << 23)) & MASK)


def weight(l, m, milli):
    if l == -math.inf:
        return 0
    inv = f32(Fraction(1000) / milli)
    x = f32(Fraction(f32(Fraction(l) - Fraction(m))) * Fraction(inv))
    return 0 if x < -28.5 else round(Fraction(exp(x)) * 2**40)


def ln(x, shift):
    m, e = math.frexp(x)
    m, e = 2 * m, e - 1
    if m > float.fromhex("0x1.6a09e667f3bcdp+0"):
        m, e = m / 2, e + 1
    e += shift
    f = (m - 1) / (m + 1)
    s = f * f
    p = 1 / 21
    for k in range(19, 0, -2):
        p = p * s + 1 / k
    high, low = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
    return e * high + (e * low + (f + f) * p)


def word(key, position, purpose, j):
    k = struct.unpack("<8I", key)
    x = [position, purpose << 24 | j, k[2], k[3]]
    k0, k1 = k[0], k[1]
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [b >> 32 ^ x[1] ^ k0, b & MASK, a >> 32 ^ x[3] ^ k1, a & MASK]
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return x[1] << 32 | x[0]


def derive(purpose, group, number):
    field = lambda data: struct.pack("<Q", len(data)) + data
    text = field(purpose) + field(group) + field(struct.pack("<I", number))
    return hashlib.sha256(text).digest()


class Draw:
    """The words u of one sample."""

    def __init__(self, draw, replicates, sets, replicate, group):
        self.m = replicates // sets
        self.draw, self.index, self.t, self.taken = draw, replicate % self.m, 0, None
        self.cell = derive(b"assay/sampler-1/cell", group, replicate)
        self.set = derive(b"assay/sampler-1/set", group, replicate // self.m)

    def rank(self, t):
        words = [(word(self.set, t, 1, j), j) for j in range(self.m)]
        return sum(w < words[self.index] for w in words)

    def next(self):
        t, self.t = self.t, self.t + 1
        f = word(self.cell, t, 0, 0)
        mix = lambda v, n, fresh: ((v << 64) + fresh) // n
        if self.draw == "iid":
            self.u = f
        elif self.draw == "lhs":
            self.u = mix(self.rank(t), self.m, f)
        elif t == 0:
            shared = word(self.set, 0, 3, 0) if self.draw == "lattice" else f
            self.u = mix(self.rank(0), self.m, shared)
        else:
            lo, w, s = self.taken
            a, b = -(-(lo << 64) // s), -(-((lo + w) << 64) // s)
            self.u = mix(self.u - a, b - a, f)
        return self.u


def choose(logits, profile, history, draw):
    """(token, lo, weight, total) of one step."""
    temperature, top_p, top_k, min_p, penalty = profile
    l = list(logits)
    if penalty != 1000:
        rho = f32(Fraction(penalty, 1000))
        for token in set(history):
            if l[token] > 0:
                l[token] = f32(Fraction(l[token]) / Fraction(rho))
            elif l[token] != -math.inf:
                l[token] = f32(Fraction(l[token]) * Fraction(rho))
    m = max(l)
    if temperature == 0:
        return l.index(m), 0, 1, 1
    weights = [weight(x, m, temperature) for x in l]
    kept = sorted(range(len(l)), key=lambda i: (-l[i], i))
    if top_k:
        kept = kept[:top_k]
    if top_p < 1000:
        total, cum, count = sum(weights[i] for i in kept), 0, 0
        while 1000 * cum < top_p * total:
            cum += weights[kept[count]]
            count += 1
        kept = kept[:count]
    kept = sorted(i for i in kept if weights[i] * 1000 >= min_p * 2**40)
    total, lo = sum(weights[i] for i in kept), 0
    threshold = draw.next() * total >> 64
    for i in kept:
        if threshold < lo + weights[i]:
            return i, lo, weights[i], total
        lo += weights[i]


def main():
    lines = subprocess.run(sys.argv[1:], check=True, text=True, capture_output=True).stdout
    count = wrong = 0
    for line in lines.splitlines():
        kind, *words = line.split()
        if kind == "P":
            profile = [int(w) for w in words[1:6]]
            draw = Draw(words[6], *map(int, words[7:10]), bytes.fromhex(words[10]))
            history = [1, 2, 2]
        elif kind == "L":
            logits = [unbits(int(w, 16)) for w in words]
        else:
            token, lo, w, total = choose(logits, profile, history, draw)
            m = max(logits)
            model_total = sum(weight(x, m, 1000) for x in logits)
            difference = f32(Fraction(logits[token]) - Fraction(m))
            log_prob = f32(difference - ln(float(model_total), -40))
            draw.taken = (lo, w, total)
            ours = [token, f"{bits(log_prob):08x}", lo, w, total]
            theirs = [int(words[0]), words[1], *map(int, words[3:6])]
            u_differs = profile[0] != 0 and draw.u != int(words[2], 16)
            count += 1
            if ours != theirs or u_differs:
                wrong += 1
                print(f"{count}: model {ours}, sampler {theirs}, u differs: {u_differs}")
            history.append(int(words[0]))
    print(f"{count} drawn tokens recomputed, {wrong} differ")
    sys.exit(wrong > 0 or count < NEEDED)


main()
