"""Batching by length must not change a vector, and only the encoder half of T5 may be used."""

import numpy as np
import pytest
import torch

from dada.errors import UserError
from dada.text.encoder import Config, TextEncoder, load_pretrained, load_tokenizer, masked_mean

TEXTS = [
    "the cat sat on the mat",
    "a dog",
    "it is so very far away home",
    "",
    "the cat sat on the mat",
    "so " * 100,
]


def one_by_one(folder, layers, max_tokens):
    tokenizer, model = load_tokenizer(str(folder)), load_pretrained(str(folder))
    rows = []
    for text in TEXTS:
        inputs = tokenizer(text, truncation=True, max_length=max_tokens, return_tensors="pt")
        with torch.inference_mode():
            states = model(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                output_hidden_states=True,
            ).hidden_states
        rows.append(torch.cat([states[k][0].mean(0) for k in layers]).numpy())
    return np.stack(rows)


@pytest.mark.parametrize("kind", ["tiny_bert", "tiny_t5"])
def test_vectors_equal_those_of_a_loop_over_texts(kind, request):
    folder = request.getfixturevalue(kind)
    encoder = TextEncoder(Config(model=str(folder), max_tokens=12, token_budget=20))
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (6, 48) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, one_by_one(folder, [-3, -2, -1], 12), atol=1e-6)
    np.testing.assert_array_equal(vectors, encoder.encode(TEXTS))
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), vectors[::-1], atol=1e-6)
    assert encoder.encode([]).shape == (0, 48)


def test_t5_is_its_encoder_only(tiny_t5):
    assert not [name for name, _ in load_pretrained(str(tiny_t5)).named_parameters() if "decoder" in name]


def test_masked_mean_leaves_padding_out():
    states = [torch.randn(2, 5, 4) for _ in range(4)]
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    mean = masked_mean(states, mask, [-1, 0])
    torch.testing.assert_close(mean[0], torch.cat([states[3][0, :3].mean(0), states[0][0, :3].mean(0)]))
    assert torch.equal(mean[1], torch.zeros(8))  # no valid token: zero, not NaN


def test_a_missing_or_empty_model_says_how_to_get_it(tmp_path, tiny_bert):
    with pytest.raises(UserError, match="hf download sentence-transformers/all-MiniLM-L6-v2"):
        TextEncoder(Config(model=str(tmp_path / "all-MiniLM-L6-v2")))
    (tmp_path / "config.json").write_text((tiny_bert / "config.json").read_text())
    with pytest.raises(UserError, match="model.safetensors"):
        load_pretrained(str(tmp_path))
