"""CQT-AASIST and W2V2-AASIST: sizes of the specification, the steps to the graphs, encoders inside and
outside.
"""

import pytest
import torch
from torch import nn

from dada.data.batch import Batch
from dada.errors import ConfigError, DataError
from dada.models.audio import cqt_aasist, rawgat_st, w2v2_aasist
from dada.recipe.config import load_system_config
from dada.train.optim import set_trainable, training_mode


def as_batch(x: torch.Tensor) -> Batch:
    return Batch(
        [f"u{i}" for i in range(len(x))], x, torch.full((len(x),), x.shape[-1]), torch.arange(len(x)) % 2
    )


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_sizes():
    cqt = cqt_aasist.Model(cqt_aasist.Config(), 2)
    assert num_parameters(cqt) == 297_866 + 64 * (33 - 23)  # AASIST's, and positions of ten more bands
    w2v2 = w2v2_aasist.Model(w2v2_aasist.Config(), 2)
    assert num_parameters(w2v2.project) == 163_968 and num_parameters(w2v2) - 163_968 == 297_866 + 64 * (
        42 - 23
    )


@pytest.mark.parametrize(
    ("module", "shape", "pooled", "nodes"),
    [(cqt_aasist, (100, 282), (33, 94), (33, 23)), (w2v2_aasist, (1280, 201), (42, 67), (42, 67))],
)
def test_shapes_on_the_way_to_the_graphs(module, shape, pooled, nodes):
    model = module.Model(module.Config(), 2).eval()
    seen = []
    for part in (model.trunk.norm, model.trunk.graphs):
        part.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        output = model(as_batch(noise(1, *shape)))
    assert seen == [(1, 1, *pooled), (1, 64, *nodes)]
    assert output.logits.shape == (1, 2) and output.embedding.shape == (1, 160)


def test_layers_are_averaged_with_learned_weights():
    torch.manual_seed(0)
    config, shape = w2v2_aasist.example()
    model = w2v2_aasist.Model(config, 2).eval()
    stacked = noise(2, *shape)
    one = w2v2_aasist.Model(w2v2_aasist.Config(**{**vars(config), "num_layers": 1}), 2).eval()
    one.load_state_dict(
        {name: value for name, value in model.state_dict().items() if name != "layer_weights"}
    )
    with torch.no_grad():
        model.layer_weights.copy_(torch.tensor([0.0, 3.0]).log1p())  # one part to four
        expected = one(as_batch((stacked[:, :12] + 4 * stacked[:, 12:]) / 5)).logits
        torch.testing.assert_close(model(as_batch(stacked)).logits, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper"])
def test_an_encoder_inside_is_tuned_in_its_last_layers_alone(kind, encoder_folder):
    torch.manual_seed(0)
    sizes = {
        **vars(w2v2_aasist.example()[0]),
        "encoder": str(encoder_folder(kind)),
        "layers": [1, 2],
        "tuned_layers": 1,
    }
    model = w2v2_aasist.Model(w2v2_aasist.Config(**sizes), 2)
    set_trainable(model, [])
    training_mode(model)
    batch = as_batch(0.1 * noise(4, 8000))
    nn.functional.cross_entropy(model(batch).logits, batch.labels).backward()
    top = "encoder.network.layers.1." if kind == "whisper" else "encoder.network.encoder.layers.1."
    learned = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    of_top = {name for name, _ in model.named_parameters() if name.startswith(top)}
    assert of_top and {name for name in learned if name.startswith("encoder.")} == of_top
    assert {"layer_weights", "project.weight", "classify.bias"} <= learned
    model.eval()
    with torch.no_grad():
        shortest = model.encoder.samples(3)
        assert torch.isfinite(model(as_batch(noise(1, shortest))).logits).all()
        with pytest.raises(DataError, match=f"{shortest - 1} samples, but the network needs {shortest}"):
            model(as_batch(noise(1, shortest - 1)))
        with pytest.raises(ConfigError, match="reads waveforms"):
            model(as_batch(noise(1, 16, 20)))


@pytest.mark.parametrize("kind, rates", [(cqt_aasist, {0.2, 0.3, 0.5}), (rawgat_st, {0.2, 0.3})])
def test_dropout_is_scaled(kind, rates):
    config, _ = kind.example()
    scaled = {}
    for factor in (1.0, 0.5, 0.0):
        config.dropout = factor
        modules = kind.Model(config, 2).named_modules()
        scaled[factor] = {name: module.p for name, module in modules if isinstance(module, nn.Dropout)}
    assert set(scaled[1.0].values()) == rates and set(scaled[0.0].values()) == {0.0}
    assert scaled[0.5] == {name: rate / 2 for name, rate in scaled[1.0].items()}
    config.dropout = 6.0
    with pytest.raises(ConfigError, match="a factor of 6 makes a rate of"):
        kind.Model(config, 2)


def test_bad_settings():
    with pytest.raises(ConfigError, match="model.pools has 2 numbers, but there are 6 blocks"):
        cqt_aasist.Model(cqt_aasist.Config(pools=[1, 2]), 2)
    with pytest.raises(ConfigError, match="2 features a frame are too few"):
        cqt_aasist.Model(cqt_aasist.Config(num_features=2), 2)
    config, _ = cqt_aasist.example()
    with pytest.raises(ConfigError, match="19 rows, but model.num_features is 20"):
        cqt_aasist.Model(config, 2)(as_batch(noise(1, 19, 40)))
    with pytest.raises(DataError, match="11 frames, but the network needs 12"):
        cqt_aasist.Model(config, 2)(as_batch(noise(1, 20, 11)))
    config, _ = w2v2_aasist.example()
    for strange in (noise(1, 23, 40), noise(1, 8000)):
        with pytest.raises(
            ConfigError, match="model.num_layers 2 x model.width 12 = 24 features a frame are expected"
        ):
            w2v2_aasist.Model(config, 2)(as_batch(strange))


def test_systems():
    cqt, w2v2 = load_system_config("cqt_aasist"), load_system_config("w2v2_aasist")
    assert (cqt.input.num_samples, cqt.input.features["name"], cqt.input.features["num_bins"]) == (
        144_000,
        "cqt",
        100,
    )
    assert (w2v2.input.kind, w2v2.input.num_samples, w2v2.model["tuned_layers"]) == ("waveform", 64_600, 12)
    assert w2v2.train.optim.lr_scales == {"encoder": 0.01}
