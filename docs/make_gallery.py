"""The gallery: render every scene and write an HTML page of them: ``python docs/make_gallery.py renders/gallery``."""

from __future__ import annotations

import argparse
import html
import re
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from noisereel.cli.main import cli
from noisereel.contracts.theme import THEMES
from noisereel.registry.registry import load_registry
from noisereel.scene import load_scene

FILES = {"dark": ("{name}.mp4", "{name}.gif"), "light": ("{name}-light.mp4",)}
"""The files rendered from each scene, by theme."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The noisereel gallery</title>
<style>
:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ margin: 0 auto; max-width: 86rem; padding: 4rem 4.5vw; background: var(--background); color: var(--ink);
  font: 1rem/1.55 system-ui, "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 2.4rem; letter-spacing: -.02em; line-height: 1.1; margin: 0 0 .5rem; }}
h2 {{ font-size: 1.15rem; line-height: 1.3; margin: 1rem 0 .3rem; }}
p {{ margin: 0 0 .6rem; max-width: 60ch; }}
header p, small {{ color: var(--muted); }} header p {{ max-width: none; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 3.2rem 2.2rem;
  margin-top: 3rem; }}
video {{ width: 100%; aspect-ratio: 16 / 9; object-fit: contain; display: block; border-radius: 6px;
  background: var(--background); box-shadow: 0 0 0 1px var(--faint); }}
video.dark {{ display: none; }}
@media (prefers-color-scheme: dark) {{ video.dark {{ display: block; }} video.light {{ display: none; }} }}
a {{ color: var(--blue); text-decoration: none; }} a:hover {{ text-decoration: underline; }}
code {{ font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }}
</style>
<header><h1>The noisereel gallery</h1>
<p>{count} scenes, each a file of at most 30 lines: <code>noisereel render NAME -o NAME.gif</code></p></header>
<main>
{cards}
</main>
<script>
const observer = new IntersectionObserver(entries => entries.forEach(entry =>
  entry.isIntersecting ? entry.target.play() : entry.target.pause()));
document.querySelectorAll("video").forEach(video => observer.observe(video));
</script>
</html>
"""

CARD = """<article>
<video class="light" src="{name}-light.mp4" muted loop playsinline preload="metadata"></video>
<video class="dark" src="{name}.mp4" muted loop playsinline preload="metadata"></video>
<h2>{title}</h2>
<p>{description}</p>
<small><code>{name}</code> &nbsp; <a href="{name}.gif">GIF</a> &nbsp; <a href="{name}.mp4">MP4</a> &nbsp;
<a href="{name}-light.mp4">MP4, light</a></small>
</article>"""


def page(scenes: dict[str, Path]) -> str:
    """Return the page as HTML, coloured like the themes `light` and `dark`."""
    registry = load_registry()
    cards = [
        CARD.format(name=name, title=_title(load_scene(name, registry).title or name), description=_description(file))
        for name, file in scenes.items()
    ]
    colors = {name: " ".join(f"--{role}: {color};" for role, color in THEMES[name].colors.items()) for name in FILES}
    return PAGE.format(count=len(cards), cards="\n".join(cards), **colors)


def _description(file: Path) -> str:
    """Return the comment at the top of a scene file, as HTML."""
    lines = file.read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return html.escape(" ".join(line.lstrip("# ") for line in lines[:end]))


def _title(title: str) -> str:
    """Return a title as HTML. Its formulas can contain only letters and one-character subscripts."""
    parts = re.split(r"\$(.*?)\$", html.escape(title))
    parts[1::2] = ["<i>" + re.sub(r"_(.)", r"<sub>\1</sub>", formula) + "</i>" for formula in parts[1::2]]
    return "".join(parts)


def render(name: str, folder: Path, quality: str) -> float:
    """Render all files of a scene; return the time taken, in seconds."""
    start = time.perf_counter()
    for theme, files in FILES.items():
        outputs = [argument for file in files for argument in ("-o", str(folder / file.format(name=name)))]
        cli.main(["render", name, "--theme", theme, "-q", quality, "--quiet", *outputs], standalone_mode=False)
    return time.perf_counter() - start


def main() -> None:
    """Render all scenes in parallel, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-q", "--quality", choices=("draft", "standard", "high"), default="draft")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="scenes to render in parallel")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    scenes, start = load_registry().scenes(), time.perf_counter()
    render_scene = partial(render, folder=arguments.folder, quality=arguments.quality)
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        names = {pool.submit(render_scene, name): name for name in scenes}
        for future in as_completed(names):
            print(f"{names[future]:24} {future.result():5.1f} s", flush=True)
    index = arguments.folder / "index.html"
    index.write_text(page(scenes), encoding="utf-8")
    print(f"{len(scenes)} scenes in {time.perf_counter() - start:.0f} s: {index.resolve()}")


if __name__ == "__main__":
    main()
