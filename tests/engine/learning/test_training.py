"""Training: reproducible, equal to its formulas, shared among threads, and stopped early when it should be."""

import json
import math
import threading
from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from small import Even, Interrupting, Small, context, same, weights_of
from torch import nn

from noisereel.contracts.dataset import Data
from noisereel.contracts.denoiser import Pairs
from noisereel.learning import read_facts
from noisereel.learning.training import Training
from noisereel.support.threads import threads


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(tmp_path):
    first = weights_of(Small(), context(tmp_path / "a"))
    assert same(first, weights_of(Small(), context(tmp_path / "b")))
    assert not same(first, weights_of(Small(), context(tmp_path / "a", seed=1)))


def test_weights_trained_on_one_thread_have_one_key_for_any_number_of_threads(tmp_path):
    class Alone(Small):
        def examples_per_thread(self, event_shape):
            return 32  # all examples of a step

    homes = set()
    for n in (1, 2):
        with threads(n):
            homes.add((Small()._home(context(tmp_path)), Alone()._home(context(tmp_path))))
    assert [len(set(column)) for column in zip(*homes, strict=True)] == [2, 1]


def test_the_learning_rate_rises_and_falls():
    recipe = Small(steps=100, warm_up=10, learning_rate=0.1)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi * 9 / 100)))
    assert rates[-1] == pytest.approx(0.1 * 0.5 * (1 + math.cos(math.pi * 99 / 100)))
    assert rates[10:] == sorted(rates[10:], reverse=True)


class Convolutional(Small):
    """A network whose weights have another memory layout than their gradients would have by default."""

    def network(self, event_shape, classes, schedule):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.enter, self.leave = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 1, 3, padding=1)
                self.to(memory_format=torch.channels_last)

            def forward(self, x, u, labels=None):
                return self.leave(torch.tanh(self.enter(x[:, None]))).squeeze(1)

        return Net()


@pytest.mark.parametrize(("of", "event_shape"), [(Small, (2,)), (Convolutional, (8, 8))])
def test_a_step_is_adamws(tmp_path, of, event_shape):
    denoiser, ctx = of(weight_decay=0.1), context(tmp_path, data=Data(torch.randn(50, *event_shape)))
    network, twin = denoiser._new_network(ctx), denoiser._new_network(ctx)
    network.idle = twin.idle = nn.Parameter(torch.ones(3))  # not part of the loss: AdamW leaves it unchanged
    training = Training(network, denoiser, denoiser._examples(ctx).steps, denoiser.loss)
    reference = torch.optim.AdamW(twin.parameters(), weight_decay=0.1, fused=True)
    states, batches = training.states(watch=range(21)), training.batches(0)
    next(states)
    for step in range(20):
        reference.param_groups[0]["lr"] = denoiser.rate(step)
        denoiser.loss(twin, next(batches)).backward()
        reference.step()
        reference.zero_grad()
        next(states)
        assert same(network.state_dict(), twin.state_dict())


@pytest.mark.parametrize("parts", [2, 3])
def test_examples_shared_among_threads_give_the_same_gradients(tmp_path, parts):
    """Parts of 32 examples: halves, or 11, 11 and 10, weighted by their size."""
    seen = []

    class Shared(Small):
        drop_labels: float = 0.3
        weighting: str = "min-snr"

        def examples_per_thread(self, event_shape):
            return 32 / parts

        def loss(self, network, batch):
            seen.append((len(batch.x), threading.current_thread() is threading.main_thread()))
            return super().loss(network, batch)

    weights = []
    for n in (1, parts):
        small, ctx = Shared(steps=40, labelled=True), context(tmp_path / str(n))
        with threads(n):
            weights.append(weights_of(small, ctx))
            assert same(weights[-1], weights_of(small, context(tmp_path / f"{n} again")))
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-5, rtol=1e-4)
    assert seen[:80] == [(32, True)] * 80
    assert sorted(seen[80:]) == sorted([(len(part), False) for part in torch.arange(32).chunk(parts)] * 80)


def test_a_weight_with_a_gradient_in_only_one_part_is_updated(tmp_path):
    """Two equal parts that use different experts: the same gradients as for the whole batch."""

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x, u, labels=None):
            return self.left(x) if u[0] < 0.5 else self.right(x)

    denoiser = Small()
    batch = next(denoiser._examples(context(tmp_path)).steps(0))
    batch = replace(batch, u=(torch.arange(32) >= 16).float())
    network = Experts()
    whole, halves = (deepcopy(network) for _ in range(2))
    loss = sum(denoiser.loss(whole, part) for part in batch.cut(2)) / 2
    loss.backward()
    with threads(2):
        training = Training(halves, denoiser, None, denoiser.loss, parts=2)
        _, moved = training._gradients(batch)
    assert len(moved) == 4
    for moments, weight in zip(moved, whole.parameters(), strict=True):
        torch.testing.assert_close(moments.grad, weight.grad)


