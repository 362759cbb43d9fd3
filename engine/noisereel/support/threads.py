"""How threads share the work: small products are slower on several, which wait for one another after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

__all__ = ["ThreadPlan", "by_rows", "shared", "thread_plan", "threads"]

Part = TypeVar("Part")
Found = TypeVar("Found")


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute with so many threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class ThreadPlan(NamedTuple):
    """Who does some work.

    Attributes:
        threads: Threads at work.
        parts: In how many parts they share it: as many as threads, or 1 if they share every product.
    """

    threads: int
    parts: int


def thread_plan(rows: int, least: float | None, device: torch.device) -> ThreadPlan:
    """Who works on rows that have nothing to do with one another.

    Args:
        rows: How many.
        least: Rows that are worth a thread of their own, less than 1 if one is worth several; None if they must not be
            parted.
        device: Where they are; only the CPU's are parted.
    """
    n = torch.get_num_threads()
    if least is None or device.type != "cpu":
        return ThreadPlan(n, 1)
    k = max(1, min(n, int(rows / least)))
    return ThreadPlan(k, k) if k <= rows else ThreadPlan(n, 1)


def shared(work: Callable[[Part], Found], parts: Sequence[Part]) -> list[Found]:
    """What work gives for each part, in their order; the parts are shared among torch's threads.

    Threads that each do a part of their own wait for one another once, those that share every product after each of
    them. Parts must have nothing to do with one another.
    """
    n, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    if n == 1 or len(parts) == 1:
        return [work(part) for part in parts]

    def alone(part: Part) -> Found:
        torch.set_num_threads(max(1, n // len(parts)))  # of the thread that this is, and of all that begin from now on
        with torch.set_grad_enabled(gradients):
            return work(part)

    try:
        return list(_pool(n).map(alone, parts))
    finally:
        torch.set_num_threads(n)


def by_rows(work: Callable[..., Tensor], x: Tensor, *beside: Tensor | None, least: float | None) -> Tensor:
    """What work gives for rows of x and of what stands beside them; threads share the rows where that is faster.

    Args:
        work: Gives as many rows as it is given. Unless ``least`` is None, rows must have nothing to do with one another
            for it, and several threads call it at once.
        x: Rows, shape (n, …).
        beside: As many rows each, or None.
        least: See `crew`.
    """
    n, parts = thread_plan(len(x), least, x.device)
    with threads(n):
        if parts == 1:
            return work(x, *beside)
        columns = [[None] * parts if each is None else each.tensor_split(parts) for each in (x, *beside)]
        return torch.cat(shared(lambda part: work(*part), list(zip(*columns, strict=True))))


@lru_cache(maxsize=1)
def _pool(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="share")
