"""Pruning without recordings: masks, cut, gates, matching, wearing, structure, released files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.func import functional_call

from muxviz.config import MuxConfig
from muxviz.engine.engine import Engine
from muxviz.engine.int8 import int8_model
from muxviz.errors import (
    CheckpointInvalid,
    CheckpointMismatch,
    CheckpointUnreadable,
    ConfigError,
    NotApplicable,
)
from muxviz.loading.check import check
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.facts import model_facts
from muxviz.loading.load import load
from muxviz.loading.pruned import is_left_over
from muxviz.loading.save import save
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.gates import MOST, Gates, target_at
from muxviz.pruning.masks import Masks, of_structure, ones, pruned
from muxviz.pruning.matching import VARIANTS, align, teacher_layers
from muxviz.pruning.released import (
    from_released,
    masked_equals_cut,
    masked_pass,
    released_cut,
)
from muxviz.pruning.wearing import skipping, worn_weights
from muxviz.structure import (
    PRUNABLE,
    LayerStructure,
    Structure,
    dense,
    from_dict,
    from_text,
    kept_weights,
    prunable_size,
    restored,
    to_dict,
    to_text,
)
from muxviz.tracing import trace
from tests.covering import covering
from tests.model.engine_parity import engine_difference
from tests.pruning.pruning_cases import CASES, Case, apart, case_inputs, case_model, random_masks
from tests.tiny import tiny_checkpoint, tiny_config, tiny_model

Run = Callable[[MuxModel], Tensor]


def three_layers(**changes: Any) -> MuxConfig:
    """The usual tiny classifier, with a layer more."""
    return tiny_config(num_hidden_layers=3, **changes)


def logits(model: MuxModel) -> Tensor:
    """Of a forward pass over the usual ids."""
    with torch.inference_mode():
        return model(*case_inputs(model.config)).logits


def checkpoint_of(model: MuxModel) -> Checkpoint:
    """A checkpoint that was never on disk."""
    return replace(tiny_checkpoint(tokenizer=False), model=model, config=model.config)


# ---- masked and cut -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", covering(CASES), ids=lambda case: "-".join(map(str, case)))
def test_the_masked_model_is_the_cut_one(case: Case) -> None:
    model = case_model(case)
    assert apart(model, random_masks(model.config)) < 1e-5
    assert apart(model, random_masks(model.config, is_soft=True, seed=1)) < 1e-5


def test_every_part_of_every_configuration_is_covered() -> None:
    """Pairs of parts that build; ``python -m tests.pruning.pruning_table`` runs them all."""
    few = covering(CASES)
    assert len(few) < len(CASES) / 5
    for part in range(5):
        assert {case[part] for case in few} == {case[part] for case in CASES}


def test_pruning_leaves_the_model_alone() -> None:
    model = tiny_model(three_layers())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    masks = random_masks(model.config, is_soft=True)
    kept = {name: value.clone() for name, value in vars(masks).items()}
    whole = logits(model)
    apart(model, masks)
    released_cut(model, replace(masks, readout=torch.ones(24)))
    masked_pass(model, masks, *case_inputs(model.config))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(value, kept[name]) for name, value in vars(masks).items())
    assert torch.equal(logits(model), whole)
    assert model.config.structure is None


def test_masks_of_all_ones_change_nothing() -> None:
    model = tiny_model(three_layers())
    cut = pruned(model, ones(model.config))
    assert cut.config.structure == model.config.kept
    torch.testing.assert_close(logits(cut), logits(model))


def test_a_mask_scales_what_it_stands_for() -> None:
    """Ours against the released masked pass, written apart: equal unless a norm has a mask."""
    for config in (three_layers(), three_layers(plain=True)):
        model = tiny_model(config)
        masks = random_masks(config, is_soft=True, prune_hidden=False)
        # A block whose heads are closed one by one keeps its norm there; ours is skipped.
        masks.attention[-1] = 0
        theirs = masked_pass(model, masks, *case_inputs(config)).logits
        torch.testing.assert_close(logits(pruned(model, masks)), theirs, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(logits(released_cut(model, masks)), theirs, atol=1e-5, rtol=1e-5)
    binary = random_masks(config)  # the plain model; the only one whose hidden masks agree
    theirs = masked_pass(model, binary, *case_inputs(config)).logits
    torch.testing.assert_close(logits(pruned(model, binary)), theirs, atol=1e-5, rtol=1e-5)


def test_heads_without_values_can_be_cut() -> None:
    """Planted: heads that add nothing, inner dimensions that nobody reads."""
    model = tiny_model(three_layers())
    masks = ones(model.config)
    size = 24 // 4
    with torch.no_grad():
        for layer, head in ((0, 1), (1, 0), (1, 3), (2, 2)):
            attend = model.encoder.layers[layer].attention.self
            attend.value.weight[head * size : (head + 1) * size] = 0
            attend.value.bias[head * size : (head + 1) * size] = 0
            masks.heads[layer, head] = 0
        model.encoder.layers[1].output.dense.weight[:, 5:17] = 0
        masks.intermediate[1, 5:17] = 0
    cut = pruned(model, masks)
    torch.testing.assert_close(logits(cut), logits(model), atol=1e-5, rtol=1e-5)
    assert [len(layer.heads) for layer in cut.config.structure.layers] == [3, 2, 3]
    assert cut.config.sparsity > 0
    masks.heads[0, 0] = 0  # one that does add something
    assert float((logits(pruned(model, masks)) - logits(model)).abs().max()) > 1e-3


def test_a_block_without_parts_passes_its_input_on() -> None:
    model = tiny_model(three_layers())
    masks = ones(model.config)
    masks.attention[:] = 0
    masks.feed_forward[:] = 0
    cut = pruned(model, masks)
    states = trace(cut, *case_inputs(cut.config)).hidden_states
    assert all(torch.equal(state, states[0]) for state in states)
    assert cut.config.sparsity == 1
    assert sum(p.numel() for p in cut.encoder.parameters()) == 0


def test_attention_maps_are_those_of_the_kept_heads() -> None:
    model = tiny_model(three_layers())
    masks = ones(model.config)
    masks.heads[0, 1] = 0
    masks.attention[1] = 0
    traced = trace(pruned(model, masks), *case_inputs(model.config))
    assert [a.shape[1] for a in traced.attentions] == [3, 0, 4]
    whole = trace(model, *case_inputs(model.config)).attentions[0]
    torch.testing.assert_close(traced.attentions[0], whole[:, [0, 2, 3]])


def test_masks_belong_to_an_unpruned_model() -> None:
    model = tiny_model(three_layers())
    masks = random_masks(model.config)
    cut = pruned(model, masks)
    with pytest.raises(ConfigError, match="pruned already"):
        pruned(cut, masks)
    with pytest.raises(ConfigError, match="pruned already"):
        released_cut(cut, masks)
    with pytest.raises(ConfigError, match="no hidden dimension is left; keep at least one"):
        pruned(model, replace(masks, hidden=torch.zeros(24)))
    with pytest.raises(ConfigError, match="no hidden dimension is left; keep at least one"):
        pruned(model, replace(masks, readout=torch.zeros(24)))
    plain = tiny_model(three_layers(plain=True))
    fewer = replace(ones(plain.config), readout=torch.tensor([1.0] * 20 + [0.0] * 4))
    with pytest.raises(ConfigError, match="no readout to prune"):
        pruned(plain, fewer)


def test_masks_of_a_structure_leave_that_structure() -> None:
    model = tiny_model(three_layers())
    left = random_masks(model.config).structure()
    again = of_structure(replace(model.config, structure=left))
    assert again.structure() == left
    assert of_structure(model.config).structure() == model.config.kept
    soft = random_masks(model.config, is_soft=True)
    graph = replace(soft, heads=soft.heads.clone().requires_grad_())
    assert graph.structure() == soft.structure()
    assert not graph.detach().heads.requires_grad


# ---- the rest of the library --------------------------------------------------------------------

WALKS: list[dict[str, Any]] = [
    {},
    {"readout": "mean"},
    {"task": "token_classification", "num_labels": 3},
    {"task": "masked_lm"},
    {"demultiplexer": "index_prefix", "readout": "mean"},
    {"demultiplexer": "mlp", "task": "token_classification", "num_labels": 3},
    {"multiplexer": "contextual"},
    {"backbone": "electra", "embedding_size": 16, "task": "replaced_token_detection"},
    {"plain": True},
    {"plain": True, "task": "masked_lm"},
]


@pytest.mark.parametrize("case", WALKS, ids=lambda case: "-".join(map(str, case.values())) or "-")
def test_the_short_walk_answers_as_the_whole_one(case: dict[str, Any]) -> None:
    config = three_layers(**case)
    masks = random_masks(config)
    masks.attention[2] = 0  # the last layer, of which the short walk asks one position only
    for blocks in (masks.attention, masks.feed_forward):
        blocks[2] = 0
        cut = checkpoint_of(pruned(tiny_model(config), masks))
        assert engine_difference(cut, *case_inputs(config)) < 1e-5


@pytest.mark.parametrize("case", WALKS, ids=lambda case: "-".join(map(str, case.values())) or "-")
def test_a_pruned_model_is_saved_and_loaded(case: dict[str, Any], tmp_path: Path) -> None:
    config = three_layers(**case)
    cut = checkpoint_of(pruned(tiny_model(config), random_masks(config, is_soft=True)))
    for aliases in (True, False):
        stored = load(save(cut, tmp_path / str(aliases), aliases=aliases), device="cpu")
        assert stored.config.structure == cut.config.structure
        assert stored.config.shape == config.shape
        assert torch.equal(logits(stored.model), logits(cut.model))


def test_a_pruned_model_is_written_with_its_numbers(tmp_path: Path) -> None:
    config = three_layers()
    cut = checkpoint_of(pruned(tiny_model(config), random_masks(config)))
    folder = save(cut, tmp_path / "int8", dtype="int8")
    written = json.loads((folder / "config.json").read_text())
    assert written["hidden_size"] == 24
    assert written["muxviz"]["structure"] == to_dict(cut.config.structure)
    assert "numbered" not in written["muxviz"]["structure"]
    assert load(folder, device="cpu").config.structure == cut.config.structure
    report = check(folder)
    assert report.usable
    assert report.pruned["sparsity"] == cut.config.sparsity
    assert report.pruned["kept"] == to_dict(cut.config.structure)
    readout = len(cut.config.structure.readout)
    assert report.model["readout dimensions kept"] == f"{readout} of 24"
    written["muxviz"]["structure"]["hidden"] = "0-23"
    (folder / "config.json").write_text(json.dumps(written))
    with pytest.raises(CheckpointMismatch, match="of a wrong shape"):
        load(folder, device="cpu")


def test_int8_runs_a_pruned_model() -> None:
    config = three_layers()
    model = tiny_model(config)
    cut = checkpoint_of(pruned(model, random_masks(config)))
    ids, mask = (value.numpy() for value in case_inputs(config))
    try:
        engine = Engine(cut, int8=True)
    except NotApplicable as error:
        pytest.skip(f"int8: {error}")
    quick = engine.logits(ids, mask, ids * 0)
    assert isinstance(quick, Tensor)
    whole = logits(cut.model)
    assert float((quick - whole).abs().max()) < 0.1 * float(whole.abs().max())
    assert not isinstance(int8_model(cut.model).encoder.layers[1].output, torch.nn.Linear)


# ---- structure ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), ""),
        ((0,), "0"),
        ((0, 1, 2, 5), "0-2,5"),
        ((3, 4), "3-4"),
        ((0, 2, 4), "0,2,4"),
        (tuple(range(768)), "0-767"),
    ],
)
def test_numbers_are_written_as_runs(numbers: tuple[int, ...], text: str) -> None:
    assert to_text(numbers) == text
    assert from_text(text, below=768, what="it") == numbers


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, "it is None; expected numbers such as '0-2,5'"),
        ([0, 1], "expected numbers such as"),
        ("0-", "expected numbers such as"),
        ("0,,1", "expected numbers such as"),
        ("-1", "expected numbers such as"),
        ("0 1", "expected numbers such as"),
        ("٣", "expected numbers such as"),
        ("0000000001", "expected numbers such as"),
        ("2-1", "it holds '2-1'; expected rising numbers below 9"),
        ("1,1", "it holds '1'; expected rising"),
        ("0-3,2", "it holds '2'; expected rising"),
        ("0-9", "it holds '0-9'; expected rising numbers below 9"),
        ("999999999", "expected rising numbers below 9"),
    ],
)
def test_a_bad_text_is_refused(text: object, part: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_text(text, below=9, what="it")
    assert part in str(error.value)


def some_structure(**changes: Any) -> Structure:
    """Of a model of 2 layers with 2 heads, 6 inner and 4 hidden dimensions."""
    layers = (LayerStructure((1,), (0, 1, 5)), LayerStructure((), (2,)))
    return replace(Structure((0, 1, 3), layers, (0, 2)), **changes)


SIZES = {"hidden": 4, "heads": 2, "intermediate": 6, "layers": 2}


def test_a_structure_survives_its_two_ways_through_json() -> None:
    for structure in (some_structure(), some_structure(is_numbered=False)):
        written = json.loads(json.dumps(to_dict(structure)))
        assert from_dict(written, **SIZES, what="it") == structure
        assert restored(json.loads(json.dumps(asdict(structure)))) == structure
    assert to_dict(some_structure()) == {
        "hidden": "0-1,3",
        "readout": "0,2",
        "layers": [{"heads": "1", "intermediate": "0-1,5"}, {"heads": "", "intermediate": "2"}],
    }
    assert restored(None) is None


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"hidden": None}, "it hidden is None"),
        ({"more": 1}, "expected hidden, readout and a list of layers"),
        ({"layers": {}}, "expected hidden, readout and a list of layers"),
        ({"numbered": "no"}, "expected hidden, readout and a list of layers"),
        ({"layers": []}, "it has 0 layers; the model has 2"),
        ({"layers": [1, 2]}, "it layer 0 is 1; expected heads and intermediate"),
        ({"layers": [{"heads": "0"}] * 2}, "expected heads and intermediate"),
        ({"layers": [{"heads": "2", "intermediate": ""}] * 2}, "it layer 0 heads holds '2'"),
        ({"layers": [{"heads": "", "intermediate": "6"}] * 2}, "it layer 0 intermediate holds"),
        ({"hidden": "0-4"}, "it hidden holds '0-4'; expected rising numbers below 4"),
        ({"readout": ""}, "at least one hidden and one readout dimension must be kept"),
        ({"hidden": ""}, "at least one hidden and one readout dimension must be kept"),
    ],
)
def test_a_bad_structure_is_refused(change: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_dict(to_dict(some_structure()) | change, **SIZES, what="it")
    assert part in str(error.value)


def test_a_configuration_holds_its_structure_against_its_sizes() -> None:
    config = tiny_config()
    left = dense(hidden=24, heads=4, intermediate=40, layers=2)
    assert replace(config, structure=left).width == 24
    for bad, part in (
        (replace(left, layers=left.layers[:1]), "1 layers, the model 2"),
        (replace(left, hidden=(0, 24)), "keeps hidden"),
        (replace(left, readout=(2, 1)), "keeps readout"),
        (replace(left, layers=(LayerStructure((4,), ()), left.layers[0])), "keeps heads"),
        (replace(left, layers=(LayerStructure((), (40,)), left.layers[0])), "keeps intermediate"),
    ):
        with pytest.raises(ConfigError, match=part):
            replace(config, structure=bad)


def test_sparsity_by_hand() -> None:
    # 4 hidden, 2 heads of 2, 6 inner dimensions. Attention 4 (4 x 4) + 4 x 4, feed-forward
    # 2 (4 x 6) + 5 x 4: 80 + 68.
    assert prunable_size(hidden=4, intermediate=6, layers=1) == 148
    assert prunable_size(hidden=4, intermediate=6, layers=3) == 444
    # Layer 1: a head of 2 in 4 matrices, 3 inner dimensions in 2; layer 2: one inner dimension.
    assert kept_weights(some_structure(), head_size=2) == 3 * (4 * 2 + 2 * 3 + 2)
    sizes = {"hidden_size": 4, "num_attention_heads": 2, "intermediate_size": 6}
    config = tiny_config(**sizes)
    assert config.sparsity == 0
    assert replace(config, structure=some_structure()).sparsity == 1 - 48 / 296
    # Biases are in the denominator only: nothing pruned, by this count, is not quite 0.
    whole = dense(hidden=4, heads=2, intermediate=6, layers=2)
    assert replace(config, structure=whole).sparsity == pytest.approx(1 - 224 / 296)


def test_sparsity_follows_the_parameters() -> None:
    """The count against tensors: matrices of what is left, and of the whole with biases."""
    model = tiny_model(three_layers())
    cut = pruned(model, random_masks(model.config))

    def matrices(of: MuxModel, *, with_biases: bool) -> int:
        named = of.encoder.named_parameters()
        return sum(
            p.numel() for n, p in named if "LayerNorm" not in n and (with_biases or p.dim() == 2)
        )

    kept, whole = matrices(cut, with_biases=False), matrices(model, with_biases=True)
    # The released count takes the inner bias to be 4 D wide.
    whole += 3 * (4 * 24 - 40)
    assert cut.config.sparsity == pytest.approx(1 - kept / whole)


# ---- gates --------------------------------------------------------------------------------------


def opened(gates: Gates, value: float) -> Gates:
    """Every gate's parameter at ``value``."""
    with torch.no_grad():
        for loga in gates.loga.values():
            loga.fill_(value)
    return gates


