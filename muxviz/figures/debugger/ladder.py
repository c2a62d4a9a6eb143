"""The failure ladder in one picture: how much of the margin each intervention gives back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import number, or_none, percent, plain, shorten
from muxviz.results.ladder import Ladder, Rung
from muxviz.results.reading import Proportion

ROW = 40  # px
DIM = 0.35  # of a bar that claims nothing
MAX_TEXT = 46  # letters of a sentence in a verdict
CONTROLS = {
    "unchanged": "the group as it is",
    "reseated": "same neighbours reordered",
    "other neighbours": "another slot exchanged",
    "padded": "the same, padded as now",
    "end missing": "the same words out, end missing",
    "all layers": "the same groups, all layers",
}
SOURCES = {
    "gold": "the gold label you gave",
    "baseline": "the N = 1 model's answer, no gold label was given",
    "present": "the present answer, as there is neither a gold label nor an N = 1 model",
}


def ladder_figure(result: Ladder, *, dark: bool = False) -> go.Figure:
    """Bars of the change of the target's margin, with intervals and the line where it turns."""
    return bars(result, result.rungs, ladder_finding(result), dark=dark)


def bars(result: Ladder, rungs: Sequence[Rung], title: str, *, dark: bool) -> go.Figure:
    """The same of these rungs, under this title."""
    colors = ink(dark)
    places = list(range(len(rungs)))
    fills = [_fill(rung, result, dark) for rung in rungs]
    plot = Plot(
        bar(
            x=[r.change for r in rungs],
            y=places,
            orientation="h",
            width=0.6,
            marker={
                "color": [f[0] for f in fills],
                "line": {"color": [f[1] for f in fills], "width": 1},
            },
            error_x=whiskers(
                [_gap(r.high, r.change) for r in rungs],
                [_gap(r.change, r.low) for r in rungs],
                colors.text,
            ),
            hovertext=[rung_words(r) for r in rungs],
        )
    )
    low = min(0.0, -result.margin, *(np.nanmin([r.change, r.low]) for r in rungs))
    high = max(0.0, -result.margin, *(np.nanmax([r.change, r.high]) for r in rungs))
    width = (high - low) or 1.0
    turn = {"type": "line", "x0": -result.margin, "x1": -result.margin}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": -0.5, "y1": len(rungs) - 0.5}
    notes = [
        {
            "x": 1.0,
            "xref": "paper",
            "y": k,
            "xanchor": "left",
            "xshift": 12,
            "text": _turned(r, result),
            "font": {"size": SMALL_SIZE, "color": colors.text},
        }
        for k, r in enumerate(rungs)
    ]
    ends = {"y0": -0.5, "y1": len(rungs) - 0.5}
    plot.mark(
        shapes=[
            zero | {"line": {"color": colors.text, "width": 1}},
            turn | ends | {"line": {"color": colors.warning, "width": 1.6, "dash": "dash"}},
        ],
        annotations=notes,
    )
    plot.xaxes(
        range=[low - 0.06 * width, high + 0.06 * width],
        title={"text": f"change of the margin of {plain(shorten(result.target, 24))} (logits)"},
    )
    name_rows(plot, [_test(r) for r in rungs])
    framed(
        plot,
        title,
        dark=dark,
        height=ROW * len(rungs) + 170,
        sides={"l": 268, "r": 190, "t": 84, "b": 80},
    )
    caption(
        plot,
        "Dashed: where the answer turns. Pale: not told from its control of the same size.",
        below=52,
    )
    return plot.figure()


def ladder_finding(result: Ladder) -> str:
    """The verdict in one sentence: how far from the turn, and what the rule allows to blame."""
    if result.is_right:
        return f"{reads(result)}; {fragile(result)}"
    verdict = result.verdict
    if result.is_partial:
        why = "stopped before all was tried, so no cause is named"
    elif verdict is None:
        why = unnamed(result)
    elif result.cause == "neighbour":
        why = f"{_because(result, f'slot {(result.culprit or 0) + 1}')}: {against(verdict, result)}"
    elif result.cause == "seat":
        why = f"{_because(result, 'its seat')}: {against(verdict, result)}"
    else:
        why = f"{_because(result, 'its company')}: {company(result)}"
    return f"{reads(result)}: {why}"


