"""Data sets by name from the Hugging Face hub, through the optional package ``datasets``.

A name is ``hub:owner/dataset:split`` or ``hub:owner/dataset:config:split``. Reading one needs a
network, or the package's own cache of an earlier download.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from muxviz.errors import DataError
from muxviz.training.files import HUB

TEXT_COLUMN = "text"


@dataclass(frozen=True)
class HubTable:
    """Rows of a hub data set in order, and the class names that its columns declare."""

    rows: Iterable[dict[str, Any]]
    names: dict[str, tuple[str, ...]]


def open_hub(name: str, *, streaming: bool) -> HubTable:
    """Open a data set by its name; ``streaming`` reads it piece by piece and keeps nothing.

    Raises:
        DataError: the name is malformed, the package is not installed, or the hub refuses.
    """
    parts = name.removeprefix(HUB).split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise DataError(f"{name} names no data set; write hub:owner/dataset[:config]:split")
    dataset, *config, split = parts
    try:
        library = importlib.import_module("datasets")
    except ImportError as error:
        raise DataError(
            f"{name} is read through the package datasets, which is not installed; "
            "pip install 'muxviz[hub-data]', or give a file"
        ) from error
    try:
        table = library.load_dataset(
            dataset, config[0] if config else None, split=split, streaming=streaming
        )
    except Exception as error:  # the package raises what its many readers raise
        raise _unreadable(name, error) from error
    return HubTable(_rows(name, table), _class_names(table))


def iterate_hub_texts(name: str) -> Iterator[str]:
    """The paragraphs of a hub data set with a column ``text``, streamed; "" ends each row's text.

    Raises:
        DataError: as ``open_hub``; or no such column.
    """
    for row in open_hub(name, streaming=True).rows:
        text = row.get(TEXT_COLUMN)
        if not isinstance(text, str):
            raise DataError(
                f"{name}: columns are {', '.join(row)}; expected a text in {TEXT_COLUMN}"
            )
        yield from (line.strip() for line in text.split("\n") if line.strip())
        yield ""


def _rows(name: str, table: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from table
    except Exception as error:  # a streamed data set meets the network here
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> DataError:
    return DataError(
        f"{name} cannot be read ({type(error).__name__}: {error}); check the name and the network, "
        "or give a file"
    )


def _class_names(table: Any) -> dict[str, tuple[str, ...]]:
    names = {}
    for column, feature in (getattr(table, "features", None) or {}).items():
        # A column of classes carries names; a column of lists of classes has them one level down.
        for holder in (feature, getattr(feature, "feature", None)):
            if declared := getattr(holder, "names", None):
                names[column] = tuple(declared)
    return names
