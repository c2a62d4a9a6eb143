"""What is answered is what the text, the head and the labels say; everything else is an error."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muxviz.analysis.groups.one_group import Target, enter, explained, measure_of
from muxviz.batch import EncodedRow, Row, encode_rows
from muxviz.cli import main
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How, RowError, run_texts, stream
from muxviz.errors import DataError, InputError, MuxvizError, NotApplicable, NotFinite
from muxviz.evaluation import evaluate, read_data
from muxviz.inference import run_group
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.results import LabelsAnswer, ScoresAnswer
from muxviz.training import tasks
from muxviz.training.hub_data import HubTable
from muxviz.training.rows import UNLABELLED
from muxviz.training.tasks import LabelledRows, read_task, tokenise_task
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config, tiny_tokenizer

# ---- what there is to read ----------------------------------------------------------------------

NOTHING = ("\u200b", "\x00", "\u2060 \u2060", "\ufffd\x01", "\u0301", "\x7f\u200d")


@pytest.mark.parametrize("text", NOTHING)
def test_a_text_without_a_token_is_refused_at_every_door(text: str) -> None:
    checkpoint = shared_checkpoint()
    with pytest.raises(InputError, match="text 2 holds nothing that the tokenizer keeps"):
        encode_rows(checkpoint, [Row("a dog"), Row(text)])
    with pytest.raises(InputError, match="text 1 holds nothing"):
        encode_rows(checkpoint, [Row(text, "a dog")])  # tokens of the second text do not count
    (found,) = stream(Engine(checkpoint), [Row("a dog"), Row(text), Row("a cat")], How())
    assert [isinstance(answer, RowError) for answer in found] == [False, True, False]
    data = LabelledRows(("a dog", text), (None, None), np.asarray([0, 1]), source="rows.tsv")
    with pytest.raises(DataError, match=r"rows.tsv, row 2 holds nothing"):
        tokenise_task(tiny_tokenizer(), data, max_length=9)


def test_an_unknown_character_is_something_to_read() -> None:
    (row,) = encode_rows(shared_checkpoint(), [Row("\u2603")])
    assert row.ids == (101, 100, 102)
    assert not row.why_not


@pytest.mark.parametrize("backbone", ["bert", "roberta"])
def test_training_and_answers_see_the_same_tokens(backbone: str) -> None:
    """Also of a pair whose second text is empty, and of texts that are cut."""
    tokenizer = tiny_tokenizer()
    if backbone == "roberta":  # separators as RoBERTa's, and no segment ids
        from tokenizers.processors import RobertaProcessing

        tokenizer.backend_tokenizer.post_processor = RobertaProcessing(
            ("[SEP]", 102), ("[CLS]", 101)
        )
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    checkpoint = replace(shared_checkpoint(max_position_embeddings=11), tokenizer=tokenizer)
    texts = ("a dog", "the good film", "a " * 900, "the old city", "a cat")
    pairs = ("", "a dog", "b " * 900, None, "the " * 700)
    data = LabelledRows(texts, pairs, np.zeros(5, dtype=np.int64))
    trained = tokenise_task(tokenizer, data, max_length=11)
    encoded = encode_rows(checkpoint, [Row(*row) for row in zip(texts, pairs, strict=True)])
    segments = trained.segments(np.arange(5))
    for at, row in enumerate(encoded):
        piece = slice(trained.starts[at], trained.starts[at + 1])
        assert row.ids == tuple(trained.ids[piece].tolist())
        assert row.types == tuple(segments[at, : len(row.ids)].tolist())
    separators = [row.ids.count(102) for row in encoded]
    assert separators == ([2, 2, 2, 1, 2] if backbone == "bert" else [3, 3, 3, 1, 3])
    assert encoded[2].cut_tokens
    assert encoded[2].cut_text.endswith("b b")


def test_a_long_text_is_cut_where_the_whole_would_be() -> None:
    checkpoint = shared_checkpoint(max_position_embeddings=11)
    tokenizer = checkpoint.need_tokenizer()
    for text in ("no " * 4000, "x" * 300 + " so" * 900, "dog.\tcat\n" * 500, " " * 2000 + "a b"):
        (row,) = encode_rows(checkpoint, [Row(text)])
        whole = tokenizer(text, truncation="longest_first", max_length=11)
        assert row.ids == tuple(whole["input_ids"])
    with pytest.raises(InputError, match="has 3,000,000 characters, and its first 11 tokens"):
        encode_rows(checkpoint, [Row("x" * 3_000_000)])


def test_rows_that_cannot_be_answered_come_back_on_request() -> None:
    found: list[EncodedRow] = encode_rows(
        shared_checkpoint(), [Row(" "), Row("a \ud800"), Row("a dog")], keep_bad=True
    )
    assert [row.why_not[:18] for row in found] == ["is empty; write a ", "holds half a chara", ""]


# ---- numbers that are none ----------------------------------------------------------------------


def test_rows_without_numbers_are_errors_and_the_others_are_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group of three is lost with the row that spoils it; the next group is not."""
    checkpoint = tiny_checkpoint(tiny_config(has_retrieval_head=False))
    (word,) = checkpoint.need_tokenizer().convert_tokens_to_ids(["film"])
    checkpoint.model.embeddings.word_embeddings.weight[word] = 3e4
    checkpoint.model.embeddings.LayerNorm.weight.fill_(6e4)
    model = save(checkpoint, tmp_path / "model")
    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\nthe film\nwe go\nthe city\na cat\nthe night\n")
    words = ["run", "--checkpoint", str(model), "--texts", str(texts), "--format", "jsonl"]
    assert main([*words, "--dtype", "float32"]) == 0
    capsys.readouterr()
    code = main([*words, "--dtype", "float16"])
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert code == 1
    assert len(found) == 6
    assert all("in float16; use --dtype float32 or bfloat16" in row["error"] for row in found[:3])
    assert ": NaN" not in shown.out
    assert "line 1 has logits that are not finite numbers" in shown.err


