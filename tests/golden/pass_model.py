#!/usr/bin/env python3
"""An independent model of the passes of src/FORMAT.md 1.10: plain matrices in numpy.

    pass_model.py MODEL.gguf TEXTS.tsv > OUT.tsv

Weights are dequantised by the `gguf` package; nothing of the C sources is used. TEXTS.tsv has a
line of token ids for each text. Of each the last 32 are forced: for each the two best tokens, the
gap between their logits, the noise and the token's log-probability are written, in the form that
tests/integration/replay.c reads. The noise is the largest difference that rounding all left sides
of quantised products to 8 bits (1.5) makes in the logits: where the gap exceeds it, an
implementation that quantises has no excuse for another best token.
"""

import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

STEPS = 32
PLAIN = ("F32", "F16", "BF16")


class Model:
    def __init__(self, path, dtype=np.float32):
        reader = GGUFReader(path)
        fields = {key: field.contents() for key, field in reader.fields.items()
                  if not key.startswith(("tokenizer.", "GGUF."))}
        self.name = fields["general.architecture"]
        get = lambda key, fallback=None: fields.get(f"{self.name}.{key}", fallback)
        self.dtype = dtype
        self.layers, self.width = get("block_count"), get("embedding_length")
        self.heads = get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.head_dim = get("attention.key_length", self.width // self.heads)
        self.eps = get("attention.layer_norm_rms_epsilon")
        self.base = get("rope.freq_base", 10000.0)
        self.scaling = get("rope.scaling.factor", 1.0)
        self.rope_dims = get("rope.dimension_count", self.head_dim)
        self.window = get("attention.sliding_window", 0)
        self.tensors, self.plain = {}, set()
        for tensor in reader.tensors:
            self.tensors[tensor.name] = dequantize(tensor.data, tensor.tensor_type).astype(dtype)
            if tensor.tensor_type.name in PLAIN:
                self.plain.add(tensor.name)
        self.quantise = False

    def product(self, x, name):
        if self.quantise and name not in self.plain:
            blocks = x.reshape(x.shape[0], -1, 32)
            step = np.abs(blocks).max(axis=2, keepdims=True) / 127
            step[step == 0] = 1
            x = (np.rint(blocks / step) * step).reshape(x.shape).astype(self.dtype)
        return x @ self.tensors[name].T

    def norm(self, x, name):
        mean = np.mean(x.astype(np.float64) ** 2, axis=-1, keepdims=True)
        return (x / np.sqrt(mean + self.eps)).astype(self.dtype) * self.tensors[name]

    def rotate(self, x, base, scaling):
        """x: positions × heads × head_dim"""
        n = self.rope_dims
        frequency = float(base) ** (-np.arange(0, n, 2, dtype=np.float64) / n) / scaling
        if "rope_freqs.weight" in self.tensors:
            frequency = frequency / self.tensors["rope_freqs.weight"]
        angle = np.arange(x.shape[0])[:, None, None] * frequency
        sin, cos = np.sin(angle), np.cos(angle)
        first, second = np.arange(0, n, 2), np.arange(1, n, 2)
        if self.name != "llama":
            first, second = np.arange(n // 2), np.arange(n // 2, n)
        a, b = x[..., first].astype(np.float64), x[..., second].astype(np.float64)
        y = x.copy()
        y[..., first], y[..., second] = a * cos - b * sin, a * sin + b * cos
        return y

    def attention(self, x, layer):
        p = f"blk.{layer}."
        count = x.shape[0]
        q, k, v = (self.product(x, p + f"attn_{c}.weight") for c in "qkv")
        if self.name == "qwen2":
            q, k, v = (y + self.tensors[p + f"attn_{c}.bias"] for y, c in zip((q, k, v), "qkv"))
        q = q.reshape(count, self.heads, self.head_dim)
        k = k.reshape(count, self.kv_heads, self.head_dim)
        v = v.reshape(count, self.kv_heads, self.head_dim)
        if self.name in ("qwen3", "gemma3"):
            q, k = self.norm(q, p + "attn_q_norm.weight"), self.norm(k, p + "attn_k_norm.weight")
        base, scaling, window = self.base, self.scaling, self.window
        if self.name == "gemma3" and layer % 6 == 5:
            window = 0
        elif self.name == "gemma3":
            base = 10000.0
        if window:
            scaling = 1.0
        q, k = self.rotate(q, base, scaling), self.rotate(k, base, scaling)
        k, v = (y.astype(np.float16).astype(np.float64) for y in (k, v))
        t, j = np.arange(count)[:, None], np.arange(count)[None, :]
        seen = (j <= t) & ((j > t - window) if window else True)
        out = np.empty((count, self.heads, self.head_dim), self.dtype)
        for head in range(self.heads):
            kv = head // (self.heads // self.kv_heads)
            scores = q[:, head].astype(np.float64) @ k[:, kv].T / np.sqrt(self.head_dim)
            scores = np.where(seen, scores, -np.inf)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, head] = weights / weights.sum(axis=1, keepdims=True) @ v[:, kv]
        return self.product(out.reshape(count, -1), p + "attn_output.weight")

    def feed_forward(self, x, layer):
        p = f"blk.{layer}.ffn_"
        gate = self.product(x, p + "gate.weight").astype(np.float64)
        up = self.product(x, p + "up.weight")
        if self.name == "gemma3":
            gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
        else:
            gate = gate / (1 + np.exp(-gate))
        return self.product((gate * up).astype(self.dtype), p + "down.weight")

    def logits(self, tokens):
        x = self.tensors["token_embd.weight"][tokens]
        gemma = self.name == "gemma3"
        if gemma:
            x = x * self.dtype(np.sqrt(self.width))
        for layer in range(self.layers):
            p = f"blk.{layer}."
            y = self.attention(self.norm(x, p + "attn_norm.weight"), layer)
            x = x + (self.norm(y, p + "post_attention_norm.weight") if gemma else y)
            y = self.feed_forward(self.norm(x, p + "ffn_norm.weight"), layer)
            x = x + (self.norm(y, p + "post_ffw_norm.weight") if gemma else y)
        head = "output.weight" if "output.weight" in self.tensors else "token_embd.weight"
        return self.product(self.norm(x, "output_norm.weight"), head)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = Model(sys.argv[1])
    with open(sys.argv[2], encoding="ascii") as file:
        texts = [[int(token) for token in line.split()] for line in file if line[0] != "#"]
    for index, tokens in enumerate(texts):
        start = len(tokens) - STEPS
        model.quantise = False
        plain = model.logits(tokens)[start - 1 : -1].astype(np.float64)
        model.quantise = True
        noise = np.abs(model.logits(tokens)[start - 1 : -1] - plain).max(axis=1)
        print(f"P\t{index}\t{start}\t" + " ".join(str(token) for token in tokens[:start]))
        for step, row in enumerate(plain):
            second, first = np.argsort(row, kind="stable")[-2:]
            token = tokens[start + step]
            log_prob = row[token] - row[first] - np.log(np.exp(row - row[first]).sum())
            print(f"{index}\t{step}\t{token}\t{first}\t{second}\t{row[first] - row[second]:.6g}\t"
                  f"{noise[step]:.6g}\t{log_prob:.9g}")


if __name__ == "__main__":
    main()
