"""The Models page under AppTest: every panel state shows its fact, and nothing loads by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.loading.known import PUBLISHED_IDS
from muxviz.loading.load import count_parameters
from muxviz.registry import ModelKey
from muxviz.ui.models.actions import OUTCOME
from muxviz.ui.models.card import flatten
from muxviz.ui.models.choice import HUB, PATH, PICK, PUBLISHED, SEARCH, SOURCE
from muxviz.ui.models.files import describe_folder, dev_accuracy
from muxviz.ui.shell import session
from muxviz.ui.shell.text import JOINER
from muxviz.ui.study.runs import registry
from tests.pages import ROOT, checked, linked
from tests.tiny import tiny_config, write_tiny_folder

FOLDER = "My folder"
CARD: dict[str, Any] = {
    "licence": "Apache-2.0",
    "limits": "made <b>only</b> for tests",
    "recipe": {"seed": 17, "stages": [{"name": "priming", "steps": 5}], "accuracy": 0.5},
    "measured": {
        "dev": {
            "data": "dev.tsv",
            "rows": 872,
            "accuracy": {"mean": 0.835, "std": 0.004},
            "retrieval_accuracy": {"value": 0.71, "low": 0.7, "high": 0.72},
        }
    },
}
Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints: two good ones, one of them with a card; read only."""
    root = tmp_path_factory.mktemp("bundled")
    write_tiny_folder(root / "tiny-n2", tiny_config(num_instances=2), card=CARD)
    write_tiny_folder(root / "tiny-n3", tiny_config(num_instances=3))
    return root


