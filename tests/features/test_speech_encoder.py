"""Hidden states of speech encoders against the models themselves."""

import pytest
import torch

from dada import features
from dada.errors import ConfigError, DataError, UserError


def hidden_states(folder, x):
    """All hidden states by the model of the library, (K, B, N, D)."""
    import transformers as hf

    model = hf.AutoModel.from_pretrained(folder).eval()
    if model.config.model_type == "whisper":
        encoder = model.get_encoder()
        inputs = hf.WhisperFeatureExtractor()(list(x.numpy()), sampling_rate=16_000, padding="longest", return_tensors="pt").input_features
        encoder.config.max_source_positions = inputs.shape[-1] // 2
        encoder.embed_positions = torch.nn.Embedding.from_pretrained(encoder.embed_positions.weight[: inputs.shape[-1] // 2])
    else:
        encoder, inputs = model, x
        if hf.AutoFeatureExtractor.from_pretrained(folder).do_normalize:
            inputs = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, correction=0) + 1e-7).sqrt()
    with torch.no_grad():
        return torch.stack(encoder(inputs, output_hidden_states=True).hidden_states)


@pytest.mark.parametrize("kind", ["wav2vec2", "wav2vec2_ctc", "hubert", "wavlm", "wavlm_large", "whisper"])
def test_layers_are_the_models(kind, encoder_folder):
    folder = encoder_folder(kind)
    x = 0.1 * torch.randn(2, 64_000, generator=torch.Generator().manual_seed(3)) + 0.05
    expected = hidden_states(folder, x)
    depth = len(expected) - 1
    for layers in ([0], [0, 1], [-1], [1, depth]):
        stack = features.build({"name": "speech_encoder", "model": str(folder), "layers": layers, "layer_pooling": "stack"})(x)
        mean = features.build({"name": "speech_encoder", "model": str(folder), "layers": layers})(x)
        chosen = expected[layers].transpose(-1, -2)  # (K, B, D, N)
        torch.testing.assert_close(stack, torch.cat(list(chosen), dim=1), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(mean, chosen.mean(0), atol=1e-5, rtol=1e-4)
        assert stack.shape[-1] == (200 if kind == "whisper" else 199)


def test_it_stays_frozen(encoder_folder):
    feature = features.build({"name": "speech_encoder", "model": str(encoder_folder("hubert"))}).train()
    assert not feature.encoder.training
    assert not feature(torch.randn(1, 8000)).requires_grad
    assert not any(parameter.requires_grad for parameter in feature.parameters())


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
    (tmp_path / "model.safetensors").write_bytes((encoder_folder("hubert") / "model.safetensors").read_bytes())
    with pytest.raises(UserError, match="no preprocessor_config.json"):
        build(model=str(tmp_path))
    with pytest.raises(ConfigError, match="hidden states 0 to 3"):
        build(model=str(encoder_folder("hubert")), layers=[4])
