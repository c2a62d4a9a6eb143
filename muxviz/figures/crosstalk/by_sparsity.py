"""Cross-talk against sparsity: what each slot takes from the others, on a family of checkpoints."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.crosstalk.words import short
from muxviz.figures.drawing.claims import sizes, standing_out
from muxviz.figures.drawing.dots import estimate_row
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.sparsity_lines import sparsity_lines, sparsity_words
from muxviz.results.by_sparsity import CrosstalkBySparsity


def crosstalk_sparsity_figure(result: CrosstalkBySparsity, *, dark: bool = False) -> go.Figure:
    """One line per slot over the sparsity of its checkpoint, and a heavy one for all pairs."""
    plot = sparsity_lines(
        result.sparsities,
        result.received,
        result.mean,
        [made.named for made in result.origins],
        axis="taken from another slot (share of the probability, mean)",
        is_share=False,
        dark=dark,
        all_of="all pairs",
    )
    framed(
        plot,
        crosstalk_sparsity_finding(result),
        dark=dark,
        height=470,
        sides={"l": 92, "r": 110, "t": 84, "b": 92},
    )
    caption(plot, _drawn(result), below=52, left=-80)
    return plot.figure()


def crosstalk_sparsity_finding(result: CrosstalkBySparsity) -> str:
    """Whether pruning brings cross-talk, and to which slot most."""
    last = int(result.sparsities.argmax())
    first, now = (short(100 * float(result.mean.mean[k])) for k in (0, last))
    words = [sparsity_words(float(result.sparsities[k])) for k in (0, last)]
    text = f"A slot takes {now} points from each other one ({words[1]}), {first} ({words[0]})"
    told = bool(result.mean_change.excludes(0.0)[last])
    if not told:
        return f"{text}; {result.draws} draws do not tell them apart"
    change = result.change.mean[last]
    found = result.change
    moved = sizes(zip(change, found.low[last], found.high[last], strict=True))
    most = standing_out(moved)
    if most is None:
        return f"{text}; no slot is told to change most"
    amount = short(100 * abs(float(change[most])))
    sign = "+" if change[most] > 0 else "−"
    return f"{text}; slot {most + 1} changes most, by {sign}{amount} points"


def crosstalk_sparsity_table(result: CrosstalkBySparsity) -> list[dict[str, Any]]:
    """One row per checkpoint and slot, and one for all pairs; shares of the probability."""
    num = result.received.mean.shape[1]
    rows = []
    for k, made in enumerate(result.origins):
        for i in range(num + 1):
            at: tuple[int, ...] = (k,) if i == num else (k, i)
            row: dict[str, Any] = {
                "checkpoint": made.checkpoint,
                "sparsity": made.sparsity,
                "slot": "all" if i == num else str(i + 1),
            }
            for name, found in (
                ("taken", result.mean if i == num else result.received),
                ("change", result.mean_change if i == num else result.change),
            ):
                row |= estimate_row(name, found, at)
            row |= {"draws": result.draws, "pool": result.pool, "seed": result.received.seed}
            rows.append(row)
    return rows


def crosstalk_sparsity_alt(result: CrosstalkBySparsity) -> str:
    """The picture in words."""
    lines = [
        f"{made.named}: {short(100 * float(result.mean.mean[k]))} points over all pairs"
        for k, made in enumerate(result.origins)
    ]
    return f"{crosstalk_sparsity_finding(result)}. {'; '.join(lines)}. {_drawn(result)}"


def _drawn(result: CrosstalkBySparsity) -> str:
    some = " (stopped)" if result.is_partial else ""
    return (
        f"This group; every slot's sentence exchanged for the same {result.draws} sentences{some} "
        f"of {result.pool}, seed {result.received.seed}; band: 95 % interval over draws."
    )


CROSSTALK_SPARSITY = Family(
    crosstalk_sparsity_figure,
    crosstalk_sparsity_finding,
    crosstalk_sparsity_alt,
    crosstalk_sparsity_table,
)
