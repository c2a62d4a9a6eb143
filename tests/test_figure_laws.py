"""Laws that hold for every figure: title, description, table and picture say the same numbers."""

from __future__ import annotations

import html
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import muxviz.figures
from muxviz.figures.crosstalk.matrix import crosstalk_figure
from muxviz.figures.crosstalk.words import WORDS, crosstalk_finding, signed
from muxviz.figures.drawing.ink import TITLE_ROOM, template
from muxviz.figures.drawing.narrow import narrowed
from muxviz.figures.drawing.scales import color_at
from muxviz.figures.drawing.still import Still
from muxviz.figures.drawing.wording import ELLIPSIS, fold, percent
from muxviz.figures.whatif.dose import dose_alt, dose_finding, dose_table
from muxviz.results.cross_matrix import CrossMatrix
from muxviz.results.estimates import Estimates
from tests import figure_families
from tests.figure_families import FAMILIES, VARIANTS, Drawn, dose
from tests.said import bounded, is_among, numbers_in, numbers_of

# A strip of one level bears the words of that level; its finding is about all of them.
OTHER_TITLE = {"lens_strip"}
# Their lines are of as many tokens as the page has room for.
REFLOWED = {"lens_strip", "saliency"}
# Titles with a sum or mean over the rows of the table.
SUMS = {"comparison", "pruning_map", "swap_pair_margin"}


@pytest.fixture(params=FAMILIES, scope="module")
def drawn(request: pytest.FixtureRequest) -> Drawn:
    return FAMILIES[request.param]()


# ---- words --------------------------------------------------------------------------------------


def test_the_description_begins_with_the_finding(drawn: Drawn) -> None:
    assert drawn.alt.startswith(drawn.finding)
    assert drawn.finding
    assert "nan" not in drawn.alt.lower()


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - OTHER_TITLE))
def test_the_title_is_the_finding_and_is_not_cut(name: str) -> None:
    drawn = FAMILIES[name]()
    lines = fold(drawn.finding, TITLE_ROOM, 2)
    assert html.unescape(drawn.figure.layout.title.text) == "<br>".join(lines)
    assert ELLIPSIS not in "".join(lines).replace(ELLIPSIS, "", drawn.finding.count(ELLIPSIS))


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - SUMS))
def test_every_number_said_is_in_the_table(name: str) -> None:
    drawn = FAMILIES[name]()
    known = numbers_of(drawn.table)
    assert not [said.around for said in numbers_in(drawn.alt) if not is_among(said, known)]


# A hyphen for a minus (but not in "sst2-n5" or "2026-11-20"), "e-05", "50%", Plotly's own percent.
MISWRITTEN = re.compile(r"(?<![\w)\]<-])-(?=[\d.])|\de-\d|\d%|%\{[^}]*%\}")
WRITTEN = {"text", "hovertext", "hovertemplate", "ticktext", "name", "tickformat", "label"}


def words_in(value: Any, name: str = "") -> Iterator[str]:
    """Everything that a figure writes."""
    if isinstance(value, str):
        yield from [value] if name in WRITTEN else []
    elif isinstance(value, dict):
        for inner, found in value.items():
            yield from words_in(found, inner)
    elif isinstance(value, list):
        for found in value:
            yield from words_in(found, name)


def test_minus_signs_and_percentages_are_written_alike(drawn: Drawn) -> None:
    for figure in (drawn.figure, drawn.narrow):
        found = [*words_in(json.loads(figure.to_json())), drawn.finding, drawn.alt]
        assert not [text for text in found if MISWRITTEN.search(text)]


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - REFLOWED))
def test_a_narrow_form_draws_and_says_the_same(name: str) -> None:
    drawn = FAMILIES[name]()
    wide, narrow = (json.loads(f.to_json()) for f in (drawn.figure, narrowed(drawn.figure)))
    assert narrow["data"] == wide["data"]

    def said(spec: dict[str, Any]) -> list[str]:
        notes = [note["text"] for note in spec["layout"].get("annotations", [])]
        return [text.replace("<br>", " ") for text in (spec["layout"]["title"]["text"], *notes)]

    assert said(narrow) == said(wide)


