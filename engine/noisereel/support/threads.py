"""Threads: division of work among them. Sharing small products costs time: threads wait for one another after each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

__all__ = ["ThreadPlan", "by_rows", "settle", "shared", "thread_plan", "threads"]

Part = TypeVar("Part")
Result = TypeVar("Result")


_replaced: list[int] = []
"""Counts that `threads` has replaced at the moment, in all Python threads; the first one is the user's."""


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Temporarily set torch's thread count in this Python thread."""
    before = torch.get_num_threads()
    _replaced.append(before)
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _replaced.remove(before)


def settle() -> None:
    """Set torch's thread count in a Python thread that begins its work while `threads` is active in another one.

    A Python thread starts with the count that was set last, anywhere; results depend on it in their last bits.
    """
    if _replaced and torch.get_num_threads() != (usual := _replaced[0]):
        torch.set_num_threads(usual)


class ThreadPlan(NamedTuple):
    """The division of some work among threads.

    Attributes:
        threads: Number of threads.
        parts: Number of parts: one per thread, or 1 if threads share every product instead.
    """

    threads: int
    parts: int


def thread_plan(rows: int, least: float | None, device: torch.device) -> ThreadPlan:
    """Plan the division of independent rows among threads.

    Args:
        rows: Number of rows.
        least: Number of rows worth a thread, less than 1 if one row is worth several; None if rows must stay together.
        device: Device of the rows; they are divided only on the CPU.
    """
    n = torch.get_num_threads()
    if least is None or device.type != "cpu":
        return ThreadPlan(n, 1)
    k = max(1, min(n, int(rows / least)))
    return ThreadPlan(k, k) if k <= rows else ThreadPlan(n, 1)


def shared(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Return the result of ``work`` for each part, in order; torch's threads share the parts.

    Threads with parts of their own wait for one another once; threads that share every product wait after each. Parts
    must be independent of one another.
    """
    n, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    if n == 1 or len(parts) == 1:
        return [work(part) for part in parts]

    def run_part(part: Part) -> Result:
        torch.set_num_threads(max(1, n // len(parts)))  # for this thread and all that start later
        with torch.set_grad_enabled(gradients):
            return work(part)

    with threads(n):
        return list(_pool(n).map(run_part, parts))


def by_rows(work: Callable[..., Tensor], x: Tensor, *aligned: Tensor | None, least: float | None) -> Tensor:
    """Return ``work(x, *aligned)``; threads share the rows if that is faster.

    Args:
        work: Function that returns one row for each row it is given. Unless ``least`` is None, it must process rows
            independently, and several threads call it concurrently.
        x: Rows, shape (n, …).
        aligned: Tensors with a row for each row of x, or None.
        least: See `thread_plan`.
    """
    n, parts = thread_plan(len(x), least, x.device)
    with threads(n):
        if parts == 1:
            return work(x, *aligned)
        columns = [[None] * parts if rows is None else rows.tensor_split(parts) for rows in (x, *aligned)]
        return torch.cat(shared(lambda part: work(*part), list(zip(*columns, strict=True))))


@lru_cache(maxsize=1)
def _pool(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="share")
