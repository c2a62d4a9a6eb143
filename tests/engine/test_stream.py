"""Windows, order, bad rows, resuming: what ``muxviz run`` promises over many lines."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import resource
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxviz import files
from muxviz.batch import Row, Seating
from muxviz.cli import main
from muxviz.engine import stream as streaming
from muxviz.engine.engine import Engine
from muxviz.engine.output import AnswerFile, as_lines, as_record, unlike
from muxviz.engine.stream import How, RowAnswer, RowError, ahead, run_texts, stream, windows
from muxviz.engine.texts import Texts, line_windows, rows_of_file, takes_pairs
from muxviz.errors import DataError, FileError, InputError
from muxviz.loading.known import reads_pairs
from muxviz.printable import printable
from muxviz.results import LabelAnswer
from tests.tiny import WORDS, shared_checkpoint, shared_folder, write_tiny_folder

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
        streaming.prepare(checkpoint, window, How(seating=Seating("group"), grouping=g))
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
        (("--resume", "--grouping", "order"), "made with grouping 'length', now it is 'order'"),
        (("--resume", "--batch", 3), "made with batch 2, now it is 3"),
        (("--resume", "--format", "jsonl"), "made with format 'tsv', now it is 'jsonl'"),
        (("--resume", "--dtype", "bfloat16"), "made with dtype 'float32', now it is 'bfloat16'"),
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


@pytest.mark.parametrize(
    ("name", "pack"), [("t.txt", bytes), ("t.txt.gz", gzip.compress), ("t.xz", lzma.compress)]
)
def test_one_text_is_answered_alike_however_it_comes(
    tmp_path: Path,
    name: str,
    pack: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["caf\u00e9 film", "a happy dog", "boring old story"]
    assert run("--texts", _written(tmp_path / "plain", "\n".join(given).encode())) == 0
    expected = capsys.readouterr().out
    content = b"\xef\xbb\xbf" + "\r\n".join(given).encode() + b"\r\n"
    assert run("--texts", _written(tmp_path / name, pack(content))) == 0
    assert capsys.readouterr().out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("--texts", "-") == 0
    assert capsys.readouterr().out == expected


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_bad_byte_late_keeps_the_windows_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, out = lines(40), tmp_path / "out"
    content = "\n".join(good).encode()
    texts = _written(tmp_path / "texts", content + b"\nschl\xf6n\n")
    assert run("--texts", texts, "--out", out) == 1
    said = capsys.readouterr().err
    assert "texts, line 41: is not UTF-8 (byte 0xf6" in said
    assert f"the answers to 36 lines are in {out}; --resume goes on" in said
    _written(texts, content)  # the line is mended
    assert run("--texts", texts, "--out", out, "--resume") == 0
    assert run("--texts", texts, "--out", tmp_path / "whole") == 0
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def test_texts_that_grew_are_answered_as_if_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Groups of the last window may change: it is answered anew."""
    texts, out, whole = tmp_path / "texts.txt", tmp_path / "out", tmp_path / "whole"
    texts.write_text("\n".join(lines(17)) + "\n")
    assert run("--texts", texts, "--out", out) == 0
    texts.write_text("\n".join(lines(40)) + "\n")
    assert run("--texts", texts, "--out", out, "--resume") == 0
    assert run("--texts", texts, "--out", whole) == 0
    assert out.read_bytes() == whole.read_bytes()
    capsys.readouterr()


def test_a_full_disk_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out, whole = tmp_path / "texts.txt", tmp_path / "out", tmp_path / "whole"
    texts.write_text("\n".join(lines(40)) + "\n")
    assert run("--texts", texts, "--out", whole) == 0
    expected = whole.read_bytes()
    kind = resource.RLIMIT_FSIZE  # no file may be larger: the system says so as of a full disk
    soft, hard = resource.getrlimit(kind)
    begin = AnswerFile.begin
    for limit, kept in ((2000, 24), (300, 0)):

        def once_begun(self: AnswerFile, *given: object, limit: int = limit, **named: object):
            resource.setrlimit(kind, (limit, hard))
            return begin(self, *given, **named)  # type: ignore[arg-type]

        capsys.readouterr()
        monkeypatch.setattr(AnswerFile, "begin", once_begun)
        try:
            assert run("--texts", texts, "--out", out) == 1
        finally:
            resource.setrlimit(kind, (soft, hard))
            monkeypatch.setattr(AnswerFile, "begin", begin)
        said = capsys.readouterr().err
        assert "cannot be written (file too large)" in said
        assert ("--resume goes on" in said) == bool(kept)
        if kept:
            assert f"the answers to {kept} lines" in said
            assert expected.startswith(out.read_bytes())
            assert run("--texts", texts, "--out", out, "--resume") == 0
            assert out.read_bytes() == expected
        for path in tmp_path.glob("out*"):
            assert kept, "nothing is left of a run without an answer"
            path.unlink()


def test_answers_that_are_removed_meanwhile_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with AnswerFile(path, "tsv", resume=False) as out:
        out.begin({}, texts="t")
        found = list(out.keep(windows([Row("a dog"), Row("a cat")], 1)))
        out.append("1\n", found[0].start)
        path.unlink()
        with pytest.raises(FileError, match="out: cannot be written .it was removed meanwhile"):
            out.append("2\n", found[1].start)


