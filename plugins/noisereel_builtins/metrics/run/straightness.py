"""Straightness of the particles' paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from noisereel.contracts.probe import MeasureContext, Metric, Trace, Values
from noisereel.contracts.state import State

from ..distances.clouds import flat

__all__ = ["Straightness"]


class Straightness(Trace, Metric):
    """Straightness of the paths so far: the particles' distances from the start over the lengths of their paths.

    Σ‖x_t − x_start‖ / Σ (length of the path), over the recorded visits; 1 for straight paths. Random walks give about
    1/√steps, rectified flow between paired points gives 1.

    References:
        Liu et al. (2022), arXiv:2209.03003, section 2.2, for another measure of straightness.
    """

    gives: ClassVar[tuple[str, ...]] = ("straightness",)

    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Values]:
        """Yield ``straightness`` at every visit, from 0 to 1; 1 if nothing has moved."""
        start = previous = None
        length = 0.0
        for state in states:
            x = flat(state.x)
            start = x if start is None else start
            length += 0.0 if previous is None else float((x - previous).norm(dim=1).sum())
            previous = x
            chord = float((x - start).norm(dim=1).sum())
            yield {"straightness": np.asarray(min(chord / length, 1.0) if length else 1.0)}
