"""What a packed start's student is compared on: at every place where its task is read.

Task loss; ``answer_coeff`` times the squared distance of its logits from the teacher's, both less
their mean over classes, over the variance of the teacher's; ``logit_coeff`` times the KL; and
``state_coeff`` times the squared distance of two maps from the principal parts of the teacher's
states: of the demultiplexed state from those after the last layer, of the slot's own dimensions
half-way up from those after the teacher's middle layer. A distance of 1 is that of the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's name for it)

from muxviz.training.packed.answers import PRINCIPAL, centred
from muxviz.training.packed.layout import Layout
from muxviz.training.rows import UNLABELLED

if TYPE_CHECKING:
    from muxviz.training.batches import Batch
    from muxviz.training.objectives import Terms, TrainingModel
    from muxviz.training.recipe import Stage


class Imitation(nn.Module):
    """Linear maps from a packed model's states to the teacher's principal parts; not exported."""

    def __init__(self, width: int, layout: Layout, theirs: int) -> None:
        super().__init__()
        self.layout = layout
        self.last = nn.Linear(width, min(PRINCIPAL, theirs))
        self.middle = nn.Linear(layout.own, min(PRINCIPAL, theirs))
        for one in (self.last, self.middle):  # the mean, which is 1 from the teacher
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)


def middle_layer(layers: int) -> int:
    """After how many of ``layers`` the slot's own dimensions are compared."""
    return max(1, layers // 2)


def imitate_at_places(
    parts: TrainingModel, layers: list[Tensor], batch: Batch, stage: Stage, terms: Terms
) -> None:
    """Add the losses of ``stage`` at the places that the teacher was asked about.

    Args:
        layers: the encoder's input and the output of every layer, ``[B, T, D]`` each.
    """
    asked = batch.asked
    assert asked is not None
    model: Any = parts.model
    at = (asked.groups, asked.slots, asked.places)
    states = model.demultiplexer.at(layers[-1], *at)
    logits = model.head(states).float()
    of = max(1.0, batch.totals["task"])
    is_token = batch.token_labels is not None
    labels = batch.token_labels[at] if is_token else batch.labels[at[:2]]  # type: ignore[index]
    if stage.task_coeff:
        _task(logits, labels, stage, terms, of)
    if stage.answer_coeff:
        apart = (centred(logits) - centred(asked.logits)).square().sum()
        terms.add("answer", stage.answer_coeff, apart / asked.variance / of)
    if stage.logit_coeff:
        ours, theirs = logits.log_softmax(dim=-1), asked.logits.log_softmax(dim=-1)
        part = F.kl_div(ours, theirs, reduction="sum", log_target=True)
        terms.add("logit", stage.logit_coeff, part / of)
    if stage.state_coeff:
        maps: Imitation = parts.imitation
        last = (maps.last(states).float() - asked.last).square().sum()
        terms.add("last_state", stage.state_coeff, last / of)
        if stage.sharing:  # no dimensions are a slot's own
            return
        half = layers[middle_layer(len(layers) - 1)]
        own = maps.layout.own_of(half)[asked.groups, asked.places, asked.slots]
        middle = (maps.middle(own).float() - asked.middle).square().sum()
        terms.add("middle_state", stage.state_coeff, middle / of)


def _task(logits: Tensor, labels: Tensor, stage: Stage, terms: Terms, of: float) -> None:
    if labels.is_floating_point():
        part = (logits[:, 0] - labels.float()).square().sum()
    else:
        part = F.cross_entropy(logits, labels, ignore_index=UNLABELLED, reduction="sum")
        terms.count("task_accuracy", (logits.argmax(dim=-1) == labels).float())
    terms.add("task", stage.task_coeff, part / of)
