"""What would help: every fix that was tried, beside a random change of the same size."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.dots import Column, Mark, dot_columns, dots_height
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed, ink
from muxviz.figures.drawing.slots import slot_color, slot_marker, slot_outline
from muxviz.figures.drawing.wording import interval, or_none, percent
from muxviz.results.diagnosis import Diagnosis, Fix
from muxviz.results.reading import Proportion

LEFT = 250  # px for the names of fixes


def fixes_figure(result: Diagnosis, *, dark: bool = False) -> go.Figure:
    """A row per fix: how often the slot came back right, and with the control."""
    columns = (
        _column("came back right", [fix.turned for fix in result.fixes]),
        _column("with a random change of that size", [fix.held for fix in result.fixes]),
    )
    plot = dot_columns(columns, [_mark(fix, dark) for fix in result.fixes], dark=dark, left=LEFT)
    framed(
        plot,
        fixes_finding(result),
        dark=dark,
        height=dots_height(len(result.fixes)),
        sides={"l": LEFT, "r": 20, "t": 96, "b": 60},
    )
    return plot.figure()


def _column(title: str, found: list[Proportion]) -> Column:
    low, high = np.asarray([share.interval for share in found]).reshape(-1, 2).T
    words = [_words(share) for share in found]
    values = np.asarray([share.value for share in found])
    return Column(title, values, low, high, words, words, (0.0, 1.0), ".0%")


def _words(share: Proportion) -> str:
    if not share.trials:
        return "not tried"
    return f"{share.successes:.0f} of {share.trials} ({interval(share)})"


def _mark(fix: Fix, dark: bool) -> Mark:
    if fix.at is None:
        return Mark(_name(fix), ink(dark).grey, ink(dark).text, "diamond-tall")
    outline = slot_outline(fix.at, dark=dark)
    return Mark(_name(fix), slot_color(fix.at), outline, slot_marker(fix.at))


def _name(fix: Fix) -> str:
    slot = "" if fix.at is None else str(fix.at + 1)
    return {
        "seat": f"moved to slot {slot}",
        "neighbour": f"another sentence in slot {slot}",
        "company": "other neighbours",
        "shorter": "neighbours no longer than it",
        "alone": "asked again alone, N = 1",
    }[fix.kind]


def fixes_finding(result: Diagnosis) -> str:
    """The fix that came back right most often, beside its control."""
    if not result.fixes:
        return "Nothing to mend, or nothing was tried"
    best = result.fixes[0]
    if not best.turned.successes:
        return "Nothing that was tried mends it"
    words = f"{_name(best)}: right in {_words(best.turned)}"
    first = f"{words[0].upper()}{words[1:]}"
    held = f", a random change of that size in {percent(best.held.value)}" if _held(best) else ""
    return f"{first}{held}"


def _held(fix: Fix) -> bool:
    return fix.kind != "alone" and bool(fix.held.trials)


def fixes_alt(result: Diagnosis) -> str:
    """Every fix in words."""
    parts = [fixes_finding(result)]
    parts += [f"{_name(f)}: {_words(f.turned)}; control {_words(f.held)}" for f in result.fixes]
    return " ".join(f"{part}." for part in parts)


def fixes_table(result: Diagnosis) -> list[dict[str, Any]]:
    """One row per fix."""
    return [
        {
            "fix": _name(fix),
            "right": fix.turned.successes,
            "of": fix.turned.trials,
            "share": or_none(fix.turned.value),
            "from": or_none(fix.turned.interval[0]),
            "to": or_none(fix.turned.interval[1]),
            "control right": fix.held.successes,
            "of its": fix.held.trials,
            "control share": or_none(fix.held.value),
            "control from": or_none(fix.held.interval[0]),
            "control to": or_none(fix.held.interval[1]),
        }
        for fix in result.fixes
    ]


FIXES = Family(fixes_figure, fixes_finding, fixes_alt, fixes_table)
