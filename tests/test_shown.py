"""What presets gave: measured as planted, told in words, recorded as it runs now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from muxviz import recorded
from muxviz.bench.bands import bands
from muxviz.bench.shown import shown, shown_groups
from muxviz.errors import DataError
from muxviz.loading.bundled import bundled_names
from muxviz.loading.load import load
from muxviz.presets import Preset, preset, presets
from muxviz.results import GroupResult
from muxviz.results.shown import Shown, ShownGroups
from muxviz.results.store import from_json, to_json
from muxviz.ui.study.braid import recorded_band
from muxviz.ui.study.shown import outcome, where_it_turns
from tests import pages
from tests.planted import planted
from tests.test_figures import HOW

ROWS = (("a great warm film", None), ("an awful sad plot", None), ("the good funny music", None))
GROUP = Preset("clean", "A group", "Look.", ROWS)
LONE = planted([[1.0]]).checkpoint
CLEAN = Shown("clean", "m", "f", (), (0, 0, 0), -1, -1, 0.0)


def found_on(leaks: list[list[float]] | None) -> Shown:
    return shown(GROUP, planted(leaks).checkpoint, LONE, draws=12)


def test_a_model_whose_slots_do_not_touch_shows_nothing() -> None:
    found = found_on(None)
    assert (found.turned, found.lost, found.share) == ((), (0, 0, 0), 0.0)
    assert (found.source, found.target) == (-1, -1)


def test_the_slot_that_turns_and_the_one_that_turns_it_are_named() -> None:
    """Slot 3 hears slot 2 three times as loud as itself."""
    found = found_on([[1, 0, 0], [0, 1, 0], [0, 3, 1]])
    assert found.turned == (2,)
    assert (found.source, found.target) == (1, 2)
    assert 0 < found.share <= 1
    assert found.lost[:2] == (0, 0)
    assert found.lost[2] > 0


def test_one_text_alone_has_no_neighbour_to_exchange() -> None:
    single = replace(GROUP, rows=ROWS[:1])
    found = shown(single, planted().checkpoint, LONE, draws=3)
    assert (len(found.lost), found.share) == (1, 0.0)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turned = replace(CLEAN, checkpoint="loud", turned=(1, 3), lost=(0, 2, 0, 1), source=0, target=3)
    groups = (CLEAN, replace(turned, share=0.25), replace(CLEAN, checkpoint="lone", lost=(0,)))
    file = tmp_path / "shown.json"
    file.write_text(to_json(ShownGroups(24, groups)), encoding="utf-8")
    monkeypatch.setattr(recorded, "shown_file", lambda: file)


@pytest.mark.usefixtures("told")
def test_outcomes_in_words() -> None:
    clean = preset("clean")
    assert outcome(clean, "m") == (
        "every answer as alone; every token read back; no exchange of one neighbour turned an "
        "answer (24 draws each)"
    )
    assert outcome(clean, "loud") == (
        "slots 2 and 4 answered otherwise than alone; 3 tokens lost; another sentence in slot 1 "
        "turned slot 4 in 6 of 24 draws"
    )
    assert outcome(clean, "lone") == "every answer as alone; every token read back"
    assert outcome(clean, "another") == outcome(preset("twins"), "m") == ""
    assert where_it_turns(clean) == "Turned: loud slots 2 and 4."
    assert where_it_turns(preset("twins")) == ""


def test_a_missing_or_broken_record_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("none.json", None), ("odd.json", "{"), ("other.json", to_json((1, 2)))):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(recorded, "shown_file", lambda name=name: tmp_path / name)
        assert outcome(preset("clean"), "m") == where_it_turns(preset("clean")) == ""


@pytest.mark.usefixtures("told")
def test_start_says_where_a_group_turns() -> None:
    at = pages.visit("start")
    assert "Turned: loud slots 2 and 4." in pages.seen(at)


# ---- the bundled models -------------------------------------------------------------------------


def stored() -> ShownGroups:
    found = from_json(recorded.shown_file().read_text(encoding="utf-8"))
    assert isinstance(found, ShownGroups)
    return found


def test_every_outcome_is_of_the_weights_that_are_bundled() -> None:
    prints = {name: load(name, device="cpu").fingerprint for name in recorded.SHOWN_ON}
    assert {(s.checkpoint, s.fingerprint) for s in stored().groups} == set(prints.items())


SOON = ("sst2-n2", "sst2-n5-shared-100")  # of rooms and of one shared room; the others take longer


@pytest.mark.parametrize(
    "name",
    [n if n in SOON else pytest.param(n, marks=pytest.mark.journey) for n in recorded.SHOWN_ON],
)
def test_recorded_outcomes_are_what_runs_now(name: str) -> None:
    chosen = ("company",)
    now = shown_groups((name,), draws=stored().draws, chosen=chosen)
    assert now.groups == tuple(stored().of(item, name) for item in chosen)


CLAIMS = (  # preset, model, slots that turn, (source, target) of the exchange that turns most often
    ("clean", "sst2-n10", (), None),
    ("twins", "sst2-n5", (), None),
    ("twins", "sst2-n5-shared-50", (), (1, 3)),
    ("negation", "sst2-n5", (), None),
    ("negation", "sst2-n5-shared-50", (4, 5), (3, 4)),
    ("lengths", "sst2-n10", (1,), None),
    ("duplicates", "sst2-n5-shared-100", (2,), (1, 2)),
    ("loud", "sst2-n5-shared-100", (), (2, 5)),
    ("short", "sst2-n10", (10,), (3, 10)),
    ("odd", "sst2-n5-shared-100", (3,), (5, 3)),
    ("domain", "sst2-n5-shared-25", (1, 2, 3), (1, 2)),
    ("sarcasm", "sst2-n10", (1, 7, 9), (4, 1)),
    ("mixed", "sst2-n5-shared-50", (), (1, 3)),
    ("company", "sst2-n5-shared-25", (), None),
    ("company", "sst2-n5-shared-50", (5,), (3, 5)),
    ("faint", "sst2-n5-shared-25", (3,), (2, 3)),
    ("faint", "sst2-n5-shared-50", (3, 4), (1, 4)),
)


@pytest.mark.parametrize(("item", "name", "turned", "pair"), CLAIMS)
def test_what_a_group_is_there_to_show(
    item: str, name: str, turned: tuple[int, ...], pair: tuple[int, int] | None
) -> None:
    found = stored().of(item, name)
    assert found is not None
    assert tuple(slot + 1 for slot in found.turned) == turned
    assert (None if not found.share else (found.source + 1, found.target + 1)) == pair


def test_ten_groups_show_something_on_the_packed_family() -> None:
    """A slot that turns, or a neighbour that can turn one."""
    showing = {s.preset for s in stored().groups if s.turned or s.share}
    assert len(showing) >= 10
    assert showing <= {p.id for p in presets()}


def test_the_more_slots_share_the_more_a_neighbour_turns() -> None:
    dial = ("sst2-n5", "sst2-n5-shared-25", "sst2-n5-shared-50", "sst2-n5-shared-100")
    shares = [sum(s.share for s in stored().groups if s.checkpoint == name) for name in dial]
    turned = [sum(len(s.turned) for s in stored().groups if s.checkpoint == name) for name in dial]
    assert shares == sorted(set(shares))
    assert turned == sorted(set(turned))


def test_recorded_bands_come_back_and_are_the_bundled_models() -> None:
    found = recorded.bands()
    names = [one.provenance.checkpoint for one in found.spectra]
    loaded = [load(name, device="cpu") for name in bundled_names()]
    mixed = {one.name: one.fingerprint for one in loaded if one.config.num_instances > 1}
    assert names == list(mixed)
    for one in found.spectra:
        assert found.of(mixed[one.provenance.checkpoint]) is one
        assert one.band().shape[1] == one.provenance.num_instances
    (again,) = bands(["electra-n2"]).spectra
    (then,) = (one for one in found.spectra if one.provenance.checkpoint == "electra-n2")
    assert again.band() == pytest.approx(then.band(), abs=1e-4)


def test_a_damaged_recording_of_bands_costs_nothing_but_the_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bands.json"
    monkeypatch.setattr(recorded, "bands_file", lambda: file)
    with pytest.raises(DataError, match="make recorded"):
        recorded.bands()
    file.write_text("{", encoding="utf-8")
    result = GroupResult((), None, (), "", 4, "", HOW)
    assert recorded_band(result) is None
