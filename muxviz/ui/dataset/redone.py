"""The listed rows on model B."""

from __future__ import annotations

from muxviz.figures.dataset.regression import REGRESSION
from muxviz.results.regression import Regression
from muxviz.results.worklist import Worklist
from muxviz.ui.dataset import text as words
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, Sentences
from muxviz.ui.study.heading import without_rows
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show


def redone_panel(bench: Bench, call: Call, found: Worklist) -> None:
    """What model B makes of them, each among the rows that it failed with."""
    if not found.failures:
        return
    other = without_rows(bench, bench.other)
    kept = Sentences(
        found.saved,
        "worklist.saved()",
        tuple(call.imports()),
        (call.ask, len(found)),
        tuple(call.statements("worklist")),
    )
    show(
        Question(
            "dataset_redone",
            "Would another checkpoint mend them?",
            Call(
                "regression.redo.regression",
                call.run,
                {"kept": As("the listed rows", kept)},
                "checkpoints",
                across=() if other is None else (other,),
                together=True,
            ),
            mixed(len(found.failures), " with each of the two", times=2),
            REGRESSION(),
            words.REDONE_HOW,
            _limits,
            words.REDONE_PROMISE,
            reason="" if other else "Choose a model B on the sidebar.",
            origin=_origin,
        )
    )


def _limits(result: Regression) -> str:
    """What the result itself says of how far it goes."""
    return "\n".join(f"- {plain(note)}" for note in result.notes)


def _origin(result: Regression) -> str:
    second = result.second
    return f"{result.first.line()} · B: {second.checkpoint} ({second.fingerprint})"
