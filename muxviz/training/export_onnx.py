"""A checkpoint with its graphs for ONNX Runtime beside it, held against it before it is kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from muxviz.batch import Group, Row, encode_rows, make_group, stack_groups
from muxviz.engine.engine import Engine
from muxviz.engine.onnx_graph import make_graphs, need_packages
from muxviz.engine.onnx_runtime import graph_name
from muxviz.engine.precision import BATCH, alike, sample
from muxviz.errors import NotApplicable
from muxviz.files import is_there, write_whole
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import inspect_folder, load
from muxviz.loading.save import CARD, CONFIG, check_place, saving, write_json
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES
from muxviz.model.fast import TokenLogits
from muxviz.tracing import trace
from muxviz.training.export import checkpoint_of_run, dev_texts, write_run
from muxviz.training.run_folder import METRICS, SAMPLES, STATE

NEAR = 1e-5  # of the largest logit, where that is above 1: what a float32 graph may differ by


@dataclass(frozen=True)
class Parity:
    """A graph beside the model that it was made of, on the same groups.

    difference: of any logit, at most; largest: logit of the model. answers: compared, kept: share
    of them that are the same. read: tokens read back by the model, read_same: share of them that
    the graph reads as the same; None without a retrieval head.
    """

    precision: str
    texts: str
    difference: float
    largest: float
    answers: int
    kept: float
    read: int
    read_same: float | None

    def lines(self) -> list[str]:
        """For people."""
        told = [
            f"{self.precision} graph beside float32 in torch, on {self.texts}:",
            f"logits differ by {self.difference:.1e} at most (the largest is {self.largest:.2f})",
            f"{self.kept:.2%} of {self.answers:,} answers are the same",
        ]
        if self.read_same is not None:
            told.append(f"{self.read_same:.2%} of {self.read:,} tokens are read back the same")
        return told

    def need(self, agreement: float) -> None:
        """See that a graph may be kept.

        Raises:
            NotApplicable: it may not.
        """
        limit = NEAR * max(1.0, self.largest)
        is_near = self.difference <= limit and self.read_same in (1.0, None)
        if self.precision == "float32" and not is_near:
            raise NotApplicable(
                f"nothing was written: {'; '.join(self.lines())}. A float32 graph has to be within "
                f"{limit:.1e} and to read every token the same"
            )
        if self.kept < agreement:
            raise NotApplicable(
                f"nothing was written: {'; '.join(self.lines())}. {agreement:.2%} were asked for; "
                "export float32, or ask for less with --agreement"
            )


def export_onnx(
    source: str,
    folder: Path,
    *,
    int8: bool = False,
    agreement: float = 0.99,
    data: Path | None = None,
    force: bool = False,
) -> Parity:
    """Write a run's model in float32, or a checkpoint as it is, with its graphs; all or nothing.

    Args:
        source: run folder, or what ``muxviz.load`` takes.
        folder: a checkpoint afterwards, whose graphs ``--runtime onnx`` takes.
        int8: graphs in int8 (the weights beside them stay as they are).
        agreement: share of answers that has to be kept.
        data: compare on the dev set of the recipe; None: on sentences that come with muxviz.
        force: as in ``save``.

    Raises:
        NotApplicable: packages are missing, no graph can be made, or it differs too much.
        CheckpointError: as in ``load`` and ``save``.
    """
    check_place(folder, force)
    need_packages("onnx", "onnxruntime", "onnxscript")
    run = Path(source)
    is_run = is_there(run / STATE)
    checkpoint = checkpoint_of_run(run) if is_run else load(source, device="cpu")
    texts = [] if data is None or "recipe" not in checkpoint.card else dev_texts(checkpoint, data)
    with saving(folder, force=force) as beside:
        if is_run:
            write_run(checkpoint, run, beside, "float32")
        else:
            _copy(checkpoint, beside)
        stored = load(beside, device="cpu")
        hide = stored.config.default_padding == "masked"
        made = make_graphs(stored, Engine(stored).model, int8=int8, hide_padding=hide)
        for what, content in made.items():
            write_whole(beside / graph_name(what, int8=int8), content)
        found = parity(stored, texts, int8=int8)
        found.need(agreement)
        write_json(beside / CARD, {**stored.card, "onnx": asdict(found)})
    return found


def _copy(checkpoint: Checkpoint, beside: Path) -> None:
    """The files of a checkpoint as they are; in float32 where masks beside them cut it."""
    inspection = inspect_folder(checkpoint.folder)
    if inspection.masks is not None:
        write_run(checkpoint, checkpoint.folder, beside, "float32")
        return
    others = {CONFIG, CARD, METRICS, SAMPLES, "vocab.txt", *ALL_TOKENIZER_FILES}
    for path in (*inspection.files, *(checkpoint.folder / name for name in others)):
        if path.is_file():
            shutil.copyfile(path, beside / path.name)


def parity(checkpoint: Checkpoint, texts: list[Row], *, int8: bool) -> Parity:
    """Hold the graphs in a checkpoint's folder against its model.

    Args:
        texts: compared on these; none: on sentences that come with muxviz.
    """
    groups = _groups(checkpoint, texts) if texts else sample(checkpoint)
    exact, graph = Engine(checkpoint), Engine(checkpoint, int8=int8, runtime="onnx")
    difference = largest = 0.0
    for one, other in zip(
        exact.raw(groups, batch=BATCH), graph.raw(groups, batch=BATCH), strict=True
    ):
        mine, theirs = (
            raw.values.values if isinstance(raw.values, TokenLogits) else raw.values
            for raw in (one, other)
        )
        difference = max(difference, float((mine - theirs).abs().max()))
        largest = max(largest, float(mine.abs().max()))
    answered = [
        [given for own in engine.give(groups, batch=BATCH) for given in own]
        for engine in (exact, graph)
    ]
    same, total = alike(*answered)
    read_same, read = _read_back(checkpoint, graph, groups)
    return Parity(
        precision=graph.precision,
        texts=f"{len(texts):,} dev texts" if texts else "sentences that come with muxviz",
        difference=difference,
        largest=largest,
        answers=total,
        kept=same / total,
        read=read,
        read_same=read_same / read if read else None,
    )


def _groups(checkpoint: Checkpoint, texts: list[Row]) -> list[Group]:
    rows = [row for row in encode_rows(checkpoint, texts, keep_bad=True) if not row.why_not]
    num = checkpoint.config.num_instances
    return [make_group(checkpoint.config, rows[at : at + num]) for at in range(0, len(rows), num)]


def _read_back(checkpoint: Checkpoint, graph: Engine, groups: list[Group]) -> tuple[int, int]:
    """Tokens that are read the same, of how many real ones."""
    if checkpoint.model.retrieval_head is None:
        return 0, 0
    assert graph.graph is not None, "it runs in ONNX Runtime"
    same = total = 0
    for numbers, arrays in stack_groups(groups, at_most=BATCH):
        own = [groups[n] for n in numbers]
        hide = own[0].hides_padding
        ids, mask, types = group_tensors(checkpoint, own)
        traced = trace(
            checkpoint.model,
            ids,
            mask,
            token_type_ids=types,
            retrieval="scores",
            attentions=False,
            hide_padding=hide,
        )
        assert traced.retrieval_scores is not None, "there is a retrieval head"
        mine = traced.retrieval_scores.read[:, :, traced.prefix :]
        theirs = torch.from_numpy(graph.graph.read_back(*arrays, hide_padding=hide))
        real = mask[:, :, : mine.shape[2]].bool()
        same, total = same + int((mine == theirs)[real].sum()), total + int(real.sum())
    return same, total
