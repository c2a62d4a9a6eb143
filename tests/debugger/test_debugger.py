"""The debugger on planted models: what each check measures, and which cause the rule names."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.debugger.attributed import attributed
from muxviz.analysis.debugger.checks import untrained
from muxviz.analysis.debugger.diagnose import diagnose
from muxviz.analysis.debugger.edits import edit_neighbour
from muxviz.analysis.debugger.passes import silence, without_layer
from muxviz.analysis.groups.attribution import attribute
from muxviz.analysis.groups.draws import base_group, logits_of
from muxviz.analysis.groups.one_group import Target
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.figures.debugger.attributed import attributed_finding
from muxviz.figures.debugger.edits import edits_finding
from muxviz.figures.debugger.fixes import fixes_finding
from muxviz.figures.debugger.heard import heard_finding
from muxviz.figures.debugger.verdict import verdict_finding
from muxviz.results.diagnosis import (
    CHECKS,
    FIRST,
    Attributed,
    Diagnosis,
    Heard,
    name_cause,
)
from muxviz.results.edits import NeighbourEdit
from muxviz.results.estimates import Estimates
from muxviz.results.ladder import rung_of
from muxviz.results.reading import Proportion
from muxviz.results.store import from_json, to_json
from tests.debugger.test_verdict import alone, told
from tests.planted import planted
from tests.tiny import shared_checkpoint
from tests.whatif.planted_whatif import EQUAL, OWN, POOL, ROWS

SHORT = (  # as long as those of EQUAL
    "the house is",
    "time to go",
    "a man and",
    "the song is",
    "the cat is",
    "day and night",
    "music of the",
    "go to work",
)
LEAK = ((1, 3, 0), (0, 1, 0), (0, 0, 1))  # "a bad film" of slot 2 leaks three times into slot 1


def found(leaks: Any = None, slot: int = 0, gold: str = "positive", **options: Any) -> Diagnosis:
    model = planted(leaks).checkpoint if leaks is not None else planted(num_instances=3).checkpoint
    texts = options.pop("rows", EQUAL)
    given = {"gold": gold, "pool": POOL, "draws": 16, **options}
    return diagnose(model, texts, slot, **given)


def edited() -> NeighbourEdit:
    return edit_neighbour(planted(LEAK).checkpoint, EQUAL, 0, neighbour=1, gold="positive")


def gradients(leaks: Any = LEAK) -> Attributed:
    return attributed(planted(leaks).checkpoint, EQUAL, 0, pool=POOL, draws=8)


# ---- checks -------------------------------------------------------------------------------------


def test_a_leak_is_heard_and_named_under_every_measure() -> None:
    result = found(LEAK)
    assert (result.cause, result.at) == ("neighbour", 1)
    assert result.leaders == (1, 1, 1, 1)
    assert not result.depends_on_measure
    heard = result.heard
    assert heard is not None
    assert heard.moved.mean[2] == pytest.approx(0, abs=1e-6)  # nobody leaks from slot 3
    assert heard.muted[2, 0] == pytest.approx(result.ladder.margin * (np.sqrt(1.5) - 1), abs=1e-3)
    assert "because of slot 2" in verdict_finding(result)
    lows = [fix.turned.interval[0] for fix in result.fixes]
    assert lows == sorted(lows, reverse=True)
    (best,) = (fix for fix in result.fixes if fix.kind == "neighbour")
    assert (best.at, best.turned.value) == (1, 1)
    assert best.held.successes == 0
    assert {extreme.slot for extreme in result.worst} == {1}
    assert result.best[0].margin >= result.worst[0].margin


def test_a_slot_that_weighs_nothing_is_deaf() -> None:
    result = found(np.diag([0.0, 1.0, 1.0]))
    assert result.heard is not None
    assert result.heard.is_deaf
    assert not result.heard.is_gone
    assert (result.cause, result.at) == ("key", None)
    assert "does not hear its own sentence" in heard_finding(result)


def test_two_equal_keys_read_the_same_slot() -> None:
    model = planted(num_instances=3).checkpoint
    model = replace(model, model=deepcopy(model.model))
    with torch.no_grad():
        model.model.demultiplexer.keys[0] = model.model.demultiplexer.keys[1]
    result = diagnose(model, EQUAL, 0, gold="positive", pool=SHORT, draws=16)
    assert (result.cause, result.at) == ("key", 1)
    assert result.heard is not None
    assert result.heard.unlike[1] == 0
    assert "it reads slot 2 in place of its own sentence" in verdict_finding(result)


def test_only_what_is_asked_for_is_made() -> None:
    first = found(LEAK, checks=FIRST)
    assert {rung.test for rung in first.ladder.rungs} == {"all slots", "reseated", "company"}
    assert (first.heard, first.further, first.gains, first.leaders) == (None, (), (), ())
    assert first.is_company
    pair = found(((1, 3), (0, 1)), rows=EQUAL[:2], checks=("company",))
    assert pair.is_company  # the one neighbour is the company
    with pytest.raises(InputError, match=f"use {', '.join(CHECKS)}"):
        found(checks=("luck",))


def test_without_a_layer_is_what_the_layers_before_and_after_give() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    groups = [base_group(checkpoint, ROWS), base_group(checkpoint, EQUAL)]
    logits = without_layer(checkpoint, groups)
    np.testing.assert_allclose(logits[0], logits_of(checkpoint, groups), atol=1e-5)
    model = deepcopy(checkpoint.model)
    del model.encoder.layers[0]
    fewer = replace(checkpoint, model=model)
    np.testing.assert_allclose(logits[1], logits_of(fewer, groups), atol=1e-5)
    assert len(logits) == checkpoint.config.shape.num_hidden_layers + 1


def test_silence_takes_one_part_out_of_the_mixture() -> None:
    model = planted(LEAK)
    group = base_group(model.checkpoint, EQUAL)
    silenced = silence(model.checkpoint, group, 0)
    assert silenced.moved.mean() == pytest.approx(1)
    assert len(silenced.logits) == 3


def test_a_layer_as_before_training_is_found() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    model = deepcopy(checkpoint.model)
    with torch.no_grad():
        for layer in model.encoder.layers:
            for part in layer.modules():
                if isinstance(part, torch.nn.Linear):
                    part.bias.fill_(0.1)
        for part in model.encoder.layers[1].modules():
            if isinstance(part, torch.nn.Linear):
                part.bias.zero_()
            elif isinstance(part, torch.nn.LayerNorm):
                part.reset_parameters()
    assert untrained(replace(checkpoint, model=model)) == (1,)


def test_padding_is_told_from_its_company_by_the_same_one_padded() -> None:
    model = planted(num_instances=3).checkpoint
    rows = (Row("a good film"), *ROWS[1:])
    result = found(rows=rows, pool=SHORT, seating=Seating("group"), checks=("padding",))
    (rung,) = result.further
    assert (rung.test, rung.control) == ("padding", "padded")
    assert rung.effect == pytest.approx(0, abs=1e-4)  # these models do not see padding
    assert not rung.claims
    same = diagnose(model, EQUAL, 0, gold="negative", pool=POOL, draws=4, checks=("padding",))
    assert same.further == ()  # nobody pads anybody


def test_a_stop_names_nothing() -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise Stopped("stopped")

    result = found(LEAK, progress=stop)
    assert result.ladder.is_partial
    assert (result.cause, result.fixes, result.worst) == ("none", (), ())
    assert "stopped before all was tried" in verdict_finding(result)


def test_a_stop_after_the_ladder_keeps_it_and_names_nothing() -> None:
    def stop(done: int, total: int) -> None:
        if 3 * done > total:  # in the second of three stages
            raise Stopped("stopped")

    result = found(LEAK, progress=stop)
    assert result.ladder.is_partial
    assert result.ladder.rung("neighbour", 1) is not None
    assert (result.cause, result.heard) == ("none", None)


def test_asked_about_the_company_alone_nobody_is_cleared_or_named() -> None:
    single = planted([[1]]).checkpoint
    clean = diagnose(
        planted(np.diag([-1.0, 1.0, 1.0])).checkpoint,
        EQUAL,
        0,
        gold="positive",
        baseline=single,
        pool=POOL,
        draws=16,
        checks=FIRST,
    )
    assert clean.ladder.cause == "model"  # as far as these rungs tell; the seat is to blame
    assert clean.cause == "untold"
    said = verdict_finding(clean)
    assert "not its company: other neighbours mend 0 of 16 draws" in said
    assert "too small" not in said
    assert "no single one" not in verdict_finding(found(LEAK, checks=FIRST))


def test_a_tag_that_n_1_gets_wrong_too_has_a_verdict() -> None:
    options = {"default_padding": "group", "task": "token_classification", "num_labels": 3}
    tags, plain = shared_checkpoint(**options), shared_checkpoint(plain=True, **options)
    for slot in range(3):
        result = diagnose(tags, ROWS, slot, baseline=plain, pool=POOL, draws=4)
        assert (result.heard, result.alone) == (None, None)
        assert verdict_finding(result)
    sentence = replace(result, cause="sentence", ladder=replace(result.ladder, cause="sentence"))
    sentence = replace(sentence, ladder=replace(sentence.ladder, is_right=False))
    assert "because of the sentence itself" in verdict_finding(sentence)


def test_a_diagnosis_comes_back_from_its_file() -> None:
    result = found(LEAK)
    again = from_json(to_json(result))
    assert (again.cause, again.at, again.fixes) == (result.cause, result.at, result.fixes)
    np.testing.assert_array_equal(again.heard.muted, result.heard.muted)


# ---- the rule -----------------------------------------------------------------------------------

NOT_HEARD = Estimates(np.array([0.0, 0.3, 0.0]), np.zeros(3), np.full(3, 0.4), 16, 0)
HEARD = Estimates(np.array([0.5, 0.3, 0.0]), np.zeros(3), np.full(3, 0.6), 16, 0)


def heard(moved: Estimates, *, gone: bool = False, unlike: float = 0.5) -> Heard:
    share = np.array([0.0 if gone else 1.0, 1.0, 1.0])
    return Heard(0, moved, moved, np.zeros((3, 2)), share, np.array([0.0, unlike, 0.5]))


def mends(test: str, layer: int | None = None) -> Any:
    change = (1.0, 0.8, 1.2)
    return rung_of(
        test,
        layer=layer,
        change=change,
        turned=Proportion(30, 32),
        effect=change,
        held=Proportion(1, 32),
        both=1,
        control="padded",
    )


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (("dead slot", None), {"heard": heard(NOT_HEARD, gone=True)}),
        (("cut", None), {"further": (mends("cut"), mends("padding"))}),
        (("padding", None), {"further": (mends("padding"),), "heard": heard(NOT_HEARD)}),
        (("key", 1), {"heard": heard(NOT_HEARD, unlike=0.0)}),
        (("key", None), {"heard": heard(NOT_HEARD)}),
        (("layer", 2), {"untrained": (2,), "heard": heard(HEARD)}),
        (("layer", 1), {"further": (mends("layer", 1),)}),
        (("model", None), {"further": (replace(mends("layer", 0), claims=False),)}),
        (("model", None), {"heard": heard(HEARD)}),
    ],
)
def test_what_explains_more_is_named_first(wanted: Any, given: dict[str, Any]) -> None:
    ladder = told([alone(1)], -1.0)
    ladder = replace(ladder, cause="model", culprit=None)
    parts = {"heard": None, "further": (), "untrained": (), "alone": None} | given
    assert name_cause(ladder, **parts) == wanted


def test_a_label_is_suspected_only_where_n_1_is_surer_than_of_labelled_sentences() -> None:
    single = planted([[1]]).checkpoint
    labelled = [("a good film", "positive"), ("fine and happy", "positive")]
    sure = found(gold="negative", baseline=single, labelled=labelled)
    assert sure.alone is not None
    assert sure.alone.is_measured
    assert sure.cause == ("label" if sure.alone.probability >= sure.alone.sure else "sentence")
    unsure = found(gold="negative", baseline=single)
    assert unsure.alone is not None
    assert (unsure.alone.sure, unsure.alone.is_measured) == (0.9, False)
    assert unsure.cause == ("label" if unsure.alone.probability >= 0.9 else "sentence")
    right = found(gold="positive", baseline=single)
    assert (right.cause, right.fixes) == ("right", ())
    assert fixes_finding(right) == "Nothing to mend, or nothing was tried"


# ---- the smallest edit --------------------------------------------------------------------------


def test_the_word_that_leaks_is_taken_out_first() -> None:
    edit = edited()
    assert [edit.words[k] for k in edit.removed] == ["bad"]
    assert edit.turned
    assert edit.margins[-1] == pytest.approx(float(edit.singles[edit.removed[0]]))
    assert edit.elsewhere == Proportion(0, 3)
    assert "Without “bad” in slot 2 slot 1 mends" in edits_finding(edit)
    assert edit.margin == pytest.approx(OWN - 3 * OWN, abs=1e-4)


def test_an_edit_that_does_nothing_says_how_far_it_came() -> None:
    model = planted(num_instances=3).checkpoint
    edit = edit_neighbour(model, EQUAL, 0, neighbour=1, gold="negative")
    assert not edit.turned
    assert len(edit.removed) == 2  # of three words; one is left
    assert "does not turn slot 1" in edits_finding(edit)
    with pytest.raises(NotApplicable, match="has 1 word"):
        edit_neighbour(model, (EQUAL[0], Row("bad"), EQUAL[2]), 0, neighbour=1)
    with pytest.raises(InputError, match="expected two of 0 to 2"):
        edit_neighbour(model, EQUAL, 0, neighbour=0)


# ---- gradients beside the exchange ---------------------------------------------------------------


def test_gradients_of_a_leak_agree_with_the_exchange() -> None:
    both = gradients()
    alone = attribute(planted(LEAK).checkpoint, EQUAL, Target(0), pool=POOL)
    np.testing.assert_allclose(both.shares, alone.shares, atol=1e-6)
    assert both.shares[1] > 1.5 * both.shares[0] > 3 * both.shares[2]
    assert both.gap < 0.01
    assert both.named == (1, 1)
    assert not both.is_contradicted
    assert "slot 2 of the neighbours (60 %), and so does exchanging" in attributed_finding(both)


def test_gradients_that_an_exchange_contradicts_are_said_to_be() -> None:
    low, high = np.array([0.4, 0.05, 0.3]), np.array([0.6, 0.2, 0.5])
    moved = Estimates(np.array([0.5, 0.1, 0.4]), low, high, 8, 0)
    both = replace(gradients(), moved=moved)
    assert both.named == (1, 2)
    assert both.is_contradicted
    assert "contradicted: exchanging slot 3" in attributed_finding(both)
    near = replace(both, moved=replace(moved, low=np.array([0.4, 0.05, 0.15])))
    assert not near.is_contradicted
    assert "not told apart: exchanging slot 3" in attributed_finding(near)
    assert both.agreement == pytest.approx(-0.5)  # ranks 1 2 0 against 2 0 1
    with pytest.raises(InputError, match="expected one of 0 to 2"):
        attributed(planted(LEAK).checkpoint, EQUAL, 3, pool=POOL)


def test_a_layer_claims_only_where_others_are_better_without_it_as_well() -> None:
    tiny = shared_checkpoint(default_padding="group", labels=("negative", "positive"))
    plain = shared_checkpoint(plain=True, labels=("negative", "positive"))
    result = diagnose(tiny, ROWS, 1, baseline=plain, pool=POOL, draws=16, checks=("layers",))
    assert len(result.further) == len(result.gains) == tiny.config.shape.num_hidden_layers
    for rung, (mean, low, high) in zip(result.further, result.gains, strict=True):
        assert low <= mean <= high
        assert low > 0 or not rung.claims
