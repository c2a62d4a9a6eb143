"""The panel of the Cross-talk page about pruning: the swap test against sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from muxviz.figures.crosstalk.by_sparsity import (
    crosstalk_sparsity_alt,
    crosstalk_sparsity_figure,
    crosstalk_sparsity_table,
)
from muxviz.results.group import Provenance
from muxviz.results.store import to_json
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import Chosen, ask_of, code_of, work_of
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pruned_family import sparsity_family, why_no_family
from muxviz.ui.study.question import Answer, Study, show
from muxviz.ui.study.runs import RunRequest

QUESTION = "Does pruning bring cross-talk?"


def sparsity_panel(run: RunRequest, bench: Bench, picked: Chosen) -> None:
    """This group's swap test on every checkpoint of the kind, against sparsity."""
    members = sparsity_family(bench)
    swaps = replace(picked, measure="swap")
    asks = [ask_of(member, swaps) for member in members or (run,)]
    passes = min(swaps.draws, len(swaps.pool)) * run.num_instances
    show(
        Study(
            "crosstalk_sparsity",
            QUESTION,
            replace(
                asks[0],
                name="swap cross-talk against sparsity",
                across=tuple(ask.run for ask in asks[1:]),
            ),
            f"{passes:,} mixed sequences on each of {count(len(asks), 'checkpoint')}",
            work_of(asks[0].run, swaps),
            lambda found: _panel(found, [ask.run for ask in asks], swaps, bench.is_dark),
            "What each slot of this group takes from the others, one line per slot, against "
            "sparsity: the swap test with the same sentences on every checkpoint.",
            reason=why_no_family(bench, members),
        )
    )


def _panel(found: Any, asked: Sequence[RunRequest], picked: Chosen, dark: bool) -> Panel:
    answers: Sequence[Answer] = found if isinstance(found, tuple) else (Answer(asked[0], found),)
    tests = [a.result for a in answers if a.result is not None]
    if len(tests) < 2:
        told = "; ".join(f"{a.run.checkpoint}: {a.reason}" for a in answers if a.reason)
        return Panel(
            "crosstalk_sparsity",
            (),
            (),
            [],
            "Two checkpoints at least are needed.",
            told or "The work was stopped before the second checkpoint.",
            lambda: to_json(tests),
            "",
            f"Nothing to compare. {told}".strip(),
        )
    from muxviz.analysis.fidelity.by_sparsity import crosstalk_by_sparsity

    result = crosstalk_by_sparsity(tests, seed=asked[0].seed)
    missing = [f"{a.run.checkpoint}: {a.reason}" for a in answers if a.result is None]
    return Panel(
        "crosstalk_sparsity",
        (crosstalk_sparsity_figure(result, dark=dark),),
        (crosstalk_sparsity_alt(result),),
        crosstalk_sparsity_table(result),
        text.SPARSITY_HOW,
        text.SPARSITY_LIMITS,
        lambda: to_json(result),
        _python(asked, picked),
        " ◦ ".join(
            [result.origins[0].line(), *(_short(made) for made in result.origins[1:]), *missing]
        ),
    )


def _short(made: Provenance) -> str:
    return f"{made.named} ({made.fingerprint})"


def _python(asked: Sequence[RunRequest], picked: Chosen) -> str:
    """The swap test of the first checkpoint, then the same of the others."""
    names = [run.checkpoint for run in asked[1:]]
    where = f"device={asked[0].device!r}, dtype={asked[0].dtype!r}"
    code = code_of(
        asked[0],
        picked,
        [
            "from muxviz.analysis.fidelity.by_sparsity import crosstalk_by_sparsity",
            "from muxviz.figures.crosstalk.by_sparsity import crosstalk_sparsity_figure",
        ],
        [
            "results = [result]",
            f"for name in {names!r}:",
            f"    checkpoint = muxviz.load(name, {where})",
        ],
    )
    call = next(line for line in code.split("\n") if line.startswith("result = "))
    seed = f", seed={asked[0].seed}" if asked[0].seed else ""
    return "\n".join(
        [
            code,
            f"    results.append({call.removeprefix('result = ')})",
            f"crosstalk_sparsity_figure(crosstalk_by_sparsity(results{seed})).show()",
        ]
    )
