"""The lesson without a page: its steps from the packaged results, its questions, its HTML file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz import recorded
from muxviz.bench.lessons import Models, Plan, lost_tokens, mixing, rounded, rows_of, spread
from muxviz.bench.lessons import lessons as run_lessons
from muxviz.cli import main
from muxviz.figures.drawing.enlarge import enlarged
from muxviz.inference import run_group
from muxviz.lesson.build import build, recorded_lessons, recorded_tradeoff
from muxviz.lesson.handout import handout
from muxviz.lesson.outline import SCENES, STEPS
from muxviz.lesson.page import lesson_html, live_link
from muxviz.lesson.step import LETTERS, Quiz, Said, Step, say
from muxviz.loading.load import load
from muxviz.presets import preset
from muxviz.results.lessons import Lessons
from muxviz.results.store import from_json, to_json
from tests.pages import ROOT, alike, write_pair

NO_RESULT = re.compile(r"N = 1|3 \+ 4|step 8")  # numbers that are no results


@cache
def packaged() -> Lessons:
    return recorded_lessons()


@cache
def steps() -> tuple[Step, ...]:
    return build(packaged(), recorded_tradeoff())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    """Lessons of a model that was never trained: the least a recording can hold."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    model, alone = (load(str(root / name), device="cpu") for name in ("tiny-n3", "tiny-n1"))
    plan = Plan(leaky=("twins",), read=("odd",), draws=3, pairs=2)
    return run_lessons(Models(model, alone, (model,), model, (model,)), plan)


# ---- steps --------------------------------------------------------------------------------------


def test_nine_steps_of_which_every_scene_is_one_picture() -> None:
    assert [step.id for step in steps()] == list(STEPS)
    for step in steps():
        assert len(step.scenes) >= 2
        seen = set()
        for name, scene in step.scenes.items():
            drawn = scene.picture.draw(scene.result, dark=True, named=scene.named)
            (figure,) = drawn.figures
            assert step.labels[name] == STEPS[step.id].scenes[name]
            assert scene.said.text()
            assert scene.source
            seen.add(figure.to_json())
        assert len(seen) == len(step.scenes), f"step {step.id}: two scenes look alike"


def test_ids_and_words_of_scenes_are_unlike_all_others() -> None:
    assert sum(len(step.scenes) for step in STEPS.values()) == len(SCENES)
    assert len(set(SCENES.values()) - set(SCENES)) == len(SCENES)


def all_said() -> list[tuple[str, Said]]:
    found = []
    for step in steps():
        quiz = step.quiz
        texts = [step.lead, step.notes, quiz.question, *quiz.answers, quiz.why, quiz.hint]
        texts += [quiz.second, *(scene.said for scene in step.scenes.values())]
        texts += [step.more.said] if step.more is not None else []
        found += [(step.id, text) for text in texts]
    return found


def test_every_number_in_the_words_comes_from_a_result() -> None:
    for step, text in all_said():
        assert not re.search(r"\d", NO_RESULT.sub("", text.template)), (step, text.template)
        told = text.text()
        assert "{" not in told
        assert "nan" not in told.lower().split()
        assert "nats" not in told


def test_a_change_of_the_results_changes_the_words_and_the_right_answer() -> None:
    found = packaged()
    slot, source = found.culprit
    other = next(i for i in range(len(found.leaks.texts)) if i not in (slot, source))
    moved = build(replace(found, culprit=(slot, other)))[4]
    assert moved.quiz.right != steps()[4].quiz.right
    models = tuple(replace(m, accuracy=0.9, low=0.8, high=0.95) for m in found.sharing.models)
    free = build(replace(found, sharing=replace(found.sharing, models=models)))[7]
    assert steps()[7].quiz.right == 1
    assert free.quiz.right == 0


def test_the_right_answers_are_those_of_the_results() -> None:
    found = packaged()
    moved = found.exchanged
    before, after = (g.slots[moved.slot] for g in (moved.before, moved.after))
    assert (before.agrees, after.agrees) == (False, True)
    assert before.answer.headline != after.answer.headline
    changed = [i for i, (a, b) in enumerate(zip(moved.before.slots, moved.after.slots, strict=True))
               if a.text != b.text]  # fmt: skip
    assert changed == [moved.source]
    seats = steps()[6]
    kept = {}
    for name, scene in seats.scenes.items():
        order = scene.picture.parts[0].choices["order"]
        kept[SCENES[name]] = int((scene.result.kept[order] >= 1).sum())
    asked = [kept[answer.given["pair"]] for answer in seats.quiz.answers]
    assert asked[seats.quiz.right] == max(kept.values())
    assert sorted(asked)[-2] < max(asked)
    read = steps()[3].quiz
    lost = [found.read.slots[int(a.given["who"].split()[1]) - 1].reading for a in read.answers]
    wrong = [r.accuracy.trials - r.accuracy.successes for r in lost if r is not None]
    assert int(np.argmax(wrong)) == read.right
    assert lost_tokens(found.read) >= max(wrong) > 0
    assert found.diagnosis.cause == "neighbour"
    assert found.broken.slots[found.diagnosis.ladder.slot].agrees is False


