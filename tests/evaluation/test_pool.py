"""The pool of sentences: enough of them, balanced, and a user's own file read or refused."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from muxviz.errors import DataError
from muxviz.pool import SPLITS, VARIABLE, pool_name, read_pool, texts
from muxviz.presets import presets


@pytest.fixture(autouse=True)
def bundled_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def words(text: str) -> int:
    return len(text.split())


def test_the_bundled_pool_is_large_varied_and_has_no_doubles() -> None:
    pool = read_pool()
    assert len(pool) >= 420
    assert len({s.text.lower() for s in pool}) == len(pool)
    assert {s.label for s in pool} == {"positive", "negative"}
    lengths = Counter(words(s.text) for s in pool)
    assert (min(lengths), max(lengths)) == (3, 40)
    bands = Counter((length - 3) // 8 for length in lengths.elements())  # 3-10, 11-18, ... 35-40
    assert min(bands.values()) >= 40
    assert all(s.text == s.text.strip() and s.text.isascii() for s in pool)


def test_splits_are_alike_in_label_and_length_and_share_no_preset() -> None:
    pool = read_pool()
    sizes = Counter(s.split for s in pool)
    assert sizes["pool"] >= 240
    assert min(sizes["fit"], sizes["test"]) >= 90
    for split in SPLITS:
        labels = Counter(s.label for s in pool if s.split == split)
        assert labels["positive"] == labels["negative"]
        for label in labels:
            mean = np.mean([words(s.text) for s in pool if (s.split, s.label) == (split, label)])
            assert mean == pytest.approx(19, abs=1)
    shown = {row[0] for preset in presets() for row in preset.rows}
    assert not shown & {s.text for s in pool}


def test_texts_are_those_of_one_split() -> None:
    assert texts("fit") == tuple(s.text for s in read_pool() if s.split == "fit")
    assert sum(len(texts(split)) for split in SPLITS) == len(read_pool())
    with pytest.raises(DataError, match="no split 'train'; a pool has pool, fit, test"):
        texts("train")


def test_a_users_table_or_plain_text_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mine.tsv"
    table.write_text("split\ttext\nfit\tOne sentence.\n\n\tAnother one.\n", encoding="utf-8")
    assert [(s.text, s.label, s.split) for s in read_pool(table)] == [
        ("One sentence.", "", "fit"),
        ("Another one.", "", "pool"),
    ]
    plain = tmp_path / "mine.txt"
    plain.write_text("\ufeffA line.\r\n\r\n  Another\tline. \r\n", encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(plain))
    assert texts() == ("A line.", "Another\tline.")
    assert pool_name() == "mine.txt"
    assert texts("fit") == ()
    assert texts("fit", table) == ("One sentence.",)


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    plain = tmp_path / "mine.txt"
    plain.write_text("Before.\n")
    assert texts(path=plain) == ("Before.",)
    plain.write_text("After.\n")
    os.utime(plain, ns=(1, 1))
    assert texts(path=plain) == ("After.",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("A sentence.\nAnother.\n", "line 1: has the columns A sentence.; expected text and"),
        ("text\ttext\na\tb\n", "line 1: names the column 'text' twice"),
        ("text\tmood\na\tb\n", "line 1: has the columns text, mood"),
        ("text\tlabel\nFine.\tpositive\nBroken.\n", "line 3: has 1 columns; expected 2"),
        ("text\tlabel\n \tpositive\n", "line 2: has no text"),
        ("text\tsplit\nFine.\tdev\n", "line 2: has the split 'dev'; expected one of pool, fit"),
        ("text\tlabel\n", "holds no sentence"),
        ("", "line 1: has no name for column 1"),
    ],
)
def test_a_malformed_file_is_named_by_row_and_column(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="mine.tsv") as caught:
        read_pool(file)
    assert message in str(caught.value)


def test_a_missing_binary_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.tsv: no such file.*unset MUXVIZ_POOL"):
        read_pool(tmp_path / "nowhere.tsv")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary.txt: is UTF-16, not UTF-8"):
        read_pool(binary)
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(9_000_000)
    with pytest.raises(DataError, match=r"huge.txt: has more than 8 MiB"):
        read_pool(huge)
