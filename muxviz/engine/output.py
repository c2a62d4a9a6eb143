"""Answers as lines of a file, written window by window, so that a run can go on where it stopped.

Beside ``answers.tsv`` stands ``answers.tsv.run.json``: what was run, with which settings, how many
lines were answered, and a digest of their texts. A run that goes on trusts neither file: settings
and texts are compared with it, every line that is kept is held against its text, and the rest is
done anew; its groups and batches are those of a run that was never stopped. The answer file is
locked while it is written.

TSV is for eyes and shell tools: blanks are one space each, control characters are escapes. JSON
lines hold texts as they were read. Neither is guarded against spreadsheets, which take a cell that
begins with = + - or @ for a formula: a guard would change texts.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

from filelock import lock_descriptor

from muxviz.batch import Row
from muxviz.engine.stream import RowAnswer, RowError, Window
from muxviz.errors import DataError, FileError
from muxviz.files import (
    check_regular,
    json_text,
    parse_json,
    read_json,
    real_number,
    whole_number,
    write_whole,
    writing,
)
from muxviz.printable import printable
from muxviz.results import LabelAnswer

COLUMNS = (
    *("line", "slot", "label", "probability", "certainty", "by"),
    *("cut", "text", "text2", "error"),
)
HEADERS = {"tsv": "\t".join(COLUMNS) + "\n", "jsonl": ""}
LONGEST_CUT = 200  # characters shown of what was cut off a text
LONGEST_LINE = 1 << 29  # bytes of a line of answers that is looked at
MARK = "muxviz run"  # who wrote the file beside the answers
ELSE = "name another file with --out"


def as_lines(answers: Sequence[RowAnswer | RowError], form: str) -> str:
    """One line each, ``tsv`` or ``jsonl``."""
    line = _tsv if form == "tsv" else _jsonl
    return "".join(line(answer) for answer in answers)


def _tsv(answer: RowAnswer | RowError) -> str:
    row, number = answer.row, str(answer.number + 1)
    texts = (clean(row.text), clean(row.pair or ""))
    if isinstance(answer, RowError):
        return "\t".join((number, *[""] * 6, *texts, answer.reason)) + "\n"
    cells = (
        number,
        str(answer.slot + 1),
        clean(answer.answer.headline),
        _number(answer.answer.probability),
        _number(_certainty(answer)),
        clean(answer.by),
        clean(shortened(answer.cut_text)),
        *texts,
        "",
    )
    return "\t".join(cells) + "\n"


def _jsonl(answer: RowAnswer | RowError) -> str:
    record: dict[str, Any] = {"line": answer.number + 1}
    if isinstance(answer, RowError):
        record |= {"error": answer.reason}
    else:
        record |= {
            "slot": answer.slot + 1,
            "label": answer.answer.headline,
            "probability": answer.answer.probability,
            "certainty": _certainty(answer),
            "by": answer.by,
            "cut": shortened(answer.cut_text),
        }
    record |= {"text": answer.row.text, "text2": answer.row.pair}
    if isinstance(answer, RowAnswer):
        record |= answer.answer.details
    return json_text(record) + "\n"


def _certainty(answer: RowAnswer) -> float | None:
    """Of an answer with one label; a list of tags or a score has none."""
    return answer.answer.certainty if isinstance(answer.answer, LabelAnswer) else None


def clean(text: str) -> str:
    """On one line, without tabs, and with nothing that acts on a terminal."""
    return printable(" ".join(text.encode("utf-8", "replace").decode().split()))


def shortened(text: str) -> str:
    """What was cut off a text; where that is long, its beginning and how much it was."""
    if len(text) <= LONGEST_CUT:
        return text
    return f"{text[:LONGEST_CUT]} ... ({len(text):,} characters)"


def _number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6f}"


class AnswerFile:
    """An answer file that is written window by window, by one run at a time.

        with AnswerFile(path, form, resume=False) as out:  # looked at, created, locked
            out.begin(settings)
            for window in out.keep(windows):  # those still to be answered
                out.append(text, window.start)

    A file that was created and got no answer is removed again.

    Args:
        path: the file.
        form: ``tsv`` or ``jsonl``.
        resume: keep what is there.

    Raises:
        DataError: on entering: the file is there already and is not to be resumed, another run
            writes it, it or what stands beside it is not ours, or it cannot be written.
    """

    def __init__(self, path: Path, form: str, *, resume: bool) -> None:
        self.path, self.form, self.resume = path, form, resume
        self.lines = 0  # that are answered by now
        self.kept = self.kept_bad = 0  # of these, that were there, and the errors among them
        self._beside = path.with_name(path.name + ".run.json")
        self._head = HEADERS[form].encode()
        self._about: dict[str, Any] = {}  # what the file beside says
        self._seen: dict[int, tuple[int, str]] = {}  # by a window's start: lines to its end, digest

    # ---- opening --------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._is_created = not _is_there(self.path)
        if not self._is_created and not self.resume:
            raise DataError(f"{self.path} is there already; go on with --resume, or {ELSE}")
        if not self.path.absolute().parent.is_dir():
            expected = f"a file in an existing folder; {ELSE}"
            raise FileError(self.path, "cannot be written (no such folder)", expected=expected)
        before = self._read_beside()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL if self._is_created else os.O_RDWR
        with writing(self.path):
            number = os.open(self.path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
        self._file: BinaryIO = os.fdopen(number, "r+b")
        try:
            with writing(self.path):
                is_ours = lock_descriptor(number, blocking=False)
            if not is_ours:
                raise DataError(f"another run is writing {self.path}; wait for it, or {ELSE}")
        except BaseException:
            self._file.close()
            raise
        self._is_new = self._is_created or (before is None and not os.fstat(number).st_size)
        self._before = before or {}
        return self

    @property
    def before(self) -> dict[str, Any]:
        """What was run when the file was begun; {} where it begins now."""
        return {} if self._is_new else self._before

    def _read_beside(self) -> dict[str, Any] | None:
        """What a run left beside the answers; None where nothing is there.

        Raises:
            FileError: something else is there.
        """
        if not _is_there(self._beside):
            return None
        expected = f"what {MARK} writes there, or nothing; {ELSE}"
        found = read_json(self._beside, most=1 << 20, expected=expected)
        lines, digest = found.get("lines"), found.get("digest")
        is_whole = type(lines) is int and lines >= 0 and isinstance(digest, str)
        if found.get("written_by") != MARK or not is_whole:
            raise FileError(self._beside, "is not of a run of this version", expected=expected)
        return found

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # of what is still in its buffer: an error before
            self._file.close()
        if self._is_created and not self.lines:
            for path in (self.path, self._beside) if self._about else (self.path,):
                path.unlink(missing_ok=True)

    def begin(self, settings: dict[str, Any], *, texts: str) -> None:
        """Say what is run, or see that it is what was run.

        Args:
            settings: all that the content of answers depends on, besides the texts.
            texts: where these come from, for whoever reads the file beside.

        Raises:
            DataError: a run is to go on, and its settings were others or are not known.
        """
        settings = {"format": self.form, **settings}
        about = {"written_by": MARK, "texts": texts}
        if self._is_new:
            self._note(about | settings | {"lines": 0, "digest": ""})
            self._cut(0)
            return
        if not self._before:
            raise DataError(
                f"{self._beside} is missing, so {self.path} cannot be resumed; start anew"
            )
        for name, value in settings.items():
            if self._before.get(name) != value:
                raise DataError(
                    f"{self.path} was made with {name} {self._before.get(name)!r}, now it is "
                    f"{value!r}; resume with the same settings, or {ELSE}"
                )
        self._about = self._before | about

    def _note(self, about: dict[str, Any]) -> None:
        write_whole(self._beside, json_text(about, indent=1) + "\n")
        self._about = about

    # ---- what is there --------------------------------------------------------------------------

    def keep(self, windows: Iterable[Window]) -> Iterator[Window]:
        """The windows that are still to be answered; what is not a whole window is cut off.

        Call once, before ``append``.

        Raises:
            DataError: what is there does not answer these texts; it is left as it was.
        """
        digest, end, is_kept = blake2b(digest_size=16), self._after_head(), True
        for window in windows:
            size = self._size_of(window) if is_kept else None
            for number, row in enumerate(window.rows, start=window.start + 1):
                line = row.text if row.pair is None else f"{row.text}\t{row.pair}"
                digest.update(f"{line}\n".encode("utf-8", "replace"))
                if size is not None and number == self._about["lines"]:
                    self._compare(digest.hexdigest())
            lines = window.start + len(window.rows)
            if size is not None:
                end, self.lines, self.kept = end + size, lines, lines
                continue
            if is_kept:
                self._cut(end)
            is_kept = False
            self._seen[window.start] = lines, digest.hexdigest()
            yield window
        if is_kept:
            self._check_end(end)

    def _after_head(self) -> int:
        """Where the first answer is or will be, in bytes; 0 where the header is not whole."""
        with writing(self.path):
            self._file.seek(0)
            found = self._file.read(len(self._head))
        if not self._head.startswith(found):
            raise self._stranger(1, f"is not the header of {self.form}")
        return len(found) if found == self._head else 0

    def _size_of(self, window: Window) -> int | None:
        """Bytes of a window's answers; None where they are not all there.

        Raises:
            FileError: a line that does not answer its text.
        """
        size = bad = 0
        for number, row in enumerate(window.rows, start=window.start):
            line = self._file.readline(LONGEST_LINE)
            if not line.endswith(b"\n"):
                return None
            record = as_record(line, self.form)
            problem = unlike(record, self.form, number, row, window.bad.get(number, ""))
            if problem:
                raise self._stranger(number + 1 + self._head.count(b"\n"), problem)
            size, bad = size + len(line), bad + bool(record.get("error"))
        self.kept_bad += bad
        return size

    def _compare(self, digest: str) -> None:
        if digest != self._about["digest"]:
            raise DataError(
                f"the texts are not those of which {self.path} answers {self._about['lines']:,} "
                f"lines; give these, or {ELSE}"
            )

    def _check_end(self, end: int) -> None:
        """See that nothing follows the answer to the last text but a piece of a line."""
        if self.lines < self._about["lines"] or self._file.readline(LONGEST_LINE).endswith(b"\n"):
            raise self._stranger(
                self.lines + 1 + self._head.count(b"\n"), "answers a text that is not there"
            )
        self._cut(end)

    def _stranger(self, line: int, given: str) -> FileError:
        expected = f"the answers that {MARK} wrote, to the same texts; {ELSE}"
        return FileError(self.path, given, line=line, expected=expected)

    # ---- writing --------------------------------------------------------------------------------

    def _cut(self, size: int) -> None:
        with writing(self.path):
            self._file.seek(size)
            self._file.truncate()
            if not size:
                self._file.write(self._head)
            self._file.flush()

    def append(self, text: str, start: int) -> None:
        """Add the lines of the window that begins at row ``start``.

        Raises:
            FileError: no room, or the file was removed; whole windows written before are kept.
        """
        with writing(self.path):
            if not os.fstat(self._file.fileno()).st_nlink:
                raise FileNotFoundError(None, "it was removed meanwhile")
            self._file.write(text.encode("utf-8", "replace"))
            self._file.flush()
        self.lines, digest = self._seen.pop(start)
        self._note(self._about | {"lines": self.lines, "digest": digest})


def _is_there(path: Path) -> bool:
    """Whether a file of this name is there.

    Raises:
        FileError: a link, a folder, a device, or a name that no file can have.
    """
    expected = f"a file, or nothing; {ELSE}"
    with writing(path):
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return False
    if stat.S_ISLNK(mode):
        raise FileError(path, "is a link", expected=expected)
    check_regular(path, expected=expected)
    return True


def as_record(line: bytes, form: str) -> dict[str, Any]:
    """A line of answers by column; {} where it is none."""
    try:
        text = line.decode("utf-8").removesuffix("\n")
        if form == "jsonl":
            found = parse_json(text, "")
            return found if isinstance(found, dict) else {}
        return dict(zip(COLUMNS, text.split("\t"), strict=True))
    except (FileError, ValueError):
        return {}


def unlike(record: dict[str, Any], form: str, number: int, row: Row, why_not: str) -> str:
    """Why a line of answers is not what a run wrote for row ``number``; "" where it may be."""
    texts: tuple[Any, Any] = (row.text, row.pair)
    if form == "tsv":
        texts = (clean(row.text), clean(row.pair or ""))
    if str(record.get("line")) != str(number + 1):
        return f"is not the answer to line {number + 1:,} of the texts"
    if (record.get("text"), record.get("text2")) != texts:
        return f"answers another text than line {number + 1:,} of the texts"
    if why_not or record.get("error"):
        is_whole = isinstance(record.get("error"), str) and not record.get("slot")
        return "" if is_whole and (why_not or record["error"]) == record["error"] else "is damaged"
    chances = [record.get(name) for name in ("probability", "certainty")]
    is_whole = whole_number(record.get("slot"), low=1, high=1024) is not None and all(
        chance in ("", None) or real_number(chance, low=0, high=1) is not None for chance in chances
    )
    words = [record.get(name) for name in ("label", "by")]
    is_whole = is_whole and all(isinstance(word, str) for word in words)
    return "" if is_whole else "is damaged"


def to_stream(file: TextIO, form: str) -> Callable[[Sequence[RowAnswer | RowError]], None]:
    """A function that writes windows to an open file, the header before the first."""
    head = HEADERS[form]

    def write(answers: Sequence[RowAnswer | RowError]) -> None:
        nonlocal head
        file.write(head + as_lines(answers, form))
        file.flush()
        head = ""

    return write