def test_averages_follow_the_weights(tmp_path):
    """avg ← k·avg + (1 − k)·w, w being the weights after each step; k = min(ema, (1 + n)/(10 + n))."""
    small, ctx = Small(ema=0.9, steps=30), context(tmp_path)
    training = Training(small._new_network(ctx), small, small._examples(ctx).steps, small.loss)
    expected = training.network.leave.weight.detach().clone()
    for state in training.states(range(31)):
        if state.step:
            keep = min(0.9, state.step / (9 + state.step))
            expected = keep * expected + (1 - keep) * training.network.leave.weight.detach()
        assert torch.allclose(training.average.leave.weight, expected, atol=1e-6)


def test_it_stops_when_the_held_out_loss_no_longer_falls(tmp_path):
    data = Data(torch.randn(12, 2, generator=torch.Generator().manual_seed(0)))
    small = Small(steps=5000, held_out=0.5, patience=2, learning_rate=0.02)
    ctx = context(tmp_path, data=data)
    facts = read_facts(small.weights_file(ctx))
    assert facts["step"] < 5000 and facts["step"] % 200 == 0
    # After an early stop, the rest of a film shows the last weights.
    last = small.snapshots(ctx, [0, 5000])[1]
    x = torch.tensor([[0.3, 0.1]])
    assert torch.equal(last.model(x, Even().at(5.0)), small.bind(ctx)(x, Even().at(5.0)))


def test_held_out_samples_are_never_trained_on(tmp_path):
    ctx = context(tmp_path)
    examples = Small(held_out=0.25, batch=400)._examples(ctx)
    trained, measured = ({tuple(row) for row in part.x0.tolist()} for part in (examples, examples.kept_back))
    assert (len(trained), len(measured), len(trained & measured)) == (150, 50, 0)


def test_one_gaussian_is_learned_to_its_posterior_mean(tmp_path):
    """On N(μ, s²) the posterior mean is linear in x_t; the network's mean squared error is below 2 % of s²."""
    mean, s = torch.tensor([0.8, -0.5]), 0.5
    x0 = mean + s * torch.randn(4000, 2, generator=torch.Generator().manual_seed(3))
    mean, s2 = x0.mean(0), x0.var(0)
    ctx = context(tmp_path, data=Data(x0))
    model = Small(predicts="v", steps=1500, learning_rate=0.01, batch=256).bind(ctx)
    noise = torch.randn(4000, 2, generator=torch.Generator().manual_seed(4))
    for t in (1.0, 3.0, 5.0, 10.0):
        level = Even().at(t)
        x = level.alpha * x0 + level.sigma * noise
        exact = mean + level.alpha * s2 / (level.alpha**2 * s2 + level.sigma**2) * (x - level.alpha * mean)
        assert float(((model(x, level) - exact) ** 2).mean()) < 0.02 * 0.25


def test_labels_are_used_and_one_stands_for_no_label(tmp_path):
    """Clusters at −1 and 1: a label sends very noisy points at 0 to its cluster; no label leaves them near 0."""
    ctx = context(tmp_path)
    small = Small(labelled=True, predicts="x0", steps=800, learning_rate=0.01, drop_labels=0.3)
    assert small.conditional(ctx) and not Small().conditional(ctx)
    model, level = small.bind(ctx), Even().at(10.0)
    x = torch.zeros(4, 2)
    guided = model(x, level, torch.tensor([0, 1, 0, 1]))[:, 0]
    assert torch.allclose(guided, torch.tensor([-1.0, 1, -1, 1]), atol=0.3)
    assert model(x, level)[:, 0].abs().max() < 0.4
    dropped = torch.cat([b.labels for _, b in zip(range(100), small._examples(ctx).steps(0), strict=False)]) == 2
    assert float(dropped.float().mean()) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("per_thread", [None, 500])
def test_a_network_that_allows_it_is_called_in_parts(tmp_path, per_thread):
    calls = []

    class Shared(Small):
        def examples_per_thread(self, event_shape):
            return per_thread

    def note(network, args):
        x, u, labels = args
        calls.append((len(x), len(u), len(labels), threading.current_thread() is threading.main_thread()))

    denoiser, ctx = Shared(labelled=True), context(tmp_path)
    network = denoiser._new_network(ctx)
    network.register_forward_pre_hook(note)
    model, level = denoiser.model(network, ctx.schedule), ctx.schedule.at(5.0)
    x, labels = torch.randn(1500, 2), torch.arange(1500) % 2
    with torch.no_grad(), threads(2):
        output = model(x, level, labels)
        same_label = model(x, level, torch.tensor([1]))
        assert calls == [(1500, 1500, 1500, True)] * 2 if per_thread is None else [(750, 750, 750, False)] * 4
        assert model(x[:0], level, labels[:0]).shape == (0, 2)
    with torch.no_grad(), threads(1):
        torch.testing.assert_close(output, model(x, level, labels))
        torch.testing.assert_close(same_label, model(x, level, torch.ones(1500).long()))


