"""Published checkpoints of encoder and head: every name counted, and a round trip on a tiny encoder."""

import json
import logging

import pytest
import torch
from torch import nn
from whisper.model import AudioEncoder

from dada import models, plugins
from dada.data.batch import Batch
from dada.errors import ConfigError
from dada.explain.attribution import attribute
from dada.models.audio import whisper_lcnn, whisper_mesonet
from dada.train.optim import set_trainable, training_mode

XLS_R_300M = {
    "model_type": "wav2vec2",
    "architectures": ["Wav2Vec2Model"],
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "do_stable_layer_norm": True,
    "feat_extract_norm": "layer",
    "conv_bias": True,
}
PROCESSOR = {
    "feature_extractor_type": "Wav2Vec2FeatureExtractor",
    "do_normalize": True,
    "sampling_rate": 16_000,
}
WHOLE = {  # name in the fixtures, and parameters with the encoder as fairseq has it
    "sls": ("xlsr_sls", 340_790_021),
    "nes2net": ("nes2net_x", 317_902_631),
    "conformer": ("conformer", 319_896_916),
    "tcm_conformer": ("tcm", 321_213_220),
    "xlsr_mamba": ("xlsr_mamba", 319_327_542),
    "ssl_aasist": ("w2v2_aasist", 317_837_834),
}
PREFIXES = {  # before the encoder's names in a checkpoint
    **dict.fromkeys(WHOLE, "ssl_model.model."),
    "pooled_linear": "m_ssl.model.",
    "mhfa": "frontend.upstream.upstream.model.",
    "weighted_linear": "ssl_model.upstream.upstream.model.",
}


@pytest.fixture(scope="module")
def fixtures(reference) -> dict:
    return json.loads((reference / "fixtures_ssl.json").read_text())


@pytest.fixture(scope="module")
def empty_xls_r(tmp_path_factory):
    """A folder with the configuration of XLS-R 300M, and no weights."""
    folder = tmp_path_factory.mktemp("xls_r_300m")
    (folder / "config.json").write_text(json.dumps(XLS_R_300M))
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return folder


@pytest.mark.parametrize("name", WHOLE)
def test_every_name_of_a_published_checkpoint_has_its_place(name, fixtures, empty_xls_r, caplog):
    """In a network of full size on the meta device, which holds no values."""
    key, num_parameters = WHOLE[name]
    module = plugins.load("dada.models.audio", name, "audio model")
    listed = dict(fixtures["systems"][key]["tensors"])
    listed |= {
        f"ssl_model.model.{name}": shape for name, (shape, _) in fixtures["fairseq_to_hf_300M"].items()
    }
    state = {f"module.{name}": torch.empty(shape, device="meta") for name, shape in listed.items()}
    learned = [value for name, value in state.items() if "running_" not in name]
    assert sum(value.numel() for value in learned) == num_parameters
    for name in [name for name in state if name.endswith("running_var")]:
        state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(1.5)
    with torch.device("meta"):
        model = module.Model(module.Config(encoder=str(empty_xls_r), pretrained=False), 2)
    with caplog.at_level(logging.INFO, logger="dada"):
        named = module.from_official(state)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert {name: tuple(value.shape) for name, value in named.items()} == expected
    assert "quantizer.vars" in caplog.text and "final_proj.bias" in caplog.text


def official_names(name: str, fixtures: dict) -> dict[str, str]:
    """Our names of a head's tensors to the authors'."""
    module = plugins.load("dada.models.audio", name, "audio model")
    systems = fixtures["systems"]
    key = WHOLE[name][0] if name in WHOLE else name
    listed = {
        "pooled_linear": systems["antideepfake_head"]["tensors"],
        "weighted_linear": systems["spoof_superb_head"]["tensors"],
        "mhfa": systems["mhfa"]["tensors_32_1024_25"],
    }.get(name) or systems[key]["tensors"]
    back = {}
    for official, _ in listed:
        for ours in module.from_official({official: torch.zeros(1)}):
            back[ours] = official
    return back


def official_checkpoint(name: str, model: nn.Module, fixtures: dict) -> dict[str, torch.Tensor]:
    """The parameters of a network under the authors' names, as a data-parallel training saves them."""
    to_fairseq = {ours: theirs for theirs, (_, ours) in fixtures["fairseq_to_hf_300M"].items() if ours}
    heads, state = official_names(name, fixtures), {}
    for ours, value in model.state_dict().items():
        if ours.startswith("encoder.network."):
            official = PREFIXES[name] + to_fairseq[ours.removeprefix("encoder.network.")]
        else:
            tracked = ours.endswith("num_batches_tracked")
            official = heads[ours.replace("num_batches_tracked", "running_var")]
            official = official.replace("running_var", "num_batches_tracked") if tracked else official
        state[f"module.{official}"] = value
    if name == "mhfa":  # the published class order
        for part in ("weight", "bias"):
            state[f"module.projection.trans.2.{part}"] = state[f"module.projection.trans.2.{part}"].flip(0)
    state[f"module.{PREFIXES[name]}quantizer.vars"] = torch.zeros(1)
    return state


def small(name: str, encoder_folder, seed: int, **settings) -> nn.Module:
    """The example network of a name around a tiny encoder."""
    module = plugins.load("dada.models.audio", name, "audio model")
    config, _ = module.example()
    layers = {"sls": [1, 2, 3], "mhfa": [0, 1, 2, 3], "weighted_linear": [0, 1, 2, 3]}.get(name, [-1])
    parts = {"outer_parts": 2} if name == "nes2net" else {}
    own = {
        "encoder": str(encoder_folder("wav2vec2")),
        "layers": layers,
        "tuned_layers": -1,
        **parts,
        **settings,
    }
    torch.manual_seed(seed)
    return module.Model(module.Config(**{**vars(config), **own}), 2)


