"""What a silent slot holds, for the views of What-if that silence one."""

from __future__ import annotations

from typing import Any

from muxviz.ui.shell.params import value
from muxviz.ui.study.call import As, pool_texts
from muxviz.ui.whatif.params import FLOOR


def floor_arguments() -> dict[str, Any]:
    """What a silent slot holds, and the pool where that is the average of its sentences."""
    floor = str(value(FLOOR))
    pool: dict[str, Any] = {"pool": pool_texts()} if floor == "pool" else {}
    return {"floor": As("what a silent slot holds", floor), **pool}
