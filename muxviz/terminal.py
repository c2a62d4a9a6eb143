"""What commands print: no control character of a label or a name reaches the terminal, no encoding
is too small for an answer, and an output that cannot be written is one message, not a traceback.

Answers go to standard output, progress and messages to standard error.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from muxviz.errors import FileError
from muxviz.files import why
from muxviz.printable import printable_lines

_OF_A_BAR = re.compile("(\r|\x1b\\[A)")  # a progress bar begins its line anew, or goes up one


class ReaderLeft(Exception):
    """Who read our standard output has gone (``| head``): there is nobody to print to."""


@contextmanager
def printing() -> Iterator[None]:
    """Inside, ``print`` writes as the top of this file says.

    Raises:
        FileError: standard output is closed, or cannot be written. ReaderLeft: see there.
    """
    out, err = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stderr = _Messages(err or nowhere)
        try:
            if out is None:
                raise FileError("standard output", "is closed", expected="somewhere to print to")
            sys.stdout = _Output(out)
            try:
                yield
            finally:
                sys.stdout.flush()
        finally:
            sys.stdout, sys.stderr = out, err


def tell(message: str) -> None:
    """A message for the user on standard error; lost where that is closed or full."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"muxviz: {printable_lines(message)}", file=sys.stderr)


class _Stream:
    """A stream that was open before, with its own ways of writing."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Output(_Stream):
    def __init__(self, inner: TextIO) -> None:
        super().__init__(inner)
        if (reconfigure := getattr(inner, "reconfigure", None)) is not None:
            # A terminal shows what it can; a file or a pipe gets UTF-8 whatever the locale says.
            encoding = inner.encoding if inner.isatty() else "utf-8"
            reconfigure(encoding=encoding, errors="backslashreplace")

    def write(self, text: str) -> int:
        with self._failing_plainly():
            self._inner.write(printable_lines(text))
        return len(text)

    def flush(self) -> None:
        with self._failing_plainly():
            self._inner.flush()

    @contextmanager
    def _failing_plainly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._let_go()
            if isinstance(error, BrokenPipeError):
                raise ReaderLeft from error
            given = f"cannot be written ({why(error)})"
            raise FileError("standard output", given, expected="room for the output") from error

    def _let_go(self) -> None:
        """What is left in the buffer must not fail once more when Python ends."""
        with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._inner.fileno())


class _Messages(_Stream):
    """Work does not end because nobody hears of it."""

    def write(self, text: str) -> int:
        parts = _OF_A_BAR.split(text)  # what it does to a terminal is at every other place
        parts[::2] = map(printable_lines, parts[::2])
        with suppress(OSError):
            self._inner.write("".join(parts))
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._inner.flush()
