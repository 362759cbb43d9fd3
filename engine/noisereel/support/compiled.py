"""torch.compile, where it is asked for: what it costs and saves is told, and where it fails things go on without."""

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
    """Makes a network faster, or gives it back as it is."""

    def __call__(self, network: nn.Module, plain: Function | None = None) -> Function: ...


def uncompiled(network: nn.Module, plain: Function | None = None) -> Function:
    """No compiling at all."""
    return network


@dataclass
class Compiler:
    """Compiles the networks of denoisers and remembers what came of it.

    Only networks: the steps of samplers have times as plain numbers in them, and torch would compile each step anew.

    Attributes:
        warn: Told in one line where compiling fails.
        cost: Seconds spent compiling.
        saved: Seconds that the calls since then would have taken longer.
        calls: How many these were.
    """

    warn: Callable[[str], None]
    cost: float = 0.0
    saved: float = 0.0
    calls: int = 0
    _failed: bool = field(default=False, init=False, repr=False)

    def __call__(self, network: nn.Module, plain: Function | None = None) -> Function:
        """A network that is compiled when it is first called.

        Args:
            network: What to compile.
            plain: What is called if compiling fails, and compared with; the network itself where left out.
        """
        fast: Any = torch.compile(network)
        without: Function = plain or network
        known: dict[torch.Size, float] = {}

        def call(x: Tensor, *rest: Tensor | None) -> Tensor:
            if self._failed:
                return without(x, *rest)
            if x.shape not in known:
                return self._first(without, fast, known, x, rest)
            out, seconds = _timed(fast, x, rest)
            self.saved += known[x.shape] - seconds
            self.calls += 1
            return out

        return call

    def _first(
        self, without: Function, fast: Function, known: dict[torch.Size, float], x: Tensor, rest: tuple[Any, ...]
    ) -> Tensor:
        """The first call with particles of a shape: compiles, and times what it takes without."""
        without(x, *rest)  # a first call is slow for other reasons
        out, known[x.shape] = _timed(without, x, rest)
        try:
            compiled, seconds = _timed(fast, x, rest)
        except Exception as error:
            # Whatever a compiler may raise (there is none, it does not know an operation), the plain network will do.
            self._failed = True
            self.warn(f"not compiled: {first_line(error)}")
            return out
        self.cost += seconds
        return compiled

    @property
    def summary(self) -> str | None:
        """What compiling cost and saved; None if nothing was compiled."""
        if not self.cost:
            return None
        kept = f"saved {self.saved:.1f} s" if self.saved >= 0 else f"lost {-self.saved:.1f} s"
        return f"compiled in {self.cost:.1f} s, {kept} in {self.calls:,} calls"


def _timed(function: Function, x: Tensor, rest: tuple[Any, ...]) -> tuple[Tensor, float]:
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    began = perf_counter()
    out = function(x, *rest)
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
    return out, perf_counter() - began
