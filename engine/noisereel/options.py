"""How to render, as against what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from .writer import Quality

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to render.

    Attributes:
        device: Where runs are simulated.
        cache: Folder that records are kept in; None keeps nothing.
        workers: Processes that draw; 1 draws in this one.
        quality: How much time and space encoders spend; "high" also draws more finely.
        transparent: Leave the background out.
        compile: Compile the networks of denoisers.
        resume: Go on with interrupted training instead of starting anew.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    cache: Path | None = None
    workers: int = 1
    quality: Quality = "standard"
    transparent: bool = False
    compile: bool = False
    resume: bool = False
