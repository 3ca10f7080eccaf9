"""The TSSDNet family against numbers of the authors' code, with weights filled in by a formula under the
authors' names.
"""

import importlib
from pathlib import Path

import pytest
import torch
from formula_weights import formula_weights

from dada import models, plugins
from dada.data import Batch
from dada.errors import DataError

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
NORM = ("weight", "bias", "running_mean", "running_var")
RESIDUAL = [
    *(f"conv{i}.weight" for i in (1, 2, 3)),
    *(f"bn{i}.{n}" for i in (1, 2, 3) for n in NORM),
    "nin.weight",
]
DILATED = [*(f"cv{i}.weight" for i in (1, 2, 4, 8)), *(f"bn{i}.{n}" for i in (1, 2, 4, 8) for n in NORM)]
CHANNELS = [16, 32, 64, 128, 128]


def official_shapes(kind: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in the authors' state dicts, in their order."""
    two = kind == "res_tssdnet_2d"
    kernel = lambda size: (size, size) if two else (size,)  # noqa: E731
    shapes = {"conv1.weight": (16, 1, *kernel(7)), **{f"bn1.{n}": (16,) for n in NORM}}
    for k, (channels, size) in enumerate(zip(CHANNELS, CHANNELS[1:], strict=False), start=1):
        if kind == "inc_tssdnet":
            for name in DILATED:
                shapes[f"DCM{k}.{name}"] = (size // 4, channels, 3) if name.startswith("cv") else (size // 4,)
        else:
            for name in RESIDUAL:
                inputs = channels if name in ("conv1.weight", "nin.weight") else size
                shape = (size, inputs, *kernel(1 if name.startswith("nin") else 3))
                shapes[f"RSM{k}.{name}"] = (size,) if name.startswith("bn") else shape
    for name, size, inputs in (("fc1", 64, 128), ("fc2", 32, 64), ("out", 2, 32)):
        shapes |= {f"{name}.weight": (size, inputs), f"{name}.bias": (size,)}
    return shapes


def build(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return models.build("audio", {"name": kind}, 2).eval()


def waveform() -> torch.Tensor:
    t = torch.arange(96_000, dtype=torch.float64) / 16_000
    return (0.5 * torch.sin(2 * torch.pi * (100 * t + 200 * t * t))).float()[None]


def image() -> torch.Tensor:
    return torch.sin(0.01 * torch.arange(432 * 400, dtype=torch.float64)).float().view(1, 432, 400)


@pytest.mark.parametrize(
    ("kind", "make_input", "num_tensors", "num_parameters", "bonafide_spoof"),
    [
        ("res_tssdnet", waveform, 75, 348_530, [0.30736062, 0.25206110]),
        ("inc_tssdnet", waveform, 91, 92_658, [0.15105815, 0.08804036]),
        ("res_tssdnet_2d", image, 75, 966_674, [0.30752271, 0.25135133]),
    ],
)
def test_the_authors_checkpoint_gives_the_authors_logits(
    kind, make_input, num_tensors, num_parameters, bonafide_spoof, tmp_path
):
    shapes = official_shapes(kind)
    assert len(shapes) == num_tensors
    model = build(kind)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == num_parameters
    torch.save({"epoch": 3, "model_state_dict": formula_weights(shapes)}, tmp_path / "official.pth")
    models.load_weights(model, "audio", kind, tmp_path / "official.pth")
    x = make_input()
    with torch.no_grad():
        output = model(Batch(["a"], x, torch.tensor([x.shape[-1]])))
    torch.testing.assert_close(
        output.logits[0], torch.tensor(bonafide_spoof[::-1]), atol=2e-6, rtol=0
    )  # ours: spoof first
    assert output.embedding.shape == (1, 32)
    torch.save(model.state_dict(), tmp_path / "ours.pt")
    again = build(kind)
    models.load_weights(again, "audio", kind, tmp_path / "ours.pt")  # not turned round a second time
    assert torch.equal(again.head.classify.weight, model.head.classify.weight)


@pytest.mark.parametrize("kind", ["res_tssdnet", "inc_tssdnet", "res_tssdnet_2d"])
def test_a_clip_without_a_step_for_the_last_module_is_refused(kind):
    model = build(kind)
    shortest = plugins.load("dada.models.audio", kind, "audio model").SHORTEST
    rows = () if kind != "res_tssdnet_2d" else (16,)
    assert torch.isfinite(
        model(Batch(["a"], torch.randn(1, *rows, shortest), torch.tensor([shortest]))).logits
    ).all()
    unit = "frames" if rows else "samples"
    with pytest.raises(
        DataError, match=f"utterance a: {shortest - 1} {unit}, but the network needs {shortest}"
    ):
        model(Batch(["a"], torch.randn(1, *rows, shortest), torch.tensor([shortest - 1])))
    if rows:
        with pytest.raises(DataError, match="at least 16 rows of features, not 15"):
            model(Batch(["a"], torch.randn(1, 15, 60), torch.tensor([60])))


def test_gradients_are_those_of_the_original_order():
    """ReLU after the max pool instead of before it changes no gradient."""
    model = build("res_tssdnet").double()
    block = model.blocks[0]
    x = torch.randn(2, 16, 1, 64, dtype=torch.float64, requires_grad=True)
    ours = torch.relu(torch.nn.functional.max_pool2d(block(x), (1, 4)))
    original = torch.nn.functional.max_pool2d(torch.relu(block(x)), (1, 4))
    assert torch.equal(ours, original)
    weight = torch.randn_like(ours)
    (grad,) = torch.autograd.grad((ours * weight).sum(), x)
    torch.testing.assert_close(
        grad, torch.autograd.grad((original * weight).sum(), x)[0], atol=1e-11, rtol=1e-10
    )


@pytest.mark.parametrize(
    ("kind", "shape"), [("res_tssdnet", (5000,)), ("inc_tssdnet", (5000,)), ("res_tssdnet_2d", (40, 60))]
)
def test_the_whole_network_has_the_gradients_of_its_plain_form(kind, shape, monkeypatch):
    """Up to rounding: by 1e-3 in float32, where a maximum may turn to another step, and by next to nothing in
    float64.
    """
    monkeypatch.syspath_prepend(BENCHMARKS)
    benchmark = importlib.import_module("convolutional")
    ours = build(kind)
    batch = Batch(
        ["a", "b", "c"], torch.randn(3, *shape), torch.full((3,), shape[-1]), torch.tensor([0, 1, 1])
    )
    assert benchmark.gradient_difference(ours, benchmark.plain_form(kind, ours), batch, torch.float64) < 1e-10
