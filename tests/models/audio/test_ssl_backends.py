"""Networks on speech encoders against formula-filled weights and published sizes."""

import json
from pathlib import Path

import pytest
import torch
from formula_weights import formula_weights
from torch import Tensor, nn

from dada import models
from dada.data.batch import Batch
from dada.errors import ConfigError, DataError
from dada.models.audio import (
    conformer,
    mhfa,
    nes2net,
    pooled_linear,
    sls,
    ssl_aasist,
    tcm_conformer,
    weighted_linear,
    whisper_lcnn,
    whisper_mesonet,
    whisper_specrnet,
    xlsr_mamba,
)
from dada.recipe.config import load_system_config
from dada.system_files import configured_systems

TOLERANCE = 1e-4
MINI = Path(__file__).parents[3] / "egs" / "mini"


@pytest.fixture(scope="module")
def fixtures(reference) -> dict:
    return json.loads((reference / "fixtures_ssl.json").read_text())["systems"]


def states(num_frames: int, num_states: int = 1, width: int = 1024) -> Tensor:
    """Hidden states (2, L, N, D) from a formula."""
    b, s, n, d = (
        torch.arange(size, dtype=torch.float64).view(shape)
        for size, shape in (
            (2, (2, 1, 1, 1)),
            (num_states, (-1, 1, 1)),
            (num_frames, (-1, 1)),
            (width, (-1,)),
        )
    )
    slow = torch.sin(0.05 * d * (1 + 0.01 * n) + 0.3 * n + b + 0.05 * s)
    fast = torch.cos(0.37 * d + 0.02 * n + b + 0.1 * s)
    return (0.2 + slow + 0.1 * (1 + 0.02 * s) * fast).float()


def as_batch(x: Tensor) -> Batch:
    """Hidden states (B, L, N, D) as stacked features."""
    features = x.transpose(2, 3).flatten(1, 2)
    return Batch([f"u{i}" for i in range(len(x))], features, torch.full((len(x),), features.shape[-1]))


def filled(module, config, tensors: list, before: tuple = ()) -> nn.Module:
    """A network with the formula's weights; `before` names tensors that come first."""
    shapes = {name: tuple(shape) for name, shape in [*before, *tensors]}
    with torch.device("meta"):
        model = module.Model(config, 2)
    model.load_state_dict(module.from_official(formula_weights(shapes)), assign=True)
    return model.eval()


def check(model: nn.Module, x: Tensor, expected: list, turned: bool = False) -> None:
    with torch.inference_mode():
        logits = model(as_batch(x)).logits
    logits = logits.flip(1) if turned else logits
    torch.testing.assert_close(logits, torch.tensor(expected).view_as(logits), rtol=0, atol=TOLERANCE)


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_formula_of_the_features_is_that_of_the_fixtures(fixtures):
    x = states(201, 25)
    assert float(x[0, 0, 0, 0]) == pytest.approx(0.30000001, abs=1e-7)
    assert float(x[0, 3, 5, 7]) == pytest.approx(0.99709165, abs=1e-7)
    assert float(x[1, 24, 200, 1023]) == pytest.approx(0.97059226, abs=1e-7)


def test_sls(fixtures):
    known = fixtures["xlsr_sls"]
    model = filled(sls, sls.Config(), known["tensors"])
    assert num_parameters(model) == known["parameters"] == 23_399_429
    for num_frames, expected in known["before_log_softmax"].items():
        check(model, states(int(num_frames), 24), expected)
    gates = model.gate(states(201, 24).mean(2)).sigmoid()[0, :4, 0]
    torch.testing.assert_close(gates, torch.tensor(known["gates_N201"]["item0_first4"]), rtol=0, atol=1e-5)
    with pytest.raises(ConfigError, match="204 frames, but model.num_frames is 201: .* takes 201 to 203"):
        model(as_batch(states(204, 24)))
    with pytest.raises(DataError, match="200 frames, but the network needs 201"):
        model(as_batch(states(200, 24)))


NES2NET = {  # key of the fixture: settings
    "dilation 2, mean": {},
    "dilation 1, mean": {"dilation": 1},
    "dilation 2, attentive statistics (777383 parameters, 493 tensors)": {"pooling": "attentive"},
    "dilation 2, mean, TRAINING mode, one clip a batch (what the official In-the-Wild script does)": {
        "clip_statistics": True
    },
}