def test_open_gates_keep_everything() -> None:
    config = three_layers()
    whole = 3 * (4 * 24**2 + 2 * 24 * 40)
    gates = opened(Gates(config.shape), 50.0)
    assert float(gates.expected_size().detach()) == pytest.approx(whole + 3 * 4 * 24, rel=1e-4)
    no_hidden = opened(Gates(config.shape, prune=PRUNABLE[:-1]), 50.0)
    assert 0 <= float(no_hidden.expected_sparsity().detach()) < 0.01
    assert gates.settled().structure() == config.kept
    sampled = gates.sample()
    assert all(bool((value == 1).all()) for value in vars(sampled).values())


def test_closed_gates_keep_nothing() -> None:
    gates = opened(Gates(three_layers().shape), -50.0)
    assert float(gates.expected_sparsity().detach()) == pytest.approx(1, abs=1e-4)
    settled = gates.settled()
    assert float(settled.heads.sum() + settled.intermediate.sum() + settled.hidden.sum()) == 0
    assert bool((settled.readout == 1).all())


def test_gates_begin_where_they_should() -> None:
    config = three_layers()
    gates = Gates(config.shape, droprate=0.5)
    means = {name: float(loga.detach().mean()) for name, loga in gates.loga.items()}
    assert means.pop("intermediate") == pytest.approx(0, abs=0.01)
    assert list(means.values()) == pytest.approx([10] * 4, abs=0.05)
    few = Gates(config.shape, droprate=0.2).loga["intermediate"].detach()
    assert float(few.mean()) == pytest.approx(math.log(4), abs=0.01)
    twin = Gates(config.shape)
    assert all(torch.equal(loga, twin.loga[name]) for name, loga in gates.loga.items())
    other = Gates(config.shape, seed=1)
    assert not torch.equal(gates.loga["heads"], other.loga["heads"])
    assert float(gates.lambda_1.detach()) == float(gates.lambda_2.detach()) == 0


