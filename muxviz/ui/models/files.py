"""What the files of a checkpoint folder say, read without torch: for tables and cards.

Nothing here is trusted or checked against the weights; that is what a pre-flight is for. Left out:
the shapes in ``pytorch_model.bin``, which only torch can read, so parameters stay unknown there.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from muxviz.config import SENTENCE_TASKS
from muxviz.errors import FileError, MuxvizError
from muxviz.files import decode, is_there, open_bytes, parse_json
from muxviz.loading.heads import PROBLEM_TYPES
from muxviz.loading.infer import normalise
from muxviz.loading.layout import (
    DEMUXING_VARIANTS,
    MUXING_VARIANTS,
    PUBLISHED_CLASSES,
    RSA_ROOTS,
    is_ignored,
)
from muxviz.loading.pruned import MASKS, infer_structure
from muxviz.loading.sizes import TIED_WORDS
from muxviz.structure import Structure
from muxviz.ui.shell.checkpoints import (
    Listed,
    object_or_fault,
    read_object,
    sparsity_of,
    structure_sparsity,
)

LARGEST_HEADER = 64 << 20  # bytes of a safetensors header
LARGEST_COUNT = 1 << 40  # parameters beyond which a header is not believed
CARD_DEPTH = 6  # objects inside objects that are searched or shown
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
NONE = "none (plain)"


@dataclass(frozen=True)
class FolderFacts:
    """One row of the table of checkpoints; "" and None where the files do not say.

    parameters: distinct ones. bytes: of the weights on disk. accuracy: on the dev set, in [0, 1],
    as the card has it. sparsity: share of the encoder pruned away, 0 where the files tell of none.
    may_be_pruned: whether there is more to find out, with torch. problem: why this cannot be a
    usable checkpoint, or "".
    """

    name: str
    folder: Path
    num_instances: int | None = None
    task: str = ""
    multiplexer: str = ""
    demultiplexer: str = ""
    backbone: str = ""
    parameters: int | None = None
    bytes: int = 0
    accuracy: float | None = None
    card: dict[str, Any] = field(default_factory=dict, compare=False)
    problem: str = ""
    sparsity: float = 0.0
    may_be_pruned: bool = False

    @property
    def stamp(self) -> str:
        """Changes when the folder's files are replaced."""
        return Listed(self.name, 1, folder=self.folder).stamp


class _Unreadable(Exception):
    """A file is not what its name says; the message is short, for one line."""


def describe_folder(name: str, folder: Path) -> FolderFacts:
    """The facts of a folder; what cannot be read becomes its ``problem``."""
    problem, raw, shapes, size = "", {}, None, 0
    try:
        raw = _object(folder / "config.json")
        files = _weight_files(folder)
        size = sum(path.stat().st_size for path in files)
        shapes = _shapes(files)
        if is_there(folder / "card.json"):
            _object(folder / "card.json")  # loading asks for it too
    except (_Unreadable, OSError) as error:
        problem = str(error) if isinstance(error, _Unreadable) else f"unreadable: {error.strerror}"
    card, parts = read_object(folder / "card.json"), _parts(raw, shapes)
    left = None if problem or shapes is None else _structure(raw, shapes, parts["backbone"])
    share = structure_sparsity(left, raw) if left is not None else sparsity_of(raw, card)
    return FolderFacts(
        name=name,
        folder=folder,
        **parts,
        parameters=None if shapes is None else count_parameters(shapes),
        bytes=size,
        accuracy=dev_accuracy(card),
        card=card,
        problem=problem,
        sparsity=share,
        may_be_pruned=not problem
        and (share > 0 or left is not None or shapes is None or (folder / MASKS).is_file()),
    )


def _structure(
    raw: dict[str, Any], shapes: dict[str, tuple[int, ...]], backbone: str
) -> Structure | None:
    """What is left of a pruned model, as far as its configuration and shapes tell."""
    ours = raw.get("muxviz")
    try:
        return infer_structure(
            raw, ours if isinstance(ours, dict) else {}, shapes, backbone, "this folder"
        )
    except MuxvizError:
        return None  # loading will complain


def _object(path: Path) -> dict[str, Any]:
    found = object_or_fault(path)
    if isinstance(found, FileError):
        raise _Unreadable(f"{path.name} {found.given}")
    return found


def dev_accuracy(card: dict[str, Any]) -> float | None:
    """The first accuracy on a card outside its recipe: a share, or an object with its mean."""
    return _accuracy(card, CARD_DEPTH)


def count_parameters(shapes: dict[str, tuple[int, ...]]) -> int | None:
    """Distinct parameters: a tensor that is stored under several published names counts once."""
    is_plain = "instance_embedding" not in shapes
    has_rsa = any(name.endswith("demux_instance_embedding") for name in shapes)
    distinct = {}
    for name, shape in shapes.items():
        is_read = is_plain and name.startswith("bert.pooler.") and "classifier.weight" in shapes
        if is_read or not is_ignored(name):
            distinct[_one_name(name, has_rsa)] = shape
    total = sum(math.prod(shape) for shape in distinct.values())
    return total if total < LARGEST_COUNT else None


