"""Reads a run folder, also while its run is writing to it; no torch, nothing is changed.

    for folder in find_runs(runs_folder()):
        summary, curves = read_summary(folder), read_curves(folder)

Files: ``run.json`` (what the run is), ``metrics.jsonl`` (its curves), ``samples.jsonl`` (texts read
back at each save), ``progress.json`` (its process and state), ``launch.json`` (written where a run
is started from the app), ``log.txt``. Any of them may be missing. A checkpoint's folder may hold
the ``metrics.jsonl`` of the run that made it; ``card.json`` then says what ``run.json`` would.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]

from muxviz import files
from muxviz.errors import FileError
from muxviz.results.training import (
    RunCurves,
    RunSummary,
    SlotSample,
    StageSpan,
    TrainingSample,
)

RUN, METRICS, SAMPLES = "run.json", "metrics.jsonl", "samples.jsonl"
PROGRESS, LAUNCH, STOP, LOG, STATE = (
    "progress.json",
    "launch.json",
    "stop",
    "log.txt",
    "state.pt",
)
LAUNCHED_FOR = "MUXVIZ_LAUNCHED_FOR"  # in a started process: the folder of its run
ABOUT: dict[str, tuple[type, ...]] = {  # what ``run.json`` says for whoever goes on with the run
    "name": (str,),
    "recipe": (dict,),
    "start": (str, type(None)),
    "teacher": (str, type(None)),
    "recipe_file": (str, type(None)),
    "pruned_from": (str, type(None)),
    "command": (list, type(None)),
}
LARGEST_OBJECT = 8 << 20  # bytes
LARGEST_LINES = 256 << 20
MOST_SLOTS = 1024
CLOCK_S = 2.0  # how far a process's start and a written time may disagree
STATES = ("running", "finished", "stopped", "failed")


def runs_folder() -> Path:
    """``MUXVIZ_RUNS``, or ``runs/`` beside the package."""
    named = os.environ.get("MUXVIZ_RUNS")
    if named:
        return Path(os.path.realpath(expanded(named)))
    return Path(__file__).resolve().parents[2] / "runs"


def expanded(text: str) -> Path:
    """A path as it was typed, with ``~`` as a home; ``~name`` of nobody stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def is_folder(path: Path) -> bool:
    """Whether a folder has this name; False too for a name that none can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def find_runs(root: Path) -> list[Path]:
    """Run folders inside ``root``, the one that changed last first.

    Also those one folder further down, where ``muxviz prune`` puts the runs of one recipe.
    """
    found = []
    for path in _inside(root):
        found += [path] if is_run(path) else [below for below in _inside(path) if is_run(below)]
    return sorted(found, key=_changed, reverse=True)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where that cannot be read."""
    try:
        return list(folder.iterdir())
    except (OSError, ValueError):
        return []


def is_run(folder: Path) -> bool:
    """Whether a folder holds anything that a run leaves behind."""
    return any(_status(folder / name) is not None for name in (METRICS, RUN, PROGRESS, LAUNCH))


def stamp(folder: Path) -> str:
    """Changes when the run has written anything that is shown."""
    return " ".join(
        f"{name}:{status.st_size}:{status.st_mtime_ns}"
        for name in (RUN, METRICS, SAMPLES, PROGRESS, LAUNCH, STOP)
        if (status := _status(folder / name)) is not None
    )


def read_about(folder: Path) -> dict[str, Any]:
    """What ``run.json`` says of a run that is gone on with or exported; {} without the file.

    Raises:
        FileError: it cannot be read, or is not what a run writes.
    """
    path = folder / RUN
    if not files.is_there(path):
        return {}
    wanted = "what a run writes there; without the file it goes on, and cards say less of it"
    about = files.read_json(path, most=LARGEST_OBJECT, expected=wanted)
    for name, kinds in ABOUT.items():
        value = about.get(name)
        is_odd = isinstance(value, list) and len(_strings(value)) < len(value)
        if not isinstance(value, kinds) or is_odd:
            raise FileError(path, f"has no {name!r} as runs write it", expected=wanted)
    return about


# ---- what the run is and whether it runs --------------------------------------------------------


def read_summary(folder: Path) -> RunSummary:
    """Everything but the curves; what the files do not say stays at its default."""
    run, progress = _object(folder / RUN), _object(folder / PROGRESS)
    card = _object(folder / "card.json")
    recipe = _inner(run, "recipe") or _inner(card, "recipe")
    state, message, pid = _state(folder, progress, _object(folder / LAUNCH))
    last = _last_row(folder / METRICS)
    spans = _stages(run.get("stages") or recipe.get("stages"))
    return RunSummary(
        name=_text(run, "name") or folder.name,
        folder=str(folder),
        state=state,
        message=message,
        step=_count(progress.get("step")) or _count(last.get("step")),
        total_steps=_count(progress.get("total_steps"))
        or _count(run.get("total_steps"))
        or (spans[-1].last if spans else 0),
        stage=_text(progress, "stage") or _text(last, "stage"),
        num_instances=_num_instances(folder, run, recipe),
        seed=_count(run.get("seed", recipe.get("seed")), None),
        commit=_text(run, "commit") or _text(card, "commit"),
        recipe_file=_text(run, "recipe_file"),
        start=_text(run, "start"),
        teacher=_text(run, "teacher"),
        started=_text(run, "started"),
        updated=_text(progress, "updated"),
        host=_text(progress, "host"),
        pid=pid,
        has_state=_status(folder / STATE) is not None,
        hardware=_words(_inner(run, "hardware") or _inner(card, "hardware")),
        command=_strings(run.get("command")) or _strings(_object(folder / LAUNCH).get("command")),
    )


