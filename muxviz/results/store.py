"""Results to and from JSON, so that recorded ones can be drawn without a model.

A file is ``{"format": 1, "value": ...}``. Only the classes of this package can come back; anything
else in a file is an error, never code.
"""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from muxviz.errors import DataError

FORMAT = 1
PACKAGE = "muxviz.results"


@cache
def classes() -> dict[str, type]:
    """Every dataclass of this package by name: what a file may hold."""
    found: dict[str, type] = {}
    for module in iter_modules(import_module(PACKAGE).__path__):
        for kind in vars(import_module(f"{PACKAGE}.{module.name}")).values():
            if isinstance(kind, type) and dataclasses.is_dataclass(kind):
                found[kind.__name__] = kind
    return found


def to_json(value: Any) -> str:
    """JSON text of a result; floats keep their shortest exact form, NaN becomes null."""
    return json.dumps(
        {"format": FORMAT, "value": _pack(value)}, ensure_ascii=False, allow_nan=False
    )


def from_json(text: str) -> Any:
    """The result that ``to_json`` wrote.

    Raises:
        DataError: not JSON, another format, or an unknown class or field.
    """
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise DataError(
                f"recorded result has format {data['format']}; this version reads {FORMAT}; "
                "record it again with make recorded"
            )
        return _unpack(data["value"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"not a recorded muxviz result ({error}); record it again") from error


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
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(v) for v in value)
    if not isinstance(value, dict):
        return value
    if "named" in value:
        return {name: _unpack(v) for name, v in value["named"].items()}
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "fiub":
            raise DataError(f"recorded array has dtype {dtype}; expected numbers")
        numbers = [math.nan if v is None else v for v in value["array"]]
        return np.asarray(numbers, dtype=dtype).reshape(value["shape"])
    kind = classes()[value["class"]]
    fields = {k: _unpack(v) for k, v in value.items() if k != "class"}
    return kind(**fields)
