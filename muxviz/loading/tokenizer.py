"""The tokenizer of a folder as transformers' AutoTokenizer reads it; or the bundled one; or none.

The files are read through the door, and AutoTokenizer sees clean copies of them in a folder of its
own: bounded, UTF-8 without a mark, and without what names other files or code, which is never run.
What cannot serve its model is refused here: no token for unknown characters, a token in every text
that the vocabulary does not hold, ids without an embedding, another padding than the model's.

What can only be doubted is told by the pre-flight (``tokenizer_check``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muxviz import files
from muxviz.config import MuxConfig
from muxviz.errors import CheckpointMismatch, CheckpointUnreadable, FileError
from muxviz.loading.fields import shown

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BUNDLED_VOCABULARY = Path(__file__).parent / "bert-base-uncased-vocab.txt"
SETTINGS, SPECIALS, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")  # one of these holds the pieces
ALL_TOKENIZER_FILES = (  # every file a tokenizer may consist of
    *TOKENIZER_FILES,
    "merges.txt",
    SETTINGS,
    SPECIALS,
    ADDED,
)
NO_SETTINGS = (  # arguments of the tokenizer classes that no settings file has a right to
    "vocab",
    "merges",
    "tokenizer_object",
    "gguf_file",
    "post_processor",
    "tokenizer_padding",
    "tokenizer_truncation",
    "init_inputs",
    "fast_tokenizer_files",
)
GENERIC_CLASSES = ("PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend")
LEFT_OUT = ("auto_map", "chat_template", "name_or_path", "trust_remote_code")
OF_THIS_READING = ("is_local", "local_files_only", "name_or_path")  # not to be saved
UNUSED_ROLES = ("mask_token", "pad_token", "bos_token", "eos_token")  # by texts as they are
LETTERS = ("film", "Schön", "ÉCOLE", "日本", "Ж", "ก")
SYMBOLS = ("🙂", "½", "{", "𝔘")

TokenizerFiles = dict[str, Any]  # file name -> its text, or its JSON


def load_tokenizer(folder: Path, config: MuxConfig) -> PreTrainedTokenizerBase | None:
    """The folder's tokenizer; the bundled bert-base-uncased one where its size fits; or None.

    Raises:
        CheckpointUnreadable: tokenizer files are there but cannot be read, or cannot serve this
            model. CheckpointMismatch: they pad with another id than the model.
    """
    where, rows = str(folder), config.shape.vocab_size
    found = _with_bundled(read_tokenizer_files(folder), config.backbone, rows)
    if found is None:
        return None
    if not {"tokenizer.json", "vocab.txt", "merges.txt"} & set(found):
        raise _unreadable(where, "vocab.json needs merges.txt, which is not there")
    tokenizer = _read(found, config, where)
    told = told_ids(found, tokenizer)
    unheld = {t: i for t, i in tokenizer.get_vocab().items() if i >= rows and t not in told}
    if unheld:  # such as [MASK], which the class adds where the vocabulary has none
        tokenizer = _read(_without(found, unheld, tokenizer), config, where)
    _check_ids(tokenizer, told, rows, where)
    _check_texts(tokenizer, told, config, where)
    pad = tokenizer.pad_token
    if pad in told and told[pad] != config.shape.pad_token_id:
        raise CheckpointMismatch(
            f"{where}: the tokenizer pads with {pad!r}, id {told[pad]}, the model with id "
            f"{config.shape.pad_token_id}; correct pad_token_id in config.json, or fetch the "
            "right vocabulary"
        )
    return tokenizer


def tokenizer_rules(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """All by which a tokenizer makes tokens of a text, to tell whether two do so alike."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules: dict[str, Any] = json.loads(backend.to_str()) if backend else tokenizer.get_vocab()
    return rules | {"truncation": None, "padding": None}  # set by use, not by the folder


def counting_tokenizer(folder: Path, backbone: str, rows: int) -> Any:
    """The same in the terms of the tokenizers library alone, which is there at once: for counting.

    None where there is none, and for what that library does not offer: other vocabularies than
    WordPiece without tokenizer.json, special tokens that are to be split.

    Raises:
        CheckpointUnreadable: as ``load_tokenizer``; any other kind: see the Rust library.
    """
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    found = _with_bundled(read_tokenizer_files(folder), backbone, rows)
    if found is None:
        return None
    stated = found.get(SPECIALS, {}) | found.get(SETTINGS, {})
    whole = found.get("tokenizer.json")
    is_generic = stated.get("tokenizer_class") in GENERIC_CLASSES
    if whole is not None and (is_generic or whole["model"].get("type") != "WordPiece"):
        tokenizer = Tokenizer.from_str(json.dumps(whole))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    if (whole is None and "vocab.txt" not in found) or stated.get("split_special_tokens"):
        return None
    roles = {
        role: _content(token)
        for role in ("unk_token", "sep_token", "cls_token", "pad_token", "mask_token")
        if (token := stated.get(role))
    }
    tokenizer = BertWordPieceTokenizer(
        whole["model"]["vocab"] if whole else _lines(found["vocab.txt"]),
        lowercase=stated.get("do_lower_case", True),
        strip_accents=stated.get("strip_accents"),
        handle_chinese_chars=stated.get("tokenize_chinese_chars", True),
        **roles,
    )
    more = stated.get("extra_special_tokens") or stated.get("additional_special_tokens") or []
    tokenizer.add_special_tokens([_content(token) for token in more])
    tokenizer.add_tokens(sorted(set(told_ids(found)) - set(tokenizer.get_vocab())))
    return tokenizer


