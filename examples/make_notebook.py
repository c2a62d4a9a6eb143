"""Run ``explore.py`` as a notebook and store its figures as pictures: ``make notebook``.

The kernel shows figures as Plotly data; each is then drawn once by Kaleido, which needs a Chromium
(found on PATH, or named by BROWSER_PATH), and only the picture is kept. Nothing in the notebook
asks for that, so whoever runs a cell gets a live figure. Left out: everything that a notebook
records of the machine that ran it.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SOURCE, NOTEBOOK = FOLDER / "explore.py", FOLDER / "explore.ipynb"
PLOTLY = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT, SCALE = 1000, 450, 1.35  # CSS px; Chromium's usual fonts are wide
PAPER = "#fbfaf7"  # behind figures, which have no background; the light one of muxviz
COLORS = 128  # of a picture
MOST_BYTES = 4_000_000
CELL_S = 900  # until a cell is given up
MARK = "# %%"


def read_cells(path: Path = SOURCE) -> list[tuple[str, str]]:
    """("markdown" or "code", text) of every cell, in order; what stands before the first is none.

    Raises:
        ValueError: a line of a text cell that is not a comment.
    """
    _, *parts = re.split(rf"^{MARK}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cells = []
    for part in parts:
        head, _, body = part.partition("\n")
        is_text = head.strip() == "[markdown]"
        lines = body.strip().splitlines()
        if is_text and (wrong := [line for line in lines if not re.match(r"#( |$)", line)]):
            raise ValueError(f"{path.name}: {wrong[0]!r} in a text cell; expected '# ' before it")
        text = "\n".join(line[2:] for line in lines) if is_text else "\n".join(lines)
        cells.append(("markdown" if is_text else "code", text))
    return cells


def execute() -> Any:
    """The notebook, run from top to bottom in a kernel of its own."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.v4.new_notebook()
    for number, (kind, text) in enumerate(read_cells(), start=1):
        new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        made.cells.append(new(text, id=f"cell-{number}"))
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"  # the kernel inherits it
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    place = {"metadata": {"path": str(FOLDER)}}
    NotebookClient(
        made, timeout=CELL_S, kernel_name="python3", resources=place, record_timing=False
    ).execute()
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return made


def draw(made: Any) -> None:
    """Put a picture in the place of every figure's data (in place)."""
    import kaleido

    kaleido.start_sync_server()
    try:
        for cell in made.cells:
            cell.metadata = {}
            for output in cell.get("outputs", []):
                figure = output.get("data", {}).get(PLOTLY)
                if figure is not None:
                    _put_picture(output, figure)
    finally:
        kaleido.stop_sync_server()


def _put_picture(output: Any, figure: dict[str, Any]) -> None:
    import kaleido

    layout = figure["layout"]
    height = int(layout.get("height") or HEIGHT)
    size = {"width": WIDTH, "height": height}
    shown = {"data": figure["data"], "layout": layout}
    drawn = kaleido.calc_fig_sync(shown, opts={"format": "png", "scale": SCALE, **size})
    title = re.sub(r"<[^>]+>", " ", layout.get("title", {}).get("text", ""))
    output["data"] = {
        "image/png": base64.b64encode(_small(drawn)).decode(),
        "text/plain": " ".join(title.split()),
    }
    output["metadata"] = {"image/png": size}


def _small(png: bytes) -> bytes:
    """The picture on paper, with few colours."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    paper = Image.new("RGBA", picture.size, PAPER)
    paper.alpha_composite(picture)
    few = paper.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def complaints(made: Any) -> list[str]:
    """What must not be in a notebook that is kept."""
    found = []
    for cell in made["cells"]:
        for output in cell.get("outputs", []):
            name = "".join(cell["source"]).strip().splitlines()[-1]
            if output["output_type"] == "error" or output.get("name") == "stderr":
                found.append(f"{name}: {''.join(output.get('text', output.get('evalue', '')))}")
            text = "".join(output.get("text", "")) + str(output.get("data", {}).get("text/plain"))
            if str(FOLDER.parent) in text or str(Path.home()) in text:
                found.append(f"{name}: a path of this machine")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=NOTEBOOK, help="default: %(default)s")
    out = parser.parse_args().out

    made = execute()
    if wrong := complaints(made):
        raise SystemExit("not written:\n" + "\n".join(wrong))
    draw(made)

    import nbformat

    text = nbformat.writes(made) + "\n"
    if len(text) > MOST_BYTES:
        raise SystemExit(f"not written: {len(text):,} bytes; expected at most {MOST_BYTES:,}")
    nbformat.validate(made)
    out.write_text(text, encoding="utf-8")
    pictures = text.count('"image/png": "')
    print(f"{out.name}: {pictures} pictures, {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
