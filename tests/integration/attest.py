"""The hallmark with the real programs: our statement before securesystemslib, in-toto-attestation
and openssl, theirs before us, and every tampered part refused by name. `attest.py ASSAY`, with the
tests' virtual environment."""

import base64
import hashlib
import json
import os
import pathlib
import pty
import signal
import socket
import struct
import subprocess
import sys
import time

import h5py
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from harness import ASSAY, assay, digest_of, model_dir, scratch, write_job
from xchacha import xchacha20_open

TYPE = "application/vnd.in-toto+json"
failures = []


def need(condition, what):
    print(("ok      " if condition else "FAILED  ") + what, flush=True)
    if not condition:
        failures.append(what)


def refused(what, code, parts, *args, **more):
    """assay ARGS must exit with `code` and name all `parts` in one line."""
    done = assay(*args, **more)
    lines = done.stderr.strip().splitlines()
    good = done.returncode == code and len(lines) == 1 and all(p in lines[0] for p in parts)
    told = done.stderr.strip()[:230]
    need(good, f"{what}: {told}" if good else f"{what}: exit {done.returncode}: {done.stderr!r}")


class Place:
    """Paths of one scratch folder with results, key and passphrase."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("r.h5", "site.key", "site.key.pub", "pass", "r.h5.dsse.json", "r.h5.salt"):
            setattr(self, name.replace(".", "_"), self.folder / name)
        self.unlock = ("--passphrase-file", self.folder / "pass")

    def secret(self, name, data):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(data)
        return path


# What srun would say in the second component of a heterogeneous job.
SLURM = {
    "SLURM_JOB_ID": "71", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0",
    "SLURM_STEP_ID": "0", "SLURM_HET_SIZE": "2", "SLURM_JOB_ID_HET_GROUP_1": "72",
    "SLURM_JOB_PARTITION_HET_GROUP_1": "gpu", "ASSAY_COMPONENT": "1",
}


def field(data):
    """LP of FORMAT.md."""
    return struct.pack("<Q", len(data)) + data


def check_machines(place):
    """What the statement says of machines and batch job, out of the results file by h5py."""
    payload = base64.b64decode(json.loads(place.r_h5_dsse_json.read_text())["payload"])
    predicate = json.loads(payload)["predicate"]
    with h5py.File(place.r_h5) as results:
        rows, xml = results["processes"], results["topologies/xml"]
        topologies, batch = field(b"assay/topologies-1"), field(b"assay/batch-1")
        for i in range(len(rows["job"])):
            topologies += hashlib.sha256(xml[rows["topology"][i]]).digest()
            for name in ("launcher", "job", "component", "variables"):
                batch += field(rows[name][i])
        facts = {name: rows[name][0].decode() for name in ("job", "component", "variables")}
        said = {name: rows[name][0].decode() for name in ("build", "backend", "isa", "cpu")}
    environment = predicate["environment"]
    need(environment["topologyDigest"] == hashlib.sha256(topologies).hexdigest(), "topologies")
    need(predicate["batch"]["jobDigest"] == hashlib.sha256(batch).hexdigest(), "the batch job")
    need(facts["job"] == "71" and facts["component"] == "1 gpu", f"job and component: {facts}")
    lines = [f"{name}={value}\n" for name, value in SLURM.items()]
    need(all(line in facts["variables"] for line in lines), f"variables: {lines}")
    need(said == {"build": environment["build"], "backend": environment["backend"],
                  "isa": environment["isa"], "cpu": environment["hardware"]}, f"machine: {said}")


def make_bundle(place):
    spec = write_job(place.folder, items=6, replicates=2)
    run = ("run", spec, "--model-dir", model_dir(), "--output", place.r_h5, "--quiet")
    assay(*run, check=0, env=SLURM)
    place.secret("pass", b"correct horse battery\n")
    assay("key", "generate", place.site_key, "--cost", "low", *place.unlock, check=0)
    assay("attest", place.r_h5, "--key", place.site_key, *place.unlock, check=0)
    first = place.r_h5_dsse_json.read_bytes()
    assay("attest", place.r_h5, "--key", place.site_key, *place.unlock, check=0)
    need(first == place.r_h5_dsse_json.read_bytes(), "attested twice: the same bytes")


# --- others look at ours


def pae(payload, type_=TYPE):
    return b"DSSEv1 %d %b %d %b" % (len(type_), type_.encode(), len(payload), payload)


def by_securesystemslib(envelope, public_pem, keyid):
    key = SSlibKey.from_crypto(serialization.load_pem_public_key(public_pem), keyid)
    try:
        Envelope.from_dict(json.loads(envelope)).verify([key], 1)
        return True
    except (VerificationError, ValueError, KeyError):
        return False


def by_openssl(envelope, place):
    data = json.loads(envelope)
    message = place.secret("pae", pae(base64.b64decode(data["payload"]), data["payloadType"]))
    raw = place.secret("sig", base64.b64decode(data["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", place.site_key_pub, "-rawin"]
    done = subprocess.run(
        [*command, "-in", message, "-sigfile", raw], capture_output=True, text=True
    )
    return done.returncode == 0 and "Signature Verified Successfully" in done.stdout


def by_in_toto(payload):
    try:
        statement = Statement.copy_from_pb(
            json_format.Parse(payload, statement_pb2.Statement(), ignore_unknown_fields=False)
        )
        statement.validate()
        return True
    except (ValueError, json_format.ParseError):
        return False


def changed(envelope, member):
    """The envelope with one byte of what `member` decodes to changed, and nothing else."""
    data = json.loads(envelope)
    if member == "keyid":
        old = data["signatures"][0]["keyid"]
        data["signatures"][0]["keyid"] = ("0" if old[0] != "0" else "1") + old[1:]
    elif member == "sig":
        raw = bytearray(base64.b64decode(data["signatures"][0]["sig"]))
        raw[3] ^= 1
        data["signatures"][0]["sig"] = base64.b64encode(raw).decode()
    else:
        raw = base64.b64decode(data["payload"]).replace(b"rfc6962", b"rfc6963", 1)
        data["payload"] = base64.b64encode(raw).decode()
    return json.dumps(data).encode()


def check_others_read_ours(place):
    envelope = place.r_h5_dsse_json.read_bytes()
    pem = place.site_key_pub.read_bytes()
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    keyid = hashlib.sha256(der).hexdigest()
    payload = base64.b64decode(json.loads(envelope)["payload"])
    need(by_securesystemslib(envelope, pem, keyid), "securesystemslib verifies our envelope")
    need(by_openssl(envelope, place), "openssl pkeyutl -verify -rawin verifies our signature")
    plain = json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()
    need(plain == payload, "our statement is JSON with sorted members and no white space")
    need(by_in_toto(payload), "in-toto-attestation parses and validates our statement")
    for at in (b'"_type":"h', b'"digest":{', b'"subject":['):
        broken = payload.replace(at, at[:3] + b"!" + at[4:])
        need(broken != payload and not by_in_toto(broken), f"in-toto-attestation refuses {at!r}")
    for member in ("payload", "sig", "keyid"):
        bad = changed(envelope, member)
        need(not by_securesystemslib(bad, pem, keyid), f"securesystemslib refuses another {member}")
        if member != "keyid":
            need(not by_openssl(bad, place), f"openssl refuses another {member}")
        path = place.secret(f"changed-{member}.json", bad)
        words = ["no signature by the key"] if member == "keyid" else ["does not hold"]
        refused(f"another {member}", 1, words, "verify", path, "--key", place.site_key_pub)


# --- we look at theirs


def theirs(place, sign, public, name):
    """An envelope that others made of our predicate; assay verifies it against the results file."""
    ours = json.loads(base64.b64decode(json.loads(place.r_h5_dsse_json.read_bytes())["payload"]))
    subjects = [ResourceDescriptor(name=s["name"], digest=s["digest"]).pb for s in ours["subject"]]
    statement = Statement(subjects, ours["predicateType"], ours["predicate"])
    statement.validate()
    payload = json_format.MessageToJson(statement.pb).encode()
    need(payload.count(b"\n") > 20, f"{name}: a statement laid out in its maker's way")
    path = place.secret(f"{name}.json", json.dumps(sign(payload), indent=1).encode())
    pub = place.secret(f"{name}.pub", public)
    args = ("verify", path, "--key", pub, "--results", place.r_h5)
    done = assay(*args)
    need(done.returncode == 0, f"assay verifies {name}'s: {done.stderr.strip()}")
    bad = place.secret(f"{name}-bad.json", changed(path.read_bytes(), "payload"))
    refused(f"{name}'s after one changed byte", 1, ["does not hold"], "verify", bad, "--key", pub)


def check_we_read_theirs(place):
    key = Ed25519PrivateKey.generate()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key().public_bytes(serialization.Encoding.DER, spki)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki)
    keyid = hashlib.sha256(der).hexdigest()

    def by_library(payload):
        envelope = Envelope(payload, TYPE, {})
        envelope.sign(CryptoSigner(key, SSlibKey.from_crypto(key.public_key(), keyid)))
        return envelope.to_dict()

    theirs(place, by_library, pem, "securesystemslib")

    secret = place.folder / "openssl.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", secret], check=True)
    public = subprocess.run(
        ["openssl", "pkey", "-in", secret, "-pubout"], capture_output=True, check=True
    ).stdout
    der = base64.b64decode(b"".join(public.splitlines()[1:-1]))

    def by_program(payload):
        message = place.secret("pae", pae(payload))
        out = place.folder / "openssl.sig"
        command = ["openssl", "pkeyutl", "-sign", "-inkey", secret, "-rawin"]
        subprocess.run([*command, "-in", message, "-out", out], check=True)
        return {
            "payload": base64.urlsafe_b64encode(payload).decode(),
            "payloadType": TYPE,
            "signatures": [
                {
                    "keyid": hashlib.sha256(der).hexdigest(),
                    "sig": base64.urlsafe_b64encode(out.read_bytes()).decode(),
                }
            ],
        }

    theirs(place, by_program, public, "openssl")


# --- keys


def unseal(data, passphrase):
    """key-1 as FORMAT.md has it, by the cryptography package: the seed and the public key."""
    version, derivation, passes, kib = struct.unpack("<4I", data[8:24])
    salt, nonce, public, sealed = data[24:40], data[40:64], data[64:96], data[96:144]
    need(data[:8] == b"ASSAYKEY" and version == derivation == 1, "a key file of version 1")
    need(hashlib.sha256(data[:144]).digest() == data[144:], "its digest holds")
    key = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=kib)
    return xchacha20_open(key.derive(passphrase), nonce, sealed, data[:96]), public


def check_key_file(place):
    seed, public = unseal(place.site_key.read_bytes(), b"correct horse battery")
    raw = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    need(raw == public, "the cryptography package opens our key file")


def check_key_forms(place):
    shown = json.loads(assay("key", "show", place.site_key, "--json", check=0).stdout)
    need(shown["pem"] == place.site_key_pub.read_text(), "show and the .pub file agree")
    raw = bytes.fromhex(shown["hex"])
    packed = base64.b64decode(shown["minisign"].splitlines()[1])
    need(packed[:2] == b"Ed" and packed[10:] == raw, "minisign form holds the key")
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", place.site_key_pub, "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    need(der[-32:] == raw, "openssl reads the PEM form")
    need(hashlib.sha256(der).hexdigest() == shown["keyid"], "keyid is the digest of openssl's DER")
    args = ("verify", place.r_h5_dsse_json, "--key", shown["hex"])
    need(assay(*args).returncode == 0, "verify takes the key as hex")


def check_key_refusals(place):
    attest = ("attest", place.r_h5, "--output", place.folder / "never.json", *place.unlock)
    data = place.site_key.read_bytes()

    def row(what, code, parts, change):
        path = change(place.secret("other.key", data))
        refused(what, code, [path.name, *parts], *attest, "--key", path)

    def write(edit):
        return lambda path: path.write_bytes(edit) and path

    def mode(bits):
        return lambda path: path.chmod(bits) or path

    link = place.folder / "link.key"
    link.symlink_to(place.site_key)
    fifo = place.folder / "fifo.key"
    os.mkfifo(fifo, 0o600)
    row("a key file others can read", 3, ["mode 0644", "chmod 600"], mode(0o644))
    row("a key file the group can write", 3, ["mode 0620"], mode(0o620))
    row("a symbolic link", 3, ["symbolic link"], lambda _: link)
    row("a named pipe", 3, ["not a regular file"], lambda _: fifo)
    row("a folder", 3, ["not a regular file"], lambda _: place.folder)
    row("a truncated key file", 3, ["175 bytes"], write(data[:-1]))
    row("a key file that grew", 3, ["larger than 176"], write(data + b"x"))
    row("a changed byte", 3, ["a byte was changed"], write(data[:100] + b"?" + data[101:]))
    row("an unknown version", 3, ["version 2"], write(data[:8] + b"\2" + data[9:]))
    row("another file", 3, ["not a key file"], write(b"hello"))
    big = data[:20] + struct.pack("<I", 2**31) + data[24:144]
    row("beyond the limits", 3, ["KiB: the limits"], write(big + hashlib.sha256(big).digest()))
    if os.geteuid() == 0:
        row("not our file", 3, ["user 65534"], lambda path: os.chown(path, 65534, -1) or path)
    again = ("key", "generate", place.site_key, *place.unlock)
    refused("an existing key", 3, ["never overwritten"], *again)
    need(place.site_key.read_bytes() == data, "the key file is as it was")
    need(not (place.folder / "never.json").exists(), "nothing was signed")


def check_passphrases(place):
    attest = ("attest", place.r_h5, "--key", place.site_key, "--output", place.folder / "x.json")
    wrong = place.secret("wrong", b"incorrect horse\n")
    refused("wrong passphrase", 1, ["wrong passphrase"], *attest, "--passphrase-file", wrong)
    wrong.chmod(0o644)
    refused("passphrase for all to read", 3, ["0644"], *attest, "--passphrase-file", wrong)
    short = place.secret("short", b"short\n")
    new = ("key", "generate", place.folder / "new.key", "--passphrase-file", short)
    refused("a short passphrase", 3, ["5 bytes"], *new)
    refused("no passphrase", 2, ["--passphrase-file"], *attest, start_new_session=True)
    env = {"ASSAY_PASSPHRASE_FILE": str(place.folder / "pass")}
    need(assay(*attest, env=env).returncode == 0, "ASSAY_PASSPHRASE_FILE names the file")


def check_terminal(place):
    """A new key's passphrase is asked twice, and never shown."""
    typed = b"typed by hand 7"
    path = place.folder / "typed.key"
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(ASSAY, [str(ASSAY), "key", "generate", str(path), "--cost", "low"])
    seen = b""
    for prompt in (b"new key: ", b"again: "):
        while prompt not in seen:
            seen += os.read(fd, 1000)
        os.write(fd, typed + b"\n")  # the echo is off before it is asked
    try:
        while piece := os.read(fd, 1000):
            seen += piece
    except OSError:
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    need(code == 0 and typed not in seen, f"a terminal is asked without echo: {seen!r}")
    typed_file = place.secret("typed", typed)
    args = ("attest", place.r_h5, "--key", path, "--passphrase-file", typed_file)
    need(assay(*args, "--output", place.folder / "t.json").returncode == 0, "and that opens it")


