"""How many threads share the work: small products are slower on several, which wait for one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["by_rows", "shared", "threads"]

Part = TypeVar("Part")
Found = TypeVar("Found")


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Compute with so many threads, then with as many as before; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def shared(work: Callable[[Part], Found], parts: Sequence[Part]) -> list[Found]:
    """What work gives for each part, in their order; the parts are shared among torch's threads.

    Threads that each do a part of their own wait for one another once, those that share every product after each of
    them. Parts must have nothing to do with one another.
    """
    n, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    if n == 1 or len(parts) == 1:
        return [work(part) for part in parts]

    def alone(part: Part) -> Found:
        torch.set_num_threads(max(1, n // len(parts)))  # of the thread that this is, and of ones yet to begin
        with torch.set_grad_enabled(gradients):
            return work(part)

    try:
        return list(_pool(n).map(alone, parts))
    finally:
        torch.set_num_threads(n)


def by_rows(work: Callable[..., Tensor], x: Tensor, *beside: Tensor | None, least: int = 1_000) -> Tensor:
    """What work gives for rows of x and of what stands beside them, shared among torch's threads on the CPU.

    Args:
        work: Gives as many rows as it is given; rows must have nothing to do with one another.
        x: Rows, shape (n, …).
        beside: As many rows each, or None.
        least: Numbers of x that are worth a thread.
    """
    k = min(torch.get_num_threads(), x.numel() // least)
    if x.is_cuda or 1 < k > len(x):
        return work(x, *beside)
    if k <= 1:
        with threads(1):
            return work(x, *beside)
    columns = [[None] * k if each is None else each.tensor_split(k) for each in (x, *beside)]
    return torch.cat(shared(lambda part: work(*part), list(zip(*columns, strict=True))))


@lru_cache(maxsize=1)
def _pool(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="share")