def test_one_spoilt_group_leaves_the_others() -> None:
    checkpoint = tiny_checkpoint()
    (word,) = checkpoint.need_tokenizer().convert_tokens_to_ids(["film"])
    checkpoint.model.embeddings.word_embeddings.weight[word] = torch.nan
    rows = [Row(t) for t in ("a dog", "the film", "we go", "the city", "a cat", "the night")]
    (found,) = stream(Engine(checkpoint), rows, How())
    assert [isinstance(answer, RowError) for answer in found] == [True] * 3 + [False] * 3
    with pytest.raises(NotFinite, match="text 1 has logits that are not finite"):
        list(run_texts(checkpoint, rows))


# ---- heads --------------------------------------------------------------------------------------

LABELS = {"task": "multi_label_classification", "num_labels": 3, "labels": ("a", "b", "c")}


def test_any_number_of_labels_is_answered_each_by_itself(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tiny_config(**LABELS))
    checkpoint.model.head.out_proj.weight.zero_()
    checkpoint.model.head.out_proj.bias.copy_(torch.tensor([2.0, 2.0, -2.0]))
    loaded = load(save(checkpoint, tmp_path / "model"), device="cpu")
    assert loaded.config.task == "multi_label_classification"
    (answer,) = (a.answer for a in run_texts(loaded, [Row("a dog")]))
    assert isinstance(answer, LabelsAnswer)
    assert answer.chosen == ("a", "b")
    assert answer.headline == "a, b"
    np.testing.assert_allclose(answer.probabilities, [0.8808, 0.8808, 0.1192], atol=1e-4)
    assert answer.details["labels"] == ["a", "b"]
    (slot, *_) = run_group(loaded, [Row("a dog")], equal_slots=True).slots
    assert slot.agrees
    data = tmp_path / "rows.jsonl"
    rows = [{"text": "a dog", "labels": ["B", "a"]}, {"text": "we go", "labels": ["c"]}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = evaluate(loaded, read_data(data, loaded), name="x", groupings=1)
    assert result.primary == "micro_f1"
    assert result.metrics["exact_match"].mean == 0.5
    assert result.metrics["micro_f1"].mean == pytest.approx(2 * 2 / (4 + 3))
    assert sum(p.successes for p in result.slot_accuracy) == 1
    table = tmp_path / "rows.tsv"
    table.write_text("text\tlabels\na dog\ta, b\nwe go\tc\nthe city\t\n")
    assert read_data(table, loaded).labels.tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_several_scores_are_answered_by_name(tmp_path: Path) -> None:
    config = tiny_config(task="regression", num_labels=2, labels=("joy", "fear"))
    checkpoint = tiny_checkpoint(config)
    checkpoint.model.head.out_proj.weight[1] *= -1
    loaded = load(save(checkpoint, tmp_path / "model"), device="cpu")
    assert (loaded.config.task, loaded.config.labels) == ("regression", ("joy", "fear"))
    texts = ("a dog", "we go home", "the old city", "music at night")
    answers = [a.answer for a in run_texts(loaded, [Row(text) for text in texts])]
    assert all(isinstance(answer, ScoresAnswer) for answer in answers)
    first = answers[0].details["scores"]
    assert answers[0].headline == f"joy {first['joy']:.3f}, fear {first['fear']:.3f}"
    data = tmp_path / "rows.jsonl"
    rows = [{"text": t, "score": [n, 1]} for n, t in enumerate(texts)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = evaluate(loaded, read_data(data, loaded), name="x", groupings=1)
    assert {"pearson", "pearson joy", "spearman fear"} <= set(result.metrics)
    assert not result.metrics["pearson fear"].is_defined, "all scores of the data are the same"
    with pytest.raises(NotApplicable, match="x has 1 scores, not 2"):
        evaluate(loaded, replace(read_data(data, loaded), labels=np.zeros(4)), name="x")


def test_a_label_or_score_is_explained_by_itself() -> None:
    for changes, name in ((LABELS, None), ({"task": "regression", "num_labels": 2}, "LABEL_0")):
        checkpoint = shared_checkpoint(**changes)
        entered = enter(checkpoint, [Row("a dog"), Row("we go"), Row("a cat")])
        measure = measure_of(entered, Target(0))
        assert measure.against is None
        said = explained(entered, Target(0), measure)
        assert said.label == name or said.label in checkpoint.config.labels
        value = measure.of(entered.logits)
        wanted = entered.logits[0, 0, int(measure.labels[0])]
        torch.testing.assert_close(value[0], wanted)


# ---- labels by name -----------------------------------------------------------------------------


def hub(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], column: str, rows: list) -> None:
    table = HubTable(rows, {column: names})
    monkeypatch.setattr(tasks, "open_hub", lambda name, *, streaming: table)


def test_numbers_of_a_hub_table_are_matched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"sentence": "a", "label": n} for n in (0, 1, 2)]
    hub(monkeypatch, ("Entailment", "neutral", "not-known"), "label", rows)
    checkpoint = shared_checkpoint(labels=("neutral", "not_known", "entailment"), num_labels=3)
    assert read_data("hub:a/b:c", checkpoint).labels.tolist() == [2, 0, 1]
    assert read_task(
        "hub:a/b:c", labels=("not known", "entailment", "neutral")
    ).labels.tolist() == [
        1,
        2,
        0,
    ]
    hub(monkeypatch, ("0", "1", "2"), "label", rows)  # these say nothing
    assert read_data("hub:a/b:c", checkpoint).labels.tolist() == [0, 1, 2]
    hub(monkeypatch, ("neutral", "entailment", "strange"), "label", rows[:2])  # not in use
    assert read_data("hub:a/b:c", checkpoint).labels.tolist() == [0, 2]


