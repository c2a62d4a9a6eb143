"""Right answers against the share that is asked again alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.wording import or_none, percent, plain
from muxviz.results.escalation import EscalationCurve
from muxviz.results.estimates import Estimates

HEIGHT = 400  # px
LEAST, RANDOM = "the least certain", "drawn by chance"


def escalation_figure(
    result: EscalationCurve, *, share: float = 0.2, dark: bool = False
) -> go.Figure:
    """Two lines with bands: the least certain share asked again, and a random one.

    Args:
        share: the share that the title is about: the nearest one that was measured.
        dark: for a dark page.
    """
    colors, k = ink(dark), _nearest(result, share)
    plot = Plot()
    for found, name, color, dash in (
        (result.random, RANDOM, colors.grey, "dot"),
        (result.least, LEAST, colors.accent, "solid"),
    ):
        plot.add(*_line(result, found, name, color, dash))
    plot.add(
        scatter(
            x=[100 * result.shares[k]],
            y=[100 * result.least.mean[k]],
            mode="markers",
            marker={
                "size": 13,
                "color": colors.accent,
                "line": {"color": colors.paper, "width": 2},
            },
            hoverinfo="skip",
            showlegend=False,
        )
    )
    plot.xaxes(title={"text": f"asked again by {plain(result.baseline)}, % of answers"})
    plot.yaxes(title={"text": "right answers, %"}, showgrid=True)
    framed(
        plot,
        escalation_finding(result, share=share),
        dark=dark,
        height=HEIGHT,
        sides={"l": 70, "r": 24, "t": 116, "b": 92},
    )
    plot.set(legend=legend_of(HEIGHT, 76))
    caption(plot, _outcomes(result, k), below=54)
    return plot.figure()


def _line(result: EscalationCurve, found: Estimates, name: str, color: str, dash: str) -> list[Any]:
    x = 100 * result.shares
    drawn = [
        scatter(
            x=x,
            y=100 * found.mean,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2, "dash": dash},
            marker={"size": 6, "color": color},
            hovertext=[
                f"{percent(float(result.shares[k]))} asked again, {name}<br>"
                f"right {_with_interval(found, k)}<br>{_outcomes(result, k)}"
                for k in range(len(x))
            ],
            hoverinfo="text",
        )
    ]
    if np.isfinite(found.low).all():
        drawn.insert(
            0,
            scatter(
                x=np.r_[x, x[::-1]],
                y=100 * np.r_[found.high, found.low[::-1]],
                fill="toself",
                fillcolor=tint(color, 0.14),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            ),
        )
    return drawn


def escalation_finding(result: EscalationCurve, *, share: float = 0.2) -> str:
    """What asking that share again gives, and whether certainty chooses better than chance."""
    k = _nearest(result, share)
    before, after = (float(result.least.mean[i]) for i in (0, k))
    told = bool(result.gain.excludes()[k])
    versus = f"{_points(float(result.random.mean[k]))} % by chance"
    if not told:
        versus += ", a difference that these sentences do not tell from none"
    return (
        f"{percent(float(result.shares[k]))} asked again alone: {_points(after)} % right instead "
        f"of {_points(before)} %; {versus}"
    )


def escalation_table(result: EscalationCurve) -> list[dict[str, Any]]:
    """One row per share."""
    rows = []
    for k, share in enumerate(result.shares):
        row: dict[str, Any] = {"asked again": float(share)}
        for name, found in (
            ("right", result.least),
            ("right by chance", result.random),
            ("gain over chance", result.gain),
        ):
            row |= {
                name: or_none(found.mean[k]),
                f"{name}, low": or_none(found.low[k]),
                f"{name}, high": or_none(found.high[k]),
            }
        row["gain told from 0"] = bool(result.gain.excludes()[k])
        row["certainty below"] = float(result.certainty[k])
        row |= {name: or_none(values[k]) for name, values in _kinds(result).items()}
        rows.append(row)
    return rows


def escalation_alt(result: EscalationCurve, *, share: float = 0.2) -> str:
    """The picture in words."""
    parts = [
        f"{percent(float(s))}: {_with_interval(result.least, k)}, by chance "
        f"{_with_interval(result.random, k)}"
        for k, s in enumerate(result.shares)
    ]
    k = _nearest(result, share)
    return (
        f"{escalation_finding(result, share=share)}. Right answers by the share asked again, "
        f"{'; '.join(parts)}. {_outcomes(result, k)}"
    )


def _kinds(result: EscalationCurve) -> dict[str, np.ndarray]:
    return {
        "mended": result.mended,
        "spoilt": result.spoilt,
        "right before and after": result.needless,
        "wrong before and after": result.hopeless,
    }


def _outcomes(result: EscalationCurve, k: int) -> str:
    """What became of those who were asked again."""
    if not result.shares[k]:
        return "Nobody is asked again."
    parts = [f"{percent(float(values[k]))} {name}" for name, values in _kinds(result).items()]
    return f"Of those asked again (certainty under {result.certainty[k]:.2f}): {', '.join(parts)}."


def _nearest(result: EscalationCurve, share: float) -> int:
    return int(np.abs(result.shares - share).argmin())


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _with_interval(found: Estimates, k: int) -> str:
    text = f"{_points(float(found.mean[k]))} %"
    if np.isnan(found.low[k]):
        return text
    return f"{text} ({_points(float(found.low[k]))} to {_points(float(found.high[k]))})"


ESCALATION = Family(escalation_figure, escalation_finding, escalation_alt, escalation_table)
