"""The door itself: texts, JSON, TOML, tables and results files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

from muxviz import files
from tests.bad import Case, raised


def _read(content: bytes, reader: Callable[[Path], object] = files.read_text, name: str = "f.txt"):
    def act(folder: Path) -> str:
        path = folder / name
        path.write_bytes(content)
        return raised(lambda: reader(path))

    return act


def _lines(path: Path) -> object:
    return list(files.read_lines(path, longest=1000))


def _json(path: Path) -> object:
    return files.read_json(path)


def _csv(path: Path) -> object:
    return list(files.csv_rows(files.read_text(path), path))


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return raised(lambda: files.read_text(folder / "pipe"))


def _write(name: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        (folder / "file").touch()
        with_words = files.results_file(folder / name)

        def write() -> None:
            with with_words as put:
                put("{}")

        said = raised(write)
        assert sorted(p.name for p in folder.iterdir()) == ["file"]
        return said

    return act


def _case(given: str, act: Callable[[Path], str], says: str) -> Case:
    return Case("the door", given, act, "E-FILE", says)


CASES = [
    _case("nothing there", lambda d: raised(lambda: files.read_text(d / "no")), "no such file"),
    _case("a folder", lambda d: raised(lambda: files.read_text(d)), "is a folder"),
    _case("a pipe", _pipe, "is a pipe"),
    _case("a device", lambda d: raised(lambda: files.read_text("/dev/zero")), "is a device"),
    _case("a NUL in the name", lambda d: raised(lambda: files.read_text(d / "a\0b")), "\\x00b"),
    _case("a long name", lambda d: raised(lambda: files.read_text(d / ("x" * 5000))), "too long"),
    _case("UTF-16", _read("good".encode("utf-16")), "UTF-16, not UTF-8"),
    _case("UTF-16 without a mark", _read("good".encode("utf-16-le")), "every other byte"),
    _case("UTF-32", _read("good".encode("utf-32")), "UTF-32, not UTF-8"),
    _case("Latin-1", _read("one\nschön".encode("latin-1")), "line 2: is not UTF-8 (byte 0xf6"),
    _case("Latin-1 by line", _read("1\nschön".encode("latin-1"), _lines), "line 2: is not UTF-8"),
    _case("gzip under another name", _read(gzip.compress(b"x")), "ends in .gz"),
    _case("a zip archive", _read(b"PK\x03\x04"), "zip archive"),
    _case("damaged gzip", _read(gzip.compress(b"x" * 999)[:-9], name="f.gz"), "is damaged"),
    _case("no gzip", _read(b"text", name="f.gz"), "is damaged or not packed"),
    _case("no xz", _read(b"text", name="f.xz"), "is damaged or not packed"),
    _case("an endless line", _read(b"x" * 9000, _lines), "more than 1,000 characters"),
    _case("a long second line", _read(b"1\r" + b"x" * 1001, _lines), "line 2: has more than"),
    _case("an empty file as JSON", _read(b"", _json), "is empty"),
    _case("half an object", _read(b'{"a": 1', _json), "line 1, column 8: is not JSON"),
    _case("a list for an object", _read(b"[]", _json), "holds a list; expected a JSON object"),
    _case("null for an object", _read(b"null", _json), "holds nothing (null)"),
    _case("a field twice", _read(b'{"a": 1, "a": 2}', _json), "'a' is given twice"),
    _case("NaN", _read(b'{"a": NaN}', _json), "NaN is no JSON number"),
    _case("Infinity", _read(b'{"a": -Infinity}', _json), "-Infinity is no JSON number"),
    _case("1e999", _read(b'{"a": 1e999}', _json), "beyond what a float holds"),
    _case("400 digits", _read(b'{"a": ' + b"9" * 400 + b"}", _json), "400 digits"),
    _case("5,000 digits", _read(b'{"a": ' + b"9" * 5000 + b"}", _json), "5000 digits"),
    _case("half a character", _read(b'{"a": "\\ud800"}', _json), "half a character"),
    _case("half a name", _read(b'{"\\udfff": 1}', _json), "half a character"),
    _case("65 levels", _read(b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", _json), "nested deeper"),
    _case("no end of levels", _read(b"[" * 100_000, _json), "nested deeper than 64"),
    _case("no TOML", _read(b"a = [1,", files.read_toml), "is not TOML"),
    _case("inf in TOML", _read(b"a = inf", files.read_toml), "inf is not finite"),
    _case("a long number in TOML", _read(b"a = " + b"9" * 50, files.read_toml), "64 bits"),
    _case("deep TOML", _read(b"a = " + b"[" * 9999, files.read_toml), "nested deeper than 64"),
    _case("a name of many parts", _read(b"a." * 99_999 + b"a=1", files.read_toml), "16 parts"),
    _case(
        "a table of many parts", _read(b"[" + b"a . " * 99_999 + b"a]", files.read_toml), "parts"
    ),
    _case("a column twice", _read(b"n,acc,acc\n1,2,3", _csv), "the column 'acc' twice"),
    _case("a column twice by case", _read(b"n;Acc;acc \n1;2;3", _csv), "'Acc and acc' twice"),
    _case("a column without a name", _read(b"n,,acc\n1,2,3", _csv), "no name for column 2"),
    _case("too many cells", _read(b"n,acc\n1,2\n1,2,3", _csv), "line 3: has 3 cells; expected 2"),
    _case("an open quote", _read(b'n,"acc\n1,2', _csv), "is not a table"),
    _case("a cell without end", _read(b"n,a\n" + b"x" * 200_000 + b",1", _csv), "field larger"),
    _case("results into a file's inside", _write("file/x"), "cannot be written"),
    _case("results into no folder", _write("no/x"), "no such file or directory"),
    _case("results under a long name", _write("x" * 300), "too long"),
    _case("results with a NUL", _write("a\0b"), "embedded null byte"),
]
