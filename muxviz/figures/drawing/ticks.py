"""Ticks of shares, written as everywhere: ``50 %``, with as many decimals as tell them apart.

Plotly writes ``50%``, and rounds neighbours onto one number. Axes are not zoomed, so that ticks may
be fixed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Settings = dict[str, Any]
USUAL = 5  # steps


def round_ticks(low: float, high: float, steps: int = USUAL) -> list[float]:
    """Round numbers from ``low`` to ``high``, in about ``steps`` of 1, 2 or 5 and so many zeros."""
    rough = (high - low) / steps
    if not rough > 0:
        return [low]
    size = 10.0 ** np.floor(np.log10(rough))
    step = float(next(size * k for k in (1, 2, 5, 10) if size * k >= 0.8 * rough))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{k * step:.10g}") for k in range(first, last + 1)]


def share_texts(shares: Sequence[float]) -> list[str]:
    """``"99 %"``, ``"99.5 %"``: alike in decimals, with as many as tell them apart."""
    exact = 100 * np.asarray(shares, dtype=np.float64)
    digits = next((d for d in range(4) if np.abs(exact.round(d) - exact).max(initial=0) < 1e-6), 4)
    return [f"{value:.{digits}f} %".replace("-", "−") for value in exact.round(digits) + 0.0]


def write_shares(data: Sequence[Settings], layout: Settings) -> None:
    """Put ticks in words on every axis and colour bar whose ``tickformat`` is a percentage."""
    for name in [name for name in layout if re.fullmatch(r"[xy]axis\d*", name)]:
        if _is_share(layout[name]):
            layout[name] = _worded(layout[name], *_ends(data, name, layout[name]))
    for holder, low, high in _scales(data, layout):
        if _is_share(holder["colorbar"]):
            ends = holder.get(low, 0.0), holder.get(high, 1.0)
            holder["colorbar"] = _worded(holder["colorbar"], *ends, USUAL)


def _is_share(axis: Settings) -> bool:
    return str(axis.get("tickformat", "")).endswith("%")


def _worded(axis: Settings, low: float, high: float, steps: int) -> Settings:
    kept = {name: value for name, value in axis.items() if name not in ("tickformat", "nticks")}
    least, most = sorted((float(low), float(high)))
    ticks = list(axis.get("tickvals", round_ticks(least, most, steps)))
    return {"ticktext": share_texts(ticks), **kept, "tickvals": ticks}


def _scales(data: Sequence[Settings], layout: Settings) -> Iterator[tuple[Settings, str, str]]:
    """What bears a colour bar, and what its ends are called there."""
    for trace in data:
        if "colorbar" in trace:
            yield trace, "zmin", "zmax"
        if "colorbar" in trace.get("marker", {}):
            yield trace["marker"], "cmin", "cmax"
    if "colorbar" in layout.get("coloraxis", {}):
        yield layout["coloraxis"], "cmin", "cmax"


def _ends(data: Sequence[Settings], name: str, axis: Settings) -> tuple[float, float, int]:
    """Where an axis begins and ends, and in how many steps.

    Without a range Plotly chooses one around the values: ticks go as far again on both sides, and
    those that are outside are not seen.
    """
    steps = axis.get("nticks", USUAL + 1) - 1
    if "range" in axis:
        return *axis["range"], steps
    letter = name[0]
    found = [
        np.ravel(np.asarray(trace[letter], dtype=np.float64))
        for trace in data
        if trace.get(f"{letter}axis", letter) == name.replace("axis", "") and letter in trace
    ]
    values = np.concatenate([*found, [0.0] * (axis.get("rangemode") == "tozero")])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return low - (high - low), high + (high - low), 3 * steps
