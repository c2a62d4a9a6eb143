"""The computations behind the Layers page; each gives what a study calls in its thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from muxviz.pool import fit_and_test
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress, Work


def spectrum_work(run: RunRequest, pairs: int) -> Work:
    """The entanglement spectrum over the pool."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.layers.entanglement import entanglement_spectrum
        from muxviz.pool import texts

        return entanglement_spectrum(
            checkpoint, texts(), pairs=pairs, progress=progress, **run.pool_options
        )

    return work


def group_work(run: RunRequest) -> Work:
    """One pass over the group, with its read-back."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.inference import run_group

        return run_group(checkpoint, run.rows, baseline=baseline, **run.group_options)

    return work


def lens_work(run: RunRequest, probe: str, draws: int, fit_draws: int) -> Work:
    """One of the lenses, or the probes."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        fit, test = fit_and_test()
        given: dict[str, Any] = {"draws": draws, "progress": progress, **run.pool_options}
        if probe == "linear":
            from muxviz.analysis.layers.probes import linear_probes

            return linear_probes(checkpoint, fit, test, fit_draws=fit_draws, **given)
        from muxviz.analysis.layers.lens import demux_lens, translated_lens

        if probe == "demux":
            return demux_lens(checkpoint, test, **given)
        return translated_lens(checkpoint, fit, test, fit_draws=fit_draws, **given)

    return work


def strip_work(run: RunRequest, translated: bool, fit_draws: int) -> Work:
    """The group through the lens at every level."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.layers.lens import fit_translators, lens_of_group

        translators = None
        if translated:
            translators = fit_translators(
                checkpoint,
                fit_and_test()[0],
                draws=fit_draws,
                progress=progress,
                **run.pool_options,
            )
        return lens_of_group(checkpoint, run.rows, translators=translators, **run.group_options)

    return work


def norms_work(run: RunRequest, draws: int) -> Work:
    """Norms and attention entropy of one checkpoint."""

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.layers.norms import layer_norms
        from muxviz.pool import texts

        return layer_norms(checkpoint, texts(), draws=draws, progress=progress, **run.pool_options)

    return work


def relatives(run: RunRequest, runs: Sequence[RunRequest]) -> tuple[RunRequest, ...]:
    """The runs of checkpoints that share the run's N = 1 baseline, the baseline first, by N."""
    root = run.baseline or run.checkpoint
    found = [r for r in runs if root in (r.checkpoint, r.baseline)]
    found = found if run.checkpoint in {r.checkpoint for r in found} else [run, *found]
    return tuple(sorted(found, key=lambda r: (r.num_instances, r.checkpoint)))
