"""Laws of marks in every figure: the words over one are about the place and the row it stands for.

What titles, descriptions and tables say of each other is in ``test_figure_laws.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from tests.figure_families import FAMILIES, Drawn
from tests.said import Said, as_read, bounded, is_among, marks_of, numbers_in, numbers_of, says

# Marks whose numbers are in the table of another figure of the panel, or add up those of this one.
OTHER_TABLE = {
    "agreement",
    "braided",
    "company",
    "crosstalk_points",
    "crosstalk_share",
    "crosstalk_swap",
    "leak",
    "map_journey",
    "pair_map",
    "relevance",
    "relevance_difference",
    "saliency",
    "seats",
    "slices",
    "surfaces",
}
# Marks whose place in the figure is a place in a text, a square or a map, and no number.
NO_SCALE = {
    "braided",
    "confusion",
    "dataset_labels",
    "dataset_labels_slot",
    "instances",
    "lens",
    "lens_margin",
    "lens_slot",
    "lens_strip",
    "map_journey",
    "mapped",
    "mapped_selected",
    "pairs",
    "pairs_seen",
    "pruning_map",
    "saliency",
    "surfaces",
}
# Marks with intervals along an axis that their words say the number of alone.
NO_ENDS = {"latency", "planned"}
# Tables that have slots in their headings, or parts instead of slots.
NO_SLOTS = {
    "dataset_right_by_slice",
    "dataset_sure",
    "ladder",
    "ladder_right",
    "spectrum",
    "spectrum_solo",
    "waterfall",
}
AMOUNT = r"[+\-−]?\d[\d.,]*(?:e[+\-−]?\d+)?"
UNIT = r"(?: (?:%|dB|nats?|logits?|bits|ms|points))?"
INTERVAL = re.compile(
    rf"(?<![\d.,])(?<!of )({AMOUNT}){UNIT}(?: \((?:95 % )?|, 95 % interval )"
    rf"({AMOUNT}){UNIT} to ({AMOUNT}{UNIT})"
)


def held(*apart: set[str]) -> pytest.MarkDecorator:
    """Every family but those."""
    return pytest.mark.parametrize("name", sorted(FAMILIES.keys() - set().union(*apart)))


def rows_of(drawn: Drawn, slot: str) -> list[dict[str, object]]:
    """Rows about a slot, counted from 1."""
    about = ("fader", "looks", "source")
    return [
        row
        for row in drawn.table
        if any(
            str(cell).removeprefix("slot ") == slot
            for name, cell in row.items()
            if "slot" in name or name in about
        )
    ]


def not_in(text: str, table: list[dict[str, object]]) -> list[str]:
    """Where a text says numbers that a table lacks."""
    known = numbers_of(table)
    return [said.around for said in numbers_in(text) if not is_among(said, known)]


@held()
def test_whatever_answers_the_pointer_has_words_for_each_mark(name: str) -> None:
    for trace in FAMILIES[name]().figure.data:
        if trace.hoverinfo == "skip":
            continue
        words = (trace.hovertext, trace.hovertemplate, trace.text)
        assert any(given is not None for given in words), trace
        if trace.type != "heatmap" and isinstance(trace.hovertext, tuple | list):
            assert len(trace.hovertext) == len(trace.x)


@held(OTHER_TABLE)
def test_every_number_over_a_mark_is_in_the_table(name: str) -> None:
    drawn = FAMILIES[name]()
    for mark in marks_of(drawn.figure):
        assert not not_in(mark.words, drawn.table)


@held(OTHER_TABLE, NO_SLOTS)
def test_the_words_over_the_mark_of_a_slot_are_those_of_its_rows(name: str) -> None:
    drawn = FAMILIES[name]()
    for mark in marks_of(drawn.figure):
        if about := re.match(r"\s*slot (\d+)\b(?! →| and)", mark.words, re.IGNORECASE):
            assert not not_in(mark.words[about.end() :], rows_of(drawn, about[1])), mark.words


@held(NO_SLOTS)
def test_what_is_said_of_a_slot_is_in_its_rows(name: str) -> None:
    drawn = FAMILIES[name]()
    rest = drawn.alt.removeprefix(drawn.finding)
    for clause in re.split(r"(?<!\d)[.;] |(?<=\d)[.;] (?=\D)", rest):
        if about := re.match(r"(?:\. )?slot (\d+)\b", clause, re.IGNORECASE):
            assert not not_in(clause[about.end() :], rows_of(drawn, about[1])), clause


@held(NO_SCALE)
def test_a_mark_stands_where_its_words_say(name: str) -> None:
    for mark in marks_of(FAMILIES[name]().figure):
        if re.search(
            r"(under 1|over 99) %|under 0\.1 points|not measured|no sentence|compared with",
            mark.words,
        ):
            continue
        places = [mark.at[axis] for axis in mark.measured or ("x", "y")]
        told = [says(mark.words, v) for v in places if not isinstance(v, str) and np.isfinite(v)]
        assert all(told) if mark.measured else any(told) or not told, mark


@held(NO_ENDS)
def test_an_interval_is_drawn_as_its_words_say(name: str) -> None:
    for mark in marks_of(FAMILIES[name]().figure):
        for ends in mark.ends.values() if " to " in mark.words else ():
            assert all(says(mark.words, end) for end in ends), mark


def texts_of(drawn: Drawn) -> Iterator[str]:
    yield drawn.alt
    yield from (mark.words for mark in marks_of(drawn.figure))
    yield from (as_read(note.text) for note in drawn.figure.layout.annotations if note.text)


@held({"sinr", "crosstalk_swap", "spectrum", "spectrum_solo"})
def test_a_number_and_its_interval_are_of_one_row(name: str) -> None:
    drawn = FAMILIES[name]()
    rows = [ends[1:] for row in drawn.table for ends in bounded(row)]
    known = [row for row in rows if all(isinstance(cell, int | float) for cell in row)]
    for text in texts_of(drawn):
        for found in INTERVAL.finditer(text):
            said = [next(numbers_in(part)) for part in found.groups()]
            assert any(are(said, row) for row in known), found[0]


def are(said: list[Said], row: tuple[float, ...]) -> bool:
    return all(is_among(one, np.array([float(cell)])) for one, cell in zip(said, row, strict=True))


@held({"braided"})
def test_a_band_runs_along_one_end_and_back_along_the_other(name: str) -> None:
    drawn = FAMILIES[name]()
    known = numbers_of(drawn.table)
    scaled = np.concatenate([known, 100 * known])
    for trace in drawn.figure.data:
        if getattr(trace, "fill", None) != "toself":
            continue
        half = len(trace.x) // 2
        (x, back), (above, below) = (
            (np.asarray(line[:half], dtype=float), np.asarray(line[half:][::-1], dtype=float))
            for line in (trace.x, trace.y)
        )
        assert np.array_equal(x, back)
        assert (above >= below).all()
        for end in (*above, *below):
            assert np.isclose(scaled, end, rtol=1e-5, atol=1e-6).any(), end


@held(
    {
        "crosstalk_points",
        "crosstalk_share",
        "crosstalk_swap",
        "fidelity_ranks",
        "saliency",
        "surfaces",
    }
)
def test_short_texts_in_the_picture_say_numbers_of_the_table(name: str) -> None:
    drawn = FAMILIES[name]()
    notes = [note.text for note in drawn.figure.layout.annotations]
    for trace in drawn.figure.data:
        given = getattr(trace, "text", None)
        notes += [given] if isinstance(given, str) else [] if given is None else list(given)
    for note in notes:
        text = as_read(note or "")
        if len(text) < 24:
            assert not not_in(text, drawn.table)
