"""Links, packed groups and listed folders: what pages are given by strangers.

A link is never an error: what it holds is named in one quiet notice ("notice"), and a folder that
cannot be a checkpoint is listed with what is wrong ("problem").
"""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from muxviz.ui.models.files import describe_folder
from muxviz.ui.shell import session
from muxviz.ui.shell.link_readers import MAX_RUN, readers
from muxviz.ui.shell.links import MAX_PACKED, MAX_TEXT, unpack_rows
from tests.bad import Case

READERS = readers((), ("auto", "cpu-float32"))


def link(name: str, text: str, says: str, given: str = "") -> Case:
    def act(folder: Path) -> str:
        why = READERS[name](text)
        assert isinstance(why, str), f"taken: {why}"
        return f"{name} ({why}) [notice]"

    return Case("a link", given or f"{name}={text}", act, "notice", says)


def packed(given: str, content: bytes | None, raw: str = "") -> Case:
    text = raw or base64.urlsafe_b64encode(zlib.compress(content or b"", 9)).decode()

    def act(folder: Path) -> str:
        assert unpack_rows(text) is None
        return f"{READERS[session.GROUP](text)} [notice]"

    return Case("a packed group", given, act, "notice", "damaged or too long")


def listed(given: str, make: Callable[[Path], object], says: str) -> Case:
    def act(folder: Path) -> str:
        model = folder / "model"
        model.mkdir()
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
        make(model)
        return f"{describe_folder('model', model).problem} [problem]"

    return Case("a listed folder", given, act, "problem", says)


def config(content: bytes) -> Callable[[Path], object]:
    return lambda model: (model / "config.json").write_bytes(content)


def weights(content: bytes) -> Callable[[Path], object]:
    return lambda model: (model / "model.safetensors").write_bytes(content)


def pipe(model: Path) -> None:
    (model / "config.json").unlink()
    os.mkfifo(model / "config.json")


LINKS = [
    *(
        link(name, text, says)
        for name, says in (
            ("seed", "a whole number"),
            ("a_layer", "1 to 48 in steps of 1"),
            ("u_dist", "0 to 0.9 in steps of 0.1"),
            ("n_rate", "1 to 1e+09"),
        )
        for text in ("1e309", "-inf", "nan", "0x10", "1_0", "٣x", "-1")
    ),
    link("seed", "9" * 400, "a whole number", "a seed of 400 digits"),
    link("n_floor", "9" * 400, "0 to 100", "a percentage of 400 digits"),
    link("seed", str(2**31), "a whole number"),
    link("slot", "0", "slots are 1 to 1"),
    link("slot", "², three", "slots are 1 to 1"),
    link("m", "x" * 100_000, "no such checkpoint", "a checkpoint of 100,000 characters"),
    link("mb", "../../etc", "no such checkpoint"),
    link("dt", "cuda-float16", "not on this machine"),
    link("p", "\0", "no such group", "a group named NUL"),
    link("v", "2", "another version"),
    link("x_pairs", "perhaps", "use true or false"),
    link("x_fill", "Refuse\n", "use repeat, published and refuse", "a choice and a line end"),
    link("c_i", "65", "use auto, 1, 2, 3, 4, 5, 6 and so on"),
    link("w_text", "a" * 301, "one line of at most 300"),
    link("w_text", "two\nlines", "one line", "a sentence of two lines"),
    link("w_text", "\x1b[31mred", "one line", "a sentence with an escape"),
    link("w_gold", "caf\ufffd", "one line", "a word that was no UTF-8"),
    link("a_for", "\ud800", "one line", "half a character"),
    link("t_run", "x" * (MAX_RUN + 1), "no name of a run", "a run of 256 characters"),
    link("t_compare", "a\0b", "no name of a run", "a run with a NUL"),
]
GROUPS = [
    packed("not base64", None, "%%%"),
    packed("no zlib data", None, "QUJD"),
    packed("longer than links are", None, "A" * (MAX_PACKED + 1)),
    packed("half a character", b'["\\ud800"]'),
    packed("half a character in a pair", b'["one", ["two", "\\udc41"]]'),
    packed("a bomb of blanks", b" " * 50_000_000 + b'["a"]'),
    packed("a bomb of one text", b'["' + b"a" * 50_000_000 + b'"]'),
    packed("nested 100,000 deep", b"[" * 100_000),
    packed("Latin-1", '["café"]'.encode("latin-1")),
    packed("UTF-16", '["a"]'.encode("utf-16")),
    packed("a number of 400 digits", b"[" + b"9" * 400 + b"]"),
    packed("an object", b'{"a": 1}'),
    packed("three texts in a row", b'[["a", "b", "c"]]'),
    packed("a text above the limit", json.dumps(["a" * (MAX_TEXT + 1)]).encode()),
]
FOLDERS = [
    listed("config.json nested 100,000 deep", config(b'{"a":' * 100_000), "config.json is not"),
    listed("config.json of blanks", config(b" " * (5 << 20)), "config.json has more than 4 MiB"),
    listed("config.json empty", config(b""), "config.json is empty"),
    listed("config.json a list", config(b"[]"), "config.json holds a list"),
    listed("config.json in UTF-16", config('{"a": 1}'.encode("utf-16")), "config.json is UTF-16"),
    listed("config.json with NaN", config(b'{"a": NaN}'), "config.json is not allowed"),
    listed("config.json with a long number", config(b'{"a": ' + b"9" * 400 + b"}"), "64 bits"),
    listed("config.json with half a character", config(b'{"a": "\\ud800"}'), "half a character"),
    listed("config.json with a field twice", config(b'{"a": 1, "a": 2}'), "given twice"),
    listed("config.json a pipe", pipe, "config.json is a pipe"),
    listed("no config.json", lambda m: (m / "config.json").unlink(), "config.json no such file"),
    listed("no weights", lambda m: (m / "model.safetensors").unlink(), "no weights"),
    listed("weights of 3 bytes", weights(b"abc"), "weights are damaged"),
    listed("weights whose header is longer", weights(struct.pack("<Q", 99) + b"{}"), "damaged"),
    listed("weights with a deep header", weights(struct.pack("<Q", 9) + b"[" * 9), "damaged"),
]
CASES = [*LINKS, *GROUPS, *FOLDERS]
