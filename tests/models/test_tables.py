"""Tables and results from elsewhere: what is good comes back as it was, the rest is our error."""

from __future__ import annotations

import contextlib
import gzip
import json
import lzma
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxviz import files, ranges
from muxviz.bench.contenders import Setting
from muxviz.bench.shapes import pass_bytes, shape_config
from muxviz.bench.speed import measure_shapes
from muxviz.cli import main
from muxviz.engine import onnx_graph
from muxviz.errors import DataError, MuxvizError, NotApplicable
from muxviz.evaluation.cards import compare_with_card, markdown_table
from muxviz.figures.drawing.export import rows_to_csv
from muxviz.planning.choose import fit_planner
from muxviz.planning.points import NAMES, RANGES, parse_points
from muxviz.pool import read_pool
from muxviz.results.checked import read_run
from muxviz.results.planning import Measurements, rate_words
from muxviz.results.store import DTYPES, from_json, to_json
from muxviz.results.throughput import Quartiles, benchmark_dict
from tests.model.planted_runs import speed, tradeoff
from tests.tiny import tiny_config, write_tiny_folder

HEAD = "n,sparsity,accuracy,throughput"
ROWS = ("1,0,0.90,100", "1,0.6,0.88,150", "2,0,0.85,180", "2,0.6,0.84,260")
TABLE = "\n".join([HEAD, *ROWS])

# ---- points -------------------------------------------------------------------------------------


