"""PNG, SVG and PDF stills, opened again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image

from noisereel.contracts.figure import Drawing, Figure, Slot, TimeBar
from noisereel.contracts.geometry import Box, Rect
from noisereel.contracts.marks import Area, Arrows, Points, Polylines, Shades, Text, Trails
from noisereel.contracts.theme import THEMES
from noisereel.contracts.writer import Frame, Writer, WriterContext
from noisereel.layout import FrameText, Line, PanelPlan, lay_out
from noisereel_builtins.writers.pdf import Pdf
from noisereel_builtins.writers.png import Png
from noisereel_builtins.writers.svg import Svg

METADATA = {"title": "x_t → ε", "description": "A roll dissolves", "scene": "dataset: swiss-roll\n"}


def write(writer: Writer, path: Path, content: object, quality: str = "standard", **spec: object) -> None:
    with writer.open(WriterContext(path, (64, 48), Fraction(25), quality=quality, **spec)) as sink:
        sink.write(Frame(0, Fraction(1), content))


@pytest.mark.parametrize(("channels", "pix_fmt"), [(3, "rgb24"), (4, "rgba")])
@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_png_is_lossless(tmp_path: Path, channels: int, pix_fmt: str, quality: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (47, 63, channels), np.uint8)
    write(Png(), tmp_path / "a.png", pixels, quality)
    with av.open(tmp_path / "a.png") as container:
        (frame,) = container.decode(video=0)
    assert frame.format.name == pix_fmt
    np.testing.assert_array_equal(frame.to_ndarray(), pixels)


def test_png_holds_its_scene(tmp_path: Path) -> None:
    write(Png(), tmp_path / "a.png", np.zeros((48, 64, 3), np.uint8), metadata=METADATA)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text == METADATA


def test_all_are_stills_and_can_be_transparent() -> None:
    assert all(writer.still and writer.alpha for writer in (Png, Svg, Pdf))
    assert (Png.takes, Svg.takes, Pdf.takes) == ("pixels", "drawing", "drawing")


def drawing() -> Drawing:
    theme = THEMES["dark"]
    slot = Slot("Swiss roll", 4, 20, 12, theme.color("ink"))
    bar = TimeBar(Rect(4, 40, 56, 2), theme.color("blue"), theme.color("faint"))
    return Drawing(Figure((64, 48), theme, (), (slot,), bar), (), progress=0.5)


def svg(path: Path, metadata: Mapping[str, str] | None = None) -> ElementTree.Element:
    write(Svg(), path, drawing(), metadata=metadata or {})
    return ElementTree.parse(path).getroot()


def test_svg_is_a_drawing_of_the_films_size(tmp_path: Path) -> None:
    root = svg(tmp_path / "a.svg")
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width / height == pytest.approx(64 / 48)
    text = (tmp_path / "a.svg").read_text().lower()
    assert THEMES["dark"].color("background").lower() in text and THEMES["dark"].color("blue").lower() in text


def test_svg_holds_its_scene(tmp_path: Path) -> None:
    root = svg(tmp_path / "a.svg", METADATA)
    dc = "{http://purl.org/dc/elements/1.1/}"
    assert root.find(f".//{dc}title").text == METADATA["title"]
    assert root.find(f".//{dc}description").text == METADATA["description"]
    assert json.loads(root.find(f".//{dc}source").text) == METADATA


def test_svg_is_deterministic(tmp_path: Path) -> None:
    svg(tmp_path / "a.svg")
    svg(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def vector_drawing(theme: str = "paper") -> Drawing:
    """Return a graph with every vector mark, formulas and live text."""
    plan = PanelPlan("graph", Box((0, 1), (0, 1)), title=Line(r"$x_t$ at {t}", True), x_label=r"$\alpha$")
    figure = lay_out((640, 480), THEMES[theme], [plan], text=FrameText(title=Line("Shapes"), bar=("t = 1", "T")))
    xy = np.random.default_rng(0).random((50, 2)).astype(np.float32)
    shades = Shades(np.arange(50, dtype=np.uint8) * 5, figure.theme.gradient())
    marks = (
        Points(xy, shades, 3, 0.5),
        Points(xy[:3], "#112233", 5, 1, edge="#FFFFFF"),
        Polylines((xy,), "#112233", 1.5),
        Trails(np.stack([xy, xy[::-1]]), shades),
        Arrows(xy, xy / 9, "#112233"),
        Area(np.array([0, 1.0]), np.zeros(2), np.ones(2), "#112233", 0.2),
        Text((0.5, 0.5), r"$\sigma_t$ here", "#112233"),
    )
    return Drawing(figure, (marks,), (r"$x_t$ at 7", "t = 1"), 0.5)


def test_pdf_is_vector_with_embedded_fonts(tmp_path: Path) -> None:
    write(Pdf(), tmp_path / "a.pdf", vector_drawing())
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Subtype /Image" not in pdf
    fonts = set(re.findall(rb"/BaseFont /[A-Z]{6}\+([\w-]+)", pdf))
    assert {b"DejaVuSerif", b"DejaVuSerif-Bold"} <= fonts
    # Type 42: TrueType outlines, each with its font file
    assert pdf.count(b"/FontFile2") == pdf.count(b"/CIDFontType2") >= len(fonts)
    assert not re.search(rb"/Subtype /(Type1|Type3)\b", pdf)


def test_pdf_is_a_page_of_the_films_size(tmp_path: Path) -> None:
    write(Pdf(), tmp_path / "a.pdf", vector_drawing())
    media_box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", (tmp_path / "a.pdf").read_bytes())
    assert media_box is not None
    width, height = map(float, media_box.groups())
    assert width == pytest.approx(960 * 0.72, rel=1e-6) and height == pytest.approx(720 * 0.72, rel=1e-6)


def test_pdf_holds_its_scene(tmp_path: Path) -> None:
    write(Pdf(), tmp_path / "a.pdf", drawing(), metadata=METADATA)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Subject (A roll dissolves)" in pdf
    assert "x_t → ε".encode("utf-16-be") in pdf
    keywords = re.search(rb"/Keywords \((.*)\)", pdf)
    assert keywords is not None and json.loads(re.sub(rb"\\(.)", rb"\1", keywords[1])) == METADATA


@pytest.mark.parametrize("writer", [Svg, Pdf])
def test_files_written_concurrently_are_the_same(tmp_path: Path, writer: type[Writer]) -> None:
    """matplotlib's settings and its formula parser are shared between threads."""
    drawings = [vector_drawing(theme) for theme in ("paper", "dark") * 2]

    def file(i: int, prefix: str) -> bytes:
        path = tmp_path / f"{prefix}-{i}.{writer.__name__.lower()}"
        write(writer(), path, drawings[i])
        return path.read_bytes()

    alone = [file(0, "alone"), file(1, "alone")]
    with ThreadPoolExecutor(4) as pool:
        together = [*pool.map(lambda i: file(i, "together"), range(len(drawings)))]
    assert together == alone * 2
