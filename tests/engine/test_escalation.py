"""Certainty and escalation: who is asked again, in which order it comes out, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.analysis.fidelity.escalation import SHARES, escalation
from muxviz.batch import Row, Seating
from muxviz.bench.escalation import (
    below,
    default_contenders,
    escalation_table,
    in_int8,
    measure_escalation,
    read_plan,
    verdict,
)
from muxviz.cli import main
from muxviz.engine import stream as streaming
from muxviz.engine.chain import Chain, Step
from muxviz.engine.engine import Engine
from muxviz.engine.spec import EngineSpec
from muxviz.engine.stream import How, RowAnswer, RowError, run_texts, stream
from muxviz.engine.texts import line_windows, rows_of_file
from muxviz.engine.workers import TextWorker
from muxviz.errors import DataError, InputError, MuxvizError, NotApplicable
from muxviz.evaluation import evaluate
from muxviz.evaluation.calibration import (
    FEWEST,
    calibrate,
    calibration_table,
    drawn,
    threshold,
    with_thresholds,
)
from muxviz.figures.fidelity.escalation import escalation_finding
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.results.escalation import EscalationRow
from muxviz.results.throughput import Accuracy, Quartiles
from muxviz.training.tasks import LabelledRows
from tests.planted import Planted, planted
from tests.tiny import WORDS, shared_checkpoint, tiny_checkpoint, tiny_config

SMALL = 4  # groups of a window in these tests
SURE = np.array([0.9, 0.5, 0.7, 0.5, 0.6])


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "WINDOW_GROUPS", SMALL)


def texts(count: int) -> list[str]:
    """Praise and blame in turns, more and more diluted, all different."""
    found = [
        f"{('good', 'bad')[n % 2]} {' '.join((WORDS[(n * 7 + k) % 12]) for k in range(1 + n % 9))}"
        for n in range(count)
    ]
    return [f"{text} {'of ' * (n // 40)}".strip() for n, text in enumerate(found)]


def labelled(count: int) -> LabelledRows:
    """Those, with the label that their first word says: 1 for praise."""
    return LabelledRows(
        tuple(texts(count)), (None,) * count, np.array([1 - n % 2 for n in range(count)])
    )


INVERTING = ((1, 0, 0), (0, -0.5, 0), (0, 0, 1))  # slot 2 is wrong, and half as sure


def pair() -> tuple[Planted, Planted]:
    """A model of N = 3 whose slot 2 says the opposite, and an N = 1 model that is right."""
    return planted(INVERTING, name="three"), planted(num_instances=1, name="one")


def chain(*steps: Step, **seating: Any) -> Chain:
    first, second = pair()
    return Chain([Engine(first.checkpoint), Engine(second.checkpoint)], steps, Seating(**seating))


def answered(engine: Engine | Chain, given: list[str], how: How | None = None) -> list[RowAnswer]:
    found = [
        answer
        for window in stream(engine, [Row(text) for text in given], how or How(batch=2))
        for answer in window
    ]
    assert not any(isinstance(answer, RowError) for answer in found)
    return found  # type: ignore[return-value]


# ---- who is asked again --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "who"),
    [
        (Step(share=0.4), [1, 3]),
        (Step(share=0.2), [1]),  # of two alike the first
        (Step(share=0.5), [1, 3, 4]),  # 2.5 is rounded up
        (Step(share=0.0), []),
        (Step(share=1.0), [0, 1, 2, 3, 4]),
        (Step(below=0.7), [1, 3, 4]),
        (Step(below=0.5), []),
        (Step(below=1.0), [0, 1, 2, 3, 4]),
    ],
)
def test_who_is_asked_again_by_hand(step: Step, who: list[int]) -> None:
    assert step.chosen(SURE).tolist() == who


@pytest.mark.parametrize("given", [{}, {"share": 0.1, "below": 0.9}, {"share": 1.1}, {"below": -1}])
def test_a_step_is_one_rule_in_range(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"give one of the two, from 0 to 1"):
        Step(**given)


def test_the_least_certain_of_every_window_are_asked_by_hand() -> None:
    """Windows of 12 rows: of each the 3 that a sigmoid of the planted margin is least sure of."""
    given = texts(30)
    first, second = pair()
    alone = answered(Engine(first.checkpoint), given)
    sure = np.array([a.answer.certainty for a in alone])  # type: ignore[union-attr]
    expected = set()
    for start in (0, 12, 24):
        own = sure[start : start + 12]
        expected |= {start + i for i in np.argsort(own, kind="stable")[: int(len(own) / 4 + 0.5)]}
    found = answered(chain(Step(share=0.25)), given)
    assert [a.number for a in found] == list(range(30))
    assert [a.row.text for a in found] == given
    assert {a.number for a in found if a.by == "one"} == expected
    assert {a.by for a in found if a.number not in expected} == {"three"}
    assert all(a.slot == 0 for a in found if a.by == "one"), "the slot is of who answered"
    for a, before in zip(found, alone, strict=True):
        if a.by == "one":
            assert a.answer.headline == ("positive", "negative")[a.number % 2], "it is right"
        else:
            assert (a.slot, a.answer.headline) == (before.slot, before.answer.headline)


def test_certainty_is_the_sigmoid_of_the_planted_margin_over_the_temperature() -> None:
    (first, _), given = pair(), texts(3)
    warm = Engine(first.checkpoint.at_temperature(2.5))
    found = answered(warm, given)
    group = streaming.prepare(
        first.checkpoint, streaming.Window(0, tuple(map(Row, given)), {}), How()
    ).groups[0]
    margins = np.abs(first.margins(group))
    certain = [a.answer.certainty for a in found]  # type: ignore[union-attr]
    assert certain == pytest.approx((1 / (1 + np.exp(-margins / 2.5))).tolist(), abs=1e-5)
    plain = [a.answer.probability for a in found]
    assert plain == pytest.approx((1 / (1 + np.exp(-margins))).tolist(), abs=1e-5)


def test_a_temperature_of_other_weights_is_not_used() -> None:
    (first, _) = pair()
    for card, expected in (
        ({"temperature": 2.0, "fingerprint": "three"}, 2.0),
        ({"temperature": 2.0, "fingerprint": "other"}, None),
        ({"temperature": "hot", "fingerprint": "three"}, None),
        ("none", None),
    ):
        checkpoint = Checkpoint(**vars(first.checkpoint) | {"card": {"calibration": card}})
        assert checkpoint.temperature == expected


def test_all_asked_again_is_the_next_model_and_none_the_first() -> None:
    given = texts(17)
    first, second = pair()
    for share, model in ((1.0, second), (0.0, first)):
        ours = answered(chain(Step(share=share)), given)
        theirs = answered(Engine(model.checkpoint), given)
        assert [a.answer.headline for a in ours] == [a.answer.headline for a in theirs]
        assert {a.by for a in ours} == {model.checkpoint.name}


def test_three_models_ask_shares_of_what_reached_them() -> None:
    third = planted(num_instances=2, name="two").checkpoint
    first, second = pair()
    engines = [Engine(c) for c in (first.checkpoint, third, second.checkpoint)]
    found = answered(Chain(engines, [Step(share=0.5), Step(share=0.5)]), texts(12))
    names = [a.by for a in found]
    assert [names.count(name) for name in ("three", "two", "one")] == [6, 3, 3]
    assert {a.slot for a in found if a.by == "two"} <= {0, 1}


def test_a_chain_answers_groups_as_an_engine_does() -> None:
    given = texts(6)
    first, _ = pair()
    window = streaming.Window(0, tuple(map(Row, given)), {})
    groups = streaming.prepare(first.checkpoint, window, How()).groups
    found = chain(Step(below=1.0)).answers(groups)
    assert [[a.headline for a in own] for own in found] == [
        [("positive", "negative")[(start + i) % 2] for i in range(3)] for start in (0, 3)
    ]
    narrow = streaming.prepare(planted(num_instances=2).checkpoint, window, How()).groups
    with pytest.raises(InputError, match="3"):
        chain(Step(share=0.5)).answers(narrow)


def test_bad_rows_stay_errors_and_take_no_place() -> None:
    rows = [Row("good film"), Row(" "), Row("bad film"), Row("the good old film")]
    found = [a for window in stream(chain(Step(share=1.0)), rows, How()) for a in window]
    assert [type(a) for a in found] == [RowAnswer, RowError, RowAnswer, RowAnswer]
    assert [a.by for a in found if isinstance(a, RowAnswer)] == ["one"] * 3
    answers = run_texts(pair()[0].checkpoint, [Row("good film")], engine=chain(Step(share=1.0)))
    assert [a.by for a in answers] == ["one"]


# ---- what makes no chain -------------------------------------------------------------------------


def named(name: str, **changes: Any) -> Engine:
    labels = changes.pop("labels", ("negative", "positive"))
    config = tiny_config(labels=labels, num_labels=len(labels), **changes)
    return Engine(tiny_checkpoint(config, name=name))


def test_what_makes_no_chain_is_refused() -> None:
    one = Step(share=0.5)
    for engines, steps, error, said in (
        ([named("a")], [], InputError, "got 1 models and 0 shares"),
        ([named("a"), named("b")], [one, one], InputError, "got 2 models and 2 shares"),
        (
            [named("a"), named("b", labels=("no", "yes"))],
            [one],
            InputError,
            "b answers with no, yes, a with negative, positive; a chain needs models with the same",
        ),
        (
            [named("a"), named("b", labels=("positive", "negative"))],
            [one],
            InputError,
            "in the same order",
        ),
        (
            [named("a"), named("t", task="token_classification")],
            [one],
            NotApplicable,
            "t is for token classification; only answers with one label",
        ),
    ):
        with pytest.raises(error, match=said):
            Chain(engines, steps)


# ---- the command ---------------------------------------------------------------------------------


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the planted pair, with cards, and labelled rows to train on and to score."""
    root = tmp_path / "checkpoints"
    for model, baseline in zip(pair(), ("one", ""), strict=True):
        recipe = {"task_train": "toy/train.tsv", "task_dev": "toy/dev.tsv"}
        card = {"recipe": recipe, "baseline": baseline}
        checkpoint = Checkpoint(**vars(model.checkpoint) | {"card": card})
        save(checkpoint, root / model.checkpoint.name)
    save(shared_checkpoint(), root / "labelless")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(root))
    return root


