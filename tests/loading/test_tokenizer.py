"""The tokenizer of a folder is the one that transformers loads; what cannot serve is refused."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoConfig, AutoTokenizer

from muxviz.batch import Row, encode_rows
from muxviz.config import MuxConfig
from muxviz.errors import CheckpointMismatch, CheckpointUnreadable, MuxvizError
from muxviz.loading.check import check
from muxviz.loading.load import load
from muxviz.loading.save import save
from muxviz.loading.tokenizer import SETTINGS, counting_tokenizer, load_tokenizer
from muxviz.loading.tokenizer_check import HARD, tokenizer_doubts
from tests.tiny import tiny_config, tiny_tokenizer, tiny_vocabulary, write_tiny_folder

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
PIECES = [*tiny_vocabulary(), "schön", "Paris", "paris", "café", "日", "本", "[X]"]
OWN = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
OWN_NAMES = dict(
    zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), OWN, strict=True)
)
PLAIN = tiny_config(plain=True)
Files = dict[str, Any]  # name -> text, or JSON values


def put(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def lines(pieces: list[str]) -> str:
    return "\n".join(pieces) + "\n"


def whole(**changes: Any) -> Any:
    """A tokenizer.json of ``PIECES``, with changes to its normalizer."""
    value = json.loads(tiny_tokenizer().backend_tokenizer.to_str())
    value["model"]["vocab"] = {piece: i for i, piece in enumerate(PIECES)}
    value["normalizer"] |= changes
    return value


def byte_level(*, merged: tuple[str, ...] = ("g o", "go o", "goo d")) -> Files:
    """A RoBERTa vocabulary of all bytes."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
    pieces += [*(pair.replace(" ", "") for pair in merged), "<mask>"]
    return {
        "vocab.json": {piece: i for i, piece in enumerate(pieces)},
        "merges.txt": "#version: 0.2\n" + "".join(f"{pair}\n" for pair in merged),
    }


VOCAB: Files = {"vocab.txt": lines(PIECES)}
OWN_VOCAB: Files = {"vocab.txt": lines([*OWN, *PIECES[104:]])}
ROBERTA = tiny_config(plain=True, backbone="roberta")


def theirs(folder: Path, config: MuxConfig) -> Any:
    kind = AutoConfig.for_model(
        config.backbone, tokenizer_class=config.extras.get("tokenizer_class")
    )
    return AutoTokenizer.from_pretrained(folder, config=kind)


def ours(folder: Path, config: MuxConfig = PLAIN) -> Any:
    tokenizer = load_tokenizer(folder, config)
    assert tokenizer is not None
    return tokenizer


def refused(folder: Path, *parts: str, config: MuxConfig = PLAIN, kind: Any = CheckpointUnreadable):
    with pytest.raises(kind) as caught:
        load_tokenizer(folder, config)
    message = str(caught.value)
    assert [part for part in (str(folder), *parts) if part not in message] == [], message
    assert "Traceback" not in message


