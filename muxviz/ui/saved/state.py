"""From the session to a file's content, and from there back: what is chosen, asked and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from muxviz.presets import find_preset
from muxviz.ui.saved.file import Saved, SavedRun
from muxviz.ui.shell import checkpoints, group, link, options, params, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.frame import compute_choices, go_to
from muxviz.ui.shell.link_readers import readers
from muxviz.ui.shell.versions import versions
from muxviz.ui.study import findings, runs
from muxviz.ui.study.runs import PastRun, RunRequest

AGAIN = "runs_again"  # in the session: tuple of SavedRun to compute again
IGNORED = "restore_ignored"  # in the session: what of a file's settings was not understood
DEFAULTS = {
    session.OTHER: session.NO_OTHER,
    session.COMPUTE: "auto",
    session.SLOT: 1,
    session.SEED: 0,
    session.LOSS_AXIS: "log",
    **{key: next(iter(options.CHOICES[key])) for key in session.MIX if key in options.CHOICES},
    **dict.fromkeys(options.FLAGS, False),
}


def now() -> Saved:
    """Everything of this session that a file keeps."""
    past = runs.history()
    return Saved(
        settings(),
        group.filled_rows(),
        tuple(saved_run(run) for run in past),
        findings.findings(),
        _fingerprints(),
        versions(),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def settings() -> dict[str, list[str]]:
    """What is chosen on every page and no default, as a link has it, but for the sentences."""
    found = dict(link.shared())
    for param in params.all_params():
        value = params.value(param)
        if value != param.default:
            found[param.key] = params.as_text(param, value)
    preset = find_preset(st.session_state.get(session.PRESET, ""))
    if preset is not None:
        found[session.PRESET] = preset.title
    return {name: one if isinstance(one, list) else [one] for name, one in found.items()}


def saved_run(past: PastRun) -> SavedRun:
    """What a run was asked with, and answered."""
    request = past.request
    return SavedRun(
        request.checkpoint,
        compute_id(request.device, request.dtype),
        request.rows,
        request.padding or "default",
        request.fill,
        request.seed,
        request.equal_slots,
        past.number == st.session_state.get(session.PINNED),
        past.result.provenance.fingerprint,
        answers(past),
    )


def answers(past: PastRun) -> tuple[str, ...]:
    """What each slot with a sentence of the user's answered."""
    return tuple(slot.answer.headline for slot in past.result.answered)


def compute_id(device: str, dtype: str) -> str:
    """The choice that means this device and precision."""
    return next((c for c in options.COMPUTE if options.compute(c) == (device, dtype)), "auto")


def _fingerprints() -> dict[str, str]:
    """Of the checkpoints that are chosen or were run, as far as weights have been looked at."""
    state = st.session_state
    known = {
        r.result.provenance.checkpoint: r.result.provenance.fingerprint for r in runs.history()
    }
    loaded = {model.key.name: model.fingerprint for model in runs.registry().loaded()}
    chosen = (state.get(session.CHECKPOINT), state.get(session.OTHER))
    names = [name for name in chosen if name and name != session.NO_OTHER]
    return {
        name: loaded.get(name) or known.get(name, "") for name in dict.fromkeys([*names, *known])
    }


# ---- back ---------------------------------------------------------------------------------------


def restore(saved: Saved) -> None:
    """Take a file's content over (a callback); nothing runs, no number of it becomes a result."""
    state = st.session_state
    given = {k: v for k, v in saved.settings.items() if k != session.GROUP}
    titles = given.pop(session.PRESET, [])
    state[IGNORED] = _take("saved", given)
    if saved.rows:
        group.put(saved.rows)
        preset = find_preset(titles[0]) if titles else None
        is_preset = preset is not None and group.preset_rows(preset) == saved.rows
        state[session.PAIRS] = any(row.pair is not None for row in saved.rows)
        state[session.APPLIED] = state[session.PRESET] = (
            preset.title if preset is not None and is_preset else group.OWN
        )
    state[AGAIN] = saved.runs
    held = {(one.question, one.kept) for one in findings.findings()}
    findings.keep(*(one for one in saved.findings if (one.question, one.kept) not in held))


def open_finding(number: int) -> None:
    """Open the page of a kept finding with its choices (a callback)."""
    one, state = findings.findings()[number], st.session_state
    if session.GROUP in one.parameters:
        state[session.PRESET] = group.OWN
    given = {k: v if isinstance(v, list) else [v] for k, v in one.parameters.items()}
    state[session.IGNORED] = _take(one.page, given)
    go_to(one.page)


def _take(page: str, given: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Every choice at its default, then what is given; what of it cannot be used, in words."""
    state = st.session_state
    for key, value in DEFAULTS.items():
        state[key] = value
    for param in params.all_params():
        if param.key in state:
            state[param.key] = param.default
    return tuple(link.understand(page, given, readers(choices(), compute_choices()))[2])


def choices() -> list[Listed]:
    """The checkpoints that can be chosen now."""
    return [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]


@st.cache_data(max_entries=64, show_spinner="Looking at the weights…")
def fingerprint(name: str, stamp: str) -> str:
    """Of a checkpoint's weights; stamp changes with its files.

    Raises:
        MuxvizError: it cannot be loaded.
    """
    from muxviz.registry import ModelKey

    with runs.registry().use(ModelKey(name)) as (checkpoint,):
        return str(checkpoint.fingerprint)


def request_again(run: SavedRun) -> RunRequest | None:
    """The same run on the checkpoint of that name here; None where there is none."""
    listed = next((c for c in choices() if c.name == run.checkpoint), None)
    if listed is None:
        return None
    device, dtype = options.compute(run.compute if run.compute in compute_choices() else "auto")
    return RunRequest(
        listed.name,
        listed.num_instances,
        listed.baseline,
        device,
        dtype,
        run.rows[: listed.num_instances],
        None if run.padding == "default" else run.padding,
        run.fill,
        run.seed,
        run.equal_slots and not listed.baseline,
        listed.stamp,
    )
