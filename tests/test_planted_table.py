"""Every quantity recovers what is planted and its null on the clean model; the document says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.planted_held import Quantity, exact, interval
from tests.planted_table import HEADER, QUANTITIES, chosen, lines

TEXT = (Path(__file__).parents[1] / "docs" / "quantities.md").read_text(encoding="utf-8")
TABLE = TEXT.split("<!-- planted -->\n")[1].split("<!-- end of planted -->")[0]


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda q: q.name)
def test_what_is_planted_is_recovered_and_the_clean_model_gives_the_null(
    quantity: Quantity,
) -> None:
    found = quantity.measure()
    assert found.planted.holds, (found.planted.expected, found.planted.found)
    assert found.clean.holds, (found.clean.expected, found.clean.found)
    if quantity.is_law:
        np.testing.assert_array_equal(found.planted.expected, found.null)
    else:
        assert found.is_told, "the planted value is not told from the null"


def test_the_document_has_the_quantities_of_the_script() -> None:
    head, _, *body = TABLE.strip().splitlines()
    assert head == "| " + " | ".join(HEADER) + " |"
    cells = [line.strip("| ").split(" | ") for line in body]
    assert [row[0] for row in cells] == [q.name for q in QUANTITIES]
    assert [row[1] for row in cells] == [q.unit for q in QUANTITIES]
    for row, quantity in zip(cells, QUANTITIES, strict=True):
        assert row[2].endswith(f": {quantity.how}")
        assert row[-1] == "yes"
    assert len({q.name for q in QUANTITIES}) == len(QUANTITIES)


def test_a_row_says_what_was_found_and_whether_it_is_within() -> None:
    (quantity,) = [q for q in QUANTITIES if q.name == "attention entropy of a head"]
    assert quantity in chosen("ENTROPY")
    head, rule, row = lines([quantity])
    assert head.count("|") == rule.count("|") == row.count("|") == len(HEADER) + 1
    assert row in TABLE


def test_a_value_outside_its_interval_does_not_hold() -> None:
    assert exact([0.1, np.nan], [0.1 + 1e-5, np.nan], 1e-4).holds
    assert not exact([0.1, 0.0], [0.1, 0.2], 1e-4).holds
    assert not exact([np.nan], [0.0], 1e-4).holds
    assert exact(0.123456, 0.1234, 1e-3).text(()) == "0.123 ± 0.001"

    class Estimate:
        mean, low, high = np.array([0.5]), np.array([0.4]), np.array([0.6])

    assert interval(Estimate, 0.41).holds
    assert not interval(Estimate, 0.61).holds
    assert interval(Estimate, 0.41).text((0,)) == "0.5 [0.4, 0.6]"