def reads(result: Ladder) -> str:
    """What is answered, alone as well, and how far that is from the turn."""
    who = f"Slot {result.slot + 1}"
    if result.token:
        who += f" ({shorten(result.token, 20)})"
    reads = f"{who} reads as {shorten(result.answer, 24)}"
    if result.margin > -1e-4 and not result.is_right:
        reads = f"{who} does not decide"
    alone = result.alone_is_right
    if alone is not None:
        target = shorten(result.target, 24)
        reads += f" (alone, N = 1: {target if alone else f'not {target}'})"
    near = "borderline, " if result.is_borderline else ""
    return f"{reads}, {near}{abs(result.margin):.2f} logits from the turn"


def _because(result: Ladder, cause: str) -> str:
    return f"{cause} tips it" if result.is_borderline else f"because of {cause}"


def unnamed(result: Ladder) -> str:
    """Why no intervention is named."""
    if result.cause == "model":
        num = len(result.texts)
        return f"because of the model at N = {num}; nothing tried mends a third of its draws"
    if result.cause == "sentence":
        return "because of the sentence itself; nothing tried mends a third of its draws"
    if result.cause == "untold":
        return (
            "nothing tried mends a third of its draws, and there is no N = 1 model to tell the "
            "sentence from the model"
        )
    most = _most(result)
    if most is None or not most.mends:
        return "no single cause"
    return f"no single cause; {against(most, result)}"


def fragile(result: Ladder) -> str:
    """Nothing is wrong: what would turn the answer."""
    verdict = result.verdict
    if result.is_partial:
        return "stopped before all was tried"
    if result.cause == "company":
        return f"its company holds it: {company(result)}"
    if verdict is not None:
        return f"most easily {against(verdict, result)}"
    most = _most(result)
    if most is None or not most.turned.successes:
        return "nothing tried turns it"
    return f"no single change turns it; {against(most, result)}"


def _most(result: Ladder) -> Rung | None:
    """What turned most of its draws, whether told from its control or not."""
    tried = [r for r in result.rungs if r.test not in ("baseline", "all slots")]
    return max(tried, key=lambda r: r.turned.value, default=None)


def against(rung: Rung, result: Ladder) -> str:
    """What an intervention turns, beside its control."""
    turns = "turns" if result.is_right else "mends"
    done = {
        "neighbour": f"another sentence in slot {(rung.slot or 0) + 1}",
        "seat": "another seat",
        "reseated": "another order of the neighbours",
        "company": "other neighbours",
    }[rung.test]
    held = {
        "other neighbours": f", in other slots {share_of(rung.held)}",
        "reseated": f", the old one, others reordered alike, {share_of(rung.held)}",
        "unchanged": "",
    }[rung.control]
    if rung.test == "company":
        held = f", the same reordered {share_of(rung.held)}"
    return f"{done} {turns} {share_of(rung.turned)} draws{held}"


def company(result: Ladder) -> str:
    """Other neighbours beside the same ones in another order, and that no single one does it."""
    turns = "turn" if result.is_right else "mend"
    rung, order = result.rung("company"), result.rung("reseated")
    assert rung is not None, "the company was named by it"
    assert order is not None, "or by this one"
    held = (
        f"others {turns} {share_of(rung.turned)} draws, the same reordered {share_of(order.turned)}"
    )
    single = any(r.mends for r in result.rungs if r.test == "neighbour")
    return f"{held}; no single one {'stands out' if single else 'does'}"


def ladder_table(result: Ladder) -> list[dict[str, Any]]:
    """One row per rung, the group as it is first."""
    return rows(result, result.rungs)


def rows(result: Ladder, rungs: Sequence[Rung]) -> list[dict[str, Any]]:
    """The same of these rungs."""
    now = {"test": "now", "margin": result.margin, "change of margin": 0.0}
    return [now, *(_row(rung, result) for rung in rungs)]


