"""BatchNorm of channels-last images against float64."""

import pytest
import torch
from torch import nn

from dada.models.audio._norm import BatchNorm2d


@pytest.mark.parametrize("affine", [True, False])
def test_training_is_exact_on_large_channels_last_images(affine):
    torch.manual_seed(1)
    norm, exact = BatchNorm2d(4, affine=affine), nn.BatchNorm2d(4, affine=affine).double()
    if affine:
        nn.init.uniform_(norm.weight)
        nn.init.uniform_(norm.bias)
    exact.load_state_dict(norm.state_dict())
    x = (torch.randn(2, 4, 24, 5000) * 0.3 + 2).to(memory_format=torch.channels_last)
    slope = torch.randn(2, 4, 24, 5000) + x
    found, expected = x.clone().requires_grad_(), x.double().requires_grad_()
    output, exact_output = norm(found), exact(expected)
    output.backward(slope)
    exact_output.backward(slope.double())
    torch.testing.assert_close(
        output, exact_output.float(), rtol=0, atol=3e-6
    )  # the library's is wrong by 1e-4
    torch.testing.assert_close(found.grad, expected.grad.float(), rtol=0, atol=2e-5)
    for ours, theirs in zip(norm.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad.float(), rtol=1e-4, atol=1e-2)
    for key, value in exact.state_dict().items():
        torch.testing.assert_close(
            norm.state_dict()[key], value.to(norm.state_dict()[key].dtype), rtol=1e-5, atol=1e-6
        )


def test_without_momentum_statistics_are_the_mean_over_batches():
    torch.manual_seed(1)
    ours, exact = BatchNorm2d(4, momentum=None), nn.BatchNorm2d(4, momentum=None).double()
    for scale in (1.0, 3.0, 0.2):
        x = (torch.randn(2, 4, 24, 500) * scale + scale).to(memory_format=torch.channels_last)
        ours(x), exact(x.double())
    torch.testing.assert_close(ours.running_mean, exact.running_mean.float())
    torch.testing.assert_close(ours.running_var, exact.running_var.float())


def test_elsewhere_it_is_the_librarys():
    torch.manual_seed(1)
    ours, theirs = BatchNorm2d(3), nn.BatchNorm2d(3)
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(ours(x), theirs(x)) and torch.equal(ours.running_var, theirs.running_var)
    x = x.to(memory_format=torch.channels_last)
    assert torch.equal(ours.eval()(x), theirs.eval()(x))
