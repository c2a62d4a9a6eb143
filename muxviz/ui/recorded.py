"""The recorded result that Start shows: read once, drawn without a model."""

from __future__ import annotations

import streamlit as st

from muxviz import recorded
from muxviz.errors import DataError
from muxviz.results import GroupResult, from_json


def start_result() -> GroupResult | None:
    """The recorded run of Start, or None when it has not been recorded.

    Raises:
        DataError: the file is there but cannot be read.
    """
    path = recorded.start_file()
    if not path.is_file():
        return None
    return _read(str(path), path.stat().st_mtime_ns)


@st.cache_data(max_entries=2, show_spinner=False)
def _read(path: str, changed: int) -> GroupResult:
    with open(path, encoding="utf-8") as file:
        result = from_json(file.read())
    if not isinstance(result, GroupResult):
        raise DataError(f"{path} does not hold a group's result; record it again: make recorded")
    return result
