"""The debugger's verdict: one sentence, and every intervention beside its control."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.debugger.ladder import (
    against,
    bars,
    company,
    fragile,
    reads,
    rows,
    rung_words,
    share_of,
    unnamed,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.wording import or_none, percent, shorten
from muxviz.results.diagnosis import MEASURES, Diagnosis
from muxviz.results.ladder import Rung


def verdict_figure(result: Diagnosis, *, dark: bool = False) -> go.Figure:
    """Bars of the change of the target's margin, rung by rung."""
    return bars(result.ladder, result.rungs, verdict_finding(result), dark=dark)


def verdict_finding(result: Diagnosis) -> str:
    """What is to blame, in one sentence with its numbers."""
    start = reads(result.ladder)
    if result.cause == "right":
        return f"{start}; {fragile(result.ladder)}"
    if result.is_first and result.alone is None and not result.ladder.is_partial:
        return f"{start}: {_whether_company(result)}"
    return f"{start}: {_why(result)}"


def _why(result: Diagnosis) -> str:
    if result.ladder.is_partial:
        return "stopped before all was tried, so no cause is named"
    say = {
        "label": _label,
        "sentence": _sentence,
        "dead slot": lambda r: "because its sentence is not in the mixture: the slot is dead",
        "key": _key,
        "cut": lambda r: f"because of its cut end: {_beside(_rung(r, 'cut'))}",
        "padding": lambda r: f"because of its padding: {_beside(_rung(r, 'padding'))}",
        "neighbour": _neighbour,
        "seat": lambda r: f"because of its seat: {against(_rung(r, 'seat'), r.ladder)}",
        "company": lambda r: f"because of its company: {company(r.ladder)}",
        "layer": _layer,
    }.get(result.cause)
    return say(result) if say is not None else _nobody(result)


def _whether_company(result: Diagnosis) -> str:
    """All that exchanging everybody can tell."""
    order = result.ladder.rung("reseated")
    held = f", the same reordered {share_of(order.turned)}" if order is not None else ""
    said = f"other neighbours mend {_company_share(result)} draws{held}"
    if not result.is_company:
        return f"not its company: {said}"
    both = order is not None and order.mends
    return f"its company{' or its order' if both else ''} matters: {said}"


def _label(result: Diagnosis) -> str:
    alone = result.alone
    assert alone is not None, "a label is suspected of what N = 1 answers"
    than = "than of sentences with that label" if alone.is_measured else "than"
    return (
        f"N = 1 reads it so too, surer ({percent(alone.probability)}) {than} "
        f"({percent(alone.sure)}): is the label right?"
    )


def _sentence(result: Diagnosis) -> str:
    if result.alone is None:  # an answer per token
        return unnamed(result.ladder)
    answer = shorten(result.alone.answer, 24)
    return f"because of the sentence itself: N = 1 reads {answer}, not what is right"


def _key(result: Diagnosis) -> str:
    if result.at is not None:
        return f"because of its key: it reads slot {result.at + 1} in place of its own sentence"
    heard = result.heard
    assert heard is not None, "a key is blamed for what is not heard"
    moved = percent(float(heard.moved.mean[heard.slot]))
    return (
        f"because of its read-out: another sentence in its own slot moves it by {moved}, though "
        "that is in the mixture"
    )


def _neighbour(result: Diagnosis) -> str:
    rung = result.ladder.rung("neighbour", result.at)
    assert rung is not None, "a neighbour is named by its rung"
    tips = "tips it" if result.ladder.is_borderline else ""
    name = f"slot {(result.at or 0) + 1}"
    start = f"{name} {tips}" if tips else f"because of {name}"
    depends = "; this depends on the measure" if result.depends_on_measure else ""
    return f"{start}: {against(rung, result.ladder)}{depends}"


def _layer(result: Diagnosis) -> str:
    if result.at in result.untrained:
        return (
            f"because of layer {(result.at or 0) + 1}, which was never trained: its biases are 0 "
            "and its gains 1"
        )
    rung = next(r for r in result.further if r.layer == result.at)
    gain = result.gains[result.at or 0]
    return (
        f"because of layer {(result.at or 0) + 1}: {_beside(rung)}, and without it the slot agrees "
        f"with N = 1 on {percent(gain[0])} more"
    )


def _nobody(result: Diagnosis) -> str:
    if result.cause == "model" and result.is_company is False:
        num = len(result.ladder.texts)
        return (
            f"not the neighbours: others mend {_company_share(result)} draws, and nothing tried "
            f"mends a third; the model is too small for it at N = {num}"
        )
    if result.cause == "untold" and result.ladder.alone_is_right is not None:
        return "nothing that was asked about mends a third of its draws"
    return unnamed(result.ladder)


def _company_share(result: Diagnosis) -> str:
    rung = result.ladder.rung("company")
    if rung is None:
        rung = next(r for r in result.ladder.rungs if r.test == "neighbour")
    return share_of(rung.turned)


def _rung(result: Diagnosis, test: str) -> Rung:
    return next(rung for rung in result.rungs if rung.test == test)


def _beside(rung: Rung) -> str:
    done, held = {
        "cut": ("put back it mends", "without it the same words taken out"),
        "padding": ("short neighbours mend", "the same padded as now"),
        "layer": ("without it mended", "with it"),
    }[rung.test]
    return f"{done} {share_of(rung.turned)}, {held} {share_of(rung.held)}"


def verdict_alt(result: Diagnosis) -> str:
    """The verdict and every bar in words."""
    parts = [verdict_finding(result), *(rung_words(rung) for rung in result.rungs)]
    for measure, slot in zip(MEASURES, result.leaders, strict=False):
        named = "no neighbour" if slot is None else f"slot {slot + 1}"
        parts.append(f"By {measure}, {named} gives most")
    return " ".join(f"{part}." for part in parts)


def verdict_table(result: Diagnosis) -> list[dict[str, Any]]:
    """One row per intervention, the group as it is first; layers with what they are worth."""
    found = rows(result.ladder, result.rungs)
    for row, rung in zip(found[1:], result.rungs, strict=True):
        if rung.layer is not None:
            for name, value in zip(("", " from", " to"), result.gains[rung.layer], strict=True):
                row[f"agrees with N = 1 more{name}"] = or_none(value)
    return found


def extreme_rows(result: Diagnosis) -> list[dict[str, Any]]:
    """The neighbours tried that harmed and helped most, from the worst on."""
    found = {(e.slot, e.text): e for e in (*result.worst, *result.best)}.values()
    return [
        {"slot": e.slot + 1, "holds": e.text, f"margin of {result.ladder.target}": e.margin}
        for e in sorted(found, key=lambda e: e.margin)
    ]


VERDICT = Family(verdict_figure, verdict_finding, verdict_alt, verdict_table)
