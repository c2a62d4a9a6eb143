"""The tokenizer of a folder, or the bundled one, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from muxviz.config import MuxConfig
from muxviz.errors import CheckpointUnreadable, MuxvizError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BUNDLED_VOCABULARY = Path(__file__).parent / "bert-base-uncased-vocab.txt"
ALL_TOKENIZER_FILES = (  # every file a tokenizer may consist of
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json")


def load_tokenizer(folder: Path, config: MuxConfig) -> PreTrainedTokenizerBase | None:
    """The folder's tokenizer; the bundled bert-base-uncased one where its size fits; or None.

    Raises:
        CheckpointUnreadable: tokenizer files are there but cannot be read, or know more pieces
            than the model has rows.
    """
    if any((folder / name).is_file() for name in TOKENIZER_FILES):
        tokenizer = _from_folder(folder)
        if len(tokenizer) > config.shape.vocab_size:
            raise CheckpointUnreadable(
                f"{folder}: the tokenizer has {len(tokenizer):,} pieces, the model "
                f"{config.shape.vocab_size:,} word embeddings; they do not belong together"
            )
        return tokenizer
    if config.backbone != "roberta" and config.shape.vocab_size == 30522:
        return _wordpiece(BUNDLED_VOCABULARY)
    return None


def _from_folder(folder: Path) -> PreTrainedTokenizerBase:
    import transformers

    try:
        if (folder / "tokenizer.json").is_file():
            return transformers.PreTrainedTokenizerFast.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        if (folder / "vocab.txt").is_file():
            return _wordpiece(folder / "vocab.txt", lowercase=_lowercases(folder))
        return transformers.RobertaTokenizerFast.from_pretrained(folder, local_files_only=True)
    except MuxvizError:
        raise
    except Exception as error:  # the Rust reader raises bare Exception
        raise CheckpointUnreadable(
            f"{folder}: the tokenizer files cannot be read ({str(error)[:200]}); fetch them "
            "again, or remove them to run token ids only"
        ) from error


def _lowercases(folder: Path) -> bool:
    from muxviz.loading.weights import read_json

    path = folder / "tokenizer_config.json"
    return bool(read_json(path).get("do_lower_case", True)) if path.is_file() else True


def _wordpiece(vocabulary: Path, *, lowercase: bool = True) -> PreTrainedTokenizerBase:
    from transformers import BertTokenizer

    return BertTokenizer(vocab=str(vocabulary), do_lower_case=lowercase)