def test_the_chance_of_a_closed_gate_by_hand() -> None:
    gates = opened(Gates(three_layers().shape), 0.0)
    # P(z = 0) = sigmoid(t log((1/12) / (11/12)) - loga), t = 2/3.
    expected = 1 / (1 + 11 ** (2 / 3))
    assert torch.allclose(gates.closed("heads"), torch.tensor(expected))
    noise = {name: torch.full(size, 0.5) for name, size in gates.sizes.items()}
    assert torch.allclose(gates.sample(noise).heads, torch.tensor(0.5))  # 0.5 * 1.2 - 0.1
    draws = torch.rand(20000, generator=torch.Generator().manual_seed(0))
    zeros = [
        (torch.sigmoid((u.log() - (1 - u).log()) * 1.5) * 1.2 - 0.1 <= 0).float().mean()
        for u in (draws,)
    ]
    assert float(zeros[0]) == pytest.approx(expected, abs=0.01)


def test_settled_masks_have_as_many_zeros_as_expected() -> None:
    gates = Gates(three_layers().shape)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for loga in gates.loga.values():
            loga.copy_(torch.randn(loga.shape, generator=generator) * 3)
    settled = gates.settled()
    for name in ("heads", "intermediate"):
        values, closed = getattr(settled, name), gates.closed(name).detach()
        zeros = [round(x) for x in closed.sum(dim=1).tolist()]
        assert (values == 0).sum(dim=1).tolist() == zeros
        for row, loga, count in zip(values, gates.loga[name].detach(), zeros, strict=True):
            assert set(row.eq(0).nonzero().flatten().tolist()) == set(
                loga.argsort()[:count].tolist()
            )
    assert int((settled.hidden == 0).sum()) == round(float(gates.closed("hidden").detach().sum()))
    for name in ("attention", "feed_forward"):
        closed = gates.closed(name).detach() > 0.5
        assert torch.equal(getattr(settled, name) == 0, closed)
    assert float(settled.heads.max()) < 1
    assert not settled.heads.requires_grad