def parsed(text: str, **options: str) -> Measurements:
    return parse_points(text.encode(), "p.csv", **options)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(end: str) -> None:
    found = parsed(TABLE.replace("\n", end) + end)
    assert found.throughput.tolist() == [100, 150, 180, 260]
    assert found.accuracy.tolist() == [0.9, 0.88, 0.85, 0.84]


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    for name, pack in (("p.csv.gz", gzip.compress), ("p.csv.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(TABLE.encode()))
        assert main(["plan", "--points", str(tmp_path / name), "--alone"]) == 0


def test_rows_of_another_task_precision_or_copies_are_not_mixed_in() -> None:
    """Without a word for it they would be averaged: 0.9 and 0.5 make 0.7."""
    rows = [f"{row},sst2,float32,1" for row in ROWS]
    others = [
        "1,0,0.50,900,sst2,int8,1",
        "1,0,0.50,900,mnli,float32,1",
        "1,0,0.99,9,sst2,float32,5",
    ]
    text = "\n".join([f"{HEAD},Task,DType,copies", *rows, *others])
    found = parsed(text)
    assert found.accuracy.tolist() == [0.9, 0.88, 0.85, 0.84]
    assert found.notes == (
        "1 ensembles (copies of a text) are left out",
        "only task sst2 is used; left out: mnli",
        "only dtype float32 is used; left out: int8",
    )
    with pytest.raises(DataError, match="1 distinct settings"):
        parsed(text, dtype="int8")


def test_an_interval_that_only_some_rows_have_is_not_known() -> None:
    """Of two accuracies, 0.9 in [0.89, 0.91] and 0.5, the mean is 0.7: outside that interval."""
    text = "\n".join([f"{HEAD},accuracy_low,accuracy_high", "1,0,0.9,100,0.89,0.91",
                      *(f"{row},," for row in ("1,0,0.5,100", *ROWS[1:]))])  # fmt: skip
    found = parsed(text)
    assert found.accuracy[0] == pytest.approx(0.7)
    assert np.isnan(found.accuracy_low[0])


def test_a_surface_that_is_followed_far_out_ends_where_a_measurement_would() -> None:
    """From 1e-9 to 1e15 a second within one doubling of N; a million slots are 20 doublings."""
    rows = [f"{n},{s},0.5,{1e-9 if n == 1 else 1e15}" for n in (1, 2) for s in (0, 0.5)]
    planner = fit_planner(parsed("\n".join([HEAD, *rows])))
    known = planner.predict(np.asarray([3, 10**6]), np.asarray([0.999999, 0.999999]))
    assert (known.throughput <= ranges.MOST_RATE).all()
    assert len(rate_words(float(known.throughput.max()))) < 20
    assert [rate_words(x) for x in (0.0123, 12.34, 1234.5)] == ["0.0123", "12.3", "1,234"]


CELLS = st.one_of(
    st.sampled_from(
        ["", "1", "2", "0.5", "-1", "1e308", "1e-320", "nan", "inf", "9" * 400, '"', "=", "é", "½"]
    ),
    st.text(max_size=4),
)
COLUMNS = st.sampled_from([*NAMES, "n", "N ", "acc", "instances/s", "other", ""])


@st.composite
def tables(draw: st.DrawFn) -> str:
    names = draw(st.lists(COLUMNS, min_size=1, max_size=7))
    rows = draw(st.lists(st.lists(CELLS, max_size=8), max_size=6))
    comma, end = draw(st.sampled_from(",;\t")), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    return end.join(comma.join(row) for row in [names, *rows])


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3),
    st.sampled_from([1e308, 5e-324, 10**399, "0.5", "inf", "\ud800"]),
)  # fmt: skip
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["mean", "interval", "median", "q1", "class"]), inner)
    ),
    max_leaves=5,
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A good table as JSON, with values that are changed, added or taken away."""
    names = HEAD.split(",")
    rows: list[dict[str, Any]] = [
        dict(zip(names, map(float, row.split(",")), strict=True)) for row in ROWS
    ]
    for row in rows:
        row.update(draw(st.dictionaries(COLUMNS, VALUES, max_size=2)))
    return json.dumps(draw(st.sampled_from([rows, {"points": rows}, rows[:1] + [3]])))


@given(st.one_of(tables(), objects()))
def test_points_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(MuxvizError):
        found = parse_points(text.encode("utf-8", "replace"), "p")
        for name, column in (("accuracy", found.accuracy), ("throughput", found.throughput)):
            low, high, _ = RANGES[name]
            assert ((low <= column) & (column <= high)).all()
        low, high = (np.nan_to_num(x, nan=0.5) for x in (found.accuracy_low, found.accuracy_high))
        assert ((low >= 0) & (high <= 1)).all()


# ---- results ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, 1e308])
def test_a_number_comes_back_whatever_it_is(value: float) -> None:
    one = Quartiles(value, -value, 1.0)
    text = to_json(one)
    assert repr(from_json(text)) == repr(one).replace("-nan", "nan")
    assert "Infinity" not in text
    assert "NaN" not in text
    array = np.asarray([[value, 1.0, -value]], dtype=np.float64)
    np.testing.assert_array_equal(from_json(to_json(array)), array)


def test_null_stays_none_where_a_number_may_be_absent() -> None:
    point = tradeoff().points[0]
    assert from_json(to_json(point)) == point
    assert point.bits_per_vector is None


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_kind_come_back(dtype: str) -> None:
    array = np.asarray([[1, 0, 1]], dtype=dtype)
    found = from_json(to_json(array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


RUNS = [to_json(tradeoff()), to_json(speed()), json.dumps(benchmark_dict(speed()))]


@given(st.data())
def test_a_run_is_read_or_refused(data: st.DataObject) -> None:
    """A good file with one value exchanged, however deep."""
    raw = json.loads(data.draw(st.sampled_from(RUNS)))
    at: Any = raw
    while True:
        key = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else [*range(len(at))]))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    at[key] = data.draw(VALUES)
    with contextlib.suppress(MuxvizError):
        read_run(json.dumps(raw), "run.json")
    with contextlib.suppress(MuxvizError):
        from_json(json.dumps(raw))


# ---- pools, cards, CSV --------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_pool_has_one_rule_for_lines(tmp_path: Path, end: str) -> None:
    path = tmp_path / "p.txt.gz"
    rows = ["One\u2028line.", "", "Two\x85line\x0bs."]
    path.write_bytes(gzip.compress(end.join(rows).encode()))
    assert [s.text for s in read_pool(path)] == [rows[0], rows[2]]
    table = tmp_path / "p.tsv"
    table.write_bytes(end.join(["label\ttext", "so-so\tA\u2028b.", ""]).encode())
    assert [(s.label, s.text) for s in read_pool(table)] == [("so-so", "A\u2028b.")]


@given(st.one_of(st.text(max_size=80), st.lists(CELLS, max_size=9).map("\t".join)))
def test_a_pool_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    for name, head in (("drawn.txt", ""), ("drawn.tsv", "text\tlabel\n")):
        (folder / name).write_bytes(head.encode() + text.encode("utf-8", "replace"))
        with contextlib.suppress(MuxvizError):
            assert all(s.text.strip() for s in read_pool(folder / name))


@dataclass(frozen=True)
class _Measured:
    """Of an evaluation, what a card is compared with."""

    data: str = "dev"
    copies: int = 1
    metrics: Any = None
    read_back: Any = None


@given(st.dictionaries(st.sampled_from(["dev", "x"]), VALUES, max_size=2))
def test_a_card_from_elsewhere_does_not_spoil_an_evaluation(parts: dict[str, Any]) -> None:
    result: Any = _Measured(metrics={})
    for card in ({"measured": parts}, {"measured": list(parts)}, parts):
        compare_with_card(result, card)


def test_the_table_names_a_card_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    cards = {
        "a-n1": b"[" * 99_999,
        "b-n1": b'{"measured": 5, "baseline": ["a"]}',
        "c-n1": b'{"measured": {"dev": {"data": "x|y", "accuracy": {"mean": 0.5, "std": "?"}}}}',
        "d-n1": b'{"measured": {"dev": {"accuracy": {"mean": 1e300}, "metrics": [1]}}}',
    }
    for name, card in cards.items():
        write_tiny_folder(tmp_path / name, tiny_config(plain=True))
        (tmp_path / name / "card.json").write_bytes(card)
    rows = markdown_table().splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in cards]
    assert "card.json is not allowed: nested deeper than 64 levels" in rows[0]
    assert rows[2] == "| c-n1 | ? | x\\|y, accuracy | 0.500 | – | n/a | n/a |"
    assert rows[3].split(" | ")[3] == "–"


@pytest.mark.parametrize("before", ["", " ", "\t", "\0", "\u200b", "\u202e", "\ufeff", "\u3164"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "﹦", "﹢", "﹣", "﹫"])
def test_a_formula_is_guarded_however_it_is_hidden(before: str, sign: str) -> None:
    cell = f"{before}{sign}1"
    assert rows_to_csv([{"a": cell}]).split("\r\n")[1] == f"'{cell}"


def test_what_is_no_formula_is_left_alone() -> None:
    for cell in ("a=1", "1-2", "é+", "\u200bgood", "½"):
        assert rows_to_csv([{"a": cell}]).split("\r\n")[1] == cell


# ---- options and benchmarks ---------------------------------------------------------------------


@given(st.one_of(st.text(max_size=30), st.integers().map(str), st.floats().map(str)))
def test_an_option_is_in_its_range_or_refused(text: str) -> None:
    from argparse import ArgumentTypeError

    for parse, low, high in ((ranges.whole(1, 9), 1, 9), (ranges.real(0, 1), 0, 1)):
        with contextlib.suppress(ArgumentTypeError):
            assert low <= parse(text) <= high


def test_a_report_is_not_lost_with_the_one_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``record --speed`` measures two things; the second one failing leaves the first."""
    import muxviz.recorded
    from muxviz.bench import recording

    def broken() -> Any:
        raise NotApplicable("the second one failed")

    for name in ("tradeoff", "speed"):
        monkeypatch.setattr(muxviz.recorded, f"{name}_file", lambda n=name: tmp_path / n)
    monkeypatch.setattr(recording, "record_tradeoff", lambda data: tradeoff())
    monkeypatch.setattr(recording, "record_speed", broken)
    assert main(["record", "--speed", "--data", str(tmp_path)]) == 1
    assert from_json((tmp_path / "tradeoff").read_text()) == tradeoff()
    assert not (tmp_path / "speed").exists()


