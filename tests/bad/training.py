"""Recipes, training data, run folders, export, grow and their options."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from muxviz.loading.save import save
from muxviz.training.loop import train
from muxviz.training.recipe import read_recipe
from tests.bad import Case, command, raised
from tests.tiny import shared_folder, tiny_checkpoint, tiny_config, tiny_vocabulary
from tests.training.tiny_runs import tiny_recipe, tiny_stage, write_data

RECIPE = {
    "name": '"x"',
    "num_instances": "2",
    "task": '"sequence_classification"',
    "hidden_size": "8",
    "num_layers": "1",
    "num_heads": "2",
    "max_length": "16",
    "vocabulary": '"vocab.txt"',
    "task_train": '"sentences.tsv"',
    "task_dev": '"sentences.tsv"',
}
STAGE = {"name": '"a"', "steps": "2", "learning_rate": "0.01", "groups": "4", "task_coeff": "1.0"}


def _toml(top: dict[str, str], stage: dict[str, str]) -> str:
    rows = [f"{name} = {value}" for name, value in (RECIPE | top).items() if value]
    of_stage = [f"{name} = {value}" for name, value in (STAGE | stage).items() if value]
    return "\n".join([*rows, "[[stages]]", *of_stage]) + "\n"


def _written(folder: Path, content: str | bytes) -> Path:
    path = folder / "r.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _reads(content: str | bytes) -> Callable[[Path], str]:
    return lambda folder: raised(lambda: read_recipe(_written(folder, content)))


def _top(**values: str) -> Callable[[Path], str]:
    return _reads(_toml(values, {}))


def _stage(**values: str) -> Callable[[Path], str]:
    return _reads(_toml({}, values))


@cache
def _place() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="muxviz-bad-")


@cache
def _data() -> Path:
    return write_data(Path(_place().name) / "data")


@cache
def _run() -> Path:
    """A run of one step, to be copied."""
    out = Path(_place().name) / "run"
    train(tiny_recipe(tiny_stage("task", steps=2)), _data(), out, steps=1)
    return out


def _trains(
    top: dict[str, str] | None = None, stage: dict[str, str] | None = None, **files: str | bytes
) -> Callable[[Path], str]:
    """``muxviz train`` on the usual data with ``files`` beside it; it must leave nothing behind."""

    def act(folder: Path) -> str:
        data = folder / "data"
        data.mkdir()
        for path in _data().iterdir():
            os.link(path, data / path.name)
        for name, content in files.items():
            path = data / name.replace("_", ".")
            path.unlink(missing_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        recipe = _written(folder, _toml(top or {}, stage or {}))
        said = command("train", recipe, "--data", data, "--out", folder / "new" / "run")
        assert sorted(p.name for p in folder.iterdir()) == ["data", "r.toml"], "something is left"
        return said

    return act


def _into(prepare: Callable[[Path], object]) -> Callable[[Path], str]:
    """``muxviz train`` into a folder that ``prepare`` filled; it must stay as it was."""

    def act(folder: Path) -> str:
        out = folder / "out"
        prepare(out)
        before = _content(out)
        recipe = _written(folder, _toml({}, {}))
        said = command("train", recipe, "--data", _data(), "--out", out)
        assert _content(out) == before
        return said

    return act


def _content(folder: Path) -> dict[str, bytes | str]:
    if not folder.is_dir():
        return {}
    return {
        p.name: os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else ""
        for p in folder.iterdir()
    }


def _file(name: str, content: str) -> Callable[[Path], object]:
    def prepare(out: Path) -> None:
        out.mkdir()
        (out / name).write_text(content)

    return prepare


def _editors(out: Path) -> None:
    out.mkdir()
    (out / "launch.json").write_text('{"version": "0.2.0"}')
    (out / "metrics.jsonl").write_text("")


def _link(out: Path) -> None:
    out.mkdir()
    (out / "progress.json").symlink_to(out.parent / "elsewhere.json")


def _pipe(out: Path) -> None:
    out.mkdir()
    os.mkfifo(out / "run.json")


class _Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("true",))


def _hostile_state() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("state/data.pkl", pickle.dumps(_Hostile(), protocol=2))
        archive.writestr("state/version", "3\n")
    return buffer.getvalue()


def _state(**changes: Any) -> bytes:
    """A state with ``changes``; None leaves an entry out."""
    state = torch.load(_run() / "state.pt", weights_only=True) | changes
    buffer = io.BytesIO()
    torch.save({name: value for name, value in state.items() if value is not None}, buffer)
    return buffer.getvalue()


def _config(**changes: Any) -> str:
    config = json.loads(torch.load(_run() / "state.pt", weights_only=True)["config"])
    config["shape"] |= {k: changes.pop(k) for k in list(changes) if k in config["shape"]}
    return json.dumps(config | changes)


def _exports(name: str, content: Callable[[], str | bytes]) -> Callable[[Path], str]:
    """``muxviz export`` of a run in which one file is another; nothing may be written."""

    def act(folder: Path) -> str:
        run = folder / "run"
        run.mkdir()
        for path in _run().iterdir():
            (run / path.name).write_bytes(path.read_bytes())
        made = content()
        (run / name).write_bytes(made if isinstance(made, bytes) else made.encode())
        said = command("export", run, folder / "saved", "--data", _data())
        assert not (folder / "saved").exists()
        return said

    return act


def _export_into(prepare: Callable[[Path], object], *more: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        out = folder / "saved"
        prepare(out)
        before = _content(out)
        said = command("export", _run(), out, "--data", _data(), *more)
        assert _content(out) == before
        return said

    return act


def _foreign_model(out: Path) -> None:
    out.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "vocab.txt"):
        (out / name).write_text("{}")


def _linked_model(out: Path) -> None:
    save(tiny_checkpoint(tiny_config()), out)
    (out / "vocab.txt").unlink(missing_ok=True)
    (out / "vocab.txt").symlink_to(out.parent / "elsewhere.txt")


def _grows(content: bytes | None, name: str = "vocab.txt") -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        path = folder / name if name == "vocab.txt" else Path(name)
        if content is not None:
            path.write_bytes(content)
        words = ("grow", shared_folder(), folder / "grown", "--vocabulary", path)
        said = command(*words, "--encoder", shared_folder(plain=True))
        assert not (folder / "grown").exists()
        return said

    return act


def _pieces(*more: str, without: str = "") -> bytes:
    return "\n".join([*(p for p in tiny_vocabulary() if p != without), *more]).encode() + b"\n"


def _r(given: str, act: Callable[[Path], str], says: str) -> Case:
    return Case("a recipe", given, act, "E-CFG", says)


def _t(given: str, act: Callable[[Path], str], says: str, code: str = "E-CFG") -> Case:
    return Case("muxviz train", given, act, code, says)


def _x(given: str, act: Callable[[Path], str], says: str, code: str = "E-READ") -> Case:
    return Case("muxviz export", given, act, code, says)


def _g(given: str, act: Callable[[Path], str], says: str) -> Case:
    return Case("muxviz grow", given, act, "E-CFG", says)


def _one_class(label: str) -> str:
    return "sentence\tlabel\n" + f"the film is good\t{label}\nthe plot is bad\t{label}\n" * 9


def _with_label(label: str) -> str:
    return _one_class("0") + "the song is fine\t1\n" * 9 + f"the book is old\t{label}\n" * 3


CASES = [
    _r("a folder", lambda d: raised(lambda: read_recipe(d)), "is a folder; expected a recipe"),
    _r("nothing there", lambda d: raised(lambda: read_recipe(d / "no.toml")), "no such file"),
    _r("a device", lambda d: raised(lambda: read_recipe("/dev/zero")), "is a device"),
    _r("a NUL in the name", lambda d: raised(lambda: read_recipe(f"{d}/a\0b")), "\\x00b"),
    _r("a long name", lambda d: raised(lambda: read_recipe(d / ("x" * 5000))), "too long"),
    _r("UTF-16", _reads("name = 1".encode("utf-16")), "is UTF-16, not UTF-8"),
    _r("Latin-1", _reads('a = 1\nname = "ö"'.encode("latin-1")), "line 2: is not UTF-8"),
    _r("deep brackets", _reads("name = " + "[" * 9999), "nested deeper than 64 levels"),
    _r("stages that are a number", _reads('name = "x"\nstages = 3\n'), "expected tables under"),
    _r("one table of stages", _reads('name = "x"\n[stages]\na = 1\n'), "expected tables under"),
    _r("a date for a seed", _top(seed="2020-01-01"), "seed is datetime.date(2020, 1, 1); expected"),
    _r("a seed below 0", _top(seed="-1"), "line 11: seed is -1; expected a whole number from 0"),
    _r("a seed of 2^63", _top(seed="9223372036854775808"), "expected a whole number from 0 to"),
    _r(
        "a dropout of 5", _top(dropout="5.0"), "dropout is 5.0; expected a number from 0 to below 1"
    ),
    _r("a dropout of nan", _top(dropout="nan"), "nan is not finite"),
    _r("a beta of 2", _top(adam_beta2="2.0"), "adam_beta2 is 2.0; expected a number from 0 to"),
    _r("paths that are numbers", _top(general="[1]"), "general is [1]; expected a list of 0 to"),
    _r("labels that are numbers", _top(labels="[1, 2]"), "labels is [1, 2]; expected a list"),
    _r("a label twice", _top(labels='["a", "a"]'), "different values"),
    _r("one label", _top(labels='["a"]'), "expected two or more names"),
    _r("an empty name", _top(name='"  "'), "name is '  '; expected a text of 1 to"),
    _r("an escape in the name", _top(name='"\\u001b[31m"'), "none of them a control one"),
    _r("a billion wide", _top(hidden_size="1000000000"), "from 0 to 65,536"),
    _r("a million layers", _top(num_layers="1000000"), "from 0 to 512"),
    _r("a billion positions", _top(max_length="1000000000"), "max_length is 1000000000; expected"),
    _r("a billion compounds", _top(compounds="1000000000"), "from 0 to 10,000,000"),
    _r("heads that do not divide", _top(hidden_size="9"), "not a multiple of num_heads 2"),
    _r("rows below 0", _top(general_rows="-5"), "general_rows is -5; expected a whole number"),
    _r("true for a number", _top(num_layers="true"), "num_layers is true; expected a whole"),
    _r("an unknown part", _top(multiplexer='"evil"'), "multiplexer is 'evil'; expected one of"),
    _r("a vocabulary twice", _top(vocab_size="3"), "vocab_size is 3 beside vocabulary"),
    _r("a readout without pruning", _top(readout_width="4"), "readout_width belongs to pruning"),
    _r("steps below 1", _stage(steps="0"), "[[stages]], line 13: steps is 0; expected"),
    _r("a billion groups", _stage(groups="1000000000"), "from 1 to 65,536"),
    _r("a warm-up below 0", _stage(warmup_steps="-5"), "warmup_steps is -5; expected"),
    _r("positions below 0", _stage(retrieval_positions="-5"), "retrieval_positions is -5"),
    _r("a rate of 0", _stage(learning_rate="0.0"), "expected a number above 0"),
    _r("a probe at N = 2", _stage(probe_coeff="1.0"), "probe_coeff is 1.0 at N = 2"),
    _r("a share of nothing", _stage(general_share="1.0"), "there is nothing to draw from"),
    _r("no loss", _stage(task_coeff="0.0"), "has no loss"),
    _t(
        "one class",
        _trains(sentences_tsv=_one_class("0")),
        "all 18 rows have the label 0",
        "E-DATA",
    ),
    _t("one word", _trains(sentences_tsv=_one_class("bad")), "have the label 'bad'", "E-DATA"),
    _t("a gap in the labels", _trains(sentences_tsv=_with_label("3")), "and none is 2", "E-DATA"),
    _t(
        "a dev label that the model lacks",
        _trains({"task_dev": '"dev.tsv"'}, dev_tsv=_with_label("2")),
        "dev.tsv: 3 rows with 2; sentences.tsv has the labels 0 to 1",
        "E-DATA",
    ),
    _t("no vocabulary", _trains({"vocabulary": '"none.txt"'}), "is neither in"),
    _t("a device as vocabulary", _trains({"vocabulary": '"/dev/zero"'}), "is a device"),
    _t("an empty vocabulary", _trains(vocab_txt=""), "line 1: is empty; expected a vocab.txt"),
    _t("a vocabulary in UTF-16", _trains(vocab_txt=_pieces().decode().encode("utf-16")), "UTF-16"),
    _t("no [UNK]", _trains(vocab_txt=_pieces(without="[UNK]")), "has no piece [UNK]"),
    _t("a piece twice", _trains(vocab_txt=_pieces("film")), "repeats the piece 'film' of line"),
    _t("layers of no start", _trains({"layers": "[0]", "num_layers": ""}), "give --start"),
    _t("mux_layers of no use", _trains({"mux_layers": "[0]"}), "leave mux_layers out"),
    _t(
        "more slots than dimensions",
        _trains({"multiplexer": '"binary_hadamard"', "num_instances": "16"}, {"groups": "1"}),
        "too few for 16 slots",
    ),
    _t(
        "a corpus in Latin-1",
        _trains({"general": '["c.txt"]'}, c_txt="schön\n".encode("latin-1") * 9),
        "is not UTF-8",
        "E-FILE",
    ),
    _t("no corpus", _trains({"general": '["none.txt"]'}), "no such file", "E-FILE"),
    _t("a file as folder", _into(lambda out: out.write_text("")), "cannot be written", "E-FILE"),
    _t("a model's folder", _into(_file("vocab.txt", "")), "holds vocab.txt and no run", "E-TRAIN"),
    _t("somebody's metrics", _into(_file("metrics.jsonl", "")), "and no run", "E-TRAIN"),
    _t("somebody's progress", _into(_file("progress.json", "mine")), "and no run", "E-TRAIN"),
    _t("an editor's launch", _into(_editors), "holds metrics.jsonl and no run", "E-TRAIN"),
    _t("a link among its files", _into(_link), "is a link, a folder or a pipe", "E-TRAIN"),
    _t("a pipe among its files", _into(_pipe), "is a link, a folder or a pipe", "E-TRAIN"),
    _t("a list as run.json", _into(_file("run.json", "[]")), "holds a list", "E-FILE"),
    _t("an empty run.json", _into(_file("run.json", "{}")), "has no 'name' as runs", "E-FILE"),
    _x("a state cut short", _exports("state.pt", lambda: _state()[:1000]), "is truncated"),
    _x("an empty state", _exports("state.pt", lambda: b""), "is truncated, or not a torch"),
    _x("a hostile state", _exports("state.pt", _hostile_state), "would run code when opened"),
    _x("a state without weights", _exports("state.pt", lambda: _state(model=None)), "KeyError"),
    _x("a list for weights", _exports("state.pt", lambda: _state(model=[1])), "does not hold what"),
    _x("a recipe that is no JSON", _exports("state.pt", lambda: _state(recipe="{")), "not JSON"),
    _x("a step of text", _exports("state.pt", lambda: _state(step="x")), "does not hold what"),
    _x(
        "a state a billion wide",
        _exports("state.pt", lambda: _state(config=_config(hidden_size=10**9))),
        "no known model exceeds",
        "E-SIZE",
    ),
    _x(
        "other sizes than its weights",
        _exports("state.pt", lambda: _state(config=_config(vocab_size=703))),
        "are not those of its model",
        "E-KEYS",
    ),
    _x("a damaged run.json", _exports("run.json", lambda: "{"), "is not JSON", "E-FILE"),
    _x("a list for run.json", _exports("run.json", lambda: "[]"), "holds a list", "E-FILE"),
    _x("numbers for a command", _exports("run.json", lambda: '{"name": 1}'), "'name'", "E-FILE"),
    _x("no run", lambda d: command("export", d, d / "saved"), "no training run", "E-MISSING"),
    _x("a model of others", _export_into(_foreign_model), "did not write", "E-CKPT"),
    _x("a link in the folder", _export_into(_linked_model), "is a link or no file", "E-CKPT"),
    _x("a file as folder", _export_into(lambda out: out.write_text("")), "is a file", "E-CKPT"),
    _x("somebody's folder", _export_into(_file("thesis.tex", "")), "thesis.tex", "E-CKPT"),
    _g("no vocabulary", _grows(None), "no such file; expected a vocab.txt"),
    _g("an empty vocabulary", _grows(b""), "is empty; expected a vocab.txt"),
    _g("a vocabulary in UTF-16", _grows(_pieces().decode().encode("utf-16")), "is UTF-16"),
    _g("a device", _grows(None, "/dev/zero"), "is a device"),
    _g("a line without a piece", _grows(_pieces("", "new")), "holds no piece"),
    _g("no [SEP]", _grows(_pieces(without="[SEP]")), "has no piece [SEP]"),
    Case(
        "muxviz prune",
        "a sparsity of 2",
        lambda d: command("prune", "r", "--start", "s", "--out", d, "--only", "2"),
        "E-USAGE",
        "--only: got 2; expected a number from 0",
    ),
]