# --- results, records, rounds


def check_outputs(place):
    """Nothing that is read, least of all a secret, is written over."""
    sign = ("--key", place.site_key, *place.unlock)
    again = place.folder / "." / "site.key"
    before = {path.name: path.read_bytes() for path in place.folder.iterdir() if path.is_file()}
    for path in (place.r_h5, place.r_h5_salt, again, place.folder / "pass"):
        refused(f"attest over {path.name}", 2, [f"--output is {path.parent}", "never changed"],
                "attest", place.r_h5, *sign, "--output", path)
    for path in (place.r_h5, place.r_h5_salt, place.r_h5_dsse_json):
        refused(f"a record over {path.name}", 2, ["--output is", "never changed"],
                "attest", place.r_h5, "--open", "3", "--output", path)
    refused("an application over its key", 2, ["FILE is", "site.key itself"], "net", "apply",
            again, "--chain", "c", *sign)
    for option in ("--key", "--signer", "--chain", "--task", "--round", "--passphrase-file"):
        refused(f"--open with {option}", 2, [f"signs nothing: {option} does not go"],
                "attest", place.r_h5, "--open", "3", "--output", "o", option, "x")
    for path, code, part in ((place.folder, 3, "Is a directory"), ("/dev/full", 4, "No space"),
                             (place.folder / "none" / "x", 3, "none/x: No such file")):
        refused(f"attest into {path}", code, [part], "attest", place.r_h5, *sign, "--output", path)
    text = place.secret("text", b"hello\n")
    refused("no bundle", 3, ["text: not JSON: 1:5"], "verify", text, "--key", place.site_key_pub)
    refused("no record", 3, ["text: not JSON: 1:5"], "verify", "--record", text)
    text.unlink()
    after = {path.name: path.read_bytes() for path in place.folder.iterdir() if path.is_file()}
    need(before == after, "every file is as it was")


