"""Training data: labelled files, corpora on disk, hub names and the order of rows."""

from __future__ import annotations

import gzip
import json
import lzma
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from muxviz.errors import ConfigError, DataError
from muxviz.training import corpus, hub_data
from muxviz.training.corpus import encode_stream, iterate_texts, sample_sentences, text_rows
from muxviz.training.files import locate
from muxviz.training.rows import UNLABELLED, JoinedRows, TokenRows
from muxviz.training.sampler import Sampler
from muxviz.training.tasks import LabelledRows, read_task, tokenise_task
from tests.tiny import tiny_tokenizer

GENERAL = (
    "The dog and the cat go to the river. A man and a woman see the city at night.\n\n"
    "We like to play in the house all day.\n"
)


def words_of(tokenizer: Any, ids: Any) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens([int(i) for i in ids]))


def row(rows: TokenRows, number: int) -> np.ndarray:
    return rows.ids[rows.starts[number] : rows.starts[number + 1]]


# Labelled files


def test_labelled_tables_name_their_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    for content, message in (
        ("sentence\tlabel\ngood\t1\nbad\tx\n", r"rows.tsv line 3: label 'x' is not a whole number"),
        ("sentence\tlabel\ngood\tx\nbad\t1\n", r"line 3: label '1'; expected words throughout"),
        ("sentence\tlabel\ngood\t1\nbad\n", r"line 3: 1 columns, the header has 2"),
        ("sentence\tlabel\ngood\t1\nbad\t-1\n", r"line 3: label -1; classes are numbered from 0"),
        ("words\tlabel\n", r"columns are words, label; expected label or score, and one of"),
        ("sentence\tgrade\na\t1\n", r"columns are sentence, grade; expected label or score"),
        ("sentence\tlabel\n", r"no rows after the header"),
        ("", r"expected label or score"),
        ("sentence\tscore\na\t1.5\nb\tnan\n", r"line 3: score 'nan' is not a number"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=message):
            read_task(path)
    with pytest.raises(DataError, match=r"none.tsv: no such file; .*--data or MUXVIZ_DATA"):
        read_task(tmp_path / "none.tsv")
    with pytest.raises(DataError, match=r"labelled rows are .tsv or .jsonl"):
        read_task(tmp_path / "none.csv")
    path.write_text('question\tsentence\tlabel\nwho?\t"me\t0\n')
    rows = read_task(path)
    assert (rows.texts, rows.pairs, rows.labels.tolist()) == (("who?",), ('"me',), [0])


def test_json_lines_name_their_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = '{"tokens": ["a", "dog"], "upos": ["DET", "NOUN"]}\n'
    for content, message in (
        ('{"text": "a", "label": 1}\n{"text":\n', r"rows.jsonl, line 2, column 9: is not JSON"),
        ("[1]\n", r"line 1: holds a list; expected one JSON object a line"),
        ('{"text": "a", "label": 1}\n{"text": "b"}\n', r"line 2: nothing in label"),
        ('{"text": 3, "label": 1}\n', r"line 1: text is 3; expected a text"),
        ('{"text": "a", "label": true}\n', r"line 1: label True; expected words throughout"),
        (good + '{"tokens": ["a"], "upos": []}\n', r"line 2: upos has 0 for 1 tokens"),
        (good + '{"tokens": [], "upos": []}\n', r"line 2: tokens is \[\]; expected a list of"),
        (good + '{"tokens": ["a"], "upos": [1]}\n', r"line 2: label 1; expected words throughout"),
        ('{"tokens": ["a"], "pos": ["DET"]}\n', r"expected one of upos, ner_tags, slots, tags"),
        ('{"tokens": ["a"], "tags": [-3]}\n', r"line 1: tag -3; .* -100 means none"),
        ("\n", r"no rows"),
    ):
        path.write_text(content)
        with pytest.raises(DataError, match=message):
            read_task(path)


def test_files_that_are_not_what_they_say_are_data_errors(tmp_path: Path) -> None:
    for name, content, message in (
        ("rows.tsv.gz", b"not gzip", "is damaged or not packed as its name says"),
        ("rows.jsonl.xz", b"not xz", "is damaged or not packed"),
        ("rows.tsv", "sentence\tlabel\ncaf\u00e9\t1\n".encode("latin-1"), "line 2: is not UTF-8"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.*{message}"):
            read_task(path)


def test_labels_may_be_words_whose_order_the_training_rows_fix(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\na dog\tnoun\nso\tadverb\na cat\tnoun\n")
    rows = read_task(path)
    assert (rows.names, rows.labels.tolist()) == (("adverb", "noun"), [1, 0, 1])
    fixed = read_task(path, labels=("noun", "verb", "adverb"))
    assert (fixed.names, fixed.labels.tolist()) == (("noun", "verb", "adverb"), [0, 2, 0])
    with pytest.raises(DataError, match=r"line 3: label 'adverb' is none of the 2 known ones"):
        read_task(path, labels=("noun", "verb"))
    path.write_text("text\tlabel\na dog\t0\nso\t2\n")
    assert read_task(path).names == ()
    with pytest.raises(DataError, match=r"line 3: label 2, but there are 2 classes"):
        read_task(path, labels=("noun", "verb"))


def test_spoken_requests_are_tagged_words_or_texts_with_an_intent(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    heard = (("play a song", "O O B-thing", "Play"), ("rain tomorrow", "O B-time", "Weather"))
    rows = [
        {"tokens": text.split(), "slots": tags.split(), "intent": intent}
        for text, tags, intent in heard
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    tagged = read_task(path)
    assert (tagged.task, tagged.names) == ("token_classification", ("B-thing", "B-time", "O"))
    meant = read_task(path, task="sequence_classification")
    assert meant.texts == tagged.texts == ("play a song", "rain tomorrow")
    assert (meant.names, meant.labels.tolist(), meant.words) == (("Play", "Weather"), [0, 1], ())
    ordered = read_task(path, task="sequence_classification", labels=("weather", "play"))
    assert ordered.labels.tolist() == [1, 0]

    path.write_text("\n".join(json.dumps(r) for r in (rows[0], {**rows[1], "intent": None})))
    with pytest.raises(DataError, match="line 2: nothing in intent"):
        read_task(path, task="sequence_classification")
    table = tmp_path / "rows.tsv"
    table.write_text("text\tintent\nplay a song\tPlay\nrain\tWeather\n")
    assert read_task(table).names == ("Play", "Weather")
    table.write_text("text\tlabel\tintent\nplay\t0\tPlay\n")
    with pytest.raises(DataError, match="has both label and intent"):
        read_task(table)


def test_scores_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write('{"sentence1": "a dog", "sentence2": "the dog", "score": 4.5}\n')
    rows = read_task(path)
    assert rows.labels.dtype == np.float64
    assert (rows.pairs, rows.labels.tolist()) == (("the dog",), [4.5])


def test_the_longer_text_of_a_pair_is_cut() -> None:
    tokenizer = tiny_tokenizer()
    data = LabelledRows(
        ("the film is good", "dog", "cat"),
        ("a dog", None, ""),
        np.asarray([1, 0, 0]),
    )
    rows = tokenise_task(tokenizer, data, max_length=7)
    assert words_of(tokenizer, row(rows, 0)) == "[CLS] the film [SEP] a dog [SEP]"
    assert rows.lengths.tolist() == [7, 3, 4]
    assert rows.pair_starts is not None
    assert rows.pair_starts.tolist() == [4, 3, 3]
    numbers = np.asarray([1, 0])
    assert rows.segments(numbers).tolist() == [[0] * 7, [0, 0, 0, 0, 1, 1, 1]]
    ids, mask = rows.pad(numbers, 0)
    assert ids[0].tolist() == [101, *row(rows, 1)[1:], 0, 0, 0, 0]
    assert mask.tolist() == [[1, 1, 1, 0, 0, 0, 0], [1] * 7]


def test_a_tag_goes_to_the_first_piece_of_its_word(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"tokens": ["the", "ox", "is", "old"], "upos": ["DET", "NOUN", "VERB", "ADJ"]},
        {"tokens": ["go"], "upos": ["VERB"]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    data = read_task(path)
    assert data.names == ("ADJ", "DET", "NOUN", "VERB")
    assert data.texts == ("the ox is old", "go")
    assert [w.tolist() for w in data.word_labels] == [[1, 2, 3, 0], [3]]
    tokenizer = tiny_tokenizer()
    rows = tokenise_task(tokenizer, data, max_length=6)
    assert words_of(tokenizer, row(rows, 0)) == "[CLS] the o ##x is [SEP]"
    none = UNLABELLED
    assert rows.pad_token_labels(np.asarray([0, 1])).tolist() == [
        [none, 1, 2, none, 3, none],
        [none, 3, none, none, none, none],
    ]
    assert rows.labels.tolist() == [none, none]


def test_joined_rows_answer_as_their_parts(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    pairs = LabelledRows(("a dog", "a cat"), ("the dog", "he"), np.asarray([0.5, 1.0]))
    plain = LabelledRows(
        ("the city is old and warm",), (None,), np.asarray([UNLABELLED]), (("we", "go"),)
    )
    plain = replace(plain, word_labels=(np.asarray([1, 0]),))
    parts = [tokenise_task(tokenizer, data, max_length=12) for data in (pairs, plain)]
    joined = JoinedRows(parts)
    assert joined.lengths.tolist() == [7, 6, 4]
    assert joined.labels.tolist() == [0.5, 1.0, -100.0]
    numbers = np.asarray([2, 1])
    ids, mask = joined.pad(numbers, 0)
    assert ids[0].tolist() == [*row(parts[1], 0), 0, 0]
    assert ids[1].tolist() == [*row(parts[0], 1)]
    assert mask.sum(axis=1).tolist() == [4, 6]
    assert joined.segments(numbers).tolist() == [[0] * 6, [0, 0, 0, 0, 1, 1]]
    none = UNLABELLED
    labels = joined.pad_token_labels(numbers)
    assert labels.tolist() == [[none, 1, 0, none, none, none], [none] * 6]


# Corpora


@pytest.fixture
def general(tmp_path: Path) -> Path:
    path = tmp_path / "general.txt"
    path.write_text(GENERAL)
    return path


def test_sentences_are_sampled_once_each(general: Path) -> None:
    everything = sample_sentences([general], limit=10, seed=0)
    assert len(everything) == 3
    assert len(sample_sentences([general], limit=2, seed=0)) == 2
    assert set(sample_sentences([general], limit=2, seed=0)) <= set(everything)


def test_rows_of_sentences_equal_direct_tokenisation(general: Path, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    task = tmp_path / "rows.tsv.xz"
    with lzma.open(task, "wt") as file:
        file.write("sentence\tlabel\nso warm\t1\na long film\t0\n")
    options: dict[str, Any] = {"max_length": 11, "packing": "sentences", "cache": tmp_path / "c"}
    rows = text_rows([general, task], tokenizer, **options)
    texts = [*sample_sentences([general], limit=10, seed=0), "so warm", "a long film"]
    direct = tokenizer(texts, truncation=True, max_length=11)["input_ids"]
    assert [row(rows, r).tolist() for r in range(len(rows))] == direct
    assert rows.labels.tolist() == [UNLABELLED] * 5
    assert rows.ids.dtype == np.uint16
    assert isinstance(rows.ids.base, np.memmap)


def test_documents_fill_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "SHORTEST", 3)
    path = tmp_path / "text.txt.gz"
    with gzip.open(path, "wt") as file:  # 4 + 3 + 5 pieces, then 2, then 3
        file.write("the dog is old\nwe see you\n he and she like music \n\n\nso good\n\nno bad dog")
    tokenizer = tiny_tokenizer()
    options: dict[str, Any] = {"max_length": 7, "packing": "documents", "cache": tmp_path}
    rows = text_rows([path], tokenizer, **options)
    assert [words_of(tokenizer, row(rows, r)) for r in range(len(rows))] == [
        "[CLS] the dog is old we [SEP]",
        "[CLS] see you he and she [SEP]",
        "[CLS] no bad dog [SEP]",  # "like music" and "so good" are too short
    ]
    two = text_rows([path, path], tokenizer, **options)
    assert len(two) == 6, "a document does not go on in the next file"


def test_a_corpus_is_tokenised_once(
    general: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tiny_tokenizer()
    options: dict[str, Any] = {"packing": "sentences", "cache": tmp_path / "cache"}
    first = text_rows([general], tokenizer, max_length=16, **options)
    tokenizer("a", truncation=True, max_length=4, padding=True)  # leaves traces in the tokenizer
    packed: list[int] = []
    real = corpus.pack

    def counting(*args: Any, **kwargs: Any) -> Iterator[list[int]]:
        packed.append(kwargs["max_length"])
        return real(*args, **kwargs)

    monkeypatch.setattr(corpus, "pack", counting)
    again = text_rows([general], tokenizer, max_length=16, **options)
    np.testing.assert_array_equal(first.ids, again.ids)
    np.testing.assert_array_equal(first.starts, again.starts)
    assert packed == []
    text_rows([general], tokenizer, max_length=8, **options)
    general.write_text("We see the city at night.\n")
    assert len(text_rows([general], tokenizer, max_length=16, **options)) == 1
    assert packed == [8, 16]
    assert not list((tmp_path / "cache").glob("*.partial"))


def test_a_broken_cache_file_is_made_again(general: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_length": 16, "packing": "sentences", "cache": tmp_path / "c"}
    whole = text_rows([general], tiny_tokenizer(), **options).ids.copy()
    for ending in ("*.ids", "*.npy"):
        (path,) = (tmp_path / "c").glob(ending)
        os.truncate(path, 10)
        np.testing.assert_array_equal(text_rows([general], tiny_tokenizer(), **options).ids, whole)


def test_nothing_half_written_stays(general: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tsv"
    bad.write_text("sentence\tlabel\nonly one\n")
    options: dict[str, Any] = {"max_length": 16, "packing": "sentences", "cache": tmp_path / "c"}
    with pytest.raises(DataError, match=r"bad.tsv line 2: 1 columns"):
        text_rows([general, bad], tiny_tokenizer(), **options)
    assert not (tmp_path / "c").exists()


def test_two_builders_at_once_do_not_disturb_each_other(
    general: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"max_length": 16, "packing": "sentences", "cache": tmp_path / "c"}
    real, inner = corpus.pack, []

    def interrupted(*args: Any, **kwargs: Any) -> Iterator[list[int]]:
        rows = real(*args, **kwargs)
        yield next(rows)
        monkeypatch.setattr(corpus, "pack", real)  # another process builds and finishes meanwhile
        inner.append(text_rows([general], tiny_tokenizer(), **options))
        yield from rows

    monkeypatch.setattr(corpus, "pack", interrupted)
    outer = text_rows([general], tiny_tokenizer(), **options)
    np.testing.assert_array_equal(outer.ids, inner[0].ids)


def test_a_limit_keeps_a_random_sample(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"we see {' '.join(str(n))} old dog.\n" for n in range(200)))
    options: dict[str, Any] = {"max_length": 32, "packing": "sentences", "cache": tmp_path / "c"}
    tokenizer = tiny_tokenizer()

    def texts(**more: Any) -> list[str]:
        rows = text_rows([path], tokenizer, **options, **more)
        return [words_of(tokenizer, row(rows, r)) for r in range(len(rows))]

    everything, some = texts(), texts(limit=50)
    assert len(set(some)) == 50
    assert some == [text for text in everything if text in set(some)]
    assert texts(limit=50) == some
    assert texts(limit=50, seed=1) != some
    assert texts(limit=500) == everything
    middle = np.mean([everything.index(text) for text in some])
    assert 60 < middle < 140, "from all over the file"


def test_only_one_chunk_of_text_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_TEXTS", 10)
    monkeypatch.setattr(corpus, "CHUNK_CHARACTERS", 100)
    taken = 0

    def texts(length: int) -> Iterator[str]:
        nonlocal taken
        for taken in range(1, 1001):  # noqa: B007
            yield "a" * length

    for length, most in ((1, 10), (60, 2)):
        ahead = [taken - at for at, _ in enumerate(encode_stream(tiny_tokenizer(), texts(length)))]
        assert (len(ahead), max(ahead)) == (1000, most)


def test_a_line_without_end_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "LINE_CHARACTERS", 8)
    path = tmp_path / "line.txt"
    path.write_text("one two three four")
    assert list(iterate_texts(path)) == ["one two", "three fo", "ur"]


def test_what_is_no_corpus_is_refused(general: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_length": 16, "cache": tmp_path / "c"}
    with pytest.raises(ConfigError, match=r"packing is 'words'; expected one of sentences, doc"):
        text_rows([general], tiny_tokenizer(), packing="words", **options)  # type: ignore[arg-type]
    general.write_text("Too short.\n")
    with pytest.raises(DataError, match=r"no text for a single row in .*general.txt"):
        text_rows([general], tiny_tokenizer(), packing="sentences", **options)
    (tmp_path / "a.pdf").touch()
    with pytest.raises(DataError, match=r"a.pdf: a corpus is .txt, .tsv or .jsonl"):
        text_rows([tmp_path / "a.pdf"], tiny_tokenizer(), packing="sentences", **options)
    with pytest.raises(DataError, match=r"none.txt: no such file; expected a corpus"):
        text_rows([tmp_path / "none.txt"], tiny_tokenizer(), packing="sentences", **options)


# Names on the hub


class FakeDatasets:
    """Stands in for the package ``datasets``, which needs a network."""

    def __init__(self, rows: list[dict[str, Any]], **features: Any) -> None:
        self.rows = rows
        self.features = features
        self.calls: list[tuple[Any, ...]] = []

    def load_dataset(self, path: str, name: str | None, *, split: str, streaming: bool) -> Any:
        self.calls.append((path, name, split, streaming))
        if split == "gone":
            raise ConnectionError("no route")
        rows = self.rows

        class Table:
            features = self.features

            def __iter__(self) -> Iterator[dict[str, Any]]:
                return iter(rows)

        return Table()


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeDatasets) -> None:
    monkeypatch.setattr(hub_data.importlib, "import_module", lambda name: {"datasets": fake}[name])


def test_tasks_come_from_the_hub_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDatasets(
        [{"sentence": "so good", "label": 1}, {"sentence": "a bad film", "label": 0}],
        sentence=SimpleNamespace(),
        label=SimpleNamespace(names=["negative", "positive"]),
    )
    use(monkeypatch, fake)
    source = locate(Path("/data"), "hub:owner/set:sst:train")
    rows = read_task(source)
    assert fake.calls == [("owner/set", "sst", "train", False)]
    assert (rows.texts, rows.labels.tolist()) == (("so good", "a bad film"), [1, 0])
    assert rows.names == ("negative", "positive")
    with pytest.raises(DataError, match=r"hub:owner/set:gone cannot be read \(ConnectionError"):
        read_task("hub:owner/set:gone")
    tags = SimpleNamespace(feature=SimpleNamespace(names=["O", "B"]))
    use(monkeypatch, FakeDatasets([{"tokens": ["a", "dog"], "ner_tags": [0, 1]}], ner_tags=tags))
    assert read_task("hub:owner/ner:train").names == ("O", "B")


def test_texts_are_streamed_from_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = FakeDatasets([{"text": "We see the dog.\n\nWe see a cat."}, {"text": "We go home now."}])
    use(monkeypatch, fake)
    texts = ["We see the dog.", "We see a cat.", "We go home now."]
    assert list(iterate_texts("hub:owner/set:train")) == texts
    assert fake.calls == [("owner/set", None, "train", True)]
    options: dict[str, Any] = {"max_length": 32, "cache": tmp_path}
    rows = text_rows(["hub:owner/set:train"], tiny_tokenizer(), packing="sentences", **options)
    assert len(rows) == 3
    fake.rows = [{"words": "a"}]
    with pytest.raises(DataError, match=r"columns are words; expected a text in text"):
        list(iterate_texts("hub:owner/set:train"))


def test_a_hub_name_without_the_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(hub_data.importlib, "import_module", missing)
    with pytest.raises(DataError, match=r"pip install 'muxviz\[hub-data\]'"):
        read_task("hub:owner/set:train")
    for name in ("hub:owner/set", "hub:a:b:c:d", "hub:owner/set::train"):
        with pytest.raises(DataError, match=r"write hub:owner/dataset\[:config\]:split"):
            read_task(name)


def test_a_name_is_a_file_under_the_data_folder() -> None:
    assert locate(Path("data"), "sst2/train.tsv") == Path("data/sst2/train.tsv")


# The order of rows


def sampler(lengths: np.ndarray | None = None, **changes: Any) -> Sampler:
    if lengths is None:
        lengths = np.random.default_rng(0).integers(4, 40, size=500)
    values: dict[str, Any] = {
        "task_rows": 400,
        "num_instances": 5,
        "groups": 8,
        "general_share": 0.25,
        "bucketed_share": 0.5,
        "seed": 3,
    }
    return Sampler(lengths, **(values | changes))


def drawn(one: Sampler, steps: int) -> np.ndarray:
    return np.concatenate([one.step(s).ravel() for s in range(steps)])


def test_the_order_of_rows_is_a_function_of_seed_and_step() -> None:
    forward = [sampler().step(s) for s in (0, 41, 90)]
    one = sampler()
    backward = [one.step(s) for s in (90, 41, 0)][::-1]
    for a, b in zip(forward, backward, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(sampler(seed=4).step(0), forward[0])
    pool = drawn(sampler(), Sampler.POOL_STEPS)
    assert (pool >= 400).mean() == pytest.approx(0.25, abs=0.01)
    counts = np.bincount(pool[pool < 400], minlength=400)
    assert counts.max() - counts.min() <= 1, "each row once before any twice"


def test_every_row_is_used_once_per_epoch() -> None:
    # 1,600 rows a pool: 1,200 of the task, 400 general. Epochs end in the middle of pools.
    lengths = np.random.default_rng(0).integers(4, 40, size=7000 + 900)
    one = sampler(lengths, task_rows=7000)
    for pools in (5, 6, 12):
        rows = drawn(one, pools * Sampler.POOL_STEPS)
        for counts, of in (
            (np.bincount(rows[rows < 7000], minlength=7000), pools * 1200 / 7000),
            (np.bincount(rows[rows >= 7000] - 7000, minlength=900), pools * 400 / 900),
        ):
            assert set(counts) <= {int(of), int(of) + 1}
    resumed = sampler(lengths, task_rows=7000)
    np.testing.assert_array_equal(resumed.step(333), one.step(333))
    assert len(one._task._shuffled) <= 2


def test_rows_smaller_than_a_pool_come_again_and_again() -> None:
    rows = drawn(sampler(np.full(7, 5), task_rows=7, groups=2), 40)
    counts = np.bincount(rows, minlength=7)
    assert (len(rows), counts.max() - counts.min()) == (400, 1)


def test_general_rows_alone_and_no_rows_at_all() -> None:
    rows = drawn(sampler(np.full(50, 5), task_rows=0), 40)
    assert np.bincount(rows, minlength=50).tolist() == [32] * 50
    with pytest.raises(DataError, match="no rows to draw from"):
        sampler(np.empty(0, dtype=np.int64), task_rows=0)


def test_short_rows_are_left_out() -> None:
    lengths = np.random.default_rng(0).integers(4, 40, size=500)
    rows = drawn(sampler(lengths, min_tokens=20), 40)
    task = rows[rows < 400]
    assert lengths[task].min() >= 20
    assert set(task) == set(np.flatnonzero(lengths[:400] >= 20))
    with pytest.raises(DataError, match=r"0 of 400 task rows have 50 tokens or more; one step"):
        sampler(lengths, min_tokens=50)


@pytest.mark.skipif("MUXVIZ_DATA" not in os.environ, reason="MUXVIZ_DATA names no data folder")
@pytest.mark.parametrize(
    ("name", "count", "names"),
    [
        ("sst2/dev.tsv.gz", 872, 0),
        ("stsb/dev.tsv.gz", 1500, 0),
        ("qnli/dev.tsv.gz", 5463, 0),
        ("ud_ewt/dev.jsonl.gz", 2001, 17),
        ("snips/dev.jsonl.gz", 700, None),
        ("wnut17/dev.jsonl.gz", 1009, None),
    ],
)
def test_published_data_sets_are_read(name: str, count: int, names: int | None) -> None:
    path = Path(os.environ["MUXVIZ_DATA"]) / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    rows = read_task(path)
    assert len(rows.texts) == count
    if names is not None:
        assert len(rows.names) == names
    parts = ("texts", "pairs", "labels", "words", "word_labels")
    some = replace(rows, **{part: getattr(rows, part)[:500] for part in parts})
    tokens = tokenise_task(tiny_tokenizer(), some, max_length=64)
    assert len(tokens) == 500
    assert tokens.lengths.max() <= 64
