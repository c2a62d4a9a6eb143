"""What pruning adds to a training step: worn masks, the Lagrangian, and the unpruned companion.

As in CoFi and PruMUX: the student under sampled masks imitates the unpruned model of the same N
(the companion) on the same groups, its answers at a temperature and its layers through a learned
map, while the Lagrangian pulls the gates to the stage's sparsity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's name for it)

from muxviz.errors import ConfigError
from muxviz.loading.layout import is_published
from muxviz.model.fast import sentence_state
from muxviz.model.mux_model import MuxModel, PreparedInput
from muxviz.pruning.gates import Gates, target_at
from muxviz.pruning.masks import Masks, pruned
from muxviz.pruning.matching import align, teacher_layers
from muxviz.pruning.wearing import skipping, worn_weights
from muxviz.training.batches import Batch
from muxviz.training.recipe import Recipe, Stage

if TYPE_CHECKING:
    from muxviz.training.objectives import Terms

SENTENCE_TASKS = ("sequence_classification", "regression")
READOUT_BATCHES = 8  # groups of a step each, on which readout dimensions are weighed


@dataclass(frozen=True)
class Seen:
    """Every layer's output ``[B, T, D]`` of the companion, and its logits (None: not asked)."""

    layers: list[Tensor]
    logits: Tensor | None


class Companion:
    """The unpruned model of the same N, frozen; neither trained nor saved with the run."""

    def __init__(self, model: MuxModel, device: torch.device) -> None:
        self.model = model.to(device).eval().requires_grad_(False)

    @torch.no_grad()
    def look(self, batch: Batch, *, wants_logits: bool) -> Seen:
        """Its states and answers to the same groups."""
        model = self.model
        prepared = model.prepare(batch.ids, batch.mask, batch.types)
        entry = model.walk(prepared)
        states = model.encoder.all_states(entry.hidden, entry.mask)
        logits = None
        if wants_logits and model.config.task in SENTENCE_TASKS:
            head: Any = model.head
            logits = head(sentence_state(model, states[-1], prepared)).float()
        elif wants_logits:
            logits = model.answer(states[-1], prepared).logits.float()
        return Seen(states[1:], logits)


class LayerMap(nn.Linear):
    """The map from the student's states to the companion's; begins as the identity."""

    def __init__(self, kept: tuple[int, ...], width: int) -> None:
        super().__init__(len(kept), width)
        with torch.no_grad():
            self.weight.zero_()
            self.bias.zero_()
            self.weight[list(kept), range(len(kept))] = 1


def check_pruning(recipe: Recipe, model: MuxModel, companion: Companion | None) -> None:
    """See that the recipe's pruning can be done.

    Raises:
        ConfigError: it cannot.
    """
    asks = [s.name for s in recipe.stages if s.layer_coeff or s.prediction_coeff]
    if asks and companion is None:
        raise ConfigError(
            f"stage {asks[0]!r} imitates the unpruned model of the same N, and none is given; use "
            "`muxviz prune`, or set layer_coeff and prediction_coeff to 0"
        )
    config = model.config
    known = (*SENTENCE_TASKS, "token_classification")
    if any(s.prediction_coeff for s in recipe.stages) and config.task not in known:
        raise ConfigError(
            f"prediction_coeff compares answers of {', '.join(known)}; the task is {config.task}: "
            "set it to 0"
        )
    if companion is not None:
        theirs = companion.model.config
        same = ("num_instances", "task", "num_labels", "prefix_length")
        unlike = next((n for n in same if getattr(theirs, n) != getattr(config, n)), None)
        if unlike:
            raise ConfigError(
                f"the unpruned model has {unlike} {getattr(theirs, unlike)}, the recipe "
                f"{getattr(config, unlike)}; name the model that is pruned"
            )
    if not recipe.prunes:
        return
    own = next((p for p in (config.multiplexer, config.demultiplexer) if not is_published(p)), None)
    if own is not None:
        raise ConfigError(f"gates know the published parts only; {own!r} cannot be pruned")
    if config.structure is not None:
        raise ConfigError("the start is pruned already; gates need the unpruned model")
    if recipe.pruning.readout_width > config.shape.hidden_size:
        raise ConfigError(
            f"readout_width is {recipe.pruning.readout_width}; the states have "
            f"{config.shape.hidden_size}"
        )
    if recipe.pruning.readout_width and config.demultiplexer == "identity":
        raise ConfigError("readout_width: a plain model has no demultiplexer; leave it out")


def build_gates(recipe: Recipe, model: MuxModel) -> Gates | None:
    """The gates of a recipe that prunes."""
    if not recipe.prunes:
        return None
    shape = model.config.shape
    return Gates(
        shape, prune=recipe.pruning.prune, droprate=recipe.pruning.droprate, seed=recipe.seed
    )


def target_of(recipe: Recipe, index: int, at: int) -> float:
    """The target sparsity at step ``at`` of stage ``index``: it begins at the stage before's."""
    stage = recipe.stages[index]
    start = recipe.stages[index - 1].sparsity if index else 0.0
    return target_at(at, start=start, end=stage.sparsity, warmup=stage.sparsity_warmup)