# ---- what transformers reads ------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        VOCAB,
        VOCAB | {SETTINGS: {"do_lower_case": False}},
        VOCAB | {SETTINGS: {"strip_accents": False}},
        VOCAB | {SETTINGS: {"do_lower_case": False, "strip_accents": True}},
        VOCAB | {SETTINGS: {"tokenize_chinese_chars": False, "model_max_length": 512}},
        VOCAB | {SETTINGS: {"split_special_tokens": True}},
        VOCAB | {SETTINGS: {"tokenizer_class": "BertTokenizerFast", "model_max_length": 10**30}},
        VOCAB | {SETTINGS: {"tokenizer_class": "DistilBertTokenizer", "strip_accents": False}},
        VOCAB | {SETTINGS: {"additional_special_tokens": ["[X]"]}},
        VOCAB | {SETTINGS: {"name_or_path": "/nowhere", "tokenizer_file": None, "init_inputs": []}},
        VOCAB | {"added_tokens.json": {"new york": len(PIECES)}},
        VOCAB | {SETTINGS: {"added_tokens_decoder": {str(len(PIECES)): {"content": "<E>"}}}},
        VOCAB | {"special_tokens_map.json": {"additional_special_tokens": ["Paris"]}},
        OWN_VOCAB | {SETTINGS: OWN_NAMES},
        OWN_VOCAB | {"special_tokens_map.json": OWN_NAMES},
        OWN_VOCAB
        | {
            "special_tokens_map.json": OWN_NAMES
            | {"mask_token": {"content": "<mask>", "lstrip": True, "rstrip": False}}
        },
        {"tokenizer.json": whole()},
        {"tokenizer.json": whole(lowercase=False)},
        {"tokenizer.json": whole(), SETTINGS: {"do_lower_case": False}},
        {"tokenizer.json": whole(lowercase=False, strip_accents=False), SETTINGS: {
            "tokenizer_class": "PreTrainedTokenizerFast"}},
        {"tokenizer.json": whole(), "vocab.txt": lines(["[UNK]", "a"])},
        {"tokenizer.json": whole(), SETTINGS: {"tokenizer_class": "NobodyKnowsTokenizer"}},
        {"tokenizer.json": whole() | {"truncation": {"max_length": 5, "strategy": "LongestFirst",
            "stride": 0, "direction": "Right"}}},
    ],
    ids=lambda files: json.dumps({k: v for k, v in files.items() if len(str(v)) < 300})[:120],
)  # fmt: skip
def test_ids_are_those_of_transformers(files: Files, tmp_path: Path) -> None:
    folder = put(tmp_path / "model", files)
    mine, other = ours(folder), theirs(folder, PLAIN)
    texts = [*HARD, "Paris café [X] <E> new york 日本 schön"]
    assert [mine(t)["input_ids"] for t in texts] == [other(t)["input_ids"] for t in texts]
    light = counting_tokenizer(folder, "bert", 704)
    assert (light is None) == ("split_special_tokens" in files.get(SETTINGS, {}))
    for text in texts if light else []:
        assert len(light.encode(text).ids) == len(mine(text)["input_ids"]), text
    pairs = [[dict(t("a film", text)) for text in texts] for t in (mine, other)]
    assert pairs[0] == pairs[1]
    assert mine(texts)["input_ids"] == [mine(t)["input_ids"] for t in texts]


@pytest.mark.parametrize(
    "settings", [{}, {"add_prefix_space": True}, {"tokenizer_class": "BartTokenizer"}]
)
def test_byte_level_ids_are_those_of_transformers(settings: Files, tmp_path: Path) -> None:
    folder = put(tmp_path / "model", byte_level() | {SETTINGS: settings})
    mine, other = ours(folder, ROBERTA), theirs(folder, ROBERTA)
    assert [mine(t)["input_ids"] for t in HARD] == [other(t)["input_ids"] for t in HARD]
    assert mine("good")["input_ids"][1:-1] == mine.convert_tokens_to_ids(
        ["good"] if "add_prefix_space" not in settings else ["Ġ", "good"]
    )


def test_words_of_a_byte_level_tagger_keep_their_blanks(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", byte_level())
    tagger = tiny_config(plain=True, backbone="roberta", task="token_classification")
    tokenizer = ours(folder, tagger)
    words = tokenizer(["good", "good"], is_split_into_words=True)
    assert words["input_ids"] == tokenizer(" good good")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(words["input_ids"]).count("Ġ") == 2


@pytest.mark.parametrize(
    ("settings", "text", "pieces"),
    [
        ({"strip_accents": False}, "Schön café", ["schön", "café"]),
        ({}, "Schön café", ["s", "##c", "##h", "##o", "##n", "c", "##a", "##f", "##e"]),
        ({"do_lower_case": False}, "Paris", ["Paris"]),
        ({}, "Paris", ["paris"]),
    ],
)
def test_the_pieces_themselves(
    settings: Files, text: str, pieces: list[str], tmp_path: Path
) -> None:
    folder = put(tmp_path / "model", VOCAB | {SETTINGS: settings})
    tokenizer = ours(folder)
    assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])[1:-1] == pieces


