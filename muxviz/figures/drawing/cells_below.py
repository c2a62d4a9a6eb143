"""Cells of a figure that stand beside each other, put below each other for a narrow page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muxviz.figures.drawing.plot import Plot, Settings

WIDE = 900  # px of the figure whose cells these are
SMALL = 0.3  # of its width: cells up to it, without numbers on their axes, stay side by side
GAP, TITLED, TIGHT = 70, 20, 34  # px between cells; more with an axis title; between small ones
NEAR = 1e-6
SCENE = ("scene", "scene")


@dataclass
class Cell:
    """A pair of axes or a scene, where it stands and where it will."""

    letters: tuple[str, str]  # "x2", "y2"; "scene" twice
    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)
    to_x: tuple[float, float] = (0.0, 1.0)
    to_y: tuple[float, float] = (0.0, 1.0)

    def axes(self, layout: Settings) -> tuple[Settings, Settings]:
        """Settings of both, empty for a scene."""
        if self.letters == SCENE:
            return {}, {}
        x, y = (layout.setdefault(f"{at[0]}axis{at[1:]}", {}) for at in self.letters)
        return x, y

    def read(self, layout: Settings) -> None:
        x, y = self.axes(layout)
        at = layout["scene"]["domain"] if self.letters == SCENE else {}
        self.x = tuple(at.get("x") or x.get("domain", (0, 1)))
        self.y = tuple(at.get("y") or y.get("domain", (0, 1)))

    def write(self, layout: Settings) -> None:
        domains = {"x": list(self.to_x), "y": list(self.to_y)}
        if self.letters == SCENE:
            layout["scene"]["domain"] = domains
        for axis, domain in zip(self.axes(layout), domains.values(), strict=True):
            axis["domain"] = domain
            if "matches" in axis and axis.get("showticklabels") is False:
                axis["showticklabels"] = True

    def holds(self, x: float, y: float) -> bool:
        """Whether a place of the figure lies in it or at its edge."""
        return all(
            low - NEAR <= place <= high + NEAR for place, (low, high) in ((x, self.x), (y, self.y))
        )


def cells_below(plot: Plot, page: float) -> None:
    """Lay the cells of ``plot`` (changed in place) out for ``page`` px, each as high as it was.

    Cells that share an axis, such as a matrix and its margins, stay as they are.
    """
    cells = _cells(plot)
    if len({cell.x for cell in cells}) < 2:
        return
    sides = plot.layout["margin"]
    inner = plot.layout["height"] - sides["t"] - sides["b"]
    rows = _rows(cells, plot.layout)
    tall = [_height(row[0], plot.layout, inner, page) for row in rows]
    gaps = [_gap(row, plot.layout) for row in rows[:-1]]
    whole = sum(tall) + sum(gaps)
    top = whole
    for row, height, gap in zip(rows, tall, [*gaps, 0], strict=True):
        most = _most(row[0]) if _is_small(row[0], plot.layout) else 1
        for k, cell in enumerate(row):
            cell.to_x = (k / most, (k + 0.94) / most) if most > 1 else (0.0, 1.0)
            cell.to_y = (max((top - height) / whole, 0.0), min(top / whole, 1.0))
        top -= height + gap
    for cell in cells:
        cell.write(plot.layout)
    for name in ("annotations", "shapes"):
        for item in plot.layout.get(name, []):
            _move(item, cells)
    plot.set(height=round(plot.layout["height"] + whole - inner))


def _cells(plot: Plot) -> list[Cell]:
    pairs = list(
        dict.fromkeys(
            SCENE if t["type"] == "scatter3d" else (t.get("xaxis", "x"), t.get("yaxis", "y"))
            for t in plot.data
        )
    )
    if SCENE in pairs:
        pairs = [pair for pair in pairs if pair != ("x", "y")]  # of the legend, out of sight
    if any(len({pair[k] for pair in pairs}) < len(pairs) for k in (0, 1)):
        return []
    cells = [Cell(pair) for pair in pairs]
    for cell in cells:
        cell.read(plot.layout)
    return sorted(cells, key=lambda cell: (-round(cell.y[1], 3), cell.x[0]))


def _rows(cells: list[Cell], layout: Settings) -> list[list[Cell]]:
    """Cells that stay side by side."""
    rows: list[list[Cell]] = []
    for cell in cells:
        last = rows[-1] if rows else []
        if last and len(last) < _most(cell) and all(_is_small(c, layout) for c in (*last, cell)):
            last.append(cell)
        else:
            rows.append([cell])
    return rows


def _most(cell: Cell) -> int:
    """How many as small as this one stand side by side."""
    return 2 if cell.x[1] - cell.x[0] > 0.18 else 3


def _is_small(cell: Cell, layout: Settings) -> bool:
    if cell.letters == SCENE:
        return False
    has_numbers = any(
        axis.get("showticklabels", axis.get("visible", True)) or "matches" in axis
        for axis in cell.axes(layout)
    )
    return not has_numbers and cell.x[1] - cell.x[0] <= SMALL


def _height(cell: Cell, layout: Settings, inner: float, page: float) -> float:
    height = inner * (cell.y[1] - cell.y[0])
    if not _is_small(cell, layout):
        return height
    return height / (WIDE * (cell.x[1] - cell.x[0])) * page / _most(cell)


def _gap(row: list[Cell], layout: Settings) -> float:
    if _is_small(row[0], layout):
        return TIGHT
    x, _ = row[0].axes(layout)
    return GAP + TITLED * bool(x.get("title", {}).get("text"))


def _move(item: Settings, cells: list[Cell]) -> None:
    """Take a text or a shape along with the cell it belongs to."""
    x, y = (str(item.get(f"{at}ref", at)).split(" ")[0] for at in "xy")
    if "paper" not in (x, y):
        own = next((cell for cell in cells if cell.letters[0] == x), None)
        if own is not None and own.letters[1] != y:  # a row of the axis that all cells share
            item["yref"] = str(item.get("yref", "y")).replace(y, own.letters[1])
        return
    if x == y and not (item.get("y", item.get("y1", 0)) or item.get("yshift", 0) >= 0):
        return  # a line under the figure
    place: list[Any] = [item.get(at, item.get(f"{at}0", 0)) for at in "xy"]
    found = next(
        (
            cell
            for cell in cells
            if (x == cell.letters[0] or x == "paper")
            and (y == cell.letters[1] or y == "paper")
            and cell.holds(
                place[0] if x == "paper" else cell.x[0], place[1] if y == "paper" else cell.y[0]
            )
        ),
        None,
    )
    if found is None:
        found = next((cell for cell in cells if x == cell.letters[0]), None)
    if found is None:
        return
    for at, ref, old, new in (("x", x, found.x, found.to_x), ("y", y, found.y, found.to_y)):
        for name in (at, f"{at}0", f"{at}1") if ref == "paper" else ():
            if name in item:
                share = (item[name] - old[0]) / (old[1] - old[0])
                item[name] = new[0] + share * (new[1] - new[0])
