"""What commands print: safe for a terminal, in an encoding that holds it, never a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxviz.cli import main
from muxviz.errors import FileError
from muxviz.printable import printable, printable_json, printable_lines
from muxviz.terminal import ReaderLeft, printing, tell
from tests.tiny import shared_folder, tiny_config, write_tiny_folder


class _Full(io.StringIO):
    """A stream that fails from its first flush on."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


def test_a_full_output_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Full(errno.ENOSPC))
    full = pytest.raises(FileError, match="standard output: cannot be written .no space left")
    with full, printing():
        print("an answer")
    monkeypatch.setattr(sys, "stdout", _Full(errno.EPIPE))
    with pytest.raises(ReaderLeft), printing():
        print("an answer")


@pytest.mark.parametrize(
    ("stream", "code", "said"),
    [
        (lambda: _Full(errno.ENOSPC), 1, "standard output: cannot be written (no space left"),
        (lambda: _Full(errno.EIO), 1, "standard output: cannot be written (input/output error"),
        (lambda: _Full(errno.EPIPE), 0, ""),
        (lambda: None, 1, "standard output: is closed"),
    ],
    ids=["full", "broken", "left", "closed"],
)
def test_every_command_says_so(
    stream: Callable[[], object],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    folder = str(shared_folder())
    for words in (
        ["list"],
        ["check", folder],
        ["run", "--checkpoint", folder, "--texts", str(texts)],
    ):
        messages = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream())
        monkeypatch.setattr(sys, "stderr", messages)
        assert main(words) == code
        assert said in messages.getvalue()
        assert not said or messages.getvalue().endswith("[E-FILE]\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
def test_work_goes_on_where_nobody_hears_of_it(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", _Full(number))
    with printing():
        print("progress", file=sys.stderr, flush=True)
        print("an answer")
    tell("nobody hears this")
    monkeypatch.setattr(sys, "stderr", None)
    with printing():
        print("progress", file=sys.stderr)
    tell("nor this")
    assert capsys.readouterr().out == "an answer\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-16"])
def test_a_pipe_gets_utf8_whatever_the_locale_says(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe, encoding))
    with printing():
        print("caf\u00e9 \U0001f937 \udcff")
    assert pipe.getvalue().decode() == "caf\u00e9 \U0001f937 \\xff\n"


def test_a_terminal_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, "ascii"))
    with printing():
        print("caf\u00e9 \x1b[2J")
    assert shown.getvalue() == b"caf\\xe9 \\x1b[2J\n"


def test_messages_hold_no_control_character_but_a_bars(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with printing():
        print("a\x1b[2Jb\r\x1b[A\x07", file=sys.stderr)
    assert capsys.readouterr().err == "a\\x1b[2Jb\r\x1b[A\\x07\n"


def test_labels_and_names_do_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = ("\x1b[31mred", "pl\x9bain\u202e")
    folder = write_tiny_folder(tmp_path / "a\x1b[2Jb", tiny_config(labels=labels))
    texts, table = tmp_path / "texts.txt", tmp_path / "rows.tsv"
    texts.write_text("a \x1b[31mdog\x07\n", encoding="utf-8")
    table.write_text("sentence\tlabel\na dog\t0\na cat\t1\n")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    for words in (
        ["check", str(folder)],
        ["check", str(tmp_path / "no\x1b[2J")],
        ["list"],
        ["list", "--json"],
        ["run", "--checkpoint", str(folder), "--texts", str(texts)],
        ["run", "--checkpoint", str(folder), "--texts", str(texts), "--format", "jsonl"],
        ["run", "--checkpoint", "no\x1b[2J", "--texts", str(texts)],
        ["evaluate", "--checkpoint", str(folder), "--data", str(table), "--groupings", "1"],
    ):
        main(words)
        shown = capsys.readouterr()
        for text in (shown.out, shown.err.replace("\r", "")):  # a bar goes back to its line's head
            assert not [c for c in text if c != "\n" and c != "\t" and printable(c) != c], words


@given(st.text(st.characters(), max_size=40))
def test_escapes_change_nothing_but_what_they_must(text: str) -> None:
    assert printable(printable(text)) == printable(text)
    assert printable_lines(text.replace("\n", "").replace("\t", "")) == printable(
        text.replace("\n", "").replace("\t", "")
    )
    written = json.dumps(text, ensure_ascii=False)
    assert json.loads(printable_json(written)) == text
    kept = "".join(c for c in text if printable(c) == c)
    assert printable(kept) == kept
