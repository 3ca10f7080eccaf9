"""Frozen text encoders of Hugging Face as features, and loading one to be tuned.

The vector of a text is the masked mean over its tokens of the last three hidden states, concatenated (Defence
Against the Deepfake Arts, section 3.2). N texts, L tokens, D hidden size, K layers.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dada.errors import UserError
from dada.features import with_model_folders

log = logging.getLogger(__name__)


@dataclass
class Config:
    """Settings of `input.features` for a system that reads the vectors of a frozen encoder."""

    model: str = (
        "microsoft/deberta-v3-large"  # a folder (relative to the recipe), or a name in the Hugging Face cache
    )
    layers: list[int] = field(
        default_factory=lambda: [-3, -2, -1]
    )  # hidden states to concatenate; 0 is the input embedding
    max_tokens: int = 64  # longer texts keep their start
    token_budget: int = 4096  # padded tokens in a batch: bounds the memory, and changes nothing else
    allow_download: bool = False  # fetch a name that is not in the cache


def load_pretrained(model: str, allow_download: bool = False) -> nn.Module:
    """The encoder, in evaluation mode, of a model folder or a name in the Hugging Face cache; of T5 its
    encoder half.

    Raises UserError, saying how to get the model and where to put it, where it is not there or has no
    weights.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

    options = {"local_files_only": not allow_download}
    try:
        config = transformers.AutoConfig.from_pretrained(model, **options)
        kind = (
            "AutoModelForTextEncoding"
            if config.model_type in MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
            else "AutoModel"
        )
        return (
            getattr(transformers, kind)
            .from_pretrained(model, config=config, dtype=torch.float32, **options)
            .eval()
        )
    except (OSError, ValueError) as error:
        raise _cannot_load(model, error) from error


def load_tokenizer(model: str, allow_download: bool = False):
    """The tokenizer that belongs to `load_pretrained(model)`; the same errors."""
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(model, local_files_only=not allow_download)
    except (OSError, ValueError) as error:
        raise _cannot_load(model, error) from error


def masked_mean(hidden_states: Sequence[Tensor], mask: Tensor, layers: Sequence[int]) -> Tensor:
    """Hidden states of all layers, each (N, L, D), and a mask (N, L) to the mean over valid tokens, (N, K*D)."""
    x = torch.cat([hidden_states[layer] for layer in layers], dim=-1)
    weight = mask.to(x.dtype).unsqueeze(-1)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


def build(settings: Mapping, root: Path | None = None, device: str = "cpu") -> "TextEncoder":
    """The encoder of `{name: text_encoder, ...}`; its model is looked for in `root`, the recipe's folder,
    first.
    """
    rest = with_model_folders(settings, root)
    rest.pop("name")
    return TextEncoder(Config(**rest), device)


class TextEncoder:
    """A frozen encoder: texts in, vectors out."""

    def __init__(self, config: Config, device: str = "cpu"):
        self.config = config
        self.device = device
        self.tokenizer = load_tokenizer(config.model, config.allow_download)
        self.model = load_pretrained(config.model, config.allow_download).to(device)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to float32 vectors (N, K*D) in the order given; the same text gives the same vector to about
        1e-6.

        All texts are tokenised at once and go through the network sorted by length, in batches of
        `token_budget` padded tokens, which wastes little on padding.
        """
        ids = (
            self.tokenizer(list(texts), truncation=True, max_length=self.config.max_tokens)["input_ids"]
            if texts
            else []
        )
        rows: list[np.ndarray | None] = [None] * len(ids)
        with torch.inference_mode():
            for members in _batches([len(row) for row in ids], self.config.token_budget):
                vectors = self._forward([ids[i] for i in members])
                for i, vector in zip(members, vectors, strict=True):
                    rows[i] = vector
        size = len(self.config.layers) * self.model.config.hidden_size
        return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        longest = max(len(row) for row in ids)
        padded = torch.full((len(ids), longest), self.tokenizer.pad_token_id or 0)
        mask = torch.zeros(len(ids), longest, dtype=torch.long)
        for i, row in enumerate(ids):
            padded[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        output = self.model(
            input_ids=padded.to(self.device), attention_mask=mask.to(self.device), output_hidden_states=True
        )
        return (
            masked_mean(output.hidden_states, mask.to(self.device), self.config.layers).float().cpu().numpy()
        )


def _batches(lengths: list[int], budget: int) -> list[list[int]]:
    """Indices sorted by length, cut so that the number of rows times the longest of them stays within the
    budget.
    """
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[i] <= budget:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches


def _cannot_load(model: str, error: Exception) -> UserError:
    return UserError(
        f"the text encoder {model} cannot be loaded: {str(error).splitlines()[0]}\n"
        f"Get it once, e.g. `hf download {_hub_name(model)} --local-dir downloads/{Path(model).name}`, and "
        "name that folder, which "
        "must hold config.json, the tokenizer and the weights (model.safetensors); or set "
        "allow_download=true."
    )


def _hub_name(model: str) -> str:
    """What to ask the hub for, given a folder's or a hub's name."""
    known = {
        "all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2",
        "deberta-v3-large": "microsoft/deberta-v3-large",
        "roberta-large": "FacebookAI/roberta-large",
        "t5-large": "google-t5/t5-large",
        "flan-t5-large": "google/flan-t5-large",
        "ModernBERT-large": "answerdotai/ModernBERT-large",
    }
    return known.get(Path(model).name, model)
