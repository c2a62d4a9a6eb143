"""A crowd on a server: first one person alone, then all at once, then every answer checked.

Times are of the whole way, from the message that a browser sends to the last one that it gets. The
crowd runs in this process, so on a small machine it takes a little from the server.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from muxviz.batch import Row
from muxviz.bench.crowd.people import HEAVY_SWAP, Action, Answered, Notes, Person, vanish
from muxviz.bench.crowd.server import served
from muxviz.bench.crowd.wire import Lost, Tab
from muxviz.errors import InputError

MODELS = ("sst2-n5", "sst2-n10", "sst2-n2", "sst2-n5-16k")
HEAVY_MODEL = "sst2-n10"
ALONE_ROUNDS = 60.0  # seconds of one person alone
CLOSE = 0.011  # of a printed probability: it is rounded to two decimals
SAMPLE_S = 2.0  # between looks at the server
WARM = 0.25  # share of the crowd's time after which memory should stay flat


@dataclass(frozen=True)
class Plan:
    """What is measured. url: "" for a server of its own. threads: of that one, 0 for its rule."""

    sessions: int = 30
    minutes: float = 10.0
    alone_s: float = ALONE_ROUNDS
    heavy: int = 1
    url: str = ""
    models: tuple[str, ...] = MODELS
    threads: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Look:
    """The server at one moment: seconds of the benchmark, bytes, threads, seconds of processor."""

    at: float
    bytes: int
    threads: int
    cpu_s: float


@dataclass(frozen=True)
class Wait:
    """Seconds of one kind of action, alone and in the crowd; nan where it was not done."""

    what: str
    count: int
    alone: tuple[float, float]  # p50, p95 until settled
    drawn: tuple[float, float]
    settled: tuple[float, float]
    worst: float


@dataclass(frozen=True)
class CrowdRun:
    """What came of it.

    wrong: answers that the library does not give. foreign: cards with a sentence of somebody else.
    runs_each: answered runs of each session, the heavy ones left out.
    """

    plan: Plan
    cores: int
    load: float
    waits: tuple[Wait, ...]
    actions: int
    refused: int
    errors: tuple[str, ...]
    lost: tuple[str, ...]
    answers: int
    slots: int
    wrong: tuple[str, ...]
    foreign: tuple[str, ...]
    runs_each: tuple[int, ...]
    heavy_swaps: tuple[float, ...]
    looks: tuple[Look, ...]
    received: int


def measure_crowd(plan: Plan, tell: Callable[[str], None] = lambda text: None) -> CrowdRun:
    """Let a crowd live on a server; answers are checked after it has gone.

    Raises:
        NotApplicable: no websockets here, or no app to start. InputError: no server at the address.
    """
    with served(plan.url, plan.threads) as (url, process):
        alone, notes, looks = asyncio.run(_all(plan, url, process, tell))
    tell(f"checking {len(notes.answers)} answers")
    return _summed_up(plan, alone, notes, looks)


# ---- the crowd ----------------------------------------------------------------------------------


async def _all(
    plan: Plan, url: str, process: psutil.Process | None, tell: Callable[[str], None]
) -> tuple[Notes, Notes, list[Look]]:
    alone, notes, looks = Notes(), Notes(), list[Look]()
    tell("the models are loaded")
    for number, name in enumerate(plan.models):
        await _visit(url, -1 - number, name, Notes(), plan, 0.0)
    tell(f"one person alone for {plan.alone_s:.0f} s")
    await _visit(url, 0, plan.models[0], alone, plan, plan.alone_s)
    tell(f"{plan.sessions} people for {60 * plan.minutes:.0f} s")
    began = notes.clock()
    watch = asyncio.create_task(_watch(process, notes, looks))
    seconds = 60 * plan.minutes
    people: list[Awaitable[None]] = [
        _visit(url, who, plan.models[who % len(plan.models)], notes, plan, seconds)
        for who in range(1, plan.sessions + 1)
    ]
    people += [_heavy(url, plan.sessions + 1 + n, notes, plan, seconds) for n in range(plan.heavy)]
    people.append(_vanishing(url, notes, seconds))
    await asyncio.gather(*people)
    tell(f"done after {notes.clock() - began:.0f} s")
    watch.cancel()
    return alone, notes, looks


async def _visit(
    url: str, who: int, checkpoint: str, notes: Notes, plan: Plan, seconds: float
) -> None:
    """One of the crowd comes, a little after the others, and lives; a lost connection is noted."""
    draw = random.Random(f"{plan.seed} {who}")
    until = notes.clock() + seconds
    await asyncio.sleep(draw.uniform(0, min(5.0, seconds / 4)))
    with _noted(who, notes):
        async with Tab.opened(url, "mix", f"m={checkpoint}") as tab:
            person = Person(who, tab, checkpoint, _slots(checkpoint), notes, draw)
            await (person.live(until) if seconds else person.once())
            notes.received += tab.received


@contextmanager
def _noted(who: int, notes: Notes) -> Iterator[None]:
    """Note a connection that was lost, or a page that was not as it should be."""
    try:
        yield
    except Lost as error:
        notes.actions.append(Action(who, "lost", notes.clock(), 0.0, 0.0, "lost", str(error)))


async def _heavy(url: str, who: int, notes: Notes, plan: Plan, seconds: float) -> None:
    draw = random.Random(f"{plan.seed} heavy {who}")
    until = notes.clock() + seconds
    where = f"m={HEAVY_MODEL}&c_draws={HEAVY_SWAP}"
    with _noted(who, notes):
        async with Tab.opened(url, "crosstalk", where) as tab:
            person = Person(who, tab, HEAVY_MODEL, _slots(HEAVY_MODEL), notes, draw)
            await person.swap_for_ever(until)


async def _vanishing(url: str, notes: Notes, seconds: float) -> None:
    """Somebody starts long work and closes the browser, at half of the time."""
    await asyncio.sleep(seconds / 2)
    with _noted(-1, notes):
        await vanish(url, HEAVY_MODEL, 7)


async def _watch(process: psutil.Process | None, notes: Notes, looks: list[Look]) -> None:
    while process is not None and process.is_running():
        spent = process.cpu_times()
        memory, threads = process.memory_info().rss, process.num_threads()
        looks.append(Look(notes.clock(), memory, threads, spent.user + spent.system))
        await asyncio.sleep(SAMPLE_S)


def _slots(checkpoint: str) -> int:
    from muxviz.loading.bundled import bundled_folder
    from muxviz.loading.json_files import read_config

    folder = bundled_folder(checkpoint)
    if folder is None:
        raise InputError(f"{checkpoint} is not a bundled checkpoint; the crowd uses those")
    return int(read_config(folder)["num_instances"])


# ---- what came of it ----------------------------------------------------------------------------


def _summed_up(plan: Plan, alone: Notes, notes: Notes, looks: Sequence[Look]) -> CrowdRun:
    people = range(1, plan.sessions + 1)
    kinds = sorted({a.what for a in notes.actions if a.outcome != "lost"})
    runs = {who: 0 for who in people}
    for answer in notes.answers:
        runs[answer.who] += 1
    wrong, foreign = checked(notes.answers)
    return CrowdRun(
        plan=plan,
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        waits=tuple(_wait(kind, alone.actions, notes.actions) for kind in kinds),
        actions=len(notes.actions),
        refused=sum(a.outcome == "refused" for a in notes.actions),
        errors=tuple(f"{a.what}: {a.said}" for a in notes.actions if a.outcome == "error"),
        lost=tuple(f"{a.who} {a.what}: {a.said}" for a in notes.actions if a.outcome == "lost"),
        answers=len(notes.answers),
        slots=sum(len(a.shown) for a in notes.answers),
        wrong=wrong,
        foreign=foreign,
        runs_each=tuple(runs.values()),
        heavy_swaps=tuple(
            a.settled for a in notes.actions if a.who > plan.sessions and a.what.startswith("swap")
        ),
        looks=tuple(looks),
        received=notes.received,
    )


def _wait(kind: str, alone: Sequence[Action], crowd: Sequence[Action]) -> Wait:
    own = [a.settled for a in alone if a.what == kind]
    done = [a for a in crowd if a.what == kind and a.outcome != "lost"]
    settled = [a.settled for a in done]
    return Wait(
        kind,
        len(done),
        _p50_p95(own),
        _p50_p95([a.drawn for a in done]),
        _p50_p95(settled),
        max(settled, default=float("nan")),
    )


def _p50_p95(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, (50, 95))
    return float(low), float(high)


def checked(answers: Sequence[Answered]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cards that the library does not confirm, and cards of another person's sentence."""
    from muxviz.inference import run_group
    from muxviz.loading.load import load

    wrong, foreign = [], []
    for name in sorted({a.checkpoint for a in answers}):
        checkpoint = load(name, device="cpu")
        for answer in (a for a in answers if a.checkpoint == name):
            where = f"session {answer.who}, {name}"
            strange = [text for text, _, _ in answer.shown if text not in answer.rows]
            foreign += [f"{where}: {text}" for text in strange]
            result = run_group(checkpoint, [Row(text) for text in answer.rows])
            given = [(s.text, s.answer.headline, s.answer.probability) for s in result.slots]
            if len(answer.shown) != len(given):
                wrong.append(f"{where}: {len(answer.shown)} cards for {len(given)} sentences")
            for shown, right in zip(answer.shown, given, strict=False):
                if not _is_alike(shown, right):
                    wrong.append(f"{where}: shown {shown}, right {right}")
    return tuple(wrong), tuple(foreign)


