"""How fast the training loop is at N instances per pass, against the same loop at N = 1.

Each contender is a whole training set-up (sampler, batches, model, losses, optimiser) on random
rows: same encoder, same number of multiplexed sequences per step, same number of places read back;
only N differs. Contenders take turns, so a machine that slows down slows all of them. Peak memory
is measured in a process per contender, in ``bench_memory``. Left out: reading and tokenising files,
saving, several processes.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from transformers import BertTokenizer

from muxviz.engine.guard import check_room
from muxviz.errors import ConfigError
from muxviz.training.batches import BatchMaker
from muxviz.training.meters import Meter
from muxviz.training.objectives import TrainingModel
from muxviz.training.prepare import Run
from muxviz.training.recipe import Parts, Recipe, Sizes, Stage, Training
from muxviz.training.rows import TokenRows
from muxviz.training.run_files import describe_hardware
from muxviz.training.start import build_model, run_config, run_shape
from muxviz.training.stepping import Stepper, make_optimiser, open_accelerator

SPECIAL_IDS = (0, 100, 101, 102, 103)  # of BERT: [PAD], [UNK], [CLS], [SEP], [MASK]
SHAPES: dict[str, dict[str, Any]] = {  # fields of Recipe, and the rows of the vocabulary
    "bundled": {"hidden_size": 384, "num_layers": 4, "num_heads": 12, "vocab_size": 5000},
    "bert-small": {"hidden_size": 512, "num_layers": 4, "num_heads": 8, "vocab_size": 30522},
    "bert-base": {"hidden_size": 768, "num_layers": 12, "num_heads": 12, "vocab_size": 30522},
    "tiny": {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "vocab_size": 300},
}
STAGES: dict[str, dict[str, Any]] = {  # fields of Stage
    "priming": {"retrieval_coeff": 1.0},
    "pre_training": {"objective": "masked_lm", "task_coeff": 0.9, "retrieval_coeff": 0.1},
    "fine_tuning": {"task_coeff": 0.9, "retrieval_coeff": 0.1},
}
STEPS_OF_A_RUN = 1_000_000  # no benchmark reaches the end of its recipe
GOALS = {"throughput": (0.85, (5, 10)), "memory": (1.6, (10,))}  # value, and at which N


@dataclass(frozen=True)
class Setting:
    """What is measured. positions: places read back per step, over all groups; 0 means all."""

    shape: str = "bundled"
    nums: tuple[int, ...] = (1, 2, 5, 10)
    stages: tuple[str, ...] = ("priming", "fine_tuning")
    groups: int = 16  # multiplexed sequences per step
    length: int = 32  # tokens of every row
    positions: int = 256
    dropout: float = 0.0
    steps: int = 2  # per turn of a contender
    rounds: int = 8
    threads: int = 0  # 0: as many as torch takes
    device: str = "cpu"
    precision: str = "no"

    def __post_init__(self) -> None:
        for name, known in (("shape", SHAPES), ("stages", STAGES)):
            value = getattr(self, name)
            for given in (value,) if isinstance(value, str) else value:
                if given not in known:
                    raise ConfigError(f"unknown {name} {given!r}; use {', '.join(known)}")
        for name in ("groups", "length", "steps", "rounds"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")
        if self.positions < 0 or not 0 <= self.dropout <= 1:
            raise ConfigError("positions from 0 and dropout from 0 to 1 are expected")
        object.__setattr__(self, "nums", tuple(sorted({1, *self.nums})))


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of the same thing measured once per round."""

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread:
        """Of the values ``[rounds]``."""
        q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75))
        return cls(float(median), float(q1), float(q3))


@dataclass(frozen=True)
class Memory:
    """Of one process, MiB: with everything imported, at its highest, and the difference."""

    baseline_mib: float
    peak_mib: float

    @property
    def above_mib(self) -> float:
        """What model, gradients, optimiser and activations take at the highest point."""
        return self.peak_mib - self.baseline_mib


@dataclass(frozen=True)
class Contender:
    """One N. ratio: instances/s over those of N = 1 in the same round."""

    num_instances: int
    instances_per_s: Spread
    step_ms: Spread
    ratio: Spread
    memory: Memory | None = None


@dataclass(frozen=True)
class StageResult:
    """All contenders of one stage, by N."""

    stage: str
    contenders: tuple[Contender, ...]


@dataclass(frozen=True)
class Measurement:
    """A whole benchmark."""

    setting: Setting
    machine: dict[str, Any] = field(default_factory=dict)
    stages: tuple[StageResult, ...] = ()


