"""The engine: the whole walk's logits, with less work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

from muxviz.batch import Row, encode_rows, make_group
from muxviz.engine.engine import Engine
from muxviz.engine.int8 import int8_model
from muxviz.engine.stream import run_texts
from muxviz.errors import NotApplicable, VocabularyError
from muxviz.inference import forward_groups
from muxviz.model import fast
from muxviz.results import FillAnswer, LabelAnswer, TagAnswer
from tests.model.engine_parity import engine_difference
from tests.tiny import shared_checkpoint, tiny_ids

TOKEN = {"task": "token_classification", "num_labels": 3}
CASES: list[dict[str, Any]] = [
    {},
    {"readout": "mean"},
    {"task": "regression"},
    {"task": "regression", "num_labels": 2},
    {"task": "multi_label_classification", "num_labels": 3},
    TOKEN,
    {"task": "masked_lm"},
    {"num_demux_layers": 3},
    {"demultiplexer": "index_prefix"},
    {"demultiplexer": "index_prefix", "readout": "mean"},
    {"demultiplexer": "index_prefix", **TOKEN},
    {"demultiplexer": "index_prefix", "task": "masked_lm"},
    {"demultiplexer": "mlp"},
    {"demultiplexer": "mlp", "readout": "mean"},
    {"demultiplexer": "mlp", **TOKEN},
    {"multiplexer": "binary_hadamard"},
    {"multiplexer": "random_orthogonal"},
    {"multiplexer": "low_rank_orthogonal"},
    {"multiplexer": "contextual"},
    {"multiplexer": "contextual", **TOKEN},
    {"backbone": "electra"},
    {"backbone": "electra", "embedding_size": 16},
    {"backbone": "electra", "task": "replaced_token_detection"},
    {
        "backbone": "electra",
        "task": "replaced_token_detection",
        "multiplexer": "cross_instance",
    },
    {"backbone": "roberta", "demultiplexer": "index_prefix"},
    {"backbone": "roberta", "demultiplexer": "mlp"},
    {"num_instances": 10},
    {"plain": True},
    {"plain": True, **TOKEN},
    {"plain": True, "backbone": "electra"},
    {"plain": True, "backbone": "roberta"},
    {"plain": True, "task": "masked_lm"},
]


def name(case: dict[str, Any]) -> str:
    return "-".join(str(value) for value in case.values()) or "default"


def inputs(checkpoint: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of four groups, every second row with padding at its end."""
    ids = tiny_ids(checkpoint.config, groups=4, length=18)
    mask = torch.ones_like(ids)
    mask[:, ::2, -3:] = 0
    return torch.where(mask.bool(), ids, checkpoint.config.shape.pad_token_id), mask