def test_kinds_that_are_not_gated_stay() -> None:
    gates = Gates(three_layers().shape, prune=("heads",))
    opened(gates, -50.0)
    settled = gates.settled()
    assert float(settled.heads.sum()) == 0
    assert bool((settled.intermediate == 1).all())
    assert bool((settled.hidden == 1).all())
    attention, inner = 3 * (4 * 24**2 + 4 * 24), 3 * 40 * ((2 * 24 * 40 + 5 * 24) // 40)
    assert float(gates.expected_size().detach()) == pytest.approx(inner, rel=1e-3)
    share = attention / gates.prunable
    assert float(gates.expected_sparsity().detach()) == pytest.approx(share, rel=1e-3)
    for bad in (("hidden",), (), ("heads", "layers")):
        with pytest.raises(ConfigError, match="expected heads or intermediate of"):
            Gates(three_layers().shape, prune=bad)


def test_gates_are_held_where_they_can_still_change() -> None:
    gates = opened(Gates(three_layers().shape), 50.0)
    gates.constrain()
    assert float(gates.loga["hidden"].detach().max()) == pytest.approx(math.log(100))
    opened(gates, -50.0).constrain()
    assert float(gates.loga["heads"].detach().min()) == pytest.approx(-MOST)


def test_the_lagrangian_pushes_towards_the_target() -> None:
    gates = Gates(three_layers().shape)
    pressure = gates.pressure(0.9)
    assert float(pressure.sparsity.detach()) < 0.9
    pressure.loss.backward()
    # Ascent in lambda: too little sparsity has a negative gap, which lowers lambda_1 ...
    gap = float(pressure.sparsity.detach()) - 0.9
    assert float(gates.lambda_1.grad) == pytest.approx(gap)
    assert float(gates.lambda_2.grad) == pytest.approx(gap**2)
    rising = torch.optim.SGD([gates.lambda_1, gates.lambda_2], lr=1.0, maximize=True)
    rising.step()
    assert float(gates.lambda_1.detach()) < 0 < float(gates.lambda_2.detach())
    # ... under which descent in loga closes gates: the sparsity rises.
    gates.zero_grad()
    gates.pressure(0.9).loss.backward()
    assert all(bool((loga.grad >= 0).all()) for loga in gates.loga.values())
    assert any(bool((loga.grad > 0).any()) for loga in gates.loga.values())


def test_the_constraint_is_met_after_some_steps() -> None:
    gates = Gates(three_layers().shape)
    descent = torch.optim.Adam(gates.loga.values(), lr=0.1)
    ascent = torch.optim.Adam([gates.lambda_1, gates.lambda_2], lr=0.1, maximize=True)
    for _ in range(400):
        descent.zero_grad()
        ascent.zero_grad()
        gates.pressure(0.6).loss.backward()
        descent.step()
        ascent.step()
        gates.constrain()
    assert float(gates.expected_sparsity().detach()) == pytest.approx(0.6, abs=0.02)


def test_the_target_rises_evenly() -> None:
    assert target_at(0, start=0.2, end=0.6, warmup=100) == pytest.approx(0.2)
    assert target_at(25, start=0.2, end=0.6, warmup=100) == pytest.approx(0.3)
    assert target_at(100, start=0.2, end=0.6, warmup=100) == pytest.approx(0.6)
    assert target_at(999, start=0.2, end=0.6, warmup=100) == pytest.approx(0.6)
    assert target_at(0, start=0.2, end=0.6, warmup=0) == pytest.approx(0.6)


# ---- matching -----------------------------------------------------------------------------------

DISTANCES = torch.tensor(
    [  # teacher layers down, student layers across
        [1.0, 2.0, 3.0, 0.5],
        [4.0, 1.0, 2.0, 3.0],
        [5.0, 1.0, 4.0, 0.1],
        [9.0, 8.0, 2.0, 3.0],
    ]
)


def test_layers_are_matched_by_hand() -> None:
    every = [True] * 4
    assert align(DISTANCES, "free", every) == [3, 1, 3, 2]
    # From the top: 2; of those before it 1; of those before that 0; none is left, so 0 again.
    assert align(DISTANCES, "ordered", every) == [0, 0, 1, 2]
    for variant in ("sampled", "windowed"):
        assert align(DISTANCES, variant, every) == [0, 0, 1, 2]
    # Layer 2 does not attend: 3, then 1, then 0.
    assert align(DISTANCES, "ordered", [True, True, False, True]) == [0, 0, 1, 3]
    assert align(DISTANCES, "free", [True, True, False, True]) == [3, 1, 3, 2]
    assert align(DISTANCES, "ordered", [False] * 4) == [3, 3, 3, 3]
    assert align(DISTANCES, "ordered", [True, False, False, False]) == [0, 0, 0, 0]


def test_a_layer_matches_itself() -> None:
    own = 1 - torch.eye(6)[[2, 3, 4, 5]]
    for variant in VARIANTS:
        assert align(own, variant, [True] * 6) == [2, 3, 4, 5]


def test_teacher_layers_by_hand() -> None:
    generator = torch.Generator().manual_seed(0)
    for variant in ("free", "ordered"):
        assert teacher_layers(variant, 12, generator) == [2, 5, 8, 11]
        assert teacher_layers(variant, 6, generator) == [0, 2, 3, 5]
    for variant in VARIANTS:
        assert teacher_layers(variant, 4, generator) == [0, 1, 2, 3]
        assert teacher_layers(variant, 2, generator) == [0, 1]
    windows = [teacher_layers("windowed", 12, generator) for _ in range(200)]
    drawn = [teacher_layers("sampled", 12, generator) for _ in range(200)]
    for found in windows + drawn:
        assert found == sorted(set(found))
        assert len(found) == 4
        assert 0 <= found[0] <= found[-1] < 12
    assert {row[0] for row in windows} == {2}  # the first quarter holds 0 to 2
    for part in (1, 2, 3):
        assert {row[part] for row in windows} == {3 * part, 3 * part + 1, 3 * part + 2}
    assert len({tuple(row) for row in drawn}) > 50
    assert all(row[0] >= 2 or row[1] <= 2 for row in drawn)
    with pytest.raises(ConfigError, match="layer_matching is 'odd'; expected one of free, ordered"):
        teacher_layers("odd", 12, generator)


# ---- wearing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", [{}, {"task": "masked_lm"}, {"plain": True}], ids=["rsa", "tied", "plain"]
)
def test_a_worn_mask_is_the_cut_model(case: dict[str, Any]) -> None:
    model = tiny_model(three_layers(**case))
    masks = random_masks(model.config, is_soft=True)
    weights, left = worn_weights(model, masks)
    with skipping(model, left), torch.inference_mode():
        worn = functional_call(model, weights, case_inputs(model.config)).logits
    torch.testing.assert_close(worn, logits(pruned(model, masks)), atol=1e-6, rtol=1e-5)
    assert all(layer.has_attention and layer.has_feed_forward for layer in model.encoder.layers)