def _is_alike(shown: tuple[str, str, float], right: tuple[str, str, float | None]) -> bool:
    near = right[2] is not None and abs(shown[2] - right[2]) < CLOSE
    return shown[:2] == right[:2] and near


def summary(run: CrowdRun) -> dict[str, Any]:
    """The run with what is read from it, for a file."""
    return {"goals": dict(goals(run)), **asdict(run)}


def goals(run: CrowdRun) -> list[tuple[str, str]]:
    """What matters, in words."""
    each = np.array(run.runs_each or (0,))
    found = [
        ("answers", f"{run.answers} with {run.slots} cards, all held against the library"),
        ("wrong", str(len(run.wrong))),
        ("foreign", str(len(run.foreign))),
        ("refused", f"{run.refused} of {run.actions} actions"),
        ("errors, lost", f"{len(run.errors)}, {len(run.lost)}"),
        ("runs a session", f"{each.min()} to {each.max()}, median {np.median(each):.0f}"),
        (
            f"swaps of {HEAVY_SWAP} by heavy users",
            f"{len(run.heavy_swaps)}, p50 {_p50_p95(run.heavy_swaps)[0]:.1f} s",
        ),
    ]
    if run.looks:
        first, last = run.looks[0], run.looks[-1]
        warm = [k for k in run.looks if k.at - first.at >= WARM * (last.at - first.at)]
        memory = [k.bytes / 2**20 for k in warm]
        cores = (last.cpu_s - first.cpu_s) / max(last.at - first.at, 1e-9)
        found += [
            ("memory after warm-up", f"{min(memory):.0f} to {max(memory):.0f} MiB"),
            ("threads, most", str(max(k.threads for k in run.looks))),
            ("processors used by the server", f"{cores:.2f} of {run.cores}"),
        ]
    return found


def table(run: CrowdRun) -> str:
    """For a terminal."""
    lines = [f"{name}: {said}" for name, said in goals(run)]
    lines += [
        "",
        f"{'seconds: p50 / p95':24} {'count':>6} {'alone':>15} {'drawn':>15} {'settled':>15}",
    ]
    for wait in run.waits:
        parts = (f"{p50:.2f} / {p95:.2f}" for p50, p95 in (wait.alone, wait.drawn, wait.settled))
        alone, drawn, settled = parts
        lines.append(f"{wait.what:24} {wait.count:6} {alone:>15} {drawn:>15} {settled:>15}")
    lines += [f"LOST {said}" for said in run.lost] + [f"ERROR {said}" for said in run.errors]
    lines += [f"WRONG {said}" for said in run.wrong] + [f"FOREIGN {said}" for said in run.foreign]
    return "\n".join(lines)
