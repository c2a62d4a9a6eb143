"""Everything a run needs before its first step: data, vocabulary, model, teacher."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError, TrainingError
from muxviz.model.mux_model import MuxModel
from muxviz.training.batches import BatchMaker
from muxviz.training.corpus import iterate_texts, text_rows
from muxviz.training.files import locate
from muxviz.training.objectives import TrainingModel, needs_retrieval_head
from muxviz.training.packed.answers import Answers
from muxviz.training.packed.pool import Pool, PoolSampler, make_pool
from muxviz.training.packed.prepare import (
    PackedTeacher,
    ask_packed,
    build_tied,
    layout_of,
    training_parts,
    untied,
)
from muxviz.training.pruning import (
    READOUT_BATCHES,
    Companion,
    check_pruning,
    choose_readout,
    settled_model,
)
from muxviz.training.recipe import Recipe, Stage
from muxviz.training.rows import UNLABELLED, JoinedRows, Rows, TokenRows
from muxviz.training.sampler import Sampler
from muxviz.training.start import (
    Start,
    build_generator,
    build_model,
    place_vocabulary,
    read_start,
    run_config,
    run_shape,
    run_tokenizer,
)
from muxviz.training.tasks import LabelledRows, read_task, tokenise_task
from muxviz.training.teacher import Teacher, ask_teacher
from muxviz.training.unlabelled import compound_rows, rows_not_in

VOCABULARY_TEXTS = 60000  # texts of each corpus that decide on a trimmed vocabulary
LABELLED_TASKS = ("sequence_classification", "regression", "token_classification")


@dataclass(frozen=True)
class Run:
    """A run ready to go on.

    dev: what is scored at each save; None where the recipe has no labelled task. scored: what
    that is: "dev", or "held" where rows were kept out of training for it. pool: the rows of a
    packed start. notes: more for ``run.json``.
    """

    recipe: Recipe
    parts: TrainingModel
    tokenizer: PreTrainedTokenizerBase
    rows: Rows
    task_rows: int
    maker: BatchMaker
    dev: TokenRows | None
    teacher: Teacher | Answers | None
    scored: str = "dev"
    pool: Pool | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def untied(self) -> Run:
        """The same run with every weight training by itself, after the tied stages."""
        return replace(self, parts=untied(self.parts, self.recipe))

    def sampler(self, index: int, shares: int = 1) -> Sampler | PoolSampler:
        """The order of rows of stage ``index``, whose steps are cut into ``shares``."""
        stage = self.recipe.stages[index]
        if self.pool is not None:
            seed = self.recipe.seed + 1000 * index
            return PoolSampler(self.pool, self.recipe, stage, seed=seed, shares=shares)
        return Sampler(
            self.rows.lengths,
            task_rows=self.task_rows,
            num_instances=self.recipe.num_instances,
            groups=stage.groups,
            general_share=stage.general_share,
            bucketed_share=stage.bucketed_share,
            seed=self.recipe.seed + 1000 * index,
            min_tokens=stage.min_tokens,
        )


def prepare_run(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    start: Path | None,
    teacher: Path | None,
    device: torch.device,
    companion: Path | None = None,
) -> Run:
    """Read data, build tokenizer and model, and compute the teacher's answers if there is one.

    Raises:
        TrainingError: the folder ``out`` has another vocabulary than this start gives.
        ConfigError: the recipe asks for what its parts cannot do.
    """
    _check_teacher_is_named(recipe, teacher)
    if recipe.is_packed:
        return _packed_run(recipe, data, out, teacher, device)
    begin = read_start(start)
    has_task = recipe.task in LABELLED_TASKS
    train = dev = None
    if has_task:
        train = read_task(locate(data, recipe.task_train), labels=recipe.labels)
        dev = read_task(locate(data, recipe.task_dev), labels=recipe.labels or train.names)
        for name, rows_read in ((recipe.task_train, train), (recipe.task_dev, dev)):
            _check_labels(recipe, name, rows_read)
    tokenizer, config, old_ids = _tokenizer_and_config(recipe, data, out, begin, train)
    model = build_model(recipe, config, begin, old_ids)
    torch.manual_seed(recipe.seed)  # of the parts that are trained beside the model
    if recipe.freeze_embeddings:
        tables: Any = model.embeddings
        for name in ("word", "position", "token_type"):
            getattr(tables, f"{name}_embeddings").weight.requires_grad_(False)
    beside = None if companion is None else Companion(_unpruned(companion), device)
    check_pruning(recipe, model, beside)
    parts = TrainingModel(model, recipe, build_generator(recipe, model.config), beside)
    _check_stages(recipe, model)
    length = min(recipe.max_length, model.config.default_max_length)
    dev_rows = None if dev is None else tokenise_task(tokenizer, dev, max_length=length)
    rows, task_rows = _rows(recipe, data, out, tokenizer, train, dev_rows, length)
    maker = _maker(recipe, rows, model, tokenizer)
    asked = None
    if teacher is not None and any(stage.asks_teacher for stage in recipe.stages):
        asked = _teacher(recipe, teacher, rows, train, out, tokenizer, device)
        _check_teacher_fits(recipe, teacher, asked, model)
    return Run(recipe, parts, tokenizer, rows, task_rows, maker, dev_rows, asked)


def _packed_run(
    recipe: Recipe, data: Path, out: Path, teacher: Path | None, device: torch.device
) -> Run:
    """A run whose model is cut out of the teacher, as narrow models side by side."""
    begin = read_start(teacher)
    plain = PackedTeacher.of(recipe, begin)
    named = replace(recipe, labels=_labels_of(recipe, plain.model))
    train, dev = (
        read_task(locate(data, name), labels=named.labels)
        for name in (recipe.task_train, recipe.task_dev)
    )
    _check_labels(recipe, recipe.task_train, train)
    _check_labels(recipe, recipe.task_dev, dev)
    tokenizer, config, _ = _tokenizer_and_config(named, data, out, begin, train)
    length = min(recipe.max_length, config.default_max_length)
    cache = out.parent
    pool = make_pool(recipe, data, cache / "token-cache", tokenizer, train, dev, length)
    model, share = build_tied(recipe, config, plain, pool)
    torch.manual_seed(recipe.seed)  # of the maps that are trained beside the model
    layout = layout_of(recipe, config)
    parts = training_parts(recipe, model, layout, plain.model.config.width)
    _check_stages(recipe, model)
    answers = ask_packed(recipe, plain, pool, cache / "teacher-cache", device)
    notes = {
        "slot_width": layout.own,
        "slot_heads": layout.heads,
        "slot_units": layout.units,
        "variance_kept": round(share, 4),
        "rows": {kind: len(pool.numbers(kind)) for kind in pool.ends},
        "left_out": pool.left_out,
    }
    scored = tokenise_task(tokenizer, dev, max_length=length) if pool.held is None else pool.held
    return Run(
        recipe,
        parts,
        tokenizer,
        pool.rows,
        pool.ends["task"],
        _maker(recipe, pool.rows, model, tokenizer),
        scored,
        answers,
        "dev" if pool.held is None else "held",
        pool,
        {"packed": notes},
    )


def _labels_of(recipe: Recipe, teacher: MuxModel) -> tuple[str, ...]:
    """The teacher's labels, which a packed start shares."""
    if recipe.task == "regression":
        return recipe.labels
    theirs = teacher.config.labels
    if recipe.labels not in ((), theirs):
        raise ConfigError(
            f"the recipe's labels are {', '.join(recipe.labels)}, the teacher's "
            f"{', '.join(theirs)}; leave them out, or name another teacher"
        )
    return theirs


