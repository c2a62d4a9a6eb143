"""Whole packed runs of every labelled task, small: trained, stopped, gone on with, exported."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.cli import main
from muxviz.errors import ConfigError, TrainingError
from muxviz.loading.load import load
from muxviz.training.export import checkpoint_of_run, export_run, read_state
from muxviz.training.loop import train
from muxviz.training.packed import answers
from muxviz.training.packed.prepare import shared_vectors, whole_weights
from muxviz.training.packed.tied import TiedModel
from muxviz.training.prepare import prepare_run
from muxviz.training.recipe import Recipe, Stage
from tests.training.test_training_resume import assert_same_bits
from tests.training.tiny_runs import (
    changed,
    losses,
    metrics,
    tiny_recipe,
    tiny_stage,
    write_data,
    write_recipe,
)

CPU = torch.device("cpu")
DATA_OF = {
    "sentence": ("sequence_classification", "phrases.tsv"),
    "pair": ("sequence_classification", "pairs.tsv"),
    "regression": ("regression", "scored.tsv"),
    "token": ("token_classification", "tags.jsonl"),
}
TAUGHT: dict[str, Any] = {  # sizes and vocabulary are the teacher's
    "hidden_size": 0,
    "intermediate_size": 0,
    "num_layers": 0,
    "num_heads": 0,
    "vocabulary": "",
    "start": "packed",
    "multiplexer": "binary_hadamard",
    "num_demux_layers": 3,
}


def tied_stage(name: str = "tied", **changes: Any) -> Stage:
    values: dict[str, Any] = {
        "steps": 4,
        "learning_rate": 1e-2,
        "warmup_steps": 1,
        "groups": 8,
        "task_coeff": 0.2,
        "answer_coeff": 1.0,
        "state_coeff": 0.5,
    }
    return Stage(name, **(values | changes))


READING = {"retrieval_coeff": 0.3, "retrieval_positions": 20}


def packed_recipe(kind: str, *stages: Stage, **changes: Any) -> Recipe:
    task, file = DATA_OF[kind]
    whole = (tied_stage(), tied_stage("reading", **READING), tied_stage("free", free=True))
    named = {"task_train": file, "task_dev": "dev_" + file, "exchanged": 30, "save_every": 100}
    return tiny_recipe(*(stages or whole), task=task, **(TAUGHT | named | changes))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usual files, phrases of sentences, and of every file a few rows as dev set."""
    folder = write_data(tmp_path_factory.mktemp("data"))
    rows = (folder / "sentences.tsv").read_text().splitlines()
    sentences = [
        f"{row.split(chr(9))[0]} and {other}"
        for row, other in zip(rows[1:], rows[2:], strict=False)
    ]
    parts = [" ".join(row.split("\t")[0].split()[1:]) + "\t" + row[-1] for row in rows[1:]]
    lines = [rows[0], *sentences, *dict.fromkeys(parts)]
    (folder / "phrases.tsv").write_text("\n".join(lines) + "\n")
    scored = ["sentence\tscore", *lines[1:]]
    (folder / "scored.tsv").write_text("\n".join(scored) + "\n")
    for _, name in DATA_OF.values():
        given = (folder / name).read_text().splitlines()
        header = [] if name.endswith("jsonl") else given[:1]
        (folder / f"dev_{name}").write_text("\n".join([*header, *given[5:40:3]]) + "\n")
    return folder


