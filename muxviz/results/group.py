"""One group through one pass: the answers, the read-back, and how all of it was obtained."""

from __future__ import annotations

from dataclasses import dataclass, field

from muxviz.results.answers import (
    Answer,
    FillAnswer,
    LabelAnswer,
    ReplacedAnswer,
    TagAnswer,
    parts_alike,
)
from muxviz.results.reading import Leak, Proportion, TokenReading

CLOSE = 0.5  # logits of margin, under which an answer is close to turning
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

    def brief(self) -> str:
        """What has to stand under a figure; the rest is in ``line``."""
        return f"{self.named} · N = {self.num_instances} · {self.device} {self.dtype}"

    def line(self) -> str:
        """All of it in one line."""
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

    @property
    def alike(self) -> tuple[int, int] | None:
        """Parts of its answer that are as alone, and of how many; None where not comparable."""
        return (
            None if self.agrees is None or not self.alone else parts_alike(self.answer, self.alone)
        )

    @property
    def lost(self) -> float:
        """Share of its counted tokens that were not read back, in [0, 1]; 0 where none is read."""
        found = self.reading.accuracy if self.reading else None
        return 1 - found.value if found and found.trials else 0.0

    @property
    def is_close(self) -> bool:
        """Whether its label has a margin under ``CLOSE``; of other answers no margin is known."""
        return isinstance(self.answer, LabelAnswer) and self.answer.margin < CLOSE


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

    @property
    def kept(self) -> tuple[int, int]:
        """Parts of answers that are as alone, and of how many; (0, 0) where none is comparable."""
        found = [slot.alike for slot in self.answered if slot.alike]
        return sum(same for same, _ in found), sum(of for _, of in found)

    @property
    def part(self) -> str:
        """What the parts of its answers are: "answer", or "tag", "mask", "token"."""
        kinds = {TagAnswer: "tag", FillAnswer: "mask", ReplacedAnswer: "token"}
        return kinds.get(type(self.slots[0].answer), "answer")

    @property
    def read_back(self) -> Proportion | None:
        """Counted tokens read back over all slots that are no fillers; None without a read-out."""
        parts = [s.reading.accuracy for s in self.answered if s.reading is not None]
        if not parts:
            return None
        return Proportion(sum(p.successes for p in parts), sum(p.trials for p in parts))

    def timing(self, name: str) -> Timing | None:
        """The timing of one way to answer the group."""
        return next((t for t in self.timings if t.name == name), None)

    @property
    def speed(self) -> float | None:
        """Time of answering one by one at N = 1, in times of one shared pass; None: not timed."""
        one, many = self.timing("multiplexed"), self.timing("alone, one by one")
        return many.median_s / one.median_s if one and many and one.median_s else None
