"""Our choice verdicts against lm-evaluation-harness's, on the same log-likelihoods.
`hellaswag_check.py RESULTS ITEMS.jsonl [LM_EVAL]`: a results file of kind choice, its items with
the fields "choices" and "gold", and the folder of an installed lm_eval 0.4.13. With the last, the
rule is the harness's own code: ConfigurableTask.process_results, cut out of api/task.py, so that
none of what it would import is needed. Without it, the same rule said once more. Its acc_norm
divides by characters and its acc_bytes by bytes; ours divides by bytes. Where an option is not
ASCII the two may differ, and such items are counted."""

import ast
import json
import logging
import pathlib
import sys
import types

import h5py
import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def harness_rule(folder):
    """process_results of the harness as a function (doc, results) → metrics."""
    tree = ast.parse((pathlib.Path(folder) / "api" / "task.py").read_text(encoding="utf-8"))
    task = next(
        n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "ConfigurableTask"
    )
    method = next(
        n for n in task.body if isinstance(n, ast.FunctionDef) and n.name == "process_results"
    )
    method.decorator_list, method.returns = [], None
    for argument in method.args.args:
        argument.annotation = None
    names = {"np": np, "utils": types.SimpleNamespace(softmax=softmax)}
    names["eval_logger"] = logging.getLogger("lm-eval")
    code = ast.fix_missing_locations(ast.Module(body=[method], type_ignores=[]))
    exec(compile(code, "task.py", "exec"), names)
    metrics = {name: None for name in ("acc", "acc_norm", "acc_bytes", "exact_match")}
    stub = types.SimpleNamespace(
        OUTPUT_TYPE="multiple_choice",
        _metric_fn_list=metrics,
        multiple_input=False,
        multiple_target=False,
        config=types.SimpleNamespace(process_results=None),
        doc_to_choice=lambda doc: doc["choices"],
        doc_to_target=lambda doc: doc["gold"],
    )
    return lambda doc, results: names["process_results"](stub, doc, results)


def own_rule(doc, results):
    sums = np.array([ll for ll, _ in results])
    characters = np.array([float(len(c)) for c in doc["choices"]])
    size = np.array([float(len(c.encode())) for c in doc["choices"]])
    return {
        "acc": float(np.argmax(sums) == doc["gold"]),
        "acc_norm": float(np.argmax(sums / characters) == doc["gold"]),
        "acc_bytes": float(np.argmax(sums / size) == doc["gold"]),
        "exact_match": int(results[doc["gold"]][1]),
    }


def ours(file, sample):
    """acc and acc_norm as FORMAT.md 3.4 says, and what the harness would be given."""
    begin, end = (int(x) for x in file["options/offset"][sample : sample + 2])
    at = int(file["samples/token_offset"][sample])
    sums, pairs = [], []
    for option in range(begin, end):
        count = int(file["options/tokens"][option])
        log_probs = file["tokens/log_prob"][at : at + count].astype(np.float64)
        sums.append(sum(log_probs.tolist()))
        # The harness sums f32 in torch; numpy's pairwise sum is as far from ours as that.
        pairs.append((float(np.float32(log_probs.sum())), bool(file["options/greedy"][option])))
        at += count
    size = file["options/bytes"][begin:end].astype(np.float64)
    return int(np.argmax(sums)), int(np.argmax(np.array(sums) / size)), pairs


def main():
    with open(sys.argv[2], encoding="utf-8") as lines:
        docs = [json.loads(line) for line in lines if line.strip()]
    rule = harness_rule(sys.argv[3]) if len(sys.argv) > 3 else own_rule
    sums = {"acc": 0, "acc_norm": 0}
    failures = other_length = 0
    with h5py.File(sys.argv[1]) as file:
        position, item = file["items/position"][:], file["samples/item"][:]
        correct = h5py.check_enum_dtype(file["samples/verdict"].dtype)["correct"]
        by_bytes = b'"score":"acc_norm"' in file["spec/canonical"][()]
        score = "acc_norm" if by_bytes else "acc"
        for sample in range(len(item)):
            doc = docs[int(position[item[sample]])]
            pick, pick_norm, pairs = ours(file, sample)
            theirs = rule(doc, pairs)
            mine = {"acc": float(pick == doc["gold"]), "acc_norm": float(pick_norm == doc["gold"])}
            stored = float(file["samples/verdict"][sample] == correct)
            wrong = stored != mine[score] or int(file["options/gold"][sample]) != doc["gold"]
            wrong |= theirs["acc"] != mine["acc"] or theirs["acc_bytes"] != mine["acc_norm"]
            wrong |= bool(theirs["exact_match"]) != pairs[doc["gold"]][1]
            if theirs["acc_norm"] != mine["acc_norm"]:
                other_length += 1
                wrong |= all(choice.isascii() for choice in doc["choices"])
            if wrong:
                failures += 1
                print(f"item {doc.get('id')}: ours {mine}, theirs {theirs}")
            for name in sums:
                sums[name] += mine[name]
    count = len(item)
    print(f"{count} items by {'lm_eval itself' if len(sys.argv) > 3 else 'its rule restated'}: ")
    print(f"{failures} differ; acc_norm by characters differs on {other_length}")
    print(", ".join(f"{name} {100 * value / count:.2f} %" for name, value in sums.items()))
    sys.exit(1 if failures or count == 0 else 0)


if __name__ == "__main__":
    main()
