"""HumanEval from end to end beside an equally concurrent client that drives llama-server:
end_to_end.py ASSAY LLAMA_SERVER MODEL.gguf HumanEval.jsonl.gz [--every N [--from I]]
[--replicates K] [--tokens N] [--slots N[,N…]] [--grouped yes|no|both] [--stops yes|no]
[--sides ours,theirs]

Both sides: the same file, prompts (raw, every N-th problem), replicates, temperature 0.8 without
filters, budget of output tokens and stop strings; an end-of-text token ends a sample. Ours is the
whole of `assay run`: start, model, prompts, samples, grading, results file; it is run once more
with the same samples as a benchmark without programs. What interpreters and programs cost is their
own processor time; what the engine's process spent more beside them is told too, with all noise.
Theirs is what a harness would wait for: from the first request to the last answer, by threads as
many as slots over kept connections; starting the server, warming it up and grading are left out.
`--grouped yes` asks for all replicates of a problem in one request (n_cmpl), so that the server
computes a prompt once; otherwise each is a request of its own, and the server's own prompt cache is
on. The best of what was asked for counts."""

import argparse
import concurrent.futures
import gzip
import http.client
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import time

STOPS = ["\nclass", "\ndef", "\n#", "\nif", "\nprint"]
DEFINITION = """benchmark: 1
name: part
kind: %s
data: {path: part.jsonl}
fields: {id: task_id, question: prompt, %s}
prompt: {chat: none, user: "{prompt}"}
%smax_tokens: %d
"""
SPEC = """assay: 1
name: part
model: {path: %s}
benchmark: {path: %s.yaml}
replicates: %d
seed: 1
profiles: [{name: warm, temperature: 0.8, draw: iid}]
"""


def spent(pid):
    """Processor seconds of a process that has ended and was not yet waited for, and of the children
    that it has waited for: interpreters and programs."""
    fields = pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    own, children = (int(fields[i]) + int(fields[i + 1]) for i in (11, 13))
    return own / os.sysconf("SC_CLK_TCK"), children / os.sysconf("SC_CLK_TCK")


def run_ours(args, folder, name):
    output = folder / f"{name}.h5"
    command = [args.assay, "run", folder / f"{name}-run.yaml", "--output", output, "--quiet"]
    command += ["--threads", args.threads]
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall, cpu = time.monotonic() - start, spent(process.pid)
    except BaseException:  # nothing goes on beside the next measurement
        process.kill()
        raise
    if process.wait() != 0:
        sys.exit(f"assay run: exit {process.returncode}")
    told = subprocess.run([args.assay, "report", output, "--json"], capture_output=True, check=True)
    return wall, cpu, json.loads(told.stdout)


def ours(args, problems, folder):
    stops = "".join(json.dumps(stop) + ", " for stop in STOPS)
    stops = f"answer: {{stop: [{stops}]}}\n" if args.stops else ""
    (folder / "part.jsonl").write_text("".join(json.dumps(p) + "\n" for p in problems))
    kinds = {"code": "test: test, entry_point: entry_point", "match": "answer: entry_point"}
    for kind, fields in kinds.items():
        text = DEFINITION % (kind, fields, stops, args.tokens)
        (folder / f"{kind}.yaml").write_text(text)
        spec = SPEC % (args.model.resolve(), kind, args.replicates)
        (folder / f"{kind}-run.yaml").write_text(spec)
    wall, cpu, report = run_ours(args, folder, "code")
    tokens = round(report["mean_tokens"] * report["samples"])
    print(f"ours: {wall:.1f} s for {report['samples']} samples, {tokens} output tokens, "
          f"{tokens / wall:.0f} tok/s, {report['correct']} pass", flush=True)  # fmt: skip
    bare_wall, bare_cpu, bare = run_ours(args, folder, "match")
    same = round(bare["mean_tokens"] * bare["samples"]) == tokens
    cost, more, whole = cpu[1], cpu[0] - bare_cpu[0], wall * args.threads
    print(f"  interpreters and programs took {cost:.2f} s of processor time, "
          f"{100 * cost / whole:.2f} % of {args.threads} processors' wall time, "
          f"{1e3 * cost / report['samples']:.2f} ms a sample; without grading {bare_wall:.1f} s "
          f"(the same tokens: {same}), the engine's process {more:+.2f} s with it", flush=True)
    return wall