def test_tags_of_a_hub_table_are_matched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"tokens": ["a", "dog", "go"], "upos": [1, 0, UNLABELLED]}]
    hub(monkeypatch, ("NOUN", "DET"), "upos", rows)
    checkpoint = shared_checkpoint(
        task="token_classification", labels=("DET", "NOUN"), num_labels=2
    )
    (numbers,) = read_data("hub:a/b:c", checkpoint).word_labels
    assert numbers.tolist() == [0, 1, UNLABELLED]


def test_names_that_are_numbers_are_names(tmp_path: Path) -> None:
    path = tmp_path / "stars.tsv"
    path.write_text("text\tlabel\na\t1\nb\t5\n")
    stars = shared_checkpoint(labels=("1", "2", "3", "4", "5"), num_labels=5)
    assert read_data(path, stars).labels.tolist() == [0, 4]
    path.write_text("text\tlabel\na\t0\nb\t5\n")
    with pytest.raises(DataError, match="label '0' is none of the 5 known ones"):
        read_data(path, stars)


def test_classes_that_no_row_has_are_said() -> None:
    checkpoint = shared_checkpoint(labels=("no", "yes", "maybe"), num_labels=3)
    data = LabelledRows(("a dog", "a cat"), (None, None), np.asarray([0, 0]))
    notes = evaluate(checkpoint, data, name="x", groupings=1).notes
    assert "No row has the label yes, maybe: 2 of the model's 3 are not asked for." in notes


def test_quoted_cells_are_said(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_text('text\tlabel\n"a dog"\t0\n"a cat"\t1\nwe\t0\n')
    checkpoint = shared_checkpoint()
    data = read_data(path, checkpoint)
    assert data.texts[0] == '"a dog"'
    assert data.notes[0].startswith("2 of 3 texts stand between quotes")
    assert data.notes[0] in evaluate(checkpoint, data, name="x", groupings=1).notes


WORDS = st.sampled_from(
    ["sentence", "text", "label", "labels", "score", "tokens", "upos", "1", "-1", "9" * 30, "a b"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(WORDS, VALUES, max_size=4), max_size=3),
    st.lists(st.lists(WORDS | st.text(max_size=6), max_size=4), max_size=4),
    st.sampled_from([(), ("no", "yes"), ("1", "2"), ("LABEL_0", "LABEL_1")]),
)
def test_nothing_but_our_own_errors_comes_of_task_data(
    objects: list, cells: list, labels: tuple[str, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines, table = Path(folder) / "d.jsonl", Path(folder) / "d.tsv"
        lines.write_text("".join(json.dumps(row) + "\n" for row in objects))
        text = "\n".join("\t".join(row) for row in cells)
        table.write_bytes(text.encode("utf-8", "surrogatepass"))
        for path in (lines, table):
            try:
                data = read_task(path, labels=labels)
                tokenise_task(tiny_tokenizer(), data, max_length=8)
            except MuxvizError:
                continue
