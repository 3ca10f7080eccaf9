"""Pretrained speech encoders of Hugging Face from the disk, and what is said where one is not there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from dada.errors import UserError

WEIGHT_FILES = ("*.safetensors", "pytorch_model*.bin", "*.safetensors.index.json")
DROPOUTS = (  # rates in the configurations of the wav2vec 2.0 family and of Whisper
    "activation_dropout",
    "attention_dropout",
    "dropout",
    "feat_proj_dropout",
    "hidden_dropout",
)


def load_encoder(
    model: str, allow_download: bool, pretrained: bool = True, dropout: float | None = None
) -> tuple[nn.Module, object]:
    """The encoder and its processor of an id or a folder.

    Without `pretrained` the weights are random, and config.json is all that is needed of the model; `dropout`
    replaces all its rates. Raise UserError, saying how to get it, where it is not on disk.
    """
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, WhisperFeatureExtractor

    check_model_folder(model, pretrained)
    options = {"local_files_only": not allow_download, "trust_remote_code": False}  # runs no code of a model
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(model, **options)
            for key in DROPOUTS if dropout is not None else ():
                if hasattr(config, key):
                    setattr(config, key, dropout)
            if pretrained:
                encoder = AutoModel.from_pretrained(model, config=config, **options, dtype=torch.float32)
            else:
                encoder = AutoModel.from_config(config, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the speech encoder {model} cannot be loaded ({first_line(error)}). {how_to_get(model)}"
        ) from error
    whisper = config.model_type == "whisper"
    try:
        processor = AutoFeatureExtractor.from_pretrained(model, **options)
    except (OSError, ValueError) as error:
        if not whisper:
            raise UserError(
                f"{model} has no preprocessor_config.json, which says how to normalise: put it beside "
                "the weights"
            ) from error
        # the same for every Whisper but for the bands
        processor = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    return (encoder.get_encoder() if whisper else encoder), processor


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars, and without warnings of the weights of a head that is not used here."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


def check_model_folder(model: str, pretrained: bool = True) -> None:
    """Raise UserError for a folder, or what can only be meant as one, that lacks a model's configuration, or
    its weights where they are to be `pretrained`.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if model.startswith((".", "~", "/")) or model.count("/") > 1:
            raise UserError(f"the speech encoder's folder {model} does not exist. {how_to_get(model)}")
        return
    if not (folder / "config.json").is_file():
        raise UserError(
            f"{model} has no config.json: it is not a folder of a Hugging Face model. {how_to_get(model)}"
        )
    if pretrained and not any(path for pattern in WEIGHT_FILES for path in folder.glob(pattern)):
        raise UserError(
            f"{model} has a config.json but no weights (model.safetensors or pytorch_model.bin). "
            f"{how_to_get(model)}"
        )


def how_to_get(model: str) -> str:
    """The advice for a model that is not on disk."""
    name = model if model.count("/") <= 1 and not model.startswith((".", "~", "/")) else "NAME"
    return (
        f"Nothing is downloaded unasked: run `hf download {name} --local-dir FOLDER` where there is a "
        "network, and set "
        "features.model to that folder; or set features.allow_download=true"
    )


def first_line(error: Exception) -> str:
    """The first line of a library's message."""
    return str(error).strip().split("\n")[0].rstrip(".")
