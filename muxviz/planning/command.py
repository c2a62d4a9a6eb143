"""``muxviz plan``: the advice and the check of the planner as text and JSON."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.errors import DataError, InputError
from muxviz.files import json_text, read_bytes, results_file
from muxviz.planning.advise import advise, candidate_settings, make_goal
from muxviz.planning.alone import against_alone
from muxviz.planning.choose import Planner, fit_planner
from muxviz.planning.escalated import NO_CURVE, Escalated, escalated_of
from muxviz.planning.points import read_points
from muxviz.planning.validate import validate_planner
from muxviz.results.checked import read_escalation
from muxviz.results.planning import (
    ACCURACY,
    MODELS,
    QUANTITIES,
    THROUGHPUT,
    Advice,
    AloneRow,
    Goal,
    HitRate,
    Measurements,
    PlannerCheck,
    Promise,
    goal_words,
    rate_words,
    setting_words,
)

if TYPE_CHECKING:
    import argparse


def plan(options: argparse.Namespace) -> int:
    """Print the advice, or with ``--validate`` what it is worth; returns the exit code."""
    goals = (options.budget, options.accuracy, options.throughput)
    has_goal = any(goal is not None for goal in goals)
    if not has_goal and not options.validate and not options.alone:
        raise InputError(
            "no goal: give --budget, --accuracy or --throughput, or use --validate or --alone"
        )
    file = _points_file(options)
    with results_file(options.json, sources=[file]) as write:
        found = _found(read_points(file, task=options.task, dtype=options.dtype), options, has_goal)
        write(json_text(found, indent=1) + "\n")
    return 0


def _found(points: Measurements, options: argparse.Namespace, has_goal: bool) -> dict[str, Any]:
    """Print what was asked for; the same as plain values."""
    goal = None
    if has_goal:
        goal = make_goal(
            points,
            budget=options.budget,
            accuracy=options.accuracy,
            throughput=options.throughput,
            baseline_accuracy=options.baseline_accuracy,
            risk=options.risk,
        )
    candidate_settings(points, num_instances=options.n, sparsities=options.sparsity)  # or refuse
    found: dict[str, Any] = {"points": len(points), "source": points.source}
    if options.alone:
        rows = against_alone(points)
        print(alone_text(rows))
        found |= {"alone": [asdict(row) for row in rows]}
    if goal is not None or options.validate:
        found |= _planned(points, goal, options)
    return found


def _planned(
    points: Measurements, goal: Goal | None, options: argparse.Namespace
) -> dict[str, Any]:
    """Print what fitted surfaces say, and what they are worth; the same as plain values."""
    planner = fit_planner(points)
    found: dict[str, Any] = {}
    if goal is not None:
        advice = advise(
            planner,
            goal,
            num_instances=options.n,
            sparsities=options.sparsity,
            escalated=_escalated(points, options.escalation),
            most=options.top,
        )
        print(advice_text(planner, advice))
        found |= advice_dict(advice)
    print(errors_text(planner))
    found |= {"loo_error": planner.comparison.errors(), "chosen": planner.comparison.chosen}
    if options.validate:
        with tqdm(total=options.splits, unit="split", file=sys.stderr) as bar:
            check = validate_planner(
                points,
                splits=options.splits,
                budgets=options.budgets,
                seed=options.seed,
                risk=options.risk,
                progress=lambda done, total: _advance(bar, done),
            )
        print(check_text(check))
        found |= check_dict(check)
    return found


def _escalated(points: Measurements, file: Path | None) -> tuple[Escalated, ...]:
    """Candidates of the run that was named, else of the recorded one; it is said where none is."""
    from muxviz.recorded import escalation_file

    path = escalation_file() if file is None else file
    bench = read_escalation(read_bytes(path), path.name) if file or path.is_file() else None
    found = escalated_of(points, bench)
    if not found:
        print(f"{NO_CURVE}\n")
    return found


def _advance(bar: Any, done: int) -> None:
    bar.update(done + 1 - bar.n)


def _points_file(options: argparse.Namespace) -> Path:
    """The file that was named, else the recorded grid."""
    from muxviz.recorded import grid_file

    if options.points is not None:
        return Path(options.points)
    if not grid_file().is_file():
        raise DataError("no points: name a table of measured settings with --points")
    return grid_file()


# ---- text ---------------------------------------------------------------------------------------


def advice_text(planner: Planner, advice: Advice) -> str:
    """Settings, the evidence of the first one, and what to measure next."""
    base = f"{advice.baseline}: {100 * advice.baseline_accuracy:.1f} %, "
    lines = [
        f"{len(planner.points)} measured settings of {planner.points.source}; baseline {base}"
        f"{rate_words(advice.baseline_throughput)} instances/s",
        f"goal: {goal_words(advice.goal)}{_threshold(advice)}",
        "",
        *_columns(
            ["", "setting", "accuracy %", "95 %", "inst./s", "95 %", "speed-up", "P(goal)",
             "P(best)", "from"],
            [_setting_row(place, one) for place, one in enumerate(advice.settings, start=1)],
        ),
        "",
        "evidence for the first:",
        *(f"  {words}" for words in advice.settings[0].evidence),
        "",
        "measure next:",
    ]  # fmt: skip
    gain = "expected gain, points" if advice.goal.kind == THROUGHPUT else "expected gain, inst./s"
    if not advice.next:
        lines.append("  nothing: no candidate without a measurement is expected to be better")
    lines += _columns(
        ["setting", gain, "relative", "P(goal)", "accuracy %", "inst./s"],
        [
            [
                setting_words(one.num_instances, one.sparsity),
                _gain(one.improvement, advice),
                "" if math.isnan(one.share) else f"{100 * one.share:.1f} %",
                f"{one.chance:.2f}",
                f"{100 * one.accuracy:.1f}",
                rate_words(one.throughput),
            ]
            for one in advice.next
        ],
    )[: 0 if not advice.next else None]
    return "\n".join([*lines, "", *(f"note: {note}" for note in advice.notes)]).rstrip() + "\n"


def _threshold(advice: Advice) -> str:
    if advice.goal.held == THROUGHPUT or advice.goal.kind == ACCURACY:
        return ""
    return f", so {100 * advice.goal.threshold:.1f} % or more"


def _setting_row(place: int, one: Any) -> list[str]:
    return [
        f"{place}",
        one.words,
        f"{100 * one.accuracy:.1f}",
        _span(one.accuracy_from, one.accuracy_to, lambda share: f"{100 * share:.1f}"),
        rate_words(one.throughput),
        _span(one.throughput_from, one.throughput_to, rate_words),
        f"{one.ratio:.2f}",
        f"{one.chance:.2f}",
        f"{one.chance_best:.2f}",
        "measured" if one.is_measured else "predicted",
    ]


def _span(low: float, high: float, words: Callable[[float], str]) -> str:
    return "not known" if math.isnan(low) else f"{words(low)} to {words(high)}"


def _gain(value: float, advice: Advice) -> str:
    return f"{100 * value:.2f}" if advice.goal.kind == THROUGHPUT else rate_words(value)


def alone_text(rows: Sequence[AloneRow]) -> str:
    """Settings that do both, and the best of each alone that is at least as fast."""
    head = ("N", "sparsity", "rate", "accuracy", "pruning alone", "", "multiplexing alone", "")
    table = [
        [
            f"{row.num_instances}",
            f"{row.sparsity:.1%}",
            f"{rate_words(row.throughput)}/s",
            f"{row.accuracy:.4f}",
            "-" if row.pruning is None else f"{row.pruning:.4f}",
            row.against_pruning,
            "-" if row.multiplexing is None else f"{row.multiplexing:.4f}",
            row.against_multiplexing,
        ]
        for row in rows
    ]
    lines = [
        "pruning and multiplexing against each alone, at least as fast",
        *_columns(head, table),
    ]
    for name, verdicts in (
        ("pruning", [row.against_pruning for row in rows]),
        ("multiplexing", [row.against_multiplexing for row in rows]),
    ):
        counts = ", ".join(f"{v} {verdicts.count(v)}" for v in dict.fromkeys(verdicts))
        lines.append(f"against {name} alone: {counts}")
    return "\n".join(lines)


def errors_text(planner: Planner) -> str:
    """Leave-one-out errors; the chosen models are marked."""
    errors, chosen = planner.comparison.errors(), planner.comparison.chosen
    rows = [
        [words]
        + [
            f"{100 * errors[quantity][name]:.2f}{' *' if chosen[quantity] == name else '  '}"
            for quantity in QUANTITIES
        ]
        for name, words in MODELS.items()
    ]
    head = ["leave-one-out error (* used)", "accuracy, points", "throughput, %"]
    return "\n".join([*_columns(head, rows), ""])


def check_text(check: PlannerCheck) -> str:
    """Hit rates with their intervals."""
    lines = [
        f"half of the points hidden: {check.splits} splits x up to {check.budgets} budgets, "
        f"{check.cases:,} cases; in {check.hidden_cases:,} of them the best setting was hidden",
        *_columns(
            ["best setting named", "top 1", "95 %", "top 3", "95 %", "hidden: top 1", "top 3"],
            [_rate_row(a, b) for a, b in zip(check.everything, check.hidden, strict=True)],
        ),
        "hidden points within their 80 % intervals: "
        + ", ".join(f"{q} {100 * share:.0f} %" for q, share in check.coverage.items()),
        *map(promise_text, check.promises),
    ]
    return "\n".join(lines)


def promise_text(one: Promise) -> str:
    """Both numbers of the promise, and what is meant."""
    what = "settings hidden and rows drawn anew" if one.rows else "settings hidden"
    return (
        f"promise at a risk of {one.risk:.1%}, {what}: floor missed in {one.missed:.2%} "
        f"({one.missed_low:.2%} to {one.missed_high:.2%}) of {one.promised:,} promises "
        f"({one.cases:,} cases); throughput lost {one.regret:.1%} against the fastest that keeps "
        f"the same promise with everything measured, {one.hindsight:.1%} against hindsight"
    )


def _rate_row(one: HitRate, hidden: HitRate) -> list[str]:
    return [
        one.who.replace("_", ", ties: ") + " first" * (one.who == "nearest_measured"),
        f"{one.top1:.3f}",
        f"{one.top1_low:.3f} to {one.top1_high:.3f}",
        f"{one.top3:.3f}",
        f"{one.top3_low:.3f} to {one.top3_high:.3f}",
        f"{hidden.top1:.3f}",
        f"{hidden.top3:.3f}",
    ]


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Text in columns: the words on the left, numbers on the right."""
    table = [list(head), *(list(row) for row in rows)]
    wide = [max(len(row[at]) for row in table) for at in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if not cell[:1].isdigit() and at < 2 else cell.rjust(w)
            for at, (cell, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in table
    ]


# ---- JSON ---------------------------------------------------------------------------------------


def advice_dict(advice: Advice) -> dict[str, Any]:
    """Plain values: goal, baseline, settings, next, notes."""
    return asdict(advice)


def check_dict(check: PlannerCheck) -> dict[str, Any]:
    """Plain values: ``top1``, ``top3``, those of the baselines, and where the best was hidden.

    ``baseline_*``: the better of the two ways to break ties of the nearest point.
    """
    found: dict[str, Any] = {}
    for prefix, rates in (("", check.everything), ("hidden_", check.hidden)):
        by_name = {one.who: one for one in rates}
        near = [by_name["nearest"], by_name["nearest_measured"]]
        for top in ("top1", "top3"):
            found[f"{prefix}{top}"] = getattr(by_name["planner"], top)
            found[f"{prefix}baseline_{top}"] = max(getattr(one, top) for one in near)
            found[f"{prefix}random_{top}"] = getattr(by_name["random"], top)
            own = by_name["planner"]
            found[f"{prefix}{top}_interval"] = [
                getattr(own, f"{top}_low"),
                getattr(own, f"{top}_high"),
            ]
        found[f"{prefix}rates"] = [asdict(one) for one in rates]
    names = ("cases", "hidden_cases", "splits", "budgets", "seed", "coverage")
    found |= {name: getattr(check, name) for name in names}
    found["promises"] = [asdict(one) for one in check.promises]
    return found | {"chosen_in_splits": check.chosen}
