"""Rule set `paper` and its arithmetic from their definitions, with big integers, fractions and
60-digit decimals; nothing of the program's way to compute them. `model.py COMPUTE` asks the program
the same questions and compares every answer."""

import random
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal, getcontext
from fractions import Fraction
from math import floor, isqrt

getcontext().prec = 60
ONE = 2**32
EXP_VECTORS, ROOT_VECTORS, MEDIAN_VECTORS = 6000, 3000, 3000
SETTLE_VECTORS, OTHER_VECTORS, DEAL_VECTORS = 3000, 1000, 300


def exp_minus(x):
    if x >= 23 * ONE:
        return 0
    value = (Decimal(-x) / ONE).exp() * ONE
    return int(value.to_integral_value(ROUND_HALF_EVEN))


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def settle(sigma_milli, pool, sites):
    """The paper's formulas on (sum, n) pairs."""
    scores = [floor(Fraction(total, n) * ONE) for total, n in sites]
    middle = median(scores)
    deviations = [abs(score - middle) for score in scores]
    mad = median(deviations)
    resolution = ONE // min(n for _, n in sites)
    sigma = max(floor(mad * Fraction(sigma_milli, 1000)), resolution)
    weights = [exp_minus(floor(Fraction(d * d, 2 * sigma * sigma) * ONE)) for d in deviations]
    total = sum(weights)
    consensus = floor(Fraction(sum(w * s for w, s in zip(weights, scores)), total))
    pay = [floor(Fraction(pool * w, total)) for w in weights]
    answer = [middle, mad, sigma, total, consensus, sum(pay), pool - sum(pay)]
    for row in zip(scores, deviations, weights, pay):
        answer += [*row, int(row[1] <= max(mad, resolution))]
    return answer


