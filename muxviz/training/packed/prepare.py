"""Puts a packed run together, and lays its narrow models out when every weight is to train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.gates import target_at
from muxviz.training.objectives import TrainingModel
from muxviz.training.packed.answers import Answers, ask, label
from muxviz.training.packed.layout import Layout
from muxviz.training.packed.losses import Imitation, middle_layer
from muxviz.training.packed.pool import Pool
from muxviz.training.packed.start import start_from
from muxviz.training.packed.tied import TiedModel, packed
from muxviz.training.recipe import Recipe
from muxviz.training.start import Start, fresh

IDLE_STD = 0.02  # of what idle heads and units begin with once every weight trains


@dataclass(frozen=True)
class PackedTeacher:
    """The plain model that a packed start is cut out of, and which of its layers are used."""

    model: MuxModel
    layers: tuple[int, ...]

    @classmethod
    def of(cls, recipe: Recipe, start: Start | None) -> PackedTeacher:
        """The model of ``start``, for ``recipe``.

        Raises:
            ConfigError: none is named, or it is not what a packed start can be cut out of.
        """
        if start is None or start.config is None:
            raise ConfigError(
                f"{recipe.name} has a packed start, which is cut out of a plain model of the same "
                "task; name one with --teacher"
            )
        theirs = start.config
        for what, given, wanted in (
            ("multiplexer", theirs.multiplexer, "identity"),
            ("backbone", theirs.backbone, "bert"),
            ("task", theirs.task, recipe.task),
        ):
            if given != wanted:
                raise ConfigError(
                    f"the teacher {start.folder} has {what} {given!r}; a packed start of this "
                    f"recipe needs {wanted!r}, name another with --teacher"
                )
        if theirs.structure is not None or theirs.shape.embedding_size != theirs.shape.hidden_size:
            raise ConfigError(
                f"the teacher {start.folder} is pruned, or its embeddings are narrower than its "
                "states; name another with --teacher"
            )
        model = MuxModel(theirs)
        model.load_state_dict(start.weights)
        layers = recipe.sizes.layers or tuple(range(theirs.shape.num_hidden_layers))
        return cls(model.eval().requires_grad_(False), layers)

    @property
    def middle(self) -> int:
        """After how many of its layers the middle depth comes."""
        return self.layers[middle_layer(len(self.layers)) - 1] + 1


def layout_of(recipe: Recipe, config: MuxConfig) -> Layout:
    """Which dimensions of the model are whose."""
    return Layout.of(
        config.shape,
        config.num_instances,
        own=recipe.packed.slot_width,
        heads=recipe.packed.slot_heads,
        units=recipe.packed.slot_units,
    )


def build_tied(
    recipe: Recipe, config: MuxConfig, teacher: PackedTeacher, pool: Pool
) -> tuple[TiedModel, float]:
    """The narrow model as it begins, and the share of the teacher's variance that it sees."""
    model = TiedModel(config, layout_of(recipe, config))
    fresh(model, recipe.seed)
    with torch.no_grad():
        vectors = draw_instance_embedding(config, torch.Generator())
        model.multiplexer.instance_embedding.copy_(vectors)  # type: ignore[operator]
    basis = start_from(
        teacher.model,
        teacher.layers,
        pool.rows,
        model,
        at_first=config.task != "token_classification",
        seed=recipe.seed,
    )
    return model, basis.share


def ask_packed(
    recipe: Recipe, teacher: PackedTeacher, pool: Pool, cache: Path, device: torch.device
) -> Answers:
    """The teacher's answers to all rows; those without a label get the teacher's."""
    answers = ask(
        teacher.model,
        pool.rows,
        cache,
        middle=teacher.middle,
        device=device,
        precision=recipe.training.precision,
    )
    unsure = np.zeros(len(pool.rows), dtype=bool)
    for kind in pool.unsure:
        unsure[pool.numbers(kind)] = True
    label(pool.rows, answers, unsure, recipe.task)
    return answers


def training_parts(recipe: Recipe, model: MuxModel, layout: Layout, theirs: int) -> TrainingModel:
    """``model`` with the maps to the teacher's states, where a stage compares those."""
    imitation = None
    if any(stage.state_coeff for stage in recipe.stages):
        imitation = Imitation(model.config.readout_width, layout, theirs)
    return TrainingModel(model, recipe, imitation=imitation)


def untied(parts: TrainingModel, recipe: Recipe) -> TrainingModel:
    """The same with the wide model, every weight on its own; it answers the same.

    What no slot uses is woken: idle heads and units get random weights to read with, and add
    nothing until theirs to write with have left zero.
    """
    tied = parts.model
    assert isinstance(tied, TiedModel)
    wide = packed(tied)
    if recipe.stages[-1].sharing:  # any vectors, of the same class
        wide.config = replace(wide.config, multiplexer="gaussian_hadamard")
    _wake(wide, tied.layout, torch.Generator().manual_seed(recipe.seed))
    theirs = parts.imitation.last.out_features if hasattr(parts, "imitation") else 0
    found = training_parts(recipe, wide, tied.layout, theirs)
    beside = {n: v for n, v in parts.state_dict().items() if not n.startswith("model.")}
    found.load_state_dict(beside, strict=False)
    return found


@torch.no_grad()
def share_slots(model: MuxModel, recipe: Recipe, index: int, at: int) -> None:
    """Put the slot vectors where step ``at`` of stage ``index`` has them."""
    stage = recipe.stages[index]
    if not stage.sharing:
        return
    start = recipe.stages[index - 1].sharing
    share = target_at(at, start=start, end=stage.sharing, warmup=stage.sharing_warmup)
    vectors: Any = model.multiplexer.instance_embedding
    vectors.copy_(shared_vectors(model.config, share, seed=recipe.seed))


def shared_vectors(config: MuxConfig, share: float, *, seed: int) -> Tensor:
    """Slot vectors ``[N, E]``: ``(1 - share)`` times chunks, ``share`` times Gaussian vectors of
    the same length, the root of E / N.
    """
    draws = torch.Generator().manual_seed(seed)
    width, num = config.embedding_width, config.num_instances
    chunks = draw_instance_embedding(replace(config, multiplexer="binary_hadamard"), draws)
    gaussian = replace(config, multiplexer="gaussian_hadamard")
    theirs = draw_instance_embedding(gaussian, draws, norm=(width / num) ** 0.5)
    return (1 - share) * chunks + share * theirs


@torch.no_grad()
def _wake(model: MuxModel, layout: Layout, draws: torch.Generator) -> None:
    used = {kind: layout.places(kind).flatten() for kind in ("heads", "units")}

    def noise(weight: Tensor, kind: str) -> None:
        idle = torch.ones(len(weight), dtype=torch.bool)
        idle[used[kind]] = False
        weight[idle] = torch.randn(int(idle.sum()), weight.shape[1], generator=draws) * IDLE_STD

    layers: Any = model.encoder.layers
    for layer in layers:
        own = layer.attention.self
        for module in (own.query, own.key, own.value):
            noise(module.weight, "heads")
        noise(layer.intermediate.dense.weight, "units")


def whole_weights(model: MuxModel) -> dict[str, Tensor]:
    """The weights of ``model`` as a ``MuxModel``'s: those of a tied one laid out."""
    return (packed(model) if isinstance(model, TiedModel) else model).state_dict()