def write_rows(path: Path, data: LabelledRows) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = zip(data.texts, data.labels, strict=True)
    path.write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    return path


def run(*arguments: object) -> int:
    return main(["run", "--checkpoint", "three", "--batch", "2", *map(str, arguments)])


AGAIN = ("--escalate", "0.3", "--then", "one")


@pytest.mark.parametrize("form", ["tsv", "jsonl"])
def test_a_run_stopped_in_the_middle_and_one_with_workers_give_the_same_file(
    family: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given, whole, cut = tmp_path / "texts.txt", tmp_path / "whole", tmp_path / "cut"
    given.write_text("\n".join(texts(40)) + "\n")
    options = ("--texts", given, "--format", form, *AGAIN)
    assert run(*options, "--out", whole) == 0
    assert "of 40 lines answered now, 27 by three (67.5%), 13 by one (32.5%)" in (
        capsys.readouterr().err
    )
    expected = whole.read_bytes()
    if form == "jsonl":
        records = [json.loads(line) for line in expected.splitlines()]
        assert [r["line"] for r in records] == list(range(1, 41))
        assert {r["by"] for r in records} == {"one", "three"}
        assert all(0.5 <= r["certainty"] <= 1 for r in records)
    assert run(*options, "--out", cut) == 0
    for size in (len(expected) - 3, len(expected) // 2, 0):
        cut.write_bytes(expected[:size])
        assert run(*options, "--out", cut, "--resume") == 0
        assert cut.read_bytes() == expected
    spec = EngineSpec("three", "cpu", again=((Step(share=0.3), EngineSpec("one", "cpu")),))
    engine, size = spec.open(), 3 * SMALL
    worker = TextWorker(spec, given, size, How(2, grouping="length"), form)
    starts = [w.start for w in line_windows(rows_of_file(given), engine.checkpoint, size)]
    done = {start: worker(start).text for start in reversed(starts)}
    head = expected.splitlines(keepends=True)[0] if form == "tsv" else b""
    assert head + "".join(done[start] for start in starts).encode() == expected


def test_a_run_goes_on_with_the_same_chain_only(
    family: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = tmp_path / "texts.txt", tmp_path / "out"
    given.write_text("\n".join(texts(9)) + "\n")
    assert run("--texts", given, "--out", out, *AGAIN) == 0
    for other in ((), ("--escalate", "0.2", "--then", "one"), ("--certainty", "0.3")):
        assert run("--texts", given, "--out", out, *other, "--resume") == 1
        assert "made with then" in capsys.readouterr().err
    assert "the card of three has no temperature for these weights" not in capsys.readouterr().err
    assert run("--texts", given, "--certainty", "0.6") == 0
    assert "the card of three has no temperature for these weights" in capsys.readouterr().err
    # The baseline that the card names is who is asked where nobody is named.
    assert run("--texts", given, "--out", out, "--escalate", "0.3", "--resume") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--then", "one"), "--then and --thresholds-from need to know whom to ask again"),
        (("--certainty", "0.9", "--thresholds-from", "x"), "turns a share into a certainty"),
        (("--escalate", "0.1,0.2", "--then", "one"), "got 2 shares or certainties for 1 models"),
        (("--escalate", "0.1", "--then", "one:int4"), "unknown precision 'int4' of one; use"),
        (("--escalate", "0.1", "--then", "labelless"), "a chain needs models with the same labels"),
        (("--checkpoint", "one", "--escalate", "0.1"), "names no N = 1 model; say who is asked"),
        (("--escalate", "0.1", "--then", "nobody"), "nobody"),
    ],
)
def test_what_cannot_be_asked_again_is_said(
    family: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = tmp_path / "texts.txt"
    given.write_text("a good film\n")
    assert run("--texts", given, *arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("value", ["1.5", "-0.1", "much", "0.2,,0.3"])
def test_a_share_is_a_number_from_0_to_1(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--texts", "x", f"--escalate={value}")
    assert "expected a number from 0 to 1, such as 0.2" in capsys.readouterr().err


def test_a_share_becomes_a_certainty_on_other_rows(
    family: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, given = write_rows(tmp_path / "train.tsv", labelled(240)), tmp_path / "texts.txt"
    given.write_text("\n".join(texts(12)) + "\n")
    options = ("--texts", given, "--format", "jsonl", *AGAIN)
    assert run(*options, "--thresholds-from", train) == 0
    shown = capsys.readouterr()
    assert "again by one" in shown.err
    below_ = float(shown.err.split("certainty < ")[1].split(" ")[0])
    records = [json.loads(line) for line in shown.out.splitlines()]
    kept = [r["certainty"] for r in records if r["by"] == "three"]
    assert kept, "some are sure enough"
    assert min(kept) >= below_ - 1e-3
    assert run("--texts", train, *AGAIN, "--thresholds-from", train) == 1
    assert "is what is answered; thresholds that were chosen on it" in capsys.readouterr().err


def test_evaluate_scores_what_a_chain_answers(
    family: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dev, out = write_rows(tmp_path / "dev.tsv", labelled(60)), tmp_path / "e.json"
    command = ["evaluate", "--checkpoint", "three", "--data", str(dev), "--groupings", "2"]
    assert main([*command, "--escalate", "1", "--json", str(out)]) == 0
    shown = capsys.readouterr().out
    assert json.loads(out.read_text())["metrics"]["accuracy"]["mean"] == 1
    assert "note: three, 1 again by one. Answered in the end by: 0.0% three, 100.0% one." in shown
    assert "note: The first model alone: accuracy 0.6667; slots, read-back and" in shown
    assert "  card" not in shown
    # Slot 2 has 20 of the 60 rows and is half as sure of them as others: most of these come first.
    accuracies = []
    for share in ("0", "0.4"):
        assert main([*command, "--escalate", share, "--json", str(out)]) == 0
        accuracies.append(json.loads(out.read_text())["metrics"]["accuracy"]["mean"])
    assert accuracies[0] == pytest.approx(2 / 3)
    assert accuracies[1] > 0.8
    assert main([*command, "--escalate", "0.1", "--thresholds-from", str(dev)]) == 1
    assert "is what is answered" in capsys.readouterr().err


def test_an_evaluation_without_labels_has_nothing_to_escalate() -> None:
    unlabelled = LabelledRows(tuple(texts(6)), (None,) * 6, np.full(6, -100))
    first = pair()[0].checkpoint
    with pytest.raises(MuxvizError, match="has no labels"):
        evaluate(first, unlabelled, name="x", engine=chain(Step(share=0.5)))


# ---- temperatures and thresholds -----------------------------------------------------------------


def test_thresholds_by_hand() -> None:
    assert threshold(SURE, Step(share=0.4)) == 0.6, "0.5 and 0.5 are below it"
    assert threshold(SURE, Step(share=0.0)) == 0.5, "nobody is below the least certain"
    assert threshold(SURE, Step(share=1.0)) == 1
    assert threshold(SURE[:0], Step(share=0.4)) == 1
    assert threshold(SURE, Step(below=0.3)) == 0.3


def test_every_model_of_a_chain_gets_a_threshold_of_its_own() -> None:
    fixed = with_thresholds(chain(Step(share=0.25)), labelled(120))
    (step,) = fixed.steps
    assert step.share is None
    assert all(checkpoint.temperature is not None for checkpoint in fixed.checkpoints)
    asked = [a.by for a in answered(fixed, texts(120))]
    assert asked.count("one") / 120 == pytest.approx(0.25, abs=0.1), "other groups, same rows"


def test_what_nothing_can_be_fitted_on_is_said() -> None:
    first = pair()[0].checkpoint
    with pytest.raises(DataError, match=f"has 9 rows to fit on; give {FEWEST} at least"):
        drawn(first, labelled(9))
    nothing = LabelledRows(tuple(texts(60)), (None,) * 60, np.full(60, -100))
    with pytest.raises(DataError, match="has no labels; a temperature needs labelled rows"):
        drawn(first, nothing)


def by_chance(model: Planted, heat: float, seed: int) -> LabelledRows:
    """2,000 rows; a label is positive with the sigmoid of the model's margin over ``heat``."""
    given = texts(200)
    window = streaming.Window(0, tuple(map(Row, given)), {})
    groups = streaming.prepare(model.checkpoint, window, How()).groups
    margins = np.concatenate([model.margins(group) for group in groups])
    chance = np.tile(1 / (1 + np.exp(-margins / heat)), 10)
    meant = (np.random.default_rng(seed).random(2000) < chance).astype(int)
    return LabelledRows(tuple(given * 10), (None,) * 2000, meant)


def test_a_planted_temperature_is_written_into_the_card(
    family: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An N = 1 model that is as often right as five times its margin says: not sure enough."""
    data, second = tmp_path / "data", pair()[1]
    data.mkdir()
    write_rows(data / "toy" / "train.tsv", by_chance(second, 0.2, 0))
    write_rows(data / "toy" / "dev.tsv", by_chance(second, 0.2, 1))
    assert main(["card", "one", "--data", str(data), "--calibrate"]) == 0
    shown = capsys.readouterr().out
    loaded = load("one", device="cpu")
    card = loaded.card["calibration"]
    assert loaded.temperature == pytest.approx(0.2, rel=0.1)
    assert (card["rows"], card["data"], card["dev"]["rows"]) == (2000, "toy/train.tsv", 2000)
    assert card["dev"]["ece_after"] < card["dev"]["ece_before"] / 2
    assert f"| one | {card['temperature']:.3f} |" in shown
    assert loaded.card["recipe"], "the rest stays"
    assert calibration_table({"none": {}, "odd": {"calibration": 3}}) == ""
    assert "| ? |" in calibration_table({"odd": {"calibration": {"dev": {}}}})
    with pytest.raises(DataError, match="names no training and dev rows"):
        calibrate(shared_checkpoint(), data)
    with pytest.raises(NotApplicable, match="does not answer with one label for a text"):
        calibrate(shared_checkpoint(task="token_classification"), data)


# ---- the curve -----------------------------------------------------------------------------------

FIVE = ("a good old film", "the bad old song", "a great new day", "the sad long road")
MEANT = ("positive", "negative", "positive", "negative")


def test_the_curve_of_a_slot_that_is_wrong_and_less_sure_by_hand() -> None:
    """Three slots, the second wrong at half the margin: a third asked again mends all of it."""
    first, second = pair()
    pool = tuple(text.replace("old", "film") for text in FIVE)  # which is blame, too
    result = escalation(first.checkpoint, pool, MEANT, baseline=second.checkpoint, draws=10)
    asked = np.array([int(share * 30 + 0.5) for share in SHARES])
    assert result.shares == pytest.approx(asked / 30)
    assert result.least.mean == pytest.approx((20 + np.minimum(asked, 10)) / 30)
    assert result.random.mean == pytest.approx((20 + asked / 3) / 30)
    assert result.gain.mean == pytest.approx(result.least.mean - result.random.mean)
    assert np.isnan(result.mended[0])
    assert result.mended[1:] == pytest.approx(np.minimum(asked, 10)[1:] / asked[1:])
    assert result.needless[1:] == pytest.approx(1 - result.mended[1:])
    assert (result.spoilt[1:] == 0).all()
    assert (result.baseline, result.sentences, result.is_calibrated) == ("one", 30, False)
    assert escalation_finding(result, share=0.3) == (
        "30 % asked again alone: 96.7 % right instead of 66.7 %; 76.7 % by chance"
    )
    with pytest.raises(NotApplicable, match="no N = 1 baseline"):
        escalation(first.checkpoint, pool, MEANT, baseline=None)


# ---- the benchmark -------------------------------------------------------------------------------


def test_contenders_are_read_as_typed() -> None:
    plan = read_plan("sst2-n5+sst2-n1-s95:int8@0.3+sst2-n1@.5")
    assert plan.models == (
        ("sst2-n5", "float32"), ("sst2-n1-s95", "int8"), ("sst2-n1", "float32"),
    )  # fmt: skip
    assert plan.shares == (0.3, 0.5)
    assert in_int8("a+b@0.2") == "a:int8+b:int8@0.2"
    assert len({read_plan(name).name for name in default_contenders()}) == len(default_contenders())
    for wrong in ("a@0.2", "a+b", "a:int4", "a++b@0.2", "a+b@0.2.3", ""):
        with pytest.raises((InputError, ValueError)):
            read_plan(wrong)
    with pytest.raises(InputError, match="from 0 to 1"):
        read_plan("a+b@1.5")


def row(name: str, kind: str, accuracy: float, ratio: float) -> EscalationRow:
    score = Accuracy("accuracy", accuracy, accuracy, accuracy, None, 1, 10)
    return EscalationRow(name, kind, (), (), score, Quartiles(1, 1, 1), Quartiles(ratio, 1, 9))


def test_a_rival_that_wins_is_called_so() -> None:
    rows = [
        row("n1", "alone", 0.9, 1.0),
        row("pruned", "alone", 0.86, 7.0),
        row("chain", "multiplexed", 0.87, 6.5),
        row("slow", "multiplexed", 0.9, 2.0),
        row("rival", "rival", 0.88, 6.1),
    ]
    found = verdict(rows, 0.87, 6.0)
    assert (found.ours, found.rival, found.is_met, found.rival_wins) == (
        *("chain", "rival"), True, True,
    )  # fmt: skip
    assert not verdict(rows[:4], 0.87, 6.0).rival_wins
    nobody = verdict(rows, 0.87, 20.0)
    assert (nobody.ours, nobody.rival, nobody.is_met, nobody.rival_wins) == ("", "", False, False)
    assert below(rows) == ("pruned",), "n1 is equalled by slow, pruned by nobody as fast"


def test_all_contenders_are_timed_in_one_run(family: Path) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    plans = [read_plan(name) for name in ("three", "three+one@0.5")]
    found = measure_escalation(
        plans,
        labelled(24),
        labelled(90),
        name="dev",
        thresholds="train",
        baseline="one",
        copies=2,
        rounds=2,
        clock=clock,
    )
    assert [r.name for r in found.results] == ["one", "three", "three+one@0.5"]
    assert [r.kind for r in found.results] == ["alone", "alone", "multiplexed"]
    one, three, both = found.results
    assert (one.accuracy.mean, three.accuracy.mean) == (1, pytest.approx(2 / 3))
    assert both.accuracy.mean > 0.8
    assert 0.2 < both.again[0] < 0.8
    assert len(both.certainties) == 1
    assert one.texts_per_s.median == 48, "24 rows, twice, in one tick"
    assert three.ratio.median == 1
    assert one.accuracy.groupings >= 6
    table = escalation_table(found)
    assert "three+one@0.5" in table
    assert "goal 0.87 at 6 x N = 1: missed" in table
    assert "certainties fixed on train" in table
