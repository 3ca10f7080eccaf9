"""One test over all audio models, found by listing, so that a new one is under the contract without being named here."""

import pytest
import torch

from dada import models, plugins
from dada.data.batch import Batch, pad_stack

NAMES = plugins.names("dada.models.audio")
NUM_CLASSES = 2


def test_models_are_found():
    assert {"aasist", "cqt_aasist", "dada_audio", "slim", "w2v2_aasist"} <= set(NAMES) and len(NAMES) >= 20


def build(name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    module = plugins.load("dada.models.audio", name, "audio model")
    config, shape = module.example()
    torch.manual_seed(1)
    return module.Model(config, NUM_CLASSES), shape


def random_batch(shape: tuple[int, ...], num: int = 6, shorter: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(2)
    rows = [torch.randn(*shape[:-1], shape[-1] - (shorter if i % 2 else 0), generator=generator) for i in range(num)]
    inputs, lengths = pad_stack(rows)
    return Batch([f"u{i}" for i in range(num)], inputs, lengths, torch.arange(num) % NUM_CLASSES)


def trained(model: torch.nn.Module, shape: tuple[int, ...]) -> torch.nn.Module:
    """A model that can be asked: one without gradient must have been estimated."""
    if hasattr(model, "estimate"):
        import logging

        model.estimate(lambda: iter([random_batch(shape, 12)]), logging.getLogger("test"))
    return model.eval()


@pytest.mark.parametrize("name", NAMES)
def test_shapes_types_and_saving(name, tmp_path):
    model, shape = build(name)
    batch = random_batch(shape)
    with torch.no_grad():
        output = trained(model, shape)(batch)
    assert output.logits.shape in ((6, NUM_CLASSES), (6, 1)) and output.embedding.ndim == 2 and len(output.embedding) == 6
    assert output.logits.dtype == output.embedding.dtype == torch.float32
    assert torch.isfinite(output.logits).all() and torch.isfinite(output.embedding).all()
    assert output.logits.std(dim=0).max() > 0, "the logits do not depend on the input"
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    fresh, _ = build(name)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.zero_()
        models.load_weights(fresh, "audio", name, tmp_path / "weights.pt")
        again = fresh.eval()(batch)
    assert torch.equal(again.logits, output.logits) and torch.equal(again.embedding, output.embedding)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_independent_in_evaluation(name):
    model, shape = build(name)
    trained(model, shape)
    together = random_batch(shape, shorter=shape[-1] // 5)
    with torch.no_grad():
        output = model(together)
        for i in range(len(together)):
            length = int(together.lengths[i])
            alone = Batch([together.utts[i]], together.inputs[i : i + 1, ..., :length], together.lengths[i : i + 1])
            single = model(alone)
            torch.testing.assert_close(single.logits[0], output.logits[i], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(single.embedding[0], output.embedding[i], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    model, shape = build(name)
    if hasattr(model, "estimate"):
        assert all(not p.requires_grad for p in model.parameters()), "a model with `estimate` has buffers, or frozen parameters"
        return
    output = model.train()(random_batch(shape))
    weights = torch.randn(output.logits.shape, generator=torch.Generator().manual_seed(3))
    (output.logits * weights).sum().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all() or not p.grad.any()]
    assert not without
