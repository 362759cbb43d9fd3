"""Networks: embeddings against their formulas, the fast path against the plain one, and the flow of gradients."""

import itertools
import math
import pickle

import einops
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from noisereel_builtins.networks.embeddings import Classes, Fourier, Sinusoidal, Table
from noisereel_builtins.networks.mlp import MLP
from noisereel_builtins.networks.unet import UNet

INPUTS = ["identity", "fourier", "sinusoidal"]
TIMES = ["none", "linear", "fourier", "sinusoidal", "learned"]


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


def perturbed(network: nn.Module) -> nn.Module:
    """Return the network with every parameter changed, so that layers that start at 0 have an effect."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network


def unet(event_shape: tuple[int, ...], **fields) -> UNet:
    return perturbed(UNet(event_shape, channels=8, **fields))


NETWORKS = {
    "mlp": lambda classes: (perturbed(MLP(3, classes=classes, width=32)), (3,)),
    "unet": lambda classes: (unet((8, 8), classes=classes, attention=True), (8, 8)),
}
both = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def test_sinusoidal_features_are_waves_of_falling_frequency():
    x = np.array([[0.3, -2.0], [1.0, 0.25]])
    # Sines of x_1, sines of x_2, then cosines likewise; frequencies 20, 20/10000^(1/2), 20/10000.
    omega = [20.0, 0.2, 0.002]
    phases = [[row[d] * w for d in (0, 1) for w in omega] for row in x]
    expected = [[*map(math.sin, p), *map(math.cos, p)] for p in phases]
    features = Sinusoidal(2, 12, 20.0)(torch.tensor(x, dtype=torch.float32))
    np.testing.assert_allclose(features.numpy(), expected, atol=1e-5)


def test_fourier_features_have_the_kernel_of_their_frequencies():
    # Tancik et al.: with ω ~ N(0, s²), the features' inner product tends to exp(−s²|x−y|²/2) (Bochner's theorem).
    x, y = torch.randn(2, 40, 2, generator=torch.Generator().manual_seed(1))
    gamma = Fourier(2, 100_000, 1.5)
    inner = (gamma(x) * gamma(y)).sum(1) / 50_000
    torch.testing.assert_close(inner, torch.exp(-(1.5**2) * (x - y).square().sum(1) / 2), atol=0.02, rtol=0)


def test_fourier_frequencies_are_fixed_and_ignore_the_global_seed():
    first = Fourier(2, 64, 3.0).omega
    torch.manual_seed(123)
    assert torch.equal(first, Fourier(2, 64, 3.0).omega)


def test_a_table_has_a_row_for_each_whole_time():
    table = Table(50, 4)
    t = torch.arange(51)
    assert torch.equal(table((t / 50)[:, None]), table.rows.weight)
    assert torch.equal(table(torch.tensor([[0.989]])), table.rows.weight[49:50])


def test_no_class_is_the_last_row():
    classes = Classes(10, 4)
    assert torch.equal(classes(None), classes.rows.weight[10:])
    assert torch.equal(classes(torch.tensor([10, 3])), classes.rows.weight[[10, 3]])


def residual_mlp(network: MLP, features: Tensor) -> Tensor:
    """Apply the network's layers to its input features in float64 NumPy, with the input weights concatenated."""
    w = [network.enter.weight] + ([] if network.enter_time is None else [network.enter_time.weight])
    h = np.tanh(features.double().numpy() @ torch.cat(w, 1).detach().double().numpy().T + array(network.enter.bias))
    for layer in network.layers:
        h = h + np.tanh(h @ array(layer.weight).T + array(layer.bias))
    return torch.from_numpy(h @ array(network.leave.weight).T + array(network.leave.bias))


def array(parameter: Tensor) -> np.ndarray:
    return parameter.detach().double().numpy()


