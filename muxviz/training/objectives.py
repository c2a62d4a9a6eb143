"""The losses of one step, for plain and multiplexed models of every task.

Total = task_coeff * objective + retrieval_coeff * CE_retrieval, as in MUX-PLM (arXiv 2302.12441),
where the objective is the task's own loss, masked LM, or replaced-token detection
(generator_coeff * CE_generator beside it where there is a generator). Ours on top: hidden_coeff and
sentence_coeff times the squared distance to the teacher's standardised states, logit_coeff times
the KL to its labels, probe_coeff times the loss of a linear probe (N = 1).

Every loss is a sum divided by a total of the whole step (``Batch.totals``), so the shares of
several processes or micro-batches add up to the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's name for it)

from muxviz.model.heads import Head, HeadSpec
from muxviz.model.mux_model import MuxModel, PreparedInput
from muxviz.training.batches import Batch
from muxviz.training.packed.losses import Imitation, imitate_at_places
from muxviz.training.pruning import (
    Companion,
    LayerMap,
    answers,
    build_gates,
    imitate_companion,
    worn_pass,
)
from muxviz.training.recipe import Recipe, Stage
from muxviz.training.rows import UNLABELLED


@dataclass
class Terms:
    """What one pass adds: weighted losses to differentiate, and numbers to report.

    sums: name -> (weighted part of the step's mean, as a tensor). hits: name -> [right, of].
    slots: read-back hits and places per slot, ``[2, N]``.
    """

    total: Tensor
    values: dict[str, Tensor]
    hits: dict[str, Tensor]
    slots: Tensor | None = None

    def add(self, name: str, weight: float, part: Tensor) -> None:
        """Add a loss: its part of the step's mean, weighted in the total."""
        self.total = self.total + weight * part
        self.values[name] = part.detach()

    def count(self, name: str, right: Tensor) -> None:
        """Add an accuracy: a 0/1 tensor of what was right."""
        of = right.new_tensor(right.numel(), dtype=torch.float32)
        self.hits[name] = torch.stack([right.sum().float(), of]).detach()


class TrainingModel(nn.Module):
    """The model to train with everything that is trained beside it and not exported.

    probe: N = 1, a linear probe on mean-pooled states, which makes a teacher's states carry the
    label. hidden_map, sentence_map: linear maps from the student's states to the teacher's (they
    need not share a basis). imitation: the same of a packed start. replaced_head: a discriminator
    head where the model has none. generator: the small masked LM that proposes replacements.
    """

    def __init__(
        self,
        model: MuxModel,
        recipe: Recipe,
        generator: MuxModel | None = None,
        companion: Companion | None = None,
        imitation: Imitation | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.generator = generator
        self.companion = companion  # no module of this one
        self.gates = build_gates(recipe, model)
        self.generator_coeff = recipe.model.generator_coeff
        width, shape = model.config.readout_width, model.config.shape
        theirs = model.config.shape.hidden_size
        stages = recipe.stages
        if any(stage.probe_coeff for stage in stages):
            self.probe = nn.Linear(width, model.config.num_labels)
        if any(stage.hidden_coeff for stage in stages):
            self.hidden_map = nn.Linear(width, theirs)
        if any(stage.sentence_coeff for stage in stages):
            self.sentence_map = nn.Linear(width, theirs)
        if imitation is not None:
            self.imitation = imitation
        if any(stage.layer_coeff for stage in stages):
            self.layer_map = LayerMap(model.config.kept.hidden, theirs)
        needs_head = any(s.objective == "replaced_tokens" and s.task_coeff for s in stages)
        if needs_head and model.config.task != "replaced_token_detection":
            spec = HeadSpec("gelu")
            self.replaced_head = Head(width, 1, spec, eps=shape.layer_norm_eps, dropout=0.0)

    def forward(
        self,
        batch: Batch,
        stage: Stage,
        target: float = 0.0,
        alive: list[bool] | None = None,
    ) -> Terms:
        """All losses that ``stage`` asks for, from one pass.

        Args:
            target: sparsity that the gates are pulled to, in a stage that prunes.
            alive: per layer, whether masks that are worn already leave it attention.
        """
        if stage.sparsity and alive is None:
            return worn_pass(self, batch, stage, target)
        model = self.model
        terms = Terms(batch.ids.new_zeros((), dtype=torch.float32), {}, {})
        if self.generator is not None and batch.originals is not None:
            batch = self._replace(batch, stage, terms)
        prepared = model.prepare(batch.ids, batch.mask, batch.types)
        entry = model.walk(prepared)
        layers = model.encoder.all_states(entry.hidden, entry.mask)
        hidden = layers[-1]
        states = None if batch.asked is not None else self._states(hidden, prepared, stage)
        if stage.task_coeff and stage.objective == "masked_lm":
            self._masked_lm(hidden, prepared, batch, stage, terms)
        elif stage.task_coeff and stage.objective == "replaced_tokens":
            self._replaced(states, prepared, batch, stage, terms)
        elif batch.asked is not None:
            imitate_at_places(self, layers, batch, stage, terms)
        elif stage.task_coeff or stage.logit_coeff:
            self._task(hidden, states, prepared, batch, stage, terms)
        self._imitate_teacher(hidden, states, prepared, batch, stage, terms)
        self._imitate_companion(layers, states, prepared, batch, stage, terms, alive)
        if stage.retrieval_coeff:
            self._retrieval(hidden, prepared, batch, stage, terms)
        if stage.probe_coeff and states is not None:
            guess = self.probe(_mean(states, batch.mask)).float()
            part = _cross_entropy(guess, batch.labels)
            terms.add("probe", stage.probe_coeff, part / max(1.0, batch.totals["probe"]))
        return terms

    def _imitate_teacher(
        self,
        hidden: Tensor,
        states: Tensor | None,
        prepared: PreparedInput,
        batch: Batch,
        stage: Stage,
        terms: Terms,
    ) -> None:
        """Squared distances to the plain teacher's states, where the stage asks for them."""
        model = self.model
        if stage.sentence_coeff and batch.teacher_hidden is not None:
            sentence = model.sentence_state(hidden, prepared, states)
            part = _squared(self.sentence_map(sentence), batch.teacher_hidden[..., 0, :])
            terms.add("sentence", stage.sentence_coeff, part / batch.totals["sentence"])
        if stage.hidden_coeff and batch.teacher_hidden is not None and states is not None:
            real = batch.mask[..., : states.shape[2]].bool()  # what a prefix displaces is padding
            theirs = batch.teacher_hidden[..., : real.shape[-1], :][real]
            part = _squared(self.hidden_map(states[real]), theirs)
            terms.add("hidden", stage.hidden_coeff, part / batch.totals["hidden"])

    def _imitate_companion(
        self,
        layers: list[Tensor],
        states: Tensor | None,
        prepared: PreparedInput,
        batch: Batch,
        stage: Stage,
        terms: Terms,
        alive: list[bool] | None,
    ) -> None:
        """Distances to the unpruned companion's layers and answers, where the stage asks."""
        if not (stage.layer_coeff or stage.prediction_coeff):
            return
        logits = None
        if stage.prediction_coeff:
            logits = answers(self.model, layers[-1], prepared, states)
        own: list[Any] = list(self.model.encoder.layers)
        known = alive or [bool(layer.has_attention) for layer in own]
        imitate_companion(self, layers[1:], logits, batch, stage, terms, known)

    def _states(self, hidden: Tensor, prepared: PreparedInput, stage: Stage) -> Tensor | None:
        """Demultiplexed tokens ``[B, N, T', D]``, where something reads all of them."""
        config = self.model.config
        imitates = stage.logit_coeff or stage.prediction_coeff
        by_task = stage.objective == "task" and (stage.task_coeff or imitates)
        wanted = (
            bool(stage.hidden_coeff or stage.probe_coeff)
            or (stage.objective == "replaced_tokens" and stage.task_coeff > 0)
            or bool(by_task and config.task == "token_classification")
            or bool((by_task or stage.sentence_coeff) and config.readout == "mean")
        )
        if not wanted:
            return None
        states: Tensor = self.model.demultiplexer(hidden, slice(prepared.prefix, None))
        return states

    def _retrieval(
        self, hidden: Tensor, prepared: PreparedInput, batch: Batch, stage: Stage, terms: Terms
    ) -> None:
        assert batch.read_slot is not None, "drawn by BatchMaker where retrieval_coeff is set"
        groups, places = (batch.read_slot >= 0).nonzero(as_tuple=True)
        slots = batch.read_slot[groups, places]
        logits = self._vocabulary(hidden, groups, slots, places + prepared.prefix)
        targets = prepared.ids[groups, slots, places + prepared.prefix]
        part = F.cross_entropy(logits, targets, reduction="sum")
        terms.add("retrieval", stage.retrieval_coeff, part / max(1.0, batch.totals["retrieval"]))
        right = (logits.argmax(dim=-1) == targets).float()
        terms.count("retrieval_accuracy", right)
        num = self.model.config.num_instances
        terms.slots = torch.stack(
            [
                torch.zeros(num, device=right.device).index_add_(0, slots, right),
                torch.bincount(slots, minlength=num).float(),
            ]
        )

    def _vocabulary(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """Retrieval logits ``[P, V]`` at single places."""
        head: Any = self.model.retrieval_head
        assert head is not None, "checked in prepare: the losses need a retrieval head"
        logits: Tensor = head(self.model.read_places(hidden, groups, slots, places))
        return logits.float()

    def _masked_lm(
        self, hidden: Tensor, prepared: PreparedInput, batch: Batch, stage: Stage, terms: Terms
    ) -> None:
        part, right = masked_lm_loss(self.model, hidden, prepared, batch)
        terms.add("masked_lm", stage.task_coeff, part / max(1.0, batch.totals["masked_lm"]))
        terms.count("masked_lm_accuracy", right)

    def _replace(self, batch: Batch, stage: Stage, terms: Terms) -> Batch:
        """Let the generator fill the masked tokens in; its own loss goes into ``terms``."""
        generator: Any = self.generator
        assert batch.originals is not None
        config = (
            self.model.config
        )  # the generator lengthens its input, so it needs no room of padding
        room = config.prefix_length if config.cuts_prefix_room else 0
        length = batch.ids.shape[-1] - room
        prepared = generator.prepare(batch.ids[..., :length], batch.mask[..., :length], None)
        hidden = generator.encoder(generator.walk(prepared).hidden, None)
        part, _ = masked_lm_loss(generator, hidden, prepared, batch)
        share = part / max(1.0, batch.totals["generator"])
        terms.add("generator", self.generator_coeff, share)
        with torch.no_grad():
            masked = (batch.ids != batch.originals)[..., :length]
            groups, slots, places = masked.nonzero(as_tuple=True)
            states = generator.read_places(hidden, groups, slots, places + prepared.prefix)
            logits = generator.retrieval_head(states).float()
            # The largest of logits plus Gumbel noise is a draw from their softmax.
            noise = -torch.log(-torch.log(torch.rand_like(logits).clamp(1e-9, 1 - 1e-7)))
            filled = batch.originals.clone()
            filled[groups, slots, places] = (logits + noise).argmax(dim=-1)
            replaced = (filled != batch.originals).long()
            replaced[batch.mask == 0] = UNLABELLED
        values = batch.__dict__ | {"ids": filled, "token_labels": replaced, "originals": None}
        return Batch(**values)

    def _replaced(
        self,
        states: Tensor | None,
        prepared: PreparedInput,
        batch: Batch,
        stage: Stage,
        terms: Terms,
    ) -> None:
        assert states is not None
        assert batch.token_labels is not None
        own = self.model.config.task == "replaced_token_detection"
        head: Any = self.model.head if own else self.replaced_head
        logits = head(states).squeeze(-1).float()
        labels = batch.token_labels[..., : logits.shape[-1]]
        real = labels != UNLABELLED
        targets = labels[real].float()
        part = F.binary_cross_entropy_with_logits(logits[real], targets, reduction="sum")
        terms.add("replaced", stage.task_coeff, part / batch.totals["replaced"])
        terms.count("replaced_accuracy", ((logits[real] > 0) == (targets > 0)).float())

    def _task(
        self,
        hidden: Tensor,
        states: Tensor | None,
        prepared: PreparedInput,
        batch: Batch,
        stage: Stage,
        terms: Terms,
    ) -> None:
        """The loss of the model's own task and what is compared with the teacher at its head."""
        model = self.model
        if model.config.task == "token_classification":
            assert states is not None
            read, labels = states, batch.token_labels
        else:
            read, labels = model.sentence_state(hidden, prepared, states), batch.labels
        head: Any = model.head
        logits = head(read).float()
        assert labels is not None
        if labels.dim() == 3:
            labels = labels[..., : logits.shape[2]]
        labelled = labels != UNLABELLED
        if stage.task_coeff and model.config.task == "regression":
            part = ((logits.squeeze(-1) - labels.float())[labelled] ** 2).sum()
            terms.add("task", stage.task_coeff, part / max(1.0, batch.totals["task"]))
        elif stage.task_coeff:
            part = _cross_entropy(logits, labels)
            terms.add("task", stage.task_coeff, part / max(1.0, batch.totals["task"]))
            right = logits.argmax(dim=-1)[labelled] == labels[labelled]
            terms.count("task_accuracy", right.float())
        if stage.logit_coeff and batch.teacher_logits is not None:
            self._imitate(logits, labels, batch, stage, terms)

    def _imitate(
        self, logits: Tensor, labels: Tensor, batch: Batch, stage: Stage, terms: Terms
    ) -> None:
        """KL of the teacher's label distribution from the student's (regression: squared)."""
        assert batch.teacher_logits is not None
        theirs = batch.teacher_logits
        of = batch.totals["logit"]
        if labels.dim() == 3:  # token task: where there is a label
            here = labels != UNLABELLED
            logits, theirs = logits[here], theirs[:, :, : labels.shape[2]][here]
            of = max(1.0, batch.totals["task"])
        if self.model.config.task == "regression":
            part = ((logits - theirs) ** 2).sum()
        else:
            part = F.kl_div(
                logits.log_softmax(dim=-1),
                theirs.log_softmax(dim=-1),
                reduction="sum",
                log_target=True,
            )
        terms.add("logit", stage.logit_coeff, part / of)


def masked_lm_loss(
    model: MuxModel, hidden: Tensor, prepared: PreparedInput, batch: Batch
) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy at the masked places, and which of them were right."""
    assert batch.token_labels is not None, "drawn by BatchMaker for this objective"
    length = prepared.ids.shape[-1] - prepared.prefix
    labels = batch.token_labels[..., :length]
    groups, slots, places = (labels != UNLABELLED).nonzero(as_tuple=True)
    targets = labels[groups, slots, places]
    if model.config.is_multiplexed:
        assert model.retrieval_head is not None
        states = model.read_places(hidden, groups, slots, places + prepared.prefix)
        logits = model.retrieval_head(states).float()
    else:
        assert model.head is not None
        logits = model.head(hidden[groups, places]).float()
    part = F.cross_entropy(logits, targets, reduction="sum")
    return part, (logits.argmax(dim=-1) == targets).float()


def needs_retrieval_head(stage: Stage, model: MuxModel) -> bool:
    """Whether ``stage`` cannot do without one."""
    masked = stage.objective == "masked_lm" and stage.task_coeff > 0
    return stage.retrieval_coeff > 0 or (masked and model.config.is_multiplexed)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    flat = logits.flatten(0, -2)
    return F.cross_entropy(flat, labels.flatten(), ignore_index=UNLABELLED, reduction="sum")


def _squared(ours: Tensor, theirs: Tensor) -> Tensor:
    """Squared distance, mean over dimensions, sum over the rest."""
    return ((ours.float() - theirs.float()) ** 2).mean(dim=-1).sum()


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over real positions: ``[B, N, L', D]``, ``[B, N, L]`` -> ``[B, N, D]``; L' <= L."""
    weights = mask[..., : states.shape[2], None].to(states.dtype)
    return (states * weights).sum(dim=2) / weights.sum(dim=2).clamp(min=1)
