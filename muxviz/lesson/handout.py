"""The hand-out: one printable page of HTML with formulas, questions, a worked sum and words."""

from __future__ import annotations

import html
from collections.abc import Sequence

from muxviz.figures.drawing.export import NO_NETWORK, inline
from muxviz.lesson import words
from muxviz.lesson.step import LETTERS, Said, Step
from muxviz.results.lessons import Mixing

STYLE = """
body{font:10pt/1.3 "Source Sans",system-ui,sans-serif;max-width:19cm;margin:1.2cm auto;
padding:0 .6cm;color:#101318;background:#fff}
h1{font:600 17pt "Source Serif",Georgia,serif;margin:0 0 .2cm}
h2{font:600 12.5pt "Source Serif",Georgia,serif;margin:.5cm 0 .15cm;border-top:1px solid #c4c1b9;
padding-top:.25cm}
.two{columns:2;column-gap:.9cm}.box{break-inside:avoid;margin:0 0 .35cm}
.box b{display:block}.formula{font-family:"Source Serif",Georgia,serif;font-size:11.5pt;
margin:.05cm 0}
.small{font-size:9pt;color:#444}ol{margin:.1cm 0;padding-left:.6cm}
table{border-collapse:collapse;width:100%;font-size:9.5pt}
td,th{border:1px solid #c4c1b9;padding:.08cm .15cm;text-align:right}
th:first-child,td:first-child{text-align:left}
p{margin:.08cm 0}dl{margin:0}dl div{break-inside:avoid}dt{font-weight:600;float:left;
clear:left;margin-right:.2cm}dd{margin:0 0 .08cm}
.answers{break-before:page}
@page{margin:1.2cm}@media print{body{margin:0 auto}}
"""


def handout(steps: Sequence[Step], mixing: Mixing | None = None) -> str:
    """A page by itself."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(words.TITLE)}</title><style>{STYLE}</style></head>"
        f"<body>{body(steps, mixing)}</body></html>\n"
    )


def body(steps: Sequence[Step], mixing: Mixing | None = None) -> str:
    """What stands on it: formulas and questions, the sum to do, words, and the answers."""
    asked = "".join(
        f'<div class="box"><b>{step.id} · {html.escape(step.title)}</b>'
        f'<p class="formula">{html.escape(step.card.formula)}</p>'
        f'<p class="small">{html.escape(step.card.letters)}</p>'
        f"{said(step.quiz.question)}"
        f'<ol type="A">{"".join(f"<li>{said(a)}</li>" for a in step.quiz.answers)}</ol></div>'
        for step in steps
    )
    told = "".join(
        f"<div><dt>{html.escape(word)}</dt><dd>{html.escape(meaning)}</dd></div>"
        for word, meaning in words.GLOSSARY.items()
    )
    right = "".join(f"<li>{LETTERS[step.quiz.right]}. {said(step.quiz.why)}</li>" for step in steps)
    return (
        f"<h1>{html.escape(words.TITLE)}</h1><p>{html.escape(words.OPENING)}</p>"
        f'<div class="two">{asked}</div>{_sum(mixing) if mixing is not None else ""}'
        f'<h2>Words</h2><dl class="two">{told}</dl>'
        f'<div class="answers"><h2>Answers</h2><ol>{right}</ol></div>'
    )


def _sum(mixing: Mixing) -> str:
    """One number of every vector, its pattern, and empty cells for product, sum and mixture."""
    rows = "".join(
        f"<tr><td>{i + 1} · {html.escape(token)}</td><td>{_number(vector)}</td>"
        f"<td>{_number(pattern)}</td><td></td></tr>"
        for i, (token, vector, pattern) in enumerate(
            zip(mixing.tokens, mixing.vectors[:, 0], mixing.patterns[:, 0], strict=True)
        )
    )
    num, total = len(mixing.tokens), float(mixing.mixture[0])
    return (
        f"<h2>Mix them yourself</h2><p>The first of {mixing.width} numbers, at place "
        f"{mixing.position + 1} of {num} sentences ({html.escape(mixing.provenance.checkpoint)})."
        f" Multiply, add, divide by {num}. The network got {_number(total)}.</p>"
        "<table><tr><th>slot, token</th><th>vector</th><th>pattern</th><th>product</th></tr>"
        f"{rows}<tr><td>sum ÷ {num}</td><td></td><td></td><td></td></tr></table>"
    )


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def said(words_of: Said) -> str:
    """Words as HTML."""
    return words_of.text(html.escape, inline)
