"""Hidden states of speech encoders against the models themselves."""

import sys

import pytest
import torch

from dada import features
from dada.errors import ConfigError, DataError, UserError
from dada.experiment.config import result_settings
from dada.features._adapters import Lora
from dada.features.speech_encoder import ALL, SpeechEncoder, whisper_mels

NORM_FIRST = ["wav2vec2", "hubert_large", "wavlm_large", "whisper"]  # and once more behind the last layer
NORM_AFTER = ["wav2vec2_ctc", "hubert", "wavlm", "data2vec"]
KINDS = [*NORM_FIRST, *NORM_AFTER]


def hidden_states(folder, x, final_norm=True):
    """All hidden states by the model of the library, (K, B, N, D), the last one as its last state, or as
    the last layer gives it.
    """
    import transformers as hf

    model = hf.AutoModel.from_pretrained(folder).eval()
    if model.config.model_type == "whisper":
        encoder = model.get_encoder()
        inputs = hf.WhisperFeatureExtractor()(
            list(x.numpy()), sampling_rate=16_000, padding="longest", return_tensors="pt"
        ).input_features
        encoder.config.max_source_positions = inputs.shape[-1] // 2
        encoder.embed_positions = torch.nn.Embedding.from_pretrained(
            encoder.embed_positions.weight[: inputs.shape[-1] // 2]
        )
    else:
        encoder, inputs = model, x
        if hf.AutoFeatureExtractor.from_pretrained(folder).do_normalize:
            inputs = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-7).sqrt()
    raw = []
    stack = encoder if model.config.model_type == "whisper" else encoder.encoder
    stack.layers[-1].register_forward_hook(
        lambda _, __, output: raw.append(output if isinstance(output, torch.Tensor) else output[0])
    )
    with torch.no_grad():
        output = encoder(inputs, output_hidden_states=True)
    last = output.last_hidden_state if final_norm else raw[0]
    return torch.stack([*output.hidden_states[:-1], last])


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_the_models(kind, encoder_folder):
    folder = encoder_folder(kind)
    x = 0.1 * torch.randn(2, 64_000, generator=torch.Generator().manual_seed(3)) + 0.05
    expected = hidden_states(folder, x)
    depth = len(expected) - 1
    for layers in ([0], [0, 1], [-1], [1, depth]):
        stack = features.build(
            {"name": "speech_encoder", "model": str(folder), "layers": layers, "layer_pooling": "stack"}
        )(x)
        mean = features.build({"name": "speech_encoder", "model": str(folder), "layers": layers})(x)
        chosen = expected[layers].transpose(-1, -2)  # (K, B, D, N)
        torch.testing.assert_close(stack, torch.cat(list(chosen), dim=1), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(mean, chosen.mean(0), atol=1e-5, rtol=1e-4)
        assert stack.shape[-1] == (200 if kind == "whisper" else 199)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_state_comes_with_and_without_the_final_norm(kind, encoder_folder):
    """Raw layers 1 to L, as SLS reads them, and the L + 1 states of s3prl, the last one normalised."""
    folder = str(encoder_folder(kind))
    x = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(3))
    found, depth = {}, 2 if kind == "whisper" else 3
    for final_norm, layers in ((True, list(range(depth + 1))), (False, list(range(1, depth + 1)))):
        encoder = SpeechEncoder(folder, layers, final_norm=final_norm)
        expected = hidden_states(folder, x, final_norm)[layers].transpose(0, 1)
        with torch.no_grad():
            found[final_norm] = encoder(x)
        torch.testing.assert_close(found[final_norm], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[True][:, 1:depth], found[False][:, :-1])
    same = torch.allclose(found[True][:, -1], found[False][:, -1], atol=1e-3)
    assert same == (kind in NORM_AFTER)


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm", "data2vec", "whisper"])
def test_adapters_alone_learn_and_start_as_the_encoder(kind, encoder_folder):
    folder = str(encoder_folder(kind))
    x = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    plain, adapted = SpeechEncoder(folder, [2]), SpeechEncoder(folder, [2], lora=Lora(rank=2, dropout=0.5))
    torch.testing.assert_close(adapted.eval()(x), plain(x))
    adapters = {name for name, p in adapted.named_parameters() if p.requires_grad}
    targets = 2 if kind == "wavlm" else 4
    assert len(adapters) == 2 * targets * 2 and all(".lora_" in name for name in adapters)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_B" in name:
                torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(adapted(x), plain(x), atol=1e-3)
    assert learning(adapted.train()) == adapters
    assert not torch.equal(adapted(x), adapted(x)), "no dropout in training"