def process_is_alive(pid: object, not_after: str) -> bool:
    """Whether process ``pid`` of this machine runs and began before the ISO time ``not_after``.

    A number that was given to another process since does not count.
    """
    return _process(pid, _time(not_after)) is not None


def launched_process(folder: Path) -> psutil.Process | None:
    """The living process that the app started for the run in ``folder``, or None.

    ``launch.json`` only says where to look: the process itself must carry the folder's name, given
    to it at its start, so that nobody else's process is taken for it.
    """
    launch = _object(folder / LAUNCH)
    process = _process(launch.get("pid"), _time(launch.get("started")))
    try:
        is_ours = process is not None and process.environ().get(LAUNCHED_FOR) == mark(folder)
    except (psutil.Error, OSError):
        return None
    return process if is_ours else None


def mark(folder: Path) -> str:
    """What a process started for the run in ``folder`` carries as ``LAUNCHED_FOR``."""
    return os.path.realpath(folder)


def _process(pid: object, not_after: datetime | None) -> psutil.Process | None:
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 2**31:
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        is_later = not_after and process.create_time() > not_after.timestamp() + CLOCK_S
        return None if is_later else process
    except (psutil.Error, OSError):
        return None


def _state(
    folder: Path, progress: dict[str, Any], launch: dict[str, Any]
) -> tuple[str, str, int | None]:
    """State, message and, of a living process, its number."""
    launched, updated = _time(launch.get("started")), _time(progress.get("updated"))
    if launched is not None and launched.timestamp() > time.time() + CLOCK_S:
        launched = None  # nothing was started in the future
    is_asked = _status(folder / STOP) is not None
    if launched is not None and (updated is None or updated < launched):
        if launch.get("host") != socket.gethostname():
            return "elsewhere", "", None
        if launched_process(folder) is not None:
            return ("stopping" if is_asked else "starting"), "", launch["pid"]
        if is_asked:
            return "stopped", "It was stopped before its first step.", None
        return "failed", f"It ended before its first step; {LOG} says why.", None
    said = progress.get("state")
    message = _text(progress, "message")
    if said not in STATES:
        return ("recorded" if _status(folder / METRICS) else "empty"), message, None
    if said != "running":
        return said, message, None
    if progress.get("host") != socket.gethostname():
        return "elsewhere", message, None
    if not process_is_alive(progress.get("pid"), _text(progress, "updated")):
        return "interrupted", message, None
    return ("stopping" if is_asked else "running"), message, progress["pid"]


def _num_instances(folder: Path, *places: dict[str, Any]) -> int:
    for place in (*places, _object(folder / "config.json")):
        number = _count(place.get("num_instances"))
        if 1 <= number <= MOST_SLOTS:
            return number
    return len(_slots(_last_row(folder / METRICS))) or 1


def _words(value: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    simple = ((k, v) for k, v in value.items() if isinstance(v, str | int | float) and v != "")
    return tuple((str(k), str(v)) for k, v in simple)


# ---- curves -------------------------------------------------------------------------------------


def read_curves(folder: str | Path, *, name: str = "") -> RunCurves:
    """The curves of a run, under its own or another ``name``.

    A last line without its end is being written and is left out.

    Where a resumed run logged a step again, the later row counts.

    Raises:
        FileError: the file is too large to be one of a run, or cannot be opened.
    """
    folder = Path(folder)
    summary = read_summary(folder)
    rows: list[dict[str, Any]] = []
    unreadable = 0
    for row in _lines(folder / METRICS):
        if row is None or not _count(row.get("step")):
            unreadable += 1
            continue
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append(row)
    terms = tuple(dict.fromkeys(term for row in rows for term in _inner(row, "losses")))
    values = [[_number(_inner(row, "losses").get(term)) for row in rows] for term in terms]
    return RunCurves(
        name=name or folder.name,
        num_instances=summary.num_instances,
        stages=_spans(folder, rows),
        steps=np.array([row["step"] for row in rows], dtype=np.int64),
        terms=terms,
        values=np.array(values, dtype=np.float64).reshape(len(terms), len(rows)),
        retrieval=_retrieval(rows),
        learning_rate=_column(rows, "learning_rate"),
        seconds=_column(rows, "seconds"),
        instances=_column(rows, "instances"),
        tokens=_column(rows, "tokens"),
        instances_per_s=_column(rows, "instances_per_s"),
        tokens_per_s=_column(rows, "tokens_per_s"),
        unreadable=unreadable,
    )


def read_samples(folder: str | Path) -> tuple[TrainingSample, ...]:
    """What was read back at each save, by rising step; () where nothing was.

    Raises:
        FileError: as ``read_curves``.
    """
    found: dict[int, TrainingSample] = {}
    for row in _lines(Path(folder) / SAMPLES):
        if row is None or "step" not in row:
            continue
        slots = row.get("slots")
        listed = slots[:MOST_SLOTS] if isinstance(slots, list) else []
        found[_count(row["step"])] = TrainingSample(
            _count(row["step"]),
            tuple(
                SlotSample(
                    slot=i,
                    text=_text(s, "text"),
                    read=_text(s, "read"),
                    right=_count(s.get("right")),
                    tokens=_count(s.get("tokens")),
                )
                for i, s in enumerate(listed)
                if isinstance(s, dict)
            ),
        )
    return tuple(found[step] for step in sorted(found))


def log_tail(folder: Path, *, most: int = 16 << 10) -> str:
    """The end of what the run printed; of a bar that redraws itself, its last state. "" without."""
    size, text = _tail(folder / LOG, most)
    whole = text if size <= most else text.partition("\n")[2] or text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in whole.split("\n")).strip()


