"""Where every text of every Plotly chart on a page of the browser stands, and what is wrong there.

Texts are measured as drawn: line by line, turned as they are turned, less the air that a font
keeps above and below its letters.
"""

from __future__ import annotations

from typing import Any

# What is wrong: a line over another, a line beyond the chart or beyond what it is clipped to.
MEASURE = r"""
() => {
  const AIR = [0.2, 0.12], SLACK = 1;  // of a line above and below its letters; px
  const shown = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const at = (m, x, y) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f];
  const corners = (m, x, y, w, h) =>
    [at(m, x, y), at(m, x + w, y), at(m, x + w, y + h), at(m, x, y + h)];
  const bounds = q => [
    Math.min(...q.map(p => p[0])), Math.min(...q.map(p => p[1])),
    Math.max(...q.map(p => p[0])), Math.max(...q.map(p => p[1]))];
  const apart = (one, other) => [one, other].some(q => [0, 1].some(k => {
    const n = [q[k + 1][1] - q[k][1], q[k][0] - q[k + 1][0]];
    const size = Math.hypot(...n) || 1;
    const spans = [one, other].map(r => {
      const d = r.map(p => (p[0] * n[0] + p[1] * n[1]) / size);
      return [Math.min(...d), Math.max(...d)];
    });
    return spans[0][1] < spans[1][0] + SLACK || spans[1][1] < spans[0][0] + SLACK;
  }));
  const lines = text => {
    const parts = [...text.querySelectorAll("tspan.line")];
    return parts.length ? parts : [text];
  };
  const quad = (text, line) => {
    const whole = text.getBBox(), all = lines(text), k = all.indexOf(line);
    const h = whole.height / all.length;
    const n = line.getNumberOfChars ? line.getNumberOfChars() : 0;
    let x = whole.x, w = whole.width;
    if (all.length > 1 && n) {
      const ends = [...Array(n).keys()].map(i => line.getExtentOfChar(i));
      x = Math.min(...ends.map(e => e.x));
      w = Math.max(...ends.map(e => e.x + e.width)) - x;
    }
    const y = whole.y + k * h;
    return corners(text.getScreenCTM(), x, y + AIR[0] * h, w, h * (1 - AIR[0] - AIR[1]));
  };
  const clips = text => {
    const found = [];
    for (let e = text; e && e.tagName !== "svg"; e = e.parentElement) {
      const id = /url\(["']?#([^"')]+)/.exec(e.getAttribute("clip-path") || "");
      const rect = id && document.querySelector(`[id="${id[1]}"] rect`);
      if (rect) {
        const side = name => rect[name].baseVal.value;
        const m = e.getScreenCTM();
        found.push(bounds(corners(m, side("x"), side("y"), side("width"), side("height"))));
      }
    }
    return found;
  };
  const said = [];
  for (const chart of document.querySelectorAll(".js-plotly-plot")) {
    if (!shown(chart)) continue;
    const name = chart.closest("[class*='st-key-']")?.className.match(/st-key-(\S+)/)?.[1]
      || chart.id;
    const frame = chart.querySelector("svg.main-svg").getBoundingClientRect();
    const edge = [frame.left, frame.top, frame.right, frame.bottom];
    if (frame.left < -SLACK || frame.right > innerWidth + SLACK) {
      said.push({chart: name, fault: "beyond the page", texts: [`${Math.round(frame.width)} px`]});
    }
    const texts = [...chart.querySelectorAll("svg.main-svg text")]
      .filter(t => !t.closest(".hoverlayer") && t.textContent.trim() && shown(t))
      .flatMap(t => lines(t).filter(l => l.textContent.trim())
        .map(l => ({text: l.textContent, quad: quad(t, l), owner: t})));
    for (const one of texts) {
      const box = bounds(one.quad);
      const beyond = e => box[0] < e[0] - SLACK || box[1] < e[1] - SLACK
        || box[2] > e[2] + SLACK || box[3] > e[3] + SLACK;
      if ([edge, ...clips(one.owner)].some(beyond)) {
        said.push({chart: name, fault: "cut", texts: [one.text]});
      }
    }
    texts.forEach((one, k) => {
      for (const other of texts.slice(k + 1)) {
        if (one.owner !== other.owner && !apart(one.quad, other.quad)) {
          said.push({chart: name, fault: "overlap", texts: [one.text, other.text]});
        }
      }
    });
  }
  return said;
}
"""


FITTED = """() => [...document.querySelectorAll(".js-plotly-plot")]
  .filter(e => e.checkVisibility() && e.querySelector("svg.main-svg"))
  .every(e => Math.abs(e.querySelector("svg.main-svg").clientWidth - e.clientWidth) < 2)"""


def faults(page: Any) -> list[str]:
    """Every text that is over another or cut, and every chart that sticks out of the page."""
    page.wait_for_function(FITTED)  # a chart is drawn anew a moment after the window changed
    return [
        f"{one['chart']}: {one['fault']}: {' | '.join(one['texts'])}"
        for one in page.evaluate(MEASURE)
    ]
