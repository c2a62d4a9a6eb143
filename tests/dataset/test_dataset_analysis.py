"""A labelled file through planted models: what fails, in whose company; stopped and gone on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.analysis.dataset import run as running
from muxviz.analysis.dataset.failing import confident
from muxviz.analysis.dataset.run import measure_file, window_size
from muxviz.analysis.dataset.seating import GROUPINGS, MEANING, WAYS, Seated, plan, seat
from muxviz.analysis.dataset.tags import NAMES, pass_tags, row_tags
from muxviz.batch import Row, Seating, encode_rows, make_group
from muxviz.engine.engine import Engine
from muxviz.errors import DataError, InputError, NotApplicable, Stopped
from muxviz.results.worklist import LABEL, LUCKY, MODEL, MOVED, SHARED
from muxviz.training.strangers import Columns
from tests.planted import planted
from tests.tiny import tiny_checkpoint, tiny_config

TURNED = np.diag([1.0, -1.0, 1.0])  # slot 2 says the opposite
PAIRS = (("good great day", "positive"), ("bad awful night", "negative"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rows of two labels, one of which is wrong and one of which is bad."""
    rows = [f"{text}\t{label}" for text, label in PAIRS * 30]
    rows[6], rows[10] = "good great day\tnegative", "good day\tneutral"
    path = tmp_path_factory.mktemp("data") / "rows.tsv"
    path.write_text("sentence\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def lone(**changes: Any) -> Any:
    return planted(num_instances=1, name="alone", **changes).checkpoint


def test_a_turned_slot_makes_shared_failures_in_that_slot_alone(file: Path) -> None:
    found = measure_file(planted(TURNED).checkpoint, file, baseline=lone(), groupings=2)
    assert (len(found), found.read, found.bad_rows, found.is_whole) == (59, 60, 1, True)
    assert str(found.bad[0]).startswith("row 11 (line 12), column label: is 'neutral'")
    wrong = np.flatnonzero(found.numbers == 7)[0]  # its label is: alone it is not
    for grouping in range(2):
        in_slot_2 = found.slots[grouping] == 1
        expected = in_slot_2.copy()
        expected[wrong] = not in_slot_2[wrong]
        assert found.is_wrong[grouping].tolist() == expected.tolist()
    shared = [f for f in found.failures if f.kind == SHARED]
    assert len(shared) == found.count(SHARED) > 10
    assert {f.slot for f in shared} == {1}
    assert {(f.answer == f.gold, f.alone == f.gold) for f in shared} == {(False, True)}


def test_a_failure_opens_the_very_same_pass_again(file: Path) -> None:
    """Also where the group was filled up: 59 rows in groups of 3."""
    model = planted(((1, -0.4, 0), (0, -1, 0.3), (0.2, 0, 1))).checkpoint
    found = measure_file(model, file, baseline=lone(), seating=Seating(seed=5))
    short = [f for f in found.failures if len(f.rows) < 3]
    assert short
    for failure in [*short, *found.failures[:5]]:
        rows = encode_rows(model, [Row(*row) for row in failure.rows])
        seating = Seating(failure.padding, failure.fill, failure.seed)
        group = make_group(model.config, rows, seating)
        answer = Engine(model).answers([group])[0][failure.slot]
        sign = 1 if answer.headline == failure.gold else -1
        assert answer.headline == failure.answer
        assert sign * answer.margin == pytest.approx(failure.margin, abs=1e-4)  # type: ignore[union-attr]


def test_every_row_sits_once_in_every_grouping(file: Path) -> None:
    found = measure_file(planted().checkpoint, file, baseline=lone(), grouping="all")
    assert found.groupings == tuple(MEANING)
    for grouping in range(len(MEANING)):
        seats = list(zip(found.groups[grouping], found.slots[grouping], strict=True))
        assert len(set(seats)) == len(found)
        sizes = np.bincount(found.groups[grouping])
        assert sorted(sizes)[0] == 2  # 59 = 19 x 3 + 2
        assert (sizes == 3).sum() == 19


def test_stopped_and_gone_on_is_the_same_as_never_stopped(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FEWEST_GROUPS", 4)
    model, alone = planted(TURNED).checkpoint, lone()
    whole = measure_file(model, file, baseline=alone)
    assert whole.window == 15

    def stop(done: int, total: int) -> None:
        assert total == 59 * 4
        if done > 100:
            raise Stopped("enough")

    part = measure_file(model, file, baseline=alone, progress=stop)
    assert part.is_partial
    assert 0 < len(part) < 59
    assert part.count(SHARED) == len([f for f in part.failures if f.kind == SHARED]) > 0
    seen: list[int] = []
    again = measure_file(
        model, file, baseline=alone, start=part, progress=lambda done, _: seen.append(done)
    )
    assert seen[0] > len(part) * 4  # what was done is not done again
    for name in ("numbers", "gold", "scores", "alone", "groups", "slots", "tags", "suspects"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert (again.failures, again.bad, again.read) == (whole.failures, whole.bad, whole.read)
    with pytest.raises(InputError, match="seeds .* begin again"):
        measure_file(model, file, baseline=alone, start=part, seating=Seating(seed=1))
    with pytest.raises(InputError, match="another fill"):
        measure_file(model, file, baseline=alone, start=part, seating=Seating(fill="published"))
    other = replace(part, provenance=replace(part.provenance, fingerprint="0"))
    with pytest.raises(InputError, match="another checkpoint"):
        measure_file(model, file, baseline=alone, start=other)


def test_stopped_before_the_first_window_there_is_nothing(file: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped("at once")

    with pytest.raises(Stopped):
        measure_file(planted().checkpoint, file, progress=stop)


def test_suspected_labels_are_those_that_both_are_sure_of(tmp_path: Path) -> None:
    """Ten planted wrong labels among 200, on texts plainer than most: found, and nothing else."""
    faint = (("good day on the road", "positive"), ("bad night on the road", "negative"))
    rows = [(PAIRS if n % 4 > 1 else faint)[n % 2] for n in range(200)]
    wrong = list(range(3, 200, 20))
    for n in wrong:
        rows[n] = (rows[n][0], PAIRS[1 - n % 2][1])
    path = tmp_path / "rows.tsv"
    lines = [f"{text}\t{label}" for text, label in rows]
    path.write_text("text\tlabel\n" + "\n".join(lines), encoding="utf-8")
    found = measure_file(planted().checkpoint, path, baseline=lone())
    assert (found.numbers[found.suspects] - 1).tolist() == wrong
    assert {f.kind for f in found.failures} == {LABEL, MOVED}
    assert not measure_file(planted().checkpoint, path).suspects.any()  # one opinion is none


def test_confident_labels_by_hand() -> None:
    """Thresholds: 0.7 for label 0 (0.9, 0.5), 0.8 for label 1 (0.9, 0.9, 0.6)."""
    p = np.asarray([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.1, 0.9], [0.4, 0.6]])
    assert confident(p, np.asarray([0, 0, 1, 1, 1])).tolist() == [0, -1, 1, 1, -1]


def test_an_n1_checkpoint_is_its_own_baseline(file: Path) -> None:
    found = measure_file(lone(), file)
    assert (len(found.groupings), found.baseline) == (1, "alone")
    assert [f.kind for f in found.failures] == [MODEL]
    assert found.alone.tolist() == found.scores[0].tolist()


def test_lucky_rows_are_listed_too(file: Path) -> None:
    """The baseline says the opposite of everything: all rows are lucky but the wrong one."""
    backwards = planted([[-1.0]], name="backwards").checkpoint
    found = measure_file(planted().checkpoint, file, baseline=backwards)
    assert found.count(LUCKY) == 58
    assert found.count(SHARED) == 1


# ---- who sits with whom -------------------------------------------------------------------------


def seated(count: int = 40, num: int = 4) -> Seated:
    rng = np.random.default_rng(0)
    gold = rng.integers(2, size=count)
    alone = np.log(rng.dirichlet([1, 1], size=count))
    return Seated(num, rng.integers(3, 30, size=count), gold, alone)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [1, 4, 39, 40])
def test_a_way_seats_everybody_once(way: str, count: int) -> None:
    groups = seat(way, seated(count), np.random.default_rng(1))
    assert sorted(np.concatenate(groups)) == list(range(count))
    assert [len(group) for group in groups[:-1]] == [4] * (-(-count // 4) - 1)


def test_length_sits_with_like_length_and_balanced_with_all_labels() -> None:
    rows, rng = seated(), np.random.default_rng(1)
    spread = [np.ptp(rows.lengths[g]) for g in seat("length", rows, rng)]
    assert max(spread) < min(np.ptp(rows.lengths), 8)
    counts = [rows.gold[g].sum() for g in seat("balanced", rows, rng)]
    assert max(counts) - min(counts) <= 1


def test_adversarial_puts_the_unsure_among_sure_ones_of_other_labels() -> None:
    rows = seated(32)
    assert rows.alone is not None
    sure = np.abs(rows.alone[:, 0] - rows.alone[:, 1])
    groups = seat("adversarial", rows, np.random.default_rng(1))
    weakest = set(np.argsort(sure)[:8])
    assert [len(weakest & set(g)) for g in groups] == [1] * 8
    first = next(g for g in groups if np.argmin(sure) in g)
    others = rows.gold[first] != rows.gold[np.argmin(sure)]
    assert others.sum() == 3


def test_alike_groups_get_one_answer_as_far_as_there_are_enough() -> None:
    rows = seated(40)
    assert rows.alone is not None
    answers = rows.alone.argmax(axis=1)
    groups = seat("alike", rows, np.random.default_rng(1))
    mixed = sum(len(set(answers[g])) > 1 for g in groups)
    drawn = sum(len(set(answers[g])) > 1 for g in seat("random", rows, np.random.default_rng(1)))
    assert mixed < drawn / 2


def test_groupings_that_need_n1_say_so_without_it(file: Path) -> None:
    for way in ("adversarial", "alike", "all"):
        with pytest.raises(NotApplicable, match=r"names no N = 1\s+baseline"):
            measure_file(planted().checkpoint, file, grouping=way)
    with pytest.raises(InputError, match="unknown grouping 'x'"):
        plan("x", 1)
    with pytest.raises(InputError, match="at least one"):
        plan("random", 0)
    assert [len(plan(name, 3)) for name in GROUPINGS] == [3, 1, 3, 1, 1, 5]


# ---- tags ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good", {"short"}),
        ("it is not a good film at all", {"negation"}),
        ("she doesn't like the slow story of it", {"negation"}),
        ("a notable film of the year , likely", set()),
        ("the plot is fine but the music is bad", {"contrast"}),
        ("more fun than 2 films , is it ?", {"comparison", "question", "number"}),
        (" ".join(["the"] * 25), {"long"}),
    ],
)
def test_row_tags(text: str, expected: set[str]) -> None:
    row = encode_rows(planted().checkpoint, [Row(text)])
    found = {name for name, is_on in zip(NAMES, row_tags(row)[0], strict=False) if is_on}
    assert found - {"rare words"} == expected


def test_pass_tags_by_hand() -> None:
    """Groups (0, 1, 2) and (3): row 2 is alone with its label, and row 0 half as long as it."""
    found = pass_tags(
        [np.asarray([0, 1, 2]), np.asarray([3])], np.asarray([1, 1, 0, 0]), np.asarray([4, 5, 8, 2])
    )
    assert found[:, 0].tolist() == [False, False, True, False]
    assert found[:, 1].tolist() == [True, False, False, False]


# ---- what is refused ----------------------------------------------------------------------------


def test_what_does_not_apply_is_refused(file: Path) -> None:
    model = planted().checkpoint
    tags = tiny_checkpoint(tiny_config(task="token_classification", num_labels=3))
    with pytest.raises(NotApplicable, match="is for token classification"):
        measure_file(tags, file)
    with pytest.raises(NotApplicable, match="no N = 1 model with the labels"):
        measure_file(model, file, baseline=planted(name="other").checkpoint)
    with pytest.raises(DataError, match="choose the text among sentence, label"):
        measure_file(model, file, columns=Columns("words", "label"))


def test_a_file_without_a_good_row_names_the_first_bad_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n,positive\n,negative\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"none of 2 rows .* row 1 \(line 2\), column text: is empty"
    ):
        measure_file(planted().checkpoint, path)


def test_windows_of_short_files_are_short() -> None:
    config = tiny_config(num_instances=5)
    assert [window_size(config, rows) for rows in (10, 872, 10_000, 10**6)] == [
        320,
        320,
        2500,
        2560,
    ]