def test_the_mixture_is_the_mean_of_the_marked_vectors() -> None:
    mix = packaged().mixing
    assert (mix.vectors * mix.patterns).mean(axis=0) == pytest.approx(mix.mixture, abs=1e-5)
    assert mix.heard(()).min() > mix.heard((1,))[1]
    assert spread(384, 8) == (0, 48, 96, 144, 192, 240, 288, 336)
    assert spread(3, 8) == (0, 1, 2)


# ---- questions ----------------------------------------------------------------------------------

QUIZ = Quiz(say("?"), tuple(map(say, "wxyz")), 2, say("why"), say("hint"), say("second"))


@pytest.mark.parametrize(
    ("guesses", "is_right", "said"),
    [
        ("C", True, "why"),
        ("A", False, "hint"),
        ("AB", False, "second"),
        ("ABC", True, "why"),
        ("ABD", False, "It is **C**. why"),
    ],
)
def test_a_wrong_guess_gets_a_hint_a_second_another_one(
    guesses: str, is_right: bool, said: str
) -> None:
    found, words = QUIZ.reply(tuple(guesses))
    assert (found, words.text()) == (is_right, said)


def test_what_fills_a_hole_is_text() -> None:
    said = say("**{a}** of {b}", a="{b}<i>*x*", b="1")
    assert said.text(str.upper, lambda t: t.replace("**", "__")) == "__{B}<I>*X*__ of 1"


# ---- recording ----------------------------------------------------------------------------------


def test_a_model_that_never_learned_can_be_recorded_and_taught(tiny: Lessons) -> None:
    again = from_json(to_json(rounded(tiny)))
    assert to_json(rounded(again)) == to_json(again)
    for step in build(again):
        assert 0 <= step.quiz.right < len(step.quiz.answers) <= len(LETTERS)
        for scene in step.scenes.values():
            assert scene.picture.draw(scene.result, named=scene.named).figures


def test_rounding_keeps_six_digits_and_leaves_the_rest() -> None:
    assert rounded((1.23456789, 3, True, "a", None)) == (1.23457, 3, True, "a", None)
    found = rounded(np.array([np.nan, 123456.789], dtype=np.float32))
    assert np.isnan(found[0])
    assert found[1] == 123457


def test_the_packaged_lessons_are_small_and_of_the_presets() -> None:
    path = recorded.learn_file()
    assert path.stat().st_size < 160_000
    found = packaged()
    for name, group in (("group", found.group), ("read", found.read), ("diagnosis", found.broken)):
        rows = preset(found.presets[name]).rows[: len(group.slots)]
        assert [s.text for s in group.slots] == [row[0] for row in rows]
    assert [m.sharing for m in found.sharing.models] == [0, 0.25, 0.5, 1]


def test_what_is_recorded_is_what_the_models_give_now() -> None:
    """A part of it, as passes take a second each."""
    found = packaged()
    whole, half = (load(f"sst2-n5-shared-{n}", device="cpu") for n in (100, 50))
    again = rounded(mixing(whole, rows_of(whole, found.presets["group"])))
    alone = load(str(half.card["baseline"]), device="cpu")
    group = run_group(half, rows_of(half, found.presets["diagnosis"]), baseline=alone)
    for one, other in ((again, found.mixing), (rounded(group), found.broken)):
        alike(json.loads(to_json(one))["value"], json.loads(to_json(other))["value"], "lesson")


def test_the_band_of_the_braid_is_measured() -> None:
    for step, name in ((0, "clear"), (0, "harder"), (8, "before")):
        scene = steps()[step].scenes[name]
        checkpoint = scene.result.provenance.checkpoint
        model = next(m for m in packaged().sharing.models if m.checkpoint == checkpoint)
        band = scene.picture.only_here["spectrum"]
        assert np.array_equal(band, model.spectrum.band())


