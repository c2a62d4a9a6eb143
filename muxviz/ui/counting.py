"""How many tokens a text has, without the model: for the counters beside the rows.

Only the tokenizer's own files are read, so that counting needs no torch. Left out: RoBERTa's
``vocab.json`` and weights in other formats than one safetensors file; there the counters stay away
until a run tells.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from muxviz.batch import Row, max_tokens
from muxviz.config import MuxConfig
from muxviz.errors import MuxvizError
from muxviz.loading.infer import infer_config, normalise
from muxviz.loading.tokenizer import BUNDLED_VOCABULARY
from muxviz.ui.checkpoints import Listed


@dataclass(frozen=True)
class Counter:
    """Counts tokens, specials included, as the checkpoint's tokenizer does."""

    tokenizer: Any  # tokenizers.Tokenizer
    config: MuxConfig | None

    def tokens(self, row: Row) -> int:
        """Tokens of a row before anything is cut."""
        return len(self.tokenizer.encode(row.text, row.pair or None).ids)

    def limit(self, padding: str | None) -> int | None:
        """Most tokens that stay, or None when not known."""
        if self.config is None:
            return None
        return max_tokens(self.config, padding or self.config.default_padding)


@st.cache_resource(max_entries=8, show_spinner=False)
def _counter(folder: str, stamp: str) -> Counter | None:
    path = Path(folder)
    config = _config(path)
    try:
        tokenizer = _tokenizer(path, config)
    except Exception:  # noqa: BLE001 (the Rust reader raises bare Exception; loading will explain)
        return None
    return None if tokenizer is None else Counter(tokenizer, config)


def counter_of(checkpoint: Listed | None) -> Counter | None:
    """The counter of a checkpoint, or None where it can only be told by loading."""
    if checkpoint is None or checkpoint.folder is None:
        return None
    return _counter(str(checkpoint.folder), checkpoint.stamp)


def _tokenizer(folder: Path, config: MuxConfig | None) -> Any:
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    if (folder / "vocab.txt").is_file():
        return BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=_lowercases(folder))
    if config and config.backbone != "roberta" and config.shape.vocab_size == 30522:
        return BertWordPieceTokenizer(str(BUNDLED_VOCABULARY), lowercase=True)
    return None


def _lowercases(folder: Path) -> bool:
    path = folder / "tokenizer_config.json"
    return not path.is_file() or json.loads(path.read_text()).get("do_lower_case", True)


def _config(folder: Path) -> MuxConfig | None:
    from safetensors import SafetensorError, safe_open

    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        with safe_open(folder / "model.safetensors", framework="np") as file:
            stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
        renamed = normalise(list(stored))
        shapes = {renamed[n]: shape for n, shape in stored.items() if n in renamed}
        return infer_config(raw, shapes, str(folder)).config
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, MuxvizError):
        return None
