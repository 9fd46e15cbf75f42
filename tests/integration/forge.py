"""Results files that lie consistently: every digest of FORMAT.md is made again, so that only an
audit can tell. Written from FORMAT.md 3, with h5py."""

import hashlib
import shutil
import struct

import h5py
import numpy as np

# What a file says of its run, apart from the samples: taken from the run that is claimed.
CLAIMED_ATTRIBUTES = ["spec_name", "spec_digest", "plan_digest", "model_sha256", "model_name"]
CLAIMED_DATASETS = ["spec/source", "spec/canonical", "items/prompt_digest", "items/prompt_tokens"]
OF_TOKENS = ["tokens/id", "tokens/log_prob"]


def encode(file, index, names, ids):
    """The canonical part of a sample, FORMAT.md 3.1."""
    samples = file["samples"]
    item, profile = int(samples["item"][index]), int(samples["profile"][index])
    begin, end = (int(x) for x in samples["token_offset"][index : index + 2])
    first, last = (int(x) for x in samples["answer_offset"][index : index + 2])
    answer = file["answers/bytes"][first:last].tobytes()
    body = bytes([1, 1, 1, int(file["profiles/draw"][profile])])
    body += struct.pack(
        "<3I", file.attrs["replicates"], file.attrs["sets"], samples["replicate"][index]
    )
    body += samples["cell_key"][index].tobytes()
    for text in (ids[item], names[profile]):
        body += struct.pack("<I", len(text)) + text
    body += file["items/prompt_digest"][item].tobytes()
    body += bytes([int(samples["finish"][index]), int(samples["verdict"][index])])
    body += struct.pack("<2I", samples["score_micro"][index], len(answer)) + answer
    body += struct.pack("<I", end - begin)
    body += file["tokens/id"][begin:end].astype("<u4").tobytes()
    body += file["tokens/log_prob"][begin:end].astype("<f4").tobytes()
    return struct.pack("<I", len(body)) + body


def seal(file):
    """Make the records digest again, FORMAT.md 3.3."""
    names = [text if isinstance(text, bytes) else text.encode() for text in file["profiles/name"]]
    ids = [text if isinstance(text, bytes) else text.encode() for text in file["items/id"]]
    state = hashlib.sha256()
    for index in range(len(file["samples/item"])):
        state.update(encode(file, index, names, ids))
    file.attrs.modify("records_digest", state.hexdigest())


def replace(file, path, data):
    """Another content, perhaps of another length, with the dataset's own type and attributes."""
    old = file[path]
    attributes = dict(old.attrs)
    dtype = old.dtype
    del file[path]
    new = file.create_dataset(path, data=np.asarray(data, dtype=dtype), dtype=dtype)
    for name, value in attributes.items():
        new.attrs[name] = value


def tamper(source, target, change):
    """A copy in which change(file) has been at work."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        change(file)
        seal(file)
    return target


def claim(made, claimed, target, keys=True, prompts=True):
    """What `made` computed, said to be the run of `claimed`: spec, model, profiles, and where asked
    for cell keys and prompts are that one's."""
    shutil.copy(made, target)
    with h5py.File(claimed) as of, h5py.File(target, "r+") as file:
        for name in CLAIMED_ATTRIBUTES:
            file.attrs.modify(name, of.attrs[name])
        for path in CLAIMED_DATASETS[: 4 if prompts else 2]:
            file[path][...] = of[path][...] if of[path].shape else of[path][()]
        for name in of["profiles"]:
            if name != "name":
                file["profiles"][name][...] = of["profiles"][name][...]
        if keys:
            file["samples/cell_key"][...] = of["samples/cell_key"][...]
        seal(file)
    return target
