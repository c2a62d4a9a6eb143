"""The one door: every file that a user can name is opened, read and written through here.

Reading is strict. Only regular files are opened (a pipe or a device would never end), what they
may hold is bounded before it is read, text is UTF-8 with or without a byte order mark and nothing
else is guessed, lines end with LF, CR LF or CR and with nothing else. JSON and TOML come back only
where every number is finite and fits in 64 bits, no name is given twice, no text holds half a
character, and nothing is nested beyond ``DEEPEST``. Writing is all or nothing.

Whatever fails is a ``FileError``: it names the file, where in it, what was given and what was
expected. Other rooms turn it into an error of their own kind where they have one.

Left out: weights (``muxviz.loading``), whose two formats have readers of their own.
"""

from __future__ import annotations

import codecs
import csv
import errno
import gzip
import io
import itertools
import json
import lzma
import math
import os
import re
import stat
import tempfile
import tomllib
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO, cast

from muxviz.errors import FileError
from muxviz.printable import printable, printable_json

COMPRESSED = (".gz", ".xz")
DEEPEST = 64  # levels of lists and objects
LARGEST_TEXT = 256 << 20  # bytes of a text that is held whole, uncompressed
LARGEST_JSON = 32 << 20
LARGEST_TOML = 1 << 20
LONGEST_LINE = 16 << 20  # characters of one line
MOST_PARTS = 16  # of a dotted name in TOML
BLOCK = 1 << 18  # bytes read at a time
SCRATCH_PLACE = "the folder for temporary files (TMPDIR)"
HEAD = 4096  # bytes looked at to know what a file is

_MARKS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_MAGIC = (
    (b"\x1f\x8b", "gzip data", "unpack it, or give a file that ends in .gz"),
    (b"\xfd7zXZ\x00", "xz data", "unpack it, or give a file that ends in .xz"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"BZh", "bzip2 data", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd data", "unpack it first"),
    (b"PAR1", "a Parquet table", "save it as .tsv or .jsonl"),
    (b"%PDF", "a PDF", "save its text"),
    (b"SQLite format 3", "an SQLite database", "export the table"),
    (b"\x7fELF", "a program", "name a text file"),
)
_DAMAGED = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile)


# ---- opening ------------------------------------------------------------------------------------


def why(error: BaseException) -> str:
    """The reason of an error of the system or of a decoder, in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1:,} is 0x{error.object[error.start]:02x}"
    if isinstance(error, RecursionError):
        return f"nested deeper than {DEEPEST} levels"
    return printable(str(error)[:200]) or type(error).__name__


def is_there(path: Path | str) -> bool:
    """Whether anything has this name; False too for a name that no file can have."""
    try:
        os.stat(path)
    except (OSError, ValueError):
        return False
    return True


def check_regular(path: Path | str, *, expected: str = "a file") -> os.stat_result:
    """What the system knows of a regular file.

    Raises:
        FileError: nothing there, no right to look, or a folder, pipe or device.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise FileError(path, "no such file", expected=expected) from error
    except (OSError, ValueError) as error:  # a NUL in the name is a ValueError
        raise FileError(path, f"cannot be opened ({why(error)})", expected=expected) from error
    if not stat.S_ISREG(status.st_mode):
        kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
        kind = next((words for test, words in kinds if test(status.st_mode)), "a device")
        raise FileError(path, f"is {kind}", expected=expected)
    return status


class _Reader(io.RawIOBase):
    """A file whose failures name it; what fails around it is left alone."""

    def __init__(self, inner: IO[bytes], path: Path | str, expected: str) -> None:
        self._inner, self._path, self._expected = inner, path, expected

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            found = self._inner.read(len(buffer))
            if found is None:  # a pipe that does not wait
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        except _DAMAGED as error:
            given = f"is damaged or not packed as its name says ({why(error)})"
            raise FileError(self._path, given, expected=self._expected) from error
        except OSError as error:
            given = f"cannot be read ({why(error)})"
            raise FileError(self._path, given, expected=self._expected) from error
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._inner.close()
        super().close()


