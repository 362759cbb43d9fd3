"""States: what the timestep loop yields at every visited time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

from .parametrisation import to_eps
from .schedule import Level

__all__ = ["State"]


class State(NamedTuple):
    """One visited moment of a run.

    Attributes:
        index: Position in the run, 0 at its start.
        act: Index of the sampler that leaves from here.
        level: Time and noise level.
        x: Particles, shape (n, *event).
        x0: Estimate x̂_0 used to leave this state, if there was one; the last state has none.
        noise: Standard normal noise injected by the step that reached this state, if any.
        calls: Denoiser calls made so far, including those that leave this state.
        aux: Additional tensors from the sampler, by name.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs on a state
    act: int
    level: Level
    x: Tensor
    x0: Tensor | None = None
    noise: Tensor | None = None
    calls: int = 0
    aux: Mapping[str, Tensor] = MappingProxyType({})

    @property
    def eps(self) -> Tensor | None:
        """Estimate ε̂ used to leave this state; None if there is no estimate or no noise."""
        return None if self.x0 is None or self.level.sigma == 0 else to_eps(self.x, self.x0, self.level)
