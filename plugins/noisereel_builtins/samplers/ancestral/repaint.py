"""RePaint: inpainting that inserts the given part at every step."""

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
    """Inpainting: draws the missing part as DDPM would, noises the given part to the same level, and merges both.

        x_s = m·(α_s·x_0 + σ_s·z') + (1 − m)·x'_s,   x'_s ~ q(x_s | x_t, x̂_0),   m = 1 where given

    After every ``jump`` steps, it goes back up the same number of steps by the forward process, ``repeats`` − 1 times,
    so that the two parts can adapt to each other. Even so, the missing part matches the given part only roughly: by
    design, the law is not the exact conditional one. The given part is taken from the sample that the particle came
    from or, if the run starts from the prior, from row i mod n of the data for particle i.

    References:
        Lugmayr et al. (2022), arXiv:2201.09865, Eq. (8), algorithm 1, appendix B for the order of the times.
    """

    primary: ClassVar[str] = "given"

    given: Half | tuple[Share, ...] | tuple[tuple[Share, ...], ...] = "left"
    """The given part, as a mask: 1 for given and 0 for missing coordinates of a point or pixels of an image (rows from
    the top). Or a half: of an image, or all points whose clean x (``left``, ``right``) or y is on that side of 0."""
    jump: int = Field(default=10, ge=1)
    """Number of steps to go back up."""
    repeats: int = Field(default=5, ge=1, le=1000)
    """Number of passes through each stretch; 1 never goes back up."""

    @field_validator("given")
    @classmethod
    def _check_rows(cls, given: Any) -> Any:
        lengths = {len(row) for row in given if isinstance(row, tuple)}
        if not given or len(lengths) > 1 or 0 in lengths:
            raise ValueError("all rows of the mask must have the same length")
        return given

    def check(self, data: Data) -> str | None:
        """Return a message if the mask does not have the size of a sample, else None."""
        return self._size_error(data.event_shape)

    def path(self, schedule: Schedule, start: float | None) -> Sequence[float]:
        """Return decreasing times that go back up after every ``jump`` steps."""
        increasing = super().path(schedule, start)[::-1]
        i = len(increasing) - 1
        jumps_left = dict.fromkeys(range(1, i - self.jump + 1, self.jump), self.repeats - 1)
        times = [increasing[i]]
        while i > 0:
            i -= 1
            times.append(increasing[i])
            if jumps_left.get(i, 0) > 0:
                jumps_left[i] -= 1
                times += increasing[i + 1 : i + self.jump + 1]
                i += self.jump
        return times

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
        """Return the mask, 1 where given, in a shape that broadcasts over the particles."""
        if isinstance(self.given, str):
            return _half_plane(clean, self.given) if clean.ndim == 2 else _half_image(clean, self.given)
        if message := self._size_error(tuple(clean.shape[1:])):
            raise ValueError(message)
        mask = torch.tensor(self.given, dtype=clean.dtype, device=clean.device)
        return mask[..., None] if clean.ndim == 4 else mask

    def _size_error(self, event_shape: tuple[int, ...]) -> str | None:
        """Return a message if the mask does not have the size of a sample, else None."""
        if isinstance(self.given, str) or np.shape(self.given) == event_shape[:2]:
            return None
        expected, actual = ("×".join(map(str, shape)) for shape in (event_shape[:2], np.shape(self.given)))
        return f"the mask must have the size of a sample, {expected}, got {actual}"


def _clean(x: Tensor, ctx: StepContext) -> Tensor:
    """Return the clean samples that the given parts are taken from, one per particle.

    Raises:
        ValueError: There are no data.
    """
    if ctx.origin is not None:
        return ctx.origin
    data = ctx.data.x0
    if len(data) == 0:
        raise ValueError("it takes the given parts from data, and there are none")
    rows = torch.arange(ctx.first_row, ctx.first_row + len(x), device=data.device) % len(data)
    return data[rows].to(x)


def _half_plane(clean: Tensor, half: Half) -> Tensor:
    """Return a mask of the points in a half of the plane, shape (n, 1)."""
    coordinate = clean[:, 0] if half in ("left", "right") or clean.shape[1] == 1 else clean[:, 1]
    inside = coordinate < 0 if half in ("left", "bottom") else coordinate > 0
    return inside.to(clean.dtype)[:, None]


def _half_image(clean: Tensor, half: Half) -> Tensor:
    """Return a mask of the pixels in a half of the image, shape (H, W) or (H, W, 1)."""
    height, width = clean.shape[1:3]
    mask = clean.new_zeros(height, width)
    rows = {"top": slice(None, height // 2), "bottom": slice(height // 2, None)}.get(half, slice(None))
    columns = {"left": slice(None, width // 2), "right": slice(width // 2, None)}.get(half, slice(None))
    mask[rows, columns] = 1
    return mask[..., None] if clean.ndim == 4 else mask
