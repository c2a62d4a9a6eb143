"""A checkpoint as ONNX graphs: one that answers, and one that reads tokens back.

torch's own exporter makes them from the model as it is (``torch.onnx``; groups and tokens are open
axes), so no operator is written here. A packed model keeps its blocks (``muxviz.engine.blocks``).
In int8 the matrices that ``muxviz.engine.int8`` takes are quantised by ONNX Runtime, which knows
one range per batch; each row is divided by its own range first and multiplied with it after, so the
rule is the same. Names of files and lines of this machine are taken out again.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from muxviz.engine.int8 import LEAST, int8_matrices
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.fast import encoded
from muxviz.model.mux_model import MuxModel
from muxviz.quiet import warnings_become

LOGITS, READ = "logits", "read_back"
INPUTS = ("ids", "mask", "types")
FORMAT = "1"  # of the graphs; a change of what they compute raises it
TRACED = (2, 11)  # groups and tokens of the example that is traced


def make_graphs(
    checkpoint: Checkpoint, model: MuxModel, *, int8: bool, hide_padding: bool
) -> dict[str, bytes]:
    """The files by what they give: ``LOGITS``, and ``READ`` where there is a retrieval head.

    Inputs ``[B, N, L]`` int64, as ``MuxModel.forward`` takes them; what is given is
    ``[B, N, C]`` or ``[B, N, L', C]`` logits, and ``[B, N, L']`` token ids.

    Args:
        checkpoint: in float32 on the CPU; not modified.
        model: its model, or that with an encoder that skips zeros.
        int8: from the dense model; see above.

    Raises:
        NotApplicable: a package is not installed, or what the exporter says of this model.
    """
    need_packages("onnx", "onnxruntime", "onnxscript")
    import onnx

    names = int8_matrices(checkpoint.model) if int8 else []
    if int8:
        model = copy.deepcopy(checkpoint.model)
        for name in names:
            model.set_submodule(name, _ScaledRows(model.get_submodule(name)))
    whole = _exported(_Graph(model, hide_padding), model)
    found = {}
    for what in [output.name for output in whole.graph.output]:
        given = [one.name for one in whole.graph.input]
        graph = onnx.utils.Extractor(whole).extract_model(given, [what])
        if int8:
            graph = _quantised(graph, {f"model.{name}.weight" for name in names})
        _forget(graph)
        onnx.helper.set_model_props(
            graph, metadata(checkpoint, what, int8=int8, hide_padding=hide_padding)
        )
        found[what] = graph.SerializeToString()
    return found


def metadata(
    checkpoint: Checkpoint, what: str, *, int8: bool, hide_padding: bool
) -> dict[str, str]:
    """What a graph's file says of itself, and is held against before it is run."""
    return {
        "muxviz.format": FORMAT,
        "muxviz.gives": what,
        "muxviz.fingerprint": checkpoint.fingerprint,
        "muxviz.precision": "int8" if int8 else "float32",
        "muxviz.padding": "hidden" if hide_padding else "seen",
    }


def need_packages(*names: str) -> None:
    """See that optional packages are installed.

    Raises:
        NotApplicable: one is not.
    """
    missing = [name for name in names if not find_spec(name)]
    if missing:
        raise NotApplicable(
            f"{missing[0]} is not installed; ONNX graphs and their runtime need "
            f"{', '.join(names)}: pip install 'muxviz[onnx]'"
        )


class _Graph(nn.Module):
    """A pass as tensors in and tensors out."""

    def __init__(self, model: MuxModel, hide_padding: bool) -> None:
        super().__init__()
        self.model, self.hide_padding = model, hide_padding

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> tuple[Tensor, ...]:
        model = self.model
        prepared = model.prepare(ids, mask, types, hide_padding=self.hide_padding, trusted=True)
        entry = model.walk(prepared, hide_padding=self.hide_padding)
        hidden = encoded(model, entry.hidden, entry.mask, prepared)
        logits = model.answer(hidden, prepared).logits
        if model.retrieval_head is None:
            return (logits,)
        whole = model.encoder(entry.hidden, entry.mask)
        states = model.read_tokens(whole, slice(prepared.prefix, None))
        return logits, model.retrieval_head(states).argmax(dim=-1)


class _ScaledRows(nn.Module):
    """A linear layer on rows that are all scaled into [-1, 1] first, ``[..., D] -> [..., K]``."""

    def __init__(self, linear: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.detach().t().contiguous(), requires_grad=False)
        self.bias = linear.bias

    def forward(self, states: Tensor) -> Tensor:
        ranges = states.abs().amax(-1, keepdim=True).clamp(min=LEAST)
        return torch.matmul(states / ranges, self.weight) * ranges + self.bias


def _exported(graph: _Graph, model: MuxModel) -> Any:
    """The ``onnx.ModelProto`` of a graph with all its outputs.

    Raises:
        NotApplicable: torch's exporter does not take this model.
    """
    config = model.config
    tokens = TRACED[1] + (config.prefix_length if config.cuts_prefix_room else 0)
    ids = torch.ones(TRACED[0], config.num_instances, tokens, dtype=torch.int64)
    given = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    outputs = [LOGITS] + ([READ] if model.retrieval_head is not None else [])
    try:
        with _silent(), torch.no_grad():
            program: Any = torch.onnx.export(
                graph.eval(),
                given,
                input_names=list(INPUTS),
                output_names=outputs,
                dynamic_shapes=({0: "groups", 2: "tokens"},) * 3,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        said = str(error).strip().partition("\n")[0][:200]
        raise NotApplicable(
            f"torch's exporter makes no ONNX graph of this model ({type(error).__name__}: {said}); "
            "use --runtime torch"
        ) from error
    return program.model_proto


@contextmanager
def _silent() -> Iterator[None]:
    """Without what the exporter says about packages that it could use, and of its own plans."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings_become("ignore", Warning):
            yield
    finally:
        logger.setLevel(before)


def _quantised(graph: Any, weights: set[str]) -> Any:
    """The same with the products by some weights in int8; what VNNI needs is left to this CPU."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    chosen = [n.name for n in graph.graph.node if n.op_type == "MatMul" and n.input[1] in weights]
    del graph.graph.value_info[:]  # the quantiser infers shapes by itself, differently
    onnx.helper.set_model_props(graph, {"onnx.quant.pre_process": "onnxruntime.quant"})  # no advice
    with tempfile.TemporaryDirectory() as scratch, _silent():
        path = Path(scratch) / "int8.onnx"
        quantize_dynamic(
            graph,
            path,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=chosen,
            per_channel=True,
            weight_type=QuantType.QInt8,
            reduce_range=not torch.cpu._is_vnni_supported(),
        )
        return onnx.load(str(path))


def _forget(graph: Any) -> None:
    """Take out names of modules, files and lines that the exporter notes at every operator."""
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for one in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del one.metadata_props[:]
        one.doc_string = ""
    for one in graph.graph.initializer:
        one.doc_string = ""
    graph.doc_string = graph.graph.doc_string = ""
    del graph.graph.metadata_props[:], graph.metadata_props[:]
