"""What a preset gave on bundled models, in words, where it is offered."""

from __future__ import annotations

from muxviz.errors import DataError
from muxviz.presets import Preset
from muxviz.results.shown import Shown, ShownGroups
from muxviz.ui.shell.text import count, listed
from muxviz.ui.study import recorded


def outcome(item: Preset, checkpoint: str) -> str:
    """What was recorded of a preset on a bundled checkpoint; "" where nothing was."""
    everything = _recorded()
    found = everything and everything.of(item.id, checkpoint)
    return _words(found, everything.draws) if everything and found else ""


def where_it_turns(item: Preset) -> str:
    """The bundled checkpoints on which the preset turns an answer; "" for none."""
    everything = _recorded()
    turning = everything.turning(item.id) if everything else ()
    if not turning:
        return ""
    return f"Turned: {'; '.join(f'{s.checkpoint} {_slots(s.turned)}' for s in turning)}."


def failing(checkpoint: str) -> Shown | None:
    """A group with an answer that a bundled checkpoint turned, where one was recorded."""
    everything = _recorded()
    return everything.turned_on(checkpoint) if everything else None


def _recorded() -> ShownGroups | None:
    try:
        return recorded.shown()
    except DataError:
        return None  # the group is there without it


def _words(found: Shown, draws: int) -> str:
    lost = sum(found.lost)
    parts = [
        f"{_slots(found.turned)} answered otherwise than alone"
        if found.turned
        else "every answer as alone"
    ]
    if found.lost:
        parts.append(f"{count(lost, 'token')} lost" if lost else "every token read back")
    if found.share:
        parts.append(
            f"another sentence in slot {found.source + 1} turned slot {found.target + 1} in "
            f"{round(found.share * draws)} of {draws} draws"
        )
    elif len(found.lost) > 1:
        parts.append(f"no exchange of one neighbour turned an answer ({draws} draws each)")
    return "; ".join(parts)


def _slots(numbers: tuple[int, ...]) -> str:
    return f"slot{'s' if len(numbers) > 1 else ''} {listed([str(n + 1) for n in numbers])}"
