"""One call of an analysis as a value: what its result depends on, its work, and its Python.

    Call("debugger.ladder.ladder", run, {"slot": As("the slot", 2), "pool": pool_texts()})

All three are made from ``given``: a new argument cannot be forgotten in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from muxviz.batch import Row
from muxviz.pool import balanced, fit_and_test, labelled, pool_name, texts
from muxviz.ui.study.python import input_lines, ordered, seating_argument
from muxviz.ui.study.runs import RunRequest, pooled

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.jobs import Progress, Together, Work

Takes = Literal["rows", "pool", "models", "checkpoints"]


@dataclass(frozen=True)
class Ask:
    """Everything that a result depends on, apart from the weights themselves.

    name: of the analysis. params: what else it is given, with the words for it; hashable. across:
    further runs that the work is called for; with ``together`` it is called once, with the
    checkpoints of all runs.
    """

    run: RunRequest
    name: str
    params: tuple[tuple[str, Any], ...] = ()
    across: tuple[RunRequest, ...] = ()
    together: bool = False


class As(NamedTuple):
    """An argument, and what it is called where it changed."""

    words: str
    value: Any


@dataclass(frozen=True)
class Sentences:
    """Sentences that a call reads when it works.

    read: gives them. code: the same as Python, which needs ``imports``. key: tells one set from
    another; hashable. before: lines of Python ahead of the call.
    """

    read: Callable[[], Any]
    code: str
    imports: tuple[str, ...]
    key: Any
    before: tuple[str, ...] = ()


def pool_texts() -> Sentences:
    """All sentences of the pool."""
    return Sentences(texts, "texts()", ("from muxviz.pool import texts",), pool_name())


def balanced_texts(count: int) -> Sentences:
    """Labelled sentences of the pool, as many of each label."""
    return Sentences(
        lambda: balanced(count),
        f"balanced({count})",
        ("from muxviz.pool import balanced",),
        (count, pool_name()),
    )


def labelled_pool() -> dict[str, Sentences]:
    """Texts and labels of the labelled pool, for arguments ``texts`` and ``labels``."""
    return _pair(("texts", "labels"), labelled, "labelled")


def random_groups(draws: int) -> dict[str, Any]:
    """Arguments of calls over random groups: how many, and what they are drawn from."""
    return {"draws": As("the number of random groups", draws), "pool": pool_texts()}


def labelled_groups(draws: int) -> dict[str, Any]:
    """The same of labelled sentences, with their labels."""
    found = labelled_pool()
    return random_groups(draws) | {"pool": found["texts"], "labels": found["labels"]}


def halves() -> dict[str, Sentences]:
    """The pool's part to fit on and its part to test on, for arguments ``fit`` and ``test``."""
    return _pair(("fit", "test"), fit_and_test, "fit_and_test")


def _pair(names: tuple[str, str], read: Callable[[], Any], called: str) -> dict[str, Sentences]:
    imports, before = (f"from muxviz.pool import {called}",), (f"{', '.join(names)} = {called}()",)

    def part(number: int) -> Callable[[], Any]:
        return lambda: read()[number]

    return {
        name: Sentences(part(number), name, imports, pool_name(), before)
        for number, name in enumerate(names)
    }


