"""Small plugins for the tests of scenes, loaded by path like a user's file."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from noisereel.contracts.dataset import Data, Dataset, LoadContext
from noisereel.contracts.denoiser import Denoiser, DenoiserContext, Model
from noisereel.contracts.marks import Mark
from noisereel.contracts.probe import Metric
from noisereel.contracts.renderer import Renderer
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule, Spacing
from noisereel.registry.hookspecs import hookimpl


class Dot(Dataset):
    primary: ClassVar[str | None] = "path"

    path: str = "dot.csv"
    """File to read."""
    size: int | tuple[int, int] | None = Field(default=None, ge=1)
    """Size in pixels."""

    def load(self, ctx: LoadContext) -> Data:
        return Data(torch.zeros(1, 2))


class Ramp(Schedule):
    steps: int = Field(default=50, ge=0, le=1000)
    """Number of steps, T."""
    jump: float = 0.0
    """Added to α at the last step, to break the rule."""
    clean: float = 1.0
    """α at t = 0."""

    @property
    def T(self) -> float:
        return float(self.steps)

    def at(self, t: float) -> Level:
        alpha = self.clean if t == 0 else 1 - t / (self.T + 1) + self.jump * (t == self.T)
        return Level(t, alpha, max(0.0, 1 - alpha**2) ** 0.5)


class Even(Spacing):
    last: Literal["zero", "one"] = "zero"
    """Last time."""

    def times(self, schedule: Schedule, steps: int, start: float) -> tuple[float, ...]:
        return tuple(start * (steps - i) / steps for i in range(steps + 1))


class Guess(Denoiser):
    def bind(self, ctx: DenoiserContext) -> Model:
        raise NotImplementedError


class Mixed(Denoiser):
    parts: tuple[Denoiser, ...]
    """Denoisers to mix."""

    def bind(self, ctx: DenoiserContext) -> Model:
        raise NotImplementedError


class Up(Sampler):
    needs: ClassVar[frozenset[str]] = frozenset({"data"})

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        return Step(x)


class Down(Sampler):
    eta: float = Field(default=0.0, ge=0, le=1)
    """Share of new noise."""

    @field_validator("eta")
    @classmethod
    def _unlucky(cls, eta: float) -> float:
        if eta == 0.13:
            raise ValueError("0.13 brings bad luck; take 0.12")
        return eta

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        return Step(x)


class Spread(Metric):
    gives: ClassVar[tuple[str, ...]] = ("spread", "low_end")

    def measure(self, state: Any, ctx: Any) -> Any:
        return {}


class _Layer(Renderer):
    def marks(self, run: Any, moment: Any, ctx: Any) -> Iterable[Mark]:
        return ()


class Dots(_Layer):
    space = "plane"
    size: float = Field(default=1.0, gt=0)
    """Radius."""


class Line(_Layer):
    space = "time"
    primary: ClassVar[str | None] = "of"
    of: Sequence[str] | str = "spread"
    """Values to draw."""


@hookimpl
def register_datasets(register: Any) -> None:
    register("dot", Dot)


@hookimpl
def register_schedules(register: Any) -> None:
    register("ramp", Ramp)


@hookimpl
def register_spacings(register: Any) -> None:
    register("even", Even)


@hookimpl
def register_denoisers(register: Any) -> None:
    register("guess", Guess)
    register("mixed", Mixed)


@hookimpl
def register_samplers(register: Any) -> None:
    register("up", Up)
    register("down", Down)


@hookimpl
def register_metrics(register: Any) -> None:
    register("spread", Spread)


@hookimpl
def register_renderers(register: Any) -> None:
    register("dots", Dots)
    register("line", Line)
