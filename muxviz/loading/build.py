"""Put published tensors into a model: aliases resolved both ways, every name accounted for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from muxviz.config import MuxConfig
from muxviz.errors import CheckpointInvalid, CheckpointMismatch, ShapeMismatch
from muxviz.loading.layout import is_ignored, published_names
from muxviz.loading.pruned import is_left_over
from muxviz.loading.sizes import Shapes
from muxviz.model.mux_model import MuxModel

STORED_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@dataclass(frozen=True)
class KeyReport:
    """Which of the model's tensors the file lacks, and which of its names nothing uses.

    used: the names whose values the model holds; harmless extras are neither used nor unexpected.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    used: frozenset[str] = frozenset()


class _NothingDrawn(TorchFunctionMode):
    """Leaves new weights as they are. Drawing them without a device would load torch's compiler,
    half of what a command takes to start; where they come from a file it would be in vain.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else given["tensor"]
        if func is torch.randn and "generator" not in given:
            return torch.empty(*args, **given)
        return func(*args, **given)


def empty_model(config: MuxConfig, device: str = "meta") -> MuxModel:
    """The model of ``config`` with weights that hold nothing yet; on "meta" without memory for
    them, to ask for names and shapes.
    """
    with torch.device(device), _NothingDrawn():
        return MuxModel(config)


def candidates(config: MuxConfig, model: MuxModel) -> dict[str, list[str]]:
    """For each of our parameter names, the published names that may hold it.

    Tied parameters (one tensor, several names) share one list.
    """
    groups: dict[int, list[str]] = {}
    names: dict[str, int] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names[name] = id(parameter)
        groups.setdefault(id(parameter), []).extend(published_names(config, name))
    return {name: groups[identity] for name, identity in names.items()}


def compare(config: MuxConfig, shapes: Shapes) -> KeyReport:
    """Hold published ``shapes`` against the model of ``config``, without reading weights."""
    model = empty_model(config)
    wanted = candidates(config, model)
    missing, wrong, used = [], [], set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        present = [n for n in wanted[name] if n in shapes]
        used |= set(wanted[name])
        if not present:
            missing.append(wanted[name][0])
        wrong += [
            f"{n} is {list(shapes[n])}, expected {list(parameter.shape)}"
            for n in present
            if shapes[n] != tuple(parameter.shape)
        ]
    unexpected = [
        n
        for n in shapes
        if n not in used and not is_ignored(n) and not is_left_over(n, config.structure)
    ]
    return KeyReport(
        tuple(dict.fromkeys(missing)),
        tuple(sorted(unexpected)),
        tuple(dict.fromkeys(wrong)),
        frozenset(used & shapes.keys()),
    )


def raise_for_keys(report: KeyReport, where: str) -> None:
    """Turn missing names and wrong shapes into an error that shows the first few."""
    kinds: tuple[tuple[type[CheckpointMismatch], str, tuple[str, ...]], ...] = (
        (ShapeMismatch, "of a wrong shape", report.wrong_shape),
        (CheckpointMismatch, "missing", report.missing),
    )
    for kind, title, names in kinds:
        if names:
            raise kind(
                f"{where}: {len(names)} {title}: {'; '.join(names[:5])}"
                f"{' ...' if len(names) > 5 else ''}. The file and its config.json do not belong "
                "together, or the download is incomplete"
            )


def fill_model(config: MuxConfig, weights: dict[str, Tensor], where: str) -> MuxModel:
    """A model with ``weights`` (published name -> tensor), in eval mode and frozen.

    Raises:
        CheckpointMismatch: names, shapes or two aliases of one tensor disagree.
        CheckpointInvalid: a tensor holds NaN or infinity.
    """
    raise_for_keys(compare(config, {n: tuple(w.shape) for n, w in weights.items()}), where)
    model = empty_model(config, "cpu")
    model.tie_weights()
    wanted = candidates(config, model)
    with torch.no_grad():
        for name, parameter in model.named_parameters(remove_duplicate=False):
            present = [n for n in wanted[name] if n in weights]
            value = weights[present[0]]
            if value.dtype not in STORED_DTYPES:
                raise CheckpointInvalid(
                    f"{where}: {present[0]} is stored as {str(value.dtype).removeprefix('torch.')};"
                    f" expected one of {', '.join(str(d)[6:] for d in STORED_DTYPES)}"
                )
            parameter.copy_(value)
            if not bool(torch.isfinite(parameter).all()):
                raise CheckpointInvalid(
                    f"{where}: {present[0]} holds values that are not finite numbers; the "
                    "checkpoint is damaged (or its training diverged), fetch or train it again"
                )
            _check_aliases(present, weights, where)
    return model.eval().requires_grad_(False)


def _check_aliases(names: list[str], weights: dict[str, Tensor], where: str) -> None:
    """All published names of one tensor must hold the same values."""
    first = weights[names[0]]
    for other in names[1:]:
        if not torch.equal(weights[other].to(first.dtype), first):
            raise CheckpointMismatch(
                f"{where}: {names[0]} and {other} are one tensor in the model, but the file holds "
                "two different ones; it is damaged or merged"
            )