def step_bytes(setting: Setting, num: int) -> int:
    """About what one contender takes at least: weights, their optimiser, and what a step keeps."""
    sizes = SHAPES[setting.shape]
    width, layers, vocab = (sizes[name] for name in ("hidden_size", "num_layers", "vocab_size"))
    weights = (vocab + setting.length + 12 * width * layers) * width
    kept = setting.groups * setting.length * width * (num + 16 * layers)
    everything = setting.groups * num * setting.length
    read = min(setting.positions or everything, everything) * vocab
    return 4 * (4 * weights + kept + 2 * read)


def synthetic_run(setting: Setting, stage: str, num: int, *, seed: int = 17) -> Run:
    """A run on random rows of ``setting.length`` tokens, multiplexed also at N = 1."""
    sizes = dict(SHAPES[setting.shape])
    vocab_size = int(sizes.pop("vocab_size"))
    recipe = Recipe(
        name=f"bench-{stage}-n{num}",
        num_instances=num,
        stages=(
            Stage(
                stage,
                steps=STEPS_OF_A_RUN,
                learning_rate=1e-4,
                groups=setting.groups,
                retrieval_positions=setting.positions,
                **STAGES[stage],
            ),
        ),
        seed=seed,
        model=Parts(dropout=setting.dropout),
        sizes=Sizes(max_length=setting.length, **sizes),
        training=Training(precision=setting.precision),
    )
    config = run_config(recipe, run_shape(recipe, None, vocab_size), ("negative", "positive"))
    parts = TrainingModel(build_model(recipe, config, None, None), recipe)
    rows = _random_rows(2 * num * setting.groups, setting.length, vocab_size, seed)
    return Run(
        recipe=recipe,
        parts=parts,
        tokenizer=BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1}),  # nothing is tokenised
        rows=rows,
        task_rows=len(rows),
        maker=BatchMaker(rows, config, SPECIAL_IDS[-1], SPECIAL_IDS, seed),
        dev=None,
        teacher=None,
    )


def _random_rows(count: int, length: int, vocab_size: int, seed: int) -> TokenRows:
    draws = np.random.default_rng(seed)
    ids = draws.integers(SPECIAL_IDS[-1] + 1, vocab_size, size=(count, length), dtype=np.int32)
    ids[:, 0] = 101
    starts = np.arange(count + 1, dtype=np.int64) * length
    return TokenRows(ids.ravel(), starts, draws.integers(0, 2, size=count))


def make_stepper(setting: Setting, stage: str, num: int, accelerator: Accelerator) -> Stepper:
    """The steps of ``synthetic_run``, ready to go."""
    run = synthetic_run(setting, stage, num)
    parts, optimiser = accelerator.prepare(run.parts, make_optimiser(run))
    return Stepper(run, accelerator, parts, optimiser, Meter())


def make_accelerator(setting: Setting) -> Accelerator:
    """On the device and with the threads of ``setting``."""
    if setting.threads:
        torch.set_num_threads(setting.threads)
    return open_accelerator(setting.precision, cpu=setting.device == "cpu")


