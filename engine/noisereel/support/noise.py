"""Keyed random draws: they depend on a key, never on what was drawn before.

The key is (seed, copy, act, t, s, repeat, stream, block), so runs can be divided into chunks, filmed in any way or
observed without changing a single number.
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

_BLOCK = 2**16  # numbers drawn with one key; a constant, so that numbers do not depend on chunking
_AT_ONCE = 16  # torch's CPU generator makes normal numbers in groups of this size, independent of those that follow
_STATE_WORDS = slice(24, 24 + 624 * 8)  # bytes of its state with the Mersenne twister's words, 8 bytes each


class _Source:
    """A generator that can be set to any key.

    torch seeds its CPU generator with only 32 bits, so that some of many thousand keys would share a seed; instead, all
    19,937 bits of its state are set from the key. CUDA's generator takes 64 bits.
    """

    def __init__(self, device: torch.device) -> None:
        self.generator = torch.Generator(device=device)
        self.on_cpu = device.type == "cpu"
        if self.on_cpu:
            self._state = self.generator.manual_seed(0).get_state()
            self._words = self._state.numpy()[_STATE_WORDS].view(np.uint64)  # the same memory

    def at(self, key: bytes) -> torch.Generator:
        """Return the generator, set to a key."""
        if not self.on_cpu:
            return self.generator.manual_seed(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1)
        self._words[:] = np.frombuffer(hashlib.shake_128(key).digest(624 * 4), np.uint32)
        return self.generator.set_state(self._state)


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one run.

    Attributes:
        seed: The scene's seed.
        copy: Index of the run's copy; copies differ only in noise.
        device: Device that numbers are drawn on.
        source: The generator, set to a key for every block.
    """

    seed: int
    copy: int
    device: torch.device
    source: _Source

    @classmethod
    def of(cls, seed: int, copy: int, device: torch.device) -> Noise:
        """Return the noise of a seed and copy on a device."""
        return cls(seed, copy, device, _Source(device))

    def at(self, act: int, t: float, s: float, repeat: int, first_row: int = 0) -> StepDraw:
        """Return the draws of one step.

        Args:
            act: Index of the sampler that takes the step.
            t: Time before the step.
            s: Time after the step.
            repeat: Number of times this act has stepped from t to s before.
            first_row: Index of the first particle among all particles of the run.
        """
        return StepDraw(self.source, struct.pack("<qqqddq", self.seed, self.copy, act, t, s, repeat), first_row)


class StepDraw(NamedTuple):
    """Standard normal noise for one step: ``draw(like, stream)``.

    The numbers of all particles, one particle after the other, form one sequence, divided into blocks with a key each.
    """

    source: _Source
    key: bytes
    first_row: int = 0

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor:
        """Draw noise of the shape, dtype and device of ``like``, shape (n, *event)."""
        begin = self.first_row * (like.numel() // max(1, len(like)))
        first, skipped = divmod(begin, _BLOCK)
        needed = skipped + like.numel()
        # On the CPU, the last block is drawn only as far as needed.
        whole = _AT_ONCE if self.source.on_cpu else _BLOCK
        out = like.new_empty(-(-needed // whole) * whole)
        key = self.key + stream.encode() + b"/"
        for block, part in enumerate(torch.split(out, _BLOCK), first):
            part.normal_(generator=self.source.at(key + str(block).encode()))
        return out[skipped:needed].view(like.shape)


@dataclass(frozen=True, slots=True)
class LoadDraw:
    """Random numbers for loading a data set: keyed by the seed and a name, always on the CPU."""

    seed: int

    def normal(self, *shape: int, name: str = "normal") -> Tensor:
        """Draw standard normal numbers, float32."""
        return torch.empty(shape).normal_(generator=self._at(name))

    def uniform(self, *shape: int, name: str = "uniform") -> Tensor:
        """Draw numbers uniform in [0, 1), float32."""
        return torch.empty(shape).uniform_(generator=self._at(name))

    def _at(self, name: str) -> torch.Generator:
        return _Source(torch.device("cpu")).at(f"load/{self.seed}/{name}".encode())
