"""The registry of loaded models: budget, one load, one lane in order of arrival, nothing mixed up.

Threads meet at barriers and events, never after a sleep. A thread that fails is a failed test.
"""

from __future__ import annotations

import gc
import io
import os
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import CheckpointMissing, CheckpointTooLarge, DeviceError
from muxviz.lane import Errand, Place
from muxviz.loading import load as loading
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.save import save
from muxviz.model.mux_model import MuxModel
from muxviz.registry import ModelKey, Registry
from tests.tiny import tiny_vocabulary

LENGTH, VOCABULARY = 8, 690
PATIENCE_S = 60  # after which a thread that hangs fails the test


def write_checkpoint(folder: Path, *, num: int = 2, seed: int = 0) -> Path:
    """A tiny random multiplexed classifier in the published layout."""
    shape = BackboneShape(VOCABULARY, 16, 1, 2, 24, 32)
    config = MuxConfig(
        backbone="bert",
        task="sequence_classification",
        shape=shape,
        num_instances=num,
        multiplexer="gaussian_hadamard",
        demultiplexer="rsa",
    )
    torch.manual_seed(seed)
    model = MuxModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    model.eval().requires_grad_(False)
    return save(
        Checkpoint(folder.name, model, config, None, {}, folder, "unsaved", "float32"), folder
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four checkpoints of N = 2, 3, 4 and 5 with different weights; read only."""
    root = tmp_path_factory.mktemp("checkpoints")
    return [write_checkpoint(root / f"tiny-n{n}", num=n, seed=n) for n in (2, 3, 4, 5)]


@pytest.fixture
def keys(folders: list[Path]) -> list[ModelKey]:
    return [ModelKey(str(folder), device="cpu") for folder in folders]


class Watch:
    """Stands in front of ``load``: counts loads and the bytes alive when each one starts."""

    def __init__(self, load: Callable[..., Checkpoint]) -> None:
        self._load = load
        self.names: list[str] = []
        self.alive_before: list[int] = []
        self._models: list[weakref.ref[MuxModel]] = []

    def __call__(self, name: str, **options: Any) -> Checkpoint:
        self.alive_before.append(self.alive())
        checkpoint = self._load(name, **options)
        self.names.append(Path(name).name)
        self._models.append(weakref.ref(checkpoint.model))
        return checkpoint

    def alive(self) -> int:
        """Bytes of weights in all models that still exist, whoever refers to them."""
        return sum(size_of(model) for ref in self._models if (model := ref()) is not None)

    def count(self) -> int:
        """Models that still hold weights."""
        return sum(size_of(model) > 0 for ref in self._models if (model := ref()) is not None)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch(loading.load)
    monkeypatch.setattr(loading, "load", watch)
    return watch


def size_of(model: MuxModel) -> int:
    tensors = [*model.parameters(), *model.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def run_threads(*bodies: Callable[[], None]) -> None:
    """Run all at once; the first exception of any is raised here."""
    failed: list[BaseException] = []

    def guarded(body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a thread hangs"
    if failed:
        raise failed[0]


def queued(registry: Registry, key: ModelKey, into: list[str], name: str) -> threading.Thread:
    """A thread that stands in the queue when this returns; it notes its turn in ``into``."""
    is_queued = threading.Event()

    def body() -> None:
        with registry.use(key, waiting=lambda place: is_queued.set()):
            into.append(name)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    assert is_queued.wait(PATIENCE_S)
    return thread


def example(num: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(1, 600, (1, num, LENGTH), generator=generator)


# ---- loading and unloading --------------------------------------------------------------------


def test_use_loads_once_and_keeps(keys: list[ModelKey], watch: Watch) -> None:
    registry = Registry()
    for _ in range(3):
        with registry.use(keys[0], keys[1], keys[0]) as (first, second, again):
            assert first is again
            assert (first.config.num_instances, second.config.num_instances) == (2, 3)
    assert watch.names == ["tiny-n2", "tiny-n3"]


def test_loaded_says_what_is_held(keys: list[ModelKey]) -> None:
    registry = Registry()
    assert registry.loaded() == ()
    with registry.use(ModelKey(keys[0].name)) as (checkpoint,):
        (held,) = registry.loaded()
        assert (held.users, held.idle_s, held.num_instances) == (1, 0.0, 2)
        assert (held.device, held.dtype) == (str(checkpoint.device), "float32")
        assert (held.bytes, held.fingerprint) == (size_of(checkpoint.model), checkpoint.fingerprint)
    (held,) = registry.loaded()
    assert held.users == 0
    with registry.use(keys[1]):
        assert [m.num_instances for m in registry.loaded()] == [3, 2], "last used first"


def test_memory_counts_what_is_held(keys: list[ModelKey]) -> None:
    registry = Registry()
    (before,) = registry.memory()
    assert (before.device, before.held) == ("cpu", 0)
    assert before.free > 0
    with registry.use(keys[0], keys[1]):
        pass
    assert registry.memory()[0].held == sum(m.bytes for m in registry.loaded())


def test_auto_and_its_meaning_are_one_model(keys: list[ModelKey], watch: Watch) -> None:
    registry, name = Registry(), keys[0].name
    actual = str(loading.resolve_device("auto"))
    with registry.use(ModelKey(name), ModelKey(name, device=actual, dtype="float32")) as (a, b):
        assert a is b
    assert len(watch.names) == 1


def test_precisions_are_different_models(keys: list[ModelKey]) -> None:
    registry, name = Registry(), keys[0].name
    half = ModelKey(name, "cpu", "bfloat16")
    with registry.use(keys[0], half) as (single, double):
        assert single.dtype == torch.float32
        assert double.dtype == torch.bfloat16
    big, small = sorted((m.bytes for m in registry.loaded()), reverse=True)
    assert small < big


def test_unload(keys: list[ModelKey], watch: Watch) -> None:
    registry = Registry()
    assert registry.unload(keys[0]) is False
    with registry.use(keys[0]):
        pass
    assert registry.unload(ModelKey(keys[0].name, "cpu", "float32")) is True
    assert registry.loaded() == ()
    assert watch.count() == 0
    assert registry.unload(keys[0]) is False


def test_unload_refuses_while_in_use(keys: list[ModelKey]) -> None:
    registry = Registry()
    with registry.use(keys[0]):
        with pytest.raises(DeviceError, match=r"tiny-n2 is in use on cpu.*unload again"):
            registry.unload(keys[0])
        assert len(registry.loaded()) == 1
    assert registry.unload(keys[0])


def test_progress_is_told(keys: list[ModelKey]) -> None:
    told: list[tuple[str, float]] = []
    registry = Registry()
    with registry.use(keys[0], progress=lambda what, share: told.append((what, share))):
        pass
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all("tiny-n2" in what for what, _ in told)
    told.clear()
    with registry.use(keys[0], progress=lambda what, share: told.append((what, share))):
        pass
    assert told == [], "nothing to load, nothing to tell"


def test_importing_the_registry_leaves_torch_out() -> None:
    code = "import sys, muxviz.registry as r; r.Registry().memory(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ---- budget -----------------------------------------------------------------------------------


def registered_bytes(key: ModelKey) -> int:
    """Bytes that a registry counts for ``key``."""
    registry = Registry()
    with registry.use(key):
        return registry.loaded()[0].bytes


def test_least_recently_used_goes_first(keys: list[ModelKey]) -> None:
    largest = max(registered_bytes(key) for key in keys)
    registry = Registry(max_bytes=2 * largest)
    for number in (0, 1, 0, 2):
        with registry.use(keys[number]):
            pass
    assert [m.num_instances for m in registry.loaded()] == [4, 2]


def test_room_is_made_before_loading(keys: list[ModelKey], watch: Watch) -> None:
    sizes = [registered_bytes(key) for key in keys]
    budget = max(sizes)
    watch.names.clear()
    watch.alive_before.clear()
    registry = Registry(max_bytes=budget)
    for number in (0, 1, 2, 3, 0, 2):
        with registry.use(keys[number]):
            assert watch.alive() <= budget
            assert watch.count() == 1
    assert watch.alive_before == [0] * 6, "every load starts after the old model is gone"


def test_budget_holds_with_many_threads(keys: list[ModelKey], watch: Watch) -> None:
    sizes = [registered_bytes(key) for key in keys]
    watch.names.clear()
    watch.alive_before.clear()
    budget = sum(sorted(sizes)[-2:])
    registry, start = Registry(max_bytes=budget), threading.Barrier(4)

    def worker(offset: int) -> None:
        start.wait(PATIENCE_S)
        for turn in range(6):
            number = (offset + turn * (offset + 1)) % 4
            with registry.use(keys[number]) as (checkpoint,):
                assert checkpoint.config.num_instances == number + 2
                assert watch.alive() <= budget
                assert sum(m.bytes for m in registry.loaded()) <= budget

    run_threads(*(lambda offset=offset: worker(offset) for offset in range(4)))
    before = zip(watch.alive_before, watch.names, strict=True)
    by_name = {Path(key.name).name: size for key, size in zip(keys, sizes, strict=True)}
    assert max(alive + by_name[name] for alive, name in before) <= budget


def test_what_never_fits_is_refused_and_what_was_needed_stays(keys: list[ModelKey]) -> None:
    size = registered_bytes(keys[0])
    registry = Registry(max_bytes=size)
    with (
        pytest.raises(CheckpointTooLarge, match=r"tiny-n3 needs .* MiB on cpu.*Unload another"),
        registry.use(keys[0], keys[1]),
    ):
        pytest.fail("must not be entered")
    assert [(m.num_instances, m.users) for m in registry.loaded()] == [(2, 0)]
    with registry.use(keys[0]):
        pass


def test_a_broken_folder_costs_nobody_their_model(keys: list[ModelKey], tmp_path: Path) -> None:
    registry = Registry(max_bytes=registered_bytes(keys[0]))
    with registry.use(keys[0]):
        pass
    broken = write_checkpoint(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\x08")
    with (
        pytest.raises(Exception, match="fetch it again"),
        registry.use(ModelKey(str(broken), "cpu")),
    ):
        pytest.fail("must not be entered")
    assert len(registry.loaded()) == 1


# ---- changes on disk --------------------------------------------------------------------------


def test_changed_folder_is_reloaded(tmp_path: Path, watch: Watch) -> None:
    folder = write_checkpoint(tmp_path / "mine", seed=1)
    registry, key = Registry(), ModelKey(str(folder), "cpu")
    with registry.use(key) as (checkpoint,):
        before = checkpoint.fingerprint
    del checkpoint
    write_checkpoint(folder, seed=2)
    with registry.use(key) as (checkpoint,):
        assert checkpoint.fingerprint != before
    assert watch.alive_before == [0, 0], "the old copy is gone before the new one comes"
    assert len(registry.loaded()) == 1


def test_new_card_is_noticed(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine")
    registry, key = Registry(), ModelKey(str(folder), "cpu")
    with registry.use(key) as (checkpoint,):
        assert checkpoint.card == {}
    (folder / "card.json").write_text('{"licence": "Apache-2.0"}')
    with registry.use(key) as (checkpoint,):
        assert checkpoint.card == {"licence": "Apache-2.0"}


def masks() -> bytes:
    out = io.BytesIO()
    torch.save({"head_z": torch.tensor([[1.0, 0.0]]), "intermediate_z": torch.ones(1, 24)}, out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zs.pt", masks()),
        ("l0_module.pt", b"never opened"),
        ("card.json", b"{}"),
        ("vocab.txt", "\n".join(tiny_vocabulary()).encode()),
        ("tokenizer_config.json", b"{}"),
        ("special_tokens_map.json", b"{}"),
        ("added_tokens.json", b"{}"),
        ("merges.txt", b""),
        ("model.safetensors.index.json", b"{}"),
    ],
)
def test_a_file_that_appears_makes_a_model_stale(name: str, content: bytes, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    registry, key = Registry(), ModelKey(str(folder), device="cpu")
    with registry.use(key) as (before,):
        assert before.config.sparsity == 0
    (folder / name).write_bytes(content)
    with registry.use(key) as (after,):
        assert after is not before
        assert (after.config.sparsity > 0) == (name == "zs.pt")
    with registry.use(key) as (again,):
        assert again is after


def test_a_file_that_is_replaced_by_one_of_its_time_and_size_is_noticed(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    path = folder / "card.json"
    path.write_text('{"licence": "one"}')
    registry, key = Registry(), ModelKey(str(folder), device="cpu")
    with registry.use(key) as (before,):
        assert before.card["licence"] == "one"
    times = path.stat()
    path.write_text('{"licence": "two"}')
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with registry.use(key) as (after,):
        assert after.card["licence"] == "two"


def test_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine")
    registry, key = Registry(), ModelKey(str(folder), "cpu")
    with registry.use(key):
        pass
    shutil.rmtree(folder)
    with pytest.raises(CheckpointMissing), registry.use(key):
        pytest.fail("must not be entered")


# ---- threads ----------------------------------------------------------------------------------


def test_two_threads_load_the_same_key_once(keys: list[ModelKey], watch: Watch) -> None:
    registry, start = Registry(), threading.Barrier(2)
    seen: list[int] = []

    def worker() -> None:
        start.wait(PATIENCE_S)
        with registry.use(keys[0]) as (checkpoint,):
            seen.append(id(checkpoint))

    run_threads(worker, worker)
    assert watch.names == ["tiny-n2"]
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("fits_both", "rounds"), [(True, 60), (False, 5)])
def test_different_groups_never_mix(keys: list[ModelKey], fits_both: bool, rounds: int) -> None:
    budget = None if fits_both else max(registered_bytes(key) for key in keys)
    registry, start = Registry(max_bytes=budget), threading.Barrier(2)
    plans = [(keys[0], 2, 11), (keys[2], 4, 12)]
    expected = [
        loading.load(key.name, device="cpu").model(example(num, seed)).logits
        for key, num, seed in plans
    ]

    def worker(number: int) -> None:
        key, num, seed = plans[number]
        start.wait(PATIENCE_S)
        for _ in range(rounds):
            with registry.use(key) as (checkpoint,), torch.inference_mode():
                logits = checkpoint.model(example(num, seed)).logits
            assert torch.equal(logits, expected[number])

    run_threads(lambda: worker(0), lambda: worker(1))


def test_hooks_of_one_user_do_not_reach_another(keys: list[ModelKey]) -> None:
    registry, start = Registry(), threading.Barrier(2)
    with registry.use(keys[0]) as (checkpoint,):
        plain = checkpoint.model(example(2, 5)).logits
    del checkpoint

    def planted() -> None:
        start.wait(PATIENCE_S)
        for _ in range(25):
            with registry.use(keys[0]) as (checkpoint,):
                hook = checkpoint.model.encoder.register_forward_hook(spoil)
                assert not torch.equal(checkpoint.model(example(2, 5)).logits, plain)
                hook.remove()

    def reader() -> None:
        start.wait(PATIENCE_S)
        for _ in range(25):
            with registry.use(keys[0]) as (checkpoint,):
                assert torch.equal(checkpoint.model(example(2, 5)).logits, plain)

    run_threads(planted, reader)


def spoil(module: torch.nn.Module, given: Any, output: Any) -> Any:
    """A forward hook that changes every number."""
    if isinstance(output, torch.Tensor):
        return output + 1
    return type(output)(spoil(module, given, part) for part in output)


def test_lane_serves_in_order_of_arrival(keys: list[ModelKey]) -> None:
    registry, served = Registry(), []
    with registry.use(keys[0]):
        threads = [queued(registry, keys[i % 4], served, str(i)) for i in range(8)]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert served == [str(i) for i in range(8)]


def test_waiting_hears_how_many_are_ahead(keys: list[ModelKey]) -> None:
    registry, heard = Registry(), []
    is_third = threading.Event()

    def note(place: Place) -> None:
        heard.append(place.ahead)
        is_third.set()

    def last() -> None:
        with registry.use(keys[0], waiting=note):
            pass

    with registry.use(keys[0]):
        second = queued(registry, keys[0], [], "second")
        third = threading.Thread(target=last, daemon=True)
        third.start()
        assert is_third.wait(PATIENCE_S)
    second.join(PATIENCE_S)
    third.join(PATIENCE_S)
    assert heard[0] == 2
    assert heard == sorted(heard, reverse=True)


def test_leaving_the_queue_frees_the_place(keys: list[ModelKey]) -> None:
    registry, served = Registry(), []

    class Left(Exception):
        pass

    def leave(place: Place) -> None:
        raise Left

    def impatient() -> None:
        with pytest.raises(Left), registry.use(keys[0], waiting=leave):
            pytest.fail("must not be entered")

    with registry.use(keys[0]):
        run_threads(impatient)
        patient = queued(registry, keys[0], served, "patient")
    patient.join(PATIENCE_S)
    assert served == ["patient"]


LONG = Errand("me", "long")


def long_registry(keys: list[ModelKey], budget: int | None = None) -> Registry:
    """A registry that has measured work named "long" as such."""
    registry = Registry(budget)
    with registry.use(keys[0], errand=LONG):
        pass
    registry._lane("cpu")._took["long"].clear()
    registry._lane("cpu")._took["long"].append(60.0)
    return registry


def test_results_are_right_while_others_compute_between_the_batches(keys: list[ModelKey]) -> None:
    """Long work on one model, overtaken at every batch by passes of that one and another."""
    registry = long_registry(keys)
    models = [loading.load(key.name, device="cpu").model for key in keys[:2]]
    wanted = [[models[k](example(k + 2, seed)).logits for seed in range(12)] for k in range(2)]
    order: list[str] = []
    threads: list[threading.Thread] = []

    def overtake(seed: int) -> None:
        is_queued = threading.Event()

        def body() -> None:
            key = keys[seed % 2]
            with registry.use(key, waiting=lambda place: is_queued.set()) as (model,):
                order.append("short")
                found = model.model(example(seed % 2 + 2, seed)).logits
            assert torch.equal(found, wanted[seed % 2][seed])

        threads.append(threading.Thread(target=body, daemon=True))
        threads[-1].start()
        assert is_queued.wait(PATIENCE_S)

    with registry.use(keys[0], errand=LONG) as (model,):
        for seed in range(12):
            overtake(seed)
            assert registry.hand_on() == 0
            assert torch.equal(model.model(example(2, seed)).logits, wanted[0][seed])
            order.append("long")
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["short", "long"] * 12


def test_a_model_is_not_taken_from_under_work_that_lets_others_go_first(
    tmp_path: Path, keys: list[ModelKey]
) -> None:
    """Neither for its room nor for a newer version of it: whoever needs that waits for the end."""
    mine = ModelKey(str(write_checkpoint(tmp_path / "mine", num=3, seed=1)), "cpu")
    registry = long_registry([mine], max(registered_bytes(key) for key in (*keys, mine)))
    served: list[str] = []
    with registry.use(mine, errand=LONG) as (checkpoint,):
        before = checkpoint.model(example(3, 1)).logits
        write_checkpoint(tmp_path / "mine", num=3, seed=2)
        threads = [queued(registry, mine, served, "newer"), queued(registry, keys[0], served, "no")]
        registry.hand_on()
        assert served == []
        assert torch.equal(checkpoint.model(example(3, 1)).logits, before)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert served == ["newer", "no"]


def test_a_thread_that_holds_nothing_hands_nothing_on(keys: list[ModelKey]) -> None:
    registry = Registry()
    assert registry.hand_on() == 0
    with registry.use(keys[0]):
        assert registry.idle_s(keys[0]) == 0
        assert registry.hand_on() == 0
    assert registry._turns == {}
    assert registry.idle_s(keys[0]) > 0


def test_exception_inside_releases_everything(keys: list[ModelKey]) -> None:
    registry = Registry()
    with pytest.raises(ZeroDivisionError), registry.use(keys[0], keys[1]):
        raise ZeroDivisionError
    assert [m.users for m in registry.loaded()] == [0, 0]
    entered = threading.Event()

    def other() -> None:
        with registry.use(keys[1]):
            entered.set()

    run_threads(other)
    assert entered.is_set()
    assert registry.unload(keys[0])


def test_failed_load_releases_everything(
    keys: list[ModelKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, load = Registry(), loading.load

    def fail_on_second(name: str, **options: Any) -> Checkpoint:
        if name == keys[1].name:
            raise DeviceError("out of memory")
        return load(name, **options)

    monkeypatch.setattr(loading, "load", fail_on_second)
    with pytest.raises(DeviceError, match="out of memory"), registry.use(keys[0], keys[1]):
        pytest.fail("must not be entered")
    assert [(m.num_instances, m.users) for m in registry.loaded()] == [(2, 0)]
    monkeypatch.setattr(loading, "load", load)
    with registry.use(keys[1]) as (checkpoint,):
        assert checkpoint.config.num_instances == 3


def test_use_inside_use_is_refused_at_once(keys: list[ModelKey]) -> None:
    registry = Registry()
    with (
        registry.use(keys[0]),
        pytest.raises(RuntimeError, match="all models at once"),
        registry.use(keys[1]),
    ):
        pytest.fail("must not be entered")
    with registry.use(keys[1]):
        pass


def test_forgotten_reference_holds_no_memory(keys: list[ModelKey]) -> None:
    registry = Registry()
    with registry.use(keys[0]) as (kept,):
        assert size_of(kept.model) > 0
    registry.unload(keys[0])
    assert size_of(kept.model) == 0


def test_nothing_is_kept_alive_by_the_registry_after_unloading(keys: list[ModelKey]) -> None:
    registry = Registry()
    with registry.use(keys[0]) as (checkpoint,):
        model = weakref.ref(checkpoint.model)
    del checkpoint
    registry.unload(keys[0])
    gc.collect()
    assert model() is None


def test_unknown_name_and_device(keys: list[ModelKey]) -> None:
    registry = Registry()
    with (
        pytest.raises(CheckpointMissing, match="no-such-model"),
        registry.use(ModelKey("no-such-model")),
    ):
        pytest.fail("must not be entered")
    with (
        pytest.raises(DeviceError, match="toaster"),
        registry.use(ModelKey(keys[0].name, "toaster")),
    ):
        pytest.fail("must not be entered")
    assert registry.loaded() == ()
