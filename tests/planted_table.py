"""Print what the quantities recover of planted models: ``python -m tests.planted_table``.

One row per quantity, measured by the real analysis functions on a planted model and on the clean
one. ``--only WORD`` prints the rows with that word in them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

from tests.attention import planted_attention
from tests.crosstalk import planted_crosstalk
from tests.fidelity import planted_fidelity
from tests.keys import planted_keys
from tests.layers import planted_layers
from tests.map import planted_map
from tests.planted_held import Found, Quantity, number
from tests.whatif import planted_whatif

PAGES = (
    planted_fidelity,
    planted_crosstalk,
    planted_whatif,
    planted_map,
    planted_attention,
    planted_layers,
    planted_keys,
)
QUANTITIES = [quantity for page in PAGES for quantity in page.rows]
HEADER = ("quantity", "unit", "planted, by hand", "recovered", "cells", "clean model", "within")


def cells(quantity: Quantity, found: Found) -> tuple[str, ...]:
    """One row of the table."""
    planted, clean, at = found.planted, found.clean, found.clean_cell
    null = number(clean.expected[at], 1e-9)
    shown = clean.text(at) + ("" if clean.tolerance is not None else f", null {null}")
    return (
        quantity.name,
        quantity.unit,
        f"{number(planted.expected[found.cell], 1e-9)}: {quantity.how}",
        planted.text(found.cell),
        str(planted.expected.size),
        shown,
        "yes" if found.is_within and (quantity.is_law or found.is_told) else "**NO**",
    )


def lines(quantities: Iterable[Quantity]) -> Iterator[str]:
    """The table in Markdown, row by row as they are measured."""
    yield "| " + " | ".join(HEADER) + " |"
    yield "|---" * len(HEADER) + "|"
    for one in quantities:
        yield "| " + " | ".join(cells(one, one.measure())) + " |"


def chosen(word: str) -> list[Quantity]:
    """The quantities with a word in their name, unit or derivation."""
    return [q for q in QUANTITIES if word.lower() in f"{q.name} {q.unit} {q.how}".lower()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.planted_table", description=__doc__)
    parser.add_argument("--only", metavar="WORD", default="", help="rows with this word in them")
    given = parser.parse_args()
    for line in lines(chosen(given.only)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
