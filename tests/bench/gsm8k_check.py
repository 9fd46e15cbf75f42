"""Our strict and flexible verdicts on stored GSM8K outputs against lm-evaluation-harness's.
`gsm8k_check.py RESULTS DATA`: a results file of jobs/benchmarks/gsm8k.yaml, and its data.

The two filters and the metric are those of its task gsm8k, version 3: the strict one takes the
first "#### N", the flexible one the last number; both answers lose commas, dollar signs, all up to
"#### " and a last full stop, and are compared as texts without case. Ours compares numbers; so
"18.00" for 18 is right with us alone. Each such difference is listed, any other is a failure."""

import decimal
import json
import re
import sys

import h5py

IGNORED = [re.compile(p) for p in (",", r"\$", r"(?s).*#### ", r"\.$")]
STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")


def first(text):
    found = STRICT.findall(text)
    return found[0].strip() if found else "[invalid]"


def last(text):
    found = FLEXIBLE.findall(text)
    if not found:
        return "[invalid]"
    return next((group for group in found[-1] if group), "[invalid]").strip()


def same(answer, target):
    for pattern in IGNORED:
        answer, target = pattern.sub("", answer), pattern.sub("", target)
    return answer.lower() == target.lower()


def number(text):
    try:
        return decimal.Decimal(text.strip(" $%").rstrip(".").replace(",", "").replace("$", ""))
    except decimal.InvalidOperation:
        return None


def main():
    with open(sys.argv[2], encoding="utf-8") as lines:
        targets = [json.loads(line)["answer"] for line in lines if line.strip()]
    counts = {"strict": [0, 0, 0], "flexible": [0, 0, 0]}  # same, theirs right, ours right
    explained, failures = [], 0
    with h5py.File(sys.argv[1]) as file:
        correct = h5py.check_enum_dtype(file["samples/verdict"].dtype)["correct"]
        position = file["items/position"][:]
        item, offset = file["samples/item"][:], file["samples/text_offset"][:]
        texts = file["texts/bytes"][:].tobytes()
        ours = {
            "strict": file["samples/verdict"][:] == correct,
            "flexible": file["grades/flexible_verdict"][:] == correct,
        }
        for i in range(len(item)):
            text = texts[offset[i] : offset[i + 1]].decode(errors="replace")
            target = targets[position[item[i]]]
            for name, extract in (("strict", first), ("flexible", last)):
                answer = extract(text)
                theirs = same(answer, target)
                mine = bool(ours[name][i])
                count = counts[name]
                count[0] += mine == theirs
                count[1] += theirs
                count[2] += mine
                if mine == theirs:
                    continue
                equal = number(answer) is not None and number(answer) == number(
                    target.split("#### ")[-1]
                )
                line = f"sample {i}, {name}: {answer!r} for {target.split('#### ')[-1]!r}"
                if mine and equal:
                    explained.append(line)
                else:
                    failures += 1
                    print(f"DIFFERS: {line}: ours {mine}, theirs {theirs}")
    total = len(item)
    for name, (agree, theirs, mine) in counts.items():
        print(f"{name:9} {agree} of {total} verdicts agree; right: ours {mine}, theirs {theirs}")
    for line in explained:
        print(f"equal as numbers, not as texts: {line}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
