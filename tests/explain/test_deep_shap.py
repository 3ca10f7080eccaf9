"""DeepSHAP: values that were computed apart, sums that come out, Shapley values by enumeration, and networks
that are refused.

What holds against Shapley values exactly (features absent = taken from the background): linear models; models
in which no non-linearity sees more than one feature, however many follow each other; a product of two
features. Elsewhere the rescale rule is an approximation of them whose sum is exact.
"""

import importlib
import itertools
import math

import pytest
import torch
from explain_toys import Net, as_batch, noise
from torch import nn

from dada.errors import ConfigError
from dada.explain.attribution import attribute
from dada.explain.methods import deep_shap
from dada.explain.methods._rescale import NotCovered

FIXTURE = {  # pool, class: f(x), mean f(b), sum, first row of the values, the last value
    ("avg", 0): (
        -0.08587823,
        -0.16566636,
        0.07978813,
        [0.000372, 0.000506, 0.000857, 0.001779, 0.003100, 0.001381],
        0.00416917,
    ),
    ("avg", 1): (
        0.30536910,
        0.32255641,
        -0.01718731,
        [0.000661, 0.000919, -0.000163, 0.000434, 0.003082, 0.001383],
        -0.00239622,
    ),
    ("max", 0): (
        0.00087648,
        -0.12840974,
        0.12928623,
        [-0.001828, -0.001906, 0.004446, 0.006334, 0.008027, 0.004036],
        -0.00600495,
    ),
    ("max", 1): (
        0.47127969,
        0.42846579,
        0.04281393,
        [-0.003032, -0.003719, 0.005065, 0.004248, 0.008544, 0.006328],
        0.00636240,
    ),
}
COVERED = [
    "bc_resmax",
    "ddws",
    "inc_tssdnet",
    "lcnn",
    "ofd",
    "pc_darts",
    "res_tssdnet",
    "res_tssdnet_2d",
    "resmax",
]


@pytest.mark.parametrize(("pool", "target"), FIXTURE)
def test_values_of_a_small_network(pool, target):
    pooling = nn.AvgPool2d(2) if pool == "avg" else nn.MaxPool2d(2)
    layers = [
        nn.Conv2d(1, 2, 3, padding=1),
        nn.ReLU(),
        pooling,
        nn.Flatten(),
        nn.Linear(12, 4),
        nn.ReLU(),
        nn.Linear(4, 2),
    ]
    model = Net(nn.Sequential(*layers)).double()
    for t, parameter in enumerate(model.parameters()):
        steps = torch.arange(parameter.numel(), dtype=torch.float64)
        parameter.data = (0.5 * torch.sin(0.7 * steps + t + 1)).view(parameter.shape)
    x = torch.sin(0.3 * torch.arange(24, dtype=torch.float64)).view(1, 4, 6)
    background = torch.cos(0.2 * torch.arange(72, dtype=torch.float64)).view(3, 4, 6)
    found = attribute(model, as_batch(x), as_batch(background), [target])
    output, base, total, first, last = FIXTURE[pool, target]
    values = found.values[0, 0]
    numbers = [float(found.output), float(found.base_value), float(values.sum()), float(values[-1, -1])]
    assert numbers == pytest.approx([output, base, total, last], abs=1e-7)
    assert values[0].tolist() == pytest.approx(first, abs=1e-6)
    assert float(found.completeness_error) < 1e-12


def test_overlapping_windows_send_to_one_place_together():
    weights = torch.sin(0.5 * torch.arange(30, dtype=torch.float64) + 1).view(5, 6)
    model = Net(lambda x: (nn.functional.max_pool2d(x, 3, 1, 1) * weights).sum((2, 3)))
    x = torch.sin(1.3 * torch.arange(30, dtype=torch.float64)).view(1, 5, 6)
    background = torch.cos(0.9 * torch.arange(30, dtype=torch.float64)).view(1, 5, 6)
    assert float(attribute(model, as_batch(x), as_batch(background)).values.sum()) == pytest.approx(
        -0.14452975, abs=1e-8
    )


