"""Pre-flight of a checkpoint that nobody has vouched for: what it is, and whether it can be used.

The stages run in order. The first that fails is reported with its code and message, and ends the
check; nothing is raised for a file that is merely bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from muxviz.config import SENTENCE_TASKS, MuxConfig
from muxviz.errors import CheckpointUnreadable, MuxvizError
from muxviz.files import json_text
from muxviz.loading.build import KeyReport, compare, raise_for_keys
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.facts import Fact, model_facts
from muxviz.loading.infer import Inferred, infer_config, names_beside, normalise
from muxviz.loading.json_files import read_config
from muxviz.loading.known import known_labels
from muxviz.loading.load import (
    DTYPES,
    Inspection,
    Progress,
    check_memory,
    count_parameters,
    load_inspected,
    resolve_folder,
)
from muxviz.loading.pruned import masks_beside
from muxviz.loading.self_test import SelfTest, self_test
from muxviz.loading.sizes import Shapes
from muxviz.loading.tokenizer import load_tokenizer
from muxviz.loading.tokenizer_check import tokenizer_doubts
from muxviz.loading.weights import Stored, read_stored, weight_files
from muxviz.printable import printable
from muxviz.pruning.masks import Masks
from muxviz.structure import Structure, to_dict

LITTLE = 1 << 20  # bytes of a file that need no word
MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@dataclass(frozen=True)
class Stage:
    """One step of the check. status: ``ok``, ``warning`` or ``error``; code: that of the error."""

    name: str
    status: str
    lines: tuple[str, ...]
    code: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What a check found, as far as it came.

    model: the parts in words, in reading order; empty before they are known. pruned: what pruning
    left, in numbers; empty for an unpruned model. memory: bytes of the weights by precision,
    activations not included. usable: the last stage was reached without an error (warnings are
    allowed).
    """

    name: str
    folder: str
    stages: tuple[Stage, ...]
    model: dict[str, Any]
    facts: tuple[Fact, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    parameters: int | None
    memory: dict[str, int]
    self_test: SelfTest | None
    usable: bool
    pruned: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        values: dict[str, Any] = asdict(self, dict_factory=_plain)
        return values

    def text(self) -> str:
        """The report for a terminal: stages, model, facts, verdict."""
        lines = [f"checkpoint  {self.name}"]
        for stage in self.stages:
            first, *more = stage.lines
            code = f"[{stage.code}] " if stage.code else ""
            lines.append(f"  {MARKS[stage.status]}  {stage.name}: {code}{first}")
            lines += [f"           {line}" for line in more]
        if self.model:
            lines += ["", "model", *(f"  {k}: {v}" for k, v in self.model.items())]
        if self.facts:
            lines += ["", "good to know", *(f"  {f.title}: {f.sentence}" for f in self.facts)]
        verdict = "usable" if self.usable else "NOT usable"
        lines += ["", f"This checkpoint is {verdict}."]
        return "\n".join(map(printable, lines))


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


@dataclass
class _Findings:
    """What the stages so far have found, for the next ones."""

    path: str
    revision: str | None
    progress: Progress | None
    name: str = ""
    folder: Path = Path()
    raw: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    stored: Stored = field(default_factory=lambda: Stored({}, {}))
    renamed: dict[str, str] = field(default_factory=dict)
    shapes: Shapes = field(default_factory=dict)
    inferred: Inferred | None = None
    masks: Masks | None = None
    keys: KeyReport = KeyReport((), (), ())
    parameters: int | None = None
    checkpoint: Checkpoint | None = None
    self_test: SelfTest | None = None

    @property
    def config(self) -> MuxConfig | None:
        """The configuration, as far as it is known: masks show in it once they are applied."""
        if self.checkpoint is not None:
            return self.checkpoint.config
        return self.inferred.config if self.inferred else None


Lines = list[str]
Step = Callable[[_Findings], tuple[str, Lines]]  # status and lines


def check(
    path: str | Path, *, revision: str | None = None, progress: Progress | None = None
) -> CheckReport:
    """Look a checkpoint over, on the CPU, without trusting any of its files.

    Args:
        path: a folder, a bundled name or a hub id, as for ``load``.
        revision, progress: as for ``load``.

    Returns:
        The report; a bad checkpoint gives one that says so, never an exception.
    """
    found = _Findings(str(path), revision, progress, name=str(path))
    stages: list[Stage] = []
    for name, step in STEPS:
        try:
            status, lines = step(found)
            stages.append(Stage(name, status, tuple(lines)))
        except MuxvizError as error:
            stages.append(Stage(name, "error", (str(error),), error.code))
        except (OSError, MemoryError) as error:
            line = f"{type(error).__name__}: {error}"
            stages.append(Stage(name, "error", (line,), CheckpointUnreadable.code))
        if stages[-1].status == "error":
            break
    return _report(found, tuple(stages))


def main_check(path: str, as_json: bool) -> int:
    """Print the report on ``path`` and return the exit code: 0 where it is usable, else 1."""
    report = check(path)
    print(json_text(report.to_dict(), indent=2) if as_json else report.text())
    return 0 if report.usable else 1


def _find(found: _Findings) -> tuple[str, Lines]:
    found.folder, found.name = resolve_folder(
        found.path, revision=found.revision, progress=found.progress
    )
    return "ok", [str(found.folder)]


def _config(found: _Findings) -> tuple[str, Lines]:
    found.raw = read_config(found.folder)
    return "ok", [f"config.json is read, {len(found.raw)} fields"]


def _weights(found: _Findings) -> tuple[str, Lines]:
    found.files = tuple(weight_files(found.folder))
    found.stored = read_stored(list(found.files))
    found.renamed = normalise(list(found.stored.shapes))
    found.shapes = {bare: found.stored.shapes[name] for name, bare in found.renamed.items()}
    names = ", ".join(path.name for path in found.files[:3])
    more = " ..." if len(found.files) > 3 else ""
    size = _mebibytes(sum(found.stored.bytes.values()))
    return "ok", [f"{len(found.stored.shapes)} tensors, {size}, in {names}{more}"]


def _parts(found: _Findings) -> tuple[str, Lines]:
    found.inferred = infer_config(found.raw, found.shapes, str(found.folder))
    config = found.inferred.config
    line = f"{config.multiplexer} + {config.backbone} + {config.demultiplexer}, {config.task}"
    found.masks, notes = masks_beside(found.folder, config)
    return "ok", [line, *found.inferred.notes, *notes]


def _keys(found: _Findings) -> tuple[str, Lines]:
    assert found.inferred is not None, "the stage before sets it"
    found.keys = compare(found.inferred.config, found.shapes)
    raise_for_keys(found.keys, str(found.folder))
    beside = names_beside(list(found.stored.shapes), found.renamed)
    found.keys = replace(found.keys, unexpected=tuple(sorted([*found.keys.unexpected, *beside])))
    used = found.keys.used
    found.renamed = {name: bare for name, bare in found.renamed.items() if bare in used}
    unread = sum(size for name, size in found.stored.bytes.items() if name not in found.renamed)
    unused = found.keys.unexpected
    shown = ", ".join(name[:80] for name in unused[:5]) + (" ..." if len(unused) > 5 else "")
    lines = ["every tensor has its place"]
    if unused:
        lines = [f"{len(unused)} tensors are used by nothing: {shown}"]
    if unread >= LITTLE:
        lines.append(f"{_mebibytes(unread)} that nothing uses are not read")
    return ("warning" if unused else "ok"), lines


def _size(found: _Findings) -> tuple[str, Lines]:
    assert found.inferred is not None, "an earlier stage sets it"
    found.parameters = count_parameters(found.inferred.config)
    check_memory(found.folder, found.parameters)
    sizes = (f"{_mebibytes(b)} in {d}" for d, b in _memory(found.parameters).items())
    return "ok", [f"{found.parameters:,} parameters: {', '.join(sizes)}, without activations"]


def _tokenizer(found: _Findings) -> tuple[str, Lines]:
    assert found.inferred is not None, "an earlier stage sets it"
    config = found.inferred.config
    tokenizer = load_tokenizer(found.folder, config)
    if tokenizer is None:
        return "warning", ["there is no tokenizer: token ids can be run, texts cannot"]
    line = f"{type(tokenizer).__name__} of {len(tokenizer):,} pieces, all with an embedding"
    doubts = tokenizer_doubts(found.folder, config, tokenizer)
    return ("warning" if doubts else "ok"), [line, *doubts]


def _load(found: _Findings) -> tuple[str, Lines]:
    assert found.inferred is not None, "an earlier stage sets it"
    assert found.parameters is not None, "the stage before sets it"
    inspection = Inspection(
        found.folder, found.files, found.inferred, found.renamed, found.parameters, found.masks
    )
    found.checkpoint = load_inspected(inspection, found.name)
    line = f"loaded on the CPU; stored as {found.checkpoint.stored_dtype}"
    if found.masks is not None:
        found.parameters = count_parameters(found.checkpoint.config)
        line += f"; {found.parameters:,} parameters are left by the masks"
    return "ok", [line]


def _test(found: _Findings) -> tuple[str, Lines]:
    assert found.checkpoint is not None, "the stage before sets it"
    found.self_test = self_test(found.checkpoint.model)
    lines = found.self_test.lines()
    if not found.checkpoint.config.is_multiplexed:
        lines = lines[:1]  # a plain model has nothing to read back
    return ("warning" if found.self_test.retrieval_is_untrained else "ok"), lines


STEPS: tuple[tuple[str, Step], ...] = (
    ("folder", _find),
    ("config", _config),
    ("weights", _weights),
    ("parts", _parts),
    ("keys", _keys),
    ("size", _size),
    ("tokenizer", _tokenizer),
    ("load", _load),
    ("self-test", _test),
)


def _report(found: _Findings, stages: tuple[Stage, ...]) -> CheckReport:
    config = found.config
    return CheckReport(
        name=found.name,
        folder=str(found.folder) if found.folder != Path() else "",
        stages=stages,
        model=_in_words(found),
        facts=model_facts(config) if config else (),
        missing=found.keys.missing,
        unexpected=found.keys.unexpected,
        wrong_shape=found.keys.wrong_shape,
        parameters=found.parameters,
        memory=_memory(found.parameters) if found.parameters else {},
        self_test=found.self_test,
        usable=len(stages) == len(STEPS) and all(s.status != "error" for s in stages),
        pruned=_left(config.structure, config.sparsity) if config and config.structure else {},
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"


def _memory(parameters: int) -> dict[str, int]:
    return {name: parameters * dtype.itemsize for name, dtype in DTYPES.items()}


def _in_words(found: _Findings) -> dict[str, Any]:
    """The parts of the model, in reading order."""
    config = found.config
    if config is None:
        return {}
    labels, source = known_labels(found.name, config)
    task_head = "absent" if config.task in ("masked_lm", "retrieval") else "present"
    if not config.is_multiplexed:
        task_head, retrieval = "present", "not applicable: a plain model"
    else:
        task_head += "" if task_head == "present" else ": the retrieval head answers"
        retrieval = "present" if config.has_retrieval_head else "absent"
    return {
        "multiplexer": config.multiplexer,
        "demultiplexer": config.demultiplexer,
        "backbone": config.backbone,
        "instances": config.num_instances,
        "task": config.task,
        "labels": ", ".join(labels or config.labels) if _has_labels(config) else "none",
        "labels from": (source or config.labels_source) if _has_labels(config) else "",
        "class": config.published_class or "none declared",
        "task head": task_head,
        "retrieval head": retrieval,
        "readout": config.readout,
        "layers": config.shape.num_hidden_layers,
        "width": config.shape.hidden_size,
        "vocabulary": config.shape.vocab_size,
        "longest text": config.default_max_length,
        **(_left_in_words(config) if config.structure else {}),
    }


def _left(structure: Structure, sparsity: float) -> dict[str, Any]:
    """What pruning left, as JSON values: counts, and the numbers where they are known."""
    return {
        "sparsity": sparsity,
        "hidden": len(structure.hidden),
        "readout": len(structure.readout),
        "heads": [len(layer.heads) for layer in structure.layers],
        "intermediate": [len(layer.intermediate) for layer in structure.layers],
        "kept": to_dict(structure) if structure.is_numbered else None,
    }


def _left_in_words(config: MuxConfig) -> dict[str, str]:
    shape, layers = config.shape, config.kept.layers
    heads = ", ".join(str(len(layer.heads)) for layer in layers)
    inner = ", ".join(str(len(layer.intermediate)) for layer in layers)
    words = {
        "sparsity": f"{config.sparsity:.1%} of the encoder's weights pruned away",
        "hidden dimensions kept": f"{config.width} of {shape.hidden_size}",
        "heads kept by layer": f"{heads} of {shape.num_attention_heads}",
        "inner dimensions kept by layer": f"{inner} of {shape.intermediate_size}",
    }
    if config.readout_width < shape.hidden_size and config.is_multiplexed:
        words["readout dimensions kept"] = f"{config.readout_width} of {shape.hidden_size}"
    return words


def _has_labels(config: MuxConfig) -> bool:
    is_one_score = config.task == "regression" and config.num_labels == 1
    return config.task in (*SENTENCE_TASKS, "token_classification") and not is_one_score