@pytest.mark.parametrize("key", NES2NET)
def test_nes2net_x(key, fixtures):
    known, settings = fixtures["nes2net_x"], NES2NET[key]
    tensors = known["tensors"]
    if settings.get("pooling"):
        sizes = ((128, 1024, 1), (128,), (1024, 128, 1), (1024,))
        names = [
            f"Nested_Res2Net_TDNN.pooling.linear{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")
        ]
        last = [[tensors[-2][0], [2, 2048]], tensors[-1]]
        tensors = [*tensors[:-2], *zip(names, sizes, strict=True), *last]
    model = filled(nes2net, nes2net.Config(**settings), tensors)
    assert num_parameters(model) == (777_383 if settings.get("pooling") else 512_039)
    for num_frames, expected in known["logits"][key].items():
        check(model, states(int(num_frames)), expected)


@pytest.mark.parametrize("one_logit", [False, True])
def test_nes2net(one_logit, fixtures):
    known = fixtures["nes2net"]
    tensors = [
        [name, [1, *shape[1:]] if one_logit and ".fc." in name and len(shape) > 1 else shape]
        for name, shape in known["tensors"]
    ]
    if one_logit:
        tensors[-1] = [tensors[-1][0], [1]]
    settings = {"mixing": "plain", "one_logit": one_logit, "dilation": 1 if one_logit else 2}
    model = filled(nes2net, nes2net.Config(**settings), tensors)
    assert num_parameters(model) == (510_769 if one_logit else 511_794)
    for num_frames, expected in known["logits"][
        "1 logit, dilation 1" if one_logit else "2 logits, dilation 2"
    ].items():
        check(model, states(int(num_frames)), expected)


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("plain, squeeze-excitation merge (511169)", {"mixing": "plain", "merge": "gates"}),
        ("plain, weighted sum (510794)", {"mixing": "plain"}),
        ("X, squeeze-excitation merge (511414)", {"merge": "gates"}),
        ("X, weighted sum (511039)", {}),
        ("X with SELU, squeeze-excitation merge (511414)", {"merge": "gates", "activation": "selu"}),
    ],
)
def test_nes2net_of_25_states(key, settings, fixtures):
    known = fixtures["nes2net"]["layered_input_25_one_logit_dilation_1"][key]
    tensors = fixtures["nes2net" if settings.get("mixing") else "nes2net_x"]["tensors"]
    tensors = [*tensors[:-2], (tensors[-2][0], [1, 1024]), (tensors[-1][0], [1])]
    gates = (("gates.squeeze.weight", (8, 25)), ("gates.expand.weight", (25, 8)))
    before = gates if settings.get("merge") else (("layer_weights", (25,)),)
    config = nes2net.Config(num_layers=25, one_logit=True, dilation=1, **settings)
    model = filled(nes2net, config, tensors, before)
    assert f"({num_parameters(model)})" in key
    for num_frames, expected in known.items():
        check(model, states(int(num_frames), 25), expected)


def test_tcm_conformer(fixtures):
    known = fixtures["tcm"]
    model = filled(tcm_conformer, tcm_conformer.Config(), known["tensors"])
    assert num_parameters(model) == known["trainable"] == known["parameters"] - 1_440_000 == 2_382_628
    for num_frames, expected in known["logits"].items():
        check(model, states(int(num_frames)), expected)


def test_conformer(fixtures):
    known = fixtures["conformer"]
    model = filled(conformer, conformer.Config(), known["tensors"])
    assert num_parameters(model) == known["parameters"] == 2_506_324
    for num_frames, expected in known["logits"].items():
        check(model, states(int(num_frames)), expected)


@pytest.mark.parametrize("dead_last", [True, False])
def test_xlsr_mamba(dead_last, fixtures):
    known = fixtures["xlsr_mamba"]
    model = filled(xlsr_mamba, xlsr_mamba.Config(dead_last=dead_last), known["tensors"])
    assert num_parameters(model) == known["parameters"] == 1_936_950
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert frozen == (291_168 if dead_last else 0)
    expected = known["logits"]["official" if dead_last else "without the dead last mixers"]
    for num_frames, logits in expected.items():
        check(model, states(int(num_frames)), logits)


def test_ssl_aasist(fixtures):
    known = fixtures["w2v2_aasist"]
    model = filled(ssl_aasist, ssl_aasist.Config(), known["tensors"])
    assert num_parameters(model) == known["parameters"] == 447_242
    for num_frames, expected in known["logits"].items():
        check(model, states(int(num_frames)), expected)


