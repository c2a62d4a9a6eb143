"""What a click costs: the server's processor time and what it sends, page by page.

One browser tab at a time on a server of its own. All are medians over the rounds; processor times
are of everything that the server does until the page has settled.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from statistics import median
from typing import Any, TypeAlias

import psutil  # type: ignore[import-untyped]

from muxviz.bench.crowd.people import outcome_of
from muxviz.bench.crowd.server import served
from muxviz.bench.crowd.wire import Lost, Tab, Value
from muxviz.errors import InputError

Act: TypeAlias = Callable[[Tab], Awaitable[None]]
QUIET_S = 0.15  # after an action, before the next: what the server does of it is over


def _press(key: str) -> Act:
    return lambda tab: tab.press(key)


def _set(key: str, value: Value) -> Act:
    return lambda tab: tab.set(key, value)


RERUN: dict[str, Act] = {"rerun": lambda tab: tab.again()}
# By page, what is asked for in its address, and what is done on it after it was painted.
VISITS: tuple[tuple[str, str, dict[str, Act]], ...] = (
    ("app", "", RERUN),
    ("learn", "", RERUN),
    (
        "mix",
        "m=sst2-n5",
        {"run, N = 5": _press("run"), **RERUN, "another slot": _set("slot", ("■ 2",))},
    ),
    ("mix", "m=sst2-n10", {"run, N = 10": _press("run")}),
    ("fidelity", "", RERUN),
    ("crosstalk", "", RERUN),
    ("map", "", RERUN),
    ("attention", "", RERUN),
    ("layers", "", RERUN),
    ("whatif", "", {**RERUN, "one fader": _set("w_fader_0", (0.5,))}),
    ("keys", "", RERUN),
    ("compare", "", RERUN),
    ("dataset", "", RERUN),
    ("debugger", "", RERUN),
    ("tradeoff", "", RERUN),
    ("planner", "", RERUN),
    ("training", "", RERUN),
    ("models", "", RERUN),
    ("saved", "", RERUN),
    ("about", "", RERUN),
)
PAGES = tuple(dict.fromkeys(page for page, _, _ in VISITS))


@dataclass(frozen=True)
class Click:
    """What one action cost.

    cpu_ms: of the server. drawn_ms: until the script had ended; settled_ms: until no work was left.
    kb, charts_kb: sent, and of that Plotly's charts. deflated_kb: the same as the websocket's
    compression sends it.
    """

    page: str
    action: str
    cpu_ms: float
    drawn_ms: float
    settled_ms: float
    kb: float
    charts_kb: float
    deflated_kb: float


@dataclass(frozen=True)
class ClickRun:
    """Every action, with how it was measured. load: of the machine, before and after."""

    rounds: int
    threads: int
    cores: int
    load: tuple[float, float]
    clicks: tuple[Click, ...]


@dataclass
class Meter:
    """Bytes of messages as they come. One for a tab: its compression looks back on all before."""

    total: int = 0
    charts: int = 0
    deflated: int = 0
    _deflate: Any = field(default_factory=lambda: zlib.compressobj(wbits=-zlib.MAX_WBITS))

    def __call__(self, data: bytes, message: Any) -> None:
        """Count a message."""
        self.total += len(data)
        if message.delta.new_element.WhichOneof("type") == "plotly_chart":
            self.charts += len(data)
        self.deflated += len(self._deflate.compress(data))
        self.deflated += len(self._deflate.flush(zlib.Z_SYNC_FLUSH))

    def read(self) -> tuple[float, float, float]:
        """Total, charts and compressed, in kB (1,000 bytes)."""
        return self.total / 1e3, self.charts / 1e3, self.deflated / 1e3


def measure_clicks(
    rounds: int,
    *,
    threads: int = 1,
    pages: Iterable[str] = PAGES,
    tell: Callable[[str], None] = lambda text: None,
) -> ClickRun:
    """Visit every page ``rounds`` times, and once more before that is not counted.

    Raises:
        NotApplicable: no websockets here, or no app to start. InputError: no such page. Lost: a
            page showed an error.
    """
    asked = tuple(pages)
    if strange := [page for page in asked if page not in PAGES]:
        raise InputError(f"no page {strange[0]!r} to click on; there are {', '.join(PAGES)}")
    before = os.getloadavg()[0]
    clicks: list[Click] = []
    with served(threads=threads) as (url, process):
        for visit in (visit for visit in VISITS if visit[0] in asked):
            tell(f"{visit[0]} {visit[1]}".rstrip())
            seen = [asyncio.run(_visit(url, process, *visit)) for _ in range(rounds + 1)][1:]
            clicks += [_of_rounds(clicked) for clicked in zip(*seen, strict=True)]
    return ClickRun(
        rounds, threads, os.cpu_count() or 1, (before, os.getloadavg()[0]), tuple(clicks)
    )


async def _visit(
    url: str, process: psutil.Process, page: str, query: str, acts: dict[str, Act]
) -> list[Click]:
    """One tab on one page, from its first paint on."""
    found, meter = [], Meter()
    began = _now(process, meter)
    async with Tab.opened(url, page if page != "app" else "", query, hears=meter) as tab:
        found.append(await _noted(process, meter, tab, page, "first paint", began))
        for what, act in acts.items():
            began = _now(process, meter)
            await act(tab)
            found.append(await _noted(process, meter, tab, page, what, began))
    await asyncio.sleep(QUIET_S)
    return found


def _now(process: psutil.Process, meter: Meter) -> tuple[float, ...]:
    return (1e3 * _cpu_s(process), 1e3 * time.perf_counter(), *meter.read())


def _cpu_s(process: psutil.Process) -> float:
    """Linux has a clock for every process; elsewhere there are hundredths of a second."""
    if sys.platform == "linux":
        return time.clock_gettime(~process.pid << 3 | 2)
    spent = process.cpu_times()
    return float(spent.user + spent.system)


async def _noted(
    process: psutil.Process, meter: Meter, tab: Tab, page: str, what: str, began: tuple[float, ...]
) -> Click:
    drawn = 1e3 * time.perf_counter() - began[1]
    await tab.settled()
    settled = 1e3 * time.perf_counter() - began[1]
    await asyncio.sleep(QUIET_S)
    outcome, said = outcome_of(tab)
    if outcome != "done":
        raise Lost(f"{page}, {what}: {said}")
    cpu, _, *sent = (now - then for now, then in zip(_now(process, meter), began, strict=True))
    return Click(page, what, cpu, drawn, settled, *sent)


def _of_rounds(clicks: tuple[Click, ...]) -> Click:
    """One of all rounds."""
    numbers = [field.name for field in fields(Click) if field.name not in ("page", "action")]
    middle = {name: median(getattr(click, name) for click in clicks) for name in numbers}
    return replace(clicks[0], **middle)


def table(run: ClickRun) -> str:
    """For a terminal and for Markdown."""
    lines = [
        "| page: action | drawn ms | settled ms | server CPU ms | KB | of it charts | deflated |",
        "|---|---|---|---|---|---|---|",
    ]
    for click in run.clicks:
        lines.append(
            f"| {click.page}: {click.action} | {click.drawn_ms:.0f} | {click.settled_ms:.0f} "
            f"| {click.cpu_ms:.0f} | {click.kb:.0f} | {click.charts_kb:.0f} "
            f"| {click.deflated_kb:.0f} |"
        )
    load = " to ".join(f"{load:.1f}" for load in run.load)
    lines += [
        "",
        f"{run.rounds} rounds, {run.threads} torch threads, {run.cores} cores, load {load}",
    ]
    return "\n".join(lines)
