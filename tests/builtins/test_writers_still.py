"""PNG and SVG stills, opened again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image

from noisereel.figure import Drawing, Figure, Rect, Slot, TimeBar
from noisereel.theme import THEMES
from noisereel.writer import Frame, OutputSpec, Writer
from noisereel_builtins.writers.png import Png
from noisereel_builtins.writers.svg import Svg

METADATA = {"title": "x_t → ε", "description": "A roll dissolves", "scene": "dataset: swiss-roll\n"}


def write(writer: Writer, path: Path, content: object, quality: str = "standard", **spec: object) -> None:
    with writer.open(OutputSpec(path, (64, 48), Fraction(25), quality=quality, **spec)) as sink:
        sink.write(Frame(0, Fraction(1), content))


@pytest.mark.parametrize(("channels", "pix_fmt"), [(3, "rgb24"), (4, "rgba")])
@pytest.mark.parametrize("quality", ["draft", "standard", "high"])
def test_png_keeps_every_bit(tmp_path: Path, channels: int, pix_fmt: str, quality: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (47, 63, channels), np.uint8)
    write(Png(), tmp_path / "a.png", pixels, quality)
    with av.open(tmp_path / "a.png") as container:
        (frame,) = container.decode(video=0)
    assert frame.format.name == pix_fmt
    np.testing.assert_array_equal(frame.to_ndarray(), pixels)


def test_png_knows_its_scene(tmp_path: Path) -> None:
    write(Png(), tmp_path / "a.png", np.zeros((48, 64, 3), np.uint8), metadata=METADATA)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text == METADATA


def test_both_are_stills() -> None:
    assert Png.still and Svg.still and Png.alpha and Svg.alpha and (Png.takes, Svg.takes) == ("pixels", "drawing")


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


def test_svg_knows_its_scene(tmp_path: Path) -> None:
    root = svg(tmp_path / "a.svg", METADATA)
    dc = "{http://purl.org/dc/elements/1.1/}"
    assert root.find(f".//{dc}title").text == METADATA["title"]
    assert root.find(f".//{dc}description").text == METADATA["description"]
    assert json.loads(root.find(f".//{dc}source").text) == METADATA


def test_svg_is_the_same_every_time(tmp_path: Path) -> None:
    svg(tmp_path / "a.svg")
    svg(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
