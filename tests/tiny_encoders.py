"""Speech encoders of a few thousand random weights, in folders as Hugging Face writes them."""

from pathlib import Path

import pytest
import torch

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


def make_encoder(kind: str, folder: Path) -> Path:
    """Write a small model of a kind.

    wav2vec2 (as XLS-R and MMS), hubert_large, wavlm_large and whisper normalise before each part of a layer,
    wav2vec2_ctc, hubert, wavlm and data2vec, as the base models, after it.
    """
    import transformers as hf

    torch.manual_seed(0)
    if kind == "whisper":
        sides = {
            f"{side}_{part}": 2 for side in ("encoder", "decoder") for part in ("layers", "attention_heads")
        }
        config = hf.WhisperConfig(
            d_model=16,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            vocab_size=60,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
            **sides,
        )
        model, processor = hf.WhisperForConditionalGeneration(config), hf.WhisperFeatureExtractor()
    else:
        processor = hf.Wav2Vec2FeatureExtractor(do_normalize=kind != "wav2vec2_ctc")
        model = {
            "wav2vec2": lambda: hf.Wav2Vec2Model(
                hf.Wav2Vec2Config(**SMALL, feat_extract_norm="layer", do_stable_layer_norm=True)
            ),
            "wav2vec2_ctc": lambda: hf.Wav2Vec2ForCTC(hf.Wav2Vec2Config(**SMALL, vocab_size=10)),
            "hubert_large": lambda: hf.HubertModel(
                hf.HubertConfig(**SMALL, feat_extract_norm="layer", do_stable_layer_norm=True)
            ),
            "data2vec": lambda: hf.Data2VecAudioModel(
                hf.Data2VecAudioConfig(**{**SMALL, "num_conv_pos_embeddings": 2}, conv_pos_kernel_size=3)
            ),
            "hubert": lambda: hf.HubertModel(hf.HubertConfig(**SMALL)),
            "wavlm": lambda: hf.WavLMModel(hf.WavLMConfig(**SMALL)),
            "wavlm_large": lambda: hf.WavLMModel(hf.WavLMConfig(**SMALL, do_stable_layer_norm=True)),
        }[kind]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """Called with a kind: the folder of a small model of that kind, made once."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_encoder(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return folder
