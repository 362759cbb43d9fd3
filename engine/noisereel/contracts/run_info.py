"""Run information: what is known of a run before it is simulated, for checks by layers and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dataset import Data
    from .denoiser import Denoiser, DenoiserContext
    from .schedule import Level

__all__ = ["RunInfo"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RunInfo:
    """A run before it is simulated.

    Attributes:
        name: The run's name.
        data: Its data, on the CPU.
        levels: Level of every visit.
        particles: Number of particles.
        from_data: Whether each particle belongs to a sample of the data.
        denoiser: Its denoiser, if it has one.
        has_estimates: Whether its samplers call a denoiser, so that there are estimates x̂_0 and ε̂.
        value_names: Names of the values that its metrics give, and ``trained`` if it shows its denoiser in training.
        aux_names: Names of the additional series that each of its samplers records.
        runs: All runs of the scene by name, including this one.
        context: Context for binding other denoisers than its own; None outside a scene.
    """

    name: str
    data: Data
    levels: Sequence[Level]
    particles: int
    from_data: bool = True
    denoiser: Denoiser | None = None
    has_estimates: bool = False
    value_names: Sequence[str] = ()
    aux_names: frozenset[str] = frozenset()
    runs: Mapping[str, RunInfo] = field(default_factory=dict, repr=False)
    context: DenoiserContext | None = None

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one particle."""
        return self.data.event_shape