def _row(rung: Rung, result: Ladder) -> dict[str, Any]:
    low, high = rung.turned.interval
    return {
        "test": _test(rung),
        "margin": result.margin + rung.change,
        "change of margin": rung.change,
        "from": or_none(rung.low),
        "to": or_none(rung.high),
        "draws turned": rung.turned.successes,
        "of": rung.turned.trials,
        "turned": rung.turned.value,
        "turned from": low,
        "turned to": high,
        "control": CONTROLS[rung.control],
        "draws of the control turned": rung.held.successes,
        "of its": rung.held.trials,
        "net change": rung.effect,
        "net change from": or_none(rung.effect_low),
        "net change to": or_none(rung.effect_high),
        "net turned": rung.net,
        "net turned from": rung.net_low,
        "net turned to": rung.net_high,
        "all possible draws": rung.is_exact,
        "told from its control": rung.claims,
    }


def ladder_alt(result: Ladder) -> str:
    """The bars in words."""
    parts = [f"{ladder_finding(result)}."]
    if result.culprit is not None:
        parts.append(f"Slot {_culprit(result)} holds that sentence.")
    return " ".join([*parts, *(f"{rung_words(r)}." for r in result.rungs)])


def target_words(result: Ladder) -> str:
    """What the answer is held against, and where that comes from; to be said loudly."""
    return f"Target: {shorten(result.target, 30)}, {SOURCES[result.source]}."


def _culprit(result: Ladder) -> str:
    assert result.culprit is not None, "only neighbours are culprits"
    return f"{result.culprit + 1} ({shorten(result.texts[result.culprit], MAX_TEXT)})"


def _test(rung: Rung) -> str:
    return {
        "all slots": "T0 · copies of it (off-distribution)",
        "baseline": "T0 · alone, N = 1 (own logits)",
        "seat": "T1 · in another seat",
        "reseated": "T1 control · same seat, others reordered",
        "neighbour": f"T2 · slot {slot_label(rung.slot or 0)} exchanged",
        "company": "T3 · all neighbours exchanged",
        "padding": "T4 · short neighbours, no padding",
        "cut": "T4 · its cut end put back",
        "layer": f"T7 · without layer {(rung.layer or 0) + 1}",
    }[rung.test]


def _fill(rung: Rung, result: Ladder, dark: bool) -> tuple[str, str]:
    alpha = 0.9 if rung.claims else DIM
    if rung.slot is None:
        own = rung.test == "all slots"
        grey = ink(dark).grey
        color = slot_color(result.slot) if own else grey
        return tint(color, alpha), slot_outline(result.slot, dark=dark) if own else grey
    return tint(slot_color(rung.slot), alpha), slot_outline(rung.slot, dark=dark)


def _turned(rung: Rung, result: Ladder) -> str:
    verb = "turned" if result.is_right else "mended"
    words = f"{verb} {rung.turned.successes:.0f} of {rung.turned.trials}"
    if rung.control == "unchanged":
        return words
    return f"{words}, net {_signed(rung.net)} %"


def share_of(share: Proportion) -> str:
    return f"{share.successes:.0f} of {share.trials}"


def _size(mean: float, low: float, high: float, is_exact: bool) -> str:
    if np.isnan(low) or is_exact:
        return number(mean, "+.2f")
    return f"{number(mean, '+.2f')} ({number(low, '+.2f')} to {number(high, '+.2f')})"


def _signed(share: float) -> str:
    """A difference of shares in whole percent, 0 without a sign."""
    return number(round(100 * share), "+d") if round(100 * share) else "0"


def rung_words(rung: Rung) -> str:
    low, high = rung.turned.interval
    words = (
        f"{plain(_test(rung))}: margin {_size(rung.change, rung.low, rung.high, rung.is_exact)}, "
        f"turned {share_of(rung.turned)} draws ({percent(low)} to {percent(high)})"
    )
    if rung.control == "unchanged":
        return words
    effect = _size(rung.effect, rung.effect_low, rung.effect_high, rung.is_exact)
    share = f"{_signed(rung.net)} %"
    if not rung.is_exact:
        share += f" ({_signed(rung.net_low)} to {_signed(rung.net_high)})"
    return (
        f"{words}; control, {CONTROLS[rung.control]}: {share_of(rung.held)}, "
        f"net {share}, net margin {effect}"
    )


def _gap(high: float, low: float) -> float:
    return 0.0 if np.isnan(high) or np.isnan(low) else max(0.0, high - low)


LADDER = Family(ladder_figure, ladder_finding, ladder_alt, ladder_table)
