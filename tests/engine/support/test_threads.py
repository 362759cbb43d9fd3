"""Work shared among threads: order, thread counts, gradients and errors."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from noisereel.support.threads import by_rows, shared, threads


def test_parts_come_back_in_their_order_from_other_threads():
    with threads(3):
        results = shared(lambda part: (part, threading.get_ident(), torch.get_num_threads()), range(6))
        assert torch.get_num_threads() == 3
    assert [part for part, _, _ in results] == list(range(6))
    assert threading.get_ident() not in {thread for _, thread, _ in results}
    assert {count for _, _, count in results} == {1}


def test_fewer_parts_than_threads_get_several_threads_each():
    with threads(4):
        assert shared(lambda part: torch.get_num_threads(), range(2)) == [2, 2]


def test_one_thread_or_one_part_runs_in_the_calling_thread():
    caller = threading.get_ident()
    with threads(1):
        assert shared(lambda part: threading.get_ident(), range(3)) == [caller] * 3
    with threads(3):
        assert shared(lambda part: (threading.get_ident(), torch.get_num_threads()), range(1)) == [(caller, 3)]


def test_other_threads_record_gradients_only_if_this_one_does():
    with threads(2):
        for enabled in (True, False):
            with torch.set_grad_enabled(enabled):
                assert shared(lambda part: torch.is_grad_enabled(), range(2)) == [enabled] * 2


def test_errors_of_parts_are_raised_in_the_calling_thread():
    def work(part: int) -> int:
        if part:
            raise ValueError(f"part {part}")
        return part

    with threads(2):
        with pytest.raises(ValueError, match="part 1"):
            shared(work, range(2))
        assert torch.get_num_threads() == 2


def test_the_thread_count_is_restored_for_new_threads():
    with threads(2):
        shared(lambda part: part, range(2))
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2


@pytest.mark.parametrize(
    ("rows", "n", "least", "calls"),
    [
        (2500, 1, 1000, [(2500, 1)]),
        (2500, 4, 1000, [(1250, 1)] * 2),
        (2501, 2, 1000, [(1250, 1), (1251, 1)]),
        (1500, 4, 1000, [(1500, 1)]),  # too little work for two
        (4, 4, 0.2, [(1, 1)] * 4),
        (2, 4, 0.2, [(2, 4)]),  # enough work, but too few rows
        (2500, 4, None, [(2500, 4)]),
        (0, 4, 1000, [(0, 4)]),
    ],
)
def test_rows_are_shared_if_that_is_faster(rows, n, least, calls):
    x, factor = torch.randn(rows, 3), torch.arange(rows)
    made = []

    def work(x, factor, nothing):
        assert nothing is None
        made.append((len(x), torch.get_num_threads()))
        return x * factor[:, None]

    with threads(n):
        assert torch.equal(by_rows(work, x, factor, None, least=least), x * factor[:, None])
        assert torch.get_num_threads() == n
    assert sorted(made) == calls


def test_gradients_flow_through_rows_that_were_shared():
    x = torch.randn(3000, 2, requires_grad=True)
    with threads(2):
        by_rows(lambda x: x**3, x, least=1000).sum().backward()
    torch.testing.assert_close(x.grad, 3 * x.detach() ** 2)
