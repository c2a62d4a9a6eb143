"""``muxviz train ...`` as a value: built from a form, read from a run's files, written as words.

Words that a file brings along are never run as they stand: only the options known here are taken
over, and the program in front of them is always this one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from muxviz.errors import FileError, TrainingError
from muxviz.files import LARGEST_TOML, read_text
from muxviz.loading.bundled import bundled_folder
from muxviz.printable import printable
from muxviz.training.run_folder import expanded, is_folder

ROOT = Path(__file__).resolve().parents[3]
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII)
MOST_STEPS = 10**9
OPTIONS = {
    "--data": "data",
    "--out": "out",
    "--start": "start",
    "--teacher": "teacher",
    "--steps": "steps",
    "--threads": "threads",
    "--num-instances": "num_instances",
}
NUMBERS = ("steps", "threads", "num_instances")


@dataclass(frozen=True)
class TrainCommand:
    """Paths are as given; "" or 0 leaves an option out. steps: at most so many now."""

    recipe: str
    data: str
    out: str
    start: str = ""
    teacher: str = ""
    steps: int = 0
    threads: int = 0
    resume: bool = False
    num_instances: int = 0  # for a recipe of several N

    @property
    def words(self) -> list[str]:
        """The arguments after ``muxviz``."""
        words = ["train", self.recipe]
        for option, name in OPTIONS.items():
            if value := getattr(self, name):
                words += [option, str(value)]
        return [*words, "--resume"] if self.resume else words

    @property
    def text(self) -> str:
        """The command as it is pasted into a shell."""
        return shlex.join(["muxviz", *self.words])

    def resumed(self) -> TrainCommand:
        """The same run, gone on with to its end."""
        return replace(self, resume=True, steps=0)


def from_words(words: Sequence[str]) -> TrainCommand | None:
    """The command in ``[..., "train", ...]``; None for one with anything unknown in it."""
    if "train" not in words:
        return None
    rest = iter(words[list(words).index("train") + 1 :])
    found: dict[str, str] = {}
    resume = False
    for word in rest:
        option, equals, value = word.partition("=")
        if word == "--resume":
            resume = True
        elif option in OPTIONS:
            found[OPTIONS[option]] = value if equals else next(rest, "")
        elif word.startswith("-") or "recipe" in found:
            return None
        else:
            found["recipe"] = word
    return _built(found, resume)


def _built(found: dict[str, str], resume: bool) -> TrainCommand | None:
    numbers = {name: found.pop(name, "0") for name in NUMBERS}
    if not all(n.isdecimal() and len(n) < 10 for n in numbers.values()):
        return None
    if not {"recipe", "data", "out"} <= found.keys() or not all(found.values()):
        return None
    return TrainCommand(
        found["recipe"],
        found["data"],
        found["out"],
        start=found.get("start", ""),
        teacher=found.get("teacher", ""),
        steps=int(numbers["steps"]),
        threads=int(numbers["threads"]),
        resume=resume,
        num_instances=int(numbers["num_instances"]),
    )


def place(text: str) -> Path:
    """The path that is meant; a relative one starts at the project."""
    path = expanded(text)
    return path if path.is_absolute() else ROOT / path


def shown(path: Path) -> str:
    """A path as short as it can be: from the project, where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def check(command: TrainCommand) -> None:
    """Refuse what cannot work, before a process is started.

    Raises:
        TrainingError: names the field, what was given, and what to give instead.
        ConfigError: the recipe cannot be read.
    """
    from muxviz.training.recipe import PACKED, read_recipe

    for problem in _problems(command):
        raise TrainingError(problem)
    start = PACKED if command.start == PACKED else ""
    recipe = read_recipe(
        place(command.recipe), num_instances=command.num_instances or None, start=start
    )
    recipe.check_teacher(is_named=bool(command.teacher))


def check_name(name: str) -> None:
    """Refuse a run's name that is no plain name of a folder.

    Raises:
        TrainingError: says what a name may be.
    """
    if not NAME.fullmatch(name):
        raise TrainingError(
            f"the name {name!r} cannot be a folder here; expected letters, digits, '.', '_' and "
            "'-', at most 80, beginning with a letter or digit"
        )


def _problems(command: TrainCommand) -> Iterator[str]:
    from muxviz.training.recipe import PACKED

    if not command.recipe:
        yield "no recipe is chosen; choose one of configs/, or give the path of a TOML file"
    if not command.data:
        yield "no data folder is given; name the one that the recipe's paths are relative to"
    for label, text in (
        ("data", command.data),
        ("start", command.start),
        ("teacher", command.teacher),
    ):
        if label == "start" and text == PACKED:
            continue
        is_bundled = label != "data" and bundled_folder(text) is not None
        if text and not is_bundled and not is_folder(place(text)):
            yield f"the {label} folder {printable(text[:300])} is not there; give an existing one"
    if not 0 <= command.steps <= MOST_STEPS:
        yield f"{command.steps} steps were given; expected 1 to {MOST_STEPS:,}"


def recipes() -> list[str]:
    """Recipes under ``configs/``, as paths from the project: TOML files with stages."""
    files = sorted((ROOT / "configs").rglob("*.toml"))
    return [shown(path) for path in files if _has_stages(path)]


def _has_stages(path: Path) -> bool:
    try:
        text = read_text(path, most=LARGEST_TOML)
    except FileError:
        return False
    return re.search(r"^\s*\[\[stages\]\]", text, re.MULTILINE) is not None
