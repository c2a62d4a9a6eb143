"""One pass of a group as work: what Run starts, and what a restored session computes again."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.ui.study.call import Ask, Call
from muxviz.ui.study.jobs import Together, Work
from muxviz.ui.study.runs import RunRequest


@dataclass(frozen=True)
class Pass:
    """What is computed; asked for again before it is there, it is still one pass.

    key: of the control that starts it; another start under the same key ends it.
    """

    request: RunRequest
    key: str = "run"

    @property
    def call(self) -> Call:
        """The pass with everything that is read from it."""
        given = {"equal_slots": True} if self.request.equal_slots else {}
        return Call("inference.run_group", self.request, given, baseline=True)

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        return self.call.ask

    @property
    def work(self) -> Work | Together:
        """What gives the result."""
        return self.call.work
