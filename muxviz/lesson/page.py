"""The lesson as one HTML file that asks no network: words, pictures, questions, presenter mode."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from muxviz.figures.drawing.export import NO_NETWORK, figure_config, library
from muxviz.files import json_text, parse_json
from muxviz.lesson import handout, words
from muxviz.lesson.handout import said
from muxviz.lesson.step import LETTERS, Scene, Step, TryIt
from muxviz.results.lessons import Mixing

MORE = "more"  # the scene at the end of a step


def lesson_html(steps: Sequence[Step], mixing: Mixing | None = None, *, app: str = "") -> str:
    """The whole page; figures light and dark, plotly.js once.

    app: address of a running app, that "Try it yourself" opens; without one it only says where.
    """
    figures, texts = _figures(steps), {}
    for step in steps:
        texts[step.id] = {
            "first": next(iter(step.scenes)),
            "said": {name: said(scene.said) for name, scene in step.scenes.items()},
            "right": step.quiz.right,
            "why": said(step.quiz.why),
            "hints": [said(step.quiz.hint), said(step.quiz.second)],
        }
    nav = "".join(
        f'<button class="to" data-step="{step.id}" title="{html.escape(step.title)}">'
        f"{step.id}</button>"
        for step in steps
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(words.TITLE)}</title><style>{_file('page.css')}</style></head>"
        f'<body><header><h1>{html.escape(words.TITLE)}</h1><span id="clock" hidden></span>'
        '<button id="notes" aria-pressed="false">Notes (N)</button>'
        '<button id="present" aria-pressed="false">Present (P)</button>'
        '<button id="theme">Light or dark</button></header>'
        f'<nav aria-label="Steps">{nav}</nav><main>{"".join(map(_article, steps, [app] * 9))}'
        f"{_glossary()}</main>"
        '<footer><button id="back">← Back</button><span id="score"></span>'
        '<button id="next">Next →</button></footer>'
        f'<section id="print">{handout.body(steps, mixing)}</section>'
        f"{_json('figures', figures)}{_json('texts', texts)}"
        f"<script>{library()}</script><script>{_script()}</script></body></html>\n"
    )


def _article(step: Step, app: str) -> str:
    turns = "".join(
        f'<button data-scene="{name}" aria-pressed="false">{html.escape(label)}</button>'
        for name, label in step.labels.items()
    )
    answers = "".join(
        f'<button data-answer="{k}"><b>{LETTERS[k]}</b> {said(answer)}</button>'
        for k, answer in enumerate(step.quiz.answers)
    )
    more = ""
    if step.more is not None:
        more = (
            f'<p class="said">{said(step.more.said)}</p>{_picture(step, MORE)}{_source(step.more)}'
        )
    return (
        f'<article id="step{step.id}" hidden><h2><small>{step.id} of 9</small> '
        f'{html.escape(step.title)}</h2><p class="lead">{said(step.lead)}</p>'
        f'<aside class="notes" hidden>{said(step.notes)}</aside>'
        f'<div class="turn" role="group" aria-label="{html.escape(step.turn)}">'
        f"<span>{html.escape(step.turn)}</span>{turns}</div>"
        f'<p class="said" aria-live="polite"></p>{_picture(step, "")}'
        f"<details><summary>How to read it, and what it does not show</summary>"
        f"<p>{html.escape(step.how)}</p><p>{html.escape(step.limits)}</p>"
        f"{_source(step.scene(''))}</details>"
        f'<section class="quiz"><h3>{said(step.quiz.question)}</h3><div>{answers}</div>'
        '<p class="reply" aria-live="polite"></p></section>'
        f"{more}{_card(step)}{_try(step.try_it, app)}</article>"
    )


def _picture(step: Step, scene: str) -> str:
    """Room for a figure."""
    return f'<div class="figure" data-figure="{step.id}/{scene}" role="img"></div>'


def _source(scene: Scene) -> str:
    return f'<p class="from">Recorded, not live: {html.escape(scene.source)}</p>'


def _card(step: Step) -> str:
    card = step.card
    return (
        f'<div class="card"><b>{html.escape(card.name)}</b>'
        f'<p class="formula">{html.escape(card.formula)}</p>'
        f"<p>{html.escape(card.letters)}</p></div>"
    )


def _try(live: TryIt, app: str) -> str:
    note = html.escape(live.note)
    if not app:
        where = html.escape(f"muxviz, page /{live.page}, model {live.checkpoint}")
        return f'<p class="try"><b>Try it yourself</b> ({where}). {note}</p>'
    link = html.escape(live_link(live, app))
    return f'<p class="try"><a href="{link}">Try it yourself</a> {note}</p>'


def live_link(live: TryIt, app: str) -> str:
    """The address of the live page in the state of the step."""
    state = {"v": "1", "m": live.checkpoint, "p": live.preset, "slot": live.slot + 1}
    asked = urlencode({**state, **live.settings})
    return f"{app.rstrip('/')}/{live.page}?{asked}"


def _glossary() -> str:
    told = "".join(
        f"<dt>{html.escape(word)}</dt><dd>{html.escape(meaning)}</dd>"
        for word, meaning in words.GLOSSARY.items()
    )
    return f"<details><summary>Words</summary><dl>{told}</dl></details>"


def _figures(steps: Sequence[Step]) -> dict[str, dict[str, Any]]:
    """Figures in both forms with their descriptions, by theme and ``"step/scene"``."""
    found: dict[str, dict[str, Any]] = {"light": {}, "dark": {}}
    for step in steps:
        scenes = dict(step.scenes) | ({MORE: step.more} if step.more is not None else {})
        for name, scene in scenes.items():
            for theme, into in found.items():
                drawn = scene.picture.draw(scene.result, dark=theme == "dark", named=scene.named)
                (figure,) = drawn.figures
                into[f"{step.id}/{name}"] = {
                    "figure": parse_json(figure.to_json(), "a figure"),
                    "narrow": parse_json(drawn.narrow[0].to_json(), "a figure"),
                    "alt": drawn.alts[0],
                }
    return found


def _json(name: str, value: Any) -> str:
    """Data that a script reads; nothing in it can end the element."""
    text = json_text(value, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _script() -> str:
    told = {
        "CONFIG": json_text(figure_config("lesson")),
        "MINUTES": str(words.MINUTES),
        "LARGER": str(words.LARGER),
    }
    text = _file("page.js")
    for name, value in told.items():
        text = text.replace(name, value)
    return text


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