def worn_pass(parts: Any, batch: Batch, stage: Stage, target: float) -> Terms:
    """All losses of the model under sampled masks, and the Lagrangian."""
    gates, model = parts.gates, parts.model
    masks = gates.sample() if parts.training else gates.settled()
    weights, left = worn_weights(model, masks)
    worn = {f"model.{name}": weight for name, weight in weights.items()}
    for name, kept in (("layer_map", left.hidden), ("hidden_map", left.readout)):
        if hasattr(parts, name):
            at = torch.tensor(kept, device=masks.hidden.device)
            worn[f"{name}.weight"] = getattr(parts, name).weight.index_select(1, at)
    if hasattr(parts, "sentence_map"):
        at = torch.tensor(left.readout, device=masks.hidden.device)
        worn["sentence_map.weight"] = parts.sentence_map.weight.index_select(1, at)
    alive = [bool(layer.heads) for layer in left.layers]
    with skipping(model, left):
        terms: Terms = torch.func.functional_call(
            parts, worn, (batch, stage), {"target": target, "alive": alive}
        )
    share = len(batch.ids) / stage.groups
    pressure = gates.pressure(target)
    terms.add("lagrangian", 1.0, pressure.loss * share)
    for name, value in (
        ("sparsity", pressure.sparsity),
        ("target_sparsity", pressure.sparsity.new_tensor(target)),
        ("lambda_1", gates.lambda_1),
        ("lambda_2", gates.lambda_2),
    ):
        terms.values[name] = value.detach() * share
    return terms


def imitate_companion(
    parts: Any,
    states: list[Tensor],
    logits: Tensor | None,
    batch: Batch,
    stage: Stage,
    terms: Terms,
    alive: list[bool],
) -> None:
    """Add the distances to the companion: of layers (summed over matched pairs), of answers."""
    seen = parts.companion.look(batch, wants_logits=bool(stage.prediction_coeff))
    share = len(batch.ids) / stage.groups
    if stage.layer_coeff:
        generator = torch.Generator().manual_seed(int(batch.rows.ravel()[0]))
        wanted = teacher_layers(stage.layer_matching, len(seen.layers), generator)
        mapped = [parts.layer_map(state).float() for state in states]
        rows = [torch.stack([F.mse_loss(m, seen.layers[t]) for m in mapped]) for t in wanted]
        distances = torch.stack(rows)
        chosen = align(distances, stage.layer_matching, alive)
        total = distances[range(len(chosen)), chosen].sum()
        terms.add("layer", stage.layer_coeff, total * share)
    if stage.prediction_coeff:
        assert seen.logits is not None
        assert logits is not None
        part = _divergence(logits, seen.logits, batch, stage, parts.model.config.task)
        terms.add("prediction", stage.prediction_coeff, part)


def _divergence(ours: Tensor, theirs: Tensor, batch: Batch, stage: Stage, task: str) -> Tensor:
    """KL of the companion's answers from ours at a temperature, times its square."""
    if task == "regression":
        return ((ours - theirs) ** 2).sum() / batch.totals["logit"]
    of = batch.totals["logit"]
    if task == "token_classification":
        real = batch.mask[..., : ours.shape[2]].bool()
        ours, theirs, of = ours[real], theirs[real], batch.totals["hidden"]
    heat = stage.temperature
    kl = F.kl_div(
        (ours / heat).log_softmax(dim=-1),
        (theirs / heat).log_softmax(dim=-1),
        reduction="sum",
        log_target=True,
    )
    return kl * heat**2 / of


def answers(model: MuxModel, hidden: Tensor, prepared: PreparedInput, states: Any) -> Tensor:
    """Logits of a labelled task from the last hidden state, reusing demultiplexed ``states``."""
    if model.config.task in SENTENCE_TASKS:
        head: Any = model.head
        logits: Tensor = head(model.sentence_state(hidden, prepared, states))
        return logits.float()
    return model.answer(hidden, prepared).logits.float()


def choose_readout(parts: Any, batches: list[Batch], width: int) -> None:
    """Keep the ``width`` readout dimensions that the answers depend on most.

    A dimension is weighed by the squared gradient of the log-chance of the model's own answer with
    respect to that dimension's mask, summed over batches (its Fisher information, as in Theis et
    al., arXiv 1801.05787).
    """
    model, gates = parts.model, parts.gates
    weight = torch.zeros_like(gates.readout)
    for batch in batches:
        ones = torch.ones_like(gates.readout).requires_grad_(True)
        whole = gates.sample({name: torch.ones_like(v) for name, v in gates.loga.items()}).detach()
        masks = Masks(**(vars(whole) | {"readout": ones}))
        worn, _ = worn_weights(model, masks)
        logits = torch.func.functional_call(
            model, worn, (batch.ids, batch.mask, batch.types)
        ).logits
        if model.config.task == "regression":
            score = logits.float().pow(2).sum()
        else:
            score = logits.float().log_softmax(dim=-1).amax(dim=-1).sum()
        (gradient,) = torch.autograd.grad(score, ones)
        weight += gradient**2
    kept = torch.topk(weight, width).indices
    gates.readout.zero_()
    gates.readout[kept] = 1


def settled_model(model: MuxModel, gates: Gates | None) -> MuxModel:
    """The model that the gates leave by now; ``model`` itself without gates."""
    return model if gates is None else pruned(model, gates.settled())
