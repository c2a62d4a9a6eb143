"""One group on its way through the stages, and what of its answer is explained.

Read next: ``attribution`` and ``attention/readings``, which both explain a number of one
slot's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import base_group, origin_of
from muxviz.batch import Group, Row, Seating
from muxviz.config import SENTENCE_TASKS
from muxviz.engine.guard import need_finite
from muxviz.errors import InputError, NotApplicable
from muxviz.inference import counted_tokens, group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.meaning import meaning
from muxviz.model.mux_model import PreparedInput
from muxviz.reading import token_names
from muxviz.results.attribution import Explained
from muxviz.results.group import Provenance

RUNNER_UP = -1  # against: the best other class of each place
NOTHING = -2  # against: no other class, the plain logit
FILLING_TASKS = ("masked_lm", "retrieval")


@dataclass(frozen=True)
class Target:
    """What is to be explained.

    slot: from 0. label: a class, None for the one the model answers. against: the class that it is
    contrasted with, RUNNER_UP, or NOTHING. place: a token of the slot's text ([CLS] is 0), None
    for the mean over its counted tokens; ignored where the whole text has one answer.
    """

    slot: int
    label: int | None = None
    against: int = RUNNER_UP
    place: int | None = None


@dataclass(frozen=True)
class Measure:
    """A target made definite on one answer.

    places, labels ``[P]``: token positions (0 for a whole text) and classes. against ``[P]`` or
    None. The number is the mean over places of logit[label] - logit[against].
    """

    task: str
    slot: int
    places: Tensor
    labels: Tensor
    against: Tensor | None

    def of(self, logits: Tensor) -> Tensor:
        """``[B, N, ...]`` logits of the model -> ``[B]``."""
        rows = class_logits(self.task, logits)[:, self.slot]
        value = rows[:, self.places, self.labels]
        if self.against is not None:
            value = value - rows[:, self.places, self.against]
        return value.mean(dim=1)


@dataclass(frozen=True)
class Entered:
    """One group as it enters the stages.

    prepared: ``[1, N, T]``. embeddings: ``[1, N, T, E]``, detached. tokens: names per slot and
    position. counted ``[N, T]``: no special token, no padding, no prefix. logits: of the model,
    empty where they were not asked for.
    """

    checkpoint: Checkpoint
    group: Group
    prepared: PreparedInput
    embeddings: Tensor
    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    logits: Tensor
    seating: Seating

    @property
    def length(self) -> int:
        """T."""
        return int(self.embeddings.shape[2])

    @property
    def hide(self) -> bool:
        """Whether padding is kept out of the pass."""
        return self.group.hides_padding

    @property
    def provenance(self) -> Provenance:
        """How what is computed from this group came about, now."""
        return origin_of(self.checkpoint, [self.group], self.seating)

    def repeated(self, batch: int) -> PreparedInput:
        """The prepared input for ``batch`` variants of the group, ``[batch, N, T]``."""
        ids, mask, types = (
            None if t is None else t.expand(batch, -1, -1)
            for t in (self.prepared.ids, self.prepared.mask, self.prepared.types)
        )
        assert ids is not None, "ids and mask are always there"
        assert mask is not None, "ids and mask are always there"
        return PreparedInput(ids, mask, types, self.prepared.prefix, self.prepared.cut)

    def visible(self) -> np.ndarray:
        """``[T]`` bool: positions that the encoder attends to."""
        if self.checkpoint.config.is_multiplexed and not self.hide:
            return np.ones(self.length, dtype=bool)
        return np.asarray(self.prepared.mask[0].amax(dim=0).cpu().numpy().astype(bool))


def enter(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    seating: Seating = Seating(),
    *,
    answer: bool = True,
) -> Entered:
    """Encode and embed the group that ``run_group`` would run; ``answer`` it too, or not."""
    model = checkpoint.model
    group = base_group(checkpoint, rows, seating)
    with torch.no_grad():  # not inference mode: what follows may differentiate
        ids, mask, types = group_tensors(checkpoint, [group])
        prepared = model.prepare(ids, mask, types, hide_padding=group.hides_padding)
        embeddings = model.embed(prepared)
        logits = torch.empty(0)
        if answer:
            logits = model(ids, mask, types, hide_padding=group.hides_padding).logits
    names = tuple(
        token_names(checkpoint.tokenizer, row) for row in prepared.ids[0].cpu().numpy().tolist()
    )
    counted = counted_positions(checkpoint, group, prepared)
    return Entered(checkpoint, group, prepared, embeddings, names, counted, logits, seating)


def counted_positions(checkpoint: Checkpoint, group: Group, prepared: PreparedInput) -> np.ndarray:
    """``[N, T]`` bool: the counted tokens of every slot, behind the prefix."""
    out = np.zeros(prepared.ids.shape[1:], dtype=bool)
    for slot, row in enumerate(group.rows):
        own = counted_tokens(checkpoint, row)[: out.shape[1] - prepared.prefix]
        out[slot, prepared.prefix : prepared.prefix + len(own)] = own
    return out


def class_logits(task: str, logits: Tensor) -> Tensor:
    """Logits of the model as ``[B, N, U, C]``: U is 1 for a whole text, C is 1 for a score."""
    if task in SENTENCE_TASKS:
        return logits[:, :, None]
    if task == "replaced_token_detection":
        return torch.stack([torch.zeros_like(logits), logits], dim=-1)
    return logits


def label_names(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of the classes; empty where the classes are the vocabulary, or there are none."""
    task = checkpoint.config.task
    if task == "replaced_token_detection":
        return ("original", "replaced")
    is_one_score = task == "regression" and checkpoint.config.num_labels == 1
    return () if task in FILLING_TASKS or is_one_score else checkpoint.config.labels


