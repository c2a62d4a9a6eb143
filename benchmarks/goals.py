"""The bundled family against its goals, what each model cost, and its score against training time.

    python -m benchmarks.goals

Read from ``card.json`` (five groupings of the dev set) and ``metrics.jsonl`` (one grouping of it,
or of training rows kept out, scored at saves), in ``checkpoints`` and ``benchmarks/results/cards``,
and from the recorded trade-off run; nothing is measured here. ``docs/training.md`` holds what it
prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from muxviz.files import LARGEST_JSON, json_lines, read_json, read_lines, read_text
from muxviz.recorded import tradeoff_file
from muxviz.results.store import from_json
from muxviz.results.throughput import TradeoffRun

FOLDER = Path(__file__).resolve().parents[1] / "checkpoints"
OTHERS = Path(__file__).with_name("results") / "cards"  # of models whose weights are not bundled
SCORES = {"sst2-n1": 0.89, "upos-n1": 0.94}  # at least
DROPS = {  # points, at most
    "sst2-n2": 1.0,
    "sst2-n5": 2.0,
    "sst2-n10": 3.0,
    "upos-n2": 0.3,
    "upos-n5": 0.5,
    "upos-n10": 1.5,
}
READ_BACK = {  # at least: on dev, on general text
    "sst2-n2": (0.999, 0.99),
    "sst2-n5": (0.999, 0.98),
    "sst2-n10": (0.99, 0.95),
    "upos-n2": (0.999, 0.0),
    "upos-n5": (0.999, 0.0),
    "upos-n10": (0.99, 0.0),
}
SHARING = {
    "sst2-n5-shared-25": 0.86,
    "sst2-n5-shared-50": 0.86,
    "sst2-n5-shared-100": 0.84,
}  # accuracy, at least
SPEED_UP = {"sst2-n2": 1.9, "sst2-n5": 4.4, "sst2-n10": 8.0}  # texts to answers, at least
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the last stage
UNKNOWN = "not recorded"
TASKS = {"sst2": "SST-2", "upos": "UPOS"}


def goals() -> str:
    """One line per goal."""
    lines = ["| | goal | measured | step | met |", "|---|---|---|---|---|"]
    for name, goal in SCORES.items():
        score = _dev(name)["accuracy"]["mean"]
        wanted, found = f"{goal} or more", f"{score:.3f}"
        lines.append(_line(_words(name), wanted, found, _steps(name), score >= goal))
    for name, goal in _there(DROPS):
        dev, alone = _dev(name)["accuracy"], _dev(_card(name)["baseline"])["accuracy"]["mean"]
        drop = 100 * (alone - dev["mean"])
        found = f"{drop:.2f} ({dev['mean']:.4f} ± {dev['std']:.4f})"
        wanted = f"a drop of {goal:g} points or less"
        lines.append(_line(_words(name), wanted, found, _steps(name), drop <= goal))
    for name, goals in _there(READ_BACK):
        for part, goal in zip(("dev", "general"), goals, strict=True):
            value = _card(name)["measured"][part]["retrieval_accuracy"]["value"]
            title, found = f"read-back, {name}, {part}", f"{value:.4f}"
            if goal:
                lines.append(_line(title, f"{goal:g} or more", found, _steps(name), value >= goal))
    for name, goal in _there(SHARING):
        dev = _dev(name)["accuracy"]
        found = f"{dev['mean']:.4f} ± {dev['std']:.4f}"
        lines.append(_line(name, f"{goal} or more", found, _steps(name), dev["mean"] >= goal))
    lines += _speed_ups()
    wanted = (*DROPS, *SHARING)
    missing = [n for n in wanted if not _folder(n).is_dir()]
    cards = [n for n in wanted if _folder(n) == OTHERS / n and n not in missing]
    told = [f"Weights not bundled: {', '.join(cards)}."] if cards else []
    told += [f"Not made yet: {', '.join(missing)}."] if missing else []
    return "\n".join([*lines, *(["", " ".join(told)] if told else [])])


def _speed_ups() -> list[str]:
    """Texts a second against N = 1 in the recorded run, grouped by length; in order beside it."""
    run = from_json(read_text(tradeoff_file(), most=LARGEST_JSON))
    assert isinstance(run, TradeoffRun)
    prints = {name: _dev(name)["provenance"]["fingerprint"] for name, _ in _there(SPEED_UP)}
    ratios = {
        (p.checkpoint, p.grouping): p.ratio_to_n1
        for p in run.points
        if (p.dtype, p.copies) == ("float32", 1) and p.ratio_to_n1
        if p.fingerprint == prints.get(p.checkpoint)  # of the weights that are bundled
    }
    lines = []
    for name, goal in _there(SPEED_UP):
        by_length, in_order = ratios.get((name, "length")), ratios.get((name, "order"))
        if by_length and in_order:
            found = (
                f"{by_length.median:.2f} ({by_length.q1:.2f} to {by_length.q3:.2f}); rows in "
                f"order {in_order.median:.2f}"
            )
            is_met = by_length.median >= goal
            wanted = f"{goal:g} times N = 1 or more"
            lines.append(_line(f"texts a second, {name}", wanted, found, _steps(name), is_met))
    return lines


def _there(goals: dict[str, Any]) -> list[tuple[str, Any]]:
    """The goals of models that were made."""
    return [(name, goal) for name, goal in goals.items() if _folder(name).is_dir()]


def _folder(name: str) -> Path:
    """Where a model's card is."""
    return FOLDER / name if (FOLDER / name).is_dir() else OTHERS / name


