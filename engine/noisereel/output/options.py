"""Render options: settings of a rendering that are not part of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..contracts.writer import Quality

__all__ = ["RenderOptions"]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Options of a rendering.

    Attributes:
        device: Device to simulate runs on: auto, cpu, cuda or cuda:N.
        cache: Folder of cached trajectories and weights; None disables the cache.
        workers: Number of drawing processes; 1 draws in this one.
        quality: Trade-off between encoding time and fidelity; "high" also draws at twice the size.
        transparent: Whether to omit the background.
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