@dataclass(frozen=True)
class Call:
    """A function below ``muxviz.analysis``, ``muxviz.bench`` or ``muxviz.inference`` on a run.

    takes: "rows" is given the rows and the seating of the run; "pool" draws its groups, and is
    given a seating without filling; "models" is given the seed; "checkpoints", called together,
    takes them one by one and nothing else of the run. given: further arguments by name:
    values, ``As`` with words for what changed, or ``Sentences``. baseline: whether the N = 1 model
    is an argument. across: further runs that it is called for; ``together``: once, with the
    checkpoints of all. listed: whether Python gives a list also where there is one run.
    """

    function: str
    run: RunRequest
    given: Mapping[str, Any] = field(default_factory=dict)
    takes: Takes = "rows"
    baseline: bool = False
    across: tuple[RunRequest, ...] = ()
    together: bool = False
    listed: bool = False

    @property
    def module(self) -> str:
        """Where the function is."""
        place = self.function.rpartition(".")[0]
        is_whole = place.partition(".")[0] in ("inference", "bench")
        return f"muxviz.{place}" if is_whole else f"muxviz.analysis.{place}"

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.rpartition(".")[2]

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        params = tuple((_words(name, arg), _key(arg)) for name, arg in self.given.items())
        others = tuple(self._reduced(run) for run in self.across)
        return Ask(self._reduced(self.run), self.function, params, others, self.together)

    def _reduced(self, run: RunRequest) -> RunRequest:
        """The run as far as the result depends on it."""
        if self.takes != "rows":
            return pooled(run, baseline=self.baseline)
        kept = run.baseline if self.baseline else ""
        return replace(run, baseline=kept, equal_slots=False)

    # ---- work ----

    @property
    def work(self) -> Work | Together:
        """What a job calls in its thread."""
        return self._together if self.together else self._each

    def _each(self, checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        held = {"baseline": baseline} if self.baseline else {}
        return self._called(checkpoint, held, progress)

    def _together(self, checkpoints: Sequence[Checkpoint], progress: Progress) -> Any:
        return self._called(checkpoints, {}, progress)

    def _called(self, first: Any, held: dict[str, Any], progress: Progress) -> Any:
        function = getattr(import_module(self.module), self.name)
        told = {"progress": progress} if "progress" in signature(function).parameters else {}
        given = {name: _read(arg) for name, arg in self.given.items()} | held | told
        if self.takes == "checkpoints":
            return function(*first, **given)
        if self.takes == "models":
            return function(first, **given, seed=self.run.seed)
        rows = (self._rows_for(first),) if self.takes == "rows" else ()
        return function(first, *rows, **given, seating=self._reduced(self.run).seating)

    def _rows_for(self, first: Any) -> tuple[Row, ...]:
        is_cut = self.across and not self.together
        return self._longest[: first.config.num_instances] if is_cut else self.run.rows

    # ---- Python ----

    def python(self, imports: Sequence[str], lines: Sequence[str]) -> str:
        """Python that gives ``result``, then ``lines``; it runs as pasted."""
        return "\n".join([*ordered([*self.imports(), *imports]), "", *self.statements(), *lines])

    def imports(self) -> list[str]:
        """Import statements that ``statements`` need."""
        rows = ["from muxviz.batch import Row"] if self.ask.run.rows else []
        sources = [line for source in self._sources() for line in source.imports]
        return ["import muxviz", *rows, f"from {self.module} import {self.name}", *sources]

    def statements(self, named: str = "result") -> list[str]:
        """What loads the models and gives the result, which is called ``named``."""
        before = dict.fromkeys(line for source in self._sources() for line in source.before)
        expression = self._expression()
        if self._is_many and not self.together:
            each = "checkpoint, baseline" if self._has_baselines else "checkpoint"
            among = "zip(checkpoints, baselines)" if self._has_baselines else "checkpoints"
            expression = f"[{expression} for {each} in {among}]"
        return [*self._loaded(), *before, f"{named} = {expression}"]

    def _sources(self) -> list[Sentences]:
        inner = (arg.value if isinstance(arg, As) else arg for arg in self.given.values())
        return [arg for arg in inner if isinstance(arg, Sentences)]

    def _loaded(self) -> list[str]:
        run = self.ask.run
        if not self._is_many:
            return input_lines(run)
        where = f"device={run.device!r}, dtype={run.dtype!r}"
        names = [run.checkpoint, *(other.checkpoint for other in self.across)]
        load = f"checkpoints = [muxviz.load(name, {where}) for name in names]"
        if not self._has_baselines:  # rows, and one baseline for all
            return [f"names = {names!r}", load, *input_lines(replace(run, rows=self._longest))[1:]]
        alone = [
            f"muxviz.load({one.baseline!r}, {where})" if one.baseline else "None"
            for one in self._runs
        ]
        lines = input_lines(replace(run, rows=self._longest, baseline=""))[1:]
        return [f"names = {names!r}", load, f"baselines = [{', '.join(alone)}]", *lines]

    @property
    def _runs(self) -> tuple[RunRequest, ...]:
        """All runs, as far as the result depends on them."""
        return self.ask.run, *self.ask.across

    @property
    def _longest(self) -> tuple[Row, ...]:
        """The rows of the run with the most slots; each checkpoint takes the first ones of them."""
        return max((one.rows for one in self._runs), key=len)

    @property
    def _has_baselines(self) -> bool:
        """Whether the runs have baselines of their own."""
        return self.baseline and len({one.baseline for one in self._runs}) > 1

    @property
    def _is_many(self) -> bool:
        return bool(self.across or self.together or self.listed)

    def _expression(self) -> str:
        run = self.run
        is_parted = self.takes == "checkpoints"
        arguments = [
            "*checkpoints" if is_parted else "checkpoints" if self.together else "checkpoint"
        ]
        cut = len({len(one.rows) for one in self._runs}) > 1  # the first of them take fewer slots
        rows = "rows[: checkpoint.config.num_instances]" if cut else "rows"
        arguments += [rows] * (self.takes == "rows")
        arguments += [f"{name}={_code(arg)}" for name, arg in self.given.items() if _code(arg)]
        has_baseline = self._has_baselines or (self.baseline and run.baseline)
        arguments += ["baseline=baseline"] * bool(has_baseline)
        if self.takes in ("rows", "pool"):
            arguments += seating_argument(self._reduced(run))
        elif self.takes == "models" and run.seed:
            arguments.append(f"seed={run.seed}")
        return f"{self.name}({', '.join(arguments)})"


@dataclass(frozen=True)
class Known:
    """A result that is there already, such as a recorded run: nothing is computed.

    get: gives it, when it is first drawn. about: hashable; another one for another result. named,
    imports, lines: Python that gets it; by: or the call that does.
    """

    get: Callable[[], Any]
    about: Any
    named: str = "result"
    imports: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    by: Call | None = None

    def python(self, imports: Sequence[str], lines: Sequence[str]) -> str:
        """Python that gets the result, then ``lines``."""
        if self.by is not None:
            return self.by.python(imports, lines)
        return "\n".join([*ordered([*self.imports, *imports]), "", *self.lines, *lines])


def _words(name: str, argument: Any) -> str:
    if isinstance(argument, As):
        return argument.words
    return "the pool" if isinstance(argument, Sentences) else name.replace("_", " ")


def _key(argument: Any) -> Any:
    if isinstance(argument, As):
        return _key(argument.value)
    return argument.key if isinstance(argument, Sentences) else argument


def _read(argument: Any) -> Any:
    if isinstance(argument, As):
        return _read(argument.value)
    return argument.read() if isinstance(argument, Sentences) else argument


def _code(argument: Any) -> str:
    """Python of an argument; "" for None, which every function has as its default."""
    if isinstance(argument, As):
        return _code(argument.value)
    if isinstance(argument, Sentences):
        return argument.code
    return "" if argument is None else repr(argument)
