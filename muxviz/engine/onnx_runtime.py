"""Graphs of ``muxviz.engine.onnx_graph`` run by ONNX Runtime, on the CPU.

A graph comes from the checkpoint's folder (``muxviz export --onnx``), else from the cache folder,
where it is made at first use. A file is data: the runtime loads no operators from elsewhere and no
weights from other files, and a graph that does not say that it was made of these very weights is
refused.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.cache import cache_folder
from muxviz.engine.onnx_graph import (
    FORMAT,
    INPUTS,
    LOGITS,
    READ,
    make_graphs,
    metadata,
    need_packages,
)
from muxviz.errors import CheckpointMismatch, CheckpointUnreadable, FileError
from muxviz.files import is_there, read_bytes, write_whole
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import MuxModel
from muxviz.printable import printable

MOST = (1 << 31) - 1  # bytes of a file: what the format can have
READ_BYTES = 1 << 28  # of vocabulary logits that are held at once
NOWHERE = "/nowhere-by-intention"  # where weights in other files would be looked for
REMEDY = "export the graph again (muxviz export --onnx), or remove it"


def graph_name(what: str, *, int8: bool) -> str:
    """The name of a graph's file in a checkpoint's folder."""
    stem = "model" if what == LOGITS else what
    return f"{stem}-int8.onnx" if int8 else f"{stem}.onnx"


class OnnxRuntime:
    """The graphs of one checkpoint, each opened when it is first asked for.

    Args:
        checkpoint: in float32 on the CPU; not modified.
        model: see ``make_graphs``.
        int8: graphs in int8.

    Raises:
        NotApplicable: ONNX Runtime is not installed.
    """

    def __init__(self, checkpoint: Checkpoint, model: MuxModel, *, int8: bool) -> None:
        need_packages("onnxruntime")
        self.checkpoint, self.model, self.int8 = checkpoint, model, int8
        self._sessions: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    def logits(
        self, ids: np.ndarray, mask: np.ndarray, types: np.ndarray, *, hide_padding: bool
    ) -> Tensor:
        """Logits of groups ``[B, N, L]``: ``[B, N, C]``, or ``[B, N, L', C]`` of tokens.

        Raises:
            CheckpointMismatch, CheckpointUnreadable: the folder's graph is not of this model, or
                none. NotApplicable: it has none, and none can be made.
        """
        return torch.from_numpy(self._run(LOGITS, (ids, mask, types), hide_padding))

    def read_back(
        self, ids: np.ndarray, mask: np.ndarray, types: np.ndarray, *, hide_padding: bool
    ) -> np.ndarray | None:
        """The most probable token ids of every slot ``[B, N, L']``; None without a head.

        Raises:
            As ``logits``.
        """
        if self.checkpoint.model.retrieval_head is None:
            return None
        step = max(1, READ_BYTES // (4 * ids[0].size * self.checkpoint.config.shape.vocab_size))
        found = [
            self._run(READ, [a[at : at + step] for a in (ids, mask, types)], hide_padding)
            for at in range(0, len(ids), step)
        ]
        return np.concatenate(found)

    def _run(self, what: str, arrays: Any, hide_padding: bool) -> np.ndarray:
        session = self._session(what, hide_padding)
        given = dict(zip(INPUTS, arrays, strict=True))
        feed = {
            one.name: np.ascontiguousarray(given[one.name], dtype=np.int64)
            for one in session.get_inputs()
        }
        try:
            found: np.ndarray = session.run([what], feed)[0]
        except Exception as error:
            raise CheckpointUnreadable(
                f"ONNX Runtime stopped in the graph of {self.checkpoint.name} "
                f"({_said(error)}); {REMEDY}"
            ) from error
        return found

    def _session(self, what: str, hide_padding: bool) -> Any:
        with self._lock:
            key = what, hide_padding
            if key not in self._sessions:
                self._sessions[key] = self._open(what, hide_padding)
            return self._sessions[key]

    def _open(self, what: str, hide_padding: bool) -> Any:
        wanted = metadata(self.checkpoint, what, int8=self.int8, hide_padding=hide_padding)
        own = self.checkpoint.folder / graph_name(what, int8=self.int8)
        if not self.checkpoint.is_stored:
            return open_graph(self._made(hide_padding)[what], own)
        if is_there(own):
            session = open_graph(read_bytes(own, most=MOST, expected="an ONNX graph"), own)
            if matches(session, wanted, own):
                return session
        return self._kept(what, hide_padding, wanted)

    def _kept(self, what: str, hide_padding: bool, wanted: Mapping[str, str]) -> Any:
        """From the cache folder; made where it is not there, or not what was asked for."""
        place = f"{'-'.join((*list(wanted.values())[2:], FORMAT, torch.__version__))}"
        folder = cache_folder("onnx")
        path = folder / f"{place}-{what}.onnx"
        try:
            session = open_graph(read_bytes(path, most=MOST), path)
            if matches(session, wanted, path):
                return session
        except (FileError, CheckpointMismatch, CheckpointUnreadable):
            pass  # not there, or spoilt: it is ours to replace
        made = self._made(hide_padding)
        for kind, content in made.items():
            write_whole(folder / f"{place}-{kind}.onnx", content)
        return open_graph(made[what], path)

    def _made(self, hide_padding: bool) -> dict[str, bytes]:
        return make_graphs(self.checkpoint, self.model, int8=self.int8, hide_padding=hide_padding)


def open_graph(content: bytes, path: Path) -> Any:
    """An ``onnxruntime.InferenceSession`` of a file's content.

    Raises:
        CheckpointUnreadable: it is no graph, or one of operators or weights that are elsewhere.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is in the error
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", NOWHERE
    )
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CheckpointUnreadable(
            f"{path} is no ONNX graph that can be run ({_said(error)}); {REMEDY}"
        ) from error


def matches(session: Any, wanted: Mapping[str, str], path: Path) -> bool:
    """Whether a graph is the wanted one; False for one that differs in how padding is taken.

    Raises:
        CheckpointMismatch: it is of other weights, or of another kind.
    """
    found = session.get_modelmeta().custom_metadata_map
    for name, value in wanted.items():
        if name != "muxviz.padding" and found.get(name) != value:
            given = printable(str(found.get(name, "nothing"))[:60])
            raise CheckpointMismatch(
                f"{path} says {name} {given}, the checkpoint beside it is {value}; {REMEDY}"
            )
    return bool(found.get("muxviz.padding") == wanted["muxviz.padding"])


def _said(error: Exception) -> str:
    return printable(str(error).strip().partition("\n")[0][:200]) or type(error).__name__
