"""Laws of every multiplexer with every demultiplexer on every backbone, and of a toy part of one's
own: it builds, slots may change places, the engine answers as the model, five steps of training
leave a run that exports, passes the check and loads to the bit, and every analysis either answers
or says why not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.attention.conductance import layer_conductance
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.attention.readings import (
    attention_maps,
    head_effects,
    instance_attention,
    relevance,
)
from muxviz.analysis.crosstalk.leaks import group_leaks, hard
from muxviz.analysis.crosstalk.log_odds import log_odds
from muxviz.analysis.crosstalk.shapley import shapley
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.debugger.ladder import ladder
from muxviz.analysis.fidelity.agreement import accuracy, agreement, pool_agreement
from muxviz.analysis.fidelity.by_sparsity import slot_record
from muxviz.analysis.fidelity.capacity import bits
from muxviz.analysis.fidelity.recovery import pool_read_back, read_back
from muxviz.analysis.groups.attribution import attribute, slot_shares
from muxviz.analysis.groups.one_group import Target
from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import key_geometry, key_interference
from muxviz.analysis.keys.mantel import keys_and_crosstalk
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.analysis.layers.lens import demux_lens, lens_of_group, translated_lens
from muxviz.analysis.layers.norms import layer_norms
from muxviz.analysis.layers.probes import linear_probes
from muxviz.analysis.map.states import sample_states
from muxviz.analysis.whatif.desk import edit_slot, turn_faders
from muxviz.analysis.whatif.dial import ghosts, key_dial
from muxviz.analysis.whatif.dose import dose_response
from muxviz.analysis.whatif.ensembling import ensembling
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.analysis.whatif.twins import duplicates, twins
from muxviz.batch import Row
from muxviz.config import BACKBONES, DEMULTIPLEXERS, MULTIPLEXERS, Part
from muxviz.errors import ConfigError, NotApplicable
from muxviz.inference import run_group
from muxviz.loading.check import check
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.model import demultiplexer as demultiplexers
from muxviz.model import multiplexer as multiplexers
from muxviz.training.export import checkpoint_of_run, export_run
from muxviz.training.loop import train
from tests.engine.test_engine import inputs
from tests.model.engine_parity import engine_difference
from tests.model.test_own_parts import Added, Shifted
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config, tiny_ids
from tests.training.tiny_runs import losses, tiny_recipe, tiny_stage, write_data

Parts = tuple[str, str, str]  # multiplexer, demultiplexer, backbone
OWN = {"shifted": Shifted, "added": Added}
ROWS = (Row("the good film"), Row("a dog and a cat"), Row("we go home"))
POOL = ("a man at night", "the old city", "music is fun", "the dog runs", "a song", "the end")
LABELS = ("positive", "negative") * 3
WHY = re.compile(r"not applicable: .{20,}")
SLOT_NAMES = ("instance_embedding", "keys", "offsets")  # what a slot owns, one row each

ANALYSES: dict[str, Callable[[Checkpoint], Any]] = {
    "run": lambda c: run_group(c, ROWS),
    "read-back": lambda c: read_back(c, ROWS),
    "read-back, pool": lambda c: pool_read_back(c, POOL, draws=2),
    "agreement": lambda c: agreement(c, ROWS, baseline=shared_checkpoint(plain=True)),
    "agreement, pool": lambda c: pool_agreement(
        c, POOL, baseline=shared_checkpoint(plain=True), draws=2
    ),
    "accuracy": lambda c: accuracy(c, POOL, LABELS, draws=2),
    "record by slot": lambda c: slot_record(c, POOL, labels=LABELS, draws=2),
    "bits": lambda c: bits(c, POOL, draws=2),
    "swap test": lambda c: measure_crosstalk(c, ROWS, pool=POOL, draws=2),
    "shapley": lambda c: shapley(c, ROWS, pool=POOL, draws=2),
    "log-odds": lambda c: log_odds(c, ROWS, pool=POOL, draws=2),
    "leaks": lambda c: group_leaks(c, ROWS),
    "leaks, pool": lambda c: hard(c, pool=POOL, draws=2),
    "faders": lambda c: turn_faders(c, ROWS, (1.0, 0.5, 0.0)),
    "edit": lambda c: edit_slot(c, ROWS, 1, "a bad plot"),
    "dose": lambda c: dose_response(c, ROWS, doses=3),
    "dial": lambda c: key_dial(c, ROWS, 0, 1, steps=3, random_keys=2),
    "ghosts": lambda c: ghosts(c, ROWS, pool=POOL),
    "orders": lambda c: slot_orders(c, ROWS),
    "twins": lambda c: twins(c, "a film", "a bad film", draws=2, pool=POOL),
    "duplicates": lambda c: duplicates(c, "a film", pool=POOL, draws=2),
    "copies": lambda c: ensembling(c, tuple(zip(POOL, LABELS, strict=True))),
    "ladder": lambda c: ladder(c, ROWS, 0, draws=2, pool=POOL),
    "map": lambda c: sample_states(c, ROWS, pool=POOL, gold=LABELS, anchors=2, neighbour_sets=2),
    "maps": lambda c: attention_maps(c, ROWS),
    "pairs": lambda c: slot_pairs(c, ROWS),
    "relevance": lambda c: relevance(c, ROWS),
    "across": lambda c: instance_attention(c, ROWS),
    "heads": lambda c: head_effects(c, ROWS),
    "attribution": lambda c: attribute(c, ROWS, Target(0), pool=POOL, steps=2),
    "conductance": lambda c: layer_conductance(c, ROWS, Target(0), pool=POOL, steps=2),
    "shares": lambda c: slot_shares(c, ROWS, pool=POOL, steps=2),
    "spectrum": lambda c: entanglement_spectrum(c, POOL, pairs=2),
    "lens": lambda c: demux_lens(c, POOL, draws=2),
    "translated": lambda c: translated_lens(c, POOL, POOL, fit_draws=3, draws=2),
    "probes": lambda c: linear_probes(c, POOL, POOL, fit_draws=3, draws=2),
    "strip": lambda c: lens_of_group(c, ROWS),
    "norms": lambda c: layer_norms(c, POOL, draws=2),
    "keys": lambda c: key_geometry(c, ROWS),
    "interference": lambda c: key_interference(c, ROWS, draws=2, pool=POOL),
    "filter": lambda c: matched_filter(c, ROWS, draws=2, pool=POOL),
    "gates": lambda c: gate_flips(c, ROWS, draws=2, pool=POOL),
    "keys and cross-talk": lambda c: keys_and_crosstalk(c, ROWS, draws=2, groups=2, pool=POOL),
}


PUBLISHED = tuple(
    product(
        (m for m in MULTIPLEXERS if m != "identity"),
        tuple(d for d in DEMULTIPLEXERS if d != "identity"),
        BACKBONES,
    )
)
TOYS: tuple[Parts, ...] = (
    ("shifted", "rsa", "bert"),
    ("gaussian_hadamard", "added", "bert"),
    ("shifted", "added", "electra"),
)
EVERY = (*PUBLISHED, *TOYS)


def each_once(of: Sequence[Parts]) -> list[Any]:
    """All of them; those in which no part is there for the first time take a journey."""
    seen: set[str] = set()
    found = []
    for parts in sorted(of, key=lambda p: (p not in TOYS, p[2], p[1] != "rsa")):
        is_new = parts in TOYS or not seen.issuperset(parts)
        seen.update(parts)
        found.append(parts if is_new else pytest.param(parts, marks=pytest.mark.journey))
    return found


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A toy multiplexer and demultiplexer, added as CONTRIBUTING says."""
    monkeypatch.setitem(MULTIPLEXERS, "shifted", Part())
    monkeypatch.setitem(DEMULTIPLEXERS, "added", Part())
    monkeypatch.setitem(multiplexers.MULTIPLEXER_CLASSES, "shifted", Shifted)
    monkeypatch.setitem(demultiplexers.DEMULTIPLEXER_CLASSES, "added", Added)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def built(parts: Parts, **changes: Any) -> Checkpoint:
    """The tiny model of these parts, or a skip where ``MuxConfig`` refuses them by name."""
    multiplexer, demultiplexer, backbone = parts
    try:
        config = tiny_config(
            multiplexer=multiplexer, demultiplexer=demultiplexer, backbone=backbone, **changes
        )
    except ConfigError as refusal:
        pytest.skip(f"refused: {refusal}")
    return tiny_checkpoint(config)


