"""RePaint: what is given is put in at every step, what is missing grows around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from noisereel.contracts.dataset import Data
from noisereel.contracts.sampler import Sampler, Step, StepContext
from noisereel.contracts.schedule import Level, Schedule, posterior, transition

from ..shared.gaussian import gaussian

__all__ = ["RePaint"]

Half = Literal["left", "right", "top", "bottom"]
Share = Annotated[float, Field(ge=0, le=1)]


class RePaint(Sampler):
    """Draws what is missing as DDPM would, noises what is given to the same level, and puts the two together.

        x_s = m·(α_s·x_0 + σ_s·z') + (1 − m)·x'_s,   x'_s ~ q(x_s | x_t, x̂_0),   m = 1 where given

    Every ``jump`` steps it goes as many steps back up by the forward process, ``repeats`` − 1 times, so that the two
    parts can come to agree. Even so what is missing follows the given part only roughly: by design the law is not
    the exact conditional one. What is given is the sample that the particle comes from or, started from the prior,
    the data's row of the particle's number.

    References:
        Lugmayr et al. (2022), arXiv:2201.09865, Eq. (8), algorithm 1, appendix B for the order of the times.
    """

    primary: ClassVar[str] = "given"

    given: Half | tuple[Share, ...] | tuple[tuple[Share, ...], ...] = "left"
    """What is given: 1 for each coordinate of a point or pixel of a picture (rows from the top) that is, 0 for what is
    missing. Or a half: of a picture; of points, all those whose clean x (``left``, ``right``) or y is on that side of
    0."""
    jump: int = Field(default=10, ge=1)
    """How many steps to go back up."""
    repeats: int = Field(default=5, ge=1, le=1000)
    """How often each stretch is gone through; 1 never goes back up."""

    @field_validator("given")
    @classmethod
    def _rows_of_one_length(cls, given: Any) -> Any:
        lengths = {len(row) for row in given if isinstance(row, tuple)}
        if not given or len(lengths) > 1 or 0 in lengths:
            raise ValueError("the mask must have rows of one length")
        return given

    def check(self, data: Data) -> str | None:
        """A mask must have the size of a sample."""
        return self._misfit(data.event_shape)

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Falling times that go back up now and then."""
        rising = super().path(schedule, start)[::-1]
        at = len(rising) - 1
        again = dict.fromkeys(range(1, at - self.jump + 1, self.jump), self.repeats - 1)
        out = [rising[at]]
        while at > 0:
            at -= 1
            out.append(rising[at])
            if again.get(at, 0) > 0:
                again[at] -= 1
                out += rising[at + 1 : at + self.jump + 1]
                at += self.jump
        return out

    def step(self, x: Tensor, t: Level, s: Level, ctx: StepContext, carry: Any) -> Step:
        """Take x_t to a cleaner level s, or back up to a noisier one.

        Raises:
            ValueError: The mask does not fit the particles.
        """
        if s.t > t.t:
            a, variance = transition(t, s)
            up, z = gaussian(x.mul(a), math.sqrt(variance), ctx)
            return Step(up, noise=z)
        x0 = ctx.model(x, t)
        on_x, on_x0, variance = posterior(s, t)
        missing, z = gaussian(x.mul(on_x).add_(x0, alpha=on_x0), math.sqrt(variance), ctx)
        clean = _clean(x, ctx)
        known = clean.mul(s.alpha).add_(ctx.draw(x, "given"), alpha=s.sigma)
        return Step(torch.lerp(missing, known, self._mask(clean)), x0, z)

    def _mask(self, clean: Tensor) -> Tensor:
        """1 where given, of a shape that spreads over the particles'."""
        if isinstance(self.given, str):
            return _half_plane(clean, self.given) if clean.ndim == 2 else _half_picture(clean, self.given)
        if message := self._misfit(tuple(clean.shape[1:])):
            raise ValueError(message)
        mask = torch.tensor(self.given, dtype=clean.dtype, device=clean.device)
        return mask[..., None] if clean.ndim == 4 else mask

    def _misfit(self, event_shape: tuple[int, ...]) -> str | None:
        """What is wrong with the mask's size, if anything."""
        if isinstance(self.given, str) or np.shape(self.given) == event_shape[:2]:
            return None
        wanted, got = ("×".join(map(str, shape)) for shape in (event_shape[:2], np.shape(self.given)))
        return f"the mask must have the size of a sample, {wanted}, got {got}"


def _clean(x: Tensor, ctx: StepContext) -> Tensor:
    """The clean samples that parts are given of, one for each particle."""
    if ctx.origin is not None:
        return ctx.origin
    data = ctx.data.x0
    rows = torch.arange(ctx.first_row, ctx.first_row + len(x), device=data.device) % len(data)
    return data[rows].to(x)


def _half_plane(clean: Tensor, half: Half) -> Tensor:
    along = clean[:, 0] if half in ("left", "right") or clean.shape[1] == 1 else clean[:, 1]
    inside = along < 0 if half in ("left", "bottom") else along > 0
    return inside.to(clean.dtype)[:, None]


def _half_picture(clean: Tensor, half: Half) -> Tensor:
    height, width = clean.shape[1:3]
    mask = clean.new_zeros(height, width)
    rows = {"top": slice(None, height // 2), "bottom": slice(height // 2, None)}.get(half, slice(None))
    columns = {"left": slice(None, width // 2), "right": slice(width // 2, None)}.get(half, slice(None))
    mask[rows, columns] = 1
    return mask[..., None] if clean.ndim == 4 else mask
