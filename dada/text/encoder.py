"""Text encoders of Hugging Face: as frozen features, and loading an encoder for fine-tuning.

The vector of a text is the masked mean over its tokens of the last three hidden states, concatenated (Defence
Against the Deepfake Arts, section 3.2).

Axes: N texts, L tokens, D hidden size, K layers.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dada.errors import UserError
from dada.features import with_model_folders

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_CODE = {"trust_remote_code": False}  # Python files of a model are not run

log = logging.getLogger(__name__)


@dataclass
class Config:
    """Settings of `input.features` for a system that reads vectors of a frozen encoder."""

    # a folder (relative to the recipe), or a name in the Hugging Face cache
    model: str = "microsoft/deberta-v3-large"
    # hidden states to concatenate; 0 is the input embedding
    layers: list[int] = field(default_factory=lambda: [-3, -2, -1])
    max_tokens: int = 64  # longer texts are truncated
    token_budget: int = 4096  # padded tokens of a batch: limits the memory only
    allow_download: bool = False  # download a name that is not in the cache


def load_pretrained(model: str, allow_download: bool = False) -> nn.Module:
    """Return the encoder, in evaluation mode, of a model folder or a name in the Hugging Face cache.

    Of T5 it is the encoder without the decoder. Raise UserError, with how to get the model and where to put
    it, for a model that is missing or has no weights.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES

    options = {"local_files_only": not allow_download, **NO_CODE}
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


def load_tokenizer(model: str, allow_download: bool = False) -> "PreTrainedTokenizerBase":
    """Return the tokenizer of `load_pretrained(model)`; the same errors."""
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(
            model, local_files_only=not allow_download, **NO_CODE
        )
    except (OSError, ValueError) as error:
        raise _cannot_load(model, error) from error


def masked_mean(hidden_states: Sequence[Tensor], mask: Tensor, layers: Sequence[int]) -> Tensor:
    """Return the mean over valid tokens, (N, K*D), of the chosen `layers`.

    `hidden_states` holds (N, L, D) of each layer, and `mask` is (N, L).
    """
    x = torch.cat([hidden_states[layer] for layer in layers], dim=-1)
    weight = mask.to(x.dtype).unsqueeze(-1)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


def build(settings: Mapping, root: Path | None = None, device: str = "cpu") -> "TextEncoder":
    """Return the encoder of `{name: text_encoder, ...}`; `root` is the recipe's folder, searched first."""
    rest = with_model_folders(settings, root)
    rest.pop("name")
    return TextEncoder(Config(**rest), device)


class TextEncoder:
    """A frozen encoder from texts to vectors."""

    def __init__(self, config: Config, device: str = "cpu"):
        self.config = config
        self.device = device
        self.tokenizer = load_tokenizer(config.model, config.allow_download)
        self.model: Any = load_pretrained(config.model, config.allow_download).to(device)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 vectors (N, K*D) in the order of the texts.

        Batches of `token_budget` padded tokens hold texts of similar length. Rounding errors of about 1e-6
        depend on the other texts of a batch.
        """
        ids = (
            self.tokenizer(list(texts), truncation=True, max_length=self.config.max_tokens)["input_ids"]
            if texts
            else []
        )
        rows: dict[int, np.ndarray] = {}
        with torch.inference_mode():
            for members in _batches([len(row) for row in ids], self.config.token_budget):
                vectors = self._forward([ids[i] for i in members])
                rows |= dict(zip(members, vectors, strict=True))
        size = len(self.config.layers) * self.model.config.hidden_size
        return np.stack([rows[i] for i in range(len(ids))]) if rows else np.zeros((0, size), dtype=np.float32)

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
    """Return batches of indices, sorted by length, whose rows times longest length are within the budget."""
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
    """Return the name on the hub of a folder or a name."""
    known = {
        "all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2",
        "all-mpnet-base-v2": "sentence-transformers/all-mpnet-base-v2",
        "deberta-v3-large": "microsoft/deberta-v3-large",
        "roberta-large": "FacebookAI/roberta-large",
        "t5-large": "google-t5/t5-large",
        "flan-t5-large": "google/flan-t5-large",
        "ModernBERT-large": "answerdotai/ModernBERT-large",
    }
    return known.get(Path(model).name, model)
