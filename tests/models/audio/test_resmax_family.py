"""ResMax, DDWS, BC-ResMax and OFD against the authors' Keras networks: parameter counts, and logits with
weights filled by a formula.
"""

import pytest
import torch
from filled_weights import Filler, fixture_input

from dada.data.batch import Batch
from dada.errors import ConfigError, DataError
from dada.models.audio import bc_resmax, ddws, ofd, resmax

SHORT = [2, 2, 0, 0, 0, 0]
PAPER = {"second_kernel": "1x1", "head": "flatten", "input_size": [100, 282], "dropout": 0.7}
COUNTS = [  # trainable and total parameters
    (resmax, {}, 285_754, 286_442),
    (resmax, PAPER, 261_306, 261_994),
    (ddws, {}, 28_954, 32_106),
    (ddws, {"order": "parallel", "frequency_activation": "swish"}, 45_210, 48_362),  # 45K in the paper
    (bc_resmax, {}, 28_250, 30_698),
    (bc_resmax, {"frequency_activation": "mfm_before"}, 29_658, 32_106),  # 29K in the paper
    (ofd, {}, 168_106, 172_570),
    (ofd, {"splits": SHORT}, 62_506, 64_154),
    (ofd, {"overlap": False}, 113_434, 116_394),
    (ofd, {"splits": [0] * 6}, 58_762, 60_218),
    (ofd, {"activation": "mfm"}, 223_666, 228_130),
    (ofd, {"splits": SHORT, "activation": "mfm"}, 106_866, 108_514),
    (ofd, {"overlap": False, "activation": "mfm"}, 210_362, 213_322),
]
LOGITS = [
    (resmax, {}, [-22.5508, 10.5069]),
    (ddws, {}, [-0.58825, 4.61928]),
    (bc_resmax, {}, [-17.80733, 10.27894]),
    (ofd, {}, [-0.67510, 1.57988]),
    (ofd, {"splits": SHORT}, [0.56331, -0.18176]),
    (ofd, {"overlap": False}, [-0.04140, 0.57363]),
    (ofd, {"activation": "mfm"}, [0.47637, -0.15096]),
    (ofd, {"splits": [0] * 6}, [-0.29159, 0.71261]),
]


def build(module, settings: dict, num_classes: int = 2) -> torch.nn.Module:
    return module.Model(module.Config(**settings), num_classes).eval()


def fill(model: torch.nn.Module) -> None:
    filler = Filler()
    if not isinstance(model, ofd.Model):
        filler.everything(model)
        return
    filler.conv(model.stem.weight, model.stem.bias)
    for block in model.blocks:
        bands = block.bands
        for band in range(
            bands.num_bands
        ):  # one after the other in the original, one grouped convolution here
            for convs, norm in ((bands.first.convs, bands.norm1), (bands.second.convs, bands.norm2)):
                size = len(norm.bias) // bands.num_bands
                rows = slice(band * size, (band + 1) * size)
                for conv in convs:
                    filler.conv(conv.weight[rows], conv.bias[rows])
                filler.norm(norm, rows)
        filler.depthwise_conv(block.time[0])
        filler.norm(block.time[1])
        filler.conv(block.time[3].weight, block.time[3].bias)
    filler.linear(model.classify)


@pytest.mark.parametrize(("module", "settings", "trainable", "total"), COUNTS)
def test_parameter_counts(module, settings, trainable, total):
    model = build(module, settings)
    parameters = sum(p.numel() for p in model.parameters())
    statistics = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    assert (parameters, parameters + statistics) == (trainable, total)


def test_the_model_of_track_3():
    assert sum(p.numel() for p in build(ofd, {"splits": SHORT, "dense": [128, 64]}, 7).parameters()) == 87_471


@pytest.mark.parametrize(("module", "settings", "logits"), LOGITS)
def test_parity(module, settings, logits):
    model = build(module, settings)
    fill(model)
    with torch.no_grad():
        output = model(Batch(["a"], fixture_input(), torch.tensor([282])))
    torch.testing.assert_close(output.logits, torch.tensor([logits]), atol=1e-4, rtol=2e-5)


