"""Options of a rendering that do not belong to the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..contracts.writer import Quality

__all__ = ["RenderOptions"]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to render.

    Attributes:
        device: Device that runs are simulated on: auto, cpu, cuda or cuda:N.
        cache: Folder that trajectories and weights are kept in; None keeps nothing.
        workers: Processes that draw; 1 draws in this one.
        quality: Trade-off between encoding time and fidelity; "high" also draws at twice the size.
        transparent: Whether to leave the background out.
        compile: Whether to compile the networks of denoisers.
        resume: Whether to resume interrupted training instead of starting again.
    """

    device: str = "cpu"
    cache: Path | None = None
    workers: int = 1
    quality: Quality = "standard"
    transparent: bool = False
    compile: bool = False
    resume: bool = False
