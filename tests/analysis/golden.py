"""Golden values for src analysis: python3 tests/analysis/golden.py > tests/golden/estimates.txt
(numpy 1.x or 2.x).

Written from the definitions, not from the C code: a 4-d array of scores, numpy's var(ddof=1) and
mean. Each case: `case items profiles replicates sets draw strata`, then one row of scores
(millionths) per item, the item's stratum first; then `all|profile p|stratum s score se_fixed
se_super` with repr() precision.
"""

import numpy as np

CASES = [  # items, profiles, replicates, sets, draw, strata
    (5, 1, 2, 1, "iid", 1),
    (7, 3, 4, 1, "iid", 2),
    (6, 2, 8, 2, "strat", 3),
    (6, 2, 8, 4, "lattice", 2),
    (4, 2, 6, 1, "lhs", 1),
    (3, 1, 1, 1, "iid", 1),
    (1, 1, 4, 1, "iid", 1),
    (40, 4, 8, 2, "strat", 3),
]


def row(name, y, sets):
    """y: items × profiles × replicates."""
    n, p, k = y.shape
    m = y.mean(axis=(1, 2))
    groups = sets if sets else k
    means = y.reshape(n, p, groups, k // groups).mean(axis=3)
    if groups > 1:
        v = means.var(axis=2, ddof=1) / groups
        se_f = np.sqrt((v.sum(axis=1) / p**2).sum()) / n
    else:
        se_f = float("nan")
    se_s = np.sqrt(m.var(ddof=1) / n) if n > 1 else float("nan")
    print(
        f"{name} {m.mean()!r} {float(se_f)!r} {float(se_s)!r}".replace("np.float64(", "").replace(
            ")", ""
        )
    )


def main():
    rng = np.random.default_rng(20261124)
    print("# made by tests/analysis/golden.py with numpy; see there")
    for items, profiles, k, sets, draw, strata in CASES:
        rate = rng.random((items, 1, 1))
        y = (rng.random((items, profiles, k)) < rate).astype(float)
        if items == 6:
            y *= rng.integers(0, 5, size=y.shape) / 4  # partial scores
        stratum = np.arange(items) % strata
        print("case", items, profiles, k, sets, draw, strata)
        for i in range(items):
            print(stratum[i], *(int(round(v * 1e6)) for v in y[i].ravel()))
        use = sets if draw != "iid" and sets > 1 else 0
        row("all 0", y, use)
        for p in range(profiles):
            row(f"profile {p}", y[:, p : p + 1], use)
        for s in range(strata):
            row(f"stratum {s}", y[stratum == s], use)


main()
