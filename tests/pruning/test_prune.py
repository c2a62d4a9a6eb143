"""`muxviz prune`: targets are reached, what is cut is what was trained, runs go on where they were.

Tiny models, texts of our own.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import muxviz
from muxviz.cli import main
from muxviz.errors import ConfigError
from muxviz.pruning.gates import Gates
from muxviz.pruning.masked import masked
from muxviz.pruning.masks import Masks, pruned
from muxviz.training.export import checkpoint_of_run, export_run
from muxviz.training.loop import train
from muxviz.training.objectives import TrainingModel
from muxviz.training.prepare import prepare_run
from muxviz.training.prune import prune
from muxviz.training.pruning import Companion, choose_readout, target_of
from muxviz.training.recipe import Recipe, Stage, read_recipe
from muxviz.training.start import read_start
from muxviz.training.state import config_from_state, read_state
from tests.training.tiny_runs import (
    changed,
    losses,
    metrics,
    tiny_recipe,
    tiny_stage,
    write_data,
    write_recipe,
)

PRUNING: dict[str, Any] = {
    "steps": 60,
    "sparsity": 0.5,
    "sparsity_warmup": 30,
    "layer_coeff": 0.5,
    "prediction_coeff": 1.0,
    "retrieval_coeff": 0.0,
    "learning_rate": 2e-3,
}
KINDS: dict[str, dict[str, Any]] = {
    "sentence": {"readout": "mean"},
    "plain": {"num_instances": 1},
    "tokens": {"task": "token_classification"},
    "regression, prefix": {"task": "regression", "demultiplexer": "index_prefix"},
    "contextual, mlp, electra": {
        "multiplexer": "contextual",
        "demultiplexer": "mlp",
        "backbone": "electra",
        "embedding_size": 16,
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def dense(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """An unpruned model, briefly trained, that no test changes."""
    return dense_run(data, tmp_path_factory.mktemp("dense") / "dense")


def dense_run(data: Path, out: Path, **parts: Any) -> tuple[Recipe, Path]:
    plain = parts.get("num_instances") == 1
    stage = tiny_stage("task", steps=6, retrieval_coeff=0.0 if plain else 0.1)
    recipe = tiny_recipe(stage, **parts)
    train(recipe, data, out)
    return recipe, out


def pruning_recipe(dense: Recipe, *stages: dict[str, Any], tuning: int = 0, **more: Any) -> Recipe:
    """Stages that prune ``dense``, and so many steps of fine-tuning."""
    tuned = tiny_stage("task", **(PRUNING | {"sparsity": 0.0, "steps": tuning})) if tuning else None
    return changed(
        dense,
        stages=tuple(tiny_stage("task", **(PRUNING | stage)) for stage in stages or ({},)),
        fine_tuning=() if tuned is None else (tuned,),
        vocabulary="",
        **more,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_target_is_reached_and_what_is_cut_is_what_was_trained(
    kind: str, data: Path, tmp_path: Path
) -> None:
    dense, start = dense_run(data, tmp_path / "dense", **KINDS[kind])
    recipe = pruning_recipe(dense, {"steps": 12, "sparsity_warmup": 3}, tuning=2)
    (tuned,) = prune(recipe, data, tmp_path / "out", start=start)
    state = read_state(tmp_path / "out" / "gates")
    whole = muxviz.model.mux_model.MuxModel(config_from_state(state["config"]))
    whole.load_state_dict(state["model"])
    masks = Masks(**state["masks"])
    cut = muxviz.load(tmp_path / "out" / "gates" / "cut" / "s50")
    ids = torch.randint(5, 60, (3, dense.num_instances, 12), generator=torch.Generator())
    with torch.no_grad():
        long_way = masked(whole.eval(), masks)(ids).logits
        torch.testing.assert_close(cut.model(ids).logits, long_way, atol=1e-4, rtol=1e-4)
    assert 0 < cut.config.sparsity < 0.9  # so few steps do not settle
    last = metrics(tmp_path / "out" / "gates")[-1]["losses"]
    assert last["target_sparsity"] == pytest.approx(0.5)
    assert {"lambda_1", "lambda_2", "lagrangian", "layer", "prediction"} <= last.keys()
    final = muxviz.load(export_run(tuned, tmp_path / "final"))
    assert final.config.structure == cut.config.structure
    assert final.card["sparsity"] == cut.config.sparsity
    assert final.card["pruned_from"] == "dense"
    assert not torch.equal(final.model(ids).logits, cut.model(ids).logits)


def test_sparsities_follow_each_other_in_one_run(
    dense: tuple[Recipe, Path], data: Path, tmp_path: Path
) -> None:
    whole, start = dense
    before = {k: v.clone() for k, v in read_state(start)["model"].items()}
    stages = {"steps": 120, "sparsity_warmup": 60}, {"sparsity": 0.8, "steps": 90}
    more = {"readout_width": 10, "freeze_embeddings": True}
    recipe = pruning_recipe(whole, *stages, tuning=3, **more)
    found = prune(recipe, data, tmp_path / "out", start=start, only=(0, 0.8))
    assert [folder.name for folder in found] == ["s0", "s80"]
    cuts = {
        name: muxviz.load(tmp_path / "out" / "gates" / "cut" / name).config
        for name in ("s50", "s80")
    }
    assert cuts["s50"].sparsity == pytest.approx(0.5, abs=0.15)  # few steps, few gates
    assert cuts["s80"].sparsity == pytest.approx(0.8, abs=0.15)
    assert {config.readout_width for config in cuts.values()} == {10}
    assert checkpoint_of_run(found[0]).config.structure is None
    assert checkpoint_of_run(found[1]).config.structure == cuts["s80"].structure
    after = read_state(start)["model"]
    assert all(torch.equal(before[name], after[name]) for name in before), "the start was changed"
    words = "embeddings.word_embeddings.weight"
    gated = read_state(tmp_path / "out" / "gates")["model"]
    assert torch.equal(gated[words], before[words]), "frozen embeddings moved"


def test_a_stopped_pruning_goes_on_to_the_same_bits(
    dense: tuple[Recipe, Path], data: Path, tmp_path: Path
) -> None:
    whole, start = dense
    recipe = pruning_recipe(whole, {"steps": 12}, {"steps": 12, "sparsity": 0.7}, readout_width=9)
    at_once, twice = tmp_path / "once" / "gates", tmp_path / "twice"
    assert prune(recipe, data, tmp_path / "once", start=start) == [
        at_once / "cut" / name for name in ("s50", "s70")
    ]
    for _ in range(2):
        train(recipe, data, twice, resume=True, steps=14, start=start, companion=start)
    assert losses(at_once) == losses(twice)
    once, again = read_state(at_once), read_state(twice)
    assert once["step"] == again["step"] == 24
    assert all(torch.equal(value, again["parts"][key]) for key, value in once["parts"].items())
    assert all(torch.equal(v, again["masks"][k]) for k, v in once["masks"].items())


def test_multipliers_climb_while_sparsity_is_below_its_target(
    dense: tuple[Recipe, Path], data: Path, tmp_path: Path
) -> None:
    whole, start = dense
    recipe = pruning_recipe(whole, {"steps": 6, "sparsity_warmup": 0, "sparsity": 0.9})
    train(recipe, data, tmp_path / "run", start=start, companion=start)
    gaps = [row["losses"]["sparsity"] - 0.9 for row in metrics(tmp_path / "run")]
    first = losses(tmp_path / "run", "lambda_1")
    second = losses(tmp_path / "run", "lambda_2")
    assert max(gaps) < 0
    assert first == sorted(first, reverse=True)
    assert first[-1] < 0 < second[-1]
    assert second == sorted(second)


def test_the_target_rises_from_the_stage_before() -> None:
    stages = (
        tiny_stage("task", steps=10, sparsity=0.6, sparsity_warmup=4),
        tiny_stage("task", steps=10, sparsity=0.8, sparsity_warmup=10),
    )
    recipe = tiny_recipe(*stages)
    found = [target_of(recipe, index, at) for index, at in ((0, 0), (0, 2), (0, 9), (1, 5), (1, 9))]
    assert found == pytest.approx([0.0, 0.3, 0.6, 0.7, 0.78])


def test_open_gates_imitate_the_companion_exactly(data: Path, tmp_path: Path) -> None:
    """With nothing masked the student is the unpruned model: both distances are 0."""
    dense, start = dense_run(data, tmp_path / "dense", readout="mean")
    recipe = pruning_recipe(dense, {"task_coeff": 0.0})
    run = prepare_run(
        recipe,
        data,
        tmp_path,
        start=start,
        teacher=None,
        device=torch.device("cpu"),
        companion=start,
    )
    batch = run.maker.make(run.sampler(0).step(0), recipe.stages[0], 0)
    run.parts.eval()
    plain = replace(recipe.stages[0], sparsity=0.0)
    with torch.no_grad():
        values = run.parts(batch, plain).values
    assert float(values["layer"]) == pytest.approx(0, abs=1e-8)
    assert float(values["prediction"]) == pytest.approx(0, abs=1e-6)


def test_the_readout_dimensions_that_answers_need_are_kept(
    dense: tuple[Recipe, Path], data: Path, tmp_path: Path
) -> None:
    """Planted: the head and the demultiplexer's last layer read only five dimensions."""
    whole, start = dense
    begun = read_start(start)
    assert begun is not None
    assert begun.config is not None
    used = [1, 4, 9, 16, 20]
    unused = [i for i in range(24) if i not in used]
    for name in ("head.out_proj.weight", "demultiplexer.pre_decoder.weight"):
        begun.weights[name][:, unused] = 0
    model = muxviz.model.mux_model.MuxModel(begun.config)
    model.load_state_dict(begun.weights)
    recipe = pruning_recipe(whole)
    parts = TrainingModel(model, recipe, None, Companion(model, torch.device("cpu")))
    assert isinstance(parts.gates, Gates)
    run = prepare_run(
        recipe,
        data,
        tmp_path,
        start=start,
        teacher=None,
        device=torch.device("cpu"),
        companion=start,
    )
    batch = run.maker.make(run.sampler(0).step(0), recipe.stages[0], 0)
    choose_readout(parts, [batch], 5)
    assert parts.gates.readout.nonzero().flatten().tolist() == used
    # Without the others nothing changes but the norm, which then counts fewer dimensions.
    smaller = pruned(model, replace(parts.gates.settled(), hidden=torch.ones(24)))
    assert smaller.config.readout_width == 5


