"""Answer at once, ask the least certain again: a chain of engines that answers as one engine does.

    chain = Chain([Engine(first), Engine(second)], [Step(share=0.2)])
    for answers in stream(chain, rows, How()):  # as from any engine
        ...

The first model answers groups of its N. Of what a model answered, its ``Step`` chooses who is asked
again; those are grouped anew at the next model's N, in the order they came, and its answer
replaces the one before. A share is of the groups that are given together: of every window, where
texts are streamed, so that it is met in flat memory and a window's answers depend on its own rows
alone. A threshold looks at one answer by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from muxviz.batch import EncodedRow, Group, Seating, encode_rows, make_group, max_tokens
from muxviz.engine.engine import BATCH, Engine, Given, only_answers
from muxviz.errors import InputError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.tokenizer import tokenizer_rules
from muxviz.results import Answer, LabelAnswer

TASK = "sequence_classification"


@dataclass(frozen=True)
class Step:
    """Who of those that a model answered is asked again: one of the two.

    share: the least certain share of them, in [0, 1]; of equal certainty the first.
    below: all whose certainty is below this, in [0, 1]; 1 asks all.
    """

    share: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.share, self.below) if v is not None]
        if len(given) != 1 or not 0 <= given[0] <= 1:
            raise InputError(
                f"got share {self.share} and certainty {self.below} of whom to ask again; give one "
                "of the two, from 0 to 1"
            )

    def chosen(self, certainty: np.ndarray) -> np.ndarray:
        """Which of ``[n]`` answers are asked again, in order."""
        if self.below is not None:
            return np.flatnonzero((certainty < self.below) | (self.below == 1))
        assert self.share is not None, "one of the two is given"
        count = int(self.share * len(certainty) + 0.5)
        found: np.ndarray = np.sort(np.argsort(certainty, kind="stable")[:count])
        return found


@dataclass
class Chain:
    """Engines one after another, with the interface of ``Engine`` that texts are answered by.

    Args:
        engines: two or more, all of one task and with the same labels; N may differ.
        steps: one less: who is asked again by the next.
        seating: how rows that are asked again become groups.

    Raises:
        NotApplicable: a model that does not answer with one label of several.
        InputError: other labels than the first model's, or not one step between each two.
    """

    engines: Sequence[Engine]
    steps: Sequence[Step]
    seating: Seating = field(default_factory=Seating)

    def __post_init__(self) -> None:
        if len(self.engines) < 2 or len(self.steps) != len(self.engines) - 1:
            raise InputError(
                f"got {len(self.engines)} models and {len(self.steps)} shares or certainties; give "
                "two models or more, and one share or certainty for each but the last"
            )
        first = self.checkpoint.config
        for checkpoint in self.checkpoints:
            config = checkpoint.config
            if config.task != TASK:
                raise NotApplicable(
                    f"not applicable: {checkpoint.name} is for {config.task.replace('_', ' ')}; "
                    "only answers with one label for a text can be asked again"
                )
            if config.labels != first.labels:
                raise InputError(
                    f"{checkpoint.name} answers with {', '.join(config.labels)}, "
                    f"{self.checkpoint.name} with {', '.join(first.labels)}; a chain needs models "
                    "with the same labels in the same order"
                )

    @property
    def checkpoint(self) -> Checkpoint:
        """The first model: its N and tokenizer decide how texts are grouped."""
        return self.engines[0].checkpoint

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """All models in order."""
        return tuple(engine.checkpoint for engine in self.engines)

    @property
    def name(self) -> str:
        """All models, with what is asked again: ``sst2-n5, 20 % again by sst2-n1``."""
        words = [self.engines[0].name]
        for engine, step in zip(self.engines[1:], self.steps, strict=True):
            who = f"{step.share:.3g}" if step.below is None else f"certainty < {step.below:.4g}"
            words.append(f"{who} again by {engine.name}")
        return ", ".join(words)

    @property
    def precision(self) -> str:
        """That of the first model."""
        return self.engines[0].precision

    @property
    def computes(self) -> str:
        """That of the first model, with its runtime."""
        return self.engines[0].computes

    @property
    def not_finite(self) -> str:
        """Why there is no answer where logits are not numbers, as words behind "text 3"."""
        return self.engines[0].not_finite

    def answers(self, groups: Sequence[Group], *, batch: int = BATCH) -> list[list[Answer]]:
        """One list per group, as of ``Engine.answers``.

        Raises:
            NotFinite: logits that are not numbers.
        """
        return only_answers(self, self.give(groups, batch=batch))

    def give(self, groups: Sequence[Group], *, batch: int = BATCH) -> list[list[Given | None]]:
        """One list per group: what is answered in the end, in the slots of the first model."""
        found = self.engines[0].give(groups, batch=batch)
        rows = [
            row
            for group in groups
            for row, repeats in zip(group.rows, group.repeats, strict=True)
            if repeats is None
        ]
        flat = iter(self.settle(rows, [given for own in found for given in own], batch=batch))
        return [[next(flat) for _ in own] for own in found]

    def settle(
        self, rows: Sequence[EncodedRow], given: Sequence[Given | None], *, batch: int = BATCH
    ) -> list[Given | None]:
        """What is answered in the end, where the first model gave ``given``.

        A row that the next model's tokenizer keeps nothing of keeps its answer; one that the next
        model computes no numbers for has none.
        """
        found, at = list(given), [i for i, one in enumerate(given) if one is not None]
        for number, step in enumerate(self.steps, start=1):
            if not at:
                break
            at = [at[i] for i in step.chosen(np.array([_certainty(found[i]) for i in at]))]
            encoded = self._encoded(number, [rows[i] for i in at])
            at = [i for i, row in zip(at, encoded, strict=True) if not row.why_not]
            encoded = [row for row in encoded if not row.why_not]
            again = self._asked(self.engines[number], encoded, batch)
            for i, one in zip(at, again, strict=True):
                found[i] = one
            at = [i for i in at if found[i] is not None]
        return found

    def _encoded(self, number: int, rows: Sequence[EncodedRow]) -> list[EncodedRow]:
        if self._shared[number]:
            return list(rows)
        checkpoint, padding = self.engines[number].checkpoint, self.seating.padding
        return encode_rows(checkpoint, [r.row for r in rows], padding=padding, keep_bad=True)

    @cached_property
    def _shared(self) -> list[bool]:
        """Whether a model reads the very tokens that the first one read."""

        def room(checkpoint: Checkpoint) -> int:
            config = checkpoint.config
            return max_tokens(config, self.seating.padding or config.default_padding)

        kinds = [(room(c), tokenizer_rules(c.need_tokenizer())) for c in self.checkpoints]
        return [kind == kinds[0] for kind in kinds]

    def _asked(self, engine: Engine, rows: Sequence[EncodedRow], batch: int) -> list[Given | None]:
        """The answers of one model to rows, N to a group."""
        config = engine.checkpoint.config
        num = config.num_instances
        groups = [
            make_group(config, rows[start : start + num], self.seating)
            for start in range(0, len(rows), num)
        ]
        return [given for own in engine.give(groups, batch=batch) for given in own]


def _certainty(given: Given | None) -> float:
    assert given is not None, "only what was answered is asked again"
    assert isinstance(given.answer, LabelAnswer), "a chain is of classifiers"
    return given.answer.certainty
