"""The loop: steps through accelerate, progress, ``metrics.jsonl``, exact resume.

A run folder holds ``run.json`` (what the run is), the tokenizer's files, ``state.pt`` (weights,
optimiser, step), ``metrics.jsonl``, ``samples.jsonl`` and ``progress.json``. What a step sees
depends only on the seed and the step number, and dropout is seeded per step, so a run that is
stopped, or killed, and resumed ends in the same weights (bitwise on one kind of machine).
"""

from __future__ import annotations

import errno
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch import nn
from tqdm import tqdm

from muxviz.errors import ConfigError, FileError, MuxvizError, TrainingError
from muxviz.files import is_there, json_text, parse_json
from muxviz.training.export import keep_cut
from muxviz.training.meters import Meter
from muxviz.training.packed.prepare import whole_weights
from muxviz.training.prepare import Run, prepare_run, read_samples, score_dev, weigh_readout
from muxviz.training.ranges import shown
from muxviz.training.recipe import TABLES, Checked, Recipe, Stage
from muxviz.training.run_files import RunFiles
from muxviz.training.run_folder import STATE
from muxviz.training.state import as_written, meter_of, read_state, recipe_of, state_of_config
from muxviz.training.stepping import Stepper, make_optimiser, open_accelerator, restore

PATIENCE = timedelta(hours=24)  # processes wait while the first one reads a corpus or saves


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    start: Path | None = None,
    teacher: Path | None = None,
    companion: Path | None = None,
    resume: bool = False,
    steps: int | None = None,
    about: dict[str, Any] | None = None,
) -> Run:
    """Run ``recipe`` to its end (or for at most ``steps`` steps), saving under ``out``.

    Under ``accelerate launch`` every process calls this; groups are shared among them and the
    first one writes.

    Args:
        recipe: what to do.
        data: folder that the recipe's data paths are relative to.
        start: where the weights come from: the folder of a BERT encoder, a checkpoint or a run;
            None for a model from scratch, and for a packed start, which is cut out of ``teacher``.
        teacher: folder of a plain (N = 1) checkpoint or run whose states and labels are imitated.
        companion: folder of the unpruned model of the same N that a pruned one imitates.
        out: run folder; created. An existing run there is only continued with ``resume``.
        resume: go on from ``out/state.pt`` if it is there.
        steps: at most so many steps now; for slices and tests.
        about: more for ``run.json`` (recipe file, command).

    Raises:
        TrainingError: the folder holds another run or is written to by another process, a loss is
            not a number, the disk is full. ConfigError: the recipe asks for what this machine or
            its parts cannot do. What is refused before the first step leaves no trace in ``out``.
    """
    if recipe.is_packed and start is not None:
        raise ConfigError(
            f"{recipe.name} has a packed start, which is cut out of --teacher; leave --start "
            f"{start} out, or set start to '' in the recipe"
        )
    accelerator = _accelerator(recipe)
    files = RunFiles(out, is_writer=accelerator.is_main_process)
    with files.claimed(), _told(files, recipe) as stop:
        old = _old_state(files, recipe, resume)
        if old is not None:
            _check_same_teacher(files, recipe, teacher)
        accelerator.wait_for_everyone()
        with accelerator.main_process_first():  # the first one fills the caches
            run = prepare_run(
                recipe,
                data,
                out,
                start=start,
                teacher=teacher,
                device=accelerator.device,
                companion=companion,
                shares=accelerator.num_processes * recipe.training.accumulate,
            )
        if old is not None and 0 < recipe.tied_steps < old["step"]:
            run = run.untied()
        optimiser: Any = make_optimiser(run)
        if old is None and recipe.pruning.readout_width:
            weigh_readout(run)
        step, meter = (0, Meter()) if old is None else _restore(old, run, optimiser, accelerator)
        files.begin(recipe, start, teacher, accelerator, run.notes | (about or {}))
        files.put_tokenizer(run.tokenizer_files)
        files.forget_after(step)
        last = recipe.total_steps if steps is None else min(step + steps, recipe.total_steps)
        try:
            stop.can_wait = True
            if step < recipe.tied_steps:
                goal = min(last, recipe.tied_steps)
                step = _session(run, accelerator, optimiser, files, meter, (step, goal), stop)
            if recipe.tied_steps <= step < last and not stop.wanted:
                if step == recipe.tied_steps > 0:
                    run = run.untied()
                    optimiser = make_optimiser(run)
                step = _session(run, accelerator, optimiser, files, meter, (step, last), stop)
            accelerator.wait_for_everyone()  # the last state is written
        finally:
            stop.can_wait = False
            accelerator.free_memory()
        files.progress("finished" if step == recipe.total_steps else "stopped", step)
    run.parts.eval()
    return run


def _session(
    run: Run,
    accelerator: Accelerator,
    optimiser: Any,
    files: RunFiles,
    meter: Meter,
    span: tuple[int, int],
    stop: _Stop,
) -> int:
    """Steps ``span`` with one set of parts; the step that was reached."""
    if run.recipe.training.compile:
        run.parts.model.encoder.compile()
    parts, prepared = accelerator.prepare(run.parts, optimiser)
    return _Loop(run, accelerator, parts, prepared, files, meter).go(*span, stop)