BAD_RECIPES: dict[str, tuple[dict[str, Any], str]] = {
    "falling": ({"stages": (0.8, 0.6)}, r"\[0\.8, 0\.6\]; it must rise"),
    "tuning": ({"fine_tuning": 0.5}, "leave its sparsity out"),
    "droprate": ({"droprate": 1.0}, "droprate is 1.0"),
    "above one": ({"stages": (1.0,)}, "sparsity is 1.0"),
}


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_recipes_that_cannot_be(name: str) -> None:
    given, message = BAD_RECIPES[name]

    def build() -> Recipe:
        values = dict(given)
        stages = [tiny_stage("task", sparsity=s) for s in values.pop("stages", (0.5,))]
        if "fine_tuning" in values:
            values["fine_tuning"] = (tiny_stage("task", sparsity=values["fine_tuning"]),)
        return tiny_recipe(*stages, **values)

    with pytest.raises(ConfigError, match=message):
        build()


def test_stages_name_a_known_matching() -> None:
    with pytest.raises(ConfigError, match=r"'nearest'; expected one of free, ordered"):
        Stage(name="x", steps=1, learning_rate=1.0, layer_matching="nearest")


def test_what_cannot_be_pruned_is_said(
    dense: tuple[Recipe, Path], data: Path, tmp_path: Path
) -> None:
    whole, start = dense
    recipe = pruning_recipe(whole, {"steps": 3}, tuning=2)

    def run(other: Recipe, **more: Any) -> None:
        prune(other, data, tmp_path / "out", **({"start": start} | more))

    with pytest.raises(ConfigError, match="no stage has a sparsity"):
        run(whole)
    with pytest.raises(ConfigError, match=r"sparsity 0.7 is none of the recipe's: \[0.5\]"):
        run(recipe, only=(0.7,))
    with pytest.raises(ConfigError, match="readout_width is 99"):
        run(changed(recipe, readout_width=99))
    with pytest.raises(ConfigError, match="compile with gates"):
        run(changed(recipe, compile=True))
    with pytest.raises(ConfigError, match="imitates the unpruned model of the same N"):
        train(recipe, data, tmp_path / "alone", start=start)
    run(replace(recipe, fine_tuning=()))
    cut = tmp_path / "out" / "gates" / "cut" / "s50"
    with pytest.raises(ConfigError, match="pruned already"):
        prune(recipe, data, tmp_path / "again", start=cut)
    other, wrong = dense_run(data, tmp_path / "other", num_instances=1)
    with pytest.raises(ConfigError, match=r"unpruned model has num_instances 1, the recipe 2"):
        train(recipe, data, tmp_path / "mixed", start=start, companion=wrong)
    assert other.num_instances == 1


def test_the_command(
    dense: tuple[Recipe, Path],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, start = dense
    recipe = pruning_recipe(whole, {"steps": 8}, tuning=3)
    path = write_recipe(recipe, tmp_path / "pruning.toml")
    assert read_recipe(path).fine_tuning == recipe.fine_tuning
    words = ["prune", str(path), "--data", str(data), "--start", str(start)]
    assert main([*words, "--out", str(tmp_path / "out"), "--threads", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.split() == [str(tmp_path / "out" / "s50")]
    assert "sparsity=" in printed.err, "progress does not say how sparse the model is"
    about = json.loads((tmp_path / "out" / "s50" / "run.json").read_text())
    assert about["name"] == "tiny-s50"
    assert prune(recipe, data, tmp_path / "out", start=start, resume=True) == [
        tmp_path / "out" / "s50"
    ]
