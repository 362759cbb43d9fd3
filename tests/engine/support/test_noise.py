"""Keyed noise: draws depend on their key alone."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from noisereel.support.noise import LoadDraw, Noise


def draw(shape, first_row=0, *, device="cpu", seed=0, copy=0, act=0, t=0.0, s=1.0, visit=0, stream="noise"):
    noise = Noise.of(seed, copy, torch.device(device))
    return noise.at(act, t, s, visit, first_row)(torch.empty(shape, device=device), stream)


@settings(max_examples=30, deadline=None)
@given(
    event_shape=st.sampled_from([(), (1,), (2,), (3, 5), (64,), (70, 80)]),
    n=st.integers(1, 40),
    cut=st.integers(0, 40),
    offset=st.integers(0, 9000),
)
def test_rows_do_not_depend_on_how_particles_are_split(event_shape, n, cut, offset):
    cut = min(cut, n)
    whole = draw((offset + n, *event_shape) if len(event_shape) < 2 else (n, *event_shape))[-n:]
    first = offset if len(event_shape) < 2 else 0
    parts = [draw((k, *event_shape), f) for k, f in ((cut, first), (n - cut, first + cut)) if k]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"copy": 1}, {"act": 1}, {"t": 0.5}, {"s": 2.0}, {"visit": 1}, {"stream": "start"}],
    ids=lambda other: next(iter(other)),
)
def test_every_part_of_the_key_changes_the_noise(other, device):
    a, b = draw((5000, 2), device=device), draw((5000, 2), device=device, **other)
    assert not torch.equal(a, b)
    correlation = torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
    assert abs(float(correlation)) < 0.05  # 5 standard errors


def test_blocks_share_no_numbers():
    blocks = draw((4, 2**16)).double()  # a row of this length is a block
    off_diagonal = torch.corrcoef(blocks) - torch.eye(4, dtype=torch.float64)
    assert float(off_diagonal.abs().max()) < 5 / 2**8  # 5 standard errors


def test_the_whole_state_of_the_generator_is_keyed_not_just_32_bits():
    # torch uses 32 bits of a CPU seed: with this number of draws, two would almost certainly coincide.
    noise, like = Noise.of(0, 0, torch.device("cpu")), torch.empty(1, 4096)
    singles = {float(noise.at(0, float(t), 0.5, 0)(like)[0, 0]) for t in range(20_000)}
    doubles = [float(noise.at(0, float(t), 0.5, 0)(like.double())[0, 0]) for t in range(2_000)]
    assert len(set(doubles)) == len(doubles)
    assert len(singles) > 19_950  # float32 normals coincide now and then by chance


def test_noise_is_standard_normal(device):
    z = torch.cat([draw((8192, 2), device=device, t=float(t)) for t in range(20)]).double().flatten()
    n = len(z)
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(float((z**power).mean()) - mean) < 5 * (variance / n) ** 0.5


def test_loading_draws_by_name():
    draw_ = LoadDraw(3)
    assert torch.equal(draw_.uniform(5, name="u"), LoadDraw(3).uniform(5, name="u"))
    assert not torch.equal(draw_.uniform(5, name="u"), draw_.uniform(5, name="v"))
    assert not torch.equal(draw_.normal(5), LoadDraw(4).normal(5))
    many = draw_.uniform(1000)
    assert float(many.min()) >= 0
    assert float(many.max()) < 1