@contextmanager
def open_bytes(path: Path | str, *, expected: str = "a file") -> Iterator[io.BufferedReader[Any]]:
    """Open a regular file; one that ends in ``.gz`` or ``.xz`` is unpacked while it is read.

    Raises:
        FileError: see ``check_regular``; or, while it is read: it cannot be read on, is cut short
            or is not packed as its name says.
    """
    check_regular(path, expected=expected)
    openers = {".gz": gzip.open, ".xz": lzma.open}
    opener = cast(Callable[..., IO[bytes]], openers.get(Path(path).suffix, open))
    try:
        inner = opener(path, "rb")
    except OSError as error:
        raise FileError(path, f"cannot be opened ({why(error)})", expected=expected) from error
    with io.BufferedReader(_Reader(inner, path, expected), BLOCK) as file:
        yield file


def guarded(inner: IO[bytes], name: str, *, expected: str) -> io.BufferedReader[Any]:
    """A stream that is open already, such as standard input, whose failures name it."""
    return io.BufferedReader(_Reader(inner, name, expected), BLOCK)


def read_bytes(path: Path | str, *, most: int = LARGEST_TEXT, expected: str = "a file") -> bytes:
    """The whole content of a file, unpacked.

    Raises:
        FileError: see ``open_bytes``; or more than ``most`` bytes (no more than that are read).
    """
    with open_bytes(path, expected=expected) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise FileError(
            path, f"has more than {_size(most)}", expected=f"{expected} of at most that"
        )
    return content


def _size(count: int) -> str:
    return f"{count / (1 << 20):.0f} MiB" if count >= 1 << 20 else f"{count:,} bytes"


# ---- text ---------------------------------------------------------------------------------------


def decode(content: bytes, name: Path | str, *, expected: str = "text in UTF-8") -> str:
    """Bytes as text, without a byte order mark and with LF as the only line end.

    Raises:
        FileError: another encoding or no text at all, by name where it can be told.
    """
    _check_head(content[:HEAD], name, expected)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error, expected) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(
    path: Path | str, *, most: int = LARGEST_TEXT, expected: str = "text in UTF-8"
) -> str:
    """The whole text of a file; see ``read_bytes`` and ``decode``."""
    return decode(read_bytes(path, most=most, expected=expected), path, expected=expected)


def read_lines(
    path: Path | str, *, longest: int = LONGEST_LINE, expected: str = "text in UTF-8"
) -> Iterator[str]:
    """The lines of a file (also ``.gz``, ``.xz``), one at a time; see ``text_lines``."""
    with open_bytes(path, expected=expected) as file:
        yield from text_lines(file, path, longest=longest, expected=expected)


def read_pieces(
    path: Path | str, *, longest: int, expected: str = "text in UTF-8"
) -> Iterator[str]:
    """The lines of a file as ``read_lines``; a longer one comes as several of ``longest``."""
    number, is_begun = 1, False  # whether the last piece did not end its line
    with open_bytes(path, expected=expected) as file:
        _check_head(file.peek(HEAD)[:HEAD], path, expected)
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline=None)
        try:
            while piece := text.readline(longest):
                if not (is_begun and piece == "\n"):
                    yield piece.removesuffix("\n")
                is_begun = not piece.endswith("\n")
                number += not is_begun
        except UnicodeDecodeError as error:
            number += error.object[: error.start].count(b"\n")
            raise _not_utf8(path, error, expected, line=number) from error


def text_lines(
    file: io.BufferedReader[Any],
    name: Path | str,
    *,
    longest: int = LONGEST_LINE,
    cut: bool = False,
    expected: str = "text in UTF-8",
) -> Iterator[str]:
    """The lines of an open stream, such as standard input, without their ends.

    Args:
        longest: characters of a line that are held at most.
        cut: give the first ``longest`` characters of a longer line instead of refusing it.

    Raises:
        FileError: a line that is too long or not UTF-8 (with its number), another encoding.
    """
    number, rest, skips, most = 0, b"", False, 4 * longest  # UTF-8: at most 4 bytes each
    is_first = True
    while block := file.read1(BLOCK):
        if is_first:
            while len(block) < HEAD and (more := file.read1(HEAD - len(block))):
                block += more
            _check_head(block[:HEAD], name, expected)
            block, is_first = block.removeprefix(codecs.BOM_UTF8), False
        if skips:  # in a line that was cut: only its end counts
            end = re.search(rb"[\r\n]", block)
            if end is None:
                continue
            block, skips = block[end.start() :], False
        whole = (rest + block).splitlines(keepends=True)
        # What ends in \r may go on with \n in the next block.
        rest = b"" if not whole or whole[-1].endswith(b"\n") else whole.pop()
        for row in whole:
            number += 1
            yield _line(row, number, name, longest, cut, expected)
        if len(rest) > most and not rest.endswith(b"\r"):
            if not cut:
                raise _too_long(name, number + 1, longest)
            rest, skips = rest[:most], True
    if rest:
        yield _line(rest, number + 1, name, longest, cut, expected)