@pytest.fixture
def open_page(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens the page on a folder of checkpoints, with nothing loaded and an empty hub cache."""
    registry.clear()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def opened(folder: Path = bundled, **parameters: str) -> AppTest:
        monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))
        return checked(linked(parameters).run().switch_page("pages/models.py").run())

    return opened


def shown(at: AppTest) -> str:
    """Everything that is written on the page, as it is read."""
    kinds = ("title", "header", "markdown", "caption", "success", "error", "info", "warning")
    found = [element.value for kind in kinds for element in getattr(at, kind)]
    found += [element.proto.text for element in at.get("progress")]
    return "\n".join(found).replace(JOINER, "").replace("\\", "")


def press(at: AppTest, label: str) -> AppTest:
    """Press the button that bears ``label`` (the last one, in the form, where there are two)."""
    plain = [b for b in at.button if b.label.replace(JOINER, "").replace("\\", "") == label]
    return checked(plain[-1].click().run())


def choose(at: AppTest, source: str) -> AppTest:
    at.session_state[SOURCE] = source
    return checked(at.run())


def check_folder(at: AppTest, path: str, action: str = "Pre-flight") -> AppTest:
    choose(at, FOLDER)
    at.text_input(key=PATH).set_value(path)
    return press(at, action)


def table(at: AppTest) -> dict[str, dict[str, Any]]:
    """The table of checkpoints, by name."""
    frame = at.dataframe[0].value
    return {row["Checkpoint"]: row for row in frame.to_dict("records")}


# ---- what is here -----------------------------------------------------------------------------


def test_bundled_checkpoints_are_listed(open_page: Open) -> None:
    at = open_page()
    assert "2 checkpoints are here; none is loaded." in shown(at)
    rows = table(at)
    assert list(rows) == ["tiny-n2", "tiny-n3"]
    assert (rows["tiny-n2"]["N"], rows["tiny-n2"]["State"]) == (2, "on disk")
    assert rows["tiny-n2"]["Task"] == "sequence classification"
    assert rows["tiny-n2"]["Multiplexer"] == "gaussian hadamard"
    assert rows["tiny-n2"]["Dev accuracy"] == pytest.approx(83.5)
    assert "No model is loaded" in shown(at)
    assert registry().loaded() == ()


def test_card_of_the_picked_checkpoint(open_page: Open) -> None:
    at = open_page()
    at.selectbox(key=PICK).set_value("tiny-n2")
    checked(at.run())
    assert "Card of tiny-n2" in shown(at)
    assert "**Licence:** Apache-2.0" in shown(at)
    assert "made <b>only</b> for tests" in shown(at), "shown as text"
    measured = at.dataframe[1].value.iloc[0]
    assert (measured["Metric"], measured["Score"]) == ("accuracy", "83.5% ± 0.4%")
    assert measured["Read back"] == "71.0% (70.0% to 72.0%)"
    at.selectbox(key=PICK).set_value("tiny-n3")
    checked(at.run())
    assert "Not applicable: this checkpoint has no `card.json`" in shown(at)


def test_empty_folder(open_page: Open, tmp_path: Path) -> None:
    at = open_page(tmp_path)
    assert "0 checkpoints are here" in shown(at)
    assert "No checkpoint is bundled here" in shown(at)
    assert not at.dataframe
    assert "Pre-flight" not in [b.label for b in at.button]


def test_folder_that_is_not_there(open_page: Open, tmp_path: Path) -> None:
    at = open_page(tmp_path / "nowhere")
    assert "No checkpoint is bundled here" in shown(at)


def test_broken_bundled_folder_is_named(open_page: Open, tmp_path: Path) -> None:
    write_tiny_folder(tmp_path / "good-n3")
    cut = write_tiny_folder(tmp_path / "cut-n3") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text("[1, 2")
    at = open_page(tmp_path)
    assert "Not usable as it is: cut-n3 (weights are truncated) and odd (config.json" in shown(at)
    assert {name: row["State"] for name, row in table(at).items()} == {
        "cut-n3": "broken",
        "good-n3": "on disk",
        "odd": "broken",
    }


def test_names_are_text(open_page: Open, tmp_path: Path) -> None:
    write_tiny_folder(tmp_path / "**bold**<b>:smile:")
    at = press(open_page(tmp_path), "Load")
    assert "**bold**<b>:smile: is loaded on cpu" in shown(at)
    assert all("**bold**" not in m.value for m in at.success), "escaped"


# ---- pre-flight -------------------------------------------------------------------------------


def test_preflight_of_a_good_checkpoint(open_page: Open) -> None:
    at = open_page()
    assert "A pre-flight says" in shown(at)
    at.selectbox(key=PICK).set_value("tiny-n2")
    press(at, "Pre-flight")
    assert "Pre-flight of tiny-n2" in shown(at)
    assert "This checkpoint is usable" in shown(at)
    assert "every tensor has its place" in shown(at)
    number = count_parameters(tiny_config(num_instances=2))
    assert f"{number:,} parameters" in shown(at)
    assert "**Padding not masked.**" in shown(at)
    values = dict(at.dataframe[1].value.itertuples(index=False))
    assert (values["multiplexer"], values["instances"]) == ("gaussian_hadamard", "2")
    assert registry().loaded() == (), "nothing stays loaded"
    press(at, "Load")
    assert "tiny-n2 is loaded on cpu" in shown(at)
    assert "This checkpoint is usable" in shown(at), "the report stays"
    at.selectbox(key=PICK).set_value("tiny-n3")
    press(at, "Load")
    assert "This checkpoint is usable" not in shown(at), "it was another checkpoint's"


def test_preflight_of_a_broken_folder(open_page: Open, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    at = check_folder(open_page(), str(folder))
    assert "The files cannot be read safely." in shown(at)
    assert "model.safetensors is truncated" in shown(at)
    assert "**What to do:**" in shown(at)
    assert "Stopped at: weights · E-READ" in shown(at)


def test_preflight_tells_of_changed_files(open_page: Open, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "mine", seed=1)
    at = check_folder(open_page(), str(folder))
    assert "The files have changed since" not in shown(at)
    write_tiny_folder(folder, seed=2)
    assert "The files have changed since" in shown(checked(at.run()))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "nothing is named"),
        ("/no/such/folder", "no checkpoint named"),
        ("x" * 5000, "a name of"),
        ("~nobody-by-this-name/x", "cannot be a folder"),
        ("princeton-nlp/muxbert_base_mnli", "no checkpoint named"),
    ],
)
def test_bad_paths(open_page: Open, path: str, words: str) -> None:
    at = check_folder(open_page(), path)
    assert words in shown(at)
    assert "**What to do:**" in shown(at)


# ---- load and unload --------------------------------------------------------------------------


def test_load_and_unload(open_page: Open) -> None:
    at = open_page()
    at.selectbox(key=PICK).set_value("tiny-n3")
    press(at, "Load")
    assert "tiny-n3 is loaded on cpu in float32." in shown(at)
    assert table(at)["tiny-n3"]["State"] == "loaded"
    (held,) = registry().loaded()
    assert f"weights {held.fingerprint}" in shown(at)
    assert "Main memory: models hold" in shown(at)
    press(at, "Unload")
    assert "tiny-n3 is unloaded." in shown(at)
    assert table(at)["tiny-n3"]["State"] == "on disk"
    assert registry().loaded() == ()


def test_offer_loads_the_choice_of_the_sidebar(open_page: Open) -> None:
    at = open_page(m="tiny-n2")
    assert "tiny-n2, the choice on the sidebar, is not loaded yet." in shown(at)
    checked(at.button(key="i_load_chosen").click().run())
    assert [m.num_instances for m in registry().loaded()] == [2]
    assert "the choice on the sidebar" not in shown(at)


def test_other_precision(open_page: Open) -> None:
    at = open_page()
    at.selectbox(key="i_compute").set_value("cpu-bfloat16")
    press(at, "Load")
    assert "in bfloat16." in shown(at)
    assert registry().loaded()[0].dtype == "bfloat16"


def test_own_folder_can_be_used_on_every_page(open_page: Open, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "mine", tiny_config(num_instances=4))
    at = check_folder(open_page(), str(folder), "Load")
    assert "mine is loaded" in shown(at)
    assert table(at)["mine"]["N"] == 4
    press(at, "Use it on every page")
    assert at.selectbox(key=session.CHECKPOINT).value == str(folder)
    assert "Use it on every page" not in [b.label for b in at.button]


def test_loading_a_folder_that_does_not_fit_is_a_message(open_page: Open, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "mine")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 24', '"hidden_size": 32'))
    at = check_folder(open_page(), str(folder), "Load")
    assert "config.json says hidden_size 32, the weights have 24" in shown(at)
    assert registry().loaded() == ()


def test_unloading_a_model_in_use_is_refused(open_page: Open) -> None:
    at = press(open_page(), "Load")
    key = registry().loaded()[0].key
    with registry().use(key):
        checked(at.run())
        (button,) = [b for b in at.button if b.label == "Unload"]
        assert button.disabled
        assert "in use" in shown(at)


# ---- the hub ----------------------------------------------------------------------------------


def test_hub_offline_with_an_empty_cache(open_page: Open) -> None:
    at = choose(open_page(), PUBLISHED)
    assert "no checkpoint is in the local cache" in shown(at)
    assert at.selectbox(key=HUB).options == []
    press(at, "Load")
    assert "nothing is named" in shown(at)


def test_hub_search_finds_published_ids(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    at = choose(open_page(), PUBLISHED)
    at.text_input(key=SEARCH).set_value("muxbert sst2 5")
    checked(at.run())
    name = "princeton-nlp/muxbert_base_sst2_gaussian_hadamard_index_pos_5"
    assert at.selectbox(key=HUB).options == [name]
    assert at.selectbox(key=HUB).value == name
    assert "1 id found" in shown(at)
    at.text_input(key=SEARCH).set_value("no such words")
    checked(at.run())
    assert at.selectbox(key=HUB).value is None
    at.text_input(key=SEARCH).set_value("")
    assert len(checked(at.run()).selectbox(key=HUB).options) == len(PUBLISHED_IDS)


def test_link_to_a_published_id_offers_and_fetches_nothing(open_page: Open) -> None:
    name = "princeton-nlp/muxbert_base_gaussian_hadamard_index_pos_2"
    at = open_page(m=name)
    assert f"The link asks for **{name}**, which is not open." in shown(at)
    assert OUTCOME not in at.session_state
    press(at, "Put it into the form")
    assert at.selectbox(key=HUB).value == name
    assert "The link asks for" not in shown(at)
    press(at, "Load")
    assert "The model hub did not give this checkpoint." in shown(at)
    assert "HF_HUB_OFFLINE is set" in shown(at)


def test_link_to_a_path_offers_nothing(open_page: Open) -> None:
    at = open_page(m="/etc")
    assert "The link asks for" not in shown(at)


# ---- demonstration ----------------------------------------------------------------------------


def test_demonstration_is_read_only(
    open_page: Open, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXVIZ_DEMO", "1")
    at = open_page()
    assert "folders and the hub are closed" in shown(at)
    assert SOURCE not in at.session_state
    press(at, "Load")
    assert "is loaded on cpu" in shown(at)
    (button,) = [b for b in at.button if b.label == "Unload"]
    assert button.disabled


def test_demonstration_refuses_forged_requests(
    open_page: Open, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from muxviz.errors import MuxvizError
    from muxviz.ui.models.actions import Request, refuse

    open_page()
    monkeypatch.setenv("MUXVIZ_DEMO", "1")
    refuse(Request("load", "tiny-n2", "auto"))
    with pytest.raises(MuxvizError, match="not one of the bundled"):
        refuse(Request("load", str(bundled / "tiny-n2"), "auto"))


# ---- files, without torch ---------------------------------------------------------------------


@pytest.mark.parametrize("aliases", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"plain": True},
        {"plain": True, "task": "masked_lm"},
        {"backbone": "electra", "embedding_size": 16},
        {"demultiplexer": "index_prefix", "task": "masked_lm"},
        {"multiplexer": "contextual", "task": "token_classification"},
        {"backbone": "electra", "task": "replaced_token_detection"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())) or "mux-bert",
)
def test_parameters_agree_with_the_model(
    tmp_path: Path, changes: dict[str, Any], aliases: bool
) -> None:
    config = tiny_config(**changes)
    facts = describe_folder("x", write_tiny_folder(tmp_path / "x", config, aliases=aliases))
    assert facts.parameters == count_parameters(config)
    assert facts.num_instances == config.num_instances
    assert facts.backbone == config.backbone
    assert facts.task == config.task.replace("_", " ")


def test_torch_files_have_no_known_parameters(tmp_path: Path) -> None:
    facts = describe_folder("x", write_tiny_folder(tmp_path / "x", weights="bin"))
    assert (facts.parameters, facts.problem, facts.num_instances) == (None, "", 3)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (
            "config.json",
            b"{",
            "config.json is not JSON (Expecting property name enclosed in double quotes)",
        ),
        ("config.json", b"[]", "config.json holds a list"),
        ("model.safetensors", b"", "weights are damaged"),
        ("model.safetensors", b"\xff" * 64, "weights are damaged"),
        ("model.safetensors", b"\x02" + b"\0" * 7 + b"[]", "weights are damaged"),
        ("model.safetensors", b"\x02" + b"\0" * 7 + b"{}more", "weights are truncated"),
    ],
)
def test_damaged_files_are_a_problem(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    folder = write_tiny_folder(tmp_path / "x")
    (folder / name).write_bytes(content)
    assert describe_folder("x", folder).problem == problem


def test_odd_fields_are_not_believed(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "x", weights="bin")
    (folder / "config.json").write_text(
        '{"architectures": {"a": 1}, "num_instances": "many", "muxing_variant": ["x"]}'
    )
    facts = describe_folder("x", folder)
    assert (facts.task, facts.multiplexer, facts.num_instances) == ("", "none (plain)", 1)


@pytest.mark.parametrize(
    ("card", "accuracy"),
    [
        ({}, None),
        ({"accuracy": 0.9}, 0.9),
        ({"recipe": {"accuracy": 0.9}}, None),
        ({"measured": {"dev": {"accuracy": {"mean": 0.8}}}}, 0.8),
        ({"accuracy": "high"}, None),
        ({"accuracy": float("nan")}, None),
        ({"accuracy": True}, None),
    ],
)
def test_dev_accuracy(card: dict[str, Any], accuracy: float | None) -> None:
    assert dev_accuracy(card) == accuracy


def test_card_is_flattened() -> None:
    value = {"a": {"b": 0.123456789, "c": [1, 2]}, "d": [{"e": True}], "f": None, "g": [0] * 20}
    assert flatten(value) == [
        ("a.b", "0.123457"),
        ("a.c", "1, 2"),
        ("d 1.e", "yes"),
        ("f", "–"),
        ("g", "20 values"),
    ]
    assert flatten(None) == []


def test_opening_the_page_imports_no_torch(bundled: Path) -> None:
    code = f"""
import os, sys
os.environ["MUXVIZ_CHECKPOINTS"] = {str(bundled)!r}
from streamlit.testing.v1 import AppTest
at = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=60).run()
at.switch_page("pages/models.py").run()
assert not at.exception and "Models" in [t.value for t in at.title]
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


def test_request_names_the_model() -> None:
    from muxviz.ui.models.actions import Request

    assert Request("load", "x", "cpu-bfloat16", "main").key == ModelKey(
        "x", "cpu", "bfloat16", "main"
    )
    assert Request("load", "x", "auto").key == ModelKey("x", "auto", "auto")