def _maker(
    recipe: Recipe, rows: Rows, model: MuxModel, tokenizer: PreTrainedTokenizerBase
) -> BatchMaker:
    special = tuple(int(i) for i in tokenizer.all_special_ids)
    mask_id, generates = _mask_id(tokenizer, recipe), bool(recipe.generator_layers)
    return BatchMaker(rows, model.config, mask_id, special, recipe.seed, generates)


def _check_stages(recipe: Recipe, model: MuxModel) -> None:
    for stage in recipe.stages:
        if not stage.has_loss:
            raise ConfigError(
                f"stage {stage.name!r} of {recipe.name} has no loss; set one of task_coeff, "
                "retrieval_coeff, hidden_coeff ... above 0"
            )
        _check_heads(recipe, stage, model)
        if recipe.is_packed and (stage.hidden_coeff or stage.sentence_coeff or stage.probe_coeff):
            raise ConfigError(
                f"stage {stage.name!r}: hidden_coeff, sentence_coeff and probe_coeff are not for a "
                "packed start; use state_coeff and answer_coeff"
            )


def _check_teacher_is_named(recipe: Recipe, teacher: Path | None) -> None:
    asking = [stage.name for stage in recipe.stages if stage.asks_teacher]
    if asking and teacher is None:
        raise ConfigError(
            f"stage {asking[0]!r} of {recipe.name} imitates a teacher, and none is given; name one "
            "with --teacher, or set hidden_coeff, sentence_coeff and logit_coeff to 0"
        )


