"""``muxviz lesson``: the nine steps as one HTML file, and the hand-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxviz import recorded
from muxviz.errors import InputError
from muxviz.files import results_file
from muxviz.lesson.build import build, recorded_lessons, recorded_tradeoff
from muxviz.lesson.handout import handout
from muxviz.lesson.page import lesson_html

if TYPE_CHECKING:
    import argparse


def lesson(options: argparse.Namespace) -> int:
    """Write the page and, where asked for, the hand-out; print what was written."""
    if not options.out and not options.handout:
        raise InputError("nothing to write; name a file with --out or --handout")
    if options.app and not options.app.startswith(("http://", "https://")):
        raise InputError(
            f"got --app {options.app!r}; expected the address of the app, such as "
            "http://localhost:8501"
        )
    sources = [recorded.learn_file(), recorded.tradeoff_file()]
    found = recorded_lessons()
    steps = build(found, recorded_tradeoff())
    made = (
        (options.out, lambda: lesson_html(steps, found.mixing, app=options.app)),
        (options.handout, lambda: handout(steps, found.mixing)),
    )
    for path, make in made:
        if path is None:
            continue
        with results_file(path, sources=sources) as write:
            write(make())
        print(path)
    return 0