# ---- intervals ----------------------------------------------------------------------------------


def test_low_is_below_high_and_the_number_between_in_the_table(drawn: Drawn) -> None:
    for row in drawn.table:
        for name, value, low, high in bounded(row):
            if not (isinstance(low, float) and isinstance(high, float)):  # positions are no ends
                continue
            assert low <= high, (name, row)
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert low - 1e-6 <= value <= high + 1e-6, (name, row)


def bars_of(figure: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Values with the ends that error bars draw around them."""
    for trace in figure.data:
        for axis in ("x", "y"):
            bar = getattr(trace, f"error_{axis}", None)
            if bar is None or bar.array is None:
                continue
            value, above, below = (
                np.asarray(part, dtype=np.float64)
                for part in (trace[axis], bar.array, bar.arrayminus)
            )
            known = np.isfinite(value) & np.isfinite(above) & np.isfinite(below)
            yield value[known], above[known], below[known]


def test_error_bars_end_at_the_ends_of_the_table(drawn: Drawn) -> None:
    ends: dict[str, set[float]] = {"low": set(), "high": set()}
    for row in drawn.table:
        for _, _, low, high in bounded(row):
            if not any(isinstance(v, str | None) for v in (low, high)):
                ends["low"].add(float(low))
                ends["high"].add(float(high))
    for value, above, below in bars_of(drawn.figure):
        assert (above >= -1e-12).all()
        assert (below >= -1e-12).all()
        for side, drawn_at in (("high", value + above), ("low", value - below)):
            for end, length in zip(drawn_at, above if side == "high" else below, strict=True):
                if abs(length) < 1e-12:
                    continue
                known = np.array(sorted(ends[side]))
                scaled = np.concatenate([known, 100 * known, 1000 * known])
                near = 2e-5 * max(1.0, abs(end)) if abs(end) > 1e-3 else 1e-6
                assert (np.abs(scaled - end) <= near).any(), (side, end)


# ---- what Plotly is given -----------------------------------------------------------------------


def test_plotly_takes_every_figure_as_it_is(drawn: Drawn) -> None:
    """Figures are built unchecked; checked once here, nothing of them is refused or put right."""
    checked = go.Figure(drawn.figure.to_plotly_json())
    assert json.loads(checked.to_json()) == json.loads(drawn.figure.to_json())


def test_a_still_is_sent_as_its_figure(drawn: Drawn) -> None:
    assert Still(drawn.figure).to_json() == drawn.figure.to_json()


def test_every_figure_brings_the_small_template_of_its_page(drawn: Drawn) -> None:
    found = json.loads(drawn.figure.to_json())["layout"]["template"]
    assert found == template(dark=False)
    assert len(json.dumps(found)) < 2000
    assert len(json.dumps(template(dark=True))) < 2000


def test_figures_are_drawn_as_dictionaries() -> None:
    """Plotly's own objects check every property at every click: thirty times the time."""
    folder = Path(muxviz.figures.__file__).parent
    slow = re.compile(
        r"\bgo\.(?!Figure\b)\w+|\bgo\.Figure\(|\.(?:update|add|for_each)_(?!score)\w+\(|make_subplots\("
    )
    for path in folder.rglob("*.py"):
        if path.relative_to(folder) == Path("drawing/plot.py"):
            continue
        text = re.sub(r"^import plotly.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        assert not slow.findall(text), path


# ---- none is left out ---------------------------------------------------------------------------


def test_every_kind_of_figure_is_held_to_the_laws() -> None:
    """Whatever has a finding of its own is drawn by some family."""
    source = Path(figure_families.__file__).read_text(encoding="utf-8")
    found = 0
    for module in pkgutil.walk_packages(muxviz.figures.__path__, "muxviz.figures."):
        room = import_module(module.name)
        for name, call in vars(room).items():
            if not name.endswith("_finding") or name.startswith("_"):
                continue
            if call.__module__ == room.__name__:
                found += 1
                stem = name.removesuffix("_finding")
                asked = re.search(rf"\b{name}\b|alike\(\s*\"{stem}\"|prefix=\"{stem}\"", source)
                assert asked, f"{room.__name__}.{name} is drawn by no family"
    assert found > 50


# ---- hover words --------------------------------------------------------------------------------

PAIR = r"slot (?P<source>\d+) → slot (?P<slot>\d+)"
VALUE = r"(?P<value>[+\-−]?[\d.,]+(?:e[+\-−]?\d+)?)"
CELL = {"slot": "observed slot", "source": "source slot"}
SLOT = {"slot": "slot"}
LEVEL = SLOT | {"level": "level"}
HEAD = {"layer": "layer", "head": "head"}
OTHER = SLOT | {"source": "other slot"}
AT_LEVEL = rf"slot (?P<slot>\d+), layer (?P<level>\d+): {VALUE}"
# Words over a cell or a mark -> the row of the table that they are about, and the column they show.
ROLES: dict[str, tuple[str, dict[str, str], str]] = {
    "leak": (rf"{PAIR}: {VALUE} %", SLOT, "from {source}"),
    "crosstalk_points": (f"{PAIR}: {VALUE} points", CELL, "probability moved (share)"),
    "crosstalk_swap": (f"{PAIR}: {VALUE}", CELL, "swap (nats)"),
    "crosstalk_decibel": (f"{PAIR}: {VALUE}", CELL, "decibel (dB)"),
    "crosstalk_push": (f"{PAIR}: {VALUE}", CELL, "push (logits)"),
    "crosstalk_shapley": (f"{PAIR}: {VALUE}", CELL, "shapley (logits)"),
    "crosstalk_odds": (f"{PAIR}: {VALUE}", CELL, "odds (nats)"),
    "crosstalk_share": (f"{PAIR}: {VALUE} %", CELL, "share (share)"),
    "comparison": (f"{PAIR}, (?P<model>[AB]): {VALUE}", CELL, "{model}"),
    "key_leak": (
        f"{PAIR}: likeness [^,]+, {VALUE}",
        {"slot": "slot observed", "source": "source"},
        "cross-talk, nats",
    ),
    "shares": (rf"tokens of slot (?P<slot>\d+): {VALUE} %", SLOT, "share"),
    "slope": (
        rf"slot (?P<slot>\d+), fader (?P<source>\d+): {VALUE}",
        SLOT | {"source": "fader"},
        "slope at 1",
    ),
    "pairs": (
        rf"slot (?P<slot>\d+) looks at slot (?P<source>\d+): {VALUE} %",
        {"slot": "looks"},
        "at slot {source}",
    ),
    "gates": (
        rf"slots (?P<slot>\d+) and (?P<source>\d+): {VALUE} %",
        OTHER,
        "differ in this group",
    ),
    "instances": (
        rf"slot (?P<slot>\d+) takes {VALUE} from slot (?P<source>\d+)",
        SLOT,
        "from {source}",
    ),
    "before_after": (rf"Slot (?P<slot>\d+), .* {VALUE} %, tokens", SLOT, "sure after"),
    "lens": (f"{AT_LEVEL} %", LEVEL, "read back"),
    "lens_margin": (f"{AT_LEVEL} nats", LEVEL, "margin (nats)"),
    "probe": (f"{AT_LEVEL} %", LEVEL, "R²"),
    "heads": (
        rf"layer (?P<layer>\d+), head (?P<head>\d+) set to zero<br>margin {VALUE}",
        HEAD,
        "change of the margin",
    ),
    "sinr": (rf"slot (?P<slot>\d+): {VALUE} dB", SLOT, "measured dB"),
    "filter": (rf"slot (?P<slot>\d+), filter: {VALUE} %", SLOT, "filter"),
    "sparsity": (
        rf"(?P<name>m-s60), .*<br>slot (?P<slot>\d+): {VALUE} %",
        SLOT | {"name": "checkpoint"},
        "share",
    ),
    "positions": (rf"position (?P<slot>\d+): {VALUE} %", {"slot": "position"}, "share"),
}


def hovers(figure: Any) -> Iterator[str]:
    for trace in figure.data:
        given = trace.hovertext
        for one in [given] if isinstance(given, str) else given if given is not None else ():
            yield from one if isinstance(one, list | tuple | np.ndarray) else [one]


def is_about(row: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(str(row.get(k)).removeprefix("slot ") == v for k, v in wanted.items())


@pytest.mark.parametrize("name", ROLES)
def test_hover_words_name_the_row_and_column_of_their_number(name: str) -> None:
    pattern, keys, column = ROLES[name]
    drawn, found = FAMILIES[name](), 0
    for text in hovers(drawn.figure):
        match = re.match(pattern, text)
        if match is None:
            continue
        found += 1
        wanted = {row_name: match[key] for key, row_name in keys.items()}
        rows = [row for row in drawn.table if is_about(row, wanted)]
        shown = column.format(**match.groupdict())
        names = (shown, f"{shown}, mean")  # of one position, or of all
        cells = [row[name] for row in rows for name in names if name in row]
        known = np.array([c for c in cells if isinstance(c, int | float)], dtype=np.float64)
        (said,) = numbers_in(match["value"])
        assert is_among(said, known), (text, cells)
    assert found >= 2


# ---- signs, colours and sides -------------------------------------------------------------------


def heat_of(figure: Any) -> Any:
    return next(trace for trace in figure.data if trace.type == "heatmap")


def is_blue(trace: Any, slot: int, source: int) -> bool:
    """Whether a cell is drawn bluer than red."""
    place = (float(trace.z[slot][source]) - trace.zmin) / (trace.zmax - trace.zmin)
    color = color_at([[p, c] for p, c in trace.colorscale], place)
    red, blue = int(color[1:3], 16), int(color[5:7], 16)
    assert abs(red - blue) > 20, "neither"
    return blue > red


def signed_matrix(measure: str) -> CrossMatrix:
    """Slot 2 hurts slot 1 by 2, slot 1 helps slot 3 by 3: all told from nothing."""
    values = np.array([[5.0, -2, 0], [0, 5, 0], [3, 0, 5]])
    sums = (values - 5 * np.eye(3)).sum(axis=1), (values - 5 * np.eye(3)).sum(axis=0)
    received, given = (Estimates(s, s - 0.1, s + 0.2, 64, 0) for s in sums)
    faint = np.zeros((3, 3), dtype=bool)
    return CrossMatrix(
        measure, values, values - 0.1, values + 0.2, faint, True, received, given, -3.0, 3.0, ()
    )


@pytest.mark.parametrize(
    "name", ["crosstalk_push", "crosstalk_shapley", "crosstalk_odds", "relevance_difference"]
)
def test_colours_of_signed_numbers_are_centred_on_nothing(name: str) -> None:
    trace = heat_of(FAMILIES[name]().figure)
    assert trace.zmin == -trace.zmax < 0


def test_what_stands_out_is_told_by_its_own_interval() -> None:
    matrix = signed_matrix("push")
    found = crosstalk_finding(matrix)
    wide = matrix.high.copy()
    wide[0, 1] = 4  # of another cell than that the strongest one mirrors
    assert "other pairs are not told from it" not in found
    assert "other pairs are not told from it" in crosstalk_finding(replace(matrix, high=wide))
    wide[0, 1], wide[1, 0], wide[0, 2] = matrix.high[0, 1], matrix.high[1, 0], 9
    assert "other pairs are not told from it" in crosstalk_finding(replace(matrix, high=wide))
    wide[0, 2], wide[2, 0] = matrix.high[0, 2], 9  # its own end reaches away from the others
    assert crosstalk_finding(replace(matrix, high=wide)).startswith("The sentence in slot 1 helps")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("measure", ["push", "shapley", "odds"])
def test_blue_is_what_the_words_say(measure: str, dark: bool) -> None:
    matrix = signed_matrix(measure)
    trace = heat_of(crosstalk_figure(matrix, dark=dark))
    blue = is_blue(trace, 2, 0), is_blue(trace, 0, 1)  # the positive cell, the negative one
    assert blue == ((False, True) if measure == "odds" else (True, False))
    if measure != "odds":
        figure = crosstalk_figure(matrix, dark=dark)
        assert "Blue helps, orange hurts." in figure.layout.annotations[-1].text
        assert crosstalk_finding(matrix).startswith("The sentence in slot 1 helps slot 3 most: +3")


def test_the_difference_of_two_models_and_of_two_slots_is_signed_by_colour() -> None:
    model = FAMILIES["comparison"]().figure  # B leaks, A is clean: more is orange
    trace = [t for t in model.data if t.type == "heatmap"][-1]
    assert float(trace.z[2][0]) > 0
    assert not is_blue(trace, 2, 0)
    drawn = FAMILIES["relevance_difference"]()
    trace = heat_of(drawn.figure)
    values = np.asarray(trace.z, dtype=np.float64)
    high = np.unravel_index(int(values.argmax()), values.shape)
    low = np.unravel_index(int(values.argmin()), values.shape)
    assert not is_blue(trace, *(int(k) for k in high))  # where the first of the pair leans more
    assert is_blue(trace, *(int(k) for k in low))


@pytest.mark.parametrize("measure", ["swap", "push", "shapley", "odds", "share"])
def test_a_row_receives_and_a_column_gives(measure: str) -> None:
    sides_are_right(FAMILIES[f"crosstalk_{measure}"]().figure, WORDS[measure])


@pytest.mark.parametrize("measure", ["push", "shapley", "odds"])
def test_signed_rows_receive_and_columns_give(measure: str) -> None:
    figure = crosstalk_figure(signed_matrix(measure))
    sides_are_right(figure, WORDS[measure])
    beside, above = (t for t in figure.data if t.type == "bar")
    assert list(beside.x) == [-2, 0, 3]  # what rows add up to
    assert list(above.y) == [3, -2, 0]  # what columns add up to
    for bar, error, values in ((beside, beside.error_x, beside.x), (above, above.error_y, above.y)):
        assert list(error.array) == pytest.approx([0.2] * 3)
        assert list(error.arrayminus) == pytest.approx([0.1] * 3)
        for value, text in zip(values, bar.hovertext, strict=True):
            assert f": {signed(value)} " in text


def sides_are_right(figure: Any, words: Any) -> None:
    """Slot 2 takes nothing from others and slot 3 gives nothing, as planted."""
    beside, above = (t for t in figure.data if t.type == "bar")
    received, given = np.abs(np.asarray(beside.x)), np.abs(np.asarray(above.y))
    assert received[1] == received.min() < 0.5 * received.max()
    assert given[2] == given.min() < 0.7 * given.max()
    assert all(f", {words.received}: " in text for text in beside.hovertext)
    assert all(f", {words.given}: " in text for text in above.hovertext)
    named = {a.text: a for a in figure.layout.annotations}
    assert named[words.received].x == 0.8  # over the bars beside the rows
    assert named[words.given].x == 0  # left of those over the columns


@pytest.mark.parametrize(("is_right", "verb"), [(False, "mended"), (True, "turned")])
def test_what_turns_a_wrong_answer_mends_it(is_right: bool, verb: str) -> None:
    figure = FAMILIES["ladder_right" if is_right else "ladder"]().figure
    beside = [a.text for a in figure.layout.annotations if re.match(r"(mended|turned) \d", a.text)]
    assert len(beside) == len(figure.data[0].x)
    assert all(text.startswith(f"{verb} ") for text in beside)


@pytest.mark.parametrize("name", ["ladder", "ladder_right"])
def test_the_words_beside_and_over_a_bar_are_those_of_its_row(name: str) -> None:
    drawn = FAMILIES[name]()
    rows, bars = drawn.table[1:], drawn.figure.data[0]
    names = [text.strip() for text in drawn.figure.layout.yaxis.ticktext]
    notes = [a.text for a in drawn.figure.layout.annotations]
    beside = [text for text in notes if re.match(r"(mended|turned) \d", text)]
    drawn_rows = zip(rows, bars.x, names, bars.hovertext, beside, strict=True)
    for row, change, label, hover, text in drawn_rows:
        assert row["change of margin"] == change
        assert row["test"] == label
        assert hover.startswith(label)
        assert f" {row['draws turned']} of {row['of']}" in text
    assert [row["told from its control"] for row in rows] == [
        "0.9" in color for color in bars.marker.color
    ]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_the_dose_title_has_the_slopes_of_its_slot(slot: int) -> None:
    found = dose()
    own, most = re.findall(r"([+-]\d\.\d\d)", dose_finding(found, slot).replace("−", "-"))
    others = [j for j in range(3) if j != slot]
    loudest = max(others, key=lambda j: abs(found.slope[slot, j]))
    assert float(own) == pytest.approx(found.slope[slot, slot], abs=0.005)
    assert float(most) == pytest.approx(found.slope[slot, loudest], abs=0.005)
    assert f"({loudest + 1})" in dose_finding(found, slot)
    rows = {(r["slot"], r["fader"]): r["slope at 1"] for r in dose_table(found, slot)}
    assert set(rows) == {(slot + 1, j + 1) for j in range(3)}
    assert rows[slot + 1, slot + 1] == pytest.approx(found.slope[slot, slot])


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_the_dose_is_described_from_its_start_to_its_end(slot: int) -> None:
    found = dose()
    lines = re.findall(r"Fader (\d): (.+?) at 0, (.+?) at 2, slope", dose_alt(found, slot))
    assert len(lines) == 3
    for fader, start, end in lines:
        curve = found.probability[slot, int(fader) - 1]
        assert (start, end) == (percent(float(curve[0])), percent(float(curve[-1])))


def test_what_other_sentences_do_is_counted_and_named() -> None:
    drawn = FAMILIES["swap_pair"]()
    kept, draws = re.findall(r"in (\d+) of (\d+) draws", drawn.finding)[0]
    assert int(draws) == len(drawn.table)
    assert int(kept) == sum(row["answers changed"] == 0 for row in drawn.table)
    target = re.findall(r"“(\w+)” gets", drawn.finding)[0]
    for row in drawn.table[:3]:
        chance = percent(row[f"p({target})"])
        assert f"“{row['sentence']}”: “{row['answer']}”, {target} at {chance}, JS" in drawn.alt


def test_what_pruning_does_names_the_most_pruned_first() -> None:
    drawn = FAMILIES["sparsity"]()
    every = {row["sparsity"]: row for row in drawn.table if row["slot"] == "all"}
    most, none = percent(every[0.95]["share"]), percent(every[0.0]["share"])
    assert f": {most} (95 % pruned), {none} (unpruned)" in drawn.finding


# ---- what is not known --------------------------------------------------------------------------


def without_intervals(value: Any) -> Any:
    """The same result as from one draw: every interval NaN, as ``Estimates`` documents."""
    if isinstance(value, Estimates):
        nothing = np.full_like(np.asarray(value.mean, dtype=np.float64), np.nan)
        return Estimates(value.mean, nothing, nothing, 1, value.seed)
    if isinstance(value, CrossMatrix):
        nothing = np.full_like(value.values, np.nan)
        value = replace(value, low=nothing, high=nothing)
    if isinstance(value, list | tuple):
        return type(value)(without_intervals(v) for v in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {f.name: without_intervals(getattr(value, f.name)) for f in fields(value) if f.init}
    return replace(value, **changed)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_result_without_intervals_is_drawn_and_nothing_more_is_claimed(name: str) -> None:
    drawn = VARIANTS[name](without_intervals)
    json.loads(drawn.figure.to_json())
    assert drawn.alt.startswith(drawn.finding)
    assert "nan" not in f"{drawn.alt}{drawn.figure.layout.title.text}".lower()
    for text in hovers(drawn.figure):
        assert not re.search(r"\bnan\b", text.lower()), text
