"""A finished figure, as often as a page shows it."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


class Still(go.Figure):
    """What ``figure`` is sent as; Plotly would look through all its values at every drawing.

    For showing only: its own ``data`` and ``layout`` are empty.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__({"layout": {"template": {}}}, _validate=False)
        self._sent: dict[str, Any] = figure.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """As Plotly's; not to be changed."""
        return self._sent