def test_a_checkpoint_with_special_tokens_of_its_own(tmp_path: Path) -> None:
    config = tiny_config(plain=True, vocab_size=len(OWN) + len(PIECES) - 104)
    folder = write_tiny_folder(tmp_path / "model", config, tokenizer=False)
    put(folder, OWN_VOCAB | {SETTINGS: OWN_NAMES})
    checkpoint = load(folder, device="cpu")
    known = {piece: i for i, piece in enumerate([*OWN, *PIECES[104:]])}
    (row,) = encode_rows(checkpoint, [Row("the ก film")])
    assert row.ids == (2, known["the"], 1, known["film"], 3)
    assert check(folder).usable


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_change_no_id(mark: str, end: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "vocab.txt").write_bytes((mark + end.join(PIECES) + end).encode())
    (folder / SETTINGS).write_bytes((mark + '{"do_lower_case": true}').encode())
    assert ours(folder)("the film")["input_ids"] == [101, *map(PIECES.index, ("the", "film")), 102]


def test_saving_keeps_every_id(tmp_path: Path) -> None:
    config = tiny_config(plain=True)
    for number, settings in enumerate(
        ({}, {"strip_accents": False}, {"do_lower_case": False, "mask_token": None})
    ):
        folder = write_tiny_folder(tmp_path / f"{number}", config, tokenizer=False)
        put(folder, VOCAB | {SETTINGS: settings})
        first = load(folder, device="cpu")
        again = load(save(first, tmp_path / f"{number}-saved"), device="cpu")
        one, two = first.need_tokenizer(), again.need_tokenizer()
        assert [one(t)["input_ids"] for t in HARD] == [two(t)["input_ids"] for t in HARD]
        stored = json.loads((tmp_path / f"{number}-saved" / SETTINGS).read_text())
        assert not {"is_local", "local_files_only", "name_or_path"} & set(stored)


@pytest.mark.parametrize("folder", sorted(CHECKPOINTS.iterdir()), ids=lambda f: f.name)
def test_bundled_tokenizers_are_those_of_transformers(folder: Path) -> None:
    raw = json.loads((folder / "config.json").read_text())
    config = tiny_config(vocab_size=raw["vocab_size"], backbone=raw["model_type"])
    mine, other = ours(folder, config), theirs(folder, config)
    assert [mine(t)["input_ids"] for t in HARD] == [other(t)["input_ids"] for t in HARD]
    assert tokenizer_doubts(folder, config, mine) == []


def test_settings_without_a_vocabulary_go_with_the_bundled_one(tmp_path: Path) -> None:
    config = tiny_config(vocab_size=30522)
    folder = put(tmp_path / "model", {SETTINGS: {"strip_accents": False}})
    pieces = [
        ours(where, config).convert_ids_to_tokens(ours(where, config)("É")["input_ids"])
        for where in (folder, tmp_path)
    ]
    assert pieces == [["[CLS]", "[UNK]", "[SEP]"], ["[CLS]", "e", "[SEP]"]]
    assert load_tokenizer(tmp_path, tiny_config()) is None
    assert "bert-base-uncased" in tokenizer_doubts(folder, config, ours(folder, config))[0]


# ---- what cannot serve ------------------------------------------------------------------------


def without(piece: str) -> Files:
    return {"vocab.txt": lines(["[unused]" if p == piece else p for p in PIECES])}


