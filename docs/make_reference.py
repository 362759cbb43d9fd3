"""The reference: write docs/reference.md, tables of all built-in plugins: ``python docs/make_reference.py``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import noisereel_builtins
from noisereel.cli.plugin_help import parameters
from noisereel.registry.registry import KINDS, Registry

PAGE = Path(__file__).with_name("reference.md")

PUBLIC = (
    "noisereel",
    "noisereel.canvas.vector",
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
    "noisereel.support.memory",
    "noisereel.support.template",
    "noisereel.support.threads",
    "noisereel.support.typeset",
)
"""The modules that plugins may import from; the names in their ``__all__`` are the public interface."""

INTRODUCTION = """# All plugins

Generated from the plugins' documentation by `python docs/make_reference.py`. `noisereel plugins show NAME` shows the
whole documentation of a plugin, with equations and references.
"""


def page() -> str:
    """Return the page as Markdown."""
    registry = Registry.from_plugins({"noisereel": noisereel_builtins}, strict=True)
    parts = [INTRODUCTION]
    for kind in KINDS:
        rows = (line for name in registry.names(kind) for line in _rows(name, registry.get(kind, name)))
        parts.append(
            f"## {kind.capitalize()}s\n\n| name | description | parameters |\n|---|---|---|\n" + "\n".join(rows)
        )
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _rows(name: str, cls: type) -> Iterator[str]:
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    fields = [f"**{field}** ({kind}): {description}" for field, kind, description in parameters(cls)]
    yield f"| `{name}` | {_cell(summary)} | {'<br>'.join(map(_cell, fields))} |"


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
