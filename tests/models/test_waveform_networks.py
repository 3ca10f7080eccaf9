"""AASIST, RawGAT-ST and RawNet2 against the official weights, figures and structure."""

import json
import math

import pytest
import soundfile
import torch
from torch import nn

from dada.data.batch import Batch
from dada.data.length import fit_length
from dada.errors import ConfigError, DataError
from dada.models.audio import _spectro_temporal as parts
from dada.models.audio import aasist, rawgat_st, rawnet2
from dada.models.audio._norm import BatchNorm2d
from dada.recipe.config import load_system_config
from dada.system_table import read_rows

NUM_SAMPLES = 64_600
SYSTEMS = {  # parameters of the published networks
    "aasist": 297_866,
    "aasist_l": 85_306,
    "rawgat_st": 440_810,
    "rawgat_st_add": 440_810,
    "rawgat_st_concat": 445_546,
    "rawnet2": 17_621_410,
    "rawnet2_icassp": 25_433_602,
}
MODULES = {"aasist": aasist, "rawgat_st": rawgat_st, "rawnet2": rawnet2}


def as_batch(x: torch.Tensor, lengths=None) -> Batch:
    lengths = torch.full((len(x),), x.shape[1]) if lengths is None else torch.tensor(lengths)
    return Batch([f"u{i}" for i in range(len(x))], x, lengths, torch.arange(len(x)) % 2)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def system_model(name: str) -> nn.Module:
    settings = dict(load_system_config(name).model)
    module = MODULES[settings.pop("name")]
    return module.Model(module.Config(**settings), 2)


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_have_the_published_number_of_parameters(name):
    config = load_system_config(name)
    assert config.labels == ["spoof", "bonafide"]
    assert (config.input.num_samples, config.input.length_rule) == (NUM_SAMPLES, "tile")
    with torch.device("meta") if name.startswith("rawnet2") else torch.device("cpu"):
        model = system_model(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == SYSTEMS[name]


@pytest.mark.parametrize(("system", "official"), [("aasist", "AASIST"), ("rawgat_st", "RawGAT_ST_mul")])
def test_official_weights_give_the_official_logits(reference, system, official):
    module, deviation = MODULES[system], float(read_rows()[system].official_deviation)
    expected = json.loads((reference / "expected.json").read_text())["logits"][official]
    model = module.Model(module.Config(), 2).eval()
    state = torch.load(reference / "weights" / f"{official}.pth", map_location="cpu", weights_only=True)
    model.load_state_dict(module.from_official(state))
    assert len(expected) == 12
    for utt, logits in expected.items():
        waveform = torch.from_numpy(soundfile.read(reference / "audio" / f"{utt}.flac", dtype="float32")[0])
        with torch.inference_mode():
            found = model(as_batch(fit_length(waveform, NUM_SAMPLES, "tile")[None])).logits[0]
        torch.testing.assert_close(
            found, torch.tensor(logits), rtol=0, atol=deviation, msg=lambda text, utt=utt: f"{utt}: {text}"
        )


def official_rawnet2(config: rawnet2.Config) -> dict[str, torch.Tensor]:
    """A state dict in the order and with the names of the authors, filled by a fixed rule: sines of the
    position.
    """
    shapes: dict[str, tuple[int, ...]] = {}

    def add(name: str, *weight: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]

    def add_norm(name: str, size: int) -> None:
        add(name, size)
        shapes[f"{name}.running_mean"] = shapes[f"{name}.running_var"] = (size,)

    sizes, hidden = [config.num_filters, *config.channels], config.hidden_size
    add_norm("first_bn", sizes[0])
    for i, (channels, size) in enumerate(zip(sizes, sizes[1:], strict=False)):
        block = f"block{i}.0"
        if i:
            add_norm(f"{block}.bn1", channels)
        add(f"{block}.conv1", size, channels, 3)
        add_norm(f"{block}.bn2", size)
        add(f"{block}.conv2", size, size, 3)
        if channels != size:
            add(f"{block}.conv_downsample", size, channels, 1)
    for i, size in enumerate(sizes[1:]):
        add(f"fc_attention{i}.0", size, size)
    add_norm("bn_before_gru", sizes[-1])
    for layer in range(config.num_layers):
        shapes[f"gru.weight_ih_l{layer}"] = (3 * hidden, hidden if layer else sizes[-1])
        shapes[f"gru.weight_hh_l{layer}"] = (3 * hidden, hidden)
        shapes[f"gru.bias_ih_l{layer}"] = shapes[f"gru.bias_hh_l{layer}"] = (3 * hidden,)
    add("fc1_gru", hidden, hidden)
    add("fc2_gru", 2, hidden)
    return {name: fill(name, k, shape) for k, (name, shape) in enumerate(shapes.items())}


def fill(name: str, k: int, shape: tuple[int, ...]) -> torch.Tensor:
    sines = torch.sin(1 + 0.1 * k + 0.37 * torch.arange(math.prod(shape), dtype=torch.float64)).view(shape)
    if name.endswith("running_var"):
        values = 1 + 0.5 * sines.square()
    elif len(shape) > 1:
        values = sines * math.sqrt(2 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        values = 1 + 0.1 * sines
    else:
        values = 0.1 * sines
    return values.float()


@pytest.mark.parametrize(
    ("name", "logits", "log_softmax", "embedding"),
    [
        ("rawnet2", [-0.0395493, -3.2499168], True, [-1.3017002, -0.4390537, 1.3818297, -0.5503813]),
        ("rawnet2_icassp", [2.2069635, -0.9943441], False, None),
    ],
)
def test_rawnet2_with_filled_weights_gives_the_published_structures_outputs(
    name, logits, log_softmax, embedding
):
    with torch.device(
        "meta"
    ):  # the weights are all loaded, and drawing them takes longer than running the network
        model = system_model(name)
    config = rawnet2.Config(
        **{key: value for key, value in load_system_config(name).model.items() if key != "name"}
    )
    model.bank = rawnet2.Model(rawnet2.Config(**{**vars(config), "hidden_size": 1}), 2).bank
    state = official_rawnet2(config)
    assert len(state) == 106
    renamed = rawnet2.from_official(state)
    renamed |= {key: torch.tensor(0) for key in model.state_dict() if key.endswith("num_batches_tracked")}
    model.load_state_dict(renamed, assign=True)
    time = torch.arange(NUM_SAMPLES, dtype=torch.float64) / 16_000
    chirp = 0.5 * torch.sin(2 * math.pi * (100 * time + 200 * time.square()))
    with torch.inference_mode():
        output = model.eval()(as_batch(chirp.float()[None]))
    found = output.logits[0].log_softmax(0) if log_softmax else output.logits[0]
    torch.testing.assert_close(found, torch.tensor(logits), rtol=0, atol=2e-5)
    if embedding:
        torch.testing.assert_close(output.embedding[0, :4], torch.tensor(embedding), rtol=0, atol=2e-5)


def plain_block(block: parts.ResidualBlock, x: torch.Tensor) -> torch.Tensor:
    """A residual block step by step, by the library's functions."""
    h = x if block.norm1 is None or block.dead_preact else nn.functional.selu(block.norm1(x))
    h = block.conv2(nn.functional.selu(block.norm2(block.conv1(h))))
    return block.pool(h + (x if block.shortcut is None else block.shortcut(x)))


@pytest.mark.parametrize("dead_preact", [True, False])
def test_encoder_is_its_plain_form_in_outputs_and_gradients(dead_preact):
    torch.manual_seed(1)
    encoder = parts.Encoder([4, 4, 6], [3, 3, 3], dead_preact)
    for block in encoder:
        block.piece = 24  # so that the image is cut into many pieces
    x = noise(2, 1, 5, 200)
    for training in (True, False):
        encoder.train(training)
        outputs, gradients = [], []
        for run in (
            encoder,
            lambda image: plain_block(encoder[2], plain_block(encoder[1], plain_block(encoder[0], image))),
        ):
            outputs.append(run(x))
            encoder.zero_grad()
            outputs[-1].square().sum().backward()
            gradients.append([p.grad.clone() for p in encoder.parameters() if p.requires_grad])
        # Normalised values of up to about 5, hence sums with errors of some 5 eps each: 6e-7, times 10.
        torch.testing.assert_close(*outputs, rtol=0, atol=6e-6)
        assert max(float(gradient.abs().max()) for gradient in gradients[1]) > 10
        torch.testing.assert_close(
            *gradients, rtol=1e-4, atol=2e-3
        )  # a bias before a BatchNorm has rounding for a gradient
        with torch.no_grad():
            torch.testing.assert_close(encoder(x), outputs[0], rtol=0, atol=6e-6)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_selu_is_the_librarys(memory_format):
    x = torch.cat(
        [noise(2, 3, 40, 300) * 3, torch.full((2, 3, 40, 1), -1e4), torch.zeros(2, 3, 40, 1)], dim=3
    )
    found, expected = (x.clone(memory_format=memory_format).requires_grad_() for _ in range(2))
    for leaf, run in ((found, lambda y: parts.selu_(y, training=True)), (expected, nn.functional.selu)):
        run(leaf * 1).square().sum().backward()
    torch.testing.assert_close(
        parts.selu_(x.clone(), training=False), nn.functional.selu(x), rtol=1e-6, atol=2e-6
    )
    torch.testing.assert_close(found.grad, expected.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", MODULES.values())
def test_clips_of_different_lengths_give_what_they_give_alone(module):
    torch.manual_seed(1)
    config, _ = module.example()
    model = module.Model(config, 2).eval()
    x, lengths = noise(3, 16_000), [13_000, 16_000, 13_000]
    with torch.no_grad():
        together = model(as_batch(x, lengths))
        alone = [model(as_batch(x[i : i + 1, :length])) for i, length in enumerate(lengths)]
    torch.testing.assert_close(
        together.logits, torch.cat([output.logits for output in alone]), rtol=0, atol=1e-5
    )
    torch.testing.assert_close(
        together.embedding, torch.cat([output.embedding for output in alone]), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("module", MODULES.values())
def test_silence_is_finite_and_a_clip_without_a_frame_is_refused(module):
    config, _ = module.example()
    model = module.Model(config, 2).eval()
    with torch.no_grad():
        assert torch.isfinite(model(as_batch(torch.zeros(2, 16_000))).logits).all()
        model(as_batch(noise(1, model.shortest)))
    with pytest.raises(
        DataError, match=f"utterance u1: {model.shortest - 1} samples, but the network needs {model.shortest}"
    ):
        model(as_batch(noise(2, 16_000), [16_000, model.shortest - 1]))


@pytest.mark.parametrize("fusion", ["mul", "add", "concat"])
def test_every_fusion_learns(fusion):
    torch.manual_seed(1)
    config, _ = rawgat_st.example()
    config.fusion = fusion
    model = rawgat_st.Model(config, 2).train()
    batch = as_batch(noise(4, 16_000))
    nn.functional.cross_entropy(model(batch).logits, batch.labels).backward()
    assert all(parameter.grad.any() for parameter in model.parameters())


def test_parameters_that_no_output_depends_on_are_frozen():
    for model in (aasist.Model(aasist.Config(), 2), rawgat_st.Model(rawgat_st.Config(), 2)):
        frozen = {
            name.rpartition(".")[0].rpartition(".")[2]
            for name, p in model.named_parameters()
            if not p.requires_grad
        }
        assert frozen <= {"norm1", "unused_conv"} and "norm1" in frozen


def test_bad_settings():
    for module in MODULES.values():
        with pytest.raises(ConfigError, match="channels needs 6 numbers"):
            module.Model(module.Config(channels=[8, 8]), 2)


def test_batch_norm_in_training_is_exact_on_a_large_image():
    torch.manual_seed(1)
    norm, exact = BatchNorm2d(4), nn.BatchNorm2d(4).double()
    nn.init.uniform_(norm.weight)
    exact.load_state_dict(norm.state_dict())
    x = (noise(2, 4, 24, 5000) * 0.3 + 0.2).contiguous(memory_format=torch.channels_last)
    slope = noise(2, 4, 24, 5000) + x
    found, expected = x.clone().requires_grad_(), x.double().requires_grad_()
    outputs = [norm(found), exact(expected)]
    for output in outputs:
        output.backward(slope.to(output.dtype))
    # Outputs of up to about 5 and 120,000 values a channel, summed in blocks: 10 eps of 5 for the outputs.
    torch.testing.assert_close(outputs[0], outputs[1].float(), rtol=0, atol=6e-6)
    torch.testing.assert_close(found.grad, expected.grad.float(), rtol=0, atol=3e-5)
    for ours, theirs in zip(norm.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad.float(), rtol=1e-5, atol=1e-2)
    for key, value in exact.state_dict().items():
        torch.testing.assert_close(
            norm.state_dict()[key], value.to(norm.state_dict()[key].dtype), rtol=1e-5, atol=1e-6
        )


def test_a_batch_norm_of_another_kind_is_called():
    """As one that shares statistics with other processes, which is a class derived from ours."""

    class Other(BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 0 * x + 1

    encoder = parts.Encoder([4], [3], dead_preact=True).train()
    assert parts.can_keep_little(noise(1), encoder[0].norm2)
    encoder[0].norm2.__class__ = Other
    x = noise(2, 1, 5, 30)
    torch.testing.assert_close(encoder(x), plain_block(encoder[0], x))


def test_a_block_in_training_keeps_little():
    """Its input, one image between its convolutions, and a byte for each maximum; of an image of one channel
    not even that between.
    """
    torch.manual_seed(1)
    encoder = parts.Encoder([8, 8, 12], [3, 3, 3], dead_preact=True).train()
    x = noise(2, 1, 5, 300).requires_grad_()
    sizes = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda value: sizes.__setitem__(value.data_ptr(), value.nbytes) or value, lambda value: value
    ):
        encoder(x)
    weights = {p.data_ptr() for p in encoder.parameters()}
    kept = sum(size for place, size in sizes.items() if place not in weights)
    pixels = [2 * 8 * 6 * 100 * 4, 2 * 12 * 6 * 33 * 4]  # of the first convolutions of the later blocks
    outputs = 2 * 5 * (8 * 100 + 8 * 33 + 12 * 11)
    assert kept <= x.nbytes + sum(pixels) + 5 * outputs + 4096
