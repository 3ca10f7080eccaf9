"""PC-DARTS against the published sizes and against a plain version of its structure, with weights filled in
by a formula.
"""

import math

import pytest
import torch
from formula_weights import formula_weights

from dada import models
from dada.data import Batch
from dada.errors import ConfigError
from dada.models.audio import pc_darts

AFFINE = ("weight", "bias", "running_mean", "running_var")
PLAIN = AFFINE[2:]


def norm(name: str, size: int, names: tuple[str, ...]) -> dict:
    return {f"{name}.{n}": (size,) for n in names}


def separable(name: str, first: int, channels: int, kernel: int) -> dict:
    """Tensors of one ReLU, depthwise and pointwise convolution, BatchNorm; the ReLU is number `first - 1`."""
    convs = {
        f"{name}.{first}.weight": (channels, 1, kernel, kernel),
        f"{name}.{first + 1}.weight": (channels, channels, 1, 1),
    }
    return convs | norm(f"{name}.{first + 2}", channels, AFFINE)


def official_shapes(width: int, num_cells: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in a state dict of the authors' network without its front end, in their order."""
    shapes = {"stem0.0.weight": (width // 2, 1, 3, 3), **norm("stem0.1", width // 2, AFFINE)}
    shapes |= {"stem0.3.weight": (width, width // 2, 3, 3), **norm("stem0.4", width, AFFINE)}
    shapes |= {"stem1.1.weight": (width, width, 3, 3), **norm("stem1.2", width, AFFINE)}
    config, before, last, channels, reduced = pc_darts.Config(), width, width, width, True
    for i in range(num_cells):
        reduction = i in (num_cells // 3, 2 * num_cells // 3)
        channels *= 2 if reduction else 1
        cell = f"cells.{i}"
        if reduced:
            shapes |= {f"{cell}.preprocess0.conv_{k}.weight": (channels // 2, before, 1, 1) for k in (1, 2)}
            shapes |= norm(f"{cell}.preprocess0.bn", channels, PLAIN)
        else:
            shapes |= {
                f"{cell}.preprocess0.op.1.weight": (channels, before, 1, 1),
                **norm(f"{cell}.preprocess0.op.2", channels, PLAIN),
            }
        shapes |= {
            f"{cell}.preprocess1.op.1.weight": (channels, last, 1, 1),
            **norm(f"{cell}.preprocess1.op.2", channels, PLAIN),
        }
        for j, entry in enumerate(config.reduce if reduction else config.normal):
            kind, size = entry.split()[0][:3], int(entry.split()[0][-1])
            name = f"{cell}._ops.{j}.op"
            if kind in ("sep", "dil"):
                shapes |= separable(name, 1, channels, size)
            if kind == "sep":
                shapes |= separable(name, 5, channels, size)
        before, last, reduced = last, 4 * channels, reduction
    return shapes | {"classifier.weight": (2, last), "classifier.bias": (2,)}


def batch_of(x: torch.Tensor) -> Batch:
    return Batch([f"u{i}" for i in range(len(x))], x, torch.full((len(x),), x.shape[-1]))


@pytest.mark.parametrize(
    ("num_cells", "width", "size", "logits", "embedding"),
    [
        (4, 16, (60, 251), [-0.2190455, -0.0915795], [-0.2164752, -0.2210373, 0.1789277]),
        (4, 16, (513, 501), [-0.4837901, -0.4435897], [0.9315641, -0.8218400, -1.1517573]),
        (8, 32, (60, 251), [-0.0722631, 0.0037163], [0.0109462, -0.0127354, -0.0123417]),
    ],
)
def test_a_checkpoint_under_the_authors_names(num_cells, width, size, logits, embedding, tmp_path):
    """The logits are those of a plain transcription of the authors' structure with the same weights."""
    state = formula_weights(official_shapes(width, num_cells))
    state |= {"feature.lfcc_fb": torch.zeros(513, 70), "feature.l_dct.weight": torch.zeros(70, 70)}
    torch.save(state, tmp_path / "official.pth")
    model = models.build(
        "audio", {"name": "pc_darts", "num_cells": num_cells, "num_channels": width}, 2
    ).eval()
    models.load_weights(model, "audio", "pc_darts", tmp_path / "official.pth")
    x = (2 * torch.sin(0.01 * torch.arange(math.prod(size), dtype=torch.float64))).float().view(1, *size)
    with torch.no_grad():
        output = model(batch_of(x))
    torch.testing.assert_close(output.logits[0], torch.tensor(logits), atol=2e-6, rtol=0)
    torch.testing.assert_close(output.embedding[0, :3], torch.tensor(embedding), atol=5e-6, rtol=0)


@pytest.mark.parametrize(
    ("num_cells", "width", "total"), [(4, 16, 147_274), (8, 32, 974_898), (16, 64, 7_515_682)]
)
def test_published_sizes(num_cells, width, total):
    model = pc_darts.Model(pc_darts.Config(num_channels=width, num_cells=num_cells), 2)
    count = lambda module: sum(p.numel() for p in module.parameters() if p.requires_grad)  # noqa: E731
    assert count(model) == total
    if num_cells == 4:
        assert [count(m) for m in (model.stem.quarter, model.stem.eighth, *model.cells, model.classify)] == [
            1272,
            2336,
            4816,
            16_480,
            58_560,
            63_296,
            514,
        ]


def test_maps_have_the_published_shapes():
    model = pc_darts.Model(pc_darts.Config(), 2).eval()
    shapes = []
    for module in (model.stem.quarter, model.stem.eighth, *model.cells):
        module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        model(batch_of(torch.randn(1, 60, 251)))
    assert shapes == [(16, 15, 63), (16, 8, 32), (64, 8, 32), (128, 4, 16), (256, 2, 8), (256, 2, 8)]


def test_drop_path_rises_with_the_epochs():
    model = pc_darts.Model(pc_darts.Config(num_channels=4, drop_path=0.5), 2).train()
    x = batch_of(torch.randn(4, 20, 30))
    with torch.no_grad():
        model.start_epoch(0, 10)
        assert torch.equal(model(x).logits, model(x).logits)
        model.start_epoch(9, 10)
        assert model.drop_path == pytest.approx(0.45)
        assert not torch.equal(model(x).logits, model(x).logits)
        model.eval()
        assert torch.equal(model(x).logits, model(x).logits)


def test_dropped_clips_are_dropped_whole_and_the_mean_stays():
    torch.manual_seed(0)
    x = torch.rand(4000, 2, 1, 3) + 0.5
    y = pc_darts.drop_clips(x, 0.2)
    dropped = (y == 0).flatten(1)
    assert torch.equal(dropped.all(1), dropped.any(1)) and float(
        dropped.any(1).float().mean()
    ) == pytest.approx(0.2, abs=0.02)
    torch.testing.assert_close(y[~dropped.any(1)], x[~dropped.any(1)] / 0.8)


def test_masked_rows_are_neighbours_and_the_same_in_all_clips():
    torch.manual_seed(0)
    x = torch.rand(3, 60, 5) + 0.5
    sizes = set()
    for _ in range(200):
        masked = (pc_darts.mask_rows(x, 14) == 0).all(-1)
        assert torch.equal(masked[0], masked[1]) and torch.equal(masked[0], masked[2])
        rows = masked[0].nonzero()[:, 0].tolist()
        first = min(rows, default=0)
        assert rows == list(range(first, first + len(rows)))
        sizes.add(len(rows))
    assert sizes == set(range(14))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"normal": ["sep_conv_5x5 0"]}, "normal has 1 operations"),
        ({"normal": ["sep_conv_5x5 0", "sep_conv_5x5 2"]}, r"normal\[1\] is 'sep_conv_5x5 2'.* from 0 to 1"),
        ({"reduce": ["sep_conv_9x9 0", "sep_conv_5x5 1"]}, "operations: max_pool_3x3, avg_pool_3x3"),
        ({"reduce": ["skip_connect", "sep_conv_5x5 1"]}, r"reduce\[0\] is 'skip_connect'"),
    ],
)
def test_what_is_no_cell_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        pc_darts.Model(pc_darts.Config(**settings), 2)