@pytest.fixture(scope="module")
def teachers(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A plain model of every kind of task."""
    folder = tmp_path_factory.mktemp("teachers")
    for kind, (task, file) in DATA_OF.items():
        stage = tiny_stage("task", steps=20, retrieval_coeff=0.0)
        files = {"task_train": file, "task_dev": file, "log_every": 10}
        train(tiny_recipe(stage, num_instances=1, task=task, **files), data, folder / kind)
    return {kind: folder / kind for kind in DATA_OF}


@pytest.mark.parametrize("kind", DATA_OF)
def test_a_packed_run_is_exported_as_it_is(
    kind: str, data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """Tied, read back, laid out, freed; what is exported answers as what was trained."""
    out = tmp_path / "run"
    recipe = packed_recipe(kind)
    train(recipe, data, out, teacher=teachers[kind], steps=8)
    run = prepare_run(recipe, data, out, start=None, teacher=teachers[kind], device=CPU)
    state = read_state(out)
    run.parts.load_state_dict(state["parts"])
    tied = run.parts.model.eval()
    assert isinstance(tied, TiedModel)
    exported = load(export_run(out, tmp_path / "export", dtype="float32"), device="cpu")
    assert exported.config.multiplexer == "binary_hadamard"
    ids = torch.randint(110, 180, (3, 2, 9), generator=torch.Generator().manual_seed(0))
    expected = tied(ids).logits
    torch.testing.assert_close(exported.model(ids).logits, expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 1e-3
    known = exported.card["run"]["packed"]
    assert (known["slot_width"], known["slot_heads"], known["slot_units"]) == (12, 2, 20)
    assert known["left_out"]["task"] > 0, "the dev rows stand in the training file here"
    train(recipe, data, out, teacher=teachers[kind], resume=True)
    assert metrics(out)[-1]["stage"] == "free"
    for name in ("answer", "last_state", "middle_state", "task"):
        assert len(losses(out, name)) == 12, name
    assert len(losses(out, "retrieval")) == 4
    freed = checkpoint_of_run(out).model
    off = freed.encoder.layers[0].attention.output.dense.weight[:12, 12:]
    assert off.abs().max() > 0, "blocks off the diagonal train too"


def test_packing_for_free_training_changes_no_answer(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """Also where idle heads and units were woken, which the answers do not see."""
    recipe = packed_recipe("sentence", slot_heads=1, slot_units=15)
    run = prepare_run(recipe, data, tmp_path, start=None, teacher=teachers["sentence"], device=CPU)
    freed = run.untied()
    ids = torch.randint(110, 180, (3, 2, 9), generator=torch.Generator().manual_seed(0))
    before, after = run.parts.model.eval()(ids).logits, freed.parts.model.eval()(ids).logits
    torch.testing.assert_close(before, after, atol=1e-5, rtol=1e-5)
    woken = freed.parts.model.encoder.layers[0].attention.self.query.weight
    assert (woken.abs().sum(dim=1) > 0).all()
    assert torch.equal(freed.parts.imitation.last.weight, run.parts.imitation.last.weight)
    assert all(p.requires_grad for p in freed.parts.model.encoder.parameters())


def test_distillation_comes_nearer_to_the_teacher(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stage = tied_stage(steps=40, **READING)
    train(packed_recipe("sentence", stage, compounds=40), data, out, teacher=teachers["sentence"])
    for name in ("answer", "last_state", "middle_state", "retrieval"):
        values = losses(out, name)
        assert np.mean(values[-5:]) < 0.8 * np.mean(values[:5]), name


def test_any_number_of_slots_packs(data: Path, teachers: dict[str, Path], tmp_path: Path) -> None:
    """More slots than the teacher has heads: smaller heads, cut out of the teacher's."""
    out = tmp_path / "run"
    recipe = packed_recipe("sentence", tied_stage(steps=2), num_instances=8, num_heads=8)
    train(recipe, data, out, teacher=teachers["sentence"])
    assert checkpoint_of_run(out).config.shape.num_attention_heads == 8


def test_the_start_is_worth_something(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """The middle state is nearly linear in the slot's own dimensions from the first step on."""
    recipe = packed_recipe("sentence", slot_width=10)
    run = prepare_run(recipe, data, tmp_path, start=None, teacher=teachers["sentence"], device=CPU)
    assert 0.5 < run.notes["packed"]["variance_kept"] <= 1
    batch = run.maker.make(run.sampler(0).step(0), recipe.stages[0], 0)
    batch = run.teacher.add_to(batch)
    model = run.parts.model.eval()
    prepared = model.prepare(batch.ids, batch.mask, None)
    hidden = model.enter(model.mix(model.embed(prepared), prepared.mask))
    own = model.layout.own_of(model.encoder.all_states(hidden, None)[1])
    own = own[batch.asked.groups, batch.asked.places, batch.asked.slots]
    inputs = torch.cat([own, torch.ones(len(own), 1)], dim=1)
    if len(own) > inputs.shape[1]:
        fit = torch.linalg.lstsq(inputs, batch.asked.middle).solution
        left = (inputs @ fit - batch.asked.middle).square().sum() / len(own)
        assert left < 0.5


# ---- stopping and going on ----------------------------------------------------------------------


def test_a_stopped_run_ends_in_the_same_bits(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """In the middle of the tied stages, between packing and free training, and after it."""
    recipe = packed_recipe("sentence")
    teacher = teachers["sentence"]
    train(recipe, data, tmp_path / "whole", teacher=teacher)
    for steps, at in ((2, 2), (6, 8), (2, 10), (None, 12)):
        train(recipe, data, tmp_path / "parts", teacher=teacher, steps=steps, resume=True)
        assert read_state(tmp_path / "parts")["step"] == at
    assert_same_bits(tmp_path / "whole", tmp_path / "parts")
    kept = read_state(tmp_path / "parts")["model"]
    assert not any(name.startswith("embeddings") and v.shape[-1] == 12 for name, v in kept.items())


def test_the_teacher_is_asked_once(
    data: Path, teachers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, recipe = teachers["sentence"], packed_recipe("sentence")
    train(recipe, data, tmp_path / "a", teacher=teacher, steps=1)

    def refuse(*_: Any) -> None:
        pytest.fail("asked again")

    monkeypatch.setattr(answers._Asking, "states", refuse)
    other = replace(recipe, num_instances=3, name="other")
    train(other, data, tmp_path / "b", teacher=teacher, steps=1)


def test_asking_goes_on_where_it_was_stopped(
    data: Path, teachers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BATCH", 8)
    monkeypatch.setattr(answers, "SAVE_EVERY", 2)
    recipe, teacher = packed_recipe("token"), teachers["token"]
    asked: list[int] = []
    states = answers._Asking.states

    def counted(self: Any, batch: np.ndarray) -> Any:
        asked.append(len(batch))
        if len(asked) == stop:
            raise KeyboardInterrupt
        return states(self, batch)

    monkeypatch.setattr(answers._Asking, "states", counted)

    def of(folder: str) -> Any:
        return prepare_run(
            recipe, data, tmp_path / folder / "run", start=None, teacher=teacher, device=CPU
        ).teacher

    for name in ("whole", "stopped"):
        (tmp_path / name / "run").mkdir(parents=True)
    stop = 0
    whole, all_of_them = of("whole"), len(asked)
    asked.clear()
    stop = all_of_them - 5
    with pytest.raises(KeyboardInterrupt):
        of("stopped")
    asked.clear()
    stop = 0
    again = of("stopped")
    assert 5 <= len(asked) <= 8
    for name in ("logits", "last", "middle"):
        assert np.array_equal(getattr(whole, name), getattr(again, name)), name
    assert whole.variance == again.variance


def test_damaged_answers_are_told(data: Path, teachers: dict[str, Path], tmp_path: Path) -> None:
    recipe, teacher = packed_recipe("sentence"), teachers["sentence"]
    train(recipe, data, tmp_path / "run", teacher=teacher, steps=1)
    (file,) = (tmp_path / "teacher-cache").glob("answers-*.logits")
    file.write_bytes(b"short")
    with pytest.raises(TrainingError, match=r"delete answers-[0-9a-f]{16}\.\* there"):
        train(recipe, data, tmp_path / "run", teacher=teacher, resume=True)


# ---- refusals and the command -------------------------------------------------------------------


def test_what_a_packed_start_cannot_be_cut_out_of(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    recipe = packed_recipe("sentence")

    def refused(words: str, recipe: Recipe = recipe, **given: Any) -> None:
        with pytest.raises((ConfigError, TrainingError), match=words):
            train(recipe, data, tmp_path / "run", **given)

    refused("name one with --teacher")
    refused("leave --start", start=teachers["token"], teacher=teachers["sentence"])
    refused("has task 'token_classification'", teacher=teachers["token"])
    refused(
        "keeps the teacher's vocabulary",
        changed(recipe, vocab_size=1000),
        teacher=teachers["sentence"],
    )
    labelled = changed(recipe, labels=("bad", "good"))
    refused("the teacher's LABEL_0, LABEL_1", labelled, teacher=teachers["sentence"])
    fewer = changed(recipe, num_layers=1)
    refused("the teacher gives 2 layers", fewer, teacher=teachers["sentence"])
    many = replace(recipe, num_instances=5)
    refused("5 slots side by side cannot share 4", many, teacher=teachers["sentence"])
    big = changed(recipe, num_heads=2)
    refused("heads of 12 dimensions cannot be cut", big, teacher=teachers["sentence"])
    pair = changed(packed_recipe("pair"), compounds=5)
    refused("three rows of one text", pair, teacher=teachers["pair"])
    none = changed(recipe, task_train="sentences.tsv")
    refused("no training row is a phrase of another", none, teacher=teachers["sentence"])
    mostly = changed(recipe, held_out=10**6)
    refused("held_out is 1000000", mostly, teacher=teachers["sentence"])
    old = replace(recipe, stages=(tied_stage(hidden_coeff=1.0),))
    refused("not for a packed start", old, teacher=teachers["sentence"])
    shares = changed(recipe, shares=(1.0,))
    refused("this recipe has the kinds task, exchanged", shares, teacher=teachers["sentence"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": "", "held_out": 3}, "held_out is given, and start is not 'packed'"),
        ({"start": "", "stages": (tied_stage(),)}, "answer_coeff is given"),
        ({"stages": (tied_stage(free=True),)}, "begins with one that is not free"),
        ({"stages": (tied_stage(), tied_stage(free=True), tied_stage())}, "free ones come last"),
        ({"shares": (0.0, 0.0)}, "all shares are 0"),
        ({"learn_instances": True}, "goes without"),
        ({"start": "elsewhere"}, "start is 'elsewhere'; expected one of"),
        ({"multiplexer": "gaussian_hadamard"}, "multiplexer is 'gaussian_hadamard'"),
        ({"readout": "mean"}, "readout is 'mean'"),
    ],
)
def test_recipes_that_contradict_themselves(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed(packed_recipe("sentence", exchanged=0), **changes)


def test_the_command_makes_any_recipe_packed(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """``--start packed`` for a recipe that says nothing of it; held-out rows are scored."""
    recipe = packed_recipe("sentence", tiny_stage("task", steps=2), exchanged=0, num_demux_layers=2)
    text = write_recipe(recipe, tmp_path / "recipe.toml").read_text()
    for line in ('start = "packed"\n', 'multiplexer = "binary_hadamard"\n'):
        assert line in text
        text = text.replace(line, "")
    (tmp_path / "recipe.toml").write_text(text)
    out = tmp_path / "run"
    words = ["train", str(tmp_path / "recipe.toml"), "--data", str(data), "--out", str(out)]
    assert main([*words, "--start", "packed", "--teacher", str(teachers["sentence"])]) == 0
    run = json.loads((out / "run.json").read_text())
    assert run["recipe"]["start"] == run["start"] == "packed"
    assert run["packed"]["rows"]["task"] > 100
    assert checkpoint_of_run(out).config.multiplexer == "binary_hadamard"


def test_rows_kept_apart_are_scored_in_place_of_the_dev_set(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    recipe = packed_recipe("sentence", tied_stage(steps=2), held_out=10)
    train(recipe, data, out, teacher=teachers["sentence"])
    last = metrics(out)[-1]["losses"]
    assert 0 <= last["held_accuracy"] <= 1
    assert "dev_accuracy" not in last


def test_a_saved_state_is_the_wide_models(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """So a run can be named wherever a checkpoint can: as start, teacher, for export."""
    out = tmp_path / "run"
    recipe = packed_recipe("sentence", tied_stage(steps=1, **READING))
    run = train(recipe, data, out, teacher=teachers["sentence"])
    state = read_state(out)
    for name, value in whole_weights(run.parts.model).items():
        torch.testing.assert_close(state["model"][name], value, atol=0, rtol=0)
    sizes = dict.fromkeys(("hidden_size", "intermediate_size", "num_layers", "num_heads"), 0)
    after = tiny_recipe(
        tiny_stage("task", steps=1),
        multiplexer="binary_hadamard",
        num_demux_layers=3,
        task_train="phrases.tsv",
        task_dev="phrases.tsv",
        vocabulary="",
        **sizes,
    )
    train(after, data, tmp_path / "after", start=out)


SHARING = (
    tied_stage(),
    tied_stage("half", free=True, sharing=0.5, sharing_warmup=2, **READING),
    tied_stage("whole", free=True, sharing=1.0, sharing_warmup=2, **READING),
)


def test_slots_come_to_share_and_the_model_is_exported(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    """At a stage's end the vectors stand where it says; stopped on the way, the run is the same."""
    recipe = packed_recipe("sentence", *SHARING)
    at_once, stopped = tmp_path / "run", tmp_path / "stopped"
    train(recipe, data, at_once, teacher=teachers["sentence"], steps=8)
    half = load(export_run(at_once, tmp_path / "half", dtype="float32"), device="cpu")
    assert half.config.multiplexer == "gaussian_hadamard"
    vectors: Any = half.model.multiplexer.instance_embedding
    torch.testing.assert_close(vectors, shared_vectors(half.config, 0.5, seed=recipe.seed))
    assert half.card["run"]["packed"]["sharing"] == 0.5
    train(recipe, data, at_once, teacher=teachers["sentence"], resume=True)
    assert "middle_state" not in metrics(at_once)[-1]["losses"]
    for steps in (5, None):
        train(
            recipe, data, stopped, teacher=teachers["sentence"], resume=steps is None, steps=steps
        )
    assert_same_bits(at_once, stopped)
    whole = checkpoint_of_run(at_once)
    vectors = whole.model.multiplexer.instance_embedding
    torch.testing.assert_close(vectors, shared_vectors(whole.config, 1.0, seed=recipe.seed))
    assert whole.card["run"]["packed"]["sharing"] == 1.0


def test_a_copy_of_a_run_goes_on_under_another_name(
    data: Path, teachers: dict[str, Path], tmp_path: Path
) -> None:
    rooms = packed_recipe("sentence", tied_stage(), name="rooms")
    train(rooms, data, tmp_path / "rooms", teacher=teachers["sentence"])
    shutil.copytree(tmp_path / "rooms", tmp_path / "shared")
    shared = packed_recipe("sentence", *SHARING[:2], name="shared")
    train(shared, data, tmp_path / "shared", teacher=teachers["sentence"], resume=True)
    assert checkpoint_of_run(tmp_path / "shared").name == "shared"


def test_a_packed_run_is_exported_in_another_basis(
    data: Path, teachers: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUXVIZ_DATA", raising=False)
    out = tmp_path / "run"
    recipe = packed_recipe("sentence")
    train(recipe, data, out, teacher=teachers["sentence"], steps=8)
    plain = load(export_run(out, tmp_path / "plain", dtype="float32"), device="cpu")
    assert (
        main(["export", str(out), str(tmp_path / "turned"), "--dtype", "float32", "--turn", "3"])
        == 0
    )
    turned = load(tmp_path / "turned", device="cpu")
    assert turned.config.multiplexer == "low_rank_orthogonal"
    assert turned.card["run"]["packed"]["turned"] == 3
    ids = torch.randint(110, 180, (3, 2, 9), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        turned.model(ids).logits, plain.model(ids).logits, atol=1e-4, rtol=1e-4
    )
    later = load(export_run(tmp_path / "plain", tmp_path / "later", turn=3), device="cpu")
    torch.testing.assert_close(
        later.model(ids).logits, turned.model(ids).logits, atol=0.05, rtol=0.05
    )
    assert (tmp_path / "later" / "vocab.txt").is_file()
    train(recipe, data, out, teacher=teachers["sentence"], resume=True)
    with pytest.raises(ConfigError, match="not copies of one another"):
        export_run(out, tmp_path / "late", turn=3)
    with pytest.raises(ConfigError, match="is no packed run"):
        export_run(teachers["sentence"], tmp_path / "other", turn=3)
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize(
    "stages",
    [
        (tied_stage(sharing=0.5),),
        (tied_stage(), tied_stage("b", free=True, sharing=0.5), tied_stage("c", free=True)),
    ],
)
def test_tied_blocks_do_not_share_and_sharing_does_not_fall(stages: tuple[Stage, ...]) -> None:
    with pytest.raises(ConfigError, match="it must not fall"):
        packed_recipe("sentence", *stages)
