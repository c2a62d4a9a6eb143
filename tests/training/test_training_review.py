"""Mistakes that a review found in the trainer, each as the user would have met it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.errors import ConfigError, TrainingError
from muxviz.training.batches import BatchMaker
from muxviz.training.export import checkpoint_of_run, export_run
from muxviz.training.loop import train
from muxviz.training.meters import Meter
from muxviz.training.objectives import Terms, TrainingModel
from muxviz.training.recipe import Recipe, Stage, Training
from muxviz.training.rows import TokenRows
from muxviz.training.run_files import RunFiles
from muxviz.training.start import build_generator, build_model, run_config, run_shape
from muxviz.training.stepping import Stepper
from muxviz.ui.training.command import TrainCommand, from_words
from tests.training.tiny_runs import losses, metrics, tiny_recipe, tiny_stage, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_data(tmp_path_factory.mktemp("data"))
    tags = [json.loads(line) for line in (folder / "tags.jsonl").read_text().splitlines()]
    numbers = {"DET": 0, "AUX": 1, "ADV": 2, "NOUN": 3, "ADJ": 4}
    rows = [{"tokens": t["tokens"], "tags": [numbers[x] for x in t["upos"]]} for t in tags]
    (folder / "numbers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    lines = (folder / "sentences.tsv").read_text().splitlines()[:4]
    (folder / "three.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def plain_lm(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain masked LM: a teacher of states without labels."""
    out = tmp_path_factory.mktemp("runs") / "plain"
    stage = tiny_stage("masked_lm", steps=2, retrieval_coeff=0.0)
    train(tiny_recipe(stage, task="masked_lm", num_instances=1), data, out)
    return out


def test_stage_2_matches_the_sentence_too(data: Path, plain_lm: Path, tmp_path: Path) -> None:
    """The teacher's sentence vector counts beside masked LM, not only beside a task."""
    stage = tiny_stage("masked_lm", steps=3, hidden_coeff=1.0, sentence_coeff=1.0)
    train(tiny_recipe(stage, task="masked_lm"), data, tmp_path / "run", teacher=plain_lm)
    assert len(losses(tmp_path / "run", "sentence")) == 3
    assert len(losses(tmp_path / "run", "hidden")) == 3


