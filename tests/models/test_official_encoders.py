"""Published checkpoints of speech encoders: every name of fairseq's has its place in transformers'."""

import json
import logging
import re

import pytest
import torch

from dada.models.official import encoder_from_fairseq, with_encoder

PRETRAINING = ("quantizer.", "project_q.", "final_proj.")
SIZES = {  # width, layers, width of the feed-forward part, tensors, parameters
    "300m": (1024, 24, 4096, 422, 315_438_720),
    "1b": (1280, 48, 5120, 806, 962_497_408),
    "2b": (1920, 48, 7680, 806, 2_159_259_648),
}


@pytest.fixture(scope="module")
def fairseq_300m(reference) -> dict[str, tuple[tuple[int, ...], str | None]]:
    """fairseq's names of XLS-R 300M: their shapes, and the names of transformers."""
    listed = json.loads((reference / "fixtures_ssl.json").read_text())["fairseq_to_hf_300M"]
    return {name: (tuple(shape), target) for name, (shape, target) in listed.items()}


def scaled(listed: dict, width: int, layers: int, inner: int) -> dict[str, torch.Tensor]:
    """The encoder's tensors of another size, on the meta device."""
    sizes = {1024: width, 4096: inner}
    state = {}
    for name, (shape, _) in listed.items():
        shape = tuple(sizes.get(n, n) for n in shape)
        if name.endswith("pos_conv.0.weight_v"):
            shape = (width, width // 16, 128)
        if name.startswith("encoder.layers."):
            if not name.startswith("encoder.layers.0."):
                continue
            for layer in range(layers):
                state[name.replace("layers.0", f"layers.{layer}")] = torch.empty(shape, device="meta")
        else:
            state[name] = torch.empty(shape, device="meta")
    return state


@pytest.mark.parametrize("size", SIZES)
def test_every_parameter_of_an_encoder_has_one_place(size, fairseq_300m):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    width, layers, inner, num_tensors, num_parameters = SIZES[size]
    config = Wav2Vec2Config(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=16,
        intermediate_size=inner,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
        conv_bias=True,
    )
    with torch.device("meta"):
        expected = {name: value.shape for name, value in Wav2Vec2Model(config).state_dict().items()}
    state = scaled(fairseq_300m, width, layers, inner)
    found = encoder_from_fairseq(state)
    assert {name: value.shape for name, value in found.items()} == expected
    assert len(found) == num_tensors and sum(value.numel() for value in found.values()) == num_parameters
    assert len(state) == num_tensors + 7


def test_the_map_is_that_of_the_list(fairseq_300m):
    for name, (shape, target) in fairseq_300m.items():
        found = encoder_from_fairseq({name: torch.empty(shape, device="meta")})
        assert list(found) == ([target] if target else []), name


def test_heads_of_pretraining_are_named_and_data_parallel_prefixes_left_out(caplog):
    state = {
        "module.front.model.quantizer.vars": torch.zeros(1),
        "module.front.model.mask_emb": torch.zeros(1),
        "module.first_bn.num_batches_tracked": torch.tensor(2.5),
    }
    with caplog.at_level(logging.INFO, logger="dada"):
        named = with_encoder(state, "front.model.", [(r"^first_bn\.", "norm.")])
    assert set(named) == {"encoder.network.masked_spec_embed", "norm.num_batches_tracked"}
    assert named["norm.num_batches_tracked"].dtype == torch.int64
    assert re.search(r"pre-training heads are not used: quantizer\.vars", caplog.text)


def test_the_group_norm_of_base_models_has_its_place():
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    with torch.device("meta"):
        names = Wav2Vec2Model(Wav2Vec2Config()).state_dict()
    (found,) = encoder_from_fairseq({"feature_extractor.conv_layers.0.2.weight": torch.zeros(1)})
    assert found in names
