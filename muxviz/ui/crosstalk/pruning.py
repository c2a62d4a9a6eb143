"""The panel of the Cross-talk page about pruning: the swap test against sparsity."""

from __future__ import annotations

from dataclasses import replace

from muxviz.figures.crosstalk.by_sparsity import CROSSTALK_SPARSITY
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import Chosen, call_of
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count
from muxviz.ui.study.asked import Across, Gather
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.pruned_family import origins_line, sparsity_family, why_no_family
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


def sparsity_panel(run: RunRequest, bench: Bench, picked: Chosen) -> None:
    """This group's swap test on every checkpoint of the kind, against sparsity."""
    family = sparsity_family(bench)
    first, *others = family or (run,)
    swaps = replace(picked, measure="swap")
    passes = min(swaps.draws, len(swaps.pool)) * run.num_instances
    show(
        Across(
            "crosstalk_sparsity",
            "Does pruning bring cross-talk?",
            replace(call_of(first, swaps), across=tuple(others), listed=True),
            mixed(
                passes,
                f" on each of {count(1 + len(others), 'checkpoint')}",
                times=1 + len(others),
            ),
            CROSSTALK_SPARSITY(),
            text.SPARSITY_HOW,
            text.SPARSITY_LIMITS,
            "What each slot of this group takes from the others, one line per slot, against "
            "sparsity: the swap test with the same sentences on every checkpoint.",
            reason=why_no_family(bench, family),
            origin=origins_line,
            gather=Gather("fidelity.by_sparsity.crosstalk_by_sparsity", {"seed": run.seed}),
            least=2,
        )
    )
