"""Plain BERT through ONNX Runtime: what a user might pick instead of multiplexing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from muxviz.errors import NotApplicable
from muxviz.quiet import warnings_become


class _Logits(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
        return logits


def need_onnx(device: torch.device, dtypes: Sequence[str]) -> None:
    """See that this contender can run, before anything is built.

    Raises:
        NotApplicable: something is not installed, or not on a CPU in float32 or int8.
    """
    if device.type != "cpu" or set(dtypes) - {"float32", "int8"}:
        raise NotApplicable("the onnxruntime contender runs in float32 or int8 on a CPU here")
    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if not find_spec(name)]
    if missing:
        raise NotApplicable(
            f"the onnxruntime contender needs {', '.join(missing)}: pip install 'muxviz[onnx]'"
        )


def onnx_call(model: Any, rows: Sequence[Tensor], *, int8: bool, threads: int) -> Callable[[], Any]:
    """One pass of a transformers classifier in ONNX Runtime on a CPU, on rows ``[B, 1, L]``.

    The graph is exported for this very shape and optimised as far as the runtime does by itself.

    Args:
        int8: with ONNX Runtime's own dynamic quantisation.
        threads: of the runtime.

    Raises:
        NotApplicable: see ``need_onnx``.
    """
    need_onnx(model.device, ["float32" if model.dtype == torch.float32 else "other"])
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    given = tuple(row[:, 0] for row in rows)
    names = ["ids", "mask", "types"]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        with warnings_become("ignore", Warning):
            torch.onnx.export(
                _Logits(model).eval(),
                given,
                str(path),
                input_names=names,
                output_names=["logits"],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        if int8:
            _forget_shapes(path)
            smaller = path.with_name("int8.onnx")
            quantize_dynamic(path, smaller, weight_type=QuantType.QInt8, per_channel=True)
            path = smaller
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    feed = {name: row.numpy() for name, row in zip(names, given, strict=True)}
    feed = {i.name: feed[i.name] for i in session.get_inputs()}
    return lambda: session.run(None, feed)


def _forget_shapes(path: Path) -> None:
    """Take the exporter's shapes of inner values out; the quantiser infers its own, differently."""
    import onnx

    graph = onnx.load(str(path))
    del graph.graph.value_info[:]
    onnx.save(graph, str(path))
