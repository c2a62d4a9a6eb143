"""Print the parity table: ``MUXVIZ_FIXTURES=... python -m tests.model.parity_table``.

One row per recorded model, the largest absolute difference per kind of tensor; read-back argmax is
the number of positions that differ.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from muxviz.loading.load import load
from tests.fixtures_folder import fixture_names, open_fixture
from tests.model.parity import compare

KINDS = (
    ("mix", ("instance_embeddings", "multiplexed")),
    ("hidden", ("hidden",)),
    ("attn", ("attn",)),
    ("demux", ("demultiplexed",)),
    ("retrieval", ("retrieval", "retrieval_lse")),
    ("argmax", ("retrieval_argmax", "logits_argmax")),
    ("logits", ("logits", "logits (selected)", "logits_no_token_types")),
    ("engine", ("engine",)),
)


def cell(errors: dict[str, float], names: tuple[str, ...], kind: str) -> str:
    exact = kind in ("retrieval", "argmax", "logits", "engine")
    found = [v for k, v in errors.items() if (k in names if exact else k.startswith(names))]
    if not found:
        return "-"
    return str(int(max(found))) if kind == "argmax" else f"{max(found):.1e}"


def main() -> None:
    print("| fixture | " + " | ".join(kind for kind, _ in KINDS) + " |")
    print("|---" * (len(KINDS) + 1) + "|")
    for name in fixture_names():
        with tempfile.TemporaryDirectory() as scratch:
            fixture = open_fixture(name, Path(scratch))
            errors = compare(load(fixture.folder, device="cpu"), fixture)
        print(f"| {name} | " + " | ".join(cell(errors, n, k) for k, n in KINDS) + " |")


if __name__ == "__main__":
    main()
