"""The trainer on small texts of our own: losses fall, resuming is exact, recipes are checked."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from muxviz.errors import CheckpointMissing, ConfigError, DataError, TrainingError
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.training.data import Sampler, read_labelled, read_sentences
from muxviz.training.export import checkpoint_of_run
from muxviz.training.loop import learning_rate, train
from muxviz.training.recipe import Recipe, Stage, read_recipe
from muxviz.training.vocabulary import trim_vocabulary
from tests.tiny import tiny_checkpoint, tiny_config, tiny_tokenizer

GOOD = ("good", "great", "fine", "warm", "funny", "bright", "happy")
BAD = ("bad", "awful", "boring", "sad", "cold", "dark", "old")
THINGS = ("film", "movie", "story", "plot", "book", "song", "scene")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rows = [
        (f"the {thing} is {'very ' * (n % 3)}{word}", label)
        for n, thing in enumerate(THINGS)
        for label, words in ((1, GOOD), (0, BAD))
        for word in words
    ]
    lines = ["sentence\tlabel", *(f"{text}\t{label}" for text, label in rows)]
    for name in ("train", "dev"):
        with gzip.open(folder / f"{name}.tsv.gz", "wt") as file:
            file.write("\n".join(lines) + "\n")
    (folder / "general.txt").write_text(
        "The dog and the cat go to the river. A man and a woman see the city at night.\n\n"
        "We like to play in the house all day.\n"
    )
    return folder


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
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def recipe(num: int, steps: int = 40, rate: float = 5e-3, **changes: object) -> Recipe:
    shared = {"steps": steps, "learning_rate": rate, "warmup_steps": 5, "groups": 8}
    if num == 1:
        stages = (Stage("fine_tuning", task_coeff=1.0, probe_coeff=0.5, **shared),)  # type: ignore[arg-type]
    else:
        stages = (
            Stage("priming", retrieval_coeff=1.0, general_share=0.5, **shared),  # type: ignore[arg-type]
            Stage(
                "fine_tuning",
                task_coeff=1.0,
                logit_coeff=1.0,
                hidden_coeff=1.0,
                retrieval_coeff=0.5,
                **shared,  # type: ignore[arg-type]
            ),
        )
    values: dict[str, object] = {
        "name": f"tiny-n{num}",
        "num_instances": num,
        "stages": stages,
        "max_length": 32,
        "task_train": "train.tsv.gz",
        "task_dev": "dev.tsv.gz",
        "general": ("general.txt",),
        "dropout": 0.1,
        "autocast": False,
    }
    return Recipe(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def teacher(data: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny-n1"
    train(recipe(1, steps=120, rate=3e-3), data, out, start=encoder)
    return out


def losses(run: Path) -> list[dict[str, float]]:
    return [json.loads(s)["losses"] for s in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_plain_teacher_learns(teacher: Path) -> None:
    assert losses(teacher)[-1]["task"] < 0.5, "guessing costs log 2 = 0.69"
    assert checkpoint_of_run(teacher).config.num_instances == 1


@pytest.mark.parametrize("multiplexer", ["gaussian_hadamard", "random_orthogonal", "contextual"])
def test_every_loss_falls(
    multiplexer: str, data: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muxviz.training.loop.LOG_EVERY", 10)
    out = tmp_path / "run"
    train(recipe(2, multiplexer=multiplexer), data, out, start=teacher)
    first, last = losses(out)[0], losses(out)[-1]
    assert last["retrieval"] < first["retrieval"]
    fine_tuning = losses(out)[4]
    assert last["hidden"] < fine_tuning["hidden"]
    assert {"task", "logit", "task_accuracy"} <= set(last)


def test_a_stopped_run_resumes_to_the_same_bits(data: Path, teacher: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(recipe(2, steps=12), data, whole, start=teacher)
    train(recipe(2, steps=12), data, parts, start=teacher, stop_at=7)
    train(recipe(2, steps=12), data, parts, start=teacher, resume=True, stop_at=15)
    train(recipe(2, steps=12), data, parts, start=teacher, resume=True)
    a, b = (checkpoint_of_run(run).model.state_dict() for run in (whole, parts))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_an_exported_run_loads_and_answers_the_same(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(recipe(2, steps=3), data, out, start=teacher)
    checkpoint = checkpoint_of_run(out)
    loaded = load(save(checkpoint, tmp_path / "export", aliases=False), device="cpu")
    assert loaded.config.readout == "mean"
    assert loaded.config.default_padding == "group"
    assert loaded.config.labels == ("negative", "positive")
    assert loaded.card["recipe"]["num_instances"] == 2
    ids = torch.randint(110, 180, (2, 2, 9), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        loaded.model(ids).logits, checkpoint.model(ids).logits, atol=1e-6, rtol=1e-6
    )


def test_a_run_is_not_overwritten_or_mixed_up(data: Path, teacher: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(recipe(2, steps=2), data, out, start=teacher, stop_at=1)
    with pytest.raises(TrainingError, match=r"already holds a run.*--resume"):
        train(recipe(2, steps=2), data, out, start=teacher)
    with pytest.raises(TrainingError, match=r"made with another seed \(17 then, 5 now\)"):
        train(recipe(2, steps=2, seed=5), data, out, start=teacher, resume=True)
    changed = recipe(2, steps=2)
    first, second = changed.stages
    later = replace(changed, stages=(first, replace(second, learning_rate=1e-4)))
    train(later, data, out, start=teacher, resume=True)
    assert checkpoint_of_run(out).card["step"] == 4


def test_a_loss_that_is_not_a_number_stops_the_run(
    data: Path, teacher: Path, tmp_path: Path
) -> None:
    bad = recipe(2, steps=30)
    stages = tuple(replace(s, learning_rate=1e30, warmup_steps=1) for s in bad.stages)
    with pytest.raises(TrainingError, match=r"loss is (nan|inf).*no state was saved"):
        train(replace(bad, stages=stages, clip_norm=1e30), data, tmp_path / "run", start=teacher)


def test_the_order_of_rows_is_a_function_of_seed_and_step() -> None:
    lengths = np.random.default_rng(0).integers(4, 40, size=500)

    def sampler(seed: int = 3) -> Sampler:
        return Sampler(
            lengths,
            task_rows=400,
            num_instances=5,
            groups=8,
            general_share=0.25,
            bucketed_share=0.5,
            seed=seed,
        )

    forward = [sampler().step(s) for s in (0, 41, 90)]
    one = sampler()
    backward = [one.step(s) for s in (90, 41, 0)][::-1]
    for a, b in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(sampler(4).step(0), forward[0])
    pool = np.concatenate([sampler().step(s).ravel() for s in range(Sampler.POOL_STEPS)])
    assert (pool >= 400).mean() == pytest.approx(0.25, abs=0.01)
    counts = np.bincount(pool[pool < 400], minlength=400)
    assert counts.max() - counts.min() <= 1, "each row once before any twice"


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


def test_labelled_tables_name_their_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("sentence\tlabel\ngood\t1\nbad\tx\n")
    with pytest.raises(DataError, match=r"rows.tsv line 3: label 'x' is not a whole number"):
        read_labelled(path)
    path.write_text("sentence\tlabel\ngood\t1\nbad\n")
    with pytest.raises(DataError, match=r"line 3: 1 columns, the header has 2"):
        read_labelled(path)
    path.write_text("words\tlabel\n")
    with pytest.raises(DataError, match=r"columns are words, label; expected label and one of"):
        read_labelled(path)
    with pytest.raises(DataError, match=r"no data file at .*--data or MUXVIZ_DATA"):
        read_labelled(tmp_path / "none.tsv")
    path.write_text('question\tsentence\tlabel\nwho?\t"me\t0\n')
    rows = read_labelled(path)
    assert (rows.texts, rows.pairs, rows.labels.tolist()) == (("who?",), ('"me',), [0])


def test_sentences_are_sampled_once_each(data: Path) -> None:
    everything = read_sentences([data / "general.txt"], limit=10, seed=0)
    assert len(everything) == 3
    assert len(read_sentences([data / "general.txt"], limit=2, seed=0)) == 2
    assert set(read_sentences([data / "general.txt"], limit=2, seed=0)) <= set(everything)


def test_recipes_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    stage = '[[stages]]\nname = "priming"\nsteps = 1\nlearning_rate = 1e-3\n'
    for text, message in (
        (f'name = "x"\nnum_instances = 2\nspeed = 3\n{stage}', "unknown key 'speed'"),
        (f"num_instances = 2\n{stage}", "missing key 'name'"),
        ('name = "x"\nnum_instances = 2\n', r"no \[\[stages\]\]"),
        (f'name = "x"\nnum_instances = 0\n{stage}', "num_instances is 0"),
        (f'name = "x"\nnum_instances = "2"\n{stage}', "num_instances is '2'; expected int"),
        (f'name = "x"\nnum_instances = 2\nautocast = 1\n{stage}', "autocast is 1; expected bool"),
        ("name = ", "is not TOML"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_recipe(path)
    with pytest.raises(ConfigError, match="no recipe at"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.stem)
def test_every_bundled_recipe_parses(path: Path) -> None:
    read = read_recipe(path)
    assert read.name == path.stem
    assert read.total_steps > 0


def test_a_missing_start_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointMissing, match=r"no training run at .*state.pt"):
        train(recipe(2), data, tmp_path / "a", start=tmp_path)
    with pytest.raises(CheckpointMissing, match=r"no config.json in .*BERT encoder"):
        train(recipe(1), data, tmp_path / "b", start=tmp_path)


def test_files_that_are_not_what_they_say_are_data_errors(tmp_path: Path) -> None:
    for name, content in (
        ("rows.tsv.gz", b"not gzip"),
        ("rows.txt.xz", b"not xz"),
        ("rows.tsv", "sentence\tlabel\ncaf\u00e9\t1\n".encode("latin-1")),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name} cannot be read as UTF-8 text"):
            read_labelled(path)


def test_a_resumed_run_keeps_its_metrics_straight(
    data: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muxviz.training.loop.LOG_EVERY", 2)
    out = tmp_path / "run"
    train(recipe(2, steps=6), data, out, start=teacher, stop_at=6)
    with (out / "metrics.jsonl").open("a") as log:  # logged, then killed before the next save
        log.write('{"step": 8, "losses": {}}\n')
    train(recipe(2, steps=6), data, out, start=teacher, resume=True)
    steps = [json.loads(s)["step"] for s in (out / "metrics.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6, 8, 10, 12]


def test_a_refused_resume_leaves_the_run_as_it_was(
    data: Path, teacher: Path, encoder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(recipe(2, steps=2), data, out, start=teacher, stop_at=1)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    other = tmp_path / "other"
    train(recipe(1, steps=1), data, other, start=encoder)
    with (other / "vocab.txt").open("a") as vocabulary:
        vocabulary.write("one-more\n")
    with pytest.raises(TrainingError, match="another vocabulary"):
        train(recipe(2, steps=2), data, out, start=other, resume=True)
    with pytest.raises(TrainingError, match="another seed"):
        train(recipe(2, steps=2, seed=9), data, out, start=teacher, resume=True)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
