"""A checkpoint's card: licence, numbers and recipe, as its ``card.json`` has them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.files import is_there
from muxviz.loading.json_files import CARD
from muxviz.ui.models.files import CARD_DEPTH, FolderFacts
from muxviz.ui.models.text import short
from muxviz.ui.shell.text import count, plain

CURVES = "metrics.jsonl"  # that a training run leaves beside the weights
CORRELATIONS = ("matthews", "pearson", "spearman")  # not shares
MAX_ROWS = 200
MAX_TEXT = 500  # characters of one value
MAX_LIST = 12  # numbers of a list that are written out
LICENCE = ("licence", "license")
MAX_WORDS = 20  # sentences, and data sets
MAX_NAME = 40


def draw(facts: FolderFacts) -> None:
    """The card of one checkpoint, or why there is none."""
    st.header(f"Card of {plain(short(facts.name))}", anchor=False)
    card = facts.card
    if not card and is_there(facts.folder / CARD):
        st.info(
            f"Not applicable: its `{CARD}` cannot be read, or holds nothing. "
            f"{plain(facts.problem)}",
            icon=":material/block:",
        )
        return
    if not card:
        st.info(
            "Not applicable: this checkpoint has no `card.json` (published ones have none). Its "
            "recipe, numbers and licence are where it came from.",
            icon=":material/block:",
        )
        return
    _words(card)
    measured = _measured(card.get("measured"))
    if measured:
        st.markdown("**Measured**")
        st.dataframe(measured, hide_index=True, width="stretch", alt=_alt(measured))
    if (facts.folder / CURVES).is_file():
        st.caption(f"Its training curves are in `{CURVES}` of its folder.")
    apart = {name for name in (*LICENCE, "recipe", "run") if name in card}
    rest = {k: v for k, v in card.items() if k not in apart and not _is_words(v)}
    numbers, run, recipe = st.columns(3, gap="large")
    with numbers.expander("All numbers", type="compact"):
        _table("Numbers", rest)
    with run.expander("Training run", type="compact"):
        _table("Training run", card.get("run"))
    with recipe.expander("Recipe", type="compact"):
        _table("Recipe", card.get("recipe"))


def _words(card: dict[str, Any]) -> None:
    """The licence, and every field that is a sentence."""
    licence = next((str(card[name]) for name in LICENCE if card.get(name)), "not stated")
    lines = [("licence", licence)]
    lines += [(k, v) for k, v in card.items() if k not in LICENCE and _is_words(v)]
    for name, text in lines[:MAX_WORDS]:
        shown = name[:MAX_NAME].replace("_", " ").capitalize()
        st.markdown(f"**{plain(shown)}:** {plain(text[:MAX_TEXT])}")


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _measured(value: Any) -> list[dict[str, str]]:
    """One line per data set that the card has numbers on."""
    sets = value.values() if isinstance(value, dict) else ()
    return [_measured_row(part) for part in sets if isinstance(part, dict)][:MAX_WORDS]


def _measured_row(part: dict[str, Any]) -> dict[str, str]:
    return {
        "Data": _text(part.get("data")),
        "Rows": _text(part.get("rows")),
        "Groupings": _text(part.get("groupings")),
        **_score(part),
        "Read back": _shares(
            part.get("retrieval_accuracy"), ("value", "low", "high"), "{} ({} to {})"
        ),
    }


def _score(part: dict[str, Any]) -> dict[str, str]:
    """The headline metric, and what chance in the choice of rows leaves open."""
    name = part.get("primary") or "accuracy"
    metrics = part.get("metrics")
    found = metrics.get(name) if isinstance(metrics, dict) else part.get("accuracy")
    form = "{:.3f}" if name in CORRELATIONS else "{:.1%}"
    return {
        "Metric": str(name).replace("_", " ")[:MAX_NAME] if found else "–",
        "Score": _shares(found, ("mean", "std"), "{} ± {}", form),
        "95 % over rows": _shares(found, ("low", "high"), "{} to {}", form),
    }


def _shares(value: Any, names: tuple[str, ...], words: str, form: str = "{:.1%}") -> str:
    numbers = [value.get(name) for name in names] if isinstance(value, dict) else []
    if not numbers or not all(isinstance(n, int | float) for n in numbers):
        return "–"
    return words.format(*(form.format(n) for n in numbers))


def _alt(rows: list[dict[str, str]]) -> str:
    return "; ".join(", ".join(f"{name} {text}" for name, text in row.items()) for row in rows)


def _table(title: str, value: Any) -> None:
    rows = flatten(value)
    if not rows:
        st.caption("The card says nothing.")
        return
    st.dataframe(
        [{"Field": name, "Value": text} for name, text in rows[:MAX_ROWS]],
        hide_index=True,
        width="stretch",
        alt=f"{title}: " + "; ".join(f"{name} {text}" for name, text in rows[:MAX_LIST]),
    )
    if len(rows) > MAX_ROWS:
        st.caption(f"{count(len(rows) - MAX_ROWS, 'more field')} in card.json.")


def flatten(value: Any, name: str = "", depth: int = CARD_DEPTH) -> list[tuple[str, str]]:
    """JSON values as (dotted name, text), in their order."""
    if isinstance(value, dict) and depth:
        parts = [(f"{name}.{key}" if name else str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and depth and any(isinstance(v, dict | list) for v in value):
        parts = [(f"{name} {i}", part) for i, part in enumerate(value, 1)]
    else:
        return [] if value is None and not name else [(name, _text(value))]
    return [row for label, part in parts for row in flatten(part, label, depth - 1)]


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) > MAX_LIST:
        return f"{len(value)} values"
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)[:MAX_TEXT]
