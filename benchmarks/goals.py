"""The bundled family against its goals, what each model cost, and its score against training time.

    python -m benchmarks.goals

Read from ``checkpoints/*/card.json`` (five groupings of the dev set) and ``metrics.jsonl`` (one
grouping, scored at saves); nothing is measured here. ``docs/training.md`` holds what it prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from muxviz.files import json_lines, read_json, read_lines

FOLDER = Path(__file__).resolve().parents[1] / "checkpoints"
SCORES = {"sst2-n1": 0.89, "upos-n1": 0.94}  # at least
DROPS = {"sst2-n2": 2.5, "sst2-n5": 6.0, "sst2-n10": 11.0, "upos-n5": 5.0}  # points, at most
READ_BACK = {"sst2-n2": 0.99, "sst2-n5": 0.95, "sst2-n10": 0.80}  # at least
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
    for name, goal in DROPS.items():
        dev, alone = _dev(name)["accuracy"], _dev(_card(name)["baseline"])["accuracy"]["mean"]
        drop = 100 * (alone - dev["mean"])
        found = f"{drop:.2f} ({dev['mean']:.4f} ± {dev['std']:.4f})"
        wanted = f"a drop of {goal:g} points or less"
        lines.append(_line(_words(name), wanted, found, _steps(name), drop <= goal))
    for name, goal in READ_BACK.items():
        measured = _card(name)["measured"]
        parts = [measured[part]["retrieval_accuracy"]["value"] for part in ("dev", "general")]
        found = ", ".join(f"{value:.3f}" for value in parts)
        title = f"read-back, {name}: dev, general text"
        lines.append(_line(title, f"{goal:.2f} or more", found, _steps(name), min(parts) >= goal))
    return "\n".join(lines)


def costs() -> str:
    """What each model took, in steps, sentences, tokens and minutes."""
    lines = ["| model | stages (steps) | instances | tokens | minutes |", "|---|---|---|---|---|"]
    for name in sorted(path.name for path in FOLDER.iterdir() if (path / "card.json").is_file()):
        card = _card(name)
        run = card["run"]
        stages = ", ".join(f"{s['name']} {s['steps']:,}" for s in card["recipe"]["stages"])
        tokens = f"{run['tokens']:,}" if run.get("tokens") else UNKNOWN
        minutes = f"{run['seconds'] / 60:.0f}" if run.get("seconds") else UNKNOWN
        lines.append(f"| {name} | {stages} | {run['instances']:,} | {tokens} | {minutes} |")
    return "\n".join(lines)


def scores_over_time() -> str:
    """Dev score (one grouping) at parts of the last stage, with the minutes trained until then."""
    head = "".join(f" {share:.0%} of the last stage |" for share in SHARES)
    lines = [f"| model |{head}", f"|---|{'---|' * len(SHARES)}"]
    for name in (*SCORES, *DROPS):
        rows = list(_last_stage(name))
        if not rows:
            continue
        first, last = rows[0]["step"], rows[-1]["step"]
        cells = []
        for share in SHARES:
            wanted = first + share * (last - first)
            row = min(rows, key=lambda r: abs(r["step"] - wanted))
            score = row["losses"]["dev_accuracy"]
            cells.append(f"{score:.3f} at {row['seconds'] / 60:.0f} min")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _last_stage(name: str) -> Iterator[dict[str, Any]]:
    path = FOLDER / name / "metrics.jsonl"
    if not path.is_file():
        return iter(())
    rows = [row for _, row in json_lines(read_lines(path), path)]
    stage = rows[-1]["stage"]
    return (r for r in rows if r["stage"] == stage and "dev_accuracy" in r["losses"])


def _card(name: str) -> dict[str, Any]:
    return read_json(FOLDER / name / "card.json")


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


def main() -> None:
    print(goals(), costs(), scores_over_time(), sep="\n\n")


if __name__ == "__main__":
    main()
