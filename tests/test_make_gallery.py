"""``make gallery``: its page shows every scene, and every file that the page links to is rendered."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import av

from noisereel.registry.registry import load_registry

TOOL = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "make_gallery.py"))


class Links(HTMLParser):
    """The targets of a page's images, videos and links."""

    def __init__(self):
        super().__init__()
        self.targets = []

    def handle_starttag(self, tag, attrs):
        self.targets += [value for key, value in attrs if key in ("src", "href")]


def links(page):
    parser = Links()
    parser.feed(page)
    return parser.targets


def test_the_page_has_every_scene_in_both_themes():
    scenes = load_registry().scenes()
    page = TOOL["page"](scenes)
    assert sorted(set(links(page))) == sorted(
        f"{name}{end}" for name in scenes for end in (".gif", ".mp4", "-light.mp4")
    )
    assert "Many ways into one <i>x<sub>t</sub></i>, one way back" in page
    assert "<p>A photograph dissolves in noise: each pixel is a coordinate of its own.</p>" in page


def test_every_linked_file_is_rendered(tmp_path):
    name = "identity-variances"
    TOOL["render"](name, tmp_path, "draft")
    shown = links(TOOL["page"]({name: load_registry().scenes()[name]}))
    assert {file.name for file in tmp_path.iterdir()} == set(shown)
    background = {}
    for film in sorted(tmp_path.glob("*.mp4")):
        with av.open(str(film)) as opened:
            background[film.stem] = next(opened.decode(video=0)).to_ndarray(format="gray")[0, 0]
    assert background[name] < 40 < 220 < background[f"{name}-light"]
    assert re.search(r"--background: #0F1318", TOOL["page"]({}))
