"""The loaded models of one process: shared by all users, within a budget, one pass at a time.

    with registry.use(ModelKey("sst2-n5"), ModelKey("sst2-n1")) as (model, baseline):
        result = run_group(model, rows, baseline=baseline)

Each device has one lane (``muxviz.lane``), held inside the ``with`` block: nobody else loads,
unloads or runs on that device meanwhile. So room can be made *before* a model is loaded, and no
moment sees two copies of one model or more than the budget. Work in batches calls ``hand_on``
between them: whoever has less to do goes first then, the models of those who wait stay as they are,
and whoever would need their room, or another version of one, waits until they are done.

A ``Checkpoint`` must not be kept after its block: the weights of an unloaded model are emptied, so
that a forgotten reference cannot hold the memory.

Left out: two passes at once on a device, and asking again from inside a ``with`` block (refused).

Neither streamlit nor (before the first load) torch is imported here.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from muxviz.errors import CheckpointTooLarge, DeviceError
from muxviz.files import is_there
from muxviz.lane import Errand, Lane, Ticket, Waiting
from muxviz.loading.bundled import bundled_folder
from muxviz.loading.json_files import CARD, CONFIG
from muxviz.loading.pruned import MASKS, MODULE
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint

SPARE = 1.2  # free memory asked for, relative to the weights
# What loading reads beside the weights, or would read where it were there: a change of one of these
# makes a loaded model stale.
WATCHED = (CONFIG, CARD, MASKS, MODULE, *ALL_TOKENIZER_FILES)

Progress = Callable[[str, float], None]  # (what is being done, share done in [0, 1])
Stamp = tuple[tuple[str, int, int, int], ...]  # (file name, its two times of change in ns, bytes)


@dataclass(frozen=True)
class ModelKey:
    """Which checkpoint, where and in which precision; the arguments of ``muxviz.load``."""

    name: str
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None


@dataclass(frozen=True)
class LoadedModel:
    """What the registry holds of one model; ``key`` names the actual device and dtype."""

    key: ModelKey
    fingerprint: str
    bytes: int  # of parameters and buffers
    users: int  # blocks that use it now: at most one of them runs
    num_instances: int
    device: str
    dtype: str
    idle_s: float  # since last use; 0 while in use


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes on one device: of the models held there, and still free."""

    device: str
    held: int
    free: int


@dataclass
class _Entry:
    checkpoint: Checkpoint
    stamp: Stamp
    bytes: int
    users: int
    used_at: float  # time.monotonic()


class _InUse(Exception):
    """A model cannot be loaded while others are in the middle of work; why, if it stays so."""