def test_gradients_reach_gates_and_weights() -> None:
    config = three_layers()
    model = tiny_model(config).requires_grad_(True)
    gates = Gates(config.shape)
    generator = torch.Generator().manual_seed(3)
    noise = {n: torch.rand(size, generator=generator) for n, size in gates.sizes.items()}
    opened(gates, 0.5)
    for name in ("attention", "feed_forward"):
        noise[name] = torch.tensor([0.5, 0.01, 0.5])  # the second layer's blocks are closed
    masks = gates.sample(noise)
    assert masks.attention.tolist()[1] == masks.feed_forward.tolist()[1] == 0
    weights, left = worn_weights(model, masks)
    with skipping(model, left):
        answer = functional_call(model, weights, case_inputs(config)).logits
    answer.pow(2).sum().backward()
    for name, mask in vars(masks).items():
        if name == "readout":
            continue
        gradient = gates.loga[name].grad
        assert bool(torch.isfinite(gradient).all()), name
        between = (mask > 0) & (mask < 1)
        if name in ("heads", "intermediate"):
            between[1] = False  # in a closed block
        assert bool(between.any()), name
        assert bool((gradient[between] != 0).all()), name
        assert bool((gradient[~between] == 0).all()), name
    layers = model.encoder.layers
    kept = left.layers[0].intermediate
    gradient = layers[0].intermediate.dense.weight.grad
    assert bool((gradient[list(kept)][:, list(left.hidden)] != 0).all())
    gone = sorted(set(range(40)) - set(kept))
    assert float(gradient[gone].abs().sum()) == 0
    assert layers[1].attention.self.query.weight.grad is None
    assert model.embeddings.word_embeddings.weight.grad is not None


