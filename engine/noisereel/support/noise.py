"""Keyed random draws: what is drawn depends on a key, never on what was drawn before.

Every draw is named by (seed, copy, stream, act, t, s, visit, block), so runs can be cut into chunks, filmed in any
way or observed without changing a single number.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

__all__ = ["LoadDraw", "Noise", "StepDraw"]

_BLOCK = 2**16  # numbers that are drawn under one key; a constant, so that nothing depends on how particles are cut
_AT_ONCE = 16  # torch's CPU generator makes normal numbers by so many: the first so many do not depend on the rest
_STATE_WORDS = slice(24, 24 + 624 * 8)  # where that generator keeps the Mersenne twister's words, 8 bytes each


class _Source:
    """A generator that can be set to any key.

    torch seeds its CPU generator with 32 bits only, so thousands of keyed draws would soon share one; all of its
    19,937 bits are set from the key instead. CUDA's generator takes 64 bits.
    """

    def __init__(self, device: torch.device) -> None:
        self.generator = torch.Generator(device=device)
        self.on_cpu = device.type == "cpu"
        if self.on_cpu:
            self._state = self.generator.manual_seed(0).get_state()
            self._words = self._state.numpy()[_STATE_WORDS].view(np.uint64)  # the same memory

    def at(self, key: bytes) -> torch.Generator:
        if not self.on_cpu:
            return self.generator.manual_seed(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1)
        self._words[:] = np.frombuffer(hashlib.shake_128(key).digest(624 * 4), np.uint32)
        return self.generator.set_state(self._state)


@dataclass(frozen=True, slots=True)
class Noise:
    """All the noise of one run.

    Attributes:
        seed: The scene's seed.
        copy: Which repetition of the run; copies differ in noise only.
        device: Where the numbers are drawn.
        source: The generator, reseeded for every block.
    """

    seed: int
    copy: int
    device: torch.device
    source: _Source

    @classmethod
    def of(cls, seed: int, copy: int, device: torch.device) -> Noise:
        """The noise of a seed and copy on a device."""
        return cls(seed, copy, device, _Source(device))

    def at(self, act: int, t: float, s: float, visit: int, first_row: int = 0) -> StepDraw:
        """The draws of one step.

        Args:
            act: Which of the run's samplers steps.
            t: Time that is left.
            s: Time that is reached.
            visit: How often this act stepped from t to s before.
            first_row: Index of the first particle among all of the run.
        """
        return StepDraw(self.source, struct.pack("<qqqddq", self.seed, self.copy, act, t, s, visit), first_row)


class StepDraw(NamedTuple):
    """Draws standard normal noise for one step: ``draw(like, stream)``.

    The numbers of all particles, one particle after the other, are one sequence, which is cut into blocks that are
    keyed each.
    """

    source: _Source
    key: bytes
    first_row: int = 0

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor:
        """Noise of the shape, dtype and device of ``like``, shape (n, *event)."""
        begin = self.first_row * (like.numel() // max(1, len(like)))
        first, skipped = divmod(begin, _BLOCK)
        needed = skipped + like.numel()
        # On the CPU, the last block is drawn only as far as is needed.
        whole = _AT_ONCE if self.source.on_cpu else _BLOCK
        out = like.new_empty(-(-needed // whole) * whole)
        key = self.key + stream.encode() + b"/"
        for block, part in enumerate(torch.split(out, _BLOCK), first):
            part.normal_(generator=self.source.at(key + str(block).encode()))
        return out[skipped:needed].view(like.shape)


@dataclass(frozen=True, slots=True)
class LoadDraw:
    """Draws for loading a data set: keyed by the seed and a name, always on the CPU."""

    seed: int

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Standard normal numbers, float32."""
        return torch.empty(shape).normal_(generator=self._at(name))

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Numbers uniform in [0, 1), float32."""
        return torch.empty(shape).uniform_(generator=self._at(name))

    def _at(self, name: str) -> torch.Generator:
        return _Source(torch.device("cpu")).at(f"load/{self.seed}/{name}".encode())
