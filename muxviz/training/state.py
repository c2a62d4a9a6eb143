"""The saved state of a run: what ``state.pt`` holds, read without trusting it, and its model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from muxviz import files
from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import (
    CheckpointMismatch,
    CheckpointMissing,
    CheckpointUnreadable,
    FileError,
    MuxvizError,
)
from muxviz.loading.build import empty_model
from muxviz.loading.fields import check_sizes
from muxviz.loading.weights import is_dense_entry, read_archive
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masks import Masks, ones, pruned
from muxviz.structure import restored
from muxviz.training.run_folder import STATE

REMEDY = "put a copy of it there, or train anew into another folder"
RECIPE_TEXTS = ("name", "baseline", "task", "task_train", "task_dev", "vocabulary")


def state_of_config(config: MuxConfig) -> str:
    """``config`` as JSON text."""
    return files.json_text(asdict(config))


def config_from_state(text: str) -> MuxConfig:
    """The configuration that ``state_of_config`` wrote.

    Raises:
        CheckpointUnreadable: it did not. CheckpointTooLarge, ConfigError: sizes that no model has.
    """
    with as_written(STATE):
        values = files.parse_json(text, STATE)
        check_sizes(
            {
                **values["shape"],
                "num_instances": values["num_instances"],
                "num_hidden_demux_layers": values["stored_demux_layers"],
            },
            STATE,
            source="its configuration",
        )
        values["shape"] = BackboneShape(**values["shape"])
        values["labels"] = tuple(values["labels"])
        if not values["labels"]:  # would be numbered, however many are said
            raise ValueError
        values["structure"] = restored(values.get("structure"))
        return MuxConfig(**values)


def read_state(folder: Path) -> dict[str, Any]:
    """The last saved state of a run.

    Raises:
        CheckpointMissing: the folder holds no run.
        CheckpointUnreadable: the file is cut short, damaged or none that a run wrote.
    """
    path = folder / STATE
    if not files.is_there(path):
        raise CheckpointMissing(f"no training run at {folder} (no {STATE}); give a run folder")
    try:
        files.check_regular(path, expected=f"the state of a run; {REMEDY}")
    except FileError as error:
        raise CheckpointUnreadable(str(error)) from error
    state = read_archive(path, remedy=REMEDY)
    with as_written(str(path)):
        weights = state["model"]
        is_one = isinstance(weights, dict) and all(is_dense_entry(*e) for e in weights.items())
        if not is_one or not 0 <= int(state["step"]) < 2**53:
            raise ValueError
        recipe_of(state)
    return dict(state)


def recipe_of(state: dict[str, Any]) -> dict[str, Any]:
    """The recipe in a state, as its run had it; fields that came later are missing.

    Raises:
        CheckpointUnreadable: no recipe.
    """
    with as_written(STATE):
        recipe: dict[str, Any] = files.parse_json(state["recipe"], STATE)
        texts = [recipe.get(name, "") for name in RECIPE_TEXTS]
        steps = [stage["steps"] for stage in recipe["stages"]]
        if not all(isinstance(t, str) for t in texts) or not all(isinstance(s, int) for s in steps):
            raise ValueError
        return {**dict.fromkeys(RECIPE_TEXTS, ""), **recipe}


def meter_of(state: dict[str, Any]) -> dict[str, Any]:
    """What a run has counted so far; {} of a run that did not say."""
    with as_written(STATE):
        counts: dict[str, Any] = files.parse_json(state.get("meter", "{}"), STATE)
        if not all(isinstance(number, int | float) for number in counts.values()):
            raise ValueError
        return counts


def model_of_state(state: dict[str, Any]) -> MuxModel:
    """The model of a saved state; of a run with gates, what they leave.

    Raises:
        CheckpointMismatch: its weights are not those of its configuration.
    """
    config = config_from_state(state["config"])
    weights = state["model"]
    wanted = {name: value.shape for name, value in empty_model(config).state_dict().items()}
    found = {name: value.shape for name, value in weights.items()}
    odd = sorted(n for n in wanted | found if wanted.get(n) != found.get(n))
    if odd:
        raise CheckpointMismatch(
            f"{STATE}: {len(odd)} tensors are not those of its model, such as {odd[0][:100]}; "
            f"{REMEDY}"
        )
    model = MuxModel(config)
    model.load_state_dict(weights)
    if "masks" not in state:
        return model
    with as_written(STATE):
        masks, whole = Masks(**state["masks"]), ones(config)
        if any(value.shape != getattr(masks, name).shape for name, value in vars(whole).items()):
            raise ValueError
        return pruned(model, masks)


@contextmanager
def as_written(path: str) -> Iterator[None]:
    """Turn whatever a state of other content does inside the block into one error."""
    try:
        yield
    except FileError as error:
        raise CheckpointUnreadable(f"{error}; {REMEDY}") from error
    except MuxvizError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointUnreadable(
            f"{path} does not hold what a run saves ({type(error).__name__}); {REMEDY}"
        ) from error
