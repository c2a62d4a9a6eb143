"""Texts, labels and heads that have no right answer: at ``run``, ``evaluate`` and the library."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from muxviz.analysis.attention.readings import attention_maps
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.map.states import sample_states
from muxviz.analysis.whatif.dial import key_dial
from muxviz.batch import Row, encode_rows
from muxviz.engine.stream import run_texts
from muxviz.evaluation import read_data
from muxviz.inference import run_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.save import save
from muxviz.training import tasks
from muxviz.training.hub_data import HubTable
from muxviz.training.tasks import read_task, tokenise_task
from tests.bad import Case, command, raised
from tests.tiny import (
    shared_checkpoint,
    shared_folder,
    tiny_checkpoint,
    tiny_config,
    tiny_tokenizer,
)

TEXTS = [Row("the good film"), Row("a dog"), Row("we go home")]
POOL = tuple(f"the {word} film" for word in ("good", "bad", "old", "new", "long", "short"))
TAGS = {"task": "token_classification", "num_labels": 2}
LABELS = {"task": "multi_label_classification", "num_labels": 3, "labels": ("a", "b", "c")}


# ---- numbers that are none ----------------------------------------------------------------------


def _overflowing(folder: Path) -> Path:
    """A checkpoint that is right in float32, and whose logits float16 cannot hold."""
    checkpoint = tiny_checkpoint()
    checkpoint.model.head.out_proj.weight.fill_(6e4)
    return save(checkpoint, folder / "model")


def _half(*words: str, **files: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        for name, content in files.items():
            (folder / name).write_text(content)
        model = _overflowing(folder)
        given = [str(folder / word) if word in files else word for word in words]
        return command(given[0], "--checkpoint", model, *given[1:], "--dtype", "float16")

    return act


def _broken(**changes: Any) -> Checkpoint:
    """A checkpoint that computes NaN for whatever holds the word ``film``."""
    checkpoint = tiny_checkpoint(tiny_config(**changes))
    (word,) = checkpoint.need_tokenizer().convert_tokens_to_ids(["film"])
    checkpoint.model.embeddings.word_embeddings.weight[word] = torch.nan
    return checkpoint


def _nan(call: Callable[[Checkpoint], object], **changes: Any) -> Callable[[Path], str]:
    return lambda folder: raised(lambda: call(_broken(**changes)))


def _answers(checkpoint: Checkpoint) -> object:
    return list(run_texts(checkpoint, [Row("the [MASK] film")]))


def _read_back(checkpoint: Checkpoint) -> object:
    checkpoint = tiny_checkpoint(checkpoint.config)
    checkpoint.model.retrieval_head.out_proj.bias[7] = torch.nan
    return run_group(checkpoint, TEXTS)


NOT_FINITE = "not finite numbers (NaN or infinity) in float32"


def _finite(entrance: str, given: str, act: Callable[[Path], str], says: str = NOT_FINITE) -> Case:
    return Case(entrance, given, act, "E-FINITE", says)


FINITE = [
    _finite(
        "muxviz evaluate",
        "float16 that overflows",
        _half("evaluate", "--data", "d.tsv", **{"d.tsv": "sentence\tlabel\na film\t0\nbad\t1\n"}),
        "in float16; use --dtype float32 or bfloat16",
    ),
    _finite("run_group", "NaN", _nan(lambda c: run_group(c, TEXTS))),
    _finite("run_group", "NaN in the read-back alone", _nan(_read_back), "read-back logits that"),
    _finite("run_texts", "a class", _nan(_answers), f"text 1 has logits that are {NOT_FINITE}"),
    _finite("run_texts", "labels", _nan(_answers, **LABELS)),
    _finite("run_texts", "a score", _nan(_answers, task="regression")),
    _finite("run_texts", "tags", _nan(_answers, **TAGS)),
    _finite("run_texts", "a fill", _nan(_answers, task="masked_lm")),
    _finite(
        "run_texts",
        "replaced tokens",
        _nan(_answers, task="replaced_token_detection", backbone="electra"),
    ),
    _finite("run_texts", "a plain model", _nan(_answers, plain=True)),
    _finite(
        "the Map", "states that are none", _nan(lambda c: sample_states(c, TEXTS, pool=4 * POOL))
    ),
    _finite("Attention", "maps of NaN", _nan(lambda c: attention_maps(c, TEXTS))),
    _finite("Cross-talk", "NaN", _nan(lambda c: measure_crosstalk(c, TEXTS, pool=POOL, draws=2))),
]


# ---- texts --------------------------------------------------------------------------------------


def _texts(*rows: Row) -> Callable[[Path], str]:
    return lambda folder: raised(lambda: encode_rows(shared_checkpoint(), list(rows)))


def _text(given: str, row: Row, says: str) -> Case:
    return Case("texts", given, _texts(row), "E-INPUT", says)


KEEPS = "holds nothing that the tokenizer keeps"
READ = [
    _text("a zero-width space", Row("\u200b"), KEEPS),
    _text("a NUL", Row("\x00"), KEEPS),
    _text("a combining mark alone", Row("\u0301"), KEEPS),
    _text("the replacement character alone", Row("\ufffd"), KEEPS),
    _text("a character for private use", Row("\ue000"), KEEPS),
    _text("a pair whose first text is nothing", Row("\u2060", "a dog"), KEEPS),
    _text("words without a token", Row("\u200b \u200b", None, ("\u200b", "\u200b")), KEEPS),
    _text("blanks", Row(" \t\u3000"), "is empty"),
    _text("half a character", Row("a \udc80"), "half a character"),
    _text("half a character behind", Row("a", "\ud800"), "half a character"),
    _text("no blank in a megabyte", Row("\u200b" * 300_000), "has 300,000 characters"),
]


# ---- rows and labels ----------------------------------------------------------------------------


def _data(content: str | bytes, name: str = "d.tsv", **changes: Any) -> Callable[[Path], str]:
    """``muxviz evaluate`` on a file."""

    def act(folder: Path) -> str:
        written = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(written)
        words = ("--checkpoint", shared_folder(**changes), "--data", folder / name)
        return command("evaluate", *words, "--groupings", "1")

    return act


def _row(given: str, content: str | bytes, says: str, code: str = "E-DATA", **more: Any) -> Case:
    return Case("muxviz evaluate", given, _data(content, **more), code, says)


def _table(*rows: str, header: str = "sentence\tlabel") -> str:
    return "\n".join((header, *rows)) + "\n"


def _lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


JSON = {"name": "d.jsonl"}
LONG = "9" * 400
SMILE = {"labels": ("sad", "happy")}
DATA = [
    _row("a column twice", _table(header="sentence\tlabel\tlabel"), "'label' twice", "E-FILE"),
    _row("a column twice by case", _table(header="sentence\tlabel\tLabel "), "twice", "E-FILE"),
    _row(
        "a field twice by case",
        '{"text": "a", "label": 1, "Label": 0}\n',
        "twice",
        "E-FILE",
        **JSON,
    ),
    _row("label and score", _table("a\t1\t2", header="text\tlabel\tscore"), "both label and score"),
    _row("a label of 10^9", _table("a\t0", "b\t1000000000"), "expected a class number from 0"),
    _row("a label of 400 digits", _table("a\t0", f"b\t{LONG}"), "line 3: label"),
    _row("a class that is not there", _table("a\t0", "b\t2"), "label 2, but there are 2 classes"),
    _row("a class below 0", _table("a\t0", "b\t-1"), "classes are numbered from 0"),
    _row("a number among words", _table("a\tsad", "b\t1"), "expected words throughout", **SMILE),
    _row("a word among numbers", _table("a\t0", "b\tsad"), "is not a whole number", **SMILE),
    _row("a strange word", _table("a\tsad", "b\tangry"), "is none of the 2 known ones", **SMILE),
    _row("words for classes without names", _table("a\tsad", "b\thappy"), "names the model's"),
    _row("a label like a book", _table("a\tsad", "b\t" + "x" * 300), "at most 200", **SMILE),
    _row("a text of blanks", _table("a\t0", " \t1"), "d.tsv, row 2 is empty", "E-INPUT"),
    _row("a text of nothing", _table("a\t0", "\u200b\t1"), KEEPS, "E-INPUT"),
    _row("no rows", _table(), "no rows after the header"),
    _row("a short row", _table("a"), "1 columns, the header has 2"),
    _row("UTF-16", _table("a\t0").encode("utf-16"), "is UTF-16", "E-FILE"),
    _row("Latin-1", _table("sch\xf6n\t0").encode("latin-1"), "line 2: is not UTF-8", "E-FILE"),
    _row("deep lists", "[" * 100_000 + "\n", "nested deeper", "E-FILE", **JSON),
    _row("deep objects", '{"a":' * 100_000 + "\n", "nested deeper", "E-FILE", **JSON),
    _row("half a character", '{"text": "\\ud800", "label": 1}\n', "half a char", "E-FILE", **JSON),
    _row("a long label", f'{{"text": "a", "label": {LONG}}}\n', "400 digits", "E-FILE", **JSON),
    _row("a score of NaN", '{"text": "a", "score": NaN}\n', "no JSON number", "E-FILE", **JSON),
    _row("a score too large", _lines({"text": "a", "score": 1e300}), "is not a number bet", **JSON),
    _row(
        "scores of two lengths",
        _lines(*({"text": "a", "score": s} for s in ([1, 2], [1]))),
        "1 scores, the rows before have 2",
        **JSON,
    ),
    _row(
        "tags of 400 digits", f'{{"tokens": ["a"], "upos": [{LONG}]}}\n', "digits", "E-FILE", **JSON
    ),
    _row(
        "a line without end",
        gzip.compress(b"sentence\tlabel\n" + b"x" * (20 << 20), 1),
        "line 2: has more than 4,194,304 characters",
        "E-FILE",
        name="d.tsv.gz",
    ),
    _row("classes for scores", _table("a\tx", "b\ty"), "has classes", "E-NA", task="regression"),
    _row("one class for any number", _table("a\ta"), "has classes", "E-NA", **LABELS),
    _row(
        "any number for one class",
        _lines({"text": "a", "labels": ["sad"]}),
        "any number of labels a row",
        "E-NA",
        **JSON,
        **SMILE,
    ),
    _row(
        "two scores for one",
        _lines({"text": "a", "score": [1, 2]}),
        "has 2 scores, not 1",
        "E-NA",
        **JSON,
        task="regression",
    ),
    _row(
        "labels that are no list", _lines({"text": "a", "labels": 3}), "a list of", **JSON, **LABELS
    ),
]


def _hub(names: Sequence[str], labels: Sequence[int]) -> Callable[[Path], str]:
    """A table of the hub, which says what its numbers mean."""

    def act(folder: Path) -> str:
        rows = [{"sentence": f"a {n}", "label": label} for n, label in enumerate(labels)]
        table = HubTable(rows, {"label": tuple(names)})
        before, tasks.open_hub = tasks.open_hub, lambda name, *, streaming: table
        try:
            return raised(lambda: read_data("hub:a/b:c", shared_checkpoint(labels=("no", "yes"))))
        finally:
            tasks.open_hub = before

    return act


def _trained(content: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        (folder / "d.tsv").write_text(content)
        rows = read_task(folder / "d.tsv")
        return raised(lambda: tokenise_task(tiny_tokenizer(), rows, max_length=9))

    return act


def _numbers_only(folder: Path) -> str:
    (folder / "d.jsonl").write_text('{"text": "a", "labels": [7]}\n')
    return raised(lambda: read_task(folder / "d.jsonl"))


def _spellings(folder: Path) -> str:
    (folder / "d.tsv").write_text(_table("a\tGood", "b\tgood"))
    return raised(lambda: read_task(folder / "d.tsv"))


HUB = [
    Case("a hub table", "other names", _hub(("a", "b"), [0, 1]), "E-DATA", "'a' is none of the 2"),
    Case("a hub table", "beyond its names", _hub(("no", "yes"), [2]), "E-DATA", "names 2 classes"),
    Case("a hub table", "one strange name in use", _hub(("no", "hm"), [0, 1]), "E-DATA", "'hm'"),
    Case(
        "training rows", "nothing to read", _trained(_table("a\t0", "\x00\t1")), "E-DATA", "row 2"
    ),
    Case("training rows", "an empty text", _trained(_table("a\t0", "\t1")), "E-DATA", "is empty"),
    Case("task data", "labels without names", _numbers_only, "E-DATA", "numbers without names"),
    Case("task data", "two spellings", _spellings, "E-DATA", "expected one spelling"),
]


# ---- heads --------------------------------------------------------------------------------------


def _config(**fields: Any) -> Callable[[Path], str]:
    """``muxviz run`` with other fields in config.json."""

    def act(folder: Path) -> str:
        changes = fields.pop("changes", {})
        model = save(tiny_checkpoint(tiny_config(**changes)), folder / "model")
        raw = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(raw | fields))
        (folder / "t.txt").write_text("a dog\n")
        return command("run", "--checkpoint", model, "--texts", folder / "t.txt")

    return act


def _head(given: str, act: Callable[[Path], str], says: str) -> Case:
    return Case("config.json", given, act, "E-CFG", says)


def _multi(given: str, call: Callable[[Checkpoint], object]) -> Case:
    checkpoint = shared_checkpoint(**LABELS)
    return Case(
        given,
        "a head of any number of labels",
        lambda folder: raised(lambda: call(checkpoint)),
        "E-NA",
        "answers with any number of labels",
    )


HEADS = [
    _head(
        "a problem type of its own", _config(problem_type="ranking"), "problem_type is 'ranking'"
    ),
    _head("a problem type that is no name", _config(problem_type=3), "problem_type is 3"),
    _head(
        "one output that is a class",
        _config(problem_type="single_label_classification", changes={"task": "regression"}),
        "leaves nothing to decide",
    ),
    _multi("Cross-talk", lambda c: measure_crosstalk(c, TEXTS, pool=POOL, draws=2)),
    _multi("What-if, keys", lambda c: key_dial(c, TEXTS, 0, 1)),
    Case(
        "the library",
        "a classifier of one class",
        lambda folder: raised(lambda: tiny_config(num_labels=1)),
        "E-CFG",
        "has nothing to decide",
    ),
]

CASES = [*FINITE, *READ, *DATA, *HUB, *HEADS]