def trained(name: str, steps: int) -> tuple[nn.Module, tuple[int, ...]]:
    """A network after a few steps of training on clips of which one class has a louder middle."""
    module = importlib.import_module(f"dada.models.audio.{name}")
    config, shape = module.example()
    torch.manual_seed(1)
    model = module.Model(config, 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(max(steps, 1)):
        batch = clips(8, shape, seed=step)
        loss = nn.functional.cross_entropy(model.train()(batch).logits, batch.labels)
        if steps:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model, shape


def clips(count: int, shape: tuple[int, ...], seed: int):
    x = noise(count, *shape, seed=seed, dtype=torch.float32)
    x[1::2, ..., shape[-1] // 3 : shape[-1] // 2] *= 3
    return as_batch(x)


@pytest.mark.parametrize("steps", [0, 4], ids=["random", "trained"])
@pytest.mark.parametrize("name", COVERED)
def test_values_add_up(name, steps):
    model, shape = trained(name, steps)
    batch, background = clips(2, shape, seed=100), as_batch(clips(12, shape, seed=101).inputs[::2])
    found = attribute(model, batch, background)
    assert found.values.shape == (2, 2, *shape) and found.num_background == 6
    error = (found.values.flatten(2).double().sum(2) - (found.output - found.base_value).double()).abs()
    # In float32 logits themselves are known to about 1e-6; the sums have to be right to 1e-3 of what there is
    # to explain.
    assert bool((error <= 1e-3 * (found.output - found.base_value).abs() + 1e-6).all()), error
    with torch.no_grad():
        # The method runs clips together with backgrounds, so that sums may be taken in another order.
        torch.testing.assert_close(model.eval()(batch).logits, found.output, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            found.base_value, model(background).logits.mean(0).expand(2, -1), rtol=1e-4, atol=1e-5
        )


def shapley(model: nn.Module, x: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """Values (K, features) by enumerating all sets of features; those outside of a set are taken from each
    background in turn.
    """
    size = x.numel()

    def worth(present: tuple[int, ...]) -> torch.Tensor:
        mixed = background.flatten(1).clone()
        mixed[:, list(present)] = x.flatten()[list(present)]
        with torch.no_grad():
            return model(as_batch(mixed.view_as(background))).logits.mean(0)

    values = []
    for i in range(size):
        others = [j for j in range(size) if j != i]
        total = torch.zeros_like(worth(()))
        for count in range(size):
            weight = math.factorial(count) * math.factorial(size - count - 1) / math.factorial(size)
            total += weight * sum(
                worth((*subset, i)) - worth(subset) for subset in itertools.combinations(others, count)
            )
        values.append(total)
    return torch.stack(values, dim=1)


def additive() -> nn.Module:
    """Three layers of non-linearities, each of one bin."""
    layers = [
        nn.Conv2d(1, 5, 1),
        nn.SELU(),
        nn.Conv2d(5, 5, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, 3, 1),
        nn.Sigmoid(),
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(18, 2))


SHAPLEY = {
    "linear": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.AvgPool2d((1, 2)), nn.Flatten(), nn.Linear(2, 2)
    ),
    "additive": additive,
    "product": lambda: (
        lambda x: torch.stack(
            [x[:, 0, 0, 0] * x[:, 0, 1, 2], x[:, 0, 0, 1].clone().mul_(x[:, 0, 1, 1])], dim=1
        )
    ),
}


@pytest.mark.parametrize("kind", SHAPLEY)
def test_shapley_values_by_enumeration(kind):
    torch.manual_seed(2)
    model = Net(SHAPLEY[kind]()).double().eval()
    x, background = noise(1, 2, 3), noise(4, 2, 3, seed=1)
    found = attribute(model, as_batch(x), as_batch(background))
    torch.testing.assert_close(found.values[0].flatten(1), shapley(model, x, background), rtol=0, atol=1e-12)


def test_linear_model_exactly():
    model = Net(nn.Sequential(nn.Flatten(), nn.Linear(6, 2))).double()
    x, background = noise(2, 2, 3), noise(20, 2, 3, seed=1)
    expected = model.run[1].weight.view(2, 2, 3) * (x - background.mean(0))[:, None]
    torch.testing.assert_close(
        attribute(model, as_batch(x), as_batch(background)).values, expected.detach(), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("x", "b", "multiplier"), [(2, -1, 2 / 3), (-1, 2, 2 / 3), (2, 1, 1), (-2, -1, 0), (3, 3, 1)]
)
def test_one_relu(x, b, multiplier):
    weights = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    model = Net(lambda image: torch.relu((image[:, 0, 0] * weights).sum(1, keepdim=True)))
    explained = torch.tensor([[[x, 0, 0]]], dtype=torch.float64)
    background = torch.tensor([[[b - 1, 0, 2]]], dtype=torch.float64)
    expected = multiplier * weights * (explained - background)[0, 0]
    torch.testing.assert_close(
        attribute(model, as_batch(explained), as_batch(background)).values[0, 0, 0], expected
    )


OPERATIONS = {
    "two ReLUs of one tensor": lambda x: torch.cat([x.relu(), nn.functional.relu(x - 1)], 1).mean((2, 3)),
    "ReLU of ReLU, in place": lambda x: torch.relu_(nn.functional.relu(x * 2).sub_(0.3)).mean((2, 3)),
    "in place and read by its first name": lambda x: relu_in_place(x * 2).mean((2, 3)),
    "max-feature-map": lambda x: torch.maximum(x[..., ::2], x[..., 1::2]).sum((2, 3)),
    "max of two": lambda x: torch.max(x, 0.3 - 2 * x).sum((2, 3)),
    "gate": lambda x: (x * torch.sigmoid(x.mean((2, 3), keepdim=True))).sum((2, 3)),
    "square": lambda x: (x * x).sum((2, 3)) + (x**2).mean((2, 3)),
    "smooth ones": lambda x: sum(
        f(x).sum((2, 3)) for f in (nn.functional.silu, nn.functional.gelu, torch.tanh, nn.functional.elu)
    ),
    "kinks": lambda x: (nn.functional.leaky_relu(x, 0.1) + x.abs() + x.clamp(-0.5, 0.5)).sum((2, 3)),
    "global maximum": lambda x: (
        x.amax((2, 3)) + x.amax((2, 3), keepdim=True).flatten(1) + x[:, 0].amax(2).sum(1, keepdim=True)
    ),
    "max pool, ceil": lambda x: nn.functional.max_pool2d(x, (2, 3), (1, 2), 1, ceil_mode=True).sum((2, 3)),
    "max pool, dilated": lambda x: nn.functional.max_pool2d(x, 2, 1, dilation=2).sum((2, 3)),
    "max pool of lines": lambda x: nn.functional.max_pool1d(x[:, 0], 3, 2, 1).sum((1, 2))[:, None],
    "max pool over padding": lambda x: nn.functional.max_pool2d(
        nn.functional.pad(x, (0, 4), value=-torch.inf), 2
    )[..., :4].sum((2, 3)),
    "average pools": lambda x: nn.functional.avg_pool2d(x.relu(), 3, 2, 1, count_include_pad=False).sum(
        (2, 3)
    ),
    "adaptive average": lambda x: nn.functional.adaptive_avg_pool2d(x.relu(), (3, 2)).sum((2, 3)),
}


def relu_in_place(x):
    x.relu_()
    return x


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_complete(name):
    model = Net(OPERATIONS[name])
    found = attribute(model, as_batch(noise(3, 6, 8)), as_batch(noise(20, 6, 8, seed=1)))
    assert float(found.completeness_error.max()) < 1e-10
    assert bool(found.values.isfinite().all())


REFUSED = {
    "softmax": (lambda x: x.flatten(1).softmax(1)[:, :2], "Softmax"),
    "choice": (lambda x: torch.where(x > 0, x, 2 * x).sum((2, 3)), "without gradient"),
    "best": (lambda x: x.flatten(1).topk(2).values, "Topk"),
    "quotient": (lambda x: (x / x.mean()).sum((2, 3)), "Div of 2"),
    "matrix product": (lambda x: (x @ x.transpose(2, 3)).sum((2, 3)), "Bmm of 2"),
    "own function": (lambda x: Doubled.apply(x).sum((2, 3)), "without gradient"),
}


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_rule_does_not_cover_is_refused(name):
    run, operation = REFUSED[name]
    with pytest.raises(NotCovered, match=operation):
        attribute(Net(run), as_batch(noise(1, 4, 6)), as_batch(noise(20, 4, 6)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aasist", "image"),
        ("rawnet2", "bank"),
        ("lcnn_lstm", r"lstms\.0 \(LSTM\)"),
        ("dada_audio", "compression"),
        ("gmm", "gmm|itself"),
    ],
)
def test_models_that_are_refused_say_where_and_what_instead(name, message):
    module = importlib.import_module(f"dada.models.audio.{name}")
    config, shape = module.example()
    model = module.Model(config, 2)
    x = noise(2, *shape, dtype=torch.float32)
    with pytest.raises(ConfigError, match=f"the module {message}.*use integrated_gradients"):
        attribute(model, as_batch(x), as_batch(x))


def test_module_is_named():
    model = Net(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Softmax(1)))
    with pytest.raises(NotCovered, match=r"run\.3 \(Softmax\).*\(Softmax\)"):
        attribute(model.double(), as_batch(noise(1, 4, 6)), as_batch(noise(2, 4, 6)))


def test_other_way_for_the_explained_input_is_refused():
    model = Net(
        lambda x: x.relu().sum((2, 3)) if float(x.detach().mean()) < 0 else x.relu().relu().sum((2, 3))
    )
    with pytest.raises(NotCovered, match="without gradient"):
        attribute(model, as_batch(noise(1, 4, 6) + 9), as_batch(noise(2, 4, 6) - 9))


def test_chunks_batches_and_targets_give_the_same():
    model, shape = trained("lcnn", 2)
    batch, background = clips(3, shape, seed=1), clips(20, shape, seed=2)
    whole = attribute(model, batch, background)
    one_by_one = attribute(model, batch, background, max_bytes=1)
    torch.testing.assert_close(whole.values, one_by_one.values, rtol=1e-3, atol=1e-6)
    last = attribute(model, deep_shap.rows(batch, slice(2, 3)), background, [1])
    torch.testing.assert_close(last.values[0, 0], whole.values[2, 1], rtol=1e-3, atol=1e-6)
    assert (last.targets, last.values.shape[:2]) == ([1], (1, 1))


def test_model_is_left_as_it_was():
    model, shape = trained("lcnn", 1)
    model.train()
    model.norm.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attribute(model, clips(1, shape, seed=1), clips(2, shape, seed=2))
    assert model.training and not model.norm.training and model.dropout.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