def test_flags_are_restored_after_an_error() -> None:
    model = tiny_model(three_layers())
    left = random_masks(model.config).structure()
    with pytest.raises(RuntimeError, match="on purpose"), skipping(model, left):  # noqa: PT012
        assert not model.encoder.layers[0].has_attention
        assert not model.encoder.layers[1].has_feed_forward
        raise RuntimeError("on purpose")
    assert all(layer.has_attention and layer.has_feed_forward for layer in model.encoder.layers)
    with skipping(model, left), skipping(model, model.config.kept):
        assert model.encoder.layers[0].has_attention
    assert model.encoder.layers[0].has_attention


# ---- released masks -----------------------------------------------------------------------------


def released_zs(masks: Masks) -> dict[str, Tensor]:
    """As the released code stores them."""
    return {
        "head_z": masks.heads[:, None, :, None, None],
        "head_layer_z": masks.attention,
        "intermediate_z": masks.intermediate[:, None, None, :],
        "mlp_z": masks.feed_forward,
        "hidden_z": masks.hidden,
    }


def whole_readout(masks: Masks) -> Masks:
    """Released masks know no readout."""
    return replace(masks, readout=torch.ones_like(masks.readout))


def test_released_masks_are_read() -> None:
    config = three_layers()
    masks = whole_readout(random_masks(config, is_soft=True))
    read = from_released(config, released_zs(masks), where="zs.pt")
    assert all(torch.equal(value, getattr(masks, name)) for name, value in vars(read).items())
    few = from_released(config, {"head_z": masks.heads.double()}, where="zs.pt")
    assert torch.equal(few.heads, masks.heads)
    assert bool((few.hidden == 1).all())


