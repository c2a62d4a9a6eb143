"""Everything a run needs before its first step: data, vocabulary, model, teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from muxviz import files
from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError, DataError, TrainingError
from muxviz.loading.fields import LIMITS
from muxviz.loading.infer import are_numbers
from muxviz.loading.sizes import usual_padding
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES, TOKENIZER_FILES
from muxviz.model.mux_model import MuxModel
from muxviz.training.batches import BatchMaker
from muxviz.training.corpus import iterate_texts, text_rows
from muxviz.training.cost import check_compounds, check_model, check_step
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
from muxviz.training.recipe import CLASS_TASKS, LABELLED_TASKS, Recipe, Stage
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
from muxviz.training.tasks import LabelledRows, match_names, read_task, tokenise_task
from muxviz.training.teacher import Teacher, ask_teacher, check_plain
from muxviz.training.unlabelled import compound_rows, rows_not_in
from muxviz.training.vocabulary import read_pieces

VOCABULARY_TEXTS = 60000  # texts of each corpus that decide on a trimmed vocabulary


@dataclass(frozen=True)
class Run:
    """A run ready to go on; nothing of it is on disk yet.

    dev: what is scored at each save; None where the recipe has no labelled task. tokenizer_files:
    by name, for the run's folder. scored: what is scored: "dev", or "held" where rows were kept out
    of training for it. pool: the rows of a packed start. notes: more for ``run.json``.
    """

    recipe: Recipe
    parts: TrainingModel
    tokenizer: PreTrainedTokenizerBase
    rows: Rows
    task_rows: int
    maker: BatchMaker
    dev: TokenRows | None
    teacher: Teacher | Answers | None
    tokenizer_files: dict[str, bytes] = field(default_factory=dict)
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
    shares: int = 1,
) -> Run:
    """Read data, build tokenizer and model, and compute the teacher's answers if there is one.

    ``shares``: parts that a step is cut into, over processes and micro-batches.

    Raises:
        TrainingError: the folder ``out`` has another vocabulary than this start gives, or the
            teacher cannot teach. ConfigError: the recipe asks for what its parts cannot do.
            DataError: the data is not what the recipe says, or cannot be read.
    """
    recipe.check_teacher(is_named=teacher is not None)
    if recipe.is_packed:
        return _packed_run(recipe, data, out, teacher, device, shares)
    begin = read_start(start)
    train = dev = None
    if recipe.task in LABELLED_TASKS:
        train = _read(recipe, data, recipe.data.task_train, recipe.data.labels)
        dev = _read(recipe, data, recipe.data.task_dev, recipe.data.labels or train.names)
        for name, rows_read in ((recipe.data.task_train, train), (recipe.data.task_dev, dev)):
            _check_kind(recipe, name, rows_read)
        check_labels(recipe, train, dev)
    tokenizer, config, old_ids, contents = _words_and_config(
        recipe, data, out, begin, train, device
    )
    model = build_model(recipe, config, begin, old_ids)
    torch.manual_seed(recipe.seed)  # of the parts that are trained beside the model
    if recipe.pruning.freeze_embeddings:
        tables: Any = model.embeddings
        for name in ("word", "position", "token_type"):
            getattr(tables, f"{name}_embeddings").weight.requires_grad_(False)
    beside = None if companion is None else Companion(_unpruned(companion), device)
    check_pruning(recipe, model, beside)
    parts = TrainingModel(model, recipe, build_generator(recipe, model.config), beside)
    _check_stages(recipe, model)
    mask_id = _mask_id(tokenizer, recipe)
    known = None if teacher is None else _read_teacher(recipe, teacher, model, tokenizer, train)
    length = min(recipe.sizes.max_length, model.config.default_max_length)
    dev_rows = None if dev is None else tokenise_task(tokenizer, dev, max_length=length)
    rows, task_rows = _rows(recipe, data, out, tokenizer, train, dev_rows, length)
    check_step(recipe, model.config, rows.lengths, device=device, shares=shares)
    maker = _maker(recipe, rows, model, tokenizer, mask_id)
    asked = None if known is None else _ask(recipe, known, rows, train, out, device)
    return Run(recipe, parts, tokenizer, rows, task_rows, maker, dev_rows, asked, contents)


def _packed_run(
    recipe: Recipe,
    data: Path,
    out: Path,
    teacher: Path | None,
    device: torch.device,
    shares: int,
) -> Run:
    """A run whose model is cut out of the teacher, as narrow models side by side."""
    begin = read_start(teacher)
    plain = PackedTeacher.of(recipe, begin)
    labels = _labels_of(recipe, plain.model)
    named = replace(recipe, data=replace(recipe.data, labels=labels))
    train, dev = (
        _read(recipe, data, name, labels) for name in (recipe.data.task_train, recipe.data.task_dev)
    )
    _check_kind(recipe, recipe.data.task_train, train)
    _check_kind(recipe, recipe.data.task_dev, dev)
    check_labels(named, train, dev)
    tokenizer, config, _, contents = _words_and_config(named, data, out, begin, train, device)
    length = min(recipe.sizes.max_length, config.default_max_length)
    cache = out.parent
    mask_id = _mask_id(tokenizer, recipe)
    pool = make_pool(recipe, data, cache / "token-cache", tokenizer, train, dev, length)
    check_step(recipe, config, pool.rows.lengths, device=device, shares=shares)
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
        _maker(recipe, pool.rows, model, tokenizer, mask_id),
        scored,
        answers,
        contents,
        "dev" if pool.held is None else "held",
        pool,
        {"packed": notes},
    )


def _read(recipe: Recipe, data: Path, name: str, labels: tuple[str, ...]) -> LabelledRows:
    return read_task(locate(data, name), labels=labels, task=recipe.task)


def _labels_of(recipe: Recipe, teacher: MuxModel) -> tuple[str, ...]:
    """The teacher's labels, which a packed start shares."""
    if recipe.task == "regression":
        return recipe.data.labels
    theirs = teacher.config.labels
    if recipe.data.labels not in ((), theirs):
        raise ConfigError(
            f"the recipe's labels are {', '.join(recipe.data.labels)}, the teacher's "
            f"{', '.join(theirs)}; leave them out, or name another teacher"
        )
    return theirs


