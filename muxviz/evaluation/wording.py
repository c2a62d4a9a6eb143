"""An evaluation as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.results import Evaluation, Proportion, Spread


def report(result: Evaluation) -> str:
    """A short table for people."""
    words = f", {result.units} words" if result.task == "token_classification" else ""
    lines = [f"{result.provenance.checkpoint} on {result.data} ({result.rows} rows{words})"]
    for name in sorted(result.metrics, key=lambda name: name != result.primary):
        lines.append(f"  {name.replace('_', ' '):<17}{_spread_text(result.metrics[name])}")
    if result.metrics:
        lines.append(
            f"  over {result.groupings} groupings; 95 % intervals are over rows, not groupings"
        )
    lines += _slot_lines("right per slot", result.slot_accuracy)
    if result.read_back is not None:
        lines.append(f"  {'read back':<17}{_spread_text(result.read_back)}")
        lines += _slot_lines("read back per slot", result.retrieval)
    else:
        lines.append("  read back: not applicable: no retrieval head")
    lines.append(f"  passes           {result.forward_passes} per grouping")
    lines += [f"  note: {note}" for note in result.notes]
    lines.append(f"  {result.provenance.line()}")
    return "\n".join(lines)


def _spread_text(spread: Spread) -> str:
    if not spread.is_defined:
        return "not defined"
    text = f"mean {spread.mean:.4f}  std {spread.std:.4f}  min {spread.low:.4f}  "
    text += f"max {spread.high:.4f}"
    if len(spread.values) == 1:
        text = f"{spread.mean:.4f} (one grouping)"
    if spread.interval is None:
        return text
    low, high = spread.interval
    return f"{text}  95 % {low:.4f} to {high:.4f} ({spread.method})"


def _slot_lines(title: str, slots: Sequence[Proportion]) -> list[str]:
    if not slots:
        return []
    return [f"  {title}  " + "  ".join(f"{i}: {p.value:.3f}" for i, p in enumerate(slots, 1))]
