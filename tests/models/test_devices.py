"""What models and features do beside a CPU, on the meta device: a tensor there has no value, so that a host
read ends in an error, and published sizes cost nothing.
"""

import pytest
import torch
from dispatches import Dispatches

from dada import features, plugins
from dada.data.batch import Batch
from dada.models.audio import aasist, rawgat_st, rawnet2

# Estimated on a CPU, not trained by gradient.
ESTIMATED = {"gmm", "trivial_cues", "trivial_forest"}
NAMES = [name for name in plugins.names("dada.models.audio") if name not in ESTIMATED]


def meta_batch(shape: tuple[int, ...], size: int, shorter: int = 0) -> Batch:
    """Inputs on the meta device, lengths on the CPU as the loader leaves them."""
    lengths = torch.full((size,), shape[-1])
    lengths[0] -= shorter
    inputs = torch.empty(size, *shape, device="meta")
    return Batch(
        [f"u{i}" for i in range(size)], inputs, lengths, torch.empty(size, dtype=torch.long, device="meta")
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_model_waits_for_its_device(name):
    module = plugins.load("dada.models.audio", name, "audio model")
    config, shape = module.example()
    model = module.Model(config, 2).to("meta")
    model.train()(meta_batch(shape, 4)).logits.sum().backward()
    assert model.eval()(meta_batch(shape, 4)).logits.device.type == "meta"


class OneStep(torch.nn.Module):
    """In the place of a GRU, which is one operator on a GPU and many on the meta device."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
        return x[..., :1].expand(-1, -1, 1024), None


@pytest.mark.parametrize(
    ("module", "forward", "training"), [(aasist, 300, 830), (rawgat_st, 240, 430), (rawnet2, 80, 250)]
)
def test_a_batch_of_the_published_size_takes_few_kernels(module, forward, training):
    """Operators, of which a GPU runs some in several kernels; the clips of a batch do not count."""
    with torch.device("meta"):
        model = module.Model(module.Config(), 2)
    if module is rawnet2:
        model.gru = OneStep()
    batch = meta_batch((64_600,), 24)
    with torch.no_grad(), Dispatches() as found:
        model.eval()(batch)
    assert len(found.names) <= forward, len(found.names)
    with Dispatches() as found:
        model.train()(batch).logits.sum().backward()
    assert len(found.names) <= training, len(found.names)


def test_the_cqt_takes_few_kernels():
    feature, x = features.build({"name": "cqt"}), torch.empty(16, 64_000, device="meta")
    feature(x)  # the responses of the filters are computed once
    with Dispatches() as found:
        assert feature(x).shape == (16, 100, 126)
    assert len(found.names) <= 40, found.names
