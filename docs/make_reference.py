"""The generated pages: write those that `PAGES` lists: ``python docs/make_reference.py``."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).parent

sys.path.insert(0, str(DOCS))  # also for those who run this file as a path
from reference import api, commands, keys, plugins  # noqa: E402

PUBLIC = (
    "noisereel",
    "noisereel.canvas.vector",
    "noisereel.contracts.calls",
    "noisereel.contracts.dataset",
    "noisereel.contracts.denoiser",
    "noisereel.contracts.digests",
    "noisereel.contracts.figure",
    "noisereel.contracts.geometry",
    "noisereel.contracts.guides",
    "noisereel.contracts.identity",
    "noisereel.contracts.marks",
    "noisereel.contracts.parametrisation",
    "noisereel.contracts.plugin",
    "noisereel.contracts.probe",
    "noisereel.contracts.renderer",
    "noisereel.contracts.run_info",
    "noisereel.contracts.sampler",
    "noisereel.contracts.schedule",
    "noisereel.contracts.state",
    "noisereel.contracts.theme",
    "noisereel.contracts.trajectory",
    "noisereel.contracts.writer",
    "noisereel.learning",
    "noisereel.registry",
    "noisereel.support.errors",
    "noisereel.support.files",
    "noisereel.support.fonts",
    "noisereel.support.markup",
    "noisereel.support.memory",
    "noisereel.support.numbers",
    "noisereel.support.template",
    "noisereel.support.threads",
    "noisereel.support.typeset",
)
"""The modules that plugins may import from; the names in their ``__all__`` are the public interface."""

PAGES = {
    "api.md": lambda: api.page(PUBLIC[1:]),
    "commands.md": commands.page,
    "keys.md": keys.page,
    "reference.md": plugins.page,
}
"""Functions that return a page as Markdown, by the page's name."""


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