def test_adapters_that_cannot_be_are_refused(encoder_folder, monkeypatch):
    folder = str(encoder_folder("wavlm"))
    with pytest.raises(ConfigError, match="no linear layer 'q_proj' .*there are .*intermediate_dense"):
        SpeechEncoder(folder, [1], lora=Lora(rank=2, targets=["q_proj"]))
    with pytest.raises(ConfigError, match="lora_rank is 2, and tuned_layers 1"):
        SpeechEncoder(folder, [1], tuned_layers=1, lora=Lora(rank=2))
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match="pip install peft"):
        SpeechEncoder(folder, [1], lora=Lora(rank=2))


def test_an_encoder_without_weights_is_for_a_checkpoint_to_fill(encoder_folder, tmp_path):
    """Its own rates of dropout may be replaced."""
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((encoder_folder("wav2vec2") / name).read_bytes())
    with pytest.raises(UserError, match="no weights"):
        SpeechEncoder(str(tmp_path), [-1])
    empty = SpeechEncoder(str(tmp_path), [-1], pretrained=False, dropout=0.0, tuned_layers=ALL)
    whole = SpeechEncoder(str(encoder_folder("wav2vec2")), [-1])
    empty.load_state_dict(whole.state_dict())
    x = torch.randn(1, 8000, generator=torch.Generator().manual_seed(1))
    assert empty.train().network.training
    torch.testing.assert_close(empty(x), whole(x))


def test_it_stays_frozen(encoder_folder):
    feature = features.build({"name": "speech_encoder", "model": str(encoder_folder("hubert"))}).train()
    assert not feature.encoder.training
    assert not feature(torch.randn(1, 8000)).requires_grad
    assert not any(parameter.requires_grad for parameter in feature.parameters())


