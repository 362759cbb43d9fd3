"""Shared by tests of all registered plugins: their names, an example of each, and noise keyed as in a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import noisereel_builtins
from noisereel.registry.registry import Registry
from noisereel.support.noise import Noise
from noisereel_builtins.schedules.linear import Linear

REGISTRY = Registry.from_plugins({"builtins": noisereel_builtins})

EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("schedule", "alpha-bars"): {"values": (0.9, 0.6, 0.6, 0.1)},
    ("schedule", "betas"): {"values": (0.1, 0.2, 0.5)},
    ("schedule", "zero-terminal-snr"): {"of": Linear()},
    ("spacing", "t-min"): {"t": 0.5},
    ("spacing", "times"): {"values": (12.0, 7.0, 1.0, 0.0)},
}
"""Required fields of plugins."""


def names(kind: str) -> list[str]:
    return REGISTRY.names(kind)


def example(kind: str, name: str, **fields: Any) -> Any:
    cls = REGISTRY.get(kind, name)
    needed = {field for field, info in cls.model_fields.items() if info.is_required()}
    required = EXAMPLES.get((kind, name), {})
    assert needed <= required.keys(), f"add an example of {kind} '{name}' with {needed}"
    return cls(**required, **fields)


def keyed(seed: int, first_row: int = 0) -> Any:
    """Return draws keyed as in a run; the number of earlier draws distinguishes the steps."""
    noise, visits = Noise.of(seed, 0, torch.device("cpu")), iter(range(10**6))

    def draw(like: Tensor, stream: str = "noise") -> Tensor:
        return noise.at(0, 0.0, 0.0, next(visits), first_row)(like, stream)

    return draw
