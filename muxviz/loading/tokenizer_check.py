"""What can be doubted of a tokenizer that loads: sentences for the pre-flight's report.

The files of a folder may contradict each other, or may have been written for another model. Where
that cannot be known, it is said with an example, and a person decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muxviz import files
from muxviz.config import MuxConfig
from muxviz.loading.tokenizer import (
    SETTINGS,
    SYMBOLS,
    TOKENIZER_FILES,
    TokenizerFiles,
    read_tokenizer_files,
    told_ids,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HARD = (  # accents, capitals, unknown characters, blanks, special tokens typed in, nothing
    "The good film isn't over-rated: 3.5/5!",
    "Schön, naïve café – İstanbul, ÉCLAIR, Ωμέγα",
    "日本の映画 🙂 ก \u0301 x\u200dy 𝔘 ½",
    "tab\tno-break\u00a0space\u3000wide",
    "[CLS] a [SEP] b [PAD] [UNK] [MASK] <s> </s> <unk> <mask>",
    "##ing x" + "y" * 120,
    "",
)
MUCH = 0.02  # share of the pieces beyond which it is no accident
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def tokenizer_doubts(
    folder: Path, config: MuxConfig, tokenizer: PreTrainedTokenizerBase
) -> list[str]:
    """What may be wrong with a tokenizer that ``load_tokenizer`` took, a sentence each."""
    found = read_tokenizer_files(folder)
    told = told_ids(found, tokenizer) if any(n in found for n in TOKENIZER_FILES) else None
    return [
        *_against_auto(folder, config, found, tokenizer),
        *_between_files(found, tokenizer),
        *_special_tokens(config, told, tokenizer),
        *_pieces(tokenizer),
        *_words(config, tokenizer),
    ]


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text)["input_ids"]
    return ids


def _against_auto(
    folder: Path, config: MuxConfig, found: TokenizerFiles, tokenizer: Any
) -> Iterator[str]:
    """Whether transformers reads the folder as it is in the same way."""
    from transformers import AutoConfig, AutoTokenizer

    settings = found.get(SETTINGS, {})
    if settings.get("auto_map"):
        yield f"{SETTINGS} names code of its own (auto_map), which was not run"
    if not any(name in found for name in TOKENIZER_FILES):
        yield "the folder has no vocabulary; bert-base-uncased's was taken, as the size fits"
        return
    # What else AutoTokenizer would open is left to it: it is not bounded.
    if any(files.is_there(folder / name) for name in ("chat_template.jinja", "tekken.json")):
        return
    kind = AutoConfig.for_model(
        config.backbone, tokenizer_class=config.extras.get("tokenizer_class")
    )
    try:
        theirs = AutoTokenizer.from_pretrained(
            folder, config=kind, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # of any kind, see load_tokenizer
        yield f"transformers cannot read these files as they are ({str(error)[:120]})"
        return
    for text in HARD:
        if _ids(theirs, text) != _ids(tokenizer, text):
            yield (
                f"transformers gives other tokens for {text!r}: "
                f"{_shown(theirs, text)}; here they are {_shown(tokenizer, text)}"
            )
            return


def _shown(tokenizer: Any, text: str) -> str:
    pieces = tokenizer.convert_ids_to_tokens(_ids(tokenizer, text))
    return " ".join(pieces[:12]) + (" ..." if len(pieces) > 12 else "")


def _between_files(found: TokenizerFiles, tokenizer: Any) -> Iterator[str]:
    """Whether tokenizer.json alone, and vocab.txt, say what is made of all files together."""
    from tokenizers import Tokenizer

    whole = found.get("tokenizer.json")
    if whole is None:
        return
    try:
        alone = Tokenizer.from_str(json.dumps(whole))
    except Exception as error:  # of the Rust library: bare
        yield f"tokenizer.json cannot be read by itself ({str(error)[:120]})"
        return
    alone.no_padding()
    alone.no_truncation()
    for text in (*" ".join(HARD).split(), *HARD):
        ids = alone.encode(text).ids
        if ids != _ids(tokenizer, text):
            pieces = " ".join(str(alone.id_to_token(i)) for i in ids[:12])
            yield (
                f"tokenizer.json and {SETTINGS} disagree on {text!r}: tokenizer.json alone gives "
                f"{pieces}, both together {_shown(tokenizer, text)}, as transformers reads them"
            )
            break
    known = tokenizer.get_vocab()
    for number, line in enumerate(files.split_lines(found.get("vocab.txt", ""))):
        if line.rstrip() and known.get(line.rstrip(), number) != number:
            yield (
                f"vocab.txt and tokenizer.json disagree: {line.rstrip()!r} is {number} in the one, "
                f"{known[line.rstrip()]} in the other, which was taken"
            )
            break


def _special_tokens(
    config: MuxConfig, told: dict[str, int] | None, tokenizer: PreTrainedTokenizerBase
) -> Iterator[str]:
    if tokenizer.pad_token is None or (told is not None and tokenizer.pad_token not in told):
        yield (
            f"the vocabulary has no padding token; the model pads with id "
            f"{config.shape.pad_token_id}, as config.json says"
        )
    for token, number in tokenizer.get_added_vocab().items():
        if told is not None and token not in told and token != tokenizer.pad_token:
            yield f"{token!r} is in no file's vocabulary; it would get the id {number}"
    ids = tokenizer.get_vocab()
    for role, named in tokenizer.special_tokens_map.items():
        stated = config.extras.get(f"{role}_id")
        if isinstance(stated, int) and ids.get(str(named), stated) != stated:
            yield f"config.json says {role}_id {stated}, the tokenizer gives {ids[str(named)]}"
    forced, first = config.forced_first_token, _ids(tokenizer, "film")[0]
    if forced is not None and forced != first:
        pieces = tokenizer.convert_ids_to_tokens([first, forced])
        yield (
            f"the model writes id {forced} over the first token of every text, which is "
            f"{pieces[1]!r} here; this tokenizer puts {pieces[0]!r}, id {first}, there"
        )


def _pieces(tokenizer: Any) -> Iterator[str]:
    """Whether the vocabulary is one for these settings and for words at all."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    special = set(tokenizer.get_added_vocab())
    pieces = [p for p in tokenizer.get_vocab() if p not in special and not p.startswith("[unused")]
    if normalizer is not None:
        lost = [p for p in pieces if normalizer.normalize_str(p).strip() != p.strip()]
        if len(lost) > MUCH * len(pieces):
            examples = ", ".join(repr(piece) for piece in sorted(lost, key=len)[-3:])
            yield (
                f"{len(lost):,} of {len(pieces):,} pieces are never reached, such as {examples}, "
                "because texts are changed before (lower case, accents); is this a cased "
                f"vocabulary without its {SETTINGS}?"
            )
    unknown = tokenizer.unk_token_id
    missing = [
        c for c in LETTERS if tokenizer(c, add_special_tokens=False)["input_ids"] == [unknown]
    ]
    if len(missing) > len(LETTERS) // 2:
        yield (
            f"{len(missing)} of the {len(LETTERS)} Latin letters are unknown to the vocabulary "
            f"({len(pieces):,} pieces); most words will be too"
        )
    silent = [s for s in SYMBOLS if not tokenizer(s, add_special_tokens=False)["input_ids"]]
    if silent:
        yield f"characters such as {silent[0]!r} vanish without a token"


def _words(config: MuxConfig, tokenizer: Any) -> Iterator[str]:
    """Whether words that are given one by one get the tokens that they have in a text."""
    if config.task != "token_classification":
        return
    words = ["good", "film"]
    one_by_one = tokenizer(words, is_split_into_words=True)["input_ids"]
    if one_by_one != _ids(tokenizer, " ".join(words)):
        yield "words given one by one, as labelled ones are, get other tokens than in a text"
