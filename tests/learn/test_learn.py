"""The Learn page: nine recorded steps, their questions, presenter mode, the ways to live pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from muxviz import recorded
from muxviz.lesson import words
from muxviz.lesson.build import build, recorded_lessons, recorded_tradeoff
from muxviz.lesson.step import LETTERS, Step
from muxviz.presets import preset
from muxviz.results.store import to_json
from muxviz.ui.learn.presenter import NOTES
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.params import params_of
from muxviz.ui.shell.text import JOINER
from tests import pages
from tests.pages import charts, click, write_checkpoint

NUMBERS = [str(n) for n in range(1, 10)]


@pytest.fixture(scope="module")
def steps() -> tuple[Step, ...]:
    return build(recorded_lessons(), recorded_tradeoff())


@pytest.fixture(autouse=True)
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of the names that steps open; none of them is loaded."""
    for name in ("sst2-n5", "sst2-n5-shared-50"):
        write_checkpoint(tmp_path / name, num_instances=5)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))


def open_page(**parameters: str) -> AppTest:
    return pages.visit("learn", **parameters)


def seen(at: AppTest) -> str:
    return pages.seen(at).replace(JOINER, "").replace("\\", "")


def answer(at: AppTest, step: str, letter: str) -> AppTest:
    return click(at, f"learn_answer_{step}_{letter}")


def wrong(step: Step) -> list[str]:
    return [letter for letter in step.quiz.letters if letter != LETTERS[step.quiz.right]]


def test_nine_steps_in_order_each_with_picture_question_and_way_on(
    steps: tuple[Step, ...],
) -> None:
    at = open_page()
    for step in steps:
        assert [s.value for s in at.header] == [f"{step.id} of 9 · {step.title}"]
        assert len(charts(at)) == 1 + (step.more is not None)
        assert at.button(key=f"learn_try_{step.id}").label == "Try it yourself"
        for letter in step.quiz.letters:
            assert not at.button(key=f"learn_answer_{step.id}_{letter}").disabled
        assert step.card.letters in seen(at)
        if step.id != "9":
            click(at, "learn_next")
    assert at.button(key="learn_next").disabled
    click(at, "learn_back")
    assert at.header[0].value.startswith("8 of 9")


def test_a_guess_is_answered_twice_with_a_hint_then_with_the_solution(
    steps: tuple[Step, ...],
) -> None:
    step = steps[4]
    at = open_page(step="5")
    first, second, *_ = wrong(step)
    answer(at, "5", first)
    assert [i.value for i in at.info] == [step.quiz.hint.text()]
    assert at.button(key=f"learn_answer_5_{first}").disabled
    answer(at, "5", second)
    assert [i.value.replace(JOINER, "").replace("\\", "") for i in at.info] == [
        step.quiz.second.text()
    ]
    assert not at.success
    answer(at, "5", LETTERS[step.quiz.right])
    assert at.success[0].value.replace(JOINER, "").replace("\\", "") == step.quiz.why.text()
    assert "0 of 1 question right at once" in seen(at)
    answer(click(at, "learn_next"), "6", LETTERS[steps[5].quiz.right])
    assert "1 of 2 questions right at once" in seen(at)


def test_turning_changes_the_picture_and_what_is_said(steps: tuple[Step, ...]) -> None:
    for step in steps:
        drawn = set()
        names = list(step.scenes)[:2]
        for name in names:
            at = open_page(step=step.id, step_turn=name)
            drawn.add(str(charts(at)[0]))
            assert step.scenes[name].said.text() in seen(at)
        assert len(drawn) == len(names), step.id


def test_a_scene_of_another_step_is_said_and_left_out(steps: tuple[Step, ...]) -> None:
    at = open_page(step="3", step_turn="mute2")
    assert "step_turn=mute2" in seen(at)
    assert next(iter(steps[2].scenes.values())).said.text() in seen(at)


@pytest.mark.parametrize("number", NUMBERS)
def test_try_it_yourself_opens_a_live_page_in_the_state(
    number: str, steps: tuple[Step, ...]
) -> None:
    live = steps[int(number) - 1].try_it
    at = open_page(step=number)
    at.button(key=f"learn_try_{number}").click().run()
    assert not at.exception
    found = at.session_state[session.ROWS]
    rows = preset(live.preset).rows
    assert [row.text for row in found][:5] == [row[0] for row in rows[:5]]
    assert at.title[0].value == PAGES[live.page].title
    assert {param.key for param in params_of(live.page)} >= set(live.settings)
    for key, value in live.settings.items():
        assert at.session_state[key] == value
    if live.checkpoint in ("sst2-n5", "sst2-n5-shared-50"):
        assert at.session_state[session.CHECKPOINT] == live.checkpoint
        assert at.session_state[session.SLOT] == live.slot + 1


def test_words_and_hand_out_are_there() -> None:
    at = open_page()
    for word, meaning in words.GLOSSARY.items():
        assert f"**{word}** {meaning}" in pages.seen(at)
    assert [b.proto.label for b in at.get("download_button")][-1] == "Hand-out"


# ---- presenter mode -----------------------------------------------------------------------------


def test_before_a_class_there_is_the_step_alone_with_keys_notes_and_a_clock(
    steps: tuple[Step, ...],
) -> None:
    at = open_page(step="2", present="1")
    assert not at.title
    assert not at.get("download_button")
    assert any("stSidebar" in html.proto.body for html in at.get("html"))
    assert "0:0" in seen(at)
    assert f"of {words.MINUTES}:00" in seen(at)
    shortcuts = {b.key: b.proto.shortcut for b in at.button if b.proto.shortcut}
    assert {shortcuts[f"learn_{name}"] for name in ("back", "next")} == {"left", "right"}
    assert steps[1].notes.text() not in seen(at)
    click(at, "learn_notes_button")
    assert steps[1].notes.text() in seen(at)
    click(at, "learn_next")
    assert at.header[0].value.startswith("3 of 9")
    assert at.session_state[NOTES]
    small = charts(open_page(step="3"))[0]["layout"]["height"]
    assert charts(at)[0]["layout"]["height"] == pytest.approx(words.LARGER * small)
    click(at, "learn_leave")
    assert at.title[0].value == "Learn"
    assert at.header[0].value.startswith("3 of 9")


def test_without_presenter_mode_no_key_is_taken() -> None:
    at = open_page()
    assert not [b.key for b in at.button if str(b.key).startswith("learn") and b.proto.shortcut]
    assert not any("stSidebar" in html.proto.body for html in at.get("html"))


# ---- recordings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "make recorded"), ("{", "record it again"), (to_json((1, 2)), "make recorded")],
)
def test_a_missing_or_broken_recording_says_what_to_do(
    text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "learn.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: file)
    at = open_page()
    assert message in seen(at)
    assert not charts(at)


def test_a_recording_made_anew_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = recorded_lessons()
    evil = "<b>*Mine*</b> :smile:"
    before = replace(found.exchanged.before.slots[found.exchanged.slot], text=evil)
    slots = list(found.exchanged.before.slots)
    slots[found.exchanged.slot] = before
    moved = replace(found.exchanged, before=replace(found.exchanged.before, slots=tuple(slots)))
    file = tmp_path / "learn.json"
    file.write_text(to_json(replace(found, exchanged=moved)), encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: file)
    at = open_page(step_turn="harder")
    assert evil in seen(at)
    assert "\\<b\\>\\*Mine\\*" in pages.seen(at).replace(JOINER, "")


def test_without_a_tradeoff_the_lesson_ends_with_the_debugger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "tradeoff_file", lambda: tmp_path / "none.json")
    assert len(charts(open_page(step="9"))) == 1