def test_what_is_printed_stays_when_the_report_cannot_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text(TABLE)
    assert (
        main(["plan", "--points", str(tmp_path / "p.csv"), "--alone", "--json", "/dev/full"]) == 1
    )
    printed = capsys.readouterr()
    assert "against pruning alone" in printed.out
    assert printed.err.count("\n") == 1


def test_a_missing_extra_is_named_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onnx_graph, "find_spec", lambda name: None)
    setting = Setting(("bert-large",), contenders=("muxviz", "onnxruntime"))
    with pytest.raises(NotApplicable, match=r"need onnx, onnxruntime, onnxscript: pip install"):
        measure_shapes(setting)


def test_room_of_a_pass_grows_with_its_parts() -> None:
    """2 rows of 8 tokens of the tiny shape: 16 x (4 x (2 x 64 + 3 x 32) + 24 x 5) bytes."""
    config = shape_config("tiny", 5)
    assert pass_bytes(config, 2, 8) == 16 * (4 * 224 + 120)
    assert pass_bytes(config, 2, 8, traced=True) == 16 * (4 * (224 + 320) + 120)


def test_our_json_is_read_by_our_door() -> None:
    value = {"a": [math.nan, math.inf, 1.5], "b": "half \ud800 of it", "c": (1, None)}
    text = files.json_text(value)
    assert files.parse_json(text, "t") == {
        "a": [None, None, 1.5],
        "b": "half � of it",
        "c": [1, None],
    }
