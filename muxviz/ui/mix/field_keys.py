"""Ctrl+Enter in a sentence field: its text is sent first, then Run is pressed.

Streamlit's own shortcut does nothing while the field has a text that was not sent yet.
"""

from __future__ import annotations

import streamlit as st

JS = """
export default function () {
  const onKey = (event) => {
    const field = event.target;
    const isRun = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (!isRun || !(field instanceof HTMLInputElement)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.blur();  // it sends its text about 100 ms later
    setTimeout(() => {
      document.querySelector(".st-key-run button")?.click();
      field.focus();
    }, 250);
  };
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);
}
"""
_KEYS = st.components.v2.component("muxviz_field_keys", js=JS)


def field_keys() -> None:
    """Let Ctrl+Enter run from within a field; draws nothing."""
    _KEYS(key="field_keys", height="content")
