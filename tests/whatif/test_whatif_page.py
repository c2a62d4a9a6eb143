"""The What-if page and its figures, on tiny checkpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.analysis.debugger.ladder import ladder
from muxviz.analysis.whatif.desk import edit_slot, turn_faders
from muxviz.analysis.whatif.dial import ghosts, key_dial
from muxviz.analysis.whatif.dose import dose_response
from muxviz.analysis.whatif.ensembling import ensembling
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.analysis.whatif.twins import duplicates, twins
from muxviz.batch import Row
from muxviz.figures.debugger import ladder as ladder_figures
from muxviz.figures.whatif import copies as copies_figures
from muxviz.figures.whatif import desk as desk_figures
from muxviz.figures.whatif import dose as dose_figures
from muxviz.figures.whatif import keys as key_figures
from muxviz.figures.whatif import orders as order_figures
from muxviz.figures.whatif import twins as twin_figures
from muxviz.pool import texts
from muxviz.ui.shell import session
from muxviz.ui.whatif.desk import as_words
from tests.pages import (
    BASELINE,
    computed,
    press,
    run_as_pasted,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
)
from tests.planted import planted
from tests.whatif.test_whatif_analysis import EQUAL, LABELLED, LEAKY, POOL, ROWS

LABELS: dict[str, Any] = {"labels": ("negative", "positive"), "readout": "mean"}
HOSTILE = "<b>good</b> $film$ &amp; **bad**"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentiment at N = 1 and 3, and the kinds that cannot answer all; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True, labels=LABELS["labels"])
    write_checkpoint(root / "tiny-n3", BASELINE, **LABELS)
    write_checkpoint(root / "blind-n2", num_instances=2, has_retrieval_head=False, **LABELS)
    kinds: dict[str, dict[str, Any]] = {
        "index-n2": {"demultiplexer": "index_prefix", "labels": LABELS["labels"]},
        "tags-n2": {"task": "token_classification", "num_labels": 3},
        "score-n2": {"task": "regression"},
    }
    for name, changes in kinds.items():
        write_checkpoint(root / name, num_instances=2, **changes)
    rows = [f"{text}\t{label}\tpool" for text, label in LABELLED]
    (root / "pool.tsv").write_text("\n".join(["text\tlabel\tsplit", *rows]), encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def _only_these(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MUXVIZ_POOL", str(checkpoints / "pool.tsv"))


def open_page(**parameters: str) -> AppTest:
    return visit("whatif", **({"m": "tiny-n3", "w_draws": "8"} | parameters))


# ---- the page -----------------------------------------------------------------------------------


def test_faders_are_moved_muted_soloed_and_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page()
    assert titles(at) == ["All faders at 1: nothing is changed yet"]
    assert "Off-distribution" not in seen(at)
    press(at, "w_mute_1")
    assert at.session_state["w_g"] == "1,0,1"
    assert "Off-distribution" in seen(at)
    assert titles(at)[0].startswith("Muting slot 2")
    at.slider(key="w_fader_0").set_value(0.75).run()
    settled(at)
    assert at.session_state["w_g"] == "0.75,0,1"
    press(at, "w_solo_2")
    assert at.session_state["w_g"] == "0,0,1"
    press(at, "w_undo_button")
    assert at.session_state["w_g"] == "0.75,0,1"
    press(at, "w_reset")
    assert at.session_state["w_g"] == ""
    assert [at.slider(key=f"w_fader_{i}").value for i in range(3)] == [1, 1, 1]
    press(at, "dose_compute")
    counted, before = computed(at), titles(at)
    assert len(before) == 3
    at.session_state["w_scale"] = "probability"
    at.session_state[session.SLOT] = 2
    at.run()
    settled(at)
    assert computed(at) == counted
    assert titles(at)[1] != before[1]
    assert run_as_pasted(at, monkeypatch) >= 4


def test_faders_come_with_the_link_and_bad_ones_are_as_they_were() -> None:
    at = open_page(w_g="1,0.5,2", w_floor="pool")
    assert [at.slider(key=f"w_fader_{i}").value for i in range(3)] == [1, 0.5, 2]
    assert titles(at)[0].startswith("Moving the faders of slots 2 and 3")
    bad = open_page(w_g="x,nan,9,7,inf", w_view="sand", w_alpha="3")
    assert [bad.slider(key=f"w_fader_{i}").value for i in range(3)] == [1, 1, 2]
    ignored = " ".join(bad.session_state[session.IGNORED])
    assert "sand (use desk, edit" in ignored
    assert "0 to 1 in steps of 0.05" in ignored
    assert as_words((1, 1)) == ""
    assert as_words((1, 0.5)) == "1,0.5"


def test_a_new_sentence_is_compared_and_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(w_view="edit", slot="2")
    assert "No new sentence yet" in seen(at)
    at.text_input(key="w_text").set_value(HOSTILE).run()
    settled(at)
    assert titles(at)[0].startswith("The new sentence in slot 2")
    assert "new sentence" in seen(at)
    assert run_as_pasted(at, monkeypatch) == 1
    press(at, "w_take")
    assert [row.text for row in at.session_state[session.ROWS]][1] == HOSTILE
    assert at.session_state["w_text"] == ""


def test_a_sentence_comes_from_the_pool_or_is_cut_in_half() -> None:
    at = open_page(w_view="edit", slot="2")
    held = at.session_state[session.ROWS][1].text.split()
    press(at, "w_half")
    assert at.session_state["w_text"].split() == held[: len(held) // 2]
    drawn = []
    for _ in range(3):
        press(at, "w_pool")
        drawn.append(at.session_state["w_text"])
    assert len(set(drawn)) == 3
    assert set(drawn) <= set(texts())
    assert titles(at)[0].startswith("The new sentence in slot 2")
    again = press(open_page(w_view="edit", slot="2"), "w_pool")
    assert again.session_state["w_text"] == drawn[0], "the seed draws the same one"


def test_the_dial_turns_without_computing_and_ghosts_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = open_page(w_view="key", w_to="3")
    assert len(titles(at)) == 1
    counted = computed(at)
    at.slider(key="w_alpha").set_value(0.5).run()
    settled(at)
    assert computed(at) == counted
    press(at, "ghosts_compute")
    assert len(titles(at)) == 2
    assert run_as_pasted(at, monkeypatch) >= 2


def test_orders_are_ranked_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(w_view="seats")
    before = [row.text for row in at.session_state[session.ROWS]]
    press(at, "seats_compute")
    assert len(titles(at)) == 2
    assert len(at.dataframe) == 1
    assert run_as_pasted(at, monkeypatch) == 1
    name = "worst" if at.button(key="w_open_best").disabled else "best"
    press(at, f"w_open_{name}")
    after = [row.text for row in at.session_state[session.ROWS]]
    assert after != before
    assert sorted(after) == sorted(before)
    assert "Stale" in seen(at)


def test_twins_duplicates_and_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(w_view="same")
    press(at, "duplicates_compute")
    press(at, "copies_compute")
    assert len(titles(at)) == 2
    if any(b.key == "twins_compute" for b in at.button):
        press(at, "twins_compute")
    assert "Are twins told apart?" in seen(at)
    assert run_as_pasted(at, monkeypatch) >= 2


def test_why_leads_to_the_debugger_with_what_the_link_said() -> None:
    at = open_page(w_view="why", w_gold="positive", w_draws="16")
    at.button(key="w_why").click().run()
    settled(at)
    assert "Company or capacity?" in seen(at)
    assert (at.session_state["d_gold"], at.session_state["d_draws"]) == ("positive", 16)


def test_what_a_checkpoint_cannot_answer_is_said() -> None:
    assert "One text a pass" in seen(open_page(m="tiny-n1"))
    blind = press(open_page(m="blind-n2", w_view="key"), "ghosts_compute")
    assert "no retrieval head" in seen(blind)
    assert "cannot be dialled" in seen(open_page(m="index-n2", w_view="key"))
    assert "a number, not with classes" in seen(open_page(m="score-n2"))
    tags = press(open_page(m="tags-n2", w_view="same"), "copies_compute")
    assert "answers per token" in seen(tags)


@pytest.mark.parametrize("view", ["desk", "edit", "key", "seats", "same", "why"])
def test_every_view_opens_for_tags_and_for_a_group_with_free_slots(view: str) -> None:
    open_page(m="tags-n2", w_view=view, w_text="the cat")
    at = open_page(w_view=view, slot="3", w_text="the cat")
    at.session_state[session.ROWS] = at.session_state[session.ROWS][:2]
    at.run()
    settled(at)


# ---- figures ------------------------------------------------------------------------------------


def figures(dark: bool) -> dict[str, tuple[go.Figure, str, list[dict[str, Any]]]]:
    """Every figure of the page with its description and table."""
    model = planted(LEAKY).checkpoint
    rows = (Row(HOSTILE), *EQUAL[1:])
    moved = turn_faders(model, rows, (1, 0, 1))
    dose = dose_response(model, rows, doses=5)
    dial = key_dial(model, EQUAL, 0, 1, steps=5)
    ghost = ghosts(model, rows, pool=POOL)
    orders = slot_orders(model, rows)
    pair = twins(model, "a good film", "a bad film", pool=POOL, draws=2)
    same = duplicates(model, HOSTILE, pool=POOL, draws=4)
    copies = ensembling(planted(np.diag([-1.0, 1.0, 1.0])).checkpoint, LABELLED)
    why = ladder(model, rows, 0, gold="negative", pool=POOL, draws=4)
    d, w, k = desk_figures, dose_figures, key_figures
    o, t, c, y = order_figures, twin_figures, copies_figures, ladder_figures
    return {
        "desk": (
            d.before_after_figure(moved, dark=dark),
            d.before_after_alt(moved),
            d.before_after_table(moved),
        ),
        "dose": (w.dose_figure(dose, 0, dark=dark), w.dose_alt(dose, 0), w.dose_table(dose, 0)),
        "slope": (w.slope_figure(dose, dark=dark), w.slope_alt(dose), w.dose_table(dose, 0)),
        "dial": (k.dial_figure(dial, 0.5, dark=dark), k.dial_alt(dial), k.dial_table(dial)),
        "ghosts": (k.ghost_figure(ghost, dark=dark), k.ghost_alt(ghost), k.ghost_table(ghost)),
        "seats": (
            o.seats_figure(orders, 0, dark=dark),
            o.orders_alt(orders, 0),
            o.orders_table(orders),
        ),
        "company": (
            o.company_figure(orders, dark=dark),
            o.company_finding(orders),
            o.order_rows(orders),
        ),
        "twins": (t.twins_figure(pair, dark=dark), t.twins_alt(pair), t.twins_table(pair)),
        "same": (
            t.duplicates_figure(same, dark=dark),
            t.duplicates_alt(same),
            t.duplicates_table(same),
        ),
        "copies": (
            c.copies_figure(copies, dark=dark),
            c.copies_alt(copies),
            c.copies_table(copies),
        ),
        "ladder": (y.ladder_figure(why, dark=dark), y.ladder_alt(why), y.ladder_table(why)),
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_small_titled_described_and_shows_text_as_text(dark: bool) -> None:
    for name, (figure, alt, table) in figures(dark).items():
        data = figure.to_json()
        assert len(data) < 1_000_000, name
        assert "<b>good</b>" not in data, name
        assert figure.layout.title.text, name
        assert len(alt) > 30, name
        assert table, name
        json.dumps(table, allow_nan=True)


def test_numbers_given_are_numbers_drawn() -> None:
    model = planted(LEAKY)
    moved = turn_faders(model.checkpoint, ROWS, (1, 0, 1))
    before, after = desk_figures.before_after_figure(moved).data
    np.testing.assert_allclose(before.x, moved.sure_before)
    np.testing.assert_allclose(after.x, moved.sure_after)
    dose = dose_response(model.checkpoint, ROWS, doses=5)
    lines = dose_figures.dose_figure(dose, 1, scale="margin").data
    for line, curve in zip(lines, dose.margin[1], strict=True):
        np.testing.assert_allclose(line.y, curve, rtol=1e-6)
    np.testing.assert_allclose(dose_figures.slope_figure(dose).data[0].z, dose.slope, atol=1e-6)
    orders = slot_orders(model.checkpoint, EQUAL)
    drawn = np.concatenate([d.y for d in order_figures.seats_figure(orders, 0).data])
    np.testing.assert_allclose(np.sort(drawn), np.sort(orders.sure[:, 0]), rtol=1e-6)
    why = ladder(model.checkpoint, ROWS, 0, pool=POOL, draws=4)
    bars = ladder_figures.ladder_figure(why).data[0].x
    np.testing.assert_allclose(bars, [r.change for r in why.rungs])


def test_findings_say_what_was_planted() -> None:
    clean, leaky = planted().checkpoint, planted(LEAKY).checkpoint
    assert "no other slot" in desk_figures.before_after_finding(
        edit_slot(clean, EQUAL, 1, "a great film")
    )
    assert "Slot 2 alone" in desk_figures.before_after_finding(turn_faders(leaky, ROWS, (0, 1, 0)))
    assert "No neighbour's fader stands out" in dose_figures.slope_finding(
        dose_response(clean, EQUAL, doses=3)
    )
    found = dose_figures.slope_finding(dose_response(leaky, EQUAL, doses=3))
    assert "Fader 1 stands out most in slot 3" in found  # the leak of weight 2
    assert "no neighbour's words" in key_figures.ghost_finding(ghosts(clean, EQUAL, pool=POOL))
    assert "slot 2's words" in key_figures.ghost_finding(
        ghosts(planted(((1, 0.5, 0), (0, 1, 0), (0, 0, 1))).checkpoint, EQUAL, pool=POOL)
    )
    orders = slot_orders(clean, EQUAL)
    assert "alike in all 6 orders" in order_figures.seats_finding(orders, 0)
    assert order_figures.company_finding(orders) == "The order changes no answer's probability"
    assert "stays positive" in key_figures.dial_finding(
        key_dial(planted(gates=(0, 0, 2)).checkpoint, EQUAL, 0, 1)
    )
    assert "from positive to negative" in key_figures.dial_finding(key_dial(clean, EQUAL, 0, 1))


def test_verdicts_in_words() -> None:
    def verdict(leaks: Any, gold: str | None) -> str:
        found = ladder(planted(leaks).checkpoint, EQUAL, 0, gold=gold, pool=POOL, draws=8)
        return ladder_figures.ladder_finding(found)

    assert "no N = 1 model to tell the sentence" in verdict(None, "negative")
    assert "its seat tips it: another seat mends 4 of 4" in verdict(
        np.diag([-0.5, 1.0, 1.0]), "positive"
    )
    assert "because of slot 2: another sentence in slot 2 mends 8 of 8" in verdict(
        ((1, 3, 0), (0, 1, 0), (0, 0, 1)), "positive"
    )
    assert "most easily another sentence in slot 3 turns" in verdict(
        ((-0.5, 0, 2), (0, 1, 0), (0, 0, 1)), "positive"
    )
    assert "nothing tried turns" in verdict(None, "positive")
    present = ladder(planted().checkpoint, EQUAL, 0, pool=POOL, draws=4)
    assert "neither a gold label nor an N = 1 model" in ladder_figures.target_words(present)
    lost = replace(present, is_right=False, cause="none", margin=-0.4)
    assert "no single cause" in ladder_figures.ladder_finding(lost)