def test_python_of_every_scene_runs(
    tiny: Lessons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(tmp_path)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    monkeypatch.setattr(go.Figure, "show", lambda self: None)
    done = set()
    for step in build(tiny, recorded_tradeoff()):
        for scene in (*step.scenes.values(), *([step.more] if step.more else [])):
            drawn = scene.picture.draw(scene.result, named=scene.named)
            lines = (*scene.imports, *drawn.imports, *scene.lines, *drawn.lines)
            if scene.lines not in done:  # one scene of each computation
                exec("\n".join(lines), {})
            done.add(scene.lines)
    assert len(done) >= 9


# ---- files --------------------------------------------------------------------------------------


def test_steps_and_page_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from muxviz.lesson.build import build, recorded_lessons, recorded_tradeoff\n"
        "from muxviz.lesson.page import lesson_html\n"
        "import muxviz.ui.learn.view\n"
        "page = lesson_html(build(recorded_lessons(), recorded_tradeoff()))\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)), len(page) > 1e6)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == "[] True"


def data_of(page: str, name: str) -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_the_file_bears_everything_once() -> None:
    page = lesson_html(steps(), packaged().mixing)
    assert page.count("plotly.js v") == 1
    assert not re.findall(r"<(?:script|img|link)[^>]*\b(?:src|href)=", page)
    assert "default-src 'none'" in page
    figures, texts = data_of(page, "figures"), data_of(page, "texts")
    scenes = {f"{step.id}/{name}" for step in steps() for name in step.scenes} | {"9/more"}
    assert set(figures["light"]) == set(figures["dark"]) == scenes
    assert all(one["alt"] for one in figures["light"].values())
    for step in steps():
        assert texts[step.id]["right"] == step.quiz.right
        assert f'id="step{step.id}"' in page
    assert "MINUTES" not in page.rpartition("<script>")[2]


def test_a_sentence_stays_text_in_the_file_and_on_paper() -> None:
    evil = "</script><b>*x*</b> {y}"
    found = packaged()
    read = replace(found.read, slots=tuple(replace(s, text=evil) for s in found.read.slots))
    leaks = replace(found.leaks, texts=(evil,) * len(found.leaks.texts))
    found = replace(found, read=read, leaks=leaks)
    whole, clean = (
        text.count("</script>")
        for text in (lesson_html(build(found)), lesson_html(build(packaged())))
    )
    assert whole == clean
    paper = handout(build(found), found.mixing)
    assert "&lt;b&gt;*x*" in paper
    assert evil not in paper


def test_the_hand_out_asks_and_answers_on_another_page() -> None:
    paper = handout(steps(), packaged().mixing)
    asked, _, answers = paper.partition('class="answers"')
    for step in steps():
        assert step.title in asked
        assert f"{LETTERS[step.quiz.right]}. " in answers
    assert "<script" not in paper
    assert "Multiply, add, divide by 5" in asked


def test_a_link_into_an_app_holds_the_state() -> None:
    live = steps()[2].try_it
    link = live_link(live, "http://host:1/app/")
    assert link.startswith("http://host:1/app/whatif?v=1&m=sst2-n5&p=clean&slot=1&")
    assert "w_view=key" in link
    assert html_attribute(link) in lesson_html(steps(), app="http://host:1/app/")


def html_attribute(text: str) -> str:
    return text.replace("&", "&amp;")


def test_a_larger_figure_is_the_same_picture() -> None:
    scene = steps()[6].scenes["stay"]
    (figure,) = scene.picture.draw(scene.result).figures
    large = enlarged(figure, 2)
    assert large.layout.height == 2 * figure.layout.height
    assert large.layout.margin.l == 2 * figure.layout.margin.l
    assert large.layout.title.text == figure.layout.title.text
    assert list(large.data[0].x) == list(figure.data[0].x)
    assert large.data[0].textfont.size == 2 * figure.data[0].textfont.size


# ---- the command --------------------------------------------------------------------------------


def test_the_command_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, paper = tmp_path / "lesson.html", tmp_path / "paper.html"
    assert main(["lesson", "--out", str(out), "--handout", str(paper)]) == 0
    assert capsys.readouterr().out.split() == [str(out), str(paper)]
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert paper.stat().st_size < 40_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "nothing to write; name a file with --out or --handout"),
        (["--out", "{folder}"], "is a folder"),
        (["--out", "{folder}/none/x.html"], "no such file or directory"),
        (["--out", "{folder}/x.html", "--app", "localhost"], "expected the address of the app"),
    ],
)
def test_what_the_command_cannot_do_is_said(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesson", *(word.format(folder=tmp_path) for word in given)]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "make recorded"), ("{", "record it again"), (to_json((1, 2)), "make recorded")],
)
def test_a_recording_that_is_missing_or_damaged_is_said(
    text: str | None,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "learn.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: file)
    assert main(["lesson", "--out", str(tmp_path / "x.html")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_the_recording_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    before = recorded.learn_file().read_bytes()
    assert main(["lesson", "--out", str(recorded.learn_file())]) == 1
    assert "is what is read" in capsys.readouterr().err
    assert recorded.learn_file().read_bytes() == before
