"""How many threads a pass may use: one core is left to the pages, unless a setting says otherwise.

Two threads of torch on two cores of which one is busy wait for each other at every product of
matrices; a pass then takes several times as long as on one thread.
"""

from __future__ import annotations

import os

from muxviz.errors import MuxvizError

SETTING = "MUXVIZ_THREADS"
MOST = 256


def threads() -> int:
    """As set by ``MUXVIZ_THREADS`` or ``OMP_NUM_THREADS``, else the cores but one, at least 1.

    Raises:
        MuxvizError: a setting of ours that is no such number.
    """
    own = os.environ.get(SETTING, "").strip()
    if own:
        if not own.isdecimal() or not 1 <= int(own) <= MOST:
            raise MuxvizError(
                f"{SETTING} is {own!r}; set it to a whole number from 1 to {MOST}, or leave it "
                "out for the number of cores less one, and start the app again"
            )
        return int(own)
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() and int(given) else max(1, cores() - 1)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads() -> None:
    """Let torch use that many in this thread, and in those that begin later."""
    import torch

    if torch.get_num_threads() != (wanted := threads()):
        torch.set_num_threads(wanted)
