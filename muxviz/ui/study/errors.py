"""Errors as a panel: what happened, what still works, what to do.

    with one_panel():
        draw(make())

Only ``MuxvizError`` is explained. Anything else is a bug and surfaces, in the log and on the page.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.printable import printable
from muxviz.ui.shell.text import plain

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Advice:
    """An entry of the catalogue; the error's own message says what exactly happened."""

    title: str
    still_works: str
    to_do: str


KEPT = "Your sentences and earlier results are kept."
OTHERS = "Every other checkpoint can be used as before. Your sentences are kept."
CATALOGUE: dict[str, Advice] = {
    "E-MUXVIZ": Advice(
        "This did not work",
        KEPT,
        "Read the message; if it does not help, report it with the code below.",
    ),
    "E-CFG": Advice(
        "The configuration contradicts itself",
        OTHERS,
        "Correct the field that the message names in `config.json`, or fetch the checkpoint again.",
    ),
    "E-INPUT": Advice(
        "The model cannot take this input",
        KEPT,
        "Change the text that the message names, then run again.",
    ),
    "E-GROUP": Advice(
        "The group has the wrong size",
        KEPT,
        "Add or remove sentences, let free slots be filled, or choose a checkpoint with another N.",
    ),
    "E-VOCAB": Advice(
        "A token is not in this model's vocabulary",
        KEPT,
        "The tokenizer belongs to another model: put the right one into the checkpoint's folder.",
    ),
    "E-CKPT": Advice(
        "The checkpoint cannot be used",
        OTHERS,
        "Inspect it on the Models page, or run `muxviz check` on its folder.",
    ),
    "E-MISSING": Advice(
        "The checkpoint is not there",
        OTHERS,
        "Choose another checkpoint, or correct its path or id on the Models page.",
    ),
    "E-READ": Advice(
        "The files cannot be read safely",
        OTHERS,
        "Fetch or copy the checkpoint again; prefer safetensors files.",
    ),
    "E-KEYS": Advice(
        "Configuration and weights do not fit together",
        OTHERS,
        "Check that both files come from the same model; `muxviz check` lists the differences.",
    ),
    "E-NAN": Advice(
        "The weights are not usable numbers",
        OTHERS,
        "Load it in float32, or save it again from a run that did not diverge.",
    ),
    "E-SIZE": Advice(
        "The model is too large for this machine",
        OTHERS,
        "Unload another model, choose float16 or bfloat16, or use a larger machine.",
    ),
    "E-HUB": Advice(
        "The model hub did not give this checkpoint",
        OTHERS,
        "Check the network and the id. The bundled checkpoints need no network.",
    ),
    "E-DATA": Advice(
        "A data file cannot be used",
        KEPT,
        "Correct the row or file that the message names. Recorded results are made "
        "again by `make recorded`.",
    ),
    "E-FILE": Advice(
        "A file cannot be used",
        KEPT,
        "Give the file what the message expects, or name another one. Recorded results are made "
        "again by `make recorded`.",
    ),
    "E-FINITE": Advice(
        "The model computed no number here",
        KEPT,
        "Choose float32 in the sidebar; where that fails too, the weights are out of range.",
    ),
    "E-NA": Advice(
        "This does not apply to the checkpoint",
        OTHERS,
        "Choose a checkpoint with the part that the message names.",
    ),
    "E-DEVICE": Advice(
        "The device is missing or full",
        KEPT,
        "Use the CPU, shorten the texts, or unload another model, then run again.",
    ),
    "E-BUSY": Advice(
        "Too many are waiting for this",
        f"Single passes go first and are answered soon. {KEPT}",
        "Ask for less, or try again later; nothing of yours is in line.",
    ),
    "E-STOP": Advice("Stopped", KEPT, "Compute again when you want the rest."),
    "E-TRAIN": Advice(
        "Training stopped",
        KEPT,
        "Resume from the last good state, with a lower learning rate if numbers became infinite.",
    ),
}


class Bug(Exception):
    """What nobody foresaw, as a page says it: by the number under which the log has the rest."""


def noted(error: BaseException) -> Bug:
    """Write an error that nobody foresaw to the log, and give what a page may say of it."""
    number = secrets.token_hex(4)
    LOG.error("bug %s, %s", number, type(error).__name__, exc_info=error)
    return Bug(
        f"This part of the page met an error that nobody foresaw. {KEPT} The rest of the page "
        f"works as before. Please report number {number}: the server's log has the details there."
    )


@contextmanager
def one_panel() -> Iterator[None]:
    """Let an error in the block cost what the block draws, not the page.

    An expected one is explained. Anything else is a bug: it surfaces in the log, with its
    traceback, and on the page by its number.
    """
    try:
        yield
    except MuxvizError as error:
        error_panel(error)
    except Exception as error:
        error_panel(noted(error))


def error_panel(error: MuxvizError | Bug) -> None:
    """What happened, what still works, what to do; the code small, details folded."""
    if isinstance(error, Bug):
        st.exception(error)
        return
    advice = CATALOGUE.get(error.code, CATALOGUE["E-MUXVIZ"])
    with st.container(border=True):
        st.error(f"**{advice.title}.** {plain(str(error))}", icon=":material/error:")
        st.markdown(f"**Still works:** {advice.still_works}  \n**What to do:** {advice.to_do}")
        with st.expander(f"Details · {error.code}", type="compact"):
            st.code(_details(error), language=None, wrap_lines=True)


def _details(error: MuxvizError) -> str:
    lines = [f"{error.code}  {type(error).__name__}: {error}"]
    cause = error.__cause__
    while cause is not None:
        lines.append(f"caused by {type(cause).__name__}: {cause}")
        cause = cause.__cause__
    return "\n".join(printable(line) for line in lines)
