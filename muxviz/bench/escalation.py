"""Who is fastest at which accuracy: models alone, and chains that ask the least certain again.

Everything is timed from texts to answers in one run, in turns; regrouping what is asked again is
part of it. Whom a chain asks again is decided by certainties that were fixed on other, labelled
rows. Each turn answers all rows several times, every time shuffled anew, so that groups differ;
the answers of these very turns give the accuracy.
"""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from muxviz.batch import Row
from muxviz.bench.machine import describe, watched
from muxviz.bench.report import machine_line, spread
from muxviz.bench.turns import Contender, quartiles, take_turns
from muxviz.engine.chain import Chain, Step
from muxviz.engine.engine import Engine
from muxviz.engine.spec import PRECISIONS
from muxviz.engine.stream import How, RowError, stream
from muxviz.errors import InputError
from muxviz.evaluation.calibration import Known, with_thresholds
from muxviz.evaluation.intervals import wilson
from muxviz.loading.load import load
from muxviz.results.escalation import KINDS, EscalationBench, EscalationRow, Verdict
from muxviz.results.throughput import Accuracy
from muxviz.training.tasks import LabelledRows

BASELINE = "sst2-n1"
GOALS = ((0.87, 6.0), (0.89, 3.5))  # accuracy at a ratio to N = 1
SHARES = (0.1, 0.2, 0.3, 0.5)
PLAIN = ("sst2-n1", "sst2-n1-s60", "sst2-n1-s95")
FIRST = ("sst2-n5", "sst2-n10", "sst2-n5-16k", "sst2-n5-16k-s95")
WORD = re.compile(r"(?P<name>[^+@]+?)(:(?P<precision>[a-z0-9]+))?(@(?P<share>[0-9.]+))?")


def default_contenders() -> list[str]:
    """The sentiment family alone and in chains, in float32 and int8."""
    found = [*PLAIN, "sst2-n2", *FIRST]
    found += [f"{first}+sst2-n1@{share}" for first in FIRST for share in SHARES]
    found += [f"{first}+sst2-n1-s95@{share}+sst2-n1@0.5" for first in FIRST for share in SHARES[1:]]
    found += [
        f"{first}+sst2-n1-s95@{share}+sst2-n1-s60@0.5+sst2-n1@0.5"
        for first in FIRST[1::2]
        for share in SHARES[2:]
    ]
    found += [f"sst2-n1-s95+sst2-n1@{share}" for share in SHARES]
    found += [f"sst2-n1-s95+sst2-n1-s60@{share}+sst2-n1@0.5" for share in SHARES[1:]]
    found += [f"sst2-n1-s60+sst2-n1@{share}" for share in SHARES[:2]]
    eight = [*PLAIN, *FIRST, *(f"sst2-n1-s95+sst2-n1@{share}" for share in SHARES[1:3])]
    eight += [f"{first}+sst2-n1@{share}" for first in FIRST for share in SHARES[:3]]
    return found + [in_int8(name) for name in eight]


def in_int8(name: str) -> str:
    """A contender with all its models in int8."""
    parts = (part.partition("@") for part in name.split("+"))
    return "+".join(f"{model}:int8{at}{share}" for model, at, share in parts)


@dataclass(frozen=True)
class Plan:
    """A contender as typed. models: names and precisions in order; shares: before each but the
    first.
    """

    name: str
    models: tuple[tuple[str, str], ...]
    shares: tuple[float, ...]


def read_plan(name: str) -> Plan:
    """``CHECKPOINT[:DTYPE][+CHECKPOINT[:DTYPE]@SHARE ...]``.

    Raises:
        InputError: anything else.
    """
    models, shares = [], []
    for number, part in enumerate(name.split("+")):
        found = WORD.fullmatch(part)
        share = found and found["share"]
        precision = (found and found["precision"]) or "float32"
        if not found or (share is None) != (number == 0) or precision not in PRECISIONS:
            raise InputError(
                f"contender {name!r} cannot be meant; write CHECKPOINT[:DTYPE], and for each that "
                "is asked again +CHECKPOINT[:DTYPE]@SHARE, such as sst2-n5+sst2-n1:int8@0.2"
            )
        models.append((found["name"], precision))
        shares += [] if share is None else [Step(share=float(share)).share or 0.0]
    return Plan(name, tuple(models), tuple(shares))


