"""One group through one pass: the answers, the read-back, and how all of it was obtained."""

from __future__ import annotations

from dataclasses import dataclass, field

from muxviz.results.answers import Answer
from muxviz.results.reading import Leak, TokenReading

EQUAL_SLOTS = "all slots equal"  # who answered "alone", where no N = 1 baseline did


def pruned_words(sparsity: float) -> str:
    """A sparsity above 0 as ``"95 % pruned"``; never rounded to all or nothing."""
    if sparsity >= 0.995:
        return f"{100 * min(sparsity, 0.99949):.1f} % pruned"
    return "under 1 % pruned" if sparsity < 0.005 else f"{100 * sparsity:.0f} % pruned"


@dataclass(frozen=True)
class Provenance:
    """How a number was obtained."""

    checkpoint: str
    fingerprint: str
    num_instances: int
    device: str
    dtype: str
    padding: str
    length: int  # tokens per text in the pass, padding included
    fill: str  # how free slots are filled
    seed: int
    threads: int
    versions: tuple[str, ...]
    measured: str  # UTC, ISO 8601, to the second
    sparsity: float = 0.0  # share of the encoder's weights pruned away, 0 for an unpruned model

    @property
    def named(self) -> str:
        """The checkpoint, and how much of it was pruned away: ``"sst2-n10-s95, 95 % pruned"``."""
        return (
            f"{self.checkpoint}, {pruned_words(self.sparsity)}"
            if self.sparsity
            else self.checkpoint
        )

    def line(self) -> str:
        """One line to stand under a figure."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        pruned = f" · {pruned_words(self.sparsity)}" if self.sparsity else ""
        return (
            f"{self.checkpoint} ({self.fingerprint}){pruned} · N = {self.num_instances} · "
            f"{self.device} {self.dtype}, {threads} · padding {self.padding}, {self.length} "
            f"tokens · fill {self.fill}, seed {self.seed} · "
            f"{', '.join(self.versions)} · {self.measured}"
        )


@dataclass(frozen=True)
class Timing:
    """Seconds of one way to answer the group: median and quartiles of ``repeats`` passes."""

    name: str  # "multiplexed", "alone, one batch", "alone, one by one"
    passes: int  # forward passes it takes
    median_s: float
    q1_s: float
    q3_s: float
    repeats: int


@dataclass(frozen=True)
class SlotResult:
    """One slot of a group.

    cut_text: what did not fit, "" when all did. repeats: for a filler, the slot whose text it
    repeats; None for a text of the user's own. alone: the answer for the same text by itself, from
    the group's baseline; agrees: whether both give the same label (None where not comparable).
    """

    slot: int
    text: str
    pair: str | None
    num_tokens: int
    cut_text: str
    repeats: int | None
    answer: Answer
    alone: Answer | None
    agrees: bool | None
    reading: TokenReading | None

    @property
    def number(self) -> int:
        """The slot as shown: counted from 1."""
        return self.slot + 1

    @property
    def is_filler(self) -> bool:
        """Whether the slot only fills the group up (never counted or shown as an answer)."""
        return self.repeats is not None


@dataclass(frozen=True)
class GroupResult:
    """Everything Mix & read shows of one pass.

    leak: None without a retrieval head. baseline: name of the N = 1 checkpoint behind ``alone``,
    ``EQUAL_SLOTS`` when the checkpoint itself was given N copies, or "" for none. num_layers:
    encoder layers. notes: what does not apply here and why.
    """

    slots: tuple[SlotResult, ...]
    leak: Leak | None
    timings: tuple[Timing, ...]
    baseline: str
    num_layers: int
    task: str
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())

    @property
    def answered(self) -> tuple[SlotResult, ...]:
        """The slots that are not fillers."""
        return tuple(s for s in self.slots if not s.is_filler)
