"""The text model with its encoder inside, fed by tokenised texts."""

import torch

from dada.data import Batch, DataDir
from dada.data.input import InputConfig
from dada.experiment.config import SystemConfig
from dada.models.text import dada_text
from dada.text.dataset import text_dataset


def test_an_encoder_inside_ignores_padding_and_learns_to_tell_authors(tiny_bert):
    torch.manual_seed(0)
    config = dada_text.Config(encoder=str(tiny_bert), embedding_size=8, dropout=0.0)
    model = dada_text.Model(config, 2).eval()
    ids = torch.tensor([[2, 5, 7, 3], [2, 6, 8, 3], [2, 5, 9, 3], [2, 6, 10, 3]]).float()
    batch = Batch(list("abcd"), ids, torch.full((4,), 4), torch.tensor([0, 1, 0, 1]))
    padded = Batch(batch.utts, torch.nn.functional.pad(ids, (0, 3)), batch.lengths)
    torch.testing.assert_close(model(padded).embedding, model(batch).embedding, atol=1e-5, rtol=1e-5)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    before = model.encoder.get_input_embeddings().weight.clone()
    for _ in range(20):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(batch).logits, batch.labels).backward()
        optimiser.step()
    assert (model(batch).logits.argmax(1) == batch.labels).all()
    assert not torch.equal(
        before, model.encoder.get_input_embeddings().weight
    )  # the encoder is tuned, not only the head


def test_texts_become_padded_token_ids(tmp_path, tiny_bert):
    data = DataDir(
        tmp_path,
        {"text": {"a": "the cat", "b": "a dog ran far away home"}, "utt2spk": {"a": "ann", "b": "bob"}},
    )
    model = {"name": "dada_text", "encoder": str(tiny_bert), "max_tokens": 6, "allow_download": False}
    dataset = text_dataset(
        data, SystemConfig(labels=["ann", "bob"], input=InputConfig("text"), model=model), training=True
    )
    batch = dataset.collate([dataset[0], dataset[1]])
    assert (
        batch.inputs.shape == (2, 6) and batch.lengths.tolist() == [4, 6] and batch.labels.tolist() == [0, 1]
    )
    assert batch.inputs[0].tolist() == [2, 5, 7, 3, 0, 0]
