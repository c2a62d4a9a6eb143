"""Cards say what was recorded, and recorded numbers come back when measured again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muxviz.cli import main
from muxviz.errors import DataError
from muxviz.evaluation import evaluate, read_data
from muxviz.evaluation.cards import (
    EVALUATION_FILE,
    GENERAL_TEXT,
    compare_with_card,
    markdown_table,
    read_evaluation,
    read_notes,
    summary,
    write_card,
)
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.load import load
from tests.tiny import shared_checkpoint, tiny_config, write_tiny_folder

TEXTS = ("good film", "bad film", "a funny dog", "very boring story", "great music", "old cat")
DEV = "toy/dev.tsv"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a dev set of 12 rows and a held-out text."""
    import lzma

    folder = tmp_path / "data"
    (folder / "toy").mkdir(parents=True)
    rows = [f"{text} {i}\t{i % 2}" for i, text in enumerate(TEXTS * 2)]
    (folder / DEV).write_text("\n".join(["sentence\tlabel", *rows]) + "\n")
    (folder / GENERAL_TEXT).parent.mkdir()
    text = "The dog and the cat go home. We like the old music.\n\nA man sees the river.\n"
    (folder / GENERAL_TEXT).write_bytes(lzma.compress(text.encode()))
    return folder


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two checkpoints: toy-n3 and its baseline toy-n1."""
    folder = tmp_path / "checkpoints"
    for name, changes in (("toy-n1", {"plain": True}), ("toy-n3", {})):
        recipe = {"name": name, "task_dev": DEV, "num_instances": 3 if "3" in name else 1}
        run = {"seed": 3, "seconds": 7.0, "tokens": 99}
        card = {"recipe": recipe, "run": run, "baseline": None if "1" in name else "toy-n1"}
        write_tiny_folder(folder / name, tiny_config(**changes), card=card)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_card_repeats_what_was_recorded(family: Path, data: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.toml"
    notes.write_text('licence = "Apache-2.0"\n')
    write_card(load("toy-n3"), data, groupings=2, notes=read_notes(notes))
    card, recorded = read(family / "toy-n3" / "card.json"), read_evaluation(family / "toy-n3")
    assert recorded is not None
    assert (card["licence"], card["run"]["tokens"]) == ("Apache-2.0", 99)
    assert card["measured"] == {part: summary(recorded[part]) for part in ("dev", "general")}
    dev = recorded["dev"]
    assert (dev["data"], dev["rows"], dev["forward_passes"], dev["seeds"]) == (DEV, 12, 4, [0, 1])
    assert len(dev["metrics"]["accuracy"]["values"]) == 2
    assert len(dev["per_slot"]) == len(dev["retrieval_per_slot"]) == 3
    assert dev["metrics"]["accuracy"]["low"] < dev["metrics"]["accuracy"]["mean"]
    assert {"fingerprint", "versions", "measured"} <= set(dev["provenance"])
    assert recorded["general"]["metrics"] == {}
    assert recorded["general"]["read_back"]["mean"] is not None
    size = (family / "toy-n3" / EVALUATION_FILE).stat().st_size
    assert size == len(json.dumps(recorded, separators=(",", ":"))) + 1, "compact"


def test_measuring_again_is_within_the_card(
    family: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", "toy-n1", "toy-n3", "--data", str(data), "--groupings", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed == markdown_table() + "\n"
    command = ["evaluate", "--checkpoint", "toy-n3", "--data", str(data), "--groupings", "2"]
    assert main(command) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  card")]
    assert len(lines) == 4, "accuracy, macro F1, Matthews, read-back"
    assert all("within its interval" in line or "no interval" in line for line in lines)
    assert main([*command, "--copies", "2"]) == 0
    printed = capsys.readouterr().out
    assert "passes           8 per grouping" in printed
    assert "  card" not in printed, "the card says nothing about copies"


def test_a_number_outside_the_interval_is_called_that(family: Path, data: Path) -> None:
    checkpoint = load("toy-n3")
    result = evaluate(checkpoint, read_data(data, checkpoint), name=DEV, groupings=1)
    number = {"mean": 2.0, "std": 0.0, "low": 1.9, "high": 2.1}
    card = {"measured": {"dev": {"data": f"more/{DEV}", "metrics": {"accuracy": number}}}}
    (line,) = compare_with_card(result, card)
    assert line.endswith("card 2.0000: OUTSIDE its interval (1.9000 to 2.1000)")
    assert compare_with_card(result, {"measured": {"dev": {"data": "other/dev.tsv"}}}) == []
    old = {"measured": {"dev": {"data": DEV, "accuracy": {"mean": 0.5, "std": 0.1}}}}
    assert compare_with_card(result, old)[0].endswith("card 0.5000 (no interval)")


def test_the_table_has_a_drop_against_the_baseline(family: Path) -> None:
    def measured(metric: str, mean: float, num: int) -> dict[str, Any]:
        numbers = {"mean": mean, "std": 0.01}
        return {
            "dev": {
                "data": "ud_ewt/dev.jsonl.gz",
                "primary": metric,
                "metrics": {metric: numbers},
                "retrieval_accuracy": {"value": 0.98} if num > 1 else None,
                "provenance": {"num_instances": num},
            }
        }

    for name, mean, num in (("toy-n1", 0.95, 1), ("toy-n3", 0.905, 3)):
        path = family / name / "card.json"
        path.write_text(json.dumps({**read(path), "measured": measured("accuracy", mean, num)}))
    rows = markdown_table().splitlines()
    assert rows[2] == "| toy-n1 | 1 | ud_ewt, accuracy | 0.950 ± 0.010 | – | n/a | n/a |"
    assert rows[3] == "| toy-n3 | 3 | ud_ewt, accuracy | 0.905 ± 0.010 | 4.5 | 0.980 | n/a |"
    path = family / "toy-n1" / "card.json"
    path.write_text(json.dumps({**read(path), "measured": measured("entity_f1", 0.95, 1)}))
    assert markdown_table().splitlines()[3].split(" | ")[4] == "–", "another metric"


def test_a_folder_without_a_recipe_gets_no_card(data: Path) -> None:
    with pytest.raises(DataError, match="has no card with a recipe; export a training run"):
        write_card(shared_checkpoint(), data)


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_cards_are_what_was_recorded(name: str) -> None:
    folder = bundled_folder(name)
    assert folder is not None
    recorded, card = read_evaluation(folder), read(folder / "card.json")
    assert recorded is not None, f"no recorded evaluation beside {name}; run muxviz card"
    parts = {part: summary(recorded[part]) for part in recorded if part != "format"}
    assert card["measured"] == parts
    assert recorded["dev"]["data"] == card["recipe"]["task_dev"]
    for part in parts.values():
        assert part["provenance"]["fingerprint"] == load(name, device="cpu").fingerprint