def _maker(
    recipe: Recipe,
    rows: Rows,
    model: MuxModel,
    tokenizer: PreTrainedTokenizerBase,
    mask_id: int,
) -> BatchMaker:
    special = tuple(int(i) for i in tokenizer.all_special_ids)
    generates = bool(recipe.model.generator_layers)
    return BatchMaker(rows, model.config, mask_id, special, recipe.seed, generates)


def _check_stages(recipe: Recipe, model: MuxModel) -> None:
    for stage in recipe.stages:
        _check_heads(recipe, stage, model)
        if recipe.is_packed and (stage.hidden_coeff or stage.sentence_coeff or stage.probe_coeff):
            raise ConfigError(
                f"stage {stage.name!r}: hidden_coeff, sentence_coeff and probe_coeff are not for a "
                "packed start; use state_coeff and answer_coeff"
            )


def _check_kind(recipe: Recipe, name: str, rows: LabelledRows) -> None:
    if rows.labels.ndim > 1:
        raise ConfigError(
            f"{name} has several labels or scores a row, which is not trained here; give one label "
            "or score a row"
        )
    kind = rows.task
    numbered = recipe.task == "regression" and kind == "sequence_classification"
    if kind != recipe.task and not numbered:
        raise ConfigError(
            f"{name} has the labels of {kind}, the recipe's task is {recipe.task}; change one"
        )


def check_labels(recipe: Recipe, train: LabelledRows, dev: LabelledRows) -> None:
    """See that the training rows tell classes apart, and that the dev rows have no others.

    Raises:
        DataError: one class only, numbers that leave a gap, or labels that the model will lack.
    """
    if recipe.task not in CLASS_TASKS:
        return
    known = recipe.data.labels or train.names
    counts = _label_counts(train)
    of = "words" if train.words else "rows"
    if len(counts) < 2:
        only = next(iter(counts), None)
        named = known[only] if known and only is not None else only
        raise DataError(
            f"{recipe.data.task_train}: all {sum(counts.values()):,} {of} have the label "
            f"{named!r}; expected two classes or more, or nothing can be learned"
        )
    if not known:
        missing = next((n for n in range(len(counts)) if n not in counts), None)
        if missing is not None:
            raise DataError(
                f"{recipe.data.task_train}: labels go to {max(counts)} and none is {missing}; "
                "expected classes numbered from 0 without a gap, or their names in the recipe's "
                "labels"
            )
    size = len(known) or len(counts)
    others = {n: count for n, count in _label_counts(dev).items() if n >= size}
    if others:
        listed = ", ".join(f"{count:,} {of} with {n}" for n, count in sorted(others.items())[:5])
        raise DataError(
            f"{recipe.data.task_dev}: {listed}; {recipe.data.task_train} has the labels 0 to "
            f"{size - 1}, so the model would never give them: expected the same classes in both"
        )


