"""The panel of the Fidelity page about pruning: slots against sparsity."""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.figures.drawing.family import Picture
from muxviz.figures.fidelity.by_sparsity import SPARSITY
from muxviz.results.by_sparsity import BySparsity
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, QUANTITY
from muxviz.ui.fidelity.view import drawn_labelled
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count
from muxviz.ui.study.asked import Across, Gather
from muxviz.ui.study.call import Call
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.pruned_family import origins_line, sparsity_family, why_no_family
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


def pruning_panel(run: RunRequest, bench: Bench) -> None:
    """All checkpoints of the kind against sparsity, slot by slot."""
    control(QUANTITY, help="What is compared; all three are counted at once.")
    members = sparsity_family(bench)
    show(_question(members or [run], why_no_family(bench, members)))


def _question(members: Sequence[RunRequest], reason: str) -> Across:
    groups, first, name = value(DRAWS), members[0], "fidelity.by_sparsity.slot_record"
    picked = value(QUANTITY)

    def draw(result: BySparsity) -> Picture:
        return SPARSITY(quantity=picked if picked in result.quantities else result.quantities[0])

    return Across(
        "fidelity_sparsity",
        "Does pruning hurt some slots more than others?",
        Call(name, first, drawn_labelled(), "pool", baseline=True, across=tuple(members[1:])),
        mixed(
            2 * groups,
            f" on each of {count(len(members), 'checkpoint')}, and up to "
            f"{groups * first.num_instances} sentences alone",
            times=len(members),
            alone=groups * first.num_instances,
        ),
        draw,
        words.SPARSITY_HOW,
        words.SPARSITY_LIMITS,
        "One line per slot against sparsity, on the same random groups.",
        reason=reason,
        origin=origins_line,
        gather=Gather("fidelity.by_sparsity.by_sparsity", {"seed": first.seed}),
        least=2,
    )