def test_the_mlp_follows_its_equation():
    network = perturbed(MLP(2, input="identity", time="linear", width=16, depth=2, activation="tanh"))
    x, u = torch.randn(7, 2), torch.rand(7)
    expected = residual_mlp(network, torch.cat([x, 2 * u[:, None] - 1], 1))
    torch.testing.assert_close(network(x, u).double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("input", "time"), list(itertools.product(INPUTS, TIMES)))
def test_at_one_time_the_mlp_gives_the_same(input: str, time: str):
    network = perturbed(MLP(2, classes=3, T=50, input=input, time=time, width=64))
    x, u = torch.randn(2_345, 2), 17 / 50
    labels = torch.arange(len(x)) % 4  # with "no class" among them
    with torch.no_grad():
        scale = network(x, torch.full((len(x),), u)).abs().amax()
        for classes in (None, labels, labels[:1]):
            plain = network(x, torch.full((len(x),), u), None if classes is None else classes.expand(len(x)))
            fast = network.at(u, classes)(x)
            torch.testing.assert_close(fast / scale, plain / scale, atol=1e-6, rtol=0)


def test_at_one_time_the_unet_gives_the_same():
    network, x = unet((9, 7), classes=3), torch.randn(150, 9, 7)
    labels = torch.arange(150) % 4
    with torch.no_grad():
        for classes in (None, labels):
            plain = network(x, torch.full((150,), 0.3), classes)
            tolerance = 1e-5 * float(plain.abs().amax())
            torch.testing.assert_close(network.at(0.3, classes)(x), plain, atol=tolerance, rtol=0)


@both
@pytest.mark.parametrize("frozen", [False, True])
def test_at_one_time_gradients_flow_to_x(make, frozen):
    network, event_shape = make(None)
    network.requires_grad_(not frozen)
    x = torch.randn(5, *event_shape, requires_grad=True)
    plain = torch.autograd.grad(network(x, torch.full((5,), 0.4)).square().sum(), x)[0]
    fast = torch.autograd.grad(network.at(0.4)(x).square().sum(), x)[0]
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)


def test_at_one_time_gradients_flow_to_every_parameter_that_requires_them():
    network, x = perturbed(MLP(2, width=16)), torch.randn(9, 2)
    network.requires_grad_(False)
    network.layers.requires_grad_(True)
    network.at(0.4)(x).sum().backward()
    fast = [layer.weight.grad.clone() for layer in network.layers]
    network.zero_grad()
    network(x, torch.full((9,), 0.4)).sum().backward()
    for grad, layer in zip(fast, network.layers, strict=True):
        torch.testing.assert_close(grad, layer.weight.grad)


@both
def test_at_one_time_the_memory_layout_of_x_does_not_matter(make):
    network, event_shape = make(None)
    x = torch.randn(*reversed(event_shape), 2_000).permute(*range(len(event_shape), -1, -1))
    with torch.no_grad():
        assert torch.equal(network.at(0.4)(x), network.at(0.4)(x.contiguous()))


@both
def test_a_network_can_be_pickled(make):
    network, event_shape = make(3)
    again, x, u = pickle.loads(pickle.dumps(network)), torch.randn(2, *event_shape), torch.rand(2)
    assert torch.equal(again(x, u), network(x, u))


