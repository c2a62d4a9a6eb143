"""Panels of the Fidelity page about answers: against alone, and against labels."""

from __future__ import annotations

from muxviz.figures.fidelity.answers import ACCURACY, AGREEMENT
from muxviz.figures.fidelity.escalation import ESCALATION
from muxviz.pool import pool_name
from muxviz.results.fidelity import Agreement
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, SCOPE
from muxviz.ui.fidelity.view import drawn, drawn_labelled, origin
from muxviz.ui.shell.params import value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call
from muxviz.ui.study.pace import Cost, mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


def agreement_panel(run: RunRequest) -> None:
    """Answers in company against the N = 1 baseline's."""
    scope, draws, num = value(SCOPE), value(DRAWS), run.num_instances
    call: Call = Call("fidelity.agreement.agreement", run, baseline=True)
    cost: Cost | str = "few passes"
    if scope == "pool":
        name = "fidelity.agreement.pool_agreement"
        call = Call(name, run, drawn(), takes="pool", baseline=True)
        alone = min(draws * num, 1000)
        cost = mixed(draws, f", and up to {alone} sentences alone", alone=alone)
    show(
        Question(
            f"fidelity_agreement_{scope}",
            "Does company change the answer?",
            call,
            cost,
            AGREEMENT(),
            words.AGREE_HOW,
            words.AGREE_LIMITS,
            "How often each slot gives the answer that its sentence gets alone, how far the two "
            "distributions are apart, and how far the margin moves.",
            instant=scope == "group",
            reason="" if num > 1 else "An N = 1 model has no company.",
            file="fidelity_agreement",
            origin=_beside_alone,
        )
    )


def _beside_alone(result: Agreement) -> str:
    made = result.baseline
    return f"{origin(result)} · alone: {made.checkpoint} ({made.fingerprint})"


def accuracy_panel(run: RunRequest) -> None:
    """Right answers on the labelled pool, per slot."""
    groups = value(DRAWS)
    alone = f", and {groups * run.num_instances} sentences alone" if run.baseline else ""
    name = "fidelity.agreement.accuracy_beside_alone"
    show(
        Question(
            "fidelity_right",
            "How often is each slot's answer right?",
            Call(name, run, drawn_labelled(), takes="pool", baseline=True),
            mixed(groups, alone, alone=groups * run.num_instances if alone else 0),
            lambda result: ACCURACY().of(*result, named="*result"),
            words.RIGHT_HOW,
            words.RIGHT_LIMITS,
            "The share of right answers per slot on labelled sentences of the pool, beside the "
            "N = 1 baseline's on the same sentences.",
            origin=lambda result: origin(result[0]),
        )
    )


def escalation_panel(run: RunRequest) -> None:
    """Right answers where the least certain are asked again alone."""
    groups = value(DRAWS)
    alone = min(groups * run.num_instances, 1000)
    show(
        Question(
            "fidelity_escalation",
            "Whom should one ask again alone?",
            Call(
                "fidelity.escalation.escalation",
                run,
                drawn_labelled(),
                takes="pool",
                baseline=True,
            ),
            mixed(groups, f", and up to {alone} sentences alone", alone=alone),
            ESCALATION(),
            words.AGAIN_HOW,
            words.AGAIN_LIMITS,
            "Right answers where the least certain share is answered again by the N = 1 model, "
            "beside a share drawn by chance.",
            reason="" if run.num_instances > 1 else "An N = 1 model answers alone already.",
            file="fidelity_escalation",
            origin=lambda result: (
                f"{result.sentences} answers to sentences of the pool ({pool_name()}) · "
                f"{result.provenance.line()}"
            ),
        )
    )
