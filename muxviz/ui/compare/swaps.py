"""The swap test as Compare asks it."""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.ui.compare.params import SWAPS
from muxviz.ui.shell.params import value
from muxviz.ui.study.call import As, Call, pool_texts
from muxviz.ui.study.runs import RunRequest


def swap_test(run: RunRequest, others: Sequence[RunRequest]) -> Call:
    """The swap test of this group on several checkpoints, with the same sentences."""
    return Call(
        "crosstalk.swap_test.measure_crosstalk",
        run,
        {"draws": As("the sentences put in", value(SWAPS)), "pool": pool_texts()},
        baseline=True,
        across=tuple(others),
        listed=True,
    )