def _accuracy(value: Any, depth: int) -> float | None:
    if not isinstance(value, dict) or depth == 0:
        return None
    for name in ("dev_accuracy", "accuracy"):
        found = value.get(name)
        share = found.get("mean", found.get("value")) if isinstance(found, dict) else found
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
            return float(share)
    inner = (_accuracy(part, depth - 1) for name, part in value.items() if name != "recipe")
    return next((share for share in inner if share is not None), None)


def _one_name(name: str, has_rsa: bool) -> str:
    """One name for all published names of a tensor."""
    if name in (*TIED_WORDS, "bert.embeddings.word_embeddings.weight"):
        return "word embeddings"
    for root in RSA_ROOTS if has_rsa else ():
        if name.startswith(f"{root}."):
            return name.removeprefix(f"{root}.")
    return re.sub(
        r"^(retrieval_head|cls\.predictions|demultiplexer)\.bias$", r"\1.decoder.bias", name
    )


def _parts(raw: dict[str, Any], shapes: dict[str, tuple[int, ...]] | None) -> dict[str, Any]:
    """The parts in this project's words, as far as ``config.json`` and the header tell."""
    names = raw.get("architectures")
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    known = PUBLISHED_CLASSES.get(first)
    number = raw.get("num_instances")
    is_multiplexed = known.is_multiplexed if known else isinstance(number, int) and number > 1
    if shapes is not None:
        is_multiplexed = "instance_embedding" in shapes
    if number is None and shapes is not None and is_multiplexed:
        number = next(iter(shapes["instance_embedding"]), None)
    plain = "" if not raw else NONE
    return {
        "num_instances": _number(number if is_multiplexed else 1) if raw else None,
        "task": _task(raw, known.task if known else ""),
        "multiplexer": _variant(MUXING_VARIANTS, raw.get("muxing_variant"), is_multiplexed, plain),
        "demultiplexer": _variant(
            DEMUXING_VARIANTS, raw.get("demuxing_variant"), is_multiplexed, plain
        ),
        "backbone": known.backbone if known else _text(raw.get("model_type")),
    }


def _task(raw: dict[str, Any], published: str) -> str:
    ours = raw.get("muxviz")
    named = _text(ours.get("task")) if isinstance(ours, dict) else ""
    labels = raw.get("id2label")
    task = named or published
    if task in SENTENCE_TASKS:
        task = PROBLEM_TYPES.get(_text(raw.get("problem_type")), task)
        if task == "sequence_classification" and isinstance(labels, dict) and len(labels) == 1:
            task = "regression"
    return task.replace("_", " ")


def _variant(table: dict[str, str], value: Any, is_multiplexed: bool, plain: str) -> str:
    if not is_multiplexed:
        return plain
    return table.get(_text(value), "").replace("_", " ")


def _text(value: Any) -> str:
    return value[:40] if isinstance(value, str) else ""


def _number(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024
    return value if is_count else None


def _weight_files(folder: Path) -> list[Path]:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
    for name in INDEXES:
        if not (folder / name).is_file():
            continue
        mapping = _object(folder / name).get("weight_map")
        shards = set(mapping.values()) if isinstance(mapping, dict) else set()
        files = [folder / s for s in shards if isinstance(s, str) and Path(s).name == s]
        if not files or not all(path.is_file() for path in files):
            raise _Unreadable("weights are incomplete")
        return files
    raise _Unreadable("no weights")


def _shapes(files: list[Path]) -> dict[str, tuple[int, ...]] | None:
    """Shapes of all tensors of safetensors files; None for other files."""
    if any(path.suffix != ".safetensors" for path in files):
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        shapes |= _header(path)
    try:
        return {bare: shapes[name] for name, bare in normalise(list(shapes)).items()}
    except MuxvizError as error:
        raise _Unreadable("weights are damaged") from error


def _header(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a safetensors header: a length in 8 bytes, then JSON."""
    status = path.stat()
    shapes = _read_header(str(path), status.st_size, status.st_ino, status.st_mtime_ns)
    if isinstance(shapes, str):
        raise _Unreadable(shapes)
    return shapes


@lru_cache(maxsize=64)  # asked at every drawing of the page, of every checkpoint
def _read_header(path: str, size: int, *stamp: int) -> dict[str, tuple[int, ...]] | str:
    """The header of a file as it was at a stamp, not to be changed; or what is wrong with it."""
    try:
        with open_bytes(path) as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else LARGEST_HEADER + 1
            if length > min(LARGEST_HEADER, size):
                return "weights are damaged"
            header = parse_json(decode(file.read(length), path), path)
        shapes = {n: _shape(t) for n, t in header.items() if n != "__metadata__"}
        end = max((t["data_offsets"][1] for n, t in header.items() if n in shapes), default=0)
    except (FileError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return "weights are damaged"
    whole = isinstance(end, int) and size == 8 + length + end
    return shapes if whole else "weights are truncated"


def _shape(tensor: dict[str, Any]) -> tuple[int, ...]:
    shape = tuple(tensor["shape"])
    if not all(isinstance(n, int) and 0 <= n < LARGEST_COUNT for n in shape) or len(shape) > 8:
        raise ValueError("not a shape")
    return shape