def _line(row: bytes, number: int, name: Path | str, longest: int, cut: bool, expected: str) -> str:
    row = row.removesuffix(b"\n").removesuffix(b"\r")
    if cut and len(row) > 4 * longest:
        row = row[: 4 * longest]
    is_part = cut and len(row) >= 4 * longest  # its last character may be cut in two
    try:
        text = codecs.utf_8_decode(row, "strict", not is_part)[0]
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error, expected, line=number) from error
    if len(text) > longest:
        if not cut:
            raise _too_long(name, number, longest)
        text = text[:longest]
    return text


def _too_long(name: Path | str, number: int, longest: int) -> FileError:
    return FileError(
        name,
        f"has more than {longest:,} characters",
        line=number,
        expected="shorter lines; is this a text file with one text a line?",
    )


def split_lines(text: str) -> list[str]:
    """The lines of a text that was typed or pasted: split at LF, CR LF and CR only."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def half_character(text: str) -> bool:
    """Whether a text holds a lone surrogate, which has no UTF-8."""
    return any("\ud800" <= c <= "\udfff" for c in text) if not text.isascii() else False


def _check_head(head: bytes, name: Path | str, expected: str) -> None:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            raise FileError(name, f"is {encoding}, not UTF-8", expected=expected + "; save it so")
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic):
            raise FileError(name, f"holds {what}", expected=f"{expected}; {remedy}")
    # UTF-16 without its mark: Latin letters have a zero byte on one side.
    if len(head) >= 4 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) // 5:
        raise FileError(name, "is UTF-16 or no text (every other byte is zero)", expected=expected)


def _not_utf8(
    name: Path | str, error: UnicodeDecodeError, expected: str, *, line: int | None = None
) -> FileError:
    byte = error.object[error.start]
    return FileError(
        name,
        f"is not UTF-8 (byte 0x{byte:02x}; Latin-1 and Windows-1252 have such)",
        line=line or error.object[: error.start].count(b"\n") + 1,
        expected=f"{expected}; save it as UTF-8",
    )


# ---- JSON and TOML ------------------------------------------------------------------------------


def parse_json(
    text: str, name: Path | str, *, line: int | None = None, expected: str = "JSON"
) -> Any:
    """A JSON value that is safe to use: see the top of this file.

    Args:
        name, line: of the source, for messages.
        expected: what the source should hold, in words.

    Raises:
        FileError: not JSON, or a value that the rules do not allow.
    """
    try:
        value = _DECODER.decode(text)
        _check_value(value)
    except json.JSONDecodeError as error:
        given = f"is not JSON ({error.msg})" if text.strip() else "is empty"
        at = error.lineno if line is None else line
        raise FileError(name, given, line=at, column=error.colno, expected=expected) from error
    except (ValueError, RecursionError) as error:
        raise FileError(
            name, f"is not allowed: {why(error)}", line=line, expected=expected
        ) from error
    return value


def read_json(
    path: Path | str, *, most: int = LARGEST_JSON, expected: str = "a JSON object"
) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        FileError: see ``read_text`` and ``parse_json``; or another value than an object.
    """
    value = parse_json(read_text(path, most=most, expected=expected), path, expected=expected)
    if not isinstance(value, dict):
        raise FileError(path, f"holds {_kind(value)}", expected=expected)
    return value


def json_text(value: Any, **options: Any) -> str:
    """Plain values as JSON that every reader takes, this one too.

    A number that is not finite (not known, not defined) becomes null, half a character U+FFFD.

    Args:
        options: of ``json.dumps``: indent, separators, sort_keys.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, **options)
    return printable_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_lines(
    rows: Iterable[str], name: Path | str, *, expected: str = "one JSON object a line"
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of every line that is not blank.

    Raises:
        FileError: a line that is not an object, with its number.
    """
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        value = parse_json(row, name, line=number, expected=expected)
        if not isinstance(value, dict):
            raise FileError(name, f"holds {_kind(value)}", line=number, expected=expected)
        yield number, value


