"""Independent canonical form and digests of specs and plans (FORMAT.md 4.1, 4.3).

Python's json and hashlib only; nothing of assay is read. Prints what test_seal.c and
tests/plan/test_plan.c contain."""
import hashlib
import json


def lp(data):
    return len(data).to_bytes(8, "little") + data


def digest(text):
    return hashlib.sha256(lp(b"assay/spec-2") + lp(text.encode())).hexdigest()


def canonical(spec):
    return json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def profile(name, temperature=1000, top_p=1000, top_k=0, min_p=0, penalty=1000, draw="strat"):
    return {"name": name, "temperature_milli": temperature, "top_p_milli": top_p, "top_k": top_k,
            "min_p_milli": min_p, "repetition_penalty_milli": penalty, "draw": draw}


def rule(pattern):
    return {"name": "strict", "pattern": pattern, "take": "first"}


PROMPT = {"chat": "model", "system": "", "opening": "", "answer": "", "option": " {choice}",
          "order": "data", "separator": "\n\n"}
ANSWER = {"scorer": "text", "score": "acc", "thinking": "strip"}
IDS = {"format": "spec-2", "arithmetic": "exact-1", "sampler": "sampler-1"}
FULL = IDS | {
    "name": "quickstart",
    "model": {"sha256": hashlib.sha256(b"a model").hexdigest()},
    "benchmark": {"sha256": hashlib.sha256(b"a benchmark").hexdigest()},
    "prompt": PROMPT | {"chat": "none", "system": "Be brief.",
               "user": "Q: {question}\n{{A}}: \u00e9\U0001f600/\u001f\t\"\\"},
    "answer": ANSWER | {"extract": [rule(r"^(\S+)")], "stop": ["\n", "\r\n\x7f"]},
    "max_tokens": 16, "replicates": 8, "sets": 2, "seed": 2**63 - 1,
    "profiles": [profile("cool", 300, 950, 40, 50, 1100, "lattice"), profile("warm")]}
SHORT = IDS | {
    "name": "short",
    "model": {"sha256": "00" * 32},
    "benchmark": {"sha256": "00" * 32},
    "prompt": PROMPT | {"user": "{q}"},
    "answer": ANSWER | {"extract": [rule(r"(?m)^[^\S\n]*(\S.*?)[^\S\n]*$")], "stop": []},
    "max_tokens": 1, "replicates": 1, "sets": 1, "seed": 0,
    "profiles": [profile("p")]}

for name, spec in (("FULL", FULL), ("SHORT", SHORT)):
    text = canonical(spec)
    print(name, text, digest(text), sep="\n")

# The plan over SHORT: one item, and 1000 items for a site whose key is 00 01 … 1f.
for site, items in ((b"", 1), (bytes(range(32)), 1000)):
    cells = items.to_bytes(8, "little") + items.to_bytes(8, "little")
    fields = lp(b"assay/plan-1") + lp(bytes.fromhex(digest(canonical(SHORT)))) + lp(site)
    print("PLAN", len(site), items, hashlib.sha256(fields + cells).hexdigest())