def _check_labels(recipe: Recipe, name: str, rows: LabelledRows) -> None:
    kind = "token_classification" if rows.words else "sequence_classification"
    if rows.labels.dtype.kind == "f":
        kind = "regression"
    numbered = recipe.task == "regression" and kind == "sequence_classification"
    if kind != recipe.task and not numbered:
        raise ConfigError(
            f"{name} has the labels of {kind}, the recipe's task is {recipe.task}; change one"
        )


def _check_heads(recipe: Recipe, stage: Stage, model: Any) -> None:
    if needs_retrieval_head(stage, model) and model.retrieval_head is None:
        raise ConfigError(
            f"stage {stage.name!r} trains a retrieval head, and this model has none (N = "
            f"{recipe.num_instances}, {recipe.multiplexer}); set its retrieval_coeff to 0"
        )
    masked = stage.objective == "masked_lm" and stage.task_coeff > 0
    if masked and not recipe.is_multiplexed and recipe.task != "masked_lm":
        raise ConfigError(
            f"stage {stage.name!r}: a plain model of task {recipe.task!r} has no head for masked "
            "LM; set task to 'masked_lm', and name that run as --start of the next"
        )


def _check_teacher_fits(recipe: Recipe, folder: Path, asked: Teacher, model: Any) -> None:
    width, classes = model.config.shape.hidden_size, model.config.num_labels
    if asked.hidden is not None and asked.hidden.shape[1] != width:
        raise ConfigError(
            f"the teacher {folder} is {asked.hidden.shape[1]} wide, the model {width}: their "
            "states cannot be compared; set hidden_coeff and sentence_coeff to 0"
        )
    if any(stage.logit_coeff for stage in recipe.stages):
        theirs = 0 if asked.logits is None else asked.logits.shape[1]
        if theirs != classes:
            raise ConfigError(
                f"the teacher {folder} knows {theirs} classes, the model {classes}; set "
                "logit_coeff to 0, or name a teacher of the same task"
            )


def _tokenizer_and_config(
    recipe: Recipe, data: Path, out: Path, begin: Start | None, train: LabelledRows | None
) -> tuple[PreTrainedTokenizerBase, MuxConfig, np.ndarray | None]:
    """Both of the run, and which rows of the start's vocabulary it keeps (None: all)."""
    if recipe.is_packed and (recipe.vocab_size or recipe.vocabulary):
        raise ConfigError("a packed start keeps the teacher's vocabulary; name no other")
    before = _tokenizer_files(out)
    corpora: list[list[str]] = []
    if recipe.vocab_size:
        corpora = [] if train is None else [list(train.texts)]
        for name in recipe.general:
            texts = iterate_texts(locate(data, name))
            corpora.append(list(islice(texts, VOCABULARY_TEXTS)))
    old_ids = place_vocabulary(recipe, begin, data, out, corpora)
    if before and before != _tokenizer_files(out):
        for name, content in before.items():
            (out / name).write_bytes(content)
        raise TrainingError(
            f"{begin and begin.folder} has another vocabulary than the run in {out}"
        )
    if old_ids is not None:
        vocab_size = len(old_ids)
    elif begin is not None and not recipe.vocabulary:
        vocab_size = begin.shape.vocab_size
    else:
        vocab_size = _vocab_rows(out)
    shape = run_shape(recipe, begin, vocab_size)
    left = None if begin is None or begin.config is None else begin.config.structure
    config = run_config(recipe, shape, _label_names(recipe, train), left)
    return run_tokenizer(out, shape, recipe.backbone), config, old_ids


