"""docs/reference.md matches the plugins."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_reference_is_up_to_date() -> None:
    page = runpy.run_path(str(DOCS / "make_reference.py"))["page"]()
    message = "docs/reference.md is out of date: run python docs/make_reference.py"
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == page, message