class Registry:
    """Models by key: loaded when first used, unloaded when room is needed.

    Args:
        max_bytes: most bytes of weights held per device; None for what fits in its free memory.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._entries: dict[ModelKey, _Entry] = {}
        self._lanes: dict[str, Lane] = {}
        self._turns: dict[int, list[tuple[Lane, Ticket]]] = {}  # by thread
        self._state = threading.Lock()  # guards the three above; never held while loading
        self._loading = threading.Lock()  # one load at a time: it passes through main memory

    @contextmanager
    def use(
        self,
        *keys: ModelKey,
        progress: Progress | None = None,
        waiting: Waiting | None = None,
        errand: Errand = Errand(),
    ) -> Iterator[tuple[Checkpoint, ...]]:
        """Hold the devices of ``keys`` and hand out their checkpoints, loaded where missing.

        Args:
            progress: called with what is being done and the share done, where something is loaded.
            waiting: called while others are before this caller; it may raise to leave.
            errand: who asks, and for what.

        Raises:
            CheckpointError: as for ``muxviz.load``; CheckpointTooLarge also beyond the budget.
            DeviceError: no such device, or out of memory. TooBusy: the wait would be hopeless.
        """
        wanted = tuple(_canonical(key) for key in keys)
        folders = {key: self._folder(key, progress) for key in wanted}
        thread = threading.get_ident()
        with ExitStack() as stack:
            turns = self._turns.setdefault(thread, [])
            stack.callback(self._forget_turns, thread)
            for device in sorted({key.device for key in wanted}):
                lane = self._lane(device)
                turn = (lane, stack.enter_context(lane.held(errand, waiting)))
                turns.append(turn)
                stack.callback(turns.remove, turn)
            self._hold_all(folders, progress, waiting, turns)
            for lane, ticket in turns:
                lane.loaded(ticket)
            for key in folders:
                stack.callback(self._release, key)
            yield tuple(self._entries[key].checkpoint for key in wanted)

    def hand_on(self, waiting: Waiting | None = None) -> int:
        """Between two batches inside ``use``: let those go first who should; how many wait then.

        Nothing happens in a thread that holds no device. What ``waiting`` raises, called while this
        caller waits, is raised once it is its turn again.
        """
        turns = self._turns.get(threading.get_ident(), ())
        if any(lane.is_due(ticket) for lane, ticket in turns):
            _give_and_take(turns, waiting)
        return sum(lane.waiting for lane, _ in turns)

    def idle_s(self, key: ModelKey) -> float:
        """Seconds since the device of ``key`` was used last; 0 while somebody uses it."""
        return self._lane(_canonical(key).device).idle_s

    def loaded(self) -> tuple[LoadedModel, ...]:
        """What is held now, last used first."""
        now = time.monotonic()
        with self._state:
            held = [_describe(key, entry, now) for key, entry in self._entries.items()]
        return tuple(sorted(held, key=lambda model: model.idle_s))

    def memory(self) -> tuple[DeviceMemory, ...]:
        """The main memory, and that of every other device which holds a model."""
        held = {"cpu": 0}
        for model in self.loaded():
            held[model.device] = held.get(model.device, 0) + model.bytes
        return tuple(DeviceMemory(name, total, _free_bytes(name)) for name, total in held.items())

    def unload(self, key: ModelKey) -> bool:
        """Let go of a model; False when it was not loaded.

        Raises:
            DeviceError: it is in use.
        """
        actual = _canonical(key) if self._entries else key
        with self._state:
            entry = self._entries.get(actual)
            if entry is None:
                return False
            if entry.users:
                raise DeviceError(
                    f"{actual.name} is in use on {actual.device} and stays loaded; wait until "
                    "that run is done, or stop it, and unload again"
                )
            del self._entries[actual]
            _empty(entry.checkpoint)
        _return_memory(actual.device)
        return True

    def _lane(self, device: str) -> Lane:
        with self._state:
            return self._lanes.setdefault(device, Lane(device))

    def _folder(self, key: ModelKey, progress: Progress | None) -> Path:
        """Where the checkpoint is; a hub id that is not loaded yet is fetched, outside the lane."""
        from muxviz.loading.load import resolve_folder

        with self._state:
            entry = self._entries.get(key)
            known = entry.checkpoint.folder if entry else None
        if known is not None and _is_hub_id(key.name):
            return known
        return resolve_folder(key.name, revision=key.revision, progress=progress)[0]

    def _forget_turns(self, thread: int) -> None:
        if not self._turns[thread]:
            del self._turns[thread]

    # From here on the caller holds the lane of ``key.device``.

    def _hold_all(
        self,
        folders: dict[ModelKey, Path],
        progress: Progress | None,
        waiting: Waiting | None,
        turns: Sequence[tuple[Lane, Ticket]],
    ) -> None:
        """Hold every model; wait for work that others have begun where that stands in the way."""
        while True:
            held: list[ModelKey] = []
            try:
                for key in folders:
                    self._hold(key, folders, progress)
                    held.append(key)
                return
            except BaseException as error:
                for key in held:
                    self._release(key)
                is_others = any(lane.others_begun(ticket) for lane, ticket in turns)
                if not is_others or not isinstance(error, _InUse | CheckpointTooLarge):
                    raise
            _give_and_take(turns, waiting, as_last=True)

    def _hold(
        self, key: ModelKey, folders: dict[ModelKey, Path], progress: Progress | None
    ) -> None:
        """Make sure that ``key`` is loaded from what its folder holds now, and count its use."""
        with self._loading:
            stamp = _stamp(folders[key])
            with self._state:
                entry = self._entries.get(key)
                if entry and entry.checkpoint.folder == folders[key] and entry.stamp == stamp:
                    entry.users += 1
                    return
                if entry and entry.users:
                    raise _InUse(f"{key.name} has changed, and the former one is in use")
                stale = self._entries.pop(key, None)
            if stale is not None:
                _empty(stale.checkpoint)
                del stale
                _return_memory(key.device)
            self._load(key, folders[key], stamp, set(folders), progress)

    def _load(
        self,
        key: ModelKey,
        folder: Path,
        stamp: Stamp,
        keep: set[ModelKey],
        progress: Progress | None,
    ) -> None:
        from muxviz.loading import load as loading

        tell = progress or (lambda what, share: None)
        tell(f"Reading the header of {key.name}", 0.0)
        self._make_room(key, _bytes_needed(folder, key.dtype), keep)
        tell(f"Loading {key.name} onto {key.device}", 0.2)
        checkpoint = loading.load(
            key.name, device=key.device, dtype=key.dtype, revision=key.revision
        )
        entry = _Entry(checkpoint, stamp, _bytes_of(checkpoint), 1, time.monotonic())
        with self._state:
            self._entries[key] = entry
        tell(f"{key.name} is ready", 1.0)

    def _make_room(self, key: ModelKey, need: int, keep: set[ModelKey]) -> None:
        """Unload unused models of the device, least recently used first, until ``need`` fits."""
        room = self._room(key.device)
        if need <= room:
            return
        while need > room:
            freed = self._evict(key.device, keep)
            if not freed:
                raise CheckpointTooLarge(
                    f"{key.name} needs {_mebibytes(need)} on {key.device}, where "
                    f"{_mebibytes(max(0, room))} can be had. Unload another model, use float16, "
                    "or a larger machine"
                )
            room += freed
        _return_memory(key.device)

    def _room(self, device: str) -> int:
        """Bytes of weights that fit on ``device`` beside the models it holds."""
        free = int(_free_bytes(device) / SPARE)
        if self._max_bytes is None:
            return free
        with self._state:
            held = sum(e.bytes for k, e in self._entries.items() if k.device == device)
        return min(free, self._max_bytes - held)

    def _evict(self, device: str, keep: set[ModelKey]) -> int:
        """Drop the least recently used model of ``device`` outside ``keep``; bytes freed, or 0."""
        with self._state:
            unused = [
                (entry.used_at, key)
                for key, entry in self._entries.items()
                if key.device == device and key not in keep and not entry.users
            ]
            if not unused:
                return 0
            _, oldest = min(unused, key=lambda pair: pair[0])
            entry = self._entries.pop(oldest)
            _empty(entry.checkpoint)
        return entry.bytes

    def _release(self, key: ModelKey) -> None:
        with self._state:
            entry = self._entries[key]
            entry.users -= 1
            entry.used_at = time.monotonic()


def _give_and_take(
    turns: Sequence[tuple[Lane, Ticket]], waiting: Waiting | None, *, as_last: bool = False
) -> None:
    """Let go of all lanes before any is taken again, so that nobody waits in a circle."""
    for lane, ticket in turns:
        lane.give(ticket, as_last=as_last)
    raised: BaseException | None = None
    for lane, ticket in turns:
        try:
            lane.take(ticket, None if raised else waiting)
        except BaseException as error:
            raised = error
    if raised is not None:
        raise raised


def _canonical(key: ModelKey) -> ModelKey:
    """``key`` with the device and dtype that ``auto`` stands for, so that equal models meet."""
    from muxviz.loading.load import resolve_device

    device = resolve_device(key.device)
    name = f"cuda:{device.index or 0}" if device.type == "cuda" else device.type
    return replace(key, device=name, dtype="float32" if key.dtype == "auto" else key.dtype)


def _is_hub_id(name: str) -> bool:
    return bundled_folder(name) is None and not Path(name).expanduser().is_dir()


def _stamp(folder: Path) -> Stamp:
    from muxviz.loading.weights import INDEX_FILES, weight_files

    paths = [*weight_files(folder), *(folder / name for name in (*INDEX_FILES, *WATCHED))]
    stats = [(path.name, path.stat()) for path in paths if is_there(path)]
    return tuple((name, s.st_mtime_ns, s.st_ctime_ns, s.st_size) for name, s in stats)


def _bytes_needed(folder: Path, dtype: str) -> int:
    """Bytes of the folder's weights in ``dtype``, from its headers.

    Not ``inspect_folder``, which refuses what does not fit beside the models held now.
    """
    from muxviz.loading.build import empty_model
    from muxviz.loading.infer import infer_config, normalise
    from muxviz.loading.json_files import read_config
    from muxviz.loading.load import DTYPES
    from muxviz.loading.weights import read_stored, weight_files

    raw = read_config(folder)
    stored = read_stored(weight_files(folder)).shapes
    shapes = {bare: stored[name] for name, bare in normalise(list(stored)).items()}
    model = empty_model(infer_config(raw, shapes, str(folder)).config)
    width = DTYPES[dtype].itemsize if dtype in DTYPES else 4  # an unknown one is refused on loading
    return sum(p.numel() for p in model.parameters()) * width


def _bytes_of(checkpoint: Checkpoint) -> int:
    tensors = [*checkpoint.model.parameters(), *checkpoint.model.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _free_bytes(device: str) -> int:
    if device == "cpu":
        import psutil  # type: ignore[import-untyped]

        return int(psutil.virtual_memory().available)
    import torch

    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + cached


def _empty(checkpoint: Checkpoint) -> None:
    """Free the weights of a model that nobody may use any more, whoever still refers to it."""
    import torch

    for tensor in (*checkpoint.model.parameters(), *checkpoint.model.buffers()):
        tensor.data = torch.empty(0, dtype=tensor.dtype, device=tensor.device)


def _return_memory(device: str) -> None:
    """Collect what nothing refers to, and give the device's cached blocks back."""
    gc.collect()
    if device != "cpu":
        import torch

        torch.cuda.empty_cache()


def _describe(key: ModelKey, entry: _Entry, now: float) -> LoadedModel:
    checkpoint = entry.checkpoint
    return LoadedModel(
        key=key,
        fingerprint=checkpoint.fingerprint,
        bytes=entry.bytes,
        users=entry.users,
        num_instances=checkpoint.config.num_instances,
        device=key.device,
        dtype=key.dtype,
        idle_s=0.0 if entry.users else max(0.0, now - entry.used_at),
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