def _content(token: Any) -> Any:
    """The text of a token that is stated with its rules or without."""
    return token["content"] if isinstance(token, dict) else token


def _with_bundled(found: TokenizerFiles, backbone: str, rows: int) -> TokenizerFiles | None:
    """The files with the bundled vocabulary where it fits and none is there; None without any."""
    if any(name in found for name in TOKENIZER_FILES):
        return found
    if backbone == "roberta" or rows != 30522:
        return None
    return found | {"vocab.txt": files.read_text(BUNDLED_VOCABULARY)}


def _lines(text: str) -> dict[str, int]:
    return {line.rstrip(): i for i, line in enumerate(files.split_lines(text))}


def read_tokenizer_files(folder: Path) -> TokenizerFiles:
    """The tokenizer files of a folder by name, as text or JSON.

    Raises:
        CheckpointUnreadable: one of them is not a regular file, too large, or malformed.
    """
    found: TokenizerFiles = {}
    try:
        for name in ALL_TOKENIZER_FILES:
            path = folder / name
            if not files.is_there(path):
                continue
            text = files.read_text(path, most=files.LARGEST_JSON, expected="a tokenizer file")
            found[name] = text if name.endswith(".txt") else _json(text, path)
    except FileError as error:
        raise _unreadable(str(folder), error) from error
    return found


def _json(text: str, path: Path) -> dict[str, Any]:
    if path.name == SETTINGS:
        # "No limit" is a number of 31 digits there; how long a text may be, the model says.
        text = re.sub(r'("model_max_length"\s*:\s*)\d{19,60}(?![\d.eE])', r"\g<1>null", text)
    value = files.parse_json(text, path, expected="a JSON object")
    if not isinstance(value, dict):
        raise FileError(path, f"holds {shown(value)}", expected="a JSON object")
    return value


def _unreadable(where: str, error: object) -> CheckpointUnreadable:
    return CheckpointUnreadable(
        f"{where}: the tokenizer files cannot be read ({str(error)[:400]}); fetch them again, or "
        "remove them to run token ids only"
    )


def _read(found: TokenizerFiles, config: MuxConfig, where: str) -> PreTrainedTokenizerBase:
    """What AutoTokenizer makes of the files."""
    from transformers import AutoConfig, AutoTokenizer

    settings = _settings(found.get(SETTINGS, {}), config, where)
    named = config.extras.get("tokenizer_class")
    for name in (settings.get("tokenizer_class"), named):
        _check_class(name, where)
    kind = AutoConfig.for_model(config.backbone, tokenizer_class=named)
    with files.scratch("tokenizer") as place:
        for name, value in (found | {SETTINGS: settings}).items():
            text = value if isinstance(value, str) else json.dumps(value)
            files.write_whole(place / name, text)
        try:
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                place, config=kind, local_files_only=True, trust_remote_code=False
            )
        except Exception as error:  # of any kind: the Rust reader raises bare Exception
            raise _unreadable(where, str(error).replace(f"{place}/", "")) from error
    for name in OF_THIS_READING:
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.name_or_path = where
    _check_kind(found, tokenizer, where)
    return tokenizer


def _settings(stated: dict[str, Any], config: MuxConfig, where: str) -> dict[str, Any]:
    """The settings that are followed."""
    for name in NO_SETTINGS:
        if stated.get(name):
            raise _unreadable(where, f"{SETTINGS} has {name!r}, which is no setting")
    kept = {
        name: value
        for name, value in stated.items()
        if name not in (*NO_SETTINGS, *LEFT_OUT, *OF_THIS_READING)
        and not name.endswith("_file")
        and not name.startswith("_")
        and not (name == "model_max_length" and value is None)
    }
    if config.backbone == "roberta" and config.task == "token_classification":
        # Words come one by one there; the released scripts ask for this whatever the file says.
        kept["add_prefix_space"] = True
    return kept


def _check_class(name: Any, where: str) -> None:
    """See that a class name, where transformers has one, is that of a tokenizer we can use."""
    import transformers

    if name is None:
        return
    kind = getattr(transformers, name, None) if isinstance(name, str) else name
    generic, fast = transformers.PreTrainedTokenizer, transformers.PreTrainedTokenizerFast
    is_one = isinstance(kind, type) and (issubclass(kind, fast) or kind is generic)
    if kind is not None and not is_one:
        raise _unreadable(
            where,
            f"tokenizer_class is {shown(name)}; expected a tokenizer that the tokenizers library "
            "runs, such as BertTokenizer",
        )