def _spans(folder: Path, rows: list[dict[str, Any]]) -> tuple[StageSpan, ...]:
    """The stages as planned, or as the rows name them."""
    run, card = _object(folder / RUN), _object(folder / "card.json")
    recipe = _inner(run, "recipe") or _inner(card, "recipe")
    planned = _stages(run.get("stages") or recipe.get("stages"))
    if planned:
        return planned
    spans: list[StageSpan] = []
    for row in rows:
        name, before = _text(row, "stage"), spans[-1].last if spans else 0
        if spans and spans[-1].name == name:
            spans[-1] = StageSpan(name, spans[-1].first, row["step"])
        else:
            spans.append(StageSpan(name, before, row["step"]))
    return tuple(spans)


def _stages(value: object) -> tuple[StageSpan, ...]:
    spans: list[StageSpan] = []
    for stage in value if isinstance(value, list) else []:
        steps = _count(stage.get("steps")) if isinstance(stage, dict) else 0
        if steps:
            first = spans[-1].last if spans else 0
            spans.append(StageSpan(_text(stage, "name") or "stage", first, first + steps))
    return tuple(spans)


def _slots(row: dict[str, Any]) -> list[Any]:
    value = row.get("retrieval_by_slot")
    return value[:MOST_SLOTS] if isinstance(value, list) else []


def _retrieval(rows: list[dict[str, Any]]) -> np.ndarray:
    """[rows, N], NaN where a row has none; [rows, 0] when no row has any."""
    width = max((len(_slots(row)) for row in rows), default=0)
    table = np.full((len(rows), width), math.nan)
    for i, row in enumerate(rows):
        for slot, share in enumerate(_slots(row)):
            table[i, slot] = _number(share)
    return table


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([_number(row.get(name)) for row in rows], dtype=np.float64)


# ---- files of others: nothing in them is trusted ------------------------------------------------


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Each whole line as an object, None for one that is not; a last line that does not end in a
    line break is left out when it cannot be read.
    """
    if not files.is_there(path):
        return
    wanted = "the rows of a run; name another folder"
    *whole, rest = files.read_bytes(path, most=LARGEST_LINES, expected=wanted).split(b"\n")
    for line in whole:
        if line.strip():
            yield parsed_row(line)
    last = parsed_row(rest) if rest.strip() else None
    if last is not None:
        yield last


def _last_row(path: Path) -> dict[str, Any]:
    """The last whole row, from the end of the file."""
    lines = _tail(path, 1 << 16)[1].split("\n")
    rows = (parsed_row(line.encode()) for line in reversed(lines))
    return next((row for row in rows if row is not None), {})


def _tail(path: Path, most: int) -> tuple[int, str]:
    """Bytes of a file, and the text of its last ``most``; nothing where it cannot be read."""
    try:
        size = files.check_regular(path).st_size
        with path.open("rb") as file:
            file.seek(max(0, size - most))
            return size, file.read(most).decode("utf-8", "replace")
    except (OSError, FileError):
        return 0, ""


def parsed_row(line: bytes) -> dict[str, Any] | None:
    """A line of ``metrics.jsonl`` or ``samples.jsonl``; None for what no run writes."""
    try:
        value = files.parse_json(line.decode(), METRICS)
    except (UnicodeDecodeError, FileError):
        return None
    return value if isinstance(value, dict) else None


def _object(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path, most=LARGEST_OBJECT)
    except FileError:
        return {}


def _status(path: Path) -> os.stat_result | None:
    """Of a regular file; None where there is none."""
    try:
        return files.check_regular(path)
    except FileError:
        return None


def _changed(folder: Path) -> float:
    times = [s.st_mtime for n in (METRICS, PROGRESS, LAUNCH, RUN) if (s := _status(folder / n))]
    return max(times, default=0.0)


def _inner(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _strings(value: object) -> tuple[str, ...]:
    is_list = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return tuple(value) if is_list and isinstance(value, list) else ()


def _count(value: object, otherwise: Any = 0) -> Any:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if is_count else otherwise


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) else math.nan


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
