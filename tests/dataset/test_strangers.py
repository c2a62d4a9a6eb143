"""Labelled tables of anybody's: columns and labels guessed or asked for, bad rows named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from muxviz.errors import DataError
from muxviz.training.strangers import (
    BadRow,
    Columns,
    GoodRow,
    check,
    guess,
    look,
    read_rows,
    unmapped,
)

LABELS = ("negative", "positive")
CSV = (
    "id,review,stars\r\n"
    '1,"a warm, funny film",good\r\n'
    '2,"dull\nfrom the first minute",bad\r\n'
    "3,,good\r\n"
    "4,plain good fun,meh\r\n"
    "5,too,many,cells\r\n"
    '6,"he said ""go""",BAD\r\n'
)
MEANT = Columns("review", "stars", labels=(("good", "positive"), ("bad", "negative")))


def table(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content, encoding="utf-8", newline="")
    return path


def good(rows: list[GoodRow | BadRow]) -> list[tuple[int, str, int]]:
    return [(r.number, r.row.text, r.gold) for r in rows if isinstance(r, GoodRow)]


def test_a_csv_with_quotes_keeps_good_rows_and_names_bad_ones(tmp_path: Path) -> None:
    path = table(tmp_path, "reviews.csv", CSV)
    rows = list(read_rows(path, MEANT, LABELS))
    assert good(rows) == [
        (1, "a warm, funny film", 1),
        (2, "dull\nfrom the first minute", 0),
    ]
    assert [str(r) for r in rows if isinstance(r, BadRow)] == [
        "row 3 (line 5), column review: is empty; write a sentence or remove the row",
        "row 4 (line 6), column stars: is 'meh'; expected one of good, bad",
        "row 5 (line 7): has 4 cells; the header has 3",
        "row 6 (line 8), column stars: is 'BAD'; expected one of good, bad",
    ]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_and_packed_files(tmp_path: Path, mark: str) -> None:
    content = f"\nlabel{mark}sentence\npositive{mark}plain good fun\n\nNegative{mark}dull\n"
    path = table(tmp_path, "reviews.csv.gz", content)
    columns = guess(look(path), LABELS)
    assert good(list(read_rows(path, columns, LABELS))) == [
        (1, "plain good fun", 1),
        (2, "dull", 0),
    ]


def test_tsv_cells_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = '"so" good\t1\n' + "bad\t0\n" * 9 + "short\nbad\t7\n"
    path = table(tmp_path, "dev.tsv", f"sentence\tlabel\n{rows}")
    columns = guess(look(path), LABELS)
    assert columns == Columns(
        "sentence", "label", labels=(("1", "positive"), ("0", "negative"))
    )  # of the rows that are rows
    rows = list(read_rows(path, columns, LABELS))
    assert good(rows) == [(1, '"so" good', 1), *((n, "bad", 0) for n in range(2, 11))]
    assert [r.reason for r in rows if isinstance(r, BadRow)] == [
        "has 1 cells; the header has 2",
        "is '7'; expected one of 1, 0",
    ]


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    content = '{"text": "fun", "label": 1}\n{"text": 3, "label": 0}\nno json\n[1]\n{"label": 0}\n'
    path = table(tmp_path, "rows.jsonl", content + '{"text": "dull", "label": 0}\n')
    rows = list(read_rows(path, guess(look(path), LABELS), LABELS))
    assert good(rows) == [(1, "fun", 1), (6, "dull", 0)]
    reasons = [(r.line, r.column, r.reason) for r in rows if isinstance(r, BadRow)]
    assert reasons[0] == (2, "text", "holds 3; expected a text")
    assert reasons[1][2].startswith("is not JSON")
    assert reasons[2] == (4, "", "is JSON, but not an object")
    assert reasons[3] == (5, "text", "is missing; expected a text")


def test_an_open_quote_costs_its_row_alone(tmp_path: Path) -> None:
    content = 'text,label\nfun,1\n"fun" no,1\ndull,0\n"never closed,0\n'
    path = table(tmp_path, "rows.csv", content)
    rows = list(read_rows(path, guess(look(path), LABELS), LABELS))
    assert good(rows) == [(1, "fun", 1), (3, "dull", 0)]
    assert [r.number for r in rows if isinstance(r, BadRow)] == [2, 4]


def test_rows_are_read_no_further_than_needed(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes(b"text\tlabel\n" + b"fun\t1\n" * 200_000 + b"\xff\t1\n")
    found = read_rows(path, Columns("text", "label", labels=(("1", "positive"),)), LABELS)
    assert next(found) == GoodRow(1, 2, next(iter(found)).row, 1)  # type: ignore[union-attr]
    with pytest.raises(DataError, match="is not UTF-8"):
        list(found)


def test_pairs_and_the_label_beside_them(tmp_path: Path) -> None:
    path = table(tmp_path, "p.tsv", "sentence1\tsentence2\tgold\na\tb\tpositive\nc\t\tnegative\n")
    columns = guess(look(path), LABELS)
    assert (columns.text, columns.pair, columns.label) == ("sentence1", "sentence2", "gold")
    rows = list(read_rows(path, columns, LABELS))
    assert [r.row.pair for r in rows if isinstance(r, GoodRow)] == ["b", ""]


def test_a_label_column_is_known_by_its_values(tmp_path: Path) -> None:
    path = table(tmp_path, "x.csv", "what,mood\nplain good fun,Positive\ndull,NEGATIVE\n")
    columns = guess(look(path), LABELS)
    assert (columns.text, columns.label) == ("what", "mood")
    assert dict(columns.labels) == {"Positive": "positive", "NEGATIVE": "negative"}


def test_what_cannot_be_guessed_is_asked_for(tmp_path: Path) -> None:
    path = table(tmp_path, "reviews.csv", CSV)
    found = look(path)
    columns = guess(found, LABELS)
    assert (columns.text, columns.label, columns.labels) == ("review", "", ())
    with pytest.raises(DataError, match="no column of the label; choose .* id, review, stars"):
        check(columns, found, LABELS)
    with pytest.raises(DataError, match="holds good, bad.* which of negative, positive"):
        check(Columns("review", "stars"), found, LABELS)
    with pytest.raises(DataError, match="'neutral' is no label"):
        check(Columns("review", "stars", labels=(("meh", "neutral"),)), found, LABELS)
    with pytest.raises(DataError, match="chosen twice"):
        check(Columns("review", "review", labels=MEANT.labels), found, LABELS)
    check(MEANT, found, LABELS)
    assert unmapped(found, MEANT) == ("meh", "BAD")


def test_numbers_that_do_not_begin_at_0_mean_nothing_by_themselves(tmp_path: Path) -> None:
    path = table(tmp_path, "stars.tsv", "text\tlabel\nfun\t1\ndull\t2\n")
    assert guess(look(path), ("a", "b", "c")).labels == ()
    stars = "".join(f"fun\t{n}\n" for n in range(6))
    path = table(tmp_path, "stars.tsv", f"text\tlabel\n{stars}")
    assert guess(look(path), LABELS).labels == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", "a\n", "expected a labelled table"),
        ("rows.csv", "", "no row with columns"),
        ("rows.tsv", "text\tlabel\n", "no row with columns"),
        ("rows.csv", "text,Text\na,b\n", "twice"),
        ("rows.tsv", "PK\x03\x04", "zip archive"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        look(table(tmp_path, name, content))
