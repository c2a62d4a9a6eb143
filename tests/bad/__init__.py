"""Bad inputs, by entrance: each is refused with the right message, and nothing is left behind.

Every module of this folder has ``CASES``. A case acts on an empty folder through one entrance, as
a user would; ``code`` is the id of the message that must come, ``says`` words of it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from muxviz.cli import main
from muxviz.errors import MuxvizError


@dataclass(frozen=True)
class Case:
    """One bad input. act: with a folder of its own; returns what the user is told."""

    entrance: str  # "muxviz plan", "a recipe", "the Planner page" ...
    given: str  # in words, unique within the entrance
    act: Callable[[Path], str]
    code: str
    says: str

    @property
    def name(self) -> str:
        return f"{self.entrance}: {self.given}"


def command(*words: str | Path) -> str:
    """What ``muxviz`` prints on standard error; it must end with 1 and without a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:  # argparse: a mistake in the words of the command
            code = stop.code
    if code == 2:
        return f"{err.getvalue()} [E-USAGE]"
    assert code == 1, f"exit code {code}: {out.getvalue()} {err.getvalue()}"
    return err.getvalue()


def raised(call: Callable[[], object]) -> str:
    """The message of the error that ``call`` raises, with its code as the command shows it."""
    try:
        found = call()
        if isinstance(found, Iterator):  # read to its end
            found = list(found)
    except MuxvizError as error:
        return f"{error} [{error.code}]"
    raise AssertionError(f"taken: {found!r}")


def cases() -> list[Case]:
    """Those of all modules."""
    modules = (import_module(f"{__name__}.{m.name}") for m in iter_modules(__path__))
    return [case for module in modules for case in module.CASES]
