"""Texts in, results out: groups, fillers, padding, answers for every task."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from muxviz.batch import Row, Seating, encode_rows, make_group, max_tokens
from muxviz.engine.stream import run_texts
from muxviz.errors import (
    EmptyGroup,
    GroupError,
    InputError,
    NotApplicable,
    TextTooLong,
    VocabularyError,
)
from muxviz.inference import forward_groups, run_group
from muxviz.results import (
    FillAnswer,
    LabelAnswer,
    ReplacedAnswer,
    ScoreAnswer,
    TagAnswer,
    from_json,
    to_json,
)
from muxviz.results.group import EQUAL_SLOTS
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

TEXTS = ("the film is good", "a boring old story , and very long", "happy dog")
ROWS = [Row(text) for text in TEXTS]


def test_a_group_is_answered_in_slot_order_by_one_pass() -> None:
    checkpoint = shared_checkpoint()
    result = run_group(checkpoint, ROWS, seating=Seating("group"))
    assert [s.text for s in result.slots] == list(TEXTS)
    assert result.provenance.padding == "group"
    group = make_group(checkpoint.config, encode_rows(checkpoint, ROWS), Seating("group"))
    logits = forward_groups(checkpoint, [group])[0]
    for slot in result.slots:
        answer = slot.answer
        assert isinstance(answer, LabelAnswer)
        expected = logits[slot.slot].softmax(-1).numpy()
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-6)
        assert answer.margin == pytest.approx(
            float(logits[slot.slot].max() - logits[slot.slot].min()), abs=1e-5
        )


@pytest.mark.parametrize("padding", ["group", "fixed", "masked"])
def test_answers_alone_and_among_other_groups_agree(padding: str) -> None:
    checkpoint = shared_checkpoint()
    many = [Row(f"{text} {'very ' * (n % 4)}good") for n in range(12) for text in TEXTS]
    together = list(run_texts(checkpoint, many, batch=12, seating=Seating(padding)))
    assert [a.number for a in together] == list(range(36))
    for start in range(0, 36, 3):
        alone = list(run_texts(checkpoint, many[start : start + 3], seating=Seating(padding)))
        for a, b in zip(alone, together[start : start + 3], strict=True):
            assert a.row == b.row
            assert a.answer.headline == b.answer.headline
            np.testing.assert_allclose(
                a.answer.probabilities,
                b.answer.probabilities,
                atol=1e-5,  # type: ignore[union-attr]
            )


def test_groups_of_unlike_length_never_share_a_forward() -> None:
    checkpoint = shared_checkpoint()
    encoded = encode_rows(checkpoint, ROWS + [Row("dog"), Row("cat"), Row("man")], padding="group")
    groups = [make_group(checkpoint.config, encoded[i : i + 3], Seating("group")) for i in (0, 3)]
    seen: list[tuple[int, ...]] = []
    embed = checkpoint.model.embed
    checkpoint.model.embed = lambda p: (seen.append(tuple(p.ids.shape)), embed(p))[1]  # type: ignore[method-assign]
    try:
        forward_groups(checkpoint, groups)
    finally:
        checkpoint.model.embed = embed  # type: ignore[method-assign]
    assert seen == [(1, 3, groups[0].length), (1, 3, groups[1].length)]


def test_fillers_repeat_own_rows_and_are_never_answers() -> None:
    checkpoint = shared_checkpoint()
    result = run_group(checkpoint, ROWS[:1], seating=Seating(seed=5))
    assert [s.is_filler for s in result.slots] == [False, True, True]
    assert result.slots[1].repeats == 0
    assert result.slots[1].text == TEXTS[0]
    assert [s.slot for s in result.answered] == [0]
    answers = list(run_texts(checkpoint, [*ROWS, Row("good")]))
    assert [a.number for a in answers] == [0, 1, 2, 3]


def test_filling_is_seeded() -> None:
    checkpoint = shared_checkpoint(num_instances=10)
    repeats = [
        [s.repeats for s in run_group(checkpoint, ROWS, seating=Seating(seed=seed)).slots]
        for seed in (1, 1, 2)
    ]
    assert repeats[0] == repeats[1]
    assert repeats[0] != repeats[2]


def test_alone_uses_the_baseline_and_marks_disagreement() -> None:
    checkpoint, baseline = shared_checkpoint(), tiny_checkpoint(tiny_config(plain=True), name="one")
    result = run_group(checkpoint, ROWS, baseline=baseline)
    assert result.baseline == "one"
    for slot in result.slots:
        assert slot.alone is not None
        expected = next(iter(run_texts(baseline, [Row(slot.text)]))).answer
        assert slot.alone.headline == expected.headline
        assert slot.agrees == (slot.answer.headline == slot.alone.headline)


def test_without_a_baseline_all_slots_equal_goes_under_its_own_name() -> None:
    checkpoint = shared_checkpoint()
    none = run_group(checkpoint, ROWS)
    assert none.baseline == ""
    assert all(s.alone is None for s in none.slots)
    assert any("names no N = 1 baseline" in note for note in none.notes)
    equal = run_group(checkpoint, ROWS, equal_slots=True)
    assert equal.baseline == EQUAL_SLOTS
    assert all(s.alone is not None for s in equal.slots)


def test_a_plain_model_says_that_read_back_does_not_apply() -> None:
    result = run_group(shared_checkpoint(plain=True), ROWS[:1])
    assert result.leak is None
    assert result.slots[0].reading is None
    assert result.notes == (
        "Read-back and leaks: not applicable, this checkpoint is a plain model.",
    )


def test_read_back_equals_the_retrieval_head() -> None:
    from muxviz.reading import token_names
    from muxviz.tracing import trace

    checkpoint = shared_checkpoint()
    result = run_group(checkpoint, ROWS, seating=Seating("group"))
    group = make_group(checkpoint.config, encode_rows(checkpoint, ROWS), Seating("group"))
    logits = trace(
        checkpoint.model, torch.from_numpy(group.ids)[None], torch.from_numpy(group.mask)[None]
    ).retrieval_logits
    assert logits is not None
    read = logits[0].argmax(-1)
    tokenizer = checkpoint.need_tokenizer()
    for slot in result.slots:
        assert slot.reading is not None
        size = len(slot.reading.tokens)
        assert slot.reading.read == token_names(tokenizer, read[slot.slot, :size].tolist())
        assert slot.reading.is_counted.tolist() == [False, *[True] * (size - 2), False]
    assert result.leak is not None
    for slot in result.slots:
        assert slot.reading is not None
        own = result.leak.shares[slot.slot, slot.slot]
        assert own == pytest.approx(slot.reading.accuracy.value)


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("regression", ScoreAnswer),
        ("token_classification", TagAnswer),
        ("masked_lm", FillAnswer),
    ],
)
def test_every_task_has_its_answer(task: str, kind: type) -> None:
    result = run_group(shared_checkpoint(task=task), [Row("the [MASK] is good"), *ROWS[:2]])
    answer = result.slots[0].answer
    assert isinstance(answer, kind)
    assert answer.headline
    if isinstance(answer, TagAnswer):
        assert answer.tokens == ("the", "[MASK]", "is", "good")
    if isinstance(answer, FillAnswer):
        assert answer.positions == (2,)
        assert len(answer.candidates[0]) == 5
    again = from_json(to_json(result))
    assert to_json(again) == to_json(result)


def test_replaced_token_detection_answers_per_token() -> None:
    checkpoint = shared_checkpoint(backbone="electra", task="replaced_token_detection")
    answer = run_group(checkpoint, ROWS).slots[0].answer
    assert isinstance(answer, ReplacedAnswer)
    assert answer.tokens == ("the", "film", "is", "good")
    assert ((answer.probabilities >= 0) & (answer.probabilities <= 1)).all()


def test_a_long_text_shows_what_is_cut() -> None:
    checkpoint = shared_checkpoint()
    limit = max_tokens(checkpoint.config, "group")
    words = " ".join(["good"] * limit)
    row = encode_rows(checkpoint, [Row(f"{words} last film")], padding="group")[0]
    assert len(row.ids) == limit
    assert row.cut_tokens == 4
    assert row.cut_text == "good good last film"


def test_a_long_pair_is_cut_from_the_longer_text() -> None:
    checkpoint = shared_checkpoint()
    row = encode_rows(checkpoint, [Row("the film", " ".join(["dog"] * 80))], padding="group")[0]
    assert row.cut_text.startswith("dog")
    assert row.types.count(1) == len(row.ids) - 4  # [CLS] the film [SEP] | dogs [SEP]


@pytest.mark.parametrize(
    ("rows", "error", "parts"),
    [
        ([], EmptyGroup, ["got 0 texts", "multiplexes 3", "write at least one"]),
        ([Row("a")] * 5, GroupError, ["got 5 texts", "multiplexes 3", "remove 2"]),
        ([Row("a"), Row("  ")], InputError, ["text 2 is empty", "write a sentence"]),
    ],
)
def test_wrong_groups_say_what_to_do(rows: list[Row], error: type, parts: list[str]) -> None:
    with pytest.raises(error) as caught:
        run_group(shared_checkpoint(), rows)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_unknown_options_name_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown padding 'batch'; use group, fixed, masked"):
        run_group(shared_checkpoint(), ROWS, seating=Seating("batch"))
    with pytest.raises(InputError, match=r"unknown filling 'zeros'; use repeat, published"):
        run_group(shared_checkpoint(), ROWS[:1], seating=Seating(fill="zeros"))


def test_no_tokenizer_is_said() -> None:
    with pytest.raises(NotApplicable, match=r"tiny has no tokenizer.*tokenizer.json"):
        run_group(tiny_checkpoint(tokenizer=False), ROWS)


def test_the_model_refuses_what_it_cannot_take() -> None:
    model = shared_checkpoint().model
    with pytest.raises(GroupError, match=r"multiplexes exactly 3"):
        model(torch.ones(1, 2, 5, dtype=torch.long))
    with pytest.raises(VocabularyError, match=r"ids run from 1 to 9999.*0 to 703"):
        model(torch.tensor([[[1, 9999]] * 3]))
    with pytest.raises(TextTooLong, match=r"65 tokens per text.*room for 64"):
        model(torch.ones(1, 3, 65, dtype=torch.long))
    with pytest.raises(InputError, match=r"attention_mask has shape \[1, 3, 4\]"):
        model(torch.ones(1, 3, 5, dtype=torch.long), torch.ones(1, 3, 4))
    with pytest.raises(InputError, match=r"expected \[B, N, L\]"):
        model(torch.ones(3, 5, dtype=torch.long))


def test_timing_counts_the_passes_each_way_takes() -> None:
    baseline = tiny_checkpoint(tiny_config(plain=True), name="one")
    result = run_group(shared_checkpoint(), ROWS, baseline=baseline, timing_repeats=2)
    assert [(t.name, t.passes, t.repeats) for t in result.timings] == [
        ("multiplexed", 1, 2),
        ("alone, one batch", 1, 2),
        ("alone, one by one", 3, 2),
    ]
    assert all(0 < t.q1_s <= t.median_s <= t.q3_s for t in result.timings)


def test_all_slots_equal_uses_the_padding_that_was_asked_for() -> None:
    checkpoint = shared_checkpoint()
    seen: list[tuple[bool, int]] = []
    forward = type(checkpoint.model).forward

    def watching(self: object, ids: torch.Tensor, *rest: object, **options: object) -> object:
        seen.append((bool(options["hide_padding"]), ids.shape[-1]))
        return forward(self, ids, *rest, **options)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(checkpoint.model), "forward", watching)
        run_group(checkpoint, ROWS, equal_slots=True, seating=Seating("masked"))
    assert [hidden for hidden, _ in seen] == [True, True, True]
    assert len({length for _, length in seen}) == 3, "each text has its own length"


def test_the_index_prefix_displaces_padding_and_not_text() -> None:
    checkpoint = shared_checkpoint(task="masked_lm", demultiplexer="index_prefix")
    for padding in ("group", "fixed", "masked"):
        result = run_group(
            checkpoint, [Row("the dog is [MASK]"), *ROWS[:2]], seating=Seating(padding)
        )
        answer = result.slots[0].answer
        assert isinstance(answer, FillAnswer)
        assert answer.positions == (4,), padding
        assert result.slots[0].reading is not None
        assert result.slots[0].reading.tokens[-1] == "[SEP]"
    tiny = run_group(checkpoint, [Row("a"), Row("dog"), Row("cat")], seating=Seating("group"))
    assert len(tiny.answered) == 3


def test_masked_padding_is_refused_where_it_would_not_hold() -> None:
    for multiplexer in ("contextual", "cross_instance"):
        checkpoint = shared_checkpoint(multiplexer=multiplexer)
        with pytest.raises(InputError, match=f"'masked' is not defined for the {multiplexer}"):
            run_group(checkpoint, ROWS, seating=Seating("masked"))
        with pytest.raises(InputError, match="hide_padding is not defined"):
            checkpoint.model(torch.ones(1, 3, 5, dtype=torch.long), hide_padding=True)


def test_answers_agree_by_what_they_say() -> None:
    from muxviz.inference import same_answer

    one = ReplacedAnswer(("a", "b"), np.array([0.9, 0.1]))
    other = ReplacedAnswer(("a", "b"), np.array([0.1, 0.9]))
    assert one.headline == other.headline
    assert same_answer(one, other) is False
    nothing = FillAnswer((), (), np.zeros((0, 5)))
    assert same_answer(nothing, nothing) is None
    assert same_answer(ScoreAnswer(1.0), ScoreAnswer(1.0)) is None
    assert same_answer(one, ScoreAnswer(1.0)) is None


def test_out_of_memory_is_said_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    from muxviz.errors import DeviceError
    from muxviz.evaluation import evaluate
    from muxviz.training.tasks import LabelledRows

    checkpoint = tiny_checkpoint()
    data = LabelledRows(TEXTS, (None,) * 3, np.zeros(3, dtype=np.int64))
    calls = (
        lambda: run_group(checkpoint, ROWS),
        lambda: list(run_texts(checkpoint, ROWS)),
        lambda: evaluate(checkpoint, data, name="x"),
    )
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(checkpoint.model, "enter", fail)
        for call in calls:
            with pytest.raises(DeviceError, match=r"tiny ran out of memory on cpu; use shorter"):
                call()
    monkeypatch.setattr(checkpoint.model, "embed", lambda *_: (_ for _ in ()).throw(KeyError("x")))
    with pytest.raises(KeyError):
        run_group(checkpoint, ROWS)


def test_masks_are_not_counted_as_read_back() -> None:
    checkpoint = shared_checkpoint(task="masked_lm")
    reading = run_group(checkpoint, [Row("the [MASK] dog"), *ROWS[:2]]).slots[0].reading
    assert reading is not None
    assert reading.is_counted.tolist() == [False, True, False, True, False]


def test_fillers_are_not_counted_in_leaks() -> None:
    result = run_group(shared_checkpoint(), ROWS[:1])
    assert result.leak is not None
    assert result.leak.positions.tolist() == [4, 0, 0]
    assert np.isnan(result.leak.shares[1:]).all()


def test_unknown_tokens_have_a_name() -> None:
    from muxviz.reading import token_names

    assert token_names(shared_checkpoint().tokenizer, [101, 700]) == ("[CLS]", "[id 700]")
