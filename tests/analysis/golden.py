"""Golden values of the statistics:

    python3 tests/analysis/golden.py > tests/golden/estimates.txt

Needs numpy, scipy and statsmodels (written with the versions in the head of the file); the tests
need none of them. Written from the definitions, not from the C code: lists of scores per cell,
numpy's var(ddof=1) and mean, statsmodels' proportion_confint, scipy's t and bootstrap; the degrees
of freedom by feeding the (linear) error formula one variance at a time.

Tokens: `case NAME items profiles strata`, the profiles' draws, then per item its stratum and per
profile `k sets` and k scores in millionths. `estimate KIND INDEX`, then the names of FIELDS in
their order. `bootstrap KIND INDEX gap percentile-low percentile-high bca-low bca-high`, gap being
the smallest step of a resampled mean.
"""

import sys

import numpy as np
import scipy
import scipy.stats
import statsmodels
from statsmodels.stats.proportion import proportion_confint

RESAMPLES = 1_000_000
ALPHA = 0.05


class Table:
    """y[i][p]: the scores of a cell; sets[i][p]: its independent sets."""

    def __init__(self, name, draws, y, sets, strata):
        self.name, self.draws, self.y, self.sets, self.strata = name, draws, y, sets, strata

    def pool(self, p, active):
        """Σ(k−1)v and Σ(k−1) of the cells with two samples; v of an inactive cell counts as 0."""
        squares = df = 0
        for i, row in enumerate(self.y):
            for q, cell in enumerate(row):
                if len(cell) >= 2 and p in (None, q):
                    df += len(cell) - 1
                    if active in (None, (i, q)):
                        squares += (len(cell) - 1) * np.var(cell, ddof=1)
        return squares, df

    def pooled(self, p, active=None):
        squares, df = self.pool(p, active)
        if df == 0:
            squares, df = self.pool(None, active)
        return squares / df

    def groups(self, i, p, use_sets):
        by_sets = use_sets and self.draws[p] != "iid" and self.sets[i][p] > 1
        return self.sets[i][p] if by_sets else len(self.y[i][p])

    def variance(self, i, p, use_sets, active=None):
        """Of the mean of a cell."""
        if len(self.y[i][p]) < 2:
            return self.pooled(p, active)
        if active not in (None, (i, p)):
            return 0
        means = np.reshape(self.y[i][p], (self.groups(i, p, use_sets), -1)).mean(axis=1)
        return np.var(means, ddof=1) / len(means)

    def one_score(self, i, p):
        """Variance of one score of a cell."""
        cell = self.y[i][p]
        if len(cell) < 2:
            return self.pooled(p)
        return np.mean(np.square(cell)) - np.mean(cell) ** 2 + self.variance(i, p, True)


def super_interval(s, se, n, samples):
    if n == 1 or s in (0, 1) or se == 0:
        return "clopper-pearson", *proportion_confint(s * n, n, ALPHA, "beta"), n
    if samples == n:
        return "wilson", *proportion_confint(s * n, n, ALPHA, "wilson"), n
    n_eff = min(s * (1 - s) / se**2, samples)
    return "wilson-n-eff", *proportion_confint(s * n_eff, n_eff, ALPHA, "wilson"), n_eff


def student(table, taken, profiles, s, use_sets):
    scale = (len(taken) * len(profiles)) ** 2

    def total(active=None):
        return sum(table.variance(i, p, use_sets, active) for i in taken for p in profiles)

    parts = 0
    for i, row in enumerate(table.y):
        for p, cell in enumerate(row):
            if len(cell) >= 2:
                parts += total((i, p)) ** 2 / (table.groups(i, p, use_sets) - 1)
    df = total() ** 2 / parts
    half = scipy.stats.t.ppf(1 - ALPHA / 2, df) * np.sqrt(total() / scale)
    return max(0, s - half), min(1, s + half), df