def costs() -> str:
    """What each model took, in steps, sentences, tokens and minutes."""
    lines = ["| model | stages (steps) | instances | tokens | minutes |", "|---|---|---|---|---|"]
    cards = (*FOLDER.glob("*/card.json"), *OTHERS.glob("*/card.json"))
    for name in sorted(path.parent.name for path in cards):
        card = _card(name)
        run = card["run"]
        stages = ", ".join(f"{name} {steps:,}" for name, steps in _done(card))
        tokens = f"{run['tokens']:,}" if run.get("tokens") else UNKNOWN
        minutes = f"{run['seconds'] / 60:.0f}" if run.get("seconds") else UNKNOWN
        lines.append(f"| {name} | {stages} | {run['instances']:,} | {tokens} | {minutes} |")
    return "\n".join(lines)


def _done(card: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Stages that a run had begun, and the steps taken in each."""
    left = card["run"]["steps"]
    for stage in card["recipe"]["stages"]:
        if left > 0:
            yield stage["name"], min(stage["steps"], left)
        left -= stage["steps"]


def scores_over_time() -> str:
    """Dev score (one grouping) at parts of the last stage, with the minutes trained until then."""
    head = "".join(f" {share:.0%} of the last stage |" for share in SHARES)
    lines = [f"| model |{head}", f"|---|{'---|' * len(SHARES)}"]
    for name, _ in _there(SCORES | DROPS | SHARING):
        rows = list(_last_stage(name))
        if not rows:
            continue
        first, last = rows[0]["step"], rows[-1]["step"]
        cells = []
        for share in SHARES:
            wanted = first + share * (last - first)
            row = min(rows, key=lambda r: abs(r["step"] - wanted))
            cells.append(f"{_score(row):.3f} at {row['seconds'] / 60:.0f} min")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _last_stage(name: str) -> Iterator[dict[str, Any]]:
    path = _folder(name) / "metrics.jsonl"
    if not path.is_file():
        return iter(())
    rows = [row for _, row in json_lines(read_lines(path), path)]
    stage = rows[-1]["stage"]
    return (r for r in rows if r["stage"] == stage and _score(r) is not None)


def _score(row: dict[str, Any]) -> float | None:
    """On one grouping of the dev set, or of training rows that were kept out for it."""
    losses = row["losses"]
    score: float | None = losses.get("dev_accuracy", losses.get("held_accuracy"))
    return score


def _card(name: str) -> dict[str, Any]:
    return read_json(_folder(name) / "card.json")


def _dev(name: str) -> dict[str, Any]:
    dev: dict[str, Any] = _card(name)["measured"]["dev"]
    return dev


def _steps(name: str) -> int:
    return int(_card(name)["run"]["steps"])


def _words(name: str) -> str:
    task, num = name.split("-n")
    return f"{TASKS[task]}, N = {num}"


def _line(what: str, wanted: str, found: str, steps: int, is_met: bool) -> str:
    return f"| {what} | {wanted} | {found} | {steps:,} | {'yes' if is_met else 'no'} |"


def printed() -> str:
    """All tables."""
    return "\n\n".join((goals(), costs(), scores_over_time()))


def main() -> None:
    print(printed())


if __name__ == "__main__":
    main()
