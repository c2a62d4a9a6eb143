"""Parts of one's own, added as CONTRIBUTING says: trained, exported, checked and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import muxviz
from muxviz import config
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.batch import Row
from muxviz.cli import main
from muxviz.config import MuxConfig
from muxviz.errors import ConfigError, NotApplicable, UnknownVariant
from muxviz.loading.check import check
from muxviz.loading.load import load
from muxviz.model import demultiplexer, multiplexer
from muxviz.training.export import export_run
from muxviz.training.loop import train
from tests.tiny import tiny_ids
from tests.training.tiny_runs import losses, tiny_recipe, tiny_stage, write_data


class Shifted(nn.Module):
    """x_t = mean_i (v_i * e^i_t) + W mean_i e^i_t."""

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        width = config.embedding_width
        self.instance_embedding = nn.Parameter(
            torch.zeros(config.num_instances, width), requires_grad=False
        )
        self.layer = nn.Linear(width, width)

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        marked = embeddings * self.instance_embedding[:, None]
        return marked.mean(dim=1) + self.layer(embeddings.mean(dim=1))


class Averaged(nn.Module):
    """x_t = sum_i c_i e^i_t with learned c; no vector per slot."""

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        num = config.num_instances
        self.share = nn.Parameter(torch.arange(1.0, num + 1) / num)

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        return torch.einsum("bnte,n->bte", embeddings, self.share)


class Added(nn.Module):
    """y^i_t = W h_t + k_i."""

    def __init__(self, config: MuxConfig, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, width)
        self.offsets = nn.Parameter(torch.randn(config.num_instances, width))

    def forward(self, hidden: Tensor, positions: slice = slice(None)) -> Tensor:
        return self.dense(hidden[:, positions])[:, None] + self.offsets[:, None]

    def at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        return self.dense(hidden[groups, places]) + self.offsets[slots]


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CONTRIBUTING asks for: a class in the table of its file, its name in config.py."""
    for name in ("shifted", "averaged"):
        monkeypatch.setitem(config.MULTIPLEXERS, name, config.Part())
    monkeypatch.setitem(config.DEMULTIPLEXERS, "added", config.Part())
    monkeypatch.setitem(multiplexer.MULTIPLEXER_CLASSES, "shifted", Shifted)
    monkeypatch.setitem(multiplexer.MULTIPLEXER_CLASSES, "averaged", Averaged)
    monkeypatch.setitem(demultiplexer.DEMULTIPLEXER_CLASSES, "added", Added)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


PARTS = {
    "a multiplexer": {"multiplexer": "shifted"},
    "a multiplexer without vectors": {"multiplexer": "averaged"},
    "a demultiplexer": {"demultiplexer": "added"},
    "both": {"multiplexer": "averaged", "demultiplexer": "added"},
}


def exported(parts: dict[str, str], data: Path, folder: Path, **changes: Any) -> Path:
    stage = tiny_stage("task", steps=3, retrieval_coeff=0.5)
    train(tiny_recipe(stage, **parts, **changes), data, folder / "run")
    return export_run(folder / "run", folder / "saved", dtype="float32", data=data)


@pytest.mark.parametrize("name", PARTS)
def test_it_trains_and_comes_back(name: str, data: Path, tmp_path: Path) -> None:
    parts = PARTS[name]
    folder = exported(parts, data, tmp_path)
    assert len(losses(tmp_path / "run", "retrieval")) == 3
    written = json.loads((folder / "config.json").read_text())
    assert written["muxviz"] == {"default_padding": "group", **parts}
    published = {"multiplexer": "muxing_variant", "demultiplexer": "demuxing_variant"}
    assert [f for part, f in published.items() if f in written] == [
        f for part, f in published.items() if part not in parts
    ]
    loaded = load(folder, device="cpu")
    assert {part: getattr(loaded.config, part) for part in parts} == parts
    run = muxviz.training.export.checkpoint_of_run(tmp_path / "run")
    ids = tiny_ids(loaded.config)
    assert torch.equal(loaded.model(ids).logits, run.model(ids).logits)
    again = load(muxviz.save(loaded, tmp_path / "again"), device="cpu")
    assert torch.equal(again.model(ids).logits, loaded.model(ids).logits)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_usable_and_answers(
    name: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = exported(PARTS[name], data, tmp_path)
    assert check(folder).usable
    texts = tmp_path / "texts.txt"
    texts.write_text("the film is good\nthe plot is bad\n")
    assert main(["run", "--checkpoint", str(folder), "--texts", str(texts)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    loaded = load(folder, device="cpu")
    if "multiplexer" in PARTS[name]:
        with pytest.raises(NotApplicable, match="not applicable: the .* is not known to add up"):
            slot_pairs(loaded, [Row("the film is good")])
    else:
        assert slot_pairs(loaded, [Row("the film is good")]).residual < 1e-9


def test_a_version_without_the_part_says_what_it_lacks(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported(PARTS["both"], data, tmp_path)
    monkeypatch.undo()
    with pytest.raises(UnknownVariant, match=r"multiplexer 'averaged' in the field muxviz.*CONTRI"):
        load(folder, device="cpu")


def test_gates_do_not_know_it(data: Path, tmp_path: Path) -> None:
    stage = tiny_stage("task", steps=1, sparsity=0.5)
    with pytest.raises(ConfigError, match="published parts only; 'shifted' cannot be pruned"):
        train(tiny_recipe(stage, multiplexer="shifted"), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_it_lacks_cannot_be_asked_for(data: Path, tmp_path: Path) -> None:
    for changes, message in (
        ({"multiplexer": "averaged", "learn_instances": True}, "has no slot vectors"),
        ({"multiplexer": "shifted", "mux_layers": (0,)}, "no --start to take them from"),
    ):
        with pytest.raises(ConfigError, match=message):
            train(tiny_recipe(**changes), data, tmp_path / "run")
