"""A model run on seeded random ids: are its numbers usable, and does its retrieval head read?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import CheckpointInvalid
from muxviz.model.mux_model import MuxModel
from muxviz.tracing import trace

GROUPS, LENGTH, SEED = 4, 12, 0
TOLERANCE = 1e-5  # of a group alone against in a batch, relative to the largest logit
RARE = 1e-4  # probability below which a count of read tokens is not luck


@dataclass(frozen=True)
class SelfTest:
    """What the run showed; a model that fails it is not described but refused.

    batch_difference: largest difference of the logits of a group alone and in a batch. tokens_read
    of tokens_asked were the most probable ones in the retrieval head's eyes, where guessing gets
    ``chance`` of all; None without a retrieval head. tokens_needed: the smallest count that is not
    luck.
    """

    batch_difference: float
    tokens_asked: int | None
    tokens_read: int | None
    tokens_needed: int | None
    chance: float | None

    @property
    def reads_back(self) -> bool:
        """Whether the retrieval head reads its own tokens above chance."""
        return self.tokens_read is not None and self.tokens_read >= (self.tokens_needed or 0)

    @property
    def retrieval_is_untrained(self) -> bool:
        """Whether there is a retrieval head that reads no better than guessing."""
        return self.tokens_read is not None and not self.reads_back

    def lines(self) -> list[str]:
        """The result in sentences."""
        first = (
            "logits are finite and repeat exactly; a group alone and in a batch agree within "
            f"{self.batch_difference:.1e}"
        )
        if self.tokens_read is None or self.tokens_asked is None:
            return [first, "retrieval head untrained (or absent): slots cannot be read back"]
        verdict = "above chance" if self.reads_back else "retrieval head untrained (or absent)"
        return [
            first,
            f"{verdict}: the retrieval head reads {self.tokens_read} of {self.tokens_asked} random "
            f"tokens back ({self.tokens_needed} would be more than luck)",
        ]


@torch.inference_mode()
def self_test(model: MuxModel) -> SelfTest:
    """Run ``model`` on ``GROUPS`` groups of random ids and hold the results against each other.

    Args:
        model: in eval mode; not modified.

    Raises:
        CheckpointInvalid: logits are not finite, differ between two equal passes, or depend on
            the other groups of a batch.
    """
    ids = text_like_ids(model.config, GROUPS, LENGTH, SEED)
    device = next(model.parameters()).device
    logits = model(ids.to(device)).logits
    if not bool(torch.isfinite(logits).all()):
        raise CheckpointInvalid(
            "the model answers random ids with values that are not finite numbers; its weights "
            "are out of range, fetch or train it again"
        )
    if not torch.equal(logits, model(ids.to(device)).logits):
        raise CheckpointInvalid(
            "two equal passes give different logits; the model is not deterministic on this machine"
        )
    alone = model(ids[:1].to(device)).logits
    difference = float((alone - logits[:1]).abs().max())
    if difference > TOLERANCE * max(1.0, float(logits.abs().max())):
        raise CheckpointInvalid(
            f"a group alone and in a batch differ by {difference:.1e}; expected at most "
            f"{TOLERANCE:.0e} of the largest logit"
        )
    return SelfTest(difference, *_read_back(model, ids))


def text_like_ids(config: MuxConfig, groups: int, length: int, seed: int) -> Tensor:
    """Random ids ``[B, N, L]`` of ordinary words: no special token, no prefix marker.

    L is ``length`` tokens that reach the model, or fewer where its positions do not suffice.
    """
    low, high = word_ids(config)
    room = min(length, config.default_max_length)
    if config.cuts_prefix_room:
        room += config.prefix_length
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, high, (groups, config.num_instances, room), generator=generator)


def word_ids(config: MuxConfig) -> tuple[int, int]:
    """First id of ordinary words and the first one after them."""
    vocab = config.shape.vocab_size
    low = next((first for first in (999, 681, 104) if vocab >= first + 200), 0)
    return low, min(vocab, 49923) if config.backbone == "roberta" else vocab


def _read_back(
    model: MuxModel, ids: Tensor
) -> tuple[int | None, int | None, int | None, float | None]:
    """Tokens asked, read and needed, and the share that guessing gets."""
    if model.retrieval_head is None:
        return None, None, None, None
    config = model.config
    traced = trace(model, ids, retrieval="scores", attentions=False)
    assert traced.retrieval_scores is not None, "the model has a retrieval head"
    first = traced.prefix + (config.forced_first_token is not None)
    hits = (traced.retrieval_scores.read == traced.input_ids)[..., first:]
    low, high = word_ids(config)
    chance = 1 / (high - low)
    return hits.numel(), int(hits.sum()), least_beyond_luck(hits.numel(), chance), chance


def least_beyond_luck(tries: int, chance: float) -> int:
    """Smallest count of hits that ``tries`` guesses reach with a probability below ``RARE``."""
    if chance >= 1:
        return tries + 1
    tail, hits = 1.0, 0
    while tail >= RARE and hits <= tries:
        log_choose = math.lgamma(tries + 1) - math.lgamma(hits + 1) - math.lgamma(tries - hits + 1)
        log_mass = hits * math.log(chance) + (tries - hits) * math.log1p(-chance)
        tail -= math.exp(log_choose + log_mass)
        hits += 1
    return hits
