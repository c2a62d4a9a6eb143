"""Smart tags: what can be said of a row and its company before it is answered.

Words are looked for in English. What needs the answer (flips, thin margins) is added to failures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from muxviz.batch import EncodedRow

SHORT, LONG = 5, 25  # words
PIECES = 1.5  # tokens a word, from which on its words are rare to the tokenizer
LONGER = 2.0  # times as many tokens: what makes a neighbour a long one
THIN = 1.0  # logits: a margin that little changes

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_WORDS = {
    "negation": r"no|not|never|nothing|nobody|none|nor|neither|nowhere|cannot|without|hardly|"
    r"barely|\w+n['’]t",
    "contrast": r"but|although|though|however|yet|despite|instead|while|whereas|except",
    "comparison": r"than|more|less|better|worse|best|worst|most|least",
}
_MARKS = {
    **{name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _WORDS.items()},
    "question": re.compile(r"\?"),
    "number": re.compile(r"\d"),
}


def _count(row: EncodedRow) -> int:
    return len(_WORD.findall(f"{row.row.text} {row.row.pair or ''}"))


ROW_TAGS: dict[str, Callable[[EncodedRow, int], bool]] = {  # of the row and its words
    "short": lambda row, words: words <= SHORT,
    "long": lambda row, words: words >= LONG,
    "rare words": lambda row, words: len(row.ids) - sum(row.special) >= PIECES * max(words, 1),
    "cut": lambda row, words: row.cut_tokens > 0,
    **{
        name: lambda row, words, mark=mark: bool(  # type: ignore[misc]
            mark.search(row.row.text) or mark.search(row.row.pair or "")
        )
        for name, mark in _MARKS.items()
    },
}
PASS_TAGS = ("outvoted", "long neighbour")
NAMES = (*ROW_TAGS, *PASS_TAGS)
MEANING = {
    "short": f"at most {SHORT} words",
    "long": f"{LONG} words or more",
    "rare words": f"{PIECES} tokens a word or more",
    "cut": "its end did not fit into the model",
    "negation": "not, never, nothing, ...",
    "contrast": "but, although, however, ...",
    "comparison": "than, more, worse, ...",
    "question": "a question mark",
    "number": "a digit",
    "outvoted": "most neighbours have another label",
    "long neighbour": f"a neighbour has {LONGER:g} times as many tokens or more",
    "flips": "not the same answer in every grouping",
    "thin margin": f"within {THIN:g} logit of the other answer",
    "thin alone": "the same of N = 1",
}


def row_tags(rows: Sequence[EncodedRow]) -> np.ndarray:
    """``[R, len(ROW_TAGS)]`` bool."""
    counted = [(row, _count(row)) for row in rows]
    found = [[test(row, words) for test in ROW_TAGS.values()] for row, words in counted]
    return np.asarray(found, dtype=bool).reshape(len(rows), len(ROW_TAGS))


def pass_tags(seats: Sequence[np.ndarray], gold: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """``[R, len(PASS_TAGS)]`` bool, of the rows that sit together in ``seats``."""
    found = np.zeros((len(gold), len(PASS_TAGS)), dtype=bool)
    for group in seats:
        others = gold[group][:, None] != gold[group]
        found[group, 0] = 2 * others.sum(axis=1) > len(group) - 1
        longest = lengths[group].max()
        found[group, 1] = longest >= LONGER * lengths[group]
    return found
