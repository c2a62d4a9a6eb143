"""A slot's tokens through the layers: a strip that plays, one frame per level.

Tint and words are those of ``drawing/strips``. Cells keep their places, so that only what changes
moves.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.cells import LINE_ROOM, NARROW_LINE, Cell, place_cells, strip_figure
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import CLEAR, SMALL_SIZE, caption, ink
from muxviz.figures.drawing.levels import SHORT, level_words
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.strips import LOWEST, TOKEN_ROOM
from muxviz.figures.drawing.wording import interval, number, percent, plain, shorten, visible, width
from muxviz.results.layers import GroupLens, SlotLens

MOST_TOKENS = 128  # drawn; a longer text is cut, and the caption says so
CONTROLS = 118  # px under the cells, for the player and how to read it
FRAME_MS = 900
WORDS = {"demux": "as it is", "translated": "translated"}


def lens_strip_figure(
    lens: GroupLens, slot: int, *, level: int = -1, dark: bool = False, is_narrow: bool = False
) -> go.Figure:
    """One slot's tokens at every level; Play goes through them, the slider steps.

    Args:
        lens: of one group.
        slot: counted from 0.
        level: the one shown first, counted from the input of layer 1; -1 is the last.
        dark: for a dark page.
        is_narrow: for a page of 360 px.

    Raises:
        InputError: no such slot or level.
    """
    found = _slot(lens, slot)
    if not -len(lens.levels) <= level < len(lens.levels):
        raise InputError(f"got level {level}; there are {len(lens.levels)}")
    first = level % len(lens.levels)
    room = NARROW_LINE if is_narrow else LINE_ROOM
    strips = [_strip(lens, found, k, dark, room) for k in range(len(lens.levels))]
    plot = strips[first]
    plot.frames = [
        {
            "name": name,
            "data": [_changes(strip)],
            "traces": [0],
            "layout": {
                "shapes": strip.layout["shapes"],
                "title": {"text": strip.layout["title"]["text"]},
            },
        }
        for name, strip in zip(lens.levels, strips, strict=True)
    ]
    _player(plot, lens, first, dark)
    caption(plot, _remark(found), below=92)
    return plot.figure()


def lens_strip_table(lens: GroupLens, slot: int) -> list[dict[str, Any]]:
    """One row per level and token."""
    found = _slot(lens, slot)
    return [
        {
            "level": level,
            "position": t,
            "own token": token,
            "read": found.read[k][t],
            "read back": bool(found.rank[k, t] == 0),
            "counted": bool(found.is_counted[t]),
            "log-probability of own (nats)": float(found.true_log_prob[k, t]),
            "log-probability of read (nats)": float(found.read_log_prob[k, t]),
            "rank of own": int(found.rank[k, t]) + 1,
        }
        for k, level in enumerate(lens.levels)
        for t, token in enumerate(found.tokens)
    ]


def lens_strip_finding(lens: GroupLens, slot: int) -> str:
    """From which level on the slot is read, in one sentence."""
    found = _slot(lens, slot)
    shares = [found.proportion(k) for k in range(len(lens.levels))]
    if not shares[-1].trials:
        return f"{slot_label(slot)}: no token to count"
    whole = next((k for k, p in enumerate(shares) if p.successes == p.trials), None)
    head = f"{slot_label(slot)}: {percent(shares[0].value)} of {shares[0].trials} tokens"
    if whole is not None and all(p.successes == p.trials for p in shares[whole:]):
        return f"{slot_label(slot)}: every token is read from {level_words(lens.levels[whole])} on"
    last = percent(shares[-1].value)
    return f"{head} are read at {level_words(lens.levels[0])}, {last} at the end"


def lens_strip_alt(lens: GroupLens, slot: int) -> str:
    """Every level in words, with its wrong tokens."""
    found, lines = _slot(lens, slot), [f"{lens_strip_finding(lens, slot)}."]
    for k, level in enumerate(lens.levels):
        share = found.proportion(k)
        wrong = [
            f"{visible(token)} as {visible(found.read[k][t])}"
            for t, token in enumerate(found.tokens)
            if found.is_counted[t] and found.rank[k, t]
        ]
        listed = f" Wrong: {', '.join(wrong)}." if wrong else ""
        lines.append(
            f"{level_words(level).capitalize()}: {int(share.successes)} of {share.trials}.{listed}"
        )
    return " ".join(lines)


def _slot(lens: GroupLens, slot: int) -> SlotLens:
    if not 0 <= slot < len(lens.slots):
        raise InputError(f"got slot {slot}; this group has slots 0 to {len(lens.slots) - 1}")
    return lens.slots[slot]


def _strip(lens: GroupLens, found: SlotLens, level: int, dark: bool, room: float) -> Plot:
    """The figure of one level, without the player."""
    share = found.proportion(level)
    title = f"{slot_label(found.slot)} at {level_words(lens.levels[level])}"
    if level:
        title = title.replace(" at layer", " after layer")
    if share.trials:
        title += (
            f": {int(share.successes)} of {share.trials} tokens read back "
            f"({percent(share.value)}, 95 % interval {interval(share)})"
        )
    else:
        title += ": no token to count"
    cells = _cells(found, level, dark, room)
    plot = strip_figure(cells, title, dark=dark, below=CONTROLS, room=room)
    hovers = {"hovertext": [cell.hover for cell in cells], "hoverinfo": "text"}
    plot.data = [plot.data[0] | hovers]
    return plot


def _changes(strip: Plot) -> Trace:
    """Of the texts, what differs from level to level."""
    texts = strip.data[0]
    color = texts["textfont"]["color"]
    return scatter(text=texts["text"], hovertext=texts["hovertext"], textfont={"color": color})


def _cells(found: SlotLens, level: int, dark: bool, room: float) -> list[Cell]:
    scale, count = sequential(dark), min(len(found.tokens), MOST_TOKENS)
    fills = [
        color_at(scale, float(found.true_log_prob[level, t]) / LOWEST)
        if found.is_counted[t]
        else None
        for t in range(count)
    ]
    levels = range(len(found.read))
    return place_cells(
        [max((_written(found, k, t) for k in levels), key=width) for t in range(count)],
        [_text(found, level, t) for t in range(count)],
        [_hover(found, level, t) for t in range(count)],
        fills,
        marked={t for t in range(count) if _is_wrong(found, level, t)},
        room=room,
    )


def _is_wrong(found: SlotLens, level: int, t: int) -> bool:
    return bool(found.is_counted[t] and found.rank[level, t])


def _pair(found: SlotLens, level: int, t: int) -> tuple[str, str]:
    own, read = visible(found.tokens[t]), visible(found.read[level][t])
    return shorten(own, TOKEN_ROOM), shorten(read, TOKEN_ROOM)


def _written(found: SlotLens, level: int, t: int) -> str:
    own, read = _pair(found, level, t)
    return f"{own} → {read}" if _is_wrong(found, level, t) else own


def _text(found: SlotLens, level: int, t: int) -> str:
    own, read = (plain(part) for part in _pair(found, level, t))
    return f"{own} → <b>{read}</b>" if _is_wrong(found, level, t) else own


def _hover(found: SlotLens, level: int, t: int) -> str:
    line = f"position {t}: {plain(visible(found.tokens[t]))}"
    if not found.is_counted[t]:
        return f"{line}<br>special token, not counted"
    line += (
        f"<br>{number(found.true_log_prob[level, t], '.2f')} nats, rank {found.rank[level, t] + 1}"
    )
    if found.rank[level, t]:
        read = plain(visible(found.read[level][t]))
        line += f"<br>read as {read} ({number(found.read_log_prob[level, t], '.2f')} nats)"
    return line


def _remark(found: SlotLens) -> str:
    words = "own → <b>read</b> where it went wrong; dotted: special, not counted; the stronger "
    words += f"the tint, the less likely the own token (0 to {number(LOWEST, 'g')} nats)"
    if len(found.tokens) > MOST_TOKENS:
        words += f"; the first {MOST_TOKENS} of {len(found.tokens)} tokens"
    return words


def _player(plot: Plot, lens: GroupLens, first: int, dark: bool) -> None:
    """Play, Pause and a step per level."""
    colors = ink(dark)
    still: dict[str, Any] = {
        "mode": "immediate",
        "frame": {"duration": 0, "redraw": True},
        "transition": {"duration": 0},
    }
    moving = still | {"frame": {"duration": FRAME_MS, "redraw": True}, "fromcurrent": True}
    plot.set(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 30, "l": 0},
                "bgcolor": CLEAR,
                "bordercolor": colors.line,
                "font": {"size": SMALL_SIZE, "color": colors.text},
                "buttons": [
                    {"label": "▶ Play", "method": "animate", "args": [None, moving]},
                    {"label": "❚❚ Pause", "method": "animate", "args": [[None], still]},
                ],
            }
        ],
        sliders=[
            {
                "active": first,
                "x": 0.2,
                "len": 0.8,
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 26, "b": 0, "l": 0, "r": 8},
                "currentvalue": {"visible": False},
                "bgcolor": colors.line,
                "activebgcolor": colors.text,
                "bordercolor": colors.line,
                "borderwidth": 0,
                "tickcolor": colors.muted,
                "ticklen": 4,
                "font": {"size": SMALL_SIZE, "color": colors.muted},
                "steps": [
                    {
                        "label": SHORT.get(name, name),
                        "method": "animate",
                        "args": [[name], still],
                    }
                    for name in lens.levels
                ],
            }
        ],
    )


STRIP = Family(lens_strip_figure, lens_strip_finding, lens_strip_alt, lens_strip_table)