@pytest.mark.parametrize(
    ("module", "settings", "rows"),
    [
        (resmax, {"second_kernel": "1x1"}, 20),
        (ddws, {"order": "parallel", "frequency_activation": "mfm_after"}, 40),
        (ddws, {"frequency_activation": "mfm_before", "time_activation": "mfm_after"}, 40),
        (bc_resmax, {"frequency_activation": "mfm_before", "time_activation": "mfm_before"}, 40),
        (ofd, {"overlap": False}, 70),
        (ofd, {"splits": [0] * 6, "activation": "mfm"}, 70),
        (ofd, {"activation": "mfm"}, 100),
    ],
)
def test_a_padded_clip_gives_what_it_gives_alone(module, settings, rows):
    torch.manual_seed(0)
    model = build(module, settings)
    for layer in model.modules():  # offsets, so that padding would not stay zero by itself
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.bias)
    clips = [torch.randn(rows, n) for n in (65, 97, 128)]
    padded = torch.full((3, rows, 128), 7.0)
    for i, clip in enumerate(clips):
        padded[i, :, : clip.shape[1]] = clip
    with torch.no_grad():
        together = model(Batch(list("abc"), padded, torch.tensor([65, 97, 128])))
        alone = torch.cat(
            [model(Batch(["a"], clip[None], torch.tensor([clip.shape[1]]))).logits for clip in clips]
        )
    torch.testing.assert_close(together.logits, alone, atol=1e-4, rtol=1e-4)


def test_overlapping_bands_agree_with_a_loop_over_them():
    torch.manual_seed(0)
    bands = ofd.Bands(3, 5, 3, 2, ofd.Config()).eval()
    x = torch.randn(2, 3, 10, 7)
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1))  # 10 rows to 12, three a step
    rows = {}
    for band in range(3):
        y = padded[:, :, 3 * band : 3 * band + 6]
        for conv, norm, last in (
            (bands.first.convs[0], bands.norm1, False),
            (bands.second.convs[0], bands.norm2, True),
        ):
            part = slice(5 * band, 5 * band + 5)
            y = (
                torch.nn.functional.conv2d(y, conv.weight[part], conv.bias[part], padding=(1, 0))
                / (1 + norm.eps) ** 0.5
            )
            y = y if last else y.relu()
        for row in range(6):
            rows.setdefault(3 * band + row, []).append(y[:, :, row])
    expected = torch.stack([torch.stack(rows[row]).amax(0) for row in range(12)], dim=2)
    with torch.no_grad():
        torch.testing.assert_close(bands(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [(resmax, {"head": "flatten"}, "needs input_size"), (ofd, {"splits": [2, 2]}, "6 numbers")],
)
def test_bad_settings_are_refused(module, settings, message):
    with pytest.raises(ConfigError, match=message):
        build(module, settings)


def test_inputs_of_a_wrong_size_are_refused():
    with pytest.raises(ConfigError, match="built for inputs of 100 x 282, but these are 100 x 200 to 282"):
        build(resmax, PAPER)(Batch(["a", "b"], torch.zeros(2, 100, 282), torch.tensor([282, 200])))
    with pytest.raises(ConfigError, match="20 features a frame, but the network needs 35"):
        build(ddws, {})(Batch(["a"], torch.zeros(1, 20, 50), torch.tensor([50])))
    with pytest.raises(DataError, match="utterance b: 63 frames, but ofd needs 64"):
        build(ofd, {})(Batch(["a", "b"], torch.zeros(2, 100, 90), torch.tensor([90, 63])))


def test_depthwise_kernels_start_as_keras_draws_them():
    torch.manual_seed(0)
    bound = (6 / (3 * 65)) ** 0.5  # three taps, 64 channels
    for settings, step in (({}, 1), ({"frequency_activation": "mfm_after"}, 2)):
        weight = build(bc_resmax, settings).stages[-1][-1].frequency.conv.weight
        for first in range(step):
            assert 0.95 * bound < float(weight.detach()[first::step].abs().max()) <= bound
