"""Keyed random draws: what is drawn depends on a key, never on what was drawn before.

Every draw is named by (seed, copy, stream, act, t, s, visit, block), so runs can be cut into chunks, filmed in any
way or observed without changing a single number.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LoadDraw", "Noise", "StepDraw", "block_rows"]

_BLOCK_NUMBERS = 8192
_STATE_WORDS = slice(24, 24 + 624 * 8)  # where torch's CPU generator keeps the Mersenne twister's words, 8 bytes each


def block_rows(event: torch.Size | tuple[int, ...]) -> int:
    """How many particles one block holds; depends on the event's shape alone. Blocks are drawn whole, then cut."""
    return max(1, _BLOCK_NUMBERS // max(1, torch.Size(event).numel()))


class _Source:
    """A generator that can be set to any key.

    torch seeds its CPU generator with 32 bits only, so thousands of keyed draws would soon share one; all of its
    19,937 bits are set from the key instead. CUDA's generator takes 64 bits.
    """

    def __init__(self, device: torch.device) -> None:
        self.generator = torch.Generator(device=device)
        self._state = self.generator.manual_seed(0).get_state() if device.type == "cpu" else None

    def at(self, key: bytes) -> torch.Generator:
        if self._state is None:
            return self.generator.manual_seed(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1)
        words = torch.frombuffer(bytearray(hashlib.shake_128(key).digest(624 * 4)), dtype=torch.int32)
        self._state[_STATE_WORDS].view(torch.int64).copy_(words).bitwise_and_(0xFFFFFFFF)
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


@dataclass(frozen=True, slots=True)
class StepDraw:
    """Draws standard normal noise for one step: ``draw(like, stream)``."""

    source: _Source
    key: bytes
    first_row: int = 0

    def __call__(self, like: Tensor, stream: str = "noise") -> Tensor:
        """Noise of the shape, dtype and device of ``like``, shape (n, *event)."""
        rows, n = block_rows(like.shape[1:]), len(like)
        first, last = self.first_row // rows, -(-(self.first_row + n) // rows)
        out = torch.empty(((last - first) * rows, *like.shape[1:]), dtype=like.dtype, device=like.device)
        key = self.key + stream.encode()
        for block in range(first, last):
            generator = self.source.at(key + b"/" + str(block).encode())
            out[(block - first) * rows : (block - first + 1) * rows].normal_(generator=generator)
        begin = self.first_row - first * rows
        return out[begin : begin + n]


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
