"""Every audio network comes back from its export with the same bits."""

import pytest
import torch
from example_systems import batch_of

from dada import plugins
from dada.export import load_exported

NAMES = plugins.names("dada.models.audio")


def test_networks_are_found():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_a_network_comes_back_with_the_same_bits(exported, name):
    system, shape, folder = exported(name)
    again = load_exported(folder).system
    assert again.config.labels == system.config.labels and again.config.input == system.config.input
    batch = batch_of(shape)
    with torch.inference_mode():
        first, second = (part.experiment.model(batch) for part in (system, again))
    assert torch.equal(first.logits, second.logits) and torch.equal(first.embedding, second.embedding)
