"""Results to and from JSON, so that recorded ones can be drawn without a model.

A file is ``{"format": 1, "value": ...}``. A number that is not defined (NaN) is null, an infinite
one ``{"float": "inf"}`` or ``{"float": "-inf"}``; both come back as they were where the class says
that the field is a float. Only the classes of this package can come back; anything else in a file
is an error, never code.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from muxviz.errors import DataError
from muxviz.files import json_text, parse_json

FORMAT = 1
PACKAGE = "muxviz.results"


DTYPES: dict[str, Any] = {  # of arrays that a file may hold: what its numbers are written as
    "bool": bool,
    **dict.fromkeys((f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)), int),
    **dict.fromkeys(("float16", "float32", "float64"), (int, float)),
}
MOST_AXES = 8


@cache
def classes() -> dict[str, type]:
    """Every dataclass of this package by name: what a file may hold."""
    found: dict[str, type] = {}
    for module in iter_modules(import_module(PACKAGE).__path__):
        for kind in vars(import_module(f"{PACKAGE}.{module.name}")).values():
            is_ours = getattr(kind, "__module__", "").startswith(f"{PACKAGE}.")
            if is_ours and isinstance(kind, type) and dataclasses.is_dataclass(kind):
                found[kind.__name__] = kind
    return found


@cache
def hints(kind: Hashable) -> dict[str, Any]:
    """What a class declares its fields to be."""
    return get_type_hints(kind)


def to_json(value: Any) -> str:
    """JSON text of a result; floats keep their shortest exact form."""
    return json_text({"format": FORMAT, "value": _pack(value)})


def from_json(text: str, name: str = "a recorded result") -> Any:
    """The result that ``to_json`` wrote.

    Args:
        name: of the source, for messages.

    Raises:
        DataError: not JSON, another format, or an unknown class or field.
    """
    return from_plain(
        parse_json(text, name, expected="a result that muxviz recorded; record it again"), name
    )


def from_plain(data: Any, name: str) -> Any:
    """The same from JSON that was parsed."""
    given = data.get("format") if isinstance(data, dict) else None
    if given != FORMAT or "value" not in data:
        raise DataError(
            f"{name} has format {repr(given)[:40]}; this version reads {FORMAT}; record it again "
            "with make recorded"
        )
    try:
        return _unpack(data["value"])
    except DataError as error:
        raise DataError(f"{name}: {error}; record it again") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{name} is no result that muxviz recorded ({str(error)[:200]}); record it again"
        ) from error


def _pack(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _pack(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if isinstance(value, np.ndarray):
        numbers = [_pack(v) for v in value.ravel().tolist()]
        return {"array": numbers, "shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, tuple | list):
        return [_pack(v) for v in value]
    if isinstance(value, dict):
        return {"named": {name: _pack(v) for name, v in value.items()}}
    if isinstance(value, float) and math.isinf(value):
        return {"float": str(float(value))}
    return value  # of which NaN becomes null


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(v) for v in value)
    if not isinstance(value, dict):
        return value
    if "named" in value:
        return {name: _unpack(v) for name, v in value["named"].items()}
    if "float" in value:
        return {"inf": math.inf, "-inf": -math.inf}[value["float"]]
    if "array" in value:
        return _array(value["array"], value["shape"], value["dtype"])
    kind = classes().get(value["class"])
    if kind is None:
        raise DataError(f"{str(value['class'])[:40]!r} is no result of muxviz")
    fields = {k: _unpack(v) for k, v in value.items() if k != "class"}
    return made(kind, {k: _undefined(v, hints(kind).get(k)) for k, v in fields.items()})


def made(kind: Any, fields: dict[str, Any]) -> Any:
    """An object of a dataclass of ours.

    Raises:
        DataError: a field is missing, or one that it has not is given.
    """
    known = {f.name: f for f in dataclasses.fields(kind)}
    absent = dataclasses.MISSING
    need = [n for n, f in known.items() if f.default is absent and f.default_factory is absent]
    for problem, names in (
        ("lacks", [name for name in need if name not in fields]),
        ("has no", [name for name in fields if name not in known]),
    ):
        if names:
            raise DataError(f"{kind.__name__} {problem} {', '.join(names)[:200]}")
    return kind(**fields)


def _undefined(value: Any, hint: Any) -> Any:
    """``value`` with NaN for null where a float is declared."""
    if value is None:
        return math.nan if hint is float else None
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, tuple):
        kinds = (args[0],) * len(value) if args[-1] is Ellipsis else args
        return tuple(_undefined(one, kind) for one, kind in zip(value, kinds, strict=True))
    if origin is dict and isinstance(value, dict):
        return {name: _undefined(one, args[1]) for name, one in value.items()}
    return value


def _array(numbers: Any, shape: Any, dtype: Any) -> np.ndarray:
    """An array as large as the numbers that are there, all of the kind that is said."""
    kind = DTYPES.get(dtype if isinstance(dtype, str) else "")
    if kind is None:
        raise DataError(f"recorded array has dtype {str(dtype)[:40]}; expected numbers")
    given = [_unpack(one) for one in numbers]
    if kind not in (bool, int):
        given = [math.nan if one is None else one for one in given]
    is_whole = kind is not bool  # True is an int to Python
    if not all(isinstance(one, kind) and isinstance(one, bool) != is_whole for one in given):
        raise DataError(f"recorded array holds other values than {dtype}")
    sizes = [size for size in shape if type(size) is int and size >= 0]
    if len(sizes) < len(shape) or len(sizes) > MOST_AXES or math.prod(sizes) != len(given):
        raise DataError(f"recorded array of {len(given)} numbers has shape {str(shape)[:40]}")
    with np.errstate(over="raise"):
        return np.asarray(given, dtype=dtype).reshape(sizes)