@pytest.mark.parametrize("case", CASES, ids=name)
def test_every_part_answers_as_the_whole_walk_does(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = shared_checkpoint(**case)
    ids, mask = inputs(checkpoint)
    assert engine_difference(checkpoint, ids, mask) < 1e-5
    if checkpoint.config.multiplexer not in ("contextual", "cross_instance"):
        assert engine_difference(checkpoint, ids, mask, hide_padding=True) < 1e-5
    monkeypatch.setattr(fast, "TILE_BYTES", 1)  # a group, and a few rows, at a time
    monkeypatch.setattr(fast, "TILE_ROWS", 5)
    assert engine_difference(checkpoint, ids, mask) < 1e-5


def test_segments_reach_a_plain_model() -> None:
    checkpoint = shared_checkpoint(plain=True)
    ids, mask = inputs(checkpoint)
    types = torch.zeros_like(ids)
    types[..., 9:] = 1
    assert engine_difference(checkpoint, ids, mask, types) < 1e-5
    assert engine_difference(checkpoint, ids, mask) < 1e-5


def test_a_prefix_is_mixed_once_for_all_groups() -> None:
    checkpoint = shared_checkpoint(demultiplexer="index_prefix")
    ids, mask = inputs(checkpoint)
    prepared = checkpoint.model.prepare(ids, mask, None)
    with torch.inference_mode():
        slow = checkpoint.model.mix(checkpoint.model.embed(prepared), prepared.mask)
        quick = fast.mixture(checkpoint.model, prepared)
    torch.testing.assert_close(quick, slow, atol=1e-6, rtol=1e-5)
    assert torch.equal(quick[0, : prepared.prefix], quick[3, : prepared.prefix])


def test_the_last_layer_computes_only_what_is_read() -> None:
    first, mean = shared_checkpoint(), shared_checkpoint(readout="mean")
    for checkpoint, positions in ((first, 1), (mean, 18)):
        ids, mask = inputs(checkpoint)
        prepared = checkpoint.model.prepare(ids, mask, None)
        with torch.inference_mode():
            assert fast.encode(checkpoint.model, prepared).shape == (4, positions, 24)


def test_answers_are_those_of_the_whole_logits() -> None:
    rows = [Row(text) for text in ("the film is good", "a [MASK] old story", "dog", "cat [MASK]")]
    for case, kind in (({}, LabelAnswer), (TOKEN, TagAnswer), ({"task": "masked_lm"}, FillAnswer)):
        checkpoint = shared_checkpoint(**case)
        answers = list(run_texts(checkpoint, rows))
        assert [type(a.answer) for a in answers] == [kind] * 4
        encoded = encode_rows(checkpoint, rows)
        groups = [make_group(checkpoint.config, encoded[i : i + 3]) for i in (0, 3)]
        whole = forward_groups(checkpoint, groups)
        second = answers[1]
        logits = whole[0][1]
        if isinstance(second.answer, LabelAnswer):
            np.testing.assert_allclose(
                second.answer.probabilities, logits.softmax(-1).numpy(), atol=1e-6
            )
        elif isinstance(second.answer, TagAnswer):
            own = [t for t, special in enumerate(encoded[1].special) if not special]
            best = logits[own].softmax(-1).max(-1)
            assert second.answer.tags == tuple(checkpoint.config.labels[i] for i in best.indices)
            np.testing.assert_allclose(second.answer.probabilities, best.values, atol=1e-6)
        else:
            assert isinstance(second.answer, FillAnswer)
            assert second.answer.positions == (2,)
            best = logits[2].softmax(-1).topk(5)
            np.testing.assert_allclose(second.answer.probabilities[0], best.values, atol=1e-6)


def test_ids_outside_the_vocabulary_are_refused_before_they_travel() -> None:
    checkpoint = shared_checkpoint()
    ids = np.full((1, 3, 6), checkpoint.config.shape.vocab_size)
    with pytest.raises(VocabularyError, match="token ids run from"):
        Engine(checkpoint).logits(ids, np.ones_like(ids), np.zeros_like(ids))


@pytest.mark.parametrize("demultiplexer", ["rsa", "index_prefix", "mlp"])
def test_int8_is_near_and_leaves_the_checkpoint_alone(demultiplexer: str) -> None:
    checkpoint = shared_checkpoint(demultiplexer=demultiplexer, readout="mean", num_demux_layers=3)
    ids, mask = inputs(checkpoint)
    with torch.inference_mode():
        before = checkpoint.model(ids, mask).logits
    engine = Engine(checkpoint, int8=True)
    difference = engine_difference(checkpoint, ids, mask, engine=engine)
    assert 1e-5 < difference < 0.5 * float(before.abs().max())
    assert engine.precision == "int8"
    with torch.inference_mode():
        assert torch.equal(checkpoint.model(ids, mask).logits, before)
    kept = [
        n for n, m in int8_model(checkpoint.model).named_modules() if type(m) is torch.nn.Linear
    ]
    assert not any(n.startswith("encoder.") for n in kept)


def test_int8_says_where_it_does_not_apply() -> None:
    from dataclasses import replace

    from tests.tiny import tiny_checkpoint

    checkpoint = tiny_checkpoint()
    half = replace(checkpoint, model=checkpoint.model.to(torch.bfloat16))
    with pytest.raises(NotApplicable, match="bfloat16 on cpu"):
        Engine(half, int8=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_compiled_pass_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    # Traced for real, and run without generating code, which takes half a minute; generated code
    # is compared by ``muxviz bench exactness``.
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **given: compiler(f, backend="eager"))
    checkpoint = shared_checkpoint(readout="mean")
    ids, mask = inputs(checkpoint)
    engine = Engine(checkpoint, compiled=True)
    assert engine_difference(checkpoint, ids, mask, engine=engine) < 1e-5
    assert engine_difference(checkpoint, ids[:, :, :11], mask[:, :, :11], engine=engine) < 1e-5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_answers_as_its_own_whole_walk_does(compiled: bool) -> None:
    from dataclasses import replace

    from tests.tiny import tiny_checkpoint

    checkpoint = tiny_checkpoint()
    moved = replace(checkpoint, model=checkpoint.model.cuda())
    ids, mask = inputs(checkpoint)
    engine = Engine(moved, compiled=compiled)
    assert engine_difference(moved, ids.cuda(), mask.cuda(), engine=engine) < 1e-4


@pytest.mark.parametrize(
    "error", [InvalidCxxCompiler(), CppCompileError(["g++"], "no such header"), OSError(28, "full")]
)
def test_without_a_compiler_it_is_said(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling begins at the first pass, not where it is asked for."""

    def never(call: object, **options: object) -> Callable[..., object]:
        def compiled(*given: object, **named: object) -> object:
            raise error

        return compiled

    monkeypatch.setattr(torch, "compile", never)
    engine = Engine(shared_checkpoint(), compiled=True)
    group = make_group(engine.checkpoint.config, encode_rows(engine.checkpoint, [Row("a dog")]))
    with pytest.raises(NotApplicable, match=r"tiny cannot be compiled: .*C\+\+ compiler"):
        engine.answers([group])
    error = ZeroDivisionError()  # a fault of ours stays one
    with pytest.raises(ZeroDivisionError):
        engine.answers([group])