def fixed_interval(table, taken, profiles, s):
    if sum(table.variance(i, p, True) for i in taken for p in profiles) > 0:
        return "t-satterthwaite", *student(table, taken, profiles, s, True)
    if sum(table.variance(i, p, False) for i in taken for p in profiles) > 0:
        return "t-replicates", *student(table, taken, profiles, s, False)
    cells = [(i, p) for i in taken for p in profiles]
    looks = min(
        table.sets[i][p] if table.draws[p] == "lattice" else len(table.y[i][p]) for i, p in cells
    )
    reach = -np.log(ALPHA) / (looks * len(cells))
    low = s - reach if any(np.mean(table.y[i][p]) > 0 for i, p in cells) else s
    high = s + reach if any(np.mean(table.y[i][p]) < 1 for i, p in cells) else s
    return "rule-of-three", max(0, low), min(1, high), looks


def real(x):
    return repr(float(x))


def estimate(table, kind, index, resample):
    """One estimate line, and one bootstrap line if asked for."""
    profiles = [index] if kind == "profile" else range(len(table.draws))
    items = [i for i in range(len(table.y)) if kind != "stratum" or table.strata[i] == index]
    taken = [i for i in items if all(table.y[i][p] for p in profiles)]
    n = len(taken)
    m = np.array([np.mean([np.mean(table.y[i][p]) for p in profiles]) for i in taken])
    samples = sum(len(table.y[i][p]) for i in taken for p in profiles)
    head = [kind, index, samples, n, len(items) - n]
    nowhere = ("not-identifiable", np.nan, np.nan, np.nan)
    if n == 0:
        print("estimate", *head, *["nan"] * 5, *nowhere, *nowhere)
        return
    s = m.mean() if np.ptp(m) > 1e-12 else m[0]
    se_s = np.nan if n == 1 else np.sqrt(m.var(ddof=1) / n) if np.ptp(m) > 1e-12 else 0
    fixed, values = nowhere, [np.nan] * 3
    if any(len(cell) >= 2 for row in table.y for cell in row):
        fixed = fixed_interval(table, taken, profiles, s)
        cells = [(i, p) for i in taken for p in profiles]
        sums = [
            sum(table.variance(i, p, True) for i, p in cells),
            sum(table.one_score(i, p) for i, p in cells),
            sum(table.one_score(i, p) / len(table.y[i][p]) for i, p in cells),
        ]
        values = [np.sqrt(max(0, v)) / (n * len(profiles)) for v in sums]
    numbers = [real(x) for x in (s, se_s, *values)]
    by_s = super_interval(s, se_s, n, samples)
    print("estimate", *head, *numbers, by_s[0], *map(real, by_s[1:]), fixed[0],
          *map(real, fixed[1:]))
    if resample:
        bootstrap(m, kind, index)


def bootstrap(m, kind, index):
    gap = np.diff(np.unique(m.round(9))).min() / len(m)
    ends = []
    for method in ("percentile", "BCa"):
        done = scipy.stats.bootstrap((m,), np.mean, n_resamples=RESAMPLES, batch=1000,
                                     method=method, rng=np.random.default_rng(len(ends)))
        ends += [done.confidence_interval.low, done.confidence_interval.high]
    print("bootstrap", kind, index, real(gap), *map(real, ends))


def emit(table, resample=False):
    strata = max(table.strata) + 1
    print("case", table.name, len(table.y), len(table.draws), strata)
    print(*table.draws)
    for i, row in enumerate(table.y):
        cells = [[len(c), table.sets[i][p], *(round(v * 1e6) for v in c)]
                 for p, c in enumerate(row)]
        print(table.strata[i], *(v for c in cells for v in c))
    estimate(table, "all", 0, resample)
    for p in range(len(table.draws)):
        estimate(table, "profile", p, resample)
    for s in range(strata):
        estimate(table, "stratum", s, False)


def regular(name, draws, items, k, sets, strata, score):
    """All cells of one size; score(i, p, j)."""
    y = [[[score(i, p, j) for j in range(k)] for p in range(len(draws))] for i in range(items)]
    every = [[sets] * len(draws) for _ in range(items)]
    return Table(name, draws, y, every, [i % strata for i in range(items)])


