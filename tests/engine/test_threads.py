"""Work that threads share: in order, each on its own, and as it would be without them."""

import threading

import pytest
import torch

from noisereel.threads import by_rows, shared, threads


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


@pytest.mark.parametrize(
    ("shape", "n", "calls"),
    [
        ((5000, 2), 1, [(5000, 1)]),
        ((5000, 2), 2, [(2500, 1)] * 2),
        ((5001, 2), 3, [(1667, 1)] * 3),
        ((900, 2), 4, [(900, 1)]),  # too little work for two
        ((2, 30, 30, 3), 4, [(2, 4)]),  # much of it, in too few rows
    ],
)
def test_rows_are_shared_where_that_pays(shape, n, calls):
    x, beside = torch.randn(*shape), torch.arange(shape[0])
    said = []

    def work(x, beside, nothing):
        assert nothing is None
        said.append((len(x), torch.get_num_threads()))
        return x * beside.view(-1, *[1] * (x.ndim - 1))

    with threads(n):
        assert torch.equal(by_rows(work, x, beside, None), x * beside.view(-1, *[1] * (x.ndim - 1)))
        assert torch.get_num_threads() == n
    assert sorted(said) == calls


def test_gradients_flow_through_rows_that_were_shared():
    x = torch.randn(3000, 2, requires_grad=True)
    with threads(2):
        by_rows(lambda x: x**3, x).sum().backward()
    torch.testing.assert_close(x.grad, 3 * x.detach() ** 2)
