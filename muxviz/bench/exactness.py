"""How far the engine's logits are from the traced model's, per precision, on real texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import Group, Row, encode_rows, make_group
from muxviz.bench.contenders import need_known
from muxviz.engine.engine import Engine
from muxviz.errors import NotApplicable, NotFinite
from muxviz.inference import trace_groups
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import DTYPES, load

PRECISIONS = ("float32", "compiled", "int8", "bfloat16", "float16")


@dataclass(frozen=True)
class Exactness:
    """Against the traced float32 model on the same groups.

    logits: largest absolute difference. scale: largest absolute logit. agreement: share of rows
    (or asked tokens) whose most probable class is the same.
    """

    checkpoint: str
    precision: str
    logits: float
    scale: float
    agreement: float
    compared: int


def measure_exactness(
    name: str, texts: Sequence[str], *, precisions: Sequence[str] = PRECISIONS, seed: int = 0
) -> list[Exactness]:
    """One line per precision, on random groups of ``texts`` on the CPU.

    Raises:
        ConfigError: an unknown precision.
        NotApplicable: a task that is not about classes.
    """
    need_known("dtype", precisions, PRECISIONS)
    traced = load(name, device="cpu")
    task = traced.config.task
    if task not in ("sequence_classification", "token_classification"):
        raise NotApplicable(f"not applicable: {name} answers {task}, which has no classes")
    order = np.random.default_rng(seed).permutation(len(texts))
    rows = encode_rows(traced, [Row(texts[i]) for i in order])
    num = traced.config.num_instances
    groups = [make_group(traced.config, rows[at : at + num]) for at in range(0, len(rows), num)]
    expected = [trace_groups(traced, [group]).logits[0] for group in groups]
    return [_compare(name, traced, groups, expected, precision) for precision in precisions]


def _compare(
    name: str,
    traced: Checkpoint,
    groups: Sequence[Group],
    expected: Sequence[Tensor],
    precision: str,
) -> Exactness:
    checkpoint = traced
    if precision in ("bfloat16", "float16"):
        fresh = load(name, device="cpu")
        checkpoint = replace(fresh, model=fresh.model.to(DTYPES[precision]))
    engine = Engine(checkpoint, int8=precision == "int8", compiled=precision == "compiled")
    worst = scale = 0.0
    same = compared = 0
    for raw in engine.raw(groups):
        for at, number in enumerate(raw.numbers):
            group, wanted = groups[number], expected[number].float()
            if isinstance(raw.values, Tensor):
                theirs, ours = wanted, raw.values[at].float()
            else:
                assert raw.asked is not None, "token tasks ask for tokens"
                mine = raw.values.groups == at
                theirs = wanted[torch.from_numpy(raw.asked[at])]
                ours = raw.values.values[mine].float()
            if not bool(torch.isfinite(ours).all()):
                raise NotFinite(f"{name} {engine.not_finite}")
            worst = max(worst, float((ours - theirs).abs().max()))
            scale = max(scale, float(theirs.abs().max()))
            real = _real(group.repeats, len(theirs), isinstance(raw.values, Tensor))
            agree = (ours.argmax(-1) == theirs.argmax(-1))[real]
            same, compared = same + int(agree.sum()), compared + len(agree)
    return Exactness(name, precision, worst, scale, same / compared, compared)


def _real(repeats: Sequence[int | None], count: int, is_sentence: bool) -> Tensor:
    """Which lines count: those of no filler. Asked tokens are never a filler's."""
    if not is_sentence:
        return torch.ones(count, dtype=torch.bool)
    return torch.tensor([source is None for source in repeats])
