"""Compilation: torch.compile with a measure of its cost and savings, and the plain network if it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .errors import first_line

__all__ = ["Compile", "Compiler", "uncompiled"]

Function = Callable[..., Tensor]


class Compile(Protocol):
    """A function that compiles a network, or returns it unchanged."""

    def __call__(self, network: nn.Module, plain: Function | None = None) -> Function: ...


def uncompiled(network: nn.Module, plain: Function | None = None) -> Function:
    """Return the network unchanged."""
    return network


@dataclass
class Compiler:
    """A compiler for the networks of denoisers that measures its cost and savings.

    Samplers are not compiled: their steps contain times as plain numbers, and torch would compile each step anew.

    Attributes:
        warn: Receives one line if compilation fails.
        cost: Seconds spent compiling.
        saved: Seconds saved by the calls of compiled networks.
        calls: Number of these calls.
    """

    warn: Callable[[str], None]
    cost: float = 0.0
    saved: float = 0.0
    calls: int = 0
    _failed: bool = field(default=False, init=False, repr=False)

    def __call__(self, network: nn.Module, plain: Function | None = None) -> Function:
        """Return a function that compiles a network when it is first called.

        Args:
            network: The network.
            plain: Function to compare with, and to call if compilation fails; the network itself if None.
        """
        compiled: Any = torch.compile(network)
        fallback: Function = plain or network
        plain_seconds: dict[torch.Size, float] = {}

        def call(x: Tensor, *args: Tensor | None) -> Tensor:
            if self._failed:
                return fallback(x, *args)
            if x.shape not in plain_seconds:
                return self._first_call(fallback, compiled, plain_seconds, x, args)
            out, seconds = _timed(compiled, x, args)
            self.saved += plain_seconds[x.shape] - seconds
            self.calls += 1
            return out

        return call

    def _first_call(
        self,
        fallback: Function,
        compiled: Function,
        plain_seconds: dict[torch.Size, float],
        x: Tensor,
        args: tuple[Any, ...],
    ) -> Tensor:
        """Compile for particles of a new shape, after timing the uncompiled network."""
        fallback(x, *args)  # a first call is slow for other reasons
        out, plain_seconds[x.shape] = _timed(fallback, x, args)
        try:
            result, seconds = _timed(compiled, x, args)
        except Exception as error:
            # Compilers fail in many ways (none is installed, an operation is not supported); the plain network works.
            self._failed = True
            self.warn(f"not compiled: {first_line(error)}")
            return out
        self.cost += seconds
        return result

    @property
    def summary(self) -> str | None:
        """Cost and savings in one line; None if nothing was compiled."""
        if not self.cost:
            return None
        savings = f"saved {self.saved:.1f} s" if self.saved >= 0 else f"lost {-self.saved:.1f} s"
        return f"compiled in {self.cost:.1f} s, {savings} in {self.calls:,} calls"


def _timed(function: Function, x: Tensor, args: tuple[Any, ...]) -> tuple[Tensor, float]:
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    began = perf_counter()
    out = function(x, *args)
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    return out, perf_counter() - began
