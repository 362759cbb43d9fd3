"""How straight the particles' paths are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noisereel.contracts.probe import MeasureContext, Metric, Trace
from noisereel.contracts.state import State

from ..distances.clouds import flat

__all__ = ["Straightness"]


class Straightness(Trace, Metric):
    """Distance from where a particle began over the length of its path so far, over all particles: 1 is straight.

    Σ‖x_t − x_start‖ / Σ (length of the path), over the visits that are recorded. Random walks give about 1/√steps,
    rectified flow between paired points gives 1.

    References:
        Liu et al. (2022), arXiv:2209.03003, section 2.2, for straightness by another measure.
    """

    gives: ClassVar[tuple[str, ...]] = ("straightness",)

    def follow(self, states: Iterable[State], ctx: MeasureContext) -> Iterator[Mapping[str, NDArray[np.generic]]]:
        """``straightness`` at every visit, from 0 to 1; 1 where nothing has moved."""
        start = before = None
        length = 0.0
        for state in states:
            x = flat(state.x)
            start = x if start is None else start
            length += 0.0 if before is None else float((x - before).norm(dim=1).sum())
            before = x
            chord = float((x - start).norm(dim=1).sum())
            yield {"straightness": np.asarray(chord / length if length else 1.0)}