@pytest.mark.parametrize(
    ("change", "error", "part"),
    [
        ({"hidden_z": torch.ones(23)}, CheckpointMismatch, "hidden_z has the shape [23]"),
        ({"head_z": torch.ones(3, 1, 5, 1, 1)}, CheckpointMismatch, "this model has [3, 4]"),
        ({"head_z": torch.ones(4, 3)}, CheckpointMismatch, "belong to another model"),
        ({"mlp_z": torch.tensor([0.0, 1.5, 1])}, CheckpointInvalid, "mlp_z has values from 0 to"),
        ({"mlp_z": torch.tensor([0.0, -1, 1])}, CheckpointInvalid, "expected masks in [0, 1]"),
        ({"mlp_z": torch.tensor([0, math.nan, 1])}, CheckpointInvalid, "expected masks in [0, 1]"),
        ({"hidden_z": torch.zeros(24)}, CheckpointInvalid, "hidden_z keeps no dimension"),
        ({"mha_z": torch.ones(3)}, CheckpointMismatch, "expected the masks head_z"),
        ({"intermediate_z": None}, CheckpointMismatch, "holds mlp_z but no intermediate_z"),
        ({"head_z": None}, CheckpointMismatch, "holds head_layer_z but no head_z"),
        ({"head_z": None, "intermediate_z": None}, CheckpointMismatch, "must be there"),
    ],
)
def test_bad_released_masks_are_refused(
    change: dict[str, Tensor | None], error: type[Exception], part: str
) -> None:
    config = three_layers()
    zs = released_zs(ones(config)) | change
    with pytest.raises(error) as raised:
        from_released(config, {n: z for n, z in zs.items() if z is not None}, where="zs.pt")
    assert part in str(raised.value)
    assert str(raised.value).startswith("zs.pt")


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": "electra"},
        {"task": "masked_lm"},
        {"demultiplexer": "index_prefix"},
        {"multiplexer": "random_orthogonal"},
    ],
)
def test_masks_were_released_for_few_models(changes: dict[str, Any]) -> None:
    config = tiny_config(**changes)
    with pytest.raises(NotApplicable, match="sentence classifiers"):
        from_released(config, released_zs(ones(config)), where="zs.pt")


def test_where_masked_and_cut_agree() -> None:
    mixed, plain = three_layers(), three_layers(plain=True)
    binary = whole_readout(random_masks(mixed))
    soft = replace(binary, hidden=binary.hidden * 0.9)
    no_hidden = replace(binary, hidden=torch.ones(24))
    one_by_one = replace(no_hidden, heads=no_hidden.heads.clone())
    one_by_one.heads[2] = 0
    for config, masks, agree in (
        (mixed, no_hidden, True),
        (mixed, binary, False),
        (mixed, soft, False),
        (mixed, one_by_one, False),
        (plain, no_hidden, True),
        (plain, binary, True),
        (plain, soft, False),
        (plain, one_by_one, False),
    ):
        model = tiny_model(config)
        passed = masked_pass(model, masks, *case_inputs(config)).logits
        difference = float((passed - logits(released_cut(model, masks))).abs().max())
        assert masked_equals_cut(config, masks) == agree
        assert (difference < 1e-5) == agree, (config.is_multiplexed, agree, difference)


# ---- released files -----------------------------------------------------------------------------


def released_folder(path: Path, cut: MuxModel, *, hub_class: str | None = None) -> Path:
    """``cut`` as the released code writes it: no structure, norms of removed blocks left over."""
    save(checkpoint_of(cut), path)
    config = json.loads((path / "config.json").read_text())
    del config["muxviz"]
    if hub_class:
        config["architectures"] = [hub_class]
    (path / "config.json").write_text(json.dumps(config))
    weights = load_file(path / "model.safetensors")
    width = cut.config.width
    for number, layer in enumerate(cut.config.kept.layers):
        block = f"bert.encoder.layer.{number}"
        for own, kept, size in (
            (f"{block}.attention.output.LayerNorm", layer.heads, 24),
            (f"{block}.output.LayerNorm", layer.intermediate, width),
        ):
            if not kept:
                weights |= {f"{own}.weight": torch.ones(size), f"{own}.bias": torch.zeros(size)}
    weights["layer_transformation.weight"] = torch.eye(24)[:, :width].contiguous()
    weights["layer_transformation.bias"] = torch.zeros(24)
    save_file(weights, path / "model.safetensors")
    return path


@pytest.mark.parametrize("prune_hidden", [True, False])
@pytest.mark.parametrize("plain", [True, False])
def test_a_released_pruned_file_is_loaded_by_its_shapes(
    plain: bool, prune_hidden: bool, tmp_path: Path
) -> None:
    config = three_layers(plain=plain)
    masks = whole_readout(random_masks(config, prune_hidden=prune_hidden))
    model = tiny_model(config)
    cut = released_cut(model, masks)
    name = "CoFiBertForSequenceClassification" if plain else None
    folder = released_folder(tmp_path / "released", cut, hub_class=name)
    loaded = load(folder, device="cpu")
    left = loaded.config.structure
    assert left is not None
    assert not left.is_numbered
    assert loaded.config.sparsity == cut.config.sparsity
    assert any("which were kept is not told" in note for note in loaded.notes)
    assert torch.equal(logits(loaded.model), logits(cut))
    if plain:  # what the released masked pass says, computed apart
        theirs = masked_pass(model, masks, *case_inputs(config)).logits
        torch.testing.assert_close(logits(loaded.model), theirs, atol=1e-5, rtol=1e-5)
        assert loaded.config.published_class == "BertForSequenceClassification"
    again = load(save(loaded, tmp_path / "again"), device="cpu")
    assert again.config.structure == left
    assert torch.equal(logits(again.model), logits(cut))
    report = check(folder)
    assert report.usable
    assert report.unexpected == ()
    assert report.pruned["hidden"] == len(left.hidden)


