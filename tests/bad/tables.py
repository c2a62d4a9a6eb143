"""Tables of measured settings, recorded results, pools, cards, and the reports of commands."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from muxviz.pool import read_pool
from muxviz.results.checked import read_run
from muxviz.results.store import from_json, to_json
from tests.bad import Case, command, raised
from tests.model.planted_runs import tradeoff
from tests.tiny import shared_folder

HEAD = "n,sparsity,accuracy,throughput"
ROWS = ["1,0,0.90,100", "1,0.6,0.88,150", "2,0,0.85,180", "2,0.6,0.84,260", "5,0,0.80,400"]
GOAL = ("--budget", "0.03")


def _table(head: str = HEAD, first: str = ROWS[0], more: str = "") -> bytes:
    """A good table but for its header, its first row, or what is added to every other row."""
    return "\n".join([head, first, *(row + more for row in ROWS[1:])]).encode()


def _objects(**changes: Any) -> list[dict[str, Any]]:
    """The same as JSON, with changes to the first."""
    names = HEAD.split(",")
    rows = [dict(zip(names, map(float, row.split(",")), strict=True)) for row in ROWS]
    return [rows[0] | changes, *rows[1:]]


def _points(content: Any, *words: str, name: str = "p.csv") -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(data)
        said = command("plan", "--points", folder / name, *(words or GOAL))
        assert os.listdir(folder) == [name]
        return said

    return act


def _plan(given: str, content: Any, says: str, *words: str, code: str = "E-DATA") -> Case:
    return Case("muxviz plan", given, _points(content, *words), code, says)


def _option(given: str, says: str, *words: str, code: str = "E-USAGE") -> Case:
    return Case("muxviz plan", given, _points(_table(), *words), code, says)


def _json_at(name: str) -> Callable[[Path], str]:
    """``plan --json`` into a folder that holds ``points.csv``; nothing may be left there."""

    def act(folder: Path) -> str:
        (folder / "points.csv").write_bytes(_table())
        said = command("plan", "--points", folder / "points.csv", *GOAL, "--json", folder / name)
        assert (folder / "points.csv").read_bytes() == _table()
        assert os.listdir(folder) == ["points.csv"]
        return said

    return act


def _report(given: str, name: str, says: str) -> Case:
    return Case("muxviz plan --json", given, _json_at(name), "E-FILE", says)


def _words(given: str, code: str, says: str, *words: str) -> Case:
    return Case(f"muxviz {words[0]}", given, lambda folder: command(*words), code, says)


def _bench(given: str, says: str, *words: str, code: str = "E-CFG") -> Case:
    what, *rest = words
    return Case(f"muxviz bench {what}", given, lambda _: command("bench", what, *rest), code, says)


def _pipe_of_points(folder: Path) -> str:
    os.mkfifo(folder / "p.csv")
    return command("plan", "--points", folder / "p.csv", *GOAL)


def _lengths(content: bytes) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        (folder / "texts.txt").write_bytes(content)
        name = str(shared_folder())
        return command(
            *("bench", "throughput", "--checkpoints", name, "--lengths-from", folder / "texts.txt")
        )

    return act


def _texts(given: str, content: bytes, code: str, says: str) -> Case:
    return Case("muxviz bench --lengths-from", given, _lengths(content), code, says)


def _pool(given: str, content: bytes, says: str, *, name: str = "pool.tsv") -> Case:
    def act(folder: Path) -> str:
        (folder / name).write_bytes(content)
        return raised(lambda: read_pool(folder / name))

    return Case("a pool", given, act, "E-FILE", says)


def _result(given: str, value: Any, says: str) -> Case:
    text = json.dumps({"format": 1, "value": value})
    return Case(
        "a recorded result", given, lambda _: raised(lambda: from_json(text)), "E-DATA", says
    )


def _array(numbers: list[Any], shape: Any, dtype: Any) -> dict[str, Any]:
    return {"array": numbers, "shape": shape, "dtype": dtype}


def _run(given: str, says: str, *path: Any, value: Any, code: str = "E-DATA") -> Case:
    raw = at = json.loads(to_json(tradeoff()))
    for key in ("value", *path[:-1]):
        at = at[key]
    at[path[-1]] = value
    text = json.dumps(raw)
    return Case(
        "a trade-off file", given, lambda _: raised(lambda: read_run(text, "r.json")), code, says
    )


def _notes(content: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        (folder / "notes.toml").write_text(content)
        return command("card", "--notes", folder / "notes.toml")

    return act


INTERVAL = {"mean": 0.9, "interval": [0.8, 0.95]}

CASES = [
    _plan("a column twice", _table(f"{HEAD},accuracy"), "'accuracy' twice", code="E-FILE"),
    _plan("a column twice by case", _table(f"{HEAD}, N"), "'n and N' twice", code="E-FILE"),
    _plan(
        "a column twice by what nobody sees",
        _table(f"{HEAD},Ｎ\u200b"),
        "'n and Ｎ",
        code="E-FILE",
    ),
    _plan(
        "two spellings of a quantity",
        _table(f"{HEAD},Instances per s"),
        "'throughput and Instances per s' twice",
        code="E-FILE",
    ),
    _plan(
        "a long name twice",
        _table(f"{'a' * 99_999},{'a' * 99_999},{HEAD}"),
        f"names the column '{'a' * 60}' twice",
        code="E-FILE",
    ),
    _plan("a name without a name", _table(f"{HEAD},name,"), "no name for column 6", code="E-FILE"),
    _plan("more cells than columns", _table(more=",x"), "line 3: has 5 cells", code="E-FILE"),
    _plan("a CR inside a row", _table(first="1,0,0.9\r,100"), "line 2 has no throughput"),
    _plan("a cell without end", _table(first="1" * 200_000), "field larger", code="E-FILE"),
    _plan("a quote that stays open", _table(first='"1,0,0.9,100'), "is not a table", code="E-FILE"),
    _plan("UTF-16", _table().decode().encode("utf-16"), "is UTF-16, not UTF-8", code="E-FILE"),
    _plan("a zip archive", b"PK\x03\x04" + _table(), "a zip archive", code="E-FILE"),
    _plan("blanks only", b" \n\t\n", "is empty; expected CSV or JSON"),
    _plan("a speed without end", _table(first="1,0,0.9,1e308"), "line 2: throughput 1e+308"),
    _plan("a speed of nothing", _table(first="1,0,0.9,1e-320"), "instances a second from 1e-09"),
    _plan("an infinite speed", _table(first="1,0,0.9,inf"), "throughput is 'inf'"),
    _plan("a number of 400 digits", _table(first=f"1,0,0.9,{'9' * 400}"), "expected a number"),
    _plan("digits with underscores", _table(first="1_0,0,0.9,100"), "num_instances is '1_0'"),
    _plan("a hexadecimal number", _table(first="0x1,0,0.9,100"), "num_instances is '0x1'"),
    _plan("half a slot", _table(first="1.5,0,0.9,100"), "num_instances 1.5; expected a whole"),
    _plan("a billion slots", _table(first="1e9,0,0.9,100"), "whole number from 1 to 1,000,000"),
    _plan("percent", _table(first="1,60,0.9,100"), "write 60 % as 0.6"),
    _plan("everything pruned", _table(first="1,0.9999999,0.9,1"), "from 0 to below 1"),
    _plan(
        "a decimal comma",
        _table().replace(b",", b";").replace(b".", b","),
        "accuracy is '0,90'; expected a number such as 0.9",
    ),
    _plan(
        "an accuracy above its interval",
        _table(f"{HEAD},accuracy_low,accuracy_high", f"{ROWS[0]},0.1,0.2"),
        "accuracy 0.9 with ends of 0.1 and 0.2",
    ),
    _plan(
        "an accuracy below half an interval",
        _table(f"{HEAD},accuracy_low", f"{ROWS[0]},0.95"),
        "accuracy 0.9 with ends of 0.95 and nan",
    ),
    _plan(
        "a throughput outside its quartiles",
        _table(f"{HEAD},throughput_q1,throughput_q3", f"{ROWS[0]},200,300"),
        "throughput 100 with ends of 200 and 300",
    ),
    _plan(
        "quartiles a world apart",
        _table(f"{HEAD},throughput_q1,throughput_q3", f"{ROWS[0]},1e-9,1e15"),
        "N = 1, unpruned differ by a factor of more than 1,000",
    ),
    _plan(
        "one setting at two speeds", _table(first=f"{ROWS[0]}\n1,0,0.9,1e9"), "differ by a factor"
    ),
    _plan("two metrics", _table(f"{HEAD},metric", f"{ROWS[0]},f1"), "mixes f1 and accuracy"),
    _plan("a list of numbers", [1, 2], "holds no list of objects"),
    _plan("NaN in JSON", _objects(accuracy=float("nan")), "NaN is no JSON", code="E-FILE"),
    _plan("Infinity in JSON", _objects(throughput=float("inf")), "Infinity", code="E-FILE"),
    _plan("400 digits in JSON", _objects(throughput=10**399), "400 digits", code="E-FILE"),
    _plan("half a character in JSON", _objects(name="\ud800"), "half a char", code="E-FILE"),
    _plan("JSON without end", b"[" * 99_999, "nested deeper than 64", code="E-FILE"),
    _plan("a field twice in JSON", b'[{"n": 1, "n": 2}]', "'n' is given twice", code="E-FILE"),
    _plan("a field twice by case in JSON", _objects(N=2), "row 1 gives num_instances twice"),
    _plan("true for a number", _objects(accuracy=True), "accuracy is True; expected a number"),
    _plan("a list for a number", _objects(sparsity=[0]), "sparsity is [0]; expected a number"),
    _plan("a list for a name", _objects(name=["a"]), "name is ['a']; expected a text"),
    _plan(
        "an interval of three",
        _objects(accuracy=INTERVAL | {"interval": [0, 0.5, 1]}),
        "accuracy.interval is [0, 0.5, 1]; expected a list of low and high",
    ),
    _plan(
        "an interval twice",
        _objects(accuracy=INTERVAL, accuracy_low=0.85),
        "gives accuracy_low twice",
    ),
    _plan("a task that no row says", _table(), "no point with task evil", *GOAL, "--task", "evil"),
    _plan(
        "a dtype that no point has",
        json.loads(to_json(tradeoff())),
        "no point with dtype evil; it has",
        *(*GOAL, "--dtype", "evil"),
    ),
    Case("muxviz plan", "a pipe", _pipe_of_points, "E-FILE", "p.csv: is a pipe; expected a table"),
    Case(
        "muxviz plan",
        "damaged gzip",
        _points(gzip.compress(_table())[:-9], name="p.csv.gz"),
        "E-FILE",
        "is damaged",
    ),  # fmt: skip
    _words("a long name", "E-FILE", "too long", "plan", "--points", "x" * 5000, *GOAL),
    _words("a NUL in the name", "E-FILE", "\\x00", "plan", "--points", "a\0b", *GOAL),
    _option("an infinite target", "--throughput: got inf; expected", "--throughput", "inf"),
    _option("a target of nan", "--throughput: got nan; expected", "--throughput", "nan"),
    _option("a target beyond", "--throughput: got 1e300", "--throughput", "1e300"),
    _option("a budget of nan", "--budget: got nan; expected a number from 0 to 1", "--budget=nan"),
    _option("a negative budget", "--budget: got -0.1; expected", "--budget=-0.1"),
    _option("an accuracy in percent", "such as 0.85 for 85 %", "--accuracy", "85"),
    _option("an unused baseline", "--baseline-accuracy: got 2", *GOAL, "--baseline-accuracy", "2"),
    _option("a negative seed", "--seed: got -1; expected", *GOAL, "--seed", "-1"),
    _option("a seed of 400 digits", "--seed: got 999", *GOAL, "--seed", "9" * 400),
    _option("a billion splits", "from 1 to 10,000", "--validate", "--splits", "1000000000"),
    _option("no setting to show", "--top: got 0; expected", *GOAL, "--top", "0"),
    _option("a further N of a billion", "--n: got 1000000000", *GOAL, "--n", "1000000000"),
    _option("a further sparsity of 1", "--sparsity: got 1; expected", *GOAL, "--sparsity", "1"),
    _option("no goal", "no goal: give --budget", "--top", "3", code="E-INPUT"),
    _option("two goals", "several goals", *GOAL, "--accuracy", "0.8", code="E-INPUT"),
    _report("a folder", ".", "is a folder; expected a file to write to"),
    _report("no such folder", "no/plan.json", "cannot be written (no such file or directory)"),
    _report("inside a file", "points.csv/x.json", "cannot be written (not a directory)"),
    _report("a long name", "x" * 300, "cannot be written (file name too long)"),
    _report("a NUL", "a\0b", "cannot be written"),
    _report("the points themselves", "points.csv", "is what is read; expected another file"),
    Case(
        "muxviz plan --json",
        "a full disk",
        _points(_table(), "--alone", "--json", "/dev/full"),
        "E-FILE",
        "/dev/full: cannot be written (no space left on device)",
    ),
    _bench("an unknown dtype", "unknown dtype 'evil'; use float32", "exactness", "--dtype", "evil"),
    _bench("a device it does not use", "unrecognized", "exactness", "--device=cpu", code="E-USAGE"),
    _bench("an unknown contender", "unknown contenders 'x'", "throughput", "--contenders", "x"),
    _bench("an unknown mode", "unknown batch_modes 'x'", "throughput", "--modes", "x"),
    _bench("an unknown dtype", "unknown dtypes 'x'", "throughput", "--dtype", "float32", "x"),
    _bench("an unknown shape", "unknown shape 'x'; use tiny", "throughput", "--shape", "tiny", "x"),
    _bench(
        "ten million rows",
        "--batch: got 10000000",
        "throughput",
        "--batch=10000000",
        code="E-USAGE",
    ),
    _bench(
        "a billion threads",
        "--threads: got 1000000000; expected a whole number from 1 to",
        *("throughput", "--threads", "1000000000"),
        code="E-USAGE",
    ),
    _bench(
        "a million tokens",
        "rows of 1,000,000 tokens; bert-small has positions for 512",
        *("throughput", "--length", "1000000"),
        code="E-INPUT",
    ),
    _bench(
        "more than the memory",
        "needs about",
        *(
            "throughput",
            "--shape",
            "bert-large",
            "--length",
            "512",
            "--batch",
            "4096",
            "--n",
            "999",
        ),
        code="E-DEVICE",
    ),
    _bench(
        "a precision that nobody has",
        "nothing to measure: muxviz has float32, float16, bfloat16, int8",
        *("throughput", "--contenders", "transformers", "--dtype", "int8"),
    ),
    _bench(
        "a precision that ONNX Runtime has not",
        "onnxruntime has float32, int8",
        *("throughput", "--contenders", "onnxruntime", "--dtype", "bfloat16"),
    ),
    _bench("no round", "--rounds: got 0; expected", "throughput", "--rounds=0", code="E-USAGE"),
    _bench(
        "a report in no folder",
        "cannot be written",
        *("throughput", "--shape", "tiny", "--json", "/no/where.json"),
        code="E-FILE",
    ),
    _bench("an unknown shape", "unknown shape 'x'", "profile", "--shape", "x"),
    _bench(
        "a million tokens",
        "tiny has positions for 64",
        *("profile", "--shape", "tiny", "--length", "1000000"),
        code="E-INPUT",
    ),
    _bench(
        "an unknown device",
        "--device: got x",
        "profile",
        "--shape=tiny",
        "--device=x",
        code="E-USAGE",
    ),  # fmt: skip
    _bench("an unknown dtype", "unknown dtype 'x'", "tradeoff", "--data", ".", "--dtype", "x"),
    _bench(
        "two batches",
        "unrecognized arguments: 16",
        "tradeoff",
        "--batch",
        "8",
        "16",
        code="E-USAGE",
    ),  # fmt: skip
    _bench(
        "a dropout of 7",
        "--dropout: got 7; expected a number from 0 to 1",
        "train",
        "--dropout",
        "7",
        code="E-USAGE",
    ),  # fmt: skip
    _bench("an unknown stage", "unknown stages 'x'; use priming", "train", "--stages", "x"),
    _bench("a negative place", "--positions: got -1", "train", "--positions=-1", code="E-USAGE"),
    _bench(
        "more than the memory",
        "training at N = 1, 2, 4,096 sequences of 1,000,000 tokens a step, needs about",
        *("train", "--length", "1000000", "--groups", "4096", "--n", "2"),
        code="E-DEVICE",
    ),
    _texts("UTF-16", "good".encode("utf-16"), "E-FILE", "is UTF-16, not UTF-8"),
    _texts("Latin-1 in the second line", b"good\nsch\xf6n\n", "E-FILE", "line 2: is not UTF-8"),
    _texts("no text", b"\n \n", "E-DATA", "holds no text; expected one text a line"),
    _texts("NULs only", b"good film\n\n\0\0\n", "E-INPUT", "text 2 holds nothing"),
    _texts("a book in a line", b"x" * 100_001, "E-FILE", "more than 100,000 characters"),
    _words(
        "a report that is a folder",
        "E-FILE",
        "is a folder; expected a file to write to",
        "evaluate",
        "--checkpoint",
        "x",
        "--data",
        ".",
        "--json",
        "/",
    ),
    _words("a folder", "E-FILE", "is a folder", "record", "--out", "."),
    _words("no such folder", "E-FILE", "cannot be written", "record", "--out", "/no/where.json"),
    _words("both at once", "E-USAGE", "not allowed with", "record", "--speed", "--out", "x"),
    _words(
        "a checkpoint without a recipe",
        "E-DATA",
        "no card with a recipe",
        "card",
        str(shared_folder()),
        "--data",
        ".",
    ),  # fmt: skip
    Case("muxviz card", "notes that are no TOML", _notes("a = "), "E-FILE", "is not TOML"),
    Case(
        "muxviz card",
        "notes that say what is measured",
        _notes("measured = 1"),
        "E-DATA",
        "measured of a card is measured; take it out",
    ),  # fmt: skip
    _pool("a column twice", b"text\tText\na\tb\n", "'text and Text' twice"),
    _pool("a column twice, alike", b"text\ttext \na\tb\n", "'text' twice"),
    _pool("an unknown column", b"text\tmood\na\tb\n", "has the columns text, mood"),
    _pool("a row of one cell", b"text\tlabel\na\tb\nc\n", "line 3: has 1 columns; expected 2"),
    _pool("a text that nobody sees", "text\n\u200b\u2060\n".encode(), "line 2: has no text"),
    _pool("UTF-16", "text\na".encode("utf-16"), "is UTF-16, not UTF-8"),
    _pool("a book in a row", b"text\n" + b"x " * 9_000, "a text of 17,999 characters"),
    _pool("damaged xz", b"\xfd7zXZ\x00...", "is damaged", name="pool.txt.xz"),
    _result(
        "a class that is not ours", {"class": "Popen", "args": []}, "'Popen' is no result of muxviz"
    ),
    _result("a class without its fields", {"class": "Quartiles"}, "Quartiles lacks median, q1, q3"),
    _result(
        "a field that the class has not",
        {"class": "Quartiles", "median": 1, "q1": 1, "q3": 1, "q9": 1},
        "Quartiles has no q9",
    ),
    _result("a list for a class", {"class": ["Quartiles"]}, "no result that muxviz"),
    _result("an array of objects", _array([1], [1], "O"), "has dtype O; expected numbers"),
    _result("an array of records", _array([1], [1], [["a", "i4"]]), "expected numbers"),
    _result("a shape that is too large", _array([1], [10**9, 10**9], "float32"), "has shape"),
    _result("a negative shape", _array([1, 2], [-1, -2], "float32"), "has shape [-1, -2]"),
    _result("a shape that is a word", _array([1], "11", "float32"), "has shape 11"),
    _result("words for numbers", _array(["a"], [1], "float32"), "other values than float32"),
    _result("fractions for whole numbers", _array([0.5], [1], "int64"), "values than int64"),
    _result("numbers for truths", _array([2], [1], "bool"), "other values than bool"),
    _result("a number that does not fit", _array([300], [1], "int8"), "no result that muxviz"),
    _result("an unknown infinity", {"float": "nan"}, "no result that muxviz"),
    _run(
        "a rate without end",
        "points[0].instances_per_s.q3 is 1e+308",
        "points",
        0,
        "instances_per_s",
        "q3",
        value=1e308,
    ),  # fmt: skip
    _run(
        "a rate of nothing",
        "quartiles from 1e-09",
        "points",
        0,
        "instances_per_s",
        "q1",
        value=1e-320,
    ),  # fmt: skip
    _run(
        "an accuracy outside its interval",
        "an interval around its mean",
        "points",
        0,
        "accuracy",
        "interval",
        value=[0.1, 0.2],
    ),  # fmt: skip
    _run("a batch of 18 digits", "batch is 10", "points", 0, "batch", value=10**18),
    _run("400 digits", "a whole number of 400 digits", "rounds", value=10**399, code="E-FILE"),
    _run("half a character", "half a character", "command", value="\udcff", code="E-FILE"),
    _run("everything pruned", "sparsity: from 0 to below 1", "points", 0, "sparsity", value=1),
]
