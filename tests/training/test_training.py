"""The trainer from outside: what a run starts from, learns from a teacher, and refuses.

Losses are in ``test_objectives.py``, all parts in ``test_training_matrix.py``, stopping and going
on in ``test_training_resume.py``.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.errors import CheckpointMissing, ConfigError, TrainingError
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.training.export import checkpoint_of_run
from muxviz.training.loop import train
from muxviz.training.recipe import Recipe, Stage, read_recipe
from muxviz.training.state import read_state
from muxviz.training.stepping import learning_rate
from muxviz.training.vocabulary import trim_vocabulary
from tests.tiny import tiny_checkpoint, tiny_config, tiny_tokenizer
from tests.training.tiny_runs import (
    changed,
    losses,
    metrics,
    tiny_recipe,
    tiny_stage,
    write_data,
    write_recipe,
)

ROOT = Path(__file__).resolve().parents[2]
FROM_START: dict[str, Any] = {  # sizes and vocabulary are those of the start
    "hidden_size": 0,
    "intermediate_size": 0,
    "num_layers": 0,
    "num_heads": 0,
    "vocabulary": "",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT encoder as a package would carry it."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("encoder")
    checkpoint = tiny_checkpoint(tiny_config(plain=True, vocab_size=1200))
    weights = {}
    for key, value in checkpoint.model.state_dict().items():
        if not key.startswith("head."):
            weights[key.replace("encoder.layers.", "encoder.layer.")] = value.contiguous() * 0.3
    save_file(weights, folder / "model.safetensors")
    config = {
        "model_type": "bert",
        "vocab_size": 1200,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 40,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tiny_tokenizer().save_pretrained(folder)
    return folder


def plain(steps: int = 60, **changes: Any) -> Recipe:
    """An N = 1 model with a probe, as the teachers of the bundled family are."""
    stage = tiny_stage("task", steps=steps, retrieval_coeff=0.0, probe_coeff=0.5)
    return tiny_recipe(stage, num_instances=1, **(FROM_START | changes))


def taught(steps: int = 20, **changes: Any) -> Recipe:
    """Priming on task and general texts, then a task with everything a teacher gives."""
    stages = (
        tiny_stage("priming", steps=steps, general_share=0.5, retrieval_positions=40),
        tiny_stage("task", steps=steps, logit_coeff=1.0, hidden_coeff=1.0, sentence_coeff=0.5),
    )
    return tiny_recipe(*stages, **(FROM_START | {"general": ("general.txt",)} | changes))


@pytest.fixture(scope="module")
def teacher(data: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "teacher"
    train(plain(), data, out, start=encoder)
    return out


def test_a_run_goes_on_beside_its_own_teacher_only(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(taught(), data, out, start=teacher, teacher=teacher, steps=2)
    with pytest.raises(TrainingError, match="resume with the same --teacher"):
        train(taught(), data, out, start=teacher, teacher=tmp_path / "other", resume=True)


def test_the_plain_teacher_learns(teacher: Path) -> None:
    assert mean(losses(teacher, "task")[-5:]) < 0.5, "guessing costs log 2 = 0.69"
    assert mean(losses(teacher, "probe")[-5:]) < 0.5
    assert checkpoint_of_run(teacher).config.num_instances == 1


@pytest.mark.parametrize("changes", [{}, {"readout": "mean"}, {"demultiplexer": "index_prefix"}])
def test_a_teacher_is_imitated(
    changes: dict[str, Any], data: Path, teacher: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(taught(**changes), data, out, start=teacher, teacher=teacher)
    for name in ("retrieval", "hidden", "sentence"):
        values = losses(out, name)
        assert mean(values[-3:]) < mean(values[:3]), name
    last = metrics(out)[-1]["losses"]
    assert {"task", "logit", "task_accuracy", "dev_accuracy"} <= set(last)
    samples = [json.loads(s) for s in (out / "samples.jsonl").read_text().splitlines()]
    assert len(samples[-1]["slots"]) == 2


def test_words_are_taught_too(data: Path, tmp_path: Path) -> None:
    words = {"task": "token_classification"}
    sizes = {"hidden_size": 24, "intermediate_size": 40, "num_layers": 2, "num_heads": 4}
    scratch = plain(20, vocabulary="vocab.txt", **words, **sizes)
    scratch = replace(scratch, stages=(tiny_stage("task", steps=20, retrieval_coeff=0.0),))
    train(scratch, data, tmp_path / "teacher")
    stage = tiny_stage("task", steps=20, logit_coeff=1.0, hidden_coeff=0.5)
    out = tmp_path / "run"
    begin = {"start": tmp_path / "teacher", "teacher": tmp_path / "teacher"}
    train(tiny_recipe(stage, **(FROM_START | words)), data, out, **begin)
    for name in ("task", "logit", "hidden"):
        assert mean(losses(out, name)[-3:]) < mean(losses(out, name)[:3]), name


def test_a_teacher_must_be_plain_and_know_the_vocabulary(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    out = tmp_path / "student"
    train(taught(1), data, out, start=teacher, teacher=teacher)
    with pytest.raises(TrainingError, match="a teacher is a plain model"):
        train(taught(1), data, tmp_path / "a", start=teacher, teacher=out)
    sizes = {"hidden_size": 24, "intermediate_size": 40, "num_layers": 2, "num_heads": 4}
    foreign = taught(1, vocabulary="vocab.txt", **sizes)
    with pytest.raises(TrainingError, match="another vocabulary than the student"):
        train(foreign, data, tmp_path / "b", teacher=teacher)


def test_more_slots_start_from_fewer(data: Path, teacher: Path, tmp_path: Path) -> None:
    """A warm start of N = 3 from N = 2 takes over all that does not depend on N."""
    two, three = tmp_path / "two", tmp_path / "three"
    stage = tiny_stage("priming", steps=1, learning_rate=1e-12)
    train(tiny_recipe(stage, **FROM_START), data, two, start=teacher)
    train(tiny_recipe(stage, **FROM_START, num_instances=3), data, three, start=two)
    old, new = (read_state(run)["model"] for run in (two, three))
    vectors = "multiplexer.instance_embedding"
    for key, value in old.items():
        if key in (vectors, "demultiplexer.keys"):
            continue
        torch.testing.assert_close(new[key], value, atol=1e-6, rtol=0)
    torch.testing.assert_close(new["demultiplexer.keys"][:2], old["demultiplexer.keys"])
    directions = torch.nn.functional.cosine_similarity(new[vectors][:2], old[vectors])
    assert directions.tolist() == pytest.approx([1.0, 1.0])
    assert new[vectors].norm(dim=1).tolist() == pytest.approx([(24 * 3) ** 0.5] * 3)


def test_an_exported_run_loads_and_answers_the_same(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    labels = ("negative", "positive")
    train(taught(2, readout="mean", labels=labels), data, out, start=teacher, teacher=teacher)
    checkpoint = checkpoint_of_run(out)
    loaded = load(save(checkpoint, tmp_path / "export", aliases=False), device="cpu")
    assert loaded.config.readout == "mean"
    assert loaded.config.default_padding == "group"
    assert loaded.config.labels == labels
    assert loaded.card["recipe"]["num_instances"] == 2
    assert loaded.card["run"]["steps"] == 4
    ids = torch.randint(110, 180, (2, 2, 9), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        loaded.model(ids).logits, checkpoint.model(ids).logits, atol=1e-6, rtol=1e-6
    )


# ---- going on ---------------------------------------------------------------------------------


def test_a_run_is_not_overwritten_or_mixed_up(data: Path, teacher: Path, tmp_path: Path) -> None:
    out, short = tmp_path / "run", taught(2)
    train(short, data, out, start=teacher, teacher=teacher, steps=1)
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume"):
        train(short, data, out, start=teacher, teacher=teacher)
    other = replace(short, seed=5)
    with pytest.raises(TrainingError, match=r"made with another seed \(17 then, 5 now\)"):
        train(other, data, out, start=teacher, teacher=teacher, resume=True)
    first, second = short.stages
    later = changed(short, stages=(first, replace(second, learning_rate=1e-4)), log_every=2)
    train(later, data, out, start=teacher, teacher=teacher, resume=True)
    assert checkpoint_of_run(out).card["step"] == 4


def test_a_run_of_before_a_new_field_goes_on(data: Path, teacher: Path, tmp_path: Path) -> None:
    out, short = tmp_path / "run", plain(4)
    train(short, data, out, start=teacher, steps=1)
    state = read_state(out)
    recipe = json.loads(state["recipe"])
    del recipe["save_every"], recipe["compile"]
    torch.save(state | {"recipe": json.dumps(recipe)}, out / "state.pt")
    with pytest.raises(TrainingError, match="another compile"):
        train(changed(short, compile=True), data, out, start=teacher, resume=True)
    train(short, data, out, start=teacher, resume=True)
    assert read_state(out)["step"] == 4


def test_a_resumed_run_keeps_its_metrics_straight(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    out, even = tmp_path / "run", plain(12, log_every=2)
    train(even, data, out, start=teacher, steps=6)
    with (out / "metrics.jsonl").open("a") as log:  # logged, then killed before the next save
        log.write('{"step": 8, "losses": {}}\n{"step": 1')
    train(even, data, out, start=teacher, resume=True)
    assert [row["step"] for row in metrics(out)] == [2, 4, 6, 8, 10, 12]
    assert [row["instances"] for row in metrics(out)] == [16 * n for n in range(1, 7)]


def test_a_refused_resume_leaves_the_run_as_it_was(
    data: Path, teacher: Path, encoder: Path, tmp_path: Path
) -> None:
    out, short = tmp_path / "run", plain(2)
    train(short, data, out, start=teacher, steps=1)
    other = tmp_path / "other"
    train(plain(1), data, other, start=encoder)
    vocabulary = json.loads((other / "tokenizer.json").read_text())
    vocabulary["model"]["vocab"]["one-more"] = len(vocabulary["model"]["vocab"])
    (other / "tokenizer.json").write_text(json.dumps(vocabulary))

    def files() -> dict[str, bytes]:
        left_out = ("progress.json",)  # says that it failed, and why
        return {p.name: p.read_bytes() for p in out.iterdir() if p.name not in left_out}

    before = files()
    with pytest.raises(TrainingError, match="another vocabulary"):
        train(short, data, out, start=other, resume=True)
    assert files() == before
    with pytest.raises(TrainingError, match="another seed"):
        train(replace(short, seed=9), data, out, start=teacher, resume=True)
    assert files() == before


def test_a_missing_start_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match=r"no config.json and no state.pt in .*BERT enc"):
        train(plain(1), data, tmp_path / "a", start=tmp_path)
    with pytest.raises(ConfigError, match=r"from scratch needs hidden_size, num_layers, num_h"):
        train(plain(1, vocabulary="vocab.txt"), data, tmp_path / "b")


def test_a_tokenizer_without_a_mask_cannot_mask(data: Path, encoder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        shutil.copy(encoder / name, bare / name)
    (bare / "tokenizer_config.json").write_text('{"mask_token": null}')
    stage = tiny_stage("masked_lm", steps=1)
    with pytest.raises(ConfigError, match="no mask token.*tokenizer_config.json"):
        train(tiny_recipe(stage, **FROM_START), data, tmp_path / "a", start=bare)
    train(plain(1), data, tmp_path / "b", start=bare)


# ---- parts ------------------------------------------------------------------------------------


def test_learning_rate_rises_then_falls_to_zero() -> None:
    stage = Stage("x", steps=100, learning_rate=1.0, warmup_steps=10)
    assert learning_rate(stage, 0) == pytest.approx(0.1)
    assert learning_rate(stage, 9) == pytest.approx(1.0)
    assert learning_rate(stage, 10) == pytest.approx(1.0)
    assert learning_rate(stage, 55) == pytest.approx(0.5)
    assert learning_rate(stage, 99) == pytest.approx(1 / 90)


def test_a_trimmed_vocabulary_splits_words_and_loses_none() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = [f"[unused{i}]" for i in range(999)]
    pieces[100] = "[UNK]"
    pieces += [*"abcdefghijklmnopqrstuvwxyzé"]
    pieces += [f"##{c}" for c in "abcdefghijklmnopqrstuvwxyzé"]
    pieces += ["film", "wonderful", "##ly", "漢", "rare"]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    kept, old = trim_vocabulary(tokenizer, [["film film wonderful", "film"]], len(pieces) - 3)
    assert kept[:999] == pieces[:999]
    assert (old[:999] == np.arange(999)).all()
    assert "film" in kept
    assert "wonderful" in kept
    assert "漢" not in kept
    assert "rare" not in kept
    assert [pieces[i] for i in old] == kept
    small = Tokenizer(models.WordPiece({p: i for i, p in enumerate(kept)}, unk_token="[UNK]"))
    small.pre_tokenizer = pre_tokenizers.Whitespace()
    assert small.encode("rare").tokens == ["r", "##a", "##r", "##e"]


def test_recipes_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    stage = '[[stages]]\nname = "priming"\nsteps = 1\nlearning_rate = 1e-3\n'
    begin = 'name = "x"\nnum_instances = 2\n'
    for text, message in (
        (f"{begin}speed = 3\n{stage}", "unknown key 'speed'"),
        (f"num_instances = 2\n{stage}", "missing key 'name'"),
        (begin, r"no \[\[stages\]\]"),
        (f'name = "x"\nnum_instances = 0\n{stage}', "num_instances is 0"),
        (
            f'name = "x"\nnum_instances = "2"\n{stage}',
            "line 2: num_instances is '2'; expected a whole number from 1 to 1,024",
        ),
        (f"{begin}compile = 1\n{stage}", "line 3: compile is 1; expected true or false"),
        (f'{begin}precision = "half"\n{stage}', "precision is 'half'; expected one of no, bf16"),
        (f"{begin}accumulate = 0\n{stage}", "accumulate is 0; expected a whole number from 1"),
        (f"{begin}log_every = 0\n{stage}", "log_every is 0; expected a whole number from 1"),
        (f'{begin}{stage}objective = "guess"\n', "objective is 'guess'; expected one of task"),
        (
            f"{begin}{stage}groups = 0\n",
            r"\[\[stages\]\], line 7: groups is 0; expected a whole number from 1",
        ),
        ("name = ", "is not TOML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_recipe(path)
    with pytest.raises(ConfigError, match="no such file; expected a recipe"):
        read_recipe(tmp_path / "none.toml")


def test_a_recipe_is_what_its_file_says(tmp_path: Path) -> None:
    recipe = taught()
    assert read_recipe(write_recipe(recipe, tmp_path / "r.toml")) == recipe
    scratch = (
        'name = "x"\nnum_instances = 1\n[[stages]]\n'
        'name = "a"\nsteps = 1\nlearning_rate = 1\ntask_coeff = 1\n'
    )
    (tmp_path / "plain.toml").write_text(scratch)
    assert read_recipe(tmp_path / "plain.toml").model.demultiplexer == "identity"


FOLDERS = (".", "first", "packed", "narrow", "suite")
BUNDLED = sorted(path for name in FOLDERS for path in (ROOT / "configs" / name).glob("*.toml"))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_bundled_recipe_parses(path: Path) -> None:
    read = read_recipe(path)
    assert path.stem in (read.name, f"{read.name}-continued", read.name.removesuffix("-n2"))
    assert read.total_steps > 0
