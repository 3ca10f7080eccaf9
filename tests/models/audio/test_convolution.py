"""Memory formats of the convolutions that a GPU gets wrong where they are channels-last."""

import pytest
import torch
from dispatches import Dispatches

from dada.data.batch import Batch
from dada.models.audio import bc_resmax, ddws, ofd, pc_darts
from dada.models.audio._convolution import PlainConv2d, plain


def default_strides(x: torch.Tensor) -> tuple[int, ...]:
    return torch.empty(x.shape, device="meta").stride()


@pytest.mark.parametrize("shape", [(4, 1, 5, 5), (6, 4, 1, 1), (2, 1, 1, 7)])
def test_plain_gives_axes_of_size_one_the_default_strides(shape):
    x = torch.arange(torch.Size(shape).numel()).view(shape).float()
    last = torch.nn.Conv2d(1, 1, 1)
    last.weight = torch.nn.Parameter(x)
    last.to(memory_format=torch.channels_last)
    assert last.weight.stride() != x.stride()
    assert last.weight.contiguous().stride() != x.stride(), "this is why `contiguous` is not enough"
    assert plain(last.weight).stride() == x.stride() and torch.equal(plain(last.weight), x)


@pytest.mark.parametrize(
    ("module", "depthwise_alone"), [(pc_darts, False), (ddws, True), (bc_resmax, True), (ofd, True)]
)
def test_no_depthwise_convolution_is_channels_last_beside_a_cpu(module, depthwise_alone):
    config, shape = module.example()
    model = module.Model(config, 2).to("meta")
    batch = Batch(["a", "b"], torch.zeros(2, *shape, device="meta"), torch.full((2,), shape[-1]))
    with Dispatches() as found:
        model.train()(batch).logits.sum().backward()
    calls = [
        call for call in found.of("convolution") if not depthwise_alone or call[8] == call[0].shape[1] > 1
    ]
    assert len(calls) > 3
    assert all(part.stride() == default_strides(part) for call in calls for part in call[:2])


def test_on_a_cpu_it_is_the_librarys():
    torch.manual_seed(1)
    ours = PlainConv2d(4, 4, 3, padding=1, groups=4).to(memory_format=torch.channels_last)
    x = torch.randn(2, 4, 5, 6).to(memory_format=torch.channels_last)
    expected = torch.nn.functional.conv2d(x, ours.weight, ours.bias, padding=1, groups=4)
    assert torch.equal(ours(x), expected) and ours(x).stride() == expected.stride()
