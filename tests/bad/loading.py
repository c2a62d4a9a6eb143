"""Checkpoint folders: configurations, weights, tokenizer files, cards, and what is not one."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from muxviz.loading.check import check
from muxviz.loading.load import load
from tests.bad import Case, command, raised
from tests.tiny import shared_folder, tiny_vocabulary

Change = Callable[[Path], object]
PIECES = tiny_vocabulary()
DEEP = '{"a":' * 99 + "0" + "}" * 99
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def _copy(folder: Path) -> Path:
    return Path(shutil.copytree(shared_folder(num_hidden_layers=1), folder / "model"))


def _loads(change: Change) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        model = _copy(folder)
        change(model)
        return raised(lambda: load(model, device="cpu"))

    return act


def _checks(change: Change) -> Callable[[Path], str]:
    """What the pre-flight says; a run says the same."""

    def act(folder: Path) -> str:
        model = _copy(folder)
        change(model)
        report = check(model)
        assert not report.usable, report.text()
        texts = folder / "texts.txt"
        texts.write_text("a good film\n")
        assert report.stages[-1].code in command("run", "--checkpoint", model, "--texts", texts)
        return report.text()

    return act


# ---- changes to a good folder -------------------------------------------------------------------


def _write(name: str, content: str | bytes) -> Change:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def _config(**fields: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


def _pipe(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def _vocabulary(pieces: list[str], **settings: Any) -> Change:
    def change(folder: Path) -> None:
        for name in TOKENIZER:
            (folder / name).unlink()
        (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces))
        if settings:
            (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    return change


def _lacking(piece: str) -> Change:
    return _vocabulary(["[gone]" if p == piece else p for p in PIECES])


def _tokenizer(change: Callable[[Any], object]) -> Change:
    def act(folder: Path) -> None:
        path = folder / "tokenizer.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return act


def _tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Change:
    def act(folder: Path) -> None:
        path = folder / "model.safetensors"
        weights = load_file(path)
        changed = change(weights)
        save_file(changed if isinstance(changed, dict) else weights, path)

    return act


def _torch(content: bytes | Callable[[bytes], bytes], name: str = "pytorch_model.bin") -> Change:
    """A torch file in place of the weights, made from the right one."""

    def act(folder: Path) -> None:
        path, out = folder / "model.safetensors", io.BytesIO()
        torch.save(load_file(path), out)
        path.unlink()
        (folder / name).write_bytes(content(out.getvalue()) if callable(content) else content)

    return act


def _deflated(content: bytes) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


def _bomb(_: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("archive/data.pkl", bytes(20 << 20))
        new.writestr("archive/version", "3\n")
    return out.getvalue()


def _turned_bit(content: bytes) -> bytes:
    at = content.index(b"data/5") + 400
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def _index(**shards: str) -> Change:
    def act(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        index = {"weight_map": dict(shards)}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return act


def _header(length: int, text: bytes = b"{}") -> bytes:
    return struct.pack("<Q", length) + text


def _two(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{p}.{n}": t.clone() for p in ("student", "teacher") for n, t in weights.items()}


def _loading(given: str, change: Change, says: str, code: str = "E-READ") -> Case:
    return Case("loading", given, _loads(change), code, says)


def _preflight(given: str, change: Change, says: str, code: str = "E-READ") -> Case:
    return Case("muxviz check", given, _checks(change), code, says)


def _listing(name: str) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        before = os.environ.get("MUXVIZ_CHECKPOINTS")
        os.environ["MUXVIZ_CHECKPOINTS"] = name
        try:
            return command("list")
        finally:
            os.environ.pop("MUXVIZ_CHECKPOINTS")
            os.environ |= {} if before is None else {"MUXVIZ_CHECKPOINTS": before}

    return act


CASES = [
    # config.json
    _loading("a pipe as config.json", _pipe("config.json"), "config.json: is a pipe"),
    _loading("5 MB of blanks as config.json", _write("config.json", b" " * (5 << 20)), "4 MiB"),
    _loading("UTF-16 in config.json", _write("config.json", "{}".encode("utf-16")), "is UTF-16"),
    _loading("a config 99 deep", _write("config.json", DEEP), "nested deeper than 64"),
    _loading("half a character as label", _config(id2label={"0": "\ud800", "1": "b"}), "half a"),
    _loading("a size of 400 digits", _write("config.json", f'{{"a": {"9" * 400}}}'), "400 digits"),
    _loading("a NaN as epsilon", _write("config.json", '{"layer_norm_eps": NaN}'), "NaN is no"),
    _preflight("fixed_length 0", _config(muxviz={"fixed_length": 0}), "is 0; expected 3", "E-CFG"),
    _preflight("fixed_length 2", _config(muxviz={"fixed_length": 2}), "is 2; expected 3", "E-CFG"),
    _loading("fixed_length true", _config(muxviz={"fixed_length": True}), "is True", "E-CFG"),
    _loading("fixed_length 1e9", _config(muxviz={"fixed_length": 10**9}), "is 1000000", "E-CFG"),
    _loading("a padding nobody knows", _config(muxviz={"default_padding": "x"}), "'x'", "E-CFG"),
    _loading("a readout of a number", _config(muxviz={"readout": 5}), "readout is 5", "E-CFG"),
    _loading("a task that is another", _config(muxviz={"task": "masked_lm"}), "which is", "E-CFG"),
    _loading("padding beyond the table", _config(pad_token_id=704), "pad_token_id is 704", "E-CFG"),
    # weights
    _loading("a pipe as weights", _pipe("model.safetensors"), "model.safetensors: is a pipe"),
    _loading("a pipe as masks", _pipe("zs.pt"), "zs.pt: is a pipe"),
    _loading("an empty file as masks", _write("zs.pt", b""), "zs.pt is truncated"),
    _loading("nothing as weights", _write("model.safetensors", b""), "truncated"),
    _loading("a header without end", _write("model.safetensors", _header(1 << 60)), "truncated"),
    _loading("a header of a list", _write("model.safetensors", _header(2, b"[]")), "truncated"),
    _loading("an empty torch file", _torch(b"PK\x05\x06" + bytes(18)), "truncated or corrupt"),
    _loading("a torch file packed", _torch(_deflated), "compressed, which torch never does"),
    _loading("a torch file that inflates", _torch(_bomb), "was not unpacked"),
    _loading("a bit turned in a torch file", _torch(_turned_bit), "Bad CRC-32"),
    _loading("a torch file cut", _torch(lambda content: content[:-99]), "truncated"),
    _loading("an index of long names", _index(a="x" * 5000 + ".safetensors"), "names the shard"),
    _loading("an index that leads out", _index(a="../x.safetensors"), "in the same folder"),
    _loading("a NUL in a shard's name", _index(a="\0.safetensors"), "names the shard"),
    _loading("a shard that is missing", _index(a="x.safetensors"), "1 of 1 missing", "E-MISSING"),
    _loading("two models in one file", _tensors(_two), "2 models", "E-KEYS"),
    _loading(
        "a tensor under two wrappings",
        _tensors(lambda w: w.update({"_orig_mod.classifier.bias": torch.ones(2)})),
        "classifier.bias twice",
        "E-KEYS",
    ),
    # tokenizers
    _preflight("no [UNK]", _lacking("[UNK]"), "no token for unknown characters"),
    _preflight("no [SEP]", _lacking("[SEP]"), "special token '[SEP]'"),
    _preflight("no [CLS]", _lacking("[CLS]"), "special token '[CLS]'"),
    _preflight("an empty vocabulary", _vocabulary([]), "no token for unknown characters"),
    _preflight("a vocabulary of three", _vocabulary(["a", "b", "c"]), "no token for unknown"),
    _preflight("a vocabulary upside down", _vocabulary(PIECES[::-1]), "pads with", "E-KEYS"),
    _loading("one piece of 33 MB", _write("vocab.txt", b"x" * (33 << 20)), "more than 32 MiB"),
    _loading("705 pieces", _vocabulary([*PIECES, *map(str, range(99, 600))]), "704 word embed"),
    _loading("a pipe as tokenizer", _pipe("tokenizer.json"), "tokenizer.json: is a pipe"),
    _loading("a pipe as settings", _pipe("tokenizer_config.json"), "tokenizer_config.json: is a"),
    _loading("a pipe as added tokens", _pipe("added_tokens.json"), "added_tokens.json: is a"),
    _loading("deep special tokens", _write("special_tokens_map.json", "[" * 9999), "nested"),
    _loading("UTF-16 as vocabulary", _write("vocab.txt", "a\nb".encode("utf-16")), "is UTF-16"),
    _loading("Latin-1 as vocabulary", _write("vocab.txt", "ö\n".encode("latin-1")), "byte 0xf6"),
    _loading(
        "an id beyond the table",
        _tokenizer(lambda t: t["model"]["vocab"].update(zebra=704)),
        "'zebra' with id 704",
    ),
    _loading(
        "an added token beyond the table",
        _tokenizer(lambda t: t["added_tokens"].append({**t["added_tokens"][0], "id": 9999})),
        "'[PAD]' the id 9999",
    ),
    _loading(
        "another kind of tokenizer",
        _tokenizer(lambda t: t.update(model={"type": "BPE", "vocab": {}, "merges": []})),
        "holds a BPE model",
    ),
    _loading(
        "an added token far away",
        _vocabulary(PIECES, added_tokens_decoder={"600": {"content": "[E]", "special": True}}),
        "'[E]' the id 600",
    ),
    _loading("no such unknown", _vocabulary(PIECES, unk_token="<unk>"), "no token for unknown"),
    _loading("no first token", _vocabulary(PIECES, cls_token=None), "special token"),
    _loading("a vocabulary elsewhere", _vocabulary(PIECES, vocab="/dev/zero"), "is no setting"),
    _loading("a class of no tokenizer", _vocabulary(PIECES, tokenizer_class="AutoModel"), "Bert"),
    _loading("a class of others", _vocabulary(PIECES, tokenizer_class="CTRLTokenizer"), "Bert"),
    _loading(
        "a class without its files",
        _vocabulary(PIECES, tokenizer_class="GPT2Tokenizer"),
        "vocab.json",
    ),
    # cards and listings
    _loading("a pipe as card", _pipe("card.json"), "card.json: is a pipe"),
    _loading("a card 99 deep", _write("card.json", DEEP), "nested deeper than 64"),
    _loading("a card of numbers", _write("card.json", '{"measured": 5}'), "'measured'"),
    _loading("half a character in a card", _write("card.json", '{"a": "\\udfff"}'), "half a"),
    Case("muxviz list", "a folder of 5,000 characters", _listing("x" * 5000), "E-MISSING", "long"),
    Case("muxviz list", "a file", _listing(__file__), "E-MISSING", "not a directory"),
]
