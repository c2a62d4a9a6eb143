"""The question of a step: guesses of this session, what is said to them, and the score."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.lesson.step import LETTERS, Quiz, Step
from muxviz.ui.learn.text import STYLE
from muxviz.ui.shell.text import count, plain

GUESSES = "learn_guesses"  # in the session: letters by step, in the order of guessing


def ask(step: Step) -> None:
    """The question, a button for each answer, and what is said to the guesses so far."""
    quiz, tried = step.quiz, guesses().get(step.id, ())
    solved = is_told(quiz, tried)
    st.html(STYLE)
    with st.container(border=True, gap="small", key="learn_quiz"):
        st.markdown(f"**{quiz.question.text(plain)}**")
        for letter, answer in zip(quiz.letters, quiz.answers, strict=True):
            is_right = letter == LETTERS[quiz.right]
            icon = ":material/check_circle:" if solved and is_right else None
            if letter in tried and not is_right:
                icon = ":material/close:"
            st.button(
                f"**{letter}** &ensp; {answer.text(plain)}",
                key=f"learn_answer_{step.id}_{letter}",
                icon=icon,
                width="stretch",
                disabled=icon is not None,
                on_click=_guess,
                args=(step.id, letter),
            )
        if tried:
            is_right, said = quiz.reply(tried)
            icon = ":material/check_circle:" if is_right else ":material/search:"
            (st.success if is_right else st.info)(said.text(plain), icon=icon)


def score(steps: Sequence[Step]) -> str:
    """``"2 of 3 questions right at once"``; "" before any was answered."""
    found = guesses()
    right = {step.id: LETTERS[step.quiz.right] for step in steps}
    at_once = sum(tried[0] == right.get(step) for step, tried in found.items())
    return f"{at_once} of {count(len(found), 'question')} right at once" if found else ""


def guesses() -> dict[str, tuple[str, ...]]:
    """Letters guessed in this session, by step."""
    found: dict[str, tuple[str, ...]] = st.session_state.get(GUESSES, {})
    return found


def is_told(quiz: Quiz, tried: tuple[str, ...]) -> bool:
    """Whether the right answer is out: found, or told after three wrong ones."""
    return LETTERS[quiz.right] in tried or len(tried) > 2


def _guess(step: str, letter: str) -> None:
    found = guesses()
    st.session_state[GUESSES] = {**found, step: (*found.get(step, ()), letter)}
