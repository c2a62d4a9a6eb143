"""Print the tables of pruning: ``MUXVIZ_FIXTURES=... python -m tests.pruning.pruning_table``.

First, for every recorded PruMUX model and set of gates, the largest absolute difference per
quantity; then, for every configuration that builds, the difference of the masked and the cut model
relative to the largest logit.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.pruning.pruning_cases import CASES, apart, case_model, random_masks
from tests.pruning.pruning_parity import compare_gates, compare_model, gate_fixtures, model_fixtures

MODEL_KINDS = {
    "full": ("logits_full",),
    "masked hidden": ("masked_emb", "masked_mux", "masked_hidden", "masked_seq", "masked_demuxed"),
    "masked logits": ("logits_masked",),
    "masked loss": ("loss_masked",),
    "pruned hidden": ("pruned_",),
    "pruned logits": ("logits_pruned",),
    "pruned weights": ("pruned weights",),
    "sparsity": ("sparsity", "prunable size"),
    "zs.pt beside": ("loaded: masks beside",),
    "pruned safetensors": ("loaded: pruned safetensors",),
    "pruned bin": ("loaded: pruned bin",),
    "saved again": ("saved again",),
}
GATE_KINDS = {
    "P(z=0)": ("cdf0_",),
    "settled z": ("z_",),
    "sampled z": ("sampled_z_",),
    "expected size": ("expected_size",),
    "Lagrangian": ("lagrangian_rows",),
    "gradients": ("grad_",),
    "counts": ("hidden_dims", "head_", "intermediate_dims", "mlp_layers", "prunable size"),
    "sparsity": ("sparsity",),
}


def print_table(rows: dict[str, dict[str, float]], kinds: dict[str, tuple[str, ...]]) -> None:
    """One row per fixture, one column per kind of quantity."""
    print("| fixture | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    for name, errors in rows.items():
        cells = []
        for starts in kinds.values():
            found = [v for k, v in errors.items() if k.startswith(starts)]
            cells.append(f"{max(found):.1e}" if found else "-")
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main() -> None:
    models, gates = {}, {}
    for name in model_fixtures():
        with tempfile.TemporaryDirectory() as scratch:
            models[name] = compare_model(name, Path(scratch))
    for name in gate_fixtures():
        with tempfile.TemporaryDirectory() as scratch:
            gates[name] = compare_gates(name, Path(scratch))
    print_table(models, MODEL_KINDS)
    print_table(gates, GATE_KINDS)
    print("| backbone | multiplexer | demultiplexer | task | E | binary | soft |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for case in CASES:
        model = case_model(case)
        found = [apart(model, random_masks(model.config, is_soft=soft)) for soft in (False, True)]
        worst = max(worst, *found)
        print("| " + " | ".join([*map(str, case), *(f"{value:.1e}" for value in found)]) + " |")
    print(f"\n{len(CASES)} configurations, largest difference {worst:.1e}")


if __name__ == "__main__":
    main()