class Server:
    def __init__(self, args, slots):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [args.server, "-m", args.model, "--port", self.port, "-np", slots]
        command += ["-c", slots * args.context, "-t", args.threads, "-tb", args.threads]
        command += ["--no-ui", "--threads-http", slots + 2, "-lv", "1", *args.more]
        self.child = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = time.monotonic() + 120
        while not self.ready():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.close()
                sys.exit(f"{args.server} does not start; by hand: {' '.join(map(str, command))}")
            time.sleep(0.2)

    def ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def close(self):
        self.child.terminate()
        self.child.wait()


def ask(connection, args, prompt, count, seed):
    body = {"prompt": prompt, "n_predict": args.tokens, "temperature": 0.8, "seed": seed}
    body |= {"samplers": ["temperature"], "stop": STOPS if args.stops else [], "stream": False}
    body |= {"cache_prompt": True, "n_cmpl": count}
    kind = {"Content-Type": "application/json"}
    connection.request("POST", "/completion", json.dumps(body), kind)
    reply = connection.getresponse()
    told = json.loads(reply.read())
    if reply.status != 200:
        sys.exit(f"the server answers {reply.status}: {told}")
    rows = told if isinstance(told, list) else [told]
    if len(rows) != count:
        sys.exit(f"{len(rows)} completions for {count}")
    return sum(row["tokens_predicted"] for row in rows), rows


def drive(args, problems, slots, grouped):
    """Wall time and output tokens, and what was generated."""
    work, made = queue.Queue(), []
    for number, problem in enumerate(problems):
        whole = args.replicates if grouped else 1
        for k in range(args.replicates // whole):
            work.put((problem, whole, number * args.replicates + k + 1))

    def client():
        connection, tokens = http.client.HTTPConnection("127.0.0.1", server.port, timeout=3600), 0
        while True:
            try:
                problem, count, seed = work.get_nowait()
            except queue.Empty:
                return tokens
            more, rows = ask(connection, args, problem["prompt"], count, seed)
            tokens += more
            made.extend({"task_id": problem["task_id"], "completion": r["content"]} for r in rows)

    server = Server(args, slots)
    try:
        warm = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        ask(warm, argparse.Namespace(**{**vars(args), "tokens": 8}), "def one():\n", 1, 1)
        clients = max(1, slots // (args.replicates if grouped else 1)) + (1 if grouped else 0)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            tokens = sum(f.result() for f in [pool.submit(client) for _ in range(clients)])
        return time.monotonic() - start, tokens, made
    finally:
        server.close()


def theirs(args, problems):
    best = None
    ways = {"yes": [True], "no": [False], "both": [False, True]}[args.grouped]
    for slots in map(int, args.slots.split(",")):
        for grouped in ways:
            wall, tokens, made = drive(args, problems, slots, grouped)
            way = "one request a problem" if grouped else "a request a sample"
            print(f"llama-server, {slots} slots, {way}: {wall:.1f} s for {len(made)} samples, "
                  f"{tokens} output tokens, {tokens / wall:.0f} tok/s", flush=True)  # fmt: skip
            best = wall if best is None else min(best, wall)
    return best


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("assay", "server", "model", "data"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first", help="with --every")
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--context", type=int, default=1024, help="of a slot")
    parser.add_argument("--slots", default="32")
    parser.add_argument("--grouped", choices=["yes", "no", "both"], default="no")
    parser.add_argument("--stops", choices=["yes", "no"], default="yes")
    parser.add_argument("--sides", default="ours,theirs")
    parser.add_argument("--more", nargs=argparse.REMAINDER, default=[], help="to llama-server")
    args = parser.parse_args()
    args.stops = args.stops == "yes"
    with gzip.open(args.data, "rt") as file:
        problems = [json.loads(line) for line in file if line.strip()]
    problems = problems[args.first :: args.every]
    print(f"{len(problems)} problems × {args.replicates}, at most {args.tokens} tokens, "
          f"{args.threads} threads, load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        mine = ours(args, problems, pathlib.Path(folder)) if "ours" in args.sides else None
    best = theirs(args, problems) if "theirs" in args.sides else None
    if mine and best:
        print(f"wall time: {best / mine:.2f} × ours")


if __name__ == "__main__":
    main()