def _accelerator(recipe: Recipe) -> Accelerator:
    """The machinery of this machine, once it is known to suit the recipe."""
    accelerator = open_accelerator(
        recipe.training.precision,
        gradient_accumulation_steps=recipe.training.accumulate,
        kwargs_handlers=[
            DistributedDataParallelKwargs(find_unused_parameters=True),
            InitProcessGroupKwargs(timeout=PATIENCE),
        ],
    )
    shares = accelerator.num_processes * recipe.training.accumulate
    for stage in recipe.stages:
        if stage.groups % shares:
            raise ConfigError(
                f"stage {stage.name!r}: {stage.groups} groups per step cannot be shared equally by "
                f"{shares} ({accelerator.num_processes} processes times accumulate "
                f"{recipe.training.accumulate}); choose a multiple"
            )
    return accelerator


def _old_state(files: RunFiles, recipe: Recipe, resume: bool) -> dict[str, Any] | None:
    if not is_there(files.folder / STATE):
        return None
    if not resume:
        raise TrainingError(
            f"{files.folder} already holds a run; continue it with --resume or name another"
        )
    state = read_state(files.folder)
    if "parts" not in state:
        raise TrainingError(
            f"{files.folder} holds a run of an older version, which cannot be resumed; it can be "
            "exported, or named as --start of a new one"
        )
    check_same_run(files.folder, state, recipe)
    return state


def _restore(
    old: dict[str, Any], run: Run, optimiser: Any, accelerator: Accelerator
) -> tuple[int, Meter]:
    """Put a saved state's weights and optimiser back; its step and its counters."""
    with as_written(STATE):
        restore(run, optimiser, old["parts"], old["optimiser"])
        if accelerator.scaler is not None and "scaler" in old:
            accelerator.scaler.load_state_dict(old["scaler"])
        return int(old["step"]), Meter(**meter_of(old))


@dataclass
class _Stop:
    """A request to stop. can_wait: whether steps are running, which save before they end."""

    wanted: bool = False
    can_wait: bool = False


@contextmanager
def _told(files: RunFiles, recipe: Recipe) -> Iterator[_Stop]:
    """Turn SIGTERM and Ctrl-C into a request to stop, and failures into words in the folder."""
    asked = _Stop()

    def ask(number: int, frame: object) -> None:
        asked.wanted = True
        if not asked.can_wait:
            raise KeyboardInterrupt(signal.Signals(number).name)

    files.clear_stop()
    files.progress("running", 0, total=recipe.total_steps)
    before: dict[int, Any] = {}
    for wanted in (signal.SIGTERM, signal.SIGINT):
        try:
            before[wanted] = signal.signal(wanted, ask)
        except ValueError:  # not the main thread: the caller keeps its own handling
            break
    try:
        yield asked
    except BaseException as error:
        state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        full = _no_room(error, files.folder / STATE)
        with suppress(MuxvizError):  # a full disk: the first message counts
            told = full or error
            files.progress(state, None, message=f"{type(told).__name__}: {told}")
        if full is not None:
            raise full from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _no_room(error: BaseException, state: Path) -> TrainingError | None:
    """What a full disk leaves to do; None for another error."""
    cause = error.__cause__ if isinstance(error, FileError) else error
    if not isinstance(cause, OSError) or cause.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    left = (
        f"the last good state is still {state}. Make room, then --resume"
        if state.is_file()
        else "no state was saved yet. Make room, then run the command again"
    )
    return TrainingError(f"no room on the disk ({error}); {left}")


