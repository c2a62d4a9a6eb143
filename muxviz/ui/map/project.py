"""Another map of a sample that is there, as what a question is answered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from muxviz.figures.map.words import METHODS
from muxviz.results.map import Projection, StateSample
from muxviz.ui.study.call import As, Ask, Call

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.jobs import Progress


@dataclass(frozen=True)
class Project:
    """``project`` of a sample: no pass is made.

    sampling: the call that gave the sample. given: further arguments.
    """

    sampling: Call
    sample: StateSample
    method: str
    given: Mapping[str, As]

    @property
    def ask(self) -> Ask:
        """What the result depends on: all of the sampling, and the choices."""
        first, name = self.sampling.ask, f"map by {METHODS[self.method]}"
        return replace(first, name=name, params=(*first.params, *self.given.values()))

    @property
    def _options(self) -> dict[str, Any]:
        chosen = {name: argument.value for name, argument in self.given.items()}
        return {"method": self.method, **chosen, "seed": self.sampling.run.seed}

    def work(
        self, checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress
    ) -> Projection:
        """What a job calls in its thread."""
        from muxviz.analysis.map.projection import project

        return project(self.sample, progress=progress, **self._options)

    def python(self, imports: Sequence[str], lines: Sequence[str]) -> str:
        """Python that samples, gives ``projection``, then ``lines``."""
        options = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return self.sampling.python(
            ["from muxviz.analysis.map.projection import project", *imports],
            [f"projection = project(result.sample, {options})", *lines],
        )
