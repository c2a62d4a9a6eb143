"""Recorded outputs of the released classes: all of them where ``MUXVIZ_FIXTURES`` names their
folder, else five small ones of ``tests/recordings``.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SMALL = Path(__file__).with_name("recordings")


def is_named() -> bool:
    """Whether all recordings are at hand, as far as the variable says."""
    return bool(os.environ.get("MUXVIZ_FIXTURES"))


def fixtures_root() -> Path:
    """The folder of the recordings."""
    return Path(os.environ.get("MUXVIZ_FIXTURES") or SMALL)


def fixture_names() -> list[str]:
    """Names of all fixtures but PruMUX's (a later issue)."""
    root = fixtures_root()
    if not root.is_dir():
        return []
    folders = [p for p in root.iterdir() if (p / "config.json").is_file()]
    return sorted(p.name for p in folders if not p.name.startswith("prumux"))


@dataclass(frozen=True)
class Fixture:
    """One recorded model: a folder that can be loaded, and what the released class answered."""

    name: str
    folder: Path
    meta: dict[str, Any]
    arrays: dict[str, np.ndarray]


def open_fixture(name: str, scratch: Path) -> Fixture:
    """Read a fixture; gzipped weights are unpacked under ``scratch``."""
    root = fixtures_root()
    source = root / name
    folder = source
    if list(source.glob("*.gz")):
        folder = scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "config.json", folder / "config.json")
        for packed in source.glob("*.gz"):
            with gzip.open(packed, "rb") as read, (folder / packed.stem).open("wb") as write:
                shutil.copyfileobj(read, write)
    meta = json.loads((source / "meta.json").read_text())
    with np.load(source / "expected.npz") as file:
        arrays = {key: file[key] for key in file.files}
    return Fixture(name, folder, meta, arrays)


def weight_formats(name: str) -> list[str]:
    """The weight files a fixture has, unpacked or not."""
    root = fixtures_root()
    return sorted(p.name for p in (root / name).iterdir() if ".bin" in p.name or ".safe" in p.name)
