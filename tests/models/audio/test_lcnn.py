"""LCNN against numbers of the authors' Keras code, with weights filled in by a formula."""

import pytest
import torch
from filled_weights import Filler, fixture_input

from dada.data import Batch
from dada.errors import ConfigError
from dada.models.audio import _maps, lcnn


@pytest.mark.parametrize(
    ("num_layers", "norm_scale", "logits", "num_parameters"),
    [
        (11, False, [0.24946, -0.03047], 199_170),
        (9, False, [-0.1399, -0.0621], 157_922),
        (9, True, [-0.1029, -0.0223], 158_210),
    ],
)
def test_parity(num_layers, norm_scale, logits, num_parameters):
    model = lcnn.Model(lcnn.Config(num_layers=num_layers, norm_scale=norm_scale), 2).eval()
    Filler().everything(model)
    with torch.no_grad():
        output = model(Batch(["a"], fixture_input(), torch.tensor([282])))
    torch.testing.assert_close(output.logits, torch.tensor([logits]), atol=6e-5, rtol=0)
    if num_layers == 11:
        torch.testing.assert_close(
            output.embedding[0, :3], torch.tensor([0.05354, 0.01354, -0.02142]), atol=3e-5, rtol=0
        )
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == num_parameters


def test_a_padded_clip_gives_what_it_gives_alone():
    torch.manual_seed(0)
    model = lcnn.Model(lcnn.Config(), 2).eval()
    for block in model.blocks:  # offsets, so that padding would not stay zero by itself
        torch.nn.init.normal_(block.conv.bias)
    rows = [torch.randn(60, n) - 5 for n in (3, 57, 100)]
    padded = torch.full((3, 60, 100), 7.0)
    for i, row in enumerate(rows):
        padded[i, :, : row.shape[1]] = row
    lengths = torch.tensor([row.shape[1] for row in rows])
    with torch.no_grad():
        together = model(Batch(list("abc"), padded, lengths))
        alone = [model(Batch(["a"], row[None], torch.tensor([row.shape[1]]))) for row in rows]
    torch.testing.assert_close(
        together.logits, torch.cat([output.logits for output in alone]), atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(
        together.embedding, torch.cat([output.embedding for output in alone]), atol=1e-5, rtol=1e-5
    )


def test_halves_start_as_layers_of_their_own():
    torch.manual_seed(0)
    conv = lcnn.Model(lcnn.Config(), 2).blocks[4].conv
    bound = (6 / (9 * 48 + 9 * 64)) ** 0.5  # Glorot for 48 to 64 channels, not to 128
    for half in conv.weight.chunk(2):
        assert 0.98 * bound < float(half.detach().abs().max()) <= bound


def test_unknown_depth_is_refused():
    with pytest.raises(ConfigError, match="9 and 11 layers"):
        lcnn.Model(lcnn.Config(num_layers=10), 2)


def test_the_max_feature_map_in_training_is_the_one_in_evaluation():
    x = torch.randn(2, 6, 4, 5, dtype=torch.float64, requires_grad=True)
    y = _maps.MaxFeatureMap.apply(x)
    expected = torch.maximum(*x.chunk(2, dim=1))
    assert torch.equal(y, expected)
    weight = torch.randn_like(y)
    (grad,) = torch.autograd.grad((y * weight).sum(), x)
    assert torch.equal(grad, torch.autograd.grad((expected * weight).sum(), x)[0])
