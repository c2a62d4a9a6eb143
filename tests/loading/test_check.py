"""The pre-flight check: what it says of good, odd and bad checkpoints, and that it never raises."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file, save_file

from muxviz.config import MuxConfig
from muxviz.errors import CheckpointInvalid, MuxvizError
from muxviz.loading import self_test as testing
from muxviz.loading.check import CheckReport, check, main_check
from muxviz.loading.facts import model_facts
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.loading.self_test import least_beyond_luck, self_test, text_like_ids
from tests.fixtures_folder import fixture_names, open_fixture
from tests.tiny import shared_folder, tiny_checkpoint, tiny_config, tiny_model, write_tiny_folder

STAGES = ["folder", "config", "weights", "parts", "keys", "size", "tokenizer", "load", "self-test"]


def reading_model(config: MuxConfig) -> Any:
    """A MUX-BERT whose retrieval head reads every token back: nothing turns its direction.

    Attention and feed-forward blocks add nothing, and every dense layer is the identity moved far
    to the right of gelu's bend, which the next norm moves back.
    """
    model = tiny_model(config)
    state = model.state_dict()
    for name, value in state.items():
        if name.endswith("bias") or "position_emb" in name or "token_type" in name:
            value.zero_()
        elif "norm" in name.lower() or name.endswith("instance_embedding"):
            value.fill_(1.0)
        elif "output.dense" in name or name.endswith("keys"):
            value.zero_()
        elif name.endswith(("dense.weight", "dense.0.weight", "dense.1.weight")):
            value.zero_()[:, -value.shape[0] :].fill_diagonal_(1.0)
    for name in ("demultiplexer.dense.0", "demultiplexer.dense.1", "retrieval_head.dense"):
        state[f"{name}.bias"].fill_(10.0)
    return model


def test_a_good_checkpoint_is_described_in_full() -> None:
    report = check(shared_folder(num_labels=3))
    assert report.usable
    assert [stage.name for stage in report.stages] == STAGES
    assert [stage.status for stage in report.stages] == ["ok"] * 8 + ["warning"]
    words = ("multiplexer", "demultiplexer", "backbone", "instances", "task", "labels")
    assert [report.model[word] for word in words] == [
        "gaussian_hadamard",
        "rsa",
        "bert",
        3,
        "sequence_classification",
        "LABEL_0, LABEL_1, LABEL_2",
    ]
    assert report.model["labels from"] == "none: raw label numbers"
    assert report.model["task head"] == report.model["retrieval head"] == "present"
    assert (report.missing, report.unexpected, report.wrong_shape) == ((), (), ())
    expected = sum(p.numel() for p in tiny_model(tiny_config(num_labels=3)).parameters())
    assert report.parameters == expected
    assert report.memory == {
        "float32": 4 * expected,
        "float16": 2 * expected,
        "bfloat16": 2 * expected,
    }


def test_the_report_is_text_and_json() -> None:
    report = check(shared_folder())
    text = report.text()
    parts = ("multiplexer: gaussian_hadamard", "good to know", "embeddings applied twice", "usable")
    assert [part for part in parts if part not in text] == []
    values = json.loads(json.dumps(report.to_dict()))
    assert values["usable"] is True
    assert [stage["name"] for stage in values["stages"]] == STAGES
    assert values["facts"][0].keys() == {"title", "sentence"}


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_prints_and_returns_its_exit_code(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main_check(str(shared_folder()), as_json) == 0
    good = capsys.readouterr().out
    assert main_check(str(tmp_path), as_json) == 1
    bad = capsys.readouterr().out
    if as_json:
        assert (json.loads(good)["usable"], json.loads(bad)["usable"]) == (True, False)
    else:
        assert "is usable." in good
        assert "is NOT usable." in bad


def ends_with(report: CheckReport, stage: str, code: str, part: str) -> None:
    last = report.stages[-1]
    assert (last.name, last.status, last.code) == (stage, "error", code)
    assert part in last.lines[0]
    assert f"[{code}]" in report.text()
    assert not report.usable


def spoiled(path: Path, name: str, value: torch.Tensor) -> Path:
    folder = write_tiny_folder(path / "model")
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {name: value}, folder / "model.safetensors")
    return folder


def test_a_missing_folder_ends_at_once(tmp_path: Path) -> None:
    report = check(tmp_path / "nowhere")
    ends_with(report, "folder", "E-MISSING", "no such folder")
    assert len(report.stages) == 1
    assert report.model == {}


def test_a_folder_without_config(tmp_path: Path) -> None:
    ends_with(check(tmp_path), "config", "E-MISSING", "not a model folder")


def test_truncated_weights(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    ends_with(check(folder), "weights", "E-READ", "truncated")


def test_a_contradiction(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model")
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"num_instances": 3', '"num_instances": 4'))
    ends_with(check(folder), "parts", "E-KEYS", "num_instances 4")


def test_wrong_shapes_are_reported_with_the_model(tmp_path: Path) -> None:
    report = check(spoiled(tmp_path, "classifier.bias", torch.zeros(5)))
    ends_with(report, "keys", "E-KEYS", "1 of a wrong shape")
    assert report.wrong_shape == ("classifier.bias is [5], expected [2]",)
    assert report.model["backbone"] == "bert"


def test_too_large_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    report = check(shared_folder())
    ends_with(report, "size", "E-SIZE", "are free")
    assert report.parameters is not None


def test_weights_that_are_not_numbers(tmp_path: Path) -> None:
    report = check(spoiled(tmp_path, "classifier.bias", torch.tensor([1.0, float("nan")])))
    ends_with(report, "load", "E-NAN", "not finite")


def test_weights_that_overflow_in_a_pass(tmp_path: Path) -> None:
    report = check(spoiled(tmp_path, "classifier.weight", torch.full((2, 24), 3e38)))
    ends_with(report, "self-test", "E-NAN", "answers random ids with values that are not finite")


def test_unexpected_tensors_are_a_warning(tmp_path: Path) -> None:
    report = check(spoiled(tmp_path, "extra.weight", torch.zeros(3)))
    assert report.usable
    assert report.unexpected == ("extra.weight",)
    assert report.stages[4].status == "warning"
    assert "1 tensors are used by nothing: extra.weight" in report.stages[4].lines[0]


def test_a_missing_tokenizer_is_a_warning(tmp_path: Path) -> None:
    report = check(write_tiny_folder(tmp_path / "model", tokenizer=False))
    assert report.usable
    assert "no tokenizer" in " ".join(report.stages[6].lines)


def test_inferred_fields_are_said(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model")
    fields = json.loads((folder / "config.json").read_text())
    del fields["num_instances"]
    (folder / "config.json").write_text(json.dumps(fields))
    assert "num_instances is absent: 3 inferred" in check(folder).text()


@pytest.mark.parametrize("error", [PermissionError(13, "denied"), MemoryError("no room")])
def test_system_errors_end_a_stage_too(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("muxviz.loading.check.load_inspected", fail)
    ends_with(check(shared_folder()), "load", "E-READ", type(error).__name__)


def test_a_hub_id_without_network_is_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    ends_with(check("nobody/nothing-of-that-name"), "folder", "E-HUB", "not in the cache")


# ---- self-test ------------------------------------------------------------------------------


def test_a_retrieval_head_that_reads_is_above_chance(tmp_path: Path) -> None:
    config = tiny_config(num_instances=1, hidden_size=64)
    result = self_test(reading_model(config))
    assert result.tokens_read == result.tokens_asked == 4 * 11
    assert result.reads_back
    checkpoint = tiny_checkpoint(config)
    checkpoint.model.load_state_dict(reading_model(config).state_dict())
    report = check(save(checkpoint, tmp_path / "model"))
    assert [stage.status for stage in report.stages] == ["ok"] * 9
    assert "above chance: the retrieval head reads 44 of 44" in report.text()


def test_an_untrained_retrieval_head_is_said() -> None:
    report = check(shared_folder())
    assert report.self_test is not None
    assert report.self_test.retrieval_is_untrained
    assert "retrieval head untrained (or absent)" in report.stages[-1].lines[1]


def test_no_retrieval_head_is_said_but_no_warning() -> None:
    report = check(shared_folder(has_retrieval_head=False))
    assert report.stages[-1].status == "ok"
    assert "retrieval head untrained (or absent)" in report.stages[-1].lines[1]
    assert report.model["retrieval head"] == "absent"


def test_a_plain_model_has_nothing_to_read_back() -> None:
    report = check(shared_folder(plain=True))
    assert report.stages[-1].status == "ok"
    assert len(report.stages[-1].lines) == 1
    assert report.model["retrieval head"] == "not applicable: a plain model"


@pytest.mark.parametrize(
    "changes",
    [
        {
            "backbone": "electra",
            "task": "replaced_token_detection",
            "demultiplexer": "index_prefix",
        },
        {"task": "masked_lm", "multiplexer": "contextual", "demultiplexer": "index_prefix"},
        {"max_position_embeddings": 5},
        {"demultiplexer": "mlp", "task": "token_classification"},
        {"task": "retrieval"},
    ],
    ids=str,
)
def test_every_kind_passes(changes: dict[str, Any]) -> None:
    result = self_test(tiny_model(tiny_config(**changes)))
    assert result.batch_difference <= testing.TOLERANCE * 100
    assert result.tokens_asked is not None
    assert result.tokens_asked > 0


def test_a_model_that_mixes_groups_is_refused() -> None:
    model = tiny_model(tiny_config())
    bias = model.head.out_proj.bias.clone()
    forward = model.head.forward
    model.head.forward = lambda x: forward(x) + bias * len(x)  # depends on the batch
    with pytest.raises(CheckpointInvalid, match="a group alone and in a batch differ"):
        self_test(model)


def test_a_model_that_draws_is_refused() -> None:
    model = tiny_model(tiny_config()).train()
    with pytest.raises(CheckpointInvalid, match="two equal passes give different logits"):
        self_test(model)


def test_random_ids_are_ordinary_words() -> None:
    ids = text_like_ids(tiny_config(vocab_size=30522), 4, 12, 0)
    assert ids.shape == (4, 3, 12)
    assert int(ids.min()) >= 999
    assert torch.equal(ids, text_like_ids(tiny_config(vocab_size=30522), 4, 12, 0))
    assert not torch.equal(ids, text_like_ids(tiny_config(vocab_size=30522), 4, 12, 1))


@pytest.mark.parametrize(
    ("tries", "chance", "needed"),
    [
        (1, 0.5, 2),  # one hit of one is luck; two are impossible
        (1, 1e-5, 1),
        (2, 0.009, 2),  # P(2 of 2) = 8.1e-5
        (2, 0.011, 3),  # P(2 of 2) = 1.2e-4
        (20, 0.5, 19),  # P(18 or more) = 2.0e-4, P(19 or more) = 2.0e-5
        (5, 1.0, 6),
    ],
)
def test_counts_that_are_not_luck(tries: int, chance: float, needed: int) -> None:
    assert least_beyond_luck(tries, chance) == needed


# ---- facts ----------------------------------------------------------------------------------


def titles(**changes: Any) -> set[str]:
    return {fact.title for fact in model_facts(tiny_config(**changes))}


def test_facts_of_rsa() -> None:
    assert titles(num_demux_layers=3) == {
        "embeddings applied twice",
        "padding not masked",
        "first token forced",
        "segment ids ignored",
        "dropout where a layer norm was meant",
        "retrieval head ignores K",
        "random fillers in the released scripts",
    }


def test_facts_of_masked_lm_with_a_prefix() -> None:
    facts = titles(task="masked_lm", demultiplexer="index_prefix", multiplexer="contextual")
    assert facts == {
        "embeddings applied twice",
        "padding not masked",
        "padding mixed across slots",
        "index prefix",
        "last tokens displaced",
        "read by the retrieval head",
    }


def test_the_prefix_is_described_with_its_ids() -> None:
    facts = model_facts(tiny_config(demultiplexer="index_prefix", num_instances=5))
    sentence = next(f.sentence for f in facts if f.title == "index prefix")
    parts = ("6 positions", "token 680", "678 down to 674", "101 at the end")
    assert [part for part in parts if part not in sentence] == []


@pytest.mark.parametrize(
    ("changes", "title", "applies"),
    [
        ({"readout": "mean"}, "mean readout", True),
        ({}, "mean readout", False),
        ({"num_demux_layers": 2}, "retrieval head ignores K", False),
        ({"backbone": "electra", "num_demux_layers": 3}, "retrieval head ignores K", False),
        ({"backbone": "electra"}, "first token forced", False),
        ({"backbone": "electra", "task": "masked_lm"}, "first token forced", True),
        ({"backbone": "roberta", "demultiplexer": "mlp"}, "first token forced", True),
        ({"task": "masked_lm"}, "segment ids ignored", False),
        ({"demultiplexer": "index_prefix"}, "last tokens displaced", False),
        (
            {"backbone": "roberta", "demultiplexer": "index_prefix"},
            "incomplete groups dropped in the released scripts",
            True,
        ),
    ],
    ids=str,
)
def test_facts_are_listed_only_where_they_apply(
    changes: dict[str, Any], title: str, applies: bool
) -> None:
    assert (title in titles(**changes)) == applies


def test_a_plain_model_has_no_peculiarities() -> None:
    assert model_facts(tiny_config(plain=True)) == ()


@pytest.mark.parametrize("name", fixture_names())
def test_every_recorded_model_is_usable(name: str, tmp_path: Path) -> None:
    report = check(open_fixture(name, tmp_path).folder)
    assert report.usable, report.text()
    assert report.unexpected == ()


def test_check_and_load_agree_on_what_is_bad(tmp_path: Path) -> None:
    folder = spoiled(tmp_path, "instance_embedding", torch.zeros(3))
    report = check(folder)
    with pytest.raises(MuxvizError) as caught:
        load(folder, device="cpu")
    assert report.stages[-1].lines[0] == str(caught.value)
    assert report.stages[-1].code == caught.value.code