def answered_words(entered: Entered) -> tuple[tuple[str, ...], ...]:
    """Tokens with an answer of their own, per slot; empty where the whole text has one answer."""
    if entered.checkpoint.config.answers_texts:
        return ()
    prefix = entered.prepared.prefix
    return tuple(
        entered.tokens[slot][prefix : prefix + len(row.ids)]
        for slot, row in enumerate(entered.group.rows)
    )


def measure_of(entered: Entered, target: Target) -> Measure:
    """Fix a target on the group's own answer.

    Labels that apply each by itself, and scores, are contrasted with nothing: the label is the most
    probable one, or the first score, where none is asked for.

    Raises:
        InputError: a slot, class or token that is not there. NotApplicable: no token is counted.
        NotFinite: logits that are not numbers.
    """
    need_finite(entered.checkpoint, entered.logits)
    config = entered.checkpoint.config
    rows = class_logits(config.task, entered.logits)
    num, classes = rows.shape[1], rows.shape[-1]
    if not 0 <= target.slot < num:
        raise InputError(f"got slot {target.slot}; this model has slots 0 to {num - 1}")
    for what, value in (("label", target.label), ("against", target.against)):
        if value is not None and not (NOTHING if what == "against" else 0) <= value < classes:
            raise InputError(f"got {what} {value}; this model has classes 0 to {classes - 1}")
    places = torch.tensor(_places(entered, target, rows.shape[2]), device=rows.device)
    own = rows[0, target.slot, places]
    read = meaning(config)
    best = own.argmax(dim=-1) if read.is_right_or_wrong else own.new_zeros(1, dtype=torch.long)
    labels = best if target.label is None else torch.full_like(best, target.label)
    if target.against >= 0 and len(places) > 1:  # tokens that are answered so have no contrast
        apart = labels != target.against
        places, own, labels, best = places[apart], own[apart], labels[apart], best[apart]
    if target.against == NOTHING or not read.has_rivals:
        return Measure(config.task, target.slot, places, labels, None)
    against = torch.full_like(best, max(target.against, 0))
    if target.against == RUNNER_UP:
        against = own.scatter(1, labels[:, None], -torch.inf).argmax(dim=-1)
    if not len(places) or bool(torch.eq(against, labels).any()):
        raise InputError("a class is contrasted with itself; choose two, or none to contrast with")
    return Measure(config.task, target.slot, places, labels, against)


def _places(entered: Entered, target: Target, units: int) -> list[int]:
    """Rows of the answer that the target is the mean over."""
    if entered.checkpoint.config.answers_texts:
        return [0]
    prefix = entered.prepared.prefix
    row = entered.group.rows[target.slot]
    size = min(len(row.ids), units)
    if target.place is not None:
        if not 0 <= target.place < size:
            raise InputError(f"got token {target.place}; this text has tokens 0 to {size - 1}")
        return [target.place]
    counted = entered.counted[target.slot, prefix : prefix + size]
    if entered.checkpoint.config.task == "masked_lm":
        mask = entered.checkpoint.need_tokenizer().mask_token_id
        masked = [t for t in range(size) if row.ids[t] == mask]
        if masked:
            return masked
    if not counted.any():
        raise NotApplicable("not applicable: this slot has no token with an answer of its own")
    return [int(t) for t in np.flatnonzero(counted)]


def explained(entered: Entered, target: Target, measure: Measure) -> Explained:
    """The measure in words."""
    checkpoint = entered.checkpoint
    names = label_names(checkpoint)
    is_whole = checkpoint.config.answers_texts
    single = len(measure.places) == 1

    def name(classes: Tensor, unnamed: str) -> str:
        chosen = {int(c) for c in classes}
        if len(chosen) > 1 or (not single and unnamed):
            return unnamed
        index = chosen.pop()
        return names[index] if names else token_names(checkpoint.tokenizer, [index])[0]

    if checkpoint.config.task == "regression" and not names:
        return Explained(target.slot, "its score", "", ())
    label = name(measure.labels, "its answers" if target.label is None else "")
    against = ""
    if measure.against is not None:
        unnamed = "its runners-up" if target.against == RUNNER_UP else ""
        against = name(measure.against, unnamed)
    places = () if is_whole else tuple(int(p) for p in measure.places)
    return Explained(target.slot, label, against, places)