def learning(encoder: SpeechEncoder) -> set[str]:
    """Names of the parameters that get a gradient from the chosen hidden states."""
    encoder(0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))).square().sum().backward()
    return {name for name, parameter in encoder.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_layers_in_use_are_tuned_alone(kind, encoder_folder):
    folder = str(encoder_folder(kind))
    encoder = SpeechEncoder(folder, [0, 2], tuned_layers=1).train()
    layers = "network.layers" if kind == "whisper" else "network.encoder.layers"
    stack = encoder.get_submodule(layers)
    assert len(stack) == 2  # what lies above is not computed
    expected = {name for name, _ in encoder.named_parameters() if name.startswith(f"{layers}.1.")}
    assert expected and learning(encoder) == expected
    frozen = {id(parameter) for parameter in encoder.frozen_parameters()}
    assert {name for name, parameter in encoder.named_parameters() if id(parameter) not in frozen} == expected
    assert stack[1].training and not stack[0].training and not encoder.network.training
    whole = SpeechEncoder(folder, [1, 2], tuned_layers=ALL).train()
    without = {name for name, _ in whole.named_parameters()} - learning(whole)
    assert (
        without == {"network.embed_positions.weight"}
        if kind == "whisper"
        else without <= {"network.masked_spec_embed"}
    )
    assert whole.network.training and not whole.eval().network.training


def test_tuning_changes_no_output(encoder_folder):
    x = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    for kind in ("wav2vec2", "whisper"):
        folder = str(encoder_folder(kind))
        frozen, tuned = SpeechEncoder(folder, [1, -1]), SpeechEncoder(folder, [1, -1], tuned_layers=ALL)
        torch.testing.assert_close(tuned.eval()(x), frozen(x))
    with pytest.raises(
        ConfigError, match="tuned_layers is 2, but 1 layers .* are in use: give 0 to 1, or -1"
    ):
        SpeechEncoder(folder, [0, 1], tuned_layers=2)


@pytest.mark.parametrize(("kind", "sizes"), [("wavlm", [400, 720, 1040]), ("whisper", [1, 321, 641])])
def test_the_shortest_clips_of_some_frames(kind, sizes, encoder_folder):
    encoder = SpeechEncoder(str(encoder_folder(kind)), [1])
    assert [encoder.samples(num_frames) for num_frames in (1, 2, 3)] == sizes
    assert (
        encoder(torch.zeros(1, sizes[2])).shape[2] == 3
        and encoder(torch.zeros(1, sizes[2] - 1)).shape[2] == 2
    )


def test_style_and_linguistics_are_means_of_their_own_layers(encoder_folder):
    x = 0.1 * torch.randn(1, 8000, generator=torch.Generator().manual_seed(1))
    models = {
        f"{part}_model": str(encoder_folder(kind))
        for part, kind in (("style", "wav2vec2"), ("linguistics", "hubert"))
    }
    both = features.build(
        {"name": "style_linguistics", **models, "style_layers": [0, 1], "linguistics_layers": [2, 3]}
    )(x)
    style = hidden_states(models["style_model"], x)[[0, 1]].mean(0)
    linguistics = hidden_states(models["linguistics_model"], x)[[2, 3]].mean(0)
    torch.testing.assert_close(
        both, torch.cat([style, linguistics], dim=2).transpose(1, 2), atol=1e-5, rtol=1e-4
    )
    with pytest.raises(ConfigError, match="take both encoders of one kind"):
        features.build(
            {
                "name": "style_linguistics",
                **models,
                "style_model": str(encoder_folder("whisper")),
                "style_layers": [1],
                "linguistics_layers": [2],
            }
        )


def test_models_are_looked_for_in_the_recipes_folder(tmp_path):
    (tmp_path / "downloads" / "tiny").mkdir(parents=True)
    settings = {
        "name": "x",
        "style_model": "downloads/tiny",
        "encoder": "downloads/tiny",
        "model": "hub/name",
        "layers": [1],
    }
    found = str(tmp_path / "downloads" / "tiny")
    assert features.with_model_folders(settings, tmp_path) == {
        **settings,
        "style_model": found,
        "encoder": found,
    }
    assert features.with_model_folders(settings, None) == settings


def test_whisper_takes_clips_of_any_length_up_to_its_own(encoder_folder):
    feature = features.build({"name": "speech_encoder", "model": str(encoder_folder("whisper"))})
    assert feature(torch.randn(1, 16_001)).shape == (1, 16, 51)
    with pytest.raises(DataError, match="longer than the 30 s"):
        feature(torch.zeros(1, 30 * 16_000 + 1))


def test_a_model_that_is_not_there_says_how_to_get_it(tmp_path, encoder_folder, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    build = lambda **settings: features.build({"name": "speech_encoder", **settings})  # noqa: E731
    with pytest.raises(UserError, match="no-such/model cannot be loaded.*hf download no-such/model"):
        build(model="no-such/model")
    with pytest.raises(UserError, match="does not exist.*hf download"):
        build(model=str(tmp_path / "absent"))
    (tmp_path / "config.json").write_text((encoder_folder("hubert") / "config.json").read_text())
    with pytest.raises(UserError, match="no weights .*model.safetensors"):
        build(model=str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(
        (encoder_folder("hubert") / "model.safetensors").read_bytes()
    )
    with pytest.raises(UserError, match="no preprocessor_config.json"):
        build(model=str(tmp_path))
    with pytest.raises(ConfigError, match="hidden states 0 to 3"):
        build(model=str(encoder_folder("hubert")), layers=[4])


@pytest.mark.parametrize("kind", ["wav2vec2", "wavlm", "whisper"])
def test_recomputed_layers_have_the_same_gradients(kind, encoder_folder):
    x = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    kept, gradients = [], []
    for recompute in (False, True):
        encoder = SpeechEncoder(str(encoder_folder(kind)), [2], tuned_layers=2, recompute=recompute).train()
        encoder.network.config.hidden_dropout = encoder.network.config.attention_dropout = 0.0
        torch.manual_seed(1)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda value, sizes=sizes: sizes.append(value.numel()) or value, lambda value: value
        ):
            output = encoder(x)
        output.square().sum().backward()
        kept.append(sum(sizes))
        gradients.append({name: p.grad for name, p in encoder.named_parameters() if p.grad is not None})
    assert kept[1] < kept[0] / 3
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 10
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-5, atol=1e-6)


def test_whispers_mels_beside_a_cpu_are_the_librarys(encoder_folder):
    encoder = SpeechEncoder(str(encoder_folder("whisper")), [1])
    x = 0.1 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(whisper_mels(x, encoder.processor), encoder._mels(x), rtol=0, atol=1e-4)


def test_recomputing_makes_no_other_experiment():
    settings = {"train": {}, "model": {"name": "w2v2_aasist", "tuned_layers": 2}}
    other = {**settings, "model": {**settings["model"], "recompute": True}}
    assert result_settings(other) == result_settings(settings)
    assert result_settings({**settings, "model": {"name": "slim"}}) != result_settings(settings)