class _Loop:
    """The steps of one session."""

    def __init__(
        self,
        run: Run,
        accelerator: Accelerator,
        parts: nn.Module,
        optimiser: Any,
        files: RunFiles,
        meter: Meter,
    ) -> None:
        self.run, self.recipe = run, run.recipe
        self.accelerator, self.optimiser = accelerator, optimiser
        self.files, self.meter = files, meter
        self.stepper = Stepper(run, accelerator, parts, optimiser, meter)
        self.clock = time.perf_counter()

    def go(self, step: int, last: int, stop: _Stop) -> int:
        """Run steps ``step`` to ``last``; returns the number of steps done."""
        recipe = self.recipe
        bar = tqdm(
            total=recipe.total_steps,
            initial=step,
            unit="step",
            desc=recipe.name,
            disable=not self.accelerator.is_main_process,
        )
        with bar:
            while step < last:
                stage, losses = self.stepper.step(step)
                self._check_finite(losses, step)
                step += 1
                bar.update()
                asked = self._asked_to_stop(stop)
                ends = recipe.prunes and self._ends_stage(step)
                saves = step % recipe.training.save_every == 0 or step == last or asked or ends
                if step % recipe.training.log_every == 0 or saves:
                    self._log(stage, step, bar, self._dev() if saves else {})
                if saves:
                    self._save(step)
                if ends:
                    self._keep_cut(stage)
                if asked:
                    break
        return step

    def _ends_stage(self, step: int) -> bool:
        total = self.recipe.total_steps
        return step == total or self.recipe.stage_at(step)[1] == 0

    def _keep_cut(self, stage: Stage) -> None:
        """Write the model that the gates leave at a stage's end, as a checkpoint."""
        if self.accelerator.is_main_process and stage.sparsity:
            keep_cut(self.files.folder, stage.sparsity)

    def _check_finite(self, losses: dict[str, float], step: int) -> None:
        norm = self.stepper.gradient_norm
        if all(map(math.isfinite, losses.values())) and (norm is None or math.isfinite(norm)):
            return
        state = self.files.folder / "state.pt"
        good = f"the last good state is {state}" if state.is_file() else "no state was saved yet"
        raise TrainingError(
            f"loss is {losses.get('total')} at step {step}, gradient {norm}; {good}. Lower the "
            "learning rate of a stage that has not begun and --resume, or start anew"
        )

    def _asked_to_stop(self, stop: _Stop) -> bool:
        asked = stop.wanted or self.files.stop_wanted()
        if self.accelerator.num_processes == 1:
            return asked
        votes = torch.tensor(float(asked), device=self.accelerator.device)
        summed: Any = self.accelerator.reduce(votes, "sum")
        return bool(summed.item() > 0)

    def _dev(self) -> dict[str, float]:
        """A quick score on the dev set, by the first process."""
        if self.run.dev is None or not self.accelerator.is_main_process:
            return {}
        started = time.perf_counter()
        self.run.parts.eval()
        scores = score_dev(self.run, device=self.accelerator.device)
        self.clock += time.perf_counter() - started  # not training time
        return {f"{self.run.scored}_{name}": value for name, value in scores.items()}

    def _log(self, stage: Stage, step: int, bar: Any, scores: dict[str, float]) -> None:
        now = time.perf_counter()
        rate = float(self.optimiser.param_groups[0]["lr"])
        self.meter.share(self.accelerator)
        row = self.meter.row(step, stage.name, rate, now - self.clock)
        row["losses"] |= scores
        self.clock = now
        self.files.add_metrics(row)
        self.files.progress("running", step, stage=stage.name)
        shown = {name: f"{value:.3f}" for name, value in row["losses"].items() if name != "total"}
        bar.set_postfix({**shown, "tok/s": f"{row['tokens_per_s']:.0f}"})

    def _save(self, step: int) -> None:
        if not self.accelerator.is_main_process:
            return
        parts = self.run.parts
        parts.eval()
        self.files.add_samples(step, read_samples(self.run, device=self.accelerator.device))
        state = {
            "format": 2,
            "step": step,
            "recipe": json_text(self.recipe.to_dict()),
            "config": state_of_config(parts.model.config),
            "model": whole_weights(parts.model),
            "parts": parts.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "meter": json_text(self.meter.saved()),
        }
        if parts.gates is not None:
            state["masks"] = vars(parts.gates.settled())
        if self.accelerator.scaler is not None:
            state["scaler"] = self.accelerator.scaler.state_dict()
        self.files.save_state(state)
        self.clock = time.perf_counter()


def _check_same_teacher(files: RunFiles, recipe: Recipe, teacher: Path | None) -> None:
    """Refuse to go on beside another teacher than the one the run has had."""
    known = files.teacher
    if known and str(teacher) != known and recipe.asks_teacher:
        raise TrainingError(
            f"{files.folder} was trained beside the teacher {known}, and {teacher} was given; "
            "resume with the same --teacher, or name a new folder"
        )


def _defaults(*kinds: type[Recipe | Checked]) -> dict[str, Any]:
    known = {
        f.name: f.default
        for kind in kinds
        for f in fields(kind)
        if f.default is not MISSING and f.name not in TABLES
    }
    found: dict[str, Any] = parse_json(json_text(known), "the defaults")
    return found


def check_same_run(folder: Path, state: dict[str, Any], recipe: Recipe) -> None:
    """Refuse to resume under another recipe; stages that have not begun may differ.

    A field that the run's version of the program did not have stands for its default.

    Raises:
        TrainingError: a field differs.
    """
    path, old, step = folder / STATE, recipe_of(state), int(state["step"])
    new = parse_json(json_text(recipe.to_dict()), "this recipe")
    old = _defaults(Recipe, *TABLES.values()) | old
    old["stages"] = [_defaults(Stage) | stage for stage in old["stages"]]
    begun, left = 0, step
    while left > 0 and begun < len(old["stages"]):
        left -= old["stages"][begun]["steps"]
        begun += 1
    for name in new:
        before, now = old[name], new[name]
        if name == "stages":
            before, now = before[:begun], now[:begun]
        if before != now and name not in ("name", "log_every", "save_every"):
            raise TrainingError(
                f"{path} was made with another {name} ({shown(before)} then, {shown(now)} now); "
                "resume with the same recipe, or name a new folder"
            )
