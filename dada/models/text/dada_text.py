"""DADA's text model: an authorship embedding on a pretrained encoder, and a classifier of authors on it.

Defence Against the Deepfake Arts (draft, Interspeech 2025), section 3.2. First the embedding is trained with
triplets by author, then the classifier with everything below it frozen: two `phases` of training, told apart
by `train.trainable`. The same key says how much of an encoder inside the model is tuned: `encoder` all of it,
`encoder.encoder.layer.23` its last block only, no such prefix nothing.

Options beyond the draft's text model: attentive pooling over tokens and over layers, in place of means and
concatenation, and a binary head (section 3.3.2, "the probability of the anticipated speaker having made the
given statement"): `classifier: claims` with `loss: {name: claims}` compares the embedding with a vector of
each claimed speaker, one logit a claim. B texts, L tokens, H hidden size of the encoder, D embedding, K
authors.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from dada.data import Batch
from dada.errors import ConfigError
from dada.limits import Rate
from dada.models import Output
from dada.models.text._pooling import Pooling
from dada.text.encoder import load_pretrained


@dataclass
class Config:
    """With `input_size` the inputs are vectors of a frozen encoder; without, token ids for an encoder inside
    the model.
    """

    input_size: int = 0  # elements of a frozen encoder's vector; 0 builds the encoder into the model
    encoder: str = "microsoft/deberta-v3-large"  # folder or name, as in dada.text.encoder
    layers: list[int] = field(default_factory=lambda: [-3, -2, -1])  # hidden states to pool
    max_tokens: int = 64
    # of the hidden states of an encoder inside the model
    token_pooling: Literal["mean", "attentive"] = "mean"
    layer_pooling: Literal["concatenate", "attentive"] = "concatenate"
    attention_size: int = 128  # width of an attention
    mlp_layers: int = 1  # each but the last halves the size
    embedding_size: int = 1024
    dropout: Rate = 0.1
    normalise_input: bool = False  # standardise the input vectors by batch statistics first
    classifier: Literal["linear", "mlp", "claims"] = "linear"
    # of the embedding before the classifier, which on unit length could not become confident
    scale: float = 16.0
    allow_download: bool = False


class Model(nn.Module):
    """Encoder (or none), MLP, unit-length embedding, classifier of authors."""

    def __init__(self, config: Config, num_classes: int):
        super().__init__()
        self.config = config
        self.encoder: Any = None  # a model of the transformers library
        size = config.input_size
        if not size:
            self.encoder = load_pretrained(config.encoder, config.allow_download)
            self.pooling = Pooling(
                len(config.layers),
                self.encoder.config.hidden_size,
                config.token_pooling,
                config.layer_pooling,
                config.attention_size,
            )
            size = self.pooling.size
        self.mlp = mlp(size, config.embedding_size, config.mlp_layers, config.dropout)
        if config.normalise_input:
            self.mlp.insert(0, nn.BatchNorm1d(size))
        self.classifier = classifier(config.classifier, config.embedding_size, num_classes, config.dropout)

    def forward(self, batch: Batch) -> Output:
        """Vectors (B, H) or token ids (B, L) to author logits (B, K) and unit-length embeddings (B, D)."""
        x = batch.inputs if self.encoder is None else self._encode(batch.inputs.long(), batch.mask)
        embedding = nn.functional.normalize(self.mlp(x), dim=-1)
        return Output(self.classifier(self.config.scale * embedding), embedding)

    def _encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        output = self.encoder(input_ids=ids, attention_mask=mask.long(), output_hidden_states=True)
        return self.pooling([output.hidden_states[layer] for layer in self.config.layers], mask)


class Claims(nn.Module):
    """Embeddings (B, D) to a logit (B, K) for the claim of each speaker: genuine against mismatch.

    A claim is compared by the products and the distances of the embedding and a learned vector of the
    claimed speaker, element by element, through one hidden layer that all speakers share.
    """

    def __init__(self, size: int, num_classes: int, width: int, dropout: float):
        super().__init__()
        self.speakers = nn.Parameter(torch.randn(num_classes, size))
        self.hidden = nn.Linear(2 * size, width)
        self.judge = nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1))

    def forward(self, embedding: Tensor) -> Tensor:
        text, claimed = embedding[:, None], self.speakers[None]
        pairs = torch.cat([text * claimed, (text - claimed).abs()], dim=-1)
        return self.judge(self.hidden(pairs))[..., 0]


def mlp(size: int, out: int, num_layers: int, dropout: float) -> nn.Sequential:
    """(num_layers - 1) blocks that halve the size, then a linear layer to `out`."""
    layers: list[nn.Module] = []
    for _ in range(num_layers - 1):
        layers += [nn.Linear(size, size // 2), nn.BatchNorm1d(size // 2), nn.ReLU(), nn.Dropout(dropout)]
        size //= 2
    return nn.Sequential(*layers, nn.Linear(size, out))


def classifier(kind: str, size: int, num_classes: int, dropout: float) -> nn.Module:
    """linear: one layer. mlp: three, 1024 → 512 → 256 → K for an embedding of 1024. claims: see `Claims`."""
    if kind == "linear":
        return nn.Linear(size, num_classes)
    if kind == "mlp":
        return mlp(size, num_classes, 3, dropout)
    if kind == "claims":
        return Claims(size, num_classes, max(size // 4, 1), dropout)
    raise ConfigError(f"model.classifier is {kind!r}; known: linear, mlp, claims")