@pytest.mark.parametrize("subtract", ["nothing", "features", "time"])
def test_mhfa(subtract, fixtures):
    key = {"nothing": "logits", "features": "logits_channel_mean_removed", "time": "logits_time_mean_removed"}
    known = fixtures["mhfa"]["heads 32, D 1024, L 25"]
    model = filled(mhfa, mhfa.Config(subtract=subtract), fixtures["mhfa"]["tensors_32_1024_25"])
    assert num_parameters(model) == known["parameters"] == 1_316_436
    for num_frames, expected in known[key[subtract]].items():
        check(model, states(int(num_frames), 25), expected, turned=True)


@pytest.mark.parametrize(("heads", "width", "layers"), [(64, 1024, 25), (32, 768, 13)])
def test_mhfa_of_other_sizes(heads, width, layers, fixtures):
    known = fixtures["mhfa"][f"heads {heads}, D {width}, L {layers}"]
    sizes = {25: layers, 1024: width, 32: heads, 4096: 128 * heads}
    tensors = [
        [name, [sizes.get(size, size) for size in shape]]
        for name, shape in fixtures["mhfa"]["tensors_32_1024_25"]
    ]
    model = filled(mhfa, mhfa.Config(heads=heads, width=width, num_layers=layers), tensors)
    assert num_parameters(model) == known["parameters"]
    for num_frames, expected in known["logits"].items():
        check(model, states(int(num_frames), layers, width), expected, turned=True)


@pytest.mark.parametrize("width", [1024, 1280, 1920])
def test_pooled_linear(width, fixtures):
    known = fixtures["antideepfake_head"][f"D {width}"]
    model = filled(
        pooled_linear,
        pooled_linear.Config(width=width),
        [["proj_fc.weight", [2, width]], ["proj_fc.bias", [2]]],
    )
    assert num_parameters(model) == known["parameters"] == 2 * width + 2
    for num_frames, expected in known["logits"].items():
        check(model, states(int(num_frames), 1, width), expected)


def test_weighted_linear(fixtures):
    known = fixtures["spoof_superb_head"]
    model = filled(weighted_linear, weighted_linear.Config(), known["tensors"])
    assert num_parameters(model) == known["parameters"] == 262_939
    for num_frames in (202, 201, 120):
        check(model, states(num_frames, 25), known["logits"][str(num_frames)])
    x = states(201, 25)
    check(model, torch.cat([x, x[:, :, -1:]], 2), known["logits"]["201 and the last frame again"])


@pytest.mark.parametrize(
    ("module", "fewest"), [(whisper_lcnn, 16), (whisper_mesonet, 32), (whisper_specrnet, 64)]
)
def test_whisper_networks_need_a_width_for_their_pools(module, fewest):
    name = module.__name__.rpartition(".")[2]
    with pytest.raises(ConfigError, match=f"{name}: {fewest - 1} features .* the pools need {fewest}"):
        module.Model(module.Config(width=fewest - 1), 2)
    assert module.Model(module.Config(width=fewest), 2).shortest == fewest // 2


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        (whisper_lcnn, "lcnn", 7_248_449),
        (whisper_mesonet, "mesonet", 28_486),
        (whisper_specrnet, "specrnet", 277_963),
    ],
)
def test_whisper_networks(module, name, parameters, fixtures):
    known = fixtures["whisper_heads"]
    model = filled(module, module.Config(), known[f"tensors_{name}_1ch"])
    assert num_parameters(model) == known[name]["parameters_1ch"] == parameters
    for num_frames in (1500, 200):
        check(model, states(num_frames, 1, 384), known[name]["logit"][str(num_frames)])


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        (whisper_lcnn, "lcnn", 7_250_049),
        (whisper_mesonet, "mesonet", 28_497),
        (whisper_specrnet, "specrnet", 278_165),
    ],
)
def test_whisper_networks_of_two_channels(module, name, parameters, fixtures):
    """Of 30 s. Behind the first layers the sizes are those of one channel."""
    known = fixtures["whisper_heads"]
    with torch.device("meta"):
        model = module.Model(module.Config(cepstra="mfcc"), 2)
    assert num_parameters(model) == known[name]["parameters_2ch"] == parameters
    ours = {key: list(value.shape) for key, value in model.state_dict().items()}
    tensors = []
    for official, shape in known[f"tensors_{name}_1ch"]:
        (key,) = module.from_official({official: torch.zeros(shape)})
        turned = ours[key][:2] + ours[key][:1:-1] if name == "lcnn" and len(shape) == 4 else ours[key]
        tensors.append((official, turned))
    shapes = {official: tuple(shape) for official, shape in tensors}
    model.load_state_dict(module.from_official(formula_weights(shapes)), assign=True)
    first, second = states(1500, 2, 384)[:, 0], states(3000, 2, 384)[:, 1]
    image = torch.stack([torch.cat([first, first], 1), second], 1).transpose(2, 3)
    with torch.inference_mode():
        logits = model.eval().read(image).logits[:, 0]
    expected = torch.tensor(known[name]["logit"]["1500 two channels"])
    torch.testing.assert_close(logits, expected, rtol=0, atol=TOLERANCE)