def measure_training(
    setting: Setting,
    *,
    clock: Callable[[], float] = time.perf_counter,
    measure_memory: Callable[[Setting, str, int], Memory] | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> Measurement:
    """Measure all stages of ``setting``.

    Args:
        setting: what to measure.
        clock: seconds; for tests.
        measure_memory: ``bench_memory.measure_memory``, or None to leave memory out.
        progress: called with a few words before each part.
    """
    accelerator = make_accelerator(setting)
    check_room(
        sum(step_bytes(setting, num) for num in setting.nums),
        accelerator.device,
        f"training at N = {', '.join(map(str, setting.nums))}, {setting.groups:,} sequences of "
        f"{setting.length:,} tokens a step,",
    )
    found = []
    for stage in setting.stages:
        memories: dict[int, Memory] = {}
        for num in setting.nums if measure_memory is not None else ():
            progress(f"{stage}: memory at N = {num}")
            assert measure_memory is not None
            memories[num] = measure_memory(setting, stage, num)
        progress(f"{stage}: {setting.rounds} rounds of {len(setting.nums)} contenders")
        steppers = {num: make_stepper(setting, stage, num, accelerator) for num in setting.nums}
        seconds = _take_turns(setting, steppers, accelerator, clock)
        found.append(StageResult(stage, _contenders(setting, seconds, memories)))
        del steppers
        accelerator.free_memory()
        gc.collect()
    return Measurement(setting, describe_hardware(accelerator), tuple(found))


def _take_turns(
    setting: Setting,
    steppers: dict[int, Stepper],
    accelerator: Accelerator,
    clock: Callable[[], float],
) -> dict[int, np.ndarray]:
    """Seconds per step ``[rounds]`` of each contender; the order turns round every round."""
    seconds: dict[int, list[float]] = {num: [] for num in steppers}
    done = 0
    for number in range(setting.rounds + 1):
        for num in list(steppers)[:: 1 if number % 2 else -1]:
            _synchronise(accelerator)
            begin = clock()
            for step in range(done, done + setting.steps):
                steppers[num].step(step)
            _synchronise(accelerator)
            if number:  # the first round warms up
                seconds[num].append((clock() - begin) / setting.steps)
        done += setting.steps
    return {num: np.asarray(values) for num, values in seconds.items()}


def _synchronise(accelerator: Accelerator) -> None:
    if accelerator.device.type == "cuda":
        torch.cuda.synchronize(accelerator.device)


def _contenders(
    setting: Setting, seconds: dict[int, np.ndarray], memories: dict[int, Memory]
) -> tuple[Contender, ...]:
    found = []
    for num, values in seconds.items():
        rates = setting.groups * num / values
        found.append(
            Contender(
                num,
                instances_per_s=Spread.of(rates),
                step_ms=Spread.of(values * 1000),
                ratio=Spread.of(rates / (setting.groups / seconds[1])),
                memory=memories.get(num),
            )
        )
    return tuple(found)


def measurement_dict(measurement: Measurement) -> dict[str, Any]:
    """Plain values for a JSON file, with the goals and whether they are met."""
    setting = asdict(measurement.setting)
    sizes = SHAPES[measurement.setting.shape]
    stages, goals = [], []
    for result in measurement.stages:
        first = result.contenders[0]
        entries = []
        for contender in result.contenders:
            entry = asdict(contender)
            per_n = contender.ratio.median / contender.num_instances
            entry["ratio_per_n"] = per_n
            values = {"throughput": per_n}
            if contender.memory is not None and first.memory is not None:
                above = contender.memory.above_mib / first.memory.above_mib
                whole = contender.memory.peak_mib / first.memory.peak_mib
                entry["memory"] |= {
                    "above_mib": contender.memory.above_mib,
                    "above_ratio_to_n1": above,
                    "peak_ratio_to_n1": whole,
                }
                values["memory"] = above
            entries.append(entry)
            goals += _goals(result.stage, contender.num_instances, values)
        stages.append({"stage": result.stage, "contenders": entries})
    return {
        "format": 1,
        "what": "training throughput (instances/s) and peak memory against N = 1",
        "machine": measurement.machine,
        "setting": setting | {"sizes": sizes},
        "stages": stages,
        "goals": goals,
    }


def _goals(stage: str, num: int, values: dict[str, float]) -> list[dict[str, Any]]:
    found = []
    for measure, value in values.items():
        goal, nums = GOALS[measure]
        if num in nums and stage != "pre_training":  # whose loss reads 15 % of all N texts
            met = value >= goal if measure == "throughput" else value < goal
            words = "ratio_per_n at least" if measure == "throughput" else "above_ratio below"
            found.append(
                {
                    "stage": stage,
                    "num_instances": num,
                    "measure": measure,
                    "goal": f"{words} {goal}",
                    "value": value,
                    "is_met": met,
                }
            )
    return found


def report(measurement: Measurement) -> str:
    """A table for the terminal: median (quartiles) over rounds."""
    head = f"{'stage':<13} {'N':>3} {'instances/s':>22} {'ratio to N = 1':>20} {'ratio/N':>8}"
    lines = [f"{head} {'MiB above':>10} {'ratio':>6}"]
    plain = measurement_dict(measurement)
    for stage in plain["stages"]:
        for entry in stage["contenders"]:
            rate, ratio, memory = entry["instances_per_s"], entry["ratio"], entry["memory"]
            cells = [
                f"{stage['stage']:<13} {entry['num_instances']:>3}",
                f"{_spread(rate, 1):>22} {_spread(ratio, 2):>20} {entry['ratio_per_n']:>8.3f}",
            ]
            if memory is not None:
                cells.append(f"{memory['above_mib']:>10.0f} {memory['above_ratio_to_n1']:>6.2f}")
            lines.append(" ".join(cells))
    for goal in plain["goals"]:
        met = "met" if goal["is_met"] else "missed"
        lines.append(
            f"goal {met}: {goal['stage']} N = {goal['num_instances']}, {goal['goal']}: "
            f"{goal['value']:.3f}"
        )
    return "\n".join(lines)


def _spread(values: dict[str, float], digits: int) -> str:
    return f"{values['median']:.{digits}f} ({values['q1']:.{digits}f}-{values['q3']:.{digits}f})"
