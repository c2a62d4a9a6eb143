"""A loaded checkpoint: model, configuration, tokenizer, card."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from muxviz.config import MuxConfig
from muxviz.errors import NotApplicable
from muxviz.files import real_number
from muxviz.model.mux_model import MuxModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to run a model and to say what it is.

    model: in eval mode and frozen. tokenizer: None when the folder has none and the vocabulary is
    not bert-base-uncased's; token ids can still be run. card: ``card.json`` of the folder, or {}.
    fingerprint: 12 hex digits of the weights' and configuration's content.
    """

    name: str
    model: MuxModel
    config: MuxConfig
    tokenizer: PreTrainedTokenizerBase | None
    card: dict[str, Any]
    folder: Path
    fingerprint: str
    stored_dtype: str
    notes: tuple[str, ...] = field(default=())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """In which precision the model computes."""
        return next(self.model.parameters()).dtype

    @property
    def temperature(self) -> float | None:
        """What its logits are divided by before they say how sure an answer is.

        None where its card has none that was fitted for these weights.
        """
        found = self.card.get("calibration")
        if not isinstance(found, dict) or found.get("fingerprint") != self.fingerprint:
            return None
        return real_number(found.get("temperature"), low=0.01, high=100)

    def at_temperature(self, temperature: float) -> Checkpoint:
        """The same with another temperature; its folder stays as it is."""
        known = {"temperature": temperature, "fingerprint": self.fingerprint}
        return replace(self, card=self.card | {"calibration": known})

    @property
    def is_stored(self) -> bool:
        """Whether the weights are those of a folder, and the fingerprint is theirs."""
        return re.fullmatch("[0-9a-f]{12}", self.fingerprint) is not None

    def need_tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer.

        Raises:
            NotApplicable: this checkpoint came without one.
        """
        if self.tokenizer is None:
            raise NotApplicable(
                f"{self.name} has no tokenizer and its vocabulary of "
                f"{self.config.shape.vocab_size:,} is not bert-base-uncased's 30,522; texts cannot "
                "be read, token ids can. Put tokenizer.json or vocab.txt into its folder"
            )
        return self.tokenizer


def describe_dtype(dtype: torch.dtype) -> str:
    """``torch.float32`` -> ``float32``."""
    return str(dtype).removeprefix("torch.")
