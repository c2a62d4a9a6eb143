"""Windows, order, bad rows, resuming: what ``muxviz run`` promises over many lines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxviz.batch import Row
from muxviz.cli import main
from muxviz.engine import stream as streaming
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How, RowAnswer, RowError, ahead, run_texts, stream, windows
from muxviz.engine.texts import line_windows, rows_of_file
from muxviz.errors import DataError, InputError
from tests.tiny import WORDS, shared_checkpoint, shared_folder

SMALL = 4  # groups of a window in these tests


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "WINDOW_GROUPS", SMALL)


def lines(count: int) -> list[str]:
    """Texts of many lengths, all different."""
    return [
        " ".join(WORDS[(n * 7 + k) % len(WORDS)] for k in range(1 + n % 9)) for n in range(count)
    ]


def answers(engine: Engine, rows: list[Row], how: How) -> list[RowAnswer | RowError]:
    return [answer for window in stream(engine, rows, how) for answer in window]


@pytest.mark.parametrize("grouping", ["order", "length"])
def test_every_row_is_answered_once_in_input_order(grouping: str) -> None:
    engine = Engine(shared_checkpoint())
    rows = [Row(text) for text in lines(50)]
    found = answers(engine, rows, How(batch=2, grouping=grouping))
    assert [a.number for a in found] == list(range(50))
    assert [a.row for a in found] == rows


def test_order_groups_lines_one_after_another_whatever_the_window() -> None:
    checkpoint = shared_checkpoint()
    rows = [Row(text) for text in lines(50)]
    found = list(run_texts(checkpoint, rows, batch=2))
    assert [a.slot for a in found] == [n % 3 for n in range(50)]
    for start in range(0, 48, 3):
        alone = list(run_texts(checkpoint, rows[start : start + 3]))
        for a, b in zip(alone, found[start : start + 3], strict=True):
            assert a.answer.probability == pytest.approx(b.answer.probability, abs=1e-6)


def test_length_puts_like_rows_together_and_wastes_less() -> None:
    checkpoint = shared_checkpoint()
    window = next(windows((Row(text) for text in lines(12)), 12))
    order, length = (
        streaming.prepare(checkpoint, window, How(grouping=g, padding="group"))
        for g in ("order", "length")
    )
    assert sum(g.length for g in length.groups) < sum(g.length for g in order.groups)
    assert sorted(n for numbers in length.numbers for n in numbers) == list(range(12))
    with pytest.raises(InputError, match="unknown grouping 'best'"):
        How(grouping="best")


def test_bad_rows_take_no_slot_and_are_reported() -> None:
    engine = Engine(shared_checkpoint())
    rows = [Row("good"), Row("  "), Row("bad \ud800"), Row("film"), Row("dog"), Row("cat")]
    found = answers(engine, rows, How())
    assert [type(a) for a in found] == [RowAnswer, RowError, RowError, *[RowAnswer] * 3]
    assert [a.slot for a in found if isinstance(a, RowAnswer)] == [0, 1, 2, 0]
    assert "is empty" in found[1].reason  # type: ignore[union-attr]
    assert "surrogate" in found[2].reason  # type: ignore[union-attr]
    with pytest.raises(InputError, match="text 2 is empty"):
        list(run_texts(shared_checkpoint(), rows))


def test_windows_are_bounded_even_if_nothing_can_be_answered() -> None:
    sizes = [len(window.rows) for window in windows((Row("") for _ in range(100)), 5)]
    assert max(sizes) == 20
    assert sum(sizes) == 100


def test_rows_are_read_as_needed() -> None:
    taken = 0

    def endless() -> Iterator[Row]:
        nonlocal taken
        while True:
            taken += 1
            yield Row("good film")

    found = run_texts(shared_checkpoint(), endless(), batch=1)
    assert next(found).number == 0
    found.close()  # type: ignore[attr-defined]
    assert taken <= 4 * 3 * SMALL, "the window, the next one, and one being made"


def test_ahead_passes_errors_on_and_ends_with_its_user() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise DataError("no more")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(DataError, match="no more"):
        next(items)
    started = threading.Event()

    def endless() -> Iterator[int]:
        while True:
            started.set()
            yield 0

    items = ahead(endless())
    next(items)
    assert started.is_set()
    items.close()  # type: ignore[attr-defined]
    feeding = [thread for thread in threading.enumerate() if thread.name == "muxviz-ahead"]
    for thread in feeding:
        thread.join(10)
    assert not any(thread.is_alive() for thread in feeding)


# ---- files ---------------------------------------------------------------------------------------


def run(*arguments: object) -> int:
    batch = () if "--batch" in arguments else ("--batch", "2")
    return main(["run", "--checkpoint", str(shared_folder()), *batch, *map(str, arguments)])


@pytest.mark.parametrize("form", ["tsv", "jsonl"])
@pytest.mark.parametrize("grouping", ["order", "length"])
def test_a_run_cut_anywhere_ends_in_the_same_bytes(
    tmp_path: Path, form: str, grouping: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, whole, cut = tmp_path / "texts.txt", tmp_path / "whole", tmp_path / "cut"
    given = lines(40)
    given[17] = ""
    texts.write_text("\n".join(given) + "\n")
    options = ("--texts", texts, "--format", form, "--grouping", grouping)
    assert run(*options, "--out", whole) == 1, "line 18 is bad"
    expected = whole.read_bytes()
    assert expected.count(b"\n") == 40 + (form == "tsv")
    assert run(*options, "--out", cut) == 1
    for size in (len(expected), len(expected) - 3, len(expected) // 2, 60, 0):
        cut.write_bytes(expected[:size])
        assert run(*options, "--out", cut, "--resume") == 1, "line 18 is bad whoever answered it"
        assert "1 of 40 lines could not be answered" in capsys.readouterr().err
        assert cut.read_bytes() == expected, size
    about = json.loads((tmp_path / "cut.run.json").read_text())
    assert (about["grouping"], about["format"], about["lines"]) == (grouping, form, 40)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("cut", "cut.run.json", "texts.txt", "whole", "whole.run.json")
    ]


def test_a_run_stopped_by_ctrl_c_keeps_whole_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out, whole = tmp_path / "texts.txt", tmp_path / "out", tmp_path / "whole"
    texts.write_text("\n".join(lines(40)) + "\n")
    assert run("--texts", texts, "--out", whole) == 0
    real, calls = Engine.try_answers, 0

    def third_time(self: Engine, *given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "try_answers", third_time)
    assert run("--texts", texts, "--out", out) == 130
    said = capsys.readouterr().err
    assert "the answers to 24 lines are in" in said
    assert "interrupted" in said
    assert out.read_bytes().count(b"\n") == 1 + 2 * 3 * SMALL
    monkeypatch.setattr(Engine, "try_answers", real)
    assert run("--texts", texts, "--out", out, "--resume") == 0
    assert out.read_bytes() == whole.read_bytes()


def test_resuming_with_other_settings_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "out.tsv"
    texts.write_text("\n".join(lines(9)) + "\n")
    assert run("--texts", texts, "--out", out) == 0
    before = out.read_bytes()
    for arguments, message in (
        ((), "is there already; go on with --resume"),
        (("--resume", "--grouping", "length"), "made with grouping 'order', now it is 'length'"),
        (("--resume", "--batch", 3), "made with batch 2, now it is 3"),
        (("--resume", "--format", "jsonl"), "made with format 'tsv', now it is 'jsonl'"),
        (("--resume", "--dtype", "bfloat16"), "made with dtype 'auto', now it is 'bfloat16'"),
    ):
        assert run("--texts", texts, "--out", out, *arguments) == 1
        assert message in capsys.readouterr().err
    texts.write_text("something else\n")
    assert run("--texts", texts, "--out", out, "--resume") == 1
    assert "line 2: answers another text than line 1 of the texts" in capsys.readouterr().err
    assert out.read_bytes() == before
    (tmp_path / "out.tsv.run.json").unlink()
    assert run("--texts", texts, "--out", out, "--resume") == 1
    assert "run.json is missing" in capsys.readouterr().err
    assert run("--texts", texts, "--resume") == 1
    assert "name it with --out" in capsys.readouterr().err
    assert run("--texts", texts, "--out", tmp_path / "none" / "out") == 1
    assert "existing folder" in capsys.readouterr().err
    assert run("--texts", "-", "--out", tmp_path / "x", "--workers", 2) == 1
    assert "--workers needs a file of texts" in capsys.readouterr().err


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_one_rule_for_line_ends(tmp_path: Path, end: str) -> None:
    given = ["eins", "zwei\u2028halb\x0b", "", "drei\x85"]
    path = tmp_path / "texts.txt"
    path.write_bytes(b"\xef\xbb\xbf" + end.join(given).encode())
    assert [row.text for row in rows_of_file(path)] == given
    found = line_windows(rows_of_file(path), shared_checkpoint(), 1)
    assert [row.text for window in found for row in window.rows] == given


def test_text_in_answers_stays_on_its_line(tmp_path: Path) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "out.tsv"
    texts.write_text("a <b>film</b>\x0b\u2028story\tsecond part\nplain\n", encoding="utf-8")
    assert run("--texts", texts, "--out", out) == 0
    cells = [line.split("\t") for line in out.read_text(encoding="utf-8").split("\n")[1:-1]]
    assert [len(c) for c in cells] == [8, 8]
    assert cells[0][5:7] == ["a <b>film</b> story", "second part"]