def test_one_run_at_a_time_creates_or_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with AnswerFile(path, "tsv", resume=False) as out:
        out.begin({}, texts="t")
        for resume, said in ((True, "another run is writing"), (False, "is there already")):
            other = AnswerFile(path, "tsv", resume=resume)
            with pytest.raises(DataError, match=said), other:
                pass
        out.append("1\n", next(out.keep(windows([Row("a dog")], 1))).start)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "out.run.json"]
    with AnswerFile(path, "tsv", resume=True):
        pass


# ---- tabs, long texts ----------------------------------------------------------------------------


def test_a_tab_is_no_text_for_a_model_that_reads_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\nthe film\tthe movie\na\tb\tc\n")
    recipes = {None: 1, "qnli/train.tsv": 1, "sst2/train.tsv.gz": 2, "hub:glue:cola:train": 2}
    for task, bad in recipes.items():
        card = {"recipe": {"task_train": task}} if task else {}
        name = str(task).partition("/")[0].replace(":", "-")
        folder = write_tiny_folder(tmp_path / name, card=card)
        assert main(["run", "--checkpoint", str(folder), "--texts", str(texts)]) == 1
        shown = capsys.readouterr()
        assert "line 3 has 3 cells between tabs" in shown.err
        assert ("line 2 has a tab, and this model reads one text" in shown.err) == (bad == 2)
        assert ("line 2: a second text, after the tab, is read" in shown.err) == (task is None)
        assert f"{bad} of 3 lines could not be answered" in shown.err


def test_what_is_known_of_pairs() -> None:
    assert takes_pairs(shared_checkpoint()) is None
    assert takes_pairs(shared_checkpoint(task="token_classification")) is False
    published = "princeton-nlp/datamux-{}-2"
    found = [reads_pairs(published.format(task), "") for task in ("mnli", "sst2", "retrieval")]
    assert found == [True, False, None]
    assert reads_pairs("some/mnli-model", "") is None, "a name that anyone may give"


def test_long_texts_end_a_window_between_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "WINDOW_CHARACTERS", 100)
    rows = [Row("x" * 30) for _ in range(20)] + [Row("y")] * 5
    sizes = [len(window.rows) for window in windows(rows, 12, num=3)]
    assert sizes == [6, 6, 6, 7], "four rows are long enough, two more fill their group"


def test_a_long_text_is_cut_and_does_not_come_back_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "the film is good and " * 20_000
    texts = _written(tmp_path / "texts.txt", f"a dog\n{text.strip()}\n".encode())
    for form in ("tsv", "jsonl"):
        assert run("--texts", texts, "--format", form) == 0
        out = capsys.readouterr().out
        assert len(text) < len(out) < len(text) + 1500
    cut = json.loads(out.splitlines()[1])["cut"]
    kept = " ".join(text.split()[:62])  # 64 tokens fit; every word is one
    assert cut.endswith(f" ... ({len(text.strip()) - len(kept) - 1:,} characters)")
    assert len(cut) < 250


def test_text_in_answers_stays_on_its_line(tmp_path: Path) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "out.tsv"
    texts.write_text("a <b>film</b>\x0b\u2028story\tsecond part\nplain\n", encoding="utf-8")
    assert run("--texts", texts, "--out", out) == 0
    cells = [line.split("\t") for line in out.read_text(encoding="utf-8").split("\n")[1:-1]]
    assert [len(c) for c in cells] == [10, 10]
    assert cells[0][7:9] == ["a <b>film</b> story", "second part"]


# ---- what a line of answers may be ---------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\t"), max_size=30)
LABELLED = LabelAnswer("good", 1, ("bad", "good"), np.asarray([0.25, 0.75]), 1.0)


@given(TEXTS, st.none() | TEXTS, st.sampled_from(["tsv", "jsonl"]), st.booleans())
def test_a_line_that_was_written_is_known_again(
    text: str, pair: str | None, form: str, is_bad: bool
) -> None:
    row = Row(text, pair)
    answer = RowError(6, row, "is empty") if is_bad else RowAnswer(6, 1, row, LABELLED, text)
    line = as_lines([answer], form).encode()
    assert line.count(b"\n") == 1
    assert not [c for c in line.decode() if c not in "\n\t" and printable(c) != c]
    record = as_record(line, form)
    assert unlike(record, form, 6, row, "is empty" if is_bad else "") == ""
    assert "line 8 of the texts" in unlike(record, form, 7, row, "")
    assert "another text" in unlike(record, form, 6, Row(text + "x", pair), "")
    if not is_bad:
        assert unlike(record, form, 6, row, "is empty") == "is damaged"


@given(st.binary(max_size=80) | TEXTS.map(str.encode), st.sampled_from(["tsv", "jsonl"]))
def test_any_line_is_judged(line: bytes, form: str) -> None:
    assert unlike(as_record(line + b"\n", form), form, 0, Row("a dog"), "")


@given(st.binary(max_size=120) | TEXTS.map(lambda text: text.encode() * 9))
def test_any_bytes_are_texts_or_refused_in_our_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = _written(Path(folder) / "texts", content)
        try:
            texts = Texts(str(path))
            rows = list(texts.rows())
        except DataError:
            return
    found = [row.text if row.pair is None else f"{row.text}\t{row.pair}" for row in rows]
    assert found == files.split_lines(content.decode("utf-8-sig"))