def _check_kind(found: TokenizerFiles, tokenizer: Any, where: str) -> None:
    """See that the class has read the files that are there, and of a kind that it knows.

    It makes up a vocabulary of five pieces where its files are missing, and reads any vocabulary
    by its own rules.
    """
    name = type(tokenizer).__name__
    whole = found.get("tokenizer.json")
    if whole is not None:
        kind, used = whole["model"].get("type"), type(tokenizer.backend_tokenizer.model).__name__
        if kind not in (None, used):
            raise _unreadable(
                where, f"tokenizer.json holds a {kind} model, {name} reads {used}; name its class"
            )
        return
    missing = [file for file in _vocabulary_files(tokenizer) if file not in found]
    if missing:
        raise _unreadable(where, f"{name} needs {missing[0]}, which is not there")


def _vocabulary_files(tokenizer: Any) -> list[str]:
    """The files that its class reads where there is no tokenizer.json."""
    return [f for f in type(tokenizer).vocab_files_names.values() if f != "tokenizer.json"]


def told_ids(found: TokenizerFiles, tokenizer: Any = None) -> dict[str, int]:
    """The id of every piece that the files name; what is not in here, a class has made up.

    Args:
        tokenizer: whose class decides on the vocabulary file where there is no tokenizer.json;
            None for vocab.txt.
    """
    whole = found.get("tokenizer.json")
    told: dict[str, int] = {}
    if whole is not None:
        pieces = whole["model"].get("vocab") or {}
        if isinstance(pieces, list):  # of pieces and their scores
            pieces = {piece: i for i, (piece, *_) in enumerate(pieces)}
        told |= pieces
        told |= {token["content"]: token["id"] for token in whole.get("added_tokens") or ()}
    else:
        pieces = found["vocab.txt" if tokenizer is None else _vocabulary_files(tokenizer)[0]]
        told |= _lines(pieces) if isinstance(pieces, str) else pieces
    told |= found.get(ADDED, {})
    decoder = found.get(SETTINGS, {}).get("added_tokens_decoder") or {}
    return told | {token["content"]: int(i) for i, token in decoder.items()}


def _without(
    found: TokenizerFiles, tokens: Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> TokenizerFiles:
    """The files for another reading, in which no special token is one of ``tokens``."""
    named = tokenizer.special_tokens_map
    roles = {role: None for role in UNUSED_ROLES if str(named.get(role)) in tokens}
    specials = {k: v for k, v in found.get(SPECIALS, {}).items() if k not in roles}
    return found | {SETTINGS: found.get(SETTINGS, {}) | roles, SPECIALS: specials}


def _check_ids(
    tokenizer: PreTrainedTokenizerBase, told: dict[str, int], rows: int, where: str
) -> None:
    """See that every id has an embedding, and is the one that the files name."""
    ids = tokenizer.get_vocab()
    beyond = sorted((t not in told, i, t) for t, i in ids.items() if i >= rows)
    if beyond:
        _, number, token = beyond[0]
        raise CheckpointUnreadable(
            f"{where}: the tokenizer has {len(ids):,} pieces, {token!r} with id {number:,}, the "
            f"model {rows:,} word embeddings; they do not belong together"
        )
    for token, number in tokenizer.get_added_vocab().items():
        if told.get(token, number) != number:
            raise CheckpointUnreadable(
                f"{where}: the files give {token!r} the id {told[token]}, it would get {number}, "
                "as the ids before it are not all taken; fetch the right vocabulary"
            )


def _check_texts(
    tokenizer: PreTrainedTokenizerBase, told: dict[str, int], config: MuxConfig, where: str
) -> None:
    """See that any text gets tokens, that the files name all of them, and which one is first."""
    known = set(told.values())
    special = set(tokenizer.get_added_vocab().values()) & known
    for word in (*LETTERS, *SYMBOLS):
        try:
            encoded: Any = tokenizer(word, word, return_special_tokens_mask=True)
        except Exception as error:  # of the Rust library: bare
            raise _no_unknown(word, f" ({str(error)[:80]})", where) from error
        ids, added = encoded["input_ids"], list(map(bool, encoded["special_tokens_mask"]))
        if all(added) and word in LETTERS:
            raise _no_unknown(word, "", where)
        strange = [
            i
            for i, is_added in zip(ids, added, strict=True)
            if i not in (special if is_added else known)
        ]
        if strange:
            token = tokenizer.convert_ids_to_tokens(strange[0])
            raise CheckpointUnreadable(
                f"{where}: texts get the special token {token!r}, which the vocabulary does not "
                f"hold; fetch the right vocabulary, or name the model's own in {SETTINGS}"
            )
        if config.forced_first_token is not None and not added[0]:
            raise CheckpointUnreadable(
                f"{where}: the model overwrites the first token of every text, and this tokenizer "
                "puts none before the first word; fetch the right tokenizer files"
            )


def _no_unknown(word: str, reason: str, where: str) -> CheckpointUnreadable:
    return CheckpointUnreadable(
        f"{where}: the tokenizer has no token for unknown characters, such as {word!r}{reason}; "
        "add [UNK] to its vocabulary, or fetch the right one"
    )
