"""How alike the slots' vectors and keys are.

The diagonal, a slot against itself, is framed and bears the length. Gates, bars and the scatter of
the Keys page are in ``gates``, ``bars`` and ``scatter``.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.squares import SIDES, Matrix, draw_square, square_height
from muxviz.figures.drawing.wording import fold, number, or_none, plain
from muxviz.results.keys import Gram, KeyGeometry

MIDDLE = 0.08  # of the width, between two squares
MEASURES = ("cosine", "interference")


def keys_figure(geometry: KeyGeometry, *, measure: str = "cosine", dark: bool = False) -> go.Figure:
    """Two squares: the multiplexer's vectors and the demultiplexer's keys.

    measure: of the multiplexer's; "cosine", or "interference" where there is one.
    """
    left, right = _multiplexer(geometry, measure), _demultiplexer(geometry)
    num = geometry.num_instances
    plot = Plot()
    half = (1 - MIDDLE) / 2
    notes = []
    for side, (matrix, domain, reason) in enumerate(
        (
            (left, (0.0, half), geometry.reasons.get("interference", "")),
            (right, (1 - half, 1.0), geometry.reasons.get("demux", "")),
        )
    ):
        if matrix is None:
            notes.append(_missing(reason, domain))
            continue
        draw_square(plot, matrix, domain, "2" if side else "", dark)
    plot.mark(annotations=notes)
    framed(plot, keys_finding(geometry), dark=dark, height=square_height(num), sides=SIDES)
    caption(plot, _legend(left, right), below=18, left=12 - SIDES["l"])
    return plot.figure()


def keys_finding(geometry: KeyGeometry) -> str:
    """How far apart the keys are, against vectors drawn at random."""
    parts = [("mux vectors", geometry.mux), ("demux keys", geometry.demux)]
    there = [(name, found) for name, found in parts if found is not None]
    if not there:
        return "This checkpoint has no vectors and no keys to compare"
    most = [(name, *_most_alike(found), random_bound(found)) for name, found in there]
    alike = [one for one in most if abs(one[3]) > one[4]]
    if not alike:
        largest = max(abs(cosine) for *_, cosine, _ in most)
        return f"No two slots are more alike than random vectors: largest cosine {largest:.2f}"
    name, first, second, cosine, _ = max(alike, key=lambda found: abs(found[3]))
    one = name.removesuffix("s")
    return (
        f"The {one}s of slots {first + 1} and {second + 1} are more alike than random ones: "
        f"cosine {number(cosine, '.2f')}"
    )


def random_bound(gram: Gram) -> float:
    """|cosine| that the largest of all pairs of random vectors passes once in twenty times."""
    num = len(gram.norms)
    pairs = num * (num - 1) / 2
    return min(1.0, NormalDist().inv_cdf(1 - 0.025 / pairs) / gram.size**0.5)


def keys_table(geometry: KeyGeometry) -> list[dict[str, Any]]:
    """One row per ordered pair of slots; norms on the rows of a slot with itself."""
    table = []
    for i in range(geometry.num_instances):
        for j in range(geometry.num_instances):
            row: dict[str, Any] = {"slot": i + 1, "other slot": j + 1}
            if geometry.mux is not None:
                row["mux cosine"] = float(geometry.mux.cosine[i, j])
                row["mux norm"] = float(geometry.mux.norms[i]) if i == j else None
            if geometry.interference is not None:
                row["interference"] = or_none(geometry.interference[i, j])
            if geometry.demux is not None:
                row["key cosine"] = float(geometry.demux.cosine[i, j])
                row["key norm"] = float(geometry.demux.norms[i]) if i == j else None
            table.append(row)
    return table


def keys_alt(geometry: KeyGeometry) -> str:
    """The picture in words."""
    lines = [f"{keys_finding(geometry)}."]
    for name, found in (("Mux vectors", geometry.mux), ("Demux keys", geometry.demux)):
        if found is None:
            continue
        first, second, cosine = _most_alike(found)
        lines.append(
            f"{name}: largest cosine {number(cosine, '.3f')} (slots {first + 1} and "
            f"{second + 1}), norms {found.norms.min():.2f} to {found.norms.max():.2f}."
        )
    lines += [f"{reason}." for reason in geometry.reasons.values()]
    return " ".join(lines)


def _most_alike(gram: Gram) -> tuple[int, int, float]:
    """The pair with the largest |cosine|."""
    above = np.triu(np.ones(gram.cosine.shape, dtype=bool), 1)
    size = np.where(above, np.abs(gram.cosine), -1.0)
    first, second = np.unravel_index(int(size.argmax()), size.shape)
    return int(first), int(second), float(gram.cosine[first, second])


def _multiplexer(geometry: KeyGeometry, measure: str) -> Matrix | None:
    if measure == "interference":
        values = geometry.interference
        if values is None:
            return None
        top = max(1.0, float(np.nanmax(values)))
        own = ("own",) * len(values)
        return Matrix("Multiplexer: interference", values, own, (0.0, top), False, False)
    if geometry.mux is None:
        return None
    return _cosines("Multiplexer vectors: cosine", geometry.mux)


def _demultiplexer(geometry: KeyGeometry) -> Matrix | None:
    if geometry.demux is None:
        return None
    of_pass = geometry.demultiplexer == "index_prefix"
    title = "Prefix states of this pass: cosine" if of_pass else "Demultiplexer keys: cosine"
    return _cosines(title, geometry.demux)


def _cosines(title: str, gram: Gram) -> Matrix:
    norms = tuple(f"|{norm:.3g}|" for norm in gram.norms)
    return Matrix(title, gram.cosine, norms, (-1.0, 1.0), True, False)


def _missing(reason: str, domain: tuple[float, float]) -> dict[str, Any]:
    """Why a half stays empty."""
    lines = fold(reason or "not applicable to this checkpoint", 46, 6)
    return {
        "text": "<br>".join(plain(line) for line in lines),
        "x": sum(domain) / 2,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
    }


def _legend(left: Matrix | None, right: Matrix | None) -> str:
    there = [m for m in (left, right) if m is not None]
    words = []
    if any(m.is_signed for m in there):
        words.append("Cosines: colours from −1 (blue) over 0 to 1 (orange); framed: the length.")
    if any(not m.is_signed for m in there):
        words.append("Interference: 0 is none, 1 is as much as the slot's own signal.")
    return " ".join(words)


KEYS = Family(keys_figure, keys_finding, keys_alt, keys_table)
