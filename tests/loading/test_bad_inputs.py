"""Every bad input of ``tests/bad`` is refused as the table says; the doors read what is good."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxviz import files
from muxviz.errors import FileError
from tests.bad import Case, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_in_our_words(case: Case, tmp_path: Path) -> None:
    said = case.act(tmp_path)
    assert f"[{case.code}]" in said, said
    assert case.says in said, said
    assert "Traceback" not in said
    assert "weights_only" not in said
    assert "\x1b" not in said


def test_there_are_enough_and_each_has_its_own_name() -> None:
    assert len(CASES) >= 150
    assert not [name for name, count in Counter(c.name for c in CASES).items() if count > 1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("name", "pack"), [("f.txt", bytes), ("f.txt.gz", gzip.compress), ("f.txt.xz", lzma.compress)]
)
def test_one_text_is_read_alike(tmp_path: Path, end: str, mark: bytes, name: str, pack) -> None:
    rows = ["schön", "", "two\u2028parts\x0band\x85more", "last"]
    (tmp_path / name).write_bytes(pack(mark + end.join(rows).encode()))
    assert list(files.read_lines(tmp_path / name)) == rows
    assert files.read_text(tmp_path / name) == "\n".join(rows)
    assert files.split_lines(end.join(rows) + end) == rows


@given(st.binary(max_size=300), st.integers(1, 40), st.integers(1, 40))
def test_lines_are_those_of_the_whole_text(content: bytes, longest: int, block: int) -> None:
    """Whatever the blocks that a stream comes in: same lines, or the same refusal."""

    def found(size: int) -> list[str] | str:
        stream = io.BufferedReader(_Blocks(content, size), 1)
        try:
            return list(files.text_lines(stream, "f", longest=longest, cut=True))
        except FileError as error:
            return str(error)

    whole = found(1000)
    assert found(block) == whole


@given(st.text(max_size=200), st.integers(1, 40))
def test_a_cut_line_is_the_beginning_of_the_line(text: str, longest: int) -> None:
    content = text.encode("utf-8", "replace")
    if b"\0" in content:  # may be taken for UTF-16
        return
    stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[type-var]
    found = list(files.text_lines(stream, "f", longest=longest, cut=True))
    whole = files.decode(content, "f")
    assert found == [row[:longest] for row in files.split_lines(whole)] if whole else not found


class _Blocks(io.RawIOBase):
    """Bytes that come ``size`` at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self._rest, self._size = content, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        part = self._rest[: min(self._size, len(buffer))]
        self._rest = self._rest[len(part) :]
        buffer[: len(part)] = part
        return len(part)


@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda s: s.encode("utf-8", "replace"))
    )
)
def test_nothing_but_our_errors_comes_out(content: bytes) -> None:
    for parse in (files.parse_json, files.parse_toml, files.csv_rows):
        with contextlib.suppress(FileError):
            found = parse(files.decode(content, "f"), "f")
            list(found) if isinstance(found, Iterator) else None


def test_results_replace_a_file_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    path.chmod(0o640)
    with files.results_file(path) as put:
        assert path.read_text() == "old"
        put("new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
    with pytest.raises(ZeroDivisionError), files.results_file(path):
        _ = 1 / 0
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["r.json"]


def test_results_that_nobody_wrote_leave_the_old_ones(tmp_path: Path) -> None:
    with files.results_file(tmp_path / "new.json"):
        pass
    assert os.listdir(tmp_path) == []
    with files.results_file(None) as put:
        put("nowhere")
