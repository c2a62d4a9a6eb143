"""Every stage with every published part: the loss falls, and the result is a checkpoint.

Each case trains 30 steps from scratch on small texts; what it gives is exported, loaded and traced.
"""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

import muxviz
from muxviz.errors import ConfigError
from muxviz.loading.checkpoint import Checkpoint
from muxviz.tracing import trace
from muxviz.training.export import checkpoint_of_run
from muxviz.training.loop import train
from muxviz.training.recipe import Recipe
from tests.covering import every_pair
from tests.tiny import tiny_ids
from tests.training.tiny_runs import changed, losses, tiny_recipe, tiny_stage, write_data

BACKBONES = ("bert", "electra")
STAGES = ("priming", "pre_training", "fine_tuning")
PRE_TRAINING = {
    "bert": ("masked_lm", "masked_lm"),
    "electra": ("replaced_tokens", "replaced_token_detection"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def stage_recipe(stage: str, backbone: str, multiplexer: str, demultiplexer: str) -> Recipe:
    """The recipe of one cell of the table."""
    # 30 steps from scratch are enough for words, while a sentence needs the stages before them.
    kind, task = "task", "token_classification"
    if stage == "priming":
        # The contextual multiplexer with an index prefix exists for masked LM alone.
        kind, task = "priming", PRE_TRAINING[backbone][1]
    elif stage == "pre_training":
        kind, task = PRE_TRAINING[backbone]
    return tiny_recipe(
        tiny_stage(kind),
        task=task,
        backbone=backbone,
        multiplexer=multiplexer,
        demultiplexer=demultiplexer,
    )


def cells() -> list[tuple[str, str, str, str]]:
    """Stage, backbone, multiplexer and demultiplexer of every published model."""
    found = []
    for stage in STAGES:
        for backbone in BACKBONES:
            for multiplexer in ("gaussian_hadamard", "random_orthogonal", "contextual"):
                if (multiplexer, backbone) == ("contextual", "electra"):
                    # Published: gaussian_attention, in the ELECTRA pre-training class only.
                    if stage == "fine_tuning":
                        continue
                    multiplexer = "cross_instance"
                for demultiplexer in ("rsa", "index_prefix"):
                    attends = multiplexer == "contextual"
                    if attends and demultiplexer == "index_prefix" and stage == "fine_tuning":
                        continue  # refused, see below
                    found.append((stage, backbone, multiplexer, demultiplexer))
    return found


LOSSES = ("total", "retrieval", "masked_lm", "replaced", "generator", "task")


def falls(run: Path) -> str:
    """Check that every loss of a run fell: mean of its last five steps below that of the first."""
    said = []
    for name in LOSSES:
        values = losses(run, name)
        if values:
            first, last = mean(values[:5]), mean(values[-5:])
            assert last < first, f"{name} {first} -> {last}"
            said.append(f"{name} {first:.3f} -> {last:.3f}")
    assert "total" in said[0]
    return ", ".join(said)


def assert_same_when_loaded(run: Path, folder: Path) -> Checkpoint:
    """Saved in float32, loaded, traced: the logits are those of the run's own model."""
    checkpoint = checkpoint_of_run(run)
    muxviz.save(checkpoint, folder, dtype="float32")
    loaded = muxviz.load(str(folder), device="cpu")
    ids = tiny_ids(checkpoint.config, length=9)
    ids[..., -1:] = checkpoint.config.shape.pad_token_id
    mask = (ids != checkpoint.config.shape.pad_token_id).long()
    with torch.inference_mode():
        ours = checkpoint.model(ids, mask).logits
    traced = trace(loaded.model, ids, mask)
    torch.testing.assert_close(traced.logits, ours, atol=1e-5, rtol=1e-5)
    return loaded


@pytest.mark.parametrize(("stage", "backbone", "multiplexer", "demultiplexer"), every_pair(cells()))
def test_every_stage_of_every_published_model_trains(
    stage: str, backbone: str, multiplexer: str, demultiplexer: str, data: Path, tmp_path: Path
) -> None:
    recipe = stage_recipe(stage, backbone, multiplexer, demultiplexer)
    train(recipe, data, tmp_path / "run")
    said = falls(tmp_path / "run")
    loaded = assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")
    assert loaded.config.multiplexer == multiplexer
    assert loaded.config.demultiplexer == demultiplexer
    print(f"{stage:12} {backbone:7} {multiplexer:17} {demultiplexer:12} {said}")


TASKS: dict[str, dict[str, Any]] = {
    "regression": {"task": "regression"},
    "binary": {"task": "token_classification", "multiplexer": "binary_hadamard"},
    "low rank": {"task": "token_classification", "multiplexer": "low_rank_orthogonal"},
    "three layers": {"task": "token_classification", "num_demux_layers": 3, "num_instances": 3},
    "narrow ELECTRA": {
        "task": "token_classification",
        "backbone": "electra",
        "embedding_size": 16,
    },
    "multiplexed N = 1": {
        "task": "token_classification",
        "num_instances": 1,
        "multiplexer": "gaussian_hadamard",
    },
    "plain sentences": {"num_instances": 1},
    "plain tokens": {"num_instances": 1, "task": "token_classification"},
    "plain regression": {"num_instances": 1, "task": "regression"},
    "plain pairs": {"num_instances": 1, "task_train": "pairs.tsv", "task_dev": "pairs.tsv"},
    "plain ELECTRA": {"num_instances": 1, "backbone": "electra", "embedding_size": 16},
}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_trains(name: str, data: Path, tmp_path: Path) -> None:
    changes = dict(TASKS[name])
    plain = changes.get("num_instances") == 1 and "multiplexer" not in changes
    stage = tiny_stage("task", learning_rate=2e-2, groups=16, retrieval_coeff=0.0 if plain else 0.1)
    train(tiny_recipe(stage, **changes), data, tmp_path / "run")
    print(f"{name:20} {falls(tmp_path / 'run')}")
    assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")


def test_three_stages_in_one_run(data: Path, tmp_path: Path) -> None:
    """Priming, masked LM, sentence pairs: what the last could not learn from scratch so fast."""
    steps = {"priming": 60, "masked_lm": 10, "task": 80}
    stages = (tiny_stage(k, learning_rate=1e-2, groups=16, steps=n) for k, n in steps.items())
    recipe = tiny_recipe(*stages, readout="mean", task_train="pairs.tsv", task_dev="pairs.tsv")
    train(recipe, data, tmp_path / "run")
    print(f"three stages {falls(tmp_path / 'run')}")
    assert mean(losses(tmp_path / "run", "task_accuracy")[-5:]) > 0.8
    loaded = assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")
    assert loaded.config.readout == "mean"


@pytest.mark.parametrize(
    ("backbone", "kind", "task"),
    [
        ("bert", "masked_lm", "masked_lm"),
        ("electra", "replaced_tokens", "replaced_token_detection"),
    ],
)
def test_plain_models_pre_train(
    backbone: str, kind: str, task: str, data: Path, tmp_path: Path
) -> None:
    stage = tiny_stage(kind, retrieval_coeff=0.0)
    recipe = tiny_recipe(stage, task=task, backbone=backbone, num_instances=1)
    train(recipe, data, tmp_path / "run")
    print(f"plain {kind:15} {falls(tmp_path / 'run')}")
    assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")


def test_a_generator_learns_beside_the_discriminator(data: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(
        tiny_stage("replaced_tokens"),
        task="replaced_token_detection",
        backbone="electra",
        generator_layers=1,
    )
    train(recipe, data, tmp_path / "run")
    print(f"generator {falls(tmp_path / 'run')}")
    assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")
    names = checkpoint_of_run(tmp_path / "run").model.state_dict()
    assert not any("generator" in name for name in names), "it is no part of the model"


def test_learned_slot_vectors_move_and_others_do_not(data: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tiny_stage("priming", steps=3))

    def vectors(name: str) -> torch.Tensor:
        state = checkpoint_of_run(tmp_path / name).model.state_dict()
        return state["multiplexer.instance_embedding"]

    train(recipe, data, tmp_path / "frozen")
    learned = train(changed(recipe, learn_instances=True), data, tmp_path / "learned")
    train(changed(recipe, instance_vectors="sign"), data, tmp_path / "signs")
    assert learned.parts.model.multiplexer.instance_embedding.requires_grad
    assert vectors("frozen").norm(dim=1).tolist() == pytest.approx([(24 * 2) ** 0.5] * 2)
    assert not torch.equal(vectors("learned"), vectors("frozen"))
    assert torch.equal(vectors("signs").abs(), torch.full((2, 24), 2**0.5))
    assert torch.equal(vectors("signs").sign(), vectors("frozen").sign())


def write_roberta_vocabulary(folder: Path) -> Path:
    """A tokenizer with RoBERTa's special ids and as many pieces."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    from tests.tiny import WORDS

    pieces = ["<s>", "<pad>", "</s>", "<unk>", *WORDS]
    pieces += [f"filler{n}" for n in range(len(pieces), 50264)] + ["<mask>"]
    vocabulary = {piece: n for n, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("demultiplexer", ["mlp", "index_prefix"])
def test_t_mux_trains(demultiplexer: str, data: Path, tmp_path: Path) -> None:
    """DataMUX on RoBERTa; its prefix ids need all 50265 rows, so only few steps."""
    vocabulary = write_roberta_vocabulary(tmp_path / "vocabulary")
    stage = tiny_stage("task", steps=4, learning_rate=5e-2, warmup_steps=1, retrieval_coeff=1.0)
    recipe = tiny_recipe(
        stage,
        backbone="roberta",
        demultiplexer=demultiplexer,
        vocabulary=str(vocabulary),
        hidden_size=8,
        intermediate_size=16,
        num_layers=1,
        num_heads=2,
    )
    train(recipe, data, tmp_path / "run")
    values = losses(tmp_path / "run")
    print(f"T-MUX {demultiplexer:12} {values}")
    assert values[-1] < values[0]
    loaded = assert_same_when_loaded(tmp_path / "run", tmp_path / "saved")
    assert loaded.config.published_class == "RobertaSequenceClassificationMuxed"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "contextual with a prefix": (
        {"multiplexer": "contextual", "demultiplexer": "index_prefix"},
        "exists only for masked_lm",
    ),
    "orthogonal in a narrow space": (
        {"multiplexer": "random_orthogonal", "backbone": "electra", "embedding_size": 16},
        "embedding_size equal to hidden_size",
    ),
    "one RSA layer": ({"num_demux_layers": 1}, "at least 2"),
    "half a plain model": ({"demultiplexer": "identity"}, "identity parts belong together"),
    "signs of matrices": (
        {"multiplexer": "random_orthogonal", "instance_vectors": "sign"},
        "only vectors drawn from a Gaussian have signs",
    ),
    "a plain ELECTRA generator": (
        {"num_instances": 1, "backbone": "electra", "task": "masked_lm"},
        "a plain electra masked LM is not supported",
    ),
    "retrieval without slots": ({"num_instances": 1}, "trains a retrieval head.*has none"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused(name: str, data: Path, tmp_path: Path) -> None:
    changes, message = REFUSED[name]
    with pytest.raises(ConfigError, match=message):
        train(tiny_recipe(tiny_stage("task"), **changes), data, tmp_path / "run")