def _label_counts(rows: LabelledRows) -> dict[int, int]:
    numbers = np.concatenate(rows.word_labels) if rows.words else rows.labels
    found, counts = np.unique(numbers[numbers != UNLABELLED], return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _check_heads(recipe: Recipe, stage: Stage, model: Any) -> None:
    if needs_retrieval_head(stage, model) and model.retrieval_head is None:
        raise ConfigError(
            f"stage {stage.name!r} trains a retrieval head, and this model has none (N = "
            f"{recipe.num_instances}, {recipe.model.multiplexer}); set its retrieval_coeff to 0"
        )
    masked = stage.objective == "masked_lm" and stage.task_coeff > 0
    if masked and not recipe.is_multiplexed and recipe.task != "masked_lm":
        raise ConfigError(
            f"stage {stage.name!r}: a plain model of task {recipe.task!r} has no head for masked "
            "LM; set task to 'masked_lm', and name that run as --start of the next"
        )


def _words_and_config(
    recipe: Recipe,
    data: Path,
    out: Path,
    begin: Start | None,
    train: LabelledRows | None,
    device: torch.device,
) -> tuple[PreTrainedTokenizerBase, MuxConfig, np.ndarray | None, dict[str, bytes]]:
    """Tokenizer and configuration of the run, which rows of the start's vocabulary it keeps (None:
    all), and the tokenizer's files by name.
    """
    if recipe.is_packed and (recipe.sizes.vocab_size or recipe.sizes.vocabulary):
        raise ConfigError("a packed start keeps the teacher's vocabulary; name no other")
    with TemporaryDirectory() as scratch:
        words = Path(scratch)
        config, old_ids = _config(recipe, data, words, begin, train)
        tokenizer = run_tokenizer(words, config.shape, recipe.model.backbone)
        contents = _tokenizer_files(words)
    _check_same_tokenizer(out, contents, begin)
    check_model(recipe, config, device)
    return tokenizer, config, old_ids, contents


def _config(
    recipe: Recipe, data: Path, words: Path, begin: Start | None, train: LabelledRows | None
) -> tuple[MuxConfig, np.ndarray | None]:
    """The model's configuration, and in the folder ``words`` the files of its tokenizer."""
    corpora: list[list[str]] = []
    if recipe.sizes.vocab_size:
        corpora = [] if train is None else [list(train.texts)]
        for name in recipe.data.general:
            texts = iterate_texts(locate(data, name))
            corpora.append(list(islice(texts, VOCABULARY_TEXTS)))
    old_ids = place_vocabulary(recipe, begin, data, words, corpora)
    if old_ids is not None:
        vocab_size = len(old_ids)
    elif begin is not None and not recipe.sizes.vocabulary:
        vocab_size = begin.shape.vocab_size
    else:
        vocab_size = _vocab_rows(words, recipe.model.backbone)
    shape = run_shape(recipe, begin, vocab_size)
    left = None if begin is None or begin.config is None else begin.config.structure
    return run_config(recipe, shape, _label_names(recipe, train), left), old_ids


def _tokenizer_files(folder: Path) -> dict[str, bytes]:
    return {
        name: files.read_bytes(folder / name)
        for name in ALL_TOKENIZER_FILES
        if files.is_there(folder / name)
    }


def _check_same_tokenizer(out: Path, contents: dict[str, bytes], begin: Start | None) -> None:
    """See that a run goes on with the vocabulary that it has."""
    before = _tokenizer_files(out)
    odd = [
        name
        for name in TOKENIZER_FILES
        if before.get(name, contents.get(name)) != contents.get(name)
    ]
    if odd:
        given = "this recipe" if begin is None else begin.folder
        raise TrainingError(
            f"{given} has another vocabulary than the run in {out} ({odd[0]}); name another folder"
        )


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


def _vocab_rows(folder: Path, backbone: str) -> int:
    if (folder / "vocab.txt").is_file():
        return len(read_pieces(folder / "vocab.txt"))
    padding = usual_padding(backbone)
    # Room for any tokenizer.
    largest = BackboneShape(LIMITS["vocab_size"], 1, 1, 1, 1, 1, pad_token_id=padding)
    return len(run_tokenizer(folder, largest, backbone))


def _label_names(recipe: Recipe, train: LabelledRows | None) -> tuple[str, ...]:
    if recipe.data.labels:
        return recipe.data.labels
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
    for name in recipe.data.unlabelled:
        texts = tokenise_task(tokenizer, read_task(locate(data, name)), max_length=length)
        found.append(texts if dev is None else rows_not_in(texts, dev))
    if recipe.data.compounds:
        made = {"max_length": length, "seed": recipe.data.data_seed}
        check_compounds(recipe, found[0].lengths, length)
        found.append(compound_rows(found[0], recipe.data.compounds, **made))
    if recipe.data.general:
        found.append(
            text_rows(
                [locate(data, name) for name in recipe.data.general],
                tokenizer,
                max_length=length,
                packing=recipe.data.packing,  # type: ignore[arg-type]  # checked by Recipe
                cache=out.parent / "token-cache",
                limit=recipe.data.general_rows,
                seed=recipe.data.data_seed,
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


@dataclass(frozen=True)
class _Known:
    """A teacher before it is asked. theirs: its tokenizer, where it is another."""

    model: MuxModel
    theirs: PreTrainedTokenizerBase | None


def _read_teacher(
    recipe: Recipe,
    folder: Path,
    model: MuxModel,
    tokenizer: PreTrainedTokenizerBase,
    train: LabelledRows | None,
) -> _Known:
    """The teacher, once it is known that it can teach this model.

    Raises:
        TrainingError, ConfigError: it cannot.
    """
    start = read_start(folder)
    if start is None or start.config is None:
        raise TrainingError(f"{folder} is an encoder without a head; a teacher is a trained model")
    config = start.config
    check_plain(config)
    theirs = run_tokenizer(start.folder, start.shape, config.backbone)
    is_same = theirs.get_vocab() == tokenizer.get_vocab()
    is_joined = recipe.data.general or recipe.data.unlabelled or recipe.data.compounds
    if not is_same and (train is None or is_joined or train.words):
        raise TrainingError(
            f"{folder} has another vocabulary than the student: it can only teach the labels of "
            "a sentence task without a general corpus; use a teacher with the same vocabulary"
        )
    if any(s.hidden_coeff or s.sentence_coeff for s in recipe.stages):
        width = model.config.shape.hidden_size
        if not is_same:
            raise TrainingError(
                f"{folder} has another vocabulary than the student, so its hidden states cannot be "
                "matched token by token; set hidden_coeff and sentence_coeff to 0"
            )
        if config.width != width:
            raise ConfigError(
                f"the teacher {folder} is {config.width} wide, the model {width}: their states "
                "cannot be compared; set hidden_coeff and sentence_coeff to 0"
            )
    if any(stage.logit_coeff for stage in recipe.stages):
        classes = config.num_labels if config.task in LABELLED_TASKS else 0
        if classes != model.config.num_labels:
            raise ConfigError(
                f"the teacher {folder} knows {classes} classes, the model "
                f"{model.config.num_labels}; set logit_coeff to 0, or name a teacher of the same "
                "task"
            )
        _check_names(folder, config.labels, model.config.labels)
    taught = MuxModel(config)
    taught.load_state_dict(start.weights)
    return _Known(taught.eval().requires_grad_(False), None if is_same else theirs)


def _check_names(folder: Path, theirs: Sequence[str], ours: Sequence[str]) -> None:
    """See that class numbers mean the same to a teacher and the model, where both have names.

    Raises:
        ConfigError: other names, or the same in another order.
    """
    if are_numbers(theirs) or are_numbers(ours):
        return
    if match_names(theirs, ours) != {name: number for number, name in enumerate(theirs)}:
        raise ConfigError(
            f"the teacher {folder} knows {', '.join(theirs)}, the model {', '.join(ours)}; give "
            "the recipe's labels in the teacher's order, or name a teacher of the same task"
        )


def _ask(
    recipe: Recipe,
    known: _Known,
    rows: Rows,
    train: LabelledRows | None,
    out: Path,
    device: torch.device,
) -> Teacher:
    """The teacher's answers; one with a vocabulary of its own reads the task's texts itself."""
    cache = out.parent / "teacher-cache"
    if known.theirs is None:
        wanted = any(s.hidden_coeff or s.sentence_coeff for s in recipe.stages)
        return ask_teacher(known.model, rows, cache, wants_hidden=wanted, device=device)
    assert train is not None, "checked when the teacher was read"
    length = min(recipe.sizes.max_length, known.model.config.default_max_length)
    own = tokenise_task(known.theirs, train, max_length=length)
    return ask_teacher(known.model, own, cache, wants_hidden=False, device=device)


def weigh_readout(run: Run) -> None:
    """Choose which readout dimensions stay, on the first steps' own batches."""
    sampler = run.sampler(0)
    stage = run.recipe.stages[0]
    made = [run.maker.make(sampler.step(at), stage, at) for at in range(READOUT_BATCHES)]
    choose_readout(run.parts, made, run.recipe.pruning.readout_width)


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
        if not bool(torch.isfinite(logits).all()):
            raise TrainingError(
                "answers to the dev set are not finite numbers; lower the learning rate and start "
                "anew, or --resume an earlier state"
            )
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
    hidden = model.encoder(model.walk(prepared).hidden, None)
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
