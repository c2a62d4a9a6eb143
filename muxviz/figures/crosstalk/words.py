"""Cross-talk in words: what each measure is called, how its numbers are written, what it found."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from muxviz.figures.drawing.claims import exact, sizes, standing_out
from muxviz.figures.drawing.wording import number, or_none, percent
from muxviz.results.cross_matrix import CrossMatrix

TENTH = 0.0005  # of the probability, below which it is no tenth of a point


@dataclass(frozen=True)
class Words:
    """unit: of a number in a sentence. source, observed: titles of the axes. received, given: of
    the bars. own: what the framed diagonal is. faint: what a struck-through cell is.
    """

    unit: str
    source: str
    observed: str
    received: str
    given: str
    own: str
    faint: str


SWAP = Words(
    "nats",
    "sentence exchanged in slot …",
    "answer of slot …",
    "susceptibility",
    "loudness",
    "the slot's own sentence, not on the colour scale",
    "not told from the measured floor at 5 %",
)
NOT_ZERO = "not told from 0 at 5 %"
WORDS = {
    "points": replace(SWAP, unit="points"),
    "swap": SWAP,
    "decibel": Words("dB", SWAP.source, SWAP.observed, "", "", "0 dB by definition", SWAP.faint),
    "push": Words(
        "logits",
        "by the sentence in slot …",
        "answer of slot …",
        "pushed, net",
        "pushes, net",
        "the slot's own sentence, not on the colour scale",
        NOT_ZERO,
    ),
    "shapley": Words(
        "logits",
        "owed to the sentence in slot …",
        "margin of slot …",
        "from others, net",
        "to others, net",
        "the slot's own sentence, not on the colour scale",
        NOT_ZERO,
    ),
    "odds": Words(
        "nats",
        "tokens of slot …",
        "read from slot …",
        "sum from others",
        "sum to others",
        "own tokens, not on the colour scale",
        NOT_ZERO,
    ),
    "leak": Words(
        "",
        "a token of slot …",
        "read from slot …",
        "from others",
        "to others",
        "own tokens read back, not on the colour scale",
        "not told from chance at 5 %",
    ),
    "share": Words(
        "",
        "tokens of slot …",
        "answer of slot …",
        "from others",
        "to others",
        "own tokens, not on the colour scale",
        "",
    ),
}


def amount(matrix: CrossMatrix, value: float) -> str:
    """A value as a cell writes it."""
    if math.isnan(value):
        return ""
    if matrix.measure in ("leak", "share"):
        return percent(value).replace("under", "<").replace("over", ">") if value else "·"
    if matrix.measure == "decibel":
        return number(value, ".0f")
    if matrix.measure == "points":
        return points(value).replace("under ", "<")
    if matrix.is_signed:
        return signed(value)
    return short(value)


def with_unit(matrix: CrossMatrix, value: float) -> str:
    """A value as a sentence writes it: ``"0.0038 nats"``, ``"+0.31 logits"``, ``"12 %"``."""
    unit = WORDS[matrix.measure].unit
    if not unit or math.isnan(value):
        return percent(value)
    if matrix.measure == "decibel":
        return f"{number(value, '.0f')} dB"
    if matrix.measure == "points":
        return f"{points(value)} points"
    return f"{signed(value) if matrix.is_signed else short(value)} {unit}"


def between(matrix: CrossMatrix, low: float, high: float) -> str:
    """An interval as ``"(0.003 to 0.005)"``, or ``""`` where there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    if not WORDS[matrix.measure].unit:
        return f"({100 * low:.0f} to {100 * high:.0f} %)"
    if matrix.measure == "decibel":
        return f"({number(low, '.0f')} to {number(high, '.0f')})"
    if matrix.measure == "points":
        return "" if high < TENTH else f"({points(low)} to {points(high)} points)"
    write = signed if matrix.is_signed else short
    return f"({write(low)} to {write(high)})"


def short(value: float) -> str:
    """Two figures, without an exponent down to a millionth: ``"3.8"``, ``"0.00021"``."""
    if math.isnan(value):
        return "n/a"
    if value == 0:
        return "0"
    if abs(value) < 1e-6:
        return number(value, ".0e")
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return number(value, f".{digits}f")


def points(value: float) -> str:
    """A share in percentage points, one decimal: ``"12.3"``, ``"under 0.1"``."""
    if 0 < value < TENTH:
        return "under 0.1"
    return number(100 * value, ".1f")


def signed(value: float) -> str:
    """``"+0.31"``, ``"−1.2"``, ``"0"``: two decimals."""
    if math.isnan(value):
        return "n/a"
    rounded = round(value, 2)
    if not rounded:
        return "0.00"
    return number(rounded, "+.2f")