def far(token: str, number: int) -> Files:
    value = whole()
    value["model"]["vocab"][token] = number
    return {"tokenizer.json": value}


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (without("[UNK]"), ("no token for unknown characters", "add [UNK]")),
        (without("[SEP]"), ("special token '[SEP]'", "does not hold", "tokenizer_config.json")),
        (without("[CLS]"), ("special token '[CLS]'",)),
        ({"vocab.txt": ""}, ("no token for unknown characters", "'film'")),
        ({"vocab.txt": "a\nb\nc\n"}, ("no token for unknown characters",)),
        ({"vocab.txt": "x" * (33 << 20)}, ("more than 32 MiB",)),
        ({"vocab.txt": lines([f"w{i}" for i in range(705)])}, ("'w704' with id 704", "704 word")),
        (far("zebra", 5000), ("'zebra' with id 5,000", "704 word embeddings", "belong together")),
        (VOCAB | {"added_tokens.json": {"[Y]": 700}}, ("'[Y]' the id 700", "it would get 257")),
        (VOCAB | {SETTINGS: {"cls_token": None}}, ("special token '[unused1]'",)),
        (VOCAB | {SETTINGS: {"vocab": "/dev/zero"}}, ("'vocab', which is no setting",)),
        (VOCAB | {SETTINGS: {"tokenizer_object": "x"}}, ("'tokenizer_object'",)),
        (VOCAB | {SETTINGS: {"tokenizer_class": "AutoModel"}}, ("such as BertTokenizer",)),
        (VOCAB | {SETTINGS: {"tokenizer_class": 5}}, ("tokenizer_class is 5",)),
        (VOCAB | {SETTINGS: {"tokenizer_class": "RobertaTokenizer"}}, ("needs vocab.json",)),
        (VOCAB | {SETTINGS: {"tokenizer_class": "CanineTokenizer"}}, ("is 'CanineTokenizer'",)),
        (VOCAB | {SETTINGS: {"do_lower_case": "no"}}, ("cannot be read", "bool")),
        (VOCAB | {SETTINGS: "[]"}, ("tokenizer_config.json: holds []",)),
        (VOCAB | {SETTINGS: '{"a": 1, "a": 2}'}, ("'a' is given twice",)),
        (VOCAB | {"special_tokens_map.json": "{"}, ("special_tokens_map.json, line 1",)),
        (VOCAB | {"special_tokens_map.json": {"unk_token": "<gone>"}}, ("no token for unknown",)),
        ({"tokenizer.json": "[" * 100_000}, ("tokenizer.json", "nested deeper than 64")),
        ({"tokenizer.json": {"model": {"type": "BPE", "vocab": {}, "merges": []},
                             "added_tokens": []}}, ("holds a BPE model", "reads WordPiece")),
        ({"vocab.txt": "schön"}, ("no token for unknown",)),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_it_is_refused_with_words(files: Files, parts: tuple[str, ...], tmp_path: Path) -> None:
    refused(put(tmp_path / "model", files), *parts)


def test_byte_level_files_that_cannot_serve(tmp_path: Path) -> None:
    lone = {"vocab.json": byte_level()["vocab.json"]}
    refused(put(tmp_path / "a", lone), "needs merges.txt", config=ROBERTA)
    few = byte_level()
    few["vocab.json"] = {k: v for k, v in few["vocab.json"].items() if k.isascii()}
    refused(put(tmp_path / "b", few), "no token for unknown characters", config=ROBERTA)


