"""The compression module: parameter counts of the specification, masks, the fixed-length form, refusals."""

import pytest
import torch

from dada.data.batch import Batch, pad_stack
from dada.errors import ConfigError, DataError
from dada.models.audio.dada_audio import Compression, Config, Model


def batch_of(*rows: torch.Tensor) -> Batch:
    inputs, lengths = pad_stack(list(rows))
    return Batch([f"u{i}" for i in range(len(rows))], inputs, lengths)


@pytest.mark.parametrize(
    ("norm", "expected"), [("none", 787_968), ("frames", 788_366), ("channels", 787_968 + 512)]
)
def test_parameter_counts(norm, expected):
    assert sum(p.numel() for p in Compression(Config(norm=norm)).parameters()) == expected


def test_compression_follows_the_steps_of_the_table():
    torch.manual_seed(0)
    config = Config(width=6, bottleneck=3, embedding=4, norm="frames", num_frames=5)
    module = Compression(config).eval()
    x = torch.randn(2, 5, 6)
    y = torch.nn.functional.leaky_relu(module.norm(module.down(x)), 0.01)
    expected = module.project(torch.nn.functional.leaky_relu(x + module.up(y), 0.01))
    torch.testing.assert_close(module(x), expected / expected.norm(dim=-1, keepdim=True))


def test_padding_enters_neither_statistics_nor_pooling():
    torch.manual_seed(0)
    config = Config(width=6, bottleneck=3, embedding=4, attention=2, head=[], dropout=0.0)
    rows = [torch.randn(6, 9), torch.randn(6, 4)]
    model = Model(config, 2).train()
    padded = batch_of(*rows)
    noisy = Batch(padded.utts, torch.where(padded.mask[:, None], padded.inputs, 100.0), padded.lengths)
    first = model(padded).embedding
    mean = model.compression.norm.running_mean.clone()
    torch.testing.assert_close(model(noisy).embedding, first)
    torch.testing.assert_close(
        model.compression.norm.running_mean, 0.9 * mean + mean
    )  # the same statistics once more
    frames = torch.cat([row.T for row in rows])
    torch.testing.assert_close(mean, 0.1 * model.compression.down(frames).mean(dim=0))


def test_learned_layer_weights_start_as_the_plain_mean():
    torch.manual_seed(0)
    stacked = torch.randn(3, 2 * 6, 5)
    model = Model(Config(width=6, num_layers=2, bottleneck=3, embedding=4), 2).eval()
    torch.testing.assert_close(model._mean_of_layers(stacked), (stacked[:, :6] + stacked[:, 6:]) / 2)


def test_mean_pooling_is_the_mean_of_unit_frames():
    torch.manual_seed(0)
    model = Model(Config(width=6, bottleneck=3, embedding=4, pooling="mean"), 2).eval()
    x = torch.randn(6, 7)
    frames = model.compression(x.T)
    torch.testing.assert_close(frames.norm(dim=-1), torch.ones(7))
    expected = torch.nn.functional.normalize(frames.mean(dim=0), dim=0)
    torch.testing.assert_close(model(batch_of(x)).embedding[0], expected)


def test_logits_are_one_or_as_many_as_the_classes():
    batch = batch_of(torch.randn(24, 8), torch.randn(24, 8))
    small = {"width": 24, "bottleneck": 4, "embedding": 8}
    assert Model(Config(**small), 2)(batch).logits.shape == (2, 1)
    assert Model(Config(**small, one_logit=False), 2)(batch).logits.shape == (2, 2)
    assert Model(Config(**small), 5)(batch).logits.shape == (2, 5)


def test_refusals():
    small = {"width": 6, "bottleneck": 3, "embedding": 4}
    with pytest.raises(ConfigError, match="model.width 6"):
        Model(Config(**small), 2)(batch_of(torch.randn(7, 5)))
    with pytest.raises(DataError, match="exactly 5 frames"):
        Model(Config(**small, norm="frames", num_frames=5), 2)(batch_of(torch.randn(6, 5), torch.randn(6, 4)))