def test_snapshots_have_the_weights_of_their_steps(tmp_path):
    small, ctx = Small(), context(tmp_path)
    first, middle, last = small.snapshots(ctx, [0, 60, 120])
    x, level = torch.tensor([[0.5, 1.5]]), Even().at(4.0)
    assert math.isnan(first.loss) and first.loss != last.loss
    assert torch.equal(last.model(x, level), small.bind(ctx)(x, level))
    assert not torch.equal(first.model(x, level), middle.model(x, level))
    untrained = small.model(small._new_network(ctx), ctx.schedule)
    assert torch.equal(first.model(x, level), untrained(x, level))


def test_weight_files_describe_their_training(tmp_path):
    ctx = context(tmp_path, seed=5, provenance={"scene": "dataset: mine\n", "set": ["a=1"]})
    facts = read_facts(Small().weights_file(ctx))
    assert (facts["event"], facts["classes"], facts["seed"], facts["step"]) == ([2], None, 5, 120)
    assert (facts["scene"], facts["set"]) == ("dataset: mine\n", ["a=1"])
    assert json.dumps(facts["schedule"]).count("0.3") == 1


def test_everything_that_weights_depend_on_is_in_their_key(tmp_path):
    ctx = context(tmp_path)
    homes = {
        Small()._home(ctx),
        Small(batch=33)._home(ctx),
        Small()._home(replace(ctx, seed=1)),
        Small()._home(replace(ctx, schedule=Even(beta=0.2))),
        Small()._home(replace(ctx, data=Data(ctx.data.x0 + 1))),
    }
    assert len(homes) == 5
    assert (
        Small()._home(replace(ctx, training=replace(ctx.training, provenance={"scene": "other"}, resume=True))) in homes
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"labelled": True}, "'labelled' needs data with labels"),
        ({"held_out": 0.001}, "'held_out' leaves no samples to train on, or none to evaluate on, of 200"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_refused(tmp_path, fields, reason):
    ctx = context(tmp_path)
    assert Small(**fields).check(replace(ctx, data=Data(ctx.data.x0))) == reason


@pytest.mark.parametrize(("beta", "predicts", "warned"), [(0.8, "eps", True), (0.8, "v", False), (0.3, "eps", False)])
def test_predicting_eps_on_a_schedule_with_hardly_any_signal_at_its_end_gives_a_warning(
    tmp_path, beta, predicts, warned
):
    progress = Interrupting(1e9)
    Small(predicts=predicts, steps=2).bind(context(tmp_path, schedule=Even(beta=beta), progress=progress))
    message = "x̂_0 from ε̂ is divided by the signal, of which the schedule leaves 0.0003 at t = T: use v or velocity"
    assert progress.messages == ([f"predicts: eps: {message}"] if warned else [])


def test_times_below_1_cannot_be_learned(tmp_path):
    class Short(Even):
        T: ClassVar[float] = 0.5

    reason = Small().check(context(tmp_path, schedule=Short()))
    assert reason == "it is trained at integer times t = 1 … T, but this schedule ends at T = 0.5"


def test_patience_needs_held_out_samples():
    with pytest.raises(ValueError, match="'patience' needs held-out samples: set 'held_out' to a share such as 0.1"):
        Small(patience=3)


@pytest.mark.parametrize("seed", range(30))
def test_labels_mean_the_same_whichever_samples_are_held_out(tmp_path, seed):
    """Two samples of the last class may all be trained on, or all held out; "no label" stays the class after it."""
    labels = torch.tensor([0] * 20 + [1] * 20 + [2] * 2)
    ctx = context(tmp_path, data=Data(torch.randn(42, 2), labels), seed=seed)
    small = Small(labelled=True, held_out=0.5, drop_labels=1.0)
    examples = small._examples(ctx)
    for batch in (next(examples.steps(0)), examples.measured()):
        assert set(batch.labels.tolist()) == {3} == {small.classes(ctx.data)}


def test_pairs_that_are_too_few_to_hold_out_are_refused(tmp_path):
    one = torch.zeros(1, 2)
    with pytest.raises(ValueError) as error:
        Small(held_out=0.5)._examples(context(tmp_path, pairs=Pairs(one, one)))
    assert str(error.value) == "'held_out' leaves no samples to train on, or none to evaluate on, of 1"