def check_tampering(place):
    verify = ("verify", place.r_h5_dsse_json, "--key", place.site_key_pub, "--results")
    done = json.loads(assay(*verify, place.r_h5, "--json", check=0).stdout)
    names = [row["check"] for row in done["checks"] if row["result"] == "ok"]
    need(done["verified"] and "merkle root" in names and len(names) == 6, f"all checked: {names}")
    data = bytearray(place.r_h5.read_bytes())
    data[len(data) // 2] ^= 1
    bad = place.secret("tampered.h5", bytes(data))
    refused("a tampered results file", 1, ["tampered.h5", "has sha256"], *verify, bad)
    done = json.loads(assay(*verify, bad, "--json").stdout)
    need(not done["verified"] and "has sha256" in done["failure"], "and so in JSON")
    envelope = bytearray(place.r_h5_dsse_json.read_bytes())
    envelope[40] = ord("B" if envelope[40] == ord("A") else "A")
    bad = place.secret("bundle.json", bytes(envelope))
    refused("a tampered bundle", 1, ["bundle.json"], "verify", bad, "--key", place.site_key_pub)
    refused("no key", 2, ["--key PUB is missing"], "verify", place.r_h5_dsse_json)
    digest = digest_of(place.r_h5)
    other = place.r_h5.read_bytes().replace(digest.encode(), digest[::-1].encode())
    need(other != place.r_h5.read_bytes(), "the digest stands in the file")
    sign = ("--key", place.site_key, *place.unlock)
    for name, bytes_, part in (("lying.h5", other, f"records_digest is {digest[::-1]}, but"),
                               ("cut.h5", other[: len(other) // 2], "HDF5"),
                               ("text.h5", b"hello\n", "not an HDF5 file")):
        bad = place.secret(name, bytes_)
        refused(f"attest of {name}", 3, [name, part], "attest", bad, *sign)
        left = {path.name for path in place.folder.glob(f"{name}*")}
        need(left == {name}, f"nothing is made for {name}: {left}")
    alone = place.secret("alone.h5", place.r_h5.read_bytes())
    out = assay(*verify, alone, check=0).stdout
    need("not checked, it needs the owner's salt key" in out, "a stranger is told what he misses")


def tree_root(leaves):
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    left, right = tree_root(leaves[:split]), tree_root(leaves[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def check_records(place):
    """Every record opened: an independent tree over them, and the records digest, come out."""
    opened, canonical, leaves, count = place.folder / "opened.json", b"", [], 48
    for index in range(count):
        args = ("--open", index, "--output", opened, "--quiet")
        assay("attest", place.r_h5, *args, check=0)
        data = json.loads(opened.read_text())
        record = base64.b64decode(data["record"])
        canonical += record
        leaf = b"\0" + bytes.fromhex(data["salt"]) + record
        leaves.append(hashlib.sha256(leaf).digest())
    need(tree_root(leaves).hex() == data["merkleRoot"], f"python makes the same tree of {count}")
    need(hashlib.sha256(canonical).hexdigest() == digest_of(place.r_h5), "and its records digest")
    verify = ("verify", place.r_h5_dsse_json, "--key", place.site_key_pub, "--record", opened)
    out = assay(*verify, check=0).stdout
    need("leaf 47 of 48" in out and "which the statement states" in out, "a record is included")
    text = opened.read_text()
    opened.write_text(text.replace('"index":"47"', '"index":"46"'))
    refused("a record in another place", 1, ["leaf 46 of 48"], *verify)
    flipped = text.replace(data["salt"], data["salt"][::-1])
    opened.write_text(flipped)
    refused("another salt", 1, ["do not make leaf 47"], "verify", "--record", opened)
    args = ("--open", 48, "--output", opened)
    refused("a record that is none", 3, ["0 to 47"], "attest", place.r_h5, *args)


ROUND = ("--chain", "assay-test-1", "--task", "capitals", "--round")


def check_rounds(place):
    attest = ("attest", place.r_h5, "--key", place.site_key, *place.unlock, *ROUND)
    out = ("--output", place.folder / "round.json")
    assay(*attest, 3, *out, check=0)
    assay(*attest, 3, *out, check=0)
    salt = place.r_h5_salt.read_bytes()
    place.r_h5_salt.unlink()
    refused("two roots", 1, ["two roots for one round", "round 3"], *attest, 3, *out)
    assay(*attest, 4, *out, check=0)
    place.secret("r.h5.salt", salt)
    refused("two roots the other way", 1, ["two roots for one round"], *attest, 4, *out)
    log = (place.folder / "site.key.log").read_text().splitlines()
    need(len(log) == 2 and log[0].startswith("assay-test-1 capitals 3 "), f"the log: {log}")
    half = ("attest", place.r_h5, "--key", place.site_key, "--chain", "c", *place.unlock)
    refused("half a round", 2, ["--chain, --task and --round"], *half)


def request(path, message, uid=None):
    """The signer's answer to raw bytes, asked as another user if there is a uid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if uid:
                os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as end:
                end.connect(str(path))
                if message:
                    end.sendall(message)
                os.write(write, end.recv(4096))
        finally:
            os._exit(0)
    os.close(write)
    answer = os.read(read, 4096)
    os.close(read)
    os.waitpid(pid, 0)
    return answer


def answers(path):
    """Somebody listens there."""
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect_ex(str(path)) == 0


def check_signer(place):
    path = place.folder / "sock"
    command = [ASSAY, "key", "serve", place.site_key, *place.unlock, "--socket", path]
    server = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    while server.poll() is None and not answers(path):
        time.sleep(0.02)
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    limits = pathlib.Path(f"/proc/{server.pid}/limits").read_text()
    locked = int(status.split("VmLck:")[1].split()[0])
    core = limits.split("Max core file size")[1].split()[:2]
    need(core == ["0", "0"], f"the signer leaves no core file; {locked} kB locked")
    by_signer = place.folder / "by-signer.json"
    attest = ("attest", place.r_h5, "--signer", path, "--output", by_signer)
    assay(*attest, check=0)
    same = by_signer.read_bytes() == place.r_h5_dsse_json.read_bytes()
    need(same, "the signer's envelope is the key's")
    other = place.r_h5_salt.read_bytes()
    place.r_h5_salt.unlink()
    words = ["the signer refuses", "two roots for one round"]
    refused("the signer and a second root", 1, words, *attest, *ROUND, 3)
    place.secret("r.h5.salt", other)
    answer = request(path, struct.pack("<I", 5) + b"hello")
    need(answer[0] != 0 and b"not what DSSE signs" in answer, "the signer signs no other bytes")
    if os.geteuid() == 0:
        place.folder.chmod(0o755)
        path.chmod(0o666)
        answer = request(path, b"", uid=65534)
        need(b"user 65534 is at the other end" in answer, "another user is refused")
    server.send_signal(signal.SIGTERM)
    told = server.communicate()[1]
    need(server.returncode == 0 and not path.exists(), "TERM stops the signer, its socket is gone")
    need("signed" in told and "two roots" in told, "it told what it did")
    refused("no signer", 3, ["no signer answers"], *attest)


def main():
    with scratch() as folder:
        place = Place(folder)
        make_bundle(place)
        check_machines(place)
        check_outputs(place)
        check_others_read_ours(place)
        check_we_read_theirs(place)
        check_key_file(place)
        check_key_forms(place)
        check_key_refusals(place)
        check_passphrases(place)
        check_terminal(place)
        check_tampering(place)
        check_records(place)
        check_rounds(place)
        check_signer(place)
    if failures:
        sys.exit(f"{len(failures)} failed: " + "; ".join(failures))


main()
