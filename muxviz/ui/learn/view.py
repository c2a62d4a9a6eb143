"""The Learn page: nine steps on recorded results, each with a question and a way to try it live.

Nothing here loads torch. What a step says and shows is a ``muxviz.lesson.step.Step``.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from muxviz import recorded
from muxviz.errors import DataError
from muxviz.figures.drawing.enlarge import enlarged
from muxviz.lesson import words
from muxviz.lesson.build import build, recorded_lessons, recorded_tradeoff
from muxviz.lesson.handout import handout
from muxviz.lesson.step import Scene, Step
from muxviz.results.lessons import Lessons
from muxviz.ui.learn import presenter, quiz
from muxviz.ui.learn.params import PRESENT, SCENE, STEP
from muxviz.ui.learn.text import HAND_OUT
from muxviz.ui.learn.try_it import try_it
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.question import show


def learn(bench: Bench) -> None:
    """The chosen step, for a reader or for a class."""
    is_presented = bool(value(PRESENT))
    if is_presented:
        presenter.stage()
    else:
        st.title("Learn", anchor=False)
        st.markdown(words.OPENING)
    try:
        found, steps = _steps(*_stamp())
    except DataError as error:
        error_panel(error)
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = str(control(STEP))
        control(PRESENT)
        if is_presented:
            presenter.clock()
    at = [step.id for step in steps].index(chosen)
    _step(steps[at], len(steps), bench, is_presented)
    names = [step.id for step in steps]
    st.caption(quiz.score(steps))
    if is_presented:
        presenter.ways(at, names)
        return
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        presenter.step_button("Back", names[max(at - 1, 0)], ":material/arrow_back:", at == 0)
        on = names[min(at + 1, len(names) - 1)]
        presenter.step_button("Next", on, ":material/arrow_forward:", at == len(names) - 1)
    _words(found, steps)


def _step(step: Step, of: int, bench: Bench, is_presented: bool) -> None:
    """Words, what can be turned, the picture, the question, the formula, the way on."""
    st.header(f"{step.id} of {of} · {step.title}", anchor=False)
    if is_presented:
        presenter.notes(step)
    st.markdown(step.lead.text(plain))
    labels = dict(step.labels)
    turned = replace(SCENE, label=step.turn, options=labels, default=next(iter(labels)))
    name = str(control(turned))
    scene = step.scene(name)
    st.markdown(f":material/lightbulb: {scene.said.text(plain)}")
    _picture(f"learn_{step.id}_{name}", step, scene, bench, is_presented)
    quiz.ask(step)
    if step.more is not None:
        st.markdown(f":material/lightbulb: {step.more.said.text(plain)}")
        _picture(f"learn_{step.id}_more", step, step.more, bench, is_presented)
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{step.card.name}** &ensp; {plain(step.card.formula)}")
        st.caption(step.card.letters)
    if not is_presented:
        try_it(step)


def _picture(key: str, step: Step, scene: Scene, bench: Bench, is_presented: bool) -> None:
    """The panel of a scene; before a class the figure alone."""
    if is_presented:
        drawn = scene.picture.draw(scene.result, dark=bench.is_dark, named=scene.named)
        panels.picture(
            f"{key}_large",
            enlarged(drawn.figures[0], words.LARGER),
            drawn.alts[0],
            narrow=drawn.narrow[0],
        )
        return
    st.badge("recorded, not live", icon=":material/movie:", color="gray")
    known = Known(lambda: scene.result, scene.about, scene.named, scene.imports, scene.lines)
    question = Question(
        key, "", known, "", scene.picture, step.how, step.limits, origin=scene.source
    )
    show(replace(question, is_headed=False))


def _words(found: Lessons, steps: tuple[Step, ...]) -> None:
    """The glossary, and the hand-out."""
    with st.expander("Words", type="compact"):
        st.markdown("\n".join(f"- **{word}** {told}" for word, told in words.GLOSSARY.items()))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "Hand-out",
            data=lambda: handout(steps, found.mixing),
            file_name="muxviz-handout.html",
            mime="text/html",
            icon=":material/print:",
            on_click="ignore",
            key="learn_handout",
        )
        st.caption(HAND_OUT, width="stretch")


def _stamp() -> tuple[str, int, int]:
    """What the steps are made of: another value where a recording was made anew."""
    files = recorded.learn_file(), recorded.tradeoff_file()
    times = [file.stat().st_mtime_ns if file.is_file() else 0 for file in files]
    return str(files[0]), times[0], times[1]


@st.cache_resource(max_entries=2, show_spinner=False)
def _steps(path: str, lessons_of: int, tradeoff_of: int) -> tuple[Lessons, tuple[Step, ...]]:
    found = recorded_lessons()
    return found, build(found, recorded_tradeoff())