PUBLISHED = {  # encoder, samples of a clip, algorithm of RawBoost
    "xlsr_sls": ("facebook/wav2vec2-xls-r-300m", 64_600, 3),
    "xlsr_nes2net": ("facebook/wav2vec2-xls-r-300m", 64_600, 4),
    "xlsr_nes2net_x": ("facebook/wav2vec2-xls-r-300m", 64_600, 4),
    "xlsr_conformer": ("facebook/wav2vec2-xls-r-300m", 66_800, 5),
    "xlsr_conformer_df": ("facebook/wav2vec2-xls-r-300m", 66_800, 3),
    "xlsr_tcm": ("facebook/wav2vec2-xls-r-300m", 66_800, 5),
    "xlsr_tcm_df": ("facebook/wav2vec2-xls-r-300m", 66_800, 3),
    "xlsr_mamba": ("facebook/wav2vec2-xls-r-300m", 66_800, 5),
    "xlsr_mamba_df": ("facebook/wav2vec2-xls-r-300m", 66_800, 3),
    "xlsr_aasist": ("facebook/wav2vec2-xls-r-300m", 64_600, 5),
    "xlsr_aasist_df": ("facebook/wav2vec2-xls-r-300m", 64_600, 3),
    "xlsr_mhfa": ("facebook/wav2vec2-large-xlsr-53", None, None),
    "antideepfake": ("facebook/wav2vec2-xls-r-1b", None, 5),
    "spoof_superb": ("facebook/wav2vec2-xls-r-300m", 64_600, 5),
    "whisper_lcnn": ("openai/whisper-tiny.en", 480_000, None),
    "whisper_mesonet": ("openai/whisper-tiny.en", 480_000, None),
    "whisper_specrnet": ("openai/whisper-tiny.en", 480_000, None),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_systems_have_the_published_settings(name):
    config = load_system_config(name)
    encoder, num_samples, algorithm = PUBLISHED[name]
    assert config.labels == ["spoof", "bonafide"] and config.model["encoder"] == encoder
    assert (config.input.kind, config.input.num_samples) == ("waveform", num_samples)
    assert config.input.length_rule == ("tile" if num_samples else "full") and not config.input.random_crop
    assert [augment["algorithm"] for augment in config.train.augment] == [algorithm] * (algorithm is not None)
    assert config.model["tuned_layers"] == (0 if name == "spoof_superb" else -1)
    of_tak = name.startswith("xlsr") and name != "xlsr_mhfa"
    assert config.model["normalise"] == (
        "never" if of_tak else "auto" if name.startswith("whisper") else "always"
    )
    if of_tak:
        assert config.train.loss["class_weights"] == [0.1, 0.9] and config.train.optim.weight_decay == 1e-4
        assert config.model["encoder_dropout"] == 0


def test_the_systems_of_mini_fit_their_features():
    """Its encoder has 384 features and hidden states 0 to 4; 4 s are 200 frames."""
    for name in (
        "antideepfake",
        "spoof_superb",
        *(name for name in configured_systems() if name[:5] == "xlsr_"),
    ):
        config = load_system_config(name, MINI)
        if config.model["encoder"]:  # not among those of a laptop's size
            continue
        torch.manual_seed(1)
        model = models.build("audio", config.model, 2).eval()
        with torch.inference_mode():
            x = torch.randn(2, len(config.input.features["layers"]), 200, 384)
            assert torch.isfinite(model(as_batch(x)).logits).all(), name
