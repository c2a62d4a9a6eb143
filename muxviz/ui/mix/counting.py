"""How many tokens a text has and may have, without the model: for the counters beside the rows.

Only the JSON and tokenizer files are read, so that counting needs no torch; what they do not say
(or say wrongly) is left to the run. Left out: RoBERTa's ``vocab.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from muxviz.batch import Row, max_tokens
from muxviz.config import BackboneShape, MuxConfig, field_names
from muxviz.errors import MuxvizError
from muxviz.loading.infer import default_padding
from muxviz.loading.layout import DEMUXING_VARIANTS, MUXING_VARIANTS, PUBLISHED_CLASSES
from muxviz.loading.tokenizer import counting_tokenizer
from muxviz.ui.shell.checkpoints import Listed, read_object

CONTROLS = ("[SEP]", "[PAD]", "[CLS]", "[MASK]", "[UNK]", "<s>", "</s>", "<pad>", "<mask>", "<unk>")


@dataclass(frozen=True)
class Counter:
    """Counts tokens, specials included, as the checkpoint's tokenizer does.

    config: what matters for lengths, as the JSON file says it; None where it does not say enough.
    """

    tokenizer: Any  # tokenizers.Tokenizer
    config: MuxConfig | None

    def tokens(self, row: Row) -> int | None:
        """Tokens of a row before anything is cut; None where only the model can tell."""
        try:
            return len(self.tokenizer.encode(row.text, row.pair).ids)
        except Exception:  # no token for an unknown word: the Rust code raises bare Exception
            return None

    def controls(self, row: Row) -> list[str]:
        """Control tokens that the row spells out, which its tokenizer takes for them."""
        text = f"{row.text}\n{row.pair or ''}"
        return [c for c in CONTROLS if c in text and self.tokenizer.token_to_id(c) is not None]

    def limit(self, padding: str | None) -> int | None:
        """Most tokens that stay, or None when not known."""
        if self.config is None:
            return None
        return max_tokens(self.config, padding or self.config.default_padding)


def counter_of(checkpoint: Listed | None) -> Counter | None:
    """The counter of a checkpoint, or None where it can only be told by loading."""
    if checkpoint is None or checkpoint.folder is None:
        return None
    return _counter(str(checkpoint.folder), checkpoint.stamp)


@st.cache_resource(max_entries=8, show_spinner=False)
def _counter(folder: str, stamp: str) -> Counter | None:
    raw = read_object(Path(folder) / "config.json")
    try:
        tokenizer = counting_tokenizer(
            Path(folder), str(raw.get("model_type")), raw.get("vocab_size", 0)
        )
    except Exception:  # the Rust reader raises bare Exception; a run will explain
        return None
    return None if tokenizer is None else Counter(tokenizer, _config(raw))


def _config(raw: dict[str, Any]) -> MuxConfig | None:
    try:
        declared = PUBLISHED_CLASSES[raw["architectures"][0]]
        sizes = {name: raw[name] for name in field_names(BackboneShape) if name in raw}
        ours = raw.get("muxviz", {})
        mixed = declared.is_multiplexed
        return MuxConfig(
            declared.backbone,
            declared.task,
            BackboneShape(**sizes),
            num_instances=raw["num_instances"] if mixed else 1,
            multiplexer=MUXING_VARIANTS[raw["muxing_variant"]] if mixed else "identity",
            demultiplexer=DEMUXING_VARIANTS[raw["demuxing_variant"]] if mixed else "identity",
            default_padding=ours.get("default_padding", default_padding(mixed)),
            fixed_length=ours.get("fixed_length", 128),
        )
    except (KeyError, IndexError, TypeError, AttributeError, MuxvizError):
        return None