def read_toml(path: Path | str, *, expected: str = "a TOML file") -> dict[str, Any]:
    """The table of a TOML file, with the same rules as JSON.

    Raises:
        FileError: see ``read_text``; not TOML, or a value that the rules do not allow.
    """
    text = read_text(path, most=LARGEST_TOML, expected=expected)
    return parse_toml(text, path, expected=expected)


def parse_toml(text: str, name: Path | str, *, expected: str = "a TOML file") -> dict[str, Any]:
    """The same from a text."""
    for number, row in enumerate(text.split("\n"), start=1):
        if _MANY_PARTS.match(row):
            raise FileError(
                name,
                f"has a name of more than {MOST_PARTS} parts",
                line=number,
                expected=expected,
            )
    try:
        table = tomllib.loads(text)
        _check_value(table)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise FileError(name, f"is not TOML ({why(error)})", expected=expected) from error
    return table


# A dotted name at the head of a line, bare or quoted; possessive, so that it cannot backtrack.
_PART = r"(?:[\w-]++|\"[^\"]*+\"|'[^']*+')"
_MANY_PARTS = re.compile(rf"\s*+\[?+\[?+\s*+{_PART}(?:\s*+\.\s*+{_PART}){{{MOST_PARTS},}}+")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the field {printable(twice[:60])!r} is given twice")
    return found


def _whole(digits: str) -> int:
    # Held as text until it is known to fit: Python's own limit is 4,300 digits.
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
        raise ValueError(f"a whole number of {len(digits.lstrip('-'))} digits; 64 bits hold 19")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"the number {digits[:40]} is beyond what a float holds")
    return value


def _constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_real, parse_constant=_constant
)


def _check_value(value: Any) -> None:
    """Raise ValueError for what JSON and TOML can say and nothing of ours can mean."""
    rest: list[tuple[Any, int]] = [(value, 1)]
    while rest:
        one, depth = rest.pop()
        if isinstance(one, dict | list):
            if depth > DEEPEST:
                raise ValueError(f"nested deeper than {DEEPEST} levels")
            inner = [*one, *one.values()] if isinstance(one, dict) else one
            rest += [(part, depth + 1) for part in inner]
        else:
            _check_plain(one)


def _check_plain(one: Any) -> None:
    if isinstance(one, str) and half_character(one):
        raise ValueError(f"the text {printable(one[:40])!r} holds half a character")
    if isinstance(one, int) and not -(2**63) <= one < 2**64:
        raise ValueError("a whole number that 64 bits do not hold")
    if isinstance(one, float) and not math.isfinite(one):
        raise ValueError(f"the number {one} is not finite")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "nothing (null)" if value is None else kinds.get(type(value), "a number")


# ---- tables -------------------------------------------------------------------------------------


def plain_name(written: str) -> str:
    """A name as it is compared: without case, width, blanks at its ends, and what nobody sees."""
    seen = (c for c in unicodedata.normalize("NFKC", written) if unicodedata.category(c) != "Cf")
    return " ".join("".join(seen).casefold().split())


def header_names(
    cells: Sequence[str], name: Path | str, *, known: Callable[[str], str] = str.strip
) -> tuple[str, ...]:
    """The names of a table's columns, stripped.

    Args:
        known: what a written name means; two that mean the same are one column given twice.

    Raises:
        FileError: a column without a name, or one that is named twice (also in another case or
            with other blanks).
    """
    names = tuple(cell.strip() for cell in cells)
    seen: dict[str, str] = {}
    for at, written in enumerate(names, start=1):
        if not written:
            raise FileError(
                name, f"has no name for column {at}", line=1, expected="a name for each"
            )
        meant = plain_name(known(written))
        if meant in seen:
            several = dict.fromkeys((seen[meant][:60], written[:60]))
            twice = " and ".join(several)
            raise FileError(
                name,
                f"names the column {printable(twice)!r} twice",
                line=1,
                expected="each name once",
            )
        seen[meant] = written
    return names


