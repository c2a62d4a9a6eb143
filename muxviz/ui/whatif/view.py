"""The What-if page: one thing to change at a time."""

from __future__ import annotations

from collections.abc import Callable

from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif.desk import desk_view
from muxviz.ui.whatif.edit import edit_view
from muxviz.ui.whatif.keys import keys_view
from muxviz.ui.whatif.params import VIEW
from muxviz.ui.whatif.same import same_view
from muxviz.ui.whatif.seats import seats_view
from muxviz.ui.whatif.why import why_view

VIEWS: dict[str, Callable[[RunRequest, Bench], None]] = {
    "desk": desk_view,
    "edit": edit_view,
    "key": keys_view,
    "seats": seats_view,
    "same": same_view,
    "why": why_view,
}
ALONE = (
    "One text a pass: there is no other slot that a change could reach. Choose a checkpoint with "
    "two slots or more."
)


def whatif_panels(run: RunRequest, bench: Bench) -> None:
    """The chosen kind of change."""
    if run.num_instances < 2:
        not_applicable("What happens to the others?", ALONE)
        return
    VIEWS[str(control(VIEW))](run, bench)
