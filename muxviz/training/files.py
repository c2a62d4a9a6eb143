"""Where data comes from: text files, compressed or not, and names on the hub."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from muxviz.errors import DataError

HUB = "hub:"
COMPRESSED = (".gz", ".xz")

Source = Path | str  # a file, or "hub:owner/dataset[:config]:split"


def is_hub(source: Source) -> bool:
    """Whether ``source`` is a name on the hub rather than a file."""
    return str(source).startswith(HUB)


def locate(folder: Path, name: str) -> Source:
    """What a recipe's ``name`` means: a file under ``folder``, or the hub name itself."""
    return name if is_hub(name) else folder / name


def kind_of(source: Source) -> str:
    """The ending that says how a file is laid out, without compression: ``.txt``, ``.tsv``..."""
    path = Path(source)
    return Path(path.stem).suffix if path.suffix in COMPRESSED else path.suffix


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a plain, gzip or xz text file as UTF-8 for reading.

    Raises:
        DataError: the file is not there, or inside the block turns out not to be what it says.
    """
    if not path.is_file():
        raise DataError(f"no data file at {path}; name the data folder with --data or MUXVIZ_DATA")
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            yield file
    except (EOFError, OSError, UnicodeDecodeError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}); save it again") from error
