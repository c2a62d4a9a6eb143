"""The published recipes: they read, give models of the published sizes, and name their sources."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.mux_model import MuxModel
from muxviz.training.recipe import TABLE_OF, Recipe, Stage, read_recipe
from muxviz.training.start import Start, run_config, run_shape

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "published"
FILES = sorted(FOLDER.glob("*.toml"))
PUBLISHED_N = (2, 5, 10)
BERT_BASE = BackboneShape(30522, 768, 12, 12, 3072, 512)

# hidden size, embedding size, layers, heads, feed-forward, vocabulary, released class
SIZES = {
    "muxbert-small": (512, 512, 4, 8, 2048, 30522, "MuxedBertForMaskedLM"),
    "muxbert-base": (768, 768, 12, 12, 3072, 30522, "MuxedBertForMaskedLM"),
    "muxbert-large": (1024, 1024, 24, 16, 4096, 30522, "MuxedBertForMaskedLM"),
    "muxelectra-base": (768, 768, 12, 12, 3072, 30522, "MuxedElectraForPreTraining"),
    "contextual-base": (768, 768, 12, 12, 3072, 30522, "MuxedBertForMaskedLM"),
    "tmux": (768, 768, 12, 12, 3072, 50265, "RobertaSequenceClassificationMuxed"),
    "fine-tune-sentence": (768, 768, 12, 12, 3072, 30522, "MuxedBertForSequenceClassification"),
    "fine-tune-pairs": (768, 768, 12, 12, 3072, 30522, "MuxedBertForSequenceClassification"),
    "fine-tune-regression": (768, 768, 12, 12, 3072, 30522, "MuxedBertForSequenceClassification"),
    "fine-tune-tokens": (768, 768, 12, 12, 3072, 30522, "MuxedBertForTokenClassification"),
}
LAYER = 12 * 768**2 + 13 * 768  # parameters of one base layer: weights, biases, two norms
ENCODER_PARAMETERS = {4: 12_609_536, 12: 12 * LAYER, 24: 302_309_376}
# steps, groups, peak rate, warm-up, objective's weight, read-back's weight; of each stage
STAGES = {
    "muxbert-base": (
        ("priming", 1_000_000, 128, 1e-4, 10_000, 0.0, 1.0),
        ("pre_training", 1_000_000, 128, 1e-4, 10_000, 0.9, 0.1),
    ),
    "muxelectra-base": (
        ("priming", 1_000_000, 128, 1e-4, 10_000, 0.0, 50.0),
        ("pre_training", 1_000_000, 128, 1e-4, 10_000, 45.0, 5.0),
    ),
    "fine-tune-sentence": (("fine_tuning", 20_000, 128, 5e-5, 2_000, 1.0, 0.0),),
    "fine-tune-pairs": (("fine_tuning", 10_000, 128, 5e-5, 1_000, 1.0, 0.0),),
    "fine-tune-regression": (("fine_tuning", 10_000, 128, 5e-5, 1_000, 1.0, 0.0),),
    "fine-tune-tokens": (("fine_tuning", 20_000, 128, 5e-5, 2_000, 1.0, 0.0),),
    "tmux": (
        ("priming", 500_000, 24, 5e-5, 0, 0.0, 1.0),
        ("fine_tuning", 500_000, 24, 5e-5, 0, 0.9, 0.1),
    ),
}


def config_of(path: Path, num: int) -> MuxConfig:
    """The model a recipe gives; fine-tuning starts from a base-sized encoder."""
    recipe = read_recipe(path, num_instances=num)
    begin = Start(Path("base"), {}, BERT_BASE) if path.stem.startswith("fine-tune") else None
    vocab_size = 50265 if recipe.model.backbone == "roberta" else 30522
    labels = {
        "regression": ("score",),
        "token_classification": tuple(f"tag{i}" for i in range(17)),
    }.get(recipe.task, recipe.data.labels)
    return run_config(recipe, run_shape(recipe, begin, vocab_size), labels)


def test_every_published_recipe_has_a_row() -> None:
    assert {path.stem for path in FILES} == set(SIZES)


@pytest.mark.parametrize("num", PUBLISHED_N)
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_sizes_are_the_published_ones(path: Path, num: int) -> None:
    config = config_of(path, num)
    shape = config.shape
    found = (
        *(shape.hidden_size, shape.embedding_size, shape.num_hidden_layers),
        *(shape.num_attention_heads, shape.intermediate_size, shape.vocab_size),
        config.published_class,
    )
    assert found == SIZES[path.stem]
    assert config.num_instances == num
    wanted = "contextual" if path.stem == "contextual-base" else "gaussian_hadamard"
    assert config.multiplexer == wanted
    assert config.demultiplexer == ("index_prefix" if path.stem == "tmux" else "rsa")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_model_can_be_built(path: Path) -> None:
    with torch.device("meta"):  # shapes without memory
        model = MuxModel(config_of(path, 5))
    count = sum(p.numel() for p in model.encoder.parameters())
    assert count == ENCODER_PARAMETERS[model.config.shape.num_hidden_layers]
    assert model.multiplexer.instance_embedding.shape == (5, model.config.shape.embedding_size)
    assert model.retrieval_head is not None


@pytest.mark.parametrize("name", STAGES)
def test_stages_are_the_published_ones(name: str) -> None:
    recipe = read_recipe(FOLDER / f"{name}.toml")
    found = tuple(
        (
            s.name,
            s.steps,
            s.groups,
            s.learning_rate,
            s.warmup_steps,
            s.task_coeff,
            s.retrieval_coeff,
        )
        for s in recipe.stages
    )
    assert found == STAGES[name]
    assert all(s.retrieval_positions == 0 and s.bucketed_share == 0 for s in recipe.stages)
    assert recipe.model.instance_norm == (20.0 if name == "tmux" else 1.0)
    assert recipe.model.readout == "first"
    assert recipe.training.adam_beta2 == 0.999
    assert recipe.training.accumulate == (4 if name.startswith("fine-tune") else 1)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_sources_are_named_and_unknown_values_marked(path: Path) -> None:
    recipe, text = read_recipe(path), path.read_text(encoding="utf-8")
    assert "arXiv 23" in recipe.source or "arXiv 22" in recipe.source
    assert "github.com/princeton-nlp/" in recipe.source
    assert recipe.unknown, "the seed at least"
    stages = {stage.name: stage for stage in recipe.stages}
    for name in recipe.unknown:
        stage, _, field = name.rpartition(".")
        known = {f.name for f in fields(Stage if stage else Recipe)}
        assert field in known | (set() if stage else TABLE_OF.keys()), name
        assert not stage or stage in stages, name
    # Every tag in square brackets is explained in the head of the file.
    head, _, body = text.partition("\nname = ")
    tags = set(re.findall(r"# .*?\[([a-zA-Z_.]+)\]", body))
    assert tags
    assert all(f"[{tag}]" in head for tag in tags), tags
    longest = max(len(line) for line in text.splitlines())
    assert longest <= 100


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_number_of_instances_goes_into_the_name(path: Path) -> None:
    assert read_recipe(path).name.endswith("-n2")
    assert read_recipe(path, num_instances=10).name.endswith("-n10")


def test_one_instance_fine_tunes_a_plain_model() -> None:
    recipe = read_recipe(FOLDER / "fine-tune-sentence.toml", num_instances=1)
    assert not recipe.is_multiplexed
    assert config_of(FOLDER / "fine-tune-sentence.toml", 1).published_class == (
        "BertForSequenceClassification"
    )


def test_a_recipe_for_one_n_refuses_another(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\nnum_instances = 3\n[[stages]]\n'
        'name = "x"\nsteps = 1\nlearning_rate = 1.0\ntask_coeff = 1.0\n'
    )
    assert read_recipe(path, num_instances=3).num_instances == 3
    with pytest.raises(
        ConfigError, match=r"is for 3 instances, not 2: its name 'own' has no \{n\}"
    ):
        read_recipe(path, num_instances=2)
    path.write_text(path.read_text().replace('"own"', '"own-{n}"'))
    recipe = read_recipe(path, num_instances=2)
    assert (recipe.name, recipe.num_instances) == ("own-2", 2)
