"""Work that threads share: in order, each on its own, and as it would be without them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from noisereel.support.threads import by_rows, shared, threads


def test_parts_come_back_in_their_order_from_other_threads():
    with threads(3):
        found = shared(lambda part: (part, threading.get_ident(), torch.get_num_threads()), range(6))
        assert torch.get_num_threads() == 3
    assert [part for part, _, _ in found] == list(range(6))
    assert threading.get_ident() not in {who for _, who, _ in found}
    assert {n for _, _, n in found} == {1}


def test_fewer_parts_than_threads_have_several_each():
    with threads(4):
        assert shared(lambda part: torch.get_num_threads(), range(2)) == [2, 2]


def test_one_thread_and_one_part_stay_where_they_are():
    here = threading.get_ident()
    with threads(1):
        assert shared(lambda part: threading.get_ident(), range(3)) == [here] * 3
    with threads(3):
        assert shared(lambda part: (threading.get_ident(), torch.get_num_threads()), range(1)) == [(here, 3)]


def test_other_threads_record_gradients_only_where_this_one_does():
    with threads(2):
        for wanted in (True, False):
            with torch.set_grad_enabled(wanted):
                assert shared(lambda part: torch.is_grad_enabled(), range(2)) == [wanted] * 2


def test_what_a_part_raises_is_raised_here():
    def work(part: int) -> int:
        if part:
            raise ValueError(f"part {part}")
        return part

    with threads(2):
        with pytest.raises(ValueError, match="part 1"):
            shared(work, range(2))
        assert torch.get_num_threads() == 2


def test_threads_that_begin_later_have_all_of_them_again():
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
        (2, 4, 0.2, [(2, 4)]),  # much of it, in too few rows
        (2500, 4, None, [(2500, 4)]),
        (0, 4, 1000, [(0, 4)]),
    ],
)
def test_rows_are_shared_where_that_pays(rows, n, least, calls):
    x, beside = torch.randn(rows, 3), torch.arange(rows)
    said = []

    def work(x, beside, nothing):
        assert nothing is None
        said.append((len(x), torch.get_num_threads()))
        return x * beside[:, None]

    with threads(n):
        assert torch.equal(by_rows(work, x, beside, None, least=least), x * beside[:, None])
        assert torch.get_num_threads() == n
    assert sorted(said) == calls


def test_gradients_flow_through_rows_that_were_shared():
    x = torch.randn(3000, 2, requires_grad=True)
    with threads(2):
        by_rows(lambda x: x**3, x, least=1000).sum().backward()
    torch.testing.assert_close(x.grad, 3 * x.detach() ** 2)