@both
def test_rows_are_independent(make):
    network, event_shape = make(5)
    x, u, labels = torch.randn(6, *event_shape), torch.rand(6), torch.arange(6)
    with torch.no_grad():
        together = network(x, u, labels)
        alone = torch.cat([network(x[i : i + 1], u[i : i + 1], labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


@both
def test_without_labels_a_row_is_of_no_class(make):
    network, event_shape = make(5)
    x, u = torch.randn(4, *event_shape), torch.rand(4)
    none = network(x, u)
    assert torch.equal(none, network(x, u, torch.full((4,), 5)))
    for label in range(5):
        assert float((none - network(x, u, torch.full((4,), label))).detach().abs().amax()) > 1e-3


@both
def test_dropped_labels_train_the_row_of_no_class_alone(make):
    network, event_shape = make(5)
    network(torch.randn(4, *event_shape), torch.rand(4), torch.tensor([5, 1, 5, 5])).square().sum().backward()
    reached = network.classes.rows.weight.grad.abs().sum(1) > 0
    assert reached.tolist() == [False, True, False, False, False, True]


@both
def test_gradients_reach_every_parameter(make):
    network, event_shape = make(5)
    network(torch.randn(8, *event_shape), torch.rand(8), torch.arange(8) % 6).square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("time", TIMES)
def test_time_matters_unless_there_is_none(time: str):
    network = MLP(2, T=50, time=time)
    x = torch.randn(9, 2)
    change = network(x, torch.full((9,), 0.2)) - network(x, torch.full((9,), 0.22))
    assert (float(change.detach().abs().amax()) > 1e-4) == (time != "none")


def test_time_matters_to_the_unet():
    network, x = unet((8, 8)), torch.randn(2, 8, 8)
    assert float((network(x, torch.full((2,), 0.2)) - network(x, torch.full((2,), 0.22))).detach().abs().amax()) > 1e-3


def test_the_unet_starts_at_zero():
    assert not UNet((8, 8))(torch.randn(2, 8, 8), torch.rand(2)).any()


@pytest.mark.parametrize("event_shape", [(8, 8), (9, 13), (28, 28), (31, 64), (8, 8, 3), (33, 9, 3)], ids=str)
@pytest.mark.parametrize("multipliers", [(1,), (1, 2, 2)], ids=["one size", "three sizes"])
def test_the_unet_takes_images_of_any_size_and_colour(event_shape: tuple[int, ...], multipliers: tuple[int, ...]):
    network = unet(event_shape, multipliers=multipliers)
    x = torch.randn(2, *event_shape, requires_grad=True)
    out = network(x, torch.rand(2))
    assert out.shape == x.shape
    # The last pixel of the second image depends on all colours around it, and on nothing in the first image.
    out[1, -1, -1].sum().backward()
    assert not x.grad[0].any() and x.grad[1, -2:, -2:].all()


@pytest.mark.parametrize("event_shape", [(28, 12), (28, 12, 3)], ids=str)
def test_a_patch_is_a_pixel_with_more_channels(event_shape: tuple[int, ...]):
    patched = unet(event_shape, patch=2)
    unpatched = UNet((14, 6, 4 * math.prod(event_shape[2:])), channels=8)
    unpatched.load_state_dict(patched.state_dict())
    x, u = torch.randn(3, *event_shape), torch.rand(3)
    pattern = "n (h i) (w j) c -> n h w (c i j)" if len(event_shape) == 3 else "n (h i) (w j) -> n h w (i j)"
    patches = einops.rearrange(patched(x, u), pattern, i=2, j=2)
    torch.testing.assert_close(patches, unpatched(einops.rearrange(x, pattern, i=2, j=2), u))


def test_attention_is_a_softmax_over_pixels():
    attention = unet((5, 4), multipliers=(1,), attention=True).sizes.attention
    h = torch.randn(2, 8, 5, 4)
    pixels = attention.norm(h).reshape(2, 8, 20).transpose(1, 2).detach().double().numpy()
    w, b = array(attention.query_key_value.weight), array(attention.query_key_value.bias)
    query, key, value = (pixels @ w[i : i + 8].T + b[i : i + 8] for i in (0, 8, 16))
    weights = np.exp(np.einsum("nid,njd->nij", query, key) / math.sqrt(8))
    mean = (weights / weights.sum(2, keepdims=True)) @ value
    change = mean @ array(attention.leave.weight).T + array(attention.leave.bias)
    expected = array(h) + change.transpose(0, 2, 1).reshape(2, 8, 5, 4)
    np.testing.assert_allclose(attention(h).detach().numpy(), expected, atol=1e-5)
