"""What views of What-if share: another slot, a slot that only fills, the panel of two passes."""

from __future__ import annotations

from muxviz.figures.whatif import desk as figures
from muxviz.results.store import to_json
from muxviz.results.whatif_desk import BeforeAfter
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control
from muxviz.ui.study.panels import Panel, empty
from muxviz.ui.study.python import analysis_snippet
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif.params import OTHER

POOL_LINE = "from muxviz.pool import texts"


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


def before_after_panel(
    key: str,
    result: BeforeAfter,
    run: RunRequest,
    bench: Bench,
    function: str,
    code: str,
    texts: tuple[str, str],
) -> Panel:
    """The panel of any two passes."""
    imports = [
        f"from muxviz.analysis.whatif.desk import {function}",
        "from muxviz.figures.whatif.desk import before_after_figure",
        *([POOL_LINE] if "texts()" in code else []),
    ]
    return Panel(
        key,
        (figures.before_after_figure(result, dark=bench.is_dark),),
        (figures.before_after_alt(result),),
        figures.before_after_table(result),
        texts[0],
        texts[1],
        lambda: to_json(result),
        analysis_snippet(run, imports, [code, "before_after_figure(result).show()"]),
        result.provenance.line(),
    )
