"""Texts for training and scoring: token ids for an encoder inside the model, or the vectors of a frozen one
from an ark.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from dada import plugins
from dada.data import ArkReader, DataDir
from dada.data.dataset import Dataset, sources_of
from dada.errors import ConfigError, DataError


def text_dataset(data: DataDir, config, dump: Path | None = None, training: bool = False) -> Dataset:
    """The texts of a data directory as a system (`config`, a SystemConfig) takes them in.

    Kind text_features reads vectors (D,) from `dump`/feats.scp, which stage extract_features writes; kind
    text tokenises all texts once, to token ids (L,). In training the label of a text is the place of its
    author among `config.labels` (DataError for another author).
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
    if config.input.kind == "text_features":
        arrays, lengths = _vectors(data, dump), None
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


def token_ids(texts: Sequence[str], model: dict) -> list[np.ndarray]:
    """Token ids (L,) of each text, as float32, which holds whole numbers up to 16 million exactly; the model
    turns them back.

    A model with a `tokenize` of its own, such as tfidf, makes them itself; for the others the tokenizer of
    their encoder does.
    """
    module = plugins.load("dada.models.text", model["name"], "text model")
    if hasattr(module, "tokenize"):
        return module.tokenize(texts, model)
    from dada.text.encoder import load_tokenizer

    tokenizer = load_tokenizer(model["encoder"], model["allow_download"])
    ids = tokenizer(list(texts), truncation=True, max_length=model["max_tokens"])["input_ids"]
    return [np.asarray(row, dtype=np.float32) for row in ids]
