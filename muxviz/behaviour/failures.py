"""A saved set of failures, read only where it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muxviz.batch import FILLS
from muxviz.config import PADDINGS
from muxviz.errors import DataError
from muxviz.files import LARGEST_JSON, read_text
from muxviz.ranges import MOST_SEED
from muxviz.results import Provenance, from_json
from muxviz.results.worklist import Failure, FailureSet

EXPECTED = "a set of failures that muxviz saved"


def read_failures(path: Path) -> FailureSet:
    """The set that a file holds.

    Raises:
        DataError: no such file, another result in it, or a failure that cannot be run again.
    """
    text = read_text(path, most=LARGEST_JSON, expected=EXPECTED)
    found = from_json(text, str(path))
    if not isinstance(found, FailureSet) or not _is_provenance(found.provenance):
        raise DataError(f"{path} holds a {type(found).__name__}; expected {EXPECTED}")
    for number, failure in enumerate(found.failures, start=1):
        if not _is_whole(failure):
            raise DataError(f"{path}, failure {number} cannot be run again; save the set anew")
    return found


def _is_provenance(origin: Any) -> bool:
    return isinstance(origin, Provenance) and type(origin.num_instances) is int


def _is_whole(failure: Any) -> bool:
    """Whether everything is there that its pass is made of."""
    if not isinstance(failure, Failure) or not isinstance(failure.rows, tuple):
        return False
    words = (failure.gold, failure.answer, failure.kind)
    return (
        all(map(_is_row, failure.rows))
        and all(isinstance(word, str) for word in words)
        and type(failure.number) is type(failure.slot) is type(failure.seed) is int
        and 0 <= failure.slot < len(failure.rows)
        and 0 <= failure.seed <= MOST_SEED
        and failure.fill in FILLS
        and failure.padding in PADDINGS
    )


def _is_row(row: Any) -> bool:
    if not isinstance(row, tuple) or len(row) != 2:
        return False
    return isinstance(row[0], str) and isinstance(row[1], str | None)
