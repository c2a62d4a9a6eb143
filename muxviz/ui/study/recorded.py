"""Results that were recorded beforehand: read once, drawn without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from muxviz import recorded
from muxviz.errors import DataError
from muxviz.files import LARGEST_JSON, read_text
from muxviz.results import GroupResult, from_json
from muxviz.results.layers import Bands, EntanglementSpectrum
from muxviz.results.privacy import Audits
from muxviz.results.shown import ShownGroups

T = TypeVar("T")


def start_result() -> GroupResult | None:
    """The run that Start shows, or None when it has not been recorded.

    Raises:
        DataError: the file is there but cannot be read.
    """
    return _of_kind(recorded.start_file(), GroupResult, "a group's result; record it again")


def shown() -> ShownGroups | None:
    """What the presets gave on bundled models, or None when it has not been recorded.

    Raises:
        DataError: the file is there but cannot be read.
    """
    return _of_kind(recorded.shown_file(), ShownGroups, "the presets' outcomes; record them again")


def band(fingerprint: str) -> EntanglementSpectrum | None:
    """How a bundled checkpoint's state is shared among slots, or None where that is not recorded.

    Raises:
        DataError: the file is there but cannot be read.
    """
    found = _of_kind(recorded.bands_file(), Bands, "the bands of the models; record them again")
    return found.of(fingerprint) if found is not None else None


def privacy() -> Audits | None:
    """What readers with and without keys get of the bundled models, or None where not recorded.

    Raises:
        DataError: the file is there but cannot be read.
    """
    return _of_kind(recorded.privacy_file(), Audits, "the privacy audits; record them again")


def _of_kind(path: Path, kind: type[T], expected: str) -> T | None:
    if not path.is_file():
        return None
    found = _read(str(path), path.stat().st_mtime_ns)
    if not isinstance(found, kind):
        raise DataError(f"{path} does not hold {expected}: make recorded")
    return found


@st.cache_data(max_entries=4, show_spinner=False)
def _read(path: str, changed: int) -> Any:
    return from_json(read_text(path, most=LARGEST_JSON), Path(path).name)
