"""SLIM: sizes of the specification, statistics by their definition, two phases in one training, encoders
inside.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from dada import models
from dada.data.batch import Batch
from dada.data.dataset import Dataset
from dada.data.input import InputConfig
from dada.errors import ConfigError
from dada.experiment.config import SystemConfig, TrainConfig
from dada.models.audio import slim
from dada.recipe.config import load_system_config
from dada.train.fit import fit

SMALL = {"bottleneck": 6, "embedding": 8, "attention": 4, "hidden": 16, "head": 8}


def as_batch(x: torch.Tensor) -> Batch:
    return Batch([f"u{i}" for i in range(len(x))], x, torch.full((len(x),), x.shape[-1]))


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes():
    model = slim.Model(slim.Config(), 2)
    for part in slim.PARTS:
        assert num_parameters(model.compression[part]) == 787_968 + 512  # and the BatchNorm's
    assert num_parameters(model.statistics) + num_parameters(model.head) == 10_755_329
    x = torch.randn(1, 2048, 20, generator=torch.Generator().manual_seed(1))
    output = model.eval()(as_batch(x))
    assert output.logits.shape == (1, 1) and output.embedding.shape == (1, 1024)
    frames = model.compression["linguistics"](x[0, 1024:].T)
    torch.testing.assert_close(output.embedding[0, 768:], frames.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        output.embedding[0, :256],
        model.statistics["style"](x[:, :1024].transpose(1, 2))[0],
        atol=1e-5,
        rtol=1e-4,
    )
    assert slim.Model(slim.Config(**SMALL, width=4, one_logit=False), 2).head[-1].out_features == 2


def test_statistics_are_weighted_means_and_deviations():
    torch.manual_seed(0)
    pooling = slim.AttentiveStatistics(3, 5)
    x = torch.randn(2, 7, 3)
    plain = torch.cat([x.mean(1), x.std(1, correction=0)], dim=1)
    scores = pooling.score(torch.cat([x, plain[:, None].expand(2, 7, 6)], dim=2))
    weights = scores.exp() / scores.exp().sum(1, keepdim=True)
    mean = (weights * x).sum(1)
    deviation = ((weights * x.square()).sum(1) - mean.square()).sqrt()
    torch.testing.assert_close(pooling(x), torch.cat([mean, deviation], dim=1))
    pooling(
        torch.ones(1, 4, 3, requires_grad=True)
    ).sum().backward()  # of a constant the deviation has no steepness
    assert all(torch.isfinite(parameter.grad).all() for parameter in pooling.parameters())


def phases(*tuned: str) -> list[dict]:
    first = {
        "classes": ["bonafide"],
        "trainable": ["compression"],
        "loss": {"name": "dependency", "group": 8},
        "epochs": 3,
    }
    second = {"trainable": [*tuned, "statistics", "head"], "loss": {"name": "bce"}, "epochs": 4}
    return [{**first, "batch_size": 8, "early_stop": {"metric": "loss"}, "keep": "last"}, second]


def toy_data(shape: tuple[int, ...], num: int = 24) -> Dataset:
    """Frames (N, F) or waveforms (T,), louder where bona fide."""
    rng = np.random.default_rng(0)
    labels = np.arange(num) % 2
    arrays = {
        f"u{i:02d}": ((0.1 + 0.4 * labels[i]) * rng.standard_normal(shape)).astype(np.float32)
        for i in range(num)
    }
    return Dataset(arrays, list(arrays), torch.from_numpy(labels))


def train(folder: Path, model: dict, data: Dataset, stages: list[dict], kind: str) -> dict[str, torch.Tensor]:
    optim = {"name": "adamw", "lr": 5e-3}
    settings = TrainConfig(batch_size=4, phases=[{"optim": optim, **stage} for stage in stages])
    config = SystemConfig(
        name="toy", input=InputConfig(kind), model={"name": "slim", **model}, train=settings
    )
    return fit(config, data, data, folder, seed=1).state_dict()


def changed(before: dict, after: dict) -> set[str]:
    """First parts of the names of what differs."""
    return {
        ".".join(name.split(".")[:2]) for name, value in after.items() if not torch.equal(value, before[name])
    }


def test_the_first_phase_sees_bona_fide_speech_alone_and_the_second_leaves_it(tmp_path):
    model, data = {"width": 12, **SMALL}, toy_data((20, 24))
    first = train(tmp_path / "first", model, data, phases()[:1], "features")
    both = train(tmp_path / "both", model, data, phases(), "features")
    assert not {name for name in changed(first, both) if name.startswith("compression")}
    assert {"statistics.style", "statistics.linguistics", "head.0", "head.3"} == changed(first, both)
    other = toy_data((20, 24))
    for utt in other.utts[::2]:  # the spoofs
        other.arrays[utt] = other.arrays[utt] + 5
    again = train(tmp_path / "other", model, other, phases()[:1], "features")
    assert not changed(first, again)


def test_encoders_inside_learn_in_the_second_phase_alone(tmp_path, encoder_folder):
    folder = str(encoder_folder("wav2vec2"))
    model = {"width": 16, **SMALL, "style_encoder": folder, "style_layers": [0, 1], "style_tuned_layers": 1}
    model |= {"linguistics_encoder": folder, "linguistics_layers": [2, 3], "linguistics_tuned_layers": 2}
    data = toy_data((4000,), 8)
    first = train(tmp_path / "first", model, data, phases()[:1], "waveform")
    both = train(tmp_path / "both", model, data, phases("encoders"), "waveform")
    fresh = slim.Model(slim.Config(**model), 2).state_dict()
    assert not {name for name in changed(fresh, first) if name.startswith("encoders")}
    tuned = {
        name
        for name, value in both.items()
        if name.startswith("encoders") and not torch.equal(value, first[name])
    }
    layers = {
        name.partition(".encoder.layers.")[0].split(".")[1] + " " + name.partition(".encoder.layers.")[2][0]
        for name in tuned
    }
    assert layers == {"style 0", "linguistics 1", "linguistics 2"}


def test_frozen_encoders_inside_let_clips_be_augmented(tmp_path, encoder_folder):
    config, folder = load_system_config("slim_augmented"), str(encoder_folder("wav2vec2"))
    assert (config.model["style_tuned_layers"], config.model["linguistics_tuned_layers"]) == (0, 0)
    one, two = config.train.phases
    [one_of] = two["augment"]
    assert one_of["keep_original"] and [
        [entry["name"] for entry in choice] for choice in one_of["choices"]
    ] == [["noise"], ["rooms"], ["drop_bands", "drop_chunks"]]
    model = {
        "width": 16,
        **SMALL,
        "style_encoder": folder,
        "style_layers": [0],
        "linguistics_encoder": folder,
        "linguistics_layers": [1],
    }
    data, short = toy_data((8000,), 8), [{**one, "epochs": 1}, {**two, "epochs": 1}]
    both = train(tmp_path / "both", model, data, short, "waveform")
    plain = train(tmp_path / "plain", model, data, [short[0], {**short[1], "augment": []}], "waveform")
    fresh = slim.Model(slim.Config(**model), 2).state_dict()
    assert not {name for name in changed(fresh, both) if name.startswith("encoders")}
    assert changed(plain, both) == {"statistics.style", "statistics.linguistics", "head.0", "head.3"}


def test_weights_learned_on_stored_states_serve_the_network_with_its_encoders(tmp_path, encoder_folder):
    torch.manual_seed(1)
    stored = slim.Model(slim.Config(width=16, **SMALL), 2)
    torch.save(stored.state_dict(), tmp_path / "weights.pt")
    encoders = dict.fromkeys(("style_encoder", "linguistics_encoder"), str(encoder_folder("wav2vec2")))
    layers = {"style_layers": [0], "linguistics_layers": [1]}
    whole = slim.Model(slim.Config(width=16, **SMALL, **encoders, **layers), 2)
    before = {name: value.clone() for name, value in whole.state_dict().items()}
    models.load_weights(whole, "audio", "slim", tmp_path / "weights.pt")
    for name, value in whole.state_dict().items():
        expected = before[name] if name.startswith("encoders.") else stored.state_dict()[name]
        assert torch.equal(value, expected), name
    partial = {**before, **stored.state_dict()}
    del partial[next(name for name in partial if name.startswith("encoders."))]
    torch.save(partial, tmp_path / "partial.pt")  # a damaged encoder is no absent one
    with pytest.raises(ConfigError, match="encoders.* is not in the file"):
        models.load_weights(whole, "audio", "slim", tmp_path / "partial.pt")
    del before["head.0.weight"]
    torch.save(before, tmp_path / "headless.pt")
    with pytest.raises(ConfigError, match="head.0.weight .* is not in the file"):
        models.load_weights(whole, "audio", "slim", tmp_path / "headless.pt")


def test_the_distance_is_that_of_frames(tmp_path):
    torch.manual_seed(0)
    model = slim.Model(slim.Config(**SMALL, width=12, distance=True), 2).eval()
    x = torch.randn(3, 24, 20)
    output = model(as_batch(x))
    frames = x.transpose(1, 2).flatten(0, 1)
    style, linguistics = (
        model.compression["style"](frames[:, :12]),
        model.compression["linguistics"](frames[:, 12:]),
    )
    expected = (style - linguistics).square().sum(1).view(3, 20).mean(1)
    torch.testing.assert_close(output.embedding[:, -1], expected)
    assert output.embedding.shape == (3, 4 * 8 + 1)
    stage = {**phases()[0], "loss": {"name": "dependency", "form": "text", "group": 8}}
    train(
        tmp_path / "text",
        {"width": 12, **SMALL, "distance": True},
        toy_data((20, 24)),
        [stage, phases()[1]],
        "features",
    )


def test_the_systems_layers_and_rates():
    frozen, tuned = load_system_config("slim"), load_system_config("slim_finetuned")
    style, linguistics = list(range(11)), list(range(14, 22))
    assert (frozen.input.features["style_layers"], frozen.input.features["linguistics_layers"]) == (
        style,
        linguistics,
    )
    assert (tuned.model["style_layers"], tuned.model["linguistics_layers"]) == (style, linguistics)
    for config in (frozen, tuned):
        one, two = config.train.phases
        assert (
            config.input.num_samples == 80_000
            and one["loss"]["weight"] == 0.007
            and one["classes"] == ["bonafide"]
        )
        assert (one["batch_size"], one["epochs"], one["optim"]["lr"], one["schedule"]["final_lr"]) == (
            16,
            50,
            5e-3,
            1e-4,
        )
        assert (two["batch_size"], two["epochs"], two["optim"]["lr"], two["schedule"]["final_lr"]) == (
            2,
            10,
            1e-4,
            1e-5,
        )


def test_bad_settings(encoder_folder):
    folder = str(encoder_folder("wav2vec2"))
    with pytest.raises(ConfigError, match="both model.style_encoder and model.linguistics_encoder"):
        slim.Model(slim.Config(**SMALL, style_encoder=folder), 2)
    with pytest.raises(ConfigError, match="model.width is 1024, but .* is 16 wide"):
        slim.Model(
            slim.Config(
                **SMALL,
                style_encoder=folder,
                style_layers=[1],
                linguistics_encoder=folder,
                linguistics_layers=[2],
            ),
            2,
        )
    with pytest.raises(ConfigError, match="2 x model.width 12 = 24 features"):
        slim.Model(slim.Config(width=12, **SMALL), 2)(as_batch(torch.zeros(1, 23, 9)))