@dataclass
class Runner:
    """Answers all rows of a turn and keeps what came.

    hits: ``[rows]`` right answers of all turns; tried: answers of each row. values: accuracy of
    every shuffle.
    """

    engine: Engine | Chain
    rows: Sequence[Row]
    gold: np.ndarray
    copies: int
    how: How
    turns: int = 0
    hits: np.ndarray = field(init=False)
    values: list[float] = field(default_factory=list)
    by: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.hits = np.zeros(len(self.rows))

    def __call__(self) -> None:
        """One turn: every copy of the rows in an order of its own, one after another."""
        first = self.turns * self.copies
        self.turns += 1
        count = len(self.rows)
        order = np.concatenate(
            [np.random.default_rng(first + c).permutation(count) for c in range(self.copies)]
        )
        right = np.zeros(len(order))
        for answers in stream(self.engine, (self.rows[i] for i in order), self.how):
            for answer in answers:
                if isinstance(answer, RowError):
                    raise InputError(f"row {order[answer.number] + 1} {answer.reason}")
                row = order[answer.number]
                right[answer.number] = answer.answer.index == self.gold[row]  # type: ignore[union-attr]
                self.by[answer.by] += 1
        np.add.at(self.hits, order, right)
        self.values += right.reshape(self.copies, count).mean(axis=1).tolist()