def _mask_id(tokenizer: PreTrainedTokenizerBase, recipe: Recipe) -> int:
    """The mask token, or -1 where there is none and no stage hides tokens."""
    found: Any = tokenizer.mask_token_id
    masks = [s.name for s in recipe.stages if s.objective != "task" and s.task_coeff]
    if found is None and masks:
        raise ConfigError(
            f"stage {masks[0]!r} hides tokens, and the tokenizer has no mask token; put its "
            "tokenizer_config.json beside its tokenizer.json"
        )
    return -1 if found is None else int(found)


def _tokenizer_files(out: Path) -> dict[str, bytes]:
    names = ("vocab.txt", "tokenizer.json", "vocab.json")
    return {name: (out / name).read_bytes() for name in names if (out / name).is_file()}


def _vocab_rows(out: Path) -> int:
    if (out / "vocab.txt").is_file():
        return len((out / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))
    from transformers import AutoTokenizer

    return len(AutoTokenizer.from_pretrained(out, local_files_only=True))


def _label_names(recipe: Recipe, train: LabelledRows | None) -> tuple[str, ...]:
    if recipe.labels:
        return recipe.labels
    if train is None:
        return ("LABEL_0", "LABEL_1")
    if recipe.task == "regression":
        return ("score",)
    if train.names:
        return train.names
    numbers = np.concatenate(train.word_labels) if train.words else train.labels
    return tuple(f"LABEL_{i}" for i in range(int(numbers.max()) + 1))


def _rows(
    recipe: Recipe,
    data: Path,
    out: Path,
    tokenizer: PreTrainedTokenizerBase,
    train: LabelledRows | None,
    dev: TokenRows | None,
    length: int,
) -> tuple[Rows, int]:
    """All rows, the task's first, and how many those are."""
    found: list[TokenRows] = []
    if train is not None:
        found.append(tokenise_task(tokenizer, train, max_length=length))
    for name in recipe.unlabelled:
        texts = tokenise_task(tokenizer, read_task(locate(data, name)), max_length=length)
        found.append(texts if dev is None else rows_not_in(texts, dev))
    if recipe.compounds:
        if train is None:
            raise ConfigError(f"{recipe.name}: compounds are made of task rows; name task_train")
        made = {"max_length": length, "seed": recipe.data_seed}
        found.append(compound_rows(found[0], recipe.compounds, **made))
    if recipe.general:
        found.append(
            text_rows(
                [locate(data, name) for name in recipe.general],
                tokenizer,
                max_length=length,
                packing=recipe.packing,  # type: ignore[arg-type]  # checked by Recipe
                cache=out.parent / "token-cache",
                limit=recipe.general_rows,
                seed=recipe.data_seed,
            )
        )
    if not found:
        raise ConfigError(
            f"{recipe.name}: task {recipe.task!r} has no labelled data; name texts in 'general'"
        )
    task_rows = 0 if train is None else len(found[0])
    return (found[0] if len(found) == 1 else JoinedRows(found)), task_rows


def _unpruned(folder: Path) -> MuxModel:
    """The model of a checkpoint or run that a pruned one imitates."""
    start = read_start(folder)
    if start is None or start.config is None:
        raise TrainingError(f"{folder} is an encoder without a head; name the model to prune")
    model = MuxModel(start.config)
    model.load_state_dict(start.weights)
    return model


def _teacher(
    recipe: Recipe,
    folder: Path,
    rows: Rows,
    train: LabelledRows | None,
    out: Path,
    tokenizer: PreTrainedTokenizerBase,
    device: torch.device,
) -> Teacher:
    """The teacher's answers; one with a vocabulary of its own reads the task's texts itself."""
    start = read_start(folder)
    if start is None or start.config is None:
        raise TrainingError(f"{folder} is an encoder without a head; a teacher is a trained model")
    model = MuxModel(start.config)
    model.load_state_dict(start.weights)
    model.eval().requires_grad_(False)
    theirs = run_tokenizer(start.folder, start.shape, start.config.backbone)
    cache = out.parent / "teacher-cache"
    if theirs.get_vocab() == tokenizer.get_vocab():
        wanted = any(s.hidden_coeff or s.sentence_coeff for s in recipe.stages)
        return ask_teacher(model, rows, cache, wants_hidden=wanted, device=device)
    if train is None or isinstance(rows, JoinedRows) or train.words:
        raise TrainingError(
            f"{folder} has another vocabulary than the student: it can only teach the labels of "
            "a sentence task without a general corpus; use a teacher with the same vocabulary"
        )
    length = min(recipe.max_length, start.config.default_max_length)
    own = tokenise_task(theirs, train, max_length=length)
    return ask_teacher(model, own, cache, wants_hidden=False, device=device)


