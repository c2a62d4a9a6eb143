"""How many tokens a text has and may have, without the model: for the counters beside the rows.

Only the JSON and tokenizer files are read, so that counting needs no torch; what they do not say
is left to the run. Left out: RoBERTa's ``vocab.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from muxviz.batch import Row
from muxviz.loading.infer import default_padding
from muxviz.loading.tokenizer import BUNDLED_VOCABULARY
from muxviz.ui.checkpoints import Listed, read_object

FIXED_LENGTH = 128  # of padding "fixed" where the configuration does not say


@dataclass(frozen=True)
class Counter:
    """Counts tokens, specials included, as the checkpoint's tokenizer does.

    room: most tokens of a text, None when not known. fixed: the same in padding "fixed".
    """

    tokenizer: Any  # tokenizers.Tokenizer
    room: int | None
    fixed: int
    default_padding: str

    def tokens(self, row: Row) -> int:
        """Tokens of a row before anything is cut."""
        return len(self.tokenizer.encode(row.text, row.pair or None).ids)

    def limit(self, padding: str | None) -> int | None:
        """Most tokens that stay, or None when not known."""
        if self.room is not None and (padding or self.default_padding) == "fixed":
            return min(self.room, self.fixed)
        return self.room


def counter_of(checkpoint: Listed | None) -> Counter | None:
    """The counter of a checkpoint, or None where it can only be told by loading."""
    if checkpoint is None or checkpoint.folder is None:
        return None
    return _counter(str(checkpoint.folder), checkpoint.stamp)


@st.cache_resource(max_entries=8, show_spinner=False)
def _counter(folder: str, stamp: str) -> Counter | None:
    raw = read_object(Path(folder) / "config.json")
    try:
        tokenizer = _tokenizer(Path(folder), raw)
    except Exception:  # the Rust reader raises bare Exception; a run will explain
        return None
    if tokenizer is None:
        return None
    ours = raw.get("muxviz") if isinstance(raw.get("muxviz"), dict) else {}
    usual = default_padding("muxing_variant" in raw)
    return Counter(
        tokenizer,
        _room(raw),
        ours.get("fixed_length", FIXED_LENGTH),
        ours.get("default_padding", usual),
    )


def _tokenizer(folder: Path, raw: dict[str, Any]) -> Any:
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    if (folder / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    if (folder / "vocab.txt").is_file():
        lowers = read_object(folder / "tokenizer_config.json").get("do_lower_case", True)
        return BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=bool(lowers))
    if raw.get("vocab_size") == 30522 and raw.get("model_type") != "roberta":
        return BertWordPieceTokenizer(str(BUNDLED_VOCABULARY), lowercase=True)
    return None


def _room(raw: dict[str, Any]) -> int | None:
    positions = raw.get("max_position_embeddings")
    if not isinstance(positions, int):
        return None
    offset = 2 if raw.get("model_type") == "roberta" else 0
    prefix = raw.get("num_instances", 1) + 1 if raw.get("demuxing_variant") == "index" else 0
    return positions - offset - prefix
