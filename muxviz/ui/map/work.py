"""The computations behind the Map page; each gives what a study calls in its thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from muxviz.pool import labelled
from muxviz.ui.study.pool_runs import pooled
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.results.map import StateSample
    from muxviz.ui.study.question import Progress, Work

SCORES = 0.25  # of the work of sampling, that scores take


def asked_run(run: RunRequest, *, with_own: bool) -> RunRequest:
    """The run as far as a map depends on it."""
    if with_own:
        return replace(run, equal_slots=False)
    return pooled(run, baseline=True)


def sample_work(run: RunRequest, anchors: int, sets: int) -> Work:
    """Sample the states, score them, and make the PCA maps; a stopped sample is kept."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.map.projection import map_states
        from muxviz.analysis.map.states import sample_states

        texts, labels = labelled()
        steps = anchors * sets * run.num_instances + len(run.rows)
        total = round(steps * (1 + SCORES))
        sample = sample_states(
            checkpoint,
            run.rows,
            pool=texts,
            gold=labels,
            baseline=baseline,
            anchors=anchors,
            neighbour_sets=sets,
            progress=lambda done, _: progress(done, total),
            **run.group_options,
        )

        def tell(done: int, parts: int) -> None:
            progress(round(steps * (1 + SCORES * done / parts)), total)

        return map_states(sample, seed=run.seed, progress=None if sample.is_partial else tell)

    return work


def project_work(
    sample: StateSample,
    states: tuple[str, ...],
    method: str,
    dims: int,
    near: int,
    dist: float,
    seed: int,
) -> Work:
    """A map of a sample that is there; no pass is made."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.map.projection import project

        return project(
            sample,
            states,
            method=method,
            dims=dims,
            n_neighbors=near,
            min_dist=dist,
            seed=seed,
            progress=progress,
        )

    return work