@pytest.mark.parametrize("plain", [True, False])
def test_masks_beside_full_weights_are_applied(plain: bool, tmp_path: Path) -> None:
    config = three_layers(plain=plain)
    model = tiny_model(config)
    masks = whole_readout(random_masks(config, is_soft=True))
    folder = save(checkpoint_of(model), tmp_path / "best")
    (folder / "l0_module.pt").write_bytes(b"not to be opened")
    alone = load(folder, device="cpu")
    assert alone.config.structure is None
    assert "without zs.pt the masks in it are not known" in alone.notes[-1]
    torch.save(released_zs(masks), folder / "zs.pt")
    loaded = load(folder, device="cpu")
    assert loaded.config.structure == released_cut(model, masks).config.structure
    assert torch.equal(logits(loaded.model), logits(released_cut(model, masks)))
    assert any(note.startswith("pruned by zs.pt, as the released") for note in loaded.notes)
    assert any("gives other numbers for these masks" in note for note in loaded.notes)
    assert loaded.fingerprint != alone.fingerprint
    again = load(save(loaded, tmp_path / "again"), device="cpu")
    assert again.config.structure == loaded.config.structure
    assert torch.equal(logits(again.model), logits(loaded.model))
    text = check(folder).text()
    assert "parameters are left by the masks" in text
    assert "heads kept by layer: 0, " in text


def test_masks_beside_pruned_weights_are_not_applied(tmp_path: Path) -> None:
    config = three_layers()
    masks = whole_readout(random_masks(config))
    cut = released_cut(tiny_model(config), masks)
    folder = released_folder(tmp_path / "released", cut)
    torch.save(released_zs(masks), folder / "zs.pt")
    loaded = load(folder, device="cpu")
    assert torch.equal(logits(loaded.model), logits(cut))
    assert "zs.pt is not applied: the weights are pruned already" in loaded.notes


def test_a_mask_file_that_is_not_tensors_is_refused(tmp_path: Path) -> None:
    folder = save(checkpoint_of(tiny_model(three_layers())), tmp_path / "best")
    torch.save({"head_z": [1, 2]}, folder / "zs.pt")
    with pytest.raises(CheckpointUnreadable, match=r"zs\.pt"):
        load(folder, device="cpu")
    (folder / "zs.pt").write_bytes(b"cut short")
    report = check(folder)
    assert not report.usable
    assert report.stages[-1].name == "parts"
    assert "zs.pt is truncated" in report.stages[-1].lines[0]


@pytest.mark.parametrize(
    ("drop", "part"),
    [
        ("layer.0.intermediate.dense.weight", "intermediate.dense"),
        ("layer.1.attention.self.query.bias", "attention.self.query.bias"),
        ("layer.1.attention.output.dense.weight", "attention.output.dense.weight"),
    ],
)
def test_an_incomplete_block_is_not_taken_for_a_removed_one(
    drop: str, part: str, tmp_path: Path
) -> None:
    config = three_layers()
    cut = released_cut(tiny_model(config), whole_readout(random_masks(config)))
    folder = released_folder(tmp_path / "released", cut)
    weights = load_file(folder / "model.safetensors")
    del weights[f"bert.encoder.{drop}"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointMismatch, match=part):
        load(folder, device="cpu")


def test_a_config_with_other_layers_is_still_a_mistake(tmp_path: Path) -> None:
    config = three_layers()
    cut = released_cut(tiny_model(config), whole_readout(random_masks(config)))
    folder = released_folder(tmp_path / "released", cut)
    fields = json.loads((folder / "config.json").read_text())
    for layers in (2, 4):
        (folder / "config.json").write_text(json.dumps(fields | {"num_hidden_layers": layers}))
        with pytest.raises(CheckpointMismatch):
            load(folder, device="cpu")


def test_norms_of_removed_blocks_are_left_over() -> None:
    left = some_structure()
    block = "bert.encoder.layer.1"
    assert is_left_over(f"{block}.attention.output.LayerNorm.weight", left)
    assert not is_left_over(f"{block}.output.LayerNorm.bias", left)
    assert not is_left_over(f"{block}.attention.output.dense.weight", left)
    assert not is_left_over("bert.encoder.layer.0.attention.output.LayerNorm.weight", left)
    assert not is_left_over("bert.encoder.layer.2.attention.output.LayerNorm.weight", left)
    assert not is_left_over(f"{block}.attention.output.LayerNorm.weight", None)


def test_facts_of_pruned_models() -> None:
    config = three_layers()
    ours = pruned(tiny_model(config), random_masks(config)).config
    facts = {fact.title: fact.sentence for fact in model_facts(ours)}
    assert f"{ours.sparsity:.1%} of the encoder's weights" in facts["pruned"]
    assert f"{ours.width} of 24 hidden dimensions" in facts["norms over kept dimensions"]
    assert "attention of layer 1 and the feed-forward of layer 2" in facts["blocks skipped"]
    assert not {"numbers unknown", "not the masked model"} & set(facts)
    narrow = whole_readout(random_masks(config))
    cut = released_cut(tiny_model(config), narrow).config
    assert "not the masked model" in {fact.title for fact in model_facts(cut)}
    plain = three_layers(plain=True)
    thin = replace(ones(plain), heads=torch.tensor([[1.0, 0, 0, 1]] * 3))
    titles = [fact.title for fact in model_facts(pruned(tiny_model(plain), thin).config)]
    assert titles == ["pruned"]
