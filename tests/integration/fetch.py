"""`assay fetch`: packages in pieces by pip (from a folder, no index is asked), addresses by curl
(a server of our own, which breaks off, ignores ranges, lies), several at once, killed at random
moments; and a run that takes from the store what its spec names. `fetch.py ASSAY`."""

import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile

from harness import (
    ASSAY,
    MODEL,
    ROOT,
    assay,
    digest_of,
    model_dir,
    scratch,
    wait_for_handler,
    write_job,
)

DATA = random.Random(7).randbytes(3_000_000)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def need(condition, message):
    if not condition:
        sys.exit(message)


class Server(http.server.ThreadingHTTPServer):
    """Serves DATA; what it did stands in `asked`: the offsets that it was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        mode = self.path.strip("/")
        data = DATA if mode != "lie" else DATA[:-1] + b"!"
        offset = 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match and mode != "norange":
            offset = int(match[1])
        self.server.asked.append(offset)
        if mode == "absent":
            return self.send_error(404)
        self.send_response(206 if offset else 200)
        self.send_header("Content-Length", str(len(data) - offset))
        if offset:
            self.send_header("Content-Range", f"bytes {offset}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        first = len(self.server.asked) == 1
        try:
            for at in range(offset, len(data), 50_000):
                if mode in ("broken", "norange") and first and at >= 1_000_000:
                    self.close_connection = True
                    return None
                self.wfile.write(data[at : at + 50_000])
                if mode == "slow":
                    time.sleep(0.03)
        except OSError:
            pass
        return None


def stored(store, name):
    path = store / name
    return path.is_symlink() and path.read_bytes() == DATA


def left(store):
    return [path.name for path in (store / "incoming").iterdir() if path.name != "lock"]


def from_url(store, name, url, check, digest=None):
    return assay("fetch", name, "--from", url, "--sha256", digest or sha(DATA), "--model-dir",
                 store, check=check)


def addresses(folder):
    server = Server()
    store = folder / "url"
    from_url(store, "whole", server.url("whole"), 0)
    need(stored(store, "whole") and not left(store), "a plain download did not arrive")
    for mode, second in (("broken", 1_000_000), ("norange", 0)):
        store = folder / mode
        server.asked.clear()
        told = from_url(store, mode, server.url(mode), 4).stderr
        need("curl ended with 18" in told and not (store / mode).exists(), told)
        need(len(left(store)) == 1, f"{mode}: what came is not kept: {left(store)}")
        state = json.loads(
            assay("fetch", mode, "--catalogue", catalogue(folder, mode, url=server.url(mode)),
                  "--list", "--json", "--model-dir", store, check=0).stdout)
        need(state["entries"][0]["state"] == "partial", state)
        from_url(store, mode, server.url(mode), 0)
        need(stored(store, mode) and not left(store), f"{mode}: not gone on with")
        need(server.asked[1] == second if second else server.asked[-1] == 0, server.asked)
    store = folder / "bad"
    told = from_url(store, "lie", server.url("lie"), 3).stderr
    need(sha(DATA) in told and sha(DATA[:-1] + b"!") in told, told)
    told = from_url(store, "absent", server.url("absent"), 4).stderr
    need("404" in told and not left(store), told + str(left(store)))
    told = from_url(store, "gone", "http://127.0.0.1:9/x", 4).stderr
    need("curl ended with 7" in told, told)
    print("addresses: whole, broken off and gone on with, without ranges, lying, absent")


def catalogue(folder, name, data=DATA, **source):
    path = folder / f"{name}.catalogue.yaml"
    entry = {"name": name, "sha256": sha(data), "bytes": len(data), **source}
    path.write_text("catalogue: 1\nentries:\n  - " + json.dumps(entry) + "\n")
    return path


def at_once(folder):
    """Four fetch the same file: one download, four successes. Then kills."""
    server = Server()
    store = folder / "once"
    command = [ASSAY, "fetch", "slow", "--from", server.url("slow"), "--sha256", sha(DATA),
               "--model-dir", store, "--quiet"]
    started = [subprocess.Popen(command) for _ in range(4)]
    codes = [process.wait() for process in started]
    need(codes == [0] * 4 and stored(store, "slow"), f"at once: {codes}")
    need(server.asked == [0], f"downloaded {len(server.asked)} times")
    for kill in (signal.SIGKILL, signal.SIGINT):
        store = folder / f"kill-{kill}"
        command[-2] = store
        server.asked.clear()
        tries = 0
        while True:
            before = len(server.asked)
            process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
            wait_for_handler(process, signal.SIGINT)
            # Some bytes come each time, of a file that the server gives in 1.8 s.
            while process.poll() is None and len(server.asked) == before:
                time.sleep(0.01)
            try:
                process.wait(timeout=random.uniform(0.1, 0.6))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, kill)
            code = process.wait()
            tries += 1
            need(code == 0 or not (store / "slow").exists(), "a name without its file")
            if code == 0:
                break
            need(code == (-9 if kill == signal.SIGKILL else 85), f"ended: {code}")
            need(tries < 200, f"does not go on: {server.asked}")
        need(stored(store, "slow") and not left(store), "killed: not whole")
        need(tries > 1 and server.asked[-1] > 0, f"was not gone on with: {server.asked}")
        print(f"{kill.name}: whole after {tries} tries, asked for offsets {server.asked}")


def wheels(folder):
    """Two packages with a piece each, which pip takes from a folder."""
    source = folder / "wheels"
    source.mkdir()
    for i, part in ((1, DATA[:1_000_000]), (2, DATA[1_000_000:])):
        info = f"piece_{i}-1.0.dist-info"
        with zipfile.ZipFile(source / f"piece_{i}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"piece_{i}/data", part)
            wheel.writestr(f"{info}/METADATA",
                           f"Metadata-Version: 2.1\nName: piece-{i}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL",
                           "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(source)}


def packages(folder):
    env = wheels(folder)
    store = folder / "packages"
    two = catalogue(folder, "two", package=["piece-1==1.0", "piece-2==1.0"],
                    member=["piece_1/data", "piece_2/data"])
    assay("fetch", "two", "--catalogue", two, "--model-dir", store, env=env, check=0)
    need(stored(store, "two") and not left(store), "two packages are not the file")
    store = folder / "none"
    for package, member, what in (("piece-3==1.0", "x", "No matching distribution"),
                                  ("piece-1==1.0", "absent", "absent"),
                                  ("piece-1==1.0", "piece_1/data", sha(DATA[:1_000_000]))):
        bad = catalogue(folder, "bad", package=package, member=member)
        told = assay("fetch", "bad", "--catalogue", bad, "--model-dir", store, env=env).stderr
        need(what in told and not left(store), f"{package} {member}: {told} {left(store)}")
    told = assay("fetch", "two", "--catalogue", two, "--model-dir", folder / "p", check=4,
                 env={**env, "PATH": "/nowhere"}).stderr
    need('no program "env" in PATH' in told, told)
    print("packages: two pieces, no such package, no such member, other bytes: as they must")


def a_run_takes_from_the_store(folder):
    """By name, by digest, by both; without the file the run names the command that brings it."""
    model = model_dir() / MODEL
    digest = re.search(r"sha256: (\w{64})", (ROOT / "jobs" / "quickstart.yaml").read_text())[1]
    jobs = folder / "jobs"
    jobs.mkdir()
    store = folder / "store"
    rows = {"by-name": lambda text: text.replace(f"  sha256: {digest}\n", "", 1),
            "by-digest": lambda text: text.replace(f"path: {MODEL}", f"path: sha256:{digest}"),
            "by-both": lambda text: text.replace(f"path: {MODEL}", "path: another-name.gguf")}
    specs = {name: write_job(jobs, items=2, replicates=1, name=name, change=change)
             for name, change in rows.items()}
    entry = {"name": MODEL, "sha256": digest, "bytes": model.stat().st_size, "file": str(model)}
    (jobs / "catalogue.yaml").write_text("catalogue: 1\nentries:\n  - " + json.dumps(entry) + "\n")
    digests = set()
    for name, spec in specs.items():
        shutil.rmtree(store, ignore_errors=True)
        told = assay("run", spec, "--model-dir", store, "--output", folder / "r.h5", check=3).stderr
        command = f"assay fetch {spec} --model-dir {store}"
        need(command in told, f"{name}: the refusal names no command: {told}")
        assay(*command.split()[1:], check=0)
        output = folder / f"{name}.h5"
        assay("run", spec, "--model-dir", store, "--output", output, "--cache", folder, check=0)
        digests.add(digest_of(output))
    need(len(digests) == 1, f"the place of a model changes records: {digests}")
    lost = write_job(jobs, items=2, replicates=1, name="lost",
                     change=lambda text: text.replace("items.jsonl", "elsewhere.jsonl"))
    told = assay("fetch", lost, "--model-dir", store, check=3).stderr
    need("elsewhere.jsonl" in told and "has no entry for it" in told, told)
    (store / MODEL).resolve().chmod(0o644)
    with (store / MODEL).open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"damage")
    told = assay("run", specs["by-name"], "--model-dir", store, "--output", folder / "d.h5",
                 "--cache", "none", check=3).stderr
    need(digest in told, f"a damaged model was not refused: {told}")
    told = assay("fetch", "--verify", "--model-dir", store, "--catalogue", jobs / "catalogue.yaml",
                 check=1).stderr
    need(digest in told, told)
    assay("fetch", MODEL, "--verify", "--model-dir", store, "--catalogue",
          jobs / "catalogue.yaml", check=0)
    assay("fetch", "--verify", "--model-dir", store, "--catalogue", jobs / "catalogue.yaml",
          check=0)
    print("a run finds its model by name and by digest; what is damaged is refused, and mended")


def refusals(folder):
    store = folder / "refused"
    digest = sha(DATA)
    for words, code, what in (
        ([], 2, "fetch what?"),
        (["x", "--from", "y"], 2, "belong together"),
        (["../x", "--from", "y", "--sha256", digest], 2, '"../x" is no name'),
        (["x", "--from", "y", "--sha256", "12"], 2, '--sha256 is "12"'),
        (["x", "--from", "nowhere", "--sha256", digest], 3, "nowhere: No such file"),
        (["x", "--catalogue", "nowhere.yaml"], 3, "nowhere.yaml"),
        (["HumanEvil.jsonl.gz", "--catalogue", ROOT / "jobs/catalogue.yaml"], 3,
         "did you mean HumanEval.jsonl.gz"),
    ):
        told = assay("fetch", *words, "--model-dir", store, cwd=folder, check=code).stderr
        need(what in told, f"{words}: {told}")
    told = assay("fetch", "x", check=2, env={"ASSAY_MODEL_DIR": ""}).stderr
    need("into which store" in told, told)
    told = assay("fetch", "x", "--from", ROOT / "README.md", "--sha256", digest, "--model-dir",
                 ROOT / "README.md").stderr
    need("README.md" in told, told)


def main():
    os.environ["no_proxy"] = "127.0.0.1"
    with scratch() as name:
        folder = pathlib.Path(name)
        addresses(folder)
        at_once(folder)
        packages(folder)
        refusals(folder)
        a_run_takes_from_the_store(folder)


main()
