"""Every field of a recipe has a range; whatever is written in one, only our errors come out."""

from __future__ import annotations

import contextlib
import json
import math
import re
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxviz.errors import ConfigError
from muxviz.training.ranges import Each, Range, Real, Whole, problem, ranges
from muxviz.training.recipe import TABLE_OF, TABLES, Recipe, Stage, read_recipe
from tests.training.tiny_runs import tiny_recipe, tiny_stage, write_recipe

STAGE = tiny_stage("task")
RECIPE = tiny_recipe(STAGE)
BASES: dict[type, Any] = {Recipe: RECIPE, Stage: STAGE}
BASES |= {kind: getattr(RECIPE, name) for name, kind in TABLES.items()}
FIELDS = [(kind, field.name) for kind in BASES for field in fields(kind)]
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0.5, 10**30, -(10**400), math.nan, math.inf, -math.inf),
    *("", "text", "x" * 5000, "\ud800", "\x1b[0m", "\u202e", b"x", object),
    *((), (1,), (None,), ("",), ("a", "a"), ((),), [], [1], {}, {"a": 1}),
)
WRITTEN = (  # the same as a TOML file can hold them
    *("true", "-1", "0.5", "9223372036854775807", "-9223372036854775808", "nan", "inf", "1e400"),
    *('""', '"text"', '"\\u001b[0m"', '"\\u202e"', "[]", "[1]", '[""]', '["a", "a"]', "[[]]"),
    *("[true, 1]", "{}", "{ a = 1 }", "2020-01-01", "07:30:00", "0x7fffffffffffffff", "'''\na'''"),
)


def name_of(field: tuple[type, str]) -> str:
    return f"{field[0].__name__}.{field[1]}"


@pytest.mark.parametrize("field", FIELDS, ids=name_of)
def test_a_field_takes_what_is_in_its_range_and_nothing_else(field: tuple[type, str]) -> None:
    kind, name = field
    base = BASES[kind]
    wanted = ranges(kind)[name]
    refused = 0
    for value in ODD:
        try:
            replace(base, **{name: value})
        except ConfigError:
            refused += 1
        else:
            assert wanted.holds(value), value
    assert refused >= len(ODD) // 2


@pytest.mark.parametrize("field", FIELDS, ids=name_of)
def test_the_ends_of_a_range(field: tuple[type, str]) -> None:
    kind, name = field
    wanted: Range = ranges(kind)[name]
    if isinstance(wanted, Each):
        wanted = wanted.inner
    if isinstance(wanted, Whole):
        assert wanted.holds(wanted.low)
        assert wanted.holds(wanted.high)
        assert not any(map(wanted.holds, (wanted.low - 1, wanted.high + 1, float(wanted.low))))
    if isinstance(wanted, Real):
        assert wanted.holds(wanted.low) != wanted.is_above
        assert wanted.holds(wanted.high) != wanted.is_below
        low, high = wanted.low, wanted.high
        outside = (math.nextafter(low, -math.inf), math.nextafter(high, math.inf))
        assert not any(map(wanted.holds, outside))
    assert problem(kind, name, object).startswith(f"{name} is <class 'object'>; expected ")


@pytest.mark.parametrize("field", FIELDS, ids=name_of)
def test_odd_values_in_a_file_are_refused_in_our_words(
    field: tuple[type, str], tmp_path: Path
) -> None:
    kind, name = field
    path = tmp_path / "r.toml"
    stage = {"name": '"a"', "steps": "2", "learning_rate": "0.01", "task_coeff": "1"}
    top = {"name": '"x"', "num_instances": "2"}
    own: dict[str, str] = {}
    home = f"[{TABLE_OF[name]}]" if kind in TABLES.values() else ""
    said = []
    for value in WRITTEN:
        (own if home else top if kind is Recipe else stage)[name] = value
        rows = [[f"{n} = {v}" for n, v in table.items()] for table in (top, own, stage)]
        path.write_text(
            "\n".join([*rows[0], home, *rows[1], "[[stages]]", *rows[2]]), encoding="utf-8"
        )
        try:
            read = read_recipe(path)
        except ConfigError as error:
            said.append(str(error))
        else:
            built = read if kind is Recipe else read.stages[0]
            built = getattr(read, TABLE_OF[name]) if home else built
            assert ranges(kind)[name].holds(getattr(built, name))
    assert len(said) >= len(WRITTEN) // 2
    assert all(words.startswith(str(path)) for words in said)


# ---- tables -------------------------------------------------------------------------------------


def test_a_field_has_one_name_and_one_table() -> None:
    """So a recipe without tables, such as those of run folders and cards, says the same."""
    names = [name for kind, name in FIELDS if kind is not Stage]
    assert len(names) == len(set(names))
    assert set(RECIPE.to_dict()) == set(names) - set(TABLES)


def test_a_recipe_of_before_there_were_tables_is_read_as_it_was(tmp_path: Path) -> None:
    recipe = tiny_recipe(STAGE, readout="mean", held_out=0, prune=("heads",), save_every=7)
    path = write_recipe(recipe, tmp_path / "r.toml")
    flat = [row for row in path.read_text("utf-8").split("\n") if row[1:-1] not in TABLES]
    assert len(flat) == len(path.read_text("utf-8").split("\n")) - len(TABLES)
    path.write_text("\n".join(flat), "utf-8")
    assert read_recipe(path) == recipe


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("dropout = 0.1\n[model]\ndropout = 0.1", "dropout is given in [model] and outside of it"),
        ("model = 3", "model is 3; expected a table, [model]"),
        ("[model]\ndrop = 0.1", "[model], line 4: unknown key 'drop'; known keys: backbone, "),
        ("dropout = 2.0", "[model], line 3: dropout is 2.0; expected a number from 0 to"),
        ("[modle]\ndropout = 0.1", "unknown key 'modle'; known keys: name, "),
    ],
)
def test_what_is_wrong_with_a_table_is_said(rows: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    stage = '[[stages]]\nname = "a"\nsteps = 2\nlearning_rate = 0.01\ntask_coeff = 1'
    path.write_text(f'name = "x"\nnum_instances = 2\n{rows}\n{stage}', "utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_recipe(path)


def test_a_field_without_a_range_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match=r"Undeclared.size declares no range"):
        ranges(Undeclared)


class Undeclared:
    size: int = 3


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from([name for _, name in FIELDS]) | st.text(max_size=5)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_any_file_is_a_recipe_or_refused(content: bytes) -> None:
    with scratch() as path:
        path.write_bytes(content)
        with contextlib.suppress(ConfigError):
            read_recipe(path)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_values_are_a_recipe_or_refused(top: dict[str, Any], stage: dict[str, Any]) -> None:
    begin = {"name": "x", "num_instances": 2}, {"name": "a", "steps": 1, "learning_rate": 0.1}
    rows = [
        [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in (base | given).items()]
        for base, given in zip(begin, (top, stage), strict=True)
    ]
    with scratch() as path:
        text = "\n".join([*rows[0], "[[stages]]", *rows[1]])
        path.write_bytes(text.encode("utf-8", "replace"))
        with contextlib.suppress(ConfigError):
            read_recipe(path)


@contextlib.contextmanager
def scratch() -> Any:
    with TemporaryDirectory() as folder:
        yield Path(folder) / "r.toml"
