"""About, and the audit that it shows: with keys, with wrong ones, with none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from muxviz import recorded
from muxviz.analysis.fidelity.privacy import audit
from muxviz.errors import NotApplicable
from muxviz.inference import provenance
from muxviz.loading.bundled import bundled_names
from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.results.fidelity import Shares
from muxviz.results.group import Provenance
from muxviz.results.privacy import READERS, Audit, Audits
from muxviz.results.store import from_json, to_json
from muxviz.ui.about.view import privacy_finding, privacy_rows
from tests.pages import seen, visit
from tests.tiny import tiny_checkpoint, tiny_config

WORDS = ("a", "the", "good", "bad", "great", "film", "song", "plot", "sad", "warm", "book", "funny")
KNOWN = tuple(f"{a} {b} {c}" for a in WORDS for b in WORDS[::2] for c in WORDS[1::2])
POOL = tuple(f"{a} {b} {c} {a}" for a in WORDS[::3] for b in WORDS for c in WORDS[::2])


def test_slots_in_dimensions_of_their_own_are_read_without_any_key() -> None:
    """Each slot adds half of its word vector, in dimensions that no other slot uses."""
    model = tiny_checkpoint(tiny_config(multiplexer="binary_hadamard", num_instances=2))
    demux = model.model.demultiplexer
    assert isinstance(demux, RSADemultiplexer)
    before = demux.keys.clone()
    found = audit(model, KNOWN, POOL, known_draws=96, draws=12)
    read = dict(zip(READERS, found.shares.value, strict=True))
    assert read["probe"] > max(0.75, found.chance + 0.5)
    assert read["keys"] < 0.2, "an untrained read-out reads nothing, which its keys cannot mend"
    assert found.known_groups == 96
    assert torch.equal(demux.keys, before), "the model stays as it is"
    again = audit(model, KNOWN, POOL, known_draws=96, draws=12)
    assert np.array_equal(found.shares.hits, again.shares.hits)


@pytest.mark.parametrize("kind", ["plain", "prefix"])
def test_without_keys_of_its_own_it_does_not_apply(kind: str) -> None:
    config = (
        tiny_config(plain=True) if kind == "plain" else tiny_config(demultiplexer="index_prefix")
    )
    with pytest.raises(NotApplicable, match="not applicable"):
        audit(tiny_checkpoint(config), KNOWN, POOL, known_draws=4, draws=2)


def made(name: str, probe: float) -> Audit:
    origin = replace(_origin(), checkpoint=name)
    hits = np.array([99.0, 3.0, 5.0, 100 * probe])
    shares = Shares(hits, np.full(4, 100.0), hits / 100 - 0.01, hits / 100 + 0.0, 0)
    return Audit(shares, 0.06, 32, 64, 1000, origin)


def _origin() -> Provenance:
    return provenance(tiny_checkpoint(), padding="group", length=9, seed=0)


def test_rows_and_finding_say_every_number_with_chance_beside_it() -> None:
    audits = (made("a", 1.0), made("b", 0.5))
    assert privacy_finding(audits) == (
        "Mixing is not encryption: without a key a linear map reads 100 % (a) and 50 % (b) of the "
        "tokens"
    )
    rows = privacy_rows(audits)
    assert [row["a"] for row in rows] == [
        "99 % (98 to 99)",
        "3 % (2 to 3)",
        "5 % (4 to 5)",
        "100 % (99 to 100)",
        "6 %",
    ]
    assert from_json(to_json(Audits(audits))).each[1].shares.value[3] == 0.5


def test_the_recorded_audit_is_of_bundled_models() -> None:
    found = from_json(recorded.privacy_file().read_text("utf-8"))
    assert isinstance(found, Audits)
    assert {one.provenance.checkpoint for one in found.each} <= set(bundled_names())
    for one in found.each:
        read = dict(zip(READERS, one.shares.value, strict=True))
        assert read["keys"] > 0.9
        assert read["random"] < 0.3


def test_the_page_says_versions_privacy_papers_and_limits() -> None:
    at = visit("about")
    words = seen(at).replace("\\", "").replace("\u2060", "")
    assert "muxviz " in words
    assert "Mixing is not encryption" in words
    assert {"Papers", "What differs from the papers", "Limits", "Licences"} <= {
        box.label for box in at.expander
    }
    for paper in ("2202.09318", "2302.12441", "2305.14706"):
        assert paper in words


@pytest.mark.parametrize("content", [None, "{", '{"format": 1, "value": 3}'])
def test_a_missing_or_damaged_audit_is_said(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "privacy.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.setattr("muxviz.recorded.privacy_file", lambda: path)
    at = visit("about")
    assert "was not recorded here" in seen(at)
    assert bool(at.error) == (content is not None)
