"""Where data comes from: text files, compressed or not, and names on the hub.

Files are opened through ``muxviz.files``.
"""

from __future__ import annotations

from pathlib import Path

from muxviz.errors import DataError
from muxviz.files import COMPRESSED, is_there

HUB = "hub:"

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


def expected(what: str) -> str:
    """What a message about a missing or wrong data file asks for."""
    return f"{what}; name the data folder with --data or MUXVIZ_DATA"


def need_data(path: Path | None) -> Path:
    """The data that a command was given.

    Raises:
        DataError: none was, or it is not there.
    """
    if path is None:
        raise DataError("no data: name a folder or file with --data, or set MUXVIZ_DATA")
    if not is_there(path):
        raise DataError(f"no data at {path}; name a folder or file with --data or MUXVIZ_DATA")
    return path