def test_text_in_another_encoding(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", {})
    (folder / "vocab.txt").write_bytes(lines(PIECES).encode("utf-16"))
    refused(folder, "vocab.txt: is UTF-16, not UTF-8")
    (folder / "vocab.txt").write_bytes("schön\n".encode("latin-1"))
    refused(folder, "is not UTF-8 (byte 0xf6")


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", SETTINGS, "added_tokens.json"])
def test_a_pipe_is_no_tokenizer_file(name: str, tmp_path: Path) -> None:
    folder = put(tmp_path / "model", {k: v for k, v in VOCAB.items() if k != name})
    os.mkfifo(folder / name)
    refused(folder, f"{name}: is a pipe")


def test_padding_must_be_that_of_the_model(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", {"vocab.txt": lines(PIECES[::-1])})
    refused(folder, "pads with '[PAD]', id 256", "with id 0", kind=CheckpointMismatch)
    shifted = tiny_config(plain=True, pad_token_id=256)
    assert ours(folder, shifted).pad_token_id == 256


def test_the_first_word_is_not_to_be_overwritten(tmp_path: Path) -> None:
    value = whole() | {"post_processor": None}
    folder = put(
        tmp_path / "model",
        {"tokenizer.json": value, SETTINGS: {"tokenizer_class": "PreTrainedTokenizerFast"}},
    )
    refused(folder, "overwrites the first token", config=tiny_config())
    assert ours(folder)("the film")["input_ids"] == [PIECES.index("the"), PIECES.index("film")]


def test_a_mask_token_that_no_file_holds_has_no_id_beyond_the_table(tmp_path: Path) -> None:
    folder = put(tmp_path / "model", without("[MASK]"))
    exact = tiny_config(plain=True, vocab_size=len(PIECES))
    assert ours(folder).mask_token_id == len(PIECES)  # a row that nothing has trained, but a row
    tokenizer = ours(folder, exact)
    assert tokenizer.mask_token is None
    assert max(tokenizer("a [MASK] b")["input_ids"]) < len(PIECES)


def test_code_of_a_folder_is_never_run(tmp_path: Path) -> None:
    settings = {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}
    folder = put(tmp_path / "model", VOCAB | {SETTINGS: settings})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n")
    tokenizer = ours(folder)
    assert "auto_map" in tokenizer_doubts(folder, PLAIN, tokenizer)[0]
    assert not (tmp_path / "marker").exists()


# ---- what can be doubted ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "config", "part"),
    [
        ({"tokenizer.json": whole(), SETTINGS: {"do_lower_case": False}}, PLAIN,
         "disagree on 'The'"),
        ({"tokenizer.json": whole(), "vocab.txt": lines(["[PAD]", "a"])}, PLAIN,
         "'a' is 1 in the one"),
        ({"tokenizer.json": whole() | {"added_tokens": {}}}, PLAIN, "cannot be read by itself"),
        (VOCAB, replace(PLAIN, extras={"cls_token_id": 5}), "cls_token_id 5"),
        (without("[PAD]"), PLAIN, "no padding token; the model pads with id 0"),
        (without("[MASK]"), PLAIN, "'[MASK]' is in no file's vocabulary; it would get the id 257"),
        (VOCAB, PLAIN, "pieces are never reached, such as"),
        ({"vocab.txt": lines([*PIECES[:104], "日"])}, PLAIN, "26 of the 26 Latin letters"),
        ({"vocab.txt": lines(PIECES[:1] + PIECES[2:103] + PIECES[1:2] + PIECES[103:])},
         tiny_config(), "writes id 101 over the first token of every text, which is '[SEP]'"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_doubts_are_said(files: Files, config: MuxConfig, part: str, tmp_path: Path) -> None:
    folder = put(tmp_path / "model", files)
    doubts = tokenizer_doubts(folder, config, ours(folder, config))
    assert any(part in doubt for doubt in doubts), doubts


def test_nothing_is_doubted_of_a_good_folder(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model")
    assert tokenizer_doubts(folder, tiny_config(), ours(folder, tiny_config())) == []


def test_the_report_tells_doubts_and_goes_on(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tokenizer=False)
    put(folder, VOCAB)
    report = check(folder)
    stage = next(stage for stage in report.stages if stage.name == "tokenizer")
    assert (stage.status, report.usable) == ("warning", True)
    assert "pieces are never reached" in stage.lines[1]


# ---- anything at all --------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["tokenizer_class", "unk_token", "cls_token", "added_tokens_decoder", "do_lower_case", "vocab",
     "strip_accents", "additional_special_tokens", "extra_special_tokens", "model_max_length",
     "truncation", "padding_side", "tokenizer_file", "backend", "add_prefix_space", "bos_token"]
)  # fmt: skip
PARTS = st.sampled_from(["model", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                         "decoder", "truncation", "padding", "version"])  # fmt: skip


@given(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(PARTS, VALUES, max_size=1),
    st.one_of(st.none(), VALUES),
    st.one_of(st.none(), st.text(max_size=30), st.just(lines(PIECES))),
)
def test_no_folder_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, settings: Any, parts: Any, added: Any, vocab: Any
) -> None:
    files: Files = {SETTINGS: settings, "tokenizer.json": whole() | parts}
    if vocab is not None:
        files = {SETTINGS: settings, "vocab.txt": vocab.encode("utf-8", "replace").decode()}
    if added is not None:
        files["added_tokens.json"] = added
    folder = put(tmp_path_factory.mktemp("any"), files)
    with contextlib.suppress(MuxvizError):
        tokenizer = ours(folder)
        for text in HARD:
            assert all(0 <= i < 704 for i in tokenizer(text)["input_ids"])
        tokenizer_doubts(folder, PLAIN, tokenizer)