def waveforms(num_samples: int) -> Batch:
    x = 0.1 * torch.randn(3, num_samples, generator=torch.Generator().manual_seed(1))
    return Batch(["a", "b", "c"], x, torch.full((3,), num_samples), torch.tensor([0, 1, 0]))


@pytest.mark.parametrize("name", PREFIXES)
def test_a_checkpoint_in_the_authors_layout_loads_encoder_and_head(name, fixtures, encoder_folder, tmp_path):
    model, other = (small(name, encoder_folder, seed) for seed in (1, 2))
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            parameter.mul_(1.1)
    state = official_checkpoint(name, model, fixtures)
    torch.save(state, tmp_path / "official.pth")
    models.load_weights(other, "audio", name, tmp_path / "official.pth")
    batch = waveforms(400 + 320 * (4 if name == "sls" else 30))
    with torch.inference_mode():
        logits = [network.eval()(batch).logits for network in (model, other)]
    assert torch.equal(*logits) and float(logits[0].std(0).max()) > 0
    del state[f"module.{PREFIXES[name]}mask_emb"]
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(ConfigError, match=r"encoder\.network\.masked_spec_embed \(16,\) is not in the file"):
        models.load_weights(other, "audio", name, tmp_path / "short.pth")


def test_whispers_encoder_under_its_authors_names(fixtures, encoder_folder, tmp_path):
    """The encoder of openai-whisper and a head in one file, as the authors save them."""
    torch.manual_seed(1)
    official = AudioEncoder(80, 1500, 16, 2, 2)
    for block in official.blocks:
        block.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
    config = whisper_lcnn.Config(encoder=str(encoder_folder("whisper")))
    model = whisper_lcnn.Model(config, 2)
    names = {}
    for name, shape in fixtures["systems"]["whisper_heads"]["tensors_lcnn_1ch"]:
        names |= dict.fromkeys(whisper_lcnn.from_official({name: torch.zeros(shape)}), name)
    state = {f"whisper_model.encoder.{name}": value for name, value in official.state_dict().items()}
    for name, value in model.state_dict().items():
        if not name.startswith("encoder."):
            tracked = name.replace("num_batches_tracked", "running_var")
            theirs = names[tracked].replace("running_var", name.rpartition(".")[2])
            state[theirs if tracked != name else names[name]] = (
                value.transpose(2, 3) if value.ndim == 4 else value
            )
    torch.save(state, tmp_path / "weights.pth")
    fresh = whisper_lcnn.Model(config, 2)
    models.load_weights(fresh, "audio", "whisper_lcnn", tmp_path / "weights.pth")
    x = 0.1 * torch.randn(1, 480_000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = official.eval()(fresh.encoder._mels(x))
        torch.testing.assert_close(fresh.encoder(x)[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert all(
        torch.equal(fresh.state_dict()[name], value)
        for name, value in model.state_dict().items()
        if not name.startswith("encoder.")
    )


@pytest.mark.parametrize("kind", ["mfcc", "lfcc"])
def test_cepstra_are_a_second_channel_of_each_clip_alone(kind, tmp_path):
    sizes = {"d_model": 48, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}
    rest = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 32, "vocab_size": 60}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper", **sizes, **rest, **tokens}))
    torch.manual_seed(1)
    settings = {"encoder": str(tmp_path), "pretrained": False, "width": 48}
    model = whisper_mesonet.Model(whisper_mesonet.Config(cepstra=kind, **settings), 2).eval()
    batch = waveforms(16_100)
    batch.inputs[1] *= 100
    seen = []
    model.inceptions[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        together = model(batch).logits
        alone = torch.cat([model(Batch(["a"], x[None], torch.tensor([16_100]))).logits for x in batch.inputs])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)
    assert seen[0].shape == (3, 2, 48, 102) and not any("transform" in name for name in model.state_dict())
    coefficients = seen[0][0, 1]
    assert torch.isfinite(coefficients).all() and float(coefficients[:16].std()) > 10 * float(
        coefficients[16:].std()
    )
    without = whisper_mesonet.Model(whisper_mesonet.Config(cepstra=kind, width=48), 2)
    with pytest.raises(ConfigError, match="made of waveforms"):
        without(Batch(["a"], torch.zeros(1, 48, 40), torch.tensor([40])))
    with pytest.raises(ConfigError, match="49 rows cannot be thirds"):
        whisper_mesonet.Model(whisper_mesonet.Config(cepstra=kind, width=49), 2)


def test_adapters_and_the_head_learn_together(encoder_folder):
    model = small("nes2net", encoder_folder, 1, tuned_layers=0, lora_rank=2)
    learning = set_trainable(model, [])
    training_mode(model)
    batch = waveforms(8000)
    nn.functional.cross_entropy(model(batch).logits, batch.labels).backward()
    names = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert len(learning) == len(names) and {name.split(".")[0] for name in names} > {"encoder", "blocks"}
    assert all(".lora_" in name for name in names if name.startswith("encoder."))


@pytest.mark.parametrize("name", ["xlsr_mamba", "mhfa"])
def test_integrated_gradients_sum_up_to_the_logits(name):
    module = plugins.load("dada.models.audio", name, "audio model")
    config, shape = module.example()
    torch.manual_seed(1)
    model = module.Model(config, 2).eval()
    clip, background = (torch.randn(n, *shape, generator=torch.Generator().manual_seed(n)) for n in (1, 2))
    batches = [Batch(["u"] * len(x), x, torch.full((len(x),), shape[-1])) for x in (clip, background)]
    found = attribute(model, *batches, method="integrated_gradients")
    assert found.values.shape == (1, 2, *shape)
    assert float(found.completeness_error.abs().max()) < 0.05
