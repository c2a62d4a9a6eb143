"""How much of mixed vectors is read without their keys; ``make recorded`` stores it for About."""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.analysis.fidelity.privacy import audit
from muxviz.loading.load import load
from muxviz.pool import fit_and_test
from muxviz.results.privacy import Audits
from muxviz.results.store import to_json

AUDITED = ("sst2-n5", "sst2-n5-shared-100")  # rooms of their own, and one room for all
KNOWN, DRAWS = 64, 32  # groups


def audits(names: Sequence[str] = AUDITED, *, known: int = KNOWN, draws: int = DRAWS) -> Audits:
    """The audit of these checkpoints, on the CPU in float32."""
    fit, test = fit_and_test()
    return Audits(
        tuple(
            audit(load(name, device="cpu"), fit, test, known_draws=known, draws=draws)
            for name in names
        )
    )


def record_privacy() -> str:
    """JSON text of ``audits``."""
    return to_json(audits())
