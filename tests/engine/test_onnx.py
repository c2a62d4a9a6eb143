"""Graphs for ONNX Runtime: the same numbers, whose they are, and files of strangers."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.cli import main
from muxviz.engine import onnx_graph, onnx_runtime
from muxviz.engine.engine import Engine
from muxviz.engine.onnx_graph import LOGITS, READ, make_graphs, metadata
from muxviz.engine.onnx_runtime import graph_name, open_graph
from muxviz.errors import CheckpointMismatch, CheckpointUnreadable, ConfigError, NotApplicable
from muxviz.evaluation import evaluate
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.tracing import trace
from muxviz.training.tasks import LabelledRows
from tests.tiny import shared_folder, tiny_checkpoint, tiny_config, write_tiny_folder

KINDS: dict[str, dict[str, Any]] = {
    "a mean, long rows": {"readout": "mean"},
    "a prefix, tags": {"demultiplexer": "index_prefix", "task": "token_classification"},
    "no multiplexing": {"plain": True},
}


def graphs(kind: str, *, int8: bool = False) -> tuple[Checkpoint, dict[str, bytes]]:
    return _graphs(kind, int8)


@functools.cache
def _graphs(kind: str, int8: bool) -> tuple[Checkpoint, dict[str, bytes]]:
    checkpoint = load(shared_folder(**KINDS[kind]), device="cpu")
    model = checkpoint.model
    return checkpoint, make_graphs(checkpoint, model, int8=int8, hide_padding=False)


def engine_of(kind: str, *, int8: bool = False) -> Engine:
    """An engine whose graphs are made already."""
    checkpoint, made = graphs(kind, int8=int8)
    engine = Engine(checkpoint, int8=int8, runtime="onnx")
    assert engine.graph is not None
    engine.graph._sessions = {
        (what, False): open_graph(content, Path(what)) for what, content in made.items()
    }
    return engine


def rows(checkpoint: Checkpoint, groups: int, tokens: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(tokens)
    shape = (groups, checkpoint.config.num_instances, tokens)
    ids, mask = generator.integers(104, 600, shape), np.ones(shape, dtype=np.int64)
    ids[:, 0, tokens - 3 :] = mask[:, 0, tokens - 3 :] = 0
    return ids, mask, np.zeros_like(ids)


# ---- the same numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_gives_the_logits_and_the_tokens_of_the_model(kind: str) -> None:
    engine = engine_of(kind)
    checkpoint = engine.checkpoint
    for groups, tokens in ((1, 6), (5, 23)):
        arrays = rows(checkpoint, groups, tokens)
        asked = None if checkpoint.config.answers_texts else arrays[1].astype(bool)
        given = [torch.from_numpy(array) for array in arrays]
        expected = trace(
            checkpoint.model, given[0], given[1], token_type_ids=given[2], retrieval="scores"
        )
        found = engine.logits(*arrays, asked=asked)
        wanted = expected.logits
        if asked is not None:
            found, wanted = found.values, wanted[torch.from_numpy(asked)]  # type: ignore[union-attr]
        assert float((found - wanted).abs().max()) < 1e-5 * float(wanted.abs().max())
        assert engine.graph is not None
        read = engine.graph.read_back(*arrays, hide_padding=False)
        if expected.retrieval_scores is None:
            assert read is None
            continue
        whole = expected.retrieval_scores.read[:, :, expected.prefix :].numpy()
        assert read is not None
        np.testing.assert_array_equal(read, whole)


def test_int8_keeps_quiet_rows_beside_loud_ones() -> None:
    """Ranges are of rows in the graph, too: one group's answer does not hang on another's."""
    engine = engine_of("no multiplexing", int8=True)
    checkpoint = engine.checkpoint
    arrays = rows(checkpoint, 6, 12)
    together = engine.logits(*arrays)
    alone = torch.cat([engine.logits(*(a[n : n + 1] for a in arrays)) for n in range(6)])
    exact = Engine(checkpoint).logits(*arrays)
    scale = float(exact.abs().max())
    assert 0 < float((together - exact).abs().max()) < 0.1 * scale
    assert float((together - alone).abs().max()) < 0.02 * scale


def test_read_back_is_done_in_parts_where_the_vocabulary_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = engine_of("a mean, long rows")
    arrays = rows(engine.checkpoint, 5, 9)
    assert engine.graph is not None
    whole = engine.graph.read_back(*arrays, hide_padding=False)
    monkeypatch.setattr(onnx_runtime, "READ_BYTES", 1)
    np.testing.assert_array_equal(engine.graph.read_back(*arrays, hide_padding=False), whole)


def test_an_evaluation_is_the_same_and_says_who_computed() -> None:
    engine = engine_of("a mean, long rows")
    texts = ["a good film", "the old house", "dog and cat"] * 4
    data = LabelledRows(texts, [None] * 12, np.arange(12) % 2)
    both = [
        evaluate(engine.checkpoint, data, name="x", groupings=2, engine=one)
        for one in (None, engine)
    ]
    assert (
        both[0].metrics["accuracy"].values.tolist() == both[1].metrics["accuracy"].values.tolist()
    )
    assert both[0].read_back is not None
    assert both[1].read_back is not None
    assert both[0].read_back.mean == both[1].read_back.mean
    assert [one.provenance.dtype for one in both] == ["float32", "float32 (onnx)"]


# ---- kept, and made once ------------------------------------------------------------------------


def test_a_graph_is_made_once_and_anew_where_it_is_spoilt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    checkpoint, made = graphs("no multiplexing")
    monkeypatch.setenv("MUXVIZ_CACHE", str(tmp_path))
    asked = []

    def counted(*args: Any, **how: Any) -> dict[str, bytes]:
        asked.append(how)
        return made

    monkeypatch.setattr(onnx_runtime, "make_graphs", counted)
    arrays = rows(checkpoint, 2, 8)
    first = Engine(checkpoint, runtime="onnx").logits(*arrays)
    again = Engine(checkpoint, runtime="onnx").logits(*arrays)
    assert isinstance(first, torch.Tensor)
    assert isinstance(again, torch.Tensor)
    assert torch.equal(first, again)
    assert asked == [{"int8": False, "hide_padding": False}]
    (kept,) = (tmp_path / "onnx").iterdir()
    kept.write_bytes(b"spoilt")
    Engine(checkpoint, runtime="onnx").logits(*arrays)
    assert len(asked) == 2
    assert kept.read_bytes() == made[LOGITS]


def test_weights_that_are_in_no_folder_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, made = graphs("no multiplexing")
    monkeypatch.setenv("MUXVIZ_CACHE", str(tmp_path))
    monkeypatch.setattr(onnx_runtime, "make_graphs", lambda *args, **how: made)
    checkpoint = tiny_checkpoint(tiny_config(plain=True))
    Engine(checkpoint, runtime="onnx").logits(*rows(checkpoint, 1, 8))
    assert list(tmp_path.iterdir()) == []


# ---- strangers' files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"muxviz.fingerprint": "0123456789ab"}, "says muxviz.fingerprint 0123456789ab"),
        ({"muxviz.precision": "int8"}, "says muxviz.precision int8, the checkpoint beside it"),
        ({"muxviz.gives": READ}, "says muxviz.gives read_back"),
        ({"muxviz.format": "0"}, "export the graph again"),
        (None, "says muxviz.format nothing"),
    ],
)
def test_a_graph_of_another_model_is_refused(
    tmp_path: Path, changes: dict[str, str] | None, says: str
) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    _, made = graphs("no multiplexing")
    folder = write_tiny_folder(tmp_path / "tiny", tiny_config(plain=True))
    checkpoint = load(folder, device="cpu")
    graph = onnx.load_from_string(made[LOGITS])
    del graph.metadata_props[:]
    if changes is not None:
        said = metadata(checkpoint, LOGITS, int8=False, hide_padding=False)
        onnx.helper.set_model_props(graph, said | changes)
    (folder / graph_name(LOGITS, int8=False)).write_bytes(graph.SerializeToString())
    with pytest.raises(CheckpointMismatch, match=says):
        Engine(checkpoint, runtime="onnx").logits(*rows(checkpoint, 1, 8))


@pytest.mark.parametrize("what", ["text", "an operator from elsewhere", "weights from elsewhere"])
def test_what_is_no_graph_by_itself_is_refused(tmp_path: Path, what: str) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = write_tiny_folder(tmp_path / "tiny", tiny_config(plain=True))
    path = folder / graph_name(LOGITS, int8=False)
    if what == "text":
        path.write_text("import os")
    else:
        path.write_bytes(_strange(onnx, folder, what))
    with pytest.raises(CheckpointUnreadable, match="no ONNX graph that can be run"):
        Engine(load(folder, device="cpu"), runtime="onnx").logits(
            *rows(load(folder, device="cpu"), 1, 8)
        )


def _strange(onnx: Any, folder: Path, what: str) -> bytes:
    """A graph with an operator of another library, or with weights in another file."""
    is_operator = what == "an operator from elsewhere"
    node = onnx.helper.make_node(
        "Run" if is_operator else "Add", ["x", "w"], [LOGITS], domain="evil" if is_operator else ""
    )
    floats = onnx.TensorProto.FLOAT
    weight = onnx.numpy_helper.from_array(np.ones(4, dtype=np.float32), "w")
    if not is_operator:
        (folder / "secret.bin").write_bytes(np.ones(4, dtype=np.float32).tobytes())
        onnx.external_data_helper.set_external_data(weight, "secret.bin")
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
    graph = onnx.helper.make_graph(
        [node],
        "g",
        [onnx.helper.make_tensor_value_info("x", floats, [4])],
        [onnx.helper.make_tensor_value_info(LOGITS, floats, [4])],
        [weight],
    )
    imports = [onnx.helper.make_opsetid(domain, 18 if not domain else 1) for domain in ("", "evil")]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def test_a_graph_names_no_file_of_the_machine_that_made_it() -> None:
    _, made = graphs("a mean, long rows")
    for content in made.values():
        assert b"site-packages" not in content
        assert str(Path(onnx_graph.__file__).parent).encode() not in content


# ---- where it does not apply --------------------------------------------------------------------


def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(onnx_graph, "find_spec", lambda name: None)
    texts = tmp_path / "texts.txt"
    texts.write_text("a good film\n")
    given = ("--checkpoint", str(shared_folder()), "--texts", str(texts), "--runtime", "onnx")
    assert main(["run", *given]) == 1
    said = capsys.readouterr().err
    assert "onnxruntime is not installed" in said
    assert "pip install 'muxviz[onnx]'" in said
    out = tmp_path / "out"
    assert main(["export", str(shared_folder()), str(out), "--onnx"]) == 1
    assert "need onnx, onnxruntime, onnxscript" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dtype": "bfloat16"}, "ONNX Runtime runs on a CPU from a float32 checkpoint"),
        ({"compiled": True}, "go on without --compile"),
        ({"task": "masked_lm"}, "answers texts and tags"),
    ],
)
def test_onnx_runtime_says_where_it_does_not_apply(changes: dict[str, Any], says: str) -> None:
    checkpoint = tiny_checkpoint(tiny_config(**{k: changes[k] for k in changes if k == "task"}))
    if "dtype" in changes:
        half = checkpoint.model.to(torch.bfloat16)
        checkpoint = replace(checkpoint, model=half)
    with pytest.raises(NotApplicable, match=says):
        Engine(checkpoint, runtime="onnx", compiled="compiled" in changes)


def test_an_unknown_runtime_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown runtime 'jax'; use torch, onnx"):
        Engine(tiny_checkpoint(), runtime="jax")
