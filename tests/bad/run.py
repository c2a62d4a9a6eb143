"""``muxviz run``: texts, outputs, what it is to go on with, and its options."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from tests.bad import Case, command
from tests.tiny import shared_folder

TEXTS = "the film is good\nboring old story\na happy dog\nbad\n"


def _run(*words: str | Path) -> str:
    return command("run", "--checkpoint", shared_folder(), *words)


def _refused_beside(folder: Path, *words: str | Path) -> str:
    """What is said; nothing in the folder is made, removed or changed."""

    def seen() -> dict[str, bytes | str]:
        return {
            p.name: os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else ""
            for p in folder.iterdir()
        }

    before = seen()
    said = _run(*words)
    assert seen() == before
    return said


def _texts(content: bytes | str, name: str = "t.txt") -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return _refused_beside(folder, "--texts", path, "--out", folder / "o")

    return act


def _piped(content: bytes | str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        given = io.BytesIO(content if isinstance(content, bytes) else content.encode())
        with mock.patch.object(sys, "stdin", io.TextIOWrapper(given)):
            return _refused_beside(folder, "--texts", "-", "--out", folder / "o")

    return act


def _named(name: str, make: Callable[[Path], object] = lambda path: None) -> Callable[[Path], str]:
    """``--texts`` with this name in the folder."""

    def act(folder: Path) -> str:
        make(folder / name)
        return _refused_beside(folder, "--texts", folder / name)

    return act


def _out(
    name: str, make: Callable[[Path], object] = lambda path: None, *words: str
) -> Callable[[Path], str]:
    """``--out`` with this name in the folder, after ``make`` of it."""

    def act(folder: Path) -> str:
        (folder / "t.txt").write_text(TEXTS)
        make(folder / name)
        return _refused_beside(folder, "--texts", folder / "t.txt", "--out", folder / name, *words)

    return act


def _beside(content: bytes | None, *words: str) -> Callable[[Path], str]:
    """Answers are asked for where ``o.run.json`` is there already."""

    def make(out: Path) -> None:
        if words:
            out.write_text("line\n")
        if content is not None:
            (out.parent / "o.run.json").write_bytes(content)

    return _out("o", make, *words)


def _link(path: Path) -> None:
    (path.parent / "foreign").write_text("{}")
    path.with_name("o.run.json").symlink_to("foreign")


def _going_on(
    change: Callable[[Path, Path], object], *words: str, form: str = "tsv"
) -> Callable[[Path], str]:
    """A finished run is to go on after ``change(texts, answers)``."""

    def act(folder: Path) -> str:
        texts, out = folder / "t.txt", folder / "o"
        texts.write_text(TEXTS)
        with mock.patch.object(sys, "stderr", io.StringIO()):
            from muxviz.cli import main

            given = ["--checkpoint", str(shared_folder()), "--texts", str(texts)]
            assert main(["run", *given, "--out", str(out), "--format", form]) == 0
        change(texts, out)
        options = ("--resume", "--format", form, *words)
        return _refused_beside(folder, "--texts", texts, "--out", out, *options)

    return act


def _edit(old: str, new: str) -> Callable[[Path, Path], object]:
    return lambda texts, out: texts.write_text(texts.read_text().replace(old, new))


def _damage(old: str, new: str) -> Callable[[Path, Path], object]:
    def change(texts: Path, out: Path) -> None:
        assert old in out.read_text()
        out.write_text(out.read_text().replace(old, new))

    return change


def _no_slot(texts: Path, out: Path) -> None:
    text, count = re.subn(r"\n2\t\d+\t", "\n2\t0\t", out.read_text())
    assert count == 1
    out.write_text(text)


def _note(**changes: object) -> Callable[[Path, Path], object]:
    def change(texts: Path, out: Path) -> None:
        path = out.with_name("o.run.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def _locked(folder: Path) -> str:
    from filelock import lock_descriptor

    out = folder / "o"
    with out.open("wb") as other:
        assert lock_descriptor(other.fileno(), blocking=False)
        (folder / "t.txt").write_text(TEXTS)
        return _refused_beside(folder, "--texts", folder / "t.txt", "--out", out, "--resume")


def _option(*words: str) -> Callable[[Path], str]:
    return lambda folder: _run("--texts", "-", *words)


def _case(given: str, act: Callable[[Path], str], says: str, code: str = "E-FILE") -> Case:
    return Case("muxviz run", given, act, code, says)


UTF16 = "the film\nis good\n".encode("utf-16")
TABLE = "sentence\tlabel\nthe film\t1\n"
DEVICES = [
    _case(f"--texts {name}", lambda d, name=name: _run("--texts", name), "is a device")
    for name in ("/dev/zero", "/dev/null")
]

CASES = [
    # ---- texts
    _case("texts that are not there", _named("no.txt"), "no such file"),
    _case("a folder of texts", _named("d", Path.mkdir), "is a folder; expected a file of text"),
    _case("a pipe by name", _named("p", os.mkfifo), "is a pipe"),
    _case("a link to nothing", _named("l", lambda p: p.symlink_to("no")), "no such file"),
    _case("a name of 5,000 characters", _named("x" * 5000), "file name too long"),
    _case("a path through a file", lambda d: _run("--texts", f"{__file__}/x"), "not a directory"),
    *DEVICES,
    _case("no texts", _texts(""), "holds no text", "E-DATA"),
    _case("no texts piped", _piped(""), "standard input holds no text", "E-DATA"),
    _case("a mark and nothing", _texts(b"\xef\xbb\xbf"), "holds no text", "E-DATA"),
    _case("UTF-16 texts", _texts(UTF16), "t.txt: is UTF-16, not UTF-8"),
    _case("UTF-16 piped", _piped(UTF16), "standard input: is UTF-16, not UTF-8"),
    _case("UTF-16 without a mark", _texts(UTF16[2:]), "every other byte is zero"),
    _case("UTF-32 piped", _piped("film\n".encode("utf-32")), "is UTF-32"),
    _case("cp1252 in line 2", _texts(b"good\ncaf\xe9\n"), "line 2: is not UTF-8 (byte 0xe9"),
    _case("cp1252 piped", _piped(b"1\r2\rcaf\xe9"), "standard input, line 3: is not UTF-8"),
    _case("half a character", _texts(b"good\n\xed\xa0\x80\n"), "line 2: is not UTF-8"),
    _case("gzip piped", _piped(gzip.compress(b"good\n")), "holds gzip data; expected"),
    _case("xz without the ending", _texts(lzma.compress(b"good\n")), "holds xz data"),
    _case("bzip2", _texts(bz2.compress(b"good\n"), "t.bz2"), "bzip2 data"),
    _case("gzip cut short", _texts(gzip.compress(b"good\n" * 99)[:-9], "t.gz"), "is damaged"),
    _case("no gzip", _texts("good\n", "t.gz"), "is damaged or not packed as its name says"),
    # ---- tables
    _case("a table by its name", _texts(TABLE, "t.tsv"), "by its name (.tsv)"),
    _case("a packed table by its name", _texts("x", "T.JSONL.gz"), "by its name (.jsonl)"),
    _case("a CSV by its name", _texts("x", "t.csv"), "muxviz evaluate --data"),
    _case("a header", _texts(TABLE), "names columns (sentence, label)"),
    _case("a header piped", _piped("idx,Premise,Hypothesis\n"), "(idx, premise, hypothesis)"),
    _case("a quoted header", _texts('"text";"label"\n"good";1\n'), "names columns (text, label)"),
    _case("a label behind the tab", _piped("the film\t1\n"), "is a number (1), as of a label"),
    _case("a score behind the tab", _texts("the film\t-3.5\n"), "is a number (-3.5)"),
    _case("three cells", _texts("1\tthe film\tgood\n"), "3 cells between tabs"),
    _case("JSON lines", _piped('{"sentence": "good"}\n'), "its first line is JSON"),
    _case("a JSON list", _texts("[\n"), "its first line is JSON"),
    # ---- outputs
    _case("answers that are there", _out("o", lambda p: p.write_text("x")), "is there", "E-DATA"),
    _case("answers into a folder", _out("o", Path.mkdir), "is a folder; expected a file"),
    _case("answers into a pipe", _out("o", os.mkfifo), "is a pipe"),
    _case("answers through a link", _out("o", lambda p: p.symlink_to("t.txt")), "is a link"),
    _case("answers through a dead link", _out("o", lambda p: p.symlink_to("no")), "is a link"),
    _case("answers into no folder", _out("no/o"), "no such folder"),
    _case("answers into a file's inside", _out("t.txt/o"), "not a directory"),
    _case("answers under 250 characters", _out("x" * 250), "file name too long"),
    _case("answers under 300 characters", _out("x" * 300), "file name too long"),
    _case("answers under 5,000 characters", _out("x" * 5000), "file name too long"),
    _case("answers in place of texts", _out("t.txt"), "is there already", "E-DATA"),
    _case(
        "answers where none can be",
        lambda d: _run("--texts", __file__, "--out", "/proc/self/o"),
        "cannot be written",
    ),
    # ---- what stands beside
    _case("a foreign file beside", _beside(b"{}"), "is not of a run of this version"),
    _case("a foreign link beside", _out("o", _link), "o.run.json: is a link"),
    _case("nothing beside", _beside(None, "--resume"), "run.json is missing", "E-DATA"),
    _case("an empty file beside", _beside(b"", "--resume"), "is empty; expected what muxviz run"),
    _case("no JSON beside", _beside(b"{", "--resume"), "is not JSON"),
    _case("a list beside", _beside(b"[]", "--resume"), "holds a list"),
    _case("null beside", _beside(b"null", "--resume"), "holds nothing (null)"),
    _case("UTF-16 beside", _beside("{}".encode("utf-16"), "--resume"), "is UTF-16"),
    _case("deep JSON beside", _beside(b"[" * 100_000, "--resume"), "nested deeper than 64"),
    _case("much beside", _beside(b"{" + b" " * (2 << 20), "--resume"), "has more than 1 MiB"),
    _case(
        "a folder beside",
        _out("o", lambda p: p.with_name("o.run.json").mkdir()),
        "o.run.json: is a folder",
    ),
    _case(
        "a pipe beside",
        _out("o", lambda p: os.mkfifo(p.with_name("o.run.json"))),
        "o.run.json: is a pipe",
    ),
    # ---- going on
    _case("another writer", _locked, "another run is writing", "E-DATA"),
    _case("another text", _going_on(_edit("happy", "angry")), "another text than line 3"),
    _case("a second text", _going_on(_edit("happy dog", "happy\tdog")), "than line 3"),
    _case("fewer texts", _going_on(_edit("bad\n", "")), "line 5: answers a text that is not there"),
    _case(
        "other blanks",
        _going_on(_edit("happy dog", "happy  dog")),
        "not those of which",
        "E-DATA",
    ),
    _case("another number", _going_on(_damage("\n2\t", "\n7\t")), "not the answer to line 2"),
    _case("a lost column", _going_on(_damage("\t\n", "\n")), "not the answer to line 1"),
    _case("a slot of nothing", _going_on(_no_slot), "line 3: is damaged"),
    _case("a chance above 1", _going_on(_damage("\t0.", "\t7.")), "line 2: is damaged"),
    _case("another header", _going_on(_damage("line\t", "Line\t")), "is not the header of tsv"),
    _case(
        "garbage in JSON lines",
        _going_on(_damage('{"line": 2', "garbage"), form="jsonl"),
        "line 2: is not the answer to line 2",
    ),
    _case(
        "another text in JSON lines",
        _going_on(_damage("happy", "angry"), form="jsonl"),
        "line 3: answers another text",
    ),
    _case(
        "answers that go on",
        _going_on(lambda t, out: out.write_text(out.read_text() + "more\n")),
        "line 6: answers a text that is not there",
    ),
    _case("another format", _going_on(lambda *_: 0, "--format", "jsonl"), "'tsv'", "E-DATA"),
    _case("another seed", _going_on(lambda *_: 0, "--seed", "1"), "with seed 0", "E-DATA"),
    _case("another filling", _going_on(_note(fill="published")), "'published'", "E-DATA"),
    _case("another model", _going_on(_note(fingerprint="0")), "with fingerprint", "E-DATA"),
    _case("another tokenizer", _going_on(_note(reading="0")), "with reading '0'", "E-DATA"),
    _case("lines as a text", _going_on(_note(lines="4")), "is not of a run of this version"),
    _case("lines below none", _going_on(_note(lines=-4)), "is not of a run of this version"),
    _case("another digest", _going_on(_note(digest="0")), "texts are not those", "E-DATA"),
    # ---- options
    _case("a seed below 0", _option("--seed", "-1"), "--seed: got -1", "E-USAGE"),
    _case("a seed of 400 digits", _option("--seed", "9" * 400), "--seed: got 999", "E-USAGE"),
    _case("no batch", _option("--batch", "0"), "--batch: got 0", "E-USAGE"),
    _case("a huge batch", _option("--batch", "1000000000"), "--batch: got", "E-USAGE"),
    _case("a dtype of nothing", _option("--dtype", "evil"), "invalid choice: 'evil'", "E-USAGE"),
    _case("a device of nothing", _option("--device", "cuda:x"), "--device: got", "E-USAGE"),
    _case("an escape", _option("--device", "\x1b[2J"), "--device: got \\x1b[2J", "E-USAGE"),
    _case("no workers", _option("--workers", "0"), "--workers: got 0", "E-USAGE"),
    _case("workers of a pipe", _option("--workers", "2"), "needs a file of texts", "E-DATA"),
    _case("going on with nothing", _option("--resume"), "name it with --out", "E-DATA"),
    Case(
        "muxviz evaluate",
        "copies without end",
        lambda d: command("evaluate", "--checkpoint", "x", "--copies", "1000000000"),
        "E-USAGE",
        "--copies: got 1000000000",
    ),
    Case(
        "muxviz evaluate",
        "a precision that nobody has",
        lambda d: command("evaluate", "--checkpoint", "x", "--dtype", "int4"),
        "E-USAGE",
        "invalid choice: 'int4'",
    ),
    Case(
        "muxviz prune",
        "a sparsity of nothing",
        lambda d: command("prune", "a", "--start", "b", "--out", "c", "--only", "nan"),
        "E-USAGE",
        "--only: got nan",
    ),
    Case(
        "muxviz",
        "a command with an escape",
        lambda d: command("\x1b[2J"),
        "E-USAGE",
        "invalid choice: '\\x1b[2J'",
    ),
]