def csv_rows(
    text: str, name: Path | str, *, known: Callable[[str], str] = str.strip
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by name of a comma, semicolon or tab separated table with a header.

    Quotes as in RFC 4180. Empty lines are passed over; a short row lacks its last columns.

    Raises:
        FileError: no header, a column given twice, a row with more cells than the header, a quote
            that is never closed, or a cell of more than ``csv.field_size_limit()`` characters.
    """
    names: tuple[str, ...] = ()
    for line, cells in csv_cells(io.StringIO(text, newline="")):
        if isinstance(cells, str):
            raise FileError(name, f"is not a table ({cells})", line=line, expected="one row a line")
        if not names:
            names = header_names(cells, name, known=known)
            continue
        if len(cells) > len(names):
            raise FileError(
                name,
                f"has {len(cells)} cells",
                line=line,
                expected=f"{len(names)}, as the header has",
            )
        yield line, dict(zip(names, cells, strict=False))


def csv_cells(lines: Iterable[str]) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and cells of each row of such a table, or why it is none; empty rows left out.

    Args:
        lines: with their ends; read as needed. The first that is not empty tells the separator.
    """
    rest, head = iter(lines), [""]
    while not head[-1].strip("\r\n"):
        if (line := next(rest, None)) is None:
            return
        head.append(line)
    reader = csv.reader(
        itertools.chain(head[1:], rest),
        delimiter=max(",;\t", key=head[-1].count),
        skipinitialspace=True,
        strict=True,
    )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, str(error)
            continue
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def whole_number(value: Any, *, low: int, high: int) -> int | None:
    """``value`` where it is, or says, a whole number in range; else None."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and low <= value <= high else None


def real_number(value: Any, *, low: float, high: float) -> float | None:
    """``value`` where it is, or says, a finite number in range; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and (len(value) > 60 or "_" in value):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and low <= found <= high else None


# ---- writing ------------------------------------------------------------------------------------


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn the system's errors inside the block into a ``FileError`` that names ``path``."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and "\0" not in str(path):
            raise  # not of the system: a name with a NUL in it is
        raise FileError(
            path,
            f"cannot be written ({why(error)})",
            expected="a place with room and the right to write; name another",
        ) from error


@contextmanager
def scratch(what: str) -> Iterator[Path]:
    """A folder of its own for a moment, where the system keeps such.

    Raises:
        FileError: there is no room, or no such place.
    """
    with writing(SCRATCH_PLACE):
        folder = tempfile.TemporaryDirectory(prefix=f"muxviz-{what}-")
    with folder as name:
        yield Path(name)


@contextmanager
def results_file(
    path: Path | None, *, sources: Iterable[Path | str | None] = ()
) -> Iterator[Callable[[str], None]]:
    """A file for what is known only at the end of long work; whether it can be is known before.

    The new content is written beside the file and moved over it, so an old one stays whole until
    then, and nothing is left behind where the work fails. None: the function writes nowhere.

    Args:
        sources: what the work reads, which is not to be overwritten.

    Raises:
        FileError: on entering: a folder, one of the sources, or no room, right or folder to
            write; on calling: the same, found late.
    """
    if path is None:
        yield lambda text: None
        return
    with writing(path):
        place = Path(os.path.realpath(path))
    if any(is_there(one) and os.path.realpath(one) == str(place) for one in sources if one):
        raise FileError(path, "is what is read", expected="another file for the results")
    if is_there(place) and not stat.S_ISREG(os.stat(place).st_mode):
        if place.is_dir():
            raise FileError(path, "is a folder", expected="a file to write to")
        with writing(path), place.open("w", encoding="utf-8") as stream:
            yield _guarded(stream, path)  # a pipe, a terminal
        return
    with writing(path):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(13, os.strerror(13))
        number, beside = tempfile.mkstemp(prefix=f".{place.name[:40]}.", dir=place.parent)
    try:
        with writing(path):
            os.fchmod(number, _mode(place))
            stream = os.fdopen(number, "w", encoding="utf-8", newline="\n")
        with stream:
            yield _guarded(stream, path)
            with writing(path):
                stream.flush()
                is_written = stream.tell() > 0
        if is_written:
            with writing(path):
                os.replace(beside, place)
    finally:
        Path(beside).unlink(missing_ok=True)


def _guarded(stream: TextIO, path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        with writing(path):
            stream.write(text)
            stream.flush()

    return write


def _mode(place: Path) -> int:
    """Of the file that is replaced, or what a new one gets."""
    if place.exists():
        return stat.S_IMODE(place.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: it is the old or the new one, never half of it.

    Raises:
        FileError: it cannot be written; the old one is still there.
    """
    with writing(path):
        number, beside = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        try:
            os.fchmod(number, _mode(path))
            with os.fdopen(number, "wb") as stream:
                stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            os.replace(beside, path)
        finally:
            Path(beside).unlink(missing_ok=True)