def measure_escalation(
    plans: Sequence[Plan],
    data: LabelledRows,
    part: LabelledRows,
    *,
    name: str,
    thresholds: str,
    baseline: str = BASELINE,
    copies: int = 3,
    rounds: int = 5,
    how: How | None = None,
    device: str = "auto",
    command: Sequence[str] = (),
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EscalationBench:
    """Time every contender on the same rows, beside N = 1.

    Args:
        plans: from ``read_plan``; the baseline is added where it is missing.
        data: labelled rows that are answered.
        part: other labelled rows, on which certainties are fixed.
        copies: shuffles of all rows in a turn.
        rounds: timed turns of each, after one that is not.

    Raises:
        InputError and its kinds: a row or a chain that cannot be.
    """
    if baseline not in [plan.name for plan in plans]:
        plans = [read_plan(baseline), *plans]
    engines: dict[tuple[str, str], Engine] = {}
    known: Known = {}
    built = [_built(plan, engines, known, part, device) for plan in plans]
    rows = [Row(*row) for row in zip(data.texts, data.pairs, strict=True)]
    runners = [Runner(one, rows, data.labels, copies, how or How()) for one in built]
    timed = [
        Contender((plan.name,), len(rows) * copies, 0.0, runner)
        for plan, runner in zip(plans, runners, strict=True)
    ]
    on = built[0].checkpoint.device
    with watched() as load_:
        times = take_turns(timed, rounds=rounds, device=on, clock=clock, progress=progress)
    machine = replace(describe(on), load=load_.others, is_busy=load_.is_busy)
    base = times[[plan.name for plan in plans].index(baseline)].rounds
    found = tuple(
        _row(plan, runner, len(rows) * copies / took.rounds, base / took.rounds)
        for plan, runner, took in zip(plans, runners, times, strict=True)
    )
    verdicts = tuple(verdict(found, *goal) for goal in GOALS)
    line = shlex.join(command)
    return EscalationBench(
        machine, line, name, thresholds, len(rows), copies, rounds, found, verdicts, below(found)
    )


def _built(
    plan: Plan,
    engines: dict[tuple[str, str], Engine],
    known: Known,
    part: LabelledRows,
    device: str,
) -> Engine | Chain:
    for model, precision in plan.models:
        if (model, precision) not in engines:
            is_int8 = precision == "int8"
            checkpoint = load(model, device=device, dtype="auto" if is_int8 else precision)
            engines[model, precision] = Engine(checkpoint, int8=is_int8)
    chosen = [engines[model] for model in plan.models]
    if not plan.shares:
        return chosen[0]
    chain = Chain(chosen, [Step(share=share) for share in plan.shares])
    return with_thresholds(chain, part, known=known)


def _row(plan: Plan, runner: Runner, rates: np.ndarray, ratios: np.ndarray) -> EscalationRow:
    engine, values = runner.engine, np.asarray(runner.values)
    total = runner.by.total()
    is_chain = isinstance(engine, Chain)
    first = engine.checkpoint.config.num_instances
    return EscalationRow(
        plan.name,
        "alone" if not is_chain else "multiplexed" if first > 1 else "rival",
        tuple(step.below or 0.0 for step in engine.steps) if isinstance(engine, Chain) else (),
        tuple(runner.by[e.name] / total for e in engine.engines[1:])
        if isinstance(engine, Chain)
        else (),
        Accuracy(
            "accuracy",
            float(values.mean()),
            float(values.min()),
            float(values.max()),
            wilson(float(values.mean()), len(runner.rows))[0],
            len(values),
            len(runner.rows),
        ),
        quartiles(rates),
        quartiles(ratios),
    )


# ---- who wins -----------------------------------------------------------------------------------


def verdict(found: Sequence[EscalationRow], accuracy: float, ratio: float) -> Verdict:
    """The most accurate of ours, and of all others, that are ``ratio`` times as fast as N = 1."""
    fast = [row for row in found if row.ratio.median >= ratio]
    best = [
        max(rows, key=lambda row: row.accuracy.mean, default=None)
        for rows in (
            [row for row in fast if row.kind == "multiplexed"],
            [row for row in fast if row.kind != "multiplexed"],
        )
    ]
    (ours, own), (rival, theirs) = [
        ("", float("nan")) if row is None else (row.name, row.accuracy.mean) for row in best
    ]
    return Verdict(accuracy, ratio, ours, own, rival, theirs)


def below(found: Sequence[EscalationRow]) -> tuple[str, ...]:
    """Models alone that no chain of ours reaches in both: at least as fast, at least as right."""
    ours = [row for row in found if row.kind == "multiplexed"]
    return tuple(
        row.name
        for row in found
        if row.kind == "alone"
        and not any(
            one.ratio.median >= row.ratio.median and one.accuracy.mean >= row.accuracy.mean
            for one in ours
        )
    )


def escalation_table(run: EscalationBench) -> str:
    """One line per contender from the fastest, the goals, and whom a rival beats."""
    wide = max(len(row.name) for row in run.results) + 2
    lines = [
        f"{'contender':<{wide}}{'kind':<12}{'accuracy':>8} {'95 %':>15} {'texts/s':>23} "
        f"{'to N = 1':>19}  answered again"
    ]
    for row in sorted(run.results, key=lambda row: -row.ratio.median):
        low, high = row.accuracy.interval or (float("nan"),) * 2
        again = ", ".join(f"{share:.1%}" for share in row.again)
        lines.append(
            f"{row.name:<{wide}}{row.kind:<12}{row.accuracy.mean:>8.4f} "
            f"{f'{low:.4f}-{high:.4f}':>15} {spread(row.texts_per_s, 1):>23} "
            f"{spread(row.ratio, 2):>19}  {again}"
        )
    lines += [f"{kind}: {words}" for kind, words in KINDS.items()]
    lines += [_in_words(one) for one in run.verdicts]
    lines.append(
        "models alone that no multiplexed chain equals in speed and accuracy: "
        + (", ".join(run.below) or "none")
    )
    lines.append(
        f"data: {run.data}, {run.rows} rows, {run.copies} shuffles a turn; certainties fixed on "
        f"{run.thresholds}"
    )
    return "\n".join([*lines, machine_line(run.machine, run.rounds)])


def _in_words(one: Verdict) -> str:
    goal = f"goal {one.accuracy:.2f} at {one.ratio:g} x N = 1: {'met' if one.is_met else 'missed'}"
    ours = f"best chain {one.ours} {one.ours_accuracy:.4f}" if one.ours else "no chain is so fast"
    rival = f"best other {one.rival} {one.rival_accuracy:.4f}" if one.rival else "no other is"
    return f"{goal}; {ours}, {rival}" + ("; THE RIVAL WINS" if one.rival_wins else "")
