"""Texts for training and scoring, as token ids for an encoder in the model or as vectors from an ark."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from dada import plugins
from dada.data import ArkReader, DataDir
from dada.data.dataset import Dataset, sources_of
from dada.data.input import InputConfig
from dada.errors import ConfigError, DataError


class TextSystem(Protocol):
    """The settings of a system that its texts depend on."""

    name: str
    labels: list[str]  # authors
    input: InputConfig
    model: dict[str, Any]


def text_dataset(
    data: DataDir, config: TextSystem, dump: Path | None = None, training: bool = False
) -> Dataset:
    """Return the texts of a data directory as inputs of a system.

    For input.kind text_features they are vectors (D,) of `dump`/feats.scp, which stage extract_features
    writes. For text they are token ids (L,); all texts are tokenised at once. In training the label of a text
    is the index of its author in `config.labels`. Raise DataError for another author or missing vectors,
    ConfigError for another kind.
    """
    speakers = [data.speakers[utt] for utt in data.utts]
    labels = None
    if training:
        index = {author: k for k, author in enumerate(config.labels)}
        strange = [utt for utt, speaker in zip(data.utts, speakers, strict=True) if speaker not in index]
        if strange:
            raise DataError(
                f"{data.path / 'utt2spk'}: {data.speakers[strange[0]]!r} of {strange[0]} is no author of "
                "the training texts"
            )
        labels = torch.tensor([index[speaker] for speaker in speakers])
    arrays: Mapping[str, np.ndarray]
    lengths = None
    if config.input.kind == "text_features":
        arrays = _vectors(data, dump)
    elif config.input.kind == "text":
        arrays = dict(
            zip(data.utts, token_ids([data["text"][utt] for utt in data.utts], config.model), strict=True)
        )
        lengths = [len(arrays[utt]) for utt in data.utts]
    else:
        raise ConfigError(
            f"system {config.name}: a text system reads `input.kind` text or text_features, not "
            f"{config.input.kind}"
        )
    return Dataset(arrays, data.utts, labels, speakers, sources_of(data), lengths)


def _vectors(data: DataDir, dump: Path | None) -> ArkReader:
    if dump is None or not (Path(dump) / "feats.scp").exists():
        raise DataError(f"{dump}/feats.scp does not exist: run stage extract_features for {data.path}")
    return ArkReader(Path(dump) / "feats.scp")


def token_ids(texts: Sequence[str], model: Mapping[str, Any]) -> list[np.ndarray]:
    """Return the token ids (L,) of each text as float32, which is exact for integers up to 16 million.

    A model with a function `tokenize`, such as tfidf, makes them itself. Other models use the tokenizer of
    their encoder.
    """
    module = plugins.load("dada.models.text", model["name"], "text model")
    if hasattr(module, "tokenize"):
        return module.tokenize(texts, model)
    from dada.text.encoder import load_tokenizer

    tokenizer = load_tokenizer(model["encoder"], model["allow_download"])
    ids = tokenizer(list(texts), truncation=True, max_length=model["max_tokens"])["input_ids"]
    return [np.asarray(row, dtype=np.float32) for row in ids]