def philox(counter, key):
    """Philox4x32-10 (Salmon et al., SC'11)."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        low, high = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (high >> 32) ^ b ^ k, high % ONE, (low >> 32) ^ d ^ m, low % ONE
        k, m = (k + 0x9E3779B9) % ONE, (m + 0xBB67AE85) % ONE
    return a, b, c, d


def assign(seed_byte, replicas, organisations, strata):
    """The sites of each item."""
    part = seed_byte * 0x01010101
    seats = {}
    for stratum in range(max(strata) + 1):
        for item in (i for i, s in enumerate(strata) if s == stratum):
            taken = []
            for _ in range(replicas):

                def claim(site):
                    x0, x1, _, _ = philox((item, site, part, part), (part, part))
                    return (
                        sum(organisations[t] == organisations[site] for t in taken),
                        sum(site in who for i, who in seats.items() if strata[i] == stratum),
                        sum(site in who for who in seats.values()),
                        x1 << 32 | x0,
                        site,
                    )

                free = [site for site in range(len(organisations)) if site not in taken]
                taken.append(min(free, key=claim))
            seats[item] = taken
    return [site for item in range(len(strata)) for site in sorted(seats[item])]


def select(most, gamma, lam, candidates):
    """Maximal marginal relevance, with quotients floored as the format says."""
    shares = (500, 200, 200, 100)
    chosen = []
    while len(chosen) < min(most, len(candidates)):

        def merit(index):
            reputation, delay, *labels = candidates[index]
            quality = floor(Fraction(reputation) / (1 + Fraction(gamma * delay, 1000)))
            similar = [
                sum(w for w, a, b in zip(shares, labels, candidates[c][2:]) if a == b)
                for c in chosen
            ]
            loss = Fraction(1000 - lam, 1000) * Fraction(max(similar, default=0), 1000) * ONE
            return Fraction(lam, 1000) * quality - loss, -index

        chosen.append(max((i for i in range(len(candidates)) if i not in chosen), key=merit))
    return sorted(chosen)


def deal_questions(rng):
    for _ in range(DEAL_VECTORS):
        sites = rng.randint(1, 9)
        replicas = rng.randint(1, min(sites, 5))
        organisations = [rng.randint(0, sites) for _ in range(sites)]
        count = rng.randint(1, 4)
        strata = [*range(count), *(rng.randrange(count) for _ in range(rng.randint(0, 30)))]
        seed = rng.randrange(256)
        numbers = [seed, replicas, count, sites, *organisations, len(strata), *strata]
        yield "assign " + " ".join(map(str, numbers)), assign(seed, replicas, organisations, strata)
        candidates = [
            (rng.randrange(ONE + 1) if rng.random() < 0.8 else ONE // 2, rng.randrange(100),
             *(rng.randrange(3) for _ in range(4)))
            for _ in range(rng.randint(1, 12))
        ]  # fmt: skip
        head = [rng.randint(1, 12), rng.randrange(2000), rng.randint(0, 1000)]
        flat = [number for candidate in candidates for number in candidate]
        line = "select " + " ".join(map(str, [*head, len(candidates), *flat]))
        yield line, select(*head, candidates)


def random_sites(rng):
    count = rng.choice([1, 2, 3, 4, 5, 7, 10, 33, 60])
    n = rng.choice([1, 3, 100, 1640, 400000])
    rate = rng.random()
    sites = []
    for _ in range(count):
        own = max(1, n + rng.randint(-n // 10, n // 10))
        spread = rng.choice([0, 0.01, 0.05, 1])
        share = min(1.0, max(0.0, rate + spread * (rng.random() - 0.5)))
        sites.append((round(own * share), own))
    return sites


def questions(rng):
    """(line to ask, answer by the model)."""
    for i in range(EXP_VECTORS):
        if i < 256:
            x = rng.choice([0, ONE, 23 * ONE, (i % 24) * ONE]) + rng.randint(-3, 3)
        else:
            x = rng.randrange(2 ** rng.randint(1, 37))
        x = max(x, 0)
        yield f"exp {x}", [exp_minus(x)]
    for _ in range(ROOT_VECTORS):
        root = rng.randrange(2 ** rng.randint(1, 64))
        value = max(0, min(2**128 - 1, root * root + rng.choice([-1, 0, 1, rng.randrange(2**63)])))
        yield f"root {value >> 64} {value % 2**64}", [isqrt(value)]
    for _ in range(MEDIAN_VECTORS):
        values = [rng.randrange(2 ** rng.choice([2, 8, 33, 64])) for _ in range(rng.randint(1, 40))]
        yield "median " + " ".join(map(str, [len(values), *values])), [median(values)]
    for _ in range(SETTLE_VECTORS):
        sites = random_sites(rng)
        sigma_milli, pool = rng.randint(500, 4000), rng.randrange(10 ** rng.randint(1, 15))
        flat = [number for site in sites for number in site]
        line = "settle " + " ".join(map(str, [sigma_milli, pool, len(sites), *flat]))
        yield line, settle(sigma_milli, pool, sites)
    for _ in range(OTHER_VECTORS):
        r, hit = rng.randrange(ONE + 1), rng.randint(0, 1)
        yield f"reputation {r} {hit}", [floor(Fraction(9 * r, 10) + Fraction(hit * ONE, 10))]
        delay, gamma = rng.randrange(10 ** rng.randint(1, 7)), rng.randrange(10**6)
        quality = floor(r / (1 + Fraction(gamma, 1000) * delay))
        yield f"quality {r} {delay} {gamma}", [quality]
    yield from deal_questions(rng)


def main():
    asked = list(questions(random.Random(20261124)))
    text = "".join(line + "\n" for line, _ in asked)
    done = subprocess.run([sys.argv[1]], input=text, text=True, capture_output=True, check=True)
    answers = done.stdout.splitlines()
    if len(answers) != len(asked):
        sys.exit(f"{len(answers)} answers to {len(asked)} questions")
    wrong = 0
    for (line, expected), answer in zip(asked, answers):
        if list(map(int, answer.split())) != expected:
            wrong += 1
            print(f"{line[:200]}\n  program {answer[:200]}\n  model   {expected[:20]}")
    print(f"{len(asked)} vectors, {wrong} differ")
    sys.exit(1 if wrong else 0)


main()
