"""A button that copies a text: what it copies is only ever data, never markup or code."""

from __future__ import annotations

import streamlit as st

HTML = '<button type="button"></button><span role="status"></span>'
CSS = """
:host, div { font-family: var(--st-font); }
button {
  width: 100%; min-height: 2.5rem; padding: .25rem .75rem; cursor: pointer; font: inherit;
  font-size: .9375rem;
  color: var(--st-text-color); background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""
# Without a secure address (https, or this machine) browsers have no clipboard for scripts; what a
# press of a button may still do there is to copy a selection.
JS = """
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("span");
  const say = (label, told) => { button.textContent = label; status.textContent = told; };
  const bySelection = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    if (!done) throw new Error("refused");
  };
  let timer;
  say(data.label, "");
  button.onclick = async () => {
    clearTimeout(timer);
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(data.text);
      else bySelection(data.text);
      say("Copied", "Copied");
    } catch {
      try {
        bySelection(data.text);
        say("Copied", "Copied");
      } catch {
        say(data.refused, data.refused);
      }
    }
    timer = setTimeout(() => say(data.label, ""), 2500);
  };
  return () => clearTimeout(timer);
}
"""
REFUSED = "Refused: see below"
_COPY = st.components.v2.component("muxviz_copy", html=HTML, css=CSS, js=JS)


def copy_button(label: str, text: str, *, key: str) -> None:
    """A button that puts ``text`` into the clipboard of the browser and says so.

    Where the browser refuses, it says that instead: the text should be readable nearby.
    """
    _COPY(key=key, data={"label": label, "text": text, "refused": REFUSED}, height="content")