def weigh_readout(run: Run) -> None:
    """Choose which readout dimensions stay, on the first steps' own batches."""
    sampler = run.sampler(0)
    stage = run.recipe.stages[0]
    made = [run.maker.make(sampler.step(at), stage, at) for at in range(READOUT_BATCHES)]
    choose_readout(run.parts, made, run.recipe.readout_width)


@torch.inference_mode()
def score_dev(run: Run, *, seed: int = 0, device: torch.device) -> dict[str, float]:
    """One random grouping of the dev set: accuracy of rows (or words), or squared error.

    A quick look while training; ``muxviz evaluate`` is what cards quote.
    """
    assert run.dev is not None
    model = settled_model(run.parts.model, run.parts.gates)
    num = run.recipe.num_instances
    order = np.random.default_rng(seed).permutation(len(run.dev))
    groups = np.resize(order, -(-len(order) // num) * num).reshape(-1, num)
    groups = groups[np.argsort(run.dev.lengths[groups].max(axis=1), kind="stable")]
    right = seen = 0.0
    for begin in range(0, len(groups), 16):
        rows = groups[begin : begin + 16]
        ids, mask = run.dev.pad(rows.ravel(), model.config.shape.pad_token_id)
        shape = (*rows.shape, -1)
        types = None
        if model.config.is_pair_aware and run.dev.has_pairs:
            types = torch.from_numpy(run.dev.segments(rows.ravel())).view(shape).to(device)
        inputs = (torch.from_numpy(a).view(shape).to(device) for a in (ids, mask))
        logits = model(*inputs, types).logits.float().cpu()
        if model.config.task == "token_classification":
            labels = torch.from_numpy(run.dev.pad_token_labels(rows.ravel())).view(shape)
        else:
            labels = torch.from_numpy(run.dev.labels[rows])
        labelled = labels != UNLABELLED
        if model.config.task == "regression":
            right += float(((logits.squeeze(-1) - labels)[labelled] ** 2).sum())
        else:
            right += float((logits.argmax(dim=-1) == labels)[labelled].sum())
        seen += float(labelled.sum())
    name = "squared_error" if model.config.task == "regression" else "accuracy"
    return {name: right / max(1.0, seen)}


@torch.inference_mode()
def read_samples(run: Run, *, device: torch.device) -> list[dict[str, Any]]:
    """What the retrieval head reads back of N fixed dev (or training) texts, one per slot."""
    model = settled_model(run.parts.model, run.parts.gates)
    if model.retrieval_head is None:
        return []
    source: Rows = run.rows if run.dev is None else run.dev
    fitting = np.flatnonzero((source.lengths >= 6) & (source.lengths <= 24))
    if len(fitting) == 0:
        fitting = np.arange(len(source))
    chosen = fitting[np.linspace(0, len(fitting) - 1, run.recipe.num_instances).astype(int)]
    ids, mask = source.pad(chosen, model.config.shape.pad_token_id)
    prepared = model.prepare(
        torch.from_numpy(ids)[None].to(device), torch.from_numpy(mask)[None].to(device), None
    )
    entered = model.enter(model.mix(model.embed(prepared), prepared.mask))
    hidden = model.encoder(entered, None)
    states = model.read_tokens(hidden, slice(prepared.prefix, None))
    guesses = model.retrieval_head(states).argmax(dim=-1)[0].cpu().numpy()
    special = set(run.maker.special_ids)
    samples = []
    for slot, length in enumerate(mask.sum(axis=1)):
        places = [
            t for t in range(min(length, guesses.shape[1])) if int(ids[slot, t]) not in special
        ]
        theirs, read = [int(ids[slot, t]) for t in places], [int(guesses[slot, t]) for t in places]
        samples.append(
            {
                "text": run.tokenizer.decode(theirs),
                "read": run.tokenizer.decode(read),
                "right": sum(a == b for a, b in zip(theirs, read, strict=True)),
                "tokens": len(places),
            }
        )
    return samples
