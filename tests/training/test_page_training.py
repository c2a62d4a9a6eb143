"""The Training page under AppTest: runs, links, states, and starting and stopping processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from muxviz import files
from muxviz.errors import ConfigError, TrainingError
from muxviz.results.training import RunSummary
from muxviz.training.run_folder import read_curves, read_summary
from muxviz.ui.shell import session
from muxviz.ui.shell.text import JOINER
from muxviz.ui.training import control as training_control
from muxviz.ui.training.command import ROOT, TrainCommand, check, from_words, recipes, shown
from muxviz.ui.training.form import DATA, NAME, OFFER, PROBLEM, RECIPE, START, STEPS
from muxviz.ui.training.runs import FOLDER
from muxviz.ui.training.samples import STEP, marked
from muxviz.ui.training.view import amount, duration
from tests.pages import checked, linked, open_tab, titles
from tests.run_folders import NOBODY, row, sample, write_run
from tests.tiny import tiny_config, write_tiny_folder

Open = Callable[..., AppTest]
ALONE = "configs/sst2-teacher.toml"  # a recipe that imitates no teacher
# A child that says what it was given, then waits to be ended; it outlives the process that made it.
SAYS = "import signal, sys; print(' '.join(sys.argv[1:]), flush=True); signal.pause()"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs, and one checkpoint without curves."""
    monkeypatch.setenv("MUXVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path / "bundled"))
    monkeypatch.delenv("MUXVIZ_DATA", raising=False)
    monkeypatch.delenv("MUXVIZ_DEMO", raising=False)
    write_tiny_folder(tmp_path / "bundled" / "tiny-n3", tiny_config(num_instances=3))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def open_page(root: Path) -> Open:
    def opened(**parameters: Any) -> AppTest:
        return checked(linked(parameters).run().switch_page("pages/training.py").run())

    return opened


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Numbers of processes that a test started; ended and waited for afterwards."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        try:
            process = psutil.Process(pid)
            process.kill()
            process.wait()
        except psutil.NoSuchProcess:
            continue
    training_control.reap()


def seen(at: AppTest) -> str:
    """All words on the page, as they are read."""
    kinds = ("title", "header", "markdown", "caption", "code", "error", "info", "warning")
    found = [str(element.value) for kind in kinds for element in at.get(kind)]
    found += [str(m.label) + " " + str(m.value) for m in at.metric]
    return "\n".join(found).replace(JOINER, "").replace("\\", "")


def press(at: AppTest, label: str) -> AppTest:
    (button,) = [b for b in at.button if b.label == label]
    return checked(button.click().run())


def labels(at: AppTest) -> list[str]:
    return [b.label for b in at.button]


# ---- choosing and comparing ---------------------------------------------------------------------


TABS = "training_more"


def test_nothing_yet_says_how_to_begin(open_page: Open, root: Path) -> None:
    text = seen(open_page())
    assert "No run yet" in text
    assert "muxviz train configs/" in text
    assert f"--out {root / 'first-run'}" in text


def test_a_finished_run_has_all_its_panels(open_page: Open, root: Path) -> None:
    write_run(root / "a")
    at = open_page()
    text = seen(at)
    for tab, words in (("Losses", "Retrieval loss went from"), ("Speed", "a second")):
        (title,) = titles(open_tab(at, TABS, tab))
        assert words in title
    text += seen(open_tab(at, TABS, "Samples"))
    for words in ("finished", "step 3,000 of 3,000", "98 %", "seed 17", "5.04 M", "it never"):
        assert words in text, words
    assert "Stop" not in labels(at)
    assert "Resume" not in labels(at)


def test_what_did_not_change_is_not_read_again(
    open_page: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Curves and samples; the small files that say whether a run lives are looked at each time."""
    folder = write_run(root / "a", last=100)
    at, reads, open_bytes = open_page(), list[str](), files.open_bytes

    def opened(path: Path | str, **given: Any) -> Any:
        reads.append(Path(path).name)
        return open_bytes(path, **given)

    monkeypatch.setattr(files, "open_bytes", opened)
    first = titles(checked(at.run()))
    lines = reads.count("metrics.jsonl"), reads.count("samples.jsonl")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row(150)) + "\n")
    reads.clear()
    assert titles(checked(at.run())) != first
    more = reads.count("metrics.jsonl"), reads.count("samples.jsonl")
    assert (lines, more) == ((0, 0), (1, 0))  # samples when their tab is opened
    open_tab(at, TABS, "Samples")
    assert (reads.count("metrics.jsonl"), reads.count("samples.jsonl")) == (1, 1)
    open_tab(at, TABS, "Samples")
    assert (reads.count("metrics.jsonl"), reads.count("samples.jsonl")) == (1, 1)


def test_comparing_by_link(open_page: Open, root: Path) -> None:
    for name in ("a", "b", "c"):
        write_run(root / name, last=500)
    at = open_page(run="b", compare=["a", "c", "gone"], t_y="linear")
    assert not at.session_state[session.IGNORED]
    assert at.selectbox(key=session.RUN).value == "b"
    assert at.multiselect(key=session.COMPARE).value == ["a", "c"]
    assert titles(open_tab(at, TABS, "Losses"))[0].count(" in ") == 3
    assert at.session_state[session.LOSS_AXIS] == "linear"
    at.selectbox(key=session.RUN).select("a").run()
    assert checked(at).multiselect(key=session.COMPARE).value == ["c"]


@pytest.mark.parametrize("name", ["../../etc", "<b>x</b>", "", "x" * 300])
def test_a_link_to_no_run_shows_another(open_page: Open, root: Path, name: str) -> None:
    write_run(root / "a", last=100)
    at = open_page(run=name)
    assert at.selectbox(key=session.RUN).value == "a"
    assert name in ("", "x" * 300) or "is not here" in seen(at)


def test_half_written_and_missing_files(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", last=100)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 150, "loss')
    (folder / "run.json").write_text("{")
    (folder / "samples.jsonl").unlink()
    (folder / "progress.json").unlink()
    at = open_page()
    text = seen(at)
    assert "recorded, not live" in text
    assert "2 rows to step 100" in text
    assert "were not kept" in seen(open_tab(at, TABS, "Samples"))
    (folder / "metrics.jsonl").write_text("")
    assert "No row yet" in seen(open_page())
    (folder / "metrics.jsonl").write_text('{"step": 1}\n')
    assert "hold no losses" in seen(open_tab(open_page(), TABS, "Losses"))


def test_n1_says_why_nothing_is_read_back(open_page: Open, root: Path) -> None:
    write_run(root / "a", num=1)
    at = open_page()
    assert titles(at) == []
    assert "N = 1 has no neighbours" in seen(open_tab(at, TABS, "Samples"))
    assert len(titles(open_tab(at, TABS, "Speed"))) == 1


def test_a_folder_whose_name_is_not_utf8_does_not_end_the_page(open_page: Open, root: Path) -> None:
    write_run(root / "a", last=100)
    write_run(root / os.fsdecode(b"bad\xff"), last=100)
    assert set(open_page().selectbox(key=session.RUN).options) == {"a", "bad\\xff"}


def test_a_recorded_run_of_a_checkpoint(open_page: Open, root: Path) -> None:
    write_run(root.parent / "bundled" / "tiny-n3", num=3, state=None)
    at = open_page()
    assert at.selectbox(key=session.RUN).value == "recorded with tiny-n3"
    assert "recorded, not live" in seen(at)
    assert "No run yet" not in seen(at)


def test_another_folder(open_page: Open, root: Path, tmp_path: Path) -> None:
    write_run(root / "a", last=100)
    write_run(tmp_path / "others" / "b", last=100)
    at = open_page()
    at.text_input(key=FOLDER).set_value(str(tmp_path / "others"))
    assert checked(at.run()).selectbox(key=session.RUN).value == "b"
    at.text_input(key=FOLDER).set_value(str(tmp_path / "others" / "b"))
    assert checked(at.run()).selectbox(key=session.RUN).options == ["b"]
    at.text_input(key=FOLDER).set_value(str(tmp_path / "none"))
    assert "That folder is not there" in seen(checked(at.run()))


def test_samples_follow_the_newest_until_one_is_chosen(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", num=3)

    def saved(at: AppTest, step: int) -> AppTest:
        with (folder / "samples.jsonl").open("a") as file:
            file.write(json.dumps(sample(step, 3)) + "\n")
        return checked(at.run())

    at = open_tab(open_page(), TABS, "Samples")
    assert at.select_slider(key=STEP).value == 3000
    assert saved(at, 3500).select_slider(key=STEP).value == 3500
    at.select_slider(key=STEP).set_value(500).run()
    assert "6 of 11 tokens came back at step 500" in seen(checked(at))
    assert saved(at, 4000).select_slider(key=STEP).value == 500


def test_differing_words_are_marked_and_text_stays_text() -> None:
    own, back = marked("it never <b>ends</b> here", "it never begins here")
    assert own.count("-background") == back.count("-background") == 1
    assert ":red-background[**begins**]" in back
    assert "<b>" not in own
    assert marked("a b", "a b") == ("a b", "a b")
    assert marked("", "x")[0] == ""
    assert ":red[" not in marked("x :red[y]", "x")[0].replace(JOINER, "")


# ---- states -------------------------------------------------------------------------------------


def test_a_killed_run_says_how_to_resume(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", last=500, state="running", pid=NOBODY)
    (folder / "state.pt").touch()
    (folder / "log.txt").write_text("last words\n")
    at = open_page()
    text = seen(at)
    assert "Interrupted:" in text
    assert f"muxviz train configs/sst2-n5.toml --data /d --out {folder} --resume" in text
    assert "last words" in text
    press(at, "Resume")
    assert "the data folder /d is not there" in str(at.session_state[PROBLEM])


def test_a_failed_run_shows_what_it_printed(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", last=0, state="failed", message="loss is <b>nan</b>")
    (folder / "log.txt").write_text("muxviz: no such data\n")
    text = seen(open_page())
    assert "loss is <b>nan</b>" in text
    assert "muxviz: no such data" in text
    assert "ended before its first row" in text


def test_an_unknown_command_is_shown_but_not_run(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", last=100, state="stopped")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"command": ["rm", "-r", "/"]}))
    at = open_page()
    assert "rm -r / --resume" in seen(at)
    assert "Resume" not in labels(at)
    assert "Start again" not in labels(at)


def test_a_live_run_is_stopped_through_its_folder(open_page: Open, root: Path) -> None:
    folder = write_run(root / "a", last=500, state="running")
    at = open_page()
    assert "live" in seen(at)
    assert "Time left" in seen(at)
    press(at, "Stop")
    assert (folder / "stop").exists()
    assert "stopping" in seen(at)
    assert [b.disabled for b in at.button if b.label == "Stop"] == [True]


def test_stopping_what_does_not_run(root: Path) -> None:
    with pytest.raises(TrainingError, match="nothing runs"):
        training_control.stop(write_run(root / "a", last=100))


# ---- starting -----------------------------------------------------------------------------------


def fill(at: AppTest, **fields: Any) -> AppTest:
    for key, value in fields.items():
        at.session_state[key] = value
    return press(at, "Start")


def good_fields(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "data").mkdir(exist_ok=True)
    return {
        RECIPE: ALONE,
        DATA: str(tmp_path / "data"),
        START: str(tmp_path / "data"),
        NAME: "mine",
        STEPS: 3,
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({NAME: ""}, "cannot be a folder here"),
        ({NAME: "../up"}, "cannot be a folder here"),
        ({NAME: ".hidden"}, "cannot be a folder here"),
        ({NAME: "a b"}, "cannot be a folder here"),
        ({DATA: ""}, "no data folder is given"),
        ({DATA: "/no/such"}, "the data folder /no/such is not there"),
        ({START: "/no/such"}, "the start folder /no/such is not there"),
    ],
)
def test_bad_fields_start_nothing(
    open_page: Open, root: Path, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    at = fill(open_page(), **(good_fields(tmp_path) | changes))
    assert problem in seen(at)
    assert "Not started" in seen(at)
    assert list(root.iterdir()) == []


def test_a_start_spawns_the_command_and_shows_the_run(
    open_page: Open,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[int],
) -> None:
    launch = training_control.launch

    def fake(folder: Path, words: list[str]) -> None:
        started.append(launch(folder, words, program=(sys.executable, "-c", SAYS)))

    monkeypatch.setattr(training_control, "launch", fake)
    at = fill(open_page(), **good_fields(tmp_path))
    assert at.selectbox(key=session.RUN).value == "mine"
    assert "starting" in seen(at)
    words = json.loads((root / "mine" / "launch.json").read_text())["command"]
    data = str(tmp_path / "data")
    assert words == [
        "muxviz",
        "train",
        ALONE,
        "--data",
        data,
        "--out",
        str(root / "mine"),
    ] + [
        "--start",
        data,
        "--steps",
        "3",
    ]
    press(at, "Stop")
    psutil.Process(started[0]).wait() if psutil.pid_exists(started[0]) else None
    assert "stopped before its first step" in seen(checked(at.run()))


def test_an_existing_run_offers_to_resume(open_page: Open, root: Path, tmp_path: Path) -> None:
    write_run(root / "mine", last=100)
    at = fill(open_page(), **good_fields(tmp_path))
    assert "already holds a run" in seen(at)
    assert at.session_state[OFFER].resume
    assert "Resume it" in labels(at)


def test_a_run_survives_the_process_that_started_it(
    root: Path, tmp_path: Path, started: list[int]
) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom muxviz.ui.training.control import launch\n"
        f"print(launch(Path({str(root / 'a')!r}), ['train', 'x'], "
        f"program=(sys.executable, '-c', {SAYS!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    pid = int(done.stdout.split()[-1])
    started.append(pid)
    assert read_summary(root / "a").state == "starting"
    assert os.getsid(pid) == pid
    with pytest.raises(TrainingError, match="a run is going on"):
        training_control.launch(root / "a", ["train"])
    os.kill(pid, signal.SIGKILL)


def test_a_command_that_fails_at_once_leaves_its_words(root: Path) -> None:
    folder = root / "a"
    program = (sys.executable, "-c", "import sys; sys.exit('no such data')")
    pid = training_control.launch(folder, ["train", "x"], program=program)
    psutil.Process(pid).wait() if psutil.pid_exists(pid) else None
    training_control.reap()
    summary = read_summary(folder)
    assert (summary.state, summary.is_alive) == ("failed", False)
    assert "no such data" in (folder / "log.txt").read_text()
    assert (folder / "log.txt").read_text().startswith("$ muxviz train x\n")


def test_the_command_line_says_why_a_start_failed(root: Path, tmp_path: Path) -> None:
    """The real command, with an argument that it refuses before any work."""
    pid = training_control.launch(root / "a", ["train", str(tmp_path / "none.toml")])
    psutil.Process(pid).wait() if psutil.pid_exists(pid) else None
    training_control.reap()
    assert "muxviz" in (root / "a" / "log.txt").read_text()
    assert read_summary(root / "a").state == "failed"


# ---- commands -----------------------------------------------------------------------------------


def test_commands_come_back_from_their_words() -> None:
    command = TrainCommand("c.toml", "d", "o", "s", "t", steps=5, threads=2, resume=True)
    assert from_words(["python", "-m", "muxviz", *command.words]) == command
    assert from_words(["x", "train", "--data=d", "c.toml", "--out=o"]) == TrainCommand(
        "c.toml", "d", "o"
    )
    assert command.resumed().steps == 0
    assert "--resume" in command.text


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["muxviz", "export"],
        ["train"],
        ["train", "c.toml", "--data", "d"],
        ["train", "c.toml", "--data", "d", "--out"],
        ["train", "c.toml", "--data", "d", "--out", "o", "--steps", "many"],
        ["train", "c.toml", "more", "--data", "d", "--out", "o"],
        ["train", "c.toml", "--data", "d", "--out", "o", "--exec=rm"],
    ],
)
def test_other_words_are_no_command(words: list[str]) -> None:
    assert from_words(words) is None


def test_a_recipe_is_read_before_a_start(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no recipe is chosen"):
        check(TrainCommand("", str(tmp_path), str(tmp_path / "out")))
    with pytest.raises(ConfigError, match="no such file; expected a recipe"):
        check(TrainCommand("/no/such.toml", str(tmp_path), str(tmp_path / "out")))
    recipe = tmp_path / "bad.toml"
    recipe.write_text("surprise = 1\n[[stages]]\n")
    with pytest.raises(ConfigError):
        check(TrainCommand(str(recipe), str(tmp_path), str(tmp_path / "out")))


def test_recipes_have_stages() -> None:
    assert "configs/packed/sst2-n2.toml" in recipes()
    assert not any("notes" in name for name in recipes())
    assert shown(ROOT / "runs" / "a") == "runs/a"


def test_words_for_times_and_amounts() -> None:
    assert [duration(s) for s in (5, 600, 11100, float("nan"))] == [
        "5 s",
        "10 min",
        "3 h 5 min",
    ] + ["n/a"]
    assert [amount(n) for n in (840, 240000, 5.04e6, 2e9, float("nan"))] == [
        "840",
        "240,000",
        "5.04 M",
        "2.00 bn",
        "n/a",
    ]
    assert not RunSummary("a", "b", "finished").is_alive


# ---- demonstration, and what is imported --------------------------------------------------------


def test_a_demonstration_shows_recorded_runs_only(
    open_page: Open, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(root / "private", last=100)
    monkeypatch.setenv("MUXVIZ_DEMO", "1")
    at = open_page(run="private")
    assert "No recorded run" in seen(at)
    assert "demonstration" in seen(at)
    assert "Start" not in labels(at)
    write_run(root.parent / "bundled" / "tiny-n3", num=3, state=None)
    at = open_page(run="private")
    assert at.selectbox(key=session.RUN).options == ["recorded with tiny-n3"]
    assert str(root.parent) not in seen(at)
    for call in (
        lambda: training_control.launch(root / "x", []),
        lambda: training_control.stop(root / "private"),
        lambda: training_control.start(TrainCommand("c", "d", "o")),
    ):
        with pytest.raises(TrainingError, match="demonstration"):
            call()


def test_the_page_imports_no_torch(root: Path) -> None:
    write_run(root / "a", last=500)
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.switch_page('pages/training.py').run()\n"
        "assert not at.exception and len(at.get('plotly_chart')) == 2, at.exception\n"
        "print('heavy:', sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert "heavy: []" in done.stdout, done.stdout + done.stderr


def test_pasted_python_draws_the_panel(root: Path) -> None:
    from muxviz.figures.training.losses import LOSSES
    from muxviz.figures.training.slots import SLOT_ACCURACY
    from muxviz.ui.training.curves import Source

    folder = str(write_run(root / "a", last=500))
    runs = [read_curves(Path(folder))]
    for name, picture in (
        ("loss_figure", LOSSES(log=False)),
        ("slot_accuracy_figure", SLOT_ACCURACY(slot=1)),
    ):
        drawn = picture.draw(runs, named="runs")
        code = Source((folder,), "").known(runs).python(drawn.imports, drawn.lines)
        shown_figures: list[Any] = []
        scope: dict[str, Any] = {"print": shown_figures.append}
        exec(code.replace(".show()", "").replace(f"\n{name}(", f"\nfig = {name}("), scope)
        assert scope["fig"].data