def crosstalk_finding(matrix: CrossMatrix) -> str:
    """What the matrix shows, in one sentence."""
    pair = matrix.strongest
    if pair is None:
        return _joined(NOTHING[matrix.measure], _turned(matrix))
    slot, source = pair
    value = float(matrix.values[slot, source])
    much = with_unit(matrix, value)
    bounds = between(matrix, float(matrix.low[slot, source]), float(matrix.high[slot, source]))
    size = f"{much} {bounds}".strip()
    read, by = f"slot {slot + 1}", f"slot {source + 1}"
    does = "helps" if value > 0 else "hurts"
    stands_out = _stands_out(matrix)
    said = FOUND[matrix.measure].format(
        by=by, By=by.capitalize(), read=read, size=size, does=does, most="most" * stands_out
    )
    said = " ".join(said.split()).replace(" ,", ",").replace(" :", ":")
    told = said if stands_out else f"{said}; other pairs are not told from it"
    return _joined(_turned(matrix), told)


def _joined(*said: str) -> str:
    """Sentences as one, the empty ones left out."""
    first, *others = filter(None, said)
    return "; ".join([first, *(text[0].lower() + text[1:] for text in others)])


def _turned(matrix: CrossMatrix) -> str:
    """How often an exchange changed the answer of another slot, in words."""
    if matrix.turned is None or matrix.measure != "points":
        return ""
    counts = np.array(matrix.turned)
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return "No exchange turned an answer"
    slot, source = (int(k) for k in np.unravel_index(int(counts.argmax()), counts.shape))
    return (
        f"Exchanges turned an answer in {int(counts[slot, source])} of {matrix.draws} draws at "
        f"most (slot {source + 1} on slot {slot + 1})"
    )


def _stands_out(matrix: CrossMatrix) -> bool:
    """Whether the strongest cell lies apart from all others off the diagonal."""
    cells = {
        (i, j): (float(value), float(matrix.low[i, j]), float(matrix.high[i, j]))
        for (i, j), value in np.ndenumerate(matrix.values)
        if i != j
    }
    if np.isnan(matrix.low).all() and not matrix.is_tested:  # nothing was left to chance
        found = exact(value for value, _, _ in cells.values())
    else:
        found = sizes(cells.values()) if matrix.is_signed else list(cells.values())
    best = standing_out(found)
    return best is not None and list(cells)[best] == matrix.strongest


FOUND = {
    "points": "Exchanging the sentence in {by} moves {read} {most}: {size}",
    "swap": "Exchanging the sentence in {by} moves {read} {most}: {size}",
    "decibel": "Exchanging {by} moves {read} {most}, against its own sentence: {size}",
    "push": "The sentence in {by} {does} {read} {most}: {size}",
    "shapley": "The sentence in {by} {does} {read} {most}: {size}",
    "odds": "{By} leaks {most} into {read}: its tokens are {size} likelier for being there",
    "leak": "{By} leaks {most}, into {read}: {size} of its tokens",
    "share": "The answer of {read} rests {most} on another slot: {size} on {by}",
}
NOTHING = {
    "points": "No slot's sentence moves another slot's answer above the floor",
    "swap": "No slot's sentence moves another slot's answer above the floor",
    "decibel": "No slot's sentence moves another slot's answer above the floor",
    "push": "No push of a sentence on another slot's answer is told from 0",
    "shapley": "No share of a sentence in another slot's answer is told from 0",
    "odds": "No slot's tokens become likelier in another slot for being there",
    "leak": "No slot leaks into another",
    "share": "No answer rests on another slot's tokens",
}


def crosstalk_table(matrix: CrossMatrix) -> list[dict[str, Any]]:
    """The numbers, one row per cell, in the measure's own unit; None where nothing is known."""
    words = WORDS[matrix.measure]
    name = f"{matrix.measure} ({words.unit or 'share'})"
    if matrix.measure == "points":
        name = "probability moved (share)"
    table = []
    num = len(matrix.values)
    for i in range(num):
        for j in range(num):
            row: dict[str, Any] = {
                "observed slot": i + 1,
                "source slot": j + 1,
                name: or_none(matrix.values[i, j]),
                "low 95 %": or_none(matrix.low[i, j]),
                "high 95 %": or_none(matrix.high[i, j]),
            }
            if matrix.turned is not None:
                row |= {"draws": matrix.draws, "answer turned": int(matrix.turned[i, j])}
            if matrix.is_tested:
                row["told from nothing"] = None if i == j else not bool(matrix.is_faint[i, j])
            table.append(row)
    return table


def crosstalk_alt(matrix: CrossMatrix) -> str:
    """The picture in words, with the numbers of its cells."""
    lines = [f"{crosstalk_finding(matrix)}."]
    for i, row in enumerate(matrix.values):
        if i in matrix.fillers:
            lines.append(f"Slot {i + 1}: filler, not read.")
            continue
        cells = [
            f"from slot {j + 1} {with_unit(matrix, float(v))}"
            for j, v in enumerate(row)
            if j != i and not math.isnan(v)
        ]
        lines.append(f"Slot {i + 1}: {', '.join(cells) or 'nothing known'}.")
    return " ".join(lines)
