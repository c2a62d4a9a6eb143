"""A multiplexer or demultiplexer of one's own: its own forward is what answers, everywhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.attention.readings import instance_attention
from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import key_geometry, key_interference
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.analysis.whatif.dial import key_dial
from muxviz.analysis.whatif.dose import dose_response
from muxviz.batch import Row
from muxviz.config import DEMULTIPLEXERS, MULTIPLEXERS
from muxviz.engine.engine import Engine
from muxviz.engine.int8 import int8_model
from muxviz.errors import ConfigError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.demultiplexer import MLPDemultiplexer, PrefixDemultiplexer, RSADemultiplexer
from muxviz.model.multiplexer import (
    ContextualMultiplexer,
    CrossInstanceMultiplexer,
    HadamardMultiplexer,
    OrthogonalMultiplexer,
)
from tests.engine.test_engine import inputs
from tests.model.engine_parity import engine_difference
from tests.tiny import tiny_checkpoint, tiny_config

ROWS = [Row("the good film"), Row("a dog and a cat"), Row("we go home")]
POOL = ("a man at night", "the old city", "music is fun", "the dog runs")
TASKS: list[dict[str, Any]] = [
    {},
    {"readout": "mean"},
    {"task": "token_classification"},
    {"task": "masked_lm"},
]


def other(kind: type[nn.Module]) -> type[nn.Module]:
    """A subclass with a forward of its own, and nothing else."""

    class Other(kind):  # type: ignore[valid-type, misc]
        def forward(self, *given: Any) -> Tensor:
            return torch.tanh(3 * super().forward(*given))

    return Other


def with_part(name: str, kind: type[nn.Module], changes: dict[str, Any]) -> Checkpoint:
    """A model whose part ``name`` is of a class of one's own, with the weights it had."""
    checkpoint = tiny_checkpoint(tiny_config(**changes))
    parts: list[Any] = [getattr(checkpoint.model, name)]
    if name == "demultiplexer" and checkpoint.model.retrieval_reader is not None:
        parts.append(checkpoint.model.retrieval_reader)
    for part in parts:
        part.__class__ = other(kind)
    return checkpoint


@pytest.mark.parametrize("multiplexer", [name for name in MULTIPLEXERS if name != "identity"])
@pytest.mark.parametrize("demultiplexer", [name for name in DEMULTIPLEXERS if name != "identity"])
def test_every_pair_of_parts_answers_as_its_whole_model(
    multiplexer: str, demultiplexer: str
) -> None:
    for task in TASKS:
        try:
            config = tiny_config(multiplexer=multiplexer, demultiplexer=demultiplexer, **task)
        except ConfigError:
            continue  # refused before anything is built
        checkpoint = tiny_checkpoint(config)
        assert engine_difference(checkpoint, *inputs(checkpoint)) < 1e-5, task


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (HadamardMultiplexer, "gaussian_hadamard"),
        (OrthogonalMultiplexer, "random_orthogonal"),
        (ContextualMultiplexer, "contextual"),
        (CrossInstanceMultiplexer, "cross_instance"),
    ],
)
def test_a_multiplexer_of_ones_own_is_answered_by_its_own_forward(
    kind: type[nn.Module], name: str
) -> None:
    checkpoint = with_part("multiplexer", kind, {"multiplexer": name})
    assert engine_difference(checkpoint, *inputs(checkpoint)) < 1e-5
    parent = tiny_checkpoint(checkpoint.config)
    assert engine_difference(checkpoint, *inputs(checkpoint), engine=Engine(parent)) > 1e-2


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("kind", "name"),
    [(RSADemultiplexer, "rsa"), (PrefixDemultiplexer, "index_prefix"), (MLPDemultiplexer, "mlp")],
)
def test_a_demultiplexer_of_ones_own_is_answered_by_its_own_forward(
    kind: type[nn.Module], name: str, task: dict[str, Any]
) -> None:
    checkpoint = with_part("demultiplexer", kind, {"demultiplexer": name, **task})
    assert engine_difference(checkpoint, *inputs(checkpoint)) < 1e-4


def test_what_is_not_known_of_a_part_is_not_said() -> None:
    mux = with_part("multiplexer", HadamardMultiplexer, {})
    says = "not applicable: the Other multiplexer does not say"
    with pytest.raises(NotApplicable, match="Other multiplexer is not known to add up one part"):
        slot_pairs(mux, ROWS)
    for measure in (key_interference, matched_filter):
        with pytest.raises(NotApplicable, match=f"{says} by which filters"):
            measure(mux, ROWS, pool=POOL)
    geometry = key_geometry(mux, ROWS)
    assert geometry.interference is None
    assert geometry.reasons["interference"].startswith(says)
    with pytest.raises(NotApplicable, match="the Other multiplexer is another"):
        instance_attention(mux, ROWS)
    assert dose_response(mux, ROWS).scales_inputs
    del mux.model.multiplexer.instance_embedding
    bare = key_geometry(mux, ROWS)
    assert bare.mux is None
    assert "has no instance_embedding" in bare.reasons["mux"]
    demux = with_part("demultiplexer", RSADemultiplexer, {})
    with pytest.raises(NotApplicable, match="Other demultiplexer does not say which numbers"):
        key_dial(demux, ROWS, 0, 1)
    with pytest.raises(NotApplicable, match="Other demultiplexer has no units"):
        gate_flips(demux, ROWS, pool=POOL)
    assert "does not say which numbers" in key_geometry(demux, ROWS).reasons["demux"]


def test_int8_leaves_the_layers_of_an_unknown_demultiplexer() -> None:
    demux = with_part("demultiplexer", RSADemultiplexer, {})
    assert isinstance(int8_model(demux.model).demultiplexer.pre_decoder, nn.Linear)
    assert not isinstance(int8_model(tiny_checkpoint().model).demultiplexer.pre_decoder, nn.Linear)


class Scaled(nn.Module):
    """A sum of parts that says so: then its parts are shown."""

    def __init__(self, instance_embedding: Tensor) -> None:
        super().__init__()
        self.instance_embedding = nn.Parameter(instance_embedding, requires_grad=False)

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        return self.parts(embeddings).sum(dim=1)

    def parts(self, embeddings: Tensor) -> Tensor:
        return embeddings * self.instance_embedding[:, None].to(embeddings.dtype) / 7


def test_a_part_may_say_what_is_known_of_it() -> None:
    checkpoint = tiny_checkpoint()
    old: Any = checkpoint.model.multiplexer
    checkpoint.model.multiplexer = Scaled(old.instance_embedding.detach())
    assert engine_difference(checkpoint, *inputs(checkpoint)) < 1e-5
    assert slot_pairs(checkpoint, ROWS).residual < 1e-5
