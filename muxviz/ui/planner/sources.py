"""Tables of measured settings that the Planner page plans with: the recorded grid, and files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from muxviz import recorded
from muxviz.errors import MuxvizError
from muxviz.files import read_bytes
from muxviz.planning.points import MAX_BYTES, parse_points
from muxviz.results.checked import read_escalation
from muxviz.results.escalation import EscalationBench
from muxviz.results.planning import Measurements
from muxviz.ui.study import uploads
from muxviz.ui.study.errors import error_panel

FILES = "n"  # key of the field


@dataclass(frozen=True, eq=False)
class Table:
    """A table on the page.

    digest: of its content; everything made of it is kept under that. python: an expression for the
    file. imports: what it needs.
    """

    label: str
    points: Measurements
    digest: str
    python: str
    imports: tuple[str, ...]


def tables(*, quiet: bool = False) -> list[Table]:
    """Files of the user's first, the latest on top, then the recorded grid.

    A damaged recording is said on the page, unless ``quiet``.
    """
    found = [
        Table(one.label, one.value, one.digest, repr(one.name), ())
        for one in reversed(uploads.opened(FILES))
    ]
    path = recorded.grid_file()
    if path.is_file():
        try:
            found.append(_recorded(path))
        except MuxvizError as error:
            if not quiet:
                error_panel(error)
    return found


def recorded_escalation() -> EscalationBench | None:
    """The recorded chains; None where there are none, or a damaged file (Trade-off says so)."""
    path = recorded.escalation_file()
    try:
        return _bench(str(path), path.stat().st_mtime_ns) if path.is_file() else None
    except (MuxvizError, OSError):
        return None


@st.cache_data(max_entries=2, show_spinner=False)
def _bench(path: str, changed: int) -> EscalationBench:
    return read_escalation(read_bytes(path), Path(path).name)


def _recorded(path: Path) -> Table:
    data = read_bytes(path)
    return Table(
        "recorded grid",
        _parsed(data, path.name),
        hashlib.sha256(data).hexdigest(),
        "grid_file()",
        ("from muxviz.recorded import grid_file",),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _parsed(data: bytes, name: str) -> Measurements:
    return parse_points(data, name)


def upload_control() -> None:
    """Open tables of the user's own."""
    uploads.upload_control(
        FILES,
        "A table of measured settings: CSV or JSON",
        kinds=["csv", "json", "tsv", "txt"],
        most=MAX_BYTES,
        read=parse_points,
        help="Columns num_instances (or n), sparsity, accuracy, throughput; or what `muxviz bench "
        "tradeoff --json` writes. Shares, not percent.",
    )
