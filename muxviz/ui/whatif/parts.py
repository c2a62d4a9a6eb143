"""What views of What-if share: another slot, a slot that only fills, a silent slot."""

from __future__ import annotations

from typing import Any

from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control, value
from muxviz.ui.study.call import As, pool_texts
from muxviz.ui.study.panels import empty
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif.params import FLOOR, OTHER


def other_slot(run: RunRequest, bench: Bench, label: str) -> int:
    """A slot beside the selected one, counted from 0."""
    numbers = [n for n in range(1, run.num_instances + 1) if n != bench.slot + 1]
    options = {str(n): OTHER.options[str(n)] for n in numbers if str(n) in OTHER.options}
    default = OTHER.default if OTHER.default in options else str(numbers[0])
    choice = Choice(OTHER.key, label, options, default)
    return int(control(choice)) - 1


def only_fills(run: RunRequest, bench: Bench) -> bool:
    """Whether the selected slot holds no sentence of the user's; if so, that is said."""
    if bench.slot < len(run.rows):
        return False
    empty(
        f"Slot {bench.slot + 1} holds no sentence of yours",
        "It only fills the group up; select another slot on the left.",
    )
    return True


def floor_arguments() -> dict[str, Any]:
    """What a silent slot holds, and the pool where that is the average of its sentences."""
    floor = str(value(FLOOR))
    pool: dict[str, Any] = {"pool": pool_texts()} if floor == "pool" else {}
    return {"floor": As("what a silent slot holds", floor), **pool}