@pytest.mark.parametrize("parts", EVERY, ids="-".join)
def test_slots_may_change_places(parts: Parts) -> None:
    """With what belongs to a slot, its text and answer move too; the engine says the same."""
    checkpoint = built(parts)
    ids, mask = inputs(checkpoint)
    assert engine_difference(checkpoint, ids, mask) < 1e-4
    if parts[1] == "index_prefix":
        return  # a slot's prefix ids are its place: they do not move
    order = [2, 0, 1]
    before = checkpoint.model(ids, mask).logits
    with torch.no_grad():
        for name, own in checkpoint.model.named_parameters():
            if name.rpartition(".")[2] in SLOT_NAMES and "multiplexer" in name:
                own.copy_(own[order].clone())
        if parts[1] == "mlp":
            demultiplexer = checkpoint.model.demultiplexer
            for name in ("dense", "layer_norms"):
                layers = getattr(demultiplexer, name)
                setattr(demultiplexer, name, torch.nn.ModuleList(layers[i] for i in order))
    after = checkpoint.model(ids[:, order], mask[:, order]).logits
    torch.testing.assert_close(after, before[:, order], atol=2e-5, rtol=1e-4)
    assert (before - before[:, order]).abs().max() > 1e-4, "the law would hold trivially"


@pytest.mark.parametrize("parts", each_once([p for p in EVERY if p[2] != "roberta"]), ids="-".join)
def test_it_trains_exports_and_comes_back_to_the_bit(
    parts: Parts, data: Path, tmp_path: Path
) -> None:
    built(parts)
    multiplexer, demultiplexer, backbone = parts
    stage = tiny_stage("task", steps=5, retrieval_coeff=0.5)
    recipe = tiny_recipe(
        stage, multiplexer=multiplexer, demultiplexer=demultiplexer, backbone=backbone
    )
    train(recipe, data, tmp_path / "run")
    assert all(math.isfinite(loss) for loss in losses(tmp_path / "run", "task"))
    folder = export_run(tmp_path / "run", tmp_path / "saved", dtype="float32", data=data)
    assert check(folder).usable
    loaded = load(folder, device="cpu")
    found = (loaded.config.multiplexer, loaded.config.demultiplexer, loaded.config.backbone)
    assert found == parts
    ids = tiny_ids(loaded.config)
    whole = checkpoint_of_run(tmp_path / "run").model(ids).logits
    assert torch.equal(loaded.model(ids).logits, whole)


@pytest.mark.parametrize("parts", each_once(EVERY), ids="-".join)
def test_every_analysis_answers_or_says_why_not(parts: Parts) -> None:
    checkpoint = built(parts)
    refused: dict[str, str] = {}
    for name, analysis in ANALYSES.items():
        try:
            result = analysis(checkpoint)
        except NotApplicable as why:
            refused[name] = str(why)
        else:
            found = [*numbers(result), np.empty(0)]
            assert np.isfinite(np.concatenate(found)).any(), name
    assert len(refused) < len(ANALYSES) / 2, refused
    assert not [name for name, why in refused.items() if not WHY.match(why)], refused


def numbers(result: Any) -> Iterator[np.ndarray]:
    """All that a result measured: its arrays of real numbers, and single ones."""
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        yield result.ravel()
    elif isinstance(result, float):
        yield np.array([result])
    elif isinstance(result, dict):
        yield from (found for one in result.values() for found in numbers(one))
    elif isinstance(result, list | tuple):
        yield from (found for one in result for found in numbers(one))
    elif is_dataclass(result):
        values = (getattr(result, f.name) for f in fields(result) if f.name != "provenance")
        yield from (found for one in values for found in numbers(one))