@pytest.mark.parametrize(
    ("changes", "recipe", "message"),
    [
        ({"logit_coeff": 1.0}, {}, "imitates a teacher, and none is given"),
        ({}, {"task_train": "scores.tsv"}, "has the labels of regression"),
        ({}, {"task_train": "tags.jsonl"}, "has the labels of token_classification"),
        (
            {"objective": "masked_lm", "retrieval_coeff": 0.0},
            {"num_instances": 1},
            "has no head for masked LM",
        ),
        ({"groups": 9}, {"accumulate": 2}, "cannot be shared equally by 2"),
        ({"retrieval_coeff": 0.0}, {"num_instances": 1, "generator_layers": 1}, "in a plain model"),
    ],
)
def test_what_cannot_train_is_said_before(
    changes: dict[str, Any], recipe: dict[str, Any], message: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(tiny_recipe(tiny_stage("task", **changes), **recipe), data, tmp_path / "run")


def test_a_teacher_without_labels_teaches_none(data: Path, plain_lm: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tiny_stage("task", logit_coeff=1.0, hidden_coeff=1.0))
    with pytest.raises(ConfigError, match="knows 0 classes, the model 2"):
        train(recipe, data, tmp_path / "run", teacher=plain_lm)


def test_tags_may_be_numbers(data: Path, tmp_path: Path) -> None:
    names = {"task_train": "numbers.jsonl", "task_dev": "numbers.jsonl"}
    recipe = tiny_recipe(tiny_stage("task", steps=1), task="token_classification", **names)
    train(recipe, data, tmp_path / "run")
    assert checkpoint_of_run(tmp_path / "run").config.num_labels == 5


def test_a_dev_set_smaller_than_a_group(data: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tiny_stage("task", steps=1), num_instances=8, task_dev="three.tsv")
    train(recipe, data, tmp_path / "run")
    assert "dev_accuracy" in metrics(tmp_path / "run")[-1]["losses"]


def test_an_attempt_that_saved_nothing_leaves_no_curve(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.jsonl").write_text('{"step": 1, "losses": {"total": 9.0}}\n')
    (out / "progress.json").write_text('{"state": "failed"}')
    train(tiny_recipe(tiny_stage("task", steps=2)), data, out)
    assert [row["step"] for row in metrics(out)] == [1, 2]


def test_a_gradient_that_is_not_a_number_is_not_saved(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of a step can be fine while its update is not."""
    step = Stepper.step

    def overflowing(self: Stepper, number: int) -> Any:
        if number == 2:
            self.parameters[0].register_hook(lambda gradient: gradient * float("inf"))
        return step(self, number)

    monkeypatch.setattr(Stepper, "step", overflowing)
    recipe = tiny_recipe(tiny_stage("task", steps=4), save_every=1)
    with pytest.raises(TrainingError, match="the last good state is"):
        train(recipe, data, tmp_path / "run")
    weights = checkpoint_of_run(tmp_path / "run").model.state_dict().values()
    assert all(torch.isfinite(value).all() for value in weights)


def test_precision_that_the_machine_lacks(data: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(ConfigError, match="precision 'fp16' does not work on this machine"):
        train(tiny_recipe(precision="fp16"), data, tmp_path / "run")


def test_a_full_row_passes_the_generator() -> None:
    """The discriminator's room for a displaced prefix is not the generator's."""
    stage = tiny_stage("replaced_tokens", hidden_coeff=1.0)
    recipe = tiny_recipe(
        stage,
        backbone="electra",
        task="replaced_token_detection",
        demultiplexer="index_prefix",
        generator_layers=1,
    )
    config = run_config(recipe, run_shape(recipe, None, 700), ("a", "b"))
    parts = TrainingModel(build_model(recipe, config, None, None), recipe)
    parts.generator = build_generator(recipe, config)
    length = config.default_max_length
    ids = np.tile(np.arange(110, 110 + length), 4).astype(np.int32)
    rows = TokenRows(ids, np.arange(5) * length, np.zeros(4, dtype=np.int64))
    maker = BatchMaker(rows, config, 103, (101,), seed=0, has_generator=True)
    batch = maker.make(np.arange(4).reshape(2, 2), stage, 0)
    batch = replace(batch, teacher_hidden=torch.zeros(*batch.ids.shape, 24))
    with torch.no_grad():
        parts.hidden_map.weight.zero_()
        parts.hidden_map.bias.fill_(1.0)
    terms = parts(batch, stage)
    assert terms.values["hidden"].item() == pytest.approx(1.0), "every real token counts once"


def test_sign_vectors_survive_another_seed(data: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tiny_stage("priming", steps=1), instance_vectors="sign")
    train(recipe, data, tmp_path / "one")
    train(replace(recipe, seed=5), data, tmp_path / "two", start=tmp_path / "one")
    name = "multiplexer.instance_embedding"
    one, two = (checkpoint_of_run(tmp_path / n).model.state_dict()[name] for n in ("one", "two"))
    assert torch.equal(one, two)


def test_a_layer_that_the_start_lacks(data: Path, plain_lm: Path, tmp_path: Path) -> None:
    """It would have been random, and nobody would have known."""
    recipe = tiny_recipe(layers=(0, 3))
    with pytest.raises(ConfigError, match="layer 3 of .* which has layers 0 to 1"):
        train(recipe, data, tmp_path / "run", start=plain_lm)


def test_two_do_not_write_one_run(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with RunFiles(out, is_writer=True).claimed():
        before = sorted(path.name for path in out.iterdir())
        with pytest.raises(TrainingError, match=f"another process is training in {out}"):
            train(tiny_recipe(), data, out, resume=True)
        assert sorted(path.name for path in out.iterdir()) == before
    assert not out.exists(), "nothing was begun"


def test_a_loss_is_averaged_over_the_steps_that_have_it() -> None:
    meter = Meter()
    accelerator: Any = type("One", (), {"num_processes": 1})()
    for name in ("task", "retrieval", "retrieval"):
        terms = Terms(torch.tensor(2.0), {name: torch.tensor(2.0)}, {})
        sums: dict[str, float] = {}
        meter.add_terms(terms, sums)
        meter.reduce(sums, accelerator)
    row = meter.row(3, "priming", 0.1, 1.0)
    assert row["losses"] == {"task": 2.0, "retrieval": 2.0, "total": 2.0}


def test_a_card_keeps_no_folder_of_the_machine(data: Path, tmp_path: Path) -> None:
    about = {
        "recipe_file": str(tmp_path / "own.toml"),
        "command": ["muxviz", "train", f"--data={data}", "--out", str(tmp_path / "run")],
    }
    train(tiny_recipe(tiny_stage("task", steps=1)), data, tmp_path / "run", about=about)
    card = (export_run(tmp_path / "run", tmp_path / "saved") / "card.json").read_text()
    assert json.loads(card)["run"]["command"][2] == f"--data={data.name}"
    assert str(tmp_path) not in card


def test_the_page_resumes_a_recipe_of_several_n() -> None:
    words = ["train", "a.toml", "--data", "d", "--out", "o", "--num-instances", "5"]
    command = from_words(["muxviz", *words])
    assert command == TrainCommand("a.toml", "d", "o", num_instances=5)
    assert command.words == words


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask_share": 1.5}, "mask_share is 1.5; expected a number from 0 to 1"),
        ({"general_share": -0.1}, "general_share is -0.1; expected a number"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; expected a number above 0"),
    ],
)
def test_numbers_outside_their_range_are_refused(changes: dict[str, float], message: str) -> None:
    values = {"name": "x", "steps": 1, "learning_rate": 1e-3} | changes
    with pytest.raises(ConfigError, match=message):
        Stage(**values)  # type: ignore[arg-type]


def test_a_run_without_clipping_room_is_refused() -> None:
    with pytest.raises(ConfigError, match="clip_norm is 0"):
        Training(clip_norm=0.0)


def test_equal_stages_are_told_apart() -> None:
    stage = Stage("x", steps=3, learning_rate=1e-3, task_coeff=1.0)
    recipe = Recipe(name="x", num_instances=2, stages=(stage, stage))
    assert [recipe.stage_number(step) for step in range(6)] == [0, 0, 0, 1, 1, 1]