def uneven(rng, name, draws, counts, strata, levels=1):
    """counts(i, p): samples of a cell; scores are multiples of 1/levels."""
    y = []
    for i in range(len(strata)):
        rate = rng.beta(0.7, 0.7)
        y.append([[float(v) / levels for v in rng.binomial(levels, rate, counts(i, p))]
                  for p in range(len(draws))])
    return Table(name, draws, y, [[1] * len(draws) for _ in y], strata)


def main():
    rng = np.random.default_rng(20261124)
    print("# made by tests/analysis/golden.py: numpy", np.__version__, "scipy", scipy.__version__,
          "statsmodels", statsmodels.__version__, "python", sys.version.split()[0])

    rates = rng.beta(0.6, 0.6, 400)

    def bit(i, p, j):
        return float(rng.random() < rates[i])

    def part(i, p, j):
        return float(rng.binomial(4, rates[i]) / 4)

    emit(regular("iid-small", ["iid"], 5, 2, 1, 1, bit))
    emit(regular("iid-profiles", ["iid"] * 3, 7, 4, 1, 2, bit))
    emit(regular("strat-sets", ["strat"] * 2, 6, 8, 2, 3, part))
    emit(regular("lattice-sets", ["lattice", "iid"], 6, 8, 4, 2, part))
    emit(regular("lhs-one-set", ["lhs"] * 2, 4, 6, 1, 1, bit))
    emit(regular("one-replicate", ["iid"], 9, 1, 1, 2, bit))
    emit(regular("one-replicate-profiles", ["strat"] * 3, 9, 1, 1, 2, bit))
    emit(regular("one-item", ["iid"], 1, 4, 1, 1, lambda i, p, j: float(j == 0)))
    emit(regular("one-sample", ["iid"], 1, 1, 1, 1, lambda i, p, j: 0.25))
    emit(regular("all-right", ["strat"] * 2, 6, 4, 2, 2, lambda i, p, j: 1.0))
    emit(regular("all-wrong", ["lattice"] * 2, 6, 4, 2, 2, lambda i, p, j: 0.0))
    emit(regular("each-item-sure", ["iid"], 8, 3, 1, 3, lambda i, p, j: float(i % 3 == 0)))
    emit(regular("set-means-equal", ["strat"], 5, 4, 2, 1, lambda i, p, j: float(j % 2)))
    emit(regular("strata-of-one", ["iid"] * 2, 5, 3, 1, 5, part))
    strata = [int(s) for s in rng.integers(0, 3, 20)]
    emit(uneven(rng, "unequal-k", ["iid"] * 2, lambda i, p: 2 + (3 * i + p) % 5, strata))
    emit(uneven(rng, "some-single", ["iid", "lhs"], lambda i, p: 1 + (i % 3) * (i + p), strata, 4))
    emit(uneven(rng, "single-profile", ["iid", "iid"], lambda i, p: 1 if p else 3, strata))
    emit(uneven(rng, "some-missing", ["iid", "iid"], lambda i, p: (i * (p + 1)) % 4, strata))
    emit(regular("quick", ["strat"] * 4, 40, 8, 2, 3, bit))
    emit(regular("resampled-bits", ["iid"], 164, 1, 1, 1, bit), True)
    emit(regular("resampled-right", ["iid"], 198, 2, 1, 2, lambda i, p, j: float(
        rng.random() < 0.97)), True)
    emit(regular("resampled-parts", ["iid"] * 2, 90, 3, 1, 2, part), True)
    emit(uneven(rng, "resampled-uneven", ["iid"] * 3, lambda i, p: 1 + (i + p) % 4,
                [i % 2 for i in range(60)], 10), True)
    emit(regular("resampled-few-values", ["iid"], 200, 3, 1, 1, bit), True)
    emit(regular("resampled-skewed", ["iid"], 40, 2, 1, 1,
                 lambda i, p, j: round(rng.beta(0.2, 4), 6)), True)


main()
