"""A checkpoint with graphs: what is written, what is said of it, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from muxviz.batch import Row
from muxviz.cli import main
from muxviz.engine.engine import Engine
from muxviz.engine.stream import run_texts
from muxviz.errors import NotApplicable
from muxviz.loading.load import load
from muxviz.training import export_onnx as exporting
from muxviz.training.export_onnx import Parity
from tests.tiny import shared_folder

FINE = Parity("float32", "10 texts", 4e-6, 4.0, 100, 1.0, 50, 1.0)


@pytest.mark.parametrize(
    ("found", "agreement", "says"),
    [
        (FINE, 1.0, ""),
        (replace(FINE, difference=4.1e-5), 0.9, "within 4.0e-05"),
        (replace(FINE, difference=1.1e-5, largest=0.5), 0.9, "within 1.0e-05"),
        (replace(FINE, read_same=0.98), 0.9, "98.00% of 50 tokens are read back the same"),
        (replace(FINE, read=0, read_same=None), 1.0, ""),
        (replace(FINE, precision="int8", difference=0.3, kept=0.99, read_same=0.9), 0.99, ""),
        (replace(FINE, precision="int8", kept=0.98), 0.99, "99.00% were asked for"),
    ],
)
def test_a_graph_is_kept_or_refused(found: Parity, agreement: float, says: str) -> None:
    if not says:
        found.need(agreement)
        return
    with pytest.raises(NotApplicable, match=f"nothing was written: .*{says}"):
        found.need(agreement)


def test_a_checkpoint_is_copied_and_runs_from_its_own_graph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    source, out = shared_folder(plain=True), tmp_path / "out"
    assert main(["export", str(source), str(out), "--onnx"]) == 0
    said = capsys.readouterr().out
    assert "float32 graph beside float32 in torch" in said
    assert "100.00% of " in said
    assert (out / "model.onnx").is_file()
    assert json.loads((out / "card.json").read_text())["onnx"]["kept"] == 1
    before, after = load(source, device="cpu"), load(out, device="cpu")
    assert before.fingerprint == after.fingerprint
    monkeypatch.setattr(exporting, "make_graphs", None)
    texts = [Row("a good film"), Row("the old house")]
    engine = Engine(after, runtime="onnx")
    both = zip(run_texts(before, texts), run_texts(after, texts, engine=engine), strict=True)
    for one, other in both:
        assert one.answer.headline == other.answer.headline
        assert one.answer.probability == pytest.approx(other.answer.probability, abs=1e-5)
        assert other.by == "out:onnx"


def test_what_keeps_too_few_answers_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = replace(FINE, precision="int8", kept=0.93)
    monkeypatch.setattr(exporting, "need_packages", lambda *names: None)
    monkeypatch.setattr(exporting, "make_graphs", lambda *args, **how: {"logits": b"graph"})
    monkeypatch.setattr(exporting, "parity", lambda *args, **how: planted)
    source, out = str(shared_folder()), tmp_path / "out"
    assert main(["export", source, str(out), "--onnx", "--int8", "--agreement", "0.95"]) == 1
    said = capsys.readouterr().err
    assert "93.00% of 100 answers are the same" in said
    assert "95.00% were asked for" in said
    assert not out.exists()
    assert main(["export", source, str(out), "--onnx", "--int8", "--agreement", "0.9"]) == 0
    assert (out / "model-int8.onnx").read_bytes() == b"graph"


def test_options_of_weights_do_not_go_with_graphs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in (("--turn", "1"), ("--max-length", "16"), ("--dtype", "float16")):
        assert main(["export", str(shared_folder()), str(tmp_path / "x"), "--onnx", *more]) == 1
        assert "export it with --turn" in capsys.readouterr().err
